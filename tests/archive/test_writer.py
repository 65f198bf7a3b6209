"""The commit: every step of it, and archives that were written through failures, races and repetitions."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive import Archive
from archive.document import Document, compose, read, write
from archive.errors import DamageError, NotAnArchiveError, StoreError, StoreUnclear
from archive.layout import ARCHIVE_KEY, README_KEY, PostRef
from archive.model import MissingImage, Original, Post
from archive.reader import Head, parse_head
from archive.store import FolderStore, ObjectInfo, Store
from archive.verify import Scope, verify
from archive.writer import Absent, Created, Done, NotCreated, Observation, Ours, Put, ReadBack, Step, next_step

if TYPE_CHECKING:
    from tests.conftest import Need

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(hours=1)
PARENT = "f" * 64
SITE, ID = "niaogebiji", "article-482538"
ORIGINAL = Original(key="blobs/sha256/00/x.md", sha256="0" * 64, bytes=1, media_type="text/markdown")
MakePost = Callable[..., Post]


def head_of(post: Post, version: int = 3) -> Head:
    data = write(compose(post, version=version, parent=PARENT, generator="birdnest 1"))
    return parse_head(PostRef(site=post.site, id=post.id, version=version), data)


def takedown(version: int) -> bytes:
    return write(Document(front={"op": "takedown", "site": SITE, "id": ID, "version": version, "why": "law"}, body=""))


# --- the decision


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (None, Put(version=1, parent=None)),
        (Created(version=1), Done(status="new", version=1)),
        (Created(version=2), Done(status="changed", version=2)),
        (Ours(version=1), Done(status="new", version=1)),
        (Ours(version=7), Done(status="changed", version=7)),
        (NotCreated(version=1, parent=None), ReadBack(version=1, parent=None)),
        (NotCreated(version=4, parent=PARENT), ReadBack(version=4, parent=PARENT)),
        (Absent(version=1, parent=None), Put(version=1, parent=None)),
        (Absent(version=4, parent=PARENT), Put(version=4, parent=PARENT)),
    ],
)
def test_the_next_step_follows_from_what_was_seen_last(make_post: MakePost, seen: Observation, step: Step) -> None:
    assert next_step(make_post(), seen) == step


def test_a_changed_post_is_put_after_its_head_and_names_the_head_s_digest(make_post: MakePost) -> None:
    head = head_of(make_post(title="before"))

    assert next_step(make_post(title="after"), head) == Put(version=4, parent=head.digest)


@pytest.mark.parametrize(
    ("held", "fetched", "step"),
    [
        ({"title": "A"}, {"title": "A"}, "unchanged"),
        ({"source_sha256": "1"}, {"source_sha256": "1", "body": "cleaned anew"}, "unchanged"),
        ({"source_sha256": "1"}, {"source_sha256": "2"}, "unchanged"),
        ({"source_sha256": "1"}, {"source_sha256": "2", "categories": ("x",), "tags": ("y",)}, "unchanged"),
        ({"source_sha256": "1"}, {"source_sha256": "2", "fetched_at": LATER, "warc": ()}, "unchanged"),
        ({"source_sha256": "1"}, {"source_sha256": "2", "fetched_at": EARLIER}, "unchanged"),
        ({"title": "A"}, {"title": "B"}, "put"),
        ({"title": "A"}, {"title": "A", "author": "B"}, "put"),
        ({"title": "A"}, {"title": "A", "body": "B"}, "put"),
        ({"title": "A"}, {"title": "A", "published_at": None}, "put"),
        ({"title": "A"}, {"title": "A", "images": ()}, "put"),
        ({"title": "A"}, {"title": "B", "fetched_at": LATER}, "put"),
        ({"title": "A", "fetched_at": LATER}, {"title": "B"}, "superseded"),
    ],
)
def test_a_fetched_post_is_compared_with_the_head(
    make_post: MakePost, held: dict[str, Any], fetched: dict[str, Any], step: str
) -> None:
    found = next_step(make_post(**fetched), head_of(make_post(**held)))

    if step == "put":
        assert isinstance(found, Put)
    else:
        assert found == Done(status=step, version=3)  # type: ignore[arg-type]


def missed(post: Post) -> Post:
    """The same post when its last image could not be had."""
    image = post.images[-1]
    missing = MissingImage(url=image.url, reason="timeout", retryable=True)
    return replace(post, images=post.images[:-1], missing_images=(*post.missing_images, missing), body="with a link")


def test_an_image_that_was_missing_and_is_there_now_is_a_change(make_post: MakePost) -> None:
    whole = make_post()

    assert isinstance(next_step(whole, head_of(missed(whole))), Put)


def test_an_image_that_is_held_and_cannot_be_had_now_is_no_change(make_post: MakePost) -> None:
    whole = make_post()

    assert next_step(missed(whole), head_of(whole)) == Done(status="unchanged", version=3)


def test_a_post_that_was_taken_down_stays_down(make_post: MakePost) -> None:
    head = parse_head(PostRef(site=SITE, id=ID, version=2), takedown(2))

    assert next_step(make_post(title="back again"), head) == Done(status="taken-down", version=2)


def test_a_post_read_from_a_file_is_never_the_next_version_of_one_that_was_fetched(make_post: MakePost) -> None:
    imported = make_post(title="as an aggregator has it", fetched_at=LATER, original=ORIGINAL)

    assert next_step(imported, head_of(make_post())) == Done(status="known", version=3)
    assert isinstance(next_step(imported, head_of(make_post(original=ORIGINAL))), Put)
    assert isinstance(next_step(make_post(title="fetched", fetched_at=LATER), head_of(imported)), Put)


# --- one post after the other


def history(archive: Archive, site: str = SITE, id_: str = ID) -> list[str]:
    """The titles of a post's versions, after making sure that they are gapless and chained."""
    heads = [archive.load(ref) for ref in archive.versions(site, id_)]
    assert [head.ref.version for head in heads] == list(range(1, len(heads) + 1))
    parents = [head.document.front["parent"] for head in heads]
    assert parents == [None, *(head.digest for head in heads)][: len(heads)]
    return [head.document.front["title"] for head in heads]


