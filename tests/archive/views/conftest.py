"""An archive of the whole replica, made once by the installed command, and archives of a few posts of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive import Archive, ArchiveReader
from archive.store import FolderStore, Store
from tests.posts import NOW, PICTURES, make_post
from tests.support import COMMAND

ID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="session")
def replica_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of all the replica's posts. Only to be read."""
    folder = tmp_path_factory.mktemp("replica")
    done = subprocess.run(
        [COMMAND, "demo", "--archive", "nest"],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "nest"


@pytest.fixture
def replica_copy(replica_archive: Path, tmp_path: Path) -> Path:
    """A copy of it to write to; its times are those of the original."""
    return shutil.copytree(replica_archive, tmp_path / "archive")


@pytest.fixture
def replica_reader(replica_archive: Path) -> ArchiveReader:
    return ArchiveReader.open(FolderStore(replica_archive))


Fill = Callable[..., Archive]


@pytest.fixture
def fill() -> Fill:
    """Adds posts, by what is particular of each, to a store's archive, which is new where there is none."""

    def add(store: Store, *posts: dict[str, Any]) -> Archive:
        archive = Archive.open_or_create(store, now=NOW, id_=ID)
        for data in PICTURES:
            archive.put_blob(data, "image/gif")
        for changes in posts:
            post = make_post(**changes)
            archive.add(post, head=archive.head(post.site, post.id))
        return archive

    return add


@pytest.fixture
def without_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers as they are built where the extra `search` is not installed: its index takes longest."""
    monkeypatch.setitem(sys.modules, "pagefind", None)
