"""Bytes of a page → its text and tree, and a field out of the tree. Pure."""

from __future__ import annotations

import codecs
import re
from urllib.parse import urljoin

from cssselect import SelectorError as CssError
from lxml import etree
from parsel import Selector

from pipelines.clean import parse_page

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE)
# GB18030 holds all of GBK and GB2312, and pages that claim the smaller sets use the larger one.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030"}
# Names that a page may claim by a mistake of its scripts, and that are no encodings of pages.
_PYTHONS_OWN = frozenset({"undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7"})
_PRESCAN_BYTES = 4096


def decode_page(body: bytes, content_type: str = "") -> tuple[str, str]:
    """A page's text and the encoding it was read with.

    UTF-8 comes first when the bytes are valid UTF-8 but for a few, whatever header and meta claim: servers send
    `charset=gbk` on UTF-8 pages, a summary cut off by bytes breaks a character, and no Chinese page in GBK is valid
    UTF-8 by chance. Then the header, the page's meta, GB18030. Undecodable bytes become U+FFFD.

    >>> decode_page("鸟哥笔记".encode("gbk"), "text/html; charset=gb2312")
    ('鸟哥笔记', 'gb18030')
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace"), "utf-16"
    try:
        return body.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", "replace")
    # Each Chinese character takes two bytes more than it counts; GBK has hardly any that read as such.
    if text.count("\ufffd") * 10 <= len(body) - len(text):
        return text, "utf-8"
    header = _HEADER_CHARSET.search(content_type)
    meta = _META_CHARSET.search(body[:_PRESCAN_BYTES])
    claimed = [header[1] if header else "", meta[1].decode("ascii") if meta else ""]
    names = [_WIDER.get(claim.lower(), claim.lower()) for claim in claimed if claim]
    # That it is not UTF-8 was seen above, so a claim of UTF-8 counts after any other.
    for name in (*sorted(names, key=lambda name: name in ("utf-8", "utf8")), "gb18030"):
        try:
            known = codecs.lookup(name).name
            if known not in _PYTHONS_OWN:
                return body.decode(known, "replace"), known
        except LookupError:  # no encoding, or one that is not of text
            continue
    raise AssertionError("GB18030 decodes everything")


PREFIXES = ("json", "markdown", "re", "all")


def prefixed(selector: str) -> tuple[str, str]:
    """A selector of a post's field without its prefix, which is one of PREFIXES or none; see `crawler.profile`.

    >>> prefixed("json:data.title"), prefixed("h1::text"), prefixed("xpath://h1")
    (('json', 'data.title'), ('', 'h1::text'), ('', 'xpath://h1'))
    """
    prefix, colon, rest = selector.partition(":")
    return (prefix, rest) if colon and prefix in PREFIXES else ("", selector)


def check_selector(selector: str) -> str:
    """The selector itself. Raises ValueError where it is none."""
    prefix, rest = prefixed(selector)
    if prefix == "re":
        re.compile(rest)
    elif prefix in ("", "all"):
        select(page_selector(""), rest)
    elif not rest.strip():
        raise ValueError(f"expected a path after {prefix}:")
    return selector


def page_selector(text: str) -> Selector:
    """A page's tree, built as a browser builds it, to select from."""
    return Selector(root=parse_page(text), type="html")


def select(scope: Selector, selector: str) -> list[Selector]:
    """What a profile's selector matches inside a scope, elements and strings. Raises ValueError when it is none."""
    if selector.startswith("xpath:"):
        return list(scope.xpath(selector.removeprefix("xpath:")))
    try:
        return list(scope.css(selector))
    except CssError as error:
        raise ValueError(f"CSS error: {error} in {selector}") from error


def absolute(base: str, href: str) -> str | None:
    """A page's link as an absolute URL, or None when it can be none."""
    try:
        return urljoin(base, href)
    except ValueError:  # `http://[…`, for one
        return None


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
    raw = "".join(root.itertext()) if etree.iselement(root) else str(root)
    return " ".join(raw.split())
