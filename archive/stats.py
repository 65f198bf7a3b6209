"""What an archive holds, counted: posts, versions, images and bytes by site and month, and what sharing images saves.

One listing and one reading of every document; memory is bounded by the number of months: which image was named
already lies in a temporary file of SQLite's own. A post counts in the month of its publication by its own clock, and
where that is not known in that of its fetching; an image counts once, where a document first names it, so that the
rows add up.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from archive.ahead import ReadAhead
from archive.document import read_front
from archive.errors import DamageError
from archive.layout import BLOBS, POSTS, RAW, RUNS, VIEWS, parse_post_key, parse_run_key
from archive.model import JSON
from archive.reader import parse_report
from archive.store import ObjectInfo, Store

_CLASSES: Final = {POSTS: "documents", BLOBS: "blobs", RAW: "captures", RUNS: "reports", VIEWS: "views"}
_MONTH_DAYS: Final = 30
_GB: Final = 10**9
_THOUSAND: Final = 1000
WRITES: Final = frozenset(("PUT", "LIST", "COPY", "POST"))
"""Requests that S3's price lists count as writes; all others but DELETE, which is free, count as reads."""


@dataclass(kw_only=True)
class Row:
    """What a month of a site holds. bytes: of all its versions' documents, and of the images first named there."""

    posts: int = 0
    versions: int = 0
    images: int = 0
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What a store costs, in any one currency: a GB (10⁹ bytes) for a month, a thousand writes, a thousand reads."""

    gb_month: float = 0.0
    writes: float = 0.0
    reads: float = 0.0


@dataclass(kw_only=True)
class Stats:
    """An archive's numbers.

    months: by site and month (`YYYY-MM`). objects, bytes: by class, `documents`, `blobs`, `captures`, `reports`,
    `views`, `others`. taken_down: versions that are stubs. named_bytes: what the images of all versions would take if
    each version kept its own; stored_bytes: what they take. requests: what the runs of the thirty days up to the newest
    report's day asked of the store, by name.
    """

    months: dict[tuple[str, str], Row] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    taken_down: int = 0
    named_bytes: int = 0
    stored_bytes: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def saved_bytes(self) -> int:
        return self.named_bytes - self.stored_bytes

    def sites(self) -> dict[str, Row]:
        """The months of each site, added up."""
        found: dict[str, Row] = {}
        for (site, _), row in self.months.items():
            whole = found.setdefault(site, Row())
            for name, value in vars(row).items():
                setattr(whole, name, getattr(whole, name) + value)
        return found

    def cost(self, prices: Prices) -> float:
        """What a month costs, with requests as in the last thirty days."""
        writes = sum(count for name, count in self.requests.items() if name in WRITES)
        reads = sum(count for name, count in self.requests.items() if name not in WRITES and name != "DELETE")
        kept = sum(self.bytes.values()) / _GB * prices.gb_month
        return kept + writes / _THOUSAND * prices.writes + reads / _THOUSAND * prices.reads

    def as_json(self) -> dict[str, JSON]:
        rows = [{"site": site, "month": month, **vars(row)} for (site, month), row in sorted(self.months.items())]
        return {
            "months": rows,
            "objects": dict(self.objects),
            "bytes": dict(self.bytes),
            "taken_down": self.taken_down,
            "named_bytes": self.named_bytes,
            "stored_bytes": self.stored_bytes,
            "saved_bytes": self.saved_bytes,
            "requests": dict(self.requests),
        }


def stats(store: Store, *, progress: Callable[[str, int], None], complain: Callable[[str], None]) -> Stats:
    """Count. `complain` is told of documents and reports that cannot be read; their bytes count. Raises StoreError."""
    with closing(sqlite3.connect("", isolation_level=None)) as db, ReadAhead(store) as reader:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE blob (key TEXT PRIMARY KEY) WITHOUT ROWID")
        db.execute("BEGIN")
        return _Counting(store, reader, db, progress, complain).run()


class _Counting:
    def __init__(
        self,
        store: Store,
        reader: ReadAhead,
        db: sqlite3.Connection,
        progress: Callable[[str, int], None],
        complain: Callable[[str], None],
    ) -> None:
        self._store = store
        self._reader = reader
        self._db = db
        self._progress = progress
        self._complain = complain
        self._found = Stats()
        self._last: tuple[str, str] | None = None

    def run(self) -> Stats:
        for number, (info, data) in enumerate(self._reader.read(self._wanted()), start=1):
            self._progress("objects", number)
            if data is not None:
                try:
                    self._document(info, data)
                except (DamageError, TypeError, KeyError, AttributeError) as error:
                    self._complain(f"{info.key}: {error}")
        self._requests()
        return self._found

    def _wanted(self) -> Iterator[tuple[ObjectInfo, bool]]:
        for info in self._store.list():
            class_ = next((name for prefix, name in _CLASSES.items() if info.key.startswith(prefix)), "others")
            self._found.objects[class_] += 1
            self._found.bytes[class_] += info.bytes
            yield info, parse_post_key(info.key) is not None

    def _document(self, info: ObjectInfo, data: bytes) -> None:
        ref = parse_post_key(info.key)
        front = read_front(data, name=info.key)
        if ref is None:
            return
        if front.get("op") == "takedown":
            self._found.taken_down += front.get("was", "") is not None  # the last stub replaced nothing
            return
        month = (front.get("published_at") or front["fetched_at"])[:7]
        row = self._found.months.setdefault((ref.site, month), Row())
        row.versions += 1
        row.posts += self._last != (ref.site, ref.id)
        self._last = (ref.site, ref.id)
        row.bytes += info.bytes
        for size in self._new_blobs(front):
            row.images += 1
            row.bytes += size
            self._found.stored_bytes += size

    def _new_blobs(self, front: Mapping[str, JSON]) -> Iterator[int]:
        """The sizes of the images that no document before this one has named."""
        for image in front.get("images") or ():
            self._found.named_bytes += image["bytes"]
            if self._db.execute("INSERT OR IGNORE INTO blob VALUES (?)", (image["key"],)).rowcount:
                yield image["bytes"]

    def _requests(self) -> None:
        places = ((info.key, parse_run_key(info.key)) for info in self._store.list(RUNS))
        days = {key: date.fromisoformat(place.day) for key, place in places if place is not None}
        newest = max(days.values(), default=None)
        for key, day in days.items():
            if newest is not None and newest - day < timedelta(days=_MONTH_DAYS):
                try:
                    self._found.requests.update(parse_report(self._store.read(key), key).store_requests)
                except DamageError as error:
                    self._complain(str(error))
