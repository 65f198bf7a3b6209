"""Pages of one site → all that a profile can be made of: which are lists, which articles, and what they have in common.

Pure. `crawler.draft.site` makes the profile of it, `crawler.draft.account` tells of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from urllib.parse import urlsplit

from archive.errors import UsageError
from crawler.draft.addresses import Pattern, pattern, shape
from crawler.draft.articles import Sample, draft_fields, next_links
from crawler.draft.lists import Block, ListDraft, Part, blocks, draft_list, text_of
from crawler.draft.located import Located, locate
from crawler.draft.pages import Seen, site_hosts
from crawler.generic import MIN_CONFIDENCE
from crawler.pages import texts

_CHINESE = re.compile("[\u4e00-\u9fff]")
_LIST_SHARE = 0.6


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is known of a site beside its pages: feeds as had, sitemaps, and the delay that its robots.txt asks for."""

    feeds: tuple[Seen, ...] = ()
    sitemaps: tuple[str, ...] = ()
    crawl_delay: float | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """A page with its lists and its article, whichever it has."""

    seen: Seen
    blocks: tuple[Block, ...]
    located: Located


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The pattern of the posts' addresses, those it was made of, and articles' addresses of another shape."""

    pattern: Pattern
    urls: tuple[str, ...]
    foreign: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that was found. `articles` and `samples` are the same pages in the same order; `others` were of no use."""

    pages: tuple[Seen, ...]
    hosts: tuple[str, ...]
    lang: str
    zone: str
    around: Around
    addresses: Addresses
    articles: tuple[Read, ...]
    samples: tuple[Sample, ...]
    fields: Mapping[str, Part]
    listed: tuple[Read, ...]
    lists: tuple[tuple[Seen, ListDraft], ...]
    others: tuple[Read, ...]


def likely_articles(seen: Seen) -> tuple[str, ...]:
    """The addresses that a list most likely names as posts, in its order; none where the page is no list."""
    found = blocks(seen.page, site_hosts(seen.url))
    return found[0].urls if found else ()


def is_article(seen: Seen) -> bool:
    """Whether a page by itself looks like an article rather than like a list."""
    return _is_article(_read(seen, site_hosts(seen.url)))


def find(pages: Sequence[Seen], around: Around) -> Findings:
    """What pages of one site tell of it. Raises UsageError saying what is lacking."""
    hosts = _hosts(pages)
    listed, articles, others = _sorted([_read(seen, hosts) for seen in pages])
    if not articles:
        names = ", ".join(read.seen.name for read in (*listed, *others))
        raise UsageError(f"no page of an article among {names}: give one or more, beside the list that names them")
    lang, zone = _language(articles)
    samples = [_sample(read, zone, listed) for read in articles]
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(articles[0].seen.url))
    addresses = _addresses(listed, articles, origin)
    samples, articles = _first_pages(samples, articles, addresses)
    fields = draft_fields(samples)
    if "body" not in fields or "title" not in fields:
        lacking = " and ".join(name for name in ("title", "body") if name not in fields)
        raise UsageError(
            f"{articles[0].seen.name}: no {lacking} could be told from the rest of the page: give another article"
        )
    titles = {sample.page.url: first_of(sample, fields["title"]) for sample in samples}
    lists = _lists(listed, titles, articles[0].seen.fetched_at, zone)
    return Findings(
        pages=tuple(pages),
        hosts=hosts,
        lang=lang,
        zone=zone,
        around=around,
        addresses=addresses,
        articles=tuple(articles),
        samples=tuple(samples),
        fields=fields,
        listed=tuple(listed),
        lists=lists,
        others=tuple(others),
    )


def _hosts(pages: Sequence[Seen]) -> tuple[str, ...]:
    hosts = site_hosts(pages[0].url)
    for seen in pages[1:]:
        if urlsplit(seen.url).hostname not in hosts:
            raise UsageError(
                f"{seen.name} is of {urlsplit(seen.url).hostname}, {pages[0].name} of {hosts[0]}: one site at a time"
            )
    return hosts


def _read(seen: Seen, hosts: Sequence[str], known: Sequence[str] = ()) -> Read:
    return Read(seen=seen, blocks=tuple(blocks(seen.page, hosts, known)), located=locate(seen.page))


def _is_article(read: Read) -> bool:
    body = read.located.body
    if body is None or read.located.confidence < MIN_CONFIDENCE or urlsplit(read.seen.url).path in ("", "/"):
        return False
    whole = len(text_of(body))
    linked = sum(len(text_of(anchor)) for anchor in body.iter("a"))
    inside = set(body.iter())
    listed = [sum(len(text_of(item)) for item in block.items if item in inside) for block in read.blocks[:3]]
    return max(linked, *listed, 0) < _LIST_SHARE * whole


