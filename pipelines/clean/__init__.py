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

import html as entities
import re
from collections.abc import Callable
from typing import Final

from lxml.etree import _Element

from pipelines.clean import (
    boilerplate,
    captions,
    furniture,
    layout,
    links,
    listings,
    outline,
    pictures,
    players,
    styles,
)
from pipelines.clean.draft import Draft, draft
from pipelines.clean.gate import pass_gate
from pipelines.clean.model import CleanBody, CleanImage, Embed, Link, Note
from pipelines.clean.parse import parse_clean, parse_page
from pipelines.clean.rules import CleanRules
from pipelines.clean.serialise import inner_html, serialise
from pipelines.clean.tree import text_of

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

PASSES: Final[tuple[Callable[[Draft], None], ...]] = (
    furniture.drop_site_furniture,
    boilerplate.move_site_boilerplate,
    furniture.drop_controls,
    styles.drop_hidden,
    listings.join_listings,
    pictures.show_backgrounds,
    pictures.open_noscripts,
    pictures.write_formulas,
    pictures.draw,
    pictures.resolve_pictures,
    pictures.link_originals,
    players.name_players,
    players.name_mini_programs,
    styles.keep_emphasis,
    captions.read_labels,
    captions.bind_captions,
    links.mend_links,
    links.keep_targets,
    layout.lay_out,
    pictures.link_cut_originals,
    outline.drop_end_lines,
    boilerplate.move_boilerplate,
    links.drop_lost_links,
    outline.find_typed_headings,
    outline.find_typed_lists,
    outline.level_headings,
    layout.put_blocks_on_lines,
)
_LINE_END: Final = re.compile(r"<br>|</(?:dt|summary)>(?!\n)")
_TAG: Final = re.compile(r"<[^>]*>")


def clean(html: str, base_url: str, rules: CleanRules | None = None) -> CleanBody:
    """Clean the body of an article.

    `html` is the article's markup as the page has it, `base_url` the page's address. See `CleanBody` for what
    comes back; the same input gives the same output, and cleaning a cleaned body changes nothing.

    >>> clean('<div><p style="color:red">你好<script>x</script></p></div>', "https://example.com/").html
    '<p>你好</p>'
    """
    body = draft(html, base_url, rules)
    for pass_ in PASSES:
        pass_(body)
    article, unchanged = pass_gate(serialise(body.root))
    if not unchanged:
        body.ledger.note("gate", article)
    return CleanBody(
        html=article,
        text=_text(article),
        images=_images(body.root),
        links=_links(body.root),
        embeds=tuple(body.ledger.embeds),
        tags=tuple(body.ledger.tags),
        boilerplate=tuple(body.ledger.boilerplate),
        unusable_images=tuple(body.ledger.unusable),
        notes=body.ledger.notes(),
    )


def _text(article: str) -> str:
    return entities.unescape(_TAG.sub("", _LINE_END.sub("\n", article)))


def _images(root: _Element) -> tuple[CleanImage, ...]:
    found: dict[str, CleanImage] = {}
    for image in root.iter("img"):
        url = image.get("src", "")
        found.setdefault(url, CleanImage(url=url, alt=image.get("alt", "")))
    return tuple(found.values())


def _links(root: _Element) -> tuple[Link, ...]:
    return tuple(
        Link(url=href, text=text_of(link))
        for link in root.iter("a")
        if (href := link.get("href", "")) and not href.startswith("#")
    )
