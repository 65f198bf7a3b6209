"""`birdnest run`: sites on short schedules, seen from outside, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crawler.replica.process import Replica
from tests.crawler.listeners import webhook
from tests.crawler.more_sites import TABLE, command_with
from tests.support import Birdnest

SLUGS = ("one", "two", "three")


class Running:
    """A running scheduler, and what it has logged."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = self._log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def says(self, text: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if re.search(text, line["message"])]

    def wait_for(self, text: str, *, count: int = 1, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while len(self.says(text)) < count:
            assert time.monotonic() < end, f"no {text!r} in {self._log.read_text()}"
            assert self.process.poll() is None, self._log.read_text()
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, str]:
        (line,) = self.says(r"listening on http://\S+")
        found = re.search(r"http://\S+?(?=/metrics)", line["message"])
        assert found is not None
        with closing(HTTPConnection(urlsplit(found[0]).netloc, timeout=20)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running(birdnest: Birdnest, *arguments: str) -> Iterator[Running]:
    log = birdnest.folder / "log.jsonl"
    command = [*birdnest.command, "run", "--log-json", "--listen", "127.0.0.1:0", *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, cwd=birdnest.folder, env=birdnest.variables(None), stderr=errors, stdout=errors, text=True
        ) as process,
    ):
        try:
            yield Running(process, log)
        finally:
            process.kill()


def scheduled(folder: Path, replica: Replica, **schedules: str) -> Birdnest:
    birdnest = command_with(folder, *schedules)
    sites = {slug: {**TABLE, "schedule": {"every": every}} for slug, every in schedules.items()}
    birdnest.configure(replica, sites=sites, scheduler={"parallel": 2})
    return birdnest


def overlaps(lines: list[dict[str, Any]]) -> tuple[int, int]:
    """How often a site's run began while another of it was under way, and the most runs at a time."""
    under_way: list[str] = []
    doubled, most = 0, 0
    for line in lines:
        if "run begins" in line["message"]:
            doubled += line["site"] in under_way
            under_way.append(line["site"])
            most = max(most, len(under_way))
        elif "run ended" in line["message"]:
            under_way.remove(line["site"])
    return doubled, most


def test_due_sites_are_run_side_by_side_without_overlap_and_end_in_order(tmp_path: Path, replica: Replica) -> None:
    birdnest = scheduled(tmp_path, replica, one="2s", two="3s", three="1h")
    with running(birdnest) as scheduler:
        for slug, count in (("one", 2), ("two", 2), ("three", 1)):
            scheduler.wait_for(f"^{slug}: run ended", count=count)
        status, health = scheduler.get("/healthz")
        assert status == 200
        told = json.loads(health)
        assert told["status"] == "ok"
        assert set(told["next_due"]) == set(SLUGS)
        status, metrics = scheduler.get("/metrics")
        assert status == 200
        assert scheduler.get("/else")[0] == 404
        scheduler.wait_for("^(one|two): run begins", count=len(scheduler.says("^(one|two): run begins")) + 1)
        assert scheduler.stop() == 0

    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    codes = {sample.labels["site"]: sample.value for sample in families["birdnest_last_run_exit_code"].samples}
    assert codes == dict.fromkeys(SLUGS, 0.0)
    archived = [s for s in families["birdnest_urls"].samples if s.labels["state"] == "archived"]
    assert [sample.value for sample in archived] == [8.0] * 3
    ran = {s.labels["site"]: s.value for s in families["birdnest_runs"].samples if s.name == "birdnest_runs_total"}
    assert ran["three"] == 1.0
    assert ran["one"] >= 2.0

    doubled, most = overlaps(scheduler.lines)
    assert (doubled, most) == (0, 2)
    assert len(scheduler.says("^three: run begins")) == 1, "it is due in an hour"
    ended = scheduler.says("run ended")
    # -15: told to stop before Python had come to the command's first line.
    assert {line["exit_code"] for line in ended} <= {0, 130, -signal.SIGTERM}
    assert len(ended) == len(scheduler.says("run begins")), "those under way were waited for"
    pids = [int(line["message"].split()[-1]) for line in scheduler.says("run begins")]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    begins = [datetime.fromisoformat(line["time"]) for line in scheduler.says("^one: run begins")]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(begins)]
    assert min(gaps) > 1.5, "no run begins before it is due"
    assert scheduler.lines[-1]["message"] == "the scheduler has ended"


def test_a_run_that_is_killed_is_told_and_the_next_one_goes_on(tmp_path: Path, replica: Replica) -> None:
    birdnest = scheduled(tmp_path, replica, one="2s")
    with webhook() as hook:
        sites = {"one": {**TABLE, "schedule": {"every": "2s"}}}
        birdnest.configure(replica, sites=sites, alerts=[{"kind": "json", "url": hook.url}])
        with running(birdnest) as scheduler:
            scheduler.wait_for("^one: run begins")
            os.kill(int(scheduler.says("run begins")[0]["message"].split()[-1]), signal.SIGKILL)
            scheduler.wait_for("run ended with 0")
            assert scheduler.stop() == 0
    assert [told["verdict"] for told in hook.told] == ["died", "fine"]
    assert "the run was ended by SIGKILL" in hook.told[0]["reasons"][0]


def test_a_scheduler_without_a_schedule_says_so(birdnest: Birdnest) -> None:
    ended = birdnest("run")
    assert ended.code == 3
    assert "no site has a schedule" in ended.err


def test_an_address_that_is_taken_is_said(tmp_path: Path, replica: Replica) -> None:
    birdnest = scheduled(tmp_path, replica, one="1h")
    port = urlsplit(replica.url).port
    ended = birdnest("run", "--listen", f"127.0.0.1:{port}")
    assert ended.code == 3
    assert "Address already in use" in ended.err


@pytest.mark.parametrize("address", ["9464", "127.0.0.1:x", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused(birdnest: Birdnest, address: str) -> None:
    ended = birdnest("run", "--listen", address)
    assert ended.code == 2
    assert "expected an address and a port" in ended.err
