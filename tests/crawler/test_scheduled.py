"""Scheduled crawls of a site that lives on meanwhile: what is fetched, what is written, and what is not."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive import Archive
from archive.store import FolderStore
from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.replica import trouble
from crawler.replica.generated import FIRST_ID
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from tests.support import Birdnest, Ended

SEED = trouble.SEED_ID
BEGIN = 1790000000  # 2026-09-21
DAY = 24 * 3600
EDITED = ("微秒纪元", "毫秒纪元")


class Scheduled:
    """The command, run on days of a clock of its own."""

    def __init__(self, birdnest: Birdnest, replica: Replica) -> None:
        self.birdnest = birdnest
        self.replica = replica
        self.fetched: set[str] = set()

    def crawl(self, *arguments: str, day: float = 0.0) -> Ended:
        """A crawl that many days after the first; `fetched` are the articles it asked for."""
        before = self.replica.hits()
        ended = self.birdnest.crawl(*arguments, environment={"SOURCE_DATE_EPOCH": str(int(BEGIN + day * DAY))})
        asked = {url for url, count in self.replica.hits().items() if count > before.get(url, 0)}
        assert ended.code != 1, ended.err
        self.fetched = {url.removeprefix("GET ") for url in asked if "/article-" in url or "/detail" in url}
        return ended

    def versions(self, number: int) -> int:
        return len(self.birdnest.archive().versions(SITE, f"article-{number}"))

    def why(self, url: str) -> str:
        ended = self.birdnest("why", url)
        assert ended.code == 0, ended.err
        return ended.out


@pytest.fixture
def scheduled(birdnest: Birdnest, replica: Replica) -> Scheduled:
    """A site whose posts are all known: looked at again from the second day on."""
    schedule = Scheduled(birdnest, replica)
    assert schedule.crawl().code == 0
    return schedule


@pytest.fixture(scope="module")
def large_replica() -> Iterator[Replica]:
    with Replica(generated=30, slow_seconds=0.0) as running:
        yield running


@pytest.fixture
def paged(tmp_path: Path, large_replica: Replica) -> Scheduled:
    """A site with one list of 30 posts in pages of 5, and no posts but these."""
    large_replica.reset()
    large_replica.lists(page_size=5)
    birdnest = Birdnest(folder=tmp_path)
    birdnest.configure(large_replica, site={"lists": {"categories": ["900"]}, "depth": 10})
    return Scheduled(birdnest, large_replica)


def generated(urls: set[str]) -> list[int]:
    numbers = (int(url.split("-")[1]) for url in urls if "/article-9" in url)
    return sorted(number - FIRST_ID for number in numbers if number >= FIRST_ID)


def test_a_known_site_is_asked_for_its_lists_alone(scheduled: Scheduled) -> None:
    report = scheduled.crawl(day=0.5).report
    assert scheduled.fetched == {article_url(trouble.CAPTCHA_ID)}, "what may pass is tried again"
    assert (report["known"], report["found"]) == (66, 67)


def test_re_checks_are_conditional_and_come_after_widening_intervals(scheduled: Scheduled) -> None:
    due = {day: len(scheduled.fetched) for day in (1.01, 2, 4.1, 5, 11.2) if scheduled.crawl(day=day)}
    assert due[1.01] > 60
    assert due[2] == 1
    assert due[4.1] > 60
    assert due[5] <= 1
    assert due[11.2] > 60
    answers = [hit["status"] for hit in scheduled.replica.log() if hit["url"] == article_url(SEED)]
    assert answers == [200, 304, 304, 304]
    assert "unchanged: not modified" in scheduled.why(article_url(SEED))
    assert scheduled.versions(SEED) == 1


def test_an_edit_that_a_list_tells_of_is_fetched_at_once(scheduled: Scheduled) -> None:
    scheduled.replica.edit(SEED, *EDITED)
    report = scheduled.crawl(day=0.1).report
    assert article_url(SEED) in scheduled.fetched
    assert len(scheduled.fetched) == 2
    assert report["changed"] == 1
    assert "due: the list tells of a change: updated" in scheduled.why(article_url(SEED))


def test_an_edit_no_list_tells_of_is_found_by_the_re_check_and_a_revert_is_a_version_of_its_own(
    scheduled: Scheduled,
) -> None:
    number = trouble.TAG_ONLY_ID
    body = scheduled.birdnest.head(f"article-{number}").document.body
    word = body.split("<p>", 1)[1][:4]
    scheduled.replica.edit(number, word, f"改{word}")
    scheduled.crawl(day=0.5)
    assert scheduled.versions(number) == 1
    assert scheduled.crawl(day=1.1).report["changed"] == 1
    scheduled.replica.revert(number)
    assert scheduled.crawl(day=2.2).report["changed"] == 1
    assert scheduled.versions(number) == 3
    assert scheduled.birdnest.head(f"article-{number}").document.body == body


def test_a_new_post_is_the_only_one_that_is_fetched(birdnest: Birdnest, replica: Replica) -> None:
    replica.unlist(SEED)
    schedule = Scheduled(birdnest, replica)
    schedule.crawl()
    assert schedule.versions(SEED) == 0
    replica.restore(SEED)
    assert schedule.crawl(day=0.1).report["new"] == 1
    assert schedule.fetched == {article_url(SEED), article_url(trouble.CAPTCHA_ID)}


@pytest.mark.parametrize(("how", "reason"), [("404", "http-404"), ("410", "http-410"), ("soft", "soft-404")])
def test_a_post_that_is_deleted_is_gone_and_stays_archived_and_may_come_back(
    scheduled: Scheduled, how: str, reason: str
) -> None:
    before = scheduled.birdnest.objects()
    scheduled.replica.remove(SEED, how)
    ended = scheduled.crawl(day=1.1)
    assert (ended.code, ended.report["gone"]) == (0, 1)
    assert scheduled.birdnest.objects() == before
    assert f"gone: {reason}: " in scheduled.why(article_url(SEED))
    scheduled.crawl(day=1.5)
    assert article_url(SEED) not in scheduled.fetched
    scheduled.replica.restore(SEED)
    assert scheduled.crawl(day=2.2).report["gone"] == 0
    assert "now: archived" in scheduled.why(article_url(SEED))
    assert scheduled.birdnest.objects() == before


def test_a_post_that_moved_is_an_alias_of_the_new_one_and_its_version_stays(scheduled: Scheduled) -> None:
    new = trouble.TWO_PAGE_ID
    scheduled.replica.move(SEED, new)
    report = scheduled.crawl(day=1.1).report
    assert report["aliases"] >= 1
    assert scheduled.versions(SEED) == 1
    assert f"leads to {article_url(new)}" in scheduled.why(article_url(SEED))
    scheduled.crawl(day=1.2)
    assert article_url(SEED) not in scheduled.fetched


def test_the_pages_of_an_article_are_all_looked_at_again(scheduled: Scheduled) -> None:
    body = scheduled.birdnest.head(f"article-{trouble.TWO_PAGE_ID}").document.body
    word = body.rsplit("<p>", 2)[1].split("。")[0][:6]
    scheduled.replica.edit(trouble.TWO_PAGE_ID, word, f"改{word}")
    scheduled.crawl(day=1.1)
    assert scheduled.versions(trouble.TWO_PAGE_ID) == 2
    assert f"改{word}" in scheduled.birdnest.head(f"article-{trouble.TWO_PAGE_ID}").document.body


def test_an_undated_post_keeps_the_date_of_its_first_fetch(scheduled: Scheduled) -> None:
    post = f"article-{trouble.UNDATED_ID}"
    date = scheduled.birdnest.head(post).document.front["date"]
    scheduled.crawl("--full", day=5)
    assert scheduled.birdnest.head(post).document.front["date"] == date
    assert scheduled.versions(trouble.UNDATED_ID) == 1


def test_a_list_in_another_order_changes_nothing(scheduled: Scheduled) -> None:
    before = scheduled.birdnest.objects()
    scheduled.replica.lists(in_reverse=True)
    report = scheduled.crawl(day=0.1).report
    assert (report["known"], report["found"]) == (66, 67)
    assert scheduled.birdnest.objects() == before


def test_a_list_that_is_cut_off_is_said_and_loses_nothing(scheduled: Scheduled) -> None:
    scheduled.replica.lists(cut_off=True)
    cut = scheduled.crawl(day=0.1)
    assert cut.code == 4
    assert {failure["reason"] for failure in cut.report["failures"] if failure["what"] == "listing"} == {
        "listing-malformed"
    }
    scheduled.replica.lists(cut_off=False)
    assert scheduled.crawl(day=0.2).code == 0
    assert len(list(scheduled.birdnest.archive().posts())) == 62


def test_a_missing_image_is_tried_by_itself_until_it_is_there(scheduled: Scheduled) -> None:
    page, image = article_url(482636), trouble.IMAGE_404
    assert f"missing image {image}: http-404" in scheduled.why(page)
    tries = scheduled.replica.hits()[f"GET {image}"]
    scheduled.crawl(day=0.5)
    assert scheduled.replica.hits()[f"GET {image}"] == tries
    scheduled.crawl(day=1.1)
    assert scheduled.replica.hits()[f"GET {image}"] == 2 * tries
    scheduled.crawl(day=2.2)
    assert scheduled.replica.hits()[f"GET {image}"] == 2 * tries, "three days after the second try"
    scheduled.replica.heal_image(image)
    report = scheduled.crawl(day=4.15).report
    assert report["changed"] == 1
    document = scheduled.birdnest.head("article-482636").document
    assert document.version == 2
    assert image in {kept.url for kept in document.images}
    assert image not in {missing.url for missing in document.missing_images}
    assert f'<a href="{image}">' not in document.body
    assert document.front["warc"], "the captures of the version before"
    pages = [hit["status"] for hit in scheduled.replica.log() if hit["url"] == page]
    assert pages.count(200) == 1, "the page was not fetched for its image"
    assert list(verify(scheduled.birdnest.archive().store, Scope(full=True))) == []


def test_after_a_clock_that_was_ahead_everything_is_looked_at(scheduled: Scheduled) -> None:
    scheduled.crawl("--full", day=4000)
    scheduled.crawl(day=2)
    assert len(scheduled.fetched) > 60
    scheduled.crawl(day=2.1)
    assert len(scheduled.fetched) <= 1


def test_a_counter_in_a_post_is_a_verdict_and_not_an_archive_of_counters(scheduled: Scheduled) -> None:
    for hour in range(1, 7):
        scheduled.replica.edit(SEED, EDITED[0], f"{EDITED[0]}。")
        ended = scheduled.crawl(day=hour / 24)
    assert scheduled.versions(SEED) == 5
    assert (ended.code, ended.report["verdict"]) == (4, "below expectations")
    assert "too-many-versions" in {failure["reason"] for failure in ended.report["failures"]}


def test_full_fetches_all_and_retry_failed_what_failed(scheduled: Scheduled) -> None:
    scheduled.crawl("--retry-failed", day=0.1)
    assert article_url(trouble.DELETED_ID) in scheduled.fetched
    assert article_url(SEED) not in scheduled.fetched
    scheduled.crawl("--full", day=0.1)
    assert len(scheduled.fetched) > 60
    answers = [hit["status"] for hit in scheduled.replica.log() if hit["url"] == article_url(SEED)]
    assert answers == [200, 200]


def test_a_dry_run_says_what_would_be_fetched_and_changes_nothing(scheduled: Scheduled) -> None:
    scheduled.replica.edit(SEED, *EDITED)
    before = written(scheduled.birdnest.folder)
    environment = {"SOURCE_DATE_EPOCH": str(BEGIN + 3600)}
    planned = scheduled.birdnest("crawl", SITE, "--dry-run", "--json", environment=environment)
    assert planned.code == 0, planned.err
    plan = json.loads(planned.out)
    assert set(plan["due"]) == {article_url(SEED), article_url(trouble.CAPTCHA_ID)}
    assert plan["due"][article_url(SEED)].startswith("the list tells of a change")
    assert written(scheduled.birdnest.folder) == before
    scheduled.crawl(day=0.05)
    assert scheduled.fetched == set(plan["due"])


def written(folder: Path) -> dict[str, object]:
    """All that crawls write, but for delays; of the frontier its rows, for SQLite's files change by being read."""
    files = [file for file in folder.rglob("*") if file.is_file() and "hosts" not in file.parts]
    found: dict[str, object] = {str(file): file.read_bytes() for file in files if ".sqlite" not in file.name}
    for file in files:
        if file.suffix == ".sqlite":
            with closing(sqlite3.connect(file)) as database:
                found[str(file)] = list(database.iterdump())
    return found


