"""Small operations on an lxml tree in which text lives in `.text` and `.tail`."""

from typing import Final

from lxml import etree
from lxml.etree import _Element

_STRING: Final = etree.XPath("string()", smart_strings=False)
# Text that grows by a piece at a time is copied each time: beyond this many characters a `span`, which means nothing
# to any pass, begins anew.
_LONG: Final = 512


def drop(element: _Element) -> None:
    """Take the element out; the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    give_text_before(element, element.tail)
    parent.remove(element)


def give_text_before(element: _Element, text: str | None) -> None:
    """Put text in front of the element."""
    parent = element.getparent()
    if not text or parent is None:
        return
    previous = element.getprevious()
    before = (parent.text if previous is None else previous.tail) or ""
    if len(before) > _LONG:
        previous, before = etree.Element("span"), ""
        element.addprevious(previous)
    if previous is None:
        parent.text = before + text
    else:
        previous.tail = before + text


def unwrap(element: _Element) -> None:
    """Put the element's content in its place."""
    parent = element.getparent()
    if parent is None:
        return
    give_text_before(element, element.text)
    for child in element:
        element.addprevious(child)
    give_text_before(element, element.tail)
    parent.remove(element)


def replace(old: _Element, new: _Element) -> None:
    """Put `new` where `old` was; the text after it stays."""
    new.tail, old.tail = old.tail, None
    parent = old.getparent()
    if parent is not None:
        parent.replace(old, new)


def text_of(element: _Element) -> str:
    """All text in the element, as it stands."""
    return str(_STRING(element)) if len(element) else element.text or ""


def classes(element: _Element) -> frozenset[str]:
    return frozenset((element.get("class") or "").split())
