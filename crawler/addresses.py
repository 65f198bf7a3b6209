"""Whose post is a URL: of a site that Birdnest knows, else of its host."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from archive.errors import UnsupportedUrlError
from crawler.canonical import canonical_url
from crawler.profile import PostAddress, SiteProfile, address
from crawler.sites import all_sites
from crawler.unknown import slug_for, unknown_site


def profile_of(slug: str) -> SiteProfile | None:
    """A site's profile: the one that somebody wrote, else that of the host by whose name the slug is made."""
    return all_sites().get(slug) or unknown_site(slug)


def place_of(url: str) -> tuple[str, PostAddress]:
    """The slug of a URL's site, and what the URL is there. Raises UnsupportedUrlError for what can be no post.

    A site that has a profile knows its posts: other pages of its hosts are none.
    """
    for slug, site in all_sites().items():
        place = address(site, url)
        if place is not None:
            return slug, place
    slug = site_of(url)
    other = unknown_site(slug) if slug not in all_sites() else None
    place = address(other, url) if other is not None else None
    if place is None:
        raise UnsupportedUrlError(f"{url!r} is no post of {slug}: its profile says what the addresses of its posts are")
    return slug, place


def site_of(url: str) -> str:
    """The slug of the site whose host a URL names, be it a post or not. Raises UnsupportedUrlError."""
    canonical = canonical_url(url)
    host = urlsplit(canonical).hostname if canonical else None
    if host is None:
        raise UnsupportedUrlError(f"{url!r} is no web address: expected http:// or https://, without a password")
    known = (slug for slug, site in all_sites().items() if host in site.hosts)
    return next(known, None) or slug_for(host, frozenset(all_sites()))


def by_site(urls: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Canonical URLs by the slugs of their sites, and a line for each URL that can be no post."""
    found: dict[str, dict[str, None]] = {}
    bad = []
    for url in urls:
        try:
            slug, place = place_of(url)
        except UnsupportedUrlError as error:
            bad.append(str(error))
        else:
            found.setdefault(slug, {})[place.url] = None
    return {slug: list(urls) for slug, urls in found.items()}, bad
