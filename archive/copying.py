"""Copies an archive to another place: what is absent there, each object checked before it is sent and after.

The copy is the same archive: it has the same id, and every object the same key and the same bytes. At any moment it
is an archive that verifies: ARCHIVE.json comes first, a document after the captures and the blobs that it names, a
report after the documents of its run. So a copy that was ended goes on where it was, and one that is made again and
again is a backup. Nothing at the target is ever overwritten or deleted:

- a damaged object of the source is told and left out;
- an object that is there with another size is told and left as it is;
- a post that was taken down at the target stays so: neither its versions nor the blobs that only they name come back,
  and a capture or report that tells of it is left out.

The register of what was taken down is copied with the rest: in a copy where the post still stands whole it says what
is to be done there.

Blobs that no document names are no part of the archive, and are not copied.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Literal, Self, TypeVar

from archive.document import Document, read
from archive.errors import DamageError, NotAnArchiveError, ObjectMissing, UsageError
from archive.findings import (
    Finding,
    check_capture,
    check_document,
    check_entry,
    check_info,
    check_place,
    check_report,
)
from archive.layout import (
    ARCHIVE_KEY,
    BLOBS,
    POSTS,
    RAW,
    README_KEY,
    RUNS,
    TAKEDOWNS,
    VIEWS,
    PostRef,
    blob_digest,
    content_type_of,
    index_key,
    parse_post_key,
    parse_takedown_key,
)
from archive.reader import read_info
from archive.register import Entry, entries
from archive.store import FolderStore, ObjectInfo, Store
from archive.takedown import brings_back, is_stub
from archive.writer import README, persist

_T = TypeVar("_T")
Kind = Literal["captures", "blobs", "documents", "reports", "takedowns", "views"]
KINDS: Final[tuple[Kind, ...]] = ("captures", "blobs", "documents", "reports", "takedowns", "views")
_PREFIXES: Final[dict[Kind, str]] = {
    "captures": RAW,
    "blobs": BLOBS,
    "documents": POSTS,
    "reports": RUNS,
    "takedowns": TAKEDOWNS,
    "views": VIEWS,
}
_THREADS: Final = 16
_KEYS_OF_A_LISTING: Final = 1_000
_JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the listings of both places say is to be done.

    absent, bytes: how many objects of each kind the target has not, and their sizes; of blobs those that some document
    may name. present: objects that both have. requests: about how many both stores will be asked.
    """

    absent: dict[str, int]
    bytes: dict[str, int]
    present: int
    requests: int


@dataclass(kw_only=True)
class Copied:
    """What a copy did. left: objects that were not copied for a reason that was told."""

    objects: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    present: int = 0
    taken_down: int = 0
    unnamed_blobs: int = 0
    left: int = 0


Complain = Callable[[str], None]
Progress = Callable[[str, int], None]


