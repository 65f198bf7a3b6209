"""The power goes while a folder is written to: what was acknowledged is there, and whatever else is there is whole.

What the store asks of the file system is recorded; then every prefix of it is replayed as a disk may have it after the
power came back: data that was not synced is missing, cut or there, and so is every name that was given or taken away
since its folder was synced, each by itself.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import archive.store
from archive import Archive
from archive.model import Post
from archive.store import FolderStore
from archive.verify import Scope, verify

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
RANDOM_SUBSETS = 4


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing asked of the file system, or (`ack`) told to the caller. Paths are relative to the archive's folder."""

    what: str
    path: str
    target: str = ""
    data: bytes = b""


@dataclass(kw_only=True)
class Recorder:
    """The module `os` as archive.store sees it: it does what it is asked, and notes what changes the disk."""

    root: Path
    events: list[Event] = field(default_factory=list)
    _paths: dict[int, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def note(self, what: str, path: str, **more: Any) -> None:
        self.events.append(Event(what=what, path=self._relative(path), **more))

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        descriptor = os.open(path, flags, mode)
        self._paths[descriptor] = path
        if flags & os.O_CREAT:
            self.note("create", path)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        count = os.write(descriptor, data)
        self.note("write", self._paths[descriptor], data=bytes(data[:count]))
        return count

    def fsync(self, descriptor: int) -> None:
        path = self._paths[descriptor]
        os.fsync(descriptor)
        self.note("sync folder" if Path(path).is_dir() else "sync file", path)

    def link(self, source: str, target: str) -> None:
        os.link(source, target)
        self.note("link", source, target=self._relative(target))

    def unlink(self, path: str) -> None:
        os.unlink(path)
        self.note("unlink", path)

    def mkdir(self, path: str) -> None:
        os.mkdir(path)
        self.note("mkdir", path)


class Disk:
    """A disk after some events: what is sure to be on it, and what may be."""

    def __init__(self, events: list[Event]) -> None:
        self.files: list[tuple[bytes, bytes]] = []  # content as written, and as synced
        self.names: dict[str, int | None] = {".": None}  # what a path names: a file's number, or None: a folder
        self.synced: dict[str, int | None] = {".": None}
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        match event.what:
            case "create":
                self.names[event.path] = len(self.files)
                self.files.append((b"", b""))
            case "write":
                number = self._number(event.path)
                written, synced = self.files[number]
                self.files[number] = (written + event.data, synced)
            case "sync file":
                number = self._number(event.path)
                self.files[number] = (self.files[number][0],) * 2
            case "mkdir":
                self.names[event.path] = None
            case "link":
                self.names[event.target] = self.names[event.path]
            case "unlink":
                del self.names[event.path]
            case "sync folder":
                inside = {path for path in (*self.names, *self.synced) if os.path.dirname(path) == _inside(event.path)}
                for path in inside - {"."}:
                    if path in self.names:
                        self.synced[path] = self.names[path]
                    else:
                        self.synced.pop(path, None)

    def _number(self, path: str) -> int:
        number = self.names[path]
        assert number is not None
        return number

    @property
    def unsure(self) -> list[str]:
        """Paths whose name may be as it was synced, or as it is."""
        missing = object()
        paths = sorted({*self.names, *self.synced})
        return [path for path in paths if self.names.get(path, missing) != self.synced.get(path, missing)]

    def lay_out(self, folder: Path, newer: set[str], kept_of_unsynced: float) -> None:
        """Write the disk down with the newer state of some names, and a share of the data that was not synced."""
        folder.mkdir()
        names = dict(self.synced)
        for path in newer:
            if path in self.names:
                names[path] = self.names[path]
            else:
                names.pop(path, None)
        for path in sorted(names, key=lambda path: path.count("/")):
            place = folder / path
            if path == "." or not place.parent.is_dir():  # below a folder whose own name is lost
                continue
            number = names[path]
            if number is None:
                place.mkdir(exist_ok=True)
            else:
                written, synced = self.files[number]
                place.write_bytes(written[: max(len(synced), int(len(written) * kept_of_unsynced))])


def _inside(path: str) -> str:
    return "" if path == "." else path


@dataclass(frozen=True, kw_only=True)
class Recording:
    events: list[Event]


@pytest.fixture
def recording(
    tmp_path: Path, make_post: Callable[..., Post], pictures: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> Recording:
    """A new archive, three posts with their pictures, and a second version of one."""
    root = tmp_path / "nest"
    root.mkdir()
    recorder = Recorder(root=root)
    monkeypatch.setattr(archive.store, "os", recorder)
    opened = Archive.open_or_create(FolderStore(root), now=NOW)
    for number, title in ((1, "A"), (2, "B"), (1, "C"), (3, "D")):
        for data in pictures:
            opened.put_blob(data, "image/gif")
        post = make_post(id=f"article-{number}", title=title)
        outcome = opened.add(post, head=opened.head(post.site, post.id))
        key = f"posts/niaogebiji/article-{number}/v{outcome.version:04d}.html"
        recorder.note("ack", str(root / key), data=(root / key).read_bytes())
    monkeypatch.undo()
    return Recording(events=recorder.events)


def disks(events: list[Event], seed: int) -> Iterator[tuple[set[str], float, Disk]]:
    """What may be left after some events: nothing unsure, all of it, each alone, and some subsets."""
    disk = Disk(events)
    unsure = disk.unsure
    chance = random.Random(seed)
    yield set(), 0.0, disk
    yield set(unsure), 1.0, disk
    yield set(unsure), 0.0, disk
    for path in unsure:
        yield {path, *(above for above in unsure if path.startswith(f"{above}/"))}, 0.5, disk
    for _ in range(RANDOM_SUBSETS if unsure else 0):
        yield {path for path in unsure if chance.random() < 0.5}, chance.random(), disk


def violations(events: list[Event], folder: Path) -> Iterator[str]:
    """What is wrong with any disk that any moment may leave."""
    for cut in range(len(events) + 1):
        acknowledged = {event.path: event.data for event in events[:cut] if event.what == "ack"}
        for number, (newer, kept, disk) in enumerate(disks(events[:cut], cut)):
            place = folder / f"{cut}-{number}"
            disk.lay_out(place, newer, kept)
            store = FolderStore(place)
            for key, data in acknowledged.items():
                file = place / key
                if not file.exists() or file.read_bytes() != data:
                    yield f"{cut}: {key} had been acknowledged"
            if (place / "posts").exists() or (place / "ARCHIVE.json").exists():
                for finding in verify(store, Scope(full=True)):
                    if finding.code not in ("orphan-blob", "readme-missing"):
                        yield f"{cut}: {finding}"


def test_no_cut_of_the_power_takes_what_was_acknowledged_or_leaves_half(recording: Recording, tmp_path: Path) -> None:
    assert len(recording.events) > 70
    (tmp_path / "disks").mkdir()

    assert list(violations(recording.events, tmp_path / "disks")) == []


@pytest.mark.parametrize("left_out", ["sync file", "sync folder"])
def test_without_syncing_the_replay_finds_what_is_lost(recording: Recording, tmp_path: Path, left_out: str) -> None:
    events = [event for event in recording.events if event.what != left_out]
    (tmp_path / "disks").mkdir()

    assert next(violations(events, tmp_path / "disks"), None) is not None


def test_after_any_cut_the_next_writer_goes_on(
    recording: Recording, tmp_path: Path, make_post: Callable[..., Post], pictures: tuple[bytes, ...]
) -> None:
    for cut in range(0, len(recording.events), 5):
        for number, (newer, kept, disk) in enumerate(disks(recording.events[:cut], cut)):
            place = tmp_path / f"{cut}-{number}"
            disk.lay_out(place, newer, kept)
            opened = Archive.open_or_create(FolderStore(place), now=NOW)
            for data in pictures:
                opened.put_blob(data, "image/gif")
            opened.add(make_post(id="article-1", title="C"), head=opened.head("niaogebiji", "article-1"))
            findings = [found for found in verify(FolderStore(place), Scope(full=True)) if found.code != "orphan-blob"]
            assert findings == [], cut
