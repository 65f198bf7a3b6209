"""What runs did, in numbers: one run's facts, their sums, and how a site does by them. Pure functions of reports.

`birdnest status` and the reader's run pages count by these, so that they tell the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median
from typing import Any, Generic, Self, TypeVar

from archive.model import Failure, RunReport

DAYS = 30
NOT_GOOD = -1
"""Stands in a day's place where it had runs and none was fine."""
_REASON_CHARACTERS = 500
_INTERRUPTED = "interrupted"
_SILENT_INTERVALS = 3
_SILENT_DAYS = 3
_INTERVALS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """A run that has ended, without the URLs and documents of its report. Counts are of posts unless named otherwise.

    `failures` counts posts and listings by reason; `expected_failures` those of them that were declared beforehand.
    `missing` counts images by reason. `newest_at`: the latest publish time that the run saw.
    """

    run: str
    site: str
    began_at: datetime
    finished_at: datetime
    verdict: str
    exit_code: int
    reason: str
    found: int
    new: int
    changed: int
    unchanged: int
    known: int
    failed: int
    images_kept: int
    images_missing: int
    requests: int
    bytes_fetched: int
    bytes_stored: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    expected_failures: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    whole: bool = True
    newest_at: datetime | None = None

    @classmethod
    def of(cls, report: RunReport) -> Self:
        return cls(**facts_of(report))

    @property
    def fine(self) -> bool:
        return self.exit_code == 0

    @property
    def seconds(self) -> float:
        return max(0.0, (self.finished_at - self.began_at).total_seconds())


_SAME = tuple(f.name for f in fields(RunFacts) if f.name in {g.name for g in fields(RunReport)})
_COUNTED = ("failures", "images_missing")