class Copy:
    """One copy, to be planned and then made. A context: it keeps what it must remember in a file of SQLite's own.

    complain: told of each object that is not copied. views: whether to copy what can be rebuilt, too. full: whether to
    read the documents that are there already, and bring the blobs that they name and that are not.
    """

    def __init__(
        self, source: Store, target: Store, *, complain: Complain, views: bool = False, full: bool = False
    ) -> None:
        self._source = source
        self._target = target
        self._complain = complain
        self._full = full
        self._kinds: tuple[Kind, ...] = KINDS if views else KINDS[:-1]
        # A name of "" is a temporary file of SQLite's own, which it deletes.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._done = Copied()
        self._taken_down: tuple[Entry, ...] = ()
        self._rewritten: frozenset[str] = frozenset()
        self._progress: Progress = lambda _what, _done: None

    def __enter__(self) -> Self:
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE absent (kind TEXT, key TEXT PRIMARY KEY, size INT) WITHOUT ROWID")
        self._db.execute("CREATE TABLE there (key TEXT PRIMARY KEY) WITHOUT ROWID")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def plan(self) -> Plan:
        """Compare the listings of both places.

        Raises NotAnArchiveError where the source holds none, UsageError where the target holds another archive or is
        no place for one, StoreError.
        """
        info = read_info(self._source)
        self._require_same(info.id)
        self._taken_down = tuple(entries(self._target))
        self._rewritten = frozenset(_rewritten((*self._taken_down, *entries(self._source))))
        # Documents first: what is committed meanwhile is left to the next copy, and never copied without its blobs.
        listed = 0
        self._db.execute("BEGIN")
        for kind in sorted(self._kinds, key=lambda kind: kind != "documents"):
            listed += self._compare(kind)
        self._db.execute("COMMIT")
        rows = self._db.execute("SELECT kind, count(*), sum(size) FROM absent GROUP BY kind").fetchall()
        absent = {kind: count for kind, count, _ in rows}
        sizes = {kind: size for kind, _, size in rows}
        back = 2 if isinstance(self._target, FolderStore) else 1
        requests = listed // _KEYS_OF_A_LISTING + 2 * len(self._kinds) + (1 + back) * sum(absent.values())
        return Plan(absent=absent, bytes=sizes, present=self._done.present, requests=requests)

    def make(self, *, progress: Progress) -> Copied:
        """Copy what the plan found absent. Raises StoreError; what is copied by then is whole, and stays."""
        self._progress = progress
        self._found()
        self._each("captures")
        with _Hands(self._source, self._target) as hands:
            hands.do(self._post, self._posts())
            hands.do(self._fill, self._keys("SELECT key FROM there WHERE key > ? ORDER BY key LIMIT ?"))
        self._each("reports")
        self._each("takedowns")
        self._each("views")
        (self._done.unnamed_blobs,) = self._db.execute("SELECT count(*) FROM absent WHERE kind = 'blobs'").fetchone()
        return self._done

    # -- what is to be done ---------------------------------------------------------------------------------------

    def _require_same(self, id_: str) -> None:
        try:
            held = read_info(self._target).id
        except NotAnArchiveError:
            stranger = next((each.key for each in self._target.list() if each.key != README_KEY), None)
            if stranger is not None:
                raise UsageError(
                    f"{self._target.url}: holds {stranger!r} and is no archive: name an empty place, or a copy of "
                    f"{self._source.url}"
                ) from None
            return
        if held != id_:
            raise UsageError(
                f"{self._target.url} is another archive ({held}) than {self._source.url} ({id_}): a copy goes to an "
                "empty place, or to an earlier copy of the same archive"
            )

    def _compare(self, kind: Kind) -> int:
        """Note the objects of a kind that the target has not; how many objects were listed."""
        prefix = _PREFIXES[kind]
        listed = 0
        for mine, theirs in _paired(self._source.list(prefix), self._target.list(prefix)):
            listed += 1
            if mine is None or not _is_ours(kind, mine.key):
                continue
            if theirs is None:
                self._db.execute("INSERT INTO absent VALUES (?, ?, ?)", (kind, mine.key, mine.bytes))
                continue
            self._done.present += 1
            if self._full and kind == "documents":
                self._db.execute("INSERT INTO there VALUES (?)", (mine.key,))
            if mine.bytes != theirs.bytes:
                self._differ(kind, mine, theirs)
        return listed

    def _differ(self, kind: Kind, mine: ObjectInfo, theirs: ObjectInfo) -> None:
        if kind in ("views", "takedowns"):
            return  # each place makes its own, and has done its own
        if mine.key in self._rewritten:
            self._done.taken_down += 1
            return
        if kind == "documents":
            if is_stub(self._target, theirs.key):
                self._done.taken_down += 1
                return
            if is_stub(self._source, mine.key):
                self._leave(
                    f"{mine.key}: was taken down in {self._source.url} and stands whole in {self._target.url}: a copy "
                    "deletes nothing, take it down there, too"
                )
                return
        self._leave(
            f"{mine.key}: has {mine.bytes} bytes in {self._source.url} and {theirs.bytes} in {self._target.url}: "
            "`birdnest verify --full` of each tells which is damaged; the copy leaves both as they are"
        )

    # -- doing it -------------------------------------------------------------------------------------------------

    def _found(self) -> None:
        """Make the target an archive, README.md first as a new archive has it, and learn what it keeps."""
        data = self._source.read(ARCHIVE_KEY)
        for finding in check_info(data):
            raise DamageError(f"{self._source.url}: {_told(finding)}: `birdnest verify` tells more")
        try:
            readme = self._source.read(README_KEY)
        except ObjectMissing:
            readme = README.encode()
        persist(lambda: self._target.create(README_KEY, readme, content_type_of(README_KEY)))
        persist(lambda: self._target.create(ARCHIVE_KEY, data, _JSON_TYPE))
        persist(lambda: self._target.learn(ARCHIVE_KEY))

    def _each(self, kind: Kind) -> None:
        with _Hands(self._source, self._target) as hands:
            hands.do(lambda key: self._object(kind, key), self._absent(kind))

    def _absent(self, kind: Kind) -> Iterator[str]:
        return self._keys(f"SELECT key FROM absent WHERE kind = '{kind}' AND key > ? ORDER BY key LIMIT ?")  # noqa: S608 - of four names

    def _keys(self, query: str) -> Iterator[str]:
        """Keys in their order, some at a time: they are struck off while this goes on."""
        after = ""
        while True:
            with self._lock:
                rows = self._db.execute(query, (after, _KEYS_OF_A_LISTING)).fetchall()
            if not rows:
                return
            yield from (key for (key,) in rows)
            (after,) = rows[-1]

    def _object(self, kind: Kind, key: str) -> None:
        data = self._read(key)
        if data is None:
            return
        damage = next(_damage(kind, key, data), None)
        if damage is not None:
            self._leave(_told(damage))
            return
        if self._brings_back(key, data):
            if kind == "views":  # each place makes its own
                with self._lock:
                    self._done.taken_down += 1
                return
            self._leave(
                f"{key}: tells of a post that was taken down in {self._target.url}: take it down in "
                f"{self._source.url}, too, and copy again"
            )
            return
        self._create(kind, key, data)

    def _brings_back(self, key: str, data: bytes) -> bool:
        """Whether an object tells of what was taken down at the target; an index goes with its capture."""
        if self._taken_down and key.startswith(RAW) and key.endswith(".cdxj"):
            key = f"{key.removesuffix('.cdxj')}.warc.gz"
            data = self._read(key) or b""
        return brings_back(self._taken_down, key, data)

    def _posts(self) -> Iterator[list[PostRef]]:
        """The absent versions of each post."""
        refs = (ref for key in self._absent("documents") if (ref := parse_post_key(key)) is not None)
        for _, versions in groupby(refs, key=lambda ref: (ref.site, ref.id)):
            yield list(versions)

    def _post(self, refs: list[PostRef]) -> None:
        if self._is_taken_down(refs[0]):
            with self._lock:
                self._done.taken_down += len(refs)
            return
        for ref in refs:
            data = self._read(ref.key)
            if data is None:
                continue
            damage = next(_damage("documents", ref.key, data), None)
            if damage is not None:
                self._leave(_told(damage))
                continue
            for blob in _blobs_of(read(data, name=ref.key)):
                self._blob(blob, ref)
            self._create("documents", ref.key, data)

    def _fill(self, key: str) -> None:
        """Bring the blobs that a document of the target names, and that are not there."""
        ref = parse_post_key(key)
        try:
            document = read(self._target.read(key), name=key)
            if ref is not None:
                for blob in _blobs_of(document):
                    self._blob(blob, ref)
        except (DamageError, ObjectMissing, TypeError) as error:
            self._leave(f"{key}: cannot be read in {self._target.url}: {error}")

    def _is_taken_down(self, ref: PostRef) -> bool:
        """Whether the target has the post in its register, or holds an earlier version as a stub."""
        if any((entry.site, entry.id) == (ref.site, ref.id) for entry in self._taken_down):
            return True
        before = replace(ref, version=ref.version - 1)
        return ref.version > 1 and is_stub(self._target, before.key)

    def _blob(self, key: str, ref: PostRef) -> None:
        with self._lock:
            absent = self._db.execute("SELECT 1 FROM absent WHERE key = ?", (key,)).fetchone()
        if not absent:
            return
        data = self._read(key, of=ref)
        if data is None:
            return
        if hashlib.sha256(data).hexdigest() != blob_digest(key):
            self._leave(f"{key}, of {ref.key}: its bytes are not those of its name")
        else:
            self._create("blobs", key, data)

    def _read(self, key: str, *, of: PostRef | None = None) -> bytes | None:
        try:
            return self._source.read(key)
        except ObjectMissing:
            self._leave(f"{key}{f', of {of.key}' if of else ''}: is not there any more")
            return None

    def _create(self, kind: Kind, key: str, data: bytes) -> None:
        content_type = content_type_of(key)
        if kind == "views":
            persist(lambda: self._target.put(key, data, content_type))
            created = True
        else:
            created = persist(lambda: self._target.create(key, data, content_type))
        # A store on S3 checks, or reads back itself, what it is sent.
        if (isinstance(self._target, FolderStore) or not created) and self._target.read(key) != data:
            self._leave(f"{key}: what stands in {self._target.url} is not what was sent: look at the disk")
            return
        with self._lock:
            self._db.execute("DELETE FROM absent WHERE key = ?", (key,))
            if not created:  # by another copy, or for another post that shows the same picture
                return
            self._done.objects[kind] += 1
            self._done.bytes += len(data)
            self._progress("objects", self._done.objects.total())

    def _leave(self, reason: str) -> None:
        with self._lock:
            self._done.left += 1
            self._complain(reason)


