"""Removes the blobs that no document names, without ever taking one from a post that is being committed.

A crash or a rejected post leaves blobs behind. They are harmless, and removing one is not: a writer that finds its
bytes there already relies on them, and commits a document that names them a moment later. No lock reaches all writers
of a bucket, so a blob goes in two steps with time between them::

    unnamed, and older than the grace ──▶ set aside: copied below .gc/<this collection>/, deleted in its place
        named by a document that came meanwhile ──▶ put back, at once
    set aside ──▶ named by a document now ──▶ put back
              ├─▶ its blob is there again, and it was set aside a grace ago ──▶ deleted
              └─▶ set aside a grace ago ──▶ deleted for good

A writer that relied on the blob found it before it was set aside. A commit takes less than the grace (a day at least),
so when the last step looks for a document, every such writer has committed or is dead; one that began later found
nothing and wrote the blob anew. Until the next collection such a post may lack its picture; then it is put back.
Collections may be killed anywhere, and run side by side: what one has set aside has a name of its own, so that no other
takes it for what was set aside, and is due, under the same key.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from archive.ahead import ReadAhead
from archive.document import Document, read_front
from archive.errors import DamageError, ObjectMissing
from archive.layout import BLOBS, MEDIA_TYPES, POSTS, SET_ASIDE, blob_digest, parse_post_key
from archive.store import ObjectInfo, Store
from archive.writer import persist

LEAST_GRACE: Final = timedelta(days=1)


@dataclass(kw_only=True)
class Collected:
    """What a collection found and did.

    unnamed, unnamed_bytes: blobs that no document names and that are older than the grace: those that were set aside,
    or would be. young: those that are not. waiting: set aside before, for less than the grace. due, due_bytes: for
    longer, so that they were deleted, or would be. put_back: those that a document was found to name.
    """

    unnamed: int = 0
    unnamed_bytes: int = 0
    young: int = 0
    waiting: int = 0
    due: int = 0
    due_bytes: int = 0
    put_back: int = 0


def collect(
    store: Store, *, now: datetime, grace: timedelta, remove: bool, progress: Callable[[str, int], None]
) -> Collected:
    """Look for blobs that no document names; `remove`: set them aside, and delete what was set aside a grace ago.

    store: opened so that everything may be removed, where `remove` is asked for. now: compared with the store's own
    times of writing. Raises DamageError where a document cannot be read, for then nobody knows what it names, and
    nothing is removed; StoreError.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db, ReadAhead(store) as reader:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE named (key TEXT PRIMARY KEY) WITHOUT ROWID")
        db.execute("CREATE TABLE document (key TEXT PRIMARY KEY) WITHOUT ROWID")
        db.execute("CREATE TABLE blob (key TEXT PRIMARY KEY, size INT, is_old INT) WITHOUT ROWID")
        db.execute("CREATE TABLE aside (place TEXT PRIMARY KEY, key TEXT, size INT, is_old INT) WITHOUT ROWID")
        here = f"{SET_ASIDE}{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}/"
        work = _Collection(store=store, reader=reader, db=db, before=now - grace, here=here, progress=progress)
        return work.run(remove=remove)


def set_aside(store: Store) -> Iterator[tuple[str, ObjectInfo]]:
    """What is set aside: the key that a blob had, and the object that keeps it."""
    for info in store.list(SET_ASIDE):
        _, _, key = info.key.removeprefix(SET_ASIDE).partition("/")
        if blob_digest(key) is not None:
            yield key, info


class _Collection:
    def __init__(
        self,
        *,
        store: Store,
        reader: ReadAhead,
        db: sqlite3.Connection,
        before: datetime,
        here: str,
        progress: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._reader = reader
        self._db = db
        self._before = before
        self._here = here
        self._progress = progress
        self._found = Collected()
        self._read = 0

    def run(self, *, remove: bool) -> Collected:
        # What may go is listed before what is named: a document that comes later names older blobs, or its own.
        self._list()
        self._read_documents()
        self._settle(remove=remove)
        moved = [key for key in self._unnamed() if remove and self._move(key)]
        if moved:
            self._read_documents()
            for key in moved:
                if self._is_named(key):
                    self._found.put_back += 1
                    self._put_back(self._here + key, key)
        return self._found

    def _list(self) -> None:
        aside = ((info.key, key, info.bytes, self._is_old(info)) for key, info in set_aside(self._store))
        self._db.executemany("INSERT INTO aside VALUES (?, ?, ?, ?)", aside)
        blobs = (info for info in self._store.list(BLOBS) if blob_digest(info.key) is not None)
        rows = ((info.key, info.bytes, self._is_old(info)) for info in blobs)
        self._db.executemany("INSERT INTO blob VALUES (?, ?, ?)", rows)

    def _is_old(self, info: ObjectInfo) -> bool:
        return info.modified <= self._before

    def _read_documents(self) -> None:
        """Note what the documents name that were not read yet."""
        for info, data in self._reader.read((info, True) for info in self._unread()):
            self._read += 1
            self._progress("documents", self._read)
            if data is None:
                continue
            try:
                document = Document(front=read_front(data, name=info.key), body="")
                names = [] if document.is_takedown else [image.key for image in document.images]
                original = document.original
            except (DamageError, TypeError, AttributeError) as error:
                raise DamageError(
                    f"{info.key}: cannot be read, so what it names is not known and nothing is removed: {error}: "
                    "`birdnest verify` tells more"
                ) from error
            names += [original.key] if original else []
            self._db.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((name,) for name in names))

    def _unread(self) -> Iterator[ObjectInfo]:
        for info in self._store.list(POSTS):
            if parse_post_key(info.key) is None:
                continue
            if self._db.execute("INSERT OR IGNORE INTO document VALUES (?)", (info.key,)).rowcount:
                yield info

    def _is_named(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM named WHERE key = ?", (key,)).fetchone() is not None

    def _settle(self, *, remove: bool) -> None:
        """Put back or delete what was set aside before."""
        query = "SELECT aside.*, blob.key IS NOT NULL FROM aside LEFT JOIN blob USING (key) ORDER BY place"
        for place, key, size, is_old, is_there in self._db.execute(query).fetchall():
            if self._is_named(key) and not is_there:
                self._found.put_back += 1
                if remove:
                    self._put_back(place, key)
            elif not is_old:
                self._found.waiting += 1
            else:
                self._found.due += 1
                self._found.due_bytes += size
                if remove:
                    self._store.delete(place)

    def _unnamed(self) -> Iterator[str]:
        """The blobs that no document names and that are old enough."""
        query = "SELECT blob.* FROM blob LEFT JOIN named USING (key) WHERE named.key IS NULL ORDER BY blob.key"
        for key, size, is_old in self._db.execute(query).fetchall():
            if not is_old:
                self._found.young += 1
                continue
            self._found.unnamed += 1
            self._found.unnamed_bytes += size
            yield key

    def _move(self, key: str) -> bool:
        """Set a blob aside. False where another collection has done so."""
        try:
            data = self._store.read(key)
        except ObjectMissing:
            return False
        persist(lambda: self._store.create(self._here + key, data, _media_type(key)))
        self._store.delete(key)
        return True

    def _put_back(self, place: str, key: str) -> None:
        try:
            data = self._store.read(place)
        except ObjectMissing:  # another collection has put it back
            return
        persist(lambda: self._store.create(key, data, _media_type(key)))
        self._store.delete(place)


def _media_type(key: str) -> str:
    return MEDIA_TYPES[key.rpartition(".")[2]]
