"""Checks that an archive holds what was written to it.

The fast check lists the archive and reads every document: versions without a gap, each naming the digest of the one
before it, every blob that a document names there with its size. The full check reads every object: blobs are hashed
and decoded, documents parsed and written again, bodies searched for what no body may hold, reports and captures read.

`archive.findings` has the table of what may be found. Memory is bounded however large the archive: what must be known
of all blobs lies in an SQLite file, which is the checkpoint, too: a check that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from archive.ahead import ReadAhead
from archive.document import Document, read_front
from archive.errors import DamageError, ObjectMissing
from archive.findings import (
    Finding,
    check_blob,
    check_capture,
    check_document,
    check_entry,
    check_info,
    check_place,
    check_report,
    image_facts,
)
from archive.layout import (
    ARCHIVE_KEY,
    BLOBS,
    POSTS,
    PROBES,
    RAW,
    README_KEY,
    RUNS,
    SET_ASIDE,
    TAKEDOWNS,
    VIEWS,
    PostRef,
    blob_digest,
    parse_post_key,
    parse_takedown_key,
)
from archive.model import Image, Original
from archive.reader import FORMAT_VERSION, parse_info, read_info
from archive.store import ObjectInfo, Store

_COMMIT_EVERY_KEYS = 2_000


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What to check. full: read every object. since: read only what was written at that time or later."""

    full: bool = False
    since: datetime | None = None


@dataclass(kw_only=True)
class Progress:
    """How far a check is: objects by class, findings by severity, the key at hand, and whether it went on."""

    objects: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    key: str = ""
    resumed: bool = False


def recognise(store: Store) -> str:
    """The id of the archive in a store; "" where ARCHIVE.json is missing or damaged and posts tell that it is one.

    Raises NotAnArchiveError, StoreError.
    """
    try:
        info, _ = parse_info(store.read(ARCHIVE_KEY), ARCHIVE_KEY)
    except (ObjectMissing, DamageError):
        if any(parse_post_key(info.key) for info in store.list(POSTS)):
            return ""
    else:
        if info.version == FORMAT_VERSION:
            return info.id
    return read_info(store).id


def checkpoint_file(folder: Path, store: Store, archive_id: str, scope: Scope) -> Path:
    """Where a check of an archive keeps what it goes on from: no other check has the same."""
    name = f"{store.url} {archive_id} {scope.full} {scope.since}"
    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.sqlite"


