"""From runs to figures: ratios with their spread, what is judged by them, the table and the plot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from archive.views.reader.plots import Bar, Said, bars
from benchmarks.throughput_contenders import ALL, BARE, BIRDNEST, FILES, FOLDER, S3, Run

_SVG_WIDTH, _SVG_MARGIN, _SVG_TITLE, _ROW = 760, 20, 34, 34


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A figure over all repeats."""

    least: float
    middle: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(least=min(values), middle=median(values), most=max(values))

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.least:.2f}–{self.most:.2f})"


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """What was measured in one go, one contender after the other.

    runs: crawls of new posts; the site of one post shows what it takes to start. known, lists: runs with nothing new by
    where the archive is, and a spider that asks for the same lists. far: crawls into a store that is far away.
    """

    runs: Sequence[Run]
    known: Sequence[Run] = ()
    lists: Sequence[Run] = ()
    far: Sequence[Run] = ()

    def run(self, contender: str, size: int) -> Run | None:
        return next((run for run in self.runs if (run.contender, run.posts) == (contender, size)), None)

    def further_post_ms(self, contender: str, size: int) -> float | None:
        """CPU for each post but the first, in milliseconds: start-up is out of it."""
        first, all_ = self.run(contender, 1), self.run(contender, size)
        if first is None or all_ is None or size == 1:
            return None
        return 1000 * (all_.cpu_seconds - first.cpu_seconds) / (size - 1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What must hold. Ratios are of medians over the repeats' own ratios."""

    cpu_ratios: dict[tuple[str, str], float]
    far_speed_ratio: float
    own_requests: int
    unreported_requests: int
    peak_mb: float
    peak_growth: float
    no_change_ratio: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    what: str
    found: str
    expected: str
    holds: bool

    def __str__(self) -> str:
        return f"{'  holds' if self.holds else 'MISSED '}  {self.what}: found {self.found}, expected {self.expected}"


def over(repeats: Sequence[Repeat], figure: Callable[[Repeat], float | None]) -> Spread | None:
    """A figure of each repeat; None where it was not measured."""
    values = [value for value in map(figure, repeats) if value is not None]
    return Spread.of(values) if values else None


def cpu_ratio(contender: str, other: str, size: int) -> Callable[[Repeat], float | None]:
    """CPU for a further post, as a part of another contender's in the same repeat."""

    def ratio(repeat: Repeat) -> float | None:
        ours, theirs = repeat.further_post_ms(contender, size), repeat.further_post_ms(other, size)
        return ours / theirs if ours is not None and theirs else None

    return ratio


# -- what must hold ----------------------------------------------------------------------------------------------------


def judge(repeats: Sequence[Repeat], limits: Limits, *, checks_digests: bool) -> list[Judged]:
    """checks_digests: the store does, so that nothing is read back; requests are judged only then."""
    return [
        *_cpu(repeats, limits),
        *_far_speed(repeats, limits),
        *(_requests(repeats, limits) if checks_digests else ()),
        *_whole(repeats),
        *_memory(repeats, limits),
        *_no_change(repeats, limits),
    ]


def _cpu(repeats: Sequence[Repeat], limits: Limits) -> Iterator[Judged]:
    size = _sizes(repeats)[-1]
    for (contender, other), most in limits.cpu_ratios.items():
        found = over(repeats, cpu_ratio(contender, other, size))
        if found is not None:
            yield Judged(
                what=f"CPU for a further post, {contender} ÷ {other}, {size:,} posts",
                found=str(found),
                expected=f"≤ {most:g}",
                holds=found.middle <= most,
            )


def _far_speed(repeats: Sequence[Repeat], limits: Limits) -> Iterator[Judged]:
    found = over(repeats, lambda repeat: _speed_ratio(repeat.far))
    if found is not None:
        yield Judged(
            what=f"posts/s into a far store, {S3} ÷ {FILES}",
            found=str(found),
            expected=f"≥ {limits.far_speed_ratio:g}",
            holds=found.middle >= limits.far_speed_ratio,
        )


def _speed_ratio(far: Sequence[Run]) -> float | None:
    speeds = {run.contender: run.posts_per_second for run in far}
    return speeds[S3] / speeds[FILES] if speeds.keys() >= {S3, FILES} else None


def _requests(repeats: Sequence[Repeat], limits: Limits) -> Iterator[Judged]:
    """Each run must hold; the one that asked for most is shown."""
    for size in _sizes(repeats):
        runs = [run for repeat in repeats for each in BIRDNEST if (run := repeat.run(each, size)) and run.requests]
        if not runs:
            continue
        worst = max(runs, key=_about_posts)
        expected = worst.posts + worst.images
        yield Judged(
            what=f"requests to the store about {size:,} new posts with {worst.images:,} distinct images",
            found=f"{_about_posts(worst):,}",
            expected=f"≤ {expected:,}: images + 1 for each post",
            holds=_about_posts(worst) <= expected,
        )
        yield from _own_requests(f"{size:,} new posts", runs, limits)
        yield _unreported(f"{size:,} new posts", runs, limits)
    known = [run for repeat in repeats for run in repeat.known if run.requests]
    if known:
        most = max(map(_about_posts, known))
        what = f"requests to the store about {known[0].posts:,} unchanged posts"
        yield Judged(what=what, found=str(most), expected="0", holds=most == 0)
        yield from _own_requests(f"{known[0].posts:,} unchanged posts", known, limits)
        yield _unreported(f"{known[0].posts:,} unchanged posts", known, limits)


def _own_requests(what: str, runs: Sequence[Run], limits: Limits) -> Iterator[Judged]:
    most = max(run.requests["own"] for run in runs if run.requests)
    yield Judged(
        what=f"the run's own requests (report, WARC, the archive's format), {what}",
        found=str(most),
        expected=f"≤ {limits.own_requests}",
        holds=most <= limits.own_requests,
    )


def _unreported(what: str, runs: Sequence[Run], limits: Limits) -> Judged:
    """A report counts from when the run's archive is open; what came before is little, and never more than was seen."""
    missing = [sum(run.requests.values()) - (run.reported_requests or 0) for run in runs if run.requests]
    worst = max(missing, key=abs)
    return Judged(
        what=f"requests that the store saw and the run's report does not count, {what}",
        found=str(worst),
        expected=f"0 to {limits.unreported_requests}",
        holds=all(0 <= each <= limits.unreported_requests for each in missing),
    )


def _about_posts(run: Run) -> int:
    return run.requests["posts"] + run.requests["images"] if run.requests else 0


def _whole(repeats: Sequence[Repeat]) -> Iterator[Judged]:
    """What is quick is the whole job: every image is there as the site served it."""
    for run in (run for repeat in repeats for run in repeat.runs if run.contender in BIRDNEST):
        if run.kept_whole is not None:
            yield Judged(
                what=f"distinct images kept as served, {run.contender}, {run.posts:,} posts",
                found=f"{run.kept_whole:,}",
                expected=f"{run.images:,}",
                holds=run.kept_whole == run.images,
            )


def _memory(repeats: Sequence[Repeat], limits: Limits) -> Iterator[Judged]:
    sizes = _sizes(repeats)
    for contender in BIRDNEST:
        peaks = {size: over(repeats, _peak(contender, size)) for size in sizes}
        for size, peak in peaks.items():
            if peak is not None:
                yield Judged(
                    what=f"peak memory in MB, {contender}, {size:,} posts",
                    found=f"{peak.most:.0f}",
                    expected=f"≤ {limits.peak_mb:g}",
                    holds=peak.most <= limits.peak_mb,
                )
        yield from _growth(contender, peaks, limits)


def _growth(contender: str, peaks: dict[int, Spread | None], limits: Limits) -> Iterator[Judged]:
    """How memory grows from some thousand posts to ten times as many."""
    for size, peak in peaks.items():
        larger = peaks.get(10 * size)
        if peak is not None and larger is not None and size >= 3000:  # noqa: PLR2004 - below it start-up is most of it
            ratio = larger.middle / peak.middle
            yield Judged(
                what=f"peak memory, {contender}, {10 * size:,} posts ÷ {size:,} posts",
                found=f"{ratio:.2f}",
                expected=f"≤ {limits.peak_growth:g}",
                holds=ratio <= limits.peak_growth,
            )


def _peak(contender: str, size: int) -> Callable[[Repeat], float | None]:
    def peak(repeat: Repeat) -> float | None:
        run = repeat.run(contender, size)
        return run.peak_mb if run else None

    return peak


def _no_change(repeats: Sequence[Repeat], limits: Limits) -> Iterator[Judged]:
    for contender in (FOLDER, S3):
        found = over(repeats, no_change_ratio(contender))
        if found is not None:
            yield Judged(
                what=f"CPU of a whole run with nothing new, {contender} ÷ a spider that asks for the same lists",
                found=str(found),
                expected=f"≤ {limits.no_change_ratio:g}",
                holds=found.middle <= limits.no_change_ratio,
            )


def no_change_ratio(contender: str) -> Callable[[Repeat], float | None]:
    def ratio(repeat: Repeat) -> float | None:
        known = [run.cpu_seconds for run in repeat.known if run.contender == contender]
        return known[0] / repeat.lists[0].cpu_seconds if known and repeat.lists else None

    return ratio


def _sizes(repeats: Sequence[Repeat]) -> list[int]:
    return sorted({run.posts for repeat in repeats for run in repeat.runs} - {1})


# -- tables ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A table: the first column says whose figures they are."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def shown(self) -> Table:
        """As a terminal shows it."""
        table = Table(title=self.title, title_justify="left")
        table.add_column("", no_wrap=True)
        for heading in self.headings:
            table.add_column(heading, justify="right")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        lines = [f"| {' | '.join((self.title, *self.headings))} |", f"|---{'|---:' * len(self.headings)}|"]
        return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in self.rows)])


