"""The verdict on a run, as a table."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from archive.model import Failure
from crawler.profile import Expectations, ExpectedFailure
from crawler.report import EXIT_CODES, SEVERITY, Tally, expected, verdict
from crawler.sites import all_sites
from crawler.state import run_id

ADVICE = "look at the address, the network and the proxy, or try again later"
SITE = replace(
    all_sites()["niaogebiji"],
    expectations=Expectations(
        min_found=5,
        max_missing_images_share=0.5,
        failures=(
            ExpectedFailure(reason="http-404", url=r"/article-7-"),
            ExpectedFailure(reason="soft-404", url=r".*"),
        ),
    ),
)


def failures(*reasons: str, expected: bool = False, what: Any = "post") -> list[Failure]:
    return [
        Failure(what=what, url=f"https://x/{n}", reason=reason, detail=f"{reason} of {n}", expected=expected)
        for n, reason in enumerate(reasons)
    ]


def good(count: int = 8, **given: Any) -> Tally:
    """A run that found and archived so many posts."""
    return Tally(**{"found": count, "ended": count, "statuses": Counter(new=count), **given})


def judged(tally: Tally, *, interrupted: bool = False) -> tuple[str, Sequence[str]]:
    return verdict(SITE, tally, interrupted=interrupted)


@pytest.mark.parametrize(
    ("tally", "result"),
    [
        (good(), "fine"),
        (good(5), "fine"),
        (good(4), "below expectations"),
        (good(4, whole=False), "fine"),  # only a part was asked for
        (Tally(), "below expectations"),
        (Tally(whole=False), "fine"),
        (Tally(found=8, statuses=Counter(unchanged=8)), "fine"),
        (good(failures=failures("http-404")), "below expectations"),
        (good(failures=failures("http-404", expected=True)), "fine"),
        (good(failures=failures("http-404", "soft-404", expected=True)), "fine"),
        (good(failures=failures("http-500", what="listing")), "below expectations"),
        # Most of what was archived gone at one look: the site moved, or leads everything to its front page.
        (good(20, statuses=Counter(unchanged=8, gone=12)), "below expectations"),
        (good(20, statuses=Counter(unchanged=11, gone=9)), "fine"),
        (good(8, statuses=Counter(unchanged=1, gone=7)), "fine"),
        (good(20, statuses=Counter(gone=20), whole=False), "fine"),
        # Images: more than half missing, but one alone is no rule.
        (good(images_kept=5, images_missing=Counter({"http-404": 5})), "fine"),
        (good(images_kept=5, images_missing=Counter({"http-404": 4, "timeout": 2})), "below expectations"),
        (good(images_missing=Counter({"http-404": 1})), "fine"),
        (good(images_missing=Counter({"http-404": 2})), "below expectations"),
        # The site could not be reached, or refused us altogether.
        (Tally(failures=failures("timeout", what="listing")), "unreachable"),
        (Tally(failures=failures("http-403", "http-429", "http-503", what="listing")), "unreachable"),
        (Tally(failures=failures("captcha", "robots-disallowed", "broken-off", "unreachable")), "unreachable"),
        (Tally(failures=failures("timeout", "http-404")), "below expectations"),
        (good(failures=failures("timeout")), "below expectations"),
        # Every post was lost to failures of which each is expected.
        (Tally(found=6, failures=failures(*["soft-404"] * 6, expected=True)), "below expectations"),
        (Tally(found=6, failures=failures(*["soft-404"] * 6, expected=True), whole=False), "below expectations"),
        (Tally(found=1, failures=failures("soft-404", expected=True), whole=False), "below expectations"),
        (Tally(found=1, statuses=Counter(alias=1), whole=False), "fine"),
        # Most were, which is not a matter of single posts any more; of a few, nothing can be said.
        (good(2, found=40, failures=failures(*["soft-404"] * 38, expected=True)), "below expectations"),
        (good(20, found=40, failures=failures(*["soft-404"] * 20, expected=True)), "fine"),
        (good(2, found=9, failures=failures(*["soft-404"] * 7, expected=True)), "fine"),
        (good(failures=failures("archive-damaged")), "archive damaged"),
        (good(store_error="no space left"), "store failed"),
        (good(bug="ZeroDivisionError"), "bug"),
        (good(bug="ZeroDivisionError", store_error="no space left"), "bug"),
        (good(store_error="no space left", failures=failures("timeout")), "store failed"),
    ],
)
def test_the_verdict_on_a_run(tally: Tally, result: str) -> None:
    assert judged(tally)[0] == result


@pytest.mark.parametrize(
    ("tally", "result"),
    [
        (good(open_urls={"a", "b"}), "interrupted"),
        (good(failures=failures("http-404")), "interrupted"),
        (good(store_error="no space left"), "store failed"),
        (good(bug="ZeroDivisionError"), "bug"),
    ],
)
def test_an_interruption_hides_neither_a_bug_nor_a_store_that_failed(tally: Tally, result: str) -> None:
    assert judged(tally, interrupted=True)[0] == result


@pytest.mark.parametrize(
    ("tally", "reasons"),
    [
        (good(), ()),
        (good(4), ("niaogebiji: 4 posts found, expected at least 5",)),
        (good(failures=[*failures("http-500"), *failures("http-404", expected=True)]), ("http-500 of 0",)),
        (Tally(failures=failures("timeout", what="listing")), (f"timeout of 0: {ADVICE}",)),
        (Tally(failures=failures("timeout", "timeout", "captcha")), (f"timeout of 0 (and 2 more like it): {ADVICE}",)),
        (
            good(images_kept=1, images_missing=Counter({"timeout": 2})),
            ("niaogebiji: 2 of 3 images missing, expected 50%",),
        ),
        (
            Tally(found=6, failures=failures(*["soft-404"] * 6, expected=True)),
            ("niaogebiji: not one of 6 posts could be had: soft-404 of 0",),
        ),
        (good(store_error="no space left"), ("no space left",)),
    ],
)
def test_a_verdict_gives_its_reasons(tally: Tally, reasons: tuple[str, ...]) -> None:
    assert judged(tally)[1] == reasons


def test_an_interruption_says_how_much_is_left() -> None:
    assert judged(good(ended=6), interrupted=True)[1] == (
        "stopped with 2 posts to do: run again, it goes on from there",
    )


@pytest.mark.parametrize(
    ("url", "reason", "known"),
    [
        ("https://www.niaogebiji.com/article-7-1.html", "http-404", True),
        ("https://www.niaogebiji.com/article-8-1.html", "http-404", False),
        ("https://www.niaogebiji.com/article-7-1.html", "http-410", False),
        ("https://www.niaogebiji.com/article-8-1.html", "soft-404", True),
        ("https://www.niaogebiji.com/article-8-1.html", "soft", False),
    ],
)
def test_a_failure_is_expected_by_reason_and_address(url: str, reason: str, *, known: bool) -> None:
    assert expected(SITE, url, reason) is known


def test_every_verdict_has_its_own_exit_code_and_a_place_in_the_order() -> None:
    assert set(SEVERITY) == set(EXIT_CODES)
    assert len(SEVERITY) == len(set(SEVERITY)) == len(set(EXIT_CODES.values()))
    assert [verdict for verdict, code in EXIT_CODES.items() if code == 0] == [SEVERITY[0]] == ["fine"]


def test_two_runs_of_one_second_never_share_an_id_and_ids_sort_by_time() -> None:
    first, later = datetime(2026, 11, 22, 8, tzinfo=UTC), datetime(2026, 11, 22, 8, 0, 1, tzinfo=UTC)
    ids = {run_id(first, "niaogebiji") for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"20261122T080000Z-niaogebiji-[0-9a-f]{6}", id_) for id_ in ids)
    assert max(ids) < run_id(later, "a")


def test_a_failure_expected_of_posts_is_not_expected_of_lists() -> None:
    url = "https://www.niaogebiji.com/cat/99999"
    assert expected(SITE, url, "soft-404")
    assert not expected(SITE, url, "soft-404", "listing")
