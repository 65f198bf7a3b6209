"""Answers made up by a seed: none crashes anything, and every URL of a run ends in a state with a reason."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from archive.encodings import decode
from archive.errors import PageError
from archive.warc import index_lines
from crawler.capture import Exchange, records
from crawler.discover import discover
from crawler.extract import Page, extract, refuse_other_pages
from crawler.identity import blocked_list, refuse_detours, refuse_strangers
from crawler.profile import address
from crawler.robots import robots_rules
from crawler.sites import all_sites
from crawler.throttle import retry_after
from pipelines.clean import clean
from tests.hostile.conftest import ORIGIN, Victim
from tests.hostile.odd_answers import Odd, odd
from tests.hostile.servers import Send, plain

SITE = all_sites()["niaogebiji"]
NOW = datetime(2022, 7, 23, tzinfo=UTC)
SEED = 20260725


def seeded(number: int) -> Random:
    return Random(SEED + number)


def outcome(answer: Odd, number: int) -> str:
    """What becomes of an answer by all that is pure; whatever raises something else has a bug."""
    try:
        body = decode(answer.body, tuple(",".join(answer.encodings).lower().replace(" ", "").split(",")), 5_000_000)
    except (ValueError, OverflowError) as error:
        return type(error).__name__
    for name, value in answer.headers:
        if name == "Retry-After":
            retry_after(value, NOW)
        if name == "Location":
            ended = _detour(value)
            if ended:
                return ended
    robots_rules(answer.status, body).can_fetch(f"{ORIGIN}/article-1-1.html", "Birdnest")
    _list(body, answer.content_type)
    exchange = Exchange(
        method="GET",
        url=f"{ORIGIN}/article-{number}-1.html",
        request_headers=(),
        request_body=b"",
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        at=NOW,
    )
    assert len(index_lines(records(exchange, "run", number, None).data, "x.warc.gz")) == 1
    return _post(body, answer.content_type, number)


def _detour(url: str) -> str | None:
    try:
        refuse_detours(SITE, f"{ORIGIN}/article-1-1.html", url)
    except PageError as error:
        return error.reason
    return None


def _list(body: bytes, content_type: str) -> None:
    for listing in SITE.listings[:2]:  # one of HTML, one of JSON
        try:
            assert discover(SITE, listing, body, content_type)
        except PageError as error:
            reasons = {"listing-empty", "listing-malformed"}
            assert {error.reason} <= reasons  # noqa: PT017 - either is well, and so is none
            blocked_list(SITE, listing.url, body, content_type)


def _post(body: bytes, content_type: str, number: int) -> str:
    place = address(SITE, f"{ORIGIN}/article-{number}-1.html")
    assert place is not None
    page = Page.of(place.url, body, content_type)
    try:
        refuse_strangers(SITE, place, page, told=f"第{number}篇" if number % 2 else "")
        refuse_other_pages(SITE, place, page)
        post = extract(SITE, place, [page], found=None, fetched_at=NOW)
    except PageError as error:
        return error.reason
    clean("".join(post.body_parts), base_url=post.url)
    return "post"


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 400), *(pytest.param(at, 1000, marks=pytest.mark.hostile) for at in range(0, 10_000, 1000))],
)
def test_odd_answers_are_a_post_or_have_a_reason(first: int, count: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(first, first + count):
        seen[outcome(odd(seeded(number), number), number)] += 1
    assert sum(seen.values()) == count
    assert {"post", "missing-field", "ValueError"} <= set(seen), seen
    assert len(seen) > 4, seen


@pytest.mark.parametrize("count", [60, pytest.param(400, marks=pytest.mark.hostile)])
def test_every_url_of_a_run_among_odd_answers_ends_in_a_reasoned_state(victim: Victim, count: int) -> None:
    victim.configure(timeout_seconds=3.0)

    def answering(number: int) -> None:
        random = seeded(-number)
        data = odd(random, number).sent(random)

        def answer(send: Send) -> None:
            send(data)
            # Nothing behind it is a second answer: the connection ends.
            threading.Event().wait(0.01)
            raise ConnectionError

        victim.article(number, answer)

    for number in range(1, count + 1):
        answering(number)
    urls = [f"{ORIGIN}/article-{number}-1.html" for number in range(1, count + 1)]
    good = victim.article(9999, plain(b'<h1 class="title">t</h1><div class="pc_content">well</div>'))
    names = victim.birdnest.folder / "urls.txt"
    names.write_text("\n".join([good, *urls]))
    done = victim("archive", "-f", str(names), "--json").ended
    assert "Traceback" not in done.err
    report = done.report
    assert done.code in (4, 5), done.err
    ended = sum(report[name] for name in ("new", "changed", "unchanged", "superseded", "aliases", "known", "gone"))
    failed = [each for each in report["failures"] if each["what"] == "post"]
    assert not [each for each in failed if each["reason"] == "bug"]
    assert all(each["reason"] and each["detail"] for each in failed)
    assert ended + len(failed) + report["unfinished"] == report["found"] == count + 1
    assert report["unfinished"] == 0 or "keeps us away" in report["reasons"][0]
