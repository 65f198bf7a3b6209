"""What the pipelines of one crawl share: the archive, its known heads, and threads for blocking calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import ParamSpec, Self, TypeVar

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from archive import Archive, open_store
from archive.errors import StoreError
from archive.reader import Head
from archive.store import StoreOptions
from pipelines.clock import clock

_P = ParamSpec("_P")
_T = TypeVar("_T")
_THREADS = 16  # they wait for a store that may be far away


class ArchiveSession:
    """A Scrapy extension that opens the archive named by the setting BIRDNEST_ARCHIVE.

    The archive's calls block (files, a store's server), so they run in threads of their own: the reactor's pool would
    serve only a few at a time. A post that is expected to be new costs no read, a known one a listing and a read.
    """

    def __init__(self, archive: Archive, now: Callable[[], datetime]) -> None:
        self.archive = archive
        self.now = now
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="archive")
        self._failed: StoreError | None = None
        self._turns = ThreadPoolExecutor(max_workers=1, thread_name_prefix="in-turn")
        # One: pictures and captures take much memory, and the C library keeps some of it for each thread that did.
        self._looking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="look")
        self._new: set[tuple[str, str]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        url = crawler.settings.get("BIRDNEST_ARCHIVE")
        if not url:
            raise NotConfigured("no archive: set BIRDNEST_ARCHIVE")
        now = clock()
        options = StoreOptions(**crawler.settings.getdict("BIRDNEST_STORE"))
        session = cls(Archive.open_or_create(open_store(url, options), now=now()), now)
        crawler.signals.connect(session._closed, signal=signals.engine_stopped)
        return session

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        """The session of a crawl. Raises NotConfigured when the extension is switched off."""
        session = crawler.get_extension(cls)
        if session is None:
            raise NotConfigured("pipelines.session.ArchiveSession is not among EXTENSIONS")
        return session

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """A blocking call, in one of the session's threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))

    async def write(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `run`, for writes. Once the store has failed one for good, later ones fail at once with its error.

        Each write tries for minutes before it gives up; a hundred of them one after the other would take hours.
        """
        with self._noting_failure():
            return await self.run(function, *args, **kwargs)

    async def write_large(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `write`, for what takes much memory: one call at a time, in the thread that looks."""
        with self._noting_failure():
            return await self.look(function, *args, **kwargs)

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        if self._failed is not None:
            raise self._failed
        try:
            yield
        except StoreError as error:
            self._failed = error
            raise

    async def look(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `run`, for what takes time and memory to look at: one call at a time."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._looking, lambda: function(*args, **kwargs))

    async def run_in_turn(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `run`, one call at a time, in the order in which they were asked for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._turns, lambda: function(*args, **kwargs))

    def expect_new(self, site: str, id_: str) -> None:
        """The archive is not known to hold a post: look it up only where its first version is refused."""
        self._new.add((site, id_))

    async def head(self, site: str, id_: str) -> Head | None:
        """The version the archive holds of a post, or None."""
        if (site, id_) in self._new:
            self._new.discard((site, id_))
            return None
        return await self.run(self.archive.head, site, id_)

    def _closed(self) -> None:
        self._threads.shutdown(wait=False)
        self._turns.shutdown(wait=False)
        self._looking.shutdown(wait=False)
