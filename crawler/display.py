"""What a person sees of a run: a live bar on a terminal, plain lines in a log, and the closing table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from archive.model import Failure, RunReport
from crawler.report import Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from archive.verify import Progress as VerifyProgress

_LINE_EVERY_SECONDS = 10.0
_REDRAW_SECONDS = 0.1
_MOST_FAILURES = 20
MOST_COLUMNS = 6
_COUNTS = (
    *("found", "new", "changed", "unchanged", "superseded", "aliases", "known", "gone", "absent", "unfinished"),
    *("images_kept", "bytes_fetched", "bytes_stored", "requests"),
)


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _spinner(console: Console) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


class Progressor(AbstractContextManager["Progressor"]):
    """Shows the counts of runs while they go on: bars on a terminal, a line every ten seconds in a log.

    Call it with a site's slug and its tally. Without a console it shows nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._last_line = time.monotonic()
        self._bars = _bars(console) if console is not None and console.is_terminal else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, slug: str, tally: Tally) -> None:
        self.show(slug, tally.found, tally.ended, counts(tally))

    def show(self, name: str, found: int, ended: int, text: str) -> None:
        """How far one thing is, by its name."""
        if self._console is None:
            return
        if self._bars:
            task = self._tasks.get(name)
            if task is None:
                task = self._tasks[name] = self._bars.add_task(name, total=None, counts="")
            shown = len(self._tasks) <= MOST_COLUMNS or ended < found
            self._bars.update(task, total=found, completed=ended, counts=text, visible=shown)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            self._console.print(f"{name}: {ended}/{found} posts: {text}", highlight=False)


