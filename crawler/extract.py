"""Article pages → RawPost: raw strings plus the body's containers, or an error that names field and selector. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree
from parsel import Selector

from archive.errors import PageError, SelectorError
from archive.model import WarcRecord, digest_of_json
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.pages import absolute, decode_page, first_text, page_selector, select, texts
from crawler.profile import PostAddress, Selectors, SiteProfile
from pipelines.clean import inner_html
from pipelines.item import RawPost

_TITLE_CHARACTERS = 40
_VISIBLE_SAMPLE = 20_000


@dataclass(frozen=True, kw_only=True)
class Page:
    """One fetched page of an article: its final URL, bytes, header Content-Type, and parsed tree."""

    url: str
    body: bytes
    tree: Selector

    @classmethod
    def of(cls, url: str, body: bytes, content_type: str = "") -> Page:
        return cls(url=url, body=body, tree=page_selector(decode_page(body, content_type)[0]))


def next_page(page: Page, place: PostAddress) -> str | None:
    """The absolute URL of the article's next page, or None on its last."""
    href = first_text(page.tree, place.kind.fields.get("next_page", ()))
    return absolute(page.url, href) if href else None


def refuse_other_pages(site: SiteProfile, place: PostAddress, page: Page) -> None:
    """Raise PageError when a page that answered 200 is no post: "captcha" or "soft-404".

    A page that has the article's container is a post whatever words it uses.
    """
    if any(select(page.tree, selector) for selector in place.kind.fields["body"]):
        return
    visible = " ".join(page.tree.xpath("//title//text() | //body//text()[not(ancestor::script)]").getall())
    visible = " ".join(visible.split())[:_VISIBLE_SAMPLE]
    for reason, what, marks in (
        ("captcha", "the site asks for a verification", site.marks.blocked),
        ("soft-404", "the site says the post is gone", site.marks.gone),
    ):
        for mark in marks:
            match = re.search(mark, visible)
            if match:
                raise PageError(reason, f"{site.slug}: {page.url}: {what}: {_around(visible, match)!r}")


def extract(
    site: SiteProfile,
    place: PostAddress,
    pages: Sequence[Page],
    *,
    found: FoundLink | None,
    fetched_at: datetime,
    warc: tuple[WarcRecord, ...] = (),
) -> RawPost:
    """The post that an article's pages hold.

    place: what the final URL is at the site. found: the listing's link, None for a URL given by hand; what a
    listing tells is trusted first for times, and after the page for the rest. warc: the captures of the pages and of
    the list. Raises SelectorError naming a required field (title, body) that is not there.
    """
    first, fields, hints = pages[0], place.kind.fields, found.hints if found else Hints()

    def one(name: str) -> str | None:
        return first_text(first.tree, fields.get(name, ()))

    def missing(name: str) -> SelectorError:
        return SelectorError(site=site.slug, url=first.url, field=name, selectors=fields.get(name, ()))

    parts = tuple(inner_html(_container(page, fields["body"], missing("body"))) for page in pages)
    title = one("title") or hints.title or (_beginning(parts) if place.kind.title_optional else None)
    if not title:
        raise missing("title")
    head_image = one("head_image")
    raw = {
        "title": title,
        "author": one("author") or hints.author or site.title,
        "published_raw": _given(hints.published, one("published")),
        "updated_raw": _given(hints.updated, one("updated")),
        "section": one("section"),
        "tags": tuple(dict.fromkeys((*texts(first.tree, fields.get("tags", ())), *hints.tags))),
        "description": one("description") or hints.description or None,
        "head_image_url": absolute(first.url, head_image) if head_image else None,
        "body_parts": parts,
    }
    return RawPost(
        **raw,  # type: ignore[arg-type]  # the same fields feed the digest
        site=site.slug,
        id=place.id,
        url=place.url,
        requested_url=found.url if found else place.url,
        fetched_at=fetched_at,
        categories=_categories(site, found),
        lang=site.lang,
        timezone=site.timezone,
        clean_rules=site.clean_rules,
        min_characters=place.kind.min_characters,
        source_sha256=digest_of_json(raw),
        extractor=site.digest,
        page=first.body,
        warc=warc,
    )


def _categories(site: SiteProfile, found: FoundLink | None) -> tuple[str, ...]:
    channel = (found.channel,) if found and found.channel else ()
    return tuple(dict.fromkeys((site.group, site.title, *channel)))


def _container(page: Page, selectors: Selectors, missing: SelectorError) -> etree._Element:
    for selector in selectors:
        for node in select(page.tree, selector):
            if etree.iselement(node.root):
                return node.root
    raise missing


def _given(*values: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _beginning(parts: tuple[str, ...]) -> str:
    text = " ".join(" ".join(page_selector(parts[0]).xpath("//body//text()").getall()).split())
    return text if len(text) <= _TITLE_CHARACTERS else f"{text[:_TITLE_CHARACTERS]}…"


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 15) : match.end() + 25]
