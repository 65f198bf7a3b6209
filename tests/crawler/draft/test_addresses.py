"""What addresses have in common: the site's own id, dates, the number of a page."""

import pytest

from crawler.draft.addresses import largest_shapes, pattern, shape
from crawler.profile import PostKind, SiteProfile, address

ORIGIN = "https://e.example"


def site(urls: list[str], next_pages: dict[str, str] | None = None) -> SiteProfile:
    found = pattern([ORIGIN + url for url in urls], ORIGIN, next_pages=next_pages)
    assert found is not None
    kind = PostKind(name="article", url=found.url, canonical=found.canonical, fields={})
    return SiteProfile(
        slug="e", title="e", group="e", hosts=("e.example",), timezone="UTC", lang="en", kinds=(kind,), listings=()
    )


@pytest.mark.parametrize(
    ("given", "new", "id_"),
    [
        (["/p/12.html", "/p/15.html"], "/p/20000.html", "article-20000"),
        (["/p/12.html"], "/p/20000.html", "article-20000"),
        (["/article-482538-1.html", "/article-9-1.html"], "/article-7-1.html", "article-7"),
        (["/detail?id=7", "/detail?id=9"], "/detail?id=1204", "article-1204"),
        (["/show.asp?id=7&from=x", "/show.asp?id=9"], "/show.asp?id=8", "article-8"),
        (["/posts/hello-world", "/posts/a-second-one"], "/posts/number-3-of-them", "article-number-3-of-them"),
        (["/posts/hello-world"], "/posts/other", "article-other"),
        (["/2024/05/hello/", "/2024/06/world/", "/2023/06/third/"], "/2025/12/new-one/", "article-new-one"),
        (["/2024/05/22/123.html", "/2024/05/23/129.html"], "/2025/01/02/200.html", "article-200"),
        (["/a/20220722/112.shtml", "/a/20220723/113.shtml"], "/a/20261120/7.shtml", "article-7"),
        (["/dy/article/EB2AMFQ2.html", "/dy/article/EC2AMFQ9.html"], "/dy/article/0XQ7.html", "u-"),
        (["/doc-iimxyqwa123.shtml", "/doc-iimxabcd124.shtml"], "/doc-kncxaaaa9.shtml", "article-kncxaaaa9"),
        (
            ["/news/2024/0522/c90-123.html", "/news/2024/0523/c91-144.html"],
            "/news/2026/1120/c90-200.html",
            "article-200",
        ),
        (["/s/what-we-did-in-may", "/s/what-we-did-in-june"], "/s/a-word", "article-a-word"),
    ],
)
def test_a_pattern_holds_the_next_post_too_and_its_canonical_form_is_the_address(
    given: list[str], new: str, id_: str
) -> None:
    for url in [*given, new]:
        place = address(site(given), ORIGIN + url)
        assert place is not None, url
        assert place.url == ORIGIN + url.replace("&from=x", "")
    found = address(site(given), ORIGIN + new)
    assert found is not None
    assert found.id.startswith(id_)


@pytest.mark.parametrize("other", ["/", "/cat/103", "/p/", "/p/abc.html", "/about.html", "/q/12.html"])
def test_a_pattern_refuses_what_is_no_post(other: str) -> None:
    assert address(site(["/p/12.html", "/p/15.html"]), ORIGIN + other) is None


@pytest.mark.parametrize(
    ("first", "following"),
    [
        ("/article-12-1.html", "/article-12-2.html"),
        ("/p/12.html", "/p/12_2.html"),
        ("/p/12.html", "/p/12-2.html"),
        ("/p/12.html", "/p/12.html?page=2"),
        ("/p/12", "/p/12/2"),
    ],
)
def test_the_second_page_of_an_article_is_the_same_post(first: str, following: str) -> None:
    other = first.replace("12", "15")
    one = site([first, other], {ORIGIN + first: ORIGIN + following})
    places = [address(one, ORIGIN + url) for url in (first, following)]
    assert [place.id for place in places if place] == ["article-12", "article-12"]
    assert {place.url for place in places if place} == {ORIGIN + first}


def test_braces_and_dots_of_an_address_are_themselves() -> None:
    one = site(["/{x}/a.b/1.html", "/{x}/a.b/2.html"])
    place = address(one, f"{ORIGIN}/{{x}}/a.b/3.html")
    assert place is not None
    assert place.url == f"{ORIGIN}/{{x}}/a.b/3.html"
    assert address(one, f"{ORIGIN}/{{x}}/aXb/3.html") is None


def test_addresses_that_nothing_tells_apart_have_no_pattern() -> None:
    assert pattern([f"{ORIGIN}/"], ORIGIN) is None
    assert pattern([], ORIGIN) is None


def test_addresses_of_one_kind_have_one_shape_whatever_their_numbers() -> None:
    urls = [f"{ORIGIN}/p/{n}.html" for n in range(5)] + [f"{ORIGIN}/tag/x", f"{ORIGIN}/p/1.html"]
    assert largest_shapes(urls)[0] == (shape(urls[0]), tuple(urls[:5]))


@pytest.mark.parametrize(
    "url", [f"{ORIGIN}/p?{'a=1&' * 5000}", f"{ORIGIN}/{'9' * 5000}", f"{ORIGIN}/%zz?=&&=", f"{ORIGIN}/{'a-' * 4000}"]
)
def test_an_odd_address_gives_no_error(url: str) -> None:
    shape(url)
    pattern([url], ORIGIN)
    pattern([url, f"{ORIGIN}/p/1.html"], ORIGIN)
