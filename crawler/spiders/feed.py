"""FeedSpider: the posts that feeds name, of one site; several of these share what their feeds name of each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from scrapy import Request

from archive.errors import BirdnestError, PageError, UnsupportedUrlError
from archive.model import WarcRecord
from crawler.addresses import place_of
from crawler.discover import FoundLink
from crawler.frontier import Due, Link, Reading
from crawler.pages import absolute
from crawler.profile import Listing
from crawler.sites import all_sites
from crawler.spiders.site import SiteSpider

_RANK = 1000  # behind all listings of a site's own
Links = Mapping[str, Sequence[FoundLink]]
"""Links by the slugs of their sites."""


class Exchange:
    """Where spiders bring what their feeds name, and take what all feeds name of their own site.

    What is of a site that has no spider here is given to `start`, once everybody has brought theirs.
    """

    def __init__(self, slugs: Iterable[str], start: Callable[[str, tuple[FoundLink, ...]], None]) -> None:
        self._own = frozenset(slugs)
        self._missing = set(self._own)
        self._start = start
        self._links: dict[str, dict[str, FoundLink]] = {}
        self._all = asyncio.Event()

    async def bring(self, slug: str, links: Links) -> tuple[FoundLink, ...]:
        """Bring the links of a spider's feeds, wait for those of the others, and take those of its own site."""
        for site, found in links.items():
            known = self._links.setdefault(site, {})
            for link in found:
                known.setdefault(link.url, link)
        self.leave(slug)
        await self._all.wait()
        return tuple(self._links.get(slug, {}).values())

    def leave(self, slug: str) -> None:
        """A spider has brought all that it will ever bring."""
        self._missing.discard(slug)
        if self._missing or self._all.is_set():
            return
        self._all.set()
        for site, found in self._links.items():
            if site not in self._own:
                self._start(site, tuple(found.values()))


class FeedSpider(SiteSpider):
    """Reads feeds and fetches what they name of its site, as far as it is new, changed or due.

    exchange: where what is of other sites goes. given: links that other spiders' feeds named. limit, since, full: as
    for PostSpider.
    """

    def __init__(
        self,
        *args: Any,
        feeds: Sequence[Listing] = (),
        exchange: Exchange | None = None,
        given: Sequence[FoundLink] = (),
        limit: int | None = None,
        since: str | None = None,
        full: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.feeds = tuple(feeds)
        self.exchange = exchange
        self.given = tuple(given)
        self.limit = limit
        self.since = datetime.fromisoformat(since).astimezone() if since else None
        self.full = full

    async def start(self) -> AsyncIterator[Request]:
        try:
            self.reporter.note(*await self.state.begin(whole=True))
        except BirdnestError as error:
            self.reporter.refused(error)
            if self.exchange is not None:
                self.exchange.leave(self.slug)
            return
        links = self.given
        if self.exchange is not None:
            links = await self.exchange.bring(self.slug, await self._read_feeds())
        reading = Reading(run=self.state.number)
        due = self._discover(reading, self.keep_texts(links))
        self.reporter.plan(due=len(due), known=len(reading.quiet), whole=False)
        async for request in self.post_requests(due, whole_pages=self.full):
            yield request

    async def _read_feeds(self) -> dict[str, list[FoundLink]]:
        found: dict[str, list[FoundLink]] = {}
        for feed in self.feeds:
            try:
                named = await self._read_feed(feed)
            except PageError as error:
                self.reporter.listing_failed(feed.url, error.reason, str(error))
                continue
            for slug, link in named:
                found.setdefault(slug, []).append(link)
        return found

    async def _read_feed(self, feed: Listing) -> list[tuple[str, FoundLink]]:
        """What a feed names, each with its site. Raises PageError."""
        read, record = await self.read(feed)
        found, refused = [], 0
        for entry in read.entries:
            url = absolute(feed.url, entry.href)
            try:
                slug, place = place_of(url or entry.href)
            except UnsupportedUrlError:
                refused += 1
                continue
            # A known site's posts take their channel from the site's own lists.
            channel = "" if slug in all_sites() else read.title
            told: dict[str, Any] = {"hints": entry.hints, "text": entry.text, "source": feed.url, "record": record}
            found.append((slug, FoundLink(url=place.url, channel=channel, **told)))
        if refused:
            self.reporter.note(f"{feed.url}: {refused} of {len(read.entries)} entries lead to nothing that is a post")
        if not found:
            raise PageError(
                "listing-empty",
                f"{self.slug}: {feed.url}: {len(read.entries)} entries and none leads to a page: expected at least one",
            )
        return found

    def _discover(self, reading: Reading, links: Sequence[FoundLink]) -> list[Due]:
        """Note what the feeds name, and what of it there is to fetch."""
        state, rows = self.state, []
        groups: dict[tuple[str, WarcRecord | None], list[Link]] = {}
        for found in links:
            link = self.as_link(found, _RANK)
            if self._is_wanted(link):
                rows.append(link)
                groups.setdefault((found.source, found.record), []).append(link)
        for (source, record), group in groups.items():
            state.frontier.discover(reading, self.slug, group, where=f"feed {source}", now=state.seconds, record=record)
        would = state.frontier.would(self.slug, rows, now=state.seconds)
        urls = [link.url for link in rows] if self.full else list(would)
        due = (state.frontier.get(self.slug, url) for url in urls[: self.limit])
        return [row for row in due if row is not None]

    def _is_wanted(self, link: Link) -> bool:
        if self.since is None or link.published_at is None:
            return True
        return link.published_at >= int(self.since.timestamp())
