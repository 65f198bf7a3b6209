"""Sites that change their pages, keep us away, or say when they want to be asked: what a run makes of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crawler.blockade import IN_A_ROW
from crawler.demo import SITE
from crawler.replica.process import Replica
from crawler.replica.trouble import EXPECTED_FAILURES, article_url
from tests.support import Birdnest, Ended

pytestmark = pytest.mark.hostile
USUAL = {url for url, _ in EXPECTED_FAILURES}
IDS = (482538, 482611, 482702, 482640, 482655)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def reasons(ended: Ended, *, what: str = "post") -> Counter[str]:
    """Reasons of failures, those of the replica's own trouble left out."""
    failures = [each for each in ended.report["failures"] if each["what"] == what and each["url"] not in USUAL]
    return Counter(each["reason"] for each in failures)


def articles_asked(replica: Replica) -> int:
    return sum(count for asked, count in replica.hits().items() if "/article-" in asked)


def open_urls(birdnest: Birdnest) -> int:
    counts: dict[str, Any] = json.loads(birdnest("frontier", "--json").out)
    return int(counts[SITE].get("open", 0))


def posts(birdnest: Birdnest) -> list[str]:
    return sorted(key for key in birdnest.objects() if key.startswith("posts/"))


# -- the site changes --------------------------------------------------------------------------------------------------


def test_a_template_that_changed_fails_every_post_by_its_field_and_archives_nothing(
    birdnest: Birdnest, replica: Replica
) -> None:
    replica.stand_in("template")
    done = birdnest.crawl("--limit", "12")
    assert (done.code, done.report["verdict"]) == (4, "below expectations")
    assert set(reasons(done)) == {"missing-field"}
    assert not posts(birdnest)
    replica.stand_in("")
    birdnest.crawl("--limit", "12", "--retry-failed")
    assert len(posts(birdnest)) == 12 - len(USUAL & failed_of(birdnest)), "the template is back, and so are the posts"


def failed_of(birdnest: Birdnest) -> set[str]:
    out = birdnest("frontier", "--state", "failed", "--json").out
    return {json.loads(line)["url"] for line in out.splitlines()}


SOFT = dict(zip(IDS, ("soft", "home", "template", "list", "notice"), strict=True))


def test_a_soft_404_of_each_kind_is_gone_and_never_a_post(birdnest: Birdnest, replica: Replica) -> None:
    held, new = IDS[:2], IDS[2:]
    assert birdnest("archive", *map(article_url, held), "--json").code == 0
    before = birdnest.objects()
    for number, how in SOFT.items():
        replica.remove(number, how)
    done = birdnest("archive", *map(article_url, IDS), "--json")
    assert done.report["gone"] == len(held), "those that are archived are marked as gone"
    assert {each["url"]: each["reason"] for each in done.report["failures"]} == {
        article_url(number): "soft-404" for number in new
    }
    assert birdnest.objects() == before
    for number in IDS:
        replica.restore(number)
    back = birdnest("archive", *map(article_url, IDS), "--json").report
    assert (back["unchanged"], back["new"]) == (len(held), len(new))


def test_lists_that_name_nothing_fail_the_run_and_mark_nothing_as_gone(birdnest: Birdnest, replica: Replica) -> None:
    assert birdnest.crawl("--limit", "3").code == 0
    replica.lists(empty=True)
    done = birdnest.crawl()
    assert done.code == 4
    assert reasons(done, what="listing")["listing-empty"] >= 4
    assert done.report["gone"] == 0


# -- the site keeps us away --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("captcha", "captcha"),
        *(
            pytest.param(*each, marks=pytest.mark.hostile)
            for each in (("login", "login-wall"), ("waf", "waf"), ("parked", "parked-domain"))
        ),
    ],
)
def test_a_site_that_keeps_us_away_is_asked_for_no_more_and_the_next_run_begins_with_one_page(
    birdnest: Birdnest, replica: Replica, how: str, reason: str
) -> None:
    birdnest.configure(replica, site={"concurrency": 1})
    replica.stand_in(how)
    done = birdnest.crawl()
    assert (done.code, done.report["verdict"]) == (5, "unreachable")
    assert "keeps us away" in done.report["reasons"][0]
    assert set(reasons(done)) == {reason}
    asked = articles_asked(replica)
    assert IN_A_ROW <= asked < 4 * IN_A_ROW, "and those that were under way by then"
    assert not posts(birdnest)
    # Those of the replica's own trouble that were asked for in time have failed for their own reasons.
    assert open_urls(birdnest) >= done.report["found"] - len(USUAL), "nothing is lost: the next run goes on"

    replica.reset()
    replica.stand_in(how)
    again = birdnest.crawl()
    assert (again.code, articles_asked(replica)) == (5, 1)
    assert "as in 1 runs before" in again.report["reasons"][0]

    replica.reset()
    healed = birdnest.crawl()
    assert (healed.code, healed.report["new"]) == (0, 62)
    assert not (birdnest.folder / "state" / "birdnest" / "blocked" / f"{SITE}.json").exists()


