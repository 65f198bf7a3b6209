"""Times as Chinese and English sites write them → aware datetimes.

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
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pipelines.item import PostItem

Precision = Literal["second", "minute", "day"]
_EPOCH_MILLISECONDS = 100_000_000_000
_NOON = 12
_LABEL = re.compile(
    r"^\s*(?:[发發][布佈](?:时间|時間|日期|[于於]|在)?|[发發]表(?:时间|時間|日期|[于於])?|更新(?:时间|時間|日期|[于於])?|[编編][辑輯][于於]"
    r"|最[后後](?:更新|修改)(?:时间|時間|[于於])?|时间|時間|日期"
    r"|(?:(?:first|last|originally|date)\s+)?(?:published|posted|updated|modified|edited|created|date|on)\b"
    r"(?:\s+(?:on|at|date)\b)?)\s*[:：]?\s*",
    re.IGNORECASE,
)
_HALF = r"(?:(?P<half>凌晨|早上|上午|中午|下午|傍晚|晚上|[AaPp]\.?[Mm]\.?)\s*)?"
_TIME = (
    rf"(?:[\sT]*{_HALF}(?P<H>\d{{1,2}})[:：时時点點](?P<M>\d{{1,2}})(?:[:：分](?P<S>\d{{1,2}}))?(?:\.\d+)?[分秒]?"
    r"(?:\s*(?P<ap>[AaPp]\.?[Mm]\b\.?))?)?"
)
# No offset is above 14 hours, so that the end of `09:00-17:00` is none.
_OFFSET = r"(?:(?:UTC|GMT)\s?[+-](?:1[0-4]|0?\d)|[+-](?:1[0-4]|0\d))(?::?[0-5]\d)?(?!\d)"
_ZONE = rf"(?![\d:：])\s*(?P<zone>{_OFFSET}|Z|UTC|GMT)?"
_FULL = re.compile(rf"(?P<y>\d{{4}})\s*[-/.年]\s*(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})\s*日?{_TIME}{_ZONE}")
_NO_YEAR = re.compile(rf"(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})\s*日?{_TIME}(?![\d:：])")
# What may follow a day such as `7-22` or `7.22`: `1.5万` is none.
_AFTER_BARE_DAY = re.compile(r"\s|$|[（(|·,，]|发[布表]|更新|编辑|来源")
_ROC = re.compile(r"^(?:中[华華])?民[国國]\s*(?P<y>\d{2,3})\s*年")
_WRITTEN = re.compile(
    r"^([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_DAY_WORD = re.compile(rf"(?P<word>今[天日]|昨[天日]|前[天日]|[Tt]oday|[Yy]esterday)\s*(?:,|at\b)?\s*{_TIME}")
_AGO = re.compile(
    r"(?P<n>\d+|半)\s*(?:[个個])?\s*(?P<unit>秒[钟鐘]?|分[钟鐘]?|小[时時]|天|日|[周週]|星期)\s*(?:之)?前"
    r"|(?P<count>\d+|an?|one)\s*(?P<name>sec|min|hour|hr|day|week|[smhdw](?=\s+ago))[a-z]*\s+ago\b",
    re.IGNORECASE,
)
_DAYS_BACK = {"今": 0, "昨": 1, "前": 2, "t": 0, "y": 1}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_CLOCK = (
    r"(?P<H>\d{1,2})[:.](?P<M>\d{2})(?::(?P<S>\d{2}))?(?:\s*(?P<ap>[ap]\.?m\b\.?))?(?:\s*\(?(?P<place>[A-Z]{2,4})\b)?"
)
_HOUR = r"(?P<H>\d{1,2})(?P<M>)(?P<S>)\s*(?P<ap>[ap]\.?m\b\.?)(?:\s*\(?(?P<place>[A-Z]{2,4})\b)?"
_BETWEEN = r"\s*(?:,|\bat\b|@|[-–—|·•/])?\s*(?:at\s+)?"
_ENGLISH = tuple(
    form
    for date in (
        rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+(?P<y>\d{{4}})(?!\d)",
        rf"{_WEEKDAY}{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<y>\d{{4}})(?!\d)",
    )
    for form in (
        rf"{date}{_BETWEEN}{_CLOCK}(?!\d)",
        rf"{date}{_BETWEEN}{_HOUR}",
        rf"{_CLOCK}{_BETWEEN}(?:on\s+)?{date}",
        rf"{_HOUR}{_BETWEEN}(?:on\s+)?{date}",
        rf"{date}(?P<H>)(?P<M>)(?P<S>)",
    )
)
# As `date` and Java write it. A name of a zone there is the machine's own, EST as often Sydney's as New York's.
_UNIX = (
    rf"[A-Z][a-z]{{2}}\s+{_MONTH}\s+(?P<d>\d{{1,2}})\s+(?P<H>\d{{2}}):(?P<M>\d{{2}}):(?P<S>\d{{2}})"
    r"\s+(?:(?P<place>UTC|GMT)|[A-Z]{2,5})?\s*(?P<y>\d{4})$"
)
# Names of zones as English pages write them: hours before UTC, or the place whose clocks they mean.
_PLACES: dict[str, float | str] = {
    "UTC": 0,
    "GMT": 0,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "IST": 5.5,
    "SGT": 8,
    "HKT": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
}
_UNITS: dict[str, tuple[timedelta, Precision]] = {
    "秒": (timedelta(seconds=1), "second"),
    "分": (timedelta(minutes=1), "minute"),
    "小": (timedelta(hours=1), "minute"),
    "天": (timedelta(days=1), "day"),
    "日": (timedelta(days=1), "day"),
    "周": (timedelta(weeks=1), "day"),
    "週": (timedelta(weeks=1), "day"),
    "星": (timedelta(weeks=1), "day"),
    "s": (timedelta(seconds=1), "second"),
    "m": (timedelta(minutes=1), "minute"),
    "h": (timedelta(hours=1), "minute"),
    "d": (timedelta(days=1), "day"),
    "w": (timedelta(weeks=1), "day"),
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
    >>> parse_moment("March 3, 2024 at 5:30 PM EST", fetched_at=now, zone="America/New_York").at.isoformat()
    '2024-03-03T17:30:00-05:00'
    >>> parse_moment("很久以前", fetched_at=now, zone="Asia/Shanghai")
    """
    bare = _LABEL.sub("", text.replace("\u3000", " ").replace("\xa0", " ")).strip()
    bare = _in_digits(bare)
    local = fetched_at.astimezone(ZoneInfo(zone))
    try:
        for form in (_epoch, _full, _ago, _day_word, _no_year, _rfc1123, _english):
            moment = form(bare, local)
            if moment is not None:
                return moment
    except (ValueError, OverflowError, OSError):  # the 31st of February, the year 0, an epoch out of range
        return None
    return None


