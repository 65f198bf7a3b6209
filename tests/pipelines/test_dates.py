"""Times as pages write them, and what a coarse time says about a finer one."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.dates import Moment, first_moment, parse_moment

SHANGHAI = "Asia/Shanghai"
FETCHED_AT = datetime(2022, 7, 23, 1, 0, 30, tzinfo=UTC)  # 09:00:30 in Shanghai
EVENING = datetime(2022, 7, 22, 16, 30, tzinfo=UTC)  # 00:30 of the 23rd in Shanghai


def told(text: str, *, fetched_at: datetime = FETCHED_AT, zone: str = SHANGHAI) -> tuple[str, str] | None:
    moment = parse_moment(text, fetched_at=fetched_at, zone=zone)
    return None if moment is None else (moment.at.isoformat(), moment.precision)


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("1658505600", "2022-07-23T00:00:00+08:00", "second"),
        (" 1658505600 ", "2022-07-23T00:00:00+08:00", "second"),
        ("1658505600123", "2022-07-23T00:00:00+08:00", "second"),
        ("946684800", "2000-01-01T08:00:00+08:00", "second"),
        ("2022-07-22", "2022-07-22T00:00:00+08:00", "day"),
        ("2022-7-2", "2022-07-02T00:00:00+08:00", "day"),
        ("2022-07-22 16:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22 16:05:09", "2022-07-22T16:05:09+08:00", "second"),
        ("2022/07/22 6:05", "2022-07-22T06:05:00+08:00", "minute"),
        ("2022.07.22 16:05:09", "2022-07-22T16:05:09+08:00", "second"),
        ("2022年7月22日", "2022-07-22T00:00:00+08:00", "day"),
        ("2022 年 7 月 22 日 16：05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022年07月22日16时05分", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022年07月22日 16点05分09秒", "2022-07-22T16:05:09+08:00", "second"),
        ("２０２２年７月２２日", "2022-07-22T00:00:00+08:00", "day"),
        ("2022-07-22\u300016:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22\xa016:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-2216:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22 16:05 来源：鸟哥笔记", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22 09:00-17:00", "2022-07-22T09:00:00+08:00", "minute"),
        ("2022-07-22T16:05:09Z", "2022-07-23T00:05:09+08:00", "second"),
        ("2022-07-22T16:05:09.123Z", "2022-07-23T00:05:09+08:00", "second"),
        ("2022-07-22T16:05:09+08:00", "2022-07-22T16:05:09+08:00", "second"),
        ("2022-07-22T16:05+0530", "2022-07-22T18:35:00+08:00", "minute"),
        ("2022-07-22 16:05:09+00", "2022-07-23T00:05:09+08:00", "second"),
        ("2022-07-22 16:05 -0500", "2022-07-23T05:05:00+08:00", "minute"),
        ("2022-07-22 16:05 UTC", "2022-07-23T00:05:00+08:00", "minute"),
        ("2022-07-22 16:05 UTC+8", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22 16:05 GMT+0800", "2022-07-22T16:05:00+08:00", "minute"),
        ("Fri, 22 Jul 2022 16:00:00 GMT", "2022-07-23T00:00:00+08:00", "second"),
        ("Fri, 22 Jul 2022 16:00:00 +0800", "2022-07-22T16:00:00+08:00", "second"),
        ("Fri, 22 Jul 2022 16:00:00 -0000", "2022-07-23T00:00:00+08:00", "second"),
        ("Fri, 22 Jul 2022 16:00:00", "2022-07-22T16:00:00+08:00", "second"),
        ("2022年7月22日 下午 4:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("2022-07-22 上午12:05", "2022-07-22T00:05:00+08:00", "minute"),
        ("2022-07-22 4:05 PM", "2022-07-22T16:05:00+08:00", "minute"),
        ("二〇二二年七月二十二日", "2022-07-22T00:00:00+08:00", "day"),
        ("民國111年7月22日 16:05", "2022-07-22T16:05:00+08:00", "minute"),
        ("3 個小時前", "2022-07-23T06:00:00+08:00", "minute"),
        ("昨日 08:30", "2022-07-22T08:30:00+08:00", "minute"),
        ("July 22, 2022", "2022-07-22T00:00:00+08:00", "day"),
        ("Jul. 22nd, 2022", "2022-07-22T00:00:00+08:00", "day"),
        ("22 July 2022", "2022-07-22T00:00:00+08:00", "day"),
        ("Friday, 22 July 2022", "2022-07-22T00:00:00+08:00", "day"),
        ("July 22, 2022 at 4:05 PM", "2022-07-22T16:05:00+08:00", "minute"),
        ("July 22, 2022 | 12:05 a.m. ET", "2022-07-22T12:05:00+08:00", "minute"),
        ("July 22, 2022 at 4 PM EST", "2022-07-23T05:00:00+08:00", "minute"),
        ("22 July 2022, 4.05pm", "2022-07-22T16:05:00+08:00", "minute"),
        ("4:05 PM EST, Fri July 22, 2022", "2022-07-23T05:05:00+08:00", "minute"),
        ("July 22, 2022 16:05 CST", "2022-07-22T16:05:00+08:00", "minute"),
        ("Fri Jul 22 16:05:09 UTC 2022", "2022-07-23T00:05:09+08:00", "second"),
        ("Fri Jul 22 16:05:09 EST 2022", "2022-07-22T16:05:09+08:00", "second"),  # the site's clock, not New York's
        ("3 hours ago", "2022-07-23T06:00:00+08:00", "minute"),
        ("an hour ago", "2022-07-23T08:00:00+08:00", "minute"),
        ("2 days ago", "2022-07-21T00:00:00+08:00", "day"),
        ("yesterday at 8:30", "2022-07-22T08:30:00+08:00", "minute"),
        ("今天", "2022-07-23T00:00:00+08:00", "day"),
        ("今天 08:30", "2022-07-23T08:30:00+08:00", "minute"),
        ("昨天 08:30", "2022-07-22T08:30:00+08:00", "minute"),
        ("昨天08:30:05", "2022-07-22T08:30:05+08:00", "second"),
        ("前天 08:30", "2022-07-21T08:30:00+08:00", "minute"),
        ("刚刚", "2022-07-23T09:00:00+08:00", "minute"),
        ("30秒前", "2022-07-23T09:00:00+08:00", "second"),
        ("5分钟前", "2022-07-23T08:55:00+08:00", "minute"),
        ("半小时前", "2022-07-23T08:30:00+08:00", "minute"),
        ("3小时前", "2022-07-23T06:00:00+08:00", "minute"),
        ("10 个小时之前", "2022-07-22T23:00:00+08:00", "minute"),
        ("2天前", "2022-07-21T00:00:00+08:00", "day"),
        ("1周前", "2022-07-16T00:00:00+08:00", "day"),
        ("07-22", "2022-07-22T00:00:00+08:00", "day"),
        ("07-22 16:00", "2022-07-22T16:00:00+08:00", "minute"),
        ("7.22 发布", "2022-07-22T00:00:00+08:00", "day"),
        ("7月22日", "2022-07-22T00:00:00+08:00", "day"),
        ("7月22日 16:00", "2022-07-22T16:00:00+08:00", "minute"),
    ],
)
def test_known_forms_give_their_time_in_the_sites_zone(text: str, at: str, precision: str) -> None:
    assert told(text) == (at, precision)


@pytest.mark.parametrize(
    "label",
    [
        *(
            "发布时间：",
            "发布时间: ",
            "发布日期：",
            "发布于 ",
            "发布于",
            "发表于 ",
            "发表时间：",
            "更新时间：",
            "更新于",
        ),
        *("编辑于 ", "时间：", "日期: ", "发布：", "\u3000发布时间：", "發佈於 ", "更新時間："),
        *("Published on ", "Posted: ", "Last updated ", "Date: "),
    ],
)
def test_labels_before_a_time_are_passed_over(label: str) -> None:
    assert told(f"{label}2022-07-22 16:05") == ("2022-07-22T16:05:00+08:00", "minute")


@pytest.mark.parametrize(
    "text",
    [
        *("2022-02-30", "2022-13-01", "2022-00-10", "2022-07-32", "0000-01-01", "2023-02-29"),
        *("2022-07-22 24:00", "2022-07-22 25:10", "2022-07-22 16:60", "2022-07-22 16:05:61"),
        *("July 32, 2022", "30 February 2022", "July 22, 2022 at 25:10", "民國111年13月1日"),
        *("2月30日", "13-01", "Mon, 32 Jul 2022 16:00:00 GMT", "今天 25:00", "99999999天前", f"{'9' * 40}天前"),
    ],
)
def test_times_that_cannot_be_give_none(text: str) -> None:
    assert told(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "很久以前",
            "Invalid Date",
            "二〇二二年七月",
            "2022年",
            "2022年7月",
            "刚刚发布的",
            "1个月前",
            "2年前",
        ),
        *("0", "12345678", "20220722", "202207221600", "20220722160000", "13812345678", "9" * 20),
        *("2022-07-221", "12022-07-22", "22-07-2022", "07/22/2022"),
        *("July 2022", "Marchioness 22, 2022", "3 months ago", "05/07/2022", "in two days", "a day"),
        *("1.5万", "5.6k", "10-20人", "3.14159", "12.5%", "7-11便利店", "7月221日"),
    ],
)
def test_unknown_forms_are_never_guessed_at(text: str) -> None:
    assert told(text) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("今天 00:10", "2022-07-23T00:10:00+08:00"),
        ("昨天 23:50", "2022-07-22T23:50:00+08:00"),
        ("1小时前", "2022-07-22T23:30:00+08:00"),
        ("1天前", "2022-07-22T00:00:00+08:00"),
        ("07-23 00:10", "2022-07-23T00:10:00+08:00"),
    ],
)
def test_relative_days_are_the_sites_days_when_it_is_still_yesterday_in_utc(text: str, at: str) -> None:
    moment = parse_moment(text, fetched_at=EVENING, zone=SHANGHAI)
    assert moment is not None
    assert moment.at.isoformat() == at


@pytest.mark.parametrize(
    ("fetched_at", "text", "at"),
    [
        ("2023-01-01T00:30:00+08:00", "12-31 23:50", "2022-12-31T23:50:00+08:00"),
        ("2023-01-01T00:30:00+08:00", "01-01 00:10", "2023-01-01T00:10:00+08:00"),
        ("2022-12-31T23:59:00+08:00", "12-31", "2022-12-31T00:00:00+08:00"),
        ("2022-12-31T23:59:00+08:00", "1月2日", "2022-01-02T00:00:00+08:00"),
        ("2022-07-23T09:00:00+08:00", "7月24日", "2022-07-24T00:00:00+08:00"),  # clocks differ, by up to a day
        ("2022-07-23T09:00:00+08:00", "7月25日", "2021-07-25T00:00:00+08:00"),
        ("2024-03-01T09:00:00+08:00", "2月29日", "2024-02-29T00:00:00+08:00"),
        ("2025-01-05T09:00:00+08:00", "2月29日", "2024-02-29T00:00:00+08:00"),
    ],
)
def test_a_day_without_a_year_is_the_last_one_that_has_come(fetched_at: str, text: str, at: str) -> None:
    moment = parse_moment(text, fetched_at=datetime.fromisoformat(fetched_at), zone=SHANGHAI)
    assert moment is not None
    assert moment.at.isoformat() == at


def test_a_29th_of_february_that_neither_year_has_gives_none() -> None:
    assert told("2月29日") is None


def test_a_zone_in_the_text_stands_against_the_sites() -> None:
    assert told("2022-07-22T16:05:09Z", zone="America/New_York") == ("2022-07-22T12:05:09-04:00", "second")


def test_the_first_text_that_is_a_time_wins() -> None:
    texts = ("很久以前", "2022-07-22 16:05", "1658505600")
    moment = first_moment(texts, fetched_at=FETCHED_AT, zone=SHANGHAI)
    assert moment is not None
    assert moment.at.isoformat() == "2022-07-22T16:05:00+08:00"
    assert first_moment((), fetched_at=FETCHED_AT, zone=SHANGHAI) is None


FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d %H:%M:%S",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日%H时%M分%S秒",
    "发布时间：%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%a, %d %b %Y %H:%M:%S %z",
)
moments = st.datetimes(
    min_value=datetime(1992, 1, 1),  # noqa: DTZ001 - the strategy adds the zone; Shanghai had summer time until 1991
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(ZoneInfo(SHANGHAI)),
).map(lambda moment: moment.replace(microsecond=0))


@given(at=moments, form=st.sampled_from(FORMS))
@example(at=datetime(2024, 2, 29, 23, 59, 59, tzinfo=ZoneInfo(SHANGHAI)), form=FORMS[0])
def test_every_full_date_comes_back_equal_in_every_form(at: datetime, form: str) -> None:
    assert parse_moment(at.strftime(form), fetched_at=FETCHED_AT, zone=SHANGHAI) == Moment(at=at, precision="second")


@given(at=moments, offset_minutes=st.integers(min_value=-12 * 4, max_value=14 * 4).map(lambda quarter: quarter * 15))
def test_every_offset_is_read(at: datetime, offset_minutes: int) -> None:
    text = at.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat()
    assert parse_moment(text, fetched_at=FETCHED_AT, zone=SHANGHAI) == Moment(at=at, precision="second")


@given(at=moments)
def test_every_epoch_is_read_in_seconds_and_milliseconds(at: datetime) -> None:
    seconds = int(at.timestamp())
    if seconds >= 10**9:  # a day of 2001, from when milliseconds have 13 digits
        assert parse_moment(f"{seconds}999", fetched_at=FETCHED_AT, zone=SHANGHAI) == Moment(at=at, precision="second")
    assert parse_moment(str(seconds), fetched_at=FETCHED_AT, zone=SHANGHAI) == Moment(at=at, precision="second")


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    moment = parse_moment(text, fetched_at=FETCHED_AT, zone=SHANGHAI)
    assert moment is None or moment.at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "other", "agrees"),
    [
        ("2022-07-22 16:05", "2022-07-22T16:05:09+08:00", True),
        ("2022-07-22 16:05", "2022-07-22T08:05:59+00:00", True),
        ("2022-07-22 16:05", "2022-07-22T16:06:00+08:00", False),
        ("2022-07-22", "2022-07-22T23:59:59+08:00", True),
        ("2022-07-22", "2022-07-21T16:00:00+00:00", True),  # a day of the site's, not of UTC
        ("2022-07-22", "2022-07-22T16:00:00+00:00", False),
        ("2022-07-22 16:05:09", "2022-07-22T16:05:09.500+08:00", True),
        ("2022-07-22 16:05:09", "2022-07-22T16:05:10+08:00", False),
        ("3小时前", "2022-07-23T05:10:00+08:00", True),
        ("3小时前", "2022-07-23T04:30:00+08:00", False),
        ("2天前", "2022-07-20T09:30:00+08:00", True),
        ("2天前", "2022-07-19T09:30:00+08:00", False),
    ],
)
def test_a_time_agrees_with_another_as_far_as_it_was_told(text: str, other: str, *, agrees: bool) -> None:
    moment = parse_moment(text, fetched_at=FETCHED_AT, zone=SHANGHAI)
    assert moment is not None
    assert moment.agrees_with(datetime.fromisoformat(other)) is agrees


@given(
    age_minutes=st.integers(min_value=60, max_value=60 * 20),
    later_minutes=st.integers(min_value=0, max_value=60 * 3),
)
def test_a_relative_time_that_ages_agrees_with_what_it_said_before(age_minutes: int, later_minutes: int) -> None:
    def seen(minutes: int) -> Moment:
        fetched_at = FETCHED_AT + timedelta(minutes=minutes - age_minutes)
        moment = parse_moment(f"{minutes // 60}小时前", fetched_at=fetched_at, zone=SHANGHAI)
        assert moment is not None
        return moment

    assert seen(age_minutes + later_minutes).agrees_with(seen(age_minutes).at)
