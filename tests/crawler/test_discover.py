"""Listings → links: what counts as a post, what a list tells, and what a list that changed says."""

import json
from typing import Any

import pytest

from archive.errors import PageError
from crawler.discover import FoundLink, discover, listings
from crawler.entries import Hints
from crawler.profile import JsonList, Listing
from crawler.sites import all_sites

SITE = all_sites()["niaogebiji"]
BY_URL = {listing.url.removeprefix("https://www.niaogebiji.com"): listing for listing in SITE.listings}
HOME, MORE, FLASH = BY_URL["/"], BY_URL["/pc/index/getMoreArticle"], BY_URL["/pc/bulletin/index"]


def article(number: int) -> str:
    return f"https://www.niaogebiji.com/article-{number}-1.html"


def card(href: str, content: str = "") -> str:
    return f'<div class="articleBox clearfix" data-timepoint="1658505600"><a href="{href}"></a>{content}</div>'


def urls(listing: Listing, body: str, content_type: str = "") -> list[str]:
    return [link.url for link in discover(SITE, listing, body.encode(), content_type)]


def answer(*items: Any, **other: Any) -> str:
    return json.dumps({"return_code": "200", "return_msg": "", "return_data": list(items), **other})


# --- HTML lists ---


def test_a_card_tells_all_it_shows() -> None:
    body = """<div class="articleListBox"><div class="articleBox clearfix" data-timepoint="1658505600">
      <a href="/article-482538-1.html"><img src="a.jpg"></a>
      <div class="articleTitle elp"> 刚刚！支付宝年度大会
        讲了这些要点 </div>
      <div class="articleContentInner">摘要 &amp; 更多</div>
      <span class="author"> 见实 </span><a class="art_tag">支付宝</a>
      <a class="art_tag"> 服务商 </a><a class="art_tag"></a>
    </div></div>"""
    assert discover(SITE, HOME, body.encode()) == [
        FoundLink(
            url=article(482538),
            channel="首页",
            hints=Hints(
                title="刚刚！支付宝年度大会 讲了这些要点",
                author="见实",
                published="1658505600",
                description="摘要 & 更多",
                tags=("支付宝", "服务商"),
            ),
        )
    ]


def test_a_card_that_tells_nothing_but_its_link_is_a_link() -> None:
    body = '<div class="articleBox"><a href="/article-1-1.html"></a></div>'
    assert discover(SITE, HOME, body.encode()) == [FoundLink(url=article(1), channel="首页", hints=Hints())]


def test_links_keep_the_lists_order_and_each_post_comes_once() -> None:
    body = card("/article-3-1.html") + card("/article-1-1.html") + card("/article-3-1.html") + card("/article-2-1.html")
    assert urls(HOME, body) == [article(3), article(1), article(2)]


@pytest.mark.parametrize(
    "href",
    [
        *("/article-1-1.html", "article-1-1.html", " /article-1-1.html ", "//www.niaogebiji.com/article-1-1.html"),
        *("http://www.niaogebiji.com/article-1-1.html", "https://niaogebiji.com/article-1-1.html"),
        *("/article-1-1.html#comments", "/article-1-1.html?from=weixin&amp;x=1", "/article-1-2.html"),
    ],
)
def test_all_ways_to_write_a_link_are_one_address(href: str) -> None:
    assert urls(HOME, card(href) + card("/article-1-1.html")) == [article(1)]


@pytest.mark.parametrize(
    "href",
    ["https://ad.example.com/article-9-1.html", "javascript:;", "/cat/101", "http://[broken", "mailto:a@b", "#", ""],
)
def test_links_that_are_no_posts_of_the_site_are_left_out(href: str) -> None:
    assert urls(HOME, card(href) + card("/article-1-1.html")) == [article(1)]


def test_a_list_in_gbk_is_read() -> None:
    body = card("/article-1-1.html", '<i class="author">见实</i>').encode("gbk")
    (link,) = discover(SITE, HOME, body, "text/html; charset=gbk")
    assert link.hints.author == "见实"


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        ("", 0),
        ("<h1>改版了</h1>", 0),
        (card("/cat/1") + card("javascript:;"), 2),
        ('<div class="articleBox"></div>', 0),
    ],
)
def test_a_list_that_names_no_post_is_an_error_that_says_what_to_do(body: str, entries: int) -> None:
    with pytest.raises(PageError) as raised:
        urls(HOME, body)
    assert raised.value.reason == "listing-empty"
    assert f"niaogebiji: {HOME.url}: {entries} entries" in str(raised.value)
    assert "birdnest probe niaogebiji" in str(raised.value)


# --- JSON lists ---


