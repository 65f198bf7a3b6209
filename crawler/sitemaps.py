"""Sitemaps (sitemaps.org) and indexes of them, gzipped or not → entries. Pure; read in pieces, so memory is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from urllib.parse import urljoin

from lxml import etree

from archive.errors import PageError
from crawler.entries import Entry, Hints
from crawler.markup import refuse_bombs, unpacked
from crawler.profile import Sitemap

_FEW = 10  # too few to see that every lastmod is the time at which the sitemap was made


@dataclass(frozen=True, kw_only=True)
class ReadSitemap:
    """What a sitemap holds: entries; of an index the addresses of its sitemaps, and when each was changed, or ""."""

    entries: tuple[Entry, ...] = ()
    sitemaps: tuple[tuple[str, str], ...] = field(default=())


def read_sitemap(url: str, body: bytes) -> ReadSitemap:
    """A sitemap out of its bytes: XML, or text with one URL a line.

    What is cut off or malformed gives what can be read of it. Raises PageError("listing-malformed") for what is no
    sitemap, PageError("too-large") where it unpacks to more than 64 MB.
    """
    pieces = unpacked(body, url)
    head = next(pieces, b"")
    if not _is_markup(head):
        return ReadSitemap(entries=tuple(_lines(url, b"".join((head, *pieces)))))
    refuse_bombs(head.replace(b"\x00", b"").decode("utf-8", "replace"), url)
    entries, sitemaps = [], []
    for name, told in _records(url, chain((head,), pieces)):
        address = _joined(url, told["loc"])
        if name == "sitemap":
            sitemaps.append((address, told.get("lastmod", "")))
        else:
            published, updated = told.get("publication_date", ""), told.get("lastmod", "")
            hints = Hints(title=told.get("title", ""), published=published, updated=updated)
            entries.append(Entry(href=address, hints=hints))
    return ReadSitemap(entries=_without_equal_times(entries), sitemaps=tuple(sitemaps))


def chosen(shape: Sitemap, read: ReadSitemap) -> list[tuple[str, Sitemap]]:
    """The sitemaps of an index to read: those without a time, then the newest, no more than the shape allows."""
    wanted = [(url, time) for url, time in dict(read.sitemaps).items() if re.search(shape.include, url)]
    ordered = [(url, replace(shape, newest_first=False)) for url, time in wanted if not time]
    by_time = sorted((pair for pair in wanted if pair[1]), key=lambda pair: pair[1], reverse=True)
    ordered += [(url, replace(shape, newest_first=True)) for url, _ in by_time]
    return ordered[: shape.most_sitemaps]


def _records(url: str, pieces: Iterable[bytes]) -> Iterator[tuple[str, dict[str, str]]]:
    """What each `url` or `sitemap` with a `loc` tells, text by the name of its parts."""
    # Nothing grows: entities stay as they are, and libxml2's limits are on.
    parser = etree.XMLPullParser(("start", "end"), recover=True, resolve_entities=False, no_network=True)
    root = None
    for piece in pieces:
        parser.feed(piece)
        for event, node in parser.read_events():
            name = _name(node)
            if root is None:
                root = node
                if name not in ("urlset", "sitemapindex"):
                    raise _malformed(url, f"an element {name!r}")
            if event == "end" and name in ("url", "sitemap"):
                told = _told(node)
                if told.get("loc"):
                    yield name, told
                _let_go(node)
    if root is None:
        raise _malformed(url, "nothing of that kind")


def _let_go(node: etree._Element) -> None:
    """Free what was read, with what stood before it."""
    node.clear()
    parent = node.getparent()
    while parent is not None and node.getprevious() is not None:
        del parent[0]


def _told(node: etree._Element) -> dict[str, str]:
    told: dict[str, str] = {}
    own = etree.QName(node).namespace
    for part in node.iter(etree.Element):
        name, namespace = _name(part), etree.QName(part).namespace
        # An image of the page has a `loc`, too.
        is_news = name in ("title", "publication_date") and "news" in str(namespace)
        if (part.getparent() is node and namespace == own) or is_news:
            told.setdefault(name, " ".join("".join(part.itertext()).split()))
    return told


def _name(node: etree._Element) -> str:
    return etree.QName(node).localname


def _lines(url: str, body: bytes) -> Iterator[Entry]:
    lines = [line.strip() for line in body.decode("utf-8-sig", "replace").splitlines()]
    addresses = [line for line in lines if re.match(r"https?://\S+$", line)]
    if not addresses:
        raise _malformed(url, f"{body[:60]!r}")
    yield from (Entry(href=address) for address in addresses)


def _without_equal_times(entries: list[Entry]) -> tuple[Entry, ...]:
    """Entries whose lastmod are one and the same tell when the sitemap was made, and nothing of the pages."""
    if len(entries) < _FEW or len({entry.hints.updated for entry in entries}) > 1:
        return tuple(entries)
    return tuple(replace(entry, hints=replace(entry.hints, updated="")) for entry in entries)


def _is_markup(head: bytes) -> bool:
    return head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def _joined(base: str, href: str) -> str:
    try:
        return urljoin(base, href)
    except ValueError:
        return href


def _malformed(url: str, found: str) -> PageError:
    return PageError("listing-malformed", f"{url}: expected a sitemap or an index of sitemaps, found {found}")
