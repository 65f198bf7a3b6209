"""What a run did: every URL accounted for, a verdict against the site's expectations, and the report in the archive.

Verdicts and their exit codes: `fine` 0 · `below expectations` 4 · `unreachable` 5 · `store failed` 6 ·
`archive damaged` 7 · `not begun` that of what kept it from beginning (8: another run crawls the site) · `bug` 1 ·
`interrupted` 130.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from archive.errors import BirdnestError, DamageError, StoreError
from archive.layout import PostRef
from archive.model import Failure, RunReport
from archive.writer import GENERATOR, Outcome
from crawler.blockade import Blockade
from crawler.figures import FigureCount
from crawler.identity import BLOCKED
from crawler.profile import SiteProfile
from crawler.rejects import keep_reject
from crawler.state import CrawlState
from crawler.verdict import Earlier, shortfalls
from pipelines.clock import clock
from pipelines.images import INTERRUPTED
from pipelines.item import PostItem, RejectedPost
from pipelines.session import ArchiveSession

logger = logging.getLogger(__name__)
UNREACHABLE = BLOCKED | {"timeout", "unreachable", "broken-off", "robots-disallowed", "retry-after", "address-refused"}
_NO_POST = ("http-404", "http-410", "soft-404")
_FEW = 10  # too few posts to speak of a share
EXIT_CODES: Mapping[str, int] = {
    "fine": 0,
    "bug": 1,
    "below expectations": 4,
    "unreachable": 5,
    "store failed": 6,
    "archive damaged": 7,
    "not begun": 8,
    "interrupted": 130,
}
SEVERITY = (
    "fine",
    "below expectations",
    "unreachable",
    "not begun",
    "store failed",
    "archive damaged",
    "bug",
    "interrupted",
)
"""Verdicts from best to worst: of several sites' runs, the worst decides the exit code."""


@dataclass(kw_only=True)
class Tally:
    """The counts of a run so far; what a progress bar shows."""

    found: int = 0
    ended: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    images_kept: int = 0
    images_missing: Counter[str] = field(default_factory=Counter)
    documents: dict[str, str] = field(default_factory=dict)
    open_urls: set[str] = field(default_factory=set)
    store_error: str | None = None
    refused: str | None = None
    bug: str | None = None
    blocked: str | None = None
    whole: bool = True

    @property
    def unfinished(self) -> int:
        return self.found - self.ended


Listener = Callable[[Tally], None]


def expected(site: SiteProfile, url: str, reason: str, what: Literal["post", "listing"] = "post") -> bool:
    """Whether the profile declares a failure as one that does not fail a run."""
    return any(f.what == what and f.reason == reason and re.search(f.url, url) for f in site.expectations.failures)


