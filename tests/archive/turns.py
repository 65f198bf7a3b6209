"""Threads that take turns at a store, one call at a time in an order that a seed decides, by a clock of their own.

So a race is tried in thousands of orders, each of which can be had again, on a store in memory or on a real one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Semaphore, Thread, current_thread

from archive.errors import ObjectMissing
from archive.store import ErasingStore, Locked, ObjectInfo, Usage

NAME = "actor-"
_UNKNOWN = datetime.max.replace(tzinfo=UTC)


class Killed(BaseException):
    """The end of an actor at a call of the store: nothing after it is done."""


class MemoryStore:
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self.url = "memory"
        self.usage = Usage()
        self.objects: dict[str, bytes] = {}

    def create(self, key: str, data: bytes, content_type: str) -> bool:  # noqa: ARG002
        if key in self.objects:
            return False
        self.objects[key] = data
        return True

    def put(self, key: str, data: bytes, content_type: str) -> None:  # noqa: ARG002
        self.objects[key] = data

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def replace(self, key: str, data: bytes, content_type: str) -> None:  # noqa: ARG002
        self.objects[key] = data

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        if not keep_current:
            self.delete(key)
        return ()

    def with_history(self, prefix: str) -> Iterator[str]:  # noqa: ARG002
        return iter(())

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise ObjectMissing(self.url, key)
        return self.objects[key]

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        return iter([ObjectInfo(key=key, bytes=len(self.objects[key]), modified=_UNKNOWN) for key in keys])

    def learn(self, key: str) -> None:
        pass


@dataclass(kw_only=True)
class Turns:
    """Who may go on, and what time it is. Every call takes up to `step`."""

    chance: random.Random
    now: datetime
    step: timedelta
    kill_share: float = 0.0
    _arrived: Semaphore = field(default_factory=lambda: Semaphore(0))
    _go: dict[str, Semaphore] = field(default_factory=dict)

    def run(self, *actors: Callable[[], object]) -> None:
        """Run all to their ends, some of them killed on the way. An exception of one is raised here."""
        failures: list[BaseException] = []
        self._go = {f"{NAME}{number}": Semaphore(0) for number in range(len(actors))}
        alive = set(self._go)

        def act(name: str, work: Callable[[], object]) -> None:
            try:
                work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by the thread of the test
                failures.append(error)
            alive.discard(name)
            self._arrived.release()

        threads = [
            Thread(target=act, args=(name, work), name=name) for name, work in zip(self._go, actors, strict=True)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            self._arrived.acquire()
        # Some are slow: others do much between two of their calls.
        weights = {name: 2.0 ** self.chance.randint(0, 6) for name in self._go}
        while alive:
            names = sorted(alive)
            (name,) = self.chance.choices(names, [weights[each] for each in names])
            self._go[name].release()
            self._arrived.acquire()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def wait(self) -> None:
        """Stop the thread that calls, if it is an actor, until it is its turn."""
        go = self._go.get(current_thread().name)
        if go is not None:
            self._arrived.release()
            go.acquire()
            self.now += self.step * self.chance.random()

    def maybe_kill(self) -> None:
        if current_thread().name.startswith(NAME) and self.chance.random() < self.kill_share:
            raise Killed


class TakenByTurns:
    """A store each of whose calls is a turn; what it says was written when is by the clock of the turns."""

    def __init__(self, store: ErasingStore, turns: Turns) -> None:
        self.url = store.url
        self.usage = store.usage
        self._store = store
        self._turns = turns
        self._written: dict[str, datetime] = {}

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        self._turns.wait()
        self._turns.maybe_kill()
        created = self._store.create(key, data, content_type)
        if created:
            self._written[key] = self._turns.now
        self._turns.maybe_kill()
        return created

    def put(self, key: str, _data: bytes, _content_type: str) -> None:
        raise AssertionError(f"nothing overwrites: {key}")

    def delete(self, key: str) -> None:
        self._turns.wait()
        self._turns.maybe_kill()
        self._store.delete(key)
        self._turns.maybe_kill()

    def replace(self, key: str, data: bytes, content_type: str) -> None:
        self._turns.wait()
        self._turns.maybe_kill()
        self._store.replace(key, data, content_type)
        self._written[key] = self._turns.now
        self._turns.maybe_kill()

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        self._turns.wait()
        self._turns.maybe_kill()
        locked = self._store.erase(key, keep_current=keep_current)
        self._turns.maybe_kill()
        return locked

    def with_history(self, prefix: str) -> Iterator[str]:
        self._turns.wait()
        return iter(list(self._store.with_history(prefix)))

    def read(self, key: str) -> bytes:
        self._turns.wait()
        return self._store.read(key)

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._turns.wait()
        found = list(self._store.list(prefix, after=after))
        return iter([replace(info, modified=self._written[info.key]) for info in found])

    def learn(self, key: str) -> None:
        self._store.learn(key)
