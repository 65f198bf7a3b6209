"""What sitemaps tell: posts and the times of their updates, of indexes, packed and broken ones, in bounded memory."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest

from archive.errors import PageError
from crawler.profile import Sitemap
from crawler.sitemaps import chosen, read_sitemap
from tests.support import ROOT

URL = "https://news.example/sitemap.xml"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*entries: str, namespaces: str = f' xmlns="{NAMESPACE}"') -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset{namespaces}>{"".join(entries)}</urlset>'.encode()


def url(number: int, more: str = "") -> str:
    return f"<url><loc>https://news.example/p/{number}.html</loc>{more}</url>"


def index(*sitemaps: tuple[str, str]) -> bytes:
    inside = "".join(f"<sitemap><loc>{loc}</loc><lastmod>{time}</lastmod></sitemap>" for loc, time in sitemaps)
    return f'<sitemapindex xmlns="{NAMESPACE}">{inside.replace("<lastmod></lastmod>", "")}</sitemapindex>'.encode()


def hrefs(body: bytes) -> list[str]:
    return [entry.href for entry in read_sitemap(URL, body).entries]


def pages(*numbers: int) -> list[str]:
    return [f"https://news.example/p/{number}.html" for number in numbers]


def test_a_sitemap_names_pages_and_when_each_was_updated() -> None:
    body = urlset(url(1, "<lastmod>2026-01-02T03:04:05+08:00</lastmod><priority>0.5</priority>"), url(2))
    first, second = read_sitemap(URL, body).entries
    assert (first.href, first.hints.updated) == (pages(1)[0], "2026-01-02T03:04:05+08:00")
    assert (second.href, second.hints.updated) == (pages(2)[0], "")


def test_a_sitemap_of_news_tells_titles_and_times() -> None:
    news = (
        "<news:news><news:publication><news:name>报</news:name></news:publication>"
        "<news:publication_date>2026-01-02</news:publication_date><news:title>题 &amp; 目</news:title></news:news>"
    )
    names = f' xmlns="{NAMESPACE}" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    (entry,) = read_sitemap(URL, urlset(url(1, news), namespaces=names)).entries
    assert (entry.hints.title, entry.hints.published) == ("题 & 目", "2026-01-02")


def test_the_address_of_an_image_is_no_page() -> None:
    image = "<image:image><image:loc>https://img.example/1.png</image:loc></image:image>"
    names = f' xmlns="{NAMESPACE}" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
    before = f"<url>{image}<loc>{pages(1)[0]}</loc></url>"
    assert hrefs(urlset(before, url(2, image), namespaces=names)) == pages(1, 2)


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(urlset(url(1), url(2))),
        urlset(url(1), url(2), namespaces=""),
        urlset(url(1), url(2), namespaces=' xmlns="http://www.google.com/schemas/sitemap/0.84"'),
        b"\xef\xbb\xbf\r\n" + urlset(url(1), url(2)),
        urlset(url(1), url(2)).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        urlset(url(1), url(2), url(3))[:-60],
        gzip.compress(urlset(url(1), url(2)) + b" " * 9)[:-8],
        urlset("<url><loc> \n/p/1.html </loc></url>", "<url><loc></loc></url>", url(2)),
        urlset(url(1), "<url>never closed", url(2)),
        urlset(url(1), url(2)).replace(b"</loc>", b"\x0b</loc>", 1),
        b"https://news.example/p/1.html\r\n\r\nhttps://news.example/p/2.html\n",
        gzip.compress(b"https://news.example/p/1.html\nhttps://news.example/p/2.html"),
    ],
    ids=[
        *("packed", "without a namespace", "an old namespace", "a byte order mark", "UTF-16", "cut off"),
        *("packed and cut off", "relative and empty", "never closed", "a control character", "text", "packed text"),
    ],
)
def test_sitemaps_are_read_as_they_come(body: bytes) -> None:
    assert hrefs(body)[:2] == pages(1, 2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "listing-malformed"),
        (b"<html><body>x</body></html>", "listing-malformed"),
        (b"no address here", "listing-malformed"),
        (b'<rss version="2.0"><channel/></rss>', "listing-malformed"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]>" + urlset(url(1)), "listing-malformed"),
        (b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>" + urlset(url(1)), "listing-malformed"),
        (gzip.compress(bytes(80 * 1024 * 1024)), "too-large"),
    ],
    ids=["nothing", "a page", "text", "a feed", "a bomb", "a file", "a gigabyte"],
)
def test_what_is_no_sitemap_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(PageError) as refusal:
        read_sitemap(URL, body)
    assert (refusal.value.reason, URL in str(refusal.value)) == (reason, True)


def test_an_empty_sitemap_is_one() -> None:
    assert hrefs(urlset()) == []


def test_a_time_that_all_pages_share_is_that_of_the_sitemap() -> None:
    time = "<lastmod>2026-01-02T03:04:05Z</lastmod>"
    many = read_sitemap(URL, urlset(*(url(number, time) for number in range(20)))).entries
    few = read_sitemap(URL, urlset(*(url(number, time) for number in range(3)))).entries
    assert {entry.hints.updated for entry in many} == {""}
    assert {entry.hints.updated for entry in few} == {"2026-01-02T03:04:05Z"}


def test_of_an_index_the_newest_are_chosen_and_no_more_than_the_profile_says() -> None:
    old, new, timeless, other = (
        f"https://news.example/{name}.xml" for name in ("posts-1", "posts-2", "posts-0", "tags")
    )
    read = read_sitemap(URL, index((old, "2025-01-01"), (other, "2026-09-09"), (new, "2026-01-01"), (timeless, "")))
    assert read.entries == ()
    shape = Sitemap(include=r"/posts-\d", most_sitemaps=2)
    assert [url for url, _ in chosen(shape, read)] == [timeless, new]
    assert [own.newest_first for _, own in chosen(shape, read)] == [False, True]
    assert len(chosen(Sitemap(), read)) == 4


MEASURE = """
import resource, sys
from crawler.sitemaps import read_sitemap
body = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = len(read_sitemap("https://news.example/sitemap.xml", body).entries)
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_sitemap_costs_its_entries_and_no_tree() -> None:
    body = gzip.compress(urlset(*(url(number, f"<x>{'y' * 1000}</x>") for number in range(50_000))), 1)
    done = subprocess.run([sys.executable, "-c", MEASURE], input=body, capture_output=True, cwd=ROOT, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == 50_000
    assert megabytes < 50  # its text alone has 55
