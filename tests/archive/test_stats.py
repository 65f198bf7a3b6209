"""What `birdnest stats` counts, and what a month costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archive import Archive
from archive.document import Document, read, sealed, write
from archive.stats import Prices, Row, Stats, stats
from archive.store import FolderStore, Store
from tests.archive.views.made import at, objects
from tests.posts import PICTURES, make_report
from tests.support import Birdnest

URL = "https://www.niaogebiji.com/article-2-1.html"


def count(store: Store) -> Stats:
    told: list[str] = []
    found = stats(store, progress=lambda _what, _done: None, complain=told.append)
    assert told == []
    return found


@pytest.fixture
def filled(archive: Archive, grow: Callable[..., None]) -> Archive:
    grow(**at("2022-07-31T23:30:00"))
    grow(**at("2022-07-31T23:30:00"), title="改了")
    grow(id="article-2", url=URL, **at("2022-08-01T00:10:00"))
    grow(site="woshipm", id="article-3", url="https://www.woshipm.com/3.html", published_at=None)
    return archive


def test_posts_and_versions_count_in_their_month_and_images_where_they_are_first_named(filled: Archive) -> None:
    found = count(filled.store)

    assert {place: (row.posts, row.versions, row.images) for place, row in found.months.items()} == {
        ("niaogebiji", "2022-07"): (1, 1 + 1, 0),
        ("niaogebiji", "2022-08"): (1, 1, 2),  # its key comes first
        ("woshipm", "2026-11"): (1, 1, 0),
    }
    assert found.sites()["niaogebiji"].posts == 2


def test_the_rows_add_up_to_the_objects(filled: Archive) -> None:
    found = count(filled.store)
    there = objects(filled.store, "")

    rows = list(found.months.values())
    assert sum(row.versions for row in rows) == found.objects["documents"] == 4
    assert sum(row.images for row in rows) == found.objects["blobs"] == len(PICTURES)
    assert sum(row.bytes for row in rows) == found.bytes["documents"] + found.bytes["blobs"]
    assert sum(found.bytes.values()) == sum(map(len, there.values()))
    assert sum(found.objects.values()) == len(there)


def test_sharing_saves_what_each_version_would_take_with_images_of_its_own(filled: Archive) -> None:
    assert count(filled.store).saved_bytes == (4 - 1) * sum(map(len, PICTURES))


def test_stubs_are_counted_by_themselves(filled: Archive) -> None:
    assert isinstance(filled.store, FolderStore)
    file = filled.store.root / "posts/niaogebiji/article-2/v0001.html"
    front = read(file.read_bytes()).front
    stub = {"op": "takedown", "site": front["site"], "id": front["id"], "version": 1, "was": "0" * 64}
    file.write_bytes(write(sealed(Document(front=stub, body=""))))

    found = count(filled.store)

    assert found.taken_down == 1
    assert ("niaogebiji", "2022-08") not in found.months


def test_a_month_costs_what_is_kept_and_the_requests_of_thirty_days(filled: Archive) -> None:
    for day, requests in (("01", {"PUT": 5}), ("02", {"PUT": 2000, "GET": 500}), ("31", {"LIST": 1000, "DELETE": 9})):
        filled.add_report(make_report(run=f"202610{day}T080000Z-niaogebiji-0000{day}", store_requests=requests))

    found = count(filled.store)

    assert found.requests == {"PUT": 2000, "GET": 500, "LIST": 1000, "DELETE": 9}
    assert found.cost(Prices(writes=1.0, reads=2.0)) == pytest.approx(3 + 1)
    assert found.cost(Prices(gb_month=1e9)) == pytest.approx(sum(found.bytes.values()))


def test_an_archive_without_posts_has_no_rows(archive: Archive) -> None:
    found = count(archive.store)

    assert (found.months, found.saved_bytes, found.cost(Prices(writes=1.0))) == ({}, 0, 0)


def test_a_document_that_cannot_be_read_is_told_and_the_rest_is_counted(filled: Archive) -> None:
    assert isinstance(filled.store, FolderStore)
    (filled.store.root / "posts/niaogebiji/article-2/v0001.html").write_bytes(b"?")
    told: list[str] = []

    found = stats(filled.store, progress=lambda _what, _done: None, complain=told.append)

    assert "posts/niaogebiji/article-2/v0001.html" in told[0]
    assert found.sites()["niaogebiji"] == Row(posts=1, versions=2, images=2, bytes=found.sites()["niaogebiji"].bytes)


def test_the_command_prints_a_table_and_json(filled: Archive, tmp_path: Path) -> None:
    birdnest = Birdnest(folder=tmp_path)

    shown = birdnest("stats", "--archive", filled.store.url, "--gb-month", "0.023")
    assert "niaogebiji │ 2     │ 3        │ 2 " in shown.out
    assert "a month costs " in shown.out
    assert "2022-08" in birdnest("stats", "--archive", filled.store.url, "--months").out
    value = json.loads(birdnest("stats", "--archive", filled.store.url, "--json").out)
    assert value["cost_per_month"] is None
    assert [row["month"] for row in value["months"]] == ["2022-07", "2022-08", "2026-11"]
