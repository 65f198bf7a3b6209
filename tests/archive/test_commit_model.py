"""Every way two writers and a store can go wrong together: the commit as a model, its decisions the real ones.

A state is what the store holds, which puts are still under way, and how far each writer is. From each state every next
step of every writer is taken, and every fault that a network or a kill adds: a put whose reply is lost before or after
it was done, a put that is done only later, a writer that dies and begins its post anew. `archive.writer.next_step`
decides for the model as it does for `Archive.add`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

import pytest

from archive.document import compose
from archive.layout import PostRef
from archive.model import Post
from archive.reader import Head
from archive.writer import Absent, Created, Done, NotCreated, Observation, Ours, Put, ReadBack, Step, next_step

MAX_FAULTS = 3
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Decide = Callable[[Post, Observation], Step]
Stage = Literal["blob", "learn", "decide", "ended"]


@dataclass(frozen=True, kw_only=True)
class Version:
    """A document in the store: whose content, and the digest it names as its parent's."""

    content: str
    parent: str | None

    def digest(self, number: int) -> str:
        return f"{number} {self.content} {self.parent}"


@dataclass(frozen=True, kw_only=True)
class PutUnderWay:
    """A put that the store will do at some time: of a document, or of the blob of a content."""

    version: int  # 0: the blob
    document: Version


@dataclass(frozen=True, kw_only=True)
class Ack:
    """What a writer was told: that its content is, or is unchanged at, a version."""

    content: str
    status: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Writer:
    posts: tuple[str, ...]  # contents still to bring, the one at hand first
    stage: Stage = "learn"
    seen: tuple[Any, ...] = ("none",)  # the observation, in a form that can be compared
    acks: tuple[Ack, ...] = ()


