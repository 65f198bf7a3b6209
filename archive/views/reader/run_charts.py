"""The plots of the overview of runs: each with what it is called, what it shows in a sentence, and its numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Final

from markupsafe import Markup

from archive.runs import DAYS, RunFacts, Totals, day_of, grouped, totals
from archive.views.reader import plots
from archive.views.reader.plots import Bar, Column, Said
from archive.views.reader.run_text import Teller

MOST_DAYS: Final = 90
MOST_MONTHS: Final = 120
MOST_YEARS: Final = 15
MOST_REASONS: Final = 10
MOST_SITES: Final = 60
_SHORT_WINDOW: Final = 45
_WEEKS: Final = 27  # of each half of the calendar
_DAY_SECONDS: Final = 86_400
_STATES: Final = {"fine": 0.4, "mixed": 0.7, "stopped": 0.7, "bad": 1.0}

Cells = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One plot, or several of one kind below each other, with the same numbers as a table.

    rows: of a plot for each site: its name, the plot, its value in words. legend: (class, text).
    """

    name: str
    title: str
    text: str
    plots: Sequence[Markup] = ()
    rows: Sequence[tuple[str, Markup, str]] = ()
    legend: Sequence[tuple[str, str]] = ()
    head: Cells = ()
    table: Sequence[Cells] = ()


@dataclass(frozen=True, kw_only=True)
class Window:
    """The runs of a stretch of days, by day."""

    days: Sequence[date]
    runs: Mapping[date, Sequence[RunFacts]]

    @classmethod
    def of(cls, runs: Iterable[RunFacts], days: Sequence[date]) -> Window:
        groups = grouped((run for run in runs if days[0] <= day_of(run) <= days[-1]), day_of)
        return cls(days=days, runs=groups)

    @property
    def ends(self) -> Mapping[str, str]:
        return {"first": self.days[0].isoformat(), "last": self.days[-1].isoformat()}

    def totals(self) -> list[Totals]:
        return [totals(self.runs.get(day, ())) for day in self.days]

    def all(self) -> list[RunFacts]:
        return [run for day in self.days for run in self.runs.get(day, ())]


def charts(
    runs: Sequence[RunFacts], published: Mapping[str, Mapping[date, int]], tell: Teller
) -> Sequence[Sequence[Chart]]:
    """All plots of an archive that has runs: two stacks of about one height, and what is as wide as both."""
    last = max(map(day_of, runs))
    first = min(map(day_of, runs))
    count = min(MOST_DAYS, max(DAYS, (last - first).days + 1))
    window = Window.of(runs, [last - timedelta(days=back) for back in range(count - 1, -1, -1)])
    month = Window.of(runs, window.days[-DAYS:])
    of_days = Counter[date]()
    for days in published.values():
        of_days.update(days)
    left = [
        posts_by_day(window, tell),
        results_by_day(window, tell),
        failures_by_reason(totals(month.all()), tell),
        missing_by_reason(totals(month.all()), tell),
        runs_by_month(runs, tell),
    ]
    right = [
        images_by_day(window, tell),
        bytes_by_day(window, tell),
        newest_age(window, tell),
        time_per_site(month, tell),
        posts_by_month_of_publication(of_days, last, tell),
    ]
    wide = [posts_by_publication(of_days, last, tell)]
    return [[chart for chart in stack if chart is not None] for stack in (left, right, wide)]


# -- by day ------------------------------------------------------------------------------------------------------------


def posts_by_day(window: Window, tell: Teller) -> Chart:
    """What each day brought."""
    sums = window.totals()
    new, changed = sum(each.new for each in sums), sum(each.changed for each in sums)
    most = max(range(len(sums)), key=lambda number: (sums[number].brought, number))
    text = (
        tell.say(
            "posts per day, said",
            **window.ends,
            new=tell.number(new),
            changed=tell.number(changed),
            most=tell.day(window.days[most]),
            count=tell.number(sums[most].brought),
        )
        if new + changed
        else tell.say("nothing per day", **window.ends)
    )
    return _by_day(
        window,
        sums,
        tell,
        name="posts",
        title=tell.words["posts per day"],
        text=text,
        kinds=(("new", tell.words["new"], lambda day: day.new), ("changed", tell.words["changed"], _changed)),
    )


def _changed(day: Totals) -> float:
    return day.changed


