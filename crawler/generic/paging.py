"""The next page of the same article, told from the next article.

A link leads to the next page when its address is that of this page with the next number in it, or when it stands in a
row of numbered links whose addresses differ in that number alone. What the link says never suffices: sites call the
next article 下一页, and themes mark it with rel=next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, urlsplit

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
_ONE_FOLDER: Final = re.compile(r"\d{4,}[^/]*$|[^/-]+-[^/-]+-[^/]+$")
_QUERY: Final = frozenset(("page", "p", "pg", "pn", "pageno", "page_no", "pageindex", "cpage", "paged", "pagenum"))
_COMMENT_QUERY: Final = re.compile(r"[?&](?:cpage|comment)|/comment-page|#comments?$|replytocom", re.IGNORECASE)
_MAX_PAGES: Final = 200
_MAX_ROWS: Final = 20
_MAX_SAID: Final = 24


def next_page(reading: Reading, *, url: str, addresses: Sequence[str], links: Sequence[str]) -> str | None:
    """The absolute address of the next page, or None.

    url: the page's own. addresses: others it says it has (canonical, og:url). links: hrefs of link rel=next.
    """
    own = [address for address in (url, *addresses) if address]
    for href in links:
        target = absolute(url, href)
        if target and any(follows(target, address) for address in own):
            return target
    onward = list(_onward(reading, url))
    for _, _, target in onward:
        if any(follows(target, address) for address in own):
            return target
    return _in_row(reading, onward)


def _onward(reading: Reading, url: str) -> Iterator[tuple[int, str, str]]:
    """Links that say they lead to a page, outside comments: the element's index, what it says, where it leads."""
    for index in reading.anchors:
        element = reading.nodes[index].element
        says = folded("".join(element.itertext()))
        if not 0 < len(says) <= _MAX_SAID or not (_NUMBER.match(says) or _NEXT.match(says)):
            continue
        target = absolute(url, element.get("href") or "")
        if target is None or urlsplit(target).fragment or _COMMENT_QUERY.search(target):
            continue
        if not any(names.has_word(reading.nodes[above].label, names.COMMENTS) for above in reading.above(index)):
            yield index, says, target


def follows(target: str, address: str) -> bool:
    """Whether an address is another with the next page's number in it.

    >>> follows("https://a.cn/12_2.html", "https://a.cn/12.html"), follows("https://a.cn/12_3.html", "https://a.cn/12_2.html")
    (True, True)
    >>> follows("https://a.cn/a?page=2", "https://a.cn/a"), follows("https://a.cn/1234/2", "https://a.cn/1234")
    (True, True)
    >>> follows("https://a.cn/news/102.html", "https://a.cn/news/101.html"), follows("https://a.cn/2/", "https://a.cn/1/")
    (False, False)
    """
    (stem, number), (own_stem, own_number) = _numbered(target), _numbered(address)
    if own_number is None:
        return number == 2 and stem == _whole(address)  # noqa: PLR2004 - the page behind the first one
    return number == own_number + 1 and stem == own_stem


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
    named = _ONE_ARTICLE if match and match["mark"] != "/" else _ONE_FOLDER
    if match is None or (match["mark"] in ("/", "_", "-") and not named.search(match["stem"])):
        return _whole(address), None
    rest = sorted(f"{name}={value}" for name, value in query)
    return (_host(parts.netloc), match["stem"], *rest), int(match["number"])


def _in_row(reading: Reading, onward: Sequence[tuple[int, str, str]]) -> str | None:
    """The next of a row of numbered links to pages that differ in their number alone."""
    rows: dict[tuple[int, tuple[str, ...]], dict[int, str]] = {}
    for index, says, target in onward:
        stem, number = _numbered(target)
        said = _NUMBER.match(says)
        if number is None or (said and int(said[1]) != number):
            continue
        parent = reading.nodes[index].parent
        if reading.nodes[parent].tag in ("li", "span", "td", "b", "strong"):
            parent = reading.nodes[parent].parent
        rows.setdefault((parent, stem), {})[number] = target
    for (parent, _), targets in islice(rows.items(), _MAX_ROWS):
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
