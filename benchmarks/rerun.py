"""What a scheduled crawl costs that finds nothing new, beside a Scrapy spider that only fetches the same lists.

    make bench-rerun
    python -m benchmarks.rerun [--posts 1000] [--repeats 5] [--json FILE]

The installed command crawls the bundled replica, whose long list names posts that the archive holds. Then, in turn, it
crawls again and a spider fetches what that crawl asked for, by Scrapy's CrawlerProcess with its own settings. CPU is
user + system of the whole process, start-up and end included, as the kernel accounts it. The exit code is 1 when a
repeat is on average above 1.3 times the spider, or when a run asked for more than robots.txt and lists.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from archive import Archive, open_store
from benchmarks.replica_posts import kind_of, post
from crawler.demo import SITE, replica_site
from crawler.replica import generated, trouble
from crawler.replica.process import Replica

MAX_RATIO = 1.3
_BIRDNEST = Path(sys.executable).with_name("birdnest")
_SPIDER = Path(__file__).with_name("list_spider.py")
_KIB = 1024 if sys.platform == "linux" else 1


@dataclass(frozen=True, kw_only=True)
class Used:
    """What a process used, and what it printed."""

    cpu_seconds: float
    peak_mb: float
    out: str


@dataclass(frozen=True, kw_only=True)
class Nest:
    """A folder with a birdnest.toml for a replica, an archive `nest` and crawl state."""

    folder: Path
    replica: Replica

    @property
    def archive(self) -> Archive:
        return Archive.open_or_create(open_store(f"{self.folder}/nest"), now=datetime.now(UTC))

    @property
    def state(self) -> Path:
        return self.folder / "birdnest"

    def crawl(self) -> tuple[Used, dict[str, Any]]:
        """`birdnest crawl`, and the run's report."""
        used = measured([str(_BIRDNEST), "crawl", SITE, "--json"], self.folder)
        (report,) = json.loads(used.out)
        return used, report

    def asked(self, since: int = 0) -> list[tuple[str, str]]:
        """(method, URL) of what the replica was asked for, after so many requests."""
        return [(each["method"], each["url"]) for each in self.replica.log()[since:]]


@contextmanager
def nest(*, generated_posts: int, page_size: int = 50) -> Iterator[Nest]:
    """A replica whose long list names so many posts, and a folder whose birdnest.toml crawls it."""
    with tempfile.TemporaryDirectory() as name, Replica(generated=generated_posts) as replica:
        folder = Path(name)
        replica.lists(page_size=page_size)
        replica.unlist(trouble.CAPTCHA_ID)  # it is tried again by every run
        (folder / "birdnest.toml").write_text("\n".join(_toml(folder, replica)), encoding="utf-8")
        yield Nest(folder=folder, replica=replica)


def measured(command: Sequence[str], folder: Path) -> Used:
    """Run a command in a folder to its end. Raises SystemExit where it fails."""
    variables = {**os.environ, "XDG_STATE_HOME": str(folder)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling our modules anew is no part of a run
    process = subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {out.decode()[-500:]}")
    return Used(cpu_seconds=usage.ru_utime + usage.ru_stime, peak_mb=usage.ru_maxrss * _KIB / 1e6, out=out.decode())


def _toml(folder: Path, replica: Replica) -> Iterator[str]:
    site = replica_site()
    yield f'archive = "{folder}/nest"\nautothrottle = false\n[origins]'
    yield from (f'"{host}" = "{origin}"' for host, origin in replica.origins.items())
    yield f"[sites.{SITE}]\ndelay_seconds = 0\nimage_delay_seconds = 0\nconcurrency = 8"
    yield f'lists = {{ categories = ["{generated.CATEGORY}"] }}\nexpectations = {{ max_newest_age_days = 36500 }}'
    failures = site["expected_failures"]
    for each in failures if isinstance(failures, list) else ():
        yield f"[[sites.{SITE}.expected_failures]]\nreason = '{each['reason']}'\nurl = '{each['url']}'"


def _fetch(nested: Nest, asked: Iterable[tuple[str, str]]) -> Used:
    """The spider, with the same requests."""
    given = nested.folder / "lists.json"
    wanted = []
    for method, url in asked:
        parts = urlsplit(url)
        origin = nested.replica.origins[f"{parts.scheme}://{parts.netloc}"]
        wanted.append({"method": method, "url": f"{origin}{url.partition(parts.netloc)[2]}", "host": parts.netloc})
    given.write_text(json.dumps(wanted), encoding="utf-8")
    return measured([sys.executable, str(_SPIDER), str(given)], nested.folder)


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    with nest(generated_posts=options.posts) as nested:
        archive = nested.archive
        for number in range(generated.FIRST_ID, generated.FIRST_ID + options.posts):
            archive.add(post(number))
        nested.crawl()  # the frontier is rebuilt from the archive, and the replica's own posts are fetched
        seen = len(nested.asked())
        _, report = nested.crawl()
        asked = nested.asked(seen)
        kinds = Counter(kind_of(url) for _, url in asked)
        pairs = [(nested.crawl()[0], _fetch(nested, asked)) for _ in range(options.repeats)]
    ratio = mean(ours.cpu_seconds / theirs.cpu_seconds for ours, theirs in pairs)
    Console(width=100).print(_table(pairs))
    print(f"{options.posts:,} known posts; asked of the site: {dict(kinds)}, of the store: {report['store_requests']}")
    print(f"CPU {ratio:.2f} times that of a Scrapy spider that only fetches the same (limit {MAX_RATIO})")
    if options.json:
        figures = {
            "posts": options.posts,
            "birdnest_cpu_seconds": [ours.cpu_seconds for ours, _ in pairs],
            "scrapy_cpu_seconds": [theirs.cpu_seconds for _, theirs in pairs],
            "ratio": ratio,
            "site_requests": kinds,
            "store_requests": report["store_requests"],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(ratio > MAX_RATIO or kinds["posts"] > 0 or kinds["images"] > 0)


def _table(pairs: Sequence[tuple[Used, Used]]) -> Table:
    table = Table(title="A run that finds nothing new", title_justify="left")
    for heading in ("birdnest CPU s", "Scrapy CPU s", "ratio", "birdnest MB", "Scrapy MB"):
        table.add_column(heading, justify="right")
    for ours, theirs in pairs:
        figures = (ours.cpu_seconds, theirs.cpu_seconds, ours.cpu_seconds / theirs.cpu_seconds)
        table.add_row(*(f"{each:.2f}" for each in figures), f"{ours.peak_mb:.0f}", f"{theirs.peak_mb:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
