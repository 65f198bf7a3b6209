"""The spiders: one class for the posts of a site, one for single URLs; profiles make the difference between sites."""
