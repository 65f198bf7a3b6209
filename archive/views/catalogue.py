"""The catalogue: a row for each version of each post, as JSON Lines and as Parquet, by site and month of publication.

::

    views/catalogue/jsonl/site=niaogebiji/month=2022-07/posts.jsonl
    views/catalogue/parquet/site=niaogebiji/month=2022-07/posts.parquet
    views/catalogue/index.json

A build lists the archive, reads the documents that no row stands for, and writes the months these belong to: Parquet
first, then the JSON Lines, and when all is done the index. So rows that are there are whole, whatever ended a build,
and the next one goes on from them. A row stands for its document when key and size are those of the listing, and
the month was written after the document: a takedown, which overwrites documents, is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from archive.document import Document, to_post
from archive.errors import DamageError, ObjectMissing
from archive.layout import VIEWS, PostRef
from archive.model import JSON, iso, join_surrogates
from archive.store import ObjectInfo, Store
from archive.views.links import head_image
from archive.views.parquet import ParquetWriter
from archive.views.sources import Complain, Progress, documents, versions

CATALOGUE = f"{VIEWS}catalogue/"
ROWS = f"{CATALOGUE}jsonl/"
PARQUET = f"{CATALOGUE}parquet/"
INDEX_KEY = f"{CATALOGUE}index.json"
FORMAT = "birdnest-catalogue"
FORMAT_VERSION = 1
JSON_LINES_TYPE = "application/x-ndjson"
PARQUET_TYPE = "application/vnd.apache.parquet"

_IMAGE = (
    "STRUCT(url VARCHAR, key VARCHAR, sha256 VARCHAR, bytes BIGINT, media_type VARCHAR, width BIGINT, height BIGINT)"
)
COLUMNS: Mapping[str, str] = {
    "key": "VARCHAR",
    "document_bytes": "BIGINT",
    "document_sha256": "VARCHAR",
    "site": "VARCHAR",
    "month": "VARCHAR",
    "id": "VARCHAR",
    "version": "INTEGER",
    "taken_down": "BOOLEAN",
    "title": "VARCHAR",
    "author": "VARCHAR",
    "url": "VARCHAR",
    "permalink": "VARCHAR",
    "categories": "VARCHAR[]",
    "section": "VARCHAR",
    "tags": "VARCHAR[]",
    "description": "VARCHAR",
    "lang": "VARCHAR",
    "date": "TIMESTAMPTZ",
    "published_at": "TIMESTAMPTZ",
    "published_on": "DATE",
    "updated_at": "TIMESTAMPTZ",
    "fetched_at": "TIMESTAMPTZ",
    "head_image": "VARCHAR",
    "body_bytes": "BIGINT",
    "text_characters": "BIGINT",
    "image_count": "INTEGER",
    "image_bytes": "BIGINT",
    "missing_image_count": "INTEGER",
    "embed_count": "INTEGER",
    "images": f"{_IMAGE}[]",
    "missing_images": "STRUCT(url VARCHAR, reason VARCHAR, retryable BOOLEAN)[]",
    "embeds": "STRUCT(kind VARCHAR, url VARCHAR, title VARCHAR)[]",
    "boilerplate": "VARCHAR[]",
    "warc": "STRUCT(segment VARCHAR, record_id VARCHAR)[]",
    "sources": "MAP(VARCHAR, VARCHAR)",
    "original": "STRUCT(key VARCHAR, sha256 VARCHAR, bytes BIGINT, media_type VARCHAR)",
    "parent": "VARCHAR",
    "source_sha256": "VARCHAR",
    "content_sha256": "VARCHAR",
    "body_sha256": "VARCHAR",
    "front_sha256": "VARCHAR",
    "extractor": "VARCHAR",
    "generator": "VARCHAR",
    "taken_down_at": "TIMESTAMPTZ",
    "taken_down_why": "VARCHAR",
    "was": "VARCHAR",
    "more": "VARCHAR",
}
"""The columns of a row in their order, with their types in Parquet (as DuckDB names types). JSON Lines hold times as
ISO 8601 with the offset that the document has. `more` is a JSON object of the front matter's other keys."""

