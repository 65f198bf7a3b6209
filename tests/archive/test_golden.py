"""Archives that earlier releases wrote: every release reads them, calls them sound, and goes on where they end.

They are never edited. `cd tests/golden && sha256sum -c format-1.sha256` says the same without us.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive import Archive, ArchiveReader
from archive.copying import Copy
from archive.document import compose, read, to_post, write
from archive.garbage import collect
from archive.layout import parse_post_key
from archive.repair import of_archive, repair
from archive.store import FolderStore
from archive.takedown import take_down
from archive.verify import Scope, verify

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = sorted(folder for folder in GOLDEN.iterdir() if folder.is_dir())
SEED, TAKEN_DOWN = "article-482538", "article-482702"

golden = pytest.mark.parametrize("folder", FORMATS, ids=[folder.name for folder in FORMATS])


@golden
def test_not_a_byte_of_it_is_another(folder: Path) -> None:
    listed = (GOLDEN / f"{folder.name}.sha256").read_text(encoding="utf-8").splitlines()
    files = sorted(path.relative_to(GOLDEN).as_posix() for path in folder.rglob("*") if path.is_file())

    assert [f"{hashlib.sha256((GOLDEN / file).read_bytes()).hexdigest()}  {file}" for file in files] == listed


@golden
def test_it_is_sound(folder: Path) -> None:
    assert list(verify(FolderStore(folder), Scope(full=True))) == []


@golden
def test_it_reads_as_it_was_written(folder: Path) -> None:
    reader = ArchiveReader.open(FolderStore(folder))

    refs = list(reader.posts())
    assert len(refs) == 6
    assert [ref.version for ref in reader.versions("niaogebiji", SEED)] == [1, 2]
    seed = reader.find(f"niaogebiji/{SEED}")
    front = reader.load(seed).document.front
    assert (front["title"], front["author"]) == ("刚刚！支付宝年度大会讲了这些要点，利好商家和服务商！", "鸟哥笔记")
    assert "毫秒纪元" in reader.load(seed).document.body
    assert reader.load(reader.find(f"niaogebiji/{TAKEN_DOWN}")).document.is_takedown
    assert [report.new for report in reader.runs()] == [6, 0, 0]


@golden
def test_its_documents_are_those_that_are_written_today(folder: Path) -> None:
    for file in folder.rglob("v*.html"):
        ref = parse_post_key(file.relative_to(folder).as_posix())
        document = read(file.read_bytes())
        assert ref is not None
        assert write(document) == file.read_bytes()
        if not document.is_takedown:
            parent, generator = document.front["parent"], document.front["generator"]
            again = compose(to_post(document), version=ref.version, parent=parent, generator=generator)
            assert write(again) == file.read_bytes()


@golden
def test_a_writer_goes_on_where_it_ends(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "nest"
    shutil.copytree(folder, place)
    opened = Archive.open(FolderStore(place))
    for ref in list(opened.posts()):
        head = opened.load(ref)
        if head.document.is_takedown:
            continue
        post = to_post(head.document)
        assert opened.add(post, head=head).status == "unchanged"
        changed = replace(post, title=f"{post.title}!", source_sha256="0" * 64)
        assert opened.add(changed, head=head).version == ref.version + 1

    assert list(verify(FolderStore(place), Scope(full=True))) == []


@golden
def test_it_is_sound_after_everything_that_cares_for_it(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "nest"
    with Copy(FolderStore(folder), FolderStore(root), complain=pytest.fail) as work:
        work.plan()
        work.make(progress=lambda _what, _done: None)
    assert list(verify(FolderStore(root), Scope(full=True))) == []

    store = FolderStore(root, mutable="")
    for days in (30, 60):
        now = datetime.now(UTC) + timedelta(days=days)
        collect(store, now=now, grace=timedelta(days=7), remove=True, progress=lambda _what, _done: None)
    assert list(verify(store, Scope(full=True))) == []

    picture = next((root / "blobs").rglob("*.*"))
    picture.write_bytes(b"?")
    findings = list(verify(store, Scope(full=True)))
    assert findings
    done = repair(store, findings, {"copy": of_archive(FolderStore(folder))})
    assert (done.left, list(verify(store, Scope(full=True)))) == ({}, [])

    take_down(store, "niaogebiji", SEED, why="asked for", now=datetime.now(UTC))
    assert list(verify(store, Scope(full=True))) == []
    reader = ArchiveReader.open(store)
    assert all(reader.load(ref).document.is_takedown for ref in reader.versions("niaogebiji", SEED))
