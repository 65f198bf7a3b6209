"""Pages that are no articles: lists, searches, logins, errors, challenges. Each begins with a comment, its address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic import MIN_CONFIDENCE, find_article

FOLDER = Path(__file__).with_name("no_articles")
PAGES = sorted(path.stem for path in FOLDER.glob("*.html"))
SENTENCES = "三月的茶山还带着凉意，采茶的人天不亮就上了坡，篮子里铺着一层洗净的棉布。"


def confidence_of(url: str, html: str) -> int:
    try:
        return find_article(Page.of(url, html.encode())).confidence
    except PageError:
        return 0


def test_there_are_pages_of_many_kinds() -> None:
    assert len(PAGES) >= 15


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_no_article_is_not_taken_for_one(name: str) -> None:
    html = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    address = re.match("<!-- (.*?) -->", html)
    assert address
    assert confidence_of(address[1], html) < MIN_CONFIDENCE - 10


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<html></html>",
        "plain words, without an element.",
        "<title>题</title>",
        f"<p>{SENTENCES}</p>",  # no title
        "<title>题</title><img src=a.png>",
        '<frameset><frame src="a.html"></frameset>',
        "<title>题</title><ul><li><a href=a>一条消息，很长很长的一条消息。</a></ul>",
    ],
)
def test_a_page_without_a_title_or_without_sentences_is_an_error_that_names_it(html: str) -> None:
    with pytest.raises(PageError, match=r"https://example\.com/a: no article found: the page has no") as raised:
        find_article(Page.of("https://example.com/a", html.encode()))
    assert raised.value.reason == "no-article"


def test_the_same_page_at_the_root_of_a_site_is_less_of_an_article() -> None:
    html = f"<title>茶山</title><h1>茶山</h1><p>{SENTENCES}</p>"
    assert confidence_of("https://example.com/", html) < confidence_of("https://example.com/2021/8812.html", html)