class VerifyBar(AbstractContextManager["VerifyBar"]):
    """Shows how far a check of an archive is, on a terminal; `objects` are its counts by class.

    Call it with the check's progress. quiet: show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._bar = _spinner(console) if console.is_terminal and not quiet else None
        self._task: TaskID | None = None
        self._last = 0.0
        self.objects: Counter[str] = Counter()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("verify")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, progress: VerifyProgress) -> None:
        self.objects = progress.objects
        if self._bar and self._task is not None and time.monotonic() - self._last > _REDRAW_SECONDS:
            self._last = time.monotonic()
            done = f"verify: {progress.objects.total()} objects, {progress.findings['error']} errors: {progress.key}"
            self._bar.update(self._task, description=done)


def counts(tally: Tally) -> str:
    """One line of a run's counts so far.

    >>> from collections import Counter
    >>> counts(Tally(found=3, statuses=Counter(new=2), images_kept=5))
    '2 new, 0 changed, 0 unchanged, 0 failed, 5 images'
    """
    parts = [f"{tally.statuses[status]} {status}" for status in ("new", "changed", "unchanged")]
    return ", ".join([*parts, f"{len(tally.failures)} failed", f"{tally.images_kept} images"])


def report_table(reports: Sequence[RunReport]) -> Table:
    """The closing table: one column a run, or one of sums for many."""
    from rich.table import Table

    if len(reports) > MOST_COLUMNS:
        reports = (summed(reports),)
    table = Table(title="What the run did" if len(reports) == 1 else "What the runs did", title_justify="left")
    table.add_column("")
    for report in reports:
        table.add_column(report.site, justify="right")
    for name, row in _rows(reports):
        table.add_row(name, *row)
    return table


def summed(reports: Sequence[RunReport]) -> RunReport:
    """Many runs as one: counts are sums, and the verdict says how many had each."""
    missing: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for report in reports:
        missing.update(report.images_missing)
        requests.update(report.store_requests)
    counts = {name: sum(getattr(report, name) for report in reports) for name in _COUNTS}
    verdicts = Counter(report.verdict for report in reports)
    return replace(
        reports[0],
        **counts,
        site=f"{len(reports)} runs",
        started_at=min(report.started_at for report in reports),
        finished_at=max(report.finished_at for report in reports),
        failures=tuple(failure for report in reports for failure in report.failures),
        images_missing=dict(sorted(missing.items())),
        store_requests=dict(sorted(requests.items())),
        verdict=", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()),
    )


def import_table(reports: Sequence[RunReport], titles: Mapping[str, str]) -> Table:
    """The closing table of an import, which may be of hundreds of sites: one row a site, and their sum.

    titles: by slug. Counts that are zero for all sites have no column.
    """
    from rich.table import Table

    rows = [_import_counts(report) for report in reports]
    names = [name for name in rows[0] if name in _ALWAYS or any(row[name] for row in rows)]
    table = Table(title="What was imported", title_justify="left")
    table.add_column("site", no_wrap=True)
    table.add_column("title")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for report, row in zip(reports, rows, strict=True):
        table.add_row(report.site, titles[report.site], *(str(row[name]) for name in names), report.verdict)
    if len(rows) > 1:
        table.add_section()
        table.add_row("all", "", *(str(sum(row[name] for row in rows)) for name in names), "")
    return table


_ALWAYS = ("files", "new", "unchanged", "failed")


def _import_counts(report: RunReport) -> dict[str, int]:
    return {
        "files": report.found,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "superseded": report.superseded,
        "held from a fetch": report.known,
        "same as another": report.aliases,
        "failed": report.failed,
        "not done": report.unfinished,
        "images kept": report.images_kept,
        "images missing": sum(report.images_missing.values()),
    }


def _rows(reports: Sequence[RunReport]) -> list[tuple[str, list[str]]]:
    rows = [
        ("posts found", [str(r.found) for r in reports]),
        ("  new", [str(r.new) for r in reports]),
        ("  changed", [str(r.changed) for r in reports]),
        ("  unchanged", [str(r.unchanged) for r in reports]),
        ("  superseded", [str(r.superseded) for r in reports]),
        ("  same as another", [str(r.aliases) for r in reports]),
        ("  known, not due", [str(r.known) for r in reports]),
        ("  gone from the site", [str(r.gone) for r in reports]),
        ("  failed", [_failed(r) for r in reports]),
    ]
    if any(r.absent for r in reports):
        rows.append(("  no such post", [str(r.absent) for r in reports]))
    reasons = sorted({f.reason for r in reports for f in r.failures if f.what == "post"})
    rows += [
        (f"    {reason}", [str(sum(f.reason == reason for f in r.failures)) for r in reports]) for reason in reasons
    ]
    if any(r.unfinished for r in reports):
        rows.append(("  not done", [str(r.unfinished) for r in reports]))
    if any(f.what == "listing" for r in reports for f in r.failures):
        rows.append(("listings failed", [str(sum(f.what == "listing" for f in r.failures)) for r in reports]))
    rows.append(("images kept", [str(r.images_kept) for r in reports]))
    rows.append(("  missing", [str(sum(r.images_missing.values())) for r in reports]))
    missing = sorted({reason for r in reports for reason in r.images_missing})
    rows += [(f"    {reason}", [str(r.images_missing.get(reason, 0)) for r in reports]) for reason in missing]
    rows += [
        ("fetched", [f"{size(r.bytes_fetched)} in {r.requests} requests" for r in reports]),
        ("stored", [f"{size(r.bytes_stored)} in {_operations(r)}" for r in reports]),
        ("time", [f"{(r.finished_at - r.started_at).total_seconds():.0f} s" for r in reports]),
        ("verdict", [r.verdict for r in reports]),
    ]
    return rows


def _failed(report: RunReport) -> str:
    known = sum(f.expected for f in report.failures if f.what == "post")
    return f"{report.failed} ({known} expected)" if known else str(report.failed)


def _operations(report: RunReport) -> str:
    return ", ".join(f"{count} {name}" for name, count in report.store_requests.items()) or "0 requests"


def size(count_bytes: int) -> str:
    """A size for people.

    >>> size(999), size(1_234_567)
    ('999 B', '1.2 MB')
    """
    if count_bytes < 1000:  # noqa: PLR2004 - SI
        return f"{count_bytes} B"
    value = float(count_bytes)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:  # noqa: PLR2004 - SI
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def failure_lines(failures: Sequence[Failure]) -> list[str]:
    """One line a failure, unexpected ones first; the tail is counted, not listed."""
    ordered = sorted(failures, key=lambda f: f.expected)
    lines = [f"{'expected' if f.expected else 'failed'}  {f.reason}  {f.url}" for f in ordered[:_MOST_FAILURES]]
    if len(ordered) > _MOST_FAILURES:
        lines.append(f"… and {len(ordered) - _MOST_FAILURES} more, all in the run's report")
    return lines
