"""The Nu HTML checker finds no error in the reader's pages."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archive import Archive
from archive.store import FolderStore
from benchmarks.clean_nu import find_checker, missing
from tests.archive.views import hostile
from tests.archive.views.reading import built
from tests.posts import NOW

if TYPE_CHECKING:
    from tests.conftest import Need

pytestmark = pytest.mark.reader

Fill = Callable[..., Archive]


def errors(folder: Path) -> list[str]:
    java = shutil.which("java") or "java"
    command = [java, "-Xss16m", "-jar", str(find_checker()), "--skip-non-html", "--errors-only", "--format", "json"]
    run = subprocess.run(
        [*command, "--exit-zero-always", str(folder)], capture_output=True, text=True, check=True, timeout=240
    )
    messages = json.loads(run.stderr or run.stdout)["messages"]
    return [
        f"{each['url'].rpartition('/reader/')[2]}: {each['message']}" for each in messages if each["type"] != "info"
    ]


def test_the_checker_finds_no_error_in_the_pages_of_the_replica(
    replica_archive: Path, tmp_path: Path, need: Need
) -> None:
    need("java and npm", found=missing() is None, how=f"apt-get install {missing()}")
    built(FolderStore(replica_archive), FolderStore(tmp_path / "reader", mutable=""))

    assert errors(tmp_path / "reader") == []


def test_the_checker_finds_no_error_in_pages_of_odd_titles_and_of_versions(
    folder_store: FolderStore, tmp_path: Path, fill: Fill, need: Need
) -> None:
    need("java and npm", found=missing() is None, how=f"apt-get install {missing()}")
    fill(folder_store, *hostile.posts())
    later = NOW + timedelta(days=1)
    fill(folder_store, *({"id": f"title-{n:02}", "title": "neu", "fetched_at": later} for n in range(9)))
    built(folder_store, FolderStore(tmp_path / "reader", mutable=""))

    assert errors(tmp_path / "reader") == []
