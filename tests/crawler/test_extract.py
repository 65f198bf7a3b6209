"""Pages → RawPost: which source is trusted for a field, what is no post, and what an error says."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from archive.errors import PageError, SelectorError
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, extract, next_page, refuse_other_pages
from crawler.profile import PostAddress, SiteProfile, address, with_selectors
from crawler.sites import all_sites
from pipelines.item import RawPost

SITE = all_sites()["niaogebiji"]
URL = "https://www.niaogebiji.com/article-482538-1.html"
BULLETIN = "https://www.niaogebiji.com/pc/bulletin/detail?id=10187"
NOW = datetime(2022, 7, 23, 1, 0, tzinfo=UTC)
HEAD = '<head><meta name="description" content="页面的摘要"></head>'
META = (
    '<h1 class="title">页面的标题</h1><a class="author">页面的作者</a><span class="writeTime3">2022-07-22 16:05</span>'
)
BODY = '<div class="pc_content"><p>正文</p></div>'
TAGS = '<a class="art_tag">页签</a><a class="art_tag">支付宝</a>'
HINTS = Hints(
    title="列表的标题",
    author="列表的作者",
    published="1658505600",
    updated="1658509200",
    description="列表的摘要",
    tags=("支付宝", "列签"),
)


def article(content: str = META + BODY + TAGS) -> str:
    return f'<html>{HEAD}<body><div class="article">{content}</div></body></html>'


def place(url: str = URL, site: SiteProfile = SITE) -> PostAddress:
    found = address(site, url)
    assert found is not None
    return found


def read(
    *htmls: str,
    url: str = URL,
    hints: Hints | None = HINTS,
    channel: str = "首页",
    site: SiteProfile = SITE,
    requested_url: str = "",
) -> RawPost:
    pages = [Page.of(url.replace("-1.html", f"-{n}.html"), html.encode()) for n, html in enumerate(htmls, 1)]
    found = None if hints is None else FoundLink(url=requested_url or url, channel=channel, hints=hints)
    return extract(site, place(url, site), pages, found=found, fetched_at=NOW)


# --- which source is trusted ---


def test_times_come_from_the_list_first_and_all_else_from_the_page() -> None:
    post = read(article())
    assert post.published_raw == ("1658505600", "2022-07-22 16:05")
    assert post.updated_raw == ("1658509200",)
    assert (post.title, post.author, post.description) == ("页面的标题", "页面的作者", "页面的摘要")
    assert post.tags == ("页签", "支付宝", "列签")


def test_what_the_page_lacks_the_list_tells() -> None:
    post = read(f'<div class="article">{BODY}</div>')
    assert (post.title, post.author, post.description) == ("列表的标题", "列表的作者", "列表的摘要")
    assert (post.published_raw, post.tags) == (("1658505600",), ("支付宝", "列签"))


def test_without_a_list_the_page_tells_all() -> None:
    post = read(article(), hints=None)
    assert (post.published_raw, post.updated_raw) == (("2022-07-22 16:05",), ())
    assert (post.title, post.tags, post.requested_url) == ("页面的标题", ("页签", "支付宝"), URL)


def test_what_nobody_tells_is_empty_and_the_site_is_the_author() -> None:
    post = read(f'<h1>题</h1><div class="article">{BODY}</div>', hints=Hints())
    assert post.author == "鸟哥笔记"
    assert (post.published_raw, post.updated_raw, post.tags) == ((), (), ())
    assert (post.section, post.description, post.head_image_url) == (None, None, None)


def test_a_time_told_twice_alike_is_one() -> None:
    assert read(article(), hints=Hints(published="2022-07-22 16:05")).published_raw == ("2022-07-22 16:05",)


@pytest.mark.parametrize(
    ("channel", "categories"),
    [("首页", ("新媒体", "鸟哥笔记", "首页")), ("", ("新媒体", "鸟哥笔记")), ("鸟哥笔记", ("新媒体", "鸟哥笔记"))],
)
def test_categories_are_group_site_and_channel(channel: str, categories: tuple[str, ...]) -> None:
    assert read(article(), channel=channel).categories == categories
    assert read(article(), hints=None).categories == ("新媒体", "鸟哥笔记")


def test_a_redirected_post_has_its_new_id_and_the_address_that_was_asked_for() -> None:
    post = read(article(), requested_url="https://www.niaogebiji.com/article-1-1.html")
    assert (post.id, post.url) == ("article-482538", URL)
    assert post.requested_url == "https://www.niaogebiji.com/article-1-1.html"


def test_the_head_image_is_an_absolute_address() -> None:
    site = with_selectors(SITE, {"article": {"head_image": (".cover::attr(src)",)}})
    assert read(article(META + BODY + '<img class="cover" src="/a.jpg">'), site=site).head_image_url == (
        "https://www.niaogebiji.com/a.jpg"
    )
    assert read(article(META + BODY + '<img class="cover" src="//[a">'), site=site).head_image_url is None


def test_of_two_copies_of_the_body_the_one_for_large_screens_is_taken() -> None:
    post = read(article(f'{META}{BODY}<div class="pcHide mobile_content"><p>手机</p></div>'))
    assert post.body_parts == ("<p>正文</p>",)


def test_the_page_is_kept_as_it_came() -> None:
    page = article().encode("gbk")
    post = extract(SITE, place(), [Page.of(URL, page, "text/html; charset=gbk")], found=None, fetched_at=NOW)
    assert (post.page, post.title) == (page, "页面的标题")


# --- the source's digest ---


def test_the_same_source_has_the_same_digest_whenever_it_is_fetched() -> None:
    again = extract(SITE, place(), [Page.of(URL, article().encode())], found=None, fetched_at=NOW.replace(year=2023))
    assert again.source_sha256 == read(article(), hints=None).source_sha256


@pytest.mark.parametrize(
    ("old", "new"), [("正文", "改文"), ("页面的标题", "改题"), ("16:05", "16:06"), ("页签", "改签")]
)
def test_another_word_in_any_field_is_another_digest(old: str, new: str) -> None:
    assert read(article().replace(old, new)).source_sha256 != read(article()).source_sha256


def test_what_stands_around_the_article_does_not_count() -> None:
    around = article().replace("</body>", "<p>3126 阅读</p><script>x</script></body>")
    assert read(around).source_sha256 == read(article()).source_sha256


# --- required fields ---


@pytest.mark.parametrize(
    ("content", "field", "selectors"),
    [(META, "body", (".pc_content",)), (BODY, "title", (".article h1.title", ".article h1", "h1"))],
)
def test_a_required_field_that_is_missing_is_named_with_site_selectors_and_url(
    content: str, field: str, selectors: tuple[str, ...]
) -> None:
    with pytest.raises(SelectorError) as raised:
        read(article(content), hints=None)
    error = raised.value
    assert (error.site, error.url, error.field, error.selectors) == ("niaogebiji", URL, field, selectors)
    assert (error.reason, error.exit_code) == ("missing-field", 4)
    assert all(part in str(error) for part in ("niaogebiji", URL, repr(field), " | ".join(selectors), "birdnest probe"))


def test_a_body_selector_that_gives_text_and_no_element_finds_nothing() -> None:
    site = with_selectors(SITE, {"article": {"body": (".pc_content p::text",)}})
    with pytest.raises(SelectorError, match=r"'body' not found: nothing matches \.pc_content p::text"):
        read(article(), site=site)


def test_the_first_selector_with_an_element_gives_the_body() -> None:
    site = with_selectors(SITE, {"article": {"body": (".new", "xpath://div/@class", ".pc_content")}})
    assert read(article(), site=site).body_parts == ("<p>正文</p>",)


@pytest.mark.parametrize(
    ("text", "title"),
    [("短讯。", "短讯。"), ("字" * 40, "字" * 40), ("字" * 41, "字" * 40 + "…"), ("第一\n 行<b>二</b>", "第一 行 二")],
)
def test_a_post_that_may_lack_a_title_is_named_by_its_beginning(text: str, title: str) -> None:
    html = f'<h1 class="bulletinTitle"> </h1><div class="bulletinContent">{text}</div>'
    assert read(html, url=BULLETIN, hints=Hints()).title == title


def test_a_post_without_title_and_text_has_none_to_be_named_by() -> None:
    with pytest.raises(SelectorError) as raised:
        read('<div class="bulletinContent"><img src="a.jpg"></div>', url=BULLETIN, hints=None)
    assert raised.value.field == "title"


# --- pages of one article ---


def test_the_pages_of_an_article_join_in_their_order() -> None:
    second = article('<h1 class="title">第二页的标题</h1><div class="pc_content"><p>下文</p></div>')
    post = read(article(), second)
    assert post.body_parts == ("<p>正文</p>", "<p>下文</p>")
    assert post.title == "页面的标题"
    assert post.source_sha256 != read(article()).source_sha256


def test_a_second_page_without_a_body_is_an_error() -> None:
    with pytest.raises(SelectorError, match="'body' not found"):
        read(article(), article(META))


@pytest.mark.parametrize(
    ("pager", "url"),
    [
        ('<a class="next" href="/article-482538-2.html">下一页</a>', URL.replace("-1.html", "-2.html")),
        ('<a class="next" href="article-482538-2.html">下一页</a>', URL.replace("-1.html", "-2.html")),
        ('<a class="prev" href="/article-482538-1.html">上一页</a>', None),
        ('<a class="next">下一页</a>', None),
        ('<a class="next" href="http://[x">下一页</a>', None),
    ],
)
def test_the_next_page_is_the_pagers_link(pager: str, url: str | None) -> None:
    page = Page.of(URL, f'<div class="page_nav">{pager}</div>'.encode())
    assert next_page(page, place()) == url


# --- pages that are no posts, with status 200 ---


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<title>安全验证</title><body>请完成验证</body>", "captcha"),
        ("<body><p>访问过于频繁，请稍后再试</p></body>", "captcha"),
        ("<body><p>请拖动滑块完成拼图</p></body>", "captcha"),
        ("<body><p>抱歉，您访问的文章不存在或已被删除</p></body>", "soft-404"),
        ("<body><p>该文章已下架</p></body>", "soft-404"),
        ("<title>内容不存在</title>", "soft-404"),
        ("<body><p>文章不存在。请输入验证码</p></body>", "captcha"),  # blocked says nothing about the post
    ],
)
def test_a_page_that_says_it_is_no_post_is_refused_with_what_it_says(html: str, reason: str) -> None:
    with pytest.raises(PageError) as raised:
        refuse_other_pages(SITE, place(), Page.of(URL, html.encode()))
    assert raised.value.reason == reason
    assert str(raised.value).startswith(f"niaogebiji: {URL}: the site ")


@pytest.mark.parametrize(
    "html",
    [
        '<div class="pc_content"><p>登录要输入验证码，文章不存在</p></div>',
        '<p>安全验证</p><div class="pc_content"></div>',
        "<p>请输入关键词</p>",
        '<script>var tip = "验证码"; var gone = "文章不存在";</script><p>字</p>',
    ],
)
def test_words_are_no_sign_in_an_article_or_in_a_script(html: str) -> None:
    refuse_other_pages(SITE, place(), Page.of(URL, html.encode()))


def test_what_the_page_says_is_quoted_with_a_little_around_it() -> None:
    html = f"<p>{'前' * 100}文章不存在{'后' * 100}</p>"
    with pytest.raises(PageError) as raised:
        refuse_other_pages(SITE, place(), Page.of(URL, html.encode()))
    assert f"'{'前' * 15}文章不存在{'后' * 25}'" in str(raised.value)


def test_marks_are_the_profiles() -> None:
    site = replace(SITE, marks=replace(SITE.marks, gone=(), blocked=()))
    refuse_other_pages(site, place(), Page.of(URL, "<p>验证码</p>".encode()))
