"""Times as Chinese sites write them → aware datetimes.

Known forms first, because general parsers guess: `07-22 16:00` becomes the year 2007 in one of them and `7月22日`
nothing at all. Relative forms count back from the time of the fetch, in the site's zone. A form that is not known
gives None, never a guess.
"""

from __future__ import annotations

import re
from calendar import isleap
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pipelines.item import PostItem

Precision = Literal["second", "minute", "day"]
_EPOCH_MILLISECONDS = 100_000_000_000
_LABEL = re.compile(r"^\s*(?:发布(?:时间|日期|于|在)?|发表(?:时间|于)?|更新(?:时间|于)?|编辑于|时间|日期)\s*[:：]?\s*")
_TIME = r"(?:[\sT]*(?P<H>\d{1,2})[:：时点](?P<M>\d{1,2})(?:[:：分](?P<S>\d{1,2}))?(?:\.\d+)?[分秒]?)?"
# No offset is above 14 hours, so that the end of `09:00-17:00` is none.
_OFFSET = r"(?:(?:UTC|GMT)\s?[+-](?:1[0-4]|0?\d)|[+-](?:1[0-4]|0\d))(?::?[0-5]\d)?(?!\d)"
_ZONE = rf"(?![\d:：])\s*(?P<zone>{_OFFSET}|Z|UTC|GMT)?"
_FULL = re.compile(rf"(?P<y>\d{{4}})\s*[-/.年]\s*(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})\s*日?{_TIME}{_ZONE}")
_NO_YEAR = re.compile(rf"(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})\s*日?{_TIME}(?![\d:：])")
# What may follow a day such as `7-22` or `7.22`: `1.5万` is none.
_AFTER_BARE_DAY = re.compile(r"\s|$|[（(|·,，]|发[布表]|更新|编辑|来源")
_DAY_WORD = re.compile(rf"(?P<word>今天|昨天|前天)\s*{_TIME}")
_AGO = re.compile(r"(?P<n>\d+|半)\s*(?:个)?\s*(?P<unit>秒钟?|分钟?|小时|天|日|周|星期)\s*(?:之)?前")
_DAYS_BACK = {"今天": 0, "昨天": 1, "前天": 2}
_UNITS: dict[str, tuple[timedelta, Precision]] = {
    "秒": (timedelta(seconds=1), "second"),
    "分": (timedelta(minutes=1), "minute"),
    "小": (timedelta(hours=1), "minute"),
    "天": (timedelta(days=1), "day"),
    "日": (timedelta(days=1), "day"),
    "周": (timedelta(weeks=1), "day"),
    "星": (timedelta(weeks=1), "day"),
}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """An aware datetime and how finely its source told it; finer fields are zero.

    `slack`: how far the true time may lie from it; `3小时前` says no more than an hour.
    """

    at: datetime
    precision: Precision
    slack: timedelta = timedelta(0)

    def agrees_with(self, other: datetime) -> bool:
        """Whether another time is the same as far as this one was told.

        >>> day = Moment(at=datetime(2022, 7, 22, tzinfo=UTC), precision="day")
        >>> day.agrees_with(datetime(2022, 7, 22, 16, 0, tzinfo=UTC))
        True
        """
        there = other.astimezone(self.at.tzinfo)
        if self.slack and abs(there - self.at) <= self.slack:
            return True
        return _truncate(there, self.precision) == _truncate(self.at, self.precision)


def parse_moment(text: str, *, fetched_at: datetime, zone: str) -> Moment | None:
    """A time as a page writes it, or None when the form is not known or the time cannot be.

    fetched_at: aware; relative forms count from it. zone: IANA name, for forms that name none.

    >>> now = datetime(2022, 7, 23, 1, 0, tzinfo=UTC)
    >>> parse_moment("昨天 08:30", fetched_at=now, zone="Asia/Shanghai").at.isoformat()
    '2022-07-22T08:30:00+08:00'
    >>> parse_moment("1658505600", fetched_at=now, zone="Asia/Shanghai").at.isoformat()
    '2022-07-23T00:00:00+08:00'
    >>> parse_moment("很久以前", fetched_at=now, zone="Asia/Shanghai")
    """
    bare = _LABEL.sub("", text.replace("\u3000", " ").replace("\xa0", " ")).strip()
    local = fetched_at.astimezone(ZoneInfo(zone))
    try:
        for form in (_epoch, _full, _ago, _day_word, _no_year, _rfc1123):
            moment = form(bare, local)
            if moment is not None:
                return moment
    except (ValueError, OverflowError, OSError):  # the 31st of February, the year 0, an epoch out of range
        return None
    return None


