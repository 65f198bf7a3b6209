"""What a run did: every URL accounted for, a verdict against the site's expectations, and the report in the archive.

Verdicts and their exit codes: `fine` 0 · `below expectations` 4 · `unreachable` 5 · `store failed` 6 ·
`archive damaged` 7 · `bug` 1 · `interrupted` 130.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from itemadapter import ItemAdapter
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from archive.errors import DamageError, StoreError
from archive.layout import PostRef
from archive.model import Failure, RunReport
from archive.writer import GENERATOR
from crawler.profile import SiteProfile
from crawler.rejects import keep_reject
from pipelines.clock import clock
from pipelines.item import PostItem, RejectedPost
from pipelines.session import ArchiveSession

logger = logging.getLogger(__name__)
UNREACHABLE = frozenset({"timeout", "unreachable", "broken-off", "captcha", "robots-disallowed"})
_FEW = 10  # too few posts to speak of a share
EXIT_CODES: Mapping[str, int] = {
    "fine": 0,
    "bug": 1,
    "below expectations": 4,
    "unreachable": 5,
    "store failed": 6,
    "archive damaged": 7,
    "interrupted": 130,
}
SEVERITY = ("fine", "below expectations", "unreachable", "store failed", "archive damaged", "bug", "interrupted")
"""Verdicts from best to worst: of several sites' runs, the worst decides the exit code."""


@dataclass(kw_only=True)
class Tally:
    """The counts of a run so far; what a progress bar shows."""

    found: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    images_kept: int = 0
    images_missing: Counter[str] = field(default_factory=Counter)
    documents: dict[str, str] = field(default_factory=dict)
    open_urls: set[str] = field(default_factory=set)
    store_error: str | None = None
    bug: str | None = None
    whole: bool = True

    @property
    def ended(self) -> int:
        return self.found - len(self.open_urls)


Listener = Callable[[Tally], None]


def expected(site: SiteProfile, url: str, reason: str, what: Literal["post", "listing"] = "post") -> bool:
    """Whether the profile declares a failure as one that does not fail a run."""
    return any(f.what == what and f.reason == reason and re.search(f.url, url) for f in site.expectations.failures)


def verdict(site: SiteProfile, tally: Tally, *, interrupted: bool) -> tuple[str, tuple[str, ...]]:
    """A run's verdict and the reasons for it, each a line a person can act on. Pure."""
    if tally.bug:
        return "bug", (tally.bug,)
    if tally.store_error:
        return "store failed", (tally.store_error,)
    damaged = tuple(f.detail for f in tally.failures if f.reason == "archive-damaged")
    if damaged:
        return "archive damaged", damaged
    if interrupted:
        return "interrupted", (f"stopped with {len(tally.open_urls)} posts to do: run again, it goes on from there",)
    if tally.failures and not tally.statuses and not tally.open_urls and all(_cut_off(f) for f in tally.failures):
        more = f" (and {len(tally.failures) - 1} more like it)" if len(tally.failures) > 1 else ""
        return "unreachable", (f"{tally.failures[0].detail}{more}: {_UNREACHABLE_ADVICE}",)
    reasons = [f.detail for f in tally.failures if not f.expected]
    lost = [f for f in tally.failures if f.what == "post"]
    if not reasons and lost and len(lost) == tally.found and (tally.found > 1 or not tally.whole):
        # Each is expected, but that all are says that the site has changed, or that the wish was not met.
        reasons.append(f"{site.slug}: not one of {tally.found} posts could be had: {lost[0].detail}")
    share = site.expectations.max_failed_share
    if tally.whole and not reasons and tally.found >= _FEW and len(lost) > share * tally.found:
        reasons.append(
            f"{site.slug}: {len(lost)} of {tally.found} posts failed, if each as declared; expected at most {share:.0%}"
        )
    least, most = site.expectations.min_found, site.expectations.max_missing_images_share
    if tally.whole and tally.found < least:
        reasons.append(f"{site.slug}: {tally.found} posts found, expected at least {least}")
    missing = sum(tally.images_missing.values())
    if missing > most * (missing + tally.images_kept) and missing > 1:
        reasons.append(f"{site.slug}: {missing} of {missing + tally.images_kept} images missing, expected {most:.0%}")
    return ("below expectations", tuple(reasons)) if reasons else ("fine", ())


_UNREACHABLE_ADVICE = "look at the address, the network and the proxy, or try again later"


def _cut_off(failure: Failure) -> bool:
    return failure.reason in UNREACHABLE or failure.reason.startswith(("http-403", "http-429", "http-5"))


def _requested_url(item: Any) -> str:
    # What a spider gave, of any item type; it may be rejected for the very lack of a field.
    return str(ItemAdapter(item).get("requested_url", "(an item without requested_url)"))


