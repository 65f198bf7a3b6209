"""PostSpider: the posts that a site's listings name, and those that are due again."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Self
from zoneinfo import ZoneInfo

from scrapy import Request
from scrapy.crawler import Crawler

from archive.errors import BirdnestError, PageError
from crawler.blockade import Blockade
from crawler.discover import FoundLink, links_of, listings, nothing_found
from crawler.frontier import Due, Link, Reading
from crawler.hours import NiceHours
from crawler.profile import Listing, PostAddress, Sitemap, SiteProfile, address, numbered_url
from crawler.spiders.site import SiteSpider

_IDS_AT_A_TIME = 200


@dataclass(frozen=True, kw_only=True)
class IdRange:
    """Posts of one kind by the site's own numbers, both ends included."""

    kind: str
    first: int
    last: int


class PostSpider(SiteSpider):
    """Reads a site's listings into the frontier, all of them first, and then fetches what is due.

    A post's channel is the first listing, in the profile's order, that holds it, so every listing has to be known
    before a post is. limit: the most posts to fetch. since: an ISO 8601 date or time, in the site's zone where it
    names none; posts that a listing shows to be older are left out. full: everything known is due, and asked for
    whole. retry_failed: what failed is due. ids: fetch these, and read no listing.
    """

    def __init__(
        self,
        *args: Any,
        limit: int | str | None = None,
        since: str | None = None,
        full: bool = False,
        retry_failed: bool = False,
        ids: IdRange | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.limit = int(limit) if limit is not None else None
        self.since = datetime.fromisoformat(since) if since else None
        self.full = full
        self.retry_failed = retry_failed
        self.ids = ids
        self.nice_hours: NiceHours | None = None
        self.looks_at_all = limit is None and since is None and ids is None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        hours = cls.config(crawler.settings).site_table(cls.slug).nice_hours
        spider.nice_hours = NiceHours.parse(hours) if hours else None
        return spider

    async def start(self) -> AsyncIterator[Request]:
        try:
            self.reporter.note(*await self.state.begin(whole=True))
        except BirdnestError as error:
            self.reporter.refused(error)
            return
        if self.nice_hours is not None and not self.nice_hours.hold(self._local()):
            begin = self.nice_hours.next_begin(self._local())
            self.reporter.note(f"{self._out_of_hours()}: nothing was asked for; the next hours begin {begin:%F %H:%M}")
            self.reporter.plan(due=0, whole=False)
            return
        if self.looks_at_all:
            self.state.counts_as_last()
        if self.ids is not None:
            due = self._by_number(self.ids)
            self.reporter.plan(due=self._at_most(self.ids.last - self.ids.first + 1), whole=False, by_number=True)
        else:
            if self.full or self.retry_failed:
                states = ("archived", "failed", "gone") if self.full else ("failed",)
                self.state.frontier.ask_again(self.slug, states)
            reading = Reading(run=self.state.number)
            await self._read_listings(reading)
            due = self._due()
            due_count = self._at_most(self._count_due())
            self.reporter.plan(due=due_count, known=len(reading.quiet), whole=self.looks_at_all)
        async for request in self.post_requests(islice(due, self.limit), whole_pages=self.full):
            yield request
        if self.ids is None and self.limit is None:
            await self.retry_images()

    # -- when -----------------------------------------------------------------------------------------------------

    def _local(self) -> datetime:
        return self.now().astimezone(ZoneInfo(self.site.timezone))

    def _out_of_hours(self) -> str:
        return f"{self.slug}: it is {self._local():%H:%M} in {self.site.timezone}, outside nice_hours {self.nice_hours}"

    def _may_go_on(self) -> bool:
        if not super()._may_go_on():
            return False
        if self.nice_hours is None or self.nice_hours.hold(self._local()):
            return True
        self.reporter.note(f"{self._out_of_hours()}: what was not asked for stays open, and the next run goes on")
        blockade = self.crawler.get_extension(Blockade)
        if blockade is not None:
            blockade.close(self._out_of_hours())
        return False

    def answered(self, reason: str | None, detail: str = "") -> None:
        super().answered(reason, detail)
        self._may_go_on()  # many posts are asked for at once, and wait for their host's delay: hours may end meanwhile

    # -- listings ----------------------------------------------------------------------------------------------

    async def _read_listings(self, reading: Reading) -> None:
        for rank, listing in enumerate(listings(self.site, self.wanted_lists)):
            if self._may_go_on():
                await self._read_listing(listing, rank, reading)

    async def _read_listing(self, first: Listing, rank: int, reading: Reading) -> None:
        """Read a listing's pages until one names only what is known and unchanged; see `frontier` for what that is."""
        state = self.state
        since = state.frontier.begin_list(self.slug, first.key, reading.run)
        try:
            async for listing, found in self.pages(first):
                links = [self.as_link(link, rank) for link in found]
                if listing is first:
                    self.reporter.listed(first.key, len(links), [link.published_at for link in links])
                quiet = state.frontier.discover(
                    reading,
                    self.slug,
                    links,
                    where=" ".join(filter(None, ("list", listing.channel, listing.url))),
                    now=state.seconds,
                    since=since,
                    record=found[0].record,
                )
                if quiet and not self.full and is_in_order(listing):
                    break
        except PageError as error:
            self.answered(error.reason, str(error))
            self.reporter.listing_failed(first.url, error.reason, str(error))
        else:
            state.frontier.end_list(self.slug, first.key, now=state.seconds)

    async def pages(self, first: Listing) -> AsyncIterator[tuple[Listing, list[FoundLink]]]:
        """A listing's pages and what they name: as deep as the profile asks, or the sitemaps of an index.

        Raises PageError; where one sitemap of several cannot be read, after the others.
        """
        of_index = isinstance(first.shape, Sitemap)
        waiting, seen = deque((first,)), {first.url}
        most = first.shape.most_sitemaps + 1 if isinstance(first.shape, Sitemap) else self.site.depth
        failed: PageError | None = None
        named = entries = 0
        while waiting and len(seen) - len(waiting) < most:
            at = waiting.popleft()
            try:
                read, record = await self.read(at)
            except PageError as error:
                if at is first or not of_index:
                    raise
                failed = failed or error
                continue
            links = [replace(link, record=record) for link in links_of(self.site, at, read)]
            if not links and not of_index:
                raise nothing_found(self.site, at, len(read.entries))
            named, entries = named + len(links), entries + len(read.entries)
            onward = {each.url: each for each in read.onward if each.url not in seen}
            waiting.extend(onward.values())
            seen.update(onward)
            if links:
                yield at, self.keep_texts(links)
        if failed is not None:
            raise failed
        if not named:
            raise nothing_found(self.site, first, entries)

    # -- what is due -------------------------------------------------------------------------------------------

    def since_seconds(self) -> int | None:
        if self.since is None:
            return None
        return int(self.since.replace(tzinfo=self.since.tzinfo or ZoneInfo(self.site.timezone)).timestamp())

    def _due(self) -> Iterator[Due]:
        return self.state.frontier.due(self.slug, now=self.state.seconds, since=self.since_seconds())

    def _count_due(self) -> int:
        return self.state.frontier.count_due(self.slug, now=self.state.seconds, since=self.since_seconds())

    def _at_most(self, count: int) -> int:
        return count if self.limit is None else min(count, self.limit)

    def _by_number(self, ids: IdRange) -> Iterator[Due]:
        """The posts of a range that are open or were never looked for; every id is in the frontier before its fetch."""
        state = self.state
        for first in range(ids.first, ids.last + 1, _IDS_AT_A_TIME):
            places = [
                numbered(self.site, ids.kind, number)
                for number in range(first, min(first + _IDS_AT_A_TIME, ids.last + 1))
            ]
            links = [Link(url=place.url, post=place.id) for place in places]
            where = f"ids {ids.kind} {ids.first}-{ids.last}"
            state.frontier.add_all(self.slug, links, where=where, run=state.number, now=state.seconds)
            for link in links:
                due = state.frontier.get(self.slug, link.url)
                if due is not None and (due.state == "open" or self.full):
                    yield due
                else:
                    self.reporter.known_already()


def is_in_order(listing: Listing) -> bool:
    """Whether behind a page that names nothing new there is nothing new: not so where sitemaps tell no times."""
    return not isinstance(listing.shape, Sitemap) or listing.shape.newest_first


def numbered(site: SiteProfile, kind_name: str, number: int) -> PostAddress:
    """The post of a site's own number. Raises KeyError for a kind the site does not have."""
    kind = {kind.name: kind for kind in site.kinds}[kind_name]
    place = address(site, numbered_url(kind, number) or "")
    if place is None:
        raise AssertionError(f"{site.slug}: {kind.canonical} is no address of the kind {kind.name}")
    return place
