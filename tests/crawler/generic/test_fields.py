"""Single rules of the metadata, on pages as small as shows them."""

from __future__ import annotations

import pytest

from crawler.extract import Page
from crawler.generic import FoundArticle, find_article

URL = "https://www.example.com/2021/0312/8812.html"
TEXT = "".join(
    f"<p>{text}</p>"
    for text in (
        "三月的茶山还带着凉意，采茶的人天不亮就上了坡，篮子里铺着一层洗净的棉布。",
        "村里的老茶师说，头一道嫩芽要在露水干透以后再摘，否则炒出来的茶会发苦。",
        "今年雨水比往年多，合作社把晾晒的棚子加高了半米，又添了两台小型的揉捻机。",
    )
)
ENGLISH = "".join(
    f"<p>{text}</p>"
    for text in (
        "The tram museum opened its doors again on Saturday, after two winters in which the roof was mended.",
        "Volunteers had sorted more than four thousand spare parts, and each of them now lies in a drawer.",
    )
)


def found(*, head: str = "", byline: str = "", text: str = TEXT, tail: str = "", url: str = URL) -> FoundArticle:
    html = (
        f"<html><head><title>茶山上的新芽_乡村_江畔网</title>{head}</head><body><h1>茶山上的新芽</h1>{byline}"
        f"<div class=c>{text}</div>{tail}</body></html>"
    )
    return find_article(Page.of(url, html.encode()))


# --- author ---


@pytest.mark.parametrize(
    ("byline", "author"),
    [
        ("<p>作者：陈一帆</p>", "陈一帆"),
        ("<p>作 者：陈一帆　来源：茶乡周报</p>", "陈一帆"),
        ("<p>文/陈一帆</p>", "陈一帆"),
        ("<p>文｜陈一帆 编辑｜李强</p>", "陈一帆"),
        ("<p>本报记者 陈一帆</p>", "陈一帆"),
        ("<p>記者陳一帆／舊港報導</p>", "陳一帆"),
        ("<p>作者：陈一帆 李小山 编辑：王文</p>", "陈一帆 李小山"),
        ("<p>2021-03-12 08:30　来源：茶乡周报</p>", "茶乡周报"),
        ("<p><span>2021-03-12 08:30</span> <a>茶乡周报</a></p>", "茶乡周报"),
        ("<p><span>原创</span><span>茶乡周报</span><span>2021-03-12 08:30</span></p>", "茶乡周报"),
        ("<p><span>茶乡周报</span><span>03-12 08:30</span></p>", "茶乡周报"),
        ('<p><a rel="author" href="/a">陈一帆</a></p>', "陈一帆"),
        ('<p><a href="/u/9a8b">阿禾</a> <button>关注</button></p>', "阿禾"),
        ('<div class="author-name">阿禾</div>', "阿禾"),
        ("<p>By Jane Doe</p>", "Jane Doe"),
        ("<p>By Jane Doe and John Roe</p>", "Jane Doe and John Roe"),
        ("<p>Posted by Jane Doe on March 3, 2024</p>", "Jane Doe"),
        ("<p>Written by: Jane Doe | 3 min read</p>", "Jane Doe"),
    ],
)
def test_a_name_that_is_told_as_the_authors_is(byline: str, author: str) -> None:
    assert found(byline=byline).author == author


@pytest.mark.parametrize(
    "byline",
    [
        "",
        "<p>责任编辑：王文</p>",
        "<p>2021-03-12 08:30</p>",
        "<p>2021-03-12 08:30 阅读 1024 评论 3 收藏</p>",
        "<p>来源： 发布时间：2021-03-12 浏览次数：12</p>",
        "<p>作者：佚名</p>",
        "<p>作者：未知</p>",
        "<p>作者：admin</p>",
        "<p>作者：104363</p>",
        "<p>来源：互联网</p>",
        "<p>资料图。记者 贾天勇 摄</p>",
        "<p>著作权归作者所有</p>",
        "<p>2021-03-12 <a href=/category/town>乡村</a></p>",
        '<p><button>关注</button> <a href="/search">搜索</a></p>',
        "<p>Edited by the staff</p>",
        "<p>3 min read</p>",
    ],
)
def test_what_is_no_authors_name_gives_none(byline: str) -> None:
    assert found(byline=byline).author is None