def verify(
    store: Store,
    scope: Scope = Scope(),
    *,
    checkpoint: Path | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Iterator[Finding]:
    """The findings of an archive, those of an earlier part of the same check first.

    checkpoint: where to keep what a later call goes on from; removed at the end. It belongs to one archive and scope:
    the caller names it so. progress is called with each object that was looked at. What others add meanwhile is
    checked or not, and never called wrong. Raises StoreError when the store cannot be read.
    """
    with closing(_Ledger(checkpoint)) as ledger, ReadAhead(store) as reader:
        check = _Check(store, reader, scope, ledger, progress)
        yield from ledger.findings()
        yield from check.run()
        ledger.finish()


class _Ledger:
    """What must be known of all objects at once, in SQLite; in memory where there is no checkpoint to keep."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        # A name of "" is a temporary file of SQLite's own, which it deletes.
        self.db = sqlite3.connect(str(file) if file else "", isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode = TRUNCATE",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -32000",
            "CREATE TABLE IF NOT EXISTS blob (key TEXT PRIMARY KEY, size INT, facts TEXT, named INT) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS committed (key TEXT PRIMARY KEY, sha256 TEXT, report TEXT) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS capture (key TEXT PRIMARY KEY, document TEXT) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS finding (code TEXT, key TEXT, detail TEXT)",
            "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT)",
            "BEGIN",
        ):
            self.db.execute(statement)

    def findings(self) -> Iterator[Finding]:
        for code, key, detail in self.db.execute("SELECT code, key, detail FROM finding ORDER BY rowid").fetchall():
            yield Finding(code=code, key=key, detail=detail)

    def note(self, finding: Finding) -> None:
        self.db.execute("INSERT INTO finding VALUES (?, ?, ?)", (finding.code, finding.key, finding.detail))

    def state(self) -> dict[str, str]:
        return dict(self.db.execute("SELECT name, value FROM state").fetchall())

    def commit(self, **state: str) -> None:
        self.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())
        self.db.execute("COMMIT")
        self.db.execute("BEGIN")

    def finish(self) -> None:
        self.close()
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def close(self) -> None:
        self.db.close()


@dataclass(frozen=True, kw_only=True)
class _Before:
    """The version before the one at hand, readable or not. sha256 is "" where it was not read."""

    ref: PostRef
    sha256: str


class _Check:
    """One pass over an archive's listing, in the order of keys: ARCHIVE.json, README.md, blobs, posts, raw, runs."""

    def __init__(
        self, store: Store, reader: ReadAhead, scope: Scope, ledger: _Ledger, progress: Callable[[Progress], None]
    ) -> None:
        self._store = store
        self._reader = reader
        self._scope = scope
        self._ledger = ledger
        self._tell = progress
        self._progress = Progress()
        self._before: _Before | None = None
        self._seen: set[str] = set()

    def run(self) -> Iterator[Finding]:
        after = self._resume()
        for count, (info, data) in enumerate(self._reader.read(self._wanted(after)), start=1):
            self._progress.key = info.key
            self._progress.objects[_class_of(info.key)] += 1
            for finding in self._look(info, data):
                yield self._noted(finding)
            self._tell(self._progress)
            if count % _COMMIT_EVERY_KEYS == 0:
                self._commit(info.key)
        for finding in self._closing():
            yield self._noted(finding)
        self._tell(self._progress)

    def _noted(self, finding: Finding) -> Finding:
        self._ledger.note(finding)
        self._progress.findings[finding.severity] += 1
        return finding

    def _resume(self) -> str:
        state = self._ledger.state()
        if not state:
            return ""
        self._progress.resumed = True
        self._progress.objects.update(json.loads(state["objects"]))
        self._progress.findings.update(found.severity for found in self._ledger.findings())
        self._seen.update(json.loads(state["seen"]))
        ref = parse_post_key(state["before"])
        self._before = _Before(ref=ref, sha256=state["before_sha256"]) if ref else None
        return state["after"]

    def _commit(self, key: str) -> None:
        before = self._before
        self._ledger.commit(
            after=key,
            before=before.ref.key if before else "",
            before_sha256=before.sha256 if before else "",
            seen=json.dumps(sorted(self._seen)),
            objects=json.dumps(self._progress.objects),
        )

    def _wanted(self, after: str) -> Iterator[tuple[ObjectInfo, bool]]:
        since = self._scope.since
        for info in self._store.list(after=after):
            new = since is None or info.modified >= since
            always = info.key == ARCHIVE_KEY or parse_post_key(info.key) is not None
            full = self._scope.full and info.key.startswith((BLOBS, RUNS, RAW, TAKEDOWNS))
            yield info, new and (always or full)

    def _look(self, info: ObjectInfo, data: bytes | None) -> Iterator[Finding]:
        key = info.key
        ref = parse_post_key(key)
        if ref is not None:
            yield from self._post(ref, data)
        elif key.startswith(BLOBS) and blob_digest(key) is not None:
            facts = None if data is None else (yield from check_blob(key, data))
            self._ledger.db.execute("INSERT OR REPLACE INTO blob VALUES (?, ?, ?, 0)", (key, info.bytes, facts))
        elif key.startswith(RAW):
            self._ledger.db.execute("DELETE FROM capture WHERE key = ?", (key,))
            yield from check_capture(key, data) if data and key.endswith(".gz") else ()
        elif key.startswith(RUNS):
            yield from self._report(key, data) if data is not None else ()
        elif parse_takedown_key(key) is not None:
            yield from check_entry(key, data) if data is not None else ()
        elif key in (ARCHIVE_KEY, README_KEY):
            self._seen.add(key)
            yield from check_info(data) if data is not None else ()
        elif not key.startswith((VIEWS, PROBES, SET_ASIDE)):
            yield Finding(code="stranger", key=key, detail="not part of the format")

    # -- posts -------------------------------------------------------------------------------------------------

    def _post(self, ref: PostRef, data: bytes | None) -> Iterator[Finding]:
        before = self._before
        earlier = before if before and (before.ref.site, before.ref.id) == (ref.site, ref.id) else None
        expected = earlier.ref.version + 1 if earlier else 1
        if ref.version != expected:
            yield Finding(code="version-gap", key=ref.key, detail=f"expected v{expected:04d} next")
        self._before = _Before(ref=ref, sha256=hashlib.sha256(data).hexdigest() if data is not None else "")
        if data is None:
            return
        try:
            front = read_front(data, name=ref.key)
            yield from check_place(ref, front)
            taken_down = front.get("op") == "takedown"
            document = Document(front=front, body="")
            images = () if taken_down else document.images
            original = None if taken_down else document.original
        except DamageError as error:
            yield Finding(code="document-damaged", key=ref.key, detail=str(error))
            return
        except (TypeError, AttributeError) as error:
            yield Finding(code="document-damaged", key=ref.key, detail=f"the blobs it names cannot be read: {error}")
            return
        if ref.version == expected and not taken_down:
            yield from self._parent(ref, front, earlier)
        for image in images:
            yield from self._named(ref, image)
        if original is not None:
            yield from self._named(ref, original)
        for record in front.get("warc", ()):
            self._ledger.db.execute("INSERT OR IGNORE INTO capture VALUES (?, ?)", (record["segment"], ref.key))
        if self._scope.full:
            yield from check_document(ref, data)

    def _parent(self, ref: PostRef, front: Mapping[str, object], earlier: _Before | None) -> Iterator[Finding]:
        expected = None
        if earlier is not None:
            expected = earlier.sha256 or hashlib.sha256(self._store.read(earlier.ref.key)).hexdigest()
        if front.get("parent") != expected:
            detail = f"names {front.get('parent')}, expected {expected}"
            yield Finding(code="parent-mismatch", key=ref.key, detail=detail)

    def _named(self, ref: PostRef, blob: Image | Original) -> Iterator[Finding]:
        found = self._blob_of(blob.key)
        if found is None:
            of = f"of {blob.url}" if isinstance(blob, Image) else "which the post was imported from"
            yield Finding(code="blob-missing", key=ref.key, detail=f"{blob.key} {of}")
            return
        size, facts = found
        if size != blob.bytes:
            detail = f"{blob.key} has {size} bytes, expected {blob.bytes}"
            yield Finding(code="blob-size", key=ref.key, detail=detail)
        elif facts is not None and isinstance(blob, Image):
            named = image_facts(blob.media_type, blob.width, blob.height)
            if facts != named:
                yield Finding(code="image-facts", key=ref.key, detail=f"{blob.key} is {facts}, expected {named}")

    def _blob_of(self, key: str) -> tuple[int, str | None] | None:
        """Size and facts (of an image) of a blob, which counts as named from now on; blobs sort before posts."""
        found: tuple[int, str | None] | None = self._ledger.db.execute(
            "UPDATE blob SET named = 1 WHERE key = ? RETURNING size, facts", (key,)
        ).fetchone()
        if found is None and blob_digest(key) is not None:
            # Another writer may have put it after the listing had passed its place.
            for info in self._store.list(key):
                if info.key == key:
                    return info.bytes, None
        return found

    # -- reports -----------------------------------------------------------------------------------------------

    def _report(self, key: str, data: bytes) -> Iterator[Finding]:
        report = yield from check_report(key, data)
        if report is not None:
            rows = ((document, digest, key) for document, digest in report.documents.items())
            self._ledger.db.executemany("INSERT OR IGNORE INTO committed VALUES (?, ?, ?)", rows)

    # -- what only the whole tells -----------------------------------------------------------------------------

    def _closing(self) -> Iterator[Finding]:
        if ARCHIVE_KEY not in self._seen:
            yield Finding(code="archive-damaged", key=ARCHIVE_KEY, detail="it is not there")
        if README_KEY not in self._seen:
            yield Finding(code="readme-missing", key=README_KEY, detail="it is not there")
        for key, digest, report in self._ledger.db.execute("SELECT key, sha256, report FROM committed").fetchall():
            yield from self._committed(key, digest, report)
        for key, document in self._ledger.db.execute("SELECT key, document FROM capture").fetchall():
            yield Finding(code="warc-missing", key=document, detail=f"{key} is not there")
        if self._scope.since is None:
            unnamed = self._ledger.db.execute("SELECT key FROM blob WHERE named = 0 ORDER BY key").fetchall()
            for (key,) in unnamed:
                yield Finding(code="orphan-blob", key=key, detail="no document names it")

    def _committed(self, key: str, digest: str, report: str) -> Iterator[Finding]:
        try:
            data = self._store.read(key)
        except ObjectMissing:
            yield Finding(code="document-missing", key=key, detail=f"it is not there, and {report} committed it")
            return
        found = hashlib.sha256(data).hexdigest()
        if found != digest and b'\nop: "takedown"\n' not in data:
            yield Finding(code="document-replaced", key=key, detail=f"its digest is {found}, {report} says {digest}")


_CLASSES = {POSTS: "documents", BLOBS: "blobs", RUNS: "reports", RAW: "captures", VIEWS: "views"}


def _class_of(key: str) -> str:
    for prefix, name in (
        (POSTS, "documents"),
        (BLOBS, "blobs"),
        (RUNS, "reports"),
        (RAW, "captures"),
        (VIEWS, "views"),
    ):
        if key.startswith(prefix):
            return name
    return "others"
