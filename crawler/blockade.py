"""Sites that keep us away are left alone: for the rest of the run, and carefully asked by the next one.

After `IN_A_ROW` answers one after the other that were all blocked (see `crawler.identity`), a run asks the site for no
more; what it has not asked for stays open in the frontier, and costs it no attempt. That is noted in the state folder,
and the next run is careful: it asks for one page first, and goes on only when that is the site's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from crawler.identity import blocked
from pipelines.clock import clock
from pipelines.images import INTERRUPTED

IN_A_ROW = 5


class SiteClosed(IgnoreRequest):
    """A request that is not made, because the site keeps us away, or its hours are over; its URL stays open."""

    reason = INTERRUPTED


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """A site that kept us away: why, since when (ISO 8601), and how many runs in a row."""

    reason: str
    detail: str
    since: str
    runs: int


class Memory:
    """What the state folder knows of one site's blockade. Files that cannot be read or written are none."""

    def __init__(self, state: Path, slug: str) -> None:
        self._file = state / "blocked" / f"{slug}.json"

    def recall(self) -> Blocked | None:
        try:
            return Blocked(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, found: Blocked) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(asdict(found), ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError:
            return  # the next run is not careful, and finds out by itself

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)


class Blockade:
    """A Scrapy extension that counts a site's answers and says when to leave it alone.

    `why` is a line for the report once the run asks no more.
    """

    def __init__(self, crawler: Crawler, now: Callable[[], datetime] | None = None) -> None:
        spider: Any = crawler.spider
        self._crawler = crawler
        self._now = now or clock()
        self._slug: str = spider.site.slug
        self._memory = Memory(Path(crawler.settings["BIRDNEST_STATE"]), self._slug)
        self._earlier = self._memory.recall()
        self._row = 0
        self.is_careful = self._earlier is not None
        self.is_closed = False
        self.why: str | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def answered(self, reason: str | None, detail: str = "") -> None:
        """An answer of the site: None, its own page; else the reason of the failure."""
        if reason is not None and not blocked(reason):
            return
        if reason is None:
            self._row = 0
            if self.is_careful:
                self.is_careful = False
                self._memory.forget()
            return
        self._row += 1
        if not self.is_closed and (self.is_careful or self._row >= IN_A_ROW or reason == "retry-after"):
            self._close(reason, detail)

    def close(self, why: str) -> None:
        """Ask for no more, for a reason that is not the site's."""
        self.is_closed = True
        self._refuse_waiting(why)

    def _close(self, reason: str, detail: str) -> None:
        earlier = self._earlier
        since = earlier.since if earlier else self._now().isoformat(timespec="seconds")
        runs = earlier.runs + 1 if earlier else 1
        self._memory.keep(Blocked(reason=reason, detail=detail, since=since, runs=runs))
        counted = f"{self._row} answers in a row" if self._row > 1 else "the first page asked for"
        again = f", as in {runs - 1} runs before, since {since}" if earlier else ""
        self.why = (
            f"{self._slug}: the site keeps us away ({reason}, {counted}{again}): what was not asked for stays open, "
            f"and the next run begins with one page. {detail}"
        )
        self.close(self.why)

    def _refuse_waiting(self, why: str) -> None:
        engine = self._crawler.engine
        for slot in engine.downloader.slots.values() if engine is not None else ():
            waiting = list(slot.queue)
            slot.queue.clear()
            for request, answer in waiting:
                if exempt(request):
                    slot.queue.append((request, answer))
                else:
                    answer.errback(SiteClosed(why))


def exempt(request: Request) -> bool:
    """Whether a request goes on when the site is closed: the images of posts that were read need robots.txt."""
    return bool(request.meta.get("birdnest_robots"))


class BlockadeMiddleware:
    """Refuses pages of a site that is to be left alone."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        blockade = self._crawler.get_extension(Blockade)
        if blockade is not None and blockade.is_closed and not exempt(request):
            raise SiteClosed(f"{request.url}: the site is left alone")
