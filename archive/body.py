"""What a post's body may hold: the closed set of the format, so that no body can run or fetch anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from archive.layout import BLOBS, link_from_document

TAGS: Final = frozenset(
    (
        "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "table",
        "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "figure", "figcaption", "img", "a", "strong", "em",
        "del", "s", "u", "mark", "sub", "sup", "small", "kbd", "ruby", "rt", "rp", "br", "hr", "details", "summary",
    )
)  # fmt: skip
ATTRIBUTES: Final = {
    "*": frozenset(("id",)),
    "a": frozenset(("href",)),
    "img": frozenset(("src", "alt", "width", "height")),
    "td": frozenset(("colspan", "rowspan")),
    "th": frozenset(("colspan", "rowspan", "scope")),
    "ol": frozenset(("start",)),
    "code": frozenset(("class",)),
}
# A prefix of our own: an id in a post can then never stand in for a name that a page's scripts use.
ID_PREFIX: Final = "n-"
LANGUAGE: Final = re.compile(r"language-[\w+#.\-]+")
_LINK: Final = re.compile(r"https?://|mailto:|#n-", re.IGNORECASE)
_IMAGE: Final = link_from_document(BLOBS)


def images_of(body: str) -> tuple[str, ...]:
    """The keys of the blobs that a body shows, in the order in which it does."""
    shown = (image.attributes.get("src") or "" for image in LexborHTMLParser(body).css("img"))
    return tuple(source.removeprefix(link_from_document("")) for source in shown if source.startswith(_IMAGE))


def strangers(body: str) -> Iterator[tuple[str, str]]:
    """What a body holds and may not: `remote-image` or `active-content`, and a sample of it."""
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{body}").body
    for node in root.traverse() if root is not None else ():
        tag = node.tag or ""
        if tag == "body" or tag.startswith("-"):
            continue
        if tag not in TAGS:
            yield "active-content", f"<{tag}>"
            continue
        for name, value in node.attributes.items():
            stranger = _stranger(tag, name, value or "")
            if stranger:
                yield stranger, f'<{tag} {name}="{(value or "")[:200]}">'


def _stranger(tag: str, name: str, value: str) -> str | None:
    if name not in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset()):
        return "active-content"
    if name == "src" and not value.startswith(_IMAGE):
        return "remote-image"
    allowed = {"href": _LINK.match(value), "id": value.startswith(ID_PREFIX), "class": LANGUAGE.fullmatch(value)}
    return None if allowed.get(name, True) else "active-content"
