"""The register of what was taken down: an object for each post, `takedowns/<site>/<id>.json`.

It is written before anything else of a takedown is done, so that one that was ended is known, here and in every copy;
and it holds what must be known to go on when the post itself is gone: digests of its traces, never its words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from archive.errors import DamageError, ObjectMissing
from archive.layout import TAKEDOWNS, parse_takedown_key, takedown_key
from archive.model import JSON, sealed
from archive.store import Locked, Store
from archive.traces import Traces

JSON_TYPE: Final = "application/json"
GONE: Final = "(taken down)"
"""What stands in reports for a text that told of a post."""


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """What was done to a segment: the ids of the records that were cut out of it, and of those that were emptied."""

    cut: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One takedown.

    when, why: as in the post's stubs. finished: when all was done that could be, None before. versions: how many
    documents were replaced. images, kept: blobs that were deleted, and those that other posts name. segments: captures
    that were rewritten. reports: those of which something was taken out. views: how many objects were removed. locked:
    what the store did not let go. unread: what could not be searched.
    """

    site: str
    id: str
    when: datetime
    why: str
    finished: datetime | None = None
    versions: int = 0
    traces: Traces = field(default_factory=Traces)
    images: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    segments: Mapping[str, Rewritten] = field(default_factory=dict)
    reports: tuple[str, ...] = ()
    views: int = 0
    locked: tuple[Locked, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return takedown_key(self.site, self.id)

    @property
    def cut(self) -> tuple[str, ...]:
        """The ids of WARC records that were cut out."""
        return tuple(id_ for segment in self.segments.values() for id_ in segment.cut)

    @property
    def emptied(self) -> tuple[str, ...]:
        """The ids of WARC records that were emptied."""
        return tuple(id_ for segment in self.segments.values() for id_ in segment.emptied)


def entry_bytes(entry: Entry) -> bytes:
    value: dict[str, JSON] = {
        "op": "takedown",
        "site": entry.site,
        "id": entry.id,
        "when": entry.when.isoformat(),
        "why": entry.why,
        "finished": entry.finished.isoformat() if entry.finished else None,
        "versions": entry.versions,
        "images": list(entry.images),
        "kept": list(entry.kept),
        "segments": {
            key: {"cut": list(each.cut), "emptied": list(each.emptied)} for key, each in sorted(entry.segments.items())
        },
        "reports": list(entry.reports),
        "views": entry.views,
        "locked": [locked_json(each) for each in entry.locked],
        "unread": list(entry.unread),
        "traces": entry.traces.as_json(),
    }
    return (json.dumps(sealed(value), ensure_ascii=False, indent=2) + "\n").encode("utf-8", "backslashreplace")


def locked_json(locked: Locked) -> dict[str, JSON]:
    return {**vars(locked), "until": locked.until.isoformat() if locked.until else None}


def parse_entry(data: bytes, key: str) -> Entry:
    """An entry of its bytes. Raises DamageError naming its key."""
    try:
        value: dict[str, Any] = json.loads(data)
        if value["sha256"] != sealed(value)["sha256"]:
            raise DamageError(f"{key}: names {value['sha256']}, expected {sealed(value)['sha256']}")
        if (value["site"], value["id"]) != parse_takedown_key(key):
            raise DamageError(f"{key}: says it is {takedown_key(value['site'], value['id'])}")
        return Entry(
            site=value["site"],
            id=value["id"],
            when=datetime.fromisoformat(value["when"]),
            why=value["why"],
            finished=datetime.fromisoformat(value["finished"]) if value["finished"] else None,
            versions=value["versions"],
            traces=Traces.parse(value["traces"]),
            images=tuple(value["images"]),
            kept=tuple(value["kept"]),
            segments={
                name: Rewritten(cut=tuple(each["cut"]), emptied=tuple(each["emptied"]))
                for name, each in value["segments"].items()
            },
            reports=tuple(value["reports"]),
            views=value["views"],
            locked=tuple(_locked(each) for each in value["locked"]),
            unread=tuple(value["unread"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamageError(f"{key}: not an entry of the register of takedowns: {error!r}") from error


def _locked(value: Mapping[str, Any]) -> Locked:
    until = datetime.fromisoformat(value["until"]) if value["until"] else None
    return Locked(key=value["key"], version=value["version"], until=until, hold=value["hold"], why=value["why"])


def read_entry(store: Store, site: str, id_: str) -> Entry | None:
    """A post's entry, None where it has none. Raises DamageError, StoreError."""
    key = takedown_key(site, id_)
    try:
        return parse_entry(store.read(key), key)
    except ObjectMissing:
        return None


def taken_down(store: Store) -> set[tuple[str, str]]:
    """The site and id of each post in the register: one listing. Raises StoreError."""
    places = (parse_takedown_key(info.key) for info in store.list(TAKEDOWNS))
    return {place for place in places if place is not None}


def entries(store: Store, complain: Callable[[str], None] | None = None) -> Iterator[Entry]:
    """The whole register, in the order of its keys.

    complain: told of entries that cannot be read, which are left out. Without it raises DamageError. Raises StoreError.
    """
    for place in sorted(taken_down(store)):
        try:
            entry = read_entry(store, *place)
        except DamageError as error:
            if complain is None:
                raise
            complain(str(error))
            continue
        if entry is not None:
            yield entry
