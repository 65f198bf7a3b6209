"""A store that dies in the middle of a crawl: the run ends, says so, and the next one finishes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.replica.process import Replica
from tests.support import Birdnest


@pytest.mark.parametrize("room", ["posts", "blobs"])
def test_a_folder_that_fails_in_mid_crawl_ends_the_run_and_the_next_one_finishes(
    birdnest: Birdnest, replica: Replica, room: str
) -> None:
    birdnest.configure(replica, site={"delay_seconds": 0.03, "concurrency": 1})
    process = birdnest.start("crawl", SITE, "--json")
    archive = birdnest.folder / "archive"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(archive.glob("posts/*/*/v0001.html"))) < 5:
        time.sleep(0.05)
    take_away(archive / room)
    out, err = process.communicate(timeout=60)
    (report,) = json.loads(out)
    assert (process.returncode, report["verdict"]) == (6, "store failed")
    assert "part of the path is a file" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    give_back(archive / room)
    birdnest.configure(replica)
    again = birdnest.crawl()
    assert (again.code, again.report["new"] + again.report["unchanged"]) == (0, 62)
    assert [
        finding for finding in verify(birdnest.archive().store, Scope(full=True)) if finding.severity == "error"
    ] == []


def take_away(folder: Path) -> None:
    """Put a file where a folder was: writes below it fail, for the superuser too."""
    folder.rename(folder.with_suffix(".away"))
    folder.write_text("in the way")


def give_back(folder: Path) -> None:
    folder.unlink()
    folder.with_suffix(".away").rename(folder)
