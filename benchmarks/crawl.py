"""What a crawl costs: CPU, memory and store requests per post, on the bundled replica.

Runs the installed command as a user would, into a folder and into S3 (a moto server), over 300 and 2,000 generated
posts (HTML of 20–60 KB, 3–6 images of 20–120 KB each), and prints one table. CPU is user + system of the crawling
process alone, as the kernel accounts it. The two sizes of one store give the marginal cost of a post, with start-up
taken out. Machines are noisy: read the figures beside each other, not by themselves.

    python benchmarks/crawl.py [--sizes 300,2000] [--stores folder,s3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from rich.console import Console
from rich.table import Table

from crawler.demo import SITE, replica_site
from crawler.replica.process import Replica

_KIB = 1024
_MEMORY_LIMIT_MB = 250


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One crawl. Times in seconds, memory in MB (10**6 bytes); requests are those a store would bill."""

    store: str
    posts: int
    images: int
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    store_requests: int

    @property
    def cpu_ms_per_post(self) -> float:
        return 1000 * self.cpu_seconds / self.posts

    @property
    def posts_per_second(self) -> float:
        return self.posts / self.wall_seconds

    @property
    def requests_per_post(self) -> float:
        return self.store_requests / self.posts


def main() -> int:
    """Print the table; 1 when a crawl failed or took more memory than allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="300,2000")
    parser.add_argument("--stores", default="folder,s3")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    figures = [measure(store, size) for store in options.stores.split(",") for size in sizes]
    Console().print(_table(figures))
    for store in options.stores.split(","):
        _print_marginal([figure for figure in figures if figure.store == store])
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    too_big = [figure for figure in figures if figure.peak_mb > _MEMORY_LIMIT_MB]
    for figure in too_big:
        print(f"{figure.store}, {figure.posts} posts: peak memory {figure.peak_mb:.0f} MB > {_MEMORY_LIMIT_MB} MB")
    return 1 if too_big else 0


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """A crawl that ended well: its report, when it was started (Unix seconds), how long it took, and what it used."""

    report: dict[str, Any]
    started: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def measure(store: str, size: int) -> Figures:
    """One crawl of `size` generated posts into an empty archive."""
    with tempfile.TemporaryDirectory() as folder, Replica(generated=size) as replica, _archive(store) as (url, more):
        crawled = crawl(Path(folder), url, replica.origins, **more)
    return Figures(
        store=store,
        posts=crawled.report["new"],
        images=crawled.report["images_kept"],
        cpu_seconds=crawled.cpu_seconds,
        wall_seconds=crawled.wall_seconds,
        peak_mb=crawled.peak_mb,
        store_requests=sum(crawled.report["store_requests"].values()),
    )


def crawl(folder: Path, archive: str, origins: dict[str, str], **environment: str) -> Crawled:
    """A crawl of the replica in a process of its own, whose state lies in the folder."""
    config = folder / "birdnest.json"
    config.write_text(_config(archive, origins), encoding="utf-8")
    command = [sys.executable, __file__, "--crawl", str(config)]
    variables = {**os.environ, "XDG_STATE_HOME": str(folder), **environment}
    started, began = time.time(), time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE)  # closed at its end
    out = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the crawl ended with {process.returncode}: {out.decode()[-500:]}")
    (report,) = json.loads(out)
    return Crawled(
        report=report,
        started=started,
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss * _KIB / 1e6,
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


@contextmanager
def _archive(store: str) -> Iterator[tuple[str, dict[str, str]]]:
    """An empty place for an archive: its address, and the environment a process needs to reach it."""
    if store == "folder":
        with tempfile.TemporaryDirectory() as folder:
            yield f"{folder}/archive", {}
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(endpoint)
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106 - a server of our own
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="bench")
        yield "s3://bench/archive", environment
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the moto server did not start: is moto[server] installed?")


def _table(figures: list[Figures]) -> Table:
    table = Table(title="Crawl of the replica", title_justify="left")
    for heading in ("store", "posts", "images", "CPU ms/post", "posts/s", "peak MB", "store requests/post"):
        table.add_column(heading, justify="right")
    for figure in figures:
        table.add_row(
            figure.store,
            str(figure.posts),
            str(figure.images),
            f"{figure.cpu_ms_per_post:.1f}",
            f"{figure.posts_per_second:.1f}",
            f"{figure.peak_mb:.0f}",
            f"{figure.requests_per_post:.2f}",
        )
    return table


def _print_marginal(figures: list[Figures]) -> None:
    if len(figures) > 1:
        small, large = figures[0], figures[-1]
        cpu = (large.cpu_seconds - small.cpu_seconds) / (large.posts - small.posts)
        print(f"{small.store}: {1000 * cpu:.1f} ms of CPU for each further post, start-up taken out")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--crawl"]:
        _crawl(Path(sys.argv[2]))
    sys.exit(main())
