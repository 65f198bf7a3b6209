"""Posts, images and archives for the tests of this folder; every store-dependent test runs over every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive import Archive
from archive.s3 import S3Store
from archive.store import FolderStore, Store
from tests.posts import NOW, PICTURES, make_post

if TYPE_CHECKING:
    from tests.conftest import S3Server


@pytest.fixture
def folder_store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "nest")


@pytest.fixture
def s3_environment(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """This process reaches the S3 server, and no other."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def s3_store(s3_environment: S3Server) -> Iterator[S3Store]:
    store = S3Store.open(f"s3://{s3_environment.new_bucket()}/some/prefix")
    with closing(store):
        yield store


@pytest.fixture
def radosgw_store(radosgw_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    for name, value in radosgw_server.environment.items():
        monkeypatch.setenv(name, value)
    store = S3Store.open(f"s3://{radosgw_server.new_bucket()}/some/prefix")
    with closing(store):
        yield store


@pytest.fixture(params=["folder", "s3", pytest.param("radosgw", marks=pytest.mark.stores)])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture
def archive(folder_store: FolderStore) -> Archive:
    """A new archive in a folder, whose waits between attempts take no time."""
    Archive.open_or_create(folder_store, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    opened = Archive.open(folder_store)
    return Archive(folder_store, opened.info, sleep=lambda _seconds: None)


@pytest.fixture
def grow(archive: Archive) -> Callable[..., None]:
    """Adds a post as a crawl does, its pictures first."""

    def add(**changes: Any) -> None:
        for data in PICTURES:
            archive.put_blob(data, "image/gif")
        post = make_post(**changes)
        archive.add(post, head=archive.head(post.site, post.id))

    return add