def test_a_new_post_is_its_first_version(archive: Archive, make_post: MakePost) -> None:
    outcome = archive.add(make_post())

    held = archive.store.read(f"posts/{SITE}/{ID}/v0001.html")
    assert (outcome.status, outcome.version, outcome.bytes_written) == ("new", 1, len(held))
    assert read(held).front["title"] == make_post().title


def test_a_post_that_changes_and_changes_back_has_three_chained_versions(archive: Archive, make_post: MakePost) -> None:
    posts = [make_post(title=title, fetched_at=NOW + timedelta(hours=n)) for n, title in enumerate("ABA")]

    outcomes = [archive.add(post, head=archive.head(SITE, ID)) for post in posts]

    assert [(outcome.status, outcome.version) for outcome in outcomes] == [("new", 1), ("changed", 2), ("changed", 3)]
    assert history(archive) == ["A", "B", "A"]


@pytest.mark.parametrize("knows_the_head", [True, False])
def test_an_unchanged_post_leaves_every_byte_as_it_was(
    archive: Archive, make_post: MakePost, *, knows_the_head: bool
) -> None:
    archive.add(make_post())
    before = contents(archive.store)

    outcome = archive.add(make_post(fetched_at=LATER), head=archive.head(SITE, ID) if knows_the_head else None)

    assert (outcome.status, outcome.version, outcome.bytes_written) == ("unchanged", 1, 0)
    assert contents(archive.store) == before


def test_an_unchanged_post_costs_no_write_when_its_head_is_known(archive: Archive, make_post: MakePost) -> None:
    archive.add(make_post())
    head = archive.head(SITE, ID)
    before = archive.store.usage.requests.copy()

    archive.add(make_post(fetched_at=LATER), head=head)

    assert archive.store.usage.requests == before


def test_an_older_fetch_is_superseded(archive: Archive, make_post: MakePost) -> None:
    archive.add(make_post(title="newest", fetched_at=LATER))

    for head in (archive.head(SITE, ID), None):
        outcome = archive.add(make_post(title="late to arrive", fetched_at=NOW), head=head)
        assert (outcome.status, outcome.version) == ("superseded", 1)
    assert history(archive) == ["newest"]


