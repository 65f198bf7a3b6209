"""Groups of commands, one module each; `crawler.cli` attaches them."""
