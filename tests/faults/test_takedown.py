"""SIGKILL at any call of a takedown, in a folder and in a bucket with versions: given again, nothing is left."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from archive import ArchiveReader
from archive.register import entries
from archive.s3 import S3Store
from archive.store import ErasingStore, FolderStore
from archive.takedown import whole_versions
from crawler.demo import SITE
from crawler.replica.process import Replica
from tests.archive.everywhere import where
from tests.conftest import S3Server
from tests.faults.conftest import Forks, configured, errors

pytestmark = pytest.mark.faults
KILLED = -9
POST = "article-482538"
IN_A_FOLDER, IN_A_BUCKET = 15, 3


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A crawled archive with a catalogue; what must be found of a post nowhere, and the images of the others."""

    home: Path
    nest: Path
    forks: Forks
    needles: Sequence[str | bytes]
    others: frozenset[str]


@pytest.fixture
def filled(forks: tuple[Forks, Forks], replica: Replica, s3_server: S3Server, tmp_path: Path) -> Filled:
    each = replace(forks[0], environment=s3_server.environment)
    home = configured(tmp_path / "home", replica)
    nest = home / "nest"
    crawl = ("crawl", SITE, "--json", "--since", "2022-07-10", "--archive", str(nest))
    assert each.run(home, crawl).code == 0
    assert each.run(home, ("export", "catalogue", "--archive", str(nest))).code == 0
    reader = ArchiveReader.open(FolderStore(nest))
    mine: set[str] = set()
    others: set[str] = set()
    sentence = ""
    for ref in reader.posts():
        document = reader.load(ref).document
        (mine if ref.id == POST else others).update(image.key for image in document.images)
        if ref.id == POST:
            sentence = document.body.split("<p>")[1].split("</p>")[0].split("，")[0]
            title = document.front["title"]
    assert len(sentence) > 8
    own = [reader.store.read(key) for key in mine - others]
    assert own
    needles = (title, sentence, *own)
    assert len(where(reader.store, *needles)) > 5
    return Filled(home=home, nest=nest, forks=each, needles=needles, others=frozenset(others))


def settled(filled: Filled, store: ErasingStore, url: str, point: int, points: int) -> None:
    """Give the takedown again where it was killed, and look everywhere."""
    at = f"killed at {point} of {points}"
    if whole_versions(store, SITE, POST) and point > 20:
        assert [entry.finished for entry in entries(store)] == [None], at
    again = filled.forks.run(filled.home, command(url))
    assert again.code == 0, f"{at}: {again.said}"
    assert where(store, *filled.needles) == [], at
    assert errors(url) == [], at
    assert {info.key for info in store.list("blobs/")} >= filled.others, at
    assert list(store.list(".gc/")) == [], at


def command(url: str) -> tuple[str, ...]:
    return ("takedown", f"{SITE}/{POST}", "--reason", "asked for", "--yes", "--archive", url)


def test_in_a_folder(filled: Filled) -> None:
    def copy(name: str) -> Path:
        shutil.copytree(filled.nest, filled.home / name)
        return filled.home / name

    points = filled.forks.run(filled.home, command(str(copy("whole")))).points
    assert points > 2 * IN_A_FOLDER
    killed = 0
    for point in sorted(random.Random(10).sample(range(points), IN_A_FOLDER)):
        place = copy(f"copy-{point}")
        killed += filled.forks.run(filled.home, command(str(place)), kill_at=point).code == KILLED
        settled(filled, FolderStore(place, mutable=""), str(place), point, points)
        shutil.rmtree(place)
    assert killed >= IN_A_FOLDER - 2


def test_in_a_bucket_with_versions(filled: Filled, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)

    @contextmanager
    def copy() -> Iterator[S3Store]:
        store = S3Store.open(f"s3://{s3_server.new_bucket()}/nest", mutable="")
        with closing(store):
            store.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
            copied = filled.forks.run(filled.home, ("copy", str(filled.nest), store.url, "--mirror"))
            assert copied.code == 0, copied.said
            yield store

    with copy() as store:
        points = filled.forks.run(filled.home, command(store.url)).points
    for point in sorted(random.Random(11).sample(range(points // 3, points), IN_A_BUCKET)):
        with copy() as store:
            filled.forks.run(filled.home, command(store.url), kill_at=point)
            settled(filled, store, store.url, point, points)
