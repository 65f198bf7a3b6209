"""What a page says of itself for machines: JSON-LD, meta elements, microdata, variables of known scripts.

A claim is a field's name, its value as found, and where it was found. Claims of one field stand in the order of
trust; which of them holds is decided elsewhere, with the visible page at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml.etree import _Element
from parsel import Selector

from crawler.generic import jsonld


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement: `field` as in FoundArticle or `kind`; `source` as a person would say where it stands."""

    field: str
    value: str
    source: str


# Names of meta elements, in the order of trust.
_META: Final[Mapping[str, tuple[str, ...]]] = {
    "title": (
        "og:title",
        "twitter:title",
        "dc.title",
        "dcterms.title",
        "articletitle",
        "sailthru.title",
        "parsely-title",
    ),
    "author": (
        *("article:author", "author", "og:article:author", "dc.creator", "dcterms.creator", "sailthru.author"),
        *("parsely-author", "byl", "article.author", "og:author", "twitter:creator:name", "citation_author"),
    ),
    "published": (
        *(
            "article:published_time",
            "article:published",
            "article:publicationdate",
            "og:published_time",
            "datepublished",
            "date_published",
        ),
        *("publishdate", "publish_date", "publish-date", "pubdate", "pub_date", "published_time", "publish_time"),
        *("parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date"),
        *("citation_publication_date", "firstpublishedtime", "article.published", "og:time", "og:release_date"),
        *("bytedance:published_time", "weibo:article:create_at", "article:create_at", "datecreated", "date"),
        *("releasedate", "release_date", "originalpublicationdate", "cxenseparse:recs:publishtime"),
    ),
    "updated": (
        *(
            "article:modified_time",
            "og:updated_time",
            "datemodified",
            "dateupdate",
            "last-modified",
            "lastmodifiedtime",
        ),
        *("weibo:article:update_at", "bytedance:updated_time", "dcterms.modified", "dc.date.modified", "updated_time"),
    ),
    "section": ("article:section", "section", "parsely-section", "og:article:section", "columnname"),
    "tags": ("article:tag", "news_keywords", "keywords", "parsely-tags", "og:article:tag"),
    "description": ("og:description", "description", "twitter:description", "dc.description"),
    "site_title": ("og:site_name", "application-name", "sitename", "apple-mobile-web-app-title"),
    "head_image_url": ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"),
    "kind": ("og:type",),
}
_FIELD_OF: Final = {name: (field, rank) for field, of in _META.items() for rank, name in enumerate(of)}
_MICRODATA: Final = {
    "headline": "title",
    "datepublished": "published",
    "datecreated": "published",
    "datemodified": "updated",
    "articlesection": "section",
}
# Variables that hold the moment of publication: 微信's in seconds, and names that many sites' scripts share. Each with
# a text without which the search need not begin.
_SCRIPT: Final = (
    ("var ct", re.compile(r"""\bvar\s+ct\s*=\s*["']([0-9]{9,10})["']""")),
    ("reateTime", re.compile(r"""\bvar\s+(?:ori)?[cC]reateTime\s*=\s*["']([0-9][0-9: -]{8,18})["']""")),
    *(
        (name, re.compile(rf"""{name}["']?\s*[:=]\s*["'](20\d\d-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)["']"""))
        for name in ("publishTime", "publish_time", "pubTime", "pubtime", "ptime")
    ),
)


def claims(tree: Selector) -> Mapping[str, tuple[Claim, ...]]:
    """All claims by field; a field that nothing claims is absent."""
    found: dict[str, list[Claim]] = {}
    for claim in (*_of_jsonld(tree), *_of_meta(tree), *_of_microdata(tree), *_of_scripts(tree)):
        if claim.value:
            found.setdefault(claim.field, []).append(claim)
    return {field: tuple(of) for field, of in found.items()}


def _folded(text: str) -> str:
    return " ".join(text.split())


def _of_jsonld(tree: Selector) -> Iterator[Claim]:
    for found in jsonld.objects(tree):
        if jsonld.is_article(found):
            yield from _of_article(found)
        elif "WebSite" in jsonld.types(found):
            yield from (
                Claim(field="site_title", value=_folded(name), source="json-ld") for name in jsonld.named(found)
            )


def _of_article(found: Mapping[str, Any]) -> Iterator[Claim]:
    def claim(field: str, values: Iterator[str]) -> Iterator[Claim]:
        return (Claim(field=field, value=_folded(value), source="json-ld") for value in values)

    yield Claim(field="kind", value="article", source="json-ld")
    yield from claim("title", jsonld.named(found.get("headline") or found.get("title") or found.get("name")))
    yield from claim("author", jsonld.named(found.get("author") or found.get("creator")))
    yield from claim(
        "published", jsonld.named(found.get("datePublished") or found.get("pubDate") or found.get("dateCreated"))
    )
    yield from claim("updated", jsonld.named(found.get("dateModified") or found.get("upDate")))
    yield from claim("section", jsonld.named(found.get("articleSection")))
    yield from claim("tags", jsonld.named(found.get("keywords")))
    yield from claim("description", jsonld.named(found.get("description")))
    yield from claim("site_title", jsonld.named(found.get("publisher")))
    yield from claim("head_image_url", jsonld.addresses(found.get("image") or found.get("images")))
    yield from claim("lang", jsonld.named(found.get("inLanguage")))


def _of_meta(tree: Selector) -> Iterator[Claim]:
    found: list[tuple[int, Claim]] = []
    for meta in tree.root.iter("meta"):
        content = _folded(meta.get("content") or "")
        named = meta.get("property") or meta.get("name") or meta.get("itemprop")
        if content and named:
            name = re.sub(r"\s+", "", named).lower()
            if name in _FIELD_OF:
                field, rank = _FIELD_OF[name]
                source = name if ":" in name else f"meta {name}"
                found.append((rank, Claim(field=field, value=content, source=source)))
    yield from (claim for _, claim in sorted(found, key=lambda one: one[0]))


def _of_microdata(tree: Selector) -> Iterator[Claim]:
    for element in tree.root.iter():
        names = element.get("itemprop")
        if not names or (element.tag == "meta" and element.get("name")):
            continue
        for name in names.lower().split():
            if name in _MICRODATA:
                yield Claim(field=_MICRODATA[name], value=_value(element), source=f"microdata {name}")
            elif name == "author":
                inner = next((part for part in element.iter() if part.get("itemprop") == "name"), element)
                value = _value(inner)
                if len(value) <= _MAX_NAME:
                    yield Claim(field="author", value=value, source="microdata author")


def _value(element: _Element) -> str:
    """The value of an item's property (https://html.spec.whatwg.org/multipage/microdata.html#values)."""
    told = (
        element.get("content") or element.get("datetime") or (element.get("title") if element.tag == "abbr" else None)
    )
    return _folded(told or "".join(element.itertext()))


_MAX_NAME: Final = 60


def _of_scripts(tree: Selector) -> Iterator[Claim]:
    for script in tree.root.iter("script"):
        text = script.text
        if not text or "ld+json" in (script.get("type") or ""):
            continue
        for needed, pattern in _SCRIPT:
            match = pattern.search(text) if needed in text else None
            if match:
                yield Claim(field="published", value=match[1], source="script variable")