def test_a_dry_run_of_a_site_that_nobody_crawled_makes_no_archive(birdnest: Birdnest) -> None:
    planned = birdnest("crawl", SITE, "--dry-run")
    assert planned.code == 0, planned.err
    assert f"{article_url(SEED)}  new" in planned.out
    assert not (birdnest.folder / "archive").exists()


def test_numbers_are_tried_once_and_misses_are_no_failures(birdnest: Birdnest, replica: Replica) -> None:
    schedule = Scheduled(birdnest, replica)
    ended = schedule.crawl("--ids", "482530-482580")
    assert (ended.code, ended.report["verdict"]) == (0, "fine")
    posts = {ref.id for ref in birdnest.archive().posts()}
    assert f"article-{SEED}" in posts
    assert ended.report["absent"] + len(posts) + ended.report["aliases"] == 51
    assert len(schedule.fetched) >= 51
    assert not [url for url in replica.hits() if "getMoreArticle" in url], "no list is read"
    again = schedule.crawl("--ids", "482530-482580", day=0.1)
    assert schedule.fetched == set()
    assert again.report["known"] == 51


def test_a_list_in_pages_is_read_to_the_first_that_is_all_known(paged: Scheduled) -> None:
    paged.replica.unlist(FIRST_ID + 29)
    assert paged.crawl().code == 0
    assert generated(paged.fetched) == list(range(29))
    assert pages_of_list(paged.replica) == [1, 2, 3, 4, 5, 6]
    paged.replica.restore(FIRST_ID + 29)
    paged.crawl(day=0.1)
    assert generated(paged.fetched) == [29]
    assert pages_of_list(paged.replica)[6:] == [1, 2]


