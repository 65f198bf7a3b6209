"""Listing → links to posts, with what the listing tells about each. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from archive.errors import PageError
from archive.model import WarcRecord
from crawler.pages import absolute, decode_page, first_text, page_selector, select, texts
from crawler.profile import HtmlList, JsonList, Listing, SiteProfile, address


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What a listing tells about a post, unparsed; empty where it tells nothing."""

    title: str = ""
    author: str = ""
    published: str = ""
    updated: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoundLink:
    """A link of a listing: absolute URL, the listing's channel, its hints, and the listing's capture."""

    url: str
    channel: str
    hints: Hints
    record: WarcRecord | None = None


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


def discover(site: SiteProfile, listing: Listing, body: bytes, content_type: str = "") -> list[FoundLink]:
    """The links of a listing's response, each post once, in the listing's order.

    Links that are no post of the site are left out. Raises PageError("listing-malformed") when the response is not
    what the profile says a listing looks like, and PageError("listing-empty") when it names no post at all.
    """
    if isinstance(listing.shape, JsonList):
        entries = list(_json_entries(site, listing.url, listing.shape, body))
    else:
        entries = list(_html_entries(listing.shape, decode_page(body, content_type)[0]))
    links: dict[str, FoundLink] = {}
    for href, hints in entries:
        url = absolute(listing.url, href)
        place = address(site, url) if url else None
        if place is not None and place.url not in links:
            links[place.url] = FoundLink(url=place.url, channel=listing.channel, hints=hints)
    if not links:
        raise PageError(
            "listing-empty",
            f"{site.slug}: {listing.url}: {len(entries)} entries and none is a post: expected at least one. "
            f"Look with `birdnest probe {site.slug}` whether the site changed its pages.",
        )
    return list(links.values())


def next_listing(listing: Listing, body: bytes, content_type: str = "") -> Listing | None:
    """The listing's next page, None where its response names none."""
    if isinstance(listing.shape, JsonList):
        try:
            href = _text(json.loads(body), listing.shape.next_page)
        except (ValueError, RecursionError):
            return None
    elif listing.shape.next_page:
        href = first_text(page_selector(decode_page(body, content_type)[0]), listing.shape.next_page) or ""
    else:
        return None
    url = absolute(listing.url, href) if href else None
    return replace(listing, url=url, form=()) if url and url != listing.url else None


def _html_entries(shape: HtmlList, text: str) -> Iterator[tuple[str, Hints]]:
    for item in select(page_selector(text), shape.item):
        href = first_text(item, shape.link)
        if href:
            yield (
                href,
                Hints(
                    title=first_text(item, shape.title) or "",
                    author=first_text(item, shape.author) or "",
                    published=first_text(item, shape.published) or "",
                    updated=first_text(item, shape.updated) or "",
                    description=first_text(item, shape.description) or "",
                    tags=texts(item, shape.tags),
                ),
            )


def _json_entries(site: SiteProfile, url: str, shape: JsonList, body: bytes) -> Iterator[tuple[str, Hints]]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageError("listing-malformed", f"{site.slug}: {url}: expected JSON, found {body[:60]!r}") from error
    path, good = shape.ok
    if _text(value, path) != good:
        raise PageError("listing-malformed", f"{site.slug}: {url}: {path} is {_text(value, path)!r}, expected {good!r}")
    items = _at(value, shape.items)
    if not isinstance(items, list):
        raise PageError("listing-malformed", f"{site.slug}: {url}: {shape.items} is no list: {items!r:.60}")
    for item in items:
        href = _text(item, shape.link)
        if href:
            yield (
                href,
                Hints(
                    title=_text(item, shape.title),
                    author=_text(item, shape.author),
                    published=_text(item, shape.published),
                    updated=_text(item, shape.updated),
                    description=_text(item, shape.description),
                    tags=_tags(_at(item, shape.tags), shape.tag_separator),
                ),
            )


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
