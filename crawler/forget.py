"""What this machine keeps of a post that is taken down: in frontier, history, captures, rejected pages, its reader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from archive.register import Entry
from archive.takedown import is_told, tells
from crawler.capture import forget as forget_captures
from crawler.frontier import Frontier, frontier_file
from crawler.history import History, history_file
from crawler.reader_server import reader_folder


def addresses(state: Path, archive_id: str, site: str, post: str) -> list[str]:
    """The URLs that are known to be a post's. Raises ConfigError."""
    file = frontier_file(state, archive_id)
    if not file.exists():
        return []
    frontier = Frontier(file)
    try:
        return frontier.addresses_of(site, post)
    finally:
        frontier.close()


def forget(state: Path, archive_id: str, entry: Entry, *, now: int) -> dict[str, int]:
    """Forget a post that was taken down, but for its URLs; the numbers of what was removed. Raises ConfigError."""
    file = frontier_file(state, archive_id)
    if file.exists():
        frontier = Frontier(file)
        try:
            records = (*entry.cut, *entry.emptied)
            frontier.take_down(entry.site, entry.id, records=records, run="takedown", now=now)
        finally:
            frontier.close()
    past = history_file(state, archive_id)
    if past.exists():
        with History(past) as history:
            history.forget(lambda text: is_told(text, [entry]))
    captures = forget_captures(state / "spool" / archive_id, [entry])
    rejects = _forget_rejects(state / "rejected", entry)
    # `birdnest serve` builds it again.
    pages = reader_folder(state, archive_id)
    there = pages.exists()
    shutil.rmtree(pages, ignore_errors=True)
    return {"captures": captures, "rejects": rejects, "readers": int(there)}


def _forget_rejects(folder: Path, entry: Entry) -> int:
    """Remove the pages that gave no post and tell of this one, with what is said of them beside."""
    removed = 0
    for about in sorted(folder.glob("*/*/*.json")):
        page = about.with_suffix(".html")
        try:
            texts = [about.read_bytes(), *([page.read_bytes()] if page.exists() else [])]
            json.loads(texts[0])
        except (OSError, ValueError):
            continue  # nothing of ours
        if any(tells([entry], text) for text in texts):
            page.unlink(missing_ok=True)
            about.unlink()
            removed += 1
    return removed
