"""What scheduled crawls cost that find nothing new, and what a frontier of a million URLs costs.

    make bench-frontier
    python -m benchmarks.frontier [--posts 10000] [--urls 1000000]

The command crawls the bundled replica. First into an archive that holds all posts of its long list: once with the
frontier lost, so that it is rebuilt from the archive (and the few dozen posts of the replica's own are fetched), and
once more, with nothing new. Then with a frontier of a million URLs that are known and not due. The exit code is 1 when
a run with nothing new asked for more than lists or wrote more than its report and its capture, or when the one with a
million URLs took more than 200 MB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from archive import Archive, open_store
from benchmarks.replica_crawl import Crawled, crawl
from benchmarks.replica_posts import kind_of, post
from crawler.demo import SITE
from crawler.frontier import Frontier, Held, frontier_file
from crawler.replica import generated, trouble
from crawler.replica.process import Replica
from crawler.state import held_posts

MEMORY_LIMIT_MB = 200
_ROBOTS = "robots.txt"
_LIST_POSTS = 50
_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run: what it was, its figures, and its requests to the site (robots.txt, lists, posts and images)."""

    what: str
    crawled: Crawled
    first_request_seconds: float
    requests: Counter[str]
    written: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--urls", type=int, default=1_000_000)
    options = parser.parse_args()
    rows = [*known_posts(options.posts), known_urls(options.urls)]
    Console(width=_WIDTH).print(_table(rows))
    wrong = [*_more_than_lists(rows[1]), *_more_than_lists(rows[2])]
    if rows[2].crawled.peak_mb > MEMORY_LIMIT_MB:
        wrong.append(f"{rows[2].what}: peak memory {rows[2].crawled.peak_mb:.0f} MB > {MEMORY_LIMIT_MB} MB")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def known_posts(count: int) -> Iterator[Row]:
    """Two runs over an archive that holds all posts of the long list."""
    with tempfile.TemporaryDirectory() as name, Replica(generated=count) as replica:
        folder = Path(name)
        archive = Archive.open_or_create(open_store(f"{folder}/nest"), now=datetime.now(UTC))
        began = time.monotonic()
        for number in range(generated.FIRST_ID, generated.FIRST_ID + count):
            archive.add(post(number))
        print(f"{count:,} posts archived in {time.monotonic() - began:.0f} s")
        replica.lists(page_size=_LIST_POSTS)
        replica.unlist(trouble.CAPTCHA_ID)  # it is tried again by every run
        yield _run(f"{count:,} posts, frontier lost", folder, replica)
        yield _run(f"{count:,} posts, nothing new", folder, replica)


def known_urls(count: int) -> Row:
    """A run with a frontier of many URLs, after one that settled the replica's own posts."""
    with tempfile.TemporaryDirectory() as name, Replica(generated=_LIST_POSTS) as replica:
        folder = Path(name)
        replica.unlist(trouble.CAPTCHA_ID)
        crawl(folder, f"{folder}/nest", replica.origins)
        archive = Archive.open(open_store(f"{folder}/nest"))
        file = frontier_file(folder / "birdnest", archive.info.id)
        frontier = Frontier(file)
        began = time.monotonic()
        frontier.rebuild(chain(held_posts(archive, print), _held(count)), now=int(time.time()))
        frontier.close()
        print(f"{count:,} URLs in {time.monotonic() - began:.0f} s; the file has {file.stat().st_size / 1e6:,.0f} MB")
        return _run(f"{count:,} URLs, nothing new", folder, replica)


def _run(what: str, folder: Path, replica: Replica) -> Row:
    seen, before = len(replica.log()), _files(folder / "nest")
    crawled = crawl(folder, f"{folder}/nest", replica.origins)
    asked = replica.log()[seen:]
    return Row(
        what=what,
        crawled=crawled,
        first_request_seconds=asked[0]["time"] - crawled.started,
        requests=Counter(kind_of(each["url"]) for each in asked),
        written=len(_files(folder / "nest") - before),
    )


def _files(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if file.is_file()}


def _more_than_lists(row: Row) -> Iterator[str]:
    for kind in ("posts", "images"):
        if row.requests[kind]:
            yield f"{row.what}: {row.requests[kind]} requests for {kind}, expected none"
    if row.written > 3:  # noqa: PLR2004 - the report, the capture, its index
        yield f"{row.what}: {row.written} objects written, expected the report, the capture and its index"


def _held(count: int) -> Iterator[Held]:
    now = int(time.time())
    for number in range(1, count + 1):
        yield Held(
            site=SITE,
            url=trouble.article_url(10_000_000 + number),
            post=f"article-{10_000_000 + number}",
            channel="首页",
            version=1,
            source_sha256=f"{number:064x}",
            fetched_at=now,
            published_at=now - 60 * number,
        )


def _table(rows: list[Row]) -> Table:
    table = Table(title="Crawls that find nothing new", title_justify="left")
    headings = ("", "first request s", "wall s", "CPU s", "peak MB", "robots", "lists", "posts", "images", "written")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        crawled = row.crawled
        figures = (row.first_request_seconds, crawled.wall_seconds, crawled.cpu_seconds)
        kinds = (str(row.requests[kind]) for kind in (_ROBOTS, "lists", "posts", "images"))
        table.add_row(row.what, *(f"{f:.1f}" for f in figures), f"{crawled.peak_mb:.0f}", *kinds, str(row.written))
    return table


if __name__ == "__main__":
    sys.exit(main())
