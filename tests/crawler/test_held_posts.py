"""What a lost frontier is rebuilt from: the catalogue where it stands for the archive, the documents where not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from archive import Archive
from archive.document import Document, sealed, write
from archive.model import MissingImage
from archive.store import FolderStore
from archive.views.catalogue import INDEX_KEY, ROWS, build
from crawler.frontier import Held
from crawler.state import held_posts
from tests.posts import NOW, make_post

GONE = MissingImage(url="https://img.example/late.png", reason="timeout", retryable=True)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive.open_or_create(FolderStore(tmp_path / "archive"), now=NOW)
    for number in range(20):
        add(made, number)
    add(made, 3, title="neu")
    add(made, 4, published_at=None, missing_images=(GONE,))
    return made


def add(archive: Archive, number: int, **changes: object) -> None:
    url = f"https://www.niaogebiji.com/article-{number}-1.html"
    post = make_post(**{"id": f"article-{number}", "url": url, **changes})
    archive.add(post, head=archive.head(post.site, post.id))


def held(archive: Archive) -> tuple[list[Held], int]:
    """What is held, in the order of URLs, and how many documents were read for it."""
    store = FolderStore(archive.store.root) if isinstance(archive.store, FolderStore) else archive.store
    found = list(held_posts(Archive(store, archive.info), pytest.fail))
    # What else is read is the index, and the JSON Lines of each month.
    months = sum(1 for _ in archive.store.list(ROWS))
    return sorted(found, key=lambda post: post.url), store.usage.requests["GET"] - (months + 1 if months else 0)


def make_catalogue(archive: Archive) -> None:
    build(archive.store, progress=lambda _what, _done: None, complain=pytest.fail)


def file_of(archive: Archive, key: str) -> Path:
    assert isinstance(archive.store, FolderStore)
    return archive.store.root / key


def test_with_a_catalogue_the_same_is_held_and_no_document_is_read(archive: Archive) -> None:
    from_documents, read = held(archive)
    assert (len(from_documents), read) == (20, 20)

    make_catalogue(archive)

    assert held(archive) == (from_documents, 0)


def test_what_is_newer_than_the_catalogue_is_read(archive: Archive) -> None:
    make_catalogue(archive)
    add(archive, 5, title="neu")
    add(archive, 99)
    later = time.time() + 60
    os.utime(file_of(archive, "posts/niaogebiji/article-6/v0001.html"), (later, later))

    found, read = held(archive)

    assert (len(found), read) == (21, 3)
    assert next(post.version for post in found if post.post == "article-5") == 2


def test_a_takedown_that_the_catalogue_does_not_know_wins(archive: Archive) -> None:
    make_catalogue(archive)
    file = file_of(archive, "posts/niaogebiji/article-7/v0001.html")
    front = {"op": "takedown", "site": "niaogebiji", "id": "article-7", "version": 1, "when": NOW.isoformat()}
    file.write_bytes(write(sealed(Document(front=front, body=""))))

    found, read = held(archive)

    assert (len(found), read) == (19, 1)
    make_catalogue(archive)
    assert held(archive) == (found, 0)


def test_rows_that_are_none_are_passed_over_and_their_documents_read(archive: Archive) -> None:
    from_documents, _ = held(archive)
    make_catalogue(archive)
    (rows,) = [info.key for info in archive.store.list(ROWS) if "2022-07" in info.key]
    lines = archive.store.read(rows).splitlines()
    bad = [
        b"no json",
        json.dumps([1]).encode(),
        json.dumps({"key": 1}).encode(),
        json.dumps(json.loads(lines[3]) | {"key": 7}).encode(),
        json.dumps(json.loads(lines[4]) | {"key": "posts/../x"}).encode(),
        json.dumps(json.loads(lines[5]) | {"fetched_at": "yesterday"}).encode(),
        json.dumps(json.loads(lines[6]) | {"document_bytes": 1}).encode(),
        json.dumps(json.loads(lines[7]) | {"categories": None}).encode(),
    ]
    archive.store.put(rows, b"\n".join([*bad, *lines[len(bad) :]]) + b"\n", "")

    found, read = held(archive)

    assert found == from_documents
    assert read > 0


def test_a_catalogue_of_another_format_is_not_asked(archive: Archive) -> None:
    make_catalogue(archive)
    index = json.loads(archive.store.read(INDEX_KEY)) | {"version": 99}
    archive.store.put(INDEX_KEY, json.dumps(index).encode(), "")

    found, read = held(archive)

    assert len(found) == 20
    assert read == 20 - sum(1 for _ in archive.store.list(ROWS))  # the months were not


def test_what_the_catalogue_has_and_the_archive_has_not_is_not_held(archive: Archive) -> None:
    make_catalogue(archive)
    file_of(archive, "posts/niaogebiji/article-8/v0001.html").unlink()

    found, read = held(archive)

    assert (len(found), read) == (19, 0)
