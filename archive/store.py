"""Where an archive's objects lie: one protocol, and a folder behind it (S3 is in archive/s3.py).

The protocol is small on purpose. Objects are written once (`create`) and never changed, so a store needs no locks,
and one contract suite (tests/archive/test_store.py) runs the same bodies over every store. Views are the exception:
what can be rebuilt may be overwritten (`put`) and removed (`delete`), below `views/` and nowhere else. A takedown is
the other: it opens the store so that everything may be replaced (`replace`), and nothing kept of what was (`erase`).
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
from archive.layout import VIEWS, check_key
from archive.locks import NETWORK_FILE_SYSTEMS, ONE_AT_A_TIME, file_system, hold_lock

_TEMPORARY = ".tmp"
_LOCK = "writer.lock"
_STALE_SECONDS = 24 * 3600
_MAX_REMEMBERED = 10_000
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """An object's key, its size in bytes, and when it was written by the store's own clock."""

    key: str
    bytes: int
    modified: datetime


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A version of an object that the store does not let go: until then, and where `hold`, until a hold is taken off.

    why: what the store said where it told of neither.
    """

    key: str
    version: str
    until: datetime | None = None
    hold: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """How to reach a store, and what to ask of it. What is None is found as boto3 finds it.

    addressing: "auto", "path" or "virtual". encryption: "AES256" or "aws:kms" (with `kms_key`, an id or ARN, or the
    bucket's own). object_lock_days: retention in governance mode, from the day of writing. checksums: "when_required"
    or "when_supported", as AWS's `request_checksum_calculation`. timeout_seconds: until an unanswered request
    counts as failed. single_writer: the user's word that no other host
    writes to this archive. locks: the folder for locks on stores that are no folder (default: the user's state folder).
    """

    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    addressing: str | None = None
    encryption: str | None = None
    kms_key: str | None = None
    storage_class: str | None = None
    object_lock_days: int | None = None
    checksums: str | None = None
    timeout_seconds: float = 60
    single_writer: bool = False
    locks: Path | None = None