_HANDLED = {"headimg", "thumbnail", "comments", "disableNunjucks", "op", "when", "why"}
_ROW_STARTS = re.compile(rb'\{"key": "([!-~]+)", "document_bytes": (\d+), ')
_PLACE = re.compile(r"site=(?P<site>[a-z0-9][a-z0-9-]*)/month=(?P<month>[0-9]{4}-[0-9]{2})/posts\.jsonl")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_ROWS_AT_ONCE = 20_000

Row = Mapping[str, JSON]


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """One partition: the rows of one site and month."""

    site: str
    month: str

    @property
    def rows_key(self) -> str:
        return f"{ROWS}{self._path}/posts.jsonl"

    @property
    def parquet_key(self) -> str:
        return f"{PARQUET}{self._path}/posts.parquet"

    @property
    def _path(self) -> str:
        return f"site={self.site}/month={self.month}"


def parse_place(key: str) -> Place | None:
    """The partition whose JSON Lines a key names, or None.

    >>> parse_place("views/catalogue/jsonl/site=niaogebiji/month=2022-07/posts.jsonl")
    Place(site='niaogebiji', month='2022-07')
    """
    match = _PLACE.fullmatch(key.removeprefix(ROWS)) if key.startswith(ROWS) else None
    return Place(site=match["site"], month=match["month"]) if match else None


# -- rows ----------------------------------------------------------------------------------------------------------


def row_of(ref: PostRef, data: bytes, document: Document) -> Row:
    """The row of a document. Raises DamageError where its front matter is not that of a post or a stub."""
    common = {
        "key": ref.key,
        "document_bytes": len(data),
        "document_sha256": hashlib.sha256(data).hexdigest(),
        "site": ref.site,
        "id": ref.id,
        "version": ref.version,
    }
    row = _stub_row(document) if document.is_takedown else _post_row(document)
    more = {key: value for key, value in document.front.items() if key not in COLUMNS and key not in _HANDLED}
    row |= common | {"more": json.dumps(more, ensure_ascii=False) if more else None}
    return {name: row.get(name) for name in COLUMNS}


def _post_row(document: Document) -> dict[str, JSON]:
    post = to_post(document)  # raises where a key is missing or of the wrong type
    front = document.front
    published = post.published_at
    given = {name: front.get(name) for name in COLUMNS if name in front}
    return given | {
        "month": (published or post.date.astimezone(UTC)).isoformat()[:7],
        "taken_down": False,
        "date": iso(post.date),
        "published_on": published.date().isoformat() if published else None,
        "head_image": head_image(front),
        "body_bytes": len(post.body.encode()),
        "text_characters": _characters(post.body),
        "image_count": len(post.images),
        "image_bytes": sum(image.bytes for image in post.images),
        "missing_image_count": len(post.missing_images),
        "embed_count": len(post.embeds),
    }


def _stub_row(document: Document) -> dict[str, JSON]:
    front, when = document.front, document.moment("when")
    if when is None:
        raise DamageError(f"{front.get('site')}/{front.get('id')}: a stub that does not say when it was taken down")
    return {
        "month": when.isoformat()[:7],
        "taken_down": True,
        "taken_down_at": front["when"],
        "taken_down_why": front.get("why"),
        "was": front.get("was"),
        "front_sha256": front.get("front_sha256"),
        "url": front.get("url"),
    }


def _characters(body: str) -> int:
    """How many characters a reader sees, white space not counted."""
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{body}").body
    return len("".join(root.text().split())) if root is not None else 0


def line_of(row: Row) -> bytes:
    """A row as a line of JSON. A lone surrogate, which is no character, becomes U+FFFD."""
    text = join_surrogates(json.dumps(row, ensure_ascii=False))
    return (_LONE_SURROGATE.sub("\ufffd", text) + "\n").encode()


# -- what is there -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a row says of its document, and where the row is."""

    bytes: int
    place: Place
    written: datetime

    def stands_for(self, size_bytes: int, modified: datetime) -> bool:
        """Whether the row is one of a document that the archive's listing has so."""
        return self.bytes == size_bytes and modified < self.written


