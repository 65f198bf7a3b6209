"""Each damage is found under its own code, and nothing is found where there is none."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.document import Document, compose, read, sealed, to_post, write
from archive.findings import CODES, Finding
from archive.layout import ARCHIVE_KEY, README_KEY, PostRef, blob_key
from archive.model import Image, Original, Post, RunReport
from archive.model import sealed as sealed_json
from archive.store import FolderStore, Store
from archive.verify import Scope, verify

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
POST = "posts/niaogebiji/article-482538"
V1, V2, V3 = (f"{POST}/v000{number}.html" for number in (1, 2, 3))
ARTICLE: dict[str, Any] = {"site": "niaogebiji", "id": "article-482538", "version": 3}
OTHER = "posts/niaogebiji/bulletin-7/v0001.html"
RUN = "runs/2026-11-22/20261122T080000Z-ab12.json"
PICTURE = bytes.fromhex("47494638376103000100810000ff00000000000000000000002c00000000030001000008050001080c08003b")
BLOB = blob_key(hashlib.sha256(PICTURE).hexdigest(), "image/gif")
STRAY_PICTURE = PICTURE.replace(b"\xff", b"\xfe")
STRAY = blob_key(hashlib.sha256(STRAY_PICTURE).hexdigest(), "image/gif")
UNREADABLE = blob_key(hashlib.sha256(b"GIF89a no picture").hexdigest(), "image/gif")
CAPTURE = "raw/niaogebiji/2026-11-22/r-0001.warc.gz"
TAKEDOWN = "takedowns/niaogebiji/article-482538.json"

FILE = "\n---\ntitle: 题\n---\n正文".encode()
ORIGINAL = blob_key(hashlib.sha256(FILE).hexdigest(), "text/markdown")
IMPORTED = "posts/niaogebiji/u-1/v0001.html"

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
    return list(verify(FolderStore(root), Scope(full=full)))


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
    put(root, key, write(sealed(replace(document, front={**document.front, **front}))))


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

    assert list(verify(store, Scope(full=True))) == []


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
    put(root, CAPTURE, gzip.compress(b"WARC/1.1") + gzip.compress(b"WARC/1.1" * 1000))
    put(root, "views/hexo/source/_posts/a.html", b"")

    assert findings(root) == []


def test_a_post_that_was_taken_down_is_sound(root: Path) -> None:
    for number, key in enumerate((V1, V2, V3), start=1):
        stub = {"op": "takedown", "site": "niaogebiji", "id": "article-482538", "version": number, "was": "0" * 64}
        put(root, key, write(sealed(Document(front=stub, body=""))))

    assert findings(root) == []


# --- damaged: one case for each code, and what else the same damage must be called


@dataclass(frozen=True, kw_only=True)
class Case:
    damage: Callable[[Path], None]
    finds: list[tuple[str, str]]
    fast_finds: list[tuple[str, str]] | None = None
    """What the fast check finds, where that is not the same."""


def wider(root: Path) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = read((root / OTHER).read_bytes()).front["images"]
    return [{**images[0], "width": 99}, images[1]]


def rebody(root: Path, body: str) -> None:
    document = read((root / OTHER).read_bytes())
    post = replace(to_post(document), body=body)
    put(root, OTHER, write(compose(post, version=1, parent=None, generator="birdnest 1")))


def report(root: Path, **changes: Any) -> None:
    value = json.loads((root / RUN).read_bytes())
    put(root, RUN, json.dumps(sealed_json({**value, **changes})).encode())


def name_capture(root: Path) -> None:
    rewrite(root, OTHER, warc=[{"segment": CAPTURE, "record_id": "<urn:uuid:1>"}])


def replace_blob(root: Path) -> None:
    """Bytes that no image decoder reads, under the name that they have; and a document that names them."""
    put(root, UNREADABLE, b"GIF89a no picture")
    images = read((root / OTHER).read_bytes()).front["images"]
    damaged = {**images[1], "key": UNREADABLE, "sha256": hashlib.sha256(b"GIF89a no picture").hexdigest(), "bytes": 17}
    whole = to_post(read((root / OTHER).read_bytes()))
    post = replace(whole, body="<p>x</p>\n", images=(Image(**damaged),), head_image=None)
    put(root, OTHER, write(compose(post, version=1, parent=None, generator="birdnest 1")))


DOCUMENTS = (V1, V2, V3, OTHER)
CASES = {
    "archive-damaged": Case(
        damage=lambda root: (root / ARCHIVE_KEY).unlink(),
        finds=[("archive-damaged", ARCHIVE_KEY)],
    ),
    "document-damaged": Case(
        damage=lambda root: put(root, V3, b"not a document"),
        finds=[("document-damaged", V3)],
    ),
    "document-altered": Case(
        damage=lambda root: swap(root, V3, b"\nlang: ", b"\nlang:  "),
        finds=[("document-altered", V3)],
        fast_finds=[],
    ),
    "document-missing": Case(
        damage=lambda root: report(root, documents={"posts/niaogebiji/article-5/v0001.html": "0" * 64}),
        finds=[("document-missing", "posts/niaogebiji/article-5/v0001.html")],
        fast_finds=[],
    ),
    "document-replaced": Case(
        damage=lambda root: report(root, documents={V1: "0" * 64}),
        finds=[("document-replaced", V1)],
        fast_finds=[],
    ),
    "misplaced": Case(
        damage=lambda root: rewrite(root, V3, id="article-9", permalink=PostRef(**ARTICLE).permalink),
        finds=[("misplaced", V3)],
    ),
    "version-gap": Case(
        damage=lambda root: (root / V2).unlink(),
        finds=[("version-gap", V3)],
    ),
    "parent-mismatch": Case(
        damage=lambda root: rewrite(root, V3, parent="0" * 64),
        finds=[("parent-mismatch", V3)],
    ),
    "front-digest": Case(
        damage=lambda root: swap(root, V3, b'\nlang: "zh-CN"', b'\nlang: "zh-TW"'),
        finds=[("front-digest", V3)],
        fast_finds=[],
    ),
    "body-digest": Case(
        damage=lambda root: rewrite(root, V3, body_sha256="0" * 64),
        finds=[("body-digest", V3)],
        fast_finds=[],
    ),
    "content-digest": Case(
        damage=lambda root: rewrite(root, V3, title="another title"),
        finds=[("content-digest", V3)],
        fast_finds=[],
    ),
    "front-matter": Case(
        damage=lambda root: rewrite(root, V3, permalink="elsewhere.html"),
        finds=[("front-matter", V3)],
        fast_finds=[],
    ),
    "remote-image": Case(
        damage=lambda root: rebody(root, '<p>字</p><img alt="1 > 0" src="https://img.example/0.gif">'),
        finds=[("remote-image", OTHER)],
        fast_finds=[],
    ),
    "active-content": Case(
        damage=lambda root: rebody(root, '<p>字<a href="javascript:alert(1)">链</a></p>'),
        finds=[("active-content", OTHER)],
        fast_finds=[],
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
        damage=lambda root: put(root, BLOB, STRAY_PICTURE),
        finds=[("blob-digest", BLOB)],
        fast_finds=[],
    ),
    "image-damaged": Case(
        damage=replace_blob,
        finds=[("image-damaged", UNREADABLE)],
        fast_finds=[],
    ),
    "image-facts": Case(
        damage=lambda root: rewrite(root, OTHER, images=wider(root)),
        finds=[("image-facts", OTHER)],
        fast_finds=[],
    ),
    "report-damaged": Case(
        damage=lambda root: put(root, RUN, b"{"),
        finds=[("report-damaged", RUN)],
        fast_finds=[],
    ),
    "register-damaged": Case(
        damage=lambda root: put(root, TAKEDOWN, b'{"op": "takedown"}'),
        finds=[("register-damaged", TAKEDOWN)],
        fast_finds=[],
    ),
    "warc-damaged": Case(
        damage=lambda root: put(root, CAPTURE, gzip.compress(b"WARC/1.1" * 100)[:-9]),
        finds=[("warc-damaged", CAPTURE)],
        fast_finds=[],
    ),
    "warc-missing": Case(
        damage=name_capture,
        finds=[("warc-missing", OTHER)],
    ),
    "readme-missing": Case(
        damage=lambda root: (root / README_KEY).unlink(),
        finds=[("readme-missing", README_KEY)],
    ),
    "orphan-blob": Case(
        damage=lambda root: put(root, STRAY, STRAY_PICTURE),
        finds=[("orphan-blob", STRAY)],
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


def test_every_code_is_tested() -> None:
    assert list(CASES) == list(CODES)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_is_as_severe_as_its_code_says(root: Path, code: str) -> None:
    CASES[code].damage(root)

    severities = {finding.severity for finding in findings(root) if finding.code == code}

    assert severities == {CODES[code].severity}


# --- originals of imported posts


@pytest.fixture
def imported(archive: Archive, root: Path, grow: Grow) -> Path:
    """The same archive with a post that was imported from a file."""
    key, _ = archive.put_blob(FILE, "text/markdown")
    digest = hashlib.sha256(FILE).hexdigest()
    original = Original(key=key, sha256=digest, bytes=len(FILE), media_type="text/markdown")
    grow(id="u-1", url=f"urn:sha256:{digest}", original=original)
    return root


def change_original(root: Path, **changes: Any) -> None:
    original = read((root / IMPORTED).read_bytes()).front["original"]
    rewrite(root, IMPORTED, original={**original, **changes})


def show_original(root: Path) -> None:
    """A document that calls its original an image, too."""
    images = read((root / IMPORTED).read_bytes()).front["images"]
    original = {
        "url": "x",
        "key": ORIGINAL,
        "sha256": ORIGINAL.rpartition("/")[2].removesuffix(".md"),
        "bytes": len(FILE),
    }
    rewrite(root, IMPORTED, images=[*images, {**original, "media_type": "text/markdown", "width": 1, "height": 1}])


@pytest.mark.parametrize("full", [False, True])
def test_an_original_is_no_orphan_and_needs_not_decode(imported: Path, *, full: bool) -> None:
    assert (imported / ORIGINAL).read_bytes() == FILE
    assert findings(imported, full=full) == []


@pytest.mark.parametrize(
    ("damage", "full", "fast"),
    [
        (lambda root: (root / ORIGINAL).unlink(), {"blob-missing"}, {"blob-missing"}),
        (lambda root: put(root, ORIGINAL, FILE[:-1]), {"blob-digest", "blob-size"}, {"blob-size"}),
        (lambda root: put(root, ORIGINAL, FILE[::-1]), {"blob-digest"}, set()),
        (lambda root: change_original(root, bytes=1), {"blob-size"}, {"blob-size"}),
        (lambda root: change_original(root, sha256="0" * 64), {"front-matter"}, set()),
        (lambda root: change_original(root, media_type="image/gif"), {"front-matter"}, set()),
        (
            lambda root: change_original(root, key=BLOB),
            {"front-matter", "blob-size", "orphan-blob"},
            {"blob-size", "orphan-blob"},
        ),
        (
            lambda root: rewrite(root, IMPORTED, original="x"),
            {"document-damaged", "orphan-blob"},
            {"document-damaged", "orphan-blob"},
        ),
        (
            lambda root: rewrite(root, IMPORTED, original={"key": ORIGINAL}),
            {"document-damaged", "orphan-blob"},
            {"document-damaged", "orphan-blob"},
        ),
        (show_original, {"front-matter", "image-facts", "content-digest"}, set()),
    ],
    ids=["gone", "cut", "other bytes", "size", "digest", "type", "an image", "no object", "no digest", "shown"],
)
def test_damage_to_an_original_is_found(
    imported: Path, damage: Callable[[Path], None], full: set[str], fast: set[str]
) -> None:
    damage(imported)

    assert {code for code, _ in found(imported)} == full
    assert {code for code, _ in found(imported, full=False)} == fast


def test_an_original_that_no_document_names_is_an_orphan(archive: Archive, root: Path) -> None:
    archive.put_blob(FILE, "text/markdown")

    assert found(root) == [("orphan-blob", ORIGINAL)]


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

    assert {key for _, key in codes} == {V3}
    if key == "images":  # without its images a post still reads as one, but not as the same one
        assert [code for code, _ in codes] == ["front-digest", "content-digest", "front-matter", "front-matter"]
    else:
        assert ("document-damaged", V3) in codes


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

    assert details == {"version-gap": "expected v0002 next", "blob-size": f"{BLOB} has 6 bytes, expected 44"}


def test_every_object_is_looked_at_once_in_the_order_of_keys(root: Path) -> None:
    store = FolderStore(root)
    seen: list[str] = []

    list(verify(store, progress=lambda progress: seen.append(progress.key)))

    assert seen[:-1] == [info.key for info in store.list()]
    assert {V1, V2, V3, OTHER, BLOB, RUN, "ARCHIVE.json", "README.md"} < set(seen)
