"""What is in the body: all of the article, nothing else, to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic import find_article
from pipelines.clean import clean

URL = "https://www.example.com/2021/0312/8812.html"
SENTENCES = (
    "三月的茶山还带着凉意，采茶的人天不亮就上了坡，篮子里铺着一层洗净的棉布。",
    "村里的老茶师说，头一道嫩芽要在露水干透以后再摘，否则炒出来的茶会发苦。",
    "今年雨水比往年多，合作社把晾晒的棚子加高了半米，又添了两台小型的揉捻机。",
    "到了下午，山路上的车渐渐多起来，都是来买新茶的人，有人一买就是十斤。",
)
PARAGRAPHS = tuple(f"<p>{sentence}</p>" for sentence in SENTENCES)
ALL = "".join(PARAGRAPHS)
REST = "".join(PARAGRAPHS[1:])
LINKS = "".join(f'<li><a href="/n/{number}.html">另一条消息，编号为{number}</a></li>' for number in range(9))
COMMENT = "<div><p>写得真好，我老家也是这样，每到清明前后，全村的人都在坡上忙碌。</p></div>"


def body(html: str) -> str:
    return find_article(Page.of(URL, f"<title>茶山上的新芽</title>{html}".encode())).body


@pytest.mark.parametrize(
    "html",
    [
        f"<h1>茶山上的新芽</h1><div><div>{''.join(PARAGRAPHS[:2])}</div><div>{''.join(PARAGRAPHS[2:])}</div></div>",
        f"<h1>茶山上的新芽</h1><div>{''.join(f'<div>{p}</div>' for p in PARAGRAPHS[:3])}{PARAGRAPHS[3]}</div>",
        f"<h1>茶山上的新芽</h1><div>{PARAGRAPHS[0]}<div class=ad><a href=/b>广告</a></div>{REST}</div>",
        f"<h1>茶山上的新芽</h1><div>{'<br><br>'.join(SENTENCES)}</div>",
        f"<h1>茶山上的新芽</h1><table><tr><td>{ALL}</td><td><ul>{LINKS}</ul></td></tr></table>",
        f"<h1>茶山上的新芽</h1><form>{ALL}</form>",
        f"<div class=has-sidebar><h1>茶山上的新芽</h1><div class=c>{ALL}</div></div>",
        f"<aside><h1>茶山上的新芽</h1><p>2021-03-12</p></aside><article>{ALL}</article>",
        f"<div class=sidebar><ul>{LINKS}</ul></div><h1>茶山上的新芽</h1><div id=content>{ALL}</div>",
        f"<h1>茶山上的新芽</h1><div><p>{SENTENCES[0] * 30}</p>{''.join(PARAGRAPHS[1:])}</div>",
        f"<h1>茶山上的新芽</h1><div>{''.join(f'<div>{s}</div>' for s in (SENTENCES[0] * 30, *SENTENCES[1:]))}</div>",
        f"<h1>茶山上的新芽</h1><div><dl>{''.join(f'<dt>问</dt><dd>{s}</dd>' for s in SENTENCES)}</dl></div>",
    ],
)
def test_an_article_is_found_whole_wherever_it_stands(html: str) -> None:
    text = clean(body(html), URL).text
    assert [sentence for sentence in SENTENCES if sentence not in text] == []
    assert "另一条消息" not in text


@pytest.mark.parametrize(
    "beside",
    [
        f'<div class="comments">{COMMENT * 20}</div>',
        f'<div id="respond-list">{COMMENT * 20}</div>',
        f"<section><h3>全部评论</h3>{COMMENT}</section>",
        f"<section><h2>3 Comments</h2>{COMMENT}</section>",
        f"<div><h3>相关阅读</h3><ul>{LINKS}</ul></div>",
        f"<div><h4>为您推荐</h4>{COMMENT}</div>",
        f"<aside>{COMMENT}</aside>",
        f"<ul>{LINKS}</ul>",
        f"<footer>{COMMENT}</footer>",
        f'<div style="display:none">{COMMENT}</div>',
    ],
)
@pytest.mark.parametrize("inside", [True, False], ids=["in the container", "beside it"])
def test_comments_lists_and_what_is_hidden_are_no_part_of_it(beside: str, *, inside: bool) -> None:
    around = f"<div class=c>{ALL}{beside}</div>" if inside else f"<div class=c>{ALL}</div>{beside}"
    text = clean(body(f"<h1>茶山上的新芽</h1>{around}"), URL).text
    assert SENTENCES[-1] in text
    if "<ul>" not in beside or not inside or "相关" in beside:  # a bare list in the text may be the article's own
        assert "写得真好" not in text
        assert "另一条消息" not in text


def test_an_article_may_end_in_a_list_of_links_longer_than_itself() -> None:
    html = body(
        f"<h1>茶山上的新芽</h1><div class=c>{ALL}<h2>参考</h2><ol>{LINKS * 5}</ol></div><p>地址：一号，电话：二。</p>"
    )
    assert clean(html, URL).text.count("另一条消息") == 45
    assert all(sentence in html for sentence in SENTENCES)


def test_the_title_and_the_byline_over_the_text_are_left_out_of_it() -> None:
    html = body(f"<div class=c><h1>茶山上的新芽</h1><p>2021-03-12 作者：陈一帆</p>{ALL}</div>")
    assert html.startswith(PARAGRAPHS[0])


def test_what_stays_stays_to_the_letter() -> None:
    markup = (
        f'{PARAGRAPHS[0]}<p style="color:red" data-x="1">红<b>字</b>，<a href="/x?a=1&amp;b=2">链接</a>。</p>'
        f'<table class="t"><tbody><tr><td colspan="2">甲</td></tr></tbody></table>{PARAGRAPHS[1]}'
        '<pre>a\n  b</pre><img data-src="/lazy.jpg" src="/blank.gif"><iframe src="//v.example/1"></iframe>'
        f"<ul><li>一</li><li>二</li></ul>{PARAGRAPHS[2]}"
    )
    assert body(f"<h1>茶山上的新芽</h1><div class=c>{markup}</div>") == markup


@pytest.mark.parametrize(
    "picture",
    [
        '<img src="/lead.jpg">',
        '<figure><img src="/lead.jpg"><figcaption>题图</figcaption></figure>',
        '<div><a href="/lead.jpg"><img src="/lead-300x200.jpg"></a></div>',
        '<p><img src="/blank.gif" data-original="/lead.jpg"></p>',
        '<picture><source srcset="/lead.jpg 2x"><img src="/lead.jpg"></picture>',
    ],
)
def test_a_picture_between_the_title_and_the_text_is_the_articles(picture: str) -> None:
    html = body(f"<h1>茶山上的新芽</h1><div><div>{picture}</div><div class=c>{ALL}</div></div>")
    assert any("lead" in image.url for image in clean(html, URL).images)


def test_a_picture_in_a_part_that_seems_to_stand_apart_is_kept() -> None:
    html = body(f'<h1>茶山上的新芽</h1><div class=c><div class="share-pic"><img src="/a.jpg"></div>{ALL}</div>')
    assert [image.url for image in clean(html, URL).images] == ["https://www.example.com/a.jpg"]


# --- size and shape ---


@pytest.mark.parametrize("depth", [10, 300, 3000])
def test_an_article_lies_as_deep_as_it_likes(depth: int) -> None:
    html = body(f"<h1>茶山上的新芽</h1>{'<div>' * depth}{ALL}{'</div>' * depth}")
    assert all(sentence in html for sentence in SENTENCES)


_PIECES = st.sampled_from(
    [
        *(
            "<div>",
            "</div>",
            "<p>",
            "</p>",
            "<table>",
            "<td>",
            "</table>",
            "<a href=/x>",
            "</a>",
            "<h1>",
            "</h1>",
            "<br>",
        ),
        *(
            "<img src=a.jpg>",
            "<title>",
            "</title>",
            "<ul><li>",
            "<time datetime=x>",
            "<script type=ld+json>",
            "</script>",
        ),
        *(
            '<meta property="og:title" content="茶">',
            "<div class=comment>",
            "<div itemprop=articleBody>",
            "<form>",
            "\x00",
        ),
        *(
            SENTENCES[0],
            "作者：",
            "2021-03-12",
            "By Jane Doe",
            "相关阅读",
            "下一页",
            "1/2",
            "&#x1F600;",
            "<a rel=next href='_2'>",
        ),
    ]
)


@given(st.lists(_PIECES, max_size=40))
def test_no_markup_makes_it_raise_anything_but_that_there_is_no_article(pieces: list[str]) -> None:
    try:
        article = find_article(Page.of(URL, "".join(pieces).encode()))
    except PageError:
        return
    assert article.title
    assert 0 <= article.confidence < 100
