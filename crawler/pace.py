"""Delays that all runs of a user on this machine keep together: each request reserves its moment beforehand.

A file for each host holds when the next request may be sent, in seconds of the clock that all processes of a machine
share and nobody sets (CLOCK_MONOTONIC); flock(2) admits one reservation at a time.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import time
from pathlib import Path

from archive.errors import ConfigError

_LONGEST_SECONDS = 3600.0  # beyond it the file is of before a restart of the machine
_NAME = re.compile(r"[a-z0-9.-]{1,100}")


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
        descriptor = os.open(self._folder / _file_name(host), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            now = time.monotonic()
            free_at = _number(os.read(descriptor, 40))
            at = free_at if now < free_at <= now + _LONGEST_SECONDS else now
            os.pwrite(descriptor, f"{at + delay_seconds:<39.6f}\n".encode(), 0)
            return at - now
        finally:
            os.close(descriptor)

    async def turn(self, host: str, delay_seconds: float) -> None:
        """Wait for this request's turn at a host."""
        if delay_seconds > 0:
            wait = self.reserve(host, delay_seconds)
            if wait > 0:
                await asyncio.sleep(wait)


def _file_name(host: str) -> str:
    name = host.lower()
    return name if _NAME.fullmatch(name) else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _number(data: bytes) -> float:
    try:
        return float(data)
    except ValueError:  # new, or torn by a machine that lost its power
        return 0.0
