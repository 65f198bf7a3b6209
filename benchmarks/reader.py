"""What the reader costs: time, CPU, memory and files of a first build, of one without news, and of one with a new post.

    make bench-reader
    python -m benchmarks.reader [--posts 10000]

The archive is made up as it is read, always the same: 4,000 characters and two images a post, a fifth of them shared
with the post before, every tenth post with a second version; ten years, 300 authors, three of 2,000 tags. The reader
goes to a temporary folder, without the index for the search. Each step runs in a process of its own; the exit code is 1
when one of them took more than 400 MB, or the new post changed a page that is none of its.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.store import FolderStore, Usage
from archive.views.reader.build import build
from archive.views.reader.frame import Look
from archive.views.sources import Choice
from benchmarks.views import MadeUpStore, complain, silent

MEMORY_LIMIT_MB = 400
STEPS = (("first build", 0), ("nothing new", 0), ("one new post", 1))
_KIB = 1024 if sys.platform == "linux" else 1
_SHORT = "一段文字，像一篇文章里的那样长。".encode()
_LONG = "增长的道理并不复杂，难的是每天都做：看数据、见用户、改文案、再看数据。".encode() * 3
_AUTHORS = 300
_TAGS = 2_000


class Posts(MadeUpStore):
    """The archive of the views' benchmark, its posts longer and by more people."""

    def _document(self, number: int, version: int) -> bytes:
        tags = [f"标签{number * step % _TAGS}" for step in (1, 7, 31)]
        found = super()._document(number, version).replace(_SHORT, _LONG)
        found = found.replace('\nauthor: "鸟哥笔记"\n'.encode(), f'\nauthor: "作者{number % _AUTHORS}"\n'.encode())
        return found.replace(
            '\ntags: ["支付宝"]\n'.encode(), f"\ntags: {json.dumps(tags, ensure_ascii=False)}\n".encode()
        )


def run_step(title: str, posts: int, folder: Path) -> None:
    """The measured process."""
    new = dict(STEPS)[title]
    # Found by nobody, so that no index for the search is made: its time is Pagefind's.
    sys.modules["pagefind"] = None  # type: ignore[assignment]
    store = Posts(posts + new, months_of=posts + 1, views=folder / "views")
    target = FolderStore(folder / "reader", mutable="")
    started = time.monotonic()
    done = build(store, target, Look(), Choice(), progress=silent, complain=complain)
    figures = {"seconds": time.monotonic() - started, **vars(done), "bytes": target.usage.bytes_written}
    print(json.dumps({**figures, "files": _requests(target.usage)}))


def _requests(usage: Usage) -> dict[str, int]:
    return dict(sorted(usage.requests.items()))


def measure(title: str, posts: int, folder: Path) -> float:
    """Run a step, print what it took, and return its peak of memory in MB."""
    command = [sys.executable, "-m", "benchmarks.reader", "--step", title, "--posts", str(posts)]
    process = subprocess.Popen([*command, "--folder", str(folder)], stdout=subprocess.PIPE, text=True)
    out = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    told = json.loads(out)
    peak_mb = usage.ru_maxrss * _KIB / 1e6
    busy = usage.ru_utime + usage.ru_stime
    print(
        f"{title:<14} {told['seconds']:7.1f} s, {busy:6.1f} s of CPU {peak_mb:6.0f} MB   "
        f"{told['posts']:,} posts, {told['read']:,} read, {told['written']:,} files written, "
        f"{told['removed']:,} removed, {told['bytes'] / 1e6:,.1f} MB   {told['files']}",
        flush=True,
    )
    return peak_mb


def changed_since(before: dict[str, int], folder: Path) -> list[str]:
    """The pages that are not as they were, by the time they were written."""
    return sorted(key for key, written in pages_in(folder).items() if before.get(key) != written)


def pages_in(folder: Path) -> dict[str, int]:
    root = folder / "reader"
    files = (path for path in root.rglob("*") if path.is_file() and ".birdnest" not in path.parts)
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in files}


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.posts, options.folder)
        return 0
    print(f"{options.posts:,} posts")
    with TemporaryDirectory() as name:
        folder = Path(name)
        peaks, before = [], {}
        for title, new in STEPS:
            before = pages_in(folder) if new else {}
            peaks.append(measure(title, options.posts, folder))
        changed = changed_since(before, folder)
    strange = [key for key in changed if not _may_change(key, options.posts)]
    print(f"the new post changed {len(changed)} files, {len(strange)} of them none of its: {', '.join(changed)}")
    print(f"memory at most {max(peaks):.0f} MB (limit {MEMORY_LIMIT_MB})")
    return int(max(peaks) > MEMORY_LIMIT_MB or bool(strange))


def _may_change(key: str, number: int) -> bool:
    """Whether a page is one of the new post, of a list of it, or of all posts."""
    own = key.startswith((f"posts/niaogebiji/article-{number:08d}/", "images/", "runs/", "search"))
    lists = re.fullmatch(r"(?:all|sites|categories|tags|authors|months)/.*|index\.html|feed\.xml", key)
    return own or lists is not None


if __name__ == "__main__":
    sys.exit(main())