def images_by_day(window: Window, tell: Teller) -> Chart:
    sums = window.totals()
    kept, missing = sum(each.images_kept for each in sums), sum(each.missing for each in sums)
    return _by_day(
        window,
        sums,
        tell,
        name="images",
        title=tell.words["images by day"],
        text=tell.say("images by day, said", **window.ends, kept=tell.number(kept), missing=tell.number(missing)),
        kinds=(
            ("kept", tell.words["images kept"], lambda day: day.images_kept),
            ("missing", tell.words["images missing"], lambda day: day.missing),
        ),
    )


def bytes_by_day(window: Window, tell: Teller) -> Chart:
    sums = window.totals()
    fetched, stored = sum(each.bytes_fetched for each in sums), sum(each.bytes_stored for each in sums)
    return _by_day(
        window,
        sums,
        tell,
        name="bytes",
        title=tell.words["bytes by day"],
        text=tell.say("bytes by day, said", **window.ends, fetched=tell.size(fetched), stored=tell.size(stored)),
        kinds=(
            ("fetched", tell.words["fetched"], lambda day: day.bytes_fetched),
            ("stored", tell.words["stored"], lambda day: day.bytes_stored),
        ),
        show=tell.size,
        stacked=False,
    )


_Kind = tuple[str, str, Callable[[Totals], float]]


def _by_day(
    window: Window,
    sums: Sequence[Totals],
    tell: Teller,
    *,
    name: str,
    title: str,
    text: str,
    kinds: Sequence[_Kind],
    show: plots.Show | None = None,
    stacked: bool = True,
) -> Chart:
    show = show or tell.number
    ticks = _ticks(window.days, tell)
    places: list[Column] = []
    table: list[Cells] = []
    for day, each, tick in zip(window.days, sums, ticks, strict=True):
        values = tuple(size(each) for _, _, size in kinds)
        told = [f"{word} {show(value)}" for (_, word, _), value in zip(kinds, values, strict=True)]
        # A day without a run is a gap in a line, not a nought.
        sizes = values if each.runs or stacked else (math.nan,) * len(values)
        places.append(Column(sizes=sizes, tip=f"{day}: {tell.words['sep'].join(told)}", tick=tick))
        if any(values):
            table.append((tell.day(day), *map(show, values)))
    draw = plots.columns if stacked else plots.curves
    return Chart(
        name=name,
        title=title,
        text=text,
        plots=[draw(Said(name=name, title=title, description=text), places, [kind for kind, _, _ in kinds], show)],
        legend=[(kind, word) for kind, word, _ in kinds],
        head=(tell.words["day"], *(word for _, word, _ in kinds)),
        table=table[::-1],
    )


def _ticks(days: Sequence[date], tell: Teller) -> list[str | None]:
    """Where months begin, or weeks in a short stretch."""
    months = tell.months()
    if len(days) <= _SHORT_WINDOW:
        return [f"{day:%m-%d}" if day.weekday() == 0 else None for day in days]
    return [(str(day.year) if day.month == 1 else months[day.month - 1]) if day.day == 1 else None for day in days]


def results_by_day(window: Window, tell: Teller) -> Chart:
    """A row a site: on which days its whole runs were fine."""
    sites = grouped((run for run in window.all() if run.whole), lambda run: run.site)
    rows: list[tuple[str, Markup, str]] = []
    table: list[Cells] = []
    title, text = tell.words["runs per day"], tell.say("runs per day, said", **window.ends)
    for number, site in enumerate(sorted(sites)[:MOST_SITES]):
        of_day = grouped(sites[site], day_of)
        states = [_state(of_day.get(day, ())) for day in window.days]
        fine = sum(run.fine for run in sites[site])
        value = f"{fine} / {len(sites[site])}"
        wrong = [
            f"{day} {tell.words[f'day {state}']}"
            for day, state in zip(window.days, states, strict=True)
            if state not in ("fine", None)
        ]
        told = tell.words["sep"].join([f"{tell.words['runs fine']} {value}", *wrong[-5:]])
        said = Said(name=f"day-{number}", title=f"{title}: {site}", description=told)
        rows.append((site, plots.band(said, states, _STATES), value))
        table.append((site, value, "; ".join(wrong) or tell.words["nothing"]))
    return Chart(
        name="days",
        title=title,
        text=text + _not_shown(len(sites), tell),
        rows=rows,
        legend=[(state, tell.words[f"day {state}"]) for state in _STATES],
        head=(tell.words["site"], tell.words["runs fine"], tell.words["bad days"]),
        table=table,
    )


