"""A post without an address has a row in the frontier, for its images; there is never a page of it to fetch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.frontier import Frontier, Held, Link

SITE, NAME, ADDRESS = "niaogebiji", "urn:sha256:" + "ab" * 32, "https://www.niaogebiji.com/article-1-1.html"
NOW = 1_800_000_000
YEARS = NOW + 10 * 365 * 24 * 3600
PICTURE = "https://img.example.com/a.png"
HELD = Held(
    site=SITE, url=NAME, post="u-1", channel="", version=1, source_sha256="a", fetched_at=NOW, published_at=None
)


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    with closing(Frontier(tmp_path / "f.sqlite")) as made:
        made.begin_run("r", SITE, now=NOW)
        made.add_all(
            SITE,
            [Link(url=NAME, post="u-1"), Link(url=ADDRESS, post="article-1")],
            where="a tree",
            run=1,
            now=NOW,
        )
        yield made


def due(frontier: Frontier, now: int = YEARS) -> list[str]:
    return [post.url for post in frontier.due(SITE, now=now)]


def archive(frontier: Frontier, url: str, **retryable: str) -> None:
    about = {"etag": None, "last_modified": None, "run": "r", "now": NOW, "text": "new"}
    frontier.archived(SITE, url, status="new", version=1, source_sha256="a", retryable=retryable, **about)  # type: ignore[arg-type]


def test_it_is_not_due_when_an_import_was_stopped(frontier: Frontier) -> None:
    assert due(frontier, NOW) == [ADDRESS]


def test_it_is_not_due_for_a_recheck(frontier: Frontier) -> None:
    archive(frontier, NAME)
    archive(frontier, ADDRESS)
    assert (due(frontier, NOW), due(frontier)) == ([], [ADDRESS])


def test_it_is_not_due_when_everything_is_asked_for_again(frontier: Frontier) -> None:
    archive(frontier, NAME)
    archive(frontier, ADDRESS)
    frontier.ask_again(SITE, ("archived", "failed", "gone"))
    assert due(frontier, NOW) == [ADDRESS]


@pytest.mark.parametrize("held", [True, False])
def test_it_is_not_due_in_a_frontier_that_was_rebuilt(frontier: Frontier, *, held: bool) -> None:
    archive(frontier, NAME)
    archive(frontier, ADDRESS)
    frontier.rebuild([HELD] if held else [], now=NOW)
    assert due(frontier) == [ADDRESS]
    known = frontier.get(SITE, NAME)
    assert (known is not None) is held
    assert known is None or (known.version, known.source_sha256) == (1, "a")


def test_images_that_were_not_asked_for_are_due_at_once_and_others_later(frontier: Frontier) -> None:
    archive(frontier, NAME, **{PICTURE: "not-fetched", f"{PICTURE}?2": "http-404"})
    assert [post.images for post in frontier.due_images(SITE, now=NOW)] == [(PICTURE,)]
    frontier.rebuild([replace(HELD, retryable=((PICTURE, "not-fetched"),))], now=NOW)
    assert [post.images for post in frontier.due_images(SITE, now=NOW)] == [(PICTURE,)]


def test_its_site_is_found_by_its_name_alone(frontier: Frontier) -> None:
    assert (frontier.site_of(NAME), frontier.site_of("urn:sha256:0")) == (SITE, None)
