"""Listing → links to posts, with what the listing tells about each. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from parsel import Selector

from archive.errors import PageError
from archive.model import WarcRecord
from crawler.documents import read_document, strings_at
from crawler.entries import Entry, Hints
from crawler.pages import absolute, decode_page, first_text, page_selector, select, texts
from crawler.profile import Feed, HtmlList, JsonDocument, JsonList, Listing, Sitemap, SiteProfile, UrlList, address
from crawler.sitemaps import chosen, read_sitemap
from crawler.url_lists import read_addresses

_TEMPLATE = re.compile(r"<(/?)template(?=[\s>])", re.IGNORECASE)
_IN_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, kw_only=True)
class FoundLink:
    """A link of a listing: absolute URL, the listing's channel, its hints, and the listing's capture.

    `text` is the HTML of the whole article, where the listing is a feed that has it; `source` is a feed's address.
    """

    url: str
    channel: str
    hints: Hints
    record: WarcRecord | None = None
    text: str = ""
    source: str = ""


def listings(site: SiteProfile, wanted: dict[str, tuple[str, ...]]) -> tuple[Listing, ...]:
    """The listings of a site: the profile's own, then those a user asked for by template and name.

    wanted: names by template, `{"tags": ("支付宝",)}`. Raises KeyError for a template the profile does not have.
    """
    own = {listing.url for listing in site.listings}
    asked = (
        Listing(
            channel=site.templates[template].channel.format(name),
            url=site.templates[template].url.format(quote(name, safe="")),
            shape=site.templates[template].shape,
        )
        for template, names in wanted.items()
        for name in names
    )
    return (*site.listings, *(listing for listing in asked if listing.url not in own))


@dataclass(frozen=True, kw_only=True)
class ReadListing:
    """What a listing's response holds: entries, the listings that it leads on to, and its own title."""

    entries: tuple[Entry, ...]
    onward: tuple[Listing, ...] = ()
    title: str = ""


def read_listing(slug: str, listing: Listing, body: bytes, content_type: str = "") -> ReadListing:
    """A listing's response, whosever its posts are.

    Raises PageError("listing-malformed") when it is not what the profile says the listing looks like.
    """
    url = listing.url
    match listing.shape:
        case JsonList() as shape:
            value = _json(slug, url, body, content_type, shape.document)
            onward = _onward(listing, _text(value, shape.next_page))
            return ReadListing(entries=tuple(_json_entries(slug, url, shape, value)), onward=onward)
        case HtmlList() as shape:
            text = decode_page(body, content_type)[0]
            html = _html_in(slug, url, text, shape.within) if shape.within else text
            tree = page_selector(_TEMPLATE.sub(r"<\1div", html) if shape.templates else html)
            onward = _onward(listing, first_text(tree, shape.next_page) or "")
            return ReadListing(entries=tuple(_html_entries(shape, tree)), onward=onward)
        case Feed() as shape:
            from crawler.feeds import read_feed  # late: many sites have none

            feed = read_feed(url, body, content_type, shape)
            return ReadListing(entries=feed.entries, title=feed.title)
        case Sitemap() as shape:
            read = read_sitemap(url, body)
            others = (replace(listing, url=each, shape=own, form=()) for each, own in chosen(shape, read))
            return ReadListing(entries=read.entries, onward=tuple(others))
        case UrlList():
            addresses = read_addresses(url, body, content_type)
            return ReadListing(entries=tuple(Entry(href=each) for each in addresses))


def discover(site: SiteProfile, listing: Listing, body: bytes, content_type: str = "") -> list[FoundLink]:
    """The links of a listing's response, each post once, in the listing's order.

    Links that are no post of the site are left out. Raises PageError("listing-malformed") when the response is not
    what the profile says a listing looks like, and PageError("listing-empty") when it names no post at all.
    """
    read = read_listing(site.slug, listing, body, content_type)
    links = links_of(site, listing, read)
    if not links:
        raise nothing_found(site, listing, len(read.entries))
    return links


