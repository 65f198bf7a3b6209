"""How the sites are, as people, Prometheus and log collectors see it."""

from __future__ import annotations

import json
import logging
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from archive.model import Figures, RunReport
from archive.runs import RunFacts, totals
from crawler.demo import SITE
from crawler.history import PastRun
from crawler.jsonlog import RUNNING, JsonFormatter
from crawler.metrics import exposition
from crawler.replica.process import Replica
from crawler.status import SiteStatus, Trouble, days_of, sparkline
from tests.crawler.more_sites import TABLE, command_with
from tests.crawler.test_history import MakeReport, report_of
from tests.support import Birdnest

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def past(make: MakeReport, days: float, *, new: int = 0, exit_code: int = 0) -> PastRun:
    report: RunReport = report_of(make, NOW - timedelta(days=days), new=new, changed=0, exit_code=exit_code)
    return PastRun.of(report)


def test_thirty_days_at_a_glance(make_report: MakeReport) -> None:
    runs = [
        *(past(make_report, 0, new=40), past(make_report, 0.1, new=10)),
        past(make_report, 1, exit_code=4),
        *(past(make_report, 2, exit_code=5), past(make_report, 2.1, new=1)),
        past(make_report, 3),
        past(make_report, 29, new=25),
        past(make_report, 30, new=99),
    ]
    days = days_of(runs, now=NOW)
    assert len(days) == 30
    assert (days[0], days[1:26], days[26:]) == (25, (None,) * 25, (0, 1, -1, 50))
    assert sparkline(days) == "▅" + "·" * 25 + "▁▂x█"


def test_metrics_are_what_prometheus_reads(make_report: MakeReport) -> None:
    status = SiteStatus(
        site='o"ne\n',
        last=past(make_report, 0, new=3, exit_code=4),
        last_good=past(make_report, 1),
        next_due=NOW,
        trouble=Trouble(verdict="below expectations", since=NOW.isoformat()),
        urls={"archived": 7},
    )
    text = exposition([status, SiteStatus(site="never")]).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    values = {(s.name, *s.labels.values()): s.value for family in families.values() for s in family.samples}
    assert values["birdnest_last_run_exit_code", 'o"ne\n'] == 4
    assert values["birdnest_in_trouble", 'o"ne\n'] == 1
    assert values["birdnest_in_trouble", "never"] == 0
    assert values["birdnest_last_run_posts", 'o"ne\n', "new"] == 3
    assert values["birdnest_urls", 'o"ne\n', "archived"] == 7
    assert values["birdnest_last_good_run_timestamp_seconds", 'o"ne\n'] == NOW.timestamp() - 24 * 3600 + 90
    assert ("birdnest_last_run_exit_code", "never") not in values
    assert {family.type for family in families.values()} == {"gauge"}


def test_a_crawl_leaves_metrics_and_a_status(tmp_path: Path, replica: Replica) -> None:
    birdnest = command_with(tmp_path, "small")
    sites = {"small": {**TABLE, "schedule": "0 3 * * *"}}
    birdnest.configure(replica, metrics_file="metrics.prom", sites=sites)
    assert birdnest("crawl", "small").code == 0
    file = birdnest.folder / "metrics.prom"
    families = list(text_string_to_metric_families(file.read_text()))
    assert len(families) > 10
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(birdnest.folder.glob("metrics.prom*")) == [file], "no half-written file stays"
    lines = birdnest("status").out.splitlines()
    assert lines[0] == f"small  {'·' * 29}█"
    assert re.fullmatch(r"  last run 20\d\d-\d\d-\d\d \d\d:\d\d \(fine\), last good run 20.*", lines[1])
    assert re.fullmatch(r"  8 posts, 0 failed, 0 open; next due 20\d\d-\d\d-\d\d \d\d:\d\d", lines[2])
    assert lines[3].startswith("  30 days: 1 of 1 runs fine, 8 new, 0 changed, ")
    assert re.fullmatch(r"  failures none; images \d+ kept, missing none", lines[4])
    (told,) = json.loads(birdnest("status", "--json").out)
    assert told["last_30_days"] == totals(map(RunFacts.of, birdnest.archive().runs())).as_json()
    assert told["last_run"]["new"] == told["days"][-1] == 8
    assert told["last_good_run"] == told["last_run"]
    assert Figures(**told["last_run"].get("figures", {})) == Figures()


def test_metrics_that_cannot_be_written_are_said_and_fail_no_run(tmp_path: Path, replica: Replica) -> None:
    birdnest = command_with(tmp_path, "small")
    birdnest.configure(replica, metrics_file="nowhere/metrics.prom", sites={"small": TABLE})
    ended = birdnest("crawl", "small")
    assert ended.code == 0
    assert "metrics: metrics_file nowhere/metrics.prom: No such file or directory" in ended.err


def test_a_status_without_any_site_says_so(birdnest: Birdnest) -> None:
    assert birdnest("status").out == "no site was crawled yet, and none has a schedule in birdnest.toml\n"


def test_json_log_lines_name_site_run_and_url(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"expected_failures": []})
    ended = birdnest("crawl", SITE, "--log-json")
    assert ended.code == 4
    assert ended.out == "", "the log has it all"
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    new = [line for line in lines if line["message"].startswith("new: ")]
    assert len(new) == 62
    assert all(line["site"] == SITE and line["url"].startswith("https://") for line in new)
    runs = {line["run"] for line in lines if "run" in line}
    assert len(runs) == 1
    failed = {line["url"] for line in lines if line["level"] == "warning" and "failed:" in line["message"]}
    assert len(failed) == 3
    (end,) = [line for line in lines if "verdict" in line]
    assert (end["verdict"], end["new"], len(end["reasons"])) == ("below expectations", 62, 3)


def test_an_error_is_a_json_line_too(birdnest: Birdnest) -> None:
    (birdnest.folder / "file").write_text("")
    ended = birdnest("crawl", SITE, "--log-json", "--archive", "file/inside")
    assert ended.code == 6
    (line,) = [json.loads(line) for line in ended.err.splitlines()]
    assert line["level"] == "error"
    assert line["message"].startswith("error: ")


@pytest.mark.parametrize("url", ["http://user:SECRET@proxy.example:3128", "https://SECRET@x.example/y"])
def test_no_credentials_come_into_a_json_log(url: str) -> None:
    record = logging.LogRecord("scrapy.x", logging.ERROR, __file__, 1, "by %(url)s", ({"url": url},), None)
    token = RUNNING.set(("one", "a-run"))
    try:
        line = JsonFormatter().format(record)
    finally:
        RUNNING.reset(token)
    assert "SECRET" not in line
    assert json.loads(line)["site"] == "one"
    assert Path(json.loads(line)["url"].split("://")[1]).parts[0] in ("proxy.example:3128", "x.example")
