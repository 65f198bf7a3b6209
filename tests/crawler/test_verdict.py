"""A run's figures beside the profile's expectations and the site's earlier runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from archive.model import Figures
from crawler.profile import Expectations
from crawler.verdict import Earlier, shortfalls

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIST = "https://site.example/"
USUAL = Figures(
    lists={LIST: 30}, pages=12, posts=12, with_date=12, with_author=11, with_images=9, characters=900, newest_at=NOW
)
QUIET = Figures(lists={LIST: 30}, newest_at=NOW)
SINGLE = replace(USUAL, pages=1, posts=1, with_date=1, with_author=1, with_images=1)


def run(figures: Figures = USUAL, *, hours: int = 0, **given: Any) -> Earlier:
    return Earlier(**{"figures": figures, "fine": True, "began_at": NOW - timedelta(hours=hours), **given})


def runs(figures: Figures = USUAL, count: int = 10, **given: Any) -> list[Earlier]:
    return [run(figures, hours=hours, **given) for hours in range(1, count + 1)]


def judged(figures: Figures, earlier: list[Earlier] | None = None, **wanted: Any) -> tuple[str, ...]:
    expectations = Expectations(**wanted)
    return shortfalls(expectations, run(figures), runs() if earlier is None else earlier, finished_at=NOW)


@pytest.mark.parametrize("figures", [USUAL, QUIET, SINGLE, Figures()])
@pytest.mark.parametrize("earlier", [[], runs(), runs(QUIET), runs(SINGLE), runs(Figures()), runs(count=2)])
def test_a_healthy_run_and_a_quiet_one_are_below_nothing(figures: Figures, earlier: list[Earlier]) -> None:
    wanted = {"min_links": 5, "min_characters": 200, "min_dated_share": 0.9, "max_newest_age_days": 2}
    assert judged(figures, earlier, **wanted) == ()


@pytest.mark.parametrize(
    ("figures", "wanted", "says"),
    [
        ({"lists": {LIST: 4}}, {"min_links": 5}, "names 4 posts, expected at least 5"),
        ({"with_date": 10}, {"min_dated_share": 0.9}, "10 of 12 posts with a date, expected at least 90%"),
        ({"with_author": 3}, {"min_authored_share": 0.5}, "3 of 12 posts with an author, expected at least 50%"),
        ({"with_images": 0}, {"min_illustrated_share": 0.1}, "0 of 12 posts with images, expected at least 10%"),
        ({"characters": 80}, {"min_characters": 200}, "posts have 80 characters (median), expected at least 200"),
        (
            {"newest_at": NOW - timedelta(days=15)},
            {"max_newest_age_days": 14},
            "the newest post is of 2026-11-10, 15 days ago; expected at most 14",
        ),
    ],
)
def test_each_expectation_of_a_profile_is_held_against_a_run(figures: Any, wanted: Any, says: str) -> None:
    (line,) = judged(replace(USUAL, **figures), [], **wanted)
    assert says in line


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        ({"lists": {LIST: 14}}, f"list {LIST}: names 14 posts; in the last 10 good runs it named 30"),
        ({"with_date": 3}, "3 of 12 posts with a date; in the last 10 good runs 95%"),
        ({"with_author": 0}, "0 of 12 posts with an author; in the last 10 good runs 92%"),
        ({"with_images": 0}, "0 of 12 posts with images; in the last 10 good runs 75%"),
        ({"characters": 300}, "posts have 300 characters (median); in the last 10 good runs 900"),
    ],
)
def test_a_drop_below_the_last_ten_good_runs_is_a_verdict(figures: Any, says: str) -> None:
    assert judged(replace(USUAL, **figures)) == (says,)


@pytest.mark.parametrize(
    "figures", [{"lists": {LIST: 16}}, {"with_author": 7}, {"with_images": 5}, {"characters": 500}, {"lists": {}}]
)
def test_a_fall_that_is_not_deep_is_none(figures: Any) -> None:
    assert judged(replace(USUAL, **figures)) == ()


def test_a_list_that_was_as_short_before_is_no_drop() -> None:
    earlier = [*runs(count=9), run(replace(USUAL, lists={LIST: 3}), hours=10)]
    assert judged(replace(USUAL, lists={LIST: 3}), earlier) == ()
    assert judged(replace(USUAL, lists={LIST: 2}), earlier) != ()


def test_a_chance_is_no_drop() -> None:
    assert judged(replace(SINGLE, with_images=0)) == ()
    two = replace(USUAL, pages=2, posts=2, with_date=2, with_author=0, with_images=0)
    assert judged(two, runs(count=9)) == ()


def test_few_earlier_runs_are_no_measure_of_lists_and_few_posts_none_of_posts() -> None:
    assert judged(replace(USUAL, lists={LIST: 1}), runs(count=4)) == ()
    assert judged(replace(USUAL, with_date=0), [run(SINGLE, hours=1)]) == ()


def test_bad_runs_do_not_become_the_measure() -> None:
    without = replace(USUAL, with_date=0)
    earlier = [*runs(without, 30, fine=False), *runs()]
    assert judged(without, earlier) == ("0 of 12 posts with a date; in the last 10 good runs 95%",)


def test_runs_of_a_post_each_are_judged_together_until_a_post_is_well_again() -> None:
    """An author's selector breaks: every run still archives its one post, and is fine by itself."""
    without = replace(SINGLE, with_author=0)
    earlier = runs(SINGLE, 30)
    verdicts = []
    for _ in range(10):
        lines = judged(without, earlier)
        verdicts.append(bool(lines))
        earlier = [run(without, fine=not lines), *earlier]
    assert verdicts[0] is False, "one post without an author is no rule"
    assert verdicts[-1] is True
    assert verdicts == sorted(verdicts), "once seen it stays seen"
    assert judged(QUIET, earlier) == ()
    assert judged(SINGLE, earlier) == ()


def test_quiet_runs_do_not_wear_the_measure_out() -> None:
    earlier = [*runs(QUIET, 100), *runs()]
    assert judged(replace(USUAL, with_date=0), earlier) != ()


def test_one_run_of_thousands_is_not_the_measure_of_all() -> None:
    first = replace(USUAL, pages=5000, posts=5000, with_author=0)
    assert judged(replace(USUAL, with_author=0), [*runs(count=9), run(first, hours=10)]) != ()
    assert judged(replace(first, with_date=0), runs()) != ()


def test_a_change_that_is_to_stay_is_told_by_the_day_from_which_runs_are_compared() -> None:
    short = replace(USUAL, lists={LIST: 10}, with_images=0)
    assert len(judged(short)) == 2
    assert judged(short, compare_since=date(2026, 11, 26)) == ()
    assert judged(short, max_drop_share=1.0) == ()


def test_the_age_of_the_newest_post_is_known_from_earlier_runs_where_no_list_tells() -> None:
    untold = replace(QUIET, newest_at=None)
    old = replace(USUAL, newest_at=NOW - timedelta(days=20))
    assert judged(untold, runs(), max_newest_age_days=14) == ()
    assert judged(untold, runs(old), max_newest_age_days=14) != ()
    assert judged(untold, runs(untold), max_newest_age_days=14) == ()


def test_images_that_fail_more_than_they_did_are_a_drop() -> None:
    earlier = runs(images_kept=40, images_missing=1)
    wanted = Expectations()
    now = run(images_kept=15, images_missing=20)
    assert shortfalls(wanted, now, earlier, finished_at=NOW) == (
        "15 of 35 images that could be had; in the last 10 good runs 95%",
    )
