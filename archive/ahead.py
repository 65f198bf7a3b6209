"""Reading many objects of a store: some ahead by threads where answers take their time, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from archive.errors import ObjectMissing
from archive.store import FolderStore, ObjectInfo, Store

_THREADS = 16
_WINDOW_OBJECTS = 256
_WINDOW_BYTES = 64 * 1024 * 1024


class ReadAhead:
    """Objects' bytes, given in the order in which they were asked for. Used as a context, which ends its threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = None if isinstance(store, FolderStore) else ThreadPoolExecutor(_THREADS, "read-ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def read(self, wanted: Iterable[tuple[ObjectInfo, bool]]) -> Iterator[tuple[ObjectInfo, bytes | None]]:
        """Each object with its bytes, or with None where these are not wanted or are gone meanwhile."""
        if self._threads is None:
            for info, wants in wanted:
                yield info, self._bytes(info.key) if wants else None
            return
        waiting: deque[tuple[ObjectInfo, Future[bytes | None] | None]] = deque()
        ahead = 0
        for info, wants in wanted:
            waiting.append((info, self._threads.submit(self._bytes, info.key) if wants else None))
            ahead += info.bytes
            while len(waiting) > _WINDOW_OBJECTS or (ahead > _WINDOW_BYTES and len(waiting) > 1):
                first, future = waiting.popleft()
                ahead -= first.bytes
                yield first, future.result() if future else None
        for first, future in waiting:
            yield first, future.result() if future else None

    def _bytes(self, key: str) -> bytes | None:
        try:
            return self._store.read(key)
        except ObjectMissing:
            return None
