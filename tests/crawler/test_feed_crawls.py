"""Crawls by feeds, sitemaps and lists of URLs, of sites known and unknown; whole articles of feeds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from crawler.demo import SITE
from crawler.replica.process import Replica
from crawler.replica.trouble import DELETED_ID, SEED_ID
from tests.web import FAST, SENTENCES, Visitor, Web

FEED = "http://feeds.example/all.xml"
XML = "application/xml"
WHOLE = "".join(f"<p>{sentence}这是订阅源里的全文。</p>" for sentence in SENTENCES * 3)


def feed(items: Sequence[tuple[str, str]], *, text: str = "", title: str = "订阅") -> str:
    content = (
        f'<c:encoded xmlns:c="http://purl.org/rss/1.0/modules/content/"><![CDATA[{text}]]></c:encoded>' if text else ""
    )
    inside = "".join(
        f"<item><title>{name}</title><link>{link}</link>{content}"
        "<pubDate>Fri, 02 Jan 2026 03:04:05 +0800</pubDate></item>"
        for link, name in items
    )
    return f'<rss version="2.0"><channel><title>{title}</title>{inside}</channel></rss>'


def sitemap(*urls: str, lastmod: str = "") -> str:
    inside = "".join(f"<url><loc>{url}</loc>{lastmod}</url>" for url in urls)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</urlset>'


def known(replica: Replica, number: int) -> str:
    return f"{next(iter(replica.origins))}/article-{number}-1.html"


def test_a_feed_of_many_sites_is_a_run_for_each(visitor: Visitor, web: Web) -> None:
    urls = [
        web.article(f"http://{host}.example/{number}", f"{host}的第{number}篇") for host in "ab" for number in (1, 2)
    ]
    web.put(FEED, feed([(url, f"条目{url}") for url in urls]), content_type=XML)
    ended = visitor("crawl", "--feed", FEED, "--json")
    assert ended.code == 0, ended.err
    found = {report["site"]: (report["found"], report["new"]) for report in ended.reports}
    assert found == {"feeds-example": (0, 0), "a-example": (2, 2), "b-example": (2, 2)}
    front = visitor.head(urls[0]).document.front
    assert (front["title"], front["published_at"]) == ("a的第1篇", "2026-01-02T03:04:05+08:00")
    assert front["categories"] == ["订阅"]
    # The page's capture, and the feed's.
    assert [record["segment"].split("/")[1] for record in front["warc"]] == ["a-example", "feeds-example"]
    web.pages()
    again = visitor("crawl", "--feed", FEED, "--json")
    assert {report["site"]: report["known"] for report in again.reports} == {
        "feeds-example": 0,
        "a-example": 2,
        "b-example": 2,
    }
    assert web.pages() == [FEED]
    assert f"found in feed {FEED}" in visitor("why", urls[0]).out


def test_a_route_of_rsshub_gives_posts_of_the_site_it_is_about(visitor: Visitor, web: Web, replica: Replica) -> None:
    hub = "http://rsshub.example"
    links = [(known(replica, SEED_ID), "条目的标题"), (known(replica, DELETED_ID), "删掉的")]
    web.put(f"{hub}/niaogebiji/cat/103", feed(links), content_type=XML)
    ended = visitor("crawl", "--feed", "rsshub:/niaogebiji/cat/103", "--json", rsshub=hub)
    of_hub, of_site = ended.reports
    assert (of_hub["site"], of_site["site"], of_site["found"], of_site["new"]) == ("rsshub-example", SITE, 2, 1)
    assert [failure["reason"] for failure in of_site["failures"]] == ["http-404"]
    front = visitor.head(known(replica, SEED_ID)).document.front
    assert front["id"] == f"article-{SEED_ID}"
    assert front["title"] != "条目的标题"
    assert front["categories"] == ["新媒体", "鸟哥笔记"]
    assert "sources" not in front


def test_feeds_tell_each_other_what_is_of_the_others_site(visitor: Visitor, web: Web) -> None:
    a, b = web.article("http://a.example/1", "甲站的文章"), web.article("http://b.example/1", "乙站的文章")
    feeds = ("http://a.example/feed", "http://b.example/feed")
    web.put(feeds[0], feed([(b, "乙")]), content_type=XML)
    web.put(feeds[1], feed([(a, "甲"), (b, "乙")]), content_type=XML)
    ended = visitor("crawl", "--feed", feeds[0], "--feed", feeds[1], "--json")
    assert {report["site"]: report["new"] for report in ended.reports} == {"a-example": 1, "b-example": 1}
    assert ended.code == 0


def test_a_feeds_text_stands_in_for_a_page_that_cannot_be_had_until_it_can(visitor: Visitor, web: Web) -> None:
    url = web.put("http://a.example/1", "no", status=403)
    web.put(FEED, feed([(url, "订阅源的标题")], text=WHOLE), content_type=XML)
    ended = visitor("crawl", "--feed", FEED, "--json")
    assert ended.code == 0
    assert ended.reports[1]["notes"] == ["1 posts are as a feed holds them, for their pages were not had: http-403 1"]
    first = visitor.head(url).document
    assert first.front["sources"] == dict.fromkeys(("title", "published_at", "body"), f"feed {FEED}")
    assert "这是订阅源里的全文。" in first.body

    assert visitor("crawl", "--feed", FEED, "--full", "--json").reports[1]["unchanged"] == 1

    web.article(url, "网页上的标题")
    assert visitor("archive", url, "--json").report["changed"] == 1
    assert visitor.head(url).document.front["title"] == "网页上的标题"

    web.put(url, "no", status=403)
    ended = visitor("crawl", "--feed", FEED, "--full", "--json")
    assert [failure["reason"] for failure in ended.reports[1]["failures"]] == ["http-403"]
    head = visitor.head(url)
    assert (head.ref.version, head.document.front["title"]) == (2, "网页上的标题")


def test_what_is_no_feed_fails_and_fetches_nothing(visitor: Visitor, web: Web) -> None:
    bomb = '<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + feed([("http://a.example/1", "&b;")])
    web.put(FEED, bomb, content_type=XML)
    other = web.put("http://a.example/feed", "<html><body>Not a feed</body></html>")
    empty = web.put("http://a.example/empty", feed([]), content_type=XML)
    ended = visitor("crawl", "--feed", FEED, "--feed", other, "--feed", empty, "--json")
    assert ended.code == 4
    reasons = {failure["url"]: failure["reason"] for report in ended.reports for failure in report["failures"]}
    assert reasons == {FEED: "listing-malformed", other: "listing-malformed", empty: "listing-empty"}
    assert sorted(web.pages()) == sorted((FEED, other, empty))
    assert "refused" in ended.err


def test_a_known_site_takes_feeds_sitemaps_and_lists_from_the_configuration(
    visitor: Visitor, web: Web, replica: Replica
) -> None:
    numbers = (700_001, 700_002, 700_003)
    feeds = [
        web.put("http://x.example/feed", feed([(known(replica, numbers[0]), "x"), ("http://other.example/", "y")]))
    ]
    packed = web.put("http://x.example/1.xml.gz", gzip.compress(sitemap(known(replica, numbers[1])).encode()))
    broken = "http://x.example/2.xml"
    index = f"<sitemapindex><sitemap><loc>{packed}</loc></sitemap><sitemap><loc>{broken}</loc></sitemap></sitemapindex>"
    sitemaps = [web.put("http://x.example/sitemap.xml", index)]
    lists = [web.put("http://x.example/list.csv", f"title,url\na,{known(replica, numbers[2])}\nb,http://y.example/\n")]
    sources = {"feeds": feeds, "sitemaps": sitemaps, "url_lists": lists}
    more = {"sites": {SITE: {**FAST, **sources}}}
    ended = visitor("crawl", SITE, "--limit", "1", "--json", **more)
    (failure,) = (failure for failure in ended.report["failures"] if failure["what"] == "listing")
    assert (failure["url"], failure["reason"]) == (sitemaps[0], "http-404")
    assert broken in failure["detail"]
    rows = map(json.loads, visitor("frontier", "--due", "-n", "999", "--json").out.splitlines())
    found = {row["url"]: row["found_where"] for row in rows}
    assert found[known(replica, numbers[0])] == f"list {feeds[0]}"
    assert found[known(replica, numbers[1])] == f"list {packed}"
    assert found[known(replica, numbers[2])] == f"list {lists[0]}"