class _Hands:
    """Threads that do one thing to many, some ahead of each other; none where both places are folders."""

    def __init__(self, source: Store, target: Store) -> None:
        local = isinstance(source, FolderStore) and isinstance(target, FolderStore)
        self._threads = None if local else ThreadPoolExecutor(_THREADS, "copy")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def do(self, work: Callable[[_T], None], things: Iterable[_T]) -> None:
        waiting: deque[Future[None]] = deque()
        for thing in things:
            if self._threads is None:
                work(thing)
                continue
            waiting.append(self._threads.submit(work, thing))
            if len(waiting) > 2 * _THREADS:
                waiting.popleft().result()
        for future in waiting:
            future.result()


def _paired(
    mine: Iterable[ObjectInfo], theirs: Iterable[ObjectInfo]
) -> Iterator[tuple[ObjectInfo, ObjectInfo | None] | tuple[None, ObjectInfo]]:
    """Two listings side by side; each in the order of keys."""
    others = iter(theirs)
    other = next(others, None)
    for each in mine:
        while other is not None and other.key < each.key:
            yield None, other
            other = next(others, None)
        if other is not None and other.key == each.key:
            yield each, other
            other = next(others, None)
        else:
            yield each, None
    if other is not None:
        yield None, other
    yield from ((None, each) for each in others)


