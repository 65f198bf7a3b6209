"""What a store keeps of what an archive needs, found out by trying: a reply of 200 proves nothing, so it is read back.

All probes lie under `.doctor/` in the archive's place and are removed again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from archive.errors import StoreError, StoreUnclear
from archive.layout import PROBES
from archive.locks import NETWORK_FILE_SYSTEMS, file_system
from archive.store import FolderStore, Store

RACERS = 16
TEXT = "text/plain"
_LOW_SPACE_BYTES = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was tried. holds: None where it could not be found out, or is for information only.

    needed: without it Birdnest does not write. does: what Birdnest does about it as it was found.
    """

    name: str
    holds: bool | None
    found: str
    does: str = ""
    needed: bool = False


def is_safe(checks: list[Check]) -> bool:
    """Whether Birdnest can write there without a danger to what it writes."""
    return all(check.holds for check in checks if check.needed)


def examine(store: Store) -> Iterator[Check]:
    """Try what a store keeps, and clean up. Raises StoreError where it cannot be reached or written to at all."""
    if isinstance(store, FolderStore):
        yield from _examine_folder(store)
        return
    from archive.doctor_s3 import examine_s3
    from archive.s3 import S3Store

    if not isinstance(store, S3Store):
        raise TypeError(f"no probes for {type(store).__name__}")
    yield from examine_s3(store)


def race(create: Callable[[bytes], bool], read: Callable[[], bytes]) -> tuple[int, bool]:
    """Let 16 threads create one object: how many were told they did, and whether the object is a winner's."""
    start = threading.Barrier(RACERS)

    def one(number: int) -> bool:
        start.wait()
        try:
            return create(_racer(number))
        except StoreUnclear:
            return False

    with ThreadPoolExecutor(RACERS) as pool:
        won = list(pool.map(one, range(RACERS)))
    return sum(won), any(read() == _racer(number) for number in range(RACERS) if won[number])


def _racer(number: int) -> bytes:
    return b"%d " % number * 1000


def _examine_folder(store: FolderStore) -> Iterator[Check]:
    root = store.root.absolute()
    existing = next(path for path in (root, *root.parents) if path.exists())
    place = root / PROBES.rstrip("/") / uuid.uuid4().hex
    try:
        with _explained(store, "write to"):
            place.mkdir(parents=True)
        yield Check(name="writable", holds=True, found="a folder was made and a file written", needed=True)
        yield from _folder_probes(store, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        for folder in (place.parent, root, *root.parents):
            if folder == existing:
                break
            with contextlib.suppress(OSError):
                folder.rmdir()


def _folder_probes(store: FolderStore, place: Path) -> Iterator[Check]:
    probe = FolderStore(place)
    with _explained(store, "write to"):
        first = probe.create("probe", b"first", TEXT)
        again = probe.create("probe", b"second", TEXT)
        same = probe.read("probe") == b"first"
    yield Check(
        name="create-only",
        holds=first and not again and same,
        found="a second file of one name was refused" if first and not again and same else "the first was overwritten",
        needed=True,
    )
    winners, whole = race(lambda data: probe.create("race", data, TEXT), lambda: probe.read("race"))
    yield Check(
        name=f"a race of {RACERS}",
        holds=winners == 1 and whole,
        found=f"{winners} of {RACERS} writers of one name won" + ("" if whole else ", and the file is no winner's"),
        needed=True,
    )
    yield _hard_links(place)
    system = file_system(place)
    network = system in NETWORK_FILE_SYSTEMS
    yield Check(
        name="file system",
        holds=None,
        found=f"{system or 'unknown'}{', of a network' if network else ''}",
        does="locks of one host may not be seen by others" if network else "",
    )
    (place / "case").write_bytes(b"")
    told_apart = not (place / "CASE").exists()
    yield Check(
        name="upper and lower case",
        holds=None,
        found="told apart" if told_apart else "not told apart",
        does="nothing: keys differ in more than that",
    )
    free = shutil.disk_usage(place).free
    yield Check(
        name="free space",
        holds=None,
        found=f"{free / 1e9:.1f} GB",
        does="a full disk ends a run with exit code 6, nothing is half-written" if free < _LOW_SPACE_BYTES else "",
    )


def _hard_links(place: Path) -> Check:
    try:
        os.link(place / "probe", place / "linked")
    except OSError as error:
        does = "writes under a lock for one writer of this host; on a network's file system only with single_writer"
        return Check(name="hard links", holds=False, found=f"refused: {error.strerror}", does=does)
    return Check(
        name="hard links", holds=True, found="made", does="names files by them, so that nothing is overwritten"
    )


@contextlib.contextmanager
def _explained(store: Store, action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"archive {store.url}: cannot {action} it: {error.strerror}: name another folder") from error
