"""Runs of sites: a configuration and a wish → RunReports. The one place that starts a reactor."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Now: it walks the stack and all modules there are, three times; from within a running reactor that costs 0.06 s more.
import scrapy.core.downloader.handlers.http11  # noqa: F401
from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from archive import Archive, open_store
from archive.errors import BirdnestError, LeaseHeld, RunInterrupted
from archive.model import RunReport
from crawler import jsonlog
from crawler.config import Config
from crawler.discover import FoundLink
from crawler.ending import Ending
from crawler.frontier import Frontier, frontier_file
from crawler.lease import take_lease
from crawler.profile import Listing
from crawler.report import RunReporter, Tally
from crawler.spiders.feed import Exchange, FeedSpider
from crawler.spiders.post import IdRange, PostSpider
from crawler.spiders.url import UrlSpider
from pipelines.clock import clock

if TYPE_CHECKING:
    from crawler.hexo_tree import SiteFiles, Tree

_COLLECTIONS = (2000, 10, 10)
_AT_ONCE = 16  # runs of one process; more wait: each has threads, connections and a queue of its own


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to fetch of one site: all its listings name, or these posts only: by `urls`, by `ids`, or what feeds name.

    feeds: read at this site, whosever their posts are. given: what feeds of other sites named. force: take a page of an
    unknown site that looks little like an article. last: a URL that leads to another site is not followed there.
    """

    slug: str
    urls: tuple[str, ...] = ()
    limit: int | None = None
    since: str | None = None
    full: bool = False
    retry_failed: bool = False
    ids: IdRange | None = None
    feeds: tuple[Listing, ...] = ()
    given: tuple[FoundLink, ...] = ()
    force: bool = False
    last: bool = False

    @property
    def needs_lease(self) -> bool:
        return not self.urls

    @property
    def whole(self) -> bool:
        """Whether it is for all that the site shows: only then the run says how the site is."""
        part = self.urls or self.feeds or self.given
        return not part and self.limit is None and self.since is None and self.ids is None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run's report, and where pages that gave no post are kept, if there were any."""

    report: RunReport
    rejects: Path | None


Watch = Callable[[str, Tally], None]
"""Called with the site's slug and its counts whenever these change."""
Complain = Callable[[BirdnestError], None]
"""Called with what kept a run from beginning."""


_NO_ARCHIVE: Mapping[str, Any] = {
    "ITEM_PIPELINES": {},
    "EXTENSIONS": {"crawler.throttle.Throttle": 0, "crawler.image_client.ImageClient": 6},
}


