"""Runs beside each other: leases, delays that all keep together, and ends that do not wait."""

from __future__ import annotations

import json
import multiprocessing
import signal
import time
from itertools import chain, pairwise
from pathlib import Path

import pytest

from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.pace import Pace
from crawler.replica import trouble
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from tests.support import Birdnest

SLOW = {"delay_seconds": 0.2, "concurrency": 1}
SOON_SECONDS = 10


def wait_for_posts(birdnest: Birdnest, count: int, archive: str = "archive") -> None:
    deadline = time.monotonic() + 30
    while len(list((birdnest.folder / archive / "posts").glob("*/*/v0001.html"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_crawl_says_who_holds_the_site_and_the_next_runs_once_that_is_dead(
    birdnest: Birdnest, replica: Replica
) -> None:
    birdnest.configure(replica, site=SLOW)
    first = birdnest.start("crawl", SITE)
    wait_for_posts(birdnest, 1)
    second = birdnest("crawl", SITE)
    assert second.code == 8
    (line,) = second.err.strip().splitlines()
    assert line.startswith(f"error: {SITE}: process {first.pid} since 20")
    assert "is crawling this site into this archive" in line
    first.send_signal(signal.SIGKILL)
    first.communicate()
    birdnest.configure(replica)
    assert birdnest.crawl().code == 0
    assert len(list(birdnest.archive().posts())) == 62


def test_another_archive_and_single_posts_need_not_wait(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site=SLOW)
    first = birdnest.start("crawl", SITE)
    try:
        wait_for_posts(birdnest, 1)
        assert birdnest("archive", article_url(trouble.GBK_ID)).code == 0
        assert birdnest("crawl", SITE, "--limit", "1", "--archive", "other").code == 0
    finally:
        first.kill()
        first.communicate()


def test_two_runs_keep_a_hosts_delay_together(birdnest: Birdnest, replica: Replica) -> None:
    """Into two archives: nothing but the delay is shared. Page hosts and image hosts alike."""
    birdnest.configure(replica, site={"delay_seconds": 0.15, "image_delay_seconds": 0.1})
    runs = [birdnest.start("crawl", SITE, "--limit", "12", "--archive", place) for place in ("one", "two")]
    assert [run.wait(60) for run in runs] == [0, 0]
    for run in runs:
        run.communicate()
    by_host: dict[str, list[float]] = {}
    for hit in replica.log():
        by_host.setdefault(hit["url"].split("/")[2], []).append(hit["time"])
    assert len(by_host["www.niaogebiji.com"]) > 30
    assert len(by_host["ngbjimg.xy599.com"]) > 10
    for host, times in by_host.items():
        delay = 0.15 if host == "www.niaogebiji.com" else 0.1
        assert len(times) < 3 or max(times) - min(times) >= 0.9 * delay * (len(times) - 1), host


def reserve(folder: str, count: int) -> list[float]:
    pace = Pace(Path(folder))
    return [time.monotonic() + pace.reserve("img.example", 0.5) for _ in range(count)]


def test_reservations_of_several_processes_never_share_a_moment(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        moments = sorted(chain.from_iterable(pool.starmap(reserve, [(str(tmp_path), 25)] * 4)))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) > 0.49
    assert len(moments) == 100


def test_a_reservation_of_before_a_restart_of_the_machine_holds_nobody_up(tmp_path: Path) -> None:
    pace = Pace(tmp_path)
    (tmp_path / "hosts" / "img.example").write_text(f"{time.monotonic() + 500_000:<39.6f}\n")
    assert pace.reserve("img.example", 1.0) == 0
    (tmp_path / "hosts" / "img.example").write_bytes(b"\0\0torn")
    assert pace.reserve("img.example", 1.0) == 0
    assert 0.9 < pace.reserve("img.example", 1.0) <= 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_ends_within_seconds_and_loses_nothing(
    birdnest: Birdnest, replica: Replica, how: signal.Signals
) -> None:
    """Delays and a page that never comes would keep it for minutes."""
    birdnest.configure(replica, site={"delay_seconds": 0.3, "image_delay_seconds": 3.0, "concurrency": 4})
    process = birdnest.start("crawl", SITE, "--json")
    wait_for_posts(birdnest, 2)
    told = time.monotonic()
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    took = time.monotonic() - told
    assert took < SOON_SECONDS
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (report,) = json.loads(out)
    assert report["unfinished"] > 30
    assert not [failure for failure in report["failures"] if failure["reason"] == "interrupted"]
    errors = [finding for finding in verify(birdnest.archive().store, Scope(full=True)) if finding.severity == "error"]
    assert errors == []
    birdnest.configure(replica)
    assert birdnest.crawl().code == 0
    assert len(list(birdnest.archive().posts())) == 62
    missing = {
        image.reason
        for ref in birdnest.archive().posts()
        for image in birdnest.archive().load(ref).document.missing_images
    }
    assert "interrupted" not in missing
