"""A draft finds what the pages hold, in sites of many builds, and in pages that it has not seen."""

from dataclasses import replace
from datetime import datetime

import pytest

from archive.errors import PageError, UsageError
from crawler.discover import discover
from crawler.draft.account import row
from crawler.draft.findings import Around, likely_articles
from crawler.draft.fixture import case_files, case_name
from crawler.draft.pages import Seen
from crawler.draft.site import SiteDraft, draft_site, slug_of
from crawler.extract import extract, refuse_other_pages
from crawler.pages import texts
from crawler.profile import Feed, HtmlList, address
from pipelines.dates import first_moment
from pipelines.item import RawPost
from tests.crawler.draft.layouts import FETCHED_AT, LAYOUTS, Article, Layout, articles

each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)


def drafted(layout: Layout, count: int = 3) -> SiteDraft:
    """A draft of a list and so many of its articles, the newest left out."""
    told = articles(layout)
    return draft_site([layout.list_page(told), *map(layout.seen, told[1 : count + 1])])


def post_of(draft: SiteDraft, seen: Seen) -> RawPost:
    place = address(draft.site, seen.url)
    assert place is not None, seen.url
    refuse_other_pages(draft.site, place, seen.page)
    return extract(draft.site, place, [seen.page], found=None, fetched_at=FETCHED_AT)


def told_of(layout: Layout, article: Article, post: RawPost) -> dict[str, object]:
    """What a post says of the fields that the layout's pages show."""
    moment = first_moment(post.published_raw, fetched_at=FETCHED_AT, zone="UTC")
    values = {
        "title": post.title,
        "author": post.author,
        "tags": post.tags,
        "section": post.section,
        "published": moment.at if moment else None,
    }
    del article
    return {name: values[name] for name in layout.finds}


def truth(layout: Layout, article: Article) -> dict[str, object]:
    values = {
        "title": article.title,
        "author": article.author,
        "tags": article.tags,
        "section": article.section,
        "published": article.moment.replace(second=0),
    }
    return {name: values[name] for name in layout.finds}


@each_layout
def test_every_field_is_right_in_pages_that_the_draft_has_not_seen(layout: Layout) -> None:
    draft = drafted(layout)
    for article in articles(layout):
        assert told_of(layout, article, post_of(draft, layout.seen(article))) == truth(layout, article)


@each_layout
def test_the_body_is_the_text_and_nothing_else(layout: Layout) -> None:
    draft = drafted(layout)
    for article in articles(layout):
        (body,) = post_of(draft, layout.seen(article)).body_parts
        assert [text for text in article.paragraphs if text not in body] == []
        assert "title" not in body
        assert article.title not in body


@each_layout
def test_the_list_names_every_article_with_its_title_and_time(layout: Layout) -> None:
    draft, told = drafted(layout), articles(layout)
    listing = draft.site.listings[0]
    found = discover(draft.site, listing, layout.list_page(told).body)
    assert [link.url for link in found] == [layout.url(article) for article in told]
    assert [link.hints.title for link in found] == [article.title for article in told]
    times = [first_moment((link.hints.published,), fetched_at=FETCHED_AT, zone="UTC") for link in found]
    assert [moment.at.date() for moment in times if moment] == [article.moment.date() for article in told]


@each_layout
def test_one_article_is_enough_for_a_draft_and_the_draft_says_that_more_are_better(layout: Layout) -> None:
    draft = drafted(layout, 1)
    for article in articles(layout)[:4]:
        assert post_of(draft, layout.seen(article)).title == article.title
    assert any("one article only" in doubt for doubt in draft.doubts)


@each_layout
def test_a_list_names_its_articles_first_of_all_links(layout: Layout) -> None:
    told = articles(layout)
    assert likely_articles(layout.list_page(told)) == tuple(layout.url(article) for article in told)


