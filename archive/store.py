"""Where an archive's objects lie: one protocol, and a folder behind it (S3 is in archive/s3.py).

The protocol is small on purpose. Objects are written once (`create`) and never changed, so a store needs no locks,
and one contract suite (tests/archive/test_store.py) runs the same bodies over every store.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from archive.errors import ObjectMissing, StoreError, UsageError
from archive.layout import check_key

_TEMPORARY = ".tmp"
_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """An object's key, its size in bytes, and when it was written by the store's own clock."""

    key: str
    bytes: int
    modified: datetime


class Usage:
    """What was asked of a store: operations by name, and bytes written. Threads may add to it at once."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.bytes_written = 0
        self._lock = threading.Lock()

    def count(self, operation: str) -> None:
        with self._lock:
            self.requests[operation] += 1

    def wrote(self, size_bytes: int) -> None:
        with self._lock:
            self.bytes_written += size_bytes


class Store(Protocol):
    """What an archive needs of a store. Keys are `archive.layout` keys; all methods may be called by threads.

    `url` names the store to a person; `usage` counts what an S3 bill would count.
    """

    url: str
    usage: Usage

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        """Write an object that is not there yet, whole or not at all.

        True: it is written and durable. False: something is there already, untouched.
        Raises StoreUnclear when only reading back can tell, StoreError when the store refuses or cannot be reached.
        """

    def read(self, key: str) -> bytes:
        """An object's bytes. Raises ObjectMissing, StoreError."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with `prefix` and comes after `after`, in the order of their keys.

        Raises StoreError.
        """


def open_store(url: str) -> Store:
    """The store of an address: `s3://bucket/prefix`, else a folder's path.

    Raises UsageError for an address that is neither.
    """
    if not url.strip() or "\0" in url or not _is_utf8(url):
        raise UsageError(f"archive {url!r}: expected a folder or s3://bucket/prefix")
    if url.startswith("s3://"):
        from archive.s3 import S3Store

        return S3Store.open(url)
    if "://" in url or url.startswith("s3:"):
        raise UsageError(f"archive {url!r}: expected a folder or s3://bucket/prefix")
    return FolderStore(Path(url).expanduser())


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class FolderStore:
    """Objects as files. Create-only is `link(2)` from a synced temporary file: `rename` would overwrite."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)
        self.usage = Usage()
        self._swept = False

    def create(self, key: str, data: bytes, content_type: str) -> bool:  # noqa: ARG002 - a file has no type
        self.usage.count("PUT")
        target = self.root / check_key(key)
        with self._explained(f"write {key}"):
            if target.exists():
                return False
            self._make_folder(target.parent)
            temporary = self._write_temporary(data)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            _sync_folder(target.parent)
        self.usage.wrote(len(data))
        return True

    def read(self, key: str) -> bytes:
        self.usage.count("GET")
        with self._explained(f"read {key}"):
            try:
                return (self.root / check_key(key)).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectMissing(self.url, key) from None

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self.usage.count("LIST")
        folder, _, _ = prefix.rpartition("/")
        with self._explained(f"list {prefix or 'the archive'}"):
            for info in self._walk(self.root / folder, f"{folder}/" if folder else "", after):
                if info.key.startswith(prefix) and info.key > after:
                    yield info

    def _walk(self, folder: Path, prefix: str, after: str) -> Iterator[ObjectInfo]:
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        # A key's order is that of its whole path: "a-b" comes before "a/b", so folders sort with their slash.
        for entry in sorted(entries, key=lambda e: e.name + "/" * e.is_dir()):
            if entry.is_dir():
                inside = f"{prefix}{entry.name}/"
                passed = inside < after and not after.startswith(inside)
                if not passed and inside != f"{_TEMPORARY}/":
                    yield from self._walk(Path(entry.path), inside, after)
            else:
                status = entry.stat()
                written = datetime.fromtimestamp(status.st_mtime, UTC)
                yield ObjectInfo(key=prefix + entry.name, bytes=status.st_size, modified=written)

    def _write_temporary(self, data: bytes) -> Path:
        folder = self.root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        self._sweep(folder)
        temporary = folder / f"{os.getpid()}-{uuid.uuid4().hex}"
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # A full disk must not be filled further by what did not fit on it.
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _sweep(self, folder: Path) -> None:
        """Remove what writers that were killed long ago left behind, once for each opened store."""
        if self._swept:
            return
        self._swept = True
        for entry in os.scandir(folder):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                    Path(entry.path).unlink()

    def _make_folder(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            _sync_folder(path.parent)

    @contextlib.contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = _OS_ADVICE.get(error.errno or 0, "look at the folder and its file system")
            raise StoreError(f"archive {self.url}: cannot {action}: {error.strerror}: {advice}.") from error


_OS_ADVICE = {
    errno.EACCES: "give the user that runs Birdnest the right to write there, or name another folder",
    errno.EPERM: "the file system refuses hard links or writing, which create-only needs; name another folder",
    errno.EOPNOTSUPP: "the file system knows no hard links, which create-only needs; name another folder",
    errno.EROFS: "the file system is read-only; name another folder",
    errno.ENOSPC: "the disk is full; free some space and run again, nothing is half-written",
    errno.EDQUOT: "the quota is used up; free some space and run again, nothing is half-written",
    errno.ENOTDIR: "part of the path is a file; name another folder",
    errno.EEXIST: "part of the path is a file; name another folder",
}


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
