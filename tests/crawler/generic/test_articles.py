"""Pages in the layouts of many themes and systems: one test per field, and nothing of what surrounds the article.

`pages/<layout>/page.html` are the bytes as a server would send them, `article.json` says what is in the page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crawler.extract import Page
from crawler.generic import MIN_CONFIDENCE, FoundArticle, find_article
from pipelines.clean import CleanBody, clean
from pipelines.dates import first_moment

PAGES = Path(__file__).with_name("pages")
LAYOUTS = sorted(path.name for path in PAGES.iterdir())
FETCHED_AT = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A page, what is true of it, and what was found in it."""

    wanted: dict[str, Any]
    page: Page
    found: FoundArticle
    body: CleanBody

    @property
    def text(self) -> str:
        return squeezed(self.body.text)

    def moment(self, name: str) -> datetime | None:
        """The time found, in the zone that the page's language suggests."""
        zone = "Asia/Shanghai" if self.found.lang.startswith("zh") else "UTC"
        texts: tuple[str, ...] = getattr(self.found, f"{name}_raw")
        moment = first_moment(texts, fetched_at=FETCHED_AT, zone=zone)
        return moment.at if moment else None


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@cache
def case_of(layout: str) -> Case:
    wanted = json.loads((PAGES / layout / "article.json").read_text(encoding="utf-8"))
    body = (PAGES / layout / "page.html").read_bytes()
    page = Page.of(wanted["url"], body, wanted.get("content_type", ""))
    found = find_article(page)
    return Case(wanted=wanted, page=page, found=found, body=clean(found.body, page.url))


@pytest.fixture(params=LAYOUTS)
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        *((name, name) for name in ("title", "author", "section", "lang", "site_title")),
        ("head_image_url", "head_image"),
        ("next_page_url", "next_page"),
    ],
)
def test_the_field_is_what_the_page_says(case: Case, field: str, key: str) -> None:
    assert getattr(case.found, field) == case.wanted[key]


def test_the_tags_are_those_of_the_article(case: Case) -> None:
    assert list(case.found.tags) == case.wanted["tags"]


@pytest.mark.parametrize("name", ["published", "updated"])
def test_the_time_is_what_the_page_shows(case: Case, name: str) -> None:
    wanted, found = case.wanted[name], case.moment(name)
    if wanted is None:
        assert found is None
    elif "T" in wanted:
        assert found == datetime.fromisoformat(wanted)
    else:
        assert found is not None
        assert found.date().isoformat() == wanted


def test_the_body_begins_where_the_article_does(case: Case) -> None:
    assert squeezed(case.wanted["starts"]) in case.text[:60]


def test_the_body_ends_where_the_article_does(case: Case) -> None:
    assert squeezed(case.wanted["ends"]) in case.text[-60:]


def test_the_body_holds_nothing_of_what_surrounds_the_article(case: Case) -> None:
    assert [text for text in case.wanted["absent"] if squeezed(text) in case.text] == []


def test_every_image_of_the_article_is_in_the_body(case: Case) -> None:
    urls = [image.url for image in case.body.images]
    assert [image for image in case.wanted["images"] if not any(image in url for url in urls)] == []


def test_an_article_is_found_with_confidence(case: Case) -> None:
    assert MIN_CONFIDENCE + 10 <= case.found.confidence < 100


def test_every_field_that_is_found_says_where_it_was_read(case: Case) -> None:
    fields = ("title", "author", "published_raw", "updated_raw", "section", "tags", "description", "site_title")
    for name in (*fields, "head_image_url"):
        assert bool(getattr(case.found, name)) == (name in case.found.sources), name


def test_the_page_is_left_as_it_was(case: Case) -> None:
    again = Page.of(case.page.url, case.page.body, case.wanted.get("content_type", ""))
    assert case.page.tree.get() == again.tree.get()
    assert find_article(case.page) == case.found


def test_tables_listings_quotations_and_headings_stay() -> None:
    assert "<td>mill</td>" in case_of("hugo").found.body
    assert '<code class="language-sh">bell --ring 3\nsleep 1\n</code>' in case_of("hugo").found.body
    assert "<blockquote" in case_of("wordpress-blocks").found.body
    assert "<li>Ninety paddles</li>" in case_of("wordpress-blocks").found.body
    assert '<h2 id="a">接线</h2>' in case_of("tech-zh").found.body


def test_the_body_is_the_pages_own_markup_but_for_elements_left_out() -> None:
    case = case_of("ghost")
    assert case.found.body in case.page.tree.css(".gh-content").get("")
