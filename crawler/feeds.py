"""Feeds → entries: RSS 0.9 to 2.0, RDF, Atom and JSON Feed, broken ones too. Pure.

feedparser reads the XML, for it takes what strict parsers refuse; it is given text that is decoded already, because
the encoding that a feed declares is wrong as often as a page's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from archive.errors import PageError
from crawler.entries import Entry, Hints
from crawler.markup import decoded, refuse_bombs, unpacked
from crawler.pages import page_selector
from crawler.profile import Feed
from pipelines.clean import inner_html

_MOST_BYTES = 16 * 1024 * 1024  # feedparser reads about 1 MB a second
_ROOT = re.compile(r"<!--.*?-->|(?P<root><(?:[\w-]+:)?(?:rss|feed|rdf|channel)[\s>])", re.IGNORECASE | re.DOTALL)
_TYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[[^\]]*\])?\s*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_MAIL = re.compile(r"\S+@\S+(?:\s+\((?P<name>.*)\))?")
_LEAST_TEXT = 200
_LONGEST_DESCRIPTION = 300
_CUT_OFF = re.compile(
    r"(?:…|\.\.\.|阅读(?:全文|更多|原文)|查看全文|继续阅读|read more|continue reading)\W*$",
    re.IGNORECASE,
)
_LINKS = ("href", "src", "data-src", "data-original", "poster")


@dataclass(frozen=True, kw_only=True)
class ReadFeed:
    """What a feed says: its title and its entries, each with an absolute link."""

    title: str
    entries: tuple[Entry, ...]


def read_feed(url: str, body: bytes, content_type: str = "", shape: Feed | None = None) -> ReadFeed:
    """A feed out of its bytes; `url` is the address that its relative links count from.

    A feed that is cut off or malformed gives what can be read of it. Raises PageError("listing-malformed") for what
    is no feed and for one that declares entities which grow, PageError("too-large") beyond 16 MB.
    """
    body = b"".join(unpacked(body, url))
    if len(body) > _MOST_BYTES:
        raise PageError("too-large", f"{url}: a feed of {len(body)} bytes, expected at most {_MOST_BYTES}")
    import feedparser  # late: many crawls read no feed

    text = decoded(body, content_type)
    full_text = shape.full_text if shape else Feed().full_text
    if text.lstrip().startswith("{"):
        return _json_feed(url, text, full_text)
    root = next((match for match in _ROOT.finditer(text) if match["root"]), None)
    if root is None:
        raise PageError("listing-malformed", f"{url}: expected a feed (RSS, Atom, JSON Feed), found {text[:60]!r}")
    # Before the root stand type declarations, comments, and the warnings of a script that made the feed.
    prologue = _COMMENT.sub("", text[: root.start()])
    refuse_bombs(prologue, url)
    found = feedparser.parse(
        BytesIO("".join((*_TYPE.findall(prologue), text[root.start() :])).encode()),
        response_headers={"content-type": "application/xml; charset=utf-8", "content-location": url},
        sanitize_html=False,  # our cleaner does
        resolve_relative_uris=False,
    )
    entries = (_entry(url, item, full_text, is_rss=str(found.version).startswith("rss")) for item in found.entries)
    return ReadFeed(title=_visible(_own(found.feed, "title")), entries=tuple(filter(None, entries)))


def _entry(url: str, item: Mapping[str, Any], full_text: str, *, is_rss: bool) -> Entry | None:
    href = _link(item)
    if not href:
        return None
    published, updated = (feed_time(_own(item, name)) for name in ("published", "updated"))
    if is_rss and not published:
        published, updated = updated, ""  # dc:date
    hints = Hints(
        title=_visible(_own(item, "title")),
        author=_author(item),
        published=published,
        updated=updated,
        description=_description(_own(item, "summary")),
        tags=_folded(tag.get("term") for tag in _own(item, "tags") or ()),
    )
    return Entry(href=_joined(url, href), hints=hints, text=_whole_text(url, item, full_text))


def _own(item: Mapping[str, Any], key: str) -> Any:
    """What an item has under a key itself: feedparser puts other values in the place of some, with a warning."""
    return dict.get(item, key) or ""  # type: ignore[call-overload]  # a FeedParserDict is a dict


def _link(item: Mapping[str, Any]) -> str:
    """The address of an item's page: what a counter of clicks leads to, and without a link an id that is an address."""
    links = [link for link in _own(item, "links") or () if link.get("href")]
    alternates = [link["href"] for link in links if link.get("rel", "alternate") == "alternate"]
    # feedparser takes an id for a link where there is none.
    others = (text for name in ("link", "id") if _ADDRESS.fullmatch(text := str(_own(item, name)).strip()))
    candidates = (_own(item, "feedburner_origlink"), *alternates, *others)
    return next((text for value in candidates if value and (text := str(value).strip())), "")


def _author(item: Mapping[str, Any]) -> str:
    # feedparser takes a part of an address for a name where its top-level domain is long.
    told = str(_own(item, "author"))
    name = _visible(told if "@" in told else (_own(item, "author_detail") or {}).get("name") or told)
    mail = _MAIL.fullmatch(name)
    return (mail["name"] or "").strip() if mail else name


