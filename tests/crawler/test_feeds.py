"""What feeds tell: links of broken and odd ones, hints, whole articles."""

from __future__ import annotations

import time

import pytest

from archive.errors import PageError
from crawler.feeds import feed_time, read_feed
from crawler.profile import Feed
from tests.odd_feeds import FEED_URL, ODD_FEEDS, ONE, ROOT, OddFeed, atom, entry, item, json_feed, rss

PARAGRAPHS = "".join(f"<p>这是第{number}段正文，说的是怎样把文章留下来，图片和链接都不丢。</p>" for number in range(12))
CONTENT = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'


def text_of(body: str, shape: Feed | None = None) -> str:
    (found,) = read_feed(FEED_URL, body.encode(), shape=shape).entries
    return found.text


def encoded(html: str) -> str:
    return rss(item(1, more=f"<content:encoded {CONTENT}><![CDATA[{html}]]></content:encoded>"))


@pytest.mark.parametrize("feed", ODD_FEEDS, ids=lambda feed: feed.name)
def test_of_any_feed_the_links_are_found_or_it_is_refused_and_it_takes_no_time(feed: OddFeed) -> None:
    began = time.process_time()
    if feed.refused:
        with pytest.raises(PageError) as refusal:
            read_feed(FEED_URL, feed.body, feed.content_type)
        assert refusal.value.reason == feed.refused
        assert FEED_URL in str(refusal.value)
    else:
        found = read_feed(FEED_URL, feed.body, feed.content_type)
        assert tuple(entry.href for entry in found.entries) == feed.links
    assert time.process_time() - began < 20


def test_the_set_of_odd_feeds_is_large() -> None:
    assert len({feed.name for feed in ODD_FEEDS}) == len(ODD_FEEDS) >= 40


@pytest.mark.parametrize("name", ["GBK", "says UTF-8, is GBK", "says GB2312, is UTF-8", "UTF-16 without its mark"])
def test_titles_are_read_whatever_encoding_a_feed_claims(name: str) -> None:
    (feed,) = (feed for feed in ODD_FEEDS if feed.name == name)
    read = read_feed(FEED_URL, feed.body, feed.content_type)
    assert (read.title, read.entries[0].hints.title) == ("新闻", "第1篇")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("HTML in titles, escaped", "粗体"),
        ("HTML in titles, in CDATA", "强调"),
        ("HTML in titles, bare", "粗体"),
        ("HTML's entities, undeclared", "a —…b"),
        ("bare ampersands", "A & B"),
        ("control characters", "ab"),
        ("the end of CDATA inside CDATA", "a ]]> b"),
    ],
)
def test_a_title_is_its_visible_text(name: str, title: str) -> None:
    (feed,) = (feed for feed in ODD_FEEDS if feed.name == name)
    assert read_feed(FEED_URL, feed.body, feed.content_type).entries[0].hints.title == title


def test_an_item_tells_all_it_shows() -> None:
    more = (
        "<author>editor@news.example (王小明)</author><category>科技</category><category> 科技 </category>"
        "<pubDate>Fri, 22 Jul 2022 16:00:00 +0800</pubDate>"
    )
    (found,) = read_feed(FEED_URL, rss(item(1, more=more)).encode()).entries
    hints = found.hints
    assert (hints.title, hints.author, hints.tags) == ("第1篇", "王小明", ("科技",))
    assert (hints.published, hints.updated, hints.description) == ("2022-07-22T16:00:00+08:00", "", "摘要1")


def test_an_atom_entry_tells_when_it_was_updated() -> None:
    times = "<published>2022-07-22T16:00:00Z</published><updated>2022-07-23T16:00:00Z</updated>"
    more = f"{times}<author><name>李</name></author>"
    (found,) = read_feed(FEED_URL, atom(entry(1, more=more)).encode()).entries
    assert (found.hints.published, found.hints.updated) == ("2022-07-22T16:00:00Z", "2022-07-23T16:00:00Z")
    assert found.hints.author == "李"


def test_an_address_of_mail_is_no_author() -> None:
    (found,) = read_feed(FEED_URL, rss(item(1, more="<author>editor@news.example</author>")).encode()).entries
    assert found.hints.author == ""


def test_a_json_feed_tells_all_it_shows() -> None:
    told = {
        "url": "/p/1.html",
        "title": "第1篇",
        "authors": [{"name": "王"}, {"name": "李"}],
        "tags": ["科技"],
        "date_published": "2022-07-22T16:00:00+08:00",
        "date_modified": "2022-07-23T16:00:00+08:00",
        "summary": "摘要",
        "content_html": PARAGRAPHS,
    }
    read = read_feed(FEED_URL, json_feed(told).encode())
    (found,) = read.entries
    assert (read.title, found.href, found.text) == ("新闻", ONE, PARAGRAPHS)
    assert (found.hints.author, found.hints.tags, found.hints.description) == ("王、李", ("科技",), "摘要")
    assert (found.hints.published, found.hints.updated) == (told["date_published"], told["date_modified"])


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Fri, 22 Jul 2022 16:00:00 GMT", "2022-07-22T16:00:00+00:00"),
        ("22 Jul 2022 16:00:00 +0800", "2022-07-22T16:00:00+08:00"),
        ("Fri, 22 Jul 2022 16:00:00", "2022-07-22T16:00:00"),
        ("2022-07-22 16:00:00", "2022-07-22 16:00:00"),
        ("昨天 08:30", "昨天 08:30"),
        ("Someday soon", "Someday soon"),
    ],
)
def test_a_time_names_a_zone_only_where_the_feed_does(text: str, iso: str) -> None:
    assert feed_time(text) == iso


def test_a_whole_article_is_kept() -> None:
    assert text_of(encoded(PARAGRAPHS)) == PARAGRAPHS
    assert PARAGRAPHS in text_of(atom(entry(1, more=f'<content type="html"><![CDATA[{PARAGRAPHS}]]></content>')))


@pytest.mark.parametrize("end", ["…", "[…]", "<p>阅读全文</p>", '<a href="x">Read more</a> »'])
def test_an_article_that_is_cut_off_is_none(end: str) -> None:
    assert text_of(encoded(PARAGRAPHS + end)) == ""


def test_a_summary_is_no_article_but_where_the_site_puts_articles_there() -> None:
    body = rss(f"<item><link>{ONE}</link><description><![CDATA[{PARAGRAPHS}]]></description></item>")
    assert text_of(body) == ""
    assert text_of(body, Feed(full_text="description")) == PARAGRAPHS
    assert text_of(encoded(PARAGRAPHS), Feed(full_text="none")) == ""


def test_plain_text_becomes_paragraphs() -> None:
    lines = [f"第{number}段 a < b，说的是怎样把文章留下来。" for number in range(20)]
    body = json_feed({"url": ONE, "content_text": "\n\n".join(lines)})
    assert text_of(body).startswith("<p>第0段 a &lt; b，说的是怎样把文章留下来。</p><p>第1段")


def test_links_of_an_article_count_from_its_xml_base() -> None:
    html = f'{PARAGRAPHS}<img src="1.png" data-src="2.png"><a href="/x">x</a>'
    content = f'<content type="html" xml:base="{ROOT}/p/"><![CDATA[{html}]]></content>'
    text = text_of(atom(entry(1, more=content)))
    assert f'src="{ROOT}/p/1.png" data-src="{ROOT}/p/2.png"' in text
    assert f'href="{ROOT}/x"' in text