def links_of(site: SiteProfile, listing: Listing, read: ReadListing) -> list[FoundLink]:
    """The posts of a site that a listing names, each once, in the listing's order."""
    links: dict[str, FoundLink] = {}
    for entry in read.entries:
        url = absolute(listing.url, entry.href)
        place = address(site, url) if url else None
        if place is not None and place.url not in links:
            links[place.url] = FoundLink(
                url=place.url,
                channel=listing.channel,
                hints=entry.hints,
                text=entry.text,
                source=listing.url if entry.text else "",
            )
    return list(links.values())


def nothing_found(site: SiteProfile, listing: Listing, entries: int) -> PageError:
    return PageError(
        "listing-empty",
        f"{site.slug}: {listing.url}: {entries} entries and none is a post: expected at least one. "
        f"Look with `birdnest probe {site.slug}` whether the site changed its pages.",
    )


def next_listing(listing: Listing, body: bytes, content_type: str = "") -> Listing | None:
    """The listing's next page, None where its response names none."""
    try:
        return next(iter(read_listing("", listing, body, content_type).onward), None)
    except PageError:
        return None


def _onward(listing: Listing, href: str) -> tuple[Listing, ...]:
    url = absolute(listing.url, href) if href else None
    return (replace(listing, url=url, form=()),) if url and url != listing.url else ()


def _html_entries(shape: HtmlList, tree: Selector) -> Iterator[Entry]:
    for item in select(tree, shape.item):
        href = first_text(item, shape.link)
        if href:
            yield Entry(
                href=href,
                hints=Hints(
                    title=first_text(item, shape.title) or "",
                    author=first_text(item, shape.author) or "",
                    published=first_text(item, shape.published) or "",
                    updated=first_text(item, shape.updated) or "",
                    description=first_text(item, shape.description) or "",
                    tags=texts(item, shape.tags),
                ),
            )


def _json(slug: str, url: str, body: bytes, content_type: str, where: JsonDocument) -> Any:
    if where == JsonDocument():
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise PageError("listing-malformed", f"{slug}: {url}: expected JSON, found {body[:60]!r}") from error
    value = read_document(decode_page(body, content_type)[0], where)
    if value is None:
        expected = f"JSON behind {where.begin!r}" + (f" with {', '.join(where.having)}" if where.having else "")
        raise PageError("listing-malformed", f"{slug}: {url}: expected {expected}, found none in {len(body)} bytes")
    return value


def _html_in(slug: str, url: str, text: str, path: str) -> str:
    html = next(strings_at(read_document(text, JsonDocument()), path), None)
    if html is None:
        raise PageError("listing-malformed", f"{slug}: {url}: expected JSON with HTML at {path}, found {text[:60]!r}")
    return html


def _json_entries(slug: str, url: str, shape: JsonList, value: Any) -> Iterator[Entry]:
    path, good = shape.ok
    if path and _text(value, path) != good:
        raise PageError("listing-malformed", f"{slug}: {url}: {path} is {_text(value, path)!r}, expected {good!r}")
    items = _at(value, shape.items)
    if not isinstance(items, list):
        raise PageError("listing-malformed", f"{slug}: {url}: {shape.items} is no list: {items!r:.60}")
    for item in items:
        href = _link(item, shape.link)
        if href and not any(_text(item, path) == value for path, value in shape.skip):
            yield Entry(
                href=href,
                hints=Hints(
                    title=_text(item, shape.title),
                    author=_text(item, shape.author),
                    published=_text(item, shape.published),
                    updated=_text(item, shape.updated),
                    description=_text(item, shape.description),
                    tags=_tags(_at(item, shape.tags), shape.tag_separator),
                ),
            )


def _link(item: Any, path: str) -> str:
    """The text at a path, or a template with the texts at the paths in its braces; empty where one is not there."""
    names = _IN_BRACES.findall(path)
    found = {name: _text(item, name) for name in names}
    if not names or not all(found.values()):
        return "" if names else _text(item, path)
    return _IN_BRACES.sub(lambda match: found[match[1]], path)


def _at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value if path else None


def _text(value: Any, path: str) -> str:
    found = _at(value, path)
    return " ".join(str(found).split()) if isinstance(found, str | int) else ""


def _tags(value: Any, separator: str) -> tuple[str, ...]:
    parts = value.split(separator) if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(text for part in parts if isinstance(part, str) and (text := part.strip())))
