"""`birdnest demo`: the main job for real, on the bundled replica of the site."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from crawler.config import Config, parse_config
from crawler.replica.trouble import EXPECTED_FAILURES

SITE = "niaogebiji"
ARCHIVE_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "birdnest:demo"))
"""Demo archives have this id, so that a demo never mixes its posts into an archive of yours."""


def demo_config(archive: str, origins: dict[str, str], state: Path | None = None) -> Config:
    """A configuration that crawls the replica: no delays, for it is ours, and its trouble pages declared."""
    values = {
        "archive": archive,
        "contact": "demo",
        "autothrottle": False,
        "origins": origins,
        "sites": {SITE: replica_site()},
    }
    return parse_config(values | ({"state": state} if state else {}), "demo")


def replica_site() -> dict[str, object]:
    """`[sites.niaogebiji]` for the replica."""
    return {
        "delay_seconds": 0,
        "image_delay_seconds": 0,
        "concurrency": 8,
        "lists": {"tags": ["支付宝"]},
        "expectations": {"max_newest_age_days": 36500},  # its newest post stays as it is
        "expected_failures": [{"reason": reason, "url": f"^{re.escape(url)}$"} for url, reason in EXPECTED_FAILURES],
    }
