"""Sends a canonical origin elsewhere, as curl's `--connect-to` does: for tests, mirrors and tunnels.

Everything above the download handler (delays, robots.txt, redirects, the stored URL) sees the canonical address;
only the connection goes to the other origin, with the canonical Host header.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response


class OriginsDownloadHandler(BaseDownloadHandler):
    """Scrapy's own handler behind the map of the setting BIRDNEST_ORIGINS (origin → origin, no paths)."""

    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._origins: dict[str, str] = crawler.settings.getdict("BIRDNEST_ORIGINS")
        self._inner = HTTP11DownloadHandler.from_crawler(crawler)

    async def download_request(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        target = self._origins.get(f"{parts.scheme}://{parts.netloc}")
        if target is None:
            return await self._inner.download_request(request)
        there = request.replace(url=target + request.url.removeprefix(f"{parts.scheme}://{parts.netloc}"))
        there.headers.setdefault("Host", parts.netloc)
        response = await self._inner.download_request(there)
        # AutoThrottle reads it off the request that it knows.
        request.meta["download_latency"] = there.meta.get("download_latency")
        return response.replace(url=request.url)

    async def close(self) -> None:
        await self._inner.close()
