"""How well the cleaner cleans: real posts and pages, ours beside other tools, in one run and one table.

    make bench-clean
    python -m benchmarks.clean [--losses] [--markdown] [--json FILE] [--raise-floors | --lower-floors]

The bodies are those of `shared/corpus` beside the checkout, or of the folder in `BIRDNEST_CORPUS`: posts as an
aggregator wrote them, and the article containers of whole pages. What is measured, and why so, is in
docs/cleaning.md. The exit code is 1 when the cleaner falls below `clean_floors.json`, 2 when something to measure
with is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import clean_nu
from benchmarks.clean_browser import BASE, Browser, Shown, chromium, find_chromium
from benchmarks.clean_measure import Deliberate, Fidelity, compare, lost_runs, squeezed
from benchmarks.clean_peers import OURS, TOOLS, silence
from crawler.pages import decode_page
from pipelines.clean import PASSES, clean, inner_html, parse_page
from pipelines.clean.draft import Ledger, draft
from pipelines.clean.players import LABELS
from pipelines.clean.rules import GENERIC
from pipelines.clean.tree import text_of

ROOT: Final = Path(__file__).resolve().parents[1]
FLOORS: Final = Path(__file__).with_name("clean_floors.json")
GROUPS: Final = ("posts", "pages")
_CONTROLS: Final = "button, input, select, textarea, datalist, dialog, canvas, progress, meter"
_TAG_LINKS: Final = re.compile("|".join(GENERIC.tag_links))
_DROPPED: Final = re.compile("|".join((*GENERIC.tag_links, *GENERIC.trackers)))
_SLOWER_ALLOWED: Final = ("clear-html", "trafilatura")  # what the cleaner must be faster than
_ROUNDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Body:
    """One article: its markup as the tools get it, and as Chromium cut it out of its page."""

    name: str
    group: str
    html: str
    wanted: str


@dataclass(kw_only=True)
class Score:
    """What one tool made of one group of bodies."""

    bodies: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    left_out_characters: int = 0
    nu_errors: int = 0
    unsettled: int = 0
    stray: Counter[str] = field(default_factory=Counter)

    def add(self, fidelity: Fidelity) -> None:
        for name in PARTS:
            kept = getattr(fidelity, name)
            self.counts[f"{name} wanted"] += kept.wanted
            self.counts[f"{name} kept"] += kept.kept

    def share(self, part: str) -> float:
        wanted = self.counts[f"{part} wanted"]
        return 100 * self.counts[f"{part} kept"] / wanted if wanted else 100.0 * (part != "added")

    def figures(self) -> dict[str, float]:
        """The metrics by name, shares in percent."""
        return {
            **{f"{part}_percent": self.share(part) for part in PARTS},
            "left_out_percent": 100 * self.left_out_characters / max(self.counts["text wanted"], 1),
            "nu_errors": self.nu_errors,
            "not_idempotent": self.unsettled,
            "stray_attributes": self.stray.total(),
            "size_percent": 100 * self.bytes_out / max(self.bytes_in, 1),
            "cpu_ms": 1000 * self.cpu_seconds / max(self.bodies, 1),
        }


PARTS: Final = ("text", "added", "images", "links", "headings", "cells", "listings")
# Metrics of which less is better; of the others more is.
LOWER: Final = frozenset(
    ("added_percent", "left_out_percent", "nu_errors", "not_idempotent", "stray_attributes", "size_percent", "cpu_ms")
)
LABEL: Final = {
    "text_percent": "visible text kept %",
    "added_percent": "text added %",
    "left_out_percent": "left out on purpose %",
    "images_percent": "content images kept %",
    "links_percent": "links kept %",
    "headings_percent": "headings kept %",
    "cells_percent": "table cells kept %",
    "listings_percent": "code blocks kept %",
    "nu_errors": "Nu HTML checker errors",
    "not_idempotent": "bodies a second pass changes",
    "stray_attributes": "style, class, id, event, data-*",
    "size_percent": "size of the raw body %",
    "cpu_ms": "CPU ms per body",
}


def main(arguments: list[str] | None = None) -> int:
    """Print the table; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", action="store_true", help="also print what the cleaner lost, body by body")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    floors = parser.add_mutually_exclusive_group()
    floors.add_argument("--raise-floors", action="store_true", help="write floors that are now surpassed")
    floors.add_argument("--lower-floors", action="store_true", help="write floors that are no longer reached")
    options = parser.parse_args(arguments)
    corpus = Path(os.environ.get("BIRDNEST_CORPUS") or ROOT.parent / "shared" / "corpus")
    executable = find_chromium()
    if lack := _lack(corpus, executable):
        print(lack, file=sys.stderr)
        return 2
    silence()
    with chromium(executable or "") as browser:
        bench = Bench(browser=browser, bodies=list(bodies(corpus, browser)))
        bench.run()
    bench.report(losses=options.losses, frame=box.MARKDOWN if options.markdown else box.ROUNDED)
    figures = {group: {tool: bench.scores[tool, group].figures() for tool in TOOLS} for group in GROUPS}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return judge(figures, raising=options.raise_floors, lowering=options.lower_floors)


