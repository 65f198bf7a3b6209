"""Kinds of posts that go beyond markup: selectors of JSON and of source, requests of APIs, ids told by pages."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from archive.errors import PageError, SelectorError
from crawler.config import parse_config, scrapy_settings
from crawler.discover import discover
from crawler.extract import Page, extract, own_address, refuse_challenges, refuse_other_pages
from crawler.pages import check_selector
from crawler.profile import (
    ApiRequest,
    Groups,
    HtmlList,
    JsonDocument,
    JsonList,
    Listing,
    Marks,
    PostAddress,
    PostKind,
    Selectors,
    SiteProfile,
    address,
    numbered_url,
)
from crawler.sites import all_sites

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
URL = "https://www.example.com/p/7"


def doubled(groups: Groups) -> Groups:
    return {**groups, "folder": str(int(groups["id"]) * 2)} if "id" in groups else groups


KIND = PostKind(
    name="post",
    url=r"/p/(?P<id>\d+)",
    canonical="https://www.example.com/p/{id}",
    fields={"title": ("json:title", "h1"), "body": ("json:body",)},
    document=JsonDocument(begin="state="),
)
SITE = SiteProfile(
    slug="example",
    title="示例",
    group="新媒体",
    hosts=("www.example.com",),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(KIND,),
    listings=(),
)


def place(site: SiteProfile = SITE, url: str = URL) -> PostAddress:
    found = address(site, url)
    assert found is not None
    return found


def body(html: str, *selectors: str) -> str | None:
    kind = replace(KIND, fields={"title": ("h1",), "body": selectors})
    return Page.of(URL, html.encode(), kind=kind).html(selectors)


# --- selectors ---


@pytest.mark.parametrize(
    ("selectors", "html", "found"),
    [
        (("json:body",), 'state={"body": "<p>甲</p>"}', "<p>甲</p>"),
        (("json:lead + body",), 'state={"lead": "<p>导</p>", "body": "<p>甲</p>"}', "<p>导</p>\n<p>甲</p>"),
        (("json:body", ".x"), 'state={"body": " "}<div class="x">甲</div>', "甲"),
        (
            ("markdown:body",),
            'state={"body": "# 题\\n\\n~~甲~~ *乙*"}',
            "<h1>题</h1>\n<p><s>甲</s> <em>乙</em></p>\n",
        ),
        (("markdown:body",), 'state={"body": "---\\ntheme: x\\n---\\n甲"}', "<p>甲</p>\n"),
        (("markdown:body",), 'state={"body": "甲\\n\\n---\\n\\n乙"}', "<p>甲</p>\n<hr />\n<p>乙</p>\n"),
        ((r"re:content='([^']*)'",), "<script>content='<p>甲</p>'</script>", "<p>甲</p>"),
        ((".x",), '<p class="x">甲</p><p class="x">乙</p>', "甲"),
        (("all:.x",), '<p class="x">甲</p>广告<p class="x">乙</p>', "<div>甲</div>\n<div>乙</div>"),
        (("all:.x, .y",), '<div class="y">甲<p class="x">乙</p></div>', '<div>甲<p class="x">乙</p></div>'),
        (("json:body", ".x"), "<p>甲</p>", None),
    ],
)
def test_a_body_is_what_the_first_selector_that_finds_any_names(
    selectors: Selectors, html: str, found: str | None
) -> None:
    assert body(html, *selectors) == found


def test_a_required_field_that_no_path_finds_is_an_error_with_the_path() -> None:
    page = Page.of(URL, b'<h1>x</h1>state={"title": "t"}', kind=KIND)
    with pytest.raises(SelectorError, match="json:body"):
        extract(SITE, place(), [page], found=None, fetched_at=NOW)


@pytest.mark.parametrize("selector", ["json:a.b", "markdown:a", r"re:ct = (\d+)", "all:.a, .b", "h1", "xpath://h1"])
def test_these_are_selectors(selector: str) -> None:
    assert check_selector(selector) == selector


@pytest.mark.parametrize("selector", ["re:(", "all:h1[", "json:", "markdown: ", "h1["])
def test_a_selector_that_is_none_is_refused_by_the_configuration(selector: str) -> None:
    with pytest.raises(Exception, match=r"selectors\.post\.title"):
        parse_config({"sites": {"juejin": {"selectors": {"post": {"title": selector}}}}}, "birdnest.toml")


# --- pages that are no posts ---


@pytest.mark.parametrize(
    ("marks", "html", "reason"),
    [
        (Marks(blocked=("source:_challenge",)), "<script>_challenge()</script>", "captcha"),
        (Marks(refused=("违规",)), "<p>此内容违规</p>", "refused"),
        (Marks(unreadable=('source:"isEncrypt":true',)), '<script>x={"isEncrypt":true}</script>', "no-readable-body"),
        (Marks(gone=("删除",), refused=("source:weui-msg",)), '<p class="weui-msg">已删除</p>', "soft-404"),
        (Marks(gone=('"code": 404',)), '<script>state={"code":404}</script>', "soft-404"),
    ],
)
def test_a_page_says_by_its_marks_why_it_is_no_post(marks: Marks, html: str, reason: str) -> None:
    site = replace(SITE, marks=marks)
    with pytest.raises(PageError) as refused:
        refuse_other_pages(site, place(), Page.of(URL, html.encode(), kind=KIND))
    assert refused.value.reason == reason


def test_an_address_that_readers_are_sent_to_for_a_check_is_a_challenge() -> None:
    site = replace(SITE, marks=Marks(blocked=(r"url:/verify\?",)))
    refuse_challenges(site, URL)
    with pytest.raises(PageError) as refused:
        refuse_challenges(site, "https://www.example.com/verify?to=%2Fp%2F7")
    assert refused.value.reason == "captcha"


def test_a_body_in_json_makes_a_post_whatever_words_the_page_uses() -> None:
    site = replace(SITE, marks=Marks(gone=("删除",), blocked=("验证码",)))
    refuse_other_pages(site, place(), Page.of(URL, 'state={"body": "删除验证码"}'.encode(), kind=KIND))


# --- addresses and requests ---


def test_groups_of_an_address_are_filled_into_what_an_api_is_asked() -> None:
    fetch = ApiRequest(url="https://api.example.com/get?id={id}", body='{"id": "{id}", "with": {"all": true}}')
    site = replace(SITE, kinds=(replace(KIND, fetch=fetch),))
    asked = place(site).api_request
    assert asked is not None
    assert (asked.url, asked.body) == ("https://api.example.com/get?id=7", '{"id": "7", "with": {"all": true}}')
    assert place().api_request is None
    assert site.page_hosts == ("www.example.com", "api.example.com")


def test_a_hook_may_tell_groups_that_the_address_only_implies() -> None:
    kind = replace(KIND, groups=doubled, canonical="https://www.example.com/{folder}/{id}")
    assert place(replace(SITE, kinds=(kind,))).url == "https://www.example.com/14/7"
    assert numbered_url(kind, 7) == "https://www.example.com/14/7"


def test_a_number_alone_makes_an_address_by_the_first_form_that_needs_no_more() -> None:
    assert numbered_url(KIND, 7) == URL
    by_category = replace(KIND, canonical="https://www.example.com/{category}/{id}")
    assert numbered_url(by_category, 7) is None
    by_number = ((r"/\?p=(?P<id>\d+)", "https://www.example.com/?p={id}"),)
    assert numbered_url(replace(by_category, other_urls=by_number), 7) == "https://www.example.com/?p=7"


def test_an_id_that_only_the_page_tells_takes_the_place_of_the_addresss() -> None:
    kind = replace(
        KIND,
        url=r"/t/(?P<token>\w+)",
        canonical="https://www.example.com/t/{token}",
        told_by_page={"id": (r"re:var id = (\d+)",)},
    )
    there = place(replace(SITE, kinds=(kind,)), "https://www.example.com/t/AbC")
    assert there.id.startswith("u-")
    told = own_address(there, Page.of(there.url, b"<script>var id = 12</script>", kind=kind))
    assert (told.id, told.url) == ("post-12", there.url)
    assert own_address(there, Page.of(there.url, b"<p>nothing</p>", kind=kind)) == there


def test_the_digest_tells_of_hooks_and_paths_too() -> None:
    hooked = replace(SITE, kinds=(replace(KIND, groups=doubled),))
    pathed = replace(SITE, kinds=(replace(KIND, document=JsonDocument()),))
    assert len({SITE.digest, hooked.digest, pathed.digest}) == 3


def test_the_referer_that_image_hosts_want_is_the_profiles() -> None:
    config = parse_config({}, "birdnest.toml")
    assert scrapy_settings(config, all_sites()["wechat"])["BIRDNEST_IMAGE_REFERER"] == ""
    site = replace(SITE, image_referer="https://www.example.com/")
    assert scrapy_settings(config, site)["BIRDNEST_IMAGE_REFERER"] == "https://www.example.com/"


# --- lists ---


def links(shape: HtmlList | JsonList, text: str) -> list[str]:
    listing = Listing(channel="列", url="https://www.example.com/list", shape=shape)
    return [link.url for link in discover(SITE, listing, text.encode())]


def test_a_link_may_be_made_of_what_an_item_tells() -> None:
    shape = JsonList(items="data", link="https://www.example.com/p/{article.id}", skip=(("kind", "0"),))
    text = '{"data": [{"article": {"id": 7}, "kind": 1}, {"article": {"id": 8}, "kind": 0}, {"article": {}}]}'
    assert links(shape, text) == [URL]


def test_a_list_may_be_json_in_a_page() -> None:
    shape = JsonList(document=JsonDocument(begin="state=", having=("itemList",)), items="itemList", link="url")
    assert links(shape, '<script>state={"a": {"itemList": [{"url": "/p/7"}]}}</script>') == [URL]
    with pytest.raises(PageError, match="expected JSON behind 'state=' with itemList, found none"):
        links(shape, "<p>challenge</p>")


def test_a_list_may_be_html_in_json() -> None:
    shape = HtmlList(item="li", link=("a::attr(href)",), within="data.html")
    assert links(shape, '{"data": {"html": "<li><a href=\\"/p/7\\">x</a></li>"}}') == [URL]
    with pytest.raises(PageError, match=r"expected JSON with HTML at data\.html"):
        links(shape, "<li><a href='/p/7'>x</a></li>")


@pytest.mark.parametrize("templates", [True, False])
def test_what_a_script_would_show_counts_where_the_profile_says_so(*, templates: bool) -> None:
    shape = HtmlList(item="li", link=("a::attr(href)",), templates=templates)
    text = '<li><a href="/p/7">x</a></li><template v-if="a"><li><a href="/p/8">y</a></li></template>'
    assert links(shape, text) == [URL, *(["https://www.example.com/p/8"] if templates else [])]


def test_lists_that_post_to_one_address_are_told_apart_by_their_bodies() -> None:
    keys = [listing.key for listing in all_sites()["juejin"].listings]
    assert len(set(keys)) == len(keys)