def _is_ours(kind: Kind, key: str) -> bool:
    """Whether an object is part of the format."""
    if kind == "documents":
        return parse_post_key(key) is not None
    if kind == "takedowns":
        return parse_takedown_key(key) is not None
    return kind != "blobs" or blob_digest(key) is not None


def _blobs_of(document: Document) -> tuple[str, ...]:
    if document.is_takedown:
        return ()
    original = document.original
    return (*(image.key for image in document.images), *((original.key,) if original else ()))


def _damage(kind: Kind, key: str, data: bytes) -> Iterator[Finding]:
    """What is wrong with an object by its own bytes."""
    if kind == "documents" and (ref := parse_post_key(key)) is not None:
        yield from check_document(ref, data)
        yield from check_place(ref, read(data, name=key).front)
    elif kind == "captures" and key.endswith(".gz"):
        yield from check_capture(key, data)
    elif kind == "reports":
        yield from check_report(key, data)
    elif kind == "takedowns":
        yield from check_entry(key, data)


def _rewritten(some: Iterable[Entry]) -> Iterator[str]:
    """The keys of captures, their indexes and reports that takedowns have rewritten."""
    for entry in some:
        for segment in entry.segments:
            yield from (segment, index_key(segment))
        yield from entry.reports


def _told(finding: Finding) -> str:
    return f"{finding.key}: {finding.code}: {finding.detail}"
