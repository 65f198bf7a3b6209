"""Takes a post down: nothing of its text and its images stays in the archive, and nothing brings it back.

The one exception to "nothing is ever overwritten". It may be ended at any moment and given again::

    entry in the register ──▶ stub as the version after the newest: no writer can add another
        ──▶ a stub in the place of every version
        ──▶ captures without its records ──▶ blobs that only it named ──▶ reports ──▶ views
        ──▶ entry: finished

Each step is found done or not done by what stands in the store, and what must be known of the post when it is gone is
in the entry: digests, by which its traces are told (`archive.traces`). The newest version is always a stub from then
on, so that whoever would add one meets it, whatever they knew before.

Blobs are removed as `archive.garbage` does it, without the time between: one is set aside, documents that came
meanwhile are read, and it is put back or gone. A writer that found a blob there before, and names it in another post
only after that, is left without: `birdnest verify` tells.

Of a bucket with versions nothing older is left of all that is touched; what is locked is told, and all else is done.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from archive.ahead import ReadAhead
from archive.document import CONTENT_TYPE, Document, read, read_front, sealed, write
from archive.errors import DamageError, ObjectMissing, UsageError
from archive.layout import (
    ARCHIVE_KEY,
    IMAGE_EXTENSIONS,
    LAST_VERSION,
    MEDIA_TYPES,
    POSTS,
    RAW,
    RUNS,
    SET_ASIDE,
    VIEWS,
    PostRef,
    blob_digest,
    index_key,
    parse_post_key,
    post_prefix,
)
from archive.model import JSON
from archive.model import sealed as sealed_json
from archive.register import GONE, JSON_TYPE, Entry, Rewritten, entry_bytes, read_entry
from archive.store import ErasingStore, Locked, ObjectInfo, Store
from archive.traces import Phrase, Text, Title, Traces, address_digest
from archive.views import catalogue
from archive.warc import index_lines
from archive.warc_cut import Cut, Fate, Record, cut
from archive.writer import persist

_ASIDE: Final = f"{SET_ASIDE}takedown/"
_ADDRESS = re.compile(r"https?://[^\s\"'<>，。；）]+")
_PICTURES: Final = frozenset(IMAGE_EXTENSIONS.values())
Progress = Callable[[str, int], None]
Complain = Callable[[str], None]


def take_down(
    store: ErasingStore,
    site: str,
    id_: str,
    *,
    why: str | None,
    now: datetime,
    addresses: Iterable[str] = (),
    dry_run: bool = False,
    progress: Progress = lambda _what, _done: None,
    complain: Complain = lambda _line: None,
) -> Entry:
    """Take a post down, or go on with it; its entry in the register. `dry_run`: only what that would be.

    store: opened so that everything may be replaced. why: may be None where the register says it. addresses: web
    addresses that lead to the post, beside the one that its versions name. complain: told of what could not be
    searched. Raises UsageError where there is nothing to take down or no reason, DamageError, StoreError.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db, ReadAhead(store) as reader:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE document (key TEXT PRIMARY KEY) WITHOUT ROWID")
        entry = _entry(store, site, id_, why, now)
        work = _Takedown(store, reader, db, entry, dry_run=dry_run, progress=progress, complain=complain)
        return work.run(now, addresses)


def _entry(store: Store, site: str, id_: str, why: str | None, now: datetime) -> Entry:
    found = read_entry(store, site, id_)
    if found is not None:
        return replace(found, locked=(), unread=())
    if not any(parse_post_key(info.key) for info in store.list(post_prefix(site, id_))):
        raise UsageError(f"archive {store.url}: holds no post {site}/{id_}: `birdnest list` prints what it holds")
    if not why:
        raise UsageError(f"{site}/{id_}: say why it is taken down: --reason …")
    return Entry(site=site, id=id_, when=now, why=why)


