"""What a draft says of itself: the comments of its module, the lines on the terminal, and what a person has to look at.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crawler.draft.findings import Findings, first_of, target
from crawler.draft.lists import Part
from crawler.draft.pages import feeds_of
from crawler.draft.source import Notes, plain
from crawler.profile import Feed, SiteProfile, address
from pipelines.dates import parse_moment

_ZONED = re.compile(r"(?:[+-]\d\d:?\d\d|Z|GMT|UTC)$")
_EXPECTED = ("title", "author", "published", "tags", "body")


def summary(findings: Findings) -> tuple[str, ...]:
    kinds = [
        *(f"{read.seen.url} (list)" for read in findings.listed),
        *(f"{read.seen.url} (article)" for read in findings.articles),
    ]
    day = max(seen.fetched_at for seen in findings.pages).date().isoformat()
    how = "The comments say what was found where, and how sure that is: remove each as you confirm it."
    return (f"Drafted by `birdnest new-site` from pages of {day}: {', '.join(kinds)}. {how}",)


def notes(findings: Findings, site: SiteProfile) -> Notes:
    kind = "kinds.0"
    told: dict[str, tuple[str, ...]] = {
        "slug": ("Part of every key in the archive: choose it now, it never changes.",),
        "group": ("A guess. Opens the categories of every post: what sites of this kind have in common.",),
        "timezone": (_zone_note(findings),),
        f"{kind}.url": tuple(_address_lines(findings, site)),
        "expectations": ("Half of what the list named when it was looked at.",),
    }
    for name, part in findings.fields.items():
        told[f"{kind}.fields.{name}"] = (_field_line(findings, name, part),)
    for number, (_, one) in enumerate(findings.lists):
        for name, part in one.parts.items():
            what = "pages" if name == "next_page" else "entries"
            told[f"listings.{number}.shape.{name}"] = (_part_line(part, what),)
    for number, listing in enumerate(site.listings):
        if isinstance(listing.shape, Feed):
            told[f"listings.{number}"] = ("Named by the pages.",)
    told["listings"] = tuple(_unread(findings))
    return told


def _unread(findings: Findings) -> Iterator[str]:
    """What more could be a listing, and was not read: each listing has a case, and no page was had for one."""
    had = {seen.url for seen in findings.around.feeds}
    feeds = [url for url in feeds_of([seen.page for seen in findings.pages], findings.hosts) if url not in had]
    if feeds:
        yield f"The pages name a feed: {', '.join(feeds[:3])}. A Listing with Feed() reads it."
    if findings.around.sitemaps:
        shown = ", ".join(findings.around.sitemaps[:3])
        yield f"A sitemap names more, likely the whole past: {shown}. A Listing with Sitemap() reads it."


def found(findings: Findings, site: SiteProfile) -> Iterator[str]:
    for read in (*findings.listed, *findings.articles, *findings.others):
        what = (
            "list"
            if read in findings.listed
            else "article"
            if read in findings.articles
            else "neither list nor article"
        )
        yield f"page         {plain(read.seen.name, 60)}: {what}, {read.seen.url}, read as {read.seen.encoding}"
    kind = site.kinds[0]
    yield f"address      {kind.url}  {next(_address_lines(findings, site))}"
    for listing, (_, one) in zip(site.listings, findings.lists, strict=False):
        yield f"list         {listing.channel} {listing.url}"
        for name, part in one.parts.items():
            what = "pages" if name == "next_page" else "entries"
            yield f"  {name:12} {' | '.join(part.selectors)}  {_part_line(part, what)}"
    for listing in site.listings[len(findings.lists) :]:
        yield f"{type(listing.shape).__name__.lower():12} {listing.url}"
    yield f"article      {len(findings.articles)} pages"
    for name, part in findings.fields.items():
        yield f"  {name:12} {' | '.join(part.selectors)}  {_field_line(findings, name, part)}"


def doubts(findings: Findings, site: SiteProfile) -> Iterator[str]:
    yield f"group: {site.group!r} is the site's own name: say what sites of this kind have in common"
    if len(findings.articles) == 1:
        yield "one article only: selectors that fit one page may not fit the next, give two or three more"
    if not findings.lists:
        yield "no list: give the page that names the newest articles, or write a Listing by hand"
    for name in _EXPECTED:
        part = findings.fields.get(name)
        if part is None:
            yield f"{name}: not found: look whether the pages show one"
        elif part.wrong or part.right < part.of:
            yield f"{name}: {_part_line(part, 'pages')}"
    yield from _doubts_of_times(findings)
    yield from (f"listings: {line}" for line in _unread(findings))
    yield "marks: none yet: save a page that says a post is gone, or that checks its reader, and make a case of it"
    for url in findings.addresses.foreign:
        yield f"address: {url} has another shape: a PostKind of its own, or no post"
    for read in findings.others:
        yield f"page: {plain(read.seen.name, 60)} was of no use: neither list nor article"


def row(site: SiteProfile) -> str:
    """The site's row in docs/sites.md."""
    names = {"HtmlList": "HTML", "JsonList": "JSON", "Feed": "feed", "Sitemap": "sitemap", "UrlList": "URLs"}
    shapes = dict.fromkeys(names[type(listing.shape).__name__] for listing in site.listings)
    lists = f"{len(site.listings)} ({', '.join(shapes)})" if site.listings else "none"
    facts = f"{site.facts.dated}: {site.facts.note}"
    cells = (f"`{site.slug}`", site.title, site.hosts[0], lists, "page", facts, "; ".join(site.facts.sources))
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _zone_note(findings: Findings) -> str:
    if findings.zone == "UTC":
        return "A guess: no page says it. Counts for times that name no zone."
    return "As the pages are Chinese. Counts for times that name no zone."


def _address_lines(findings: Findings, site: SiteProfile) -> Iterator[str]:
    urls = findings.addresses.urls
    fitting = [url for url in urls if address(site, url) is not None]
    same = [url for url in fitting if (place := address(site, url)) and target(place.url) == target(url)]
    yield f"{len(fitting)} of {len(urls)} addresses fit; of {len(same)} the canonical form is the address itself."
    if findings.addresses.pattern.page:
        yield "The number behind the id is taken for that of the article's page."
    if findings.addresses.foreign:
        yield f"Of another shape, perhaps another kind of post: {', '.join(findings.addresses.foreign[:3])}"


def _field_line(findings: Findings, name: str, part: Part) -> str:
    line = _part_line(part, "pages")
    if name == "published":
        unread = [text for text in _times(findings) if not _reads(findings, text)]
        line += "; all read as times" if not unread else f"; NOT read as a time: {plain(unread[0], 40)!r}"
    return line


def _times(findings: Findings) -> list[str]:
    part = findings.fields.get("published")
    return [first_of(sample, part) for sample in findings.samples if first_of(sample, part)] if part else []


def _reads(findings: Findings, text: str) -> bool:
    return parse_moment(text, fetched_at=findings.articles[0].seen.fetched_at, zone=findings.zone) is not None


def _doubts_of_times(findings: Findings) -> Iterator[str]:
    for text in dict.fromkeys(_times(findings)):
        if not _reads(findings, text):
            yield f"published: {plain(text, 40)!r} is not read as a time: select less, or a machine's form"
    if findings.zone == "UTC" and not all(_ZONED.search(text) for text in _times(findings)):
        yield "timezone: no page says it: UTC is a guess"


def _part_line(part: Part, what: str) -> str:
    wrong = f", {part.wrong} with something else" if part.wrong else ""
    sample = f": {plain(part.sample, 40)!r}" if part.sample else ""
    return f"{part.right} of {part.of} {what}{wrong}{sample}"