def crawls(repeats: Sequence[Repeat], size: int) -> Figures:
    """Crawls of a site of that size, one contender a row."""
    return Figures(
        title=f"{size:,} new posts",
        headings=(
            "CPU ms/post",
            "× bare Scrapy",
            "start-up CPU s",
            "posts/s",
            "peak MB",
            "S3 requests/post",
            "MB kept",
            "images kept as served",
        ),
        rows=[(contender, *row) for contender in ALL for row in _rows(repeats, contender, size)],
    )


def _rows(repeats: Sequence[Repeat], contender: str, size: int) -> Iterator[Sequence[str]]:
    """A contender's row; none where it was not measured."""
    runs = [run for repeat in repeats for run in (repeat.run(contender, size),) if run is not None]
    if not runs:
        return
    cpu = over(repeats, lambda repeat: repeat.further_post_ms(contender, size))
    ratio = over(repeats, cpu_ratio(contender, BARE, size))
    start = over(repeats, lambda repeat: run.cpu_seconds if (run := repeat.run(contender, 1)) else None)
    requests = [sum(run.requests.values()) / run.posts for run in runs if run.requests]
    yield (
        f"{cpu.middle:.1f}" if cpu else "",
        "1" if contender == BARE else str(ratio or ""),
        f"{start.middle:.2f}" if start else "",
        f"{median(run.posts_per_second for run in runs):.1f}",
        f"{max(run.peak_mb for run in runs):.0f}",
        f"{median(requests):.2f}" if requests else "",
        *_kept(contender, runs),
    )


