"""What a crawl would fetch: lists are read and compared with the frontier, and nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrapy import Request

from archive import ArchiveReader, open_store
from archive.errors import NotAnArchiveError, PageError, RunInterrupted
from crawler.config import Config
from crawler.discover import listings
from crawler.frontier import Frontier, frontier_file, has_address
from crawler.run import Wish, run_without_archive
from crawler.spiders.post import PostSpider, is_in_order
from crawler.state import held_posts
from pipelines.clock import clock


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a crawl of one site would fetch, each URL with the reason; how many it knows and would not; lists that
    could not be read.
    """

    site: str
    due: dict[str, str] = field(default_factory=dict)
    known: int = 0
    failed: tuple[str, ...] = ()


class PlanSpider(PostSpider):
    """Reads lists as PostSpider does, and only looks into the frontier."""

    def __init__(self, *args: Any, known: Frontier, result: list[Plan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known
        self.result = result

    async def start(self) -> AsyncIterator[Request]:
        now, failed = int(self.now().timestamp()), []
        due: dict[str, str] = {}
        named: set[str] = set()
        for rank, listing in enumerate(listings(self.site, self.wanted_lists)):
            try:
                async for page, links in self.pages(listing):
                    found = self.known.would(self.slug, [self.as_link(link, rank) for link in links], now=now)
                    due |= {url: why for url, why in found.items() if self._wanted(url, links, rank)}
                    named |= {link.url for link in links} - set(found)
                    if not found and not self.full and is_in_order(page):
                        break
            except PageError as error:
                failed.append(str(error))
        due |= {post.url: "due" for post in self.known.due(self.slug, now=now, since=self.since_seconds())} | due
        states = ("archived", "failed", "gone") if self.full else ("failed",) if self.retry_failed else ()
        for state in states:
            rows = self.known.rows(site=self.slug, state=state)
            due |= {row["url"]: f"{state}, asked for" for row in rows if has_address(row["url"])} | due
        most = dict(list(due.items())[: self.limit])
        self.result.append(Plan(site=self.slug, due=most, known=len(named - set(due)), failed=tuple(failed)))
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def _wanted(self, url: str, links: Sequence[Any], rank: int) -> bool:
        since = self.since_seconds()
        if since is None:
            return True
        told = next((self.as_link(link, rank).published_at for link in links if link.url == url), None)
        return told is None or told >= since


def plan(config: Config, wishes: Sequence[Wish], *, log_level: str = "ERROR") -> list[Plan]:
    """What a crawl of these sites would fetch, in their order. May be called once in a process.

    Without a frontier the archive is asked what it holds; where there is none yet, everything is new.
    """
    result: list[Plan] = []
    with tempfile.TemporaryDirectory(prefix="birdnest-") as temporary:
        known = _frontier(config, Path(temporary))
        try:
            spiders = [
                (
                    PlanSpider.for_site(wish.slug),
                    {"limit": wish.limit, "since": wish.since, "full": wish.full, "retry_failed": wish.retry_failed},
                )
                for wish in wishes
            ]
            run_without_archive(
                config,
                *((spider, {**asked, "known": known, "result": result}) for spider, asked in spiders),
                log_level=log_level,
            )
        finally:
            known.close()
    if len(result) < len(wishes):
        raise RunInterrupted("stopped before the lists were read")
    order = [wish.slug for wish in wishes]
    return sorted(result, key=lambda each: order.index(each.site))


def _frontier(config: Config, temporary: Path) -> Frontier:
    try:
        archive = ArchiveReader.open(open_store(config.archive, config.store_options()))
    except NotAnArchiveError:
        return Frontier(temporary / "empty.sqlite")
    file = frontier_file(config.state.expanduser(), archive.info.id)
    if file.exists():
        return Frontier(file, recheck_days=config.recheck_days)
    known = Frontier(temporary / "rebuilt.sqlite", recheck_days=config.recheck_days)
    known.rebuild(held_posts(archive, lambda _: None), now=int(clock()().timestamp()))
    return known
