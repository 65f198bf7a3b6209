"""How the cost of a post grows with an archive and its frontier: marginal CPU of new and of known posts, at each size.

    make bench-scaling
    python -m benchmarks.scaling [--sizes 1000,10000,100000,1000000] [--documents 100000] [--json FILE] [--svg FILE]

At each size the frontier has so many archived posts, each with an event and a capture, the history a tenth as many
runs, and the archive so many documents, hard links to one, but at most --documents: a folder each, a million of which
a disk takes an hour to remove, and a file system in memory (TMPDIR) half a minute. The installed command then crawls
the bundled replica: 100 generated posts that are new, and nothing new, with a list of 50 known posts and with one of
1,000. A new post costs what the first run used above the second, a known one what the third did. The exit code is 1
when one of these, or the run without news, costs at the largest size more than twice what it did at the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.replica_posts import post
from benchmarks.rerun import Nest, nest
from crawler.demo import SITE
from crawler.frontier import Frontier, Held, frontier_file
from crawler.history import History, history_file
from crawler.replica import generated, trouble

_NEW = 100
_LISTED = 1000
_PAGE = 50
_MOST_LINKS = 30_000  # of one file
_REPEATS = 3
_MAX_GROWTH = 2.0
_FIRST_OTHER = 10_000_000
_CURVES = (
    ("new_ms", "ms of CPU for a new post", "#b3261e"),
    ("run_ms", "ms for a run without news", "#1f4e8c"),
    ("known_ms", "ms for a known post", "#2d6a2f"),
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """Marginal CPU in milliseconds at one size."""

    posts: int
    documents: int
    new_ms: float
    known_ms: float
    run_ms: float
    peak_mb: float


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--documents", type=int, default=100_000, help="most documents in the archive")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--svg", type=Path, help="also draw them there")
    options = parser.parse_args()
    points = []
    for size in options.sizes.split(","):
        points.append(measure(int(size), options.documents))
        print(points[-1], flush=True)
    Console(width=100).print(_table(points))
    if options.json:
        options.json.write_text(json.dumps([asdict(point) for point in points], indent=2) + "\n", encoding="utf-8")
    if options.svg:
        options.svg.write_text(plot(points), encoding="utf-8")
    ratios = {what: getattr(points[-1], name) / getattr(points[0], name) for name, what, _ in _CURVES}
    grown = [
        f"{what}: {ratio:.1f} times as much at the largest" for what, ratio in ratios.items() if ratio > _MAX_GROWTH
    ]
    for line in grown:
        print(line)
    return 1 if grown else 0


def measure(size: int, most_documents: int) -> Point:
    """The costs with so many posts."""
    began = time.monotonic()
    with nest(generated_posts=_LISTED, page_size=_PAGE) as nested:
        documents = _archive(nested, min(size, most_documents))
        _crawl_state(nested, size)
        print(f"{size:,} posts made up in {time.monotonic() - began:.0f} s", flush=True)
        first, report = nested.crawl()
        if report["new"] < _NEW:
            raise SystemExit(f"{report['new']} posts were new, expected {_NEW} and the replica's own")
        runs = [nested.crawl() for _ in range(_REPEATS)]
        nested.replica.lists(page_size=_LISTED)
        nested.crawl()
        long_runs = [nested.crawl() for _ in range(_REPEATS)]
    for _, told in (*runs, *long_runs):
        if told["new"] or told["changed"]:
            raise SystemExit(f"a run found {told['new']} new and {told['changed']} changed posts, expected none")
    quiet = min(used.cpu_seconds for used, _ in runs)
    many = min(used.cpu_seconds for used, _ in long_runs)
    named = long_runs[0][1]["known"] - runs[0][1]["known"]
    return Point(
        posts=size,
        documents=documents,
        new_ms=1000 * (first.cpu_seconds - quiet) / report["new"],
        known_ms=1000 * (many - quiet) / named,
        run_ms=1000 * quiet,
        peak_mb=max(used.peak_mb for used, _ in runs),
    )


def _archive(nested: Nest, count: int) -> int:
    """Documents of posts that no list names; how many."""
    archive = nested.archive
    source, linked = nested.folder / "nest", Path()
    for number in range(count):
        folder = source / "posts" / SITE / f"article-{_FIRST_OTHER + number}"
        if number % _MOST_LINKS == 0:
            id_ = f"article-{_FIRST_OTHER + number}"
            archive.add(replace(post(generated.FIRST_ID), id=id_, url=trouble.article_url(_FIRST_OTHER + number)))
            linked = folder / "v0001.html"
            continue
        folder.mkdir(parents=True)
        os.link(linked, folder / "v0001.html")
    return count


def _crawl_state(nested: Nest, size: int) -> None:
    archive = nested.archive
    now = int(time.time())
    file = frontier_file(nested.state, archive.info.id)
    frontier = Frontier(file)
    frontier.rebuild(chain(_listed(now), _unlisted(size, now)), now=now)
    frontier.close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("INSERT INTO events (site, url, at, run, text) SELECT site, url, found_at, 'run', 'new' FROM urls")
        db.execute("INSERT INTO captures SELECT url, 'sha256:' || source_sha256, id, '', 'raw/segment' FROM urls")
        db.commit()
    _history(nested, size // 10)


def _history(nested: Nest, count: int) -> None:
    """Runs of a hundred other sites, within the ninety days that are kept."""
    file = history_file(nested.state, nested.archive.info.id)
    now = datetime.now(UTC)
    with History(file) as history:
        history.began("first", "other", at=now)
    step = timedelta(days=80) / max(count, 1)
    rows = ((f"run-{n}", f"other-{n % 100}", int((now - n * step).timestamp())) for n in range(count))
    with closing(sqlite3.connect(file)) as db:
        db.executemany("INSERT INTO runs (run, site, began_at) VALUES (?, ?, ?)", rows)
        db.commit()


def _listed(now: int) -> Iterator[Held]:
    """The generated posts but for the first ones that the list names."""
    for number in range(generated.FIRST_ID, generated.FIRST_ID + _LISTED - _NEW):
        yield _held(number, now)


def _unlisted(count: int, now: int) -> Iterator[Held]:
    for number in range(count):
        yield _held(_FIRST_OTHER + number, now)


def _held(number: int, now: int) -> Held:
    return Held(
        site=SITE,
        url=trouble.article_url(number),
        post=f"article-{number}",
        channel="首页",
        version=1,
        source_sha256=f"{number:064x}",
        fetched_at=now,
        published_at=now - number % 1_000_000,
    )


def plot(points: Sequence[Point]) -> str:
    """The figures over the number of posts, which grows tenfold from place to place, as SVG."""
    width, height, left, bottom = 640, 300, 60, 40
    places = [left + 30 + number * (width - left - 60) / max(len(points) - 1, 1) for number in range(len(points))]
    top = max(getattr(point, name) for point in points for name, _, _ in _CURVES) * 1.1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 60}" font-size="12">',
        "<title>Marginal CPU by the number of posts</title>",
        f'<path d="M{left} 10V{height - bottom}H{width}" fill="none" stroke="#555"/>',
    ]

    def level(value: float) -> float:
        return round(float(height - bottom - value / top * (height - bottom - 10)), 1)

    parts.extend(
        f'<text x="{left - 6}" y="{level(value) + 4}" text-anchor="end">{value:,.0f} ms</text>'
        for value in (0, top / 2, top)
    )
    parts.extend(
        f'<text x="{place:.0f}" y="{height - bottom + 18}" text-anchor="middle">{point.posts:,}</text>'
        for place, point in zip(places, points, strict=True)
    )
    for number, (name, what, colour) in enumerate(_CURVES):
        path = " ".join(f"{x:.0f},{level(getattr(p, name))}" for x, p in zip(places, points, strict=True))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{left + number * 200}" y="{height + 20}" fill="{colour}">{what}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _table(points: Sequence[Point]) -> Table:
    table = Table(title="Cost as an archive grows, ms of CPU", title_justify="left")
    for heading in ("posts", "documents", "new post", "known post", "run without news", "peak MB"):
        table.add_column(heading, justify="right")
    for point in points:
        figures = (f"{point.new_ms:.1f}", f"{point.known_ms:.2f}", f"{point.run_ms:.0f}", f"{point.peak_mb:.0f}")
        table.add_row(f"{point.posts:,}", f"{point.documents:,}", *figures)
    return table


if __name__ == "__main__":
    sys.exit(main())
