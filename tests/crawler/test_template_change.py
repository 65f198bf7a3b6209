"""A site changes its template: seen by the first run, told once, nothing wrong archived, and told when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.verify import Scope, verify
from crawler.alerts import FINE
from crawler.replica.process import Replica
from tests.crawler.listeners import Webhook, webhook
from tests.crawler.more_sites import TABLE, command_with
from tests.support import Ended

pytestmark = pytest.mark.hostile
BEGIN = 1790000000  # 2026-09-21
DAY = 24 * 3600
BELOW = "below expectations"
NEW_POST = 482744  # on this site's only list


class Scheduled:
    """A site with one list of twenty posts, crawled on days of a clock of its own."""

    def __init__(self, folder: Path, replica: Replica, **config: Any) -> None:
        self.birdnest = command_with(folder, "small", list_="/cat/136")
        self.replica = replica
        self.configure(**config)

    def configure(self, **config: Any) -> None:
        self.birdnest.configure(self.replica, sites={"small": {**TABLE, **config.pop("site", {})}}, **config)

    def crawl(self, day: float, *arguments: str) -> Ended:
        clock = {"SOURCE_DATE_EPOCH": str(int(BEGIN + day * DAY))}
        return self.birdnest("crawl", "small", "--json", *arguments, environment=clock)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


def test_a_template_change_is_told_once_and_archives_nothing_wrong_and_its_end_is_told_once(
    tmp_path: Path, replica: Replica, hook: Webhook
) -> None:
    site = Scheduled(tmp_path, replica, alerts=[{"kind": "json", "url": hook.url}])
    replica.unlist(NEW_POST)
    assert site.crawl(0).code == 0
    before = site.birdnest.objects()
    assert len(before) > 20
    assert hook.told == []

    replica.stand_in("template")
    replica.restore(NEW_POST)
    first = site.crawl(0.1)
    assert (first.code, first.report["verdict"]) == (4, BELOW)
    assert "required field 'body' not found: nothing matches .pc_content" in first.report["reasons"][0]
    assert [(told["before"], told["verdict"]) for told in hook.told] == [(FINE, BELOW)]
    assert site.birdnest.objects() == before, "nothing of the new template is archived"

    # Ten runs: with posts that are due, and quiet ones, which are fine by themselves.
    codes = [site.crawl(day).code for day in (0.2, 0.3, 1.2, 1.3, 1.4, 1.5, 2.4, 2.5, 2.6, 2.7)]
    assert set(codes) == {0, 4}
    assert len(hook.told) == 1
    assert site.birdnest.objects() == before

    replica.stand_in("")
    assert site.crawl(2.8).code == 0, "a quiet run shows nothing of the template"
    assert len(hook.told) == 1
    back = site.crawl(8)
    assert (back.code, back.report["new"]) == (0, 1)
    assert [(told["before"], told["verdict"]) for told in hook.told[1:]] == [(BELOW, FINE)]
    assert site.crawl(8.1).code == 0
    assert len(hook.told) == 2
    assert list(verify(site.birdnest.archive().store, Scope(full=True))) == []


def test_a_template_in_which_the_body_is_another_element_is_seen_beside_earlier_runs(
    tmp_path: Path, replica: Replica
) -> None:
    """Nothing fails: every post has a body, which is its title."""
    site = Scheduled(tmp_path, replica)
    assert site.crawl(0).code == 0
    site.configure(site={"selectors": {"article": {"body": "h1.title"}}, "expectations": {"min_characters": 1}})
    ended = site.crawl(1, "--full")
    assert ended.code == 4
    characters, images = ended.report["reasons"]
    assert re.fullmatch(r"small: posts have \d\d characters \(median\); in the last 1 good runs \d{3}", characters)
    assert re.fullmatch(r"small: 0 of \d+ posts with images; in the last 1 good runs \d\d%", images)
    assert ended.report["figures"]["posts"] >= 15