@dataclass(kw_only=True)
class Months:
    """The partitions of a store's catalogue: the digest and number of rows of each, and all rows by their keys."""

    digests: dict[Place, str] = field(default_factory=dict)
    counts: dict[Place, int] = field(default_factory=dict)
    rows: dict[str, Held] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Months:
        """Read the JSON Lines; months whose Parquet is not there, or of other columns, count for nothing."""
        parquet = {info.key for info in store.list(PARQUET)}
        found = cls()
        for info, place in places(store):
            data = store.read(info.key)
            if place.parquet_key in parquet and _has_our_columns(data):
                found.learn(place, data, info.modified)
        return found

    def learn(self, place: Place, data: bytes, written: datetime) -> None:
        self.digests[place] = hashlib.sha256(data).hexdigest()
        self.counts[place] = data.count(b"\n")
        for line in data.splitlines():
            match = _ROW_STARTS.match(line)
            if match:
                held = Held(bytes=int(match[2]), place=place, written=written)
                self.rows[match[1].decode()] = held


def places(store: Store) -> Iterator[tuple[ObjectInfo, Place]]:
    """The partitions of a store's catalogue, in the order of their keys."""
    for info in store.list(ROWS):
        place = parse_place(info.key)
        if place is not None:
            yield info, place


def of_post(store: Store, prefix: str) -> Iterator[str]:
    """The keys of a catalogue that must go with a post whose documents' keys begin so; all of Parquet without rows."""
    known, found = set(), False
    for info, place in places(store):
        known.add(place.parquet_key)
        begins = f'{{"key": "{prefix}'.encode()
        lines = store.read(info.key).splitlines()
        if any(line.startswith(begins) and b'"taken_down": false' in line for line in lines):
            found = True
            yield from (place.rows_key, place.parquet_key)
    for info in store.list(CATALOGUE):
        stranger = info.key not in known and info.key != INDEX_KEY and not info.key.startswith(ROWS)
        if stranger or (found and info.key == INDEX_KEY):
            yield info.key


def is_of_this_format(store: Store) -> bool:
    """Whether rows that are there mean what ours do; a build that was ended early has left no index."""
    try:
        index = json.loads(store.read(INDEX_KEY))
    except (ObjectMissing, ValueError):
        return True
    return isinstance(index, dict) and index.get("version") == FORMAT_VERSION


