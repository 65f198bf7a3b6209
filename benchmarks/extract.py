"""How well articles are found without a profile: real pages, ours beside other tools, in one run and one table.

    make bench-extract
    python -m benchmarks.extract [--misses] [--markdown] [--json FILE] [--raise-floors | --lower-floors]

The pages are those of `shared/corpus` beside the checkout, or of the folder in `BIRDNEST_CORPUS`. What is true of each
was read from the page by eye and stands in `extract_truth.json`: title, day and minute as shown, the names that may
stand as its author (null where the page names none), how the article begins and ends, what must not be in it, and its
images by the distinctive part of their address. The exit code is 1 when we fall below `extract_floors.json`, 2 when
something to measure with is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.extract_peers import LOOKS_FOR, OURS, TOOLS, Finding, silence
from crawler.generic import MIN_CONFIDENCE
from pipelines.dates import Moment, first_moment

ROOT: Final = Path(__file__).resolve().parents[1]
TRUTH: Final = Path(__file__).with_name("extract_truth.json")
FLOORS: Final = Path(__file__).with_name("extract_floors.json")
_READ_AT: Final = datetime(2026, 6, 1, tzinfo=UTC)
_ZONE: Final = "Asia/Shanghai"
_ROUNDS: Final = 3
LOWER: Final = frozenset(("author_wrong_percent", "cpu_ms"))
LABEL: Final = {
    "title_percent": ("title right %", "title"),
    "day_percent": ("publish day right %", "published"),
    "minute_percent": ("minute right where shown %", "published"),
    "author_percent": ("author right where named %", "author"),
    "author_wrong_percent": ("author wrong, of all pages %", "author"),
    "container_percent": ("container right %", "body"),
    "images_percent": ("images of the article %", "body"),
    "next_page_percent": ("next page right %", "next_page"),
    "accepted_percent": ("confident enough to archive %", "next_page"),
    "cpu_ms": ("CPU ms per page, decoding included", ""),
}


@dataclass(kw_only=True)
class Score:
    """What one tool found on all pages: counts by metric, of so many."""

    right: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    misses: list[str] = field(default_factory=list)

    def count(self, metric: str, name: str, found: object, *, right: bool) -> None:
        self.of[metric] += 1
        self.right[metric] += right
        if right == (metric in LOWER):
            self.misses.append(f"{name}: {metric.removesuffix('_percent')}: {found!r}")

    def figures(self) -> dict[str, float]:
        shares = {metric: 100 * self.right[metric] / max(self.of[metric], 1) for metric in LABEL if metric != "cpu_ms"}
        return {**shares, "cpu_ms": 1000 * self.cpu_seconds}


def main(arguments: list[str] | None = None) -> int:
    """Print the table; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="also print what is wrong or missing, page by page")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    floors = parser.add_mutually_exclusive_group()
    floors.add_argument("--raise-floors", action="store_true", help="write floors that are now surpassed")
    floors.add_argument("--lower-floors", action="store_true", help="write floors that are no longer reached")
    options = parser.parse_args(arguments)
    folder = Path(os.environ.get("BIRDNEST_CORPUS") or ROOT.parent / "shared" / "corpus") / "pages"
    truth: dict[str, dict[str, Any]] = json.loads(TRUTH.read_text(encoding="utf-8"))
    if lack := _lack(folder, truth):
        print(lack, file=sys.stderr)
        return 2
    silence()
    pages = {name: (folder / name).read_bytes() for name in truth}
    scores = {tool: measure(tool, pages, truth) for tool in TOOLS}
    figures = {tool: score.figures() for tool, score in scores.items()}
    _report(scores, len(pages), box.MARKDOWN if options.markdown else box.ROUNDED)
    if options.misses:
        print("\n".join(scores[OURS].misses))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return judge(figures[OURS], raising=options.raise_floors, lowering=options.lower_floors)


def _lack(folder: Path, truth: Mapping[str, Mapping[str, Any]]) -> str | None:
    for name, true in truth.items():
        page = folder / name
        if not page.is_file():
            return f"no page {name} at {folder}; set BIRDNEST_CORPUS to the corpus's folder"
        if hashlib.sha256(page.read_bytes()).hexdigest() != true["sha256"]:
            return f"{page} is not the page that the truth was read from: its digest differs"
    return None


def measure(tool: str, pages: Mapping[str, bytes], truth: Mapping[str, Mapping[str, Any]]) -> Score:
    """A tool's score; its time is the best of some rounds for each page."""
    score = Score()
    for name, page in pages.items():
        best = float("inf")
        for _ in range(_ROUNDS):
            started = time.process_time()
            found = TOOLS[tool](page)
            best = min(best, time.process_time() - started)
        score.cpu_seconds += best / len(pages)
        compare(score, name, found, truth[name])
    return score


