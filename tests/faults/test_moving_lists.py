"""SIGKILL at random moments of scheduled crawls, while the lists move on: what a list named once is archived, once.

The site publishes 500 posts. Its list shows the newest 25 of those published so far, and each time it is read five more
are: a post that was found by a run that died has left the list when the fifth run after that reads it. Every other
crawl is killed after a random time, wherever it is; the others before or after a random call of the store, which on
every machine, however slow, comes after they read the list and before they archived five posts.

A run that dies between the server's answer and the commit of what it named has not read the list: its posts are those
of the next answers, and only those that have left the list by then were never found.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from archive import ArchiveReader
from archive.store import open_store
from crawler.demo import SITE
from crawler.replica.generated import FIRST_ID
from crawler.replica.process import Replica
from tests.faults.conftest import Forks, errors
from tests.support import Birdnest

pytestmark = pytest.mark.faults
POSTS = 500
KILLS = 100
WINDOW, STEP = 25, 5
MOST_NEVER_FOUND = 2 * STEP  # the first answer alone names the first five
KILLED = -9
CRAWL = ("crawl", SITE, "--json", "--archive", "nest")
LONGEST_SECONDS, LAST_POINT = 2.0, 40
SLOW = {"lists": {"categories": ["900"]}, "delay_seconds": 0.15, "concurrency": 4}  # seldom time for five posts
QUICK = {**SLOW, "delay_seconds": 0.0}


@pytest.fixture
def moving_replica() -> Iterator[Replica]:
    with Replica(generated=POSTS, slow_seconds=0.0) as running:
        running.lists(window=WINDOW, step=STEP)
        yield running


def test_what_a_list_named_once_is_archived_once_whenever_crawls_are_killed(
    moving_replica: Replica, forks: tuple[Forks, Forks], tmp_path: Path
) -> None:
    birdnest = Birdnest(folder=tmp_path)
    birdnest.configure(moving_replica, site=SLOW)
    chance = random.Random(5)
    killed = runs = 0
    only_known_to_the_frontier: set[int] = set()
    noted: set[int] = set()
    while killed < KILLS and runs < 5 * KILLS:
        runs += 1
        if runs % 2:
            ended = forks[0].run(tmp_path, CRAWL, kill_at=chance.randrange(1, LAST_POINT))
        else:
            ended = forks[0].run(tmp_path, CRAWL, kill_after=chance.uniform(0.1, LONGEST_SECONDS))
        assert ended.code in (0, KILLED), ended.said
        killed += ended.code == KILLED
        listed, known = moving_replica.listed(), in_frontier(tmp_path)
        assert noted <= known, "the frontier forgot what it knew"
        assert ended.code == KILLED or {post for post in listed if post > max(listed) - WINDOW} <= known
        noted = known
        if listed:
            only_known_to_the_frontier |= {post for post in listed if post <= max(listed) - WINDOW} - archived(tmp_path)
    assert killed == KILLS
    assert len(only_known_to_the_frontier) > POSTS // 10, "this was too easy"
    birdnest.configure(moving_replica, site=QUICK)
    while runs < 10 * KILLS and len(moving_replica.listed()) < POSTS:
        runs += 1
        ended = forks[0].run(tmp_path, CRAWL)
        assert ended.code == 0, ended.said
    assert forks[0].run(tmp_path, CRAWL).code == 0
    assert moving_replica.listed() == set(range(FIRST_ID, FIRST_ID + POSTS))
    assert archived(tmp_path) == in_frontier(tmp_path)
    never_found = moving_replica.listed() - archived(tmp_path)
    assert len(never_found) <= MOST_NEVER_FOUND, "lists are read, and what they name is not committed"
    versions = [info.key for info in open_store(str(tmp_path / "nest")).list("posts/")]
    assert [key for key in versions if not key.endswith("/v0001.html")] == [], "a post was archived twice"
    assert errors(str(tmp_path / "nest")) == []
    print(  # noqa: T201 - for the log of CI
        f"{killed} of {runs} crawls killed; {len(only_known_to_the_frontier)} posts had left the list by then; "
        f"{len(never_found)} were named to runs alone that died before they had read the list"
    )


def archived(folder: Path) -> set[int]:
    """The site's generated posts that the archive holds."""
    store = open_store(str(folder / "nest"))
    if not any(True for _ in store.list("ARCHIVE.json")):
        return set()
    numbers = (
        int(ref.id.removeprefix("article-")) for ref in ArchiveReader.open(store).posts(SITE) if "article" in ref.id
    )
    return {number for number in numbers if number >= FIRST_ID}


def in_frontier(folder: Path) -> set[int]:
    """The site's generated posts that the frontier has a row of; read beside the program, which may have died."""
    known: set[int] = set()
    for file in folder.glob("state/*/birdnest/frontier/*.sqlite"):
        with closing(sqlite3.connect(file)) as db:
            if not db.execute("select 1 from sqlite_master where name = 'urls'").fetchone():
                continue
            posts = db.execute("select post from urls where post like 'article-%'")
            known |= {int(post.removeprefix("article-")) for (post,) in posts}
    return {number for number in known if number >= FIRST_ID}
