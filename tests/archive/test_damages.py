"""Whatever happens to an object, the full check names it, under the code that fits, and nothing that is sound."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive import Archive
from archive.document import Document, read, sealed, write
from archive.findings import CODES
from archive.model import Original, Post, RunReport
from archive.store import FolderStore
from archive.verify import Scope, verify

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
# Nothing tells that a report was there (docs/archive-format.md says so), and there is one ARCHIVE.json.
POSSIBLE = {(class_, damage) for class_ in OF_CLASS for damage in ("flip", "truncate", "delete", "swap")} - {
    ("runs/", "delete"),
    ("ARCHIVE.json", "swap"),
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
def root(
    sound: Path,
    tmp_path: Path,
    make_post: Callable[..., Post],
    make_report: Callable[..., RunReport],
    pictures: tuple[bytes, ...],
) -> Path:
    if not sound.exists():
        _fill(sound, make_post, make_report, pictures)
    copy = tmp_path / "nest"
    shutil.copytree(sound, copy)
    return copy


def _fill(
    place: Path,
    make_post: Callable[..., Post],
    make_report: Callable[..., RunReport],
    pictures: tuple[bytes, ...],
) -> None:
    opened = Archive.open_or_create(FolderStore(place), now=datetime(2026, 11, 22, tzinfo=UTC))
    for data in pictures:
        opened.put_blob(data, "image/gif")
    for run, titles in enumerate(("ABC", "AXC", "AYC")):
        documents = {}
        for number, title in enumerate(titles):
            site_id = f"article-{number}"
            post = make_post(id=site_id, title=title)
            outcome = opened.add(post, head=opened.head("niaogebiji", site_id))
            if outcome.sha256:
                documents[f"posts/niaogebiji/{site_id}/v{outcome.version:04d}.html"] = outcome.sha256
        opened.add_report(make_report(run=f"2026112{run}T080000Z-niaogebiji-00000{run}", documents=documents))
    file = "---\ntitle: 题\n---\n正文".encode()
    original_key, _ = opened.put_blob(file, "text/markdown")
    digest = hashlib.sha256(file).hexdigest()
    original = Original(key=original_key, sha256=digest, bytes=len(file), media_type="text/markdown")
    imported = opened.add(make_post(id="u-1", url=f"urn:sha256:{digest}", original=original))
    documents = {"posts/niaogebiji/u-1/v0001.html": imported.sha256 or ""}
    opened.add_report(make_report(run="2026112DT080000Z-niaogebiji-00000D", documents=documents))
    key = place / "posts/niaogebiji/article-2/v0001.html"
    front = read(key.read_bytes()).front
    stub = {"op": "takedown", "site": front["site"], "id": front["id"], "version": 1, "was": "0" * 64}
    key.write_bytes(write(sealed(Document(front=stub, body=""))))


def test_the_sound_archive_has_no_findings(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_damage_is_named(root: Path, seed: int) -> None:
    chance = random.Random(seed)
    keys = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    class_, damage = chance.choice(sorted(POSSIBLE))
    key = chance.choice([key for key in keys if key.startswith(class_)])
    file = root / key
    data = file.read_bytes()
    right = OF_CLASS[class_]
    if damage == "flip":
        at = chance.randrange(len(data))
        file.write_bytes(data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :])
    elif damage == "truncate":
        file.write_bytes(data[: chance.randrange(len(data))])
    elif damage == "delete":
        file.unlink()
        right = DELETED[class_]
    else:
        others = [other for other in keys if other.startswith(class_) and (root / other).read_bytes() != data]
        other = root / chance.choice(others)
        file.write_bytes(other.read_bytes())
        other.write_bytes(data)

    findings = found(root)

    codes = {code for code, found_key in findings if found_key == key}
    consequences = {code for code, _ in findings}
    if damage == "delete" and class_ == "blobs/":
        codes = consequences
    assert codes & right, f"{damage} of {key}: {findings}"
    assert consequences <= right | CONSEQUENCES


def test_a_readme_that_is_gone_is_a_warning(root: Path) -> None:
    (root / "README.md").unlink()

    assert found(root) == [("readme-missing", "README.md")]
