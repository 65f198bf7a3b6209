"""What the tests of views share: the objects of a store, builds, and a store that fails at a write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from archive.errors import StoreError
from archive.store import ObjectInfo, Store
from archive.views.catalogue import Built, build

SHANGHAI = timezone(timedelta(hours=8))


def objects(store: Store, prefix: str = "views/") -> dict[str, bytes]:
    return {info.key: store.read(info.key) for info in store.list(prefix)}


def make_catalogue(store: Store) -> Built:
    """A build that must have nothing to complain of."""
    told: list[str] = []
    built = build(store, progress=lambda _what, _done: None, complain=told.append)
    assert told == []
    return built


def at(text: str) -> dict[str, Any]:
    """A post's time, by the clock of Shanghai."""
    moment = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    return {"date": moment, "published_at": moment}


class FailingStore:
    """A store whose writes to views fail from one on, as those of a process that is killed there."""

    def __init__(self, store: Store, writes: int) -> None:
        self.store = store
        self.url = store.url
        self.usage = store.usage
        self.left = writes

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self._count(key)
        self.store.put(key, data, content_type)

    def delete(self, key: str) -> None:
        self._count(key)
        self.store.delete(key)

    def _count(self, key: str) -> None:
        if self.left == 0:
            raise StoreError(f"archive {self.url}: cannot write {key}: the disk is full")
        self.left -= 1

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        return self.store.create(key, data, content_type)

    def read(self, key: str) -> bytes:
        return self.store.read(key)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        return self.store.list(prefix, after=after)

    def learn(self, key: str) -> None:
        self.store.learn(key)
