"""The download handler: where a request goes, and when.

A canonical origin can be sent elsewhere, as curl's `--connect-to` does: for tests, mirrors and tunnels. Everything
above the handler (delays, robots.txt, redirects, the stored URL) sees the canonical address; only the connection goes
to the other origin, with the canonical Host header. Each request waits for its host's turn among all runs of the user,
and goes nowhere that `crawler.guard` does not let it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, DownloadFailedError
from scrapy.http import Response
from twisted.internet.error import NoProtocol

from crawler.ending import Ending
from crawler.guard import AddressRefused, Guard, GuardedResolver, guarded, proxy_address
from crawler.image_client import ImageClient
from crawler.limits import LARGE_BYTES, TooLarge, body_limit, head_too_large, watch_connections
from crawler.pace import Pace
from crawler.throttle import Throttle


class OriginsDownloadHandler(BaseDownloadHandler):
    """Scrapy's own handler behind the guard and the map of the setting BIRDNEST_ORIGINS (origin → origin, no paths)."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._crawler = crawler
        self._guard = Guard.of(crawler)
        self._inner = HTTP11DownloadHandler.from_crawler(crawler)
        self._pace = Pace(Path(crawler.settings["BIRDNEST_STATE"]))
        self._resolver = self._guarded_resolver()
        client = crawler.get_extension(ImageClient)
        if client is not None:
            client.resolve_by(self._resolver)
        self._large = asyncio.Lock()

    async def download_request(self, request: Request) -> Response:
        self._guard.require(request.url)
        ending = self._crawler.get_extension(Ending)
        if ending is None:
            return await self._download(request)
        ending.require(request)
        return await ending.within(self._download(request))

    async def _download(self, request: Request) -> Response:
        resolver = self._resolver
        await self._turn(request)
        proxy = request.meta.get("proxy")
        if proxy:
            resolver.allow([proxy_address(proxy)])
        if proxy or self._guard.needs_lookup(request.url):
            await self._guard.look_up(request.url, resolver)
        way = self._guard.way(request.url)
        if way == request.url:
            return await self._fetch(request, request.url, resolver)
        there = request.replace(url=way)
        there.headers.setdefault("Host", urlsplit(request.url).netloc)
        response = await self._fetch(there, request.url, resolver)
        # AutoThrottle reads it off the request that it knows.
        request.meta["download_latency"] = there.meta.get("download_latency")
        # The address is that of the stand-in, which is nobody's business.
        return response.replace(url=request.url, ip_address=None)

    async def _fetch(self, request: Request, url: str, resolver: GuardedResolver) -> Response:
        """The answer to a request; one that is large is asked for again, when no other large one is being read.

        url: what the request is called in errors.
        """
        most = body_limit(request)
        try:
            return await self._ask(request, url, min(most, LARGE_BYTES), resolver)
        except DownloadCancelledError as error:
            if most <= LARGE_BYTES:
                raise TooLarge(f"{url}: more than {most} bytes") from error
        async with self._large:
            await self._turn(request)
            try:
                return await self._ask(request, url, most, resolver)
            except DownloadCancelledError as error:
                raise TooLarge(f"{url}: more than {most} bytes") from error

    async def _ask(self, request: Request, url: str, most: int, resolver: GuardedResolver) -> Response:
        request.meta["download_maxsize"] = most
        try:
            return await self._inner.download_request(request)
        except CannotResolveHostError as error:
            why = resolver.why_refused(request.url)
            if why is not None:
                raise AddressRefused(f"{url}: {why}") from error
            raise
        except NoProtocol as error:
            raise AddressRefused(f"{url}: the peer of the connection is none to talk to") from error
        except DownloadFailedError as error:
            if head_too_large(error):
                raise TooLarge(f"{url}: the answer's head is too large") from error
            raise

    def _guarded_resolver(self) -> GuardedResolver:
        # No name but this leads to the reactor: to import it is to install one.
        pool = self._inner._pool  # noqa: SLF001
        resolver = guarded(pool._reactor)  # noqa: SLF001
        resolver.allow(self._guard.allowed)
        watch_connections(pool, resolver)
        return resolver

    async def _turn(self, request: Request) -> None:
        engine, host = self._crawler.engine, str(request.meta.get("download_slot"))
        slot = engine.downloader.slots.get(host) if engine is not None else None
        if slot is not None:
            throttle = self._crawler.get_extension(Throttle)
            floor = throttle.floor(host) if throttle is not None else 0.0
            await self._pace.turn(host, max(slot.delay, floor))

    async def close(self) -> None:
        await self._inner.close()
