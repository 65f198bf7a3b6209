"""Bytes of a page → its text and tree, and a field out of the tree. Pure."""

from __future__ import annotations

import codecs
import re
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urljoin

from cssselect import SelectorError as CssError
from lxml import etree
from parsel import Selector

from pipelines.clean import parse_page

_META_CHARSET = re.compile(
    rb"(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,80}?encoding)\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE
)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-zA-Z0-9_-]+)", re.IGNORECASE)
# GB18030 holds all of GBK and GB2312, and pages that claim the smaller sets use the larger one.
# What the web calls Latin-1 is Windows-1252: https://encoding.spec.whatwg.org/#names-and-labels
_WIDER = {
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("big5-hkscs", "x-x-big5"), "big5"),
    **dict.fromkeys(("iso-8859-1", "latin1", "ascii", "us-ascii"), "cp1252"),
}
# Names that a page may claim by a mistake of its scripts, and that are no encodings of pages.
_PYTHONS_OWN = frozenset({"undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7"})
_PRESCAN_BYTES = 4096
_CHINESE = ("gb18030", "big5")
_WESTERN = frozenset(("iso8859-1", "cp1252", "ascii", "iso8859-15"))
# The characters that every second one of a Chinese text is, and hardly one in fifty of bytes misread.
_FREQUENT = re.compile(
    "[的一是不了在人有我他这這中大来來上个個国國到说說们們为為子和你地出道也时時年得就那要下以生会會自着著去之过過家学學对對可她里裡后後"
    "小么心多天而能好都然没沒日于於起还還发發成事只作当當想看文无無开開手十用主行方又如前所本见見经經头頭面公同三已老从從动動两兩长長"
    "月新高市民区區部第全业業分关關员員者及与與其最等被将將更此位次但因由使并並比做什样樣问問]"
)
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE = 100_000
_FREQUENT_SHARE = 0.12
_FEW = 30
_LONE_SHARE = 0.7


