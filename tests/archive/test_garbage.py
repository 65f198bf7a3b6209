"""What no document names is set aside and, later, deleted; whatever happens meanwhile, no post lacks a picture."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive import Archive
from archive.errors import DamageError
from archive.garbage import Collected, collect
from archive.layout import BLOBS, SET_ASIDE, blob_key, link_from_document
from archive.model import Image, Post
from archive.reader import ArchiveInfo
from archive.s3 import S3Store
from archive.store import ErasingStore, FolderStore, Store, open_store
from archive.verify import Scope, verify
from tests.archive.turns import MemoryStore, TakenByTurns, Turns
from tests.archive.views.made import objects
from tests.conftest import S3Server
from tests.posts import NOW, make_post
from tests.support import Birdnest

GRACE = timedelta(days=1)
GIF = bytes.fromhex("47494638376102000100810000000000ff00000000000000002c00000000020001000008050001000808003b")
ORPHAN = GIF + b"orphan"


def gc(store: Store, *, now: datetime, grace: timedelta = GRACE, remove: bool = True) -> Collected:
    return collect(store, now=now, grace=grace, remove=remove, progress=lambda _what, _done: None)


def blobs(store: Store, prefix: str = BLOBS) -> set[bytes]:
    return set(objects(store, prefix).values())


@pytest.fixture
def filled(archive: Archive, grow: Callable[..., None]) -> Archive:
    """A post with two pictures, and a blob that nobody names."""
    grow()
    archive.put_blob(ORPHAN, "image/gif")
    assert isinstance(archive.store, FolderStore)
    return Archive(FolderStore(archive.store.root, mutable=""), archive.info)


LATER = datetime.now(UTC) + timedelta(days=2)


def test_without_being_told_to_remove_it_counts(filled: Archive) -> None:
    before = objects(filled.store, "")

    found = gc(filled.store, now=LATER, remove=False)

    assert (found.unnamed, found.unnamed_bytes, found.young, found.due) == (1, len(ORPHAN), 0, 0)
    assert objects(filled.store, "") == before


def test_what_is_younger_than_the_grace_stays(filled: Archive) -> None:
    found = gc(filled.store, now=datetime.now(UTC))

    assert (found.unnamed, found.young) == (0, 1)
    assert ORPHAN in blobs(filled.store)


def test_an_unnamed_blob_is_set_aside_then_deleted_and_the_named_ones_stay(filled: Archive) -> None:
    named = blobs(filled.store) - {ORPHAN}

    assert gc(filled.store, now=LATER).unnamed == 1
    assert blobs(filled.store) == named
    assert blobs(filled.store, SET_ASIDE) == {ORPHAN}

    assert gc(filled.store, now=datetime.now(UTC)).waiting == 1
    assert blobs(filled.store, SET_ASIDE) == {ORPHAN}

    found = gc(filled.store, now=LATER)
    assert (found.due, found.due_bytes) == (1, len(ORPHAN))
    assert blobs(filled.store, SET_ASIDE) == set()
    assert list(verify(filled.store, Scope(full=True))) == []


def test_what_was_set_aside_and_is_named_now_is_put_back(filled: Archive) -> None:
    gc(filled.store, now=LATER)
    filled.add(post_of(1, ORPHAN))

    assert gc(filled.store, now=LATER).put_back == 1
    assert ORPHAN in blobs(filled.store)
    assert blobs(filled.store, SET_ASIDE) == set()


def test_a_document_that_cannot_be_read_ends_it_before_anything_is_removed(filled: Archive) -> None:
    assert isinstance(filled.store, FolderStore)
    next(filled.store.root.glob("posts/*/*/*.html")).write_bytes(b"?")

    with pytest.raises(DamageError, match="what it names is not known"):
        gc(filled.store, now=LATER)
    assert ORPHAN in blobs(filled.store)


def test_what_is_set_aside_is_no_stranger_and_is_not_copied(filled: Archive) -> None:
    gc(filled.store, now=LATER)

    assert [finding.code for finding in verify(filled.store)] == []


def test_the_command_counts_removes_and_says_what_is_left(filled: Archive, tmp_path: Path) -> None:
    birdnest = Birdnest(folder=tmp_path)
    place = ("--archive", filled.store.url)

    assert "1 blobs that no document names are younger than 7 days" in birdnest("gc", *place).out
    refused = birdnest("gc", *place, "--grace-days", "0")
    assert refused.code == 2
    assert ORPHAN in blobs(filled.store)
    ended = birdnest("gc", *place, "--remove", "--json")
    assert ended.code == 0
    assert '"young": 1' in ended.out


# -- a writer and a collection at once ---------------------------------------------------------------------------


def post_of(number: int, *pictures: bytes) -> Post:
    images = tuple(_image(data) for data in pictures)
    body = "".join(f'<img src="{link_from_document(image.key)}" alt="">' for image in images)
    return make_post(id=f"article-{number}", body=body, images=images, head_image=None, source_sha256=f"{number:064x}")


def _image(data: bytes) -> Image:
    digest = hashlib.sha256(data).hexdigest()
    key = blob_key(digest, "image/gif")
    return Image(
        url=f"https://img.example/{digest}.gif",
        key=key,
        sha256=digest,
        bytes=len(data),
        media_type="image/gif",
        width=2,
        height=1,
    )


def race(store: ErasingStore, seed: int, *, grace: timedelta = GRACE, kills: float = 0.02) -> tuple[int, int]:
    """Some days of writers and collections at once over few pictures; then the collections that come anyway.

    Returns how many posts were committed, and how many blobs were set aside; asserts that no post lacks a picture, and
    that of what no post names nothing is left.
    """
    chance = random.Random(seed)
    turns = Turns(chance=chance, now=NOW, step=timedelta(minutes=20))
    shared = TakenByTurns(store, turns)
    pictures = [GIF + bytes([number]) for number in range(3)]
    Archive.open_or_create(shared, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    archive = Archive(shared, ArchiveInfo(id="", created=NOW, version=1), sleep=lambda _seconds: None)
    for data in pictures:
        if chance.random() < 0.8:  # left by a run that was killed
            archive.put_blob(data, "image/gif")
    turns.kill_share = kills
    number = aside = 0

    def write(post: Post, data: bytes) -> None:
        archive.put_blob(data, "image/gif")
        archive.add(post, head=None)

    def clean() -> None:
        nonlocal aside
        for _ in range(chance.choice((1, 1, 3))):
            aside += gc(shared, now=turns.now, grace=grace).unnamed

    def writer(number: int) -> Callable[[], None]:
        data = chance.choice(pictures)
        post = post_of(number, data)
        return lambda: write(post, data)

    for _ in range(4):
        turns.now += GRACE * chance.uniform(0.3, 1.5)
        actors: list[Callable[[], object]] = [clean] * chance.choice((1, 1, 2))
        for _ in range(chance.choice((0, 1, 1, 2))):
            actors.append(writer(number))
            number += 1
        turns.run(*actors)
    turns.kill_share = 0.0
    for _ in range(4):
        turns.now += GRACE * 1.1
        turns.run(clean)

    wrong = [f"{each.code} {each.key}" for each in verify(store) if each.code != "readme-missing"]
    assert wrong == [], f"seed {seed}"
    assert objects(store, SET_ASIDE) == {}, f"seed {seed}"
    return len(objects(store, "posts/")), aside


def races(seeds: range, *, grace: timedelta = GRACE) -> None:
    committed, aside = map(sum, zip(*(race(MemoryStore(), seed, grace=grace) for seed in seeds), strict=True))
    assert committed > len(seeds)
    assert aside > len(seeds)


def test_no_order_of_a_commit_and_collections_leaves_a_post_without_its_picture() -> None:
    races(range(200))


@pytest.mark.faults
def test_none_of_10000_orders_of_a_commit_and_collections_leaves_a_post_without_its_picture() -> None:
    races(range(10_000))


def test_the_races_would_tell_of_a_collection_without_a_grace() -> None:
    with pytest.raises(AssertionError, match="blob-missing"):
        races(range(1_000), grace=timedelta(0))


@pytest.mark.faults
def test_nor_on_a_folder(tmp_path: Path) -> None:
    for seed in range(150):
        race(open_store(str(tmp_path / f"nest-{seed}"), mutable=""), seed)


@pytest.mark.faults
def test_nor_on_s3(s3_environment: S3Server) -> None:
    bucket = s3_environment.new_bucket()
    for seed in range(50):
        store = open_store(f"s3://{bucket}/{seed}", mutable="")
        assert isinstance(store, S3Store)
        with closing(store):
            race(store, seed)
