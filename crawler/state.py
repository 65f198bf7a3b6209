"""Crawl state of one run: the archive's frontier, the site's lease, and the captures under way.

Lies in the user's state folder::

    frontier/<archive id>.sqlite      every URL ever found, and what became of it
    history/<archive id>.sqlite       the runs of the sites
    leases/<archive id>-<site>.lock   who crawls the site now
    blocked/<site>.json               the site kept the last run away
    hosts/<host>                      when the next request may be sent there
    spool/<archive id>/<site>/        captures that are not in the archive yet
    rejected/<site>/<run>/            pages that gave no post
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response

from archive import ArchiveReader
from archive.document import read_front
from archive.errors import DamageError, ObjectMissing, StoreError
from archive.layout import PostRef, parse_post_key
from archive.model import MissingImage, RunReport, WarcRecord
from archive.register import Entry, entries, taken_down
from archive.store import Store
from archive.traces import Text, address_digest
from crawler.capture import Earlier, Exchange, Spool, Written, abandoned, header_pairs, last_ones, records, upload
from crawler.frontier import Frontier, Held, Link, frontier_file, has_address
from crawler.history import History, PastRun, history_file
from crawler.identity import BLOCKED
from crawler.jsonlog import RUNNING
from crawler.lease import return_lease, take_lease
from crawler.profile import SiteProfile
from pipelines.clock import clock
from pipelines.item import PostItem
from pipelines.session import ArchiveSession

if TYPE_CHECKING:
    from archive.views.catalogue import Held as InCatalogue

RECORDS = "birdnest_records"
MAY_PASS = BLOCKED | {
    *("timeout", "unreachable", "broken-off", "bad-encoding", "download-failed", "retry-after", "address-refused"),
    *("bug", "archive-damaged"),
}
_MAY_PASS_STATUSES = ("http-403", "http-408", "http-425", "http-429", "http-5")
_READERS = 16
_LEARN_EVERY = timedelta(
    minutes=10
)  # of runs elsewhere, which the verdict compares with: that need not be to the minute
_AHEAD = 256
_SOON_BYTES = 8 * 1024 * 1024  # what is uploaded within the seconds that an interrupted run still has


def run_id(started_at: datetime, slug: str) -> str:
    """`20261122T080000Z-<site>-<6 hex digits>`: sorts by time, and two runs never share one."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{slug}-{secrets.token_hex(3)}"


def may_pass(reason: str) -> bool:
    """Whether a failure is one that the next run may not meet."""
    return reason in MAY_PASS or reason.startswith(_MAY_PASS_STATUSES)


@dataclass(frozen=True, kw_only=True)
class Validators:
    """What a page's answer says to ask with next time (RFC 9110, 8.8)."""

    etag: str | None
    last_modified: str | None

    @classmethod
    def of(cls, response: Response) -> Self:
        def value(name: str) -> str | None:
            found = response.headers.get(name)
            return found.decode("latin-1") if found else None

        return cls(etag=value("ETag"), last_modified=value("Last-Modified"))


