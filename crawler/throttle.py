"""Delays: never below what the site's profile asks, slower when a host is slow, and back-off when it says stop."""

from __future__ import annotations

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

_BACK_OFF_FIRST_SECONDS = 1.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class Throttle(AutoThrottle):
    """AutoThrottle with a floor for each host, and with back-off that works even where AutoThrottle is off.

    Scrapy's own has one least delay for all hosts: a site's pages would be fetched as fast as its images may be.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._adapts = crawler.settings.getbool("AUTOTHROTTLE_ENABLED")
        if self._adapts:
            super().__init__(crawler)
        else:
            self.crawler = crawler
            crawler.signals.connect(self._response_downloaded, signal=signals.response_downloaded)
        self._default = crawler.settings.getfloat("DOWNLOAD_DELAY")
        self._longest = crawler.settings.getfloat("AUTOTHROTTLE_MAX_DELAY")
        self._floors: dict[str, float] = {
            host: float(slot["delay"]) for host, slot in crawler.settings.getdict("DOWNLOAD_SLOTS").items()
        }

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        key, slot = self._get_slot(request, spider)
        if key is None or slot is None:
            return
        if response.status == _TOO_MANY_REQUESTS or response.status >= _SERVER_ERROR:
            slot.delay = min(self._longest, max(_BACK_OFF_FIRST_SECONDS, slot.delay * 2))
            return
        if self._adapts:
            super()._response_downloaded(response, request, spider)
        else:
            slot.delay /= 2
        slot.delay = max(slot.delay, self._floors.get(key, self._default))
