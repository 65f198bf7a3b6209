"""The command in forks that can be killed at any point, and what an archive must be afterwards."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from archive.document import SEAL, Document, read, write
from archive.layout import ARCHIVE_KEY, POSTS, RAW, RUNS
from archive.store import Store, open_store
from archive.verify import Scope, verify
from crawler.replica.process import Replica
from tests.support import ROOT, Birdnest

PINNED = {"SOURCE_DATE_EPOCH": "1790000000"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """How a fork ended: its exit code (-9: killed), the points it passed, and what it said."""

    code: int
    points: int
    said: str


@dataclass(frozen=True, kw_only=True)
class Forks:
    """A process that runs the command in forks; see killing.py."""

    process: subprocess.Popen[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        folder: Path,
        arguments: tuple[str, ...],
        *,
        layer: str = "store",
        kill_at: int | None = None,
        kill_after: float | None = None,
        **more: str,
    ) -> Run:
        # Copies of an archive have its id, and would share a frontier.
        place = arguments[arguments.index("--archive") + 1] if "--archive" in arguments else ""
        state = folder / "state" / hashlib.sha256(place.encode()).hexdigest()[:16]
        environment = {"XDG_STATE_HOME": str(state), **PINNED, **self.environment, **more}
        output = folder / f"output-{self.process.pid}.txt"
        order = {"arguments": arguments, "folder": str(folder), "environment": environment, "output": str(output)}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(
            json.dumps({**order, "layer": layer, "kill_at": kill_at, "kill_after": kill_after}) + "\n"
        )
        self.process.stdin.flush()
        ended = json.loads(self.process.stdout.readline())
        return Run(code=ended["code"], points=ended["points"], said=output.read_text())


@pytest.fixture(scope="session")
def replica() -> Iterator[Replica]:
    with Replica(slow_seconds=0.2) as running:
        yield running


@pytest.fixture(scope="session")
def forks() -> Iterator[tuple[Forks, Forks]]:
    """Two, for two cores."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("killing.py"))]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as first,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as second,
    ):
        yield Forks(process=first), Forks(process=second)


def configured(folder: Path, replica: Replica) -> Path:
    """The folder, with a birdnest.toml that sends the site to the replica."""
    folder.mkdir(parents=True, exist_ok=True)
    Birdnest(folder=folder).configure(replica)
    return folder


def held(store: Store) -> dict[str, bytes]:
    """Every object of an archive but reports and captures, without what names a run.

    Of ARCHIVE.json, whose id is chance, only that it is there; of documents all but their captures, and the digests
    that cover these.
    """
    keys = [info.key for info in store.list() if not info.key.startswith((RUNS, RAW))]
    return {key: b"" if key == ARCHIVE_KEY else _without_run(key, store.read(key)) for key in keys}


def _without_run(key: str, data: bytes) -> bytes:
    if not key.startswith(POSTS):
        return data
    document = read(data, name=key)
    assert document.front["warc"], f"{key} names no capture"
    front = {name: value for name, value in document.front.items() if name not in ("warc", "parent", SEAL)}
    return write(Document(front=front, body=document.body))


def errors(url: str) -> list[str]:
    """What the full check calls an error in an archive that a dead writer has left."""
    store = open_store(url)
    if not any(True for _ in store.list(ARCHIVE_KEY)):
        # It died before there was one: then nothing else is there either.
        return [info.key for info in store.list() if info.key.startswith("posts/")]
    findings = verify(store, Scope(full=True))
    return [f"{found.code} {found.key}: {found.detail}" for found in findings if found.severity == "error"]
