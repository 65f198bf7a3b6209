"""A copy is the same archive; what is damaged is told and left out, what was taken down stays so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from archive import Archive
from archive.copying import Copied, Copy, Plan
from archive.document import Document, read, sealed, write
from archive.errors import NotAnArchiveError, StoreError, UsageError
from archive.store import FolderStore, Store
from archive.verify import Scope, verify
from tests.archive.views.made import objects
from tests.posts import NOW, make_report
from tests.support import ROOT, Birdnest

GOLDEN = ROOT / "tests" / "golden" / "format-1"
SEGMENT = "raw/niaogebiji/2026-11-22/20261122T080000Z-niaogebiji-ab12cd-0001.warc.gz"
OTHER = Path("posts/niaogebiji/article-2/v0001.html")


@dataclass(frozen=True, kw_only=True)
class Made:
    plan: Plan
    done: Copied
    told: list[str] = field(default_factory=list)


def copy(source: Store, target: Store, *, views: bool = False, full: bool = False) -> Made:
    told: list[str] = []
    with Copy(source, target, complain=told.append, views=views, full=full) as work:
        plan = work.plan()
        return Made(plan=plan, done=work.make(progress=lambda _what, _done: None), told=told)


def all_of(store: Store) -> dict[str, bytes]:
    return {key: data for key, data in objects(store, "").items() if not key.startswith("views/")}


def errors(store: Store) -> list[str]:
    return [f"{each.code} {each.key}" for each in verify(store, Scope(full=True)) if each.severity == "error"]


def taken_down(store: FolderStore, key: str) -> None:
    """Put a stub in the place of a document."""
    front = read(store.read(key)).front
    stub = {"op": "takedown", "site": front["site"], "id": front["id"], "version": front["version"], "was": "0" * 64}
    (store.root / key).write_bytes(write(sealed(Document(front=stub, body=""))))


@pytest.fixture
def filled(archive: Archive, grow: Callable[..., None]) -> Archive:
    """Two versions of one post, another post with the same pictures, a report, a capture, a view, an orphan."""
    grow()
    grow(title="刚刚！改了")
    grow(id="article-2", url="https://www.niaogebiji.com/article-2-1.html")
    archive.put_capture(SEGMENT, b"", b"")
    archive.add_report(make_report(run="20261122T080000Z-niaogebiji-ab12cd"))
    archive.store.put("views/note.md", b"a view", "text/markdown")
    return archive


@pytest.fixture(params=["folder", "s3", pytest.param("radosgw", marks=pytest.mark.stores)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place for a copy."""
    if request.param == "folder":
        return FolderStore(tmp_path / "copy")
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


def test_a_copy_has_the_same_objects_in_every_place_that_it_goes_through(
    filled: Archive, place: Store, tmp_path: Path
) -> None:
    there = copy(filled.store, place)
    back = FolderStore(tmp_path / "back")
    copy(place, back)

    assert there.told == []
    assert all_of(back) == all_of(place) == all_of(filled.store)
    assert errors(back) == []
    assert there.done.objects == {"documents": 3, "blobs": 2, "captures": 2, "reports": 1}
    assert there.done.objects == there.plan.absent
    assert there.done.bytes == sum(there.plan.bytes.values())


def test_the_golden_archive_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source, target = FolderStore(GOLDEN), FolderStore(tmp_path / "copy")

    assert copy(source, target).told == []
    assert all_of(target) == all_of(source)


def test_a_later_copy_brings_what_is_new_and_reads_nothing_else(
    filled: Archive, grow: Callable[..., None], tmp_path: Path
) -> None:
    target = FolderStore(tmp_path / "copy")
    copy(filled.store, target)
    grow(title="又改了")

    before = filled.store.usage.requests["GET"]
    second = copy(filled.store, target)

    assert second.done.objects == {"documents": 1}
    assert filled.store.usage.requests["GET"] - before == 4  # ARCHIVE.json twice, README.md, the document
    assert all_of(target) == all_of(filled.store)
    third = copy(filled.store, target)
    assert (third.done.objects, third.plan.absent) == ({}, {})


