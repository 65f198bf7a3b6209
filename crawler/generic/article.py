"""An article out of a page that no profile knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic.claims import Claim, claims
from crawler.generic.locate import locate
from crawler.generic.reading import read
from crawler.pages import absolute
from pipelines.clean import inner_html

MIN_CONFIDENCE: Final = 50
_MIN_PROSE: Final = 100


@dataclass(frozen=True, kw_only=True)
class FoundArticle:
    """An article as a page has it. Raw strings, unparsed times (the most trusted first), absolute addresses.

    `author` is None rather than a guess. `lang` is a tag of BCP 47. `body` is the inner HTML of the article's
    container as fetched. `confidence` says in per cent how sure it is that the page is an article. `sources` names
    where each field was read.
    """

    title: str
    author: str | None
    published_raw: tuple[str, ...]
    updated_raw: tuple[str, ...]
    section: str | None
    tags: tuple[str, ...]
    description: str | None
    lang: str
    site_title: str | None
    head_image_url: str | None
    body: str
    confidence: int
    sources: Mapping[str, str]
    next_page_url: str | None


def find_article(page: Page) -> FoundArticle:
    """The article of a page. Raises PageError("no-article") where nothing can be one."""
    reading = read(page.tree.root)
    container = locate(reading)
    if container is None:
        raise PageError("no-article", f"{page.url}: no article found: the page holds no text in sentences")
    said = claims(page.tree)
    title = _title(page, said)
    node = reading.nodes[container]
    author, published, updated = _first(said, "author"), said.get("published", ()), said.get("updated", ())
    sources = {field: of[0].source for field, of in said.items()}
    image = _first(said, "head_image_url")
    return FoundArticle(
        title=title,
        author=author,
        published_raw=tuple(dict.fromkeys(claim.value for claim in published)),
        updated_raw=tuple(dict.fromkeys(claim.value for claim in updated)),
        section=_first(said, "section"),
        tags=(),
        description=_first(said, "description"),
        lang="zh-CN",
        site_title=_first(said, "site_title"),
        head_image_url=absolute(page.url, image) if image else None,
        body=inner_html(node.element),
        confidence=80 if node.prose > _MIN_PROSE else 30,
        sources=sources,
        next_page_url=None,
    )


def _first(said: Mapping[str, tuple[Claim, ...]], field: str) -> str | None:
    return said[field][0].value if field in said else None


def _title(page: Page, said: Mapping[str, tuple[Claim, ...]]) -> str:
    for text in page.tree.xpath("//h1").xpath("string()").getall():
        if text.strip():
            return " ".join(text.split())
    title = _first(said, "title") or page.tree.xpath("string(//title)").get() or ""
    title = re.split(r"\s*[_|]\s*", " ".join(title.split()))[0]
    if not title:
        raise PageError("no-article", f"{page.url}: no article found: the page has no title")
    return title
