"""An article out of a page that no profile knows: what the parts of this package find, put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic.body import body_of
from crawler.generic.bylines import Byline, find_byline, is_name, is_person
from crawler.generic.claims import claims
from crawler.generic.confidence import confidence
from crawler.generic.language import language
from crawler.generic.locate import Container, locate
from crawler.generic.paging import next_page
from crawler.generic.reading import Reading, folded, read
from crawler.generic.titles import Title, find_title, heading_above, site_of
from crawler.pages import absolute
from pipelines.dates import Moment, parse_moment

_NO_PICTURE: Final = re.compile(
    r"logo|favicon|avatar|placeholder|default[-_]?(?:share|img|image)|^data:", re.IGNORECASE
)
_BREADCRUMB: Final = re.compile(r"\s*[>»›＞→]+\s*|\s+/\s+")
_NO_SECTION: Final = re.compile(r"首[页頁]|^正文|位置|^home$|^index$", re.IGNORECASE)
_TAG_SEPARATOR: Final = re.compile(r"\s*[,，;；、|]\s*")
_ADDRESS_DAY: Final = re.compile(r"/((?:19|20)\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$|\d)")
# Lines that serve whoever reads, at the foot of articles everywhere.
_FOOT: Final = re.compile(
    r"^[\W_]*(?:打印(?:本[页頁])?|列印|[关關][闭閉]窗口|返回(?:[顶頂]部|首[页頁]|列表|上一[页頁级級])|[上下]一[篇页頁条條则則]|收藏(?:本[页頁文])?|分享(?:到|至)?|[举舉][报報]|"
    r"[点點][击擊]?[赞贊]|我要(?:[评評][论論]|反[馈饋])|print(?: this)?|back to top|share(?: this)?|close)(?:[\W_]|$)",
    re.IGNORECASE,
)
_HEAD_LINES: Final = 12
_TAIL_LINES: Final = 8
_MAX_TAG: Final = 30
_MAX_TAGS: Final = 30
_MAX_BREADCRUMB: Final = 120
_NEVER: Final = datetime(2100, 1, 1, tzinfo=UTC)  # stands for the time of the fetch, which full dates do not need


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


@dataclass(frozen=True, kw_only=True)
class _Given:
    """Values of a field with where each was read, the best first."""

    values: tuple[str, ...]
    source: str | None

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> _Given:
        values = tuple(dict.fromkeys(value for value, _ in pairs))
        return cls(values=values, source=pairs[0][1] if pairs else None)

    @property
    def first(self) -> str | None:
        return self.values[0] if self.values else None


def find_article(page: Page) -> FoundArticle:
    """The article of a page. Raises PageError("no-article") where nothing can be one.

    A result below MIN_CONFIDENCE is more likely none: a list of articles, a search, an error page.
    """
    root = page.tree.root
    said = {field: [(claim.value, claim.source) for claim in of] for field, of in claims(page.tree).items()}
    reading = read(root)
    page_title = folded(" ".join(page.tree.xpath("//head//title[1]//text() | /html/title[1]//text()").getall()))
    site = _site(said.get("site_title", []), page_title)
    title = find_title(reading, page_title=page_title, claimed=said.get("title", []), site_title=site.first)
    container = locate(reading, title)
    if title is None or container is None:
        lack = "no title" if title is None else "no text in sentences"
        raise PageError("no-article", f"{page.url}: no article found: the page has {lack}")
    inside = [number for number, line in enumerate(reading.lines) if reading.holds(container.index, line.block)]
    title = heading_above(reading, inside[0], title)
    byline, outside = _byline(reading, container, title, inside)
    text = " ".join(line.text for line in reading.lines if reading.holds(container.index, line.block))
    chinese = language(text, None).startswith("zh")
    fields = {
        "author": _author(said.get("author", []), byline, reading, site, page_title, title.text, chinese=chinese),
        "published_raw": _published(
            said.get("published", []), said.get("updated", []), byline, page.url, chinese=chinese
        ),
        "updated_raw": _Given.of([*said.get("updated", []), *byline.updated]),
        "section": _section(said.get("section", []), reading, title),
        "tags": _tags(said.get("tags", []), page, title.text),
        "description": _Given.of([pair for pair in said.get("description", []) if pair[0] != title.text]),
        "site_title": site,
        "head_image_url": _head_image(said.get("head_image_url", []), page.url),
    }
    sources = {name: given.source for name, given in fields.items() if given.source}
    declared = next((value for value in (*_first(said, "lang"), root.get("lang"), root.get("xml_lang")) if value), None)
    return FoundArticle(
        title=title.text,
        author=fields["author"].first,
        published_raw=fields["published_raw"].values,
        updated_raw=fields["updated_raw"].values,
        section=fields["section"].first,
        tags=fields["tags"].values,
        description=fields["description"].first,
        lang=language(text, declared),
        site_title=site.first,
        head_image_url=fields["head_image_url"].first,
        body=body_of(reading, container, outside),
        confidence=confidence(
            reading,
            container,
            title,
            url=page.url,
            kind=next(iter(_first(said, "kind")), None),
            dated=bool(fields["published_raw"].values),
            named=bool(fields["author"].values),
        ),
        sources={"title": title.source, **sources},
        next_page_url=_next_page(page, reading),
    )


def _first(said: Mapping[str, Sequence[tuple[str, str]]], field: str) -> tuple[str, ...]:
    return tuple(value for value, _ in said.get(field, ())[:1])


def _site(said: Sequence[tuple[str, str]], page_title: str) -> _Given:
    named = site_of(page_title)
    return _Given.of([*said, *([(named, "title")] if named else [])])


def _byline(
    reading: Reading, container: Container, title: Title, inside: Sequence[int]
) -> tuple[Byline, frozenset[int]]:
    """What the lines around the text say, and which lines in the container are no part of the text.

    inside: the numbers of the lines in the container.
    """
    top = title.line
    text = [n for n in inside if _is_text(reading, container, n) and n != top and (top is None or n > top)]
    first, last = (text[0], text[-1]) if text else (inside[0], inside[-1])
    if top is None or top > first or first - top > 4 * _HEAD_LINES:
        start = max(0, first - _HEAD_LINES // 2)
    else:
        start = max(0, top - 2)
    head = [n for n in range(start, first) if n != top]
    ends = [n for n in dict.fromkeys((first, first + 1, *inside[-4:])) if first <= n <= inside[-1]]
    tail = range(inside[-1] + 1, min(inside[-1] + 1 + _TAIL_LINES, len(reading.lines)))
    byline = find_byline(reading, head, tail, ends)
    above = {n for n in inside if n < first and (n == top or n in byline.lines or (top is not None and n < top))}
    below = {n for n in inside if n > last and _FOOT.match(reading.lines[n].text)}
    return byline, frozenset(above | below)


def _is_text(reading: Reading, container: Container, number: int) -> bool:
    line = reading.lines[number]
    return line.prose and not container.apart[line.block]


def _author(
    said: Sequence[tuple[str, str]],
    byline: Byline,
    reading: Reading,
    site: _Given,
    page_title: str,
    title: str,
    *,
    chinese: bool,
) -> _Given:
    """A name that is told as the author's: written by, then marked up, then beside the time, then the credited source."""
    sites = {name.casefold() for name in site.values}
    suffix = page_title.replace(title, "").casefold()

    def of_site(name: str) -> bool:
        return name.casefold() in sites or name.casefold() in suffix

    visible = {name for name, _ in (*byline.writers, *byline.beside_time, *byline.credited)}
    claimed = [(_bare(name), source) for name, source in said]
    claimed = [(name, source) for name, source in claimed if is_name(name) and not of_site(name) and name != title]
    confirmed = [pair for pair in claimed if pair[0] in visible or pair[1] == "json-ld" or "microdata" in pair[1]]
    persons = [pair for pair in claimed if not chinese and is_person(pair[0])]
    writers = [pair for pair in byline.writers if pair[0] != title]
    named = [pair for pair in byline.beside_time if pair[0] != title]
    return _Given.of([*writers, *confirmed, *persons, *named, *byline.credited][:1])


