"""A hostile server in place of the site, a trap at which nobody may knock, and the command with a lying resolver."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import servers
from tests.support import ROOT, Birdnest, Ended

ORIGIN = "https://www.niaogebiji.com"
IMAGES = "https://img.example.org"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A command that ended, and the most memory that it had, in MB."""

    ended: Ended
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Victim:
    """The command, which the hostile server answers for the site and an image host."""

    birdnest: Birdnest
    server: servers.HostileServer
    lies: dict[str, list[list[str]]]

    def configure(self, **more: Any) -> None:
        origins = {ORIGIN: self.server.url, IMAGES: self.server.url}
        values = {"origins": origins, "retries": 0, "timeout_seconds": 6.0, **more}
        self.birdnest.configure(None, **values)

    def article(self, number: int, answer: servers.Answer) -> str:
        path = f"/article-{number}-1.html"
        self.server.answers[path] = answer
        return ORIGIN + path

    def __call__(self, *arguments: str) -> Measured:
        """Run to the end, with the lying resolver in place of the machine's."""
        out, err = self.birdnest.folder / "out", self.birdnest.folder / "err"
        environment = {**self.birdnest.variables(None), "LIES": json.dumps(self.lies), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(Path(__file__).with_name("lying.py")), *arguments]
        with out.open("w") as to_out, err.open("w") as to_err:
            done = subprocess.run(
                command,
                cwd=self.birdnest.folder,
                env=environment,
                stdout=to_out,
                stderr=to_err,
                timeout=300,
                check=False,
            )
        ended = Ended(code=done.returncode, out=out.read_text(), err=err.read_text())
        return Measured(ended=ended, peak_mb=int((self.birdnest.folder / "peak").read_text()) / 1024)


@pytest.fixture
def server() -> Iterator[servers.HostileServer]:
    with servers.hostile_server() as running:
        yield running


@pytest.fixture
def trap() -> Iterator[servers.Trap]:
    with servers.trap() as set_up:
        yield set_up


@pytest.fixture
def victim(tmp_path: Path, server: servers.HostileServer) -> Victim:
    found = Victim(birdnest=Birdnest(folder=tmp_path), server=server, lies={})
    found.configure()
    return found


def failures(ended: Ended) -> Mapping[str, str]:
    return {each["url"]: each["reason"] for each in ended.report["failures"]}


def page(number: int, body: str, *images: Sequence[str] | str) -> bytes:
    shown = "".join(f'<p><img src="{url}"></p>' for url in images)
    return (
        f'<html><head><title>第{number}篇</title></head><body><div class="article"><h1 class="title">第{number}篇</h1>'
        f'<div class="pc_content"><p>{body}</p>{shown}</div></div></body></html>'
    ).encode()
