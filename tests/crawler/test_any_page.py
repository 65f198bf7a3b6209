"""A page that no profile knows: what is refused as no page, and what of a feed goes into its post."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from archive.errors import PageError
from crawler.any_page import continues, make_post, read_article, refuse_other_files, refuse_other_places
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, extract_full_text
from crawler.full_texts import FullText, FullTexts
from crawler.profile import SiteProfile, address
from crawler.unknown import unknown_site
from pipelines.item import RawPost
from tests.web import article

URL = "https://blog.example/a/1"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def site() -> SiteProfile:
    found = unknown_site("blog-example")
    assert found is not None
    return found


def page(text: str, url: str = URL) -> Page:
    return Page.of(url, text.encode())


def post(text: str, *, hints: Hints, channel: str = "") -> RawPost:
    place, read = address(site(), URL), page(text)
    assert place is not None
    found = FoundLink(url=URL, channel=channel, hints=hints)
    return make_post(site(), place, [(read, read_article(site(), read))], found=found, fetched_at=NOW)


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (b"%PDF-1.7", "text/html", "a PDF"),
        (b"\xff\xd8\xff\xe0", "", "an image"),
        (b"PK\x03\x04", "application/octet-stream", "a ZIP archive"),
        (b"\x00\x00\x00\x18ftypmp42", "text/html", "a film or an image"),
        (b"{}", "application/json; charset=utf-8", "of the type application/json"),
        (b"x", "video/mp4", "of the type video/mp4"),
    ],
)
def test_what_is_no_page_is_told_by_its_kind(body: bytes, content_type: str, kind: str) -> None:
    with pytest.raises(PageError, match=kind) as refusal:
        refuse_other_files(site(), URL, body, content_type)
    assert refusal.value.reason == "not-html"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "Text/HTML;charset=gbk", "application/xhtml+xml", "text/plain", "application/octet-stream"],
)
def test_a_page_is_one_by_any_of_the_types_that_servers_give_it(content_type: str) -> None:
    refuse_other_files(site(), URL, b"<html>", content_type)


@pytest.mark.parametrize(
    ("final", "reason"),
    [
        ("https://blog.example/login?next=/a/1", "login-required"),
        ("https://passport.example.com/x", "login-required"),
        ("https://blog.example/user/login", "login-required"),
        ("https://blog.example/", "moved-away"),
        ("https://www.blog.example/", "moved-away"),
    ],
)
def test_an_address_that_leads_to_a_login_or_the_front_page_gives_no_post(final: str, reason: str) -> None:
    with pytest.raises(PageError) as refusal:
        refuse_other_places(site(), URL, final)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("asked", "final"),
    [
        (URL, "https://blog.example/a/1?x=1"),
        (URL, "https://blog.example/2026/authors-of-logic"),
        ("https://blog.example/", "https://www.blog.example/"),
        ("https://blog.example/login", "https://blog.example/login/"),
    ],
)
def test_other_ways_are_fine(asked: str, final: str) -> None:
    refuse_other_places(site(), asked, final)


@pytest.mark.parametrize(
    ("other", "same"),
    [("怎样保存文章", True), ("怎样保存文章（2）", True), ("怎样保存文章_第2页", True), ("怎样画一只鸟", False)],
)
def test_a_further_page_is_one_of_the_same_article_by_its_title(other: str, same: bool) -> None:  # noqa: FBT001
    first, second = (read_article(site(), page(article(title))) for title in ("怎样保存文章", other))
    assert continues(first, second) is same


def test_a_list_tells_times_and_the_page_the_rest() -> None:
    told = Hints(title="列表的标题", author="列表的作者", published="2026-01-01T08:00:00+08:00", tags=("甲",))
    head = '<meta property="article:published_time" content="2025-12-31T00:00:00+08:00">'
    found = post(article("页面的标题", site="我的博客", head=head), hints=told, channel="订阅")
    assert found.title == "页面的标题"
    assert found.published_raw[:2] == ("2026-01-01T08:00:00+08:00", "2025-12-31T00:00:00+08:00")
    assert (found.author, found.tags) == ("列表的作者", ("甲",))
    assert found.categories == ("我的博客", "订阅")
    assert found.sources["published_at"] == found.sources["author"] == "the list that named it"
    assert found.sources["title"] != "the list that named it"


def test_a_page_that_names_no_site_is_of_the_feed_or_of_the_host() -> None:
    assert post(article("标题在这里"), hints=Hints(), channel="订阅").categories == ("订阅",)
    nameless = post(article("标题在这里"), hints=Hints())
    assert (nameless.categories, nameless.author) == (("blog.example",), "blog.example")


def test_times_without_a_zone_are_of_the_zone_of_the_pages_language() -> None:
    sentences = "".join(
        f"<p>This is sentence {number}, which says how articles are kept for good.</p>" for number in range(12)
    )
    english = f'<html lang="en"><head><title>A nest</title></head><body><h1>A nest</h1>{sentences}</body></html>'
    assert post(article("标题在这里"), hints=Hints()).timezone == "Asia/Shanghai"
    assert post(english, hints=Hints()).timezone == "UTC"


def test_a_feeds_text_makes_a_post_that_says_so() -> None:
    place = address(site(), URL)
    assert place is not None
    found = FoundLink(url=URL, channel="订阅", hints=Hints(title="标题", author="王"))
    made = extract_full_text(
        site(), place, FullText(html="<p>全文</p>", feed="https://f.example/"), found=found, fetched_at=NOW
    )
    assert (made.title, made.author, made.body_parts) == ("标题", "王", ("<p>全文</p>",))
    assert made.sources == dict.fromkeys(("title", "author", "body"), "feed https://f.example/")


def test_texts_kept_aside_come_back_whole_however_many_there_are() -> None:
    texts = FullTexts()
    for number in range(300):
        texts.put(f"u{number}", FullText(html=f"{number}篇" * 20_000, feed="f"))
    texts.put("u7", FullText(html="another", feed="g"))
    assert texts.get("u7") == FullText(html="7篇" * 20_000, feed="f")
    assert texts.get("u299") == FullText(html="299篇" * 20_000, feed="f")
    assert texts.get("none") is None
    texts.close()
