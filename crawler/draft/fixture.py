"""A page → the files of a test case: its bytes, what was known when it was fetched, and what is made of it today.

Three kinds of case, as `tests/crawler/test_sites.py` has them: a post, a page that is refused for a reason, a list.
`post.json`, `refusal.json` and `links.json` are drafts: they say what the profile does, which a person compares with
what the page shows.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from archive.errors import PageError
from crawler.discover import FoundLink, discover
from crawler.draft.pages import Seen
from crawler.extract import Page, extract, own_address, refuse_challenges, refuse_other_pages
from crawler.profile import Listing, PostAddress, SiteProfile, address
from pipelines.item import RawPost

UNCOMPARED = frozenset({"source_sha256", "extractor", "clean_rules", "page", "warc", "base_url", "original", "sources"})
"""Two digests, the rules, the page itself and its captures: each changes with things that are not the site's. The
others are of posts that come from elsewhere."""
COMPARED = tuple(name for name in RawPost.__dataclass_fields__ if name not in UNCOMPARED)
"""The fields of a post that `post.json` holds."""
REFUSALS = ("captcha", "soft-404", "refused", "no-readable-body")
"""The reasons that a profile's marks give."""


def listing_at(site: SiteProfile, url: str) -> Listing | None:
    """The listing of a site that has an address."""
    return next((listing for listing in site.listings if listing.url == url), None)


def case_name(site: SiteProfile, url: str) -> str:
    """What a case of an address is called where nobody says: the post's id, or `list`, with its number from 2 on."""
    listing = listing_at(site, url)
    if listing is None:
        return _place(site, url).id
    number = site.listings.index(listing)
    return f"list-{number + 1}" if number else "list"


def case_files(site: SiteProfile, seen: Seen, found: FoundLink | None = None) -> dict[str, bytes]:
    """The files of the case that a page is of, by name.

    found: what a list said of a post; None for a URL given by hand. Raises PageError for a page that is no post of
    the site and none that its marks tell, or that lacks a required field.
    """
    listing = listing_at(site, seen.url)
    if listing is not None:
        return _list_files(site, listing, seen)
    try:
        return _post_files(site, seen, found)
    except PageError as error:
        if error.reason not in REFUSALS:
            raise
        about = {"url": seen.url, "content_type": seen.content_type}
        return {
            _file("page", seen): seen.body,
            "meta.json": _json(about),
            "refusal.json": _json({"reason": error.reason}),
        }


def _post_files(site: SiteProfile, seen: Seen, found: FoundLink | None) -> dict[str, bytes]:
    refuse_challenges(site, seen.url)
    place = _place(site, seen.url)
    page = Page.of(seen.url, seen.body, seen.content_type, place.kind)
    refuse_other_pages(site, place, page)
    post = extract(site, own_address(place, page), [page], found=found, fetched_at=seen.fetched_at)
    about = {
        "url": seen.url,
        "requested_url": post.requested_url,
        "content_type": seen.content_type,
        "fetched_at": seen.fetched_at.isoformat(),
        "channel": found.channel if found else None,
        "hints": {name: value for name, value in vars(found.hints).items() if value} if found else None,
    }
    return {_file("page", seen): seen.body, "meta.json": _json(about), "post.json": _json(compared(post))}


def _list_files(site: SiteProfile, listing: Listing, seen: Seen) -> dict[str, bytes]:
    links = discover(site, listing, seen.body, seen.content_type)
    about = {"listing": listing.url, "content_type": seen.content_type}
    named = {_file("list", seen): seen.body, "meta.json": _json(about)}
    return {**named, "links.json": _json([told(link) for link in links])}


def compared(post: RawPost) -> dict[str, Any]:
    """The fields of a post that a case compares, as JSON has them."""
    values = {name: getattr(post, name) for name in COMPARED}
    value: dict[str, Any] = json.loads(json.dumps(values, default=_written))
    return value


def told(link: FoundLink) -> dict[str, Any]:
    """A link of a list with what the list tells of it, as JSON has them."""
    hints = {name: list(value) if name == "tags" else value for name, value in vars(link.hints).items() if value}
    return {"url": link.url, **hints, **({"text": link.text} if link.text else {})}


def _file(stem: str, seen: Seen) -> str:
    """The name for a page's bytes, by what they look like."""
    begin = seen.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:500].lower()
    if begin.startswith((b"{", b"[")):
        return f"{stem}.json"
    is_feed = any(mark in begin for mark in (b"<rss", b"<feed", b"<rdf", b"<urlset", b"<sitemapindex"))
    return f"{stem}.xml" if is_feed and begin.startswith(b"<") else f"{stem}.html"


def _place(site: SiteProfile, url: str) -> PostAddress:
    place = address(site, url)
    if place is None:
        kinds = ", ".join(f"{kind.name} {kind.url}" for kind in site.kinds)
        raise PageError("no-post", f"{site.slug}: {url} is no address of a post there: expected {kinds}")
    return place


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _json(value: object) -> bytes:
    # A page may hold half of a surrogate pair, which UTF-8 cannot: JSON's escape can.
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(value, indent=2)}\n".encode()
