"""The catalogue: what its rows say, that it follows the archive, and what a build costs."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from archive import Archive, ArchiveReader
from archive.document import Document, sealed, write
from archive.errors import StoreError
from archive.model import WarcRecord
from archive.s3 import S3Store
from archive.store import FolderStore, Store
from archive.verify import Scope, verify
from archive.views.catalogue import COLUMNS, INDEX_KEY, PARQUET, ROWS, build
from tests.archive.views.made import FailingStore, at, make_catalogue, objects

Fill = Callable[..., Archive]
JULY = "views/catalogue/jsonl/site=niaogebiji/month=2022-07/posts.jsonl"


def rows(store: Store) -> list[dict[str, Any]]:
    return [json.loads(line) for data in objects(store, ROWS).values() for line in data.splitlines()]


def parquet_rows(root: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SELECT * FROM read_parquet(?) ORDER BY key", [f"{root}/{PARQUET}**/*.parquet"])
        names = [column[0] for column in connection.description or ()]
        return [dict(zip(names, row, strict=True)) for row in connection.fetchall()]


def test_every_version_has_one_row_that_says_what_its_document_says(replica_copy: Path) -> None:
    store = FolderStore(replica_copy)
    make_catalogue(store)

    found = {row["key"]: row for row in rows(store)}

    reader = ArchiveReader.open(store)
    refs = [ref for post in reader.posts() for ref in reader.versions(post.site, post.id)]
    assert sorted(found) == sorted(ref.key for ref in refs)
    for ref in refs:
        head, row = reader.load(ref), found[ref.key]
        front = head.document.front
        same = set(COLUMNS) & set(front) - {"date"}
        assert {name: row[name] for name in same} == {name: front[name] for name in same}
        assert (row["document_sha256"], row["document_bytes"]) == (head.digest, len(store.read(ref.key)))
        assert row["image_count"] == len(front["images"])
        assert row["image_bytes"] == sum(image["bytes"] for image in front["images"])
        assert row["month"] == (front["published_at"] or front["fetched_at"])[:7]
        assert row["more"] is None


def test_parquet_holds_what_the_json_lines_hold(replica_copy: Path) -> None:
    store = FolderStore(replica_copy)
    make_catalogue(store)

    lines = sorted(rows(store), key=lambda row: str(row["key"]))
    found = parquet_rows(replica_copy)

    assert len(found) == len(lines) == 62
    times = [name for name, type_ in COLUMNS.items() if type_ in ("TIMESTAMPTZ", "DATE")]
    for line, row in zip(lines, found, strict=True):
        for name in COLUMNS:
            if name in times:
                assert (line[name] is None) == (row[name] is None)
            elif name != "sources":  # an empty mapping
                assert row[name] == line[name], name


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_a_view_that_is_deleted_is_built_again_with_the_same_bytes(
    where: str, request: pytest.FixtureRequest, fill: Fill
) -> None:
    store: Store = request.getfixturevalue(f"{where}_store")
    fill(store, *({"id": f"article-{n}", **at(f"2022-{n:02}-23")} for n in range(1, 6)))
    make_catalogue(store)
    before = objects(store)
    assert len(before) == 11
    for key in before:
        store.delete(key)

    make_catalogue(store)

    assert objects(store) == before


def test_a_folder_and_a_bucket_have_the_same_catalogue(
    folder_store: FolderStore, s3_store: S3Store, fill: Fill
) -> None:
    for store in (folder_store, s3_store):
        fill(store, {"id": "article-1"}, {"id": "article-2", **at("2021-01-01")})
        make_catalogue(store)

    assert objects(folder_store) == objects(s3_store)


def test_the_bytes_do_not_depend_on_how_often_it_was_built(folder_store: FolderStore, fill: Fill) -> None:
    for number in range(1, 6):
        fill(folder_store, {"id": f"article-{number}", **at(f"2022-0{number % 3 + 1}-01")})
        make_catalogue(folder_store)
    by_and_by = objects(folder_store)
    for key in by_and_by:
        folder_store.delete(key)
    make_catalogue(folder_store)

    assert objects(folder_store) == by_and_by


def test_one_new_post_costs_the_writes_of_its_month_and_of_the_index(folder_store: FolderStore, fill: Fill) -> None:
    posts = [{"id": f"article-{n:04}", **at(f"20{n % 20:02}-{n % 12 + 1:02}-03")} for n in range(60)]
    fill(folder_store, *posts)
    make_catalogue(folder_store)
    months = len(objects(folder_store, ROWS))
    assert months == 60
    fill(folder_store, {"id": "article-9999", **at("2007-04-05")})
    usage = FolderStore(folder_store.root)

    built = make_catalogue(usage)

    assert (built.rows, built.read, built.written, built.removed) == (61, 1, 1, 0)
    assert usage.usage.requests["PUT"] == 3
    # The JSON Lines, and no document but the new one, are read.
    assert usage.usage.requests["GET"] == months + 1 + 1 + 2
    assert usage.usage.bytes_written < 30_000 + len(usage.read(INDEX_KEY))


def test_nothing_new_costs_no_write(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    make_catalogue(folder_store)
    again = FolderStore(folder_store.root)

    assert make_catalogue(again).read == 0

    assert again.usage.requests["PUT"] == again.usage.requests["DELETE"] == 0


def test_a_changed_post_has_a_row_for_each_version(folder_store: FolderStore, fill: Fill) -> None:
    for title in ("eins", "zwei", "drei"):
        fill(folder_store, {"title": title})
        make_catalogue(folder_store)

    assert [(row["version"], row["title"]) for row in rows(folder_store)] == [(1, "eins"), (2, "zwei"), (3, "drei")]


def take_down(archive: Archive, id_: str, why: str) -> None:
    """Overwrite a post's versions in place, as a takedown does."""
    assert isinstance(archive.store, FolderStore)
    for ref in archive.versions("niaogebiji", id_):
        file = archive.store.root / ref.key
        front = {
            "op": "takedown",
            "site": ref.site,
            "id": ref.id,
            "version": ref.version,
            "when": "2026-11-24T09:00:00+00:00",
            "why": why,
            "was": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        file.write_bytes(write(sealed(Document(front=front, body=""))))


def test_of_a_post_that_was_taken_down_nothing_stays(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {"id": "article-1", "title": "geheim"}, {"id": "article-2"})
    make_catalogue(folder_store)
    take_down(archive, "article-1", "a court said so")

    make_catalogue(folder_store)

    assert all(b"geheim" not in data for data in objects(folder_store).values())
    (stub,) = [row for row in rows(folder_store) if row["taken_down"]]
    assert (stub["id"], stub["month"], stub["taken_down_why"]) == ("article-1", "2026-11", "a court said so")
    assert [row["id"] for row in rows(folder_store)] == ["article-2", "article-1"]


def test_a_takedown_of_the_very_size_of_its_post_is_noticed(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {"id": "article-1", "title": "geheim"})
    make_catalogue(folder_store)
    file = folder_store.root / "posts/niaogebiji/article-1/v0001.html"
    size = file.stat().st_size
    take_down(archive, "article-1", "")
    take_down(archive, "article-1", "x" * (size - file.stat().st_size))
    assert file.stat().st_size == size

    make_catalogue(folder_store)

    assert all(b"geheim" not in data for data in objects(folder_store).values())


def test_a_document_that_is_gone_has_no_row(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2", **at("2001-01-01")})
    make_catalogue(folder_store)
    (folder_store.root / "posts/niaogebiji/article-2/v0001.html").unlink()

    built = make_catalogue(folder_store)

    assert [row["id"] for row in rows(folder_store)] == ["article-1"]
    assert (built.read, built.removed) == (0, 1)
    assert list(objects(folder_store)) == [INDEX_KEY, JULY, JULY.replace("jsonl", "parquet")]


def test_a_damaged_document_is_told_and_all_others_have_rows(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"}, {"id": "article-3"})
    posts = folder_store.root / "posts/niaogebiji"
    (posts / "article-1/v0001.html").write_bytes(b"not a document")
    (posts / "article-2/v0001.html").write_bytes(b'---\ntitle: "only"\n---\n')
    told: list[str] = []

    build(folder_store, progress=lambda _what, _done: None, complain=told.append)

    assert [row["id"] for row in rows(folder_store)] == ["article-3"]
    assert len(told) == 2
    assert "article-1/v0001.html" in told[0]
    assert "article-2/v0001.html" in told[1]


def test_whatever_ended_a_build_the_next_one_makes_what_one_build_makes(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, *({"id": f"article-{n}", **at(f"2022-{n:02}-23")} for n in range(3, 5)))
    make_catalogue(folder_store)
    first = objects(folder_store)
    fill(folder_store, {"id": "article-3", "title": "neu", **at("2022-03-23")}, {"id": "article-9", **at("2022-04-01")})
    make_catalogue(folder_store)
    whole = objects(folder_store)

    for there, needed in (({}, 5), (first, 5)):
        for writes in range(needed):
            for key in objects(folder_store):
                folder_store.delete(key)
            for key, data in there.items():
                folder_store.put(key, data, "")
            with pytest.raises(StoreError):
                build(FailingStore(folder_store, writes), progress=lambda *_: None, complain=pytest.fail)
            left = objects(folder_store)
            # The index is written last, and no month has rows that its Parquet has not.
            assert left.get(INDEX_KEY) == there.get(INDEX_KEY)
            for key, data in left.items():
                if key.startswith(ROWS) and data == whole[key]:
                    parquet = key.replace("jsonl", "parquet")
                    assert left[parquet] == whole[parquet]

            make_catalogue(folder_store)
            assert objects(folder_store) == whole


def test_parquet_that_is_lost_is_made_again(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2", **at("2001-01-01")})
    make_catalogue(folder_store)
    whole = objects(folder_store)
    folder_store.delete(JULY.replace("jsonl", "parquet"))

    assert make_catalogue(folder_store).written == 1

    assert objects(folder_store) == whole


def test_a_catalogue_of_another_format_is_replaced(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    make_catalogue(folder_store)
    whole = objects(folder_store)
    old = json.loads(whole[INDEX_KEY]) | {"version": 0}
    folder_store.put(INDEX_KEY, json.dumps(old).encode(), "")
    folder_store.put(JULY.replace("2022-07", "1999-01"), whole[JULY], "")

    make_catalogue(folder_store)

    assert objects(folder_store) == whole


def test_odd_values_keep_their_types_and_characters(folder_store: FolderStore, fill: Fill) -> None:
    titles = ["1e3", "true", "  ", "", "a\u2028b\x85\x00", "🐦", "\ud800 lone", 'quote " and \\', "{{ x }}", "a\nb\r\n"]
    posts = [
        {"id": f"article-{n}", "title": title, "tags": (title,), "warc": (WarcRecord(segment=title, record_id="x"),)}
        for n, title in enumerate(titles)
    ]
    fill(folder_store, *posts, {"id": "article-undated", "published_at": None, "sources": {"title": "og:title"}})

    make_catalogue(folder_store)

    expected = [title.replace("\ud800", "\ufffd") for title in titles]
    found = parquet_rows(folder_store.root)
    assert [row["title"] for row in found[:-1]] == expected
    assert [row["tags"] for row in found[:-1]] == [[title] for title in expected]
    assert [row["warc"][0]["segment"] for row in found[:-1]] == expected
    assert found[-1]["sources"] == {"title": "og:title"}
    assert (found[-1]["published_at"], found[-1]["published_on"]) == (None, None)


def test_verify_and_listings_take_no_notice_of_views(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {"id": "article-1"})
    make_catalogue(folder_store)

    assert [finding.code for finding in verify(folder_store, Scope(full=True))] == []
    assert [ref.id for ref in archive.posts()] == ["article-1"]


def test_a_row_that_is_older_than_its_document_is_not_believed(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    make_catalogue(folder_store)
    later = time.time() + 60
    os.utime(folder_store.root / "posts/niaogebiji/article-1/v0001.html", (later, later))

    assert make_catalogue(folder_store).read == 1
