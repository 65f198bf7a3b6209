"""Golden cases of the sites: one folder a case, one test a field.

`tests/sites/<slug>/<case>/` holds `page.html` (bytes as the site sends them), `meta.json` (what was known when it
was fetched: final URL, URL asked for, Content-Type, time, and the listing's channel and hints, null for a URL given
by hand) and `post.json` (the fields expected of it). A new site needs its module and its folder, and no line here.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, extract, next_page, refuse_other_pages
from crawler.profile import PostAddress, SiteProfile, address
from crawler.sites import all_sites
from pipelines.item import RawPost

FOLDER = Path(__file__).parents[1] / "sites"
CASES = sorted(str(file.parent.relative_to(FOLDER)) for file in FOLDER.glob("*/*/page.html"))
# Two digests, the rules, the page itself and its captures: each changes with things that are not the site's.
UNCOMPARED = {"source_sha256", "extractor", "clean_rules", "page", "warc"}
COMPARED = [name for name in RawPost.__dataclass_fields__ if name not in UNCOMPARED]

each_case = pytest.mark.parametrize("case", CASES)


def meta(case: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / case / "meta.json").read_text(encoding="utf-8"))
    return value


def expected(case: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / case / "post.json").read_text(encoding="utf-8"))
    return value


def site_of(case: str) -> SiteProfile:
    return all_sites()[Path(case).parts[0]]


def place_of(case: str) -> PostAddress:
    place = address(site_of(case), meta(case)["url"])
    assert place is not None
    return place


def page_of(case: str) -> Page:
    about = meta(case)
    return Page.of(about["url"], (FOLDER / case / "page.html").read_bytes(), about["content_type"])


@cache
def extracted(case: str) -> dict[str, Any]:
    """The fields of a case's post as JSON has them."""
    about = meta(case)
    found = None
    if about["hints"] is not None:
        hints = Hints(**{**about["hints"], "tags": tuple(about["hints"].get("tags", ()))})
        found = FoundLink(url=about["requested_url"], channel=about["channel"], hints=hints)
    fetched_at = datetime.fromisoformat(about["fetched_at"])
    post = extract(site_of(case), place_of(case), [page_of(case)], found=found, fetched_at=fetched_at)
    value: dict[str, Any] = json.loads(json.dumps({name: getattr(post, name) for name in COMPARED}, default=written))
    return value


def written(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


@pytest.mark.parametrize("field", COMPARED)
@each_case
def test_a_field_is_extracted_as_expected(case: str, field: str) -> None:
    assert extracted(case)[field] == expected(case)[field]


@each_case
def test_a_case_expects_every_field_and_no_other(case: str) -> None:
    assert sorted(expected(case)) == sorted(COMPARED)


@each_case
def test_a_case_is_a_post_of_one_page(case: str) -> None:
    refuse_other_pages(site_of(case), place_of(case), page_of(case))
    assert next_page(page_of(case), place_of(case)) is None


@pytest.mark.parametrize("slug", all_sites())
def test_every_site_has_a_case_for_each_kind_of_its_posts(slug: str) -> None:
    cases = [case for case in CASES if Path(case).parts[0] == slug]
    assert {place_of(case).kind.name for case in cases} == {kind.name for kind in all_sites()[slug].kinds}


def test_every_folder_of_cases_is_that_of_a_site_and_is_complete() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} <= set(all_sites())
    for case in FOLDER.glob("*/*"):
        assert sorted(file.name for file in case.iterdir()) == ["meta.json", "page.html", "post.json"]
