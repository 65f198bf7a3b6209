"""Delays: a floor for each host, slower when told to stop, and back again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from scrapy import Request, Spider
from scrapy.core.downloader import Slot
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from crawler.throttle import Throttle

SITE_DELAY, IMAGE_DELAY = 2.0, 0.25


class Downloads:
    """A throttle of a real crawler, told of answers as Scrapy tells it."""

    def __init__(self, *, adapts: bool) -> None:
        settings = {
            "AUTOTHROTTLE_ENABLED": adapts,
            "AUTOTHROTTLE_START_DELAY": IMAGE_DELAY,
            "DOWNLOAD_DELAY": IMAGE_DELAY,
            "DOWNLOAD_SLOTS": {"www.example.com": {"delay": SITE_DELAY, "concurrency": 2}},
        }
        self.crawler: Any = get_crawler(Spider, settings)
        self.throttle = Throttle(self.crawler)
        self.throttle.mindelay, self.throttle.maxdelay = IMAGE_DELAY, 60.0
        self.slots = {
            "www.example.com": Slot(concurrency=2, delay=SITE_DELAY),
            "img.example.net": Slot(concurrency=4, delay=IMAGE_DELAY),
        }
        self.throttle._get_slot = self.slot  # type: ignore[method-assign, assignment]  # the engine's lookup, without an engine

    def slot(self, request: Request, _spider: Spider) -> tuple[str, Slot]:
        return request.meta["download_slot"], self.slots[request.meta["download_slot"]]

    def answered(self, host: str, status: int, latency_seconds: float = 0.01) -> float:
        """The host's delay after an answer."""
        request = Request(f"https://{host}/", meta={"download_slot": host, "download_latency": latency_seconds})
        self.throttle._response_downloaded(Response(request.url, status=status), request, Spider("example"))
        return self.slots[host].delay


@pytest.mark.parametrize("adapts", [True, False])
def test_a_fast_host_is_never_asked_faster_than_its_floor(*, adapts: bool) -> None:
    downloads = Downloads(adapts=adapts)
    for _ in range(20):
        assert downloads.answered("www.example.com", 200) == SITE_DELAY
        assert downloads.answered("img.example.net", 200) == IMAGE_DELAY


@pytest.mark.parametrize("adapts", [True, False])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_that_says_stop_is_asked_ever_more_slowly_and_then_normally_again(status: int, *, adapts: bool) -> None:
    downloads = Downloads(adapts=adapts)
    delays = [downloads.answered("img.example.net", status) for _ in range(8)]
    assert delays[0] >= 1.0
    assert all(later >= earlier * 2 or later == 60.0 for earlier, later in pairwise(delays))
    for _ in range(20):
        downloads.answered("img.example.net", 200)
    assert downloads.slots["img.example.net"].delay == pytest.approx(IMAGE_DELAY, abs=0.01)
    assert downloads.slots["www.example.com"].delay == SITE_DELAY, "other hosts are not slowed down"


def test_a_slow_host_is_asked_more_slowly_where_autothrottle_is_on() -> None:
    assert Downloads(adapts=True).answered("www.example.com", 200, latency_seconds=8.0) == pytest.approx(8.0)
    assert Downloads(adapts=False).answered("www.example.com", 200, latency_seconds=8.0) == SITE_DELAY