def _description(html: str) -> str:
    text = _visible(html)
    return text if len(text) <= _LONGEST_DESCRIPTION else ""


def _whole_text(url: str, item: Mapping[str, Any], full_text: str) -> str:
    """The article's HTML, where the feed has all of it."""
    if full_text == "none":
        return ""
    parts = list(_own(item, "content") or ())
    if full_text == "description":
        parts.append(_own(item, "summary_detail") or {})
    texts = [_as_html(url, part) for part in parts if part.get("value")]
    return max((text for text in texts if _is_whole(text)), key=len, default="")


def _as_html(url: str, part: Mapping[str, Any]) -> str:
    value = str(part["value"])
    if part.get("type") == "text/plain" and "<" not in value:
        return "".join(f"<p>{escape(line, quote=False)}</p>" for line in value.splitlines() if line.strip())
    base = str(part.get("base") or url)
    return value if base == url else _with_base(value, base)


def _with_base(html: str, base: str) -> str:
    """HTML whose links count from an xml:base, with absolute ones."""
    tree = page_selector(html)
    for node in tree.xpath("//body//*[@href or @src or @data-src or @data-original or @poster]"):
        for name in _LINKS:
            if node.root.get(name):
                node.root.set(name, _joined(base, node.root.get(name)))
    bodies = tree.xpath("//body")
    return inner_html(bodies[0].root) if bodies else html


def _is_whole(html: str) -> bool:
    text = _visible(html)
    return len(text) >= _LEAST_TEXT and not _CUT_OFF.search(text)


def feed_time(text: str) -> str:
    """A feed's time as ISO 8601, with an offset only where it names a zone; another form as it is.

    >>> feed_time("Fri, 22 Jul 2022 16:00:00 +0800"), feed_time("22 Jul 2022 16:00"), feed_time("2022-07-22 16:00")
    ('2022-07-22T16:00:00+08:00', '2022-07-22T16:00:00', '2022-07-22 16:00')
    """
    text = " ".join(text.split())
    if not re.search(r"[A-Za-z]{3}", text):
        return text
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, IndexError, TypeError):
        return text


def _json_feed(url: str, text: str, full_text: str) -> ReadFeed:
    try:
        value = json.loads(text, strict=False)
    except RecursionError as error:
        raise PageError("listing-malformed", f"{url}: JSON nested too deep") from error
    except ValueError:
        value = {"items": list(_salvaged(text))}
    items = value.get("items")
    if not isinstance(items, list) or not (items or "jsonfeed" in str(value.get("version"))):
        raise PageError("listing-malformed", f"{url}: expected a JSON Feed with `items`, found {text[:60]!r}")
    entries = (_json_entry(url, item, full_text) for item in items if isinstance(item, dict))
    return ReadFeed(title=_string(value.get("title")), entries=tuple(filter(None, entries)))


def _salvaged(text: str) -> Iterator[Any]:
    """The whole items of a JSON Feed that is cut off."""
    decoder = json.JSONDecoder(strict=False)
    start = re.search(r'"items"\s*:\s*\[', text)
    at = start.end() if start else len(text)
    while match := re.compile(r"[\s,]*(?=\{)").match(text, at):
        try:
            item, at = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return
        yield item


def _json_entry(url: str, item: Mapping[str, Any], full_text: str) -> Entry | None:
    identity = _string(item.get("id"))
    href = _string(item.get("url")) or (identity if _ADDRESS.fullmatch(identity) else "")
    if not href:
        return None
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [_string(author.get("name")) for author in authors or () if isinstance(author, dict)]
    tags = item.get("tags")
    hints = Hints(
        title=_visible(_string(item.get("title"))),
        author="、".join(filter(None, names)),
        published=_string(item.get("date_published")),
        updated=_string(item.get("date_modified")),
        description=_description(_string(item.get("summary"))),
        tags=_folded(tags if isinstance(tags, list) else ()),
    )
    return Entry(href=_joined(url, href), hints=hints, text=_json_text(item) if full_text != "none" else "")


def _json_text(item: Mapping[str, Any]) -> str:
    html, plain = item.get("content_html"), item.get("content_text")
    text = html if isinstance(html, str) else ""
    if not text and isinstance(plain, str):
        text = "".join(f"<p>{escape(line, quote=False)}</p>" for line in plain.splitlines() if line.strip())
    return text if _is_whole(text) else ""


def _string(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _folded(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := _visible(_string(value)))))


def _visible(html: str) -> str:
    """The visible text of HTML, or of a plain text."""
    if "<" in html or "&" in html:
        texts = page_selector(html).xpath("//text()[not(ancestor::script or ancestor::style)]").getall()
        html = "".join(texts)
    return " ".join(html.split())


def _joined(base: str, href: str) -> str:
    try:
        return urljoin(base, href.strip())
    except ValueError:
        return href