def _bare(name: str) -> str:
    return re.sub(r"^(?:by|作者|文)[\s:：/]+", "", name.strip(), flags=re.IGNORECASE)


def _published(
    said: Sequence[tuple[str, str]], updated: Sequence[tuple[str, str]], byline: Byline, url: str, *, chinese: bool
) -> _Given:
    """Times of publication. What the reader sees beats what machines are told where both name the same day.

    Not so on pages that are not Chinese: a visible time names no zone there, or one few can read.
    """
    visible = list(byline.published)
    full = [(pair, moment) for pair in visible if (moment := _moment(pair[0]))]
    told = [moment for value, _ in said if (moment := _moment(value))]
    best = [pair for pair, moment in full if moment.precision != "day" and _same_day(moment, told)]
    if not chinese and any(moment.precision != "day" for moment in told):
        best = []
    days = [(value, "address") for value in _days(url)] if not said and not visible else []
    whole = _completed(visible, updated) if not said and not full else []
    return _Given.of([*best[:1], *said, *(pair for pair, _ in full), *whole, *visible, *days])


def _completed(visible: Sequence[tuple[str, str]], updated: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Times without a year, as the claim of an update tells them that names the same day and minute."""
    wanted = [re.findall(r"\d+", value) for value, _ in visible]
    found = []
    for value, source in updated:
        digits = [str(int(number)) for number in re.findall(r"\d+", value)]
        if any(len(short) > 3 and [str(int(n)) for n in short] == digits[1 : 1 + len(short)] for short in wanted):  # noqa: PLR2004
            found.append((value, source))
    return found


def _moment(text: str) -> Moment | None:
    if not re.search(r"\d{4}|[〇零○一二三四五六七八九]{4}|民", text):
        return None
    return parse_moment(text, fetched_at=_NEVER, zone="Asia/Shanghai")


def _same_day(moment: Moment, told: Sequence[Moment]) -> bool:
    return not told or any(abs((moment.at - other.at).total_seconds()) < 86_400 for other in told[:1])  # noqa: PLR2004


def _days(url: str) -> tuple[str, ...]:
    match = _ADDRESS_DAY.search(url)
    return ("-".join(match.groups()),) if match else ()


def _section(said: Sequence[tuple[str, str]], reading: Reading, title: Title) -> _Given:
    return _Given.of([*said, *((name, "breadcrumb") for name in _breadcrumb(reading, title))][:1])


def _breadcrumb(reading: Reading, title: Title) -> Sequence[str]:
    """The last part of the trail that leads to the article, the innermost section."""
    for line in reading.lines[: title.line if title.line is not None else None]:
        parts = [part.strip() for part in _BREADCRUMB.split(line.text)]
        if len(parts) > 1 and len(line.text) <= _MAX_BREADCRUMB and line.linked > 0:
            named = [part for part in parts if part and part != title.text and not _NO_SECTION.search(part)]
            if named and len(named[-1]) <= _MAX_TAG:
                return [named[-1]]
    return []


def _tags(said: Sequence[tuple[str, str]], page: Page, title: str) -> _Given:
    marked = [
        folded("".join(link.itertext())).lstrip("#")
        for link in page.tree.root.iter("a")
        if link.get("rel") == "tag" or "tag" in (link.get("rel") or "").split()
    ]
    pairs = [(tag, "rel=tag") for tag in marked]
    if not pairs and said:
        source = said[0][1]
        pairs = [(tag, source) for value, of in said if of == source for tag in _TAG_SEPARATOR.split(value)]
    kept = [(tag, source) for tag, source in pairs if 0 < len(tag) <= _MAX_TAG and tag != title]
    return _Given.of(kept[:_MAX_TAGS])


def _head_image(said: Sequence[tuple[str, str]], url: str) -> _Given:
    pairs = [(absolute(url, value), source) for value, source in said if not _NO_PICTURE.search(value)]
    return _Given.of([(value, source) for value, source in pairs if value and value.startswith("http")][:1])


def _next_page(page: Page, reading: Reading) -> str | None:
    links = page.tree.xpath("//link")
    canonical = [link.attrib.get("href", "") for link in links if link.attrib.get("rel") == "canonical"]
    own = [*canonical, *page.tree.xpath("//meta[@property='og:url']/@content").getall()]
    following = [link.attrib.get("href", "") for link in links if link.attrib.get("rel") == "next"]
    addresses = [full for href in own if href and (full := absolute(page.url, href))]
    return next_page(reading, url=page.url, addresses=addresses, links=following)
