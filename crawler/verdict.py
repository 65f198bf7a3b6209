"""Is what a run saw what a healthy run of the site shows? Its figures beside the profile's and earlier runs'. Pure.

A template that changed seldom fails loudly: dates, authors or half of a body go missing, and every post is archived
with that hole. So a run's figures are compared with

- what the profile expects of the site;
- what the site's last ten good runs showed. A drop is one only if it is both deep (`max_drop_share`) and no chance:
  of lists, fewer posts than any of the ten named; of posts, a count that comes up once in a thousand times.

A run with nothing new has no posts to judge and is never alarmed at. Where runs bring a post or two each, they are
judged together with those just before, ten posts in all; but a run whose own posts are well is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import comb
from statistics import median

from archive.model import Figures
from crawler.profile import Expectations

ENOUGH_RUNS = 5
COMPARED_RUNS = 10
ENOUGH_POSTS = 10
_FEW_POSTS = 5  # fewer say nothing of a median
_FEW_LINKS = 4  # a list of fewer posts may halve at any time
_ONE_RUN_WEIGHS = 20  # posts: a first run of thousands is not the measure of all later ones
_CHANCE_BELOW = 0.01
_CHANCE_OF_DROP = 0.001
_NO_CHANCE = 500  # of so many posts a half is never missing by chance
_NEVER_ALL = 0.95  # ten good runs are no proof that the next post is


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A run before the one that is judged."""

    figures: Figures
    fine: bool
    images_kept: int = 0
    images_missing: int = 0
    began_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Share:
    """A share that is judged: how it is called, its least value, and (with, of) in one run."""

    name: str
    least: float
    of: Callable[[Earlier], tuple[int, int]]


def shortfalls(
    wanted: Expectations, run: Earlier, earlier: Sequence[Earlier], *, finished_at: datetime
) -> tuple[str, ...]:
    """What of a whole run is below expectations, each a line without the site's name; nothing for a healthy one.

    earlier: whole runs of the site, newest first; the more there are, the slower sites are judged well.
    """
    compared = [one for one in earlier if wanted.compare_since is None or one.began_at.date() >= wanted.compare_since]
    lines = [*_lists(wanted, run.figures, compared), *_characters(wanted, run, compared)]
    for share in _shares(wanted):
        lines += _share(wanted, share, run, compared)
    return (*lines, *_age(wanted, run.figures, earlier, finished_at))


def _lists(wanted: Expectations, figures: Figures, earlier: Sequence[Earlier]) -> Iterable[str]:
    good = [one.figures.lists for one in earlier if one.fine][:COMPARED_RUNS]
    for url, links in figures.lists.items():
        were = [lists[url] for lists in good if url in lists]
        usual = median(were) if len(were) >= ENOUGH_RUNS else 0
        if links < wanted.min_links:
            yield f"list {url}: names {links} posts, expected at least {wanted.min_links}"
        elif usual >= _FEW_LINKS and links < (1 - wanted.max_drop_share) * usual and links < min(were):
            yield f"list {url}: names {links} posts; in the last {len(were)} good runs it named {usual:g}"


def _shares(wanted: Expectations) -> Iterable[_Share]:
    def of_posts(count: Callable[[Figures], int]) -> Callable[[Earlier], tuple[int, int]]:
        return lambda run: (count(run.figures), run.figures.posts)

    yield _Share(name="posts with a date", least=wanted.min_dated_share, of=of_posts(lambda f: f.with_date))
    yield _Share(name="posts with an author", least=wanted.min_authored_share, of=of_posts(lambda f: f.with_author))
    yield _Share(name="posts with images", least=wanted.min_illustrated_share, of=of_posts(lambda f: f.with_images))
    # Its least value, `max_missing_images_share`, is judged for runs of single posts, too: see crawler/report.py.
    yield _Share(
        name="images that could be had",
        least=0.0,
        of=lambda run: (run.images_kept, run.images_kept + run.images_missing),
    )


