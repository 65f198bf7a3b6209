"""What was damaged or lost becomes what it was, from a copy or from the site; nothing that is sound is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from archive import Archive
from archive.document import Document, read, sealed, write
from archive.repair import Repaired, Supply, of_archive, of_itself, repair
from archive.store import FolderStore, open_store
from archive.verify import Scope, verify
from tests.archive.damaging import damage, fill
from tests.archive.views.made import objects
from tests.posts import PICTURES
from tests.support import Birdnest

SEEDS = 200
FIRST = "posts/niaogebiji/article-1/v0001.html"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sound") / "nest"
    fill(place)
    return place


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    """The archive, to be damaged."""
    shutil.copytree(sound, tmp_path / "nest")
    return tmp_path / "nest"


def heal(root: Path, **supplies: Supply) -> Repaired:
    store = open_store(str(root), mutable="")
    return repair(store, list(verify(store, Scope(full=True))), supplies)


def copy_of(place: Path) -> Supply:
    return of_archive(FolderStore(place))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_damage_is_healed_from_a_copy_byte_for_byte(root: Path, sound: Path, seed: int) -> None:
    harm = damage(root, seed)

    done = heal(root, copy=copy_of(sound))

    assert done.left == {}, harm
    assert objects(FolderStore(root), "") == objects(FolderStore(sound), ""), harm


@pytest.mark.parametrize("seed", range(0, SEEDS, 20))
def test_what_no_one_has_is_told_and_nothing_else_changes(root: Path, seed: int) -> None:
    harm = damage(root, seed)
    before = objects(FolderStore(root), "")

    done = heal(root)

    assert done.healed == []
    assert done.left, harm
    assert objects(FolderStore(root), "") == before


def test_a_sound_archive_is_not_touched_even_by_a_copy_that_is_not(root: Path, sound: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(sound, other)
    (other / FIRST).write_bytes(b"something else")

    done = heal(root, copy=copy_of(other))

    assert (done.healed, done.left) == ([], {})
    assert objects(FolderStore(root), "") == objects(FolderStore(sound), "")


def test_a_copy_with_the_same_damage_heals_nothing(root: Path, tmp_path: Path) -> None:
    (root / FIRST).write_bytes((root / FIRST).read_bytes() + b"more")
    shutil.copytree(root, tmp_path / "other")

    done = heal(root, copy=copy_of(tmp_path / "other"))

    assert "copy: its digest is" in done.left[FIRST]


def test_a_whole_document_that_is_another_than_the_report_names_is_replaced(root: Path, sound: Path) -> None:
    document = read((root / FIRST).read_bytes())
    (root / FIRST).write_bytes(write(sealed(Document(front={**document.front, "author": "别人"}, body=document.body))))

    assert heal(root, copy=copy_of(sound)).healed == [FIRST]
    assert objects(FolderStore(root), "") == objects(FolderStore(sound), "")


def test_a_post_that_was_taken_down_does_not_come_back_from_an_older_copy(
    root: Path, sound: Path, tmp_path: Path
) -> None:
    shutil.copytree(sound, tmp_path / "older")
    stub = {"op": "takedown", "site": "niaogebiji", "id": "article-1", "version": 1, "was": "0" * 64}
    data = write(sealed(Document(front=stub, body="")))
    (root / FIRST).write_bytes(data.replace(b"0000", b"0001", 1))

    done = heal(root, copy=copy_of(tmp_path / "older"))

    assert "has the post, which was taken down and stays so" in done.left[FIRST]
    assert read((root / FIRST).read_bytes()).is_takedown


def test_the_readme_and_what_gc_has_set_aside_need_no_copy(root: Path, sound: Path) -> None:
    blob = next((root / "blobs").rglob("*.gif"))
    aside = root / ".gc" / "20261122T080000Z-00000000" / blob.relative_to(root)
    aside.parent.mkdir(parents=True)
    blob.rename(aside)
    (root / "README.md").unlink()

    done = heal(root, itself=of_itself(FolderStore(root)))

    assert sorted(done.healed) == ["README.md", str(blob.relative_to(root))]
    shutil.rmtree(root / ".gc")
    assert objects(FolderStore(root), "") == objects(FolderStore(sound), "")


def test_an_orphan_is_left_and_the_advice_names_gc(root: Path) -> None:
    Archive.open(FolderStore(root)).put_blob(PICTURES[0] + b"\0", "image/gif")
    before = objects(FolderStore(root), "")

    done = heal(root)

    assert ["birdnest gc" in reason for reason in done.harmless.values()] == [True]
    assert done.left == {}
    assert objects(FolderStore(root), "") == before


def test_the_command_heals_from_a_copy_and_refuses_another_archive(root: Path, sound: Path, tmp_path: Path) -> None:
    birdnest = Birdnest(folder=tmp_path)
    (root / FIRST).write_bytes(b"?")
    place = ("--archive", str(root), "--offline")

    assert "document-damaged" in birdnest("repair", *place, "--dry-run").out
    alone = birdnest("repair", *place)
    assert (alone.code, f"not healed: {FIRST}" in alone.err) == (7, True)
    fill(tmp_path / "another")
    assert birdnest("repair", *place, "--from", str(tmp_path / "another")).code == 2
    healed = birdnest("repair", *place, "--from", str(sound), "--json")
    assert (healed.code, json.loads(healed.out)["healed"]) == (0, [FIRST])
    assert objects(FolderStore(root), "") == objects(FolderStore(sound), "")