def rows(data: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a partition's JSON Lines; a line that is no row of ours is passed over."""
    for line in data.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and list(row) == list(COLUMNS):
            yield row


def rows_that_stand(store: Store, wanted: Callable[[Held, str], bool]) -> Iterator[dict[str, Any]]:
    """The rows of a store's catalogue that are wanted: `wanted` is given what a row says, and its key."""
    if not is_of_this_format(store):
        return
    for info, place in places(store):
        for row in rows(store.read(info.key)):
            held = Held(bytes=row["document_bytes"], place=place, written=info.modified)
            if isinstance(row["key"], str) and wanted(held, row["key"]):
                yield row


def _has_our_columns(data: bytes) -> bool:
    try:
        return list(json.loads(data[: data.index(b"\n")])) == list(COLUMNS)
    except ValueError:
        return False


# -- building ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build did: rows in all, documents it read, partitions it wrote or removed."""

    rows: int
    read: int
    written: int
    removed: int


def build(store: Store, *, progress: Progress, complain: Complain) -> Built:
    """Bring the catalogue of an archive up to date.

    `complain` is told of each document that cannot be read, which has no row. Raises UsageError where DuckDB is not
    installed, StoreError.
    """
    with ParquetWriter(COLUMNS, without=("site", "month")) as parquet:
        return _Build(store, parquet, progress, complain).run()


class _Build:
    def __init__(self, store: Store, parquet: ParquetWriter, progress: Progress, complain: Complain) -> None:
        self._store = store
        self._parquet = parquet
        self._progress = progress
        self._complain = complain
        self._months = Months()
        self._new: dict[Place, dict[str, bytes]] = {}
        self._old: dict[Place, set[str]] = {}
        self._waiting = 0
        self._read = 0
        self._written = 0
        self._removed = 0

    def run(self) -> Built:
        self._months = Months.of(self._store) if is_of_this_format(self._store) else Months()
        self._collect()
        # What no document stands behind any more.
        for key, held in self._months.rows.items():
            self._old.setdefault(held.place, set()).add(key)
        self._flush()
        self._remove_strangers()
        self._put_index()
        return Built(
            rows=sum(self._months.counts.values()), read=self._read, written=self._written, removed=self._removed
        )

    def _collect(self) -> None:
        """Take out of `rows` what stands for its document, and read the documents of all others."""
        wanted = ((source, self._is_wanted(source.info)) for source in versions(self._store))
        done = 0
        for source, data, document in documents(self._store, wanted, self._complain):
            done += 1
            self._progress("documents", done)
            held = self._months.rows.get(source.info.key)
            if data is None or document is None:
                if held is not None and held.stands_for(source.info.bytes, source.info.modified):
                    del self._months.rows[source.info.key]
                continue
            self._read += 1
            try:
                row = row_of(source.ref, data, document)
            except DamageError as error:
                self._complain(f"{source.info.key}: {error}")
                continue
            self._take(source.info.key, row, held)

    def _is_wanted(self, info: ObjectInfo) -> bool:
        held = self._months.rows.get(info.key)
        return held is None or not held.stands_for(info.bytes, info.modified)

    def _take(self, key: str, row: Row, held: Held | None) -> None:
        place = Place(site=str(row["site"]), month=str(row["month"]))
        self._new.setdefault(place, {})[key] = line_of(row)
        if held is not None:
            self._months.rows.pop(key, None)
            if held.place != place:
                self._old.setdefault(held.place, set()).add(key)
        self._waiting += 1
        if self._waiting >= _MOST_ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        # Months that gain rows come first: a row that moves, as a takedown makes it, is rather there twice than never.
        for place in [*sorted(self._new), *sorted(self._old.keys() - self._new.keys())]:
            self._rewrite(place, self._new.get(place, {}), self._old.get(place, set()))
        self._new, self._old, self._waiting = {}, {}, 0

    def _rewrite(self, place: Place, new: Mapping[str, bytes], old: set[str]) -> None:
        before = self._lines(place)
        lines = {key: line for key, line in before.items() if key not in old} | dict(new)
        data = b"".join(line for _, line in sorted(lines.items()))
        digest = hashlib.sha256(data).hexdigest()
        if not lines:
            self._remove(place)
        elif digest != self._months.digests.get(place):
            self._store.put(place.parquet_key, self._parquet.write(data), PARQUET_TYPE)
            self._store.put(place.rows_key, data, JSON_LINES_TYPE)
            self._written += 1
            self._months.digests[place], self._months.counts[place] = digest, len(lines)

    def _lines(self, place: Place) -> dict[str, bytes]:
        if place not in self._months.digests:
            return {}
        lines = self._store.read(place.rows_key).splitlines(keepends=True)
        return {match[1].decode(): line for line in lines if (match := _ROW_STARTS.match(line))}

    def _remove(self, place: Place) -> None:
        self._store.delete(place.rows_key)
        self._store.delete(place.parquet_key)
        self._months.digests.pop(place, None)
        self._months.counts.pop(place, None)
        self._removed += 1

    def _remove_strangers(self) -> None:
        """Remove months that are none of this catalogue's: of another format, or of posts that are gone."""
        ours = {place.rows_key for place in self._months.digests} | {
            place.parquet_key for place in self._months.digests
        }
        for prefix in (ROWS, PARQUET):
            for key in [info.key for info in self._store.list(prefix) if info.key not in ours]:
                self._store.delete(key)

    def _put_index(self) -> None:
        data = _index(self._months)
        try:
            same = self._store.read(INDEX_KEY) == data
        except ObjectMissing:
            same = False
        if not same:
            self._store.put(INDEX_KEY, data, "application/json")


def _index(months: Months) -> bytes:
    index = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "rows": sum(months.counts.values()),
        "columns": dict(COLUMNS),
        "months": [
            {"site": place.site, "month": place.month, "rows": months.counts[place], "rows_sha256": digest}
            for place, digest in sorted(months.digests.items())
        ],
    }
    return (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode()