def _share(wanted: Expectations, share: _Share, run: Earlier, earlier: Sequence[Earlier]) -> Iterable[str]:
    own, own_all = share.of(run)
    if own_all == 0:
        return
    recent, before = _recent(run, earlier, lambda one: share.of(one)[1])
    count, all_ = (sum(numbers) for numbers in zip(*(share.of(one) for one in recent), strict=True))
    least = share.least
    if own < least * own_all and _is_below(count, all_, least):
        yield f"{count} of {all_} {share.name}, expected at least {least:.0%}{_in_runs(recent)}"
        return
    usual = _usual_share([share.of(one) for one in before])
    if usual is None:
        return
    floor = (1 - wanted.max_drop_share) * usual
    if own < floor * own_all and count < floor * all_ and _chance(count, all_, usual) < _CHANCE_OF_DROP:
        yield f"{count} of {all_} {share.name}{_in_runs(recent)}; in the last {len(before)} good runs {usual:.0%}"


def _characters(wanted: Expectations, run: Earlier, earlier: Sequence[Earlier]) -> Iterable[str]:
    own = run.figures.characters
    if own is None:
        return
    recent, before = _recent(run, earlier, lambda one: one.figures.posts)
    posts = sum(one.figures.posts for one in recent)
    found = _weighted_median(recent)
    if posts < _FEW_POSTS:
        return
    if max(own, found) < wanted.min_characters:
        yield f"posts have {found} characters (median), expected at least {wanted.min_characters}{_in_runs(recent)}"
        return
    if sum(one.figures.posts for one in before) < ENOUGH_POSTS:
        return
    usual = _weighted_median(before)
    lowest = min(one.figures.characters or 0 for one in before)
    if max(own, found) < (1 - wanted.max_drop_share) * usual and found < lowest:
        yield f"posts have {found} characters (median){_in_runs(recent)}; in the last {len(before)} good runs {usual}"


def _age(wanted: Expectations, figures: Figures, earlier: Sequence[Earlier], now: datetime) -> Iterable[str]:
    seen = [at for at in (figures.newest_at, *(one.figures.newest_at for one in earlier)) if at is not None]
    if wanted.max_newest_age_days is None or not seen:
        return
    newest = max(seen)
    if now - newest > timedelta(days=wanted.max_newest_age_days):
        age = (now - newest).days
        yield (
            f"the newest post is of {newest.date()}, {age} days ago; expected at most {wanted.max_newest_age_days}: "
            "has the site ended, or do the lists stand still?"
        )


def _recent(
    run: Earlier, earlier: Sequence[Earlier], count: Callable[[Earlier], int]
) -> tuple[list[Earlier], list[Earlier]]:
    """The run with those just before it, `ENOUGH_POSTS` in all, and the last ten good runs before these."""
    recent, rest = [run], [one for one in earlier if count(one)]
    while rest and sum(map(count, recent)) < ENOUGH_POSTS:
        recent.append(rest.pop(0))
    return recent, [one for one in rest if one.fine][:COMPARED_RUNS]


def _in_runs(recent: Sequence[Earlier]) -> str:
    return f" in {len(recent)} runs" if len(recent) > 1 else ""


def _usual_share(runs: Sequence[tuple[int, int]]) -> float | None:
    """The share that runs had together; None where they had too few to tell."""
    if sum(all_ for _, all_ in runs) < ENOUGH_POSTS:
        return None
    weights = [min(all_, _ONE_RUN_WEIGHS) / all_ for _, all_ in runs]
    count = sum(weight * count for weight, (count, _) in zip(weights, runs, strict=True))
    return min(count / sum(weight * all_ for weight, (_, all_) in zip(weights, runs, strict=True)), _NEVER_ALL)


def _is_below(count: int, all_: int, least: float) -> bool:
    return count < least * all_ and (all_ >= ENOUGH_POSTS or _chance(count, all_, least) < _CHANCE_BELOW)


def _chance(count: int, all_: int, share: float) -> float:
    """How probable it is that at most `count` of `all_` have what a share of all have.

    >>> round(_chance(0, 3, 0.9), 6)
    0.001
    """
    if all_ > _NO_CHANCE:  # binomial coefficients leave the range of floats
        return 0.0
    return sum(comb(all_, k) * share**k * (1 - share) ** (all_ - k) for k in range(count + 1))


def _weighted_median(runs: Sequence[Earlier]) -> int:
    values = sorted((one.figures.characters or 0, min(one.figures.posts, _ONE_RUN_WEIGHS)) for one in runs)
    half, passed = sum(weight for _, weight in values) / 2, 0
    for value, weight in values:
        passed += weight
        if passed >= half:
            return value
    return 0