def test_a_list_whose_reading_was_cut_short_is_read_on_past_known_posts(paged: Scheduled) -> None:
    paged.birdnest.configure(paged.replica, site={"lists": {"categories": ["900"]}, "depth": 10, "delay_seconds": 0.4})
    process = paged.birdnest.start("crawl", SITE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and pages_of_list(paged.replica)[-1:] != [3]:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    paged.birdnest.configure(paged.replica, site={"lists": {"categories": ["900"]}, "depth": 10})
    paged.crawl()
    assert pages_of_list(paged.replica)[3:] == [1, 2, 3, 4, 5, 6]
    assert generated(paged.fetched) == list(range(30))


def pages_of_list(replica: Replica) -> list[int]:
    urls = (hit["url"] for hit in replica.log() if "/cat/900" in hit["url"])
    return [int(url.partition("?page=")[2] or 1) for url in urls]


def test_a_lost_frontier_is_rebuilt_and_fetches_nothing_that_is_not_due(scheduled: Scheduled) -> None:
    for file in (scheduled.birdnest.folder / "state").rglob("*.sqlite*"):
        file.unlink()
    ended = scheduled.crawl(day=0.3)
    assert any("rebuilt from the archive, which holds 62 posts" in note for note in ended.report["notes"])
    assert ended.report["new"] == ended.report["changed"] == 0
    not_archived = {url for url, _ in trouble.EXPECTED_FAILURES} | {
        article_url(trouble.REDIRECT_OLD_ID),
        article_url(trouble.REDIRECT_NEW_ID),
    }
    assert scheduled.fetched <= not_archived
    scheduled.crawl(day=1.1)
    assert len(scheduled.fetched) > 60
    assert len(list(scheduled.birdnest.archive().posts())) == 62


def test_the_archive_wins_over_the_frontier(scheduled: Scheduled) -> None:
    """An archive that is restored from a copy of yesterday gets again what came since."""
    folder = scheduled.birdnest.folder / "archive"
    post = folder / "posts" / SITE / f"article-{SEED}"
    (post / "v0001.html").unlink()
    post.rmdir()
    for report in (folder / "runs").rglob("*.json"):
        report.unlink()
    ended = scheduled.crawl(day=0.1)
    assert any("the archive lacks runs/" in note for note in ended.report["notes"])
    assert scheduled.fetched == {article_url(SEED), article_url(trouble.CAPTCHA_ID)}
    assert scheduled.versions(SEED) == 1


def test_an_archive_made_anew_under_its_id_is_not_taken_for_the_one_that_a_killed_run_knew(
    scheduled: Scheduled,
) -> None:
    """A demo that was killed, removed and begun again: its archive has the same id."""
    folder = scheduled.birdnest.folder / "archive"
    id_ = scheduled.birdnest.archive().info.id
    shutil.rmtree(folder)
    (file,) = (scheduled.birdnest.folder / "state").rglob(f"frontier/{id_}.sqlite")
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE runs SET report = NULL")
        database.commit()
    Archive.open_or_create(FolderStore(folder), now=datetime.fromtimestamp(BEGIN + DAY, UTC), id_=id_)

    ended = scheduled.crawl(day=1.1)

    assert ended.report["new"] == 62
    assert list(verify(FolderStore(folder), Scope(full=True))) == []
    assert scheduled.crawl(day=1.2).report["new"] == 0
    assert scheduled.fetched <= {article_url(trouble.CAPTCHA_ID)}


def test_an_archive_that_lost_its_captures_gets_whole_ones_again(scheduled: Scheduled) -> None:
    folder = scheduled.birdnest.folder / "archive"
    for part in ("raw", "runs"):
        shutil.rmtree(folder / part)
    scheduled.crawl(day=0.1)
    (segment,) = (folder / "raw").rglob("*.warc.gz")
    kinds = Counter(record.rec_type for record in ArchiveIterator(BytesIO(segment.read_bytes())))
    assert kinds["response"] >= 6
    # What one run sees twice is a revisit of what it has itself.
    assert kinds["response"] > kinds["revisit"]


def test_a_second_archive_gets_its_own_whole_crawl(scheduled: Scheduled) -> None:
    report = scheduled.crawl("--archive", "other", day=0.1).report
    assert report["new"] == 62
    assert len(list(scheduled.birdnest.archive("other").posts())) == 62


def test_a_url_nobody_found_has_no_story(scheduled: Scheduled) -> None:
    ended = scheduled.birdnest("why", article_url(999))
    assert ended.code == 2
    assert "was never found" in ended.err


def test_the_frontier_shows_counts_and_urls(scheduled: Scheduled) -> None:
    counts = json.loads(scheduled.birdnest("frontier", "--json").out)
    assert counts[SITE]["archived"] == 62
    assert counts[SITE]["alias"] == 1
    failed = scheduled.birdnest("frontier", "--state", "failed").out
    assert f"{article_url(trouble.DELETED_ID)}  http-404" in failed
    row = json.loads(scheduled.birdnest("frontier", "--state", "gone", "--json").out or "{}")
    assert row == {}
    assert scheduled.birdnest("frontier", "--state", "nonsense").code == 2