def _state(runs: Sequence[RunFacts]) -> str | None:
    if not runs:
        return None
    if all(run.fine for run in runs):
        return "fine"
    if any(run.fine for run in runs):
        return "mixed"
    return "stopped" if all(run.verdict == "interrupted" for run in runs) else "bad"


def _not_shown(sites: int, tell: Teller) -> str:
    more = sites - MOST_SITES
    return f" {tell.say('sites not shown', count=tell.number(more))}" if more > 0 else ""


# -- by reason ---------------------------------------------------------------------------------------------------------


def failures_by_reason(sums: Totals, tell: Teller) -> Chart:
    """What failed in thirty days, and how much of it had been declared."""
    count = sum(sums.failures.values())
    parts = {
        reason: (failed - _expected(sums, reason), _expected(sums, reason)) for reason, failed in sums.failures.items()
    }
    # What nobody expected comes first, however little it is.
    ranked = sorted(parts.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    rows = _folded(ranked, tell)
    title = tell.words["failures by reason"]
    expected = tell.number(sum(sums.expected_failures.values()))
    text = tell.say("failures by reason, said", count=tell.number(count), expected=expected)
    if not count:
        return Chart(name="failures", title=title, text=tell.words["no failures"])
    said = Said(name="failures", title=title, description=text)
    return Chart(
        name="failures",
        title=title,
        text=text,
        plots=[plots.bars(said, rows, ("failed", "expected"))],
        legend=[("failed", tell.words["unexpected failures"]), ("expected", tell.words["expected failures"])],
        head=(tell.words["reason"], tell.words["unexpected failures"], tell.words["expected failures"]),
        table=[(reason, *map(tell.number, sizes)) for reason, sizes in ranked],
    )


def _expected(sums: Totals, reason: str) -> int:
    return sums.expected_failures.get(reason, 0)


def missing_by_reason(sums: Totals, tell: Teller) -> Chart:
    """The images of thirty days that are missing."""
    title = tell.words["missing by reason"]
    if not sums.missing:
        return Chart(name="lost", title=title, text=tell.words["nothing missing"])
    text = tell.say("missing by reason, said", missing=tell.number(sums.missing), kept=tell.number(sums.images_kept))
    rows = _folded([(reason, (count,)) for reason, count in sums.images_missing.items()], tell)
    return Chart(
        name="lost",
        title=title,
        text=text,
        plots=[plots.bars(Said(name="lost", title=title, description=text), rows, ("missing",))],
        head=(tell.words["reason"], tell.words["count"]),
        table=[(reason, tell.number(count)) for reason, count in sums.images_missing.items()],
    )


def _folded(rows: Sequence[tuple[str, tuple[float, ...]]], tell: Teller) -> list[Bar]:
    """Bars of the first, most frequent reasons, and one for all others."""
    bars = [Bar(label=label, sizes=sizes, value=tell.number(sum(sizes))) for label, sizes in rows[:MOST_REASONS]]
    others = rows[MOST_REASONS:]
    if others:
        sizes = tuple(map(sum, zip(*(sizes for _, sizes in others), strict=True)))
        label = tell.say("others", count=len(others))
        bars.append(Bar(label=label, sizes=sizes, value=tell.number(sum(sizes))))
    return bars


# -- by site -----------------------------------------------------------------------------------------------------------


def time_per_site(month: Window, tell: Teller) -> Chart | None:
    """How long whole runs take, slowest first."""
    sites = grouped((run for run in month.all() if run.whole), lambda run: run.site)
    times = [
        (site, median(run.seconds for run in runs), max(run.seconds for run in runs)) for site, runs in sites.items()
    ]
    times.sort(key=lambda each: (-each[1], each[0]))
    if not times:
        return None
    title, text = tell.words["time per site"], tell.words["time per site, said"]
    most = max(usual for _, usual, _ in times) or 1
    rows: list[tuple[str, Markup, str]] = []
    for number, (site, usual, longest) in enumerate(times[:MOST_SITES]):
        value = tell.say("median and longest", median=tell.time(usual), longest=tell.time(longest))
        said = Said(name=f"time-{number}", title=f"{title}: {site}", description=value)
        rows.append((site, plots.share(said, [("spent", usual), ("track", most - usual)], height=8), tell.time(usual)))
    return Chart(
        name="time",
        title=title,
        text=text + _not_shown(len(times), tell),
        rows=rows,
        head=(tell.words["site"], tell.words["median"], tell.words["longest"]),
        table=[(site, tell.time(usual), tell.time(longest)) for site, usual, longest in times[:MOST_SITES]],
    )


def newest_age(window: Window, tell: Teller) -> Chart | None:
    """How old the newest post was that the whole runs of a site saw, over time; a row a site, the oldest first."""
    sites = grouped((run for run in window.all() if run.whole and run.newest_at is not None), lambda run: run.site)
    if not sites:
        return None
    by_site = {site: _ages(runs, window.days) for site, runs in sites.items()}
    now = {site: next(age for age in reversed(ages) if not math.isnan(age)) for site, ages in by_site.items()}
    title, text = tell.words["age per site"], tell.say("age per site, said", **window.ends)
    rows: list[tuple[str, Markup, str]] = []
    table: list[Cells] = []
    for number, site in enumerate(sorted(sites, key=lambda site: (-now[site], site))[:MOST_SITES]):
        told = tell.age(now[site] * _DAY_SECONDS)
        ages = [age for age in by_site[site] if not math.isnan(age)]
        said = Said(name=f"age-{number}", title=f"{title}: {site}", description=told)
        # Each row has its own scale, of ten days at least, or one dead site would flatten all others.
        rows.append((site, plots.curve(said, by_site[site], top=max(10.0, *ages)), told))
        table.append((site, told, tell.age(max(ages) * _DAY_SECONDS)))
    return Chart(
        name="age",
        title=title,
        text=text + _not_shown(len(sites), tell),
        rows=rows,
        head=(tell.words["site"], tell.words["age"], tell.words["longest"]),
        table=table,
    )


def _ages(runs: Sequence[RunFacts], days: Sequence[date]) -> list[float]:
    """The age in days by the last run of each day; not a number where there was none."""
    found: dict[date, float] = {}
    for run in runs:
        if run.newest_at is not None:
            found[day_of(run)] = max(0.0, (run.finished_at - run.newest_at).total_seconds() / _DAY_SECONDS)
    return [found.get(day, math.nan) for day in days]


# -- calendars and months ----------------------------------------------------------------------------------------------


def posts_by_publication(counts: Mapping[date, int], last: date, tell: Teller) -> Chart:
    """The year up to the newest run: how many posts each day published."""
    monday = last - timedelta(days=last.weekday())
    first = monday - timedelta(days=7 * (2 * _WEEKS - 1))
    shown = {day: count for day, count in counts.items() if first <= day <= last}
    title = tell.words["posts by publication"]
    ends = {"first": tell.day(first), "last": tell.day(last)}
    if not shown:
        return Chart(name="calendar", title=title, text=tell.say("no posts of that time", **ends))
    text = tell.say("posts by publication, said", **ends, count=tell.number(sum(shown.values())))
    marks = plots.levels(shown.values())
    halves = [
        plots.calendar(
            Said(name=f"calendar-{half}", title=title, description=text),
            shown,
            first=first + timedelta(days=7 * _WEEKS * half),
            weeks=_WEEKS,
            marks=marks,
            months=tell.months(),
            weekdays=[name if number % 2 == 0 else "" for number, name in enumerate(tell.weekday_names())],
            until=last,
            tip=lambda day, count: f"{day}: {tell.number(count)}",
        )
        for half in (0, 1)
    ]
    return Chart(
        name="calendar",
        title=title,
        text=text,
        plots=halves,
        legend=_levels(marks, tell),
        head=(tell.words["week from"], *tell.weekday_names()),
        table=[_week(monday - timedelta(days=7 * back), shown, last, tell) for back in range(2 * _WEEKS)],
    )


def _week(monday: date, counts: Mapping[date, int], last: date, tell: Teller) -> Cells:
    days = [monday + timedelta(days=weekday) for weekday in range(7)]
    return (tell.day(monday), *(tell.number(counts.get(day, 0)) if day <= last else "" for day in days))


def posts_by_month_of_publication(counts: Mapping[date, int], last: date, tell: Teller) -> Chart | None:
    """All years up to the newest run: how many posts each month published."""
    of_months = Counter[tuple[int, int]]()
    for day, count in counts.items():
        if day <= last:
            of_months[day.year, day.month] += count
    if len({year for year, _ in of_months}) <= 1:
        return None
    rows = sorted({year for year, _ in of_months}, reverse=True)[:MOST_YEARS]
    shown = {month: count for month, count in of_months.items() if month[0] in rows}
    earlier = of_months.total() - sum(shown.values())
    title = tell.words["posts by month of publication"]
    text = tell.say(
        "posts by month of publication, said",
        count=tell.number(sum(shown.values())),
        first=rows[-1],
        last=rows[0],
    ) + (f" {tell.say('years not shown', count=tell.number(earlier))}" if earlier else "")
    marks = plots.levels(shown.values())
    plot = plots.years(
        Said(name="years", title=title, description=text),
        shown,
        rows=rows,
        marks=marks,
        months=tell.months(),
        tip=lambda year, month, count: f"{year}-{month:02}: {tell.number(count)}",
    )
    return Chart(
        name="years",
        title=title,
        text=text,
        plots=[plot],
        legend=_levels(marks, tell),
        head=(tell.words["year"], *tell.months()),
        table=[(str(year), *(tell.number(shown.get((year, month), 0)) for month in range(1, 13))) for year in rows],
    )


def _levels(marks: Sequence[int], tell: Teller) -> list[tuple[str, str]]:
    """What each level of a calendar stands for."""
    found: list[tuple[str, str]] = []
    for number, mark in enumerate(marks, start=1):
        above = marks[number] if number < len(marks) else None
        upto = "+" if above is None else "" if above == mark + 1 else f"–{tell.number(above - 1)}"
        found.append((f"h{number}", f"{tell.number(mark)}{upto}"))
    return found


def runs_by_month(runs: Sequence[RunFacts], tell: Teller) -> Chart | None:
    """What the months of all years brought; None where the days show it all."""
    groups = grouped(runs, lambda run: (day_of(run).year, day_of(run).month))
    first, last = min(groups), max(groups)
    months = [divmod(number, 12) for number in range(first[0] * 12 + first[1] - 1, last[0] * 12 + last[1])]
    if len(months) <= 3:  # noqa: PLR2004 - as long as the plots by day
        return None
    shown = [(year, month + 1) for year, month in months][-MOST_MONTHS:]
    sums = {month: totals(groups.get(month, ())) for month in shown}
    title, words = tell.words["runs per month"], tell.words
    text = tell.say(
        "runs per month, said",
        first=_month(shown[0]),
        last=_month(shown[-1]),
        runs=tell.number(sum(each.runs for each in sums.values())),
        new=tell.number(sum(each.new for each in sums.values())),
        changed=tell.number(sum(each.changed for each in sums.values())),
    )
    if len(months) > len(shown):
        text += f" {tell.say('months not shown', count=tell.number(len(months) - len(shown)))}"
    places = [
        Column(
            sizes=(each.new, each.changed),
            tip=f"{_month(month)}: {words['new']} {tell.number(each.new)}{words['sep']}"
            f"{words['changed']} {tell.number(each.changed)}",
            tick=_month_tick(month, len(shown), tell),
        )
        for month, each in sums.items()
    ]
    return Chart(
        name="months",
        title=title,
        text=text,
        plots=[
            plots.columns(Said(name="months", title=title, description=text), places, ("new", "changed"), tell.number)
        ],
        legend=[("new", words["new"]), ("changed", words["changed"])],
        head=(
            *(words["month"], words["runs fine"], words["new"], words["changed"], words["failures"]),
            *(words["images kept"], words["images missing"], words["fetched"], words["stored"]),
        ),
        table=[(_month(month), *sums_row(each, tell)) for month, each in sorted(sums.items(), reverse=True)],
    )


def _month(month: tuple[int, int]) -> str:
    return f"{month[0]}-{month[1]:02}"


def _month_tick(month: tuple[int, int], count: int, tell: Teller) -> str | None:
    year, number = month
    if count <= 2 * 12:
        return (str(year) if number == 1 else tell.months()[number - 1]) if number % 3 == 1 else None
    every = -(-count // (6 * 12))
    return str(year) if number == 1 and year % every == 0 else None


def sums_row(sums: Totals, tell: Teller) -> Cells:
    """The cells that say what runs did together: fine, new, changed, failures, images kept and missing, bytes."""
    counts = (sums.new, sums.changed, sum(sums.failures.values()), sums.images_kept, sums.missing)
    return (
        f"{sums.good_runs} / {sums.runs}",
        *map(tell.number, counts),
        tell.size(sums.bytes_fetched),
        tell.size(sums.bytes_stored),
    )
