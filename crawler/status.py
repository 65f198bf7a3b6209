"""How the sites are: last runs, posts, what stands open, when each is due, and thirty days at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from archive import ArchiveReader, open_store
from archive.errors import NotAnArchiveError
from archive.runs import DAYS, RunFacts, Totals, brought, last_days, site_runs, totals
from crawler.alerts import FINE, read_state, state_file
from crawler.config import Config
from crawler.frontier import Frontier, frontier_file
from crawler.history import History, history_file

_BARS = "▁▂▃▄▅▆▇█"
_MOST_RUNS = 10_000


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A state that an alert stands for: what, since when (ISO 8601)."""

    verdict: str
    since: str


@dataclass(frozen=True, kw_only=True)
class SiteStatus:
    """One site of an archive. `urls` counts what the frontier knows by state, `due` and `images` as it has them.

    `days`: the new and changed posts of the last thirty days, oldest first; None for a day without a run, -1 for one
    without a good run. `month`: what the runs of these days did together.
    """

    site: str
    last: RunFacts | None = None
    last_good: RunFacts | None = None
    last_began: datetime | None = None
    next_due: datetime | None = None
    schedule: str | None = None
    trouble: Trouble | None = None
    urls: Mapping[str, int] = field(default_factory=dict)
    newest_at: datetime | None = None
    days: tuple[int | None, ...] = ()
    month: Totals = field(default_factory=lambda: totals(()))

    def as_json(self) -> dict[str, Any]:
        def run(past: RunFacts | None) -> dict[str, Any] | None:
            if past is None:
                return None
            told = {name: value for name, value in asdict(past).items() if name not in ("figures", "site", "whole")}
            times = {name: moment(told[name]) for name in ("began_at", "finished_at", "newest_at")}
            return {**told, **times}

        def moment(at: datetime | None) -> str | None:
            return at.isoformat() if at else None

        return {
            "site": self.site,
            "schedule": self.schedule,
            "last_began": moment(self.last_began),
            "last_run": run(self.last),
            "last_good_run": run(self.last_good),
            "next_due": moment(self.next_due),
            "trouble": vars(self.trouble) if self.trouble else None,
            "urls": dict(self.urls),
            "newest_post_at": moment(self.newest_at),
            "days": list(self.days),
            "last_30_days": self.month.as_json(),
        }


def open_history(
    config: Config, *, now: datetime, learn: bool = True, at_most_old: timedelta = timedelta()
) -> tuple[History, str] | None:
    """The history of the configured archive, and the archive's id; None where there is no archive yet.

    learn: take over what the archive knows of runs elsewhere: one LIST, none where the last is `at_most_old`. Raises
    StoreError, ConfigError.
    """
    try:
        reader = ArchiveReader.open(open_store(config.archive, config.store_options()))
    except NotAnArchiveError:
        return None
    history = History(history_file(config.state.expanduser(), reader.info.id))
    if learn:
        history.learn(reader, now=now, at_most_old=at_most_old)
    return history, reader.info.id


def due_sites(config: Config, *, now: datetime) -> list[str]:
    """The sites whose schedule names a time since their last run began. Raises StoreError, ConfigError."""
    slugs = list(config.schedules())
    opened = open_history(config, now=now) if slugs else None
    began: dict[str, datetime | None] = {}
    if opened is not None:
        with opened[0] as history:
            began = {slug: history.last_began(slug) for slug in slugs}
    due = {slug: config.due_at(slug, began.get(slug), now=now) for slug in slugs}
    return [slug for slug, at in due.items() if at is not None and at <= now]


def statuses(config: Config, *, now: datetime, learn: bool = True) -> list[SiteStatus]:
    """All sites that have a schedule or were ever crawled. Raises StoreError, ConfigError."""
    opened = open_history(config, now=now, learn=learn)
    if opened is None:
        return [_never_ran(config, slug, now) for slug in config.schedules()]
    history, archive_id = opened
    file = frontier_file(config.state.expanduser(), archive_id)
    counts: dict[str, dict[str, int]] = {}
    if file.exists():
        with closing(Frontier(file)) as frontier:
            counts = frontier.counts(now=int(now.timestamp()))
    with history:
        sites = sorted({*history.sites(), *config.schedules()})
        return [_status(config, history, slug, counts.get(slug, {}), now) for slug in sites]


def _never_ran(config: Config, slug: str, now: datetime) -> SiteStatus:
    return SiteStatus(
        site=slug,
        schedule=str(config.schedule(slug)),
        next_due=config.due_at(slug, None, now=now),
        days=(None,) * DAYS,
    )


def _status(config: Config, history: History, slug: str, urls: Mapping[str, int], now: datetime) -> SiteStatus:
    schedule, zone = config.schedule(slug), config.zone()
    began = history.last_began(slug)
    told = site_runs(slug, history.runs(slug, most=_MOST_RUNS), now=now, zone=zone)
    alert = read_state(state_file(config.state.expanduser(), config.archive, slug))
    return SiteStatus(
        site=slug,
        last=told.last,
        last_good=told.last_good,
        last_began=began,
        next_due=config.due_at(slug, began, now=now),
        schedule=str(schedule) if schedule else None,
        trouble=None if alert.verdict == FINE else Trouble(verdict=alert.verdict, since=alert.since),
        urls=urls,
        newest_at=told.newest_at,
        days=told.days,
        month=told.month,
    )


def days_of(runs: Sequence[RunFacts], *, now: datetime, zone: tzinfo = UTC) -> tuple[int | None, ...]:
    """What each of the last thirty days brought, see `SiteStatus.days`."""
    return brought(runs, last_days(now.astimezone(zone).date()), zone=zone)


def sparkline(days: Sequence[int | None]) -> str:
    """A character a day: a bar for what it brought, `·` for no run, `x` for no good run.

    >>> sparkline([None, 0, 3, -1, 60])
    '·▁▂x█'
    """
    most = max((count for count in days if count is not None), default=0)
    return "".join(_mark(count, most) for count in days)


def _mark(count: int | None, most: int) -> str:
    if count is None:
        return "·"
    if count < 0:
        return "x"
    # Any post at all is seen beside a day of thousands.
    return _BARS[0] if count == 0 else _BARS[max(1, round(count / most * (len(_BARS) - 1)))]
