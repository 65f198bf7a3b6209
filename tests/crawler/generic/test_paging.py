"""The next page of the same article, and nothing that only looks like it."""

from __future__ import annotations

import pytest

from crawler.extract import Page
from crawler.generic import find_article

TEXT = "<p>三月的茶山还带着凉意，采茶的人天不亮就上了坡，篮子里铺着一层洗净的棉布，又盖上一层。</p>" * 3
A = "https://www.example.com"


def following(links: str, url: str, head: str = "") -> str | None:
    html = f"<head><title>茶山</title>{head}</head><body><h1>茶山</h1><div class=c>{TEXT}</div>{links}</body>"
    return find_article(Page.of(url, html.encode())).next_page_url


@pytest.mark.parametrize(
    ("url", "href"),
    [
        (f"{A}/news/8812.html", "/news/8812_2.html"),
        (f"{A}/news/8812.html", "8812-2.html"),
        (f"{A}/news/8812_2.html", "8812_3.html"),
        (f"{A}/n1/2019/0615/c1013-31153719.html", "/n1/2019/0615/c1013-31153719-2.html"),
        (f"{A}/2024/03/a-long-way-home/", "/2024/03/a-long-way-home/2/"),
        (f"{A}/2024/03/a-long-way-home/2/", "/2024/03/a-long-way-home/3/"),
        (f"{A}/2024/03/a-long-way-home/", "/2024/03/a-long-way-home/page/2/"),
        (f"{A}/show?id=5", "/show?id=5&page=2"),
        (f"{A}/show?id=5&page=2", "/show?page=3&id=5"),
        ("https://m.example.com/news/8812.html", f"{A}/news/8812_2.html"),
    ],
)
@pytest.mark.parametrize("text", ["下一页", "下一頁", "[下一页]", "Next page", "Next »", "2", "【2】"])
def test_a_link_to_this_address_with_the_next_number_leads_on(url: str, href: str, text: str) -> None:
    if text.strip("【】") == "2" and "3" in href[-12:]:
        return
    found = following(f'<p><a href="{href}">{text}</a></p>', url)
    assert found is not None
    assert found.endswith(href.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]) or "page=" in found


def test_the_head_may_say_it() -> None:
    head = '<link rel="next" href="/a/8812_2.html">'
    assert following("", f"{A}/a/8812.html", head) == f"{A}/a/8812_2.html"


@pytest.mark.parametrize(
    "row",
    [
        '<div><span>1</span><a href="/x/77_2.html">2</a><a href="/x/77_3.html">3</a></div>',
        '<div><a>上一页</a> 1/3 <a href="/x/77_2.html">下一页</a></div>',
        '<ul><li class="on"><a href="#">1</a></li><li><a href="/x/77_2.html">2</a></li></ul>',
        '<p><a href="/x/77.html">【1】</a><a href="/x/77_2.html">【2】</a><a href="/x/77_3.html">【3】</a></p>',
    ],
)
def test_a_row_of_numbered_pages_leads_on_whatever_the_address_of_this_one(row: str) -> None:
    assert following(row, f"{A}/redirected/elsewhere") == f"{A}/x/77_2.html"


@pytest.mark.parametrize(
    "links",
    [
        '<a href="/news/8813.html">下一篇</a>',
        '<a href="/news/8813.html">下一页</a>',
        '<a href="/news/8813.html">Next</a>',
        '<a rel="next" href="/news/winter-stew.html">Next: Winter stew</a>',
        '<a href="javascript:;">下一页</a>',
        '<a href="#">2</a>',
        "<a>下一页</a>",
        '<div class="comments"><a href="/news/8812_2.html">2</a></div>',
        '<a href="/news/8812.html?cpage=2#comments">2</a>',
        '<a href="/news/8812_2.html">第二部</a>',
        '<a href="http://[broken/2">2</a>',
        '<a href="/news/8812_3.html">3</a>',
        '<a href="/news/8812_1.html">上一页</a>',
    ],
)
def test_another_article_is_not_the_next_page(links: str) -> None:
    assert following(f"<p>{links}</p>", f"{A}/news/8812.html") is None


@pytest.mark.parametrize(
    "head",
    ['<link rel="next" href="/news/8813.html">', '<link rel="next" href="/2024/03/winter-stew/">', '<link rel="next">'],
)
def test_the_next_post_that_a_theme_puts_into_the_head_is_not_the_next_page(head: str) -> None:
    assert following("", f"{A}/news/8812.html", head) is None


def test_an_address_whose_last_number_is_its_own_is_not_counted_on() -> None:
    assert following('<a href="/news/102.html">下一页</a>', f"{A}/news/101.html") is None
    assert following('<a href="/story-2.html">Next</a>', f"{A}/story-1.html") is None
    assert following('<a href="/?p=124">Next</a>', f"{A}/?p=123") is None
