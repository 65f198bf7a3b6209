"""How the sites' jobs do, as the overview of runs says it: first in words, then a row a site, then plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from markupsafe import Markup

from archive.runs import NOT_GOOD, RunFacts, SiteRuns, day_of, grouped, site_runs
from archive.views.reader import plots
from archive.views.reader.plots import Said
from archive.views.reader.run_charts import MOST_DAYS, MOST_SITES, Cells, Chart, charts, sums_row
from archive.views.reader.run_text import Teller

_MOST_QUIET: Final = 200


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """A site's line. state: `bad`, `silent`, `stopped` or `well`; why: what a bad run said."""

    site: str
    state: str
    state_text: str
    since: datetime | None
    why: str
    last: RunFacts
    last_good: RunFacts | None
    brought: str
    spark: Markup


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What the overview shows. quiet: sites that are crawled no more, with the day of their last run."""

    lead: str
    newest: str
    troubled: bool
    sites: Sequence[SiteRow]
    not_shown: int
    head: Cells
    table: Sequence[Cells]
    quiet: Sequence[tuple[str, str]]
    quiet_count: int
    single: int
    charts: Sequence[Sequence[Chart]]


def overview_of(runs: Sequence[RunFacts], published: Mapping[str, Mapping[date, int]], tell: Teller) -> Overview | None:
    """The overview of runs, given in the order in which they ended; None where there are none."""
    if not runs:
        return None
    newest = max(run.began_at for run in runs)
    by_site = grouped((run for run in runs if run.whole), lambda run: run.site)
    recent: dict[str, list[RunFacts]] = {}
    quiet: dict[str, list[RunFacts]] = {}
    for site, of_site in by_site.items():
        newest_first = sorted(of_site, key=lambda run: (run.began_at, run.run), reverse=True)
        is_recent = newest - newest_first[0].began_at <= timedelta(days=MOST_DAYS)
        (recent if is_recent else quiet)[site] = newest_first
    told = [site_runs(site, of_site, now=newest) for site, of_site in recent.items()]
    rows = sorted(told, key=lambda each: (_ORDER[_state(each)], each.site))
    words = tell.words
    return Overview(
        lead=_lead(rows, tell),
        newest=tell.say("newest run was", when=tell.moment(newest)),
        troubled=any(_state(each) == "bad" for each in rows),
        sites=[_row(each, number, tell) for number, each in enumerate(rows[:MOST_SITES])],
        not_shown=max(0, len(rows) - MOST_SITES),
        head=(
            *(words["site"], words["runs fine"], words["new"], words["changed"], words["failures"]),
            *(words["images kept"], words["images missing"], words["fetched"], words["stored"], words["requests"]),
            *(words["time"], words["newest post"]),
        ),
        table=[_numbers(each, tell) for each in rows[:MOST_SITES]],
        quiet=[(site, str(day_of(of_site[0]))) for site, of_site in sorted(quiet.items())[:_MOST_QUIET]],
        quiet_count=len(quiet),
        single=len({run.site for run in runs} - set(by_site)),
        charts=charts(runs, published, tell),
    )


_ORDER: Final = {"bad": 0, "silent": 1, "stopped": 2, "well": 3}


def _state(site: SiteRuns[RunFacts]) -> str:
    if site.bad is not None:
        return "bad"
    if site.silent:
        return "silent"
    return "well" if site.last is not None and site.last.fine else "stopped"


def _lead(sites: Sequence[SiteRuns[RunFacts]], tell: Teller) -> str:
    states = [_state(each) for each in sites]
    bad, silent = states.count("bad"), states.count("silent")
    lead: list[str] = []
    if bad:
        lead.append(tell.say("sites in trouble", bad=bad, count=len(sites)))
    if silent:
        lead.append(tell.say("sites silent", count=silent))
    if not lead:
        lead.append(tell.say("all sites are well", count=len(sites)))
    return tell.words["space"].join(lead)


def _row(told: SiteRuns[RunFacts], number: int, tell: Teller) -> SiteRow:
    if told.last is None:
        raise AssertionError("a site has a row because it has runs")
    state = _state(told)
    text = {
        "bad": tell.verdict(told.bad.verdict) if told.bad else "",
        "silent": tell.words["silent"],
        "stopped": tell.verdict(told.last.verdict),
        "well": tell.words["well"],
    }[state]
    brought = tell.say("posts in thirty days", new=tell.number(told.month.new), changed=tell.number(told.month.changed))
    said = Said(name=f"spark-{number}", title=f"{told.site}: {tell.words['thirty days']}", description=brought)
    return SiteRow(
        site=told.site,
        state=state,
        state_text=text,
        since=told.bad_since if state == "bad" else told.last.began_at if state == "silent" else None,
        why=told.bad.reason if told.bad else "",
        last=told.last,
        last_good=told.last_good,
        brought=brought,
        spark=plots.spark(said, told.days, bad=NOT_GOOD),
    )


def _numbers(told: SiteRuns[RunFacts], tell: Teller) -> Cells:
    """What `birdnest status` tells of thirty days."""
    newest = f"{told.newest_at:%Y-%m-%d}" if told.newest_at else tell.words["unknown"]
    return (
        told.site,
        *sums_row(told.month, tell),
        tell.number(told.month.requests),
        tell.time(told.month.seconds),
        newest,
    )