def run_sites(
    config: Config,
    wishes: Sequence[Wish],
    *,
    watch: Watch,
    complain: Complain,
    refetch_images: bool = False,
    log_level: str = "ERROR",
    list_name: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[RunResult]:
    """Run sites side by side in this process, and return their results: in the order of the wishes, then those of
    sites that came up on the way (named by a feed, led to by an address).

    May be called once in a process (a reactor cannot be started twice). Ctrl-C ends the runs in an orderly way:
    what is in flight is finished, and the reports say "interrupted". Sites that another run crawls are left out, as are
    those that an interruption came before: `complain` is told. list_name: where the wishes' URLs were read; those that
    an interrupted call with this list came to an end with are left out, and `say` is told how many. Raises, before
    anything is fetched, StoreError when the archive cannot be opened, ConfigError when the crawl state cannot, and
    LeaseHeld when all sites are being crawled.
    """
    # Opened here first: what is wrong with the archive or the state is an error of the call, not of a run.
    archive = Archive.open_or_create(open_store(config.archive, config.store_options()), now=clock()())
    state = config.state.expanduser()
    free = []
    for wish in wishes:
        try:
            if wish.needs_lease:
                take_lease(state, archive.info.id, wish.slug, now=clock()())
            free.append(wish)
        except LeaseHeld as error:
            if len(wishes) == 1:
                raise
            complain(error)
    if not free:
        raise LeaseHeld("all these sites are being crawled: nothing was done.")
    with closing(Frontier(frontier_file(state, archive.info.id))) as frontier:
        if list_name is not None:
            free = _the_rest(frontier, list_name, free, say)
    if not free:
        return []
    runs = _Runs(_process(config, log_level, refetch_images=refetch_images), watch)
    _end_on_hangup()
    results, unbegun = runs.run(free)
    if unbegun:
        complain(RunInterrupted(f"stopped before {len(unbegun)} sites had begun: run again, it goes on with these"))
    if list_name is not None and not unbegun and all(_is_done(result.report) for result in results):
        with closing(Frontier(frontier_file(state, archive.info.id))) as frontier:
            frontier.end_list("", list_name, now=int(clock()().timestamp()))
    return results


def _process(config: Config, log_level: str, *, refetch_images: bool) -> _Process:
    is_json = config.log == "json"
    more: dict[str, Any] = {
        # As JSON, what is logged is chosen by its origin, too.
        "LOG_LEVEL": "DEBUG" if is_json else log_level,
        "LOG_INSTALL_ROOT_HANDLER": not is_json,
        "BIRDNEST_REFETCH_IMAGES": refetch_images,
    }
    if log_level == "ERROR":  # else they are looked up for a line that nobody sees
        more["LOG_VERSIONS"] = []
    process = _Process(project_settings(config, more))
    # Scrapy has lines made of each page and each post, at DEBUG, for handlers that drop them.
    logging.getLogger("scrapy").setLevel(log_level)
    if is_json:
        jsonlog.install(log_level)
    return process


def _the_rest(frontier: Frontier, name: str, wishes: Sequence[Wish], say: Callable[[str], None]) -> list[Wish]:
    """The wishes without the URLs that an interrupted call with the same list came to an end with."""
    since = frontier.begin_list("", name, frontier.next_run())
    rest, count = [], 0
    for wish in wishes:
        ended = frontier.ended_since(wish.slug, wish.urls, since)
        count += len(ended)
        left = tuple(url for url in wish.urls if url not in ended)
        if left:
            rest.append(replace(wish, urls=left))
    if count:
        say(f"{count} URLs are left out: the call with {name} that was interrupted came to an end with them")
    return rest


def _is_done(report: RunReport) -> bool:
    return report.unfinished == 0 and report.verdict not in ("interrupted", "not begun", "store failed")


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
    _end_on_hangup()
    results: list[RunResult] = []

    def begin(left: Sequence[SiteFiles]) -> None:
        files, *later = left
        from crawler.spiders.tree import TreeSpider

        crawler = process.create_crawler(TreeSpider.for_files(files))
        listener = partial(watch, files.site.slug)
        task = process.crawl(crawler, root=tree.root, names=files.names, with_images=with_images, listener=listener)

        def ended(task: asyncio.Task[None]) -> None:
            result = _result(crawler, task)
            results.extend((result,) if result is not None else ())
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
    settings.set("BIRDNEST_CONFIG", config.model_dump_json(exclude={"alerts"}), priority="cmdline")
    for name, value in more.items():
        settings.set(name, value, priority="cmdline")
    return settings


class _Runs:
    """The runs of one process: some at once, the others as those end; more may come up while they go on."""

    def __init__(self, process: _Process, watch: Watch) -> None:
        self._process = process
        self._watch = watch
        self._waiting: deque[Wish] = deque()
        self._begun: list[tuple[Wish, Crawler, asyncio.Task[None]]] = []
        self._active = 0
        # Where URLs led to, by sites; fetched when all else is, a site's in one run.
        self._elsewhere: dict[str, dict[str, bool]] = {}

    def run(self, wishes: Sequence[Wish]) -> tuple[list[RunResult], list[Wish]]:
        """Run until there is nothing left; the results, and the wishes that an interruption came before."""
        feeds = [wish for wish in wishes if wish.feeds]
        exchange = Exchange((wish.slug for wish in feeds), partial(self._give, feeds[0] if feeds else None))
        # Those that read feeds wait for each other, so none of them may wait for a place.
        for wish in feeds:
            self._begin(wish, exchange)
        self._waiting.extend(wish for wish in wishes if not wish.feeds)
        self._fill()
        # What is loaded by now stays; what posts leave behind must go, however much the command put off looking for it.
        gc.freeze()
        gc.set_threshold(*_COLLECTIONS)
        self._process.start()
        results, unbegun = [], [*self._waiting, *self._led_elsewhere()]
        for wish, crawler, task in self._begun:
            result = _result(crawler, task)
            if result is not None:
                results.append(result)
            else:
                unbegun.append(wish)
        if not results:
            raise RunInterrupted("stopped before a run had begun: what is archived stays, run again")
        return results, unbegun

    def _give(self, like: Wish | None, slug: str, links: tuple[FoundLink, ...]) -> None:
        """Feeds named posts of a site that has no run yet: what is wished of it is what was of theirs."""
        self._waiting.append(replace(like or Wish(slug=slug), slug=slug, feeds=(), given=links))
        self._fill()

    def _fill(self) -> None:
        if self._process.is_stopping:
            return
        if not self._waiting and not self._active:
            self._waiting.extend(self._led_elsewhere())
            self._elsewhere.clear()
        while self._waiting and self._active < _AT_ONCE:
            self._begin(self._waiting.popleft(), None)

    def _led_elsewhere(self) -> list[Wish]:
        return [
            Wish(slug=slug, urls=tuple(urls), force=any(urls.values()), last=True)
            for slug, urls in self._elsewhere.items()
        ]

    def _begin(self, wish: Wish, exchange: Exchange | None) -> None:
        crawler, arguments = self._crawler(wish, exchange)
        self._active += 1
        task = self._process.crawl(crawler, listener=partial(self._watch, wish.slug), force=wish.force, **arguments)
        task.add_done_callback(partial(self._ended, wish, exchange))
        self._begun.append((wish, crawler, task))

    def _ended(self, wish: Wish, exchange: Exchange | None, _: asyncio.Task[None]) -> None:
        self._active -= 1
        if exchange is not None:  # it may have ended before it brought anything
            exchange.leave(wish.slug)
        self._fill()

    def _crawler(self, wish: Wish, exchange: Exchange | None) -> tuple[Crawler, dict[str, Any]]:
        elsewhere = None if wish.last else partial(self._elsewhere_too, wish)
        asked = {"limit": wish.limit, "since": wish.since, "full": wish.full}
        spider: type[Spider]
        arguments: dict[str, Any]
        if wish.urls:
            spider, arguments = UrlSpider.for_site(wish.slug), {"urls": wish.urls}
        elif wish.feeds or wish.given:
            spider = FeedSpider.for_site(wish.slug)
            arguments = {**asked, "feeds": wish.feeds, "exchange": exchange, "given": wish.given}
        else:
            spider = PostSpider.for_site(wish.slug)
            arguments = {**asked, "retry_failed": wish.retry_failed, "ids": wish.ids}
        return self._process.create_crawler(spider), {**arguments, "elsewhere": elsewhere}

    def _elsewhere_too(self, wish: Wish, slug: str, url: str) -> bool:
        """A URL of an unknown site led to another site: look at it when all else is done."""
        self._elsewhere.setdefault(slug, {})[url] = wish.force
        return True


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


def _result(crawler: Crawler, task: asyncio.Task[None]) -> RunResult | None:
    """What came of a run; None where an interruption came before it had begun."""
    error = task.exception() if task.done() and not task.cancelled() else None
    if error is not None:
        raise error
    reporter = RunReporter.of(crawler) if task.done() else None
    if reporter is None or reporter.report is None:
        return None
    return RunResult(report=reporter.report, rejects=reporter.rejects)


def _end_on_hangup() -> None:
    # A dropped connection ends a run in order, as SIGTERM does; nohup, which ignores the signal, stays in force.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