def whole_versions(store: Store, site: str, id_: str) -> list[PostRef]:
    """The versions of a post that are no stubs."""
    refs = (parse_post_key(info.key) for info in store.list(post_prefix(site, id_)))
    return [ref for ref in refs if ref is not None and not is_stub(store, ref.key)]


def is_stub(store: Store, key: str) -> bool:
    """Whether a document is a stub; one that cannot be read is none."""
    try:
        return read_front(store.read(key), name=key).get("op") == "takedown"
    except (DamageError, ObjectMissing):
        return False


def stub(ref: PostRef, *, when: datetime, why: str, was: str | None) -> bytes:
    """The document that stands where a version was. was: that one's SHA-256; None where there was none."""
    front: dict[str, JSON] = {
        "op": "takedown",
        "site": ref.site,
        "id": ref.id,
        "version": ref.version,
        "when": when.isoformat(),
        "why": why,
        "was": was,
    }
    return write(sealed(Document(front=front, body="")))


class Fates:
    """What becomes of the records of captures when some posts are taken down. Remembers what was cut, for revisits."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._traces = [entry.traces for entry in entries]
        self._cut = {id_ for entry in entries for id_ in entry.cut}
        self._pictures = {blob_digest(key) for entry in entries for key in entry.images}
        places = (entry.traces.blobs.get(key, ()) for entry in entries for key in entry.images)
        self._places = {place for some in places for place in some}

    def of(self, data: bytes) -> Cut:
        """A segment without what has to go. Raises DamageError where it is none."""
        return cut(data, self._fate)

    def _fate(self, record: Record) -> Fate:
        fate = self._decide(record)
        if fate == "cut":
            self._cut.add(record.id)
        return fate

    def _decide(self, record: Record) -> Fate:
        if record.refers_to in self._cut or self._is_its_own(record):
            return "cut"
        if record.kind != "response" or "warc-truncated" in record.headers:
            return "stays"
        payload = record.payload
        if hashlib.sha256(payload).hexdigest() in self._pictures:
            return "cut"
        if any(record.id in traces.lists for traces in self._traces):
            return "emptied"
        if not record.is_text or not payload:
            return "stays"
        text = Text.of_bytes(payload, charset=record.charset, base=record.url)
        return "emptied" if any(traces.are_in(text) for traces in self._traces) else "stays"

    def _is_its_own(self, record: Record) -> bool:
        address = address_digest(record.url) if record.url else ""
        if address in self._places:
            return True
        return any(record.id in traces.records or address in traces.addresses for traces in self._traces)


class _Takedown:
    def __init__(
        self,
        store: ErasingStore,
        reader: ReadAhead,
        db: sqlite3.Connection,
        entry: Entry,
        *,
        dry_run: bool,
        progress: Progress,
        complain: Complain,
    ) -> None:
        self._store = store
        self._reader = reader
        self._db = db
        self._entry = entry
        self._dry = dry_run
        self._progress = progress
        self._complain = complain
        self._prefix = post_prefix(entry.site, entry.id)
        self._named: set[str] = set()
        self._records: set[str] = set()
        self._titles: set[Phrase] = set()
        self._documents = 0
        self._locked: dict[tuple[str, str], Locked] = {}
        self._unread: dict[str, None] = {}
        self._blind = False

    def run(self, now: datetime, addresses: Iterable[str]) -> Entry:
        if not self._dry:
            persist(lambda: self._store.learn(ARCHIVE_KEY))
        self._learn(Traces(addresses=tuple(map(address_digest, addresses))), self._whole())
        self._close()
        self._read_others()
        traces = self._entry.traces.beside(titles=self._titles, records=self._records)
        kept = tuple(sorted(key for key in traces.blobs if key in self._named))
        # Where a document cannot be read nobody knows what it names.
        self._blind = bool(self._unread)
        going = () if self._blind else tuple(sorted(key for key in traces.blobs if key not in self._named))
        self._save(traces=traces, images=going, kept=kept)
        self._captures()
        self._blobs()
        self._reports()
        self._views()
        self._save(
            finished=None if self._unread else self._entry.finished or now,
            locked=tuple(self._locked.values()),
            unread=tuple(self._unread),
        )
        if not self._dry:
            # What is locked of the entry itself is no post's.
            persist(lambda: self._store.erase(self._entry.key, keep_current=True))
        return self._entry

    # -- writing ---------------------------------------------------------------------------------------------------

    def _save(self, **changes: Any) -> None:
        changed = replace(self._entry, **changes)
        if changed == self._entry and any(True for _ in self._store.list(self._entry.key)):
            return
        self._entry = changed
        self._replace(changed.key, entry_bytes(changed), JSON_TYPE)

    def _replace(self, key: str, data: bytes, content_type: str) -> None:
        if not self._dry:
            persist(lambda: self._store.replace(key, data, content_type))

    def _erase(self, key: str, *, keep_current: bool = False) -> None:
        if not self._dry:
            for locked in persist(lambda: self._store.erase(key, keep_current=keep_current)):
                self._locked[locked.key, locked.version] = locked

    def _cannot_search(self, key: str, why: object) -> None:
        if key not in self._unread:
            self._unread[key] = None
            self._complain(f"{key}: cannot be searched: {why}: `birdnest verify --full` tells more")

    # -- the post's own versions -----------------------------------------------------------------------------------

    def _refs(self) -> list[PostRef]:
        refs = (parse_post_key(info.key) for info in self._store.list(self._prefix))
        return sorted(ref for ref in refs if ref is not None)

    def _whole(self) -> list[tuple[PostRef, bytes]]:
        """The versions that are no stubs."""
        found = [(ref, self._store.read(ref.key)) for ref in self._refs()]
        return [(ref, data) for ref, data in found if not _is_stub(data)]

    def _learn(self, more: Traces, versions: Sequence[tuple[PostRef, bytes]]) -> None:
        """Put into the entry what some versions leave elsewhere, before they are gone."""
        traces = self._entry.traces | more
        for ref, data in versions:
            try:
                traces |= Traces.of(read(data, name=ref.key))
            except DamageError as error:
                self._complain(f"{ref.key}: cannot be read, so that what it left elsewhere is not known: {error}")
        self._save(traces=traces, finished=None if versions else self._entry.finished)

    def _close(self) -> None:
        """Put a stub after the newest version, and then one in the place of each."""
        while not self._dry and not self._is_closed():
            last = self._refs()[-1]
            after = replace(last, version=last.version + 1)
            data = stub(after, when=self._entry.when, why=self._entry.why, was=None)
            if after.version > LAST_VERSION or persist(lambda: self._store.create(after.key, data, CONTENT_TYPE)):  # noqa: B023 - called at once
                break
        while versions := self._whole():
            self._learn(Traces(), versions)
            self._save(versions=max(self._entry.versions, len(versions)))
            if self._dry:
                break
            for ref, data in versions:
                was = hashlib.sha256(data).hexdigest()
                self._replace(ref.key, stub(ref, when=self._entry.when, why=self._entry.why, was=was), CONTENT_TYPE)
        for key in self._store.with_history(self._prefix):
            self._erase(key, keep_current=True)
        if not self._dry:
            stubs = [read_front(self._store.read(ref.key), name=ref.key) for ref in self._refs()]
            self._save(versions=sum(bool(front.get("was")) for front in stubs))

    def _is_closed(self) -> bool:
        return _is_stub(self._store.read(self._refs()[-1].key))

    # -- what other posts name -------------------------------------------------------------------------------------

    def _read_others(self) -> None:
        """Note what other posts name that this one does, of documents that were not read yet."""
        traces = self._entry.traces
        records, titles = {*traces.records, *traces.lists}, {title.phrase for title in traces.titles}
        for info, data in self._reader.read((info, True) for info in self._unread_documents()):
            self._documents += 1
            self._progress("documents", self._documents)
            if data is None:
                continue
            try:
                document = Document(front=read_front(data, name=info.key), body="")
                if document.is_takedown:
                    continue
                named = {image.key for image in document.images}
                named |= {document.original.key} if document.original else set()
                held = {record["record_id"] for record in document.front.get("warc") or ()}
                title = Title.of(document.front.get("title") or "")
            except (DamageError, TypeError, AttributeError, KeyError) as error:
                self._cannot_search(info.key, error)
                continue
            self._named |= named & traces.blobs.keys()
            self._records |= held & records
            self._titles |= {title.phrase} & titles if title else set()

    def _unread_documents(self) -> Iterator[ObjectInfo]:
        for info in self._store.list(POSTS):
            if parse_post_key(info.key) is None or info.key.startswith(self._prefix):
                continue
            if self._db.execute("INSERT OR IGNORE INTO document VALUES (?)", (info.key,)).rowcount:
                yield info

    # -- captures --------------------------------------------------------------------------------------------------

    def _captures(self) -> None:
        fates = Fates([self._entry])
        segments = (info for info in self._store.list(RAW) if info.key.endswith(".warc.gz"))
        for number, (info, data) in enumerate(self._reader.read((info, True) for info in segments), start=1):
            self._progress("captures", number)
            if data is None:
                continue
            try:
                rest = fates.of(data)
                if rest.cut or rest.emptied or info.key in self._entry.segments:
                    self._rewrite(info.key, rest)
            except (DamageError, ValueError) as error:
                self._cannot_search(info.key, error)

    def _rewrite(self, segment: str, rest: Cut) -> None:
        """Put a segment and its index without what was cut; again where an earlier call was ended between the two."""
        before = self._entry.segments.get(segment, Rewritten())
        after = Rewritten(cut=(*before.cut, *rest.cut), emptied=(*before.emptied, *rest.emptied))
        index = "".join(index_lines(rest.data, segment.rpartition("/")[2])).encode()
        self._save(segments={**self._entry.segments, segment: after})
        if rest.cut or rest.emptied:
            self._replace(segment, rest.data, "application/gzip")
        self._replace(index_key(segment), index, "text/x-cdxj")
        for key in (segment, index_key(segment)):
            self._erase(key, keep_current=True)

    # -- blobs -----------------------------------------------------------------------------------------------------

    def _blobs(self) -> None:
        if self._blind and self._entry.traces.blobs:
            self._complain("no image was removed: what the documents that cannot be read name is not known")
        if self._dry:
            return
        for key in self._entry.images:
            self._set_aside(key)
        unread = len(self._unread)
        self._read_others()
        is_blind = len(self._unread) > unread
        back = [key for key in self._entry.images if is_blind or key in self._named]
        for key in self._entry.images:
            if key in back:
                self._put_back(key)
            else:
                self._erase(key)
        for place in self._places_aside():
            self._erase(place)
        if back:
            images = tuple(key for key in self._entry.images if key not in back)
            self._save(images=images, kept=tuple(sorted({*self._entry.kept, *back})))

    def _set_aside(self, key: str) -> None:
        try:
            data = self._store.read(key)
        except ObjectMissing:
            return
        persist(lambda: self._store.create(_ASIDE + key, data, MEDIA_TYPES[key.rpartition(".")[2]]))
        persist(lambda: self._store.delete(key))

    def _places_aside(self) -> list[str]:
        """Where copies of the blobs are set aside, by this takedown or by collections, or were."""
        listed = (info.key for info in self._store.list(SET_ASIDE))
        found = dict.fromkeys((*listed, *self._store.with_history(SET_ASIDE)))
        return [place for place in found if place.endswith(self._entry.images)]

    def _put_back(self, key: str) -> None:
        try:
            data = self._store.read(_ASIDE + key)
        except ObjectMissing:
            return
        persist(lambda: self._store.create(key, data, MEDIA_TYPES[key.rpartition(".")[2]]))

    # -- reports ---------------------------------------------------------------------------------------------------

    def _reports(self) -> None:
        for number, (info, data) in enumerate(self._reader.read((i, True) for i in self._store.list(RUNS)), start=1):
            self._progress("reports", number)
            if data is None:
                continue
            try:
                value = json.loads(data)
            except ValueError as error:
                self._cannot_search(info.key, error)
                continue
            rest = _without(value, [self._entry])
            if rest != value:
                self._save(reports=tuple(dict.fromkeys((*self._entry.reports, info.key))))
                text = json.dumps(sealed_json(rest), ensure_ascii=False, indent=2) + "\n"
                self._replace(info.key, text.encode("utf-8", "backslashreplace"), JSON_TYPE)
        for key in self._entry.reports:
            self._erase(key, keep_current=True)

    # -- views -----------------------------------------------------------------------------------------------------

    def _views(self) -> None:
        removed = 0
        of_catalogue = set(catalogue.of_post(self._store, self._prefix))
        others = (info for info in self._store.list(VIEWS) if not info.key.startswith(catalogue.CATALOGUE))
        for info, data in self._reader.read((info, True) for info in others):
            if data is not None and shows([self._entry], info.key, data):
                removed += 1
                self._erase(info.key)
        for key in sorted(of_catalogue):
            removed += 1
            self._erase(key)
        for key in self._store.with_history(VIEWS):
            self._erase(key, keep_current=True)
        self._save(views=self._entry.views + removed)
        if of_catalogue and not self._dry:
            self._make_catalogue()

    def _make_catalogue(self) -> None:
        try:
            catalogue.build(self._store, progress=self._progress, complain=self._complain)
        except UsageError as error:
            self._complain(f"the catalogue's months in which the post was are removed, and not made again: {error}")


def brings_back(some: Sequence[Entry], key: str, data: bytes) -> bool:
    """Whether a capture, its index, a report or an object of a view has what was taken out of it, or would be.

    Raises DamageError for a capture that is none.
    """
    if not some:
        return False
    if key.startswith(RUNS):
        return tells(some, data)
    if key.startswith(VIEWS):
        return shows(some, key, data)
    if key.startswith(RAW) and key.endswith(".cdxj"):
        return any(index_key(segment) == key for entry in some for segment in entry.segments)
    if not key.startswith(RAW):
        return False
    rest = Fates(some).of(data)
    return bool(rest.cut or rest.emptied)


def shows(some: Sequence[Entry], key: str, data: bytes) -> bool:
    """Whether an object of a view shows posts that were taken down; one that nobody can look into may."""
    if hashlib.sha256(data).hexdigest() in {blob_digest(blob) for entry in some for blob in entry.images}:
        return True
    if key.rpartition(".")[2] in _PICTURES - {"svg"}:
        return False
    try:
        text = Text([data.decode()])
    except UnicodeDecodeError:
        return True
    return any(entry.traces.are_in(text) for entry in some)


def tells(some: Sequence[Entry], data: bytes) -> bool:
    """Whether a report, or another text, tells of posts that were taken down."""
    try:
        value = json.loads(data)
    except ValueError:
        text = Text.of_bytes(data)
        return any(entry.traces.are_in(text) for entry in some)
    return bool(_without(value, some) != value)


def _without(value: JSON, some: Sequence[Entry]) -> JSON:
    """A report's value without the texts that tell of posts."""
    if isinstance(value, str):
        return GONE if is_told(value, some) else value
    if isinstance(value, list):
        return [_without(item, some) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, some) for key, item in value.items()}
    return value


def is_told(text: str, some: Sequence[Entry]) -> bool:
    """Whether a text tells of posts that were taken down, or names an address of theirs."""
    addresses = {address_digest(url.rstrip(".,:;)")) for url in _ADDRESS.findall(text)}
    words = Text([text])
    return any(not addresses.isdisjoint(each.traces.addresses) or each.traces.are_in(words) for each in some)


def _is_stub(data: bytes) -> bool:
    try:
        return read_front(data).get("op") == "takedown"
    except DamageError:
        return False
