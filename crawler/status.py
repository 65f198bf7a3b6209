"""How the sites are: last runs, posts, what stands open, when each is due, and thirty days at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from archive import ArchiveReader, open_store
from archive.errors import NotAnArchiveError
from crawler.alerts import FINE, read_state, state_file
from crawler.config import Config
from crawler.frontier import Frontier, frontier_file
from crawler.history import DAYS, History, PastRun, history_file

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
    without a good run.
    """

    site: str
    last: PastRun | None = None
    last_good: PastRun | None = None
    last_began: datetime | None = None
    next_due: datetime | None = None
    schedule: str | None = None
    trouble: Trouble | None = None
    urls: Mapping[str, int] = field(default_factory=dict)
    newest_at: datetime | None = None
    days: tuple[int | None, ...] = ()

    def as_json(self) -> dict[str, Any]:
        def run(past: PastRun | None) -> dict[str, Any] | None:
            if past is None:
                return None
            told = {name: value for name, value in vars(past).items() if name not in ("figures", "site")}
            return {**told, "began_at": past.began_at.isoformat(), "finished_at": past.finished_at.isoformat()}

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
        }


def open_history(config: Config, *, now: datetime, learn: bool = True) -> tuple[History, str] | None:
    """The history of the configured archive, and the archive's id; None where there is no archive yet.

    learn: take over what the archive knows of runs elsewhere: one LIST. Raises StoreError, ConfigError.
    """
    try:
        reader = ArchiveReader.open(open_store(config.archive, config.store_options()))
    except NotAnArchiveError:
        return None
    history = History(history_file(config.state.expanduser(), reader.info.id))
    if learn:
        history.learn(reader, now=now)
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
        schedule=str(config.schedules()[slug]),
        next_due=config.due_at(slug, None, now=now),
        days=(None,) * DAYS,
    )


def _status(config: Config, history: History, slug: str, urls: Mapping[str, int], now: datetime) -> SiteStatus:
    schedule, zone = config.schedules().get(slug), config.zone()
    began = history.last_began(slug)
    runs = history.runs(slug, since=now - timedelta(days=DAYS), most=_MOST_RUNS) or history.runs(slug, most=1)
    newest = [run.figures.newest_at for run in runs if run.figures.newest_at is not None]
    alert = read_state(state_file(config.state.expanduser(), config.archive, slug))
    return SiteStatus(
        site=slug,
        last=runs[0] if runs else None,
        last_good=next((run for run in runs if run.fine), None),
        last_began=began,
        next_due=config.due_at(slug, began, now=now),
        schedule=str(schedule) if schedule else None,
        trouble=None if alert.verdict == FINE else Trouble(verdict=alert.verdict, since=alert.since),
        urls=urls,
        newest_at=max(newest, default=None),
        days=days_of(runs, now=now, zone=zone),
    )


def days_of(runs: Sequence[PastRun], *, now: datetime, zone: tzinfo = UTC) -> tuple[int | None, ...]:
    """What each of the last thirty days brought, see `SiteStatus.days`."""
    today = now.astimezone(zone).date()
    found: list[int | None] = []
    for back in range(DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        of_day = [run for run in runs if run.began_at.astimezone(zone).date() == day]
        good = any(run.fine for run in of_day)
        brought = sum(run.new + run.changed for run in of_day)
        found.append(None if not of_day else brought if good else -1)
    return tuple(found)


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
