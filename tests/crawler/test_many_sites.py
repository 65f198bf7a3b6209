"""A birdnest.toml of 500 sites: the commands that cron and a container start work with it, and ask for no site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive import Archive, open_store
from crawler.history import History, history_file
from tests.crawler.test_scheduler import running
from tests.support import Birdnest

COUNT = 500


def tables() -> Iterator[str]:
    """Sites that no profile knows, as users write them: feeds, sitemaps, delays, hours, a schedule each."""
    for number in range(COUNT):
        slug, home = f"blog{number:03d}-example-com", f"https://blog{number:03d}.example.com"
        yield f"[sites.{slug}]"
        yield f'feeds = ["{home}/feed.xml", "{home}/news/atom.xml"]'
        yield 'schedule = { every = "6h" }' if number % 2 else f'schedule = "{number % 60} 4 1 1 *"'
        if number % 3 == 0:
            yield f'sitemaps = ["{home}/sitemap.xml"]\ndelay_seconds = 2.5'
        if number % 5 == 0:
            yield 'nice_hours = "01:00-07:00"'
        if number % 7 == 0:
            yield f"[sites.{slug}.expectations]\nmin_found = 10\nmax_failed_share = 0.2"
            yield f'[[sites.{slug}.expected_failures]]\nreason = "http-404"\nurl = "^{home}/old/"'


@pytest.fixture
def birdnest(tmp_path: Path) -> Birdnest:
    """An archive whose 500 sites were all crawled just now."""
    (tmp_path / "birdnest.toml").write_text("\n".join(['archive = "nest"', 'state = "state"', *tables()]) + "\n")
    now = datetime.now(UTC)
    archive = Archive.open_or_create(open_store(str(tmp_path / "nest")), now=now)
    with History(history_file(tmp_path / "state", archive.info.id)) as history:
        for number in range(COUNT):
            history.began(f"run-{number}", f"blog{number:03d}-example-com", at=now)
    return Birdnest(folder=tmp_path)


def test_nothing_is_due_right_after_all_were_crawled(birdnest: Birdnest) -> None:
    ended = birdnest("crawl", "--due")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_status_tells_of_every_site_and_when_it_is_due(birdnest: Birdnest) -> None:
    told = json.loads(birdnest("status", "--json").out)
    assert len(told) == COUNT
    assert all(site["next_due"] > site["last_began"] for site in told)


def test_the_scheduler_knows_when_each_site_is_due_and_starts_none(birdnest: Birdnest) -> None:
    with running(birdnest) as scheduler:
        scheduler.wait_for("listening")
        while len(json.loads(scheduler.get("/healthz")[1])["next_due"]) < COUNT:
            assert scheduler.process.poll() is None
        assert json.loads(scheduler.get("/healthz")[1])["running"] == {}
        assert scheduler.stop() == 0
    assert not (birdnest.folder / "nest" / "runs").exists()


def test_one_site_of_many_is_named_where_its_table_is_wrong(birdnest: Birdnest) -> None:
    file = birdnest.folder / "birdnest.toml"
    file.write_text(file.read_text().replace("[sites.blog499-example-com]", "[sites.blog499-example-com]\ndepht = 3"))
    ended = birdnest("status")
    assert (ended.code, ended.out) == (3, "")
    assert "sites.blog499-example-com.depht" in ended.err
