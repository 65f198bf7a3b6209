"""Whose post is a URL: canonical addresses, and names of sites that nobody described."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import UnsupportedUrlError
from archive.layout import PostRef, parse_post_key
from crawler.addresses import by_site, place_of, profile_of, site_of
from crawler.canonical import canonical_url, host_of_slug, slug_of_host

LABELS = st.from_regex(r"[a-z0-9]{1,4}(?:(?:-{1,3}|_)[a-z0-9]{1,3}){0,2}", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://Blog.Example/A?b=1#top", "https://blog.example/A?b=1"),
        ("http://blog.example", "http://blog.example/"),
        ("http://blog.example:80/a", "http://blog.example/a"),
        ("https://blog.example:8443/a", "https://blog.example:8443/a"),
        (" https://blog.example/a ", "https://blog.example/a"),
        ("https://blog.example./a", "https://blog.example/a"),
        ("https://blog.example/a?utm_source=x&id=7&UTM_Medium=y", "https://blog.example/a?id=7"),
        ("https://blog.example/a?spm=1.2&fbclid=x&gclid=y", "https://blog.example/a"),
        ("https://blog.example/a?from=home&id=7", "https://blog.example/a?from=home&id=7"),
        ("https://blog.example/a?b&c=", "https://blog.example/a?b&c="),
        ("https://例子.中国/路", "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF"),
        ("https://XN--FSQU00A.xn--fiqs8s/", "https://xn--fsqu00a.xn--fiqs8s/"),
    ],
)
def test_one_page_has_one_address(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "a.example/b", "http://", "http://[::1", "https://u:p@a.example/", "http://a.example:x/"],
)
def test_what_is_no_web_address_has_none(url: str) -> None:
    assert canonical_url(url) is None
    with pytest.raises(UnsupportedUrlError, match="no web address"):
        place_of(url)


@given(HOSTS)
def test_a_host_has_a_name_that_keys_can_hold_and_that_tells_the_host(host: str) -> None:
    slug = slug_of_host(host)
    assert slug is not None
    assert host_of_slug(slug) == host
    key = PostRef(site=slug, id="u-0", version=1).key
    assert parse_post_key(key) == PostRef(site=slug, id="u-0", version=1)


@given(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True))
def test_a_name_is_one_hosts_or_none(slug: str) -> None:
    host = host_of_slug(slug)
    assert host is None or slug_of_host(host) == slug


@pytest.mark.parametrize("host", ["-a.example", "a-.example", "a..example", "[::1]", "a b", "", "x" * 300])
def test_what_no_host_is_called_has_no_name(host: str) -> None:
    assert slug_of_host(host) is None


def test_a_site_with_a_profile_is_known_by_all_its_hosts() -> None:
    slug, place = place_of("http://niaogebiji.com/article-1-2.html?utm_source=x")
    assert (slug, place.id, place.url) == ("niaogebiji", "article-1", "https://www.niaogebiji.com/article-1-1.html")
    assert site_of("https://www.niaogebiji.com/rss") == "niaogebiji"
    with pytest.raises(UnsupportedUrlError, match="no post of niaogebiji"):
        place_of("https://www.niaogebiji.com/")


def test_a_page_of_another_site_is_named_by_its_host_and_the_digest_of_its_address() -> None:
    slug, place = place_of("https://my-blog.example/a?spm=1#x")
    assert (slug, place.url) == ("my--blog-example", "https://my-blog.example/a")
    assert re.fullmatch(r"u-[0-9a-f]{32}", place.id)
    assert place.id == place_of("https://my-blog.example/a")[1].id != place_of("http://my-blog.example/a")[1].id
    profile = profile_of(slug)
    assert profile is not None
    assert (profile.title, profile.is_unknown) == ("my-blog.example", True)


def test_a_host_that_is_named_as_a_known_site_is_refused() -> None:
    with pytest.raises(UnsupportedUrlError, match="no name that a site can have"):
        place_of("http://niaogebiji/article-1-1.html")


def test_urls_are_gathered_by_site_each_once_and_bad_ones_told() -> None:
    found, bad = by_site(["https://a.example/1", "x", "https://b.example/1", "https://a.example/1#y"])
    assert found == {"a-example": ["https://a.example/1"], "b-example": ["https://b.example/1"]}
    assert len(bad) == 1