def test_an_entry_tells_all_its_fields() -> None:
    item = {
        "link": "/article-482538-1.html",
        "title": " 题\n目 ",
        "author": "见实",
        "summary": "摘要",
        "published_at": "1658505600",
        "updated_at": 1658509200,
        "tag_list": ["支付宝", " 服务商 ", "", "支付宝", None],
        "catname": "私域",
    }
    assert discover(SITE, MORE, answer(item).encode()) == [
        FoundLink(
            url=article(482538),
            channel="首页",
            hints=Hints(
                title="题 目",
                author="见实",
                published="1658505600",
                updated="1658509200",
                description="摘要",
                tags=("支付宝", "服务商"),
            ),
        )
    ]


def test_nested_fields_and_joined_tags_are_read() -> None:
    item = {
        "url": "/pc/bulletin/detail?id=10187",
        "title": " ",
        "pub_time": "1629000000",
        "seo_keywords": "会员, 书店,会员",
        "user_info": {"nickname": "编辑部"},
    }
    (link,) = discover(SITE, FLASH, answer(item).encode())
    assert link == FoundLink(
        url="https://www.niaogebiji.com/pc/bulletin/detail?id=10187",
        channel="今日事",
        hints=Hints(author="编辑部", published="1629000000", tags=("会员", "书店")),
    )


@pytest.mark.parametrize("code", ["200", 200])
def test_a_good_answer_may_give_its_code_as_text_or_number(code: str | int) -> None:
    assert urls(MORE, answer({"link": "/article-1-1.html"}, return_code=code)) == [article(1)]


def test_entries_of_an_unknown_shape_are_passed_over() -> None:
    items: tuple[Any, ...] = (
        None,
        "x",
        3,
        [],
        {},
        {"link": None},
        {"link": {"href": "/article-2-1.html"}},
        {"link": "/article-1-1.html"},
    )
    assert urls(MORE, answer(*items)) == [article(1)]


def test_a_field_of_an_unknown_shape_is_empty() -> None:
    item = {"link": "/article-1-1.html", "title": ["题"], "published_at": None, "tag_list": {"a": "b"}, "author": 1.5}
    (link,) = discover(SITE, MORE, answer(item).encode())
    assert link.hints == Hints()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<html>503</html>", "expected JSON, found b'<html>503</html>'"),
        ("", "expected JSON, found b''"),
        ("[" * 100_000, "expected JSON, found b'[[["),
        (answer({"link": "/article-1-1.html"}, return_code="500"), "return_code is '500', expected '200'"),
        (answer({"link": "/article-1-1.html"}, return_code=None), "return_code is '', expected '200'"),
        ('["return_code"]', "return_code is '', expected '200'"),
        ('{"return_code": "200"}', "return_data is no list: None"),
        ('{"return_code": "200", "return_data": {"a": 1}}', "return_data is no list: {'a': 1}"),
        ('{"return_code": "200", "return_data": "x"}', "return_data is no list: 'x'"),
    ],
)
def test_an_answer_of_another_shape_is_malformed(body: str, found: str) -> None:
    with pytest.raises(PageError) as raised:
        urls(MORE, body)
    assert raised.value.reason == "listing-malformed"
    assert f"niaogebiji: {MORE.url}: {found}" in str(raised.value)


def test_bytes_that_are_no_text_are_malformed() -> None:
    with pytest.raises(PageError) as raised:
        discover(SITE, MORE, b"\xff\xfe\xfd")
    assert raised.value.reason == "listing-malformed"


def test_an_answer_without_entries_is_empty() -> None:
    with pytest.raises(PageError) as raised:
        urls(MORE, answer())
    assert raised.value.reason == "listing-empty"


def test_a_byte_order_mark_before_json_is_passed_over() -> None:
    assert urls(MORE, "\ufeff" + answer({"link": "/article-1-1.html"})) == [article(1)]


def test_a_path_may_lead_through_several_objects() -> None:
    shape = JsonList(items="data.list", ok=("meta.code", "0"), link="post.url")
    body = '{"meta": {"code": 0}, "data": {"list": [{"post": {"url": "/article-1-1.html"}}]}}'
    assert urls(Listing(channel="x", url=MORE.url, shape=shape), body) == [article(1)]


# --- which listings ---


def test_without_a_wish_the_profiles_listings_are_read() -> None:
    assert listings(SITE, {}) == SITE.listings


def test_lists_a_user_asks_for_come_behind_the_profiles() -> None:
    asked = listings(SITE, {"tags": ("支付宝", "A/B"), "categories": ("102",)})[len(SITE.listings) :]
    assert [(listing.channel, listing.url) for listing in asked] == [
        ("支付宝", "https://www.niaogebiji.com/tag/%E6%94%AF%E4%BB%98%E5%AE%9D"),
        ("A/B", "https://www.niaogebiji.com/tag/A%2FB"),
        ("102", "https://www.niaogebiji.com/cat/102"),
    ]


def test_a_list_the_profile_reads_anyway_is_not_read_twice() -> None:
    assert listings(SITE, {"categories": ("101",)}) == SITE.listings


def test_a_template_the_profile_does_not_have_is_named() -> None:
    with pytest.raises(KeyError, match="authors"):
        listings(SITE, {"authors": ("x",)})