@pytest.mark.parametrize(
    "head",
    [
        '<meta name="author" content="江畔网">',  # the site itself
        '<meta name="author" content="104363">',
        '<meta name="author" content="name, email@example.com">',
        '<meta name="author" content="王晓燕">',  # an editor: nothing on the page says that she wrote it
        '<meta property="article:author" content="https://www.example.com/u/1">',
        '<script type="application/ld+json">{"@type":"Article","author":{"name":"江畔网"}}</script>',
    ],
)
def test_a_claim_that_nothing_confirms_gives_none(head: str) -> None:
    assert found(head=head).author is None


@pytest.mark.parametrize(
    ("head", "source"),
    [
        ('<meta name="author" content="Jane Doe">', "meta author"),
        ('<script type="application/ld+json">{"@type":"Article","author":[{"name":"Jane Doe"}]}</script>', "json-ld"),
        ('<meta name="byl" content="By Jane Doe">', "meta byl"),
    ],
)
def test_a_claimed_person_is_the_author_where_no_byline_stands(head: str, source: str) -> None:
    article = found(head=head, text=ENGLISH)
    assert (article.author, article.sources["author"]) == ("Jane Doe", source)


def test_the_byline_beats_the_claim() -> None:
    article = found(head='<meta name="author" content="Site Owner">', byline="<p>By Jane Doe</p>", text=ENGLISH)
    assert (article.author, article.sources["author"]) == ("Jane Doe", "byline")


def test_by_in_a_sentence_of_the_text_is_no_byline() -> None:
    assert found(text=f"<p>The roof was mended plank by plank.</p>{ENGLISH}").author is None


# --- times ---


@pytest.mark.parametrize(
    ("byline", "times"),
    [
        ("<p>2021年03月12日 08:30</p>", ("2021年03月12日 08:30",)),
        ("<p>发布时间：2021-03-12 08:30:10 来源：茶乡周报</p>", ("2021-03-12 08:30:10",)),
        ("<p><i>2021-03-12</i><i>08:30</i></p>", ("2021-03-12 08:30",)),
        ("<p>昨天 08:30</p>", ("昨天 08:30",)),
        ("<p>3小时前</p>", ("3小时前",)),
        ("<p>03-12 08:30</p>", ("03-12 08:30",)),
        ("<p>民國110年3月12日</p>", ("民國110年3月12日",)),
        ("<p>二〇二一年三月十二日</p>", ("二〇二一年三月十二日",)),
        ("<p>Posted on March 12, 2021</p>", ("March 12, 2021",)),
        ("<p>12 March 2021, 5:30 PM EST</p>", ("12 March 2021, 5:30 PM EST",)),
        ("<p>5:30 PM EST, Fri March 12, 2021</p>", ("5:30 PM EST, Fri March 12, 2021",)),
        ("<p>抓取时间：2021-03-15 08:30</p>", ("2021-03-12",)),  # not that, but the day in the address
        ("<p>版本 1.2.3，第 2 期</p>", ("2021-03-12",)),
    ],
)
def test_a_time_at_the_title_is_when_it_was_published(byline: str, times: tuple[str, ...]) -> None:
    assert found(byline=byline, url="https://www.example.com/20210312/a.html").published_raw == times


def test_a_time_of_an_update_is_one() -> None:
    article = found(byline="<p>2021-03-12 08:30</p><p>最后更新: 2021-03-12 09:00</p>")
    assert (article.published_raw, article.updated_raw) == (("2021-03-12 08:30",), ("2021-03-12 09:00",))


def test_a_time_element_says_it_to_the_second() -> None:
    byline = '<p>Posted on <time datetime="2021-03-12T08:30:10+08:00">March 12, 2021</time></p>'
    assert found(byline=byline).published_raw[0] == "2021-03-12T08:30:10+08:00"


def test_a_visible_time_in_chinese_beats_a_claim_of_the_same_day() -> None:
    head = '<meta property="article:published_time" content="2021-03-12T08:35:00+08:00">'
    article = found(head=head, byline="<p>2021-03-12 08:30</p>")
    assert article.published_raw == ("2021-03-12 08:30", "2021-03-12T08:35:00+08:00")
    assert article.sources["published_raw"] == "line of the page"


def test_a_claim_beats_a_visible_time_of_another_day() -> None:
    head = '<meta property="article:published_time" content="2021-03-12T08:35:00+08:00">'
    assert found(head=head, byline="<p>2021-04-01 08:30</p>").published_raw[0] == "2021-03-12T08:35:00+08:00"


def test_a_claim_with_its_zone_beats_a_visible_time_in_english() -> None:
    head = '<meta property="article:published_time" content="2021-03-12T13:30:00Z">'
    article = found(head=head, byline="<p>March 12, 2021 8:30 AM</p>", text=ENGLISH)
    assert article.published_raw[0] == "2021-03-12T13:30:00Z"