def verdict(
    site: SiteProfile, tally: Tally, *, interrupted: bool, short: Sequence[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """A run's verdict and the reasons for it, each a line a person can act on. Pure.

    short: what its figures lack, by `crawler.verdict.shortfalls`; it counts for whole runs only.
    """
    for result, why in (("bug", tally.bug), ("store failed", tally.store_error), ("not begun", tally.refused)):
        if why:
            return result, (why,)
    damaged = tuple(f.detail for f in tally.failures if f.reason == "archive-damaged")
    if damaged:
        return "archive damaged", damaged
    if interrupted:
        return "interrupted", (f"stopped with {tally.unfinished} posts to do: run again, it goes on from there",)
    unreachable = tally.blocked or _unreachable(tally)
    if unreachable:
        return "unreachable", (unreachable,)
    reasons = [f.detail for f in tally.failures if not f.expected]
    reasons += _lost(site, tally) if not reasons else ()
    reasons += _gone(site, tally)
    least, most = site.expectations.min_found, site.expectations.max_missing_images_share
    if tally.whole and tally.found < least:
        reasons.append(f"{site.slug}: {tally.found} posts found, expected at least {least}")
    reasons += [f"{site.slug}: {line}" for line in short if tally.whole]
    missing = sum(tally.images_missing.values())
    if missing > most * (missing + tally.images_kept) and missing > 1:
        reasons.append(f"{site.slug}: {missing} of {missing + tally.images_kept} images missing, expected {most:.0%}")
    return ("below expectations", tuple(reasons)) if reasons else ("fine", ())


def _lost(site: SiteProfile, tally: Tally) -> Iterator[str]:
    """What so many failed posts say, be each failure expected."""
    lost = [f for f in tally.failures if f.what == "post"]
    share = site.expectations.max_failed_share
    if lost and len(lost) == tally.found and (tally.found > 1 or not tally.whole):
        # Each is expected, but that all are says that the site has changed, or that the wish was not met.
        yield f"{site.slug}: not one of {tally.found} posts could be had: {lost[0].detail}"
    elif tally.whole and tally.found >= _FEW and len(lost) > share * tally.found:
        what = f"{len(lost)} of {tally.found} posts failed, if each as declared"
        yield f"{site.slug}: {what}; expected at most {share:.0%}"


def _gone(site: SiteProfile, tally: Tally) -> Iterator[str]:
    gone, share = tally.statuses["gone"], site.expectations.max_failed_share
    if tally.whole and tally.found >= _FEW and gone > share * tally.found:
        yield (
            f"{site.slug}: {gone} of {tally.found} posts that were looked at are gone, expected at most {share:.0%}: "
            "has the site moved, or does it lead everything to its front page?"
        )


_UNREACHABLE_ADVICE = "look at the address, the network and the proxy, or try again later"


def _unreachable(tally: Tally) -> str | None:
    """Why nothing at all was had of the site; None where something was, or where it is no fault of the way there."""
    reached = any(count for status, count in tally.statuses.items() if status != "failed")
    if not tally.failures or reached or tally.unfinished or not all(_cut_off(f) for f in tally.failures):
        return None
    more = f" (and {len(tally.failures) - 1} more like it)" if len(tally.failures) > 1 else ""
    return f"{tally.failures[0].detail}{more}: {_UNREACHABLE_ADVICE}"


def _cut_off(failure: Failure) -> bool:
    return failure.reason in UNREACHABLE or failure.reason.startswith(("http-403", "http-429", "http-5"))


def _asked_for(response: Response | None) -> str | None:
    """The URL by which a post was found whose page was being read."""
    request = response.request if response is not None else None
    found = request.cb_kwargs.get("found") if request is not None else None
    return found.url if found is not None else response.url if response is not None else None


def _requested_url(item: Any) -> str:
    # What a spider gave, of any item type; it may be rejected for the very lack of a field.
    from itemadapter import ItemAdapter  # late: it brings a whole older pydantic

    return str(ItemAdapter(item).get("requested_url", "(an item without requested_url)"))


class RunReporter:
    """A Scrapy extension that counts, judges, and writes the report at the end of every run, failed ones too."""

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        self._crawler = crawler
        self._now = clock()
        self.site: SiteProfile = spider.site
        self._listener: Listener | None = getattr(spider, "listener", None)
        self._notes: dict[str, None] = {}
        self._from_feeds: Counter[str] = Counter()
        self._taken_down = 0
        self._changed = asyncio.Event()
        self._by_number = False
        self._stopping: asyncio.Future[None] | None = None
        self._figures = FigureCount(self.site)
        self.tally = Tally(whole=getattr(spider, "looks_at_all", True))
        self.report: RunReport | None = None
        self.rejects: Path | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        reporter = cls(crawler)
        connect = crawler.signals.connect
        connect(reporter._scraped, signal=signals.item_scraped)
        connect(reporter._dropped, signal=signals.item_dropped)
        connect(reporter._item_error, signal=signals.item_error)
        connect(reporter._spider_error, signal=signals.spider_error)
        connect(reporter._closed, signal=signals.spider_closed)
        return reporter

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        reporter = crawler.get_extension(cls)
        if reporter is None:
            raise NotConfigured("crawler.report.RunReporter is not among EXTENSIONS")
        return reporter

    @property
    def _state(self) -> CrawlState:
        return CrawlState.of(self._crawler)

    @property
    def _rejects(self) -> Path:
        return self._state.folder / "rejected" / self.site.slug / self._state.run

    def note(self, *notes: str) -> None:
        """Something that a person should know and that fails nothing."""
        self._notes.update(dict.fromkeys(notes))

    @property
    def is_stopping(self) -> bool:
        """Whether the run ends because the store failed."""
        return self._stopping is not None

    def plan(self, *, due: int, known: int = 0, whole: bool, by_number: bool = False) -> None:
        """What there is to do.

        due: posts to fetch. known: posts that lists name and that are not due. whole: the run looks at all a site
        shows; only then is the number of posts an expectation. by_number: most of the posts asked for may not be.
        """
        self.tally.found = due + known
        self.tally.ended = known
        self.tally.statuses["known"] = known
        self.tally.whole = whole
        self._by_number = by_number
        logger.info("%s: %d posts to fetch, %d known", self.site.slug, due, known)
        self._tell()

    def listed(self, url: str, links: int, published: Sequence[int | None]) -> None:
        """The first page of a list was read; see `FigureCount.listed`."""
        self._figures.listed(url, links, published)

    def known_already(self) -> None:
        """A post that was planned needs no fetch."""
        self._ended("known")

    def held_already(self, url: str) -> None:
        """The archive holds the very source of what is about to be archived."""
        self._ended("unchanged", url)

    def found(self, url: str) -> None:
        """A post's fetch begins."""
        self.tally.open_urls.add(url)
        self.tally.found = max(self.tally.found, self.tally.ended + len(self.tally.open_urls))
        self._tell()

    async def room(self, most: int) -> None:
        """Wait until fewer than `most` posts are under way."""
        while len(self.tally.open_urls) >= most:
            self._changed.clear()
            await self._changed.wait()

    def alias(self, url: str) -> None:
        """A URL led to another post that has a fetch of its own, or had one."""
        self._ended("alias", url)

    def unchanged(self, url: str) -> None:
        """The site answered that a page is as it was."""
        state = self._state
        state.frontier.unchanged(self.site.slug, url, run=state.run, now=state.seconds, text="unchanged: not modified")
        self._ended("unchanged", url)

    def taken_down(self, url: str) -> None:
        """A post is in the register of what was taken down: it counts as unchanged, and nothing of it is kept."""
        self.tally.open_urls.add(url)
        self._ended("unchanged", url)
        self._taken_down += 1

    def from_feed(self, reason: str) -> None:
        """A post's page could not be had, and a feed holds the whole of it."""
        self._from_feeds[reason] += 1

    def healed(self, url: str, ref: PostRef, outcome: Outcome, images: int) -> None:
        """A post that was not fetched has a new version, with images it lacked."""
        self.tally.found += 1
        self._count(ref, outcome)
        if outcome.status == "taken-down":
            self._ended("unchanged")
            return
        self.tally.images_kept += images if outcome.status == "changed" else 0
        self._ended(outcome.status, url)

    def failed(self, url: str, reason: str, detail: str, *, page: bytes | None = None) -> None:
        """A post gave nothing; `page` is kept in the state folder for study."""
        if reason == INTERRUPTED:
            self.tally.open_urls.discard(url)  # it is not done, and stays open
            self._changed.set()
            return
        if self._state.failed(url, reason, detail):
            self._ended("gone", url)
            return
        if self._by_number and reason in _NO_POST:
            self._ended("absent", url)
            return
        self._ended("failed", url)
        self._fail("post", url, reason, detail)
        if page:
            try:
                keep_reject(self._rejects, url=url, reason=reason, detail=detail, page=page)
                self.rejects = self._rejects
            except OSError as error:
                self.note(f"rejected pages could not be kept: {error}: set `state` in birdnest.toml")

    def listing_failed(self, url: str, reason: str, detail: str) -> None:
        if reason != INTERRUPTED:
            self._fail("listing", url, reason, detail)

    def refused(self, error: BirdnestError) -> None:
        """The run cannot begin."""
        if isinstance(error, StoreError):
            self.store_failed(error)
        else:
            self.tally.refused = str(error)

    def store_failed(self, error: StoreError) -> None:
        """The store failed for good; the first error is the verdict's reason."""
        self.tally.store_error = self.tally.store_error or str(error)

    def bug(self, url: str, error: BaseException | None) -> None:
        """Something that is no failure of site or store: the verdict says so, with the error."""
        detail = f"{self.site.slug}: {url}: {type(error).__name__}: {error} (a bug of ours: please report it)"
        if url in self.tally.open_urls:
            self._state.failed(url, "bug", detail)
        self._ended("failed", url)
        self.tally.bug = detail
        self._fail("post", url, "bug", detail)

    def _ended(self, status: str, url: str | None = None) -> None:
        """A post's way has ended; `url` is one that `found` was told of, or None."""
        if url is None or url in self.tally.open_urls or status == "changed":
            self.tally.open_urls.discard(url or "")
            self.tally.ended += 1
            self.tally.statuses[status] += 1
            if url is not None and status != "failed":
                logger.info("%(status)s: %(url)s", {"status": status, "url": url})
        self._changed.set()
        self._tell()

    def _fail(self, what: Literal["post", "listing"], url: str, reason: str, detail: str) -> None:
        known = expected(self.site, url, reason, what)
        level = logging.INFO if known else logging.WARNING
        logger.log(level, "%(what)s failed: %(url)s: %(reason)s", {"what": what, "url": url, "reason": reason})
        self.tally.failures.append(Failure(what=what, url=url, reason=reason, detail=detail, expected=known))
        self._tell()

    def _scraped(self, item: PostItem) -> None:
        if item.outcome is None:
            raise AssertionError("an item leaves the pipelines with an outcome")
        status = item.outcome.status
        if status != "taken-down":
            self._figures.read(item)
        self._count(PostRef(site=item.site, id=item.id, version=item.outcome.version), item.outcome)
        if status in ("new", "changed"):
            self.tally.images_kept += len(item.images)
            self.tally.images_missing.update(image.reason for image in item.missing_images)
        self._ended("unchanged" if status == "taken-down" else status, item.requested_url)

    def _count(self, ref: PostRef, outcome: Outcome) -> None:
        if outcome.sha256:
            self.tally.documents[ref.key] = outcome.sha256

    def _dropped(self, item: Any, exception: Exception) -> None:
        if isinstance(exception, RejectedPost):
            from itemadapter import ItemAdapter

            page = ItemAdapter(item).get("page")
            self.failed(_requested_url(item), exception.reason, exception.detail, page=page)
        else:
            self.bug(_requested_url(item), exception)

    def _item_error(self, item: Any, failure: TwistedFailure) -> None:
        error = failure.value
        if getattr(error, "reason", None) == INTERRUPTED:
            return
        if isinstance(error, DamageError):
            self.failed(_requested_url(item), "archive-damaged", f"{error}. Look with `birdnest verify`.")
            return
        if not isinstance(error, StoreError):
            self.bug(_requested_url(item), error)
            return
        self._ended("failed", _requested_url(item))
        self._fail("post", _requested_url(item), "store-failed", str(error))
        self.store_failed(error)
        self._stop("store-failed")

    def _spider_error(self, failure: TwistedFailure, response: Response | None) -> None:
        error = failure.value
        if getattr(error, "reason", None) == INTERRUPTED:
            return
        if isinstance(error, StoreError):
            self.store_failed(error)
            self._stop("store-failed")
        else:
            self.bug(_asked_for(response) or f"{self.site.slug}'s listings", error)

    def _stop(self, reason: str) -> None:
        # Not awaited: closing waits for the very item whose error brought us here.
        engine = self._crawler.engine
        if engine is not None and engine.spider is not None and self._stopping is None:
            self._stopping = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    async def _closed(self, reason: str) -> None:
        interrupted = reason not in ("finished", "store-failed")
        self.note(*await self._state.finish(interrupted=interrupted))
        if self._from_feeds:
            why = ", ".join(f"{reason} {count}" for reason, count in sorted(self._from_feeds.items()))
            self.note(f"{self._from_feeds.total()} posts are as a feed holds them, for their pages were not had: {why}")
        if self._taken_down:
            self.note(f"{self._taken_down} posts were taken down, and nothing of them is fetched or kept")
        self.report = self._build(interrupted=interrupted)
        if self.report.verdict != "fine":
            # `birdnest crawl` says it better; this is for `scrapy crawl`, whose exit code is Scrapy's own.
            logger.warning("%s: %s: %s", self.site.slug, self.report.verdict, "; ".join(self.report.reasons))
        try:
            session = ArchiveSession.of(self._crawler)
            self._state.reported(await session.run(session.archive.add_report, self.report))
        except StoreError as error:
            self.store_failed(error)
            self.report = self._build(interrupted=False)
        self._state.judged(self.report)
        self._log_end(self.report)

    def _log_end(self, report: RunReport) -> None:
        names = ("verdict", "exit_code", "found", "new", "changed", "unchanged", "known", "failed", "images_kept")
        told = {name: getattr(report, name) for name in names}
        line = f"{report.site}: {report.verdict}"
        logger.info(line, extra={"fields": {**told, "reasons": list(report.reasons)}})

    def _short(self) -> tuple[str, ...]:
        """What the run's figures lack beside the profile's expectations and earlier runs."""
        now = self._now()
        run = Earlier(
            figures=self._figures.figures(),
            fine=False,
            images_kept=self.tally.images_kept,
            images_missing=sum(self.tally.images_missing.values()),
            began_at=self._state.started_at,
        )
        earlier = [past.as_earlier() for past in self._state.earlier_runs()]
        return shortfalls(self.site.expectations, run, earlier, finished_at=now)

    def _build(self, *, interrupted: bool) -> RunReport:
        tally, stats = self.tally, self._crawler.stats
        blockade = self._crawler.get_extension(Blockade)
        tally.blocked = blockade.why if blockade is not None else None
        short = self._short() if tally.whole else ()
        result, reasons = verdict(self.site, tally, interrupted=interrupted, short=short)
        archive = ArchiveSession.of(self._crawler).archive
        usage = archive.store.usage
        return RunReport(
            run=self._state.run,
            site=self.site.slug,
            archive=archive.info.id,
            started_at=self._state.started_at,
            finished_at=self._now(),
            generator=GENERATOR,
            found=tally.found,
            new=tally.statuses["new"],
            changed=tally.statuses["changed"],
            unchanged=tally.statuses["unchanged"],
            superseded=tally.statuses["superseded"],
            aliases=tally.statuses["alias"],
            known=tally.statuses["known"],
            gone=tally.statuses["gone"],
            absent=tally.statuses["absent"],
            failures=tuple(tally.failures),
            unfinished=tally.unfinished,
            images_kept=tally.images_kept,
            images_missing=dict(sorted(tally.images_missing.items())),
            bytes_fetched=stats.get_value("downloader/response_bytes", 0) if stats else 0,
            bytes_stored=usage.bytes_written,
            requests=stats.get_value("downloader/request_count", 0) if stats else 0,
            store_requests=dict(sorted(usage.requests.items())),
            verdict=result,
            reasons=reasons,
            exit_code=EXIT_CODES[result],
            whole=tally.whole,
            figures=self._figures.figures(),
            documents=self.tally.documents,
            notes=tuple(self._notes),
        )

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self.tally)
