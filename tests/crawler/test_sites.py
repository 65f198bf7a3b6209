"""Golden cases of the sites: one folder a case, one test a field.

`tests/sites/<slug>/<case>/` holds the bytes as the site sends them, `meta.json` (what was known when they were
fetched), and what is expected of them:

========== ================================================ =========================================================
page.*     post.json: the fields of the post                meta: final URL, URL asked for, Content-Type, time, and
                                                            the listing's channel and hints, null for a URL given by
                                                            hand
page.*     refusal.json: the reason why it is no post       meta: URL and Content-Type; `from`, where the answer came
                                                            from another address
list.*     links.json: each link, and what is told of it    meta: the listing's URL, or the template and the name
========== ================================================ =========================================================

A new site needs its module and its folders, and no line here.
"""

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from archive.errors import PageError
from crawler.discover import FoundLink, discover, listings
from crawler.draft.fixture import COMPARED, compared, told
from crawler.entries import Hints
from crawler.extract import Page, extract, next_page, own_address, refuse_challenges, refuse_other_pages
from crawler.identity import refuse_strangers
from crawler.profile import Listing, PostAddress, Shape, SiteProfile, address
from crawler.sites import all_sites
from pipelines.clean import clean
from pipelines.dates import parse_moment

FOLDER = Path(__file__).parents[1] / "sites"


def cases(given: str, expected: str) -> list[str]:
    found = (file.parent for file in FOLDER.glob(f"*/*/{given}.*") if (file.parent / expected).exists())
    return sorted(str(folder.relative_to(FOLDER)) for folder in found)


POSTS = cases("page", "post.json")
REFUSALS = cases("page", "refusal.json")
LISTS = cases("list", "links.json")

# What stands in the pages' containers and is none of the articles.
FURNITURE = ("题图来自某图库", "推广", "本内容由作者授权", "文章标签", "theme: juejin")

each_post = pytest.mark.parametrize("case", POSTS)
each_site = pytest.mark.parametrize("slug", all_sites())


def read(case: str, name: str) -> Any:
    return json.loads((FOLDER / case / name).read_text(encoding="utf-8"))


def body_of(case: str, name: str) -> bytes:
    (file,) = (FOLDER / case).glob(f"{name}.*")
    return file.read_bytes()


def slug_of(case: str) -> str:
    return Path(case).parts[0]


def site_of(case: str) -> SiteProfile:
    return all_sites()[slug_of(case)]


def place_of(case: str) -> PostAddress:
    place = address(site_of(case), read(case, "meta.json")["url"])
    assert place is not None
    return place


def page_of(case: str) -> Page:
    about = read(case, "meta.json")
    return Page.of(about["url"], body_of(case, "page"), about["content_type"], place_of(case).kind)


@cache
def extracted(case: str) -> dict[str, Any]:
    """The fields of a case's post as JSON has them."""
    about, page = read(case, "meta.json"), page_of(case)
    found = None
    if about["hints"] is not None:
        hints = Hints(**{**about["hints"], "tags": tuple(about["hints"].get("tags", ()))})
        found = FoundLink(url=about["requested_url"], channel=about["channel"], hints=hints)
    fetched_at = datetime.fromisoformat(about["fetched_at"])
    place = own_address(place_of(case), page)
    post = extract(site_of(case), place, [page], found=found, fetched_at=fetched_at)
    return compared(post)


def listing_of(case: str) -> Listing:
    about, site = read(case, "meta.json"), site_of(case)
    if "template" in about:
        return listings(site, {about["template"]: (about["name"],)})[-1]
    return next(listing for listing in site.listings if listing.url == about["listing"])


def look(case: str, answered_from: str) -> None:
    refuse_challenges(site_of(case), answered_from)
    refuse_other_pages(site_of(case), place_of(case), page_of(case))
    refuse_strangers(site_of(case), place_of(case), page_of(case))


@pytest.mark.parametrize("field", COMPARED)
@each_post
def test_a_field_is_extracted_as_expected(case: str, field: str) -> None:
    assert extracted(case)[field] == read(case, "post.json")[field]


@each_post
def test_a_case_expects_every_field_and_no_other(case: str) -> None:
    assert sorted(read(case, "post.json")) == sorted(COMPARED)


@each_post
def test_a_case_is_a_post_of_one_page(case: str) -> None:
    refuse_other_pages(site_of(case), place_of(case), page_of(case))
    refuse_strangers(site_of(case), place_of(case), page_of(case))
    assert next_page(page_of(case), place_of(case)) is None