def test_a_day_without_a_year_is_told_whole_by_a_claim_of_the_same_minute() -> None:
    head = '<meta itemprop="dateUpdate" content="2019-09-30 22:46:13">'
    assert found(head=head, byline="<p>发布时间：09-30 22:46</p>").published_raw[0] == "2019-09-30 22:46:13"


def test_times_of_comments_and_lists_are_none() -> None:
    tail = "<div><h3>相关阅读</h3><p><a href=/b>另一条消息</a> 2022-01-01</p></div><p>2022-02-02 08:00 回复</p>"
    assert found(tail=tail, url="https://www.example.com/a").published_raw == ()


def test_a_labelled_time_behind_the_article_is_one() -> None:
    assert found(tail="<p>发布于 2021-03-12 08:30</p>").published_raw == ("2021-03-12 08:30",)


# --- JSON-LD and the rest ---


@pytest.mark.parametrize(
    "script",
    [
        '{"@type":"NewsArticle","headline":"茶山上的新芽","articleSection":"乡村",}',
        '{"@type":"NewsArticle","description":"一\n二","articleSection":"乡村"}',
        '<!-- {"@type":"NewsArticle","articleSection":"乡村"} -->',
        '//<![CDATA[\n{"@type":"NewsArticle","articleSection":"乡村"}\n//]]>',
        '[{"@type":"WebSite"},{"@type":["Thing","BlogPosting"],"articleSection":["乡村"]}]',
        '{"@graph":[{"@type":"WebPage"},{"@type":"Article","articleSection":"乡村"}]}',
        '{"@context":"https://ziyuan.baidu.com/contexts/cambrian.jsonld","title":"茶","articleSection":"乡村"}',
        '{"@type":"NewsArticle","articleSection":"乡村"};',
    ],
)
def test_json_ld_is_read_as_pages_have_it(script: str) -> None:
    article = found(head=f'<script type="application/ld+json">{script}</script>')
    assert (article.section, article.sources["section"]) == ("乡村", "json-ld")


@pytest.mark.parametrize(
    "script", ["", "{", '{"a": "b"c"}', "null", "[]", "[[[[[[]]]]]]", '{"@type": 5}', '"text"', "[" * 5000]
)
def test_json_ld_that_cannot_be_mended_is_passed_over(script: str) -> None:
    assert found(head=f'<script type="application/ld+json">{script}</script>').title == "茶山上的新芽"


def test_a_claimed_title_that_was_cut_at_a_quote_yields_to_the_heading() -> None:
    html = (
        '<title>写"救命"的纸团引来警察_江畔网</title><meta property="og:title" content="写">'
        f'<h1>写"救命"的纸团引来警察</h1><div>{TEXT}</div>'
    )
    assert find_article(Page.of(URL, html.encode())).title == '写"救命"的纸团引来警察'


def test_the_sites_own_heading_is_not_the_title() -> None:
    html = f"<title>茶山上的新芽 | 江畔网</title><h1>江畔网</h1><div class=bt>茶山上的新芽</div><div>{TEXT}</div>"
    assert find_article(Page.of(URL, html.encode())).title == "茶山上的新芽"


def test_a_page_title_that_names_the_section_yields_to_the_heading_over_the_text() -> None:
    menu = "<ul><li><a href=/n>新闻动态</a></ul>"
    html = f"<title>新闻动态--江畔网</title>{menu}<h5>茶山上的新芽</h5><p>2021-03-12</p><div>{TEXT}</div>"
    assert find_article(Page.of(URL, html.encode())).title == "茶山上的新芽"


def test_a_logo_is_no_head_image() -> None:
    head = '<meta property="og:image" content="/img/logo.png"><meta name="twitter:image" content="/img/tea.jpg">'
    assert found(head=head).head_image_url == "https://www.example.com/img/tea.jpg"


def test_the_innermost_part_of_the_trail_is_the_section() -> None:
    trail = "<a href=/>首页</a> &gt; <a href=/n>新闻</a> &gt; <a href=/x>乡村</a> &gt; 正文"
    html = f"<title>茶</title><p>{trail}</p><h1>茶山上的新芽</h1>{TEXT}"
    assert find_article(Page.of(URL, html.encode())).section == "乡村"


def test_keywords_are_tags_but_for_the_title_itself() -> None:
    assert found(head='<meta name="keywords" content="茶山上的新芽,茶山，春茶">').tags == ("茶山", "春茶")