# -- the site says when ------------------------------------------------------------------------------------------------


def test_retry_after_is_waited_for_and_the_post_is_had(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, retries=2, site={"concurrency": 1})
    replica.refuse(1, status=429, retry_after="2")
    done = birdnest("archive", article_url(IDS[0]), article_url(IDS[1]), "--json")
    assert (done.code, done.report["new"]) == (0, 2)
    times = [(each["time"], each["status"]) for each in replica.log() if "/article-" in each["url"]]
    refused = next(at for at, status in times if status == 429)
    # One that was under way with it may have been answered before.
    assert min(at for at, status in times if at > refused + 0.5) - refused >= 1.9


def test_a_long_retry_after_ends_the_run_and_no_other_run_asks_in_that_time(
    birdnest: Birdnest, replica: Replica
) -> None:
    birdnest.configure(replica, retries=2, site={"concurrency": 1})
    replica.refuse(1, status=503, retry_after="3000")
    done = birdnest.crawl("--limit", "20")
    assert (done.code, done.report["verdict"]) == (5, "unreachable")
    asked = articles_asked(replica)
    assert asked <= 2
    assert open_urls(birdnest) > done.report["unfinished"] > 15
    again = birdnest("archive", article_url(IDS[0]), "--json")
    assert [each["reason"] for each in again.report["failures"]] == ["retry-after"]
    assert "asks to be left alone for" in again.report["failures"][0]["detail"]
    assert articles_asked(replica) == asked


def test_crawl_delay_is_the_least_delay_of_its_host(birdnest: Birdnest, replica: Replica) -> None:
    replica.robots("User-agent: *\nCrawl-delay: 30\n\nUser-agent: Birdnest\nCrawl-delay: 1\n")
    done = birdnest("archive", *map(article_url, IDS[:3]), "--json")
    assert done.report["new"] == 3
    times = sorted(each["time"] for each in replica.log() if "/article-" in each["url"])
    # They are noted when they are answered, which may take a while here.
    assert times[-1] - times[0] >= len(times) - 1.5


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("User-agent: *\nDisallow: /\n", 200, "robots-disallowed"),
        pytest.param("", 500, "robots-disallowed", marks=pytest.mark.hostile),
    ],
)
def test_a_robots_txt_that_turns_to_no_ends_all_requests(
    birdnest: Birdnest, replica: Replica, text: str, status: int, reason: str
) -> None:
    assert birdnest.crawl("--limit", "3").code == 0
    before = posts(birdnest)
    replica.reset()
    replica.robots(text, status)
    done = birdnest.crawl()
    assert (done.code, done.report["verdict"]) == (5, "unreachable")
    assert set(reasons(done, what="listing")) == {reason}
    asked = {url for url in replica.hits() if "www.niaogebiji.com" in url}
    assert asked == {"GET https://www.niaogebiji.com/robots.txt"}
    assert posts(birdnest) == before


def test_a_robots_txt_of_html_has_no_rules_and_is_told_of(birdnest: Birdnest, replica: Replica) -> None:
    replica.robots("<!DOCTYPE html><html><body>Not found. Disallow: / is no line here</body></html>")
    done = birdnest.crawl("--limit", "3")
    assert (done.code, done.report["new"] + done.report["aliases"]) == (0, 3)
    assert any("robots.txt is a page" in note for note in done.report["notes"]), done.report["notes"]


def at(hour: int, minute: int) -> dict[str, str]:
    moment = datetime(2026, 11, 25, hour, minute, tzinfo=SHANGHAI)
    return {"SOURCE_DATE_EPOCH": str(int(moment.timestamp()))}


def test_outside_its_nice_hours_a_site_is_asked_for_nothing(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"nice_hours": "01:00-06:30"})
    done = birdnest.crawl("--limit", "3", environment=at(14, 3))
    assert (done.code, done.report["found"]) == (0, 0)
    (note,) = done.report["notes"]
    assert "it is 14:03 in Asia/Shanghai, outside nice_hours 01:00-06:30" in note
    assert "begin 2026-11-26 01:00" in note
    assert not replica.hits()
    assert birdnest.crawl("--limit", "3", environment=at(1, 0)).report["found"] == 3


@pytest.mark.hostile
def test_when_the_nice_hours_are_over_the_rest_stays_open(birdnest: Birdnest, replica: Replica) -> None:
    now = datetime.now(SHANGHAI)
    if now.second > 50:
        time.sleep(61 - now.second)
        now = datetime.now(SHANGHAI)
    end = datetime.fromtimestamp(now.timestamp() // 60 * 60 + 60, SHANGHAI)
    birdnest.configure(replica, site={"nice_hours": f"{now:%H:%M}-{end:%H:%M}", "concurrency": 1, "delay_seconds": 2.0})
    done = birdnest.crawl()
    assert done.code == 0, done.err
    assert done.report["unfinished"] > 30
    assert any("what was not asked for stays open" in note for note in done.report["notes"])
    assert open_urls(birdnest) == done.report["unfinished"]