def _in_digits(text: str) -> str:
    """A date in Chinese numerals or of the Republic's years as one in digits.

    >>> _in_digits("二〇二二年七月二十二日"), _in_digits("民國113年3月5日")
    ('2022年7月22日', '2024年3月5日')
    """
    if match := _ROC.match(text):
        return f"{int(match['y']) + 1911}年{text[match.end() :]}"
    if match := _WRITTEN.match(text):
        year = "".join(str("零一二三四五六七八九".index("零" if digit in "〇○" else digit)) for digit in match[1])
        return f"{year}年{_number(match[2])}月{_number(match[3])}日{text[match.end() :]}"
    return text


def _number(written: str) -> int:
    tens, ten, ones = written.rpartition("十")
    return (10 * ("一二三四五六七八九".find(tens) + 1 or 1) if ten else 0) + "一二三四五六七八九".find(ones) + 1


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
    day = _truncate(now, "day") - timedelta(days=_DAYS_BACK[match["word"][0].lower()])
    return _clock(day, match)


def _ago(text: str, now: datetime) -> Moment | None:
    if text in ("刚刚", "刚才", "剛剛", "剛才") or text.lower() == "just now":
        return Moment(at=_truncate(now, "minute"), precision="minute", slack=timedelta(minutes=5))
    match = _AGO.match(text)
    if match is None:
        return None
    unit, precision = _UNITS[(match["unit"] or match["name"])[0].lower()]
    number = match["n"] or match["count"]
    count = 0.5 if number == "半" else int(number) if number.isdecimal() else 1
    return Moment(at=_truncate(now - unit * count, precision), precision=precision, slack=unit)


def _rfc1123(text: str, now: datetime) -> Moment | None:
    if not re.match(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d", text):
        return None
    at = parsedate_to_datetime(text)
    if at.tzinfo is None:  # "-0000" is UTC without a place (RFC 5322, 3.3); nothing at all is the site's zone
        at = at.replace(tzinfo=UTC if text.endswith("-0000") else now.tzinfo)
    return Moment(at=at.astimezone(now.tzinfo), precision="second")


@cache
def _english_forms() -> tuple[re.Pattern[str], ...]:
    # Late: to compile them takes longer than to read all that the lists of a site without news tell.
    return tuple(re.compile(form, re.IGNORECASE) for form in (*_ENGLISH, _UNIX))


def _english(text: str, now: datetime) -> Moment | None:
    match = next((found for form in _english_forms() if (found := form.match(text))), None)
    if match is None:
        return None
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    moment = _clock(datetime(int(match["y"]), month, int(match["d"]), tzinfo=now.tzinfo), match)
    place = (match.groupdict().get("place") or "").upper()
    if not match["H"] or place not in _PLACES or _is_chinas(place, now):
        return moment
    zone = _PLACES[place]
    zoned = moment.at.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(hours=zone)))
    return replace(moment, at=zoned.astimezone(now.tzinfo))


def _is_chinas(place: str, now: datetime) -> bool:
    """CST is China's time on pages of China, Chicago's elsewhere."""
    return place == "CST" and now.utcoffset() == timedelta(hours=8)


def _clock(day: datetime, match: re.Match[str]) -> Moment:
    if not match["H"]:
        return Moment(at=day, precision="day")
    half = _half(match.groupdict())
    hour = int(match["H"])
    if half == "p" and hour < _NOON:
        hour += _NOON
    elif half == "a" and hour == _NOON:
        hour = 0
    at = day.replace(hour=hour, minute=int(match["M"] or 0), second=int(match["S"] or 0))
    return Moment(at=at, precision="second" if match["S"] else "minute")


def _half(groups: dict[str, Any]) -> str:
    """The half of the day that a time is told in: a, p or nothing. Noon's own hour is 12 in either."""
    said = (groups.get("ap") or groups.get("half") or "").lower()
    if said[:1] in ("a", "p"):
        return str(said[:1])
    if said in ("下午", "傍晚", "晚上"):
        return "p"
    return "a" if said in ("凌晨", "早上", "上午") else ""


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