def _lack(corpus: Path, executable: str | None) -> str | None:
    if not (corpus / "pages" / "index.json").is_file():
        return f"no corpus of real posts and pages at {corpus}; set BIRDNEST_CORPUS to its folder"
    packages = " ".join(filter(None, (None if executable else "chromium", clean_nu.missing())))
    return f"missing tools, on Debian: apt install {packages}" if packages else None


def bodies(corpus: Path, browser: Browser) -> Iterator[Body]:
    """The corpus's bodies; a page whose container is not named has none."""
    for post in sorted(corpus.glob("posts/*.md")):
        html = re.split(r"^---$", post.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE)[2]
        yield Body(name=post.stem, group="posts", html=html, wanted=html)
    for entry in json.loads((corpus / "pages" / "index.json").read_text(encoding="utf-8")):
        if entry["container"]:
            page, _ = decode_page((corpus / "pages" / entry["file"]).read_bytes())
            found = parse_page(page).cssselect(entry["container"])
            html = inner_html(max(found, key=lambda element: len(text_of(element)))) if found else ""
            wanted = browser.cut_out(page, entry["container"])
            yield Body(name=entry["file"], group="pages", html=html, wanted=wanted or "")


@dataclass(kw_only=True)
class Bench:
    """One run over all bodies with all tools."""

    browser: Browser
    bodies: list[Body]
    scores: dict[tuple[str, str], Score] = field(
        default_factory=lambda: {(tool, group): Score() for tool in TOOLS for group in GROUPS}
    )
    removed: dict[str, list[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._time()
        outputs: dict[str, str] = {}
        groups: dict[str, tuple[str, str]] = {}
        for body in self.bodies:
            before = self.browser.show(body.wanted, cuts())
            deliberate = deliberate_of(body.html, before)
            self._note_removed(body, before, deliberate)
            taken = [*before.cut.values(), *deliberate.removed.values()]
            left_out = sum(len(squeezed(text)) for texts in taken for text in texts)
            for name, tool in TOOLS.items():
                score = self.scores[name, body.group]
                html = tool(body.html)
                after = self.browser.show(html)
                fidelity = compare(before, after, deliberate, _DROPPED)
                score.add(fidelity)
                score.bodies += 1
                score.left_out_characters += left_out if name == OURS else 0
                score.bytes_in += len(body.html.encode())
                score.bytes_out += len(html.encode())
                score.unsettled += tool(html) != html if html else 0
                score.stray.update(after.stray)
                key = f"{name} {body.name}"
                outputs[key], groups[key] = html, (name, body.group)
                if name == OURS:
                    self._note_lost(body, before, after, fidelity)
        for key, messages in clean_nu.errors(outputs).items():
            self.scores[groups[key]].nu_errors += len(messages)
            if groups[key][0] == OURS:
                self.lost += [f"{key}: Nu: {message}" for message in messages]

    def _time(self) -> None:
        """The best of some rounds for each tool and body, the tools taking turns."""
        best: dict[tuple[str, int], float] = {}
        for _ in range(_ROUNDS):
            for name, tool in TOOLS.items():
                for index, body in enumerate(self.bodies):
                    started = time.process_time()
                    tool(body.html)
                    seconds = time.process_time() - started
                    best[name, index] = min(seconds, best.get((name, index), seconds))
        for (name, index), seconds in best.items():
            self.scores[name, self.bodies[index].group].cpu_seconds += seconds

    def _note_removed(self, body: Body, before: Shown, deliberate: Deliberate) -> None:
        removed: dict[str, list[str]] = {rule: list(texts) for rule, texts in before.cut.items()}
        removed |= {rule: list(texts) for rule, texts in deliberate.removed.items()}
        removed["tag link (its text stays)"] = [
            link.url for link in before.links if _TAG_LINKS.search(link.url) and squeezed(link.text)
        ]
        cleaned = clean(body.html, BASE)
        removed["player (its label is new)"] = list(deliberate.written)
        removed["tracker"] = [
            note.sample for note in cleaned.notes if note.rule == "tracker" for _ in range(note.count)
        ]
        for rule, texts in removed.items():
            self.removed.setdefault(f"{body.group}: {rule}", []).extend(texts)

    def _note_lost(self, body: Body, before: Shown, after: Shown, fidelity: Fidelity) -> None:
        for part in PARTS:
            kept = getattr(fidelity, part)
            found = list(kept.lost)
            if part in ("text", "added") and found:
                found = lost_runs(squeezed(before.text if part == "text" else after.text), found) or found
            self.lost += [f"{body.name}: {part}: {one[:120]}" for one in found]
        self.lost += [f"{body.name}: attribute: {name}" for name in after.stray]

    def report(self, *, losses: bool, frame: box.Box = box.ROUNDED) -> None:
        console = Console(width=None if sys.stdout.isatty() else 150)
        for table in (*(self._table(group, frame) for group in GROUPS), self._removed_table(frame)):
            console.print(table)
        if losses:
            for line in self.lost:
                print(line)

    def _table(self, group: str, frame: box.Box) -> Table:
        count = self.scores[OURS, group].bodies
        table = Table(title=f"{count} {group}", title_justify="left", box=frame)
        table.add_column("")
        for tool in TOOLS:
            table.add_column(tool, justify="right")
        figures = {tool: self.scores[tool, group].figures() for tool in TOOLS}
        for metric, label in LABEL.items():
            places = 0 if isinstance(figures[OURS][metric], int) else 2
            part = metric.removesuffix("_percent")
            wanted = self.scores[OURS, group].counts[f"{part} wanted"]
            title = f"{label} (of {wanted})" if part in PARTS and part != "added" else label
            table.add_row(title, *(f"{figures[tool][metric]:.{places}f}" for tool in TOOLS))
        return table

    def _removed_table(self, frame: box.Box) -> Table:
        table = Table(title="left out or written on purpose by birdnest, by rule", title_justify="left", box=frame)
        for name in ("rule", "times", "characters", "for example"):
            table.add_column(name, justify="right" if name in ("times", "characters") else "left")
        for rule, texts in sorted(self.removed.items()):
            if texts:
                sample = " ".join(texts[0].split())[:50]
                table.add_row(rule, str(len(texts)), str(sum(len(squeezed(text)) for text in texts)), sample)
        return table


def cuts() -> dict[str, str]:
    """Elements that are no part of an article's text: rule → selector. Chromium takes them out before it reads."""
    return {"control": _CONTROLS, "furniture": ", ".join(f".{name}" for name in GENERIC.drop_classes)}


@dataclass(kw_only=True)
class _FullLedger(Ledger):
    """A ledger that keeps the whole text of everything noted."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def note(self, rule: str, sample: str) -> None:
        super().note(rule, sample)
        self.texts.setdefault(rule, []).append(sample)


def deliberate_of(html: str, before: Shown) -> Deliberate:
    """What the cleaner says it took out by its text (end lines, typed bullets), and the labels it wrote."""
    ledger = _FullLedger()
    body = replace(draft(html, BASE), ledger=ledger)
    for pass_ in PASSES:
        pass_(body)
    shown = squeezed(before.text)
    ends = tuple(text for text in reversed(ledger.texts.get("end line", ())) if squeezed(text) in shown)
    bullets = tuple(squeezed(text)[:1] for text in ledger.texts.get("typed list", ()))
    labels = tuple(f"{LABELS[embed.kind]}：{embed.title or _host(embed.url)}" for embed in ledger.embeds)
    moved = tuple(ledger.boilerplate)
    told = tuple(re.sub(r"\s*\b(?:https?|data):\S+$", "", text) for text in moved)
    removed = {"end line": ends, "typed list": bullets, "boilerplate (in the metadata)": told}
    return Deliberate(removed=removed, written=labels, moved="\n".join(moved))


def _host(url: str | None) -> str:
    return url.split("/", 3)[2] if url else ""


def judge(figures: Mapping[str, Mapping[str, Mapping[str, float]]], *, raising: bool, lowering: bool) -> int:
    """Hold the cleaner's figures against the floors, and move these where a flag asks for it."""
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))
    below = list(misses({group: figures[group][OURS] for group in GROUPS}, floors))
    if raising or lowering:
        ours = {group: figures[group][OURS] for group in GROUPS}
        FLOORS.write_text(json.dumps(moved(ours, floors, raising=raising), indent=2) + "\n", encoding="utf-8")
        below = [] if lowering else below
    below += [
        f"{group}: {figures[group][OURS]['cpu_ms']:.2f} ms per body, slower than {tool}"
        for group in GROUPS
        for tool in _SLOWER_ALLOWED
        if figures[group][OURS]["cpu_ms"] >= figures[group][tool]["cpu_ms"]
    ]
    for line in below:
        print(f"below the floor: {line}")
    return 1 if below else 0


def misses(figures: Mapping[str, Mapping[str, float]], floors: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Each metric that is worse than its floor."""
    for group, metrics in floors.items():
        for metric, floor in metrics.items():
            found = figures[group][metric]
            if found > floor if metric in LOWER else found < floor:
                yield f"{group}: {LABEL[metric]} {found:.3f}, floor {floor}"


def moved(
    figures: Mapping[str, Mapping[str, float]], floors: Mapping[str, Mapping[str, float]], *, raising: bool
) -> dict[str, dict[str, float]]:
    """The floors after `--raise-floors` (only better ones) or `--lower-floors` (only worse ones).

    >>> moved({"posts": {"text_percent": 99.5}}, {"posts": {"text_percent": 99.9}}, raising=True)
    {'posts': {'text_percent': 99.9}}
    """

    def pick(metric: str, floor: float, found: float) -> float:
        better: Callable[..., float] = min if metric in LOWER else max
        worse: Callable[..., float] = max if metric in LOWER else min
        return round((better if raising else worse)(floor, found), 3)

    return {
        group: {metric: pick(metric, floor, figures[group][metric]) for metric, floor in metrics.items()}
        for group, metrics in floors.items()
    }


if __name__ == "__main__":
    raise SystemExit(main())
