"""SiteProfile: everything Birdnest knows about one site, as one frozen value.

A site is a module in `crawler/sites/` that holds `SITE = SiteProfile(...)`. Selectors are CSS as parsel extends it
(`a::attr(href)`, `p::text`), or XPath after `xpath:`. A selector that names an element gives the element's text.
Each field has several selectors in the order of trust; the first that gives something visible wins.

In the fields of a post a selector may begin with another prefix, too:

============= =====================================================================================================
json:         a path into the kind's JSON `document`: names by dots, each may be a glob (`data.tags.*.name`), and
              several paths after one another with ` + ` between them (`data.lead + data.body`)
markdown:     the same for a value that is Markdown (CommonMark with tables and strikethrough); for the body
re:           a regular expression over the page's source: its first group, of each match
all:          CSS; for the body: all elements that it selects, one after another, not only the first
============= =====================================================================================================
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from archive.layout import post_id
from archive.model import digest_of_json
from crawler.canonical import canonical_url
from pipelines.clean.rules import CleanRules

Selectors = tuple[str, ...]
_IN_BRACES = re.compile(r"\{(\w+)\}")
_NO_ID = "?"  # fits no id of the archive
FIELDS = (
    "title",
    "author",
    "published",
    "updated",
    "section",
    "tags",
    "description",
    "head_image",
    "body",
    "next_page",
)
"""The fields a post kind may have selectors for; `title` and `body` are required."""


@dataclass(frozen=True, kw_only=True)
class HtmlList:
    """How links stand in an HTML listing. `item` selects one entry; the others are looked up inside it.

    `next_page` is looked up in the whole page: the address of the listing's next page. `within`: the answer is JSON,
    and this the dotted path of the string that holds the HTML. `templates`: what stands in `<template>` elements, which
    a script shows, is part of the list.
    """

    item: str
    link: Selectors
    title: Selectors = ()
    author: Selectors = ()
    published: Selectors = ()
    updated: Selectors = ()
    description: Selectors = ()
    tags: Selectors = ()
    next_page: Selectors = ()
    within: str = ""
    templates: bool = False


LISTING = "listing"
LIST_PARTS = tuple(part.name for part in dataclasses.fields(HtmlList) if part.name not in ("within", "templates"))


@dataclass(frozen=True, kw_only=True)
class JsonDocument:
    """Where a page's JSON is. `begin`: a regular expression over its source, behind which the value begins; without
    it the whole answer is JSON.

    `form`: "references" is the flat list of Nuxt 3 (`__NUXT_DATA__`), in which numbers stand for places in it.
    `having`: of all objects in the value the first that has these keys is taken, wherever it stands.
    """

    begin: str = ""
    form: Literal["plain", "references"] = "plain"
    having: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JsonList:
    """How links stand in a JSON listing. Names are dotted paths; `ok` is (path, value) of a good answer, if it says.

    `next_page` leads to the address of the listing's next page. A `link` in which paths stand in braces is made of
    their values: `https://example.com/p/{article.id}`. `skip`: (path, value) of items that are none, such as adverts.
    `document`: the JSON is in a page.
    """

    items: str
    link: str
    ok: tuple[str, str] = ("", "")
    skip: tuple[tuple[str, str], ...] = ()
    title: str = ""
    author: str = ""
    published: str = ""
    updated: str = ""
    description: str = ""
    tags: str = ""
    tag_separator: str = ","
    next_page: str = ""
    document: JsonDocument = field(default_factory=JsonDocument)


@dataclass(frozen=True, kw_only=True)
class Feed:
    """RSS 0.9 to 2.0, Atom or JSON Feed, broken ones too.

    `full_text` says which element of an item holds the whole article, a fallback for a page that cannot be had:
    "content" (content:encoded, Atom's content, content_html of a JSON Feed), "description", or "none".
    """

    full_text: Literal["content", "description", "none"] = "content"


@dataclass(frozen=True, kw_only=True)
class Sitemap:
    """A sitemap, or an index of sitemaps (sitemaps.org), gzipped or not; lastmod tells of updates.

    `include` is a regular expression that the address of an index's sitemap has to match. Of an index at most
    `most_sitemaps` are read, the newest first where it tells their times. `newest_first`: it is one of these, so that
    behind one that names nothing new there is nothing new.
    """

    include: str = ""
    most_sitemaps: int = 50
    newest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class UrlList:
    """A plain list of URLs: text (one a line), CSV, OPML, or the bookmarks that browsers export."""


Shape = HtmlList | JsonList | Feed | Sitemap | UrlList


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page that names posts. `channel` is what the site calls it; `form` or `body` makes the request a POST.

    `url` may be a route of RSSHub, `rsshub:/niaogebiji/cat/103`: it is read where birdnest.toml names an instance.
    """

    channel: str
    url: str
    shape: Shape
    form: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def key(self) -> str:
        """What tells this listing from others: of several that post to one address, the body, too."""
        return f"{self.url} {self.body}" if self.body else self.url


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """What is asked for in place of a post's page. Groups of the post's address in braces are filled in: `{id}`.

    `body` makes the request a POST of JSON.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


Groups = Mapping[str, str]
"""The named groups of a post's address."""


@dataclass(frozen=True, kw_only=True)
class PostKind:
    """One kind of page that is a post.

    `url` matches its addresses (path and query) with a group `id`; `canonical` builds the one that is stored.
    `fields` holds selectors by field name. `title_optional`: the site publishes such posts without a title, which
    then is the beginning of their text.

    `fetch`: the article comes from an API, which is asked instead of the page. `document`: where the JSON is that
    fields with `json:` read.

    `other_urls` are further forms of its addresses, each with its canonical address. Where one names no id, the
    page does: `told_by_page` has selectors for groups that the address lacks.

    Two hooks, plain functions, for what cannot be declared. `groups`: what the groups of an address mean; gives them
    normalised, with `id` where they tell it. `rewrite`: the source of a page whose article is written by scripts →
    HTML that selectors can read.
    """

    name: str
    url: str
    canonical: str
    fields: Mapping[str, Selectors]
    title_optional: bool = False
    min_characters: int = 1
    fetch: ApiRequest | None = None
    document: JsonDocument | None = None
    other_urls: tuple[tuple[str, str], ...] = ()
    told_by_page: Mapping[str, Selectors] = field(default_factory=dict)
    groups: Callable[[Groups], Groups] | None = None
    rewrite: Callable[[str], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Marks:
    """How a page that answered 200 shows that it is not a post. Regular expressions over visible text; after
    `source:` over the page's source, after `url:` over the address that the answer came from.

    `gone`: the post is no more. `blocked`: a challenge, a log-in, a limit. `refused`: the site keeps the post and
    does not show it. `unreadable`: the page is the post's, but its body is not in it as text.

    `own`: selectors of what every page of the site's own shows; a page that none of them matches is not the site's.
    Without any, a post's container with something in it is the mark. What pages of all sites show: `crawler.identity`.
    """

    gone: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    own: Selectors = ()


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a profile's facts come from.

    `sources` name them; `dated` is the month (YYYY-MM) of the newest, empty where none is dated, and `note` what that
    does not say. `met_live` is the day (YYYY-MM-DD) on which `birdnest probe` found the live site to be so; None: it
    never did.
    """

    sources: tuple[str, ...] = ()
    dated: str = ""
    note: str = ""
    met_live: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExpectedFailure:
    """A failure that does not fail a run: a reason code, and the URLs (regular expression) of posts or listings."""

    reason: str
    url: str
    what: Literal["post", "listing"] = "post"


TAKEN_DOWN = tuple(ExpectedFailure(reason=reason, url=r".*") for reason in ("soft-404", "http-404", "http-410"))
"""Posts are taken down by their authors every week: lists still name them for a while."""


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a healthy run shows. A run below them ends with exit code 4.

    min_links: posts that the first page of each list names. min_characters: median length of the text of the posts
    that were read. Shares are of these posts: with a date, with an author other than the site itself, with images.
    max_newest_age_days: None asks nothing. max_drop_share: how far below the site's last ten runs a figure may fall;
    1 asks nothing, and runs that began before `compare_since` are not compared with.
    """

    min_found: int = 1
    min_links: int = 1
    min_characters: int = 0
    min_dated_share: float = 0.0
    min_authored_share: float = 0.0
    min_illustrated_share: float = 0.0
    max_missing_images_share: float = 0.5
    max_failed_share: float = 0.5
    max_newest_age_days: int | None = None
    max_drop_share: float = 0.5
    compare_since: date | None = None
    failures: tuple[ExpectedFailure, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ListTemplate:
    """A listing a user can ask for by name, `tags = ["支付宝"]`; `{}` in the URL is the percent-encoded name."""

    channel: str
    url: str
    shape: Shape


@dataclass(frozen=True, kw_only=True)
class SiteProfile:
    """What we know about one site. `slug` names it for ever: it is part of every key in the archive.

    `hosts` are those whose URLs belong to the site, the canonical one first. `group` and `title` open the
    categories of every post; listings stand in the order in which a post takes its channel from them. Of a listing in
    pages at most `depth` are read, and none behind one that names only posts that are known and unchanged.
    `image_referer` is sent with requests for images; most hosts want none.
    `is_unknown`: nobody described the site (`crawler.unknown`), so that any page of it may be a post.
    """

    slug: str
    title: str
    group: str
    hosts: tuple[str, ...]
    timezone: str
    lang: str
    kinds: tuple[PostKind, ...]
    listings: tuple[Listing, ...]
    templates: Mapping[str, ListTemplate] = field(default_factory=dict)
    marks: Marks = field(default_factory=Marks)
    clean_rules: CleanRules = field(default_factory=CleanRules)
    delay_seconds: float = 2.0
    image_delay_seconds: float = 0.25
    concurrency: int = 2
    depth: int = 1
    is_unknown: bool = False
    expectations: Expectations = field(default_factory=Expectations)
    image_referer: str = ""
    facts: Provenance = field(default_factory=Provenance)

    @cached_property
    def digest(self) -> str:
        """Identifies the rules a post was extracted by: SHA-256 over all that decides what is extracted and kept."""
        kinds = [{name: _told(value) for name, value in dataclasses.asdict(kind).items()} for kind in self.kinds]
        return digest_of_json({"kinds": kinds, "clean": dataclasses.asdict(self.clean_rules)})

    @property
    def page_hosts(self) -> tuple[str, ...]:
        """All hosts that pages, lists and APIs are asked of: each gets the pages' delay."""
        urls = [listing.url for listing in self.listings] + [kind.fetch.url for kind in self.kinds if kind.fetch]
        return tuple(dict.fromkeys((*self.hosts, *(host for url in urls if (host := urlsplit(url).hostname)))))


@dataclass(frozen=True, kw_only=True)
class PostAddress:
    """A URL understood: which kind of post, its id in the archive, and the canonical URL.

    `groups` are those of the URL. The id is `u-…` where only the page tells the site's own.
    """

    kind: PostKind
    id: str
    url: str
    groups: Groups = field(default_factory=dict)

    @property
    def api_request(self) -> ApiRequest | None:
        """What to ask for in place of the page, None where that is the page."""
        asked = self.kind.fetch
        if asked is None:
            return None
        return dataclasses.replace(asked, url=_filled(asked.url, self.groups), body=_filled(asked.body, self.groups))


ANY_PAGE = PostKind(name="page", url="", canonical="", fields={"title": (), "body": ()})
"""The kind of the pages of a site that nobody described."""


def address(site: SiteProfile, url: str) -> PostAddress | None:
    """What a URL is at a site, or None when it is no post there. http and https, and all hosts, are one.

    url: absolute.
    """
    if site.is_unknown:
        return _any_page(site, url)
    try:
        parts = urlsplit(url)
    except ValueError:  # a malformed IPv6 address, for one
        return None
    if parts.scheme not in ("http", "https") or parts.hostname not in site.hosts:
        return None
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    for kind in site.kinds:
        for pattern, canonical in ((kind.url, kind.canonical), *kind.other_urls):
            match = re.match(pattern, target)
            if match:
                found = {name: value for name, value in match.groupdict().items() if value is not None}
                groups = _meaning(kind, found)
                own = canonical.format(**groups)
                return PostAddress(kind=kind, id=_own_id(kind, groups, own), url=own, groups=groups)
    return None


def numbered_url(kind: PostKind, number: int | str) -> str | None:
    """The address of a post by the site's own number, or None where a number alone makes none of this kind."""
    groups = _meaning(kind, {"id": str(number)}) if _counts(kind) else {}
    for template in (kind.canonical, *(canonical for _, canonical in kind.other_urls)):
        if "{id}" in template and set(_IN_BRACES.findall(template)) <= set(groups):
            return template.format(**groups)
    return None


def _counts(kind: PostKind) -> bool:
    return bool(re.search(r"\(\?P<id>\\d", kind.url))


def named_by_page(place: PostAddress, told: Groups) -> PostAddress:
    """The same address, with the id that its page tells; as it was where the page does not tell all.

    told: groups by name, as selectors of `told_by_page` found them.
    """
    groups = _meaning(place.kind, {**place.groups, **told})
    return dataclasses.replace(place, id=_own_id(place.kind, groups, place.url), groups=groups)


def _meaning(kind: PostKind, groups: Groups) -> Groups:
    return groups if kind.groups is None else kind.groups(groups)


def _own_id(kind: PostKind, groups: Groups, url: str) -> str:
    return post_id(kind.name, groups.get("id", _NO_ID), url)


def _filled(template: str, groups: Groups) -> str:
    """A template in which only known names in braces are replaced: JSON has braces of its own."""
    for name, value in groups.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _told(value: object) -> object:
    return getattr(value, "__qualname__", repr(value)) if callable(value) else value


def _any_page(site: SiteProfile, url: str) -> PostAddress | None:
    canonical = canonical_url(url)
    if canonical is None or urlsplit(canonical).hostname not in site.hosts:
        return None
    return PostAddress(kind=ANY_PAGE, id=post_id("", "", canonical), url=canonical)


def with_selectors(site: SiteProfile, overrides: Mapping[str, Mapping[str, Selectors]]) -> SiteProfile:
    """The profile with a user's selectors in place of its own: by post kind and field, or for `listing`, by part.

    Raises KeyError("kind") or KeyError("kind.field") for one that the profile does not have.
    """
    kinds = {kind.name: kind for kind in site.kinds}
    for name, fields in overrides.items():
        if name == LISTING:
            site = _with_list_selectors(site, fields)
            continue
        kind = kinds[name]
        for unknown in sorted(set(fields) - set(FIELDS)):
            raise KeyError(f"{name}.{unknown}")
        kinds[name] = dataclasses.replace(kind, fields={**kind.fields, **fields})
    return dataclasses.replace(site, kinds=tuple(kinds.values()))


def _with_list_selectors(site: SiteProfile, parts: Mapping[str, Selectors]) -> SiteProfile:
    for unknown in sorted(set(parts) - set(LIST_PARTS)):
        raise KeyError(f"{LISTING}.{unknown}")

    def changed(shape: Shape) -> Shape:
        if not isinstance(shape, HtmlList):
            return shape
        selectors: dict[str, str | Selectors] = dict(parts)
        if "item" in parts:
            selectors["item"] = ", ".join(parts["item"])
        return dataclasses.replace(shape, **selectors)  # type: ignore[arg-type]  # item alone is a str

    return dataclasses.replace(
        site,
        listings=tuple(dataclasses.replace(listing, shape=changed(listing.shape)) for listing in site.listings),
        templates={
            name: dataclasses.replace(template, shape=changed(template.shape))
            for name, template in site.templates.items()
        },
    )
