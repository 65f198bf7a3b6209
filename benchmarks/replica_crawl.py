"""A crawl of the bundled replica as a user would run it, in a process of its own, for benchmarks that measure one."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import usage
from crawler.demo import SITE, replica_site


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """A crawl that ended well: its report, when it was started (Unix seconds), how long it took, and what it used."""

    report: dict[str, Any]
    started: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def crawl(folder: Path, archive: str, origins: dict[str, str]) -> Crawled:
    """A crawl of the replica in a process of its own, whose state lies in the folder."""
    config = folder / "birdnest.json"
    config.write_text(_config(archive, origins), encoding="utf-8")
    command = [sys.executable, __file__, "--crawl", str(config)]
    started = time.time()
    used = usage.run(command, folder=folder, environment={"XDG_STATE_HOME": str(folder)})
    if used.code:
        raise SystemExit(f"the crawl ended with {used.code}: {used.out[-500:]} {used.err[-500:]}")
    (report,) = json.loads(used.out)
    return Crawled(
        report=report,
        started=started,
        wall_seconds=used.wall_seconds,
        cpu_seconds=used.cpu_seconds,
        peak_mb=used.peak_mb,
    )


def _config(archive: str, origins: dict[str, str]) -> str:
    site = {**replica_site(), "lists": {"categories": ["900"]}}
    values = {"archive": archive, "autothrottle": False, "origins": origins, "sites": {SITE: site}}
    return json.dumps(values)


def _crawl(config: Path) -> None:
    """The measured process: `birdnest crawl --json` with a configuration given as JSON."""
    from crawler import cli
    from crawler.config import parse_config
    from crawler.run import Wish

    values = parse_config(json.loads(config.read_text(encoding="utf-8")), str(config))
    sys.exit(cli._run(values, [Wish(slug=SITE)], refetch_images=False, as_json=True, verbose=0, leave=False))  # noqa: SLF001


if __name__ == "__main__" and sys.argv[1:2] == ["--crawl"]:
    _crawl(Path(sys.argv[2]))