def test_views_are_copied_when_asked_for_and_nothing_is_deleted(filled: Archive, tmp_path: Path) -> None:
    target = FolderStore(tmp_path / "copy")
    copy(filled.store, target)
    assert objects(target) == {}

    target.put("views/mine.md", b"mine", "text/markdown")
    copy(filled.store, target, views=True)
    assert objects(target) == {"views/note.md": b"a view", "views/mine.md": b"mine"}


def test_a_blob_that_no_document_names_is_counted_and_left(filled: Archive, tmp_path: Path) -> None:
    filled.put_blob(b"GIF89a of nobody", "image/gif")
    target = FolderStore(tmp_path / "copy")

    done = copy(filled.store, target).done

    assert (done.unnamed_blobs, done.objects["blobs"], done.left) == (1, 2, 0)
    assert errors(target) == []


@pytest.mark.parametrize(
    ("kind", "code"),
    [("posts", "body-digest"), ("blobs", "its bytes are not those of its name"), ("runs", "report-damaged")],
)
def test_a_damaged_object_is_told_and_not_copied_and_everything_else_is(
    filled: Archive, tmp_path: Path, kind: str, code: str
) -> None:
    assert isinstance(filled.store, FolderStore)
    damaged = max(filled.store.root.glob(f"{kind}/**/*.*"))
    data = damaged.read_bytes()
    damaged.write_bytes(data[:-3] + b"?" + data[-2:])
    key = str(damaged.relative_to(filled.store.root))
    target = FolderStore(tmp_path / "copy")

    made = copy(filled.store, target)

    assert made.done.left == len(made.told) >= 1
    assert all(key in line and code in line for line in made.told)
    assert set(all_of(target)) == set(all_of(filled.store)) - {key}
    damaged.write_bytes(data)
    # A document that is there already is not read again, unless this is asked for.
    assert copy(filled.store, target, full=kind == "blobs").told == []
    assert all_of(target) == all_of(filled.store)


def test_a_capture_that_breaks_off_is_told_and_not_copied(filled: Archive, tmp_path: Path) -> None:
    assert isinstance(filled.store, FolderStore)
    (segment,) = filled.store.root.glob("raw/**/*.gz")
    segment.write_bytes(bytes.fromhex("1f8b0800000000000003"))
    target = FolderStore(tmp_path / "copy")

    (told,) = copy(filled.store, target).told

    assert "warc-damaged: it breaks off" in told
    assert not list(target.root.glob("raw/**/*.gz"))


def test_what_differs_at_the_target_is_told_and_stays(filled: Archive, tmp_path: Path) -> None:
    target = FolderStore(tmp_path / "copy")
    copy(filled.store, target)
    (target.root / OTHER).write_bytes(b"something else")

    (told,) = copy(filled.store, target).told

    assert f"{OTHER}: has " in told
    assert "birdnest verify --full" in told
    assert (target.root / OTHER).read_bytes() == b"something else"