DEFAULTS = StoreOptions()


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

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object of a view, in place of the one that is there: readers see the old bytes or the new ones.

        Raises ValueError for a key outside what may be overwritten, StoreError.
        """

    def delete(self, key: str) -> None:
        """Remove an object of a view; one that is not there is removed already. Raises as `put` does."""

    def read(self, key: str) -> bytes:
        """An object's bytes. Raises ObjectMissing, StoreError."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with `prefix` and comes after `after`, in the order of their keys.

        Raises StoreError.
        """

    def learn(self, key: str) -> None:
        """Find out, before the first of a process's writes, what the store keeps of what it promises.

        key: an object that is there. Raises StoreError where writing would not be safe, and says what to do.
        """


class ErasingStore(Store, Protocol):
    """A store in which a takedown can be done; both of ours are."""

    def replace(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object in place of the one that is there, whole or not at all, and durable when it returns.

        Raises as `put` does.
        """

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        """Remove an object with all the versions and marks of deletion that the store keeps of it, durably.

        keep_current: all but the object that is read now. Returns the versions that the store does not let go; whatever
        these are, an object that was to go is read no more. Raises as `delete` does.
        """

    def with_history(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix of which the store keeps more than the object that is read now. Raises StoreError."""


def open_store(url: str, options: StoreOptions = DEFAULTS, *, mutable: str = VIEWS) -> ErasingStore:
    """The store of an address: `s3://bucket/prefix`, else a folder's path.

    mutable: the prefix of the keys that may be overwritten and removed; "" for a place that is no archive, where `put`
    does not wait for the disk. Raises UsageError for an address that is neither.
    """
    if not url.strip() or "\0" in url or not _is_utf8(url):
        raise UsageError(f"archive {url!r}: expected a folder or s3://bucket/prefix")
    if url.startswith("s3://"):
        from archive.s3 import S3Store

        return S3Store.open(url, options, mutable=mutable)
    if "://" in url or url.startswith("s3:"):
        raise UsageError(f"archive {url!r}: expected a folder or s3://bucket/prefix")
    return FolderStore(Path(url).expanduser(), options, mutable=mutable)


def check_mutable(key: str, mutable: str) -> str:
    """The key itself, when it may be overwritten; ValueError otherwise."""
    if not key.startswith(mutable):
        raise ValueError(f"not a key that may be overwritten: {key!r} is not below {mutable!r}")
    return check_key(key)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class FolderStore:
    """Objects as files. Create-only is `link(2)` from a synced temporary file: `rename` would overwrite.

    Where the file system knows no hard links, files are renamed under a lock (`flock`) that admits one writer at a
    time, and the process that has it keeps it. On a network's file system such a lock may hold on one host only:
    there `single_writer` must say that no other host writes. `put` renames, and syncs the file before; in a place that
    is no archive (`mutable` is "") it does not, which takes a sixth of the time: after a power cut a file there may
    hold no bytes, and its size tells. Keys differ in more than the case of letters, so file systems that do not tell
    case apart are as good as others.
    """

    def __init__(self, root: Path, options: StoreOptions = DEFAULTS, *, mutable: str = VIEWS) -> None:
        self.root = root
        self.url = str(root)
        self.usage = Usage()
        self._mutable = mutable
        self._single_writer = options.single_writer
        self._swept = False
        self._links = True
        self._durable: set[str] = set()  # folders whose own names are known to be on the disk

    def create(self, key: str, data: bytes, content_type: str) -> bool:  # noqa: ARG002 - a file has no type
        self.usage.count("PUT")
        target = str(self.root / check_key(key))
        folder = os.path.dirname(target)
        with self._explained(f"write {key}"):
            # Also before "it is there already" is said: another writer may have died between its link and its sync.
            self._make_durable(folder)
            if os.path.lexists(target):
                _sync_folder(folder)
                return False
            temporary = self._write_temporary(data)
            try:
                created = self._name(temporary, target)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
            _sync_folder(folder)
        if created:
            self.usage.wrote(len(data))
        return created

    def put(self, key: str, data: bytes, content_type: str) -> None:  # noqa: ARG002 - a file has no type
        target = str(self.root / check_mutable(key, self._mutable))
        self.usage.count("PUT")
        with self._explained(f"write {key}"):
            if self._mutable:
                self._make_durable(os.path.dirname(target))
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
            temporary = self._write_temporary(data, sync=bool(self._mutable))
            try:
                os.rename(temporary, target)
            except BaseException:
                os.unlink(temporary)
                raise
        self.usage.wrote(len(data))

    def delete(self, key: str) -> None:
        target = self.root / check_mutable(key, self._mutable)
        self.usage.count("DELETE")
        self._remove(key, target)

    def replace(self, key: str, data: bytes, content_type: str) -> None:  # noqa: ARG002 - a file has no type
        target = str(self.root / check_mutable(key, self._mutable))
        folder = os.path.dirname(target)
        self.usage.count("PUT")
        with self._explained(f"write {key}"):
            self._make_durable(folder)
            temporary = self._write_temporary(data)
            try:
                os.rename(temporary, target)
            except BaseException:
                os.unlink(temporary)
                raise
            _sync_folder(folder)
        self.usage.wrote(len(data))

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        """A folder keeps no versions: there is nothing to do, or a file to remove."""
        target = self.root / check_mutable(key, self._mutable)
        if not keep_current:
            self.usage.count("DELETE")
            self._remove(key, target)
            with self._explained(f"remove {key}"):
                there = next((each for each in target.parents if each.is_dir()), None)
                if there is not None:
                    _sync_folder(str(there))
        return ()

    def with_history(self, prefix: str) -> Iterator[str]:  # noqa: ARG002 - there is none of anything
        return iter(())

    def _remove(self, key: str, target: Path) -> None:
        with self._explained(f"remove {key}"):
            try:
                os.unlink(target)
            except (FileNotFoundError, NotADirectoryError):
                return
            for folder in target.relative_to(self.root).parents[:-1]:
                try:
                    os.rmdir(self.root / folder)
                except OSError:  # something else is in it
                    break
                self._durable.discard(str(self.root / folder))

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

    def learn(self, key: str) -> None:
        """Nothing to learn: what the file system does not keep is met, and handled, at the first write."""

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

    def _write_temporary(self, data: bytes, *, sync: bool = True) -> str:
        folder = str(self.root / _TEMPORARY)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
        self._sweep(folder)
        temporary = f"{folder}/{os.getpid()}-{uuid.uuid4().hex}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(descriptor, left) :]
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            # A full disk must not be filled further by what did not fit on it.
            os.unlink(temporary)
            raise
        return temporary

    def _name(self, temporary: str, target: str) -> bool:
        """Give a written file its name, unless the name is taken; whether it was free."""
        if self._links:
            try:
                os.link(temporary, target)
            except FileExistsError:
                # Over a network the reply may have been lost, and the repeated call finds what the first has made.
                return os.path.samefile(temporary, target)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._links = False
            else:
                return True
        self._lock()
        with ONE_AT_A_TIME:
            if os.path.lexists(target):
                return False
            os.rename(temporary, target)
        return True

    def _lock(self) -> None:
        system = file_system(self.root)
        if system in NETWORK_FILE_SYSTEMS and not self._single_writer:
            raise StoreError(
                f"archive {self.url}: the file system ({system}) knows no hard links, and a lock on it may not be seen "
                "by other hosts: say `single_writer = true` in birdnest.toml if no other host writes there, or name "
                "another folder."
            )
        hold_lock(self.root / _TEMPORARY / _LOCK, self.url)

    def _sweep(self, folder: str) -> None:
        """Remove what writers that were killed long ago left behind, once for each opened store."""
        if self._swept:
            return
        self._swept = True
        for entry in os.scandir(folder):
            with contextlib.suppress(FileNotFoundError):
                if entry.name != _LOCK and time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                    os.unlink(entry.path)

    def _make_durable(self, folder: str) -> None:
        """Make a folder where there is none, and its name and those of the folders above it last."""
        if folder in self._durable:
            return
        above = os.path.dirname(folder) or os.curdir
        inside = folder.startswith(f"{self.root}{os.sep}")
        if above != folder and (inside or not os.path.isdir(folder)):
            self._make_durable(above)
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            _sync_folder(above)
        if len(self._durable) >= _MAX_REMEMBERED:
            self._durable.clear()
        self._durable.add(folder)

    @contextlib.contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = _OS_ADVICE.get(error.errno or 0, "look at the folder and its file system")
            raise StoreError(f"archive {self.url}: cannot {action}: {error.strerror}: {advice}.") from error


_OS_ADVICE = {
    errno.EACCES: "give the user that runs Birdnest the right to write there, or name another folder",
    errno.EPERM: "the file system refuses writing; name another folder",
    errno.EROFS: "the file system is read-only; name another folder",
    errno.ENOSPC: "the disk is full; free some space and run again, nothing is half-written",
    errno.EDQUOT: "the quota is used up; free some space and run again, nothing is half-written",
    errno.ENOTDIR: "part of the path is a file; name another folder",
    errno.EISDIR: "there is a folder of that name; name another folder",
    errno.EEXIST: "part of the path is a file; name another folder",
}


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
