"""What views cost on a large archive: time, requests and memory, for a hundred thousand posts that nobody stores.

    make bench-views
    python -m benchmarks.views [--posts 100000] [--steps lost,catalogue,one,sql,frontier,jsonl,hexo]

The archive is made up as it is read, always the same: two images a post, a fifth of them shared with the post before,
every tenth post with a second version, spread over ten years. What is written goes to a temporary folder. Each step
runs in a process of its own; the exit code is 1 when one of them took more than 500 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archive.errors import ObjectMissing, StoreError
from archive.layout import ARCHIVE_KEY, POSTS, VIEWS, PostRef, parse_post_key
from archive.model import sealed
from archive.reader import ArchiveReader
from archive.store import FolderStore, ObjectInfo, Usage
from benchmarks.verify import made_up_document

MEMORY_LIMIT_MB = 500
MOST_POSTS = 10_000_000
_SITE = "niaogebiji"
_MONTHS = 120
_VERSIONED = 10
_BLOB = b"GIF89a" + b"\0" * 994
_WRITTEN = datetime(2020, 1, 1, tzinfo=UTC)
_KIB = 1024 if sys.platform == "linux" else 1
Figures = dict[str, Any]


class MadeUpStore:
    """An archive whose posts come out of their keys, and whose views lie in a folder."""

    def __init__(self, posts: int, *, months_of: int, views: Path) -> None:
        self.url = "made-up"
        self.usage = Usage()
        self._posts = posts
        self._months_of = months_of
        self._views = FolderStore(views)

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        raise StoreError(f"archive {self.url}: cannot write {key}: {len(data)} bytes of {content_type}")

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self.usage.count("PUT")
        self._views.put(key, data, content_type)

    def delete(self, key: str) -> None:
        self.usage.count("DELETE")
        self._views.delete(key)

    def learn(self, key: str) -> None:
        """Nothing but views is written."""

    def read(self, key: str) -> bytes:
        self.usage.count("GET")
        if key.startswith(VIEWS):
            return self._views.read(key)
        ref = parse_post_key(key)
        if ref is not None:
            return self._document(int(ref.id.removeprefix("article-")), ref.version)
        if key.startswith("blobs/"):
            return _BLOB
        if key != ARCHIVE_KEY:
            raise ObjectMissing(self.url, key)
        info = {"format": "birdnest-archive", "version": 1, "id": "made-up", "created": _WRITTEN.isoformat()}
        return json.dumps(sealed(info)).encode()

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self.usage.count("LIST")
        if prefix.startswith(VIEWS):
            yield from self._views.list(prefix, after=after)
        elif prefix.startswith(POSTS):
            # Numbers, months and digests are of one length each.
            sizes = {version: len(self._document(0, version)) for version in (1, 2)}
            for number in range(self._posts):
                for version in range(1, 3 if number % _VERSIONED == 0 else 2):
                    key = PostRef(site=_SITE, id=f"article-{number:08d}", version=version).key
                    if key.startswith(prefix) and key > after:
                        yield ObjectInfo(key=key, bytes=sizes[version], modified=_WRITTEN)

    def _document(self, number: int, version: int) -> bytes:
        month = number * _MONTHS // self._months_of
        published = f"{2016 + month // 12}-{month % 12 + 1:02}-22T08:00:00+08:00"
        found = made_up_document(number, version, MOST_POSTS)
        return found.replace(
            b'\npublished_at: "2026-11-22T00:00:00+00:00"\n', f'\npublished_at: "{published}"\n'.encode()
        )


def silent(_what: str, _done: int) -> None:
    """Nobody watches."""


def complain(line: str) -> None:
    raise SystemExit(line)


def catalogue(store: MadeUpStore, _folder: Path) -> Figures:
    from archive.views.catalogue import build

    return vars(build(store, progress=silent, complain=complain)) | {"bytes": store._views.usage.bytes_written}  # noqa: SLF001


def sql(store: MadeUpStore, folder: Path) -> Figures:
    from archive.views.sql import ask

    del store
    query = "SELECT month, count(*), sum(image_bytes) FROM posts GROUP BY month ORDER BY month"
    with ask(FolderStore(folder / "views"), query) as answer:
        return {"rows": sum(1 for _ in answer.rows)}


def frontier(store: MadeUpStore, _folder: Path) -> Figures:
    from crawler.state import held_posts  # Scrapy comes with it

    started = time.monotonic()
    posts = sum(1 for _ in held_posts(ArchiveReader.open(store), complain))
    return {"posts": posts, "of which seconds": round(time.monotonic() - started, 1)}


def jsonl(store: MadeUpStore, folder: Path) -> Figures:
    from archive.views.lines import lines
    from archive.views.sources import Choice

    with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
        return {"bytes": sum(file.write(line) for line in lines(store, Choice(), complain))}


def hexo(store: MadeUpStore, folder: Path) -> Figures:
    from archive.views.hexo import shape
    from archive.views.sources import Choice
    from archive.views.tree import export

    target = FolderStore(folder / "blog", mutable="")
    return vars(export(store, target, shape(timezone="Asia/Shanghai"), Choice(), progress=silent, complain=complain))


Step = Callable[[MadeUpStore, Path], Figures]
STEPS: dict[str, tuple[tuple[str, Step, int], ...]] = {
    "lost": (("frontier, by the documents", frontier, 0),),
    "catalogue": (("catalogue, first", catalogue, 0), ("catalogue, nothing new", catalogue, 0)),
    "one": (("catalogue, one new post", catalogue, 1),),
    "sql": (("sql, by month", sql, 1),),
    "frontier": (("frontier, by the catalogue", frontier, 1),),
    "jsonl": (("jsonl", jsonl, 0),),
    "hexo": (("hexo, first", hexo, 0), ("hexo, nothing new", hexo, 0), ("hexo, one new post", hexo, 1)),
}
"""What is run, in order: a title, the step, and how many posts are new by then."""


def run_step(title: str, posts: int, folder: Path) -> None:
    """The measured process."""
    step, new = next((step, new) for steps in STEPS.values() for name, step, new in steps if name == title)
    store = MadeUpStore(posts + new, months_of=posts + 1, views=folder / "views")
    started = time.monotonic()
    figures = step(store, folder)
    requests: Counter[str] = store.usage.requests
    print(json.dumps({"seconds": time.monotonic() - started, "figures": figures, "requests": requests}))


def measure(title: str, posts: int, folder: Path) -> float:
    """Run a step, print what it took, and return its peak of memory in MB."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.views",
        "--step",
        title,
        "--posts",
        str(posts),
        "--folder",
        str(folder),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    told = json.loads(out)
    peak_mb = usage.ru_maxrss * _KIB / 1e6
    asked = ", ".join(f"{count:,} {name}" for name, count in sorted(told["requests"].items()))
    figures = ", ".join(f"{name} {value:,}" for name, value in told["figures"].items())
    busy = usage.ru_utime + usage.ru_stime
    print(
        f"{title:<28} {told['seconds']:7.1f} s, {busy:6.1f} s of CPU {peak_mb:6.0f} MB   {figures}   ({asked})",
        flush=True,
    )
    return peak_mb


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.posts, options.folder)
        return 0
    titles = [title for name in options.steps.split(",") for title, _, _ in STEPS[name]]
    print(f"{options.posts:,} posts, {options.posts + options.posts // _VERSIONED:,} versions")
    with TemporaryDirectory() as folder:
        peak_mb = max(measure(title, options.posts, Path(folder)) for title in titles)
    print(f"memory at most {peak_mb:.0f} MB (limit {MEMORY_LIMIT_MB})")
    return int(peak_mb > MEMORY_LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
