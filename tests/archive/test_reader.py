"""Finding posts, versions and reports again."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from archive import Archive, ArchiveReader
from archive.errors import DamageError, NotAnArchiveError, ObjectMissing, UsageError
from archive.layout import PostRef
from archive.model import Failure, Post, RunReport
from archive.reader import parse_report
from archive.store import FolderStore, Store

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MakeReport = Callable[..., RunReport]
URL = "https://www.niaogebiji.com/article-482538-1.html"


def ref(id_: str, version: int = 1, site: str = "niaogebiji") -> PostRef:
    return PostRef(site=site, id=id_, version=version)


@pytest.fixture
def filled(archive: Archive, make_post: Callable[..., Post]) -> Archive:
    """Two sites; one post with three versions, its neighbours with one."""
    return fill(archive, make_post)


def fill(archive: Archive, make_post: Callable[..., Post]) -> Archive:
    for id_ in ("article-10", "article-1.5", "article-1-x"):
        archive.add(make_post(id=id_, url=f"https://www.niaogebiji.com/{id_}"))
    for title in "ABC":
        archive.add(make_post(id="article-1", title=title, url=URL), head=archive.head("niaogebiji", "article-1"))
    archive.add(make_post(site="other", id="article-1", url="https://other.example/1"))
    return archive


def test_posts_are_listed_once_by_their_newest_version_in_the_order_of_keys(
    store: Store, make_post: Callable[..., Post]
) -> None:
    filled = fill(Archive.open_or_create(store, now=NOW), make_post)

    assert list(filled.posts()) == [
        ref("article-1-x"),
        ref("article-1.5"),
        ref("article-1", 3),
        ref("article-10"),
        ref("article-1", site="other"),
    ]


def test_posts_of_one_site_leave_out_those_of_others(filled: Archive) -> None:
    assert list(filled.posts("other")) == [ref("article-1", site="other")]
    assert list(filled.posts("othe")) == []


def test_an_archive_is_listed_once_however_many_posts_are_asked_for(filled: Archive) -> None:
    before = filled.store.usage.requests.copy()

    list(filled.posts())

    assert filled.store.usage.requests - before == Counter(LIST=1)


def test_versions_come_oldest_first_and_are_those_of_one_post_only(filled: Archive) -> None:
    assert filled.versions("niaogebiji", "article-1") == [ref("article-1", number) for number in (1, 2, 3)]
    assert filled.versions("niaogebiji", "article-") == []


def test_the_head_is_the_newest_version(filled: Archive) -> None:
    head = filled.head("niaogebiji", "article-1")

    assert head is not None
    assert (head.ref.version, head.document.version, head.document.front["title"]) == (3, 3, "C")
    assert filled.head("niaogebiji", "article-2") is None


def test_a_version_that_is_not_there_is_missing(filled: Archive) -> None:
    with pytest.raises(ObjectMissing, match=r"no object posts/niaogebiji/article-1/v0004\.html"):
        filled.load(ref("article-1", 4))


def test_strangers_among_the_posts_are_passed_over(filled: Archive) -> None:
    for key in ("posts/note.txt", "posts/niaogebiji/article-1/v0003.html.bak", "posts/niaogebiji/zzz/draft.html"):
        filled.store.create(key, b"mine", "text/plain")

    assert [found.key for found in filled.posts()].count("posts/niaogebiji/article-1/v0003.html") == 1
    assert len(list(filled.posts())) == 5


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("niaogebiji/article-1", 3),
        ("niaogebiji/article-1/", 3),
        ("posts/niaogebiji/article-1", 3),
        ("niaogebiji/article-1/v0002.html", 2),
        ("posts/niaogebiji/article-1/v0001.html", 1),
        ("./archive/posts/niaogebiji/article-1/v0002.html", 2),
        ("/srv/posts/archive/posts/niaogebiji/article-1/v0002.html", 2),
        ("archive/posts/niaogebiji/article-1/", 3),
        (URL, 3),
    ],
)
def test_a_post_is_found_by_what_a_person_calls_it(filled: Archive, text: str, version: int) -> None:
    assert filled.find(text) == ref("article-1", version)


@pytest.mark.parametrize(
    "text", ["", "article-1", "niaogebiji/", "niaogebiji/article-2", "niaogebiji/article", "a/b/c/d", "/etc/hosts"]
)
def test_what_names_no_post_is_refused_with_what_does(filled: Archive, text: str) -> None:
    with pytest.raises(UsageError, match=r"^no post .* in archive .*: name it as site/id .* or by its URL\.$"):
        filled.find(text)


def test_a_url_that_no_post_has_is_refused(filled: Archive) -> None:
    with pytest.raises(UsageError, match=r"^no post of https://www\.niaogebiji\.com/nothing in archive "):
        filled.find("https://www.niaogebiji.com/nothing")


def test_a_reader_opens_an_archive_and_refuses_other_places(filled: Archive, tmp_path: Path) -> None:
    assert ArchiveReader.open(filled.store).info == filled.info

    with pytest.raises(NotAnArchiveError, match=r"there is no ARCHIVE\.json"):
        ArchiveReader.open(FolderStore(tmp_path))


# --- reports


def test_reports_come_back_as_they_were_oldest_first(store: Store, make_report: MakeReport) -> None:
    archive = Archive.open_or_create(store, now=NOW)
    moments = [NOW + timedelta(minutes=number, microseconds=number) for number in range(3)]
    reports = [make_report(run=f"{moment:%Y%m%dT%H%M%SZ}-ab12", finished_at=moment) for moment in moments]
    for one in reversed(reports):
        archive.add_report(one)

    assert list(archive.runs()) == reports


@pytest.mark.parametrize("counts", [Counter({"PUT": 4, "GET": 2}), MappingProxyType({"PUT": 4, "GET": 2})])
def test_a_report_may_carry_any_mapping_of_counts(archive: Archive, make_report: MakeReport, counts: Any) -> None:
    archive.add_report(make_report(store_requests=counts, images_missing=counts))

    held = next(archive.runs())
    assert held.store_requests == held.images_missing == {"PUT": 4, "GET": 2}


def test_a_report_is_json_that_any_program_reads(archive: Archive, make_report: MakeReport) -> None:
    key = archive.add_report(make_report())

    assert key == "runs/2026-11-22/20261122T080000Z-ab12.json"
    value = json.loads(archive.store.read(key))
    assert (value["started_at"], value["failures"][0]["url"]) == (
        "2026-11-22T08:00:00+00:00",
        make_report().failures[0].url,
    )


def test_failed_posts_are_counted_and_failed_listings_are_not(make_report: MakeReport) -> None:
    post = Failure(what="post", url=URL, reason="http-404", detail="", expected=False)

    assert make_report(failures=(post, replace(post, what="listing"), replace(post, expected=True))).failed == 2


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"run": "x"}', b"\xff\xfe\xff"])
def test_a_damaged_report_is_refused_by_its_name(data: bytes) -> None:
    with pytest.raises(DamageError, match=r"^runs/x\.json: not a run's report: "):
        parse_report(data, "runs/x.json")