@each_layout
def test_a_fixture_holds_the_page_byte_for_byte_and_what_the_list_said(layout: Layout) -> None:
    draft = drafted(layout)
    seen = draft.articles[0]
    found = draft.link_to(seen)
    assert found is not None
    files = case_files(draft.site, seen, found)
    assert files["page.html"] == seen.body
    assert sorted(files) == ["meta.json", "page.html", "post.json"]
    assert found.hints.title in files["meta.json"].decode()


def of_blog(*more: Seen, around: Around | None = None) -> SiteDraft:
    layout, told = LAYOUTS[0], articles(LAYOUTS[0])
    return draft_site([layout.list_page(told), *map(layout.seen, told[1:4]), *more], around=around)


def feed(*urls: str) -> Seen:
    items = "".join(f"<item><title>t</title><link>{url}</link></item>" for url in urls)
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>c</title>{items}</channel></rss>'.encode()
    url = "https://slowroads.example/feed/"
    return Seen(name=url, url=url, body=body, content_type="application/rss+xml", fetched_at=FETCHED_AT)


def test_a_feed_that_was_had_is_a_listing_with_a_case_of_its_own() -> None:
    told = articles(LAYOUTS[0])
    draft = of_blog(around=Around(feeds=(feed(LAYOUTS[0].url(told[0])),)))
    shapes = [type(listing.shape) for listing in draft.site.listings]
    assert shapes == [HtmlList, Feed]
    assert {listing.channel for listing in draft.site.listings} == {"Home"}
    files = [case_files(draft.site, seen) for seen in draft.lists]
    assert [sorted(case) for case in files] == [
        ["links.json", "list.html", "meta.json"],
        ["links.json", "list.xml", "meta.json"],
    ]
    assert [case_name(draft.site, seen.url) for seen in draft.lists] == ["list", "list-2"]


def test_a_feed_that_names_no_post_of_the_site_is_no_listing() -> None:
    draft = of_blog(around=Around(feeds=(feed("https://slowroads.example/about"),)))
    assert [type(listing.shape) for listing in draft.site.listings] == [HtmlList]


def test_feeds_and_sitemaps_that_were_not_read_are_told_of() -> None:
    draft = of_blog(around=Around(sitemaps=("https://slowroads.example/map.xml",), crawl_delay=10))
    assert draft.site.delay_seconds == 10
    told = " ".join(draft.draft.notes["listings"])
    assert "https://slowroads.example/feed/" in told
    assert "https://slowroads.example/map.xml" in told
    assert "comments" not in told


def test_a_site_without_a_list_is_drafted_and_says_so() -> None:
    layout = LAYOUTS[1]
    alone = draft_site([layout.seen(article) for article in articles(layout)[:2]])
    assert alone.site.listings == ()
    assert any(doubt.startswith("no list") for doubt in alone.doubts)


def test_a_robots_txt_that_asks_for_less_does_not_quicken_a_crawl() -> None:
    assert of_blog(around=Around(crawl_delay=0.1)).site.delay_seconds == 2


def test_the_language_and_zone_follow_the_text() -> None:
    english, chinese = of_blog().site, drafted(LAYOUTS[1]).site
    assert (english.lang, english.timezone) == ("en-US", "UTC")
    assert (chinese.lang, chinese.timezone) == ("zh", "Asia/Shanghai")


def test_the_site_is_called_what_it_calls_itself() -> None:
    assert [drafted(layout).site.title for layout in LAYOUTS] == ["Slow Roads", "拾光志", "县报网", "门户网"]


def test_a_second_list_of_the_same_build_shares_the_first_ones_selectors() -> None:
    layout, told = LAYOUTS[3], articles(LAYOUTS[3])
    other = replace(layout, list_path="/life/").list_page(told[4:])
    draft = draft_site([layout.list_page(told), other, *map(layout.seen, told[1:4])])
    assert len({listing.shape for listing in draft.site.listings if isinstance(listing.shape, HtmlList)}) == 1
    assert [listing.url for listing in draft.site.listings] == [
        f"https://{layout.host}{path}" for path in ("/tech/", "/life/")
    ]