class CrawlState:
    """A Scrapy extension; `begin` opens it. `run` names the run from the start."""

    frontier: Frontier
    history: History

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        self._crawler = crawler
        self.site: SiteProfile = spider.site
        self.now = clock()
        self.started_at = self.now()
        self.run = run_id(self.started_at, self.site.slug)
        RUNNING.set((self.site.slug, self.run))
        self.number = 0
        self.folder = Path(crawler.settings["BIRDNEST_STATE"])
        self._raw: str = crawler.settings["BIRDNEST_RAW"]
        self._spool: Spool | None = None
        self._exchanges = 0
        self._validators: dict[str, Validators] = {}
        self._open = False
        self._leased = False
        self._taken_down: set[tuple[str, str]] = set()
        self._addresses: set[str] = set()
        self._entries: tuple[Entry, ...] = ()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        state = cls(crawler)
        crawler.signals.connect(state._scraped, signal=signals.item_scraped)
        crawler.signals.connect(state._ended, signal=signals.engine_stopped)
        return state

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The state of a crawl. Raises NotConfigured when the extension is switched off."""
        state = crawler.get_extension(cls)
        if state is None:
            raise NotConfigured("crawler.state.CrawlState is not among EXTENSIONS")
        return state

    @property
    def seconds(self) -> int:
        return int(self.now().timestamp())

    @property
    def _session(self) -> ArchiveSession:
        return ArchiveSession.of(self._crawler)

    async def begin(self, *, whole: bool) -> list[str]:
        """Open the frontier, first of all; returns notes for the report.

        whole: for a crawl of the site, which needs its lease and a frontier that knows all of the archive. Raises
        LeaseHeld, ConfigError, StoreError.
        """
        archive = self._session.archive
        notes: list[str] = []
        if whole:
            take_lease(self.folder, archive.info.id, self.site.slug, now=self.started_at)
            self._leased = True
        self.history = History(history_file(self.folder, archive.info.id))
        self.frontier = Frontier(
            frontier_file(self.folder, archive.info.id),
            recheck_days=self._crawler.settings.getlist("BIRDNEST_RECHECK_DAYS"),
        )
        self._open = True
        await self._learn_takedowns(notes)
        if whole:
            await self._session.run(self.history.learn, archive, now=self.started_at, at_most_old=_LEARN_EVERY)
        if self._raw != "none":
            folder = self.folder / "spool" / archive.info.id
            notes += await self._session.run(self._upload_abandoned, folder)
            self._spool = Spool(folder / self.site.slug, self.site.slug, self.run)
        self.number = self.frontier.begin_run(self.run, self.site.slug, now=self.seconds)
        if whole and (why := await self._session.run(self._why_rebuild)):
            made_at = int(archive.info.created.timestamp())
            count = await self._session.run(
                lambda: self.frontier.rebuild(
                    held_posts(archive, self._damaged(notes)), now=self.seconds, made_at=made_at
                )
            )
            notes += [f"the frontier was rebuilt from the archive, which holds {count} posts: {why}"] if count else []
        return notes

    async def _learn_takedowns(self, notes: list[str]) -> None:
        """Learn what was taken down, here or elsewhere, before anything is fetched."""
        store = self._session.archive.store
        self._taken_down = await self._session.run(taken_down, store)
        if not self._taken_down:
            return
        self._entries = await self._session.run(lambda: tuple(entries(store, notes.append)))
        for entry in self._entries:
            self._addresses |= {*entry.traces.addresses}
            records = (*entry.cut, *entry.emptied)
            self.frontier.take_down(entry.site, entry.id, records=records, run=self.run, now=self.seconds)

    def is_taken_down(self, post: str, url: str) -> bool:
        """Whether a post of the site is in the archive's register of what was taken down, by its id or an address."""
        return (self.site.slug, post) in self._taken_down or (
            bool(self._addresses) and has_address(url) and address_digest(url) in self._addresses
        )

    def was_taken_down(self, *texts: str) -> bool:
        """Whether some texts are those of a post that was taken down, whatever its address is."""
        text = Text(texts) if self._entries else None
        return text is not None and any(entry.traces.are_in(text) for entry in self._entries)

    def _damaged(self, notes: list[str]) -> Callable[[str], None]:
        return lambda detail: notes.append(f"not taken into the frontier: {detail}")

    def _why_rebuild(self) -> str | None:
        if not self.frontier.is_complete:
            return "there was none"
        created, began = self._session.archive.info.created, self.frontier.first_began()
        if began is not None and began < int(created.timestamp()):
            return f"the archive was made on {created:%Y-%m-%d %H:%M}, after runs that the frontier knew"
        report = self.frontier.last_report()
        if report is None or any(info.key == report for info in self._session.archive.store.list(report)):
            return None
        return f"the archive lacks {report}, so it is not as the frontier knew it"

    def _upload_abandoned(self, folder: Path) -> list[str]:
        notes = []
        for file in abandoned(folder):
            key = upload(self._session.archive, file)
            notes += [f"uploaded {key}, which an earlier run had left"] if key else []
        return notes

    # -- posts -------------------------------------------------------------------------------------------------

    def answered(self, url: str, validators: Validators | None) -> None:
        """A post's page is there. validators: None where the post has more than one page."""
        self._validators[url] = validators or Validators(etag=None, last_modified=None)

    def _scraped(self, item: PostItem) -> None:
        outcome = item.outcome
        if outcome is None:
            raise AssertionError("an item leaves the pipelines with an outcome")
        validators = self._validators.pop(item.requested_url, Validators(etag=None, last_modified=None))
        if outcome.status == "known" and self._knows(item):
            return  # of a page that was fetched a file says nothing
        wrote = outcome.status in ("new", "changed")
        missing = item.missing_images if wrote or item.head is None else item.head.document.missing_images
        text = f"{outcome.status}: v{outcome.version}"
        if wrote:
            text += f", {len(item.images)} images kept" + (f", {len(missing)} missing" if missing else "")
        self.frontier.archived(
            item.site,
            item.url,
            status=outcome.status,
            version=outcome.version,
            source_sha256=item.source_sha256 if outcome.status != "known" else None,
            etag=validators.etag,
            last_modified=validators.last_modified,
            retryable=retryable(missing),
            run=self.run,
            now=self.seconds,
            text=text,
        )

    def _knows(self, item: PostItem) -> bool:
        row = self.frontier.get(item.site, item.url)
        return row is not None and row.version is not None

    def failed(self, url: str, reason: str, detail: str) -> bool:
        """A URL gave no post. Returns whether that marks an archived post as gone from its site."""
        self._validators.pop(url, None)
        if not self._open or reason == "store-failed":
            return False  # it stays open as it is
        known = self.frontier.get(self.site.slug, url)
        if known is None:
            return False
        about: dict[str, Any] = {"reason": reason, "detail": detail, "run": self.run, "now": self.seconds}
        is_gone = reason in ("http-404", "http-410", "soft-404")
        if is_gone and known.version is not None:
            self.frontier.gone(self.site.slug, url, **about)
            return True
        never = is_gone and known.channel == "" and known.hints == {} and known.state == "open"
        self.frontier.failed(self.site.slug, url, may_pass=may_pass(reason), never_again=never, **about)
        return False

    def leads_to(self, url: str, target: Link) -> bool:
        """A URL leads to another post; whether that one was known before, so that it has a fetch of its own."""
        site, now = self.site.slug, self.seconds
        known = self.frontier.get(site, target.url)
        if known is None:
            self.frontier.add(site, target, where=f"{url}, which leads here", run=self.number, now=now)
        self.frontier.alias(site, url, target.url, run=self.run, now=now)
        return known is not None

    def identified(self, url: str, post: str) -> bool:
        """The page of a URL tells which post it is; whether that is archived by another URL, which this one leads to.

        Another URL that is only open is no reason to pass this page by: the site may refuse that one.
        """
        site = self.site.slug
        other = self.frontier.archived_at(site, post, besides=url)
        if other is not None:
            self.frontier.alias(site, url, other, run=self.run, now=self.seconds)
            return True
        self.frontier.identify(site, url, post)
        return False

    def leads_away(self, url: str, target: str) -> None:
        """A URL leads to a post of another site, which has a frontier's row there."""
        self.frontier.alias(self.site.slug, url, target, run=self.run, now=self.seconds)

    # -- captures ----------------------------------------------------------------------------------------------

    def captures(self, *, of_page: bool) -> bool:
        """Whether an answer is to be captured: one of a page or a list, or one of an image or a robots.txt."""
        return self._spool is not None and (of_page or self._raw == "all")

    async def capture(self, exchange: Exchange) -> WarcRecord:
        """Write an exchange, durably, and return the record that holds its payload."""
        spool = self._spool
        if spool is None:
            raise AssertionError("captures are on")
        earlier = self.frontier.last_capture(exchange.target)
        self._exchanges += 1
        number = self._exchanges

        def write() -> tuple[Written, str]:
            written = records(exchange, self.run, number, earlier)
            return written, spool.append(written)

        written, segment = await self._session.run_in_turn(write)
        whole = written.segment is None and exchange.status == 200  # noqa: PLR2004 - HTTP's own number
        if whole:
            here = Earlier(digest=written.digest, record_id=written.record_id, date=written.date, segment=segment)
            self.frontier.captured(exchange.target, here)
        return WarcRecord(segment=written.segment or segment, record_id=written.record_id)

    async def finish(self, *, interrupted: bool) -> list[str]:
        """Upload what was captured; returns notes for the report. An interrupted run leaves much to the next one."""
        if self._spool is None:
            return []
        spool = self._spool
        await self._session.run_in_turn(spool.close)
        now = last_ones(spool.full, most_bytes=_SOON_BYTES) if interrupted else spool.full
        left = len(spool.full) - len(now)
        for segment in now:
            try:
                await self._session.write(upload, self._session.archive, segment.file, segment)
            except StoreError:
                left += 1
        return [f"{left} captures are not in the archive yet: the next run uploads them"] if left else []

    def counts_as_last(self) -> None:
        """The run is a whole one: from now on it counts as its site's last."""
        self.history.began(self.run, self.site.slug, at=self.started_at)

    def earlier_runs(self) -> list[PastRun]:
        """The site's whole runs before this one, newest first; none where the crawl state was never opened."""
        return self.history.runs(self.site.slug) if self._open else []

    def judged(self, report: RunReport) -> None:
        """The run has its verdict."""
        if self._open:
            self.history.ended(report)

    def reported(self, key: str) -> None:
        """The run's report is in the archive."""
        if self._open:
            self.frontier.end_run(self.number, key)

    def _ended(self) -> None:
        if self._open:
            self._open = False
            self.frontier.close()
            self.history.close()
        if self._leased:
            return_lease(self.folder, self._session.archive.info.id, self.site.slug)


