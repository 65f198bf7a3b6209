"""Who is measured, and what each left behind: a run is one command, in a process and a folder of its own."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator

from benchmarks import usage
from benchmarks.throughput_site import FIRST_LIST, IMAGES_HOST, LIST_POSTS, PAGES_HOST, Nginx, Site, shown
from benchmarks.throughput_store import Bucket, S3Server
from crawler.replica import generated

BARE = "Scrapy, downloading only"
FILES = "Scrapy + FilesPipeline → S3"
IMAGES = "Scrapy + ImagesPipeline → S3"
WGET = "wget --warc-file"
FOLDER = "Birdnest → folder"
S3 = "Birdnest → S3"
STRUCTURE = "Birdnest → S3, by structure"
DECODED = "Birdnest → S3, all decoded"
BIRDNEST = (FOLDER, S3, STRUCTURE, DECODED)
ALL = (BARE, FILES, IMAGES, WGET, *BIRDNEST)
IN_S3 = (FILES, IMAGES, S3, STRUCTURE, DECODED)
_CHECKS = {STRUCTURE: "structure", DECODED: "decode"}
_SPIDERS = {BARE: "bare", FILES: "files", IMAGES: "images"}
_SITE = "niaogebiji"
_CANONICAL = "https://www.niaogebiji.com"
_SPIDERS_FILE = str(Path(__file__).with_name("throughput_spiders.py"))
_BIRDNEST = str(Path(sys.executable).with_name("birdnest"))
_CONCURRENT = 64


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run. requests: those to the S3 server, of posts and images ("posts", "images") and all others ("own").

    kept_bytes, kept_whole: what lies there afterwards, and how many of the site's distinct images it holds byte for
    byte; None where nobody looked. asked: requests to the site.
    """

    contender: str
    posts: int
    images: int
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    asked: int
    requests: Mapping[str, int] | None = None
    reported_requests: int | None = None
    kept_bytes: int | None = None
    kept_whole: int | None = None

    @property
    def posts_per_second(self) -> float:
        return self.posts / self.wall_seconds


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all runs have: the site, its server, the S3 server, a place for their folders, and Scrapy's log level."""

    site: Site
    nginx: Nginx
    s3: S3Server
    folder: Path
    scrapy_log_level: str = ""


def run(bench: Bench, contender: str, size: int, *, s3: S3Server | None = None, look: bool = False) -> Run:
    """Measure one contender once, on a site of that size. look: also at what it kept, which takes a while.

    s3: another way to the S3 server. Raises SystemExit where the contender did not do the whole job.
    """
    server = s3 or bench.s3
    with (
        tempfile.TemporaryDirectory(dir=bench.folder) as name,
        Bucket(bench.s3) if contender in IN_S3 else nullcontext() as bucket,
    ):
        folder = Path(name)
        command = _command(bench.site, contender, size, folder, bucket)
        environment = environment_of(bench, server, folder)
        site_mark, s3_mark = bench.nginx.mark(), bench.s3.mark() if bucket else 0
        used = usage.run(command, folder=folder, environment=environment)
        asked = bench.nginx.asked(site_mark)
        requests = by_kind(bench.s3.requests(bucket.name, s3_mark, bench.s3.mark())) if bucket else None
        paths = set(bench.site.image_paths(size))
        what = f"{contender}, {size} posts"
        _require_fetched(what, size, paths, used, asked)
        report = report_of(used) if contender in BIRDNEST else None
        if report is not None:
            _require_archived(what, size, report)
        found = _digests(contender, folder, bucket) if look else None
        return Run(
            contender=contender,
            posts=size,
            images=len(paths),
            cpu_seconds=used.cpu_seconds,
            wall_seconds=used.wall_seconds,
            peak_mb=used.peak_mb,
            asked=len(asked),
            requests=requests,
            reported_requests=sum(report["store_requests"].values()) if report and bucket else None,
            kept_bytes=_kept_bytes(contender, folder, bucket) if look else None,
            kept_whole=None if found is None else len(found & bench.site.digests(size)),
        )


def environment_of(bench: Bench, server: S3Server, folder: Path) -> dict[str, str]:
    """Variables of a run's process: the way to the S3 server, a place for state, no proxy to loopback."""
    hosts = f"{PAGES_HOST},{IMAGES_HOST}"
    return {
        **server.environment,
        "NO_PROXY": hosts,
        "no_proxy": hosts,
        "XDG_STATE_HOME": f"{folder}/state",
        "SCRAPY_LOG_LEVEL": bench.scrapy_log_level,
    }


# -- commands ----------------------------------------------------------------------------------------------------------


def _command(site: Site, contender: str, size: int, folder: Path, bucket: Bucket | None) -> list[str]:
    if contender in _SPIDERS:
        first = f"{site.origin(size)}{FIRST_LIST}"
        return [sys.executable, _SPIDERS_FILE, _SPIDERS[contender], first, *([bucket.name] if bucket else [])]
    if contender == WGET:
        urls = folder / "urls.txt"
        images = (f"{site.images_origin}{path}" for path in site.image_paths(size))
        urls.write_text("".join(f"{url}\n" for url in (*site.pages(size), *images)), encoding="utf-8")
        return ["wget", "--no-verbose", "--no-config", f"--input-file={urls}", "--warc-file=kept", "-O", "/dev/null"]
    archive = f"s3://{bucket.name}/nest" if bucket else f"{folder}/nest"
    return birdnest(site, size, folder, archive, check=_CHECKS.get(contender, "auto"))


