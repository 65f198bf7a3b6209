"""Delays that all runs of a user on this machine keep together: each request reserves its moment beforehand.

A file for each host holds when the next request may be sent, in seconds of the clock that all processes of a machine
share and nobody sets (CLOCK_MONOTONIC); flock(2) admits one reservation at a time. Beside it stands until when the host
wants to be left alone (Retry-After): requests that have their moment already wait for that, too.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapy.exceptions import IgnoreRequest

from archive.errors import ConfigError

LONGEST_SECONDS = 3600.0
"""The longest that a host is left alone for its word; what a file says beyond it is of before the machine's restart."""
PATIENCE_SECONDS = 120.0
"""The longest that a run waits for a host that wants to be left alone; for a longer time its URLs stay open."""
_NAME = re.compile(r"[a-z0-9.-]{1,100}")
_FILE_BYTES = 80  # two numbers on lines of 40


class AskedToWait(IgnoreRequest):
    """A request to a host that wants to be left alone for longer than a run waits."""

    reason = "retry-after"


class Pace:
    """Reservations in a folder. Raises ConfigError where that cannot be made."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "hosts"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"state folder {state}: {error.strerror}: set `state` in birdnest.toml") from error

    def reserve(self, host: str, delay_seconds: float) -> float:
        """Reserve the next moment of a host, `delay_seconds` after the last one; how many seconds off it is."""
        with self._times(host) as times:
            now = time.monotonic()
            at = max([now, *(moment for moment in times if moment <= now + LONGEST_SECONDS)])
            times[0] = at + delay_seconds
            return at - now

    def hold(self, host: str, seconds: float) -> None:
        """Leave a host alone for so long, an hour at most; longer where it is to be left alone already."""
        with self._times(host) as times:
            now = time.monotonic()
            known = times[1] if times[1] <= now + LONGEST_SECONDS else 0.0
            times[1] = max(known, now + min(seconds, LONGEST_SECONDS))

    def held(self, host: str) -> float:
        """For how many seconds more a host is to be left alone."""
        try:
            descriptor = os.open(self._path(host), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0.0
        try:
            times = _numbers(os.read(descriptor, _FILE_BYTES))
        finally:
            os.close(descriptor)
        left = times[1] - time.monotonic()
        return left if 0 < left <= LONGEST_SECONDS else 0.0

    async def turn(self, host: str, delay_seconds: float) -> None:
        """Wait for this request's turn at a host. Raises AskedToWait when that is further off than a run waits."""
        while True:
            left = self.held(host)
            if left > PATIENCE_SECONDS:
                raise AskedToWait(f"{host} asks to be left alone for {left:.0f} seconds more")
            wait = self.reserve(host, delay_seconds) if delay_seconds > 0 or left else 0.0
            if wait <= 0:
                return
            await asyncio.sleep(wait)
            if not self.held(host):
                return

    def _path(self, host: str) -> str:
        # As text: this is asked before every request, and to make a Path takes longer than to look for the file.
        return f"{self._folder}/{_file_name(host)}"

    @contextmanager
    def _times(self, host: str) -> Iterator[list[float]]:
        """The numbers of a host's file, to be changed; nobody else reads or writes them meanwhile."""
        descriptor = os.open(self._path(host), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            times = _numbers(os.read(descriptor, _FILE_BYTES))
            yield times
            os.pwrite(descriptor, "".join(f"{moment:<39.6f}\n" for moment in times).encode(), 0)
        finally:
            os.close(descriptor)


def _file_name(host: str) -> str:
    name = host.lower()
    return name if _NAME.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _numbers(data: bytes) -> list[float]:
    """When the next request may be sent, and until when the host is held."""
    try:
        found = [float(number) for number in data.split()]
    except ValueError:  # torn by a machine that lost its power
        found = []
    return [*found, 0.0, 0.0][:2]