def test_a_writer_that_knows_an_old_head_loses_no_version(archive: Archive, make_post: MakePost) -> None:
    heads: list[Head | None] = [None]
    for title in "ABC":
        archive.add(make_post(title=title), head=heads[-1])
        heads.append(archive.head(SITE, ID))

    outcomes = [archive.add(make_post(title=f"D{n}"), head=head) for n, head in enumerate(heads)]

    assert [(outcome.status, outcome.version) for outcome in outcomes] == [("changed", n) for n in (4, 5, 6, 7)]
    assert history(archive) == ["A", "B", "C", "D0", "D1", "D2", "D3"]


@pytest.mark.parametrize("stale", [0, 1])
def test_a_writer_that_knows_an_old_head_compares_with_the_newest_version_only(
    archive: Archive, make_post: MakePost, stale: int
) -> None:
    for title in "ABA":
        archive.add(make_post(title=title), head=archive.head(SITE, ID))
    head = archive.load(PostRef(site=SITE, id=ID, version=stale)) if stale else None

    outcome = archive.add(make_post(title="B", fetched_at=LATER), head=head)

    assert (outcome.status, outcome.version) == ("changed", 4)
    assert history(archive) == ["A", "B", "A", "B"]


def test_a_post_that_was_taken_down_is_met_by_its_stub(
    archive: Archive, folder_store: FolderStore, make_post: MakePost
) -> None:
    archive.add(make_post(title="A"))
    archive.add(make_post(title="B"), head=archive.head(SITE, ID))
    for ref in archive.versions(SITE, ID):
        (folder_store.root / ref.key).write_bytes(takedown(ref.version))
    before = contents(folder_store)

    for head in (archive.head(SITE, ID), None):
        assert archive.add(make_post(title="C", fetched_at=LATER), head=head).status == "taken-down"
    assert contents(folder_store) == before


def test_the_last_version_of_the_format_is_the_last(archive: Archive, make_post: MakePost) -> None:
    data = write(compose(make_post(title="A"), version=9999, parent=PARENT, generator="birdnest 1"))
    archive.store.create(PostRef(site=SITE, id=ID, version=9999).key, data, "text/html")

    with pytest.raises(StoreError, match="has 9999 versions"):
        archive.add(make_post(title="B"), head=archive.head(SITE, ID))


def test_a_damaged_head_is_not_built_upon(archive: Archive, folder_store: FolderStore, make_post: MakePost) -> None:
    archive.add(make_post(title="A"))
    (folder_store.root / PostRef(site=SITE, id=ID, version=1).key).write_bytes(b"---\ntitle")
    before = contents(folder_store)

    with pytest.raises(DamageError, match=r"^posts/niaogebiji/article-482538/v0001\.html: "):
        archive.add(make_post(title="B"))
    assert contents(folder_store) == before


def contents(store: Store) -> dict[str, bytes]:
    return {info.key: store.read(info.key) for info in store.list()}


# --- several writers


def test_two_writers_of_one_post_share_one_gapless_history(store: Store, make_post: MakePost) -> None:
    writers = [Archive.open_or_create(store, now=NOW) for _ in range(2)]
    start = threading.Barrier(8)
    each = 10 if isinstance(store, FolderStore) else 4

    def write_some(thread: int) -> list[tuple[str, int]]:
        writer = writers[thread % 2]
        start.wait()
        titles = [f"{thread}-{number}" for number in range(each)]
        # Some writers ask for the head first, as a crawl does, some go by what they saw at their start: nothing.
        heads = (writer.head(SITE, ID) if thread < 4 else None for _ in titles)
        return [
            (title, writer.add(make_post(title=title), head=head).version)
            for title, head in zip(titles, heads, strict=True)
        ]

    with ThreadPoolExecutor(8) as pool:
        acknowledged = [pair for pairs in pool.map(write_some, range(8)) for pair in pairs]

    titles = history(writers[0])
    assert len(titles) == len(acknowledged) == 8 * each
    assert [(titles[version - 1], version) for _, version in acknowledged] == acknowledged


def test_writers_that_bring_the_same_post_at_once_make_one_version(archive: Archive, make_post: MakePost) -> None:
    start = threading.Barrier(8)

    def add(number: int) -> str:
        start.wait()
        return archive.add(make_post(title="same", source_sha256="1", tags=(str(number),))).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(add, range(8)))

    assert sorted(statuses) == ["new"] + ["unchanged"] * 7
    assert history(archive) == ["same"]


