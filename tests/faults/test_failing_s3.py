"""An S3 server, or the way to it, that fails now and then: a run ends whole or says why, and the next one finishes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from archive.store import open_store
from crawler.demo import SITE
from crawler.replica.process import Replica
from tests.conftest import S3Server
from tests.faults.conftest import Forks, configured, errors, held
from tests.support import Birdnest

pytestmark = pytest.mark.faults
STORE_FAILED = 6
PASSING = ("500", "503", "409", "reset", "lost", "late", "slow", "truncated")
CRAWL = ("crawl", SITE, "--json", "--since", "2022-07-10")  # 24 posts


@contextmanager
def proxy(upstream: str, seed: int, share: float, kinds: tuple[str, ...]) -> Iterator[str]:
    """The address of a proxy before a server, which fails a share of the requests."""
    command = [sys.executable, str(Path(__file__).with_name("proxy.py")), upstream, str(seed), str(share), *kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def home(tmp_path: Path, replica: Replica, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose birdnest.toml has short timeouts; this process reaches the server itself."""
    replica.reset()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    folder = configured(tmp_path / "home", replica)
    Birdnest(folder=folder).configure(replica, s3={"timeout_seconds": 2.0})
    return folder


@pytest.fixture
def reaches(forks: tuple[Forks, Forks], s3_server: S3Server) -> Forks:
    return replace(forks[0], environment=s3_server.environment)


@pytest.mark.parametrize(
    ("kinds", "share"),
    [
        (PASSING, 0.05),
        (PASSING, 0.15),
        (PASSING, 0.3),
        (("lost",), 0.3),
        (("late",), 0.3),
        (("truncated",), 0.3),
        (("timeout",), 0.05),
        (("expired",), 0.05),
        (("skewed",), 0.05),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else f"{value:.0%}",
)
def test_a_crawl_through_faults_is_whole_or_says_why_and_the_next_one_finishes(
    home: Path, reaches: Forks, s3_server: S3Server, kinds: tuple[str, ...], share: float
) -> None:
    sound, failing = (f"s3://{s3_server.new_bucket()}" for _ in range(2))
    assert reaches.run(home, (*CRAWL, "--archive", sound)).code == 0
    expected = held(open_store(sound))

    with proxy(s3_server.url, 7, share, kinds) as url:
        through = reaches.run(home, (*CRAWL, "--archive", failing), AWS_ENDPOINT_URL=url)

    assert through.code in (0, STORE_FAILED), through.said
    assert "Traceback" not in through.said
    if through.code == 0:
        assert held(open_store(failing)) == expected
    else:
        assert f"archive {failing}: cannot " in through.said
    assert errors(failing) == []
    assert reaches.run(home, (*CRAWL, "--archive", failing)).code == 0
    assert held(open_store(failing)) == expected
    assert errors(failing) == []


def test_a_run_without_its_s3_ends_with_the_reason_and_loses_nothing(
    home: Path, reaches: Forks, s3_server: S3Server
) -> None:
    place = f"s3://{s3_server.new_bucket()}"
    assert reaches.run(home, (*CRAWL, "--archive", place)).code == 0
    before = held(open_store(place))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"

    without = reaches.run(home, (*CRAWL, "--archive", place), AWS_ENDPOINT_URL=nowhere)

    assert without.code == STORE_FAILED
    assert "Look at AWS_ENDPOINT_URL and the network" in without.said
    assert "Traceback" not in without.said
    assert held(open_store(place)) == before
    assert reaches.run(home, (*CRAWL, "--archive", place)).code == 0
    assert held(open_store(place)) == before
