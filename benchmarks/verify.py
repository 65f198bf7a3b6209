"""What `birdnest verify` costs on a large archive: time, requests and memory, for a million posts that nobody stores.

    make bench-verify
    python benchmarks/verify.py [--posts 1000000]

The archive is made up as it is read, always the same: two images a post, a fifth of them shared with the post before,
every tenth post with a second version. The fast check runs in a process of its own; the exit code is 1 when that took
more than 300 MB, or found anything.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.document import compose, write
from archive.errors import ObjectMissing, StoreError
from archive.layout import ARCHIVE_KEY, README_KEY, PostRef, blob_key, link_from_document, parse_post_key
from archive.model import Image, Post, sealed
from archive.store import ObjectInfo, Usage
from archive.verify import Progress, Scope, verify

MEMORY_LIMIT_MB = 300
_WRITTEN = datetime(2026, 11, 22, tzinfo=UTC)
_SITE = "niaogebiji"
_VERSIONED = 10
_SHARED = 5
_BLOB_BYTES = 60_000
_BODY = "<p>一段文字，像一篇文章里的那样长。</p>\n" * 40
_KIB = 1024 if sys.platform == "linux" else 1


class MadeUpStore:
    """A store whose objects come out of their keys; it is only read."""

    url = "made-up"

    def __init__(self, posts: int) -> None:
        self.usage = Usage()
        self._posts = posts

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        raise StoreError(f"archive {self.url}: cannot write {key}: {len(data)} bytes of {content_type}")

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self.create(key, data, content_type)

    def delete(self, key: str) -> None:
        raise StoreError(f"archive {self.url}: cannot remove {key}")

    def learn(self, key: str) -> None:
        """Nothing is written."""

    def read(self, key: str) -> bytes:
        self.usage.count("GET")
        ref = parse_post_key(key)
        if ref is not None:
            return made_up_document(int(ref.id.removeprefix("article-")), ref.version, self._posts)
        if key != ARCHIVE_KEY:
            raise ObjectMissing(self.url, key)
        info = {"format": "birdnest-archive", "version": 1, "id": "made-up", "created": _WRITTEN.isoformat()}
        return json.dumps(sealed(info)).encode()

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        for count, (key, size) in enumerate(self._all()):
            if count % 1000 == 0:
                self.usage.count("LIST")  # S3 lists a thousand at a time
            if key.startswith(prefix) and key > after:
                yield ObjectInfo(key=key, bytes=size, modified=_WRITTEN)

    def _all(self) -> Iterator[tuple[str, int]]:
        yield from ((ARCHIVE_KEY, 1), (README_KEY, 1))
        for number in range(self._posts):
            yield from ((_blob(image, self._posts), _BLOB_BYTES) for image in _own_images(number))
        for number in range(self._posts):
            for version in range(1, 3 if number % _VERSIONED == 0 else 2):
                yield PostRef(site=_SITE, id=f"article-{number:08d}", version=version).key, 1


def _shares(number: int) -> bool:
    return number % _SHARED == 1


def _own_images(number: int) -> tuple[int, ...]:
    return (2 * number + 1,) if _shares(number) else (2 * number, 2 * number + 1)


def _blob(image: int, posts: int) -> str:
    """Keys spread over all of SHA-256, in the order of their numbers."""
    return blob_key(f"{(image << 256) // (2 * posts):064x}", "image/gif")


def made_up_document(number: int, version: int, posts: int) -> bytes:
    """A document with the numbers in it: composing a million by themselves would cost more than checking them."""
    first = 2 * number - 1 if _shares(number) else 2 * number
    parent = hashlib.sha256(made_up_document(number, 1, posts)).hexdigest() if version > 1 else None
    text = _template(version)
    for token, value in (
        ("@number@", f"{number:08d}"),
        ("@first@", _blob(first, posts)),
        ("@second@", _blob(2 * number + 1, posts)),
        ('"@parent@"', json.dumps(parent)),
    ):
        text = text.replace(token, value)
    return text.encode()


@cache
def _template(version: int) -> str:
    images = tuple(
        Image(
            url=f"https://img.example/{key}",
            key=key,
            sha256="0" * 64,
            bytes=_BLOB_BYTES,
            media_type="image/gif",
            width=640,
            height=480,
        )
        for key in ("@first@", "@second@")
    )
    body = _BODY + "".join(f'<p><img src="{link_from_document(image.key)}" alt=""></p>\n' for image in images)
    post = Post(
        site=_SITE,
        id="article-@number@",
        url="https://www.niaogebiji.com/article-@number@-1.html",
        title="第@number@篇",
        author="鸟哥笔记",
        categories=("新媒体", "鸟哥笔记", "首页"),
        section="营销推广",
        tags=("支付宝",),
        description=None,
        lang="zh-CN",
        date=_WRITTEN,
        published_at=_WRITTEN,
        updated_at=None,
        fetched_at=_WRITTEN,
        body=body,
        head_image=None,
        images=images,
        missing_images=(),
        embeds=(),
        warc=(),
        source_sha256="0" * 64,
        extractor="0" * 64,
    )
    document = compose(post, version=version, parent="@parent@", generator="birdnest benchmark")
    return write(replace(document, front=dict(document.front))).decode()


@dataclass(frozen=True, kw_only=True)
class Figures:
    posts: int
    documents: int
    blobs: int
    findings: int
    seconds: float
    list_requests: int
    get_requests: int


def _check(posts: int) -> Figures:
    """The measured process."""
    store, last = MadeUpStore(posts), Progress()

    def watch(progress: Progress) -> None:
        nonlocal last
        last = progress

    started = time.monotonic()
    with TemporaryDirectory() as folder:
        findings = sum(1 for _ in verify(store, Scope(), checkpoint=Path(folder) / "checkpoint", progress=watch))
    return Figures(
        posts=posts,
        documents=last.objects["documents"],
        blobs=last.objects["blobs"],
        findings=findings,
        seconds=time.monotonic() - started,
        list_requests=store.usage.requests["LIST"],
        get_requests=store.usage.requests["GET"],
    )


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        print(json.dumps(asdict(_check(options.posts))))
        return 0
    command = [sys.executable, __file__, "--check", "--posts", str(options.posts)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return 1
    figures = Figures(**json.loads(out))
    peak_mb = usage.ru_maxrss * _KIB / 1e6
    print(f"{figures.posts:,} posts: {figures.documents:,} documents, {figures.blobs:,} images")
    print(f"time      {figures.seconds:,.0f} s, {1e6 * figures.seconds / figures.documents:.0f} µs a document")
    print(f"requests  {figures.list_requests:,} LIST, {figures.get_requests:,} GET")
    print(f"memory    {peak_mb:.0f} MB at most (limit {MEMORY_LIMIT_MB})")
    print(f"findings  {figures.findings}")
    return int(peak_mb > MEMORY_LIMIT_MB or figures.findings > 0)


if __name__ == "__main__":
    sys.exit(main())
