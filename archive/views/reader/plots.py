"""Plots as SVG, drawn when the reader is built: pure functions from numbers to markup.

Widths are percents and heights pixels, so that letters keep their size from a phone to a desk; what has no letters is
stretched. Colours are classes of runs.css, never attributes, so that dark mode and print have theirs. To those who do
not see a plot it is an image with a title and a description; whoever shows it gives its numbers as a table, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup, escape

_ROOM_PX = 14  # above the highest column, for its line's label
_AXIS_PX = 22  # below the columns, for the labels of time
_LEAST_PX = 2.0  # any at all is seen beside thousands
_ROW_PX = 34
_CELL = 12
_CELL_SIDE = 10
_MARGIN = 16
_LEVELS = 4
_LINES = 4
_LATE = 85  # percent: a label that begins here ends at its place instead


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a plot is called, and what it shows. `name` is its own on the page."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """One place on the axis of time: the sizes stacked there, what a pointer is told, the axis' label or None."""

    sizes: tuple[float, ...]
    tip: str
    tick: str | None = None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A labelled bar: the sizes beside each other that it is made of, and its value in words."""

    label: str
    sizes: tuple[float, ...]
    value: str


Show = Callable[[float], str]


def columns(said: Said, places: Sequence[Column], kinds: Sequence[str], show: Show, *, height: int = 150) -> Markup:
    """Columns over time, stacked by kind from below.

    kinds: the class of each kind, as many as each place has sizes. show: a size in words, for the lines' labels.
    """
    top, lines = scale(max((sum(place.sizes) for place in places), default=0))
    drawn = [_column(place, number, kinds, top=top, height=height) for number, place in enumerate(places)]
    area = _stretched(len(places), height + _ROOM_PX, *drawn)
    return _framed(said, "columns", places, (top, lines), area, show=show, height=height)


def _column(place: Column, number: int, kinds: Sequence[str], *, top: float, height: int) -> Markup:
    """Column `number`, in a drawing where columns are one unit wide."""
    if not any(place.sizes):
        return Markup()
    bottom = float(height + _ROOM_PX)
    parts = [_element("title", place.tip)]
    for kind, size in zip(kinds, place.sizes, strict=True):
        if size > 0:
            tall = round(max(size / top * height, _LEAST_PX), 1)
            bottom -= tall
            path = f"M{number}.1 {_short(bottom)}h.8v{_short(tall)}h-.8z"
            parts.append(_element("path", class_=kind, d=path))
    return _element("g", *parts)


def curves(said: Said, places: Sequence[Column], kinds: Sequence[str], show: Show, *, height: int = 150) -> Markup:
    """A line over time for each kind; a size that is not a number makes a gap. Arguments as of `columns`."""
    sizes = [size for place in places for size in place.sizes if not math.isnan(size)]
    top, lines = scale(max(sizes, default=0))
    drawn = [
        _element("path", class_=f"curve {kind}", d=_path([place.sizes[number] for place in places], top, height))
        for number, kind in enumerate(kinds)
    ]
    area = _stretched(len(places), height, *drawn, y=_ROOM_PX)
    return _framed(said, "curves", places, (top, lines), area, show=show, height=height)


def _framed(
    said: Said,
    kind: str,
    places: Sequence[Column],
    axis: tuple[float, Sequence[float]],
    area: Markup,
    *,
    show: Show,
    height: int,
) -> Markup:
    """A drawing over time between its lines and labels. axis: as of `scale`."""
    around = (*_labels(*axis, height, show), *_ticks(places, 100 / max(len(places), 1), height))
    return _svg(said, kind, height + _ROOM_PX + _AXIS_PX, *_grid(*axis, height), area, *around)


def _path(sizes: Sequence[float], top: float, height: float) -> str:
    """A path through the middles of columns one unit wide; relative, which is a half shorter.

    >>> _path([0, 5, math.nan, 10], 10, 20)
    'M0.5 20l1-10M3.25 0h.5'
    """
    pieces: list[str] = []
    for number, size in enumerate(sizes):
        if math.isnan(size):
            continue
        y = _level(size, top, height)
        before, after = _beside(sizes, number)
        if math.isnan(before):
            # One without neighbours is a dash.
            pieces.append(f"M{number}.25 {_short(y)}h.5" if math.isnan(after) else f"M{number}.5 {_short(y)}")
            continue
        step = _short(y - _level(before, top, height))
        pieces.append("h1" if step == "0" else f"l1{step}" if step.startswith("-") else f"l1 {step}")
    return "".join(pieces)


def _level(size: float, top: float, height: float) -> float:
    """How far below the top a size is, in half pixels."""
    return round(2 * (height - size / top * height)) / 2


def _beside(sizes: Sequence[float], number: int) -> tuple[float, float]:
    before = sizes[number - 1] if number else math.nan
    return before, sizes[number + 1] if number + 1 < len(sizes) else math.nan


def bars(said: Said, rows: Sequence[Bar], kinds: Sequence[str]) -> Markup:
    """Bars below each other, each under its label and value; their parts side by side, by kind."""
    most = max((sum(row.sizes) for row in rows), default=0) or 1
    drawn: list[Markup] = []
    for number, row in enumerate(rows):
        y = number * _ROW_PX
        drawn += [_text(row.label, "0", y + 13, "label"), _text(row.value, "100%", y + 13, "value")]
        drawn.append(_element("rect", class_="track", x="0", y=str(y + 19), width="100%", height="8", rx="1"))
        left = 0.0
        for kind, size in zip(kinds, row.sizes, strict=True):
            if size > 0:
                wide = max(size / most * 100, 0.5)
                at = {"x": f"{_short(left)}%", "width": f"{_short(min(wide, 100 - left))}%"}
                drawn.append(_element("rect", class_=kind, **at, y=str(y + 19), height="8"))
                left += wide
    return _svg(said, "bars", len(rows) * _ROW_PX, *drawn)


def share(said: Said, parts: Sequence[tuple[str, float]], *, height: int = 14) -> Markup:
    """One bar of the whole width: how a whole is made of parts, each with its class."""
    whole = sum(size for _, size in parts) or 1
    drawn: list[Markup] = []
    left = 0.0
    for kind, size in parts:
        if size > 0:
            wide = size / whole * 100
            drawn.append(
                _element("rect", class_=kind, x=f"{_short(left)}%", y="0", width=f"{_short(wide)}%", height=str(height))
            )
            left += wide
    return _svg(said, "share", height, *drawn)


def spark(said: Said, days: Sequence[int | None], *, bad: int) -> Markup:
    """A small column a day: what it brought; nothing for None, the whole height for a day that is `bad`."""
    most = max((count for count in days if count is not None), default=0) or 1
    good, wrong = "", ""
    for number, count in enumerate(days):
        if count == bad:
            wrong += f"M{number}.1 0h.8v24h-.8z"
        elif count is not None:
            tall = _short(max(1.5, count / most * 24) if count else 1.0)
            good += f"M{number}.1 24h.8v-{tall}h-.8z"
    drawn = (_element("path", class_="brought", d=good), _element("path", class_="wrong", d=wrong))
    return _svg(said, "spark", 24, _stretched(len(days), 24, *drawn))


def band(said: Said, states: Sequence[str | None], heights: Mapping[str, float]) -> Markup:
    """A band of time: each place in the class of its state and as high as `heights` says of it; None is a gap."""
    drawn: list[Markup] = []
    paths: dict[str, str] = {}
    at = 0
    for state, run in groupby(states):
        wide = len(list(run))
        if state is not None:
            tall = heights[state] * 16
            paths[state] = f"{paths.get(state, '')}M{at} {_short(16 - tall)}h{wide}v{_short(tall)}h-{wide}z"
        at += wide
    drawn = [_element("path", class_=state, d=paths[state]) for state in sorted(paths)]
    return _svg(said, "band", 16, _stretched(len(states), 16, *drawn))


def curve(said: Said, sizes: Sequence[float], *, top: float) -> Markup:
    """One small line over time, without labels; a size that is not a number makes a gap."""
    line = _element("path", class_="curve", d=_path([min(size, top) for size in sizes], top or 1, 22))
    return _svg(said, "small", 26, _stretched(len(sizes), 22, line, y=2))


# -- calendars ---------------------------------------------------------------------------------------------------------


def levels(counts: Iterable[int]) -> tuple[int, ...]:
    """From which count on a cell is of the first, second … level, by how many cells are below it.

    >>> levels([1, 1, 1, 2, 3, 5, 8, 40])
    (1, 2, 5, 40)
    >>> levels([1, 1])
    (1,)
    """
    found = sorted(count for count in counts if count > 0)
    if not found:
        return ()
    # The few great days have a level of their own.
    marks = [1, *(found[int(len(found) * part)] for part in (0.4, 0.7, 0.9))]
    chosen = [marks[0]]
    for mark in marks[1:]:
        if mark > chosen[-1]:
            chosen.append(mark)
    return tuple(chosen[:_LEVELS])


def level(count: int, marks: Sequence[int]) -> int:
    """The level of a count, 0 for none."""
    return sum(count >= mark for mark in marks)


def calendar(
    said: Said,
    counts: Mapping[date, int],
    *,
    first: date,
    weeks: int,
    marks: Sequence[int],
    months: Sequence[str],
    weekdays: Sequence[str],
    until: date,
    tip: Callable[[date, int], str],
) -> Markup:
    """Weeks beside each other, a cell a day, the darker the more; `first` is a Monday.

    months: the twelve names above the week that a month begins in. weekdays: the seven at the side, "" for none.
    until: the last day that has a cell.
    """
    drawn = [
        _element("text", name, x="0", y=str(_MARGIN + number * _CELL + 8.5), class_="axis")
        for number, name in enumerate(weekdays)
        if name
    ]
    empty: list[str] = []
    for week in range(weeks):
        monday = first + timedelta(days=7 * week)
        drawn += _month_above(monday, week, weeks, months)
        for weekday in range(7):
            day = monday + timedelta(days=weekday)
            if day > until:
                continue
            count = counts.get(day, 0)
            cell = _cell(_MARGIN + week * _CELL, _MARGIN + weekday * _CELL, _CELL_SIDE, _CELL_SIDE)
            if count:
                told = _element("title", tip(day, count))
                drawn.append(_element("path", told, class_=f"h{level(count, marks)}", d=cell))
            else:
                empty.append(cell)
    nothing = _element("path", class_="h0", d="".join(empty))
    return _boxed(said, "calendar", _MARGIN + weeks * _CELL, _MARGIN + 7 * _CELL, nothing, *drawn)


def _month_above(monday: date, week: int, weeks: int, months: Sequence[str]) -> list[Markup]:
    """The name of a month above the first whole week of it."""
    if monday.day > 7 or week > weeks - 2:  # noqa: PLR2004 - a week has seven days
        return []
    return [_element("text", months[monday.month - 1], x=str(_MARGIN + week * _CELL), y="10", class_="axis")]


def years(
    said: Said,
    counts: Mapping[tuple[int, int], int],
    *,
    rows: Sequence[int],
    marks: Sequence[int],
    months: Sequence[str],
    tip: Callable[[int, int, int], str],
) -> Markup:
    """Years below each other, a cell a month, the darker the more. counts: by year and month."""
    wide, left = 24, 36
    drawn = [
        _element("text", months[month], x=str(left + month * wide), y="10", class_="axis") for month in range(0, 12, 3)
    ]
    for number, year in enumerate(rows):
        y = _MARGIN + number * _MARGIN
        drawn.append(_element("text", str(year), x="0", y=str(y + 11), class_="axis"))
        for month in range(1, 13):
            count = counts.get((year, month), 0)
            cell = _cell(left + (month - 1) * wide, y, wide - 2, _MARGIN - 2)
            inside = [_element("title", tip(year, month, count))] if count else []
            drawn.append(_element("path", *inside, class_=f"h{level(count, marks)}", d=cell))
    return _boxed(said, "calendar", left + 12 * wide, _MARGIN + len(rows) * _MARGIN, *drawn)


def _cell(x: int, y: int, width: int, height: int) -> str:
    return f"M{x} {y}h{width}v{height}h-{width}z"


# -- scales and markup -------------------------------------------------------------------------------------------------


def scale(most: float) -> tuple[float, tuple[float, ...]]:
    """The top of an axis for sizes up to `most`, and where its lines are: one to four, at round numbers.

    >>> scale(37)
    (37, (10, 20, 30))
    >>> scale(0)
    (1, ())
    >>> scale(1)
    (1, (1,))
    """
    if most <= 0:
        return 1, ()
    power = 10.0 ** math.floor(math.log10(most))
    step = next(part * power for part in (0.5, 1, 2, 5) if most / (part * power) < _LINES + 1)
    if most >= 1:
        step = max(step, 1)  # of what is counted there are no halves
    return most, tuple(_whole(step * number) for number in range(1, int(most / step + 1e-9) + 1))


def _whole(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _grid(top: float, lines: Sequence[float], height: int) -> list[Markup]:
    base = height + _ROOM_PX
    drawn = [_element("line", class_="base", x1="0", x2="100%", y1=str(base), y2=str(base))]
    for line in lines:
        y = _short(base - line / top * height)
        drawn.append(_element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
    return drawn


def _labels(top: float, lines: Sequence[float], height: int, show: Show) -> list[Markup]:
    """What the lines stand for, left of the plot, in the margin that runs.css leaves there."""
    base = height + _ROOM_PX
    return [_text(show(line), "-8", base - line / top * height + 4, "axis size") for line in lines]


def _ticks(places: Sequence[Column], width: float, height: int) -> list[Markup]:
    drawn: list[Markup] = []
    base = height + _ROOM_PX
    for number, place in enumerate(places):
        if place.tick is None:
            continue
        left = number * width
        x = f"{_short(left)}%"
        drawn.append(_element("line", class_="base", x1=x, x2=x, y1=str(base), y2=str(base + 5)))
        drawn.append(_text(place.tick, x, base + 17, "axis late" if left > _LATE else "axis"))
    return drawn


def _text(text: str, x: str, y: float, class_: str) -> Markup:
    return _element("text", text, x=x, y=_short(y), class_=class_)


def _svg(said: Said, kind: str, height: float, *inside: Markup) -> Markup:
    return _image(said, kind, *inside, width="100%", height=_short(height))


def _boxed(said: Said, kind: str, width: float, height: float, *inside: Markup) -> Markup:
    return _image(said, kind, *inside, viewBox=f"0 0 {_short(width)} {_short(height)}")


def _image(said: Said, kind: str, *inside: Markup, **size: str) -> Markup:
    title, description = f"{said.name}-title", f"{said.name}-desc"
    return _element(
        "svg",
        _element("title", said.title, id=title),
        _element("desc", said.description, id=description),
        *inside,
        class_=f"plot {kind}",
        role="img",
        **{"aria-labelledby": title, "aria-describedby": description},
        **size,
    )


def _stretched(width: int, height: float, *inside: Markup, y: float = 0) -> Markup:
    """A part whose drawing is as wide as the plot: one unit is a column wide and a pixel high."""
    box = {"viewBox": f"0 0 {max(width, 1)} {_short(height)}", "preserveAspectRatio": "none"}
    return _element("svg", *inside, x="0", y=_short(y), width="100%", height=_short(height), **box)


def _element(name: str, *inside: str, **attributes: str) -> Markup:
    """An SVG element; what is inside and is no markup yet is escaped, and so are attributes."""
    told = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items() if value != "")
    if not inside:
        return Markup(f"<{name}{told}/>")  # noqa: S704 - escaped above
    return Markup(f"<{name}{told}>{''.join(escape(part) for part in inside)}</{name}>")  # noqa: S704 - as above


def _short(number: float) -> str:
    """A number for an attribute, to two places.

    >>> _short(1.50001), _short(3.0), _short(-0.001)
    ('1.5', '3', '0')
    """
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