class TestTakedown:
    """What was taken down at the target does not come back from an older backup."""

    @pytest.fixture
    def target(self, filled: Archive, tmp_path: Path) -> FolderStore:
        """A copy in which a post was taken down: its first version a stub, the blob that it alone named deleted."""
        target = FolderStore(tmp_path / "copy")
        copy(filled.store, target)
        taken_down(target, str(OTHER))
        return target

    def test_its_stub_stays(self, filled: Archive, target: FolderStore) -> None:
        stub = target.read(str(OTHER))

        made = copy(filled.store, target)

        assert (made.told, made.done.taken_down, made.done.objects) == ([], 1, {})
        assert target.read(str(OTHER)) == stub

    def test_a_later_version_of_it_and_its_picture_are_not_brought(
        self, filled: Archive, target: FolderStore, grow: Callable[..., None]
    ) -> None:
        picture = b"GIF89a of the second version"
        filled.put_blob(picture, "image/gif")
        grow(id="article-2", url="https://www.niaogebiji.com/article-2-1.html", title="又一版")

        made = copy(filled.store, target)

        assert (made.told, made.done.objects) == ([], {})
        assert made.done.taken_down == 2
        assert picture not in all_of(target).values()

    def test_its_pictures_do_not_come_back_where_all_that_is_there_is_read(
        self, filled: Archive, target: FolderStore
    ) -> None:
        for key in ("v0001", "v0002"):
            taken_down(target, f"posts/niaogebiji/article-482538/{key}.html")
        for picture in target.root.glob("blobs/**/*.gif"):
            picture.unlink()

        made = copy(filled.store, target, full=True)

        assert (made.told, made.done.objects) == ([], {})
        assert not list(target.root.glob("blobs/**/*.gif"))

    def test_a_stub_of_the_source_is_not_written_over_the_post(self, filled: Archive, target: FolderStore) -> None:
        (told,) = copy(target, filled.store).told

        assert "take it down there, too" in told
        assert not read(filled.store.read(str(OTHER))).is_takedown

    def test_a_stub_is_copied_as_it_is(self, target: FolderStore, tmp_path: Path) -> None:
        further = FolderStore(tmp_path / "further")

        assert copy(target, further).told == []
        assert all_of(further) == all_of(target)


def test_another_archive_is_refused(filled: Archive, tmp_path: Path) -> None:
    other = FolderStore(tmp_path / "other")
    Archive.open_or_create(other, now=NOW)

    with pytest.raises(UsageError, match="is another archive"):
        copy(filled.store, other)


def test_a_place_that_holds_something_else_is_refused(filled: Archive, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")

    with pytest.raises(UsageError, match=r"holds 'letter\.txt' and is no archive"):
        copy(filled.store, FolderStore(tmp_path / "home"))


def test_a_source_without_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAnArchiveError):
        copy(FolderStore(tmp_path / "nothing"), FolderStore(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


class Listless(FolderStore):
    """A folder in which a post is committed right after its posts were listed."""

    commit: Callable[[], None]

    def list(self, prefix: str = "", *, after: str = ""):  # type: ignore[no-untyped-def]  # noqa: ANN201
        yield from super().list(prefix, after=after)
        if prefix == "posts/":
            self.commit()


def test_what_is_committed_meanwhile_is_left_to_the_next_copy(
    filled: Archive, grow: Callable[..., None], tmp_path: Path
) -> None:
    assert isinstance(filled.store, FolderStore)
    busy = Listless(filled.store.root)
    busy.commit = lambda: grow(id="article-3", url="https://www.niaogebiji.com/article-3-1.html")
    target = FolderStore(tmp_path / "copy")

    copy(busy, target)

    assert not list(target.root.glob("posts/*/article-3/*"))
    assert errors(target) == []


class Full(FolderStore):
    """A folder on a disk that fills up."""

    left = 4

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        if self.left == 0:
            raise StoreError(f"archive {self.url}: cannot write {key}: the disk is full")
        self.left -= 1
        return super().create(key, data, content_type)


def test_a_store_that_fails_ends_the_copy_and_the_next_one_goes_on(filled: Archive, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the disk is full"):
        copy(filled.store, Full(tmp_path / "copy"))
    target = FolderStore(tmp_path / "copy")
    assert errors(target) == []

    copy(filled.store, target)
    assert all_of(target) == all_of(filled.store)


def test_the_command_says_what_it_will_do_and_what_it_did(tmp_path: Path) -> None:
    birdnest = Birdnest(folder=tmp_path)
    planned = birdnest("copy", str(GOLDEN), "backup", "--dry-run")
    assert planned.out.startswith("to copy: ")
    assert not (birdnest.folder / "backup").exists()

    assert "objects were there" in birdnest("copy", str(GOLDEN), "backup").out
    assert birdnest("copy", str(GOLDEN), "backup").out.startswith("nothing is absent in backup: ")

    damaged = next((birdnest.folder / "backup" / "blobs").rglob("*.*"))
    damaged.write_bytes(b"")
    ended = birdnest("copy", "backup", "third")
    assert ended.code == 7
    assert damaged.name in ended.err
    assert "Traceback" not in ended.err