@each_post
def test_the_canonical_address_of_a_post_is_its_own(case: str) -> None:
    url = read(case, "post.json")["url"]
    place = address(site_of(case), url)
    assert place is not None
    assert place.url == url


@each_post
def test_the_times_of_a_post_can_be_read(case: str) -> None:
    post = read(case, "post.json")
    at = datetime.fromisoformat(post["fetched_at"])
    for text in (*post["published_raw"][:1], *post["updated_raw"][:1]):
        assert parse_moment(text, fetched_at=at, zone=post["timezone"]) is not None, text


@each_post
def test_an_article_of_text_is_clean_html_with_its_pictures(case: str) -> None:
    post, site = read(case, "post.json"), site_of(case)
    body = clean("\n".join(post["body_parts"]), post["url"], site.clean_rules)
    assert body.text or body.images or body.embeds
    assert all(image.url.startswith("https://") for image in body.images)
    assert body.unusable_images == ()
    assert [word for word in FURNITURE if word in body.text] == []
    assert clean(body.html, post["url"], site.clean_rules).html == body.html


def test_a_paragraph_that_a_class_makes_a_heading_is_one() -> None:
    post = read("huxiu/article", "post.json")
    body = clean(post["body_parts"][0], post["url"], all_sites()["huxiu"].clean_rules)
    assert "<h2>三张桌子</h2>" in body.html, "the outline begins at its highest level"
    assert [image.url for image in body.images] == ["https://img.huxiucdn.com/article/content/a.jpg"]


@pytest.mark.parametrize("case", REFUSALS)
def test_a_page_that_is_no_post_is_refused_for_its_reason(case: str) -> None:
    about = read(case, "meta.json")
    with pytest.raises(PageError) as refused:
        look(case, about.get("from", about["url"]))
    assert refused.value.reason == read(case, "refusal.json")["reason"]
    assert str(refused.value).startswith(f"{slug_of(case)}: ")


@pytest.mark.parametrize("case", LISTS)
def test_a_list_names_its_links_and_tells_of_them_what_is_expected(case: str) -> None:
    content_type = read(case, "meta.json").get("content_type", "")
    links = discover(site_of(case), listing_of(case), body_of(case, "list"), content_type)
    assert [told(link) for link in links] == read(case, "links.json")
    at = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    for text in filter(None, (time for link in links for time in (link.hints.published, link.hints.updated))):
        assert parse_moment(text, fetched_at=at, zone=site_of(case).timezone) is not None, text


@each_site
def test_every_site_has_a_case_for_each_kind_of_its_posts(slug: str) -> None:
    of_site = [case for case in POSTS if slug_of(case) == slug]
    assert {place_of(case).kind.name for case in of_site} == {kind.name for kind in all_sites()[slug].kinds}


@each_site
def test_every_site_has_a_case_for_each_shape_of_its_lists(slug: str) -> None:
    site = all_sites()[slug]
    covered = [listing_of(case).shape for case in LISTS if slug_of(case) == slug]
    shapes: list[Shape] = [listing.shape for listing in site.listings]
    shapes += [template.shape for template in site.templates.values()]
    assert [shape for shape in shapes if shape not in covered] == []


@each_site
def test_every_site_has_a_case_for_each_reason_that_its_marks_give(slug: str) -> None:
    marks = all_sites()[slug].marks
    given = {"captcha": marks.blocked, "soft-404": marks.gone, "refused": marks.refused}
    given["no-readable-body"] = marks.unreadable
    covered = {read(case, "refusal.json")["reason"] for case in REFUSALS if slug_of(case) == slug}
    assert {reason for reason, patterns in given.items() if patterns} == covered


@each_site
def test_every_site_says_where_its_facts_come_from_and_of_what_date(slug: str) -> None:
    facts = all_sites()[slug].facts
    assert facts.sources
    assert re.fullmatch(r"(?:\d{4}-\d\d)?", facts.dated)
    assert bool(facts.dated) == bool(facts.note), "a date says of what"
    assert facts.met_live is None or re.fullmatch(r"\d{4}-\d\d-\d\d", facts.met_live)


def test_every_folder_of_cases_is_that_of_a_site_and_is_complete() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} <= set(all_sites())
    for case in FOLDER.glob("*/*"):
        names = {file.name for file in case.iterdir()}
        (given,) = (name for name in names if name.startswith(("page.", "list.")))
        wanted = ("links.json",) if given.startswith("list.") else ("post.json", "refusal.json")
        assert len(names & set(wanted)) == 1, case
        assert names - {given, *wanted} == {"meta.json"}, case
