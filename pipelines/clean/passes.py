"""The passes of the cleaner in their order, and what comes of them."""

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
from pipelines.clean.model import CleanBody, CleanImage, Link
from pipelines.clean.rules import CleanRules
from pipelines.clean.serialise import serialise
from pipelines.clean.tree import text_of

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
