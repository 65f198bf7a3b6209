"""The lease: one run at a time crawls one site into one archive. A lock that the kernel frees when its holder dies."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from archive.errors import ConfigError, LeaseHeld
from archive.locks import acquire, release


def take_lease(state: Path, archive_id: str, slug: str, *, now: datetime) -> None:
    """Take a site's lease for this process, which keeps it until it ends or returns it; again is no error.

    Raises LeaseHeld, saying which process holds it and since when, and ConfigError where `state` cannot be written.
    """
    file = _file(state, archive_id, slug)
    try:
        holder = acquire(file, f"process {os.getpid()} since {now.astimezone().isoformat(sep=' ', timespec='seconds')}")
    except OSError as error:
        raise ConfigError(f"state folder {state}: {error.strerror}: set `state` in birdnest.toml") from error
    if holder is not None:
        raise LeaseHeld(
            f"{slug}: {holder} is crawling this site into this archive: wait for its end, or end it; nothing was done."
        )


def return_lease(state: Path, archive_id: str, slug: str) -> None:
    release(_file(state, archive_id, slug))


def _file(state: Path, archive_id: str, slug: str) -> Path:
    return state / "leases" / f"{archive_id}-{slug}.lock"
