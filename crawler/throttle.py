"""Delays: never below what profile and robots.txt ask, slower when a host is slow, and back-off when it says stop."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

from crawler.pace import Pace

_BACK_OFF_FIRST_SECONDS = 1.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_MOST_CRAWL_DELAY_SECONDS = 60.0
_LEAST_DELAY_SECONDS = 0.001  # what is halved again and again ends there


def retry_after(value: str, now: datetime) -> float | None:
    """For how many seconds a Retry-After header (RFC 9110, 10.2.3) asks to be left alone; None where it says nothing.

    >>> retry_after("120", datetime(2022, 7, 22, tzinfo=UTC))
    120.0
    >>> retry_after("Fri, 22 Jul 2022 00:01:00 GMT", datetime(2022, 7, 22, tzinfo=UTC))
    60.0
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,10}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


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
        self._pace = Pace(Path(crawler.settings["BIRDNEST_STATE"]))
        self._backed_off: dict[str, float] = {}

    def floor(self, host: str) -> float:
        """The least delay of a host, in seconds."""
        return self._floors.get(host, 0.0)

    def ask_for(self, host: str, seconds: float) -> None:
        """Raise a host's least delay to what its robots.txt asks for, a minute at most."""
        least = min(seconds, _MOST_CRAWL_DELAY_SECONDS)
        self._floors[host] = max(least, self._floors.get(host, self._default))

    def _response_downloaded(self, response: Response, request: Request, spider: Spider) -> None:
        key, slot = self._get_slot(request, spider)
        if key is None or slot is None:
            return
        wish = response.headers.get("Retry-After")
        latency = request.meta.get("download_latency")
        self.heard(key, slot, response.status, latency, wish.decode("latin-1") if wish else None)

    def heard(self, host: str, slot: Slot, status: int, latency: float | None, wish: str | None) -> None:
        """Adapt a host's delay to an answer: its status, its latency in seconds, and its Retry-After."""
        if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
            self._back_off(host, slot, latency or 0.0)
            if wish is not None and status in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
                self._heed(wish, host)
            return
        if not self._adapts:
            slot.delay = slot.delay / 2 if slot.delay > _LEAST_DELAY_SECONDS else 0.0
        elif latency is not None:
            self._adjust_delay(slot, latency, Response("", status=status))
        slot.delay = max(slot.delay, self._floors.get(host, self._default))

    def _back_off(self, host: str, slot: Slot, latency: float) -> None:
        """Ask more slowly, unless the answer is to a request of before that was last done.

        Else the many requests that are under way when a host stumbles would slow it down many times at once.
        """
        now = time.monotonic()
        if now - latency >= self._backed_off.get(host, 0.0):
            slot.delay = min(self._longest, max(_BACK_OFF_FIRST_SECONDS, slot.delay * 2))
            self._backed_off[host] = now

    def _heed(self, wish: str, host: str) -> None:
        """Leave a host alone for as long as it asks; all runs of the user do."""
        seconds = retry_after(wish, datetime.now(UTC))
        if seconds:
            self._pace.hold(host, seconds)
