"""nice_hours: the hours of a day in which a site may be crawled, by its own clock. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Self

_WINDOW = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True, kw_only=True)
class NiceHours:
    """Windows of a day; the end is not in it, and one that ends before it begins goes over midnight."""

    windows: tuple[tuple[time, time], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `01:00-06:30, 22:00-02:00`. Raises ValueError.

        >>> str(NiceHours.parse("22:00-02:00"))
        '22:00-02:00'
        """
        windows = []
        for part in text.split(","):
            match = _WINDOW.fullmatch(part)
            if match is None:
                raise ValueError("expected hours such as 01:00-06:30, several with commas between them")
            begin, end = (_moment(*match.group(i, i + 1)) for i in (1, 3))
            if begin == end:
                raise ValueError("expected hours that begin and end at different times")
            windows.append((begin, end))
        return cls(windows=tuple(windows))

    def __str__(self) -> str:
        return ", ".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in self.windows)

    def hold(self, local: datetime) -> bool:
        """Whether a time, in the site's zone, is in one of the windows."""
        at = local.time().replace(tzinfo=None)
        return any(begin <= at < end if begin < end else at >= begin or at < end for begin, end in self.windows)

    def next_begin(self, local: datetime) -> datetime:
        """When the next window begins, in the zone of the time given.

        >>> NiceHours.parse("01:00-06:30").next_begin(datetime(2022, 7, 22, 14, 3)).isoformat()
        '2022-07-23T01:00:00'
        """
        days = (local.replace(fold=0) + timedelta(days=day) for day in (0, 1))
        begins = [datetime.combine(day.date(), begin, day.tzinfo) for day in days for begin, _ in self.windows]
        return min(begin for begin in begins if begin > local)


def _moment(hour: str, minute: str) -> time:
    # 24:00 is the end of a day.
    return time(0, int(minute)) if int(hour) == 24 and int(minute) == 0 else time(int(hour), int(minute))  # noqa: PLR2004