# --- a store that fails


class LossyStore:
    """A real store whose replies to writes get lost: before the write, after it, or with the write still to come."""

    def __init__(
        self, store: Store, seed: int, *, losses: float = 0.6, ways: tuple[str, ...] = ("never", "at once", "late")
    ) -> None:
        self.store = store
        self.url = store.url
        self.usage = store.usage
        self.losses = losses
        self.ways = ways
        self.lost = 0
        self._random = random.Random(seed)
        self._underway: list[tuple[str, bytes, str]] = []

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        self._arrive()
        if self._random.random() >= self.losses:
            return self.store.create(key, data, content_type)
        self.lost += 1
        how = self._random.choice(self.ways)
        if how == "at once":
            self.store.create(key, data, content_type)
        if how == "late":
            self._underway.append((key, data, content_type))
        raise StoreUnclear(f"archive {self.url}: cannot write {key}: the reply was lost")

    def read(self, key: str) -> bytes:
        self._arrive()
        return self.store.read(key)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._arrive()
        return self.store.list(prefix, after=after)

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self.store.put(key, data, content_type)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def learn(self, key: str) -> None:
        self.store.learn(key)

    def _arrive(self) -> None:
        """Delayed writes reach the store some calls after their reply was given up."""
        while self._underway and self._random.random() < 0.4:
            self.store.create(*self._underway.pop())


@pytest.mark.parametrize("seed", range(25))
def test_lost_replies_neither_lose_nor_repeat_a_version(
    folder_store: FolderStore, make_post: MakePost, pictures: tuple[bytes, ...], seed: int
) -> None:
    lossy = LossyStore(folder_store, seed)
    opened = Archive.open_or_create(folder_store, now=NOW)
    archive = Archive(lossy, opened.info, sleep=lambda _seconds: None)
    for data in pictures:
        archive.put_blob(data, "image/gif")

    for title in ["A", "B", "B", "A", "C"]:
        for id_ in ("article-1", "article-2"):
            archive.add(make_post(title=title, id=id_), head=archive.head(SITE, id_))

    assert lossy.lost > 0
    assert list(verify(folder_store, Scope(full=True))) == []
    for id_ in ("article-1", "article-2"):
        assert history(archive, id_=id_) == ["A", "B", "A", "C"]


@pytest.mark.parametrize("seed", range(10))
def test_two_writers_whose_replies_get_lost_still_share_one_history(
    folder_store: FolderStore, make_post: MakePost, seed: int
) -> None:
    info = Archive.open_or_create(folder_store, now=NOW).info
    writers = [Archive(LossyStore(folder_store, seed * 2 + n), info, sleep=lambda _seconds: None) for n in range(2)]
    acknowledged = []
    for number in range(10):
        for n, writer in enumerate(writers):
            title = f"{n}-{number}"
            acknowledged.append((title, writer.add(make_post(title=title), head=None).version))

    titles = history(Archive.open(folder_store))
    assert len(titles) == 20
    assert [(titles[version - 1], version) for _, version in acknowledged] == acknowledged


def test_a_store_that_loses_every_write_is_given_up_in_minutes(folder_store: FolderStore, make_post: MakePost) -> None:
    info = Archive.open_or_create(folder_store, now=NOW).info
    waits: list[float] = []
    lossy = LossyStore(folder_store, seed=0, losses=1.0, ways=("never",))

    with pytest.raises(StoreError, match=r"gave up after 14 writes .* run again when the store answers\.") as refused:
        Archive(lossy, info, sleep=waits.append).add(make_post())

    assert not isinstance(refused.value, StoreUnclear)
    assert lossy.lost == 14
    assert 30 < sum(waits) < 120
    assert max(waits) <= 10


def test_waits_between_attempts_grow_and_are_jittered(folder_store: FolderStore) -> None:
    info = Archive.open_or_create(folder_store, now=NOW).info
    waits: list[float] = []
    lossy = LossyStore(folder_store, seed=0, losses=1.0, ways=("never",))

    with pytest.raises(StoreUnclear):
        Archive(lossy, info, sleep=waits.append).put_blob(b"GIF89a", "image/gif")

    assert all(0.05 * 2**n <= wait <= 0.1 * 2**n for n, wait in enumerate(waits[:6]))
    assert all(5 <= wait <= 10 for wait in waits[7:])
    assert len(waits) == 13


