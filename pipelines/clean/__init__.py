"""The HTML cleaner: what a reader sees is kept to the letter, everything else goes.

`clean(html, base_url, rules)` takes the body of an article as the page has it and gives a `CleanBody`: HTML that is
valid, safe and readable in a diff, the same as text, and the images, links, embeds and tags in it. It is a pure
function; cleaning a cleaned body changes nothing.

**What is content.** Every visible character, every content image, link, table, list, listing, quotation and formula,
and every video, sound or widget (as a labelled link). Emphasis and headings too, when they are only styles, labels or
bold lines. Full-width punctuation, full-width letters, emoji and rare characters are content and stay as they are;
the full-width indent of a paragraph is layout and goes.

**What is not.** Styles, classes, ids that nothing points to, `data-*`, empty wrappers, spacers, trackers, scripts,
forms, comments, line numbers and copy buttons of listings, `-END-` lines, SEO texts in `alt`, forwarding pages in
front of links, resize orders in image addresses. What is hidden by `display: none` goes; `visibility` and `opacity`
say nothing (WeChat serves whole articles hidden so, until a script runs). Whatever a rule takes out is counted in
`CleanBody.notes`. Credit lines, calls to follow and lists of other articles move to `CleanBody.boilerplate` where a
site's profile names them or where they are near-certain (`boilerplate`); in doubt they stay.

**How.** Lexbor parses as a browser does and its tree becomes an lxml tree (`parse`). The passes before `lay_out` settle
on that tree what things are: where a picture's address is, what a style means, which link is true. `lay_out` then
writes what is visible, in order, into a new tree that can hold nothing else (`layout`), instead of mending a tree of
layers in place: no empty paragraph, no block in a paragraph, no white space that would show can come about. The passes
after it see a small, regular tree and settle the article's outline. Last, a second parser of browser grade lets
through only the allowed tags and attributes (`gate`); if it ever changes anything, the safe result is kept and the
mistake is ours.

**The output.** Tags: p h2-h6 ul ol li dl dt dd blockquote pre code table caption thead tbody tfoot tr td th figure
figcaption img a strong em del s u mark sub sup small kbd ruby rt rp br hr details summary. Attributes: `href` of a,
`src` and `alt` of img (`<img src="…" alt="…">` exactly), `colspan` `rowspan` `scope` of cells, `start` of ol,
`class="language-…"` of code, and ids beginning with `n-` that a link in the article leads to. One block a line.
`parse_clean` reads such HTML back and `serialise` writes it, byte for byte.
"""

from typing import TYPE_CHECKING, Any

from pipelines.clean.model import CleanBody, CleanImage, Embed, Link, Note
from pipelines.clean.parse import parse_clean, parse_page
from pipelines.clean.rules import CleanRules
from pipelines.clean.serialise import inner_html, serialise

if TYPE_CHECKING:
    from pipelines.clean.passes import PASSES, clean

__all__ = [
    "PASSES",
    "CleanBody",
    "CleanImage",
    "CleanRules",
    "Embed",
    "Link",
    "Note",
    "clean",
    "inner_html",
    "parse_clean",
    "parse_page",
    "serialise",
]


def __getattr__(name: str) -> Any:
    # The passes with their tables are read in by the first who cleans: most scheduled runs clean nothing.
    if name not in ("PASSES", "clean"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipelines.clean import passes

    return getattr(passes, name)
