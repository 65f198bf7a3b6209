"""What it costs to archive a post: Birdnest beside Scrapy and wget, on one generated site, in one run.

    make bench
    python -m benchmarks.throughput [--quick] [--sizes 300,3000] [--repeats 3] [--only S3,bare] [--known 1000]
        [--latency-ms 40] [--far-posts 300] [--image-kb 100] [--scrapy-log INFO] [--json FILE] [--markdown FILE]
        [--plot FILE]

A site is made of 300 and of 3,000 posts: pages of 20 to 60 KB, six images a post of 20 to 300 KB (the median 100 KB),
each whole and decodable, a fifth of them shown by another post, too. An nginx of the run's own serves it. Each
contender runs in a process of its own, whose CPU (user + system), memory and time the kernel accounts:

  Scrapy, downloading only      asks for lists, pages and images, looks for the images' addresses, keeps nothing
  Scrapy + FilesPipeline → S3   as users write it: a feed of posts as JSON lines, the images by Scrapy's pipeline
  Scrapy + ImagesPipeline → S3  the same with the pipeline that makes JPEGs of them
  wget --warc-file              the same pages and images, from a list of their addresses, one after the other
  Birdnest → folder, → S3       `birdnest crawl` with all stages on: robots.txt, frontier, cleaning, checks, WARC
  … by structure, all decoded   the same with `check_images = "structure"` and `"decode"` in place of the default

A contender that did not fetch every page and every image once, or whose report says something else, ends the benchmark.

They differ in this besides. All of Scrapy's run with 64 requests at once, and else with its own settings: it logs at
DEBUG, into a file, each item whole, which is a quarter of the FilesPipeline's CPU and hardly any of bare Scrapy's
(`--scrapy-log INFO` leaves it out). Birdnest runs with `concurrency = 64`, without delays and without AutoThrottle; how
many images it fetches and puts at once no user sets. It reads seven lists, the others one, and two robots.txt, which
the others do not. It reaches the pages through a map of origins (`origins`), the others ask the server by its address.
wget reads no lists, parses nothing, and fetches one file at a time over one connection.

A site of one post shows what a contender takes to start; CPU for a post is that of all posts but the first, posts/s are
of the whole run. Contenders take turns, each repeat beginning with another, so that a machine that grows busy slows
all; a ratio is always of two runs of one repeat. The S3
server is Ceph's gateway where it is installed, which checks digests; else moto's, which does not, so that Birdnest
reads back all that it puts: the output says which. Its log counts the requests. A far store is the same one behind a
proxy that holds back all that the server sends by 40 ms, so that a client that asks leave to send a body (Expect:
100-continue, as boto3 does) waits twice. The S3 server keeps all in memory: 30,000 posts take images of --image-kb 10.

Exit code 1: a limit is not met. 2: nginx or wget is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console

from benchmarks import throughput_site, throughput_store, usage
from benchmarks.throughput_contenders import (
    ALL,
    BARE,
    DECODED,
    FILES,
    FOLDER,
    IMAGES,
    IN_S3,
    S3,
    STRUCTURE,
    Bench,
    Run,
    birdnest,
    by_kind,
    environment_of,
    lists_only,
    report_of,
    run,
)
from benchmarks.throughput_pictures import MEDIAN_BYTES, templates
from benchmarks.throughput_results import Figures, Judged, Limits, Repeat, crawls, far, judge, known, plot
from benchmarks.throughput_store import Bucket, far_away

LIMITS: Final = Limits(
    # CPU for a further post, as a part of another's: images checked by their structure, and decoded.
    cpu_ratios={(STRUCTURE, BARE): 1.0, (DECODED, BARE): 1.8, (STRUCTURE, FILES): 0.33, (STRUCTURE, IMAGES): 0.2},
    # posts/s into a far store, Birdnest ÷ FilesPipeline.
    far_speed_ratio=3.0,
    # Requests of a run that are about no post and no image; they do not grow with posts. About each new post: its
    # distinct new images + 1, about an unchanged one none.
    own_requests=40,
    # Requests that the store's log shows and the run's report does not: those before its archive was open.
    unreported_requests=10,
    # Of Birdnest at each size; and ten times the posts, as a ratio.
    peak_mb=200,
    peak_growth=1.1,
    # CPU of a whole run that finds nothing new, as a part of a spider's that asks for the same lists.
    no_change_ratio=1.3,
)
_QUICK: Final = {"sizes": [60], "repeats": 1, "known": 60, "far_posts": 60}
_LISTS = "Scrapy, the same lists only"
_WIDTH = 150
_ROBOTS = "/robots.txt"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure. far_posts, known: 0 to leave it out."""

    sizes: list[int]
    repeats: int
    contenders: list[str]
    known: int
    far_posts: int
    latency_ms: float
    image_bytes: int
    scrapy_log_level: str

    @property
    def served(self) -> list[int]:
        """All sizes that the site is needed with."""
        extra = {1, self.known if self.needs_known else 0, self.far_posts if self.needs_far else 0}
        return sorted({*self.sizes, *extra} - {0})

    @property
    def needs_known(self) -> bool:
        return bool(self.known) and bool({FOLDER, S3} & set(self.contenders))

    @property
    def needs_far(self) -> bool:
        return bool(self.far_posts) and bool(self.latency_ms) and {FILES, S3} <= set(self.contenders)


