"""When a site is to be crawled: cron syntax or an interval, counted from when its last whole run began. Pure.

A schedule has no memory of its own. A site is due when its schedule names a time between the beginning of its last run
and now, so that a time that was slept through is made up for once, and a run that is under way is never doubled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

RECHECK_DAYS = (1, 3, 7, 30, 90)
"""After how many days a post is looked at again: the first time, the second, ..."""
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_INTERVAL = re.compile(r"(?:\d+[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")
_AHEAD = timedelta(days=1)  # a last run later than this is of a clock that was wrong


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Exactly one of `cron` (five fields, or six with seconds last) and `every` is given."""

    cron: str | None = None
    every: timedelta | None = None

    def __str__(self) -> str:
        return self.cron or f"every {self.every}"

    def after(self, moment: datetime, zone: tzinfo) -> datetime:
        """The first time after a moment, in UTC. A time that the change to summer time leaves out counts as the next
        minute there is, as Debian's cron has it.
        """
        if self.every is not None:
            return (moment + self.every).astimezone(UTC)
        return next(CronSim(self.cron or "", moment.astimezone(zone))).astimezone(UTC)

    def due_at(self, last_began: datetime | None, *, now: datetime, zone: tzinfo) -> datetime:
        """When the next run is due; `now` for a site that never ran, or whose last run lies in the future."""
        if last_began is None or last_began > now + _AHEAD:
            return now
        return self.after(last_began, zone)


def parse_schedule(value: object) -> Schedule:
    """A schedule as birdnest.toml has it: cron syntax, or a table with `every`. Raises ValueError."""
    match value:
        case str():
            return parse_cron(value)
        case {"every": str(interval), **others} if not others:
            return Schedule(every=parse_interval(interval))
    raise ValueError("expected cron syntax such as '15 */6 * * *', or { every = \"6h\" }")


def parse_cron(text: str) -> Schedule:
    """A schedule in cron syntax. Raises ValueError.

    >>> parse_cron("15 */6 * * *").after(datetime(2026, 11, 22, 8, tzinfo=UTC), UTC).isoformat()
    '2026-11-22T12:15:00+00:00'
    """
    try:
        # The iterator finds out, too, whether there is such a day at all.
        next(CronSim(text, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"expected cron syntax such as '15 */6 * * *' ({error or 'there is no such day'})") from None
    return Schedule(cron=text)


def parse_interval(text: str) -> timedelta:
    """An interval of weeks, days, hours, minutes and seconds. Raises ValueError.

    >>> parse_interval("1d12h")
    datetime.timedelta(days=1, seconds=43200)
    """
    parts = _PART.findall(text) if _INTERVAL.fullmatch(text) else []
    interval = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if not interval:
        raise ValueError("expected an interval such as '6h', '30m' or '1d12h'")
    return interval
