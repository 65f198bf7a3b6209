"""The replica of the site, running, and the command configured for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.replica.process import Replica
from tests.support import Birdnest
from tests.web import Visitor, Web, serve


@pytest.fixture(scope="session")
def running_replica() -> Iterator[Replica]:
    with Replica(slow_seconds=0.2) as replica:
        yield replica


@pytest.fixture
def replica(running_replica: Replica) -> Replica:
    running_replica.reset()
    return running_replica


@pytest.fixture
def birdnest(tmp_path: Path, replica: Replica) -> Birdnest:
    command = Birdnest(folder=tmp_path)
    command.configure(replica)
    return command


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


@pytest.fixture
def visitor(birdnest: Birdnest, web: Web, replica: Replica) -> Visitor:
    return Visitor(birdnest=birdnest, web=web, replica=replica)
