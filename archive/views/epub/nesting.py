"""Which element may stand in which (HTML, 4): browsers take any, checkers and some readers of books do not.

What the cleaner wrote is as it should be, and comes through unchanged. In a body that was edited by hand, an element
that has no place where it stands gives way: its text and what else is in it stay.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

UNWRAPPED: Final = "unwrapped"
"""The tag of an element that is to be taken away from around its content."""

_TRANSPARENT: Final = frozenset(("a", "del", UNWRAPPED))
_INLINE: Final = frozenset(
    ("strong", "em", "s", "u", "mark", "sub", "sup", "small", "kbd", "code", "ruby", "rt", "rp", "span")
)
_OF_TEXT: Final = frozenset(("p", "h2", "h3", "h4", "h5", "h6", "pre", "summary"))
_SPACE: Final = " \t\n\r\f"  # what HTML calls white space: a no-break space is text
_ACTIVE: Final = ("a", "details")  # none of these in a link
_HEADINGS: Final = frozenset(("h2", "h3", "h4", "h5", "h6"))
_WITHOUT_HEADINGS: Final = ("th", "dt", "caption")
_PARTS: Final = {"caption": 0, "thead": 1, "tbody": 2, "tfoot": 3}
_HOMES: Final = {
    "li": ("ul", "ol"),
    "dt": ("dl",),
    "dd": ("dl",),
    "figcaption": ("figure",),
    "summary": ("details",),
    "rt": ("ruby",),
    "rp": ("ruby",),
}
"""Elements that stand in certain others only."""


def settle(root: etree._Element) -> None:
    """Turn elements that stand where they may not into plain ones; those to be unwrapped are left to the caller.

    >>> root = etree.fromstring("<body><strong>a<p>b</p></strong><ul>c<li>d</li></ul><details>e</details></body>")
    >>> settle(root)
    >>> etree.tostring(root, encoding="unicode")
    '<body><unwrapped>a<p>b</p></unwrapped><div>c<div>d</div></div><div>e</div></body>'
    """
    blocks: set[etree._Element] = set()
    for element in reversed(list(root.iter())):  # what is in an element comes before it
        tag = str(element.tag)
        holds_blocks = any(child in blocks for child in element)
        if holds_blocks and tag in _INLINE:
            element.tag = "div" if element.get("id") else UNWRAPPED  # links to it are to lead somewhere
        elif holds_blocks and tag in _OF_TEXT:
            element.tag = "div"
        elif tag == "table":
            _order(element)
        elif not _is_whole(element):
            element.tag = _plain(tag)
        if (holds_blocks and element.tag in _TRANSPARENT) or element.tag not in _INLINE | _TRANSPARENT | {"img", "br"}:
            blocks.add(element)
    for element in list(root.iter(*_HOMES, *_HEADINGS, *_ACTIVE)):
        _place(element, blocks)


def _place(element: etree._Element, blocks: set[etree._Element]) -> None:
    tag, above = str(element.tag), element.getparent()
    if tag in _HOMES and (above is None or above.tag not in _HOMES[tag]):
        element.tag = _plain(tag)
    elif tag in _ACTIVE and next(element.iterancestors("a"), None) is not None:
        element.attrib.pop("href", None)
        element.tag = "div" if element in blocks else "span"
    elif tag in _HEADINGS and next(element.iterancestors(*_WITHOUT_HEADINGS), None) is not None:
        element.tag = "div"


def _is_whole(element: etree._Element) -> bool:
    """Whether an element holds what its kind must, and in that order."""
    tags = [str(child.tag) for child in element]
    match element.tag:
        case "ul" | "ol":
            return set(tags) <= {"li"} and not _has_text(element)
        case "dl":
            ordered = not tags or (tags[0] == "dt" and tags[-1] == "dd")
            return set(tags) <= {"dt", "dd"} and ordered and not _has_text(element)
        case "ruby":
            return (
                bool(tags) and set(tags) <= {"rt", "rp"} and "rt" in tags and bool((element.text or "").strip(_SPACE))
            )
        case "details":
            return tags[:1] == ["summary"] and "summary" not in tags[1:] and not (element.text or "").strip(_SPACE)
        case "figure":
            return "figcaption" not in tags[1:-1] and tags.count("figcaption") <= 1
        case _:
            return True


def _plain(tag: str) -> str:
    return "span" if tag in _INLINE else "div"


def _order(table: etree._Element) -> None:
    """Put a table's parts in the order in which browsers show them; caption, head and foot are such once."""
    first: etree._Element | None = None
    for caption in table.findall("caption"):
        if caption.find(".//table") is not None:
            caption.tag = "div"
            table.addprevious(caption)
        elif first is None:
            first = caption
        else:
            caption.tag = "div"
            first.append(caption)
    parts = sorted(table, key=lambda part: _PARTS.get(str(part.tag), _PARTS["tbody"]))
    for number, part in enumerate(parts):
        if part.tag in ("thead", "tfoot") and any(other.tag == part.tag for other in parts[:number]):
            part.tag = "tbody"
    if parts != list(table):
        table[:] = sorted(parts, key=lambda part: _PARTS.get(str(part.tag), _PARTS["tbody"]))


def _has_text(element: etree._Element) -> bool:
    return any((text or "").strip(_SPACE) for text in (element.text, *(child.tail for child in element)))
