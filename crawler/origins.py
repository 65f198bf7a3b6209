"""The download handler: where a request goes, and when.

A canonical origin can be sent elsewhere, as curl's `--connect-to` does: for tests, mirrors and tunnels. Everything
above the handler (delays, robots.txt, redirects, the stored URL) sees the canonical address; only the connection goes
to the other origin, with the canonical Host header. Each request waits for its host's turn among all runs of the user.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.ending import Ending
from crawler.pace import Pace


class OriginsDownloadHandler(BaseDownloadHandler):
    """Scrapy's own handler behind the map of the setting BIRDNEST_ORIGINS (origin → origin, no paths)."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._crawler = crawler
        self._origins: dict[str, str] = crawler.settings.getdict("BIRDNEST_ORIGINS")
        self._inner = HTTP11DownloadHandler.from_crawler(crawler)
        self._pace = Pace(Path(crawler.settings["BIRDNEST_STATE"]))

    async def download_request(self, request: Request) -> Response:
        ending = self._crawler.get_extension(Ending)
        if ending is None:
            return await self._download(request)
        ending.require(request)
        return await ending.within(self._download(request))

    async def _download(self, request: Request) -> Response:
        await self._turn(request)
        parts = urlsplit(request.url)
        target = self._origins.get(f"{parts.scheme}://{parts.netloc}")
        if target is None:
            return await self._inner.download_request(request)
        there = request.replace(url=target + request.url.removeprefix(f"{parts.scheme}://{parts.netloc}"))
        there.headers.setdefault("Host", parts.netloc)
        response = await self._inner.download_request(there)
        # AutoThrottle reads it off the request that it knows.
        request.meta["download_latency"] = there.meta.get("download_latency")
        # The address is that of the stand-in, which is nobody's business.
        return response.replace(url=request.url, ip_address=None)

    async def _turn(self, request: Request) -> None:
        engine, host = self._crawler.engine, str(request.meta.get("download_slot"))
        slot = engine.downloader.slots.get(host) if engine is not None else None
        if slot is not None:
            await self._pace.turn(host, slot.delay)

    async def close(self) -> None:
        await self._inner.close()