def _kept(contender: str, runs: Sequence[Run]) -> tuple[str, str]:
    """What lay there after the run that was looked at."""
    if contender == BARE:
        return "nothing", ""
    looked = [run for run in runs if run.kept_whole is not None]
    if not looked:
        return "", ""
    return f"{(looked[0].kept_bytes or 0) / 1e6:.0f}", f"{(looked[0].kept_whole or 0) / looked[0].images:.0%}"


def known(repeats: Sequence[Repeat]) -> Figures:
    """Runs that find nothing new, beside a spider that only asks for the same lists."""
    rows = []
    for contender in [run.contender for run in (*repeats[0].lists, *repeats[0].known)]:
        runs = [run for each in repeats for run in (*each.lists, *each.known) if run.contender == contender]
        ratio = over(repeats, no_change_ratio(contender))
        requests = [sum(run.requests.values()) for run in runs if run.requests]
        rows.append(
            (
                contender,
                f"{median(run.cpu_seconds for run in runs):.2f}",
                str(ratio) if ratio else "1",
                f"{median(run.wall_seconds for run in runs):.2f}",
                f"{max(run.peak_mb for run in runs):.0f}",
                str(max(run.asked for run in runs)),
                str(max(requests)) if requests else "",
            )
        )
    return Figures(
        title=f"{repeats[0].known[0].posts:,} known posts, nothing new",
        headings=("CPU s", "× the lists alone", "wall s", "peak MB", "requests to the site", "S3 requests"),
        rows=rows,
    )