def facts_of(report: RunReport) -> dict[str, Any]:
    """The values of `RunFacts` by their names."""
    return {
        **{name: getattr(report, name) for name in _SAME if name not in _COUNTED},
        "began_at": report.started_at,
        "failed": report.failed,
        "failures": _sorted(Counter(failure.reason for failure in report.failures)),
        "expected_failures": _sorted(Counter(failure.reason for failure in report.failures if failure.expected)),
        "images_missing": sum(report.images_missing.values()),
        "missing": dict(report.images_missing),
        "newest_at": report.figures.newest_at,
        "reason": "; ".join(report.reasons)[:_REASON_CHARACTERS],
    }


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What several runs did together. `failures` and `images_missing` count by reason, most frequent first."""

    runs: int
    good_runs: int
    new: int
    changed: int
    failed: int
    failures: Mapping[str, int]
    expected_failures: Mapping[str, int]
    images_kept: int
    images_missing: Mapping[str, int]
    requests: int
    bytes_fetched: int
    bytes_stored: int
    seconds: float

    @property
    def brought(self) -> int:
        return self.new + self.changed

    @property
    def missing(self) -> int:
        return sum(self.images_missing.values())

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "seconds": round(self.seconds)}


def totals(runs: Iterable[RunFacts]) -> Totals:
    """The sums over runs; all zero where there are none."""
    sums: Counter[str] = Counter()
    failures, expected, missing = (Counter[str](), Counter[str](), Counter[str]())
    seconds = 0.0
    for run in runs:
        sums["runs"] += 1
        sums["good_runs"] += run.fine
        for name in ("new", "changed", "failed", "images_kept", "requests", "bytes_fetched", "bytes_stored"):
            sums[name] += getattr(run, name)
        failures.update(run.failures)
        expected.update(run.expected_failures)
        missing.update(run.missing)
        seconds += run.seconds
    return Totals(
        runs=sums["runs"],
        good_runs=sums["good_runs"],
        new=sums["new"],
        changed=sums["changed"],
        failed=sums["failed"],
        failures=_sorted(failures),
        expected_failures=_sorted(expected),
        images_kept=sums["images_kept"],
        images_missing=_sorted(missing),
        requests=sums["requests"],
        bytes_fetched=sums["bytes_fetched"],
        bytes_stored=sums["bytes_stored"],
        seconds=seconds,
    )


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def grouped_failures(failures: Iterable[Failure]) -> dict[str, list[Failure]]:
    """Failures by reason: reasons with failures that were not expected first, then the most frequent."""
    groups: dict[str, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.reason, []).append(failure)
    order = sorted(groups.items(), key=lambda item: (all(f.expected for f in item[1]), -len(item[1]), item[0]))
    return dict(order)


Key = TypeVar("Key", bound=Hashable)
Facts = TypeVar("Facts", bound=RunFacts)


def grouped(runs: Iterable[Facts], key: Callable[[Facts], Key]) -> dict[Key, list[Facts]]:
    """Runs by what `key` says of them, each group in the order given."""
    groups: dict[Key, list[Facts]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return groups


def day_of(run: RunFacts, zone: tzinfo = UTC) -> date:
    """The day on which a run began; a report lies under it, in UTC."""
    return run.began_at.astimezone(zone).date()


def last_days(last: date, count: int = DAYS) -> tuple[date, ...]:
    """So many days up to the last, oldest first."""
    return tuple(last - timedelta(days=back) for back in range(count - 1, -1, -1))


def brought(runs: Iterable[RunFacts], days: Sequence[date], *, zone: tzinfo = UTC) -> tuple[int | None, ...]:
    """The new and changed posts of each day: None for a day without a run, `NOT_GOOD` for one without a good run."""
    groups = grouped(runs, lambda run: day_of(run, zone))

    def of_day(runs: Sequence[RunFacts]) -> int | None:
        if not runs:
            return None
        return sum(run.new + run.changed for run in runs) if any(run.fine for run in runs) else NOT_GOOD

    return tuple(of_day(groups.get(day, ())) for day in days)


@dataclass(frozen=True, kw_only=True)
class SiteRuns(Generic[Facts]):
    """How a site does by its whole runs. `days` as `brought` tells, `month` the sums of the same `DAYS` days.

    `bad_since`: when the first began of the bad runs that no good one followed; interrupted runs, which say nothing,
    aside. `silent`: it ran at intervals, and for three such intervals and three days no more. `newest_at`: the latest
    publish time that runs of these days saw, or else the last run.
    """

    site: str
    last: Facts | None
    last_good: Facts | None
    bad_since: datetime | None
    bad: Facts | None
    silent: bool
    days: tuple[int | None, ...]
    month: Totals
    newest_at: datetime | None


def site_runs(site: str, runs: Sequence[Facts], *, now: datetime, zone: tzinfo = UTC) -> SiteRuns[Facts]:
    """How a site does at a time, by its whole runs, newest first; those before the last `DAYS` days may be left out."""
    days = last_days(now.astimezone(zone).date())
    recent = [run for run in runs if days[0] <= day_of(run, zone) <= days[-1]]
    since, bad = _bad(runs)
    seen = [run.newest_at for run in recent or runs[:1] if run.newest_at is not None]
    return SiteRuns(
        site=site,
        last=runs[0] if runs else None,
        last_good=next((run for run in runs if run.fine), None),
        bad_since=since,
        bad=bad,
        silent=_is_silent(runs, now),
        days=brought(recent, days, zone=zone),
        month=totals(recent),
        newest_at=max(seen, default=None),
    )


def _bad(runs: Sequence[Facts]) -> tuple[datetime | None, Facts | None]:
    first: Facts | None = None
    last: Facts | None = None
    for run in runs:
        if run.fine:
            break
        if run.verdict != _INTERRUPTED:
            first, last = run, last or run
    return (first.began_at if first else None), last


def _is_silent(runs: Sequence[RunFacts], now: datetime) -> bool:
    began = [run.began_at for run in runs[: _INTERVALS + 1]]
    if len(began) < 3:  # noqa: PLR2004 - one interval is no habit
        return False
    usual = median((later - earlier).total_seconds() for later, earlier in pairwise(began))
    gap = (now - began[0]).total_seconds()
    return gap > max(_SILENT_INTERVALS * usual, timedelta(days=_SILENT_DAYS).total_seconds())