def test_pages_of_two_sites_are_refused_by_name() -> None:
    one, other = (layout.seen(articles(layout)[0]) for layout in LAYOUTS[:2])
    with pytest.raises(UsageError, match="one site at a time"):
        draft_site([one, other])


def test_a_list_without_an_article_is_refused() -> None:
    layout = LAYOUTS[3]
    with pytest.raises(UsageError, match="no page of an article among"):
        draft_site([layout.list_page(articles(layout))])


HOSTILE = (
    b'<title>"""); import os; os.abort() #</title><p>x</p>',
    b"<html><body></body></html>",
    b"\xff\xfe\x00",
    b"<script>document.title='<h1>x</h1>'</script><h1><script>alert(1)</script></h1>",
    b"<a href='http://[::1'>x</a><a href='//'>y</a><a href='https://e.example/p/1.html'>z</a>" * 50,
    b"<div>" * 3000 + b"x" + b"</div>" * 3000,
)


@pytest.mark.parametrize("body", HOSTILE)
def test_a_page_without_an_article_gives_an_error_that_names_it(body: bytes) -> None:
    seen = Seen(name="bad.html", url="https://e.example/p/7.html", body=body, content_type="", fetched_at=FETCHED_AT)
    with pytest.raises(UsageError, match=r"bad\.html"):
        draft_site([seen])


def test_a_fixture_of_an_address_that_is_no_post_is_refused() -> None:
    draft = drafted(LAYOUTS[0])
    seen = replace(draft.articles[0], url="https://slowroads.example/about")
    with pytest.raises(PageError, match="no address of a post there"):
        case_files(draft.site, seen)


def test_times_that_are_not_read_are_doubted() -> None:
    layout = LAYOUTS[3]
    told = articles(layout)

    def odd(article: Article) -> Seen:
        seen = layout.seen(article)
        shown = f"{article.moment:%Y年%m月%d日 %H:%M}".encode()
        return replace(seen, body=seen.body.replace(shown, b"some time in autumn"))

    draft = draft_site([layout.list_page(told), *map(odd, told[1:4])])
    assert any(doubt.startswith("published: not found") for doubt in draft.doubts)


@pytest.mark.parametrize(
    ("host", "slug"),
    [
        ("www.woshipm.com", "woshipm"),
        ("36kr.com", "36kr"),
        ("blog.example.com.cn", "blog-example"),
        ("a", "a"),
        ("127.0.0.1", "127-0-0"),
    ],
)
def test_a_slug_is_made_of_the_host(host: str, slug: str) -> None:
    assert slug_of(host) == slug


def test_the_notes_say_in_how_many_pages_a_selector_was_right() -> None:
    notes = of_blog().draft.notes["kinds.0.fields.title"]
    assert notes[0].startswith("3 of 3 pages: 'What the ")


def test_the_fixture_is_of_a_page_that_lacks_nothing() -> None:
    layout, told = LAYOUTS[3], articles(LAYOUTS[3])
    poor = layout.seen(told[1])
    poor = replace(poor, body=poor.body.replace(f"{told[1].moment:%Y年%m月%d日 %H:%M}".encode(), b""))
    draft = draft_site([layout.list_page(told), poor, *map(layout.seen, told[2:4])])
    best = draft.articles[0]
    assert best.url != poor.url
    assert texts(best.page.tree, draft.site.kinds[0].fields["published"])
    assert datetime(2026, 1, 1, tzinfo=FETCHED_AT.tzinfo) < FETCHED_AT


@each_layout
def test_the_row_for_the_table_of_sites_says_what_the_table_has_to(layout: Layout) -> None:
    site = drafted(layout).site
    told = row(site)
    assert told.startswith(f"| `{site.slug}` | {site.title} | {site.hosts[0]} | {len(site.listings)} (")
    assert all(part in told for part in (site.facts.dated, site.facts.note, *site.facts.sources))
    assert told.count("|") == 8
