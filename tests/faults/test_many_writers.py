"""Many processes that archive the same changing posts at once: one history a post, with every acknowledged version.

The number of posts is small in the everyday suite; `make test-faults` takes 50.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archive import Archive
from archive.reader import ArchiveReader
from archive.store import open_store
from archive.verify import Scope, verify
from tests.conftest import S3Server
from tests.posts import NOW, PICTURES
from tests.support import ROOT

PROCESSES = 8
ROUNDS = 3
PROGRAM = """
import json, sys
from datetime import timedelta
from archive import Archive, open_store
from tests.posts import NOW, PICTURES, make_post

place, number, posts, rounds = sys.argv[1], *map(int, sys.argv[2:])
opened = Archive.open(open_store(place))
print("ready", flush=True)
sys.stdin.readline()
for round_ in range(rounds):
    for post in range(posts):
        id_ = f"article-{(post + number * 7) % posts}"
        for data in PICTURES:
            opened.put_blob(data, "image/gif")
        title = f"{(round_ * 3 + number) % 5}"  # some processes bring the same
        made = make_post(id=id_, title=title, fetched_at=NOW + timedelta(hours=round_))
        outcome = opened.add(made, head=opened.head(made.site, id_) if post % 2 else None)
        print(json.dumps([id_, title, round_, outcome.status, outcome.version, outcome.sha256]), flush=True)
"""


@pytest.mark.parametrize("where", ["folder", "s3"])
@pytest.mark.parametrize("posts", [3, pytest.param(50, marks=pytest.mark.faults)])
def test_eight_processes_share_one_gapless_history_of_each_post(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, where: str, posts: int
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    place = str(tmp_path / "nest") if where == "folder" else f"s3://{s3_server.new_bucket()}"
    Archive.open_or_create(open_store(place), now=NOW)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, place, str(number), str(posts), str(ROUNDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=300)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES

    reader = ArchiveReader.open(open_store(place))
    histories = {
        f"article-{number}": [reader.load(ref) for ref in reader.versions("niaogebiji", f"article-{number}")]
        for number in range(posts)
    }
    statuses: Counter[str] = Counter()
    committed: set[tuple[str, int]] = set()
    for line in "".join(said).splitlines():
        id_, title, round_, status, version, sha256 = json.loads(line)
        statuses[status] += 1
        head = histories[id_][version - 1]
        if status == "superseded":
            assert datetime.fromisoformat(head.document.front["fetched_at"]) > NOW + timedelta(hours=round_)
            continue
        assert head.document.front["title"] == title
        if status != "unchanged":
            # Two processes that bring the same bytes at once may both be told that they wrote them.
            assert head.digest == sha256
            assert status == ("new" if version == 1 else "changed")
            committed.add((id_, version))
    assert statuses.total() == PROCESSES * posts * ROUNDS
    assert statuses["changed"] > 0
    assert committed == {(head.ref.id, head.ref.version) for history in histories.values() for head in history}
    for history in histories.values():
        titles = [head.document.front["title"] for head in history]
        assert [head.ref.version for head in history] == list(range(1, len(history) + 1))
        assert all(one != other for one, other in itertools.pairwise(titles))
    assert list(verify(open_store(place), Scope(full=True))) == []
    assert {hashlib.sha256(data).hexdigest() for data in PICTURES} == {
        info.key.rpartition("/")[2].partition(".")[0] for info in open_store(place).list("blobs/")
    }
