"""robots.txt as RFC 9309 reads it: what each status means, and which group is ours."""

import asyncio

import pytest
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.ending import RunEnding
from crawler.robots import RobotsMiddleware, robots_name, robots_rules
from crawler.settings import USER_AGENT

URL = "https://www.example.com/private/a.html"
CLOSED = b"User-agent: *\nDisallow: /private/\n"


def allowed(rules: bytes, url: str = URL, *, status: int = 200, user_agent: str = USER_AGENT) -> bool:
    return bool(robots_rules(status, rules).can_fetch(url, robots_name(user_agent)))


@pytest.mark.parametrize(
    ("status", "may"),
    [
        *((status, False) for status in (200, 203, 206)),  # its rules hold
        *((status, True) for status in (400, 401, 403, 404, 410, 429, 451, 499)),  # there are none
        *((status, False) for status in (500, 502, 503, 504, 599)),
        *((status, False) for status in (301, 302, 304)),  # redirects that led nowhere
        (0, False),  # no answer
    ],
)
def test_the_status_decides_whether_the_rules_hold(status: int, may: bool) -> None:  # noqa: FBT001 - a column of a table
    assert allowed(CLOSED, status=status) is may


@pytest.mark.parametrize("status", [500, 0])
def test_a_server_in_trouble_means_no_even_for_pages_that_rules_would_allow(status: int) -> None:
    assert not allowed(b"User-agent: *\nAllow: /\n", status=status)


@pytest.mark.parametrize(
    ("rules", "may"),
    [
        (b"", True),
        (b"<html><body>Welcome</body></html>", True),
        (b"User-agent: *\nDisallow:\n", True),
        (b"User-agent: *\nDisallow: /\n", False),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n", False),  # a byte order mark
        (b"User-agent: *\r\nDisallow: /private\r\n", False),
        (b"User-agent: *\nDisallow: /private/\nAllow: /private/a\n", True),  # the longer rule wins
        (b"User-agent: *\nDisallow: /*.html$\n", False),
        (b"User-agent: *\nDisallow: /other/\n", True),
        (b"# \xff\xfe\nUser-agent: *\nDisallow: /private/\n", False),  # no UTF-8
    ],
)
def test_rules_are_read(rules: bytes, may: bool) -> None:  # noqa: FBT001 - a column of a table
    assert allowed(rules) is may


@pytest.mark.parametrize(
    ("rules", "may"),
    [
        (b"User-agent: Birdnest\nDisallow: /\n\nUser-agent: *\nAllow: /\n", False),
        (b"User-agent: birdnest\nAllow: /\n\nUser-agent: *\nDisallow: /\n", True),
        (b"User-agent: Other\nUser-agent: BIRDNEST\nDisallow: /\n", False),
        (b"User-agent: Other\nDisallow: /\n", True),
        # Words of our user agent's comment, and one of its contact.
        (b"User-agent: archiver\nDisallow: /\n", True),
        (b"User-agent: contact\nDisallow: /\n", True),
    ],
)
def test_only_the_group_of_our_name_or_of_everybody_is_ours(rules: bytes, may: bool) -> None:  # noqa: FBT001 - as above
    assert allowed(rules) is may


def test_the_contact_in_the_user_agent_answers_to_no_name() -> None:
    user_agent = "Birdnest/1.0 (article archiver; https://googlebot.example/)"
    assert allowed(b"User-agent: googlebot\nDisallow: /\n", user_agent=user_agent)


def test_a_user_agent_of_the_users_own_answers_to_every_name_in_it() -> None:
    user_agent = "Mozilla/5.0 (compatible; Foobot/1.0)"
    assert not allowed(b"User-agent: foobot\nDisallow: /\n", user_agent=user_agent)


def test_what_is_behind_half_a_megabyte_is_not_read() -> None:
    assert allowed(b"#" * 512 * 1024 + b"\n" + CLOSED)


class EndingEngine:
    """An engine of a run that ends: it asks for nothing any more."""

    async def download_async(self, request: Request) -> Response:
        raise RunEnding(f"{request.url}: the run ends")


def test_a_robots_txt_that_a_run_which_ends_does_not_wait_for_is_no_failure_of_the_host() -> None:
    crawler = Crawler(Spider, {"USER_AGENT": "birdnest", "BIRDNEST_ROBOTS": True})
    crawler.engine = EndingEngine()  # type: ignore[assignment]
    middleware = RobotsMiddleware.from_crawler(crawler)

    with pytest.raises(RunEnding, match=r"img\.example/robots\.txt: the run ends"):
        asyncio.run(middleware.process_request(Request("https://img.example/a.png")))
