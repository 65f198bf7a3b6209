"""PostSpider: all posts that a site's listings name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from scrapy import Request

from archive.errors import PageError, StoreError
from crawler.discover import FoundLink, discover, listings
from crawler.profile import Listing
from crawler.spiders.site import SiteSpider
from pipelines.dates import parse_moment


class PostSpider(SiteSpider):
    """Reads a site's listings, all of them first, and then fetches what they name.

    A post's channel is the first listing, in the profile's order, that holds it, so every listing has to be known
    before a post is. limit: the most posts to fetch. since: an ISO 8601 date or time, in the site's zone where it
    names none; posts that a listing shows to be older are left out.
    """

    def __init__(self, *args: Any, limit: int | str | None = None, since: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limit = int(limit) if limit is not None else None
        self.since = datetime.fromisoformat(since) if since else None

    async def start(self) -> AsyncIterator[Request]:
        try:
            await self.session.learn_heads(self.slug)
        except StoreError as error:
            self.reporter.store_failed(error)
            return
        chosen = self._choose(await self._read_listings())
        self.reporter.expect_all(whole=self.limit is None and self.since is None)
        for request in self.post_requests(chosen):
            yield request

    async def _read_listings(self) -> dict[str, FoundLink]:
        asked = listings(self.site, self.wanted_lists)
        results = await asyncio.gather(*(self._read_listing(listing) for listing in asked))
        links: dict[str, FoundLink] = {}
        for link in (link for result in results for link in result):
            links.setdefault(link.url, link)
            links[link.url] = _merge(links[link.url], link)
        return links

    async def _read_listing(self, listing: Listing) -> list[FoundLink]:
        try:
            response = await self.fetch(listing.url, form=listing.form)
            content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
            return discover(self.site, listing, response.body, content_type)
        except PageError as error:
            self.reporter.listing_failed(listing.url, error.reason, str(error))
            return []

    def _choose(self, links: dict[str, FoundLink]) -> Sequence[FoundLink]:
        chosen = [link for link in links.values() if not self._too_old(link)]
        return chosen[: self.limit]

    def _too_old(self, link: FoundLink) -> bool:
        if self.since is None:
            return False
        told = parse_moment(link.hints.published, fetched_at=self.now(), zone=self.site.timezone)
        zone = self.since.tzinfo or ZoneInfo(self.site.timezone)
        return told is not None and told.at < self.since.replace(tzinfo=zone)


def _merge(first: FoundLink, other: FoundLink) -> FoundLink:
    """The first listing's link, with what only a later listing tells."""
    hints = {name: value or getattr(other.hints, name) for name, value in vars(first.hints).items()}
    return FoundLink(url=first.url, channel=first.channel, hints=type(first.hints)(**hints))