def compare(score: Score, name: str, found: Finding, true: Mapping[str, Any]) -> None:
    """Count what a tool found on a page."""
    score.count("title_percent", name, found.title, right=folded(found.title) == folded(true["title"]))
    moment = first_moment(found.published, fetched_at=_READ_AT, zone=_ZONE)
    shown = _shown(moment)
    score.count("day_percent", name, found.published, right=shown[:10] == true["day"])
    if true["minute"]:
        score.count("minute_percent", name, found.published, right=shown == f"{true['day']} {true['minute']}")
    names = {folded(author) for author in true["author"] or ()}
    if names:
        score.count("author_percent", name, found.author, right=folded(found.author) in names)
    wrong = bool(found.author) and folded(found.author) not in names
    score.count("author_wrong_percent", name, found.author, right=wrong)
    fault = _fault(found.text, true)
    score.count("container_percent", name, fault, right=not fault)
    for image in true["images"]:
        score.count("images_percent", name, image, right=any(part in found.images for part in image.split(" | ")))
    score.count("next_page_percent", name, found.next_page, right=found.next_page == true.get("next_page"))
    score.count("accepted_percent", name, found.confidence, right=(found.confidence or 0) >= MIN_CONFIDENCE)


def _shown(moment: Moment | None) -> str:
    if moment is None:
        return ""
    return moment.at.strftime("%Y-%m-%d" if moment.precision == "day" else "%Y-%m-%d %H:%M")


def _fault(text: str, true: Mapping[str, Any]) -> str:
    """What is wrong with the text of an article: its beginning or end is not there, or what must not be is."""
    squeezed = folded(text)
    start, end = squeezed.find(folded(true["start"])), squeezed.rfind(folded(true["end"]))
    wrong = [what for what, at in (("start", start), ("end", end)) if at < 0]
    wrong += [absent for absent in true["absent"] if folded(absent) in squeezed]
    return ", ".join(wrong) or ("" if start < end else "order")


def folded(text: str | None) -> str:
    """Text for comparing: compatible forms are one, without spaces and what joins names.

    >>> folded("叨叨姐、胡一刀 & 李小飞刀") == folded("叨叨姐 胡一刀，李小飞刀")
    True
    """
    return re.sub(r"[\s、,&;/]+", "", unicodedata.normalize("NFKC", text or ""))


def _report(scores: Mapping[str, Score], count: int, frame: box.Box) -> None:
    table = Table(title=f"{count} pages without a profile", title_justify="left", box=frame)
    table.add_column("")
    for tool in TOOLS:
        table.add_column(tool, justify="right")
    for metric, (label, needs) in LABEL.items():
        of = scores[OURS].of[metric]
        shown = (
            f"{scores[tool].figures()[metric]:.1f}" if not needs or needs in LOOKS_FOR[tool] else "–" for tool in TOOLS
        )
        table.add_row(f"{label} (of {of})" if of else label, *shown)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def judge(figures: Mapping[str, float], *, raising: bool, lowering: bool) -> int:
    """Hold our figures against the floors, and move these where a flag asks for it."""
    floors: dict[str, float] = json.loads(FLOORS.read_text(encoding="utf-8"))
    below = list(misses(figures, floors))
    if raising or lowering:
        moved_floors = moved(figures, floors, raising=raising)
        FLOORS.write_text(json.dumps(moved_floors, indent=2) + "\n", encoding="utf-8")
        below = [] if lowering else below
    for line in below:
        print(f"below the floor: {line}")
    return 1 if below else 0


def misses(figures: Mapping[str, float], floors: Mapping[str, float]) -> Iterator[str]:
    """Each metric that is worse than its floor."""
    for metric, floor in floors.items():
        if figures[metric] > floor if metric in LOWER else figures[metric] < floor:
            yield f"{LABEL[metric][0]}: {figures[metric]:.2f}, floor {floor}"


def moved(figures: Mapping[str, float], floors: Mapping[str, float], *, raising: bool) -> dict[str, float]:
    """The floors after `--raise-floors` (only better ones) or `--lower-floors` (only worse ones).

    >>> moved({"title_percent": 99.5}, {"title_percent": 97.0}, raising=True)
    {'title_percent': 99.5}
    """
    return {
        metric: round((min if (metric in LOWER) == raising else max)(floor, figures[metric]), 2)
        for metric, floor in floors.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
