"""Pages that answered 200 and are no posts, and posts that look like such pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.errors import PageError
from crawler.extract import Page
from crawler.identity import BLOCKED, blocked_list, refuse_detours, refuse_strangers
from crawler.profile import Marks, address
from crawler.replica import content, lists, pages
from crawler.sites import all_sites

SITE = all_sites()["niaogebiji"]
URL = "https://www.niaogebiji.com/article-482538-1.html"
NAV = "<div class=nav>" + "首页 私域流量 案例分析 内容运营 今日事 登录 注册 " * 30 + "</div>"
TEXT = "<p>" + "在今天召开的合作伙伴大会上，官方公布了过去一年的成绩单。" * 12 + "</p>"
POSTS = tuple(content.load_posts().values())


def article(body: str, *, title: str = "标题", container: str = "pc_content", head: str = "", more: str = "") -> str:
    return (
        f"<html><head><title>{title}-鸟哥笔记</title>{head}</head><body>{NAV}<div class=article>"
        f'<h1 class=title>{title}</h1><div class="{container}">{body}</div></div>{more}</body></html>'
    )


def bare(text: str, *, title: str = "鸟哥笔记") -> str:
    return f"<html><head><title>{title}</title></head><body>{text}</body></html>"


def reason(text: str | bytes, *, told: str = "", marks: Marks = SITE.marks, lang: str = "zh-CN") -> str | None:
    site = replace(SITE, marks=marks, lang=lang)
    place = address(site, URL)
    assert place is not None
    try:
        refuse_strangers(site, place, Page.of(URL, text if isinstance(text, bytes) else text.encode()), told=told)
    except PageError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    "page",
    [
        article(TEXT),
        article("<p>短讯一则。</p>"),
        article('<img src="/a.png">', title=""),
        article("<p>验证码短信涨价了</p>"),
        article("<p>请先登录再抽奖，访问过于频繁会被拒绝访问</p>"),
        article("<p>知乎：部分内容已下架</p>"),
        article("<p>某小说的页面不存在了，读者说，它昨天还在。</p>"),
        article(TEXT + "<p>抱歉，该文章已被作者删除</p>"),
        article(TEXT, title="安全验证：一次拖动滑块的旅程"),
        article(TEXT, title="404 的故事"),
        article("<p>短。</p>", more='<input type="password"><p>请先登录后评论</p><div class="geetest_panel"></div>'),
        article("<p>In English, all of it.</p>" * 40),
    ],
)
def test_a_post_is_one_whatever_words_it_uses(page: str) -> None:
    assert reason(page) is None


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (pages.captcha(), "captcha"),
        (bare("<p>请完成安全验证后继续访问</p>"), "captcha"),
        (bare("<div id=x></div><script src=/geetest.js></script><div class=geetest_panel></div>"), "captcha"),
        (bare("Checking your browser before accessing", title="Just a moment..."), "captcha"),
        (bare('<div class="cf-turnstile"></div>', title="niaogebiji.com"), "captcha"),
        (article('<p>请完成安全验证</p><div class="geetest_panel"></div>', title=""), "captcha"),
        (bare(NAV + TEXT, title="验证中心"), "captcha"),
        (pages.STAND_INS["login"], "login-wall"),
        (bare("<form>账号登录 忘记密码 <input type=password></form>请先登录", title="欢迎"), "login-wall"),
        (bare(NAV, title="登录 - 鸟哥笔记"), "login-wall"),
        (pages.STAND_INS["waf"], "waf"),
        (bare("<h1>您的访问过于频繁，请稍后再试</h1>"), "waf"),
        (bare("Access Denied. Reference #18.2d351ab8.1557333295", title="Access Denied"), "waf"),
        (bare("nginx", title="403 Forbidden"), "waf"),
        (pages.STAND_INS["parked"], "parked-domain"),
        (bare("<h1>Welcome to nginx!</h1>", title="Welcome to nginx!"), "parked-domain"),
        (bare("<p>该域名正在出售</p>"), "parked-domain"),
        (bare("<p>" + "A page of another site in another language. " * 20 + "</p>", title="Hello"), "foreign-page"),
        (bare("<p>" + "\ufffd" * 300 + "</p>"), "garbled"),
    ],
)
def test_a_page_that_keeps_us_away_is_told_by_its_kind(page: str, expected: str) -> None:
    assert reason(page) == expected
    assert expected in BLOCKED


@pytest.mark.parametrize(
    "page",
    [
        pages.deleted(),
        pages.empty_template(),
        pages.notice_in_template(),
        lists.category("案例分析", POSTS[:8]),
        lists.home(POSTS[:8]),
        bare("<div>很抱歉，您查看的内容不存在，或已被删除！</div>"),
        bare(NAV + "<p>该文章因违反相关法律法规已被删除</p>"),
        bare(NAV, title="404 Not Found"),
        bare("<h1>Sorry, this page does not exist</h1>", title="Oops"),
        bare("<p>The page you requested could not be found.</p>"),
        article("<p>该内容已被发布者删除</p>"),
        article("<p>抱歉，您访问的页面不存在！</p>", title=""),
    ],
)
def test_a_page_that_says_that_the_post_is_gone_is_a_soft_404(page: str) -> None:
    assert reason(page) == "soft-404"


def test_a_template_that_we_do_not_know_is_the_sites_own_page_when_its_title_was_told() -> None:
    changed = article(
        TEXT, container="rich_text_v4", title="一篇关于验证的文章", more=lists.category("案例分析", POSTS[:8])
    )
    assert reason(changed, told="一篇关于验证的文章") is None
    short = bare("<h1 class=t>访问过于频繁</h1><p>请完成安全验证</p>", title="访问过于频繁")
    assert reason(short, told="访问过于频繁") is None
    assert reason(short, told="另一篇") == "captcha"


def test_a_page_without_any_mark_of_the_sites_own_is_foreign_though_it_has_a_container() -> None:
    marks = replace(SITE.marks, own=("a.logo", "xpath://meta[@name='renderer']"))
    page = article(TEXT)
    assert reason(page, marks=marks) == "foreign-page"
    assert (
        reason(page.replace("<div class=article>", '<a class="logo">鸟哥笔记</a><div class=article>'), marks=marks)
        is None
    )


def test_the_language_of_a_site_in_latin_letters_is_not_judged() -> None:
    assert reason(bare("<p>" + "Another language, the same letters. " * 20 + "</p>"), lang="en") is None


@pytest.mark.parametrize("post", POSTS, ids=lambda post: str(post.id))
def test_every_article_of_the_replica_is_its_own_page(post: content.Post) -> None:
    text = pages.article(post, post.body)
    assert text is not None
    assert reason(text, told=post.title) is None
    assert reason(text) is None


@pytest.mark.parametrize(
    ("led_to", "expected"),
    [
        ("https://www.niaogebiji.com/", "soft-404"),
        ("https://niaogebiji.com", "soft-404"),
        ("https://www.niaogebiji.com/cat/103", "soft-404"),
        ("https://www.niaogebiji.com/404.html", "soft-404"),
        ("https://www.niaogebiji.com/error/notfound", "soft-404"),
        ("https://passport.niaogebiji.com/login?next=%2Farticle-1-1.html", "login-wall"),
        ("https://www.niaogebiji.com/user/login", "login-wall"),
        ("https://www.niaogebiji.com/captcha?back=/", "captcha"),
        ("https://verify.example.com/", "captcha"),
        ("https://www.niaogebiji.com/about", None),
        ("https://other.example/", None),
        ("https://other.example/news/challenge-cup", None),
        ("http://[::1", None),
    ],
)
def test_where_a_redirect_leads_tells_why(led_to: str, expected: str | None) -> None:
    if expected is None:
        refuse_detours(SITE, URL, led_to)
        return
    with pytest.raises(PageError) as refused:
        refuse_detours(SITE, URL, led_to)
    assert refused.value.reason == expected


@pytest.mark.parametrize(
    ("page", "expected"), [(pages.captcha(), "captcha"), (lists.home([]), None), (pages.not_found(), None), ("", None)]
)
def test_a_list_that_names_nothing_may_be_a_page_that_keeps_us_away(page: str, expected: str | None) -> None:
    found = blocked_list(SITE, SITE.listings[0].url, page.encode(), "text/html")
    assert (found.reason if found else None) == expected
