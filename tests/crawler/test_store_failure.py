"""A store that dies in the middle of a crawl: the run ends, says so, and the next one finishes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.findings import Finding
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
    # For an instant, while it is taken away, neither the folder nor the file is there.
    assert "part of the path is a file" in err or "No such file" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    give_back(archive / room)
    birdnest.configure(replica)
    again = birdnest.crawl()
    assert (again.code, posts(birdnest, "archive")) == (0, 62)
    assert errors(birdnest, "archive") == []


def take_away(folder: Path) -> None:
    """Put a file where a folder was: writes below it fail, for the superuser too."""
    folder.rename(folder.with_suffix(".away"))
    folder.write_text("in the way")


def give_back(folder: Path) -> None:
    folder.unlink()
    folder.with_suffix(".away").rename(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB, mounted for the test."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs the superuser: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_the_next_one_finishes(birdnest: Birdnest, small_disk: Path) -> None:
    archive = str(small_disk / "nest")
    full = birdnest.crawl("--archive", archive)

    assert (full.code, full.report["verdict"]) == (6, "store failed")
    assert "the disk is full; free some space and run again, nothing is half-written" in full.err
    assert "Traceback" not in full.err
    assert errors(birdnest, archive) == []
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    again = birdnest.crawl("--archive", archive)
    assert (again.code, posts(birdnest, archive)) == (0, 62)
    assert errors(birdnest, archive) == []


def test_a_file_system_that_becomes_read_only_ends_the_run_and_the_next_one_finishes(
    birdnest: Birdnest, replica: Replica, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    birdnest.configure(replica, site={"delay_seconds": 0.03, "concurrency": 1})
    archive = small_disk / "nest"
    process = birdnest.start("crawl", SITE, "--json", "--archive", str(archive))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(list(archive.glob("posts/*/*/v0001.html"))) < 5:
        time.sleep(0.05)
    while subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the file system stays busy with a write"
    out, err = process.communicate(timeout=60)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)

    (report,) = json.loads(out)
    assert (process.returncode, report["verdict"]) == (6, "store failed")
    assert "the file system is read-only; name another folder" in err
    assert "Traceback" not in err
    assert errors(birdnest, str(archive)) == []
    birdnest.configure(replica)
    again = birdnest.crawl("--archive", str(archive))
    assert (again.code, posts(birdnest, str(archive))) == (0, 62)


def posts(birdnest: Birdnest, archive: str) -> int:
    return len(list(birdnest.archive(archive).posts()))


def errors(birdnest: Birdnest, archive: str) -> list[Finding]:
    findings = verify(birdnest.archive(archive).store, Scope(full=True))
    return [finding for finding in findings if finding.severity == "error"]
