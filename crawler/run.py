"""Runs of sites: a configuration and a wish → RunReports. The one place that starts a reactor."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from archive import Archive, open_store
from archive.errors import LeaseHeld, RunInterrupted
from archive.model import RunReport
from crawler.config import Config
from crawler.ending import Ending
from crawler.frontier import Frontier
from crawler.hexo_tree import SiteFiles, Tree
from crawler.lease import take_lease
from crawler.report import RunReporter, Tally
from crawler.spiders.post import IdRange, PostSpider
from crawler.spiders.tree import TreeSpider
from crawler.spiders.url import UrlSpider
from crawler.state import frontier_file
from pipelines.clock import clock


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to fetch of one site: all its listings name, or, with `urls` or `ids`, these posts only."""

    slug: str
    urls: tuple[str, ...] = ()
    limit: int | None = None
    since: str | None = None
    full: bool = False
    retry_failed: bool = False
    ids: IdRange | None = None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run's report, and where pages that gave no post are kept, if there were any."""

    report: RunReport
    rejects: Path | None


Watch = Callable[[str, Tally], None]
"""Called with the site's slug and its counts whenever these change."""


_NO_ARCHIVE: Mapping[str, Any] = {
    "ITEM_PIPELINES": {},
    "EXTENSIONS": {
        "crawler.throttle.Throttle": 0,
        "scrapy.extensions.logstats.LogStats": None,
        "scrapy.extensions.throttle.AutoThrottle": None,
    },
}


def run_sites(
    config: Config,
    wishes: Sequence[Wish],
    *,
    watch: Watch,
    complain: Callable[[LeaseHeld], None],
    refetch_images: bool = False,
    log_level: str = "ERROR",
) -> list[RunResult]:
    """Run sites side by side in this process and return their results in the order of the wishes.

    May be called once in a process (a reactor cannot be started twice). Ctrl-C ends the runs in an orderly way:
    what is in flight is finished, and the reports say "interrupted". Sites that another run crawls are left out, and
    `complain` is told. Raises, before anything is fetched, StoreError when the archive cannot be opened, ConfigError
    when the crawl state cannot, and LeaseHeld when all sites are being crawled.
    """
    # Opened here first: what is wrong with the archive or the state is an error of the call, not of a run.
    archive = Archive.open_or_create(open_store(config.archive, config.store_options()), now=clock()())
    state = config.state.expanduser()
    free = []
    for wish in wishes:
        try:
            if not wish.urls:
                take_lease(state, archive.info.id, wish.slug, now=clock()())
            free.append(wish)
        except LeaseHeld as error:
            if len(wishes) == 1:
                raise
            complain(error)
    if not free:
        raise LeaseHeld("all these sites are being crawled: nothing was done.")
    Frontier(frontier_file(state, archive.info.id)).close()
    settings = project_settings(config, {"LOG_LEVEL": log_level, "BIRDNEST_REFETCH_IMAGES": refetch_images})
    process = _Process(settings)
    _quiet_botocore()
    _end_on_hangup()
    runs = [_start(process, wish, watch) for wish in free]
    process.start()
    return [_result(crawler, task) for crawler, task in runs]


def run_import(
    config: Config, tree: Tree, *, watch: Watch, with_images: bool, log_level: str = "ERROR"
) -> list[RunResult]:
    """Import a tree's files, one site after the other, and return the sites' results in their order.

    May be called once in a process. After Ctrl-C the site at hand ends in an orderly way, its report says
    "interrupted", and the later sites have none. Raises StoreError, ConfigError as `run_sites` does.
    """
    archive = Archive.open_or_create(open_store(config.archive, config.store_options()), now=clock()())
    Frontier(frontier_file(config.state.expanduser(), archive.info.id)).close()
    settings = project_settings(config, {"LOG_LEVEL": log_level, "BIRDNEST_NO_IMAGES": not with_images})
    process = _Process(settings)
    _quiet_botocore()
    _end_on_hangup()
    results: list[RunResult] = []

    def begin(left: Sequence[SiteFiles]) -> None:
        files, *later = left
        crawler = process.create_crawler(TreeSpider.for_files(files))
        listener = partial(watch, files.site.slug)
        task = process.crawl(crawler, root=tree.root, names=files.names, with_images=with_images, listener=listener)

        def ended(task: asyncio.Task[None]) -> None:
            results.append(_result(crawler, task))
            if later and not process.is_stopping:
                begin(later)

        task.add_done_callback(ended)

    begin(tree.sites)
    process.start()
    if not results:
        raise RunInterrupted("stopped before the import had begun: what is archived stays, run again")
    return results


def run_without_archive(config: Config, *spiders: tuple[type[Spider], Mapping[str, Any]], log_level: str) -> None:
    """Spiders, with their arguments, that fetch as others do and archive nothing. May be called once in a process."""
    process = AsyncCrawlerProcess(project_settings(config, {"LOG_LEVEL": log_level, **_NO_ARCHIVE}))
    for spider, arguments in spiders:
        process.crawl(process.create_crawler(spider), **arguments)
    process.start()


def project_settings(config: Config, more: Mapping[str, Any]) -> Settings:
    """crawler/settings.py, a configuration, and settings that override both."""
    # get_project_settings() finds nothing outside a checkout, where an installed command runs.
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.set("BIRDNEST_CONFIG", config.model_dump_json(), priority="cmdline")
    for name, value in more.items():
        settings.set(name, value, priority="cmdline")
    return settings


def _start(process: AsyncCrawlerProcess, wish: Wish, watch: Watch) -> tuple[Crawler, asyncio.Task[None]]:
    def listener(tally: Tally) -> None:
        watch(wish.slug, tally)

    if wish.urls:
        crawler = process.create_crawler(UrlSpider.for_site(wish.slug))
        return crawler, process.crawl(crawler, urls=wish.urls, listener=listener)

    crawler = process.create_crawler(PostSpider.for_site(wish.slug))
    asked = {"limit": wish.limit, "since": wish.since, "full": wish.full, "retry_failed": wish.retry_failed}
    return crawler, process.crawl(crawler, **asked, ids=wish.ids, listener=listener)


class _Process(AsyncCrawlerProcess):
    """Scrapy's process; at the first signal its crawls are told to end within seconds, too."""

    is_stopping = False

    async def stop(self) -> None:
        self.is_stopping = True
        for crawler in self.crawlers:
            ending = crawler.get_extension(Ending) if crawler.extensions is not None else None
            if ending is not None:
                ending.begin()
        await super().stop()


def _result(crawler: Crawler, task: asyncio.Task[None]) -> RunResult:
    error = task.exception() if task.done() and not task.cancelled() else None
    if error is not None:
        raise error
    reporter = RunReporter.of(crawler) if task.done() else None
    if reporter is None or reporter.report is None:
        raise RunInterrupted("stopped before the run had begun: what is archived stays, run again")
    return RunResult(report=reporter.report, rejects=reporter.rejects)


def _end_on_hangup() -> None:
    # A dropped connection ends a run in order, as SIGTERM does; nohup, which ignores the signal, stays in force.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def _quiet_botocore() -> None:
    # Scrapy sets the root logger to NOTSET, so botocore would build its debug records at any level: 7-15 % of CPU.
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)
