"""What inline styles say that a reader sees: hidden, bold, struck out, high and low, on a line of its own."""

import re
from functools import lru_cache
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.tree import drop, text_of, unwrap

_STYLED: Final = etree.XPath("descendant::*[@style]")
_MAYBE_HIDDEN: Final = etree.XPath("descendant::*[@hidden or @style]")
# WeChat's container is `visibility: hidden; opacity: 0` until its script has run: only `display` counts.
_HIDDEN: Final = re.compile(r"(?:^|[;\s{])display\s*:\s*none", re.IGNORECASE)
_MEANINGS: Final = (
    ("strong", re.compile(r"font-weight\s*:\s*(?:bold|bolder|[6-9]00|1000)", re.IGNORECASE)),
    ("em", re.compile(r"font-style\s*:\s*(?:italic|oblique)", re.IGNORECASE)),
    ("s", re.compile(r"text-decoration(?:-line)?\s*+:(?:(?!text-decoration)[^;])*?line-through", re.IGNORECASE)),
    ("u", re.compile(r"text-decoration(?:-line)?\s*+:(?:(?!text-decoration)[^;])*?underline", re.IGNORECASE)),
    ("sup", re.compile(r"vertical-align\s*:\s*super", re.IGNORECASE)),
    ("sub", re.compile(r"vertical-align\s*:\s*sub\b", re.IGNORECASE)),
)
_PLAIN_WEIGHT: Final = re.compile(r"font-weight\s*:\s*(?:normal|lighter|[1-4]00)", re.IGNORECASE)
_OWN_LINE: Final = re.compile(r"(?:^|;)\s*display\s*:\s*block", re.IGNORECASE)
_TELLING: Final = re.compile(r"weight|style\s*:|decoration|vertical|display", re.IGNORECASE)
_INLINE_LAYERS: Final = ("span", "font", "label", "big", "abbr", "time")


def drop_hidden(body: Draft) -> None:
    """What `display: none` or `hidden` keeps from the reader goes.

    >>> from pipelines.clean.draft import after
    >>> after(drop_hidden, '<p>a<i style="color:red;display:none">b</i>c</p><p style="visibility:hidden">d</p>')
    '<p>ac</p><p style="visibility:hidden">d</p>'
    """
    if not body.came_with(" hidden", "none", "None", "NONE"):
        return
    for element in _MAYBE_HIDDEN(body.root):
        hidden = element.get("hidden")
        if (hidden is not None and hidden != "until-found") or _hides(element.get("style") or ""):
            if text_of(element).strip() or element.find(".//img") is not None:
                body.ledger.note("hidden", text_of(element))
            drop(element)


@lru_cache(maxsize=4096)  # an editor writes few styles, and each of them many times
def _hides(style: str) -> bool:
    has_none = "none" in style or "NONE" in style or "None" in style
    return has_none and _HIDDEN.search(style) is not None


def keep_emphasis(body: Draft) -> None:
    """Emphasis that is only in styles becomes an element; `display: block` becomes a block.

    >>> from pipelines.clean.draft import after
    >>> after(keep_emphasis, '<p><span style="font-weight:700;color:red">a</span></p>')
    '<p><strong style="font-weight:700;color:red">a</strong></p>'
    >>> after(keep_emphasis, '<p style="font-weight:bold">a</p><b style="font-weight:normal">b</b>')
    '<p style="font-weight:bold"><strong>a</strong></p>b'
    """
    if not body.came_with(' style="'):
        return
    for element in _STYLED(body.root):
        tags = _meanings(element.get("style", ""))
        if not tags:
            continue
        if tags == ("normal",):
            if element.tag in ("b", "strong"):
                unwrap(element)
            continue
        if "div" in tags and element.tag in _INLINE_LAYERS:
            element.tag = "div"
        _mark(element, [tag for tag in tags if tag not in ("div", "normal")])


@lru_cache(maxsize=4096)
def _meanings(style: str) -> tuple[str, ...]:
    if not _TELLING.search(style):
        return ()
    found = [tag for tag, pattern in _MEANINGS if pattern.search(style)]
    if _OWN_LINE.search(style):
        found.append("div")
    if _PLAIN_WEIGHT.search(style):
        found.append("normal")
    return tuple(found)


def _mark(element: _Element, tags: list[str]) -> None:
    if element.tag in _INLINE_LAYERS and tags:
        element.tag = tags.pop()
    elif element.tag not in ("p", "div", "section", "td", "li", "a"):
        return
    elif element.tag == "a" and "u" in tags:
        tags.remove("u")  # links are underlined anyway
    elif "strong" in tags and _restored_inside(element):
        tags.remove("strong")
    for tag in tags:
        wrapper = etree.Element(tag)
        wrapper.text, element.text = element.text, None
        wrapper.extend(list(element))
        element.append(wrapper)


def _restored_inside(element: _Element) -> bool:
    """Whether something in a bold block is made plain again, or the block is too large to be emphasis."""
    plain = any(
        _PLAIN_WEIGHT.search(inner.get("style", "")) for inner in element.iterdescendants() if inner.get("style")
    )
    return plain or element.find(".//p") is not None or element.find(".//section") is not None