@dataclass(frozen=True, kw_only=True)
class State:
    writers: tuple[Writer, ...]
    versions: tuple[Version | None, ...] = ()
    blobs: frozenset[str] = frozenset()
    under_way: frozenset[PutUnderWay] = frozenset()
    faults: int = 0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The commit as it is; a test changes one of these and must see the model fail."""

    decide: Decide = next_step
    overwrites: bool = False
    blobs_first: bool = True


# -- the model --------------------------------------------------------------------------------------------------------


class Model:
    def __init__(self, make_post: Callable[..., Post], rules: Rules, *, later: str) -> None:
        self._make_post = cache(lambda content: self._post(make_post, content, later))
        self._rules = rules

    @staticmethod
    def _post(make_post: Callable[..., Post], content: str, later: str) -> Post:
        moment = NOON + timedelta(hours=1 if content == later else 0)
        return make_post(title=content, source_sha256=content, fetched_at=moment)

    def next(self, state: State) -> Iterator[State]:
        """All states that may come next."""
        for put in state.under_way:
            yield replace(self._done(state, put), under_way=state.under_way - {put})
        for number, writer in enumerate(state.writers):
            if writer.stage == "ended":
                continue
            yield from (self._with(after, number, writer) for after, writer in self._step(state, writer))
            if state.faults < MAX_FAULTS:
                dead = replace(writer, stage=self._first_stage(), seen=("none",))
                yield self._with(replace(state, faults=state.faults + 1), number, dead)

    def _first_stage(self) -> Stage:
        return "blob" if self._rules.blobs_first else "learn"

    def first(self, histories: tuple[tuple[str, ...], ...], held: tuple[str, ...]) -> State:
        versions: list[Version] = []
        for number, content in enumerate(held):
            parent = versions[-1].digest(number) if versions else None
            versions.append(Version(content=content, parent=parent))
        writers = tuple(Writer(posts=posts, stage=self._first_stage()) for posts in histories)
        return State(writers=writers, versions=tuple(versions), blobs=frozenset(held))

    @staticmethod
    def _with(state: State, number: int, writer: Writer) -> State:
        return replace(state, writers=(*state.writers[:number], writer, *state.writers[number + 1 :]))

    def _step(self, state: State, writer: Writer) -> Iterator[tuple[State, Writer]]:
        content = writer.posts[0]
        if writer.stage == "blob":
            put = PutUnderWay(version=0, document=Version(content=content, parent=None))
            following: Stage = "learn" if self._rules.blobs_first else "ended"
            for after, replied in self._put(state, put):
                # Told that it is there, new or not: on. Told nothing: again.
                answered = replied is not None
                if answered and following == "ended":
                    yield after, self._after_post(writer)
                else:
                    yield after, replace(writer, stage=following if answered else "blob")
            return
        if writer.stage == "learn":
            yield state, replace(writer, stage="decide", seen=self._head(state))
            return
        step = self._rules.decide(self._make_post(content), self._observation(writer.seen))
        match step:
            case Done(status=status, version=version):
                told = replace(writer, acks=(*writer.acks, Ack(content=content, status=status, version=version)))
                yield state, self._after_post(told) if self._rules.blobs_first else replace(told, stage="blob")
            case ReadBack(version=version, parent=parent):
                yield state, replace(writer, **self._read_back(state, version, Version(content=content, parent=parent)))
            case Put(version=version, parent=parent):
                put = PutUnderWay(version=version, document=Version(content=content, parent=parent))
                for after, replied in self._put(state, put):
                    seen = ("created", version) if replied else ("not created", version, parent)
                    yield after, replace(writer, seen=seen)

    def _after_post(self, writer: Writer) -> Writer:
        left = writer.posts[1:]
        return replace(writer, posts=left, stage=self._first_stage() if left else "ended", seen=("none",))

    def _put(self, state: State, put: PutUnderWay) -> Iterator[tuple[State, bool | None]]:
        """What may come of a put: the state, and the reply (None: none came)."""
        after = self._done(state, put)
        yield after, after != state
        if state.faults < MAX_FAULTS:
            failed = replace(state, faults=state.faults + 1)
            yield failed, None
            yield self._done(failed, put), None
            yield replace(failed, under_way=failed.under_way | {put}), None

    def _done(self, state: State, put: PutUnderWay) -> State:
        if put.version == 0:
            return replace(state, blobs=state.blobs | {put.document.content})
        room = max(len(state.versions), put.version)
        versions = [*state.versions, *([None] * (room - len(state.versions)))]
        if versions[put.version - 1] is None or self._rules.overwrites:
            versions[put.version - 1] = put.document
        return replace(state, versions=tuple(versions))

    @staticmethod
    def _head(state: State) -> tuple[Any, ...]:
        return ("head", len(state.versions), state.versions[-1]) if state.versions else ("none",)

    def _read_back(self, state: State, version: int, ours: Version) -> dict[str, Any]:
        found = state.versions[version - 1] if version <= len(state.versions) else None
        if found is None:
            return {"seen": ("absent", version, ours.parent)}
        if found == ours:
            return {"seen": ("ours", version)}
        return {"stage": "learn"}

    def _observation(self, seen: tuple[Any, ...]) -> Observation:
        match seen:
            case ("head", version, Version() as held):
                ref = PostRef(site="niaogebiji", id="article-482538", version=version)
                document = compose(self._make_post(held.content), version=version, parent=held.parent, generator="x")
                return Head(ref=ref, document=document, digest=held.digest(version))
            case ("created", version):
                return Created(version=version)
            case ("not created", version, parent):
                return NotCreated(version=version, parent=parent)
            case ("absent", version, parent):
                return Absent(version=version, parent=parent)
            case ("ours", version):
                return Ours(version=version)
        return None


# -- what must hold ---------------------------------------------------------------------------------------------------


def violation(state: State) -> str | None:
    """What is wrong with a state, if anything is."""
    before: Version | None = None
    for number, version in enumerate(state.versions, start=1):
        if version is None:
            return f"a gap at version {number}"
        if version.content not in state.blobs:
            return f"version {number} names a blob that is not there"
        if version.parent != (before.digest(number - 1) if before else None):
            return f"version {number} names another parent"
        if before and before.content == version.content:
            return f"version {number} repeats the one before it"
        before = version
    for writer in state.writers:
        for ack in writer.acks:
            held = state.versions[ack.version - 1] if ack.version <= len(state.versions) else None
            if held is None or (held.content != ack.content and ack.status != "superseded"):
                return f"{ack} was acknowledged and is not held"
    return None


def explore(model: Model, first: State) -> tuple[int, str | None]:
    """How many states there are, and the first violation that is met."""
    waiting, known = deque([first]), {first}
    while waiting:
        state = waiting.popleft()
        wrong = violation(state)
        following = [] if wrong else list(model.next(state))
        if not wrong and not following and any(writer.stage != "ended" for writer in state.writers):
            wrong = "a writer is stuck"
        if wrong:
            return len(known), wrong
        for after in following:
            if after not in known:
                known.add(after)
                waiting.append(after)
    return len(known), None


_FEWEST = 100
_SMALL = 6
HISTORIES: list[tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = [
    ((("A",), ("A",)), ()),
    ((("A",), ("B",)), ()),
    ((("A",), ("B",)), ("A",)),
    ((("B",), ("B",)), ("A",)),
    ((("A", "B"), ("A",)), ()),
    ((("B", "A"), ("B",)), ("A",)),
    ((("A", "B"), ("B", "A")), ()),
    ((("A", "B"), ("C", "A")), ()),
    ((("B", "C"), ("A", "B")), ("A",)),
    ((("A", "B", "A"), ("B",)), ("C",)),
]


@pytest.mark.parametrize("later", ["A", "B"])
@pytest.mark.parametrize(("posts", "held"), HISTORIES, ids=[f"{held} {posts}" for posts, held in HISTORIES])
def test_no_fault_loses_repeats_or_half_writes_a_version(
    make_post: Callable[..., Post], posts: tuple[tuple[str, ...], ...], held: tuple[str, ...], later: str
) -> None:
    model = Model(make_post, Rules(), later=later)

    states, wrong = explore(model, model.first(posts, held))

    assert wrong is None
    assert states > _FEWEST, "the model has lost its faults"


def _no_read_back(post: Post, seen: Observation) -> Step:
    """Takes a put without a reply for one that was refused, and goes on at the next version."""
    step = next_step(post, seen)
    return Put(version=step.version + 1, parent=step.parent) if isinstance(step, ReadBack) else step


def _believes(post: Post, seen: Observation) -> Step:
    """Takes a put without a reply for done."""
    step = next_step(post, seen)
    return Done(status="new", version=step.version) if isinstance(step, ReadBack) else step


def _never_compares(post: Post, seen: Observation) -> Step:
    """Writes whatever the head holds."""
    return Put(version=seen.ref.version + 1, parent=seen.digest) if isinstance(seen, Head) else next_step(post, seen)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (Rules(overwrites=True), "is not held"),
        (Rules(decide=_no_read_back), "gap|names another parent|repeats"),
        (Rules(decide=_believes), "is not held"),
        (Rules(decide=_never_compares), "repeats"),
        (Rules(blobs_first=False), "blob that is not there"),
    ],
    ids=["overwriting", "no read-back", "belief", "no comparison", "document first"],
)
def test_the_model_sees_what_each_part_of_the_commit_is_for(
    make_post: Callable[..., Post], rules: Rules, says: str
) -> None:
    found = []
    for posts, held in HISTORIES[:_SMALL]:
        model = Model(make_post, rules, later="B")
        found.append(explore(model, model.first(posts, held))[1])

    assert any(wrong and any(part in wrong for part in says.split("|")) for wrong in found), found
