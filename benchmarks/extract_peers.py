"""Extraction without a profile and the tools it is measured beside, each as a function of a page's bytes."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import gne
import htmldate
import readability
import trafilatura

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic import find_article
from crawler.pages import decode_page
from pipelines.clean import clean

OURS: Final = "birdnest"
URL: Final = "https://www.example.com/2000/a.html"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a tool says of a page; None where it finds nothing or does not look.

    `text` is the article's plain text, `images` their addresses or markup that holds these.
    """

    title: str | None = None
    published: tuple[str, ...] = ()
    author: str | None = None
    text: str = ""
    images: str = ""
    next_page: str | None = None
    confidence: int | None = None


Tool = Callable[[bytes], Finding]


def ours(page: bytes) -> Finding:
    try:
        found = find_article(Page.of(URL, page))
    except PageError:
        return Finding(confidence=0)
    body = clean(found.body, URL)
    return Finding(
        title=found.title,
        published=found.published_raw,
        author=found.author,
        text=body.text,
        images=" ".join(image.url for image in body.images),
        next_page=found.next_page_url,
        confidence=found.confidence,
    )


def _trafilatura(page: bytes) -> Finding:
    html = decode_page(page)[0]
    said = trafilatura.extract_metadata(html, default_url=URL)
    markup = trafilatura.extract(html, url=URL, output_format="html", include_images=True, favor_recall=True) or ""
    return Finding(
        title=said.title,
        published=(said.date,) if said.date else (),
        author=said.author,
        text=_text(markup),
        images=markup,
    )


def _gne(page: bytes) -> Finding:
    found = gne.GeneralNewsExtractor().extract(decode_page(page)[0], host=URL)
    return Finding(
        title=found["title"],
        published=(found["publish_time"],) if found["publish_time"] else (),
        author=found["author"] or None,
        text=found["content"],
        images=" ".join(found["images"]),
    )


def _htmldate(page: bytes) -> Finding:
    found = htmldate.find_date(decode_page(page)[0], url=URL, original_date=True)
    return Finding(published=(found,) if found else ())


def _readability(page: bytes) -> Finding:
    document = readability.Document(decode_page(page)[0], url=URL)
    markup = str(document.summary(html_partial=True))
    return Finding(title=document.short_title(), text=_text(markup), images=markup)


def _text(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", clean(markup, URL).html)


TOOLS: Final[Mapping[str, Tool]] = MappingProxyType(
    {
        OURS: ours,
        "trafilatura": _trafilatura,
        "GNE": _gne,
        "htmldate": _htmldate,
        "readability-lxml": _readability,
    }
)
LOOKS_FOR: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        OURS: frozenset(("title", "published", "author", "body", "next_page")),
        "trafilatura": frozenset(("title", "published", "author", "body")),
        "GNE": frozenset(("title", "published", "author", "body")),
        "htmldate": frozenset(("published",)),
        "readability-lxml": frozenset(("title", "body")),
    }
)


def silence() -> None:
    """Keep the tools from telling about every page what the table tells of all."""
    for name in ("readability", "trafilatura", "htmldate", "justext", "gne"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