def main() -> int:
    """Measure, print, write; 1 where a limit is not met, 2 where a program is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_numbers, help="posts of the sites, 300,3000 unless told")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--only", help="parts of contenders' names: measure only these")
    parser.add_argument("--known", type=int, help="posts of the run that finds nothing new; 0: none")
    parser.add_argument("--far-posts", type=int, help="posts for the far store; 0: none")
    parser.add_argument("--latency-ms", type=float, default=40.0, help="how far it is; 0: leave it out")
    parser.add_argument("--image-kb", type=int, default=MEDIAN_BYTES // 1000, help="the images' median size")
    parser.add_argument("--scrapy-log", default="", metavar="LEVEL", help="Scrapy's log level instead of its own")
    parser.add_argument("--quick", action="store_true", help="small sizes once, to see that all works")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the tables there, for a document")
    parser.add_argument("--plot", type=Path, help="draw the figures there, as SVG")
    options = parser.parse_args()
    plan = _plan(options)
    missing = _missing(plan)
    if missing:
        print(missing, file=sys.stderr)
        return 2
    # Ended from outside, it still ends the servers that it started: Ceph's are no children of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        repeats, facts = _measure(plan, Path(folder))
    judged = judge(repeats, LIMITS, checks_digests=facts["checks_digests"])
    tables = _tables(plan, repeats)
    _print(facts, tables, judged)
    if options.json:
        told = {"facts": facts, "repeats": [asdict(repeat) for repeat in repeats], "limits": list(map(asdict, judged))}
        options.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.markdown:
        texts = (_heading(facts), *(table.markdown() for table in tables))
        options.markdown.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    if options.plot:
        options.plot.write_text(plot(repeats), encoding="utf-8")
    return 0 if all(each.holds for each in judged) else 1


def _numbers(text: str) -> list[int]:
    numbers = sorted({int(number) for number in text.split(",")})
    if numbers[0] <= 1:
        raise argparse.ArgumentTypeError("expected numbers of posts above 1, such as 300,3000")
    return numbers


def _plan(options: argparse.Namespace) -> Plan:
    usual: dict[str, Any] = {"sizes": [300, 3000], "repeats": 3, "known": 1000, "far_posts": 300}
    usual |= _QUICK if options.quick else {}
    wanted = [name.lower() for name in options.only.split(",")] if options.only else [""]
    given = {name: getattr(options, name) for name in usual if getattr(options, name) is not None}
    return Plan(
        **{**usual, **given},
        contenders=[each for each in ALL if any(name in each.lower() for name in wanted)],
        latency_ms=options.latency_ms,
        scrapy_log_level=options.scrapy_log,
        image_bytes=1000 * options.image_kb,
    )


def _missing(plan: Plan) -> str | None:
    if not throughput_site.has_nginx():
        return "nginx serves the site that is measured: apt-get install nginx-light (its service need not run)"
    if not shutil.which("wget"):
        return "wget is measured, too: apt-get install wget"
    bytes_ = max(plan.served) * throughput_site.IMAGES_PER_POST * plan.image_bytes
    if set(IN_S3) & set(plan.contenders) and bytes_ > throughput_store.MEMORY_BYTES:
        return f"the S3 server keeps {bytes_ / 1e9:.0f} GB of images in memory: use smaller ones, such as --image-kb 10"
    return None


# -- measuring ---------------------------------------------------------------------------------------------------------


def _measure(plan: Plan, folder: Path) -> tuple[list[Repeat], dict[str, Any]]:
    load = os.getloadavg()[0]
    _tell(f"making a site of {max(plan.served):,} posts")
    pictures = templates(plan.image_bytes)
    site = throughput_site.make(folder / "site", plan.served, pictures)
    with ExitStack() as stack:
        nginx = stack.enter_context(throughput_site.serve(site))
        _tell("starting the S3 server")
        s3 = stack.enter_context(throughput_store.serve())
        bench = Bench(site=site, nginx=nginx, s3=s3, folder=folder, scrapy_log_level=plan.scrapy_log_level)
        archives = list(_known_archives(bench, plan, stack)) if plan.needs_known else []
        repeats = [_repeat(bench, plan, number, archives) for number in range(plan.repeats)]
        return repeats, _facts(plan, bench, [len(each.data) for each in pictures], load)


def _repeat(bench: Bench, plan: Plan, number: int, archives: Sequence[Known]) -> Repeat:
    """All contenders once, in turns; the first repeat also looks at what they kept."""

    def told(each: Run, more: str = "") -> Run:
        used = f"{each.cpu_seconds:.2f} s of CPU, {each.wall_seconds:.1f} s, {each.peak_mb:.0f} MB"
        _tell(f"{number + 1}  {each.posts:>6,} posts  {each.contender}{more}: {used}")
        return each

    runs = [
        told(run(bench, contender, size, look=number == 0 and size > 1))
        for size in [1, *plan.sizes]
        for contender in _turned(plan.contenders, number)
    ]
    known_runs: list[Run] = []
    lists: list[Run] = []
    for archive in archives:
        again, asked = archive.run_again(bench)
        known_runs.append(told(again))
        lists = lists or [told(_lists(bench, archive, asked))]
    far_runs = []
    if plan.needs_far:
        with far_away(bench.s3, plan.latency_ms) as server:
            far_runs = [
                told(run(bench, contender, plan.far_posts, s3=server), f", {plan.latency_ms:g} ms away")
                for contender in _turned([FILES, S3], number)
            ]
    return Repeat(runs=runs, known=known_runs, lists=lists, far=far_runs)


def _turned(names: list[str], number: int) -> list[str]:
    """The names in their order, from another one on in each repeat."""
    first = number % max(len(names), 1)
    return names[first:] + names[:first]


@dataclass(frozen=True, kw_only=True)
class Known:
    """An archive that holds all posts of the site, and the command that crawls it again."""

    contender: str
    posts: int
    folder: Path
    bucket: Bucket | None
    command: list[str]
    environment: dict[str, str]

    def run_again(self, bench: Bench) -> tuple[Run, list[tuple[str, str]]]:
        """A run that finds nothing new, and the lists it asked for. Raises SystemExit where it asked for a page."""
        site_mark, s3_mark = bench.nginx.mark(), bench.s3.mark() if self.bucket else 0
        used = usage.run(self.command, folder=self.folder, environment=self.environment)
        report = report_of(used)
        asked = bench.nginx.asked(site_mark)
        if report["new"] or any(target.startswith("/article-") for _, target, _ in asked):
            raise SystemExit(f"{self.contender}: a run over known posts archived {report['new']}")
        until = bench.s3.mark() if self.bucket else 0
        again = Run(
            contender=self.contender,
            posts=self.posts,
            images=0,
            cpu_seconds=used.cpu_seconds,
            wall_seconds=used.wall_seconds,
            peak_mb=used.peak_mb,
            asked=len(asked),
            requests=by_kind(bench.s3.requests(self.bucket.name, s3_mark, until)) if self.bucket else None,
            reported_requests=sum(report["store_requests"].values()) if self.bucket else None,
        )
        return again, [(method, target) for method, target, _ in asked if target != _ROBOTS]


def _known_archives(bench: Bench, plan: Plan, stack: ExitStack) -> Iterator[Known]:
    for contender in (each for each in (FOLDER, S3) if each in plan.contenders):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.folder)))
        bucket = stack.enter_context(Bucket(bench.s3)) if contender == S3 else None
        archive = f"s3://{bucket.name}/nest" if bucket else f"{folder}/nest"
        known_ = Known(
            contender=contender,
            posts=plan.known,
            folder=folder,
            bucket=bucket,
            command=birdnest(bench.site, plan.known, folder, archive),
            environment=environment_of(bench, bench.s3, folder),
        )
        _tell(f"{contender}: archiving {plan.known:,} posts, to find nothing new later")
        report_of(usage.run(known_.command, folder=folder, environment=known_.environment))
        yield known_


def _lists(bench: Bench, known_: Known, asked: Sequence[tuple[str, str]]) -> Run:
    """A spider that asks for the lists which a run over known posts asked for."""
    command = lists_only(known_.folder, asked, bench.site.origin(known_.posts))
    mark = bench.nginx.mark()
    used = usage.run(command, folder=known_.folder, environment=known_.environment)
    answered = [status for _, _, status in bench.nginx.asked(mark)]
    if used.code or len(answered) != len(asked):
        raise SystemExit(f"{_LISTS}: {len(answered)} answers to {len(asked)} requests: {used.err[-2000:]}")
    return Run(
        contender=_LISTS,
        posts=known_.posts,
        images=0,
        cpu_seconds=used.cpu_seconds,
        wall_seconds=used.wall_seconds,
        peak_mb=used.peak_mb,
        asked=len(answered),
    )


def _facts(plan: Plan, bench: Bench, image_bytes: Sequence[int], load: float) -> dict[str, Any]:
    """What a reader of the figures has to know. load: of the machine, before anything ran."""
    pages = sorted(bench.site.page_bytes.values())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {_processor()}",
        "load_before": round(load, 1),
        "load_at_the_end": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "scrapy": version("scrapy"),
        "scrapy_log_level": plan.scrapy_log_level or "DEBUG",
        "birdnest": version("birdnest"),
        "store": bench.s3.name,
        "checks_digests": bench.s3.checks_digests,
        "latency_ms": plan.latency_ms,
        "repeats": plan.repeats,
        "page_bytes": {"least": pages[0], "median": median(pages), "most": pages[-1]},
        "image_bytes": {"least": min(image_bytes), "median": median(image_bytes), "most": max(image_bytes)},
        "distinct_images": {size: len(bench.site.image_paths(size)) for size in plan.sizes},
        "image_references": {size: size * throughput_site.IMAGES_PER_POST for size in plan.sizes},
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


# -- telling -----------------------------------------------------------------------------------------------------------


def _tell(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {text}", file=sys.stderr, flush=True)


def _tables(plan: Plan, repeats: Sequence[Repeat]) -> list[Figures]:
    return [
        *(crawls(repeats, size) for size in plan.sizes),
        *([known(repeats)] if plan.needs_known else []),
        *([far(repeats, plan.latency_ms)] if plan.needs_far else []),
    ]


def _heading(facts: dict[str, Any]) -> str:
    pages, images = facts["page_bytes"], facts["image_bytes"]
    loads = f"load {facts['load_before']} before and {facts['load_at_the_end']} at the end"
    return (
        f"{facts['date']}, {facts['machine']}, {loads}. Python {facts['python']}, Scrapy {facts['scrapy']} (log level "
        f"{facts['scrapy_log_level']}), S3: {facts['store']}; {facts['repeats']} repeats. "
        f"Pages of {pages['least'] / 1e3:.0f}–{pages['most'] / 1e3:.0f} KB, the median {pages['median'] / 1e3:.0f}; "
        f"images of {images['least'] / 1e3:.0f}–{images['most'] / 1e3:.0f} KB, the median "
        f"{images['median'] / 1e3:.0f}. Ratios: the median of the repeats' (least–most)."
    )


def _print(facts: dict[str, Any], tables: Sequence[Figures], judged: Sequence[Judged]) -> None:
    console = Console(width=_WIDTH)
    console.print(_heading(facts), highlight=False)
    if not facts["checks_digests"]:
        print(f"{facts['store']} does not check digests: Birdnest reads back what it puts, and requests are not judged")
    for table in tables:
        console.print(table.shown())
    for each in judged:
        print(each)


if __name__ == "__main__":
    sys.exit(main())
