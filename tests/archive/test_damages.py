"""Whatever happens to an object, the full check names it, under the code that fits, and nothing that is sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archive.findings import CODES
from archive.store import FolderStore
from archive.verify import Scope, verify
from tests.archive.damaging import damage, fill

DAMAGED = Path(__file__).parents[1] / "damaged"
FOLDERS = sorted(folder for folder in DAMAGED.iterdir() if folder.is_dir())
SEEDS = 200
# What else the full check says of the same damage, in whatever object: a wrong byte has more than one consequence.
WITH = {
    "blob-size": {"blob-digest"},
    "document-damaged": {"orphan-blob", "parent-mismatch", "document-replaced"},
    "version-gap": {"document-missing"},
}
# Which codes are right for an object of a class. A parent-mismatch stands at the version after it.
OF_DOCUMENT = {
    *("document-damaged", "document-altered", "front-digest", "body-digest", "content-digest", "misplaced"),
    *("document-replaced", "parent-mismatch"),
}
OF_CLASS = {
    "posts/": OF_DOCUMENT,
    "blobs/": {"blob-digest", "blob-size"},
    "runs/": {"report-damaged", "misplaced"},
    "ARCHIVE.json": {"archive-damaged"},
}
# What a damage may also be called: a document names other blobs, or its body holds other things.
CONSEQUENCES = {
    *("version-gap", "orphan-blob", "parent-mismatch", "blob-size", "blob-missing", "image-facts", "front-matter"),
    *("remote-image", "active-content"),
}
DELETED = {
    "posts/": {"document-missing"},
    "blobs/": {"blob-missing"},
    "ARCHIVE.json": {"archive-damaged"},
    "README.md": {"readme-missing"},
}


def found(root: Path) -> list[tuple[str, str]]:
    return [(finding.code, finding.key) for finding in verify(FolderStore(root), Scope(full=True))]


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_a_damaged_archive_of_an_earlier_release_is_called_what_it_was(folder: Path) -> None:
    code = next(code for code in sorted(CODES, key=len, reverse=True) if folder.name.startswith(f"{code}-"))

    codes = {found_code for found_code, _ in found(folder)}

    assert code in codes
    assert codes <= {code} | WITH.get(code, set())


def test_there_is_a_damaged_archive_for_every_code() -> None:
    missing = [code for code in CODES if not any(folder.name.startswith(f"{code}-") for folder in FOLDERS)]

    assert missing == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose reports list what their runs committed: some posts, versions, shared pictures, a takedown."""
    return tmp_path_factory.mktemp("sound") / "nest"


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    if not sound.exists():
        fill(sound)
    copy = tmp_path / "nest"
    shutil.copytree(sound, copy)
    return copy


def test_the_sound_archive_has_no_findings(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_damage_is_named(root: Path, seed: int) -> None:
    harm = damage(root, seed)
    right = DELETED[harm.class_] if harm.kind == "delete" else OF_CLASS[harm.class_]

    findings = found(root)

    codes = {code for code, found_key in findings if found_key == harm.key}
    consequences = {code for code, _ in findings}
    if harm.kind == "delete" and harm.class_ == "blobs/":
        codes = consequences
    assert codes & right, f"{harm}: {findings}"
    assert consequences <= right | CONSEQUENCES


def test_a_readme_that_is_gone_is_a_warning(root: Path) -> None:
    (root / "README.md").unlink()

    assert found(root) == [("readme-missing", "README.md")]