def run_id(started_at: datetime, slug: str) -> str:
    """`20261122T080000Z-<site>-<6 hex digits>`: sorts by time, and two runs never share one."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{slug}-{secrets.token_hex(3)}"


class RunReporter:
    """A Scrapy extension that counts, judges, and writes the report at the end of every run, failed ones too."""

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        self._crawler = crawler
        self._now = clock()
        self.site: SiteProfile = spider.site
        self._listener: Listener | None = getattr(spider, "listener", None)
        self._started_at = self._now()
        self._run = run_id(self._started_at, self.site.slug)
        self._rejects = Path(crawler.settings["BIRDNEST_STATE"]) / "rejected" / self.site.slug / self._run
        self._notes: dict[str, None] = {}
        self._stopping: asyncio.Future[None] | None = None
        self.tally = Tally()
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

    def expect_all(self, *, whole: bool) -> None:
        """Whether the run looks at all a site shows: only then is the number of posts an expectation."""
        self.tally.whole = whole

    def found(self, url: str) -> None:
        if url not in self.tally.open_urls:
            self.tally.found += 1
            self.tally.open_urls.add(url)
            self._tell()

    def alias(self, url: str) -> None:
        """A URL led to another post that this run accounts for itself."""
        self.tally.open_urls.discard(url)
        self.tally.statuses["alias"] += 1
        self._tell()

    def failed(self, url: str, reason: str, detail: str, *, page: bytes | None = None) -> None:
        """A post gave nothing; `page` is kept in the state folder for study."""
        self.tally.open_urls.discard(url)
        self._fail("post", url, reason, detail)
        if page:
            try:
                keep_reject(self._rejects, url=url, reason=reason, detail=detail, page=page)
                self.rejects = self._rejects
            except OSError as error:
                self._notes.setdefault(f"rejected pages could not be kept: {error}: set `state` in birdnest.toml")

    def listing_failed(self, url: str, reason: str, detail: str) -> None:
        self._fail("listing", url, reason, detail)

    def store_failed(self, error: StoreError) -> None:
        """The store failed for good; the first error is the verdict's reason."""
        self.tally.store_error = self.tally.store_error or str(error)

    def bug(self, url: str, error: BaseException | None) -> None:
        """Something that is no failure of site or store: the verdict says so, with the error."""
        detail = f"{self.site.slug}: {url}: {type(error).__name__}: {error} (a bug of ours: please report it)"
        self.tally.open_urls.discard(url)
        self.tally.bug = detail
        self._fail("post", url, "bug", detail)

    def _fail(self, what: Literal["post", "listing"], url: str, reason: str, detail: str) -> None:
        known = expected(self.site, url, reason, what)
        self.tally.failures.append(Failure(what=what, url=url, reason=reason, detail=detail, expected=known))
        self._tell()

    def _scraped(self, item: PostItem) -> None:
        if item.outcome is None:
            raise AssertionError("an item leaves the pipelines with an outcome")
        status = item.outcome.status
        self.tally.open_urls.discard(item.requested_url)
        self.tally.statuses["unchanged" if status == "taken-down" else status] += 1
        if item.outcome.sha256:
            ref = PostRef(site=item.site, id=item.id, version=item.outcome.version)
            self.tally.documents[ref.key] = item.outcome.sha256
        if status in ("new", "changed"):
            self.tally.images_kept += len(item.images)
            self.tally.images_missing.update(image.reason for image in item.missing_images)
        self._tell()

    def _dropped(self, item: Any, exception: Exception) -> None:
        if isinstance(exception, RejectedPost):
            page = ItemAdapter(item).get("page")
            self.failed(_requested_url(item), exception.reason, exception.detail, page=page)
        else:
            self.bug(_requested_url(item), exception)

    def _item_error(self, item: Any, failure: TwistedFailure) -> None:
        error = failure.value
        if isinstance(error, DamageError):
            self.failed(_requested_url(item), "archive-damaged", f"{error}. Look with `birdnest verify`.")
            return
        if not isinstance(error, StoreError):
            self.bug(_requested_url(item), error)
            return
        self.tally.open_urls.discard(_requested_url(item))
        self._fail("post", _requested_url(item), "store-failed", str(error))
        self.store_failed(error)
        self._stop("store-failed")

    def _spider_error(self, failure: TwistedFailure, response: Response | None) -> None:
        error = failure.value
        if isinstance(error, StoreError):
            self.store_failed(error)
            self._stop("store-failed")
        else:
            self.bug(response.url if response is not None else f"{self.site.slug}'s listings", error)

    def _stop(self, reason: str) -> None:
        # Not awaited: closing waits for the very item whose error brought us here.
        engine = self._crawler.engine
        if engine is not None and engine.spider is not None and self._stopping is None:
            self._stopping = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    async def _closed(self, reason: str) -> None:
        self.report = self._build(interrupted=reason not in ("finished", "store-failed"))
        if self.report.verdict != "fine":
            # `birdnest crawl` says it better; this is for `scrapy crawl`, whose exit code is Scrapy's own.
            logger.warning("%s: %s: %s", self.site.slug, self.report.verdict, "; ".join(self.report.reasons))
        try:
            session = ArchiveSession.of(self._crawler)
            await session.run(session.archive.add_report, self.report)
        except StoreError as error:
            self.store_failed(error)
            self.report = self._build(interrupted=False)

    def _build(self, *, interrupted: bool) -> RunReport:
        tally, stats = self.tally, self._crawler.stats
        result, reasons = verdict(self.site, tally, interrupted=interrupted)
        archive = ArchiveSession.of(self._crawler).archive
        usage = archive.store.usage
        return RunReport(
            run=self._run,
            site=self.site.slug,
            archive=archive.info.id,
            started_at=self._started_at,
            finished_at=self._now(),
            generator=GENERATOR,
            found=tally.found,
            new=tally.statuses["new"],
            changed=tally.statuses["changed"],
            unchanged=tally.statuses["unchanged"],
            superseded=tally.statuses["superseded"],
            aliases=tally.statuses["alias"],
            failures=tuple(tally.failures),
            unfinished=len(tally.open_urls),
            images_kept=tally.images_kept,
            images_missing=dict(sorted(tally.images_missing.items())),
            bytes_fetched=stats.get_value("downloader/response_bytes", 0) if stats else 0,
            bytes_stored=usage.bytes_written,
            requests=stats.get_value("downloader/request_count", 0) if stats else 0,
            store_requests=dict(sorted(usage.requests.items())),
            verdict=result,
            reasons=reasons,
            exit_code=EXIT_CODES[result],
            documents=self.tally.documents,
            notes=tuple(self._notes),
        )

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self.tally)
