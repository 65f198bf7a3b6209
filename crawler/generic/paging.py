"""The next page of the same article, told from the next article.

A link leads to the next page when its address is that of this page with the next number in it, or when it stands in a
row of numbered links whose addresses differ in that number alone. What the link says never suffices: sites call the
next article 下一页, and themes mark it with rel=next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from lxml.etree import _Element

from crawler.generic import names
from crawler.generic.reading import Reading, folded
from crawler.pages import absolute

_NEXT: Final = re.compile(
    r"^[\[【(（<\s]*(?:下一?[页頁]|[后後]一?[页頁]|next(?:\s+page)?|continue(?:\s+reading)?|page\s+\d+)?\s*[>›»→]*[\]】)）\s]*$",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"^[\[【(（第\s]*(\d{1,3})[页頁\]】)）\s]*$")
_OF: Final = re.compile(r"(?<!\d)(\d{1,3})\s*/\s*(\d{1,3})(?!\d)|第\s*(\d{1,3})\s*[页頁].{0,6}共\s*(\d{1,3})\s*[页頁]")
# Where pages carry their number: behind the name (a_2.html, a-2, a/2, a/page/2), or in the query (?page=2).
_NUMBERED: Final = re.compile(
    r"^(?P<stem>.*?)(?P<mark>[_-]p?|/page[/-]|/p|/)(?P<number>\d{1,3})(?P<end>(?:\.[a-z]{2,5})?/?)$", re.IGNORECASE
)
# The last part of an address that names one article: with a number, or in several words.
_ONE_ARTICLE: Final = re.compile(r"\d[^/]*$|[^/-]+-[^/-]+-[^/]+$")
_QUERY: Final = frozenset(("page", "p", "pg", "pn", "pageno", "page_no", "pageindex", "cpage", "paged", "pagenum"))
_COMMENT_QUERY: Final = re.compile(r"[?&](?:cpage|comment)|/comment-page|#comments?$|replytocom", re.IGNORECASE)
_MAX_PAGES: Final = 200


def next_page(reading: Reading, *, url: str, addresses: Sequence[str], links: Sequence[str]) -> str | None:
    """The absolute address of the next page, or None.

    url: the page's own. addresses: others it says it has (canonical, og:url). links: hrefs of link rel=next.
    """
    own = [address for address in (url, *addresses) if address]
    for href in links:
        target = absolute(url, href)
        if target and any(follows(target, address) for address in own):
            return target
    for link in _links(reading):
        target = absolute(url, link.get("href") or "")
        if target is None or _COMMENT_QUERY.search(target):
            continue
        says = folded("".join(link.itertext()))
        number = _NUMBER.match(says)
        if (number or _NEXT.match(says)) and any(follows(target, address) for address in own):
            return target
    return _in_row(reading, url)


def follows(target: str, address: str) -> bool:
    """Whether an address is another with the next page's number in it.

    >>> follows("https://a.cn/12_2.html", "https://a.cn/12.html"), follows("https://a.cn/12_3.html", "https://a.cn/12_2.html")
    (True, True)
    >>> follows("https://a.cn/a?page=2", "https://a.cn/a"), follows("https://a.cn/12/2", "https://a.cn/12")
    (True, True)
    >>> follows("https://a.cn/news/102.html", "https://a.cn/news/101.html"), follows("https://a.cn/2/", "https://a.cn/1/")
    (False, False)
    """
    (stem, number), (own_stem, own_number) = _numbered(target), _numbered(address)
    if number is None:
        return False
    if stem == _whole(address):
        return number == 2  # noqa: PLR2004 - the page behind the first one
    return own_number is not None and stem == own_stem and number == own_number + 1


def _whole(address: str) -> tuple[str, ...]:
    parts = urlsplit(address)
    path = re.sub(r"\.[a-z]{2,5}$", "", parts.path, flags=re.IGNORECASE).rstrip("/")
    query = sorted(f"{name}={value}" for name, value in parse_qsl(parts.query) if name.lower() not in _QUERY)
    return (_host(parts.netloc), path, *query)


def _host(netloc: str) -> str:
    return netloc.lower().removeprefix("www.").removeprefix("m.").removeprefix("wap.")


def _numbered(address: str) -> tuple[tuple[str, ...], int | None]:
    """An address without its page's number, and that number."""
    try:
        parts = urlsplit(address)
        query = parse_qsl(parts.query)
    except ValueError:
        return (address,), None
    for name, value in query:
        if name.lower() in _QUERY and value.isdecimal() and len(value) <= 3:  # noqa: PLR2004 - no article's number
            if len(query) == 1 and parts.path in ("", "/"):  # ?p=123 names a post
                break
            return _whole(address), int(value)
    match = _NUMBERED.match(parts.path)
    if match is None or (match["mark"] in ("/", "_", "-") and not _ONE_ARTICLE.search(match["stem"])):
        return _whole(address), None
    rest = sorted(f"{name}={value}" for name, value in query)
    return (_host(parts.netloc), match["stem"], *rest), int(match["number"])


def _links(reading: Reading) -> Iterator[_Element]:
    for index in reading.anchors:
        if not any(names.has_word(reading.nodes[above].label, names.COMMENTS) for above in reading.above(index)):
            yield reading.nodes[index].element


def _in_row(reading: Reading, url: str) -> str | None:
    """The next of a row of numbered links to pages that differ in their number alone."""
    rows: dict[tuple[int, tuple[str, ...]], dict[int, str]] = {}
    for index in reading.anchors:
        node = reading.nodes[index]
        if any(names.has_word(reading.nodes[above].label, names.COMMENTS) for above in reading.above(index)):
            continue
        target = absolute(url, node.element.get("href") or "")
        says = folded("".join(node.element.itertext()))
        if target is None or urlsplit(target).fragment or _COMMENT_QUERY.search(target) or not says:
            continue
        stem, number = _numbered(target)
        said = _NUMBER.match(says)
        if number is None or not (_NEXT.match(says) or (said and int(said[1]) == number)):
            continue
        parent = node.parent
        if reading.nodes[parent].tag in ("li", "span", "td", "b", "strong"):
            parent = reading.nodes[parent].parent
        rows.setdefault((parent, stem), {})[number] = target
    for (parent, _), targets in rows.items():
        current = _current(reading, parent, targets)
        if current is not None and current + 1 in targets and max(targets) <= _MAX_PAGES:
            return targets[current + 1]
    return None


def _current(reading: Reading, parent: int, targets: dict[int, str]) -> int | None:
    """The number of this page in a row: the one that no link leads to, or that `1/2` names."""
    text = " ".join(
        folded(piece)
        for line in reading.lines
        if reading.holds(parent, line.block)
        for index, piece in line.pieces
        if not reading.nodes[index].linked or not (reading.nodes[index].element.get("href") or "").strip("#")
    )
    told = _OF.search(text)
    if told:
        return int(told[1] or told[3])
    single = re.findall(r"(?<!\d)\d{1,3}(?!\d)", text)
    if len(single) == 1:
        return int(single[0])
    return 1 if (not single and min(targets) == 1) or (not single and min(targets) == 2 and len(targets) > 1) else None  # noqa: PLR2004
