"""An article out of a page that no profile knows: what the parts of this package find, put together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic import fields
from crawler.generic.body import body_of
from crawler.generic.bylines import Byline, find_byline, says_byline
from crawler.generic.claims import Claim, claims
from crawler.generic.confidence import confidence
from crawler.generic.language import language
from crawler.generic.locate import Container, locate
from crawler.generic.paging import next_page
from crawler.generic.reading import Reading, folded, read
from crawler.generic.titles import Title, find_title, heading_above
from crawler.pages import absolute

# Lines that serve whoever reads, at the foot of articles everywhere.
_FOOT: Final = re.compile(
    r"^[\W_]*(?:打印(?:本[页頁])?|列印|[关關][闭閉]窗口|返回(?:[顶頂]部|首[页頁]|列表|上一[页頁级級])|[上下]一[篇页頁条條则則]"
    r"|收藏(?:本[页頁文])?|分享(?:到|至)?|[举舉][报報]|[点點][击擊]?[赞贊]|我要(?:[评評][论論]|反[馈饋])"
    r"|log ?in .{0,20}comments?|print(?: this)?|back to top|share(?: this)?|close)(?:[\W_]|$)",
    re.IGNORECASE,
)
_HEAD_LINES: Final = 12
_FAR: Final = 48
_TAIL_LINES: Final = 8
_END_LINES: Final = 4


@dataclass(frozen=True, kw_only=True)
class FoundArticle:
    """An article as a page has it. Raw strings, unparsed times (the most trusted first), absolute addresses.

    `author` is None rather than a guess. `lang` is a tag of BCP 47. `body` is the inner HTML of the article's
    container as fetched, but for whole elements that are no part of the article (see `crawler.generic.body`).
    `confidence` says in per cent how sure it is that the page is an article. `sources` names where each field was
    read.
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
    """The article of a page. Raises PageError("no-article") where nothing can be one.

    A result below MIN_CONFIDENCE is more likely none: a list of articles, a search, an error page.
    """
    said = claims(page.tree)
    reading = read(page.tree.root)
    page_title = folded(" ".join(page.tree.xpath("(//title[not(ancestor::svg)])[1]//text()").getall()))
    site = fields.site_title(_pairs(said, "site_title"), page_title)
    title = find_title(reading, page_title=page_title, claimed=_pairs(said, "title"), site_title=site.first)
    container = locate(reading, title)
    if title is None or container is None:
        lack = "no title" if title is None else "no text in sentences"
        raise PageError("no-article", f"{page.url}: no article found: the page has {lack}")
    title = heading_above(reading, container.lines()[0], title)
    byline, outside = _around(container, title)
    text = " ".join(reading.lines[number].text for number in container.lines())
    chinese = language(text, None).startswith("zh")
    given = {
        "author": fields.author(_pairs(said, "author"), byline, reading, site=site, title=title, page_title=page_title),
        "published_raw": fields.published(
            _pairs(said, "published"), _pairs(said, "updated"), byline, page.url, chinese=chinese
        ),
        "updated_raw": fields.Given.of([*_pairs(said, "updated"), *byline.told(updates=True)]),
        "section": fields.section(_pairs(said, "section"), reading, title),
        "tags": fields.tags(_pairs(said, "tags"), reading, title),
        "description": fields.Given.of([pair for pair in _pairs(said, "description") if pair[0] != title.text]),
        "site_title": site,
        "head_image_url": fields.head_image(_pairs(said, "head_image_url"), page.url),
    }
    return FoundArticle(
        title=title.text,
        author=given["author"].first,
        published_raw=given["published_raw"].values,
        updated_raw=given["updated_raw"].values,
        section=given["section"].first,
        tags=given["tags"].values,
        description=given["description"].first,
        lang=language(text, _declared(page, said)),
        site_title=site.first,
        head_image_url=given["head_image_url"].first,
        body=body_of(container, outside),
        confidence=confidence(
            container,
            title,
            url=page.url,
            kind=next((claim.value for claim in said.get("kind", ())), None),
            dated=bool(given["published_raw"].values),
            named=bool(given["author"].values),
        ),
        sources={"title": title.source} | {name: of.source for name, of in given.items() if of.source},
        next_page_url=_next_page(page, reading),
    )


def _pairs(said: Mapping[str, tuple[Claim, ...]], field: str) -> fields.Pairs:
    return [(claim.value, claim.source) for claim in said.get(field, ())]


def _around(container: Container, title: Title) -> tuple[Byline, frozenset[int]]:
    """What the lines around the text say, and which lines in the container are no part of the text."""
    survey, lines, inside = container.survey, container.survey.reading.lines, container.lines()
    top = -1 if title.line is None else title.line
    text = [number for number in inside if number > top and survey.is_text(number) and not says_byline(lines[number])]
    first, last = (text[0], text[-1]) if text else (inside[0], inside[-1])
    start = max(0, top - 2) if 0 <= top <= first <= top + _FAR else max(0, first - _HEAD_LINES // 2)
    byline = find_byline(
        survey.reading,
        head=[number for number in range(start, first) if number != top],
        ends=[n for n in dict.fromkeys((first, first + 1, *inside[-_END_LINES:])) if first <= n <= inside[-1]],
        tail=range(inside[-1] + 1, min(inside[-1] + 1 + _TAIL_LINES, len(lines))),
    )
    above = {number for number in inside if number < first and (number <= top or number in byline.lines)}
    below = {number for number in inside if number > last and _FOOT.match(lines[number].text)}
    return byline, frozenset(above | below)


def _declared(page: Page, said: Mapping[str, tuple[Claim, ...]]) -> str | None:
    root = page.tree.root
    claimed = next((claim.value for claim in said.get("lang", ())), None)
    return root.get("lang") or root.get("xml_lang") or claimed


def _next_page(page: Page, reading: Reading) -> str | None:
    links = list(page.tree.root.iter("link"))
    canonical = [link.get("href") for link in links if link.get("rel") == "canonical"]
    own = [*canonical, *page.tree.xpath("//meta[@property='og:url']/@content").getall()]
    return next_page(
        reading,
        url=page.url,
        addresses=[full for href in own if href and (full := absolute(page.url, href))],
        links=[link.get("href") or "" for link in links if link.get("rel") == "next"],
    )
