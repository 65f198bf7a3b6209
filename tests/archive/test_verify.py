"""Each damage is found under its own code, and nothing is found where there is none."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import archive.verify
from archive import Archive
from archive.document import Document, compose, read, to_post, write
from archive.model import Post, RunReport
from archive.store import FolderStore, Store
from archive.verify import Finding, verify

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
POST = "posts/niaogebiji/article-482538"
V1, V2, V3 = (f"{POST}/v000{number}.html" for number in (1, 2, 3))
OTHER = "posts/niaogebiji/bulletin-7/v0001.html"
RUN = "runs/2026-11-22/20261122T080000Z-ab12.json"
PICTURE = hashlib.sha256(b"GIF89a the second picture").hexdigest()
BLOB = f"blobs/sha256/{PICTURE[:2]}/{PICTURE}.gif"
STRAY = hashlib.sha256(b"GIF89a stray").hexdigest()

Grow = Callable[..., None]


@pytest.fixture
def root(archive: Archive, folder_store: FolderStore, grow: Grow, make_report: Callable[..., RunReport]) -> Path:
    """The folder of an archive with a post of three versions, a post of one, and a report."""
    for title in "ABA":
        grow(title=title)
    grow(id="bulletin-7", url="https://www.niaogebiji.com/bulletin-7")
    archive.add_report(make_report())
    return folder_store.root


def found(root: Path, *, full: bool = True) -> list[tuple[str, str]]:
    return [(finding.code, finding.key) for finding in findings(root, full=full)]


def findings(root: Path, *, full: bool = True) -> list[Finding]:
    return list(verify(Archive.open(FolderStore(root)), full=full))


def put(root: Path, key: str, data: bytes) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def swap(root: Path, key: str, old: bytes, new: bytes) -> None:
    data = (root / key).read_bytes()
    assert data.count(old) == 1, old
    put(root, key, data.replace(old, new))


def rewrite(root: Path, key: str, **front: Any) -> None:
    """Other values in a document that is otherwise as its writer would write it."""
    document = read((root / key).read_bytes())
    put(root, key, write(replace(document, front={**document.front, **front})))


# --- sound


@pytest.mark.parametrize("full", [False, True])
def test_a_sound_archive_has_no_findings(root: Path, *, full: bool) -> None:
    assert findings(root, full=full) == []


def test_a_sound_archive_has_no_findings_in_any_store(
    store: Store, make_post: Callable[..., Post], pictures: tuple[bytes, ...]
) -> None:
    opened = Archive.open_or_create(store, now=NOW)
    for data in pictures:
        opened.put_blob(data, "image/gif")
    for title in "AB":
        opened.add(make_post(title=title))

    assert list(verify(opened, full=True)) == []


@pytest.mark.parametrize("title", ["<img src=https://x.example/a.gif onerror=x>", "\ud800", "\ud83d\udc26", "\x85", ""])
def test_no_title_makes_a_false_alarm(archive: Archive, root: Path, grow: Grow, title: str) -> None:
    del archive
    grow(id="article-9", title=title)

    assert findings(root) == []


@pytest.mark.parametrize(
    "body",
    [
        f'<img alt="a tag with src=1 in it" src="../../../{BLOB}">',
        f'<img alt="1 > 0" src="../../../{BLOB}">',
        f"<img data-src='x' src='../../../{BLOB}'>",
        "<pre>&lt;img src=https://x.example/a.gif&gt;</pre>",
        '<a href="https://x.example/a.gif">[图片]</a>',
        "<p>no picture</p>",
        "",
    ],
)
def test_no_body_without_remote_images_makes_a_false_alarm(archive: Archive, root: Path, grow: Grow, body: str) -> None:
    del archive
    grow(id="article-9", body=body)

    assert findings(root) == []


def test_derived_views_and_raw_captures_are_part_of_the_format(root: Path) -> None:
    put(root, "raw/niaogebiji/2026-11-22/r-0001.warc.gz", b"")
    put(root, "views/hexo/source/_posts/a.html", b"")

    assert findings(root) == []


def test_a_post_that_was_taken_down_is_sound(root: Path) -> None:
    for number, key in enumerate((V1, V2, V3), start=1):
        stub = {"op": "takedown", "site": "niaogebiji", "id": "article-482538", "version": number, "was": "0" * 64}
        put(root, key, write(Document(front=stub, body="")))

    assert findings(root) == []


# --- damaged: one case for each code, and what else the same damage must be called


@dataclass(frozen=True, kw_only=True)
class Case:
    damage: Callable[[Path], None]
    finds: list[tuple[str, str]]
    fast_finds: list[tuple[str, str]] | None = None
    """What the fast check finds, where that is not the same."""


def misplace(root: Path) -> None:
    put(root, "posts/niaogebiji/article-9/v0001.html", (root / OTHER).read_bytes())


def show_remote_image(root: Path) -> None:
    document = read((root / OTHER).read_bytes())
    body = '<p>字</p><img alt="1 > 0" src="https://img.example/0.gif">'
    post = replace(to_post(document), body=body)
    put(root, OTHER, write(compose(post, version=1, parent=None, generator="birdnest 1")))


DOCUMENTS = (V1, V2, V3, OTHER)
CASES = {
    "document-damaged": Case(
        damage=lambda root: put(root, V3, b"not a document"),
        finds=[("document-damaged", V3)],
    ),
    "document-altered": Case(
        damage=lambda root: swap(root, V3, b"\nlang: ", b"\nlang:  "),
        finds=[("document-altered", V3)],
    ),
    "misplaced": Case(
        damage=misplace,
        finds=[("misplaced", "posts/niaogebiji/article-9/v0001.html")],
    ),
    "version-gap": Case(
        damage=lambda root: (root / V2).unlink(),
        finds=[("version-gap", V3)],
    ),
    "parent-mismatch": Case(
        damage=lambda root: rewrite(root, V3, parent="0" * 64),
        finds=[("parent-mismatch", V3)],
    ),
    "body-digest": Case(
        damage=lambda root: rewrite(root, V3, body_sha256="0" * 64),
        finds=[("body-digest", V3)],
    ),
    "content-digest": Case(
        damage=lambda root: rewrite(root, V3, title="another title"),
        finds=[("content-digest", V3)],
    ),
    "remote-image": Case(
        damage=show_remote_image,
        finds=[("remote-image", OTHER)],
    ),
    "blob-missing": Case(
        damage=lambda root: (root / BLOB).unlink(),
        finds=[("blob-missing", key) for key in DOCUMENTS],
    ),
    "blob-size": Case(
        damage=lambda root: put(root, BLOB, b"GIF89a"),
        finds=[("blob-digest", BLOB), *(("blob-size", key) for key in DOCUMENTS)],
        fast_finds=[("blob-size", key) for key in DOCUMENTS],
    ),
    "blob-digest": Case(
        damage=lambda root: put(root, BLOB, b"GIF89a The second picture"),
        finds=[("blob-digest", BLOB)],
        fast_finds=[],
    ),
    "report-damaged": Case(
        damage=lambda root: put(root, RUN, b"{"),
        finds=[("report-damaged", RUN)],
        fast_finds=[],
    ),
    "orphan-blob": Case(
        damage=lambda root: put(root, f"blobs/sha256/{STRAY[:2]}/{STRAY}.gif", b"GIF89a stray"),
        finds=[("orphan-blob", f"blobs/sha256/{STRAY[:2]}/{STRAY}.gif")],
    ),
    "stranger": Case(
        damage=lambda root: put(root, f"{POST}/notes.txt", b"mine"),
        finds=[("stranger", f"{POST}/notes.txt")],
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_a_damage_is_found_under_its_code_and_no_other(root: Path, code: str) -> None:
    CASES[code].damage(root)

    assert code in [found_code for found_code, _ in CASES[code].finds]
    assert found(root) == CASES[code].finds


@pytest.mark.parametrize("code", CASES)
def test_the_fast_check_finds_what_listing_and_documents_show(root: Path, code: str) -> None:
    case = CASES[code]
    case.damage(root)

    assert found(root, full=False) == (case.finds if case.fast_finds is None else case.fast_finds)


def test_every_code_that_is_documented_is_tested() -> None:
    table = re.findall(r"^([a-z]+-?[a-z]*) {2,}\S", archive.verify.__doc__ or "", re.MULTILINE)

    assert table == list(CASES)


@pytest.mark.parametrize("code", CASES)
def test_only_orphans_and_strangers_are_warnings(root: Path, code: str) -> None:
    CASES[code].damage(root)

    severities = {finding.severity for finding in findings(root)}

    assert severities == {"warning" if code in ("orphan-blob", "stranger") else "error"}


# --- further damage


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"---\ntitle: 1\n",
        b"---\n---\n",
        b"---\nwidth: 1.5\n---\n",
        b"---\nversion: " + b"[" * 100_000 + b"\n---\n",
    ],
)
def test_a_document_that_cannot_be_read_makes_no_gap(root: Path, data: bytes) -> None:
    put(root, V2, data)

    assert found(root) == [("document-damaged", V2), ("parent-mismatch", V3)]


@pytest.mark.parametrize("key", ["version", "site", "images", "fetched_at", "date"])
def test_a_document_without_a_key_of_the_format_is_damaged(root: Path, key: str) -> None:
    document = read((root / V3).read_bytes())
    front = {name: value for name, value in document.front.items() if name != key}
    put(root, V3, write(replace(document, front=front)))

    codes = found(root)

    # Without its images a post still reads as one, but not as the same one.
    assert codes == [("content-digest" if key == "images" else "document-damaged", V3)]


def test_a_flipped_letter_of_a_body_is_found_there_and_in_the_chain(root: Path) -> None:
    swap(root, V2, "<p>正文</p>".encode(), "<p>正义</p>".encode())

    assert found(root) == [("body-digest", V2), ("content-digest", V2), ("parent-mismatch", V3)]


def test_an_archive_without_its_first_version_has_a_gap(root: Path) -> None:
    (root / V1).unlink()

    assert found(root) == [("version-gap", V2)]


@pytest.mark.parametrize(
    "key", ["posts/niaogebiji/Article/v0001.html", f"{POST}/v0000.html", "blobs/x.gif", "notes.txt", "post/a"]
)
def test_what_the_format_does_not_know_is_a_stranger(root: Path, key: str) -> None:
    put(root, key, b"mine")

    assert found(root) == [("stranger", key)]


def test_a_finding_says_what_was_found_and_expected(root: Path) -> None:
    (root / V2).unlink()
    put(root, BLOB, b"GIF89a")

    details = {finding.code: finding.detail for finding in findings(root, full=False)}

    assert details == {"version-gap": "expected v0002 next", "blob-size": f"{BLOB} has 6 bytes, expected 25"}


def test_every_object_is_looked_at_once_in_the_order_of_keys(root: Path) -> None:
    opened = Archive.open(FolderStore(root))
    seen: list[str] = []

    list(verify(opened, progress=seen.append))

    assert seen == [info.key for info in opened.store.list()]
    assert {V1, V2, V3, OTHER, BLOB, RUN, "ARCHIVE.json", "README.md"} < set(seen)
