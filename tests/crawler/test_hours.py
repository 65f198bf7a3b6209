"""nice_hours, by the clock of the site."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from crawler.hours import NiceHours

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2022, 7, 22, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("01:00-06:30", [at(1), at(6, 29)], [at(0, 59), at(6, 30), at(14)]),
        ("22:00-02:00", [at(22), at(23, 59), at(0), at(1, 59)], [at(2), at(21, 59)]),
        ("1:00-2:00, 12:00-13:00", [at(1, 30), at(12, 30)], [at(2), at(13)]),
        ("20:00-24:00", [at(20), at(23, 59)], [at(0), at(19, 59)]),
    ],
)
def test_the_begin_is_in_a_window_and_the_end_is_not(
    text: str, inside: list[datetime], outside: list[datetime]
) -> None:
    hours = NiceHours.parse(text)
    assert all(map(hours.hold, inside))
    assert not any(map(hours.hold, outside))


@pytest.mark.parametrize(
    ("text", "now", "begin"),
    [
        ("01:00-06:30", at(14), datetime(2022, 7, 23, 1, tzinfo=SHANGHAI)),
        ("01:00-06:30", at(0), at(1)),
        ("01:00-02:00, 12:00-13:00", at(3), at(12)),
    ],
)
def test_the_next_begin_is_the_first_to_come(text: str, now: datetime, begin: datetime) -> None:
    assert NiceHours.parse(text).next_begin(now) == begin


@pytest.mark.parametrize("text", ["", "1-2", "25:00-26:00", "01:00-01:00", "01:60-02:00", "01:00", "01:00-02:00,"])
def test_what_is_no_window_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the standard library's for some
        NiceHours.parse(text)