class CaptureMiddleware:
    """Captures answers as they come from the host, below the middleware that decompresses them.

    The records are gathered in the request's meta, redirects before what they lead to.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_response(self, request: Request, response: Response) -> Response:
        state = self._crawler.get_extension(CrawlState)
        if state is None or not state.captures(of_page=not request.meta.get("birdnest_robots")):
            return response
        exchange = Exchange(
            method=request.method,
            url=request.url,
            request_headers=[("Host", urlsplit(request.url).netloc), *header_pairs(request.headers)],
            request_body=request.body,
            status=response.status,
            headers=header_pairs(response.headers),
            body=response.body,
            at=state.now(),
            address=str(response.ip_address) if response.ip_address else None,
        )
        record = await state.capture(exchange)
        if response.status < 400:  # noqa: PLR2004 - what is tried again is no part of the post
            request.meta.setdefault(RECORDS, []).append(record)
        return response


def captured(response: Response) -> tuple[WarcRecord, ...]:
    """The records of an answer and of the redirects that led to it."""
    request = response.request
    return tuple(request.meta.get(RECORDS, ())) if request is not None else ()


def retryable(missing: tuple[MissingImage, ...]) -> dict[str, str]:
    """The reasons of missing images that may be had later, by their URLs."""
    return {image.url: image.reason for image in missing if image.retryable and "://" in image.url[:8]}


def held_posts(archive: ArchiveReader, complain: Callable[[str], None]) -> Iterator[Held]:
    """What an archive holds, one for each post; `complain` is told of documents that are damaged.

    A post whose newest version has a row in the archive's catalogue is taken from there, all others are read, some
    ahead. What the listing has is what counts: a row stands for a document of its key and size that is older.
    """
    from archive.views.catalogue import places
    from archive.views.sources import newest

    store = archive.store
    if any(True for _ in places(store)):
        unread = {source.ref: (source.info.bytes, source.info.modified) for source in newest(store)}
        yield from _held_in_catalogue(store, unread)
        refs: Iterator[PostRef] = iter(unread)
    else:
        refs = archive.posts()

    def read(ref: PostRef) -> Held | None:
        try:
            return _held(ref, read_front(store.read(ref.key), name=ref.key))
        except (DamageError, ObjectMissing) as error:
            complain(str(error))
            return None

    with ThreadPoolExecutor(_READERS, "rebuild") as threads:
        while batch := list(islice(refs, _AHEAD)):
            yield from filter(None, threads.map(read, batch))


def _held_in_catalogue(store: Store, unread: dict[PostRef, tuple[int, datetime]]) -> Iterator[Held]:
    """What the catalogue tells of posts; it is taken out of `unread`."""
    from archive.views.catalogue import rows_that_stand

    def wanted(row: InCatalogue, key: str) -> bool:
        ref = parse_post_key(key)
        listed = unread.get(ref) if ref is not None else None
        return listed is not None and row.stands_for(*listed)

    for row in rows_that_stand(store, wanted):
        ref = parse_post_key(row["key"])
        if ref is None or ref not in unread:
            continue
        try:
            held = _held(ref, row | {"op": "takedown" if row["taken_down"] else None})
        except DamageError:
            continue  # read as if there were no row
        del unread[ref]
        if held is not None:
            yield held


def _held(ref: PostRef, front: Mapping[str, Any]) -> Held | None:
    try:
        if front.get("op") == "takedown":
            return _taken_down(ref, front)
        missing = tuple(MissingImage(**image) for image in front["missing_images"])
        categories = front["categories"]
        published = front["published_at"]
        return Held(
            site=ref.site,
            url=front["url"],
            post=ref.id,
            channel=categories[2] if len(categories) > 2 else "",  # noqa: PLR2004 - [group, site, channel]
            version=ref.version,
            source_sha256=front["source_sha256"],
            fetched_at=int(datetime.fromisoformat(front["fetched_at"]).timestamp()),
            published_at=int(datetime.fromisoformat(published).timestamp()) if published else None,
            retryable=tuple(retryable(missing).items()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError(f"{ref.key}: its front matter is not that of a post: {error!r}") from error


def _taken_down(ref: PostRef, front: Mapping[str, Any]) -> Held | None:
    if not isinstance(front.get("url"), str):
        return None
    return Held(
        site=ref.site,
        url=front["url"],
        post=ref.id,
        channel="",
        version=ref.version,
        source_sha256=None,
        fetched_at=0,
        published_at=None,
        gone=True,
    )