def far(repeats: Sequence[Repeat], milliseconds: float) -> Figures:
    """Crawls into a store that is far away."""
    rows = []
    for contender in (FILES, S3):
        runs = [run for each in repeats for run in each.far if run.contender == contender]
        ratio = over(repeats, lambda repeat: _speed_ratio(repeat.far)) if contender == S3 else None
        rows.append(
            (
                contender,
                f"{median(run.posts_per_second for run in runs):.1f}",
                str(ratio) if ratio else "1",
                f"{max(run.peak_mb for run in runs):.0f}",
            )
        )
    return Figures(
        title=f"{repeats[0].far[0].posts:,} new posts, a store {milliseconds:g} ms away",
        headings=("posts/s", f"× {FILES}", "peak MB"),
        rows=rows,
    )


# -- plot --------------------------------------------------------------------------------------------------------------


def plot(repeats: Sequence[Repeat]) -> str:
    """CPU for a further post as an SVG of its own, at the largest size: bars with the ratio and its spread."""
    size = _sizes(repeats)[-1]
    rows = []
    for contender in ALL:
        cpu = over(repeats, lambda repeat, name=contender: repeat.further_post_ms(name, size))  # type: ignore[misc]
        ratio = over(repeats, cpu_ratio(contender, BARE, size))
        if cpu is None:
            continue
        told = f"{cpu.middle:.1f} ms" + (f", {ratio} × bare Scrapy" if ratio and contender != BARE else "")
        sizes = (cpu.middle, 0.0) if contender in BIRDNEST else (0.0, cpu.middle)
        rows.append(Bar(label=contender, sizes=sizes, value=told))
    title = f"CPU for each further post, {size:,} posts with six images each"
    said = Said(name="cpu", title=title, description="; ".join(f"{row.label}: {row.value}" for row in rows))
    height = _SVG_TITLE + _ROW * len(rows) + _SVG_MARGIN
    inside = bars(said, rows, ("ours", "theirs"))
    return _SVG.format(width=_SVG_WIDTH, height=height, left=_SVG_MARGIN, title=title, top=_SVG_TITLE, inside=inside)


_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
  svg {{ color-scheme: light dark; font: 12px system-ui, sans-serif; }}
  text {{ fill: #333; }} .value {{ text-anchor: end; }} .heading {{ font-size: 14px; font-weight: 600; }}
  .track {{ fill: #e8e8e4; }} .ours {{ fill: #2f6f4f; }} .theirs {{ fill: #9a9a92; }} .page {{ fill: #fff; }}
  @media (prefers-color-scheme: dark) {{
    text {{ fill: #ddd; }} .track {{ fill: #333; }} .ours {{ fill: #6fbf95; }} .theirs {{ fill: #8a8a82; }}
    .page {{ fill: #16181a; }}
  }}
</style>
<rect class="page" width="100%" height="100%"/>
<text class="heading" x="{left}" y="22">{title}</text>
<svg x="{left}" y="{top}" width="720" height="{height}">{inside}</svg>
</svg>
"""