# --- opening


def test_an_empty_place_becomes_an_archive(store: Store) -> None:
    made = Archive.open_or_create(store, now=NOW, id_="the-id")

    assert [info.key for info in store.list()] == [ARCHIVE_KEY, README_KEY]
    info = {"format": "birdnest-archive", "version": 1, "id": "the-id", "created": "2026-11-22T08:00:00+00:00"}
    canonical = json.dumps(info, sort_keys=True, separators=(",", ":")).encode()
    assert json.loads(store.read(ARCHIVE_KEY)) == {**info, "sha256": hashlib.sha256(canonical).hexdigest()}
    assert made.info == Archive.open(store).info


def test_an_archive_that_is_there_is_opened_without_a_write(store: Store) -> None:
    first = Archive.open_or_create(store, now=NOW)
    writes = store.usage.requests["PUT"]

    assert Archive.open_or_create(store, now=LATER).info == first.info
    assert store.usage.requests["PUT"] == writes


def test_writers_that_make_an_archive_at_once_make_the_same(store: Store) -> None:
    start = threading.Barrier(8)

    def make(_: int) -> str:
        start.wait()
        return Archive.open_or_create(store, now=NOW).info.id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(make, range(8)))

    assert len(ids) == 1


@pytest.mark.parametrize("call", range(5))
def test_an_archive_that_another_makes_at_any_moment_is_opened(folder_store: FolderStore, call: int) -> None:
    """Whichever of its calls the other writer comes before: a writer meets an archive there, never a stranger."""
    overtaken = OvertakenStore(folder_store, call)

    assert Archive.open_or_create(overtaken, now=NOW, id_="ours").info == Archive.open(folder_store).info


class OvertakenStore(FolderStore):
    """A folder in which another writer makes an archive and adds a blob right before one of our calls."""

    def __init__(self, store: FolderStore, calls_before: int) -> None:
        super().__init__(store.root)
        self._calls_before = calls_before

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        self._maybe_overtaken()
        return super().create(key, data, content_type)

    def read(self, key: str) -> bytes:
        self._maybe_overtaken()
        return super().read(key)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._maybe_overtaken()
        return super().list(prefix, after=after)

    def _maybe_overtaken(self) -> None:
        if self._calls_before == 0:
            Archive.open_or_create(FolderStore(self.root), now=NOW, id_="theirs").put_blob(b"GIF89a", "image/gif")
        self._calls_before -= 1


def test_a_writer_that_was_killed_while_making_an_archive_is_made_good(store: Store) -> None:
    store.create(README_KEY, b"# An archive", "text/markdown")

    assert Archive.open_or_create(store, now=NOW, id_="x").info.id == "x"


@pytest.mark.parametrize("key", ["letters/to-mum.txt", "ARCHIVE.json.bak", "0.txt"])
def test_a_place_that_holds_something_else_is_refused_and_left_alone(store: Store, key: str) -> None:
    store.create(key, b"mine", "text/plain")

    with pytest.raises(NotAnArchiveError, match=rf"holds '{key}' but no ARCHIVE\.json, .*name an empty or a new place"):
        Archive.open_or_create(store, now=NOW)
    assert [info.key for info in store.list()] == [key]