def _epoch(text: str, now: datetime) -> Moment | None:
    # 12 digits are a date without signs (202207221600), not the milliseconds of a day before 2001.
    if not re.fullmatch(r"\d{9,10}|\d{13}", text):
        return None
    seconds = int(text) // 1000 if int(text) >= _EPOCH_MILLISECONDS else int(text)
    return Moment(at=datetime.fromtimestamp(seconds, tz=now.tzinfo), precision="second")


def _full(text: str, now: datetime) -> Moment | None:
    match = _FULL.match(text)
    if match is None:
        return None
    moment = _clock(datetime(int(match["y"]), int(match["m"]), int(match["d"]), tzinfo=now.tzinfo), match)
    if match["zone"] and match["H"]:
        zoned = moment.at.replace(tzinfo=timezone(_offset(match["zone"])))
        return replace(moment, at=zoned.astimezone(now.tzinfo))
    return moment


def _offset(zone: str) -> timedelta:
    match = re.search(r"([+-])(\d{1,2}?):?(\d{2})?$", zone)
    if match is None:  # Z, UTC, GMT
        return timedelta(0)
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return ahead if match[1] == "+" else -ahead


def _no_year(text: str, now: datetime) -> Moment | None:
    match = _NO_YEAR.match(text)
    if match is None:
        return None
    if "月" not in match[0] and not match["H"] and not _AFTER_BARE_DAY.match(text, match.end()):
        return None
    month, day = int(match["m"]), int(match["d"])
    for year in (now.year, now.year - 1):
        if (month, day) == (2, 29) and not isleap(year):
            continue
        moment = _clock(datetime(year, month, day, tzinfo=now.tzinfo), match)
        if moment.at <= now + timedelta(days=1):
            return moment
    return None


def _day_word(text: str, now: datetime) -> Moment | None:
    match = _DAY_WORD.match(text)
    if match is None:
        return None
    day = _truncate(now, "day") - timedelta(days=_DAYS_BACK[match["word"]])
    return _clock(day, match)


def _ago(text: str, now: datetime) -> Moment | None:
    if text in ("刚刚", "刚才"):
        return Moment(at=_truncate(now, "minute"), precision="minute", slack=timedelta(minutes=5))
    match = _AGO.match(text)
    if match is None:
        return None
    unit, precision = _UNITS[match["unit"][0]]
    count = 0.5 if match["n"] == "半" else int(match["n"])
    return Moment(at=_truncate(now - unit * count, precision), precision=precision, slack=unit)


def _rfc1123(text: str, now: datetime) -> Moment | None:
    if not re.match(r"[A-Z][a-z]{2}, \d", text):
        return None
    at = parsedate_to_datetime(text)
    if at.tzinfo is None:  # "-0000" is UTC without a place (RFC 5322, 3.3); nothing at all is the site's zone
        at = at.replace(tzinfo=UTC if text.endswith("-0000") else now.tzinfo)
    return Moment(at=at.astimezone(now.tzinfo), precision="second")


def _clock(day: datetime, match: re.Match[str]) -> Moment:
    if match["H"] is None:
        return Moment(at=day, precision="day")
    at = day.replace(hour=int(match["H"]), minute=int(match["M"]), second=int(match["S"] or 0))
    return Moment(at=at, precision="second" if match["S"] else "minute")


def _truncate(moment: datetime, precision: Precision) -> datetime:
    if precision == "day":
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.replace(microsecond=0) if precision == "second" else moment.replace(second=0, microsecond=0)


def first_moment(texts: tuple[str, ...], *, fetched_at: datetime, zone: str) -> Moment | None:
    """The first of several texts that is a time; the caller orders them by trust."""
    moments = (parse_moment(text, fetched_at=fetched_at, zone=zone) for text in texts)
    return next((moment for moment in moments if moment is not None), None)


class DatesPipeline:
    """Adds `published` and `updated`."""

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)

        def parse(texts: tuple[str, ...]) -> Moment | None:
            return first_moment(texts, fetched_at=post.fetched_at, zone=post.timezone)

        return replace(post, published=parse(post.published_raw), updated=parse(post.updated_raw))