def _sorted(reads: Sequence[Read]) -> tuple[list[Read], list[Read], list[Read]]:
    """Lists, articles, and pages that are neither. What another page's best list names is an article."""
    urls = {read.seen.url for read in reads}
    named = {url for read in reads for block in read.blocks[:1] for url in block.urls if url != read.seen.url} & urls
    lists: list[Read] = []
    articles: list[Read] = []
    others: list[Read] = []
    for read in reads:
        names_others = bool(read.blocks and set(read.blocks[0].urls) & urls - {read.seen.url})
        if (
            read.seen.url in named and (read.located.body is not None) and not (names_others and not _is_article(read))
        ) or (_is_article(read) and not (names_others and read.seen.url not in named)):
            articles.append(read)
        else:
            (lists if read.blocks else others).append(read)
    return lists, articles, others


def _language(articles: Sequence[Read]) -> tuple[str, str]:
    """The language of the articles, and the zone of times that name none: that of China for Chinese, else UTC."""
    told = Counter(read.seen.page.tree.css("html::attr(lang)").get() or "" for read in articles)
    text = "".join(text_of(read.located.body) for read in articles if read.located.body is not None)
    chinese = len(_CHINESE.findall(text)) > len(text) / 5
    lang = next(
        (name for name, _ in told.most_common() if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", name)), ""
    )
    if chinese and not lang.lower().startswith("zh"):
        lang = ""
    return lang or ("zh-CN" if chinese else "en"), "Asia/Shanghai" if chinese else "UTC"


def _sample(read: Read, zone: str, lists: Sequence[Read]) -> Sample:
    told = ""
    for block in chain.from_iterable(other.blocks[:1] for other in lists):
        for entry in block.entries:
            if entry.url == read.seen.url:
                told = told or text_of(entry.anchor)
    return Sample(
        page=read.seen.page, located=read.located, fetched_at=read.seen.fetched_at, zone=zone, list_title=told
    )


def _addresses(lists: Sequence[Read], articles: Sequence[Read], origin: str) -> Addresses:
    shapes = Counter(shape(read.seen.url) for read in articles)
    main = shapes.most_common(1)[0][0]
    named = [url for read in lists for block in read.blocks if block.shape == main for url in block.urls]
    urls = tuple(dict.fromkeys([*(read.seen.url for read in articles if shape(read.seen.url) == main), *named]))
    following = {read.seen.url: url for read in articles for _, url in next_links(read.seen.page)}
    firsts = [url for url in urls if url not in following.values()]
    found = pattern(firsts or urls, origin, next_pages=following)
    if found is None:
        raise UsageError(
            f"{', '.join(urls[:3])}: nothing in these addresses tells posts apart: give the page of another article"
        )
    foreign = tuple(read.seen.url for read in articles if shape(read.seen.url) != main)
    return Addresses(pattern=found, urls=urls, foreign=foreign)


def _first_pages(
    samples: Sequence[Sample], articles: Sequence[Read], addresses: Addresses
) -> tuple[list[Sample], list[Read]]:
    """Each article once, by its first page."""
    firsts: dict[str, tuple[Sample, Read]] = {}
    for sample, read in sorted(zip(samples, articles, strict=True), key=lambda pair: len(pair[1].seen.url)):
        match = re.match(addresses.pattern.url, target(read.seen.url))
        if match:
            firsts.setdefault(match["id"], (sample, read))
    kept = [pair for pair in zip(samples, articles, strict=True) if any(pair[0] is one for one, _ in firsts.values())]
    return [sample for sample, _ in kept], [read for _, read in kept]


def target(url: str) -> str:
    """Path and query of an address: what a pattern is matched with."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def first_of(sample: Sample, part: Part) -> str:
    """What the profile would read in a page, empty where that is nothing."""
    return next(iter(texts(sample.page.tree, part.selectors)), "")


def _lists(
    listed: Sequence[Read], titles: Mapping[str, str], fetched_at: datetime, zone: str
) -> tuple[tuple[Seen, ListDraft], ...]:
    """A draft for each list page; pages whose entries an earlier draft finds as well share its shape."""
    drafts: list[tuple[Seen, ListDraft]] = []
    for read in listed:
        known = blocks(read.seen.page, site_hosts(read.seen.url), tuple(titles))
        drafted = draft_list(known[0], titles, fetched_at, zone) if known else None
        if drafted is None:
            continue
        alike = [other for _, other in drafts if other.shape.item == drafted.shape.item]
        if alike:
            drafted = replace(
                drafted, shape=replace(alike[0].shape, next_page=alike[0].shape.next_page or drafted.shape.next_page)
            )
        drafts.append((read.seen, drafted))
    return tuple(drafts)
