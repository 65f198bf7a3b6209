"""What is remembered of runs: told by the runs themselves, learnt from the archive, and bounded in what it reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import Archive, open_store
from archive.errors import ConfigError
from archive.layout import run_key
from archive.model import Figures, RunReport
from archive.runs import DAYS
from archive.store import Store
from crawler.history import History, PastRun, history_file

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FIGURES = Figures(lists={"https://site.example/": 30}, pages=3, posts=2, with_date=2, characters=700, newest_at=NOW)
MakeReport = Callable[..., RunReport]


def report_of(make: MakeReport, began: datetime, *, site: str = "one", number: int = 0, **given: Any) -> RunReport:
    return make(
        run=f"{began:%Y%m%dT%H%M%SZ}-{site}-{number:06x}",
        site=site,
        started_at=began,
        finished_at=began + timedelta(seconds=90),
        **{"figures": FIGURES, **given},
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(history_file(tmp_path, "an-id"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open_or_create(open_store(str(tmp_path / "nest")), now=NOW)


def test_a_run_is_remembered_as_its_report_tells_it(history: History, make_report: MakeReport) -> None:
    report = report_of(make_report, NOW, reasons=("a \udc80", "b"), exit_code=4, verdict="below expectations")
    history.ended(report)
    (past,) = history.runs("one")
    assert past.figures == FIGURES
    assert (past.run, past.began_at, past.seconds, past.verdict) == (report.run, NOW, 90.0, "below expectations")
    assert (past.fine, past.new, past.failed, past.images_missing) == (False, 2, 1, 1)
    assert past.reason == "a ?; b"


def test_of_a_run_that_an_earlier_release_remembered_the_reasons_are_unknown(
    history: History, make_report: MakeReport
) -> None:
    history.ended(report_of(make_report, NOW))
    with history._engine.begin() as db:
        told = json.loads(db.exec_driver_sql("SELECT told FROM runs").scalar_one())
        for name in ("failures", "expected_failures", "missing", "bytes_stored", "whole"):
            del told[name]
        db.exec_driver_sql("UPDATE runs SET told = ?", (json.dumps(told),))
    (past,) = history.runs("one")
    assert (past.failures, past.missing, past.bytes_stored) == ({"unknown": 1}, {}, 0)
    assert past.newest_at == NOW


def test_a_run_under_way_is_the_last_that_began_and_none_that_has_ended(history: History) -> None:
    assert history.last_began("one") is None
    history.began("a-run", "one", at=NOW)
    assert history.last_began("one") == NOW
    assert history.runs("one") == []
    assert history.sites() == ["one"]


def test_runs_that_looked_at_a_part_are_not_remembered(history: History, make_report: MakeReport) -> None:
    history.ended(report_of(make_report, NOW, whole=False))
    assert history.sites() == []


def test_runs_come_newest_first_and_old_ones_are_forgotten(history: History, make_report: MakeReport) -> None:
    for days in (200, 95, 80, 2, 1, 0):
        history.ended(report_of(make_report, NOW - timedelta(days=days)))
    began = [(NOW - past.began_at).days for past in history.runs("one")]
    assert began == [0, 1, 2, 80]
    assert len(history.runs("one", since=NOW - timedelta(days=1))) == 2
    assert len(history.runs("one", most=1)) == 1


def test_a_lost_history_is_learnt_from_the_archive(history: History, archive: Archive, make_report: MakeReport) -> None:
    reports = [report_of(make_report, NOW - timedelta(days=days)) for days in (40, 20, 3, 0)]
    for report in reports:
        archive.add_report(report)
    assert history.learn(archive, now=NOW) == 3
    assert history.runs("one") == [PastRun.of(report) for report in reversed(reports[1:])]
    assert history.learn(archive, now=NOW) == 0
    later = report_of(make_report, NOW + timedelta(hours=1), site="two")
    archive.add_report(later)
    assert history.learn(archive, now=NOW + timedelta(hours=2)) == 1, "a run of another machine"
    assert history.sites() == ["one", "two"]


def test_an_archive_that_was_asked_lately_is_not_asked_again(
    history: History, archive: Archive, make_report: MakeReport
) -> None:
    history.learn(archive, now=NOW)
    archive.add_report(report_of(make_report, NOW))
    counted, often = Counted(archive.store), timedelta(minutes=10)
    assert history.learn(archive, now=NOW + timedelta(minutes=9), at_most_old=often) == 0
    assert not any(counted.requests().values())
    assert history.learn(archive, now=NOW + timedelta(minutes=11), at_most_old=often) == 1
    assert history.learn(archive, now=NOW - timedelta(hours=1), at_most_old=often) == 0
    assert counted.requests()["LIST"] == 2, "a clock that was set back is no reason to wait for"


def test_a_report_that_is_damaged_or_foreign_is_left_to_verify(
    history: History, archive: Archive, make_report: MakeReport
) -> None:
    report = report_of(make_report, NOW)
    archive.store.create(run_key(report.run), b"{", "application/json")
    archive.store.create("runs/2026-11-25/notes.txt", b"mine", "text/plain")
    history.learn(archive, now=NOW)
    assert history.sites() == []


class Counted:
    """A store that counts what is asked of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.before = dict(store.usage.requests)

    def requests(self) -> dict[str, int]:
        after = self.store.usage.requests
        return {
            name: count - self.before.get(name, 0) for name, count in after.items() if count > self.before.get(name, 0)
        }


def test_of_a_long_history_a_bounded_part_is_read(history: History, archive: Archive, make_report: MakeReport) -> None:
    for hours in range(24 * 35):
        began = NOW - timedelta(hours=hours)
        archive.add_report(report_of(make_report, began, number=hours, new=hours))
    counted = Counted(archive.store)
    assert history.learn(archive, now=NOW) <= 40
    assert counted.requests()["LIST"] == 1
    assert counted.requests()["GET"] <= 40
    runs = history.runs("one")
    assert [past.new for past in runs[:10]] == list(range(10))
    days = {past.began_at.date() for past in runs}
    assert len(days) >= DAYS


def test_processes_may_begin_one_history_at_once(tmp_path: Path) -> None:
    code = f"from crawler.history import *; History(history_file(Path({str(tmp_path)!r}), 'an-id')).sites()"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(8)]
    ended = [(process.communicate()[1], process.returncode) for process in running]
    assert {code for _, code in ended} == {0}, ended


def test_a_file_that_is_none_of_ours_is_said(tmp_path: Path) -> None:
    file = history_file(tmp_path, "an-id")
    file.parent.mkdir()
    file.write_text("no database")
    with pytest.raises(ConfigError, match="the archive has it all: remove the file"):
        History(file)
    with pytest.raises(ConfigError, match=r"set `state` in birdnest\.toml"):
        History(file / "inside")
