"""Plots: what is drawn is what is counted, whatever the numbers and texts; colours and widths are left to the page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date

import pytest
from lxml import etree
from markupsafe import Markup

from archive.views.reader import plots
from archive.views.reader.plots import Bar, Column, Said

SAID = Said(name="p", title='<b>"a" & b</b>', description="</svg><script>alert(1)</script>")
HOSTILE = '"><script>alert(1)</script>&'


def columns(*sizes: tuple[float, ...]) -> list[Column]:
    return [Column(sizes=each, tip=HOSTILE, tick=HOSTILE if not n else None) for n, each in enumerate(sizes)]


def calendar(counts: dict[date, int], until: date = date(2026, 11, 25)) -> Markup:
    monday = date(2026, 5, 25)
    return plots.calendar(
        SAID,
        counts,
        first=monday,
        weeks=27,
        marks=plots.levels(counts.values()),
        months=[HOSTILE] * 12,
        weekdays=["M", "", "", "", "", "", "S"],
        until=until,
        tip=lambda day, count: f"{day}: {count}{HOSTILE}",
    )


ALL: dict[str, Callable[[], Markup]] = {
    "columns": lambda: plots.columns(SAID, columns((1, 2), (0, 0), (3, 0)), ("new", "changed"), str),
    "curves": lambda: plots.curves(SAID, columns((1, 2), (math.nan, math.nan), (3, 0)), ("a", "b"), str),
    "bars": lambda: plots.bars(SAID, [Bar(label=HOSTILE, sizes=(3, 1), value=HOSTILE)], ("failed", "expected")),
    "share": lambda: plots.share(SAID, [("new", 3), ("failed", 0), ("known", 1)]),
    "spark": lambda: plots.spark(SAID, (None, 0, 3, -1), bad=-1),
    "band": lambda: plots.band(SAID, ("fine", "fine", None, "bad"), {"fine": 0.5, "bad": 1}),
    "curve": lambda: plots.curve(SAID, [1, math.nan, 2], top=10),
    "calendar": lambda: calendar({date(2026, 11, 25): 4, date(2026, 11, 3): 1}),
    "years": lambda: plots.years(
        SAID, {(2026, 1): 3}, rows=[2026, 2025], marks=(1,), months=["m"] * 12, tip=lambda *told: f"{told}{HOSTILE}"
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_a_plot_is_an_image_with_title_and_description_whatever_texts_it_has(name: str) -> None:
    root = etree.fromstring(ALL[name]())
    assert root.tag == "svg"
    assert root.get("role") == "img"
    told = {each.get("id"): each.text for each in root if each.tag in ("title", "desc")}
    assert told[root.get("aria-labelledby")] == SAID.title
    assert told[root.get("aria-describedby")] == SAID.description
    assert root.xpath("//script") == []


@pytest.mark.parametrize("name", ALL)
def test_a_plot_has_neither_styles_nor_colours_of_its_own(name: str) -> None:
    for element in etree.fromstring(ALL[name]()).iter():
        assert not {"style", "fill", "stroke", "color"} & set(element.keys())


@pytest.mark.parametrize(
    "plot",
    [
        lambda: plots.columns(SAID, [], ("new",), str),
        lambda: plots.columns(SAID, columns((0,), (0,)), ("new",), str),
        lambda: plots.columns(SAID, columns((2.0**63,), (1,)), ("new",), "{:.0f}".format),
        lambda: plots.curves(SAID, columns((math.nan,)), ("a",), str),
        lambda: plots.bars(SAID, [], ("a",)),
        lambda: plots.bars(SAID, [Bar(label="", sizes=(0,), value="")], ("a",)),
        lambda: plots.share(SAID, []),
        lambda: plots.spark(SAID, (), bad=-1),
        lambda: plots.spark(SAID, (-1, -1), bad=-1),
        lambda: plots.band(SAID, (), {}),
        lambda: plots.curve(SAID, [math.nan, 0.0], top=0),
        lambda: calendar({}),
        lambda: plots.years(SAID, {}, rows=[], marks=(), months=["m"] * 12, tip=lambda *_: ""),
    ],
)
def test_nothing_and_too_much_can_be_drawn(plot: Callable[[], Markup]) -> None:
    text = str(plot())
    etree.fromstring(text)
    assert not re.search(r"\b(nan|inf)\b|[0-9]e[+-]?[0-9]|--", text)


def heights(plot: Markup, kind: str) -> list[float]:
    found = etree.fromstring(plot).xpath(f"//path[@class='{kind}']/@d")
    return [float(height) for path in found for height in re.findall(r"v([0-9.]+)", path)]


def test_columns_are_as_high_as_what_they_count_and_any_at_all_is_seen() -> None:
    plot = plots.columns(SAID, columns((300, 100), (0, 0), (200, 0), (1, 0)), ("new", "changed"), str, height=200)
    assert heights(plot, "new") == [150, 100, 2]
    assert heights(plot, "changed") == [50]


def test_a_stack_stands_on_the_line_and_its_parts_on_each_other() -> None:
    plot = plots.columns(SAID, columns((1, 1)), ("new", "changed"), str, height=100)
    tops = [float(top) for top in re.findall(r"M0\.1 ([0-9.]+)", plot)]
    assert tops == [64, 14], "the base lies 114 pixels below the top"


def test_the_parts_of_a_share_fill_it() -> None:
    rects = etree.fromstring(ALL["share"]()).xpath("//rect")
    assert [(rect.get("class"), rect.get("x"), rect.get("width")) for rect in rects] == [
        ("new", "0%", "75%"),
        ("known", "75%", "25%"),
    ]


def test_a_band_has_gaps_where_there_is_nothing() -> None:
    paths = etree.fromstring(ALL["band"]()).xpath("//path")
    assert {path.get("class"): path.get("d") for path in paths} == {
        "bad": "M3 0h1v16h-1z",
        "fine": "M0 8h2v8h-2z",
    }


def test_a_calendar_has_a_cell_for_each_day_up_to_the_last_and_none_after() -> None:
    counts = {date(2026, 5, 25): 1, date(2026, 11, 25): 9, date(2026, 11, 26): 5}
    root = etree.fromstring(calendar(counts))
    told = [title.text for title in root.xpath("//path/title")]
    assert [text[:13] for text in told] == ["2026-05-25: 1", "2026-11-25: 9"]
    cells = "".join(root.xpath("//path/@d")).count("M")
    assert cells == (date(2026, 11, 25) - date(2026, 5, 25)).days + 1


def test_a_day_of_more_posts_is_never_of_a_lower_level() -> None:
    counts = [1, 1, 1, 1, 2, 2, 3, 5, 9, 100]
    marks = plots.levels(counts)
    found = [plots.level(count, marks) for count in counts]
    assert found == sorted(found)
    assert (found[0], found[-1], plots.level(0, marks)) == (1, 4, 0)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 9.5, 10, 37, 99, 100, 101, 4999, 10**6, 2**63, 0.3])
def test_an_axis_has_one_to_four_lines_at_round_numbers(most: float) -> None:
    top, lines = plots.scale(most)
    assert top == most
    assert 1 <= len(lines) <= 4
    assert all(0 < line <= most * 1.000001 for line in lines)
    assert re.fullmatch(r"[125]0*(\.0)?|0\.[0-9]+", f"{lines[0]:.0f}" if most >= 1 else str(round(lines[0], 6)))
    steps = [later - earlier for earlier, later in zip((0, *lines), lines, strict=False)]
    assert max(steps) - min(steps) < 1e-6 * most


def test_a_month_is_named_once_above_its_weeks() -> None:
    root = etree.fromstring(calendar({}))
    above = [text for text in root.xpath("//text") if text.get("y") == "10"]
    assert len(above) == 6, "June to November"
