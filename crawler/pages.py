"""Bytes of a page → its text and tree, and a field out of the tree. Pure."""

from __future__ import annotations

import codecs
import re

from parsel import Selector

from pipelines.clean import parse_page

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE)
# GB18030 holds all of GBK and GB2312, and pages that claim the smaller sets use the larger one.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030"}
_PRESCAN_BYTES = 4096


def decode_page(body: bytes, content_type: str = "") -> tuple[str, str]:
    """A page's text and the encoding it was read with.

    UTF-8 comes first when the bytes are valid UTF-8, whatever header and meta claim: servers send `charset=gbk` on
    UTF-8 pages, and no Chinese text in GBK is valid UTF-8 by chance. Then the header, the page's meta, GB18030.
    Undecodable bytes become U+FFFD.

    >>> decode_page("鸟哥笔记".encode("gbk"), "text/html; charset=gb2312")
    ('鸟哥笔记', 'gb18030')
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace"), "utf-16"
    try:
        return body.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    header = _HEADER_CHARSET.search(content_type)
    meta = _META_CHARSET.search(body[:_PRESCAN_BYTES])
    claimed = [header[1] if header else "", meta[1].decode("ascii") if meta else ""]
    for name in (_known(claim) for claim in claimed):
        if name and name != "utf-8":
            return body.decode(name, "replace"), name
    if any(_known(claim) == "utf-8" for claim in claimed):
        # UTF-8 with a few broken bytes.
        return body.decode("utf-8", "replace"), "utf-8"
    return body.decode("gb18030", "replace"), "gb18030"


def _known(charset: str) -> str | None:
    try:
        name = codecs.lookup(_WIDER.get(charset.lower(), charset)).name
    except LookupError:
        return None
    return name


def page_selector(text: str) -> Selector:
    """A page's tree, built as a browser builds it, to select from."""
    return Selector(root=parse_page(text), type="html")


def select(scope: Selector, selector: str) -> list[Selector]:
    """What a profile's selector matches inside a scope. Raises ValueError when it is no selector."""
    if selector.startswith("xpath:"):
        return list(scope.xpath(selector.removeprefix("xpath:")))
    return list(scope.css(selector))


def texts(scope: Selector, selectors: tuple[str, ...]) -> tuple[str, ...]:
    """The visible texts of the first selector that gives any, white space folded."""
    for selector in selectors:
        found = tuple(text for node in select(scope, selector) if (text := _text(node)))
        if found:
            return found
    return ()


def first_text(scope: Selector, selectors: tuple[str, ...]) -> str | None:
    """The first visible text of the first selector that gives one, or None."""
    return next(iter(texts(scope, selectors)), None)


def _text(node: Selector) -> str:
    root = node.root
    raw = root if isinstance(root, str) else "".join(root.itertext())
    return " ".join(raw.split())