def decode_page(body: bytes, content_type: str = "") -> tuple[str, str]:
    """A page's text and the encoding it was read with.

    UTF-8 comes first when the bytes are valid UTF-8 but for a few, whatever header and meta claim: servers send
    `charset=gbk` on UTF-8 pages, a summary cut off by bytes breaks a character, and no Chinese page in GBK is valid
    UTF-8 by chance. Then the header and the page's meta, as far as the text they give can be one: servers send one
    charset for all their pages, templates keep one that the editor does not write. Last, GB18030, Big5 or
    Windows-1252, as the bytes look. Undecodable bytes become U+FFFD.

    >>> decode_page("鸟哥笔记".encode("gbk"), "text/html; charset=gb2312")
    ('鸟哥笔记', 'gb18030')
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace"), "utf-16"
    wide = _utf16_without_mark(body)
    if wide:
        return body.decode(wide, "replace"), wide
    try:
        return body.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", "replace")
    # Each Chinese character takes two bytes more than it counts; GBK has hardly any that read as such.
    if text.count("\ufffd") * 10 <= len(body) - len(text):
        return text, "utf-8"
    for name in _claimed(body, content_type):
        text = body.decode(name, "replace")
        if _can_be(text, name, body):
            return text, name
    name = _guessed(body) or "gb18030"
    return body.decode(name, "replace"), name


def _utf16_without_mark(body: bytes) -> str | None:
    start = body[:_PRESCAN_BYTES].lstrip(b" \t\r\n\0")
    if body[:1] == b"\0" and start[1:2] == b"\0":
        return "utf-16-be"
    return "utf-16-le" if start[:1] == b"<" and start[1:2] == b"\0" else None


def _claimed(body: bytes, content_type: str) -> list[str]:
    """Encodings that the header and the page name, those of UTF-8 last: that it is none was seen by then."""
    header = _HEADER_CHARSET.search(content_type)
    meta = _META_CHARSET.search(body[:_PRESCAN_BYTES])
    claims = [header[1] if header else "", meta[1].decode("ascii") if meta else ""]
    found: list[str] = []
    for claim in claims:
        try:
            known = codecs.lookup(_WIDER.get(claim.lower(), claim.lower())).name
            if known not in _PYTHONS_OWN:
                body[:1].decode(known, "replace")
                found.append(known)
        except LookupError:  # no encoding, or one that is not of text
            continue
    return sorted(found, key=lambda name: name == "utf-8")


def _can_be(text: str, name: str, body: bytes) -> bool:
    """Whether a page's text can be what an encoding makes of its bytes."""
    if name in _CHINESE:
        if _frequent_share(text) >= _FREQUENT_SHARE:
            return True
        few = len(_HAN.findall(text[:_SAMPLE])) < _FEW
        return few and _guessed(body) in (name, None)
    if name in _WESTERN:
        return _is_western(body)
    return text.count("\ufffd") <= max(_FEW // 10, len(text) // 100)


def _frequent_share(text: str) -> float:
    sample = text[:_SAMPLE]
    found = len(_HAN.findall(sample)) + sample.count("\ufffd")
    return len(_FREQUENT.findall(sample)) / found if found else 0.0


def _is_western(body: bytes, least: int = 0) -> bool:
    """Whether bytes beyond ASCII stand alone, as letters with accents do between others."""
    runs = _HIGH.findall(body[:_SAMPLE])
    return len(runs) >= least and sum(len(run) == 1 for run in runs) >= _LONE_SHARE * len(runs)


def _guessed(body: bytes) -> str | None:
    """The encoding that the bytes look like, or None."""
    shares = {name: _frequent_share(body.decode(name, "replace")) for name in _CHINESE}
    best = max(_CHINESE, key=lambda name: shares[name])
    if shares[best] >= _FREQUENT_SHARE:
        return best
    return "cp1252" if _is_western(body, least=3) else None


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


class Step(NamedTuple):
    """A part of a selector between spaces: `h1.title` is one of a tag and a class."""

    tag: str
    names: frozenset[str]


class PageSelector(Selector):
    """A page's tree, which does not change, to select from many times: classes are looked up, not searched for.

    libxml2 looks at every element of the page for each `.author`, and most of a profile's selectors are made of these.
    """

    @cached_property
    def _by_class(self) -> dict[str, list[etree._Element]]:
        """The elements of each class, in the page's order."""
        found: dict[str, list[etree._Element]] = {}
        for element in _WITH_CLASS(self.root):
            # White space as XPath has it, which a translated selector goes by.
            for name in {*_SPACES.split(element.get("class"))}:
                found.setdefault(name, []).append(element)
        return found

    def of_classes(self, steps: tuple[Step, ...]) -> list[Selector]:
        """The elements that match the last of some steps, and lie in such as match the ones before."""
        *outer, last = steps
        fewest = min((self._by_class.get(name, []) for name in last.names), key=len)
        return [
            Selector(root=element, type="html")
            for element in fewest
            if self._fits(element, last) and self._lies_in(element, outer)
        ]

    def _fits(self, element: etree._Element, step: Step) -> bool:
        if step.tag and element.tag != step.tag:
            return False
        return step.names <= {*_SPACES.split(element.get("class", ""))}

    def _lies_in(self, element: etree._Element, outer: list[Step]) -> bool:
        left = outer[:]
        while left and element is not self.root:
            parent = element.getparent()
            if parent is None:
                return False
            element = parent
            if self._fits(element, left[-1]):
                left.pop()
        return not left


_WITH_CLASS = etree.XPath("descendant-or-self::*[@class]")
_SPACES = re.compile("[ \t\r\n]+")
_ATTRIBUTE_OF = re.compile(r"([^:]*)(?:::attr\(([a-z][a-z-]*)\))?")
_STEP = re.compile(r"([a-z][a-z0-9]*)?((?:\.[A-Za-z_][A-Za-z0-9_-]*)*)")


@lru_cache(maxsize=1024)
def _plain(selector: str) -> tuple[tuple[Step, ...], str]:
    """The steps of a selector of nothing but tags and classes, one in another, and the attribute that it asks for.

    No steps for any other selector, or where there is no class at its end.

    >>> _plain("a.next::attr(href)") == ((Step("a", frozenset({"next"})),), "href")
    True
    """
    match = _ATTRIBUTE_OF.fullmatch(selector)
    parts = [_STEP.fullmatch(part) for part in match[1].split(" ")] if match else []
    found = [Step(part[1] or "", frozenset(part[2].split(".")[1:])) for part in parts if part and part[0]]
    if match is None or not found or len(found) != len(parts) or not found[-1].names:
        return (), ""
    return tuple(found), match[2] or ""


def page_selector(text: str) -> PageSelector:
    """A page's tree, built as a browser builds it, to select from."""
    return PageSelector(root=parse_page(text), type="html")


def select(scope: Selector, selector: str) -> list[Selector]:
    """What a profile's selector matches inside a scope, elements and strings. Raises ValueError when it is none."""
    if selector.startswith("xpath:"):
        return list(scope.xpath(selector.removeprefix("xpath:")))
    if isinstance(scope, PageSelector):
        plain, attribute = _plain(selector)
        if plain:
            found = scope.of_classes(plain)
            return _attributes(found, attribute) if attribute else found
    try:
        return list(scope.css(selector))
    except CssError as error:
        raise ValueError(f"CSS error: {error} in {selector}") from error


def _attributes(elements: list[Selector], name: str) -> list[Selector]:
    values = (element.root.get(name) for element in elements)
    return [Selector(root=value, type="html") for value in values if value is not None]


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
