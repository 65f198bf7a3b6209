"""Delays: a floor for each host, slower when told to stop, and back again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request, Spider
from scrapy.core.downloader import Slot
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from crawler.pace import AskedToWait, Pace
from crawler.throttle import Throttle, retry_after

SITE_DELAY, IMAGE_DELAY = 2.0, 0.25


class Downloads:
    """A throttle of a real crawler, told of answers as Scrapy tells it."""

    def __init__(self, state: Path, *, adapts: bool) -> None:
        settings = {
            "BIRDNEST_STATE": str(state),
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
def test_a_fast_host_is_never_asked_faster_than_its_floor(tmp_path: Path, *, adapts: bool) -> None:
    downloads = Downloads(tmp_path, adapts=adapts)
    for _ in range(20):
        assert downloads.answered("www.example.com", 200) == SITE_DELAY
        assert downloads.answered("img.example.net", 200) == IMAGE_DELAY


@pytest.mark.parametrize("adapts", [True, False])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_that_says_stop_is_asked_ever_more_slowly_and_then_normally_again(
    tmp_path: Path, status: int, *, adapts: bool
) -> None:
    downloads = Downloads(tmp_path, adapts=adapts)
    delays = [downloads.answered("img.example.net", status, latency_seconds=0.0) for _ in range(8)]
    assert delays[0] >= 1.0
    assert all(later >= earlier * 2 or later == 60.0 for earlier, later in pairwise(delays))
    for _ in range(20):
        downloads.answered("img.example.net", 200)
    assert downloads.slots["img.example.net"].delay == pytest.approx(IMAGE_DELAY, abs=0.01)
    assert downloads.slots["www.example.com"].delay == SITE_DELAY, "other hosts are not slowed down"


@pytest.mark.parametrize("adapts", [True, False])
def test_a_host_that_stumbles_over_many_requests_at_once_is_slowed_down_once(tmp_path: Path, *, adapts: bool) -> None:
    downloads = Downloads(tmp_path, adapts=adapts)
    together = {downloads.answered("img.example.net", 500, latency_seconds=5.0) for _ in range(64)}
    assert together == {1.0}
    assert downloads.answered("img.example.net", 500, latency_seconds=0.0) == 2.0


def test_a_delay_that_is_halved_comes_to_an_end(tmp_path: Path) -> None:
    downloads = Downloads(tmp_path, adapts=False)
    downloads.throttle._default = 0.0
    downloads.answered("img.example.net", 500)
    delays = [downloads.answered("img.example.net", 200) for _ in range(12)]
    assert delays[0] == 0.5
    assert delays[-1] == 0.0


def test_a_slow_host_is_asked_more_slowly_where_autothrottle_is_on(tmp_path: Path) -> None:
    assert Downloads(tmp_path, adapts=True).answered("www.example.com", 200, latency_seconds=8.0) == pytest.approx(8.0)
    assert Downloads(tmp_path, adapts=False).answered("www.example.com", 200, latency_seconds=8.0) == SITE_DELAY


NOW = datetime(2022, 7, 22, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Fri, 22 Jul 2022 08:02:00 GMT", 120.0),
        ("Friday, 22-Jul-22 08:02:00 GMT", 120.0),
        ("Fri, 22 Jul 2022 07:00:00 GMT", 0.0),
        *((value, None) for value in ("", "soon", "-5", "1.5", "99999999999999", "Fri, 99 Jul 2022 00:00:00 GMT", "٣")),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_a_host_is_left_alone_for_as_long_as_it_asks_and_all_runs_know(tmp_path: Path) -> None:
    mine, of_another_run = Pace(tmp_path), Pace(tmp_path)
    assert mine.held("www.example.com") == 0
    mine.hold("www.example.com", 40)
    assert of_another_run.held("www.example.com") == pytest.approx(40, abs=2)
    mine.hold("www.example.com", 5)
    assert of_another_run.held("www.example.com") > 30, "a shorter wait takes nothing back"
    assert of_another_run.reserve("www.example.com", 2.0) == pytest.approx(40, abs=2)
    assert of_another_run.reserve("www.example.com", 2.0) == pytest.approx(42, abs=2), "one after the other"
    assert of_another_run.held("img.example.net") == 0
    mine.hold("www.example.com", 10.0**9)
    assert of_another_run.held("www.example.com") <= 3600


def test_a_request_waits_for_a_hold_that_came_while_it_waited_for_its_turn(tmp_path: Path) -> None:
    pace = Pace(tmp_path)

    async def both() -> float:
        pace.reserve("www.example.com", 0.3)
        began = asyncio.get_running_loop().time()
        turn = asyncio.ensure_future(pace.turn("www.example.com", 0.3))
        await asyncio.sleep(0.05)
        pace.hold("www.example.com", 1.0)
        await turn
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(both()) >= 1.0


def test_nobody_waits_longer_than_a_run_should(tmp_path: Path) -> None:
    pace = Pace(tmp_path)
    pace.hold("www.example.com", 1000)
    with pytest.raises(AskedToWait, match="1000 seconds more"):
        asyncio.run(pace.turn("www.example.com", 0.0))


def test_robots_txt_may_raise_a_hosts_least_delay_to_a_minute_and_never_lower_it(tmp_path: Path) -> None:
    throttle = Downloads(tmp_path, adapts=False).throttle
    for asked, least in ((0.5, 2.0), (5.0, 5.0), (3.0, 5.0), (1e9, 60.0)):
        throttle.ask_for("www.example.com", asked)
        assert throttle.floor("www.example.com") == least
