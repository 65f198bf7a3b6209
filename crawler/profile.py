"""SiteProfile: everything Birdnest knows about one site, as one frozen value.

A site is a module in `crawler/sites/` that holds `SITE = SiteProfile(...)`. Selectors are CSS as parsel extends it
(`a::attr(href)`, `p::text`), or XPath after `xpath:`. A selector that names an element gives the element's text.
Each field has several selectors in the order of trust; the first that gives something visible wins.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from archive.layout import post_id
from archive.model import digest_of_json
from pipelines.clean.rules import CleanRules

Selectors = tuple[str, ...]
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

    `next_page` is looked up in the whole page: the address of the listing's next page.
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


LISTING = "listing"
LIST_PARTS = tuple(part.name for part in dataclasses.fields(HtmlList))


@dataclass(frozen=True, kw_only=True)
class JsonList:
    """How links stand in a JSON listing. Names are dotted paths; `ok` is (path, value) of a good answer.

    `next_page` leads to the address of the listing's next page.
    """

    items: str
    ok: tuple[str, str]
    link: str
    title: str = ""
    author: str = ""
    published: str = ""
    updated: str = ""
    description: str = ""
    tags: str = ""
    tag_separator: str = ","
    next_page: str = ""


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
    """One page that names posts. `channel` is what the site calls it; `form` makes the request a POST.

    `url` may be a route of RSSHub, `rsshub:/niaogebiji/cat/103`: it is read where birdnest.toml names an instance.
    """

    channel: str
    url: str
    shape: Shape
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PostKind:
    """One kind of page that is a post.

    `url` matches its addresses (path and query) with a group `id`; `canonical` builds the one that is stored.
    `fields` holds selectors by field name. `title_optional`: the site publishes such posts without a title, which
    then is the beginning of their text.
    """

    name: str
    url: str
    canonical: str
    fields: Mapping[str, Selectors]
    title_optional: bool = False
    min_characters: int = 1


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Texts by which a page that answered 200 shows that it is not a post. Regular expressions over visible text."""

    gone: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExpectedFailure:
    """A failure that does not fail a run: a reason code, and the URLs (regular expression) of posts or listings."""

    reason: str
    url: str
    what: Literal["post", "listing"] = "post"


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a healthy run shows. A run below them ends with exit code 4."""

    min_found: int = 1
    max_missing_images_share: float = 0.5
    max_failed_share: float = 0.5
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
    expectations: Expectations = field(default_factory=Expectations)

    @property
    def digest(self) -> str:
        """Identifies the rules a post was extracted by: SHA-256 over all that decides what is extracted and kept."""
        kinds = [dataclasses.asdict(kind) for kind in self.kinds]
        return digest_of_json({"kinds": kinds, "clean": dataclasses.asdict(self.clean_rules)})


@dataclass(frozen=True, kw_only=True)
class PostAddress:
    """A URL understood: which kind of post, its id in the archive, and the canonical URL."""

    kind: PostKind
    id: str
    url: str


def address(site: SiteProfile, url: str) -> PostAddress | None:
    """What a URL is at a site, or None when it is no post there. http and https, and all hosts, are one.

    url: absolute.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # a malformed IPv6 address, for one
        return None
    if parts.scheme not in ("http", "https") or parts.hostname not in site.hosts:
        return None
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    for kind in site.kinds:
        match = re.match(kind.url, target)
        if match:
            canonical = kind.canonical.format(**match.groupdict())
            return PostAddress(kind=kind, id=post_id(kind.name, match["id"], canonical), url=canonical)
    return None


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
