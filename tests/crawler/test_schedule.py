"""When a site is due, and `birdnest crawl --due`."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from archive import Archive, open_store
from crawler.config import parse_config
from crawler.demo import SITE
from crawler.history import History, history_file
from crawler.lease import return_lease, take_lease
from crawler.replica.process import Replica
from crawler.schedule import parse_interval, parse_schedule
from tests.crawler.more_sites import TABLE, command_with
from tests.support import Birdnest, Ended

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
BEGIN = 1790000000  # 2026-09-21 14:13:20 UTC
HOUR = 3600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_an_interval_is_read(text: str, expected: timedelta) -> None:
    assert parse_interval(text) == expected


@pytest.mark.parametrize("text", ["", "6", "h", "6 h", "-6h", "6h!", "0s", "1y", "1.5h"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an interval"):
        parse_interval(text)


@pytest.mark.parametrize(
    ("schedule", "last", "zone", "due"),
    [
        ({"every": "6h"}, "2026-11-25T05:00+00:00", UTC, "2026-11-25T11:00+00:00"),
        ("0 3 * * *", "2026-11-25T02:59+00:00", UTC, "2026-11-25T03:00+00:00"),
        ("0 3 * * *", "2026-11-25T03:00+00:00", UTC, "2026-11-26T03:00+00:00"),
        ("0 3 * * *", "2026-11-20T03:00+00:00", UTC, "2026-11-21T03:00+00:00"),  # slept through: made up for once
        ("0 3 * * *", "2026-11-25T00:00+00:00", SHANGHAI, "2026-11-25T19:00+00:00"),
        # The change to summer time leaves 02:30 out, the change back has it twice.
        ("30 2 * * *", "2026-03-28T12:00+00:00", BERLIN, "2026-03-29T01:00+00:00"),
        ("30 2 * * *", "2026-10-24T12:00+00:00", BERLIN, "2026-10-25T00:30+00:00"),
        ("30 2 * * *", "2026-10-25T00:30+00:00", BERLIN, "2026-10-26T01:30+00:00"),
        ("0 * * * *", "2026-10-25T00:00+00:00", BERLIN, "2026-10-25T01:00+00:00"),
    ],
)
def test_a_site_is_due_at_the_first_time_after_its_last_run_began(
    schedule: object, last: str, zone: ZoneInfo, due: str
) -> None:
    found = parse_schedule(schedule).due_at(datetime.fromisoformat(last), now=NOW, zone=zone)
    assert found == datetime.fromisoformat(due)


@pytest.mark.parametrize("schedule", ["0 3 * * *", {"every": "6h"}])
def test_a_site_that_never_ran_and_one_whose_last_run_lies_in_the_future_are_due(schedule: object) -> None:
    assert parse_schedule(schedule).due_at(None, now=NOW, zone=UTC) == NOW
    assert parse_schedule(schedule).due_at(NOW + timedelta(days=400), now=NOW, zone=UTC) == NOW


def test_schedules_are_in_the_zone_that_is_configured_or_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_config({"timezone": "Asia/Shanghai"}, "toml").zone() == SHANGHAI
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert NOW.astimezone(parse_config({}, "toml").zone()).utcoffset() == timedelta(hours=1)


def test_a_site_is_due_in_its_nice_hours_alone() -> None:
    table = {"schedule": {"every": "6h"}, "nice_hours": "01:00-06:30"}  # by the site's clock, which is Shanghai's
    config = parse_config({"sites": {SITE: table}}, "toml")
    begin = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    assert config.due_at(SITE, None, now=NOW) == begin
    assert config.due_at(SITE, NOW, now=NOW) == begin + timedelta(hours=1)
    assert config.due_at(SITE, begin, now=begin) == begin + timedelta(days=1)
    assert config.due_at(SITE, None, now=begin) == begin


# --- crawl --due ---


class Small:
    """A site of eight posts with a schedule, on a clock of its own."""

    def __init__(self, folder: Path, replica: Replica | None, schedule: object, **config: Any) -> None:
        self.birdnest = command_with(folder, "small")
        self.configure(replica, schedule, **config)

    def configure(self, replica: Replica | None, schedule: object, **config: Any) -> None:
        self.birdnest.configure(replica, sites={"small": {**TABLE, "schedule": schedule}}, **config)

    def __call__(self, hours: float, *arguments: str) -> Ended:
        clock = {"SOURCE_DATE_EPOCH": str(int(BEGIN + hours * HOUR))}
        return self.birdnest(*arguments, environment=clock)

    def due(self, hours: float) -> Ended:
        return self(hours, "crawl", "--due", "--json")


def test_due_runs_what_is_due_and_is_silent_where_nothing_is(tmp_path: Path, replica: Replica) -> None:
    site = Small(tmp_path, replica, {"every": "6h"})
    assert site.due(0).report["new"] == 8
    for hours in (0.1, 5.9):
        ended = site.due(hours)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    # A part of the site is no run of the schedule.
    assert site(5, "crawl", "small", "--limit", "1").code == 0
    assert site.due(6).report["known"] == 8
    assert site.due(6.1).out == ""


def test_a_lost_state_folder_is_made_up_for_by_the_archive(tmp_path: Path, replica: Replica) -> None:
    site = Small(tmp_path, replica, {"every": "6h"}, state="one")
    assert site.due(0).code == 0
    site.configure(replica, {"every": "6h"}, state="another")
    assert site.due(1).out == ""


def test_a_site_without_a_schedule_is_never_due(birdnest: Birdnest) -> None:
    ended = birdnest("crawl", "--due")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert not (birdnest.folder / "archive").exists()


@pytest.mark.parametrize("arguments", [[], ["--due", SITE]])
def test_sites_are_named_or_due_one_of_the_two(birdnest: Birdnest, arguments: list[str]) -> None:
    ended = birdnest("crawl", *arguments)
    assert ended.code == 2
    assert "--due takes " in ended.err


def test_the_exit_code_of_what_is_due_is_that_of_the_worst(tmp_path: Path) -> None:
    assert Small(tmp_path, None, "* * * * *").due(0).code == 5


def test_a_site_that_is_being_crawled_is_left_to_that_run(tmp_path: Path, replica: Replica) -> None:
    site = Small(tmp_path, replica, {"every": "1s"})
    archive = Archive.open_or_create(open_store(str(tmp_path / "archive")), now=NOW)
    state = tmp_path / "state" / "birdnest"
    take_lease(state, archive.info.id, "small", now=NOW)
    try:
        ended = site.due(0)
    finally:
        return_lease(state, archive.info.id, "small")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_nothing_due_is_found_out_without_scrapy(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    archive = Archive.open_or_create(open_store(str(tmp_path / "archive")), now=now)
    with History(history_file(tmp_path / "state", archive.info.id)) as history:
        history.began("a-run", SITE, at=now)
    (tmp_path / "birdnest.toml").write_text(f'state = "state"\n[sites.{SITE}]\nschedule = {{ every = "6h" }}\n')
    code = """
import sys
sys.argv[1:] = ["crawl", "--due"]
from crawler.cli import app
app(standalone_mode=False)
print([name for name in ("scrapy", "twisted", "boto3") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_json_of_status_is_read_by_programs(birdnest: Birdnest) -> None:
    birdnest.configure(None, site={"schedule": "0 3 * * *"})
    (site,) = json.loads(birdnest("status", "--json").out)
    assert (site["site"], site["schedule"], site["last_run"], site["trouble"]) == (SITE, "0 3 * * *", None, None)
