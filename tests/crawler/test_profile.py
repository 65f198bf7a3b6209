"""What a URL is at a site, and a user's selectors in a profile."""

import pytest

from crawler.profile import FIELDS, SiteProfile, address, numbered_url, with_selectors
from crawler.sites import all_sites

SITE = all_sites()["niaogebiji"]
ARTICLE = "https://www.niaogebiji.com/article-482538-1.html"
BULLETIN = "https://www.niaogebiji.com/pc/bulletin/detail?id=10187"


@pytest.mark.parametrize(
    ("url", "id_", "canonical"),
    [
        (ARTICLE, "article-482538", ARTICLE),
        ("http://www.niaogebiji.com/article-482538-1.html", "article-482538", ARTICLE),
        ("https://niaogebiji.com/article-482538-1.html", "article-482538", ARTICLE),
        ("https://WWW.NIAOGEBIJI.COM/article-482538-1.html", "article-482538", ARTICLE),
        ("https://www.niaogebiji.com:443/article-482538-1.html", "article-482538", ARTICLE),
        (f"{ARTICLE}#comments", "article-482538", ARTICLE),
        (f"{ARTICLE}?from=weixin&isappinstalled=0", "article-482538", ARTICLE),
        ("https://www.niaogebiji.com/article-482538-2.html", "article-482538", ARTICLE),
        (BULLETIN, "bulletin-10187", BULLETIN),
        ("https://www.niaogebiji.com/pc/bulletin/detail/?id=10187", "bulletin-10187", BULLETIN),
        ("https://www.niaogebiji.com/pc/bulletin/detail?from=home&id=10187&x=1#top", "bulletin-10187", BULLETIN),
        ("https://www.niaogebiji.com/pc/bulletin/detail?uid=7&id=10187", "bulletin-10187", BULLETIN),
    ],
)
def test_all_variants_of_an_address_are_one_post(url: str, id_: str, canonical: str) -> None:
    place = address(SITE, url)
    assert place is not None
    assert (place.id, place.url) == (id_, canonical)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.niaogebiji.com/",
        "https://www.niaogebiji.com/cat/101",
        "https://www.niaogebiji.com/article-x-1.html",
        "https://www.niaogebiji.com/x/article-482538-1.html",
        "https://www.niaogebiji.com/pc/bulletin/detail?uid=7",
        "https://www.niaogebiji.com.example.com/article-482538-1.html",
        "https://aso.niaogebiji.com/article-482538-1.html",
        "ftp://www.niaogebiji.com/article-482538-1.html",
        "javascript:;",
        "mailto:a@niaogebiji.com",
        "http://[broken/article-482538-1.html",
        "",
    ],
)
def test_other_addresses_are_no_posts(url: str) -> None:
    assert address(SITE, url) is None


def test_an_article_and_a_bulletin_of_one_number_are_two_posts() -> None:
    places = [address(SITE, ARTICLE.replace("482538", "10187")), address(SITE, BULLETIN)]
    assert [place and place.id for place in places] == ["article-10187", "bulletin-10187"]


def test_a_selector_of_the_user_stands_in_place_of_the_profiles() -> None:
    site = with_selectors(SITE, {"article": {"title": ("h2.new",)}})
    assert fields_of(site, "article")["title"] == ("h2.new",)


def test_other_fields_other_kinds_and_the_profile_itself_stay_as_they_are() -> None:
    site = with_selectors(SITE, {"article": {"title": ("h2.new",)}})
    before = fields_of(SITE, "article")
    assert "h2.new" not in before["title"]
    assert {**fields_of(site, "article"), "title": before["title"]} == before
    assert fields_of(site, "bulletin") == fields_of(SITE, "bulletin")


def test_a_field_that_the_profile_leaves_out_can_be_added() -> None:
    assert "author" not in fields_of(SITE, "bulletin")
    site = with_selectors(SITE, {"bulletin": {"author": (".by",)}})
    assert fields_of(site, "bulletin")["author"] == (".by",)


@pytest.mark.parametrize(
    ("kind", "field", "named"), [("artikel", "title", "artikel"), ("article", "titel", "article.titel")]
)
def test_a_kind_or_field_that_there_is_not_is_named(kind: str, field: str, named: str) -> None:
    with pytest.raises(KeyError) as raised:
        with_selectors(SITE, {kind: {field: ("h1",)}})
    assert raised.value.args == (named,)


def test_the_digest_tells_other_rules_of_extraction_and_nothing_else() -> None:
    assert with_selectors(SITE, {}).digest == SITE.digest
    assert with_selectors(SITE, {"article": {"title": ("h2.new",)}}).digest != SITE.digest


def fields_of(site: SiteProfile, kind: str) -> dict[str, tuple[str, ...]]:
    (found,) = (each for each in site.kinds if each.name == kind)
    return dict(found.fields)


@pytest.mark.parametrize("slug", all_sites())
def test_every_profile_holds_together(slug: str) -> None:
    site = all_sites()[slug]
    for kind in site.kinds:
        assert set(kind.fields) <= set(FIELDS)
        assert {"body"} <= set(kind.fields)
    listed = [listing.key for listing in site.listings]
    assert len(set(listed)) == len(listed)
    assert len({kind.name for kind in site.kinds}) == len(site.kinds)


@pytest.mark.parametrize("slug", all_sites())
def test_a_post_by_its_number_is_a_post_of_the_site_by_that_number(slug: str) -> None:
    for kind in all_sites()[slug].kinds:
        url = numbered_url(kind, 7300000000000000001)
        place = address(all_sites()[slug], url) if url else None
        assert url is None or (place is not None and place.id == f"{kind.name}-7300000000000000001")
