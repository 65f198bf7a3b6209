"""The end of a run that was told to stop: what is in flight is finished, within seconds.

From the first signal on no page is asked for any more; pages whose answers are under way, and the images of posts that
have been read, go on for `GRACE_SECONDS`. What is not whole by then is given up: its URLs stay open in the frontier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Self, TypeVar

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from pipelines.images import INTERRUPTED

GRACE_SECONDS = 6.0
_T = TypeVar("_T")


class RunEnding(IgnoreRequest):
    """A request that a run which ends does not make, or does not wait for, any more."""

    reason = INTERRUPTED


class Ending:
    """A Scrapy extension; `begin` is called once, at the first signal."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._begun = False
        self._is_over = False
        self._under_way: set[asyncio.Timeout] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        self._refuse_waiting()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._give_up)

    def require(self, request: Request) -> None:
        """Raise RunEnding for a request of Scrapy's that comes too late."""
        if self._begun:
            raise RunEnding(f"{request.url}: the run ends")

    def require_time(self, url: str) -> None:
        """Raise RunEnding for an image's URL when the time of grace is over."""
        if self._is_over:
            raise RunEnding(f"{url}: the run ends")

    async def within(self, call: Awaitable[_T]) -> _T:
        """The result of a call of the task at hand; RunEnding when the time of grace is over first."""
        grace = asyncio.timeout(0 if self._is_over else None)
        self._under_way.add(grace)
        try:
            async with grace:
                return await call
        except TimeoutError as error:
            if grace.expired():
                raise RunEnding("the run ends") from error
            raise
        finally:
            self._under_way.discard(grace)

    def _give_up(self) -> None:
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for grace in self._under_way:
            grace.reschedule(now)

    def _refuse_waiting(self) -> None:
        """Pages that wait for their host's delay are refused at once: one after another it would take minutes."""
        engine = self._crawler.engine
        slots = engine.downloader.slots.values() if engine is not None else ()
        for slot in slots:
            waiting = list(slot.queue)
            slot.queue.clear()
            for request, answer in waiting:
                answer.errback(RunEnding(f"{request.url}: the run ends"))


class EndingMiddleware:
    """Refuses what comes too late before it waits for its host's delay."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        ending = self._crawler.get_extension(Ending)
        if ending is not None:
            ending.require(request)