def birdnest(site: Site, size: int, folder: Path, archive: str, *, check: str = "auto") -> list[str]:
    """`birdnest crawl` with all stages on, and without the delays that politeness asks for.

    check: how it sees that images are whole.
    """
    table = {
        "delay_seconds": 0,
        "image_delay_seconds": 0,
        "concurrency": _CONCURRENT,
        "depth": size // LIST_POSTS + 2,
    }
    lines = [
        f"archive = {json.dumps(archive)}",
        'contact = "a benchmark"',
        "autothrottle = false",
        f"check_images = {json.dumps(check)}",
        f"allow_hosts = {json.dumps([site.images_origin.removeprefix('http://')])}",
        "[origins]",
        f"{json.dumps(_CANONICAL)} = {json.dumps(site.origin(size))}",
        f"[sites.{_SITE}]",
        *(f"{key} = {json.dumps(value)}" for key, value in table.items()),
        f'lists = {{categories = ["{generated.CATEGORY}"]}}',
        "expectations = {min_found = 0, max_newest_age_days = 36500}",
    ]
    config = folder / "birdnest.toml"
    config.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return [_BIRDNEST, "crawl", _SITE, "--json", "--config", str(config)]


def lists_only(folder: Path, asked: Iterable[tuple[str, str]], origin: str) -> list[str]:
    """A spider that makes these requests, and no others."""
    requests = folder / "requests.json"
    requests.write_text(json.dumps([[method, f"{origin}{target}"] for method, target in asked]), encoding="utf-8")
    return [sys.executable, _SPIDERS_FILE, "lists", str(requests)]


# -- what a run did ----------------------------------------------------------------------------------------------------


def report_of(used: usage.Used) -> dict[str, Any]:
    """The report that `birdnest crawl --json` printed. Raises SystemExit where the run did not end well."""
    if used.code:
        raise SystemExit(f"birdnest crawl ended with {used.code}: {used.out[-2000:]} {used.err[-2000:]}")
    (report,) = json.loads(used.out)
    found: dict[str, Any] = report
    return found


def _require_fetched(
    what: str, size: int, paths: set[str], used: usage.Used, asked: Iterable[tuple[str, str, int]]
) -> None:
    """What was measured is the job: the run ended well, and the site gave it each page and each image."""
    if used.code:
        raise SystemExit(f"{what}: exit code {used.code}: {used.err[-2000:]}")
    answered = {target for _, target, status in asked if status == 200}  # noqa: PLR2004 - OK
    pages = sum(target.startswith("/article-") for target in answered)
    images = len(paths & answered)
    if (pages, images) != (size, len(paths)):
        raise SystemExit(
            f"{what}: fetched {pages} pages and {images} images, the site has {size} and {len(paths)}: "
            f"{used.err[-2000:]}"
        )


def _require_archived(what: str, size: int, report: Mapping[str, Any]) -> None:
    """A report counts an image once for each post that shows it."""
    shows = sum(len(set(shown(index))) for index in range(size))
    if (report["new"], report["images_kept"]) != (size, shows):
        raise SystemExit(
            f"{what}: archived {report['new']} posts with {report['images_kept']} images, the site has {size} with "
            f"{shows}"
        )


def by_kind(requests: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many of the requests to a bucket are about posts, about images, and about the rest."""
    kinds = Counter(_kind(key) for _, key in requests)
    return {kind: kinds[kind] for kind in ("posts", "images", "own")}


def _kind(key: str) -> str:
    """Whose object a key is: Birdnest's as of archive/layout.py, Scrapy's by the names given to its stores."""
    key = key.removeprefix("nest/")
    if key.startswith("posts/"):
        return "posts"
    return "images" if key.startswith(("blobs/", "files/", "images/")) else "own"


def _kept_bytes(contender: str, folder: Path, bucket: Bucket | None) -> int:
    if bucket:
        return sum(size for _, size in bucket.objects())
    return sum(file.stat().st_size for file in _kept_files(contender, folder))


def _kept_files(contender: str, folder: Path) -> Iterator[Path]:
    if contender == WGET:
        yield from folder.glob("kept*.warc.gz")
    elif contender == FOLDER:
        yield from (file for file in (folder / "nest").rglob("*") if file.is_file())


def _digests(contender: str, folder: Path, bucket: Bucket | None) -> set[str]:
    if bucket:
        return bucket.digests()
    read: Callable[[Path], Iterator[str]] = _warc_digests if contender == WGET else _file_digest
    return {digest for file in _kept_files(contender, folder) for digest in read(file)}


def _file_digest(file: Path) -> Iterator[str]:
    yield hashlib.sha256(file.read_bytes()).hexdigest()


def _warc_digests(file: Path) -> Iterator[str]:
    with file.open("rb") as stream:
        for record in ArchiveIterator(stream):
            if record.rec_type == "response":
                yield hashlib.sha256(record.content_stream().read()).hexdigest()
