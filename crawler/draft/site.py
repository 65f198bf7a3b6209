"""Pages of one site → a drafted profile, how each part of it is known, and what a person has to look at. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from archive.errors import PageError
from crawler.discover import FoundLink, discover
from crawler.draft import account
from crawler.draft.articles import next_links
from crawler.draft.findings import Around, Findings, Read, find
from crawler.draft.fixture import listing_at
from crawler.draft.pages import Seen
from crawler.draft.source import Draft, plain
from crawler.pages import texts
from crawler.profile import Expectations, Feed, Listing, PostKind, Provenance, SiteProfile, address
from pipelines.clean.rules import TAG_LINKS, CleanRules

KIND = "article"
_SEPARATOR = re.compile(r"\s*[-_|–—·•›»]+\s*")


@dataclass(frozen=True, kw_only=True)
class SiteDraft:
    """A drafted profile with the lines that tell how it came about, and the pages that became its parts.

    `articles` are the pages that a case can be made of, the best first, `lists` one for each shape of list; `doubts`
    is what a person has to look at.
    """

    draft: Draft
    found: tuple[str, ...]
    doubts: tuple[str, ...]
    articles: tuple[Seen, ...]
    lists: tuple[Seen, ...]

    @property
    def site(self) -> SiteProfile:
        return self.draft.site

    def link_to(self, article: Seen) -> FoundLink | None:
        """What the first list that names an article says of it; None where none does."""
        place = address(self.site, article.url)
        links = (link for seen in self.lists for link in _links(self.site, seen))
        return next((link for link in links if place is not None and link.url == place.url), None)


def _links(site: SiteProfile, seen: Seen) -> list[FoundLink]:
    """The posts that a list of the profile names in a page; none where it is no such list."""
    listing = listing_at(site, seen.url)
    try:
        return discover(site, listing, seen.body, seen.content_type) if listing else []
    except PageError:
        return []


def slug_of(host: str) -> str:
    """A short name for a site, of its host.

    >>> slug_of("www.woshipm.com"), slug_of("blog.example.com.cn"), slug_of("36kr.com")
    ('woshipm', 'blog-example', '36kr')
    """
    names = host.lower().removeprefix("www.").split(".")
    ends = 2 if len(names) > 2 and names[-2] in ("com", "net", "org", "gov", "edu", "co", "ac") else 1  # noqa: PLR2004
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(names[:-ends] or names)).strip("-")
    return slug or "site"


def draft_site(pages: Sequence[Seen], *, slug: str = "", around: Around | None = None) -> SiteDraft:
    """The profile that pages of one site suggest. Raises UsageError saying what is lacking."""
    findings = find(pages, around or Around())
    slug = slug or slug_of(findings.hosts[0])
    findings = _with_lists_that_hold(findings, _profile(findings, slug))
    site = _profile(findings, slug)
    by_shape = {listing.shape: seen for listing, seen in reversed([*_pages_of(findings, site)])}
    return SiteDraft(
        draft=Draft(site=site, notes=account.notes(findings, site), summary=account.summary(findings)),
        found=tuple(account.found(findings, site)),
        doubts=tuple(account.doubts(findings, site)),
        articles=tuple(read.seen for read in sorted(findings.articles, key=lambda read: _lacking(findings, read))),
        lists=tuple(seen for _, seen in _pages_of(findings, site) if seen in by_shape.values()),
    )


def _with_lists_that_hold(findings: Findings, site: SiteProfile) -> Findings:
    """The findings without lists and feeds in which the profile as drafted finds no post."""
    lists = tuple((seen, one) for seen, one in findings.lists if _links(site, seen))
    feeds = tuple(seen for seen in findings.around.feeds if _links(site, seen))
    return replace(findings, lists=lists, around=replace(findings.around, feeds=feeds))


def _pages_of(findings: Findings, site: SiteProfile) -> Iterator[tuple[Listing, Seen]]:
    pages = {seen.url: seen for seen in (*(seen for seen, _ in findings.lists), *findings.around.feeds)}
    yield from ((listing, pages[listing.url]) for listing in site.listings if listing.url in pages)


def _lacking(findings: Findings, read: Read) -> tuple[int, int]:
    """How much of the fields a page lacks; pages with a next page last, for a fixture is a post of one page."""
    tree = read.seen.page.tree
    lacks = sum(not texts(tree, part.selectors) for name, part in findings.fields.items() if name != "next_page")
    return int(any(True for _ in next_links(read.seen.page))), lacks


def _profile(findings: Findings, slug: str) -> SiteProfile:
    title = _title(findings)
    return SiteProfile(
        slug=slug,
        title=title,
        group=title,
        hosts=findings.hosts,
        timezone=findings.zone,
        lang=findings.lang,
        kinds=(
            PostKind(
                name=KIND,
                url=findings.addresses.pattern.url,
                canonical=findings.addresses.pattern.canonical,
                fields={name: part.selectors for name, part in findings.fields.items()},
            ),
        ),
        listings=_listings(findings),
        clean_rules=_clean_rules(findings),
        expectations=Expectations(
            min_found=max(1, min((len(one.block.urls) for _, one in findings.lists), default=1) // 2)
        ),
        facts=_facts(findings),
        delay_seconds=max(findings.around.crawl_delay or 0.0, SiteProfile.delay_seconds),
    )


def _title(findings: Findings) -> str:
    """What the site calls itself: its claim, else the end that all titles have in common, else its host."""
    told = [read.located.site_title for read in findings.articles if read.located.site_title]
    if told:
        return plain(Counter(told).most_common(1)[0][0], 40)
    heads = [" ".join((read.seen.page.tree.css("title::text").get() or "").split()) for read in findings.articles]
    ends = [_SEPARATOR.split(head)[-1] for head in heads if len(_SEPARATOR.split(head)) > 1]
    common = Counter(ends).most_common(1)
    if common and common[0][0] and (common[0][1] > 1 or len(heads) == 1):
        return plain(common[0][0], 40)
    return findings.hosts[0].removeprefix("www.")


def _listings(findings: Findings) -> tuple[Listing, ...]:
    found = [Listing(channel=_channel(findings, seen), url=seen.url, shape=one.shape) for seen, one in findings.lists]
    channel = found[0].channel if found else _title(findings)
    found += [Listing(channel=channel, url=seen.url, shape=Feed()) for seen in findings.around.feeds]
    return tuple(found)


def _facts(findings: Findings) -> Provenance:
    day = max(seen.fetched_at for seen in findings.pages)
    counts = (len(findings.lists), "list"), (len(findings.articles), "article")
    told = " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)
    return Provenance(sources=("pages of the site",), dated=f"{day:%Y-%m}", note=told)


def _channel(findings: Findings, seen: Seen) -> str:
    if urlsplit(seen.url).path in ("", "/"):
        return "首页" if findings.lang.startswith("zh") else "Home"
    heads = [text for text in texts(seen.page.tree, ("h1", "title")) if text]
    return plain(_SEPARATOR.split(heads[0])[0], 30) if heads else plain(urlsplit(seen.url).path, 30)


def _clean_rules(findings: Findings) -> CleanRules:
    """Links to pages of the site's own tags in running text are of no use to an archive."""
    pattern_ = re.compile(r"/tags?/")
    held = [
        anchor.get("href") or ""
        for sample in findings.samples
        if sample.body is not None
        for anchor in sample.body.iter("a")
    ]
    if not any(pattern_.search(href) for href in held):
        return CleanRules()
    host = re.escape(findings.hosts[0].removeprefix("www."))
    return CleanRules(tag_links=(*TAG_LINKS, rf"^https?://(?:www\.)?{host}/tags?/"))