@pytest.mark.parametrize("inside", [(), ("posts/s/a-1/v0001.html",), ("0.txt", "blobs/new")])
def test_an_archive_of_a_newer_format_is_refused(store: Store, inside: tuple[str, ...]) -> None:
    info = {"format": "birdnest-archive", "version": 2, "id": "x", "created": "2030-01-01T00:00:00+00:00"}
    for key in (*inside, ARCHIVE_KEY):
        store.create(key, json.dumps(info).encode(), "application/json")

    refusing: list[Callable[[], Archive]] = [
        lambda: Archive.open(store),
        lambda: Archive.open_or_create(store, now=NOW),
    ]
    for refuse in refusing:
        with pytest.raises(NotAnArchiveError, match=r"version 2, this release reads .* use a newer Birdnest"):
            refuse()
    assert sorted(info.key for info in store.list()) == sorted((*inside, ARCHIVE_KEY))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"format": "birdnest-archive"}', b"\xff\xfe", b'{"version": "x"}']
)
def test_a_damaged_archive_json_is_not_written_over(archive: Archive, folder_store: FolderStore, data: bytes) -> None:
    del archive
    (folder_store.root / ARCHIVE_KEY).write_bytes(data)

    with pytest.raises(NotAnArchiveError, match=r"ARCHIVE\.json is not as written: .* Restore it from a copy\."):
        Archive.open_or_create(folder_store, now=NOW)
    assert folder_store.read(ARCHIVE_KEY) == data


def test_an_empty_place_is_no_archive_to_open(store: Store) -> None:
    with pytest.raises(NotAnArchiveError, match=r"there is no ARCHIVE\.json"):
        Archive.open(store)
    assert list(store.list()) == []


# --- blobs


def test_a_blob_is_put_once(store: Store, pictures: tuple[bytes, ...]) -> None:
    archive = Archive.open_or_create(store, now=NOW)
    written = store.usage.bytes_written

    key, new = archive.put_blob(pictures[0], "image/gif")

    assert archive.put_blob(pictures[0], "image/gif") == (key, False)
    assert new is True
    assert store.read(key) == pictures[0]
    assert store.usage.bytes_written == written + len(pictures[0])


def test_a_blob_of_a_type_outside_the_table_is_refused(archive: Archive) -> None:
    with pytest.raises(KeyError):
        archive.put_blob(b"<html>", "text/html")


# --- what the archive says about itself


@pytest.mark.parametrize("damaged", [False, True])
def test_the_readme_s_own_command_tells_damaged_blobs(
    archive: Archive, folder_store: FolderStore, grow: Callable[..., None], need: Need, *, damaged: bool
) -> None:
    need("sha256sum", found=shutil.which("sha256sum") is not None, how="install GNU coreutils")
    grow()
    blob = next(info.key for info in archive.store.list("blobs/"))
    if damaged:
        (folder_store.root / blob).write_bytes(b"something else")

    said = run_readme(folder_store.root, "find blobs")

    assert said == (f"damaged: {blob}\n" if damaged else "")


def test_the_readme_s_own_command_prints_titles_and_dates(
    archive: Archive, folder_store: FolderStore, grow: Callable[..., None]
) -> None:
    del archive
    grow(title="鸟哥: 笔记")

    assert run_readme(folder_store.root, "grep") == 'title: "鸟哥: 笔记"\ndate: "Fri, 22 Jul 2022 16:00:00 GMT"\n'


def run_readme(folder: Path, begins: str) -> str:
    """What the indented command of an archive's README that begins so prints, run in the archive's folder."""
    lines = (folder / README_KEY).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith(begins))
    end = next(n for n in range(first, len(lines) + 1) if n == len(lines) or not lines[n].strip())
    command = "\n".join(lines[first:end])
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_a_store_that_cannot_be_learnt_is_waited_for_once_by_all_threads(folder_store: FolderStore) -> None:
    info = Archive.open_or_create(folder_store, now=NOW).info
    waits: list[float] = []
    began, asked = threading.Barrier(9), threading.Event()

    class Silent(LossyStore):
        def learn(self, key: str) -> None:
            asked.wait(10)
            raise StoreUnclear(f"archive {self.url}: cannot read {key}: no answer")

    archive = Archive(Silent(folder_store, seed=0), info, sleep=waits.append)

    def put() -> None:
        began.wait(10)
        archive.put_blob(b"GIF89a", "image/gif")

    with ThreadPoolExecutor(8) as threads:
        puts = [threads.submit(put) for _ in range(8)]
        began.wait(10)
        time.sleep(0.2)  # until all wait for the one that asks
        asked.set()
        errors = [each.exception() for each in puts]

    assert all(isinstance(error, StoreUnclear) for error in errors)
    assert len(waits) == 13
    with pytest.raises(StoreUnclear):  # who comes later asks again
        archive.put_blob(b"GIF89a", "image/gif")
    assert len(waits) == 26
