"""A page → its lists: blocks that repeat around links to pages of one kind, and the selectors inside them. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urldefrag, urlsplit

from lxml import etree
from parsel import Selector

from crawler.draft.addresses import shape
from crawler.draft.css import Choice, Scope, cascade, choose, finds_all, finds_first
from crawler.extract import Page
from crawler.pages import absolute, first_text
from crawler.profile import HtmlList
from pipelines.dates import parse_moment

_LEAST_ENTRIES = 3
_LEAST_RIGHT = 0.7
_TELLING_ENTRIES = 40
_TITLE_CHARACTERS = 30
_LONGEST_TITLE = 150
_LEAST_TITLE = 4
_SHORT = 40
_SUMMARY_CHARACTERS = 25
_ASIDE = re.compile(
    r"\b(?:side\w*|aside|foot\w*|nav\w*|menu\w*|bread\w*|crumb\w*|hot\w*|rank\w*|relate\w*|recommend\w*)", re.IGNORECASE
)
NEXT = re.compile(
    r"^\W*(?:下一?页|后页|下一頁|older(?: posts| entries)?|next(?: page)?)\W*$|^[›»>]{1,2}$", re.IGNORECASE
)
_TIME_NAME = re.compile(r"time|date|stamp|publi?sh|point", re.IGNORECASE)
_TAG_NAMES = frozenset(("tag", "tag-item", "tag_item", "art_tag", "tag-link", "tag-name"))
_TAG_HREF = re.compile(r"/(?:tags?|topics?|label|keyword)s?[/?=-]", re.IGNORECASE)
_AUTHOR_HREF = re.compile(r"/(?:authors?|users?|u|people|column|space|member|writer)s?[/?=-]", re.IGNORECASE)
AUTHOR = re.compile(r"\bauthor|writer|byline|nick|user-?name", re.IGNORECASE)
HINTS = {
    "link": "title|tit|link|head",
    "title": "title|tit|headline|head|subject|name",
    "author": "author|writer|byline|nick|user|editor",
    "published": "time|date|publish|posted|pub",
    "description": "desc|summary|intro|excerpt|digest|abstract|brief|content",
    "tags": "tag|label|keyword|topic|category",
    "next_page": "next|pag|nav",
}
"""Names by which sites call a part, in class names and ids."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a list: the element that holds all of it, the link, and its absolute address."""

    item: etree._Element
    anchor: etree._Element
    url: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """A list in a page. `shape` is that of its addresses, `score` ranks it among the page's blocks."""

    page: Page
    shape: str
    entries: tuple[Entry, ...]
    score: float

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.url for entry in self.entries))

    @property
    def items(self) -> tuple[etree._Element, ...]:
        return tuple(dict.fromkeys(entry.item for entry in self.entries))


@dataclass(frozen=True, kw_only=True)
class Part:
    """What was found for one part of a profile: its selectors, in how many of how many places, and one text there."""

    selectors: tuple[str, ...]
    right: int
    of: int
    wrong: int = 0
    sample: str = ""


@dataclass(frozen=True, kw_only=True)
class ListDraft:
    """A list's shape as the profile has it, and how each part of it is known."""

    block: Block
    shape: HtmlList
    parts: Mapping[str, Part]


def text_of(element: etree._Element) -> str:
    """Visible text with white space folded, as the extraction reads it."""
    return " ".join("".join(element.itertext()).split())


def brief(element: etree._Element, most: int = _LONGEST_TITLE) -> str:
    """The text of an element that has little of it; of one with more than so many characters, nothing.

    No more than that is read: of a page that nests its text a thousand deep, each element holds all of it.
    """
    pieces, size = [], 0
    for piece in element.itertext():
        pieces.append(piece)
        size += len(piece)
        if size > 20 * most:
            return ""
    text = " ".join("".join(pieces).split())
    return text if len(text) <= most else ""


def blocks(page: Page, hosts: Sequence[str], known: Sequence[str] = ()) -> list[Block]:
    """The lists of a page, the likeliest list of posts first.

    hosts: whose links count. known: addresses of posts, in any order: a list that names them is it.
    """
    by_shape: dict[str, list[tuple[etree._Element, str]]] = defaultdict(list)
    for anchor, url in links(page, hosts):
        by_shape[shape(url)].append((anchor, url))
    found = []
    for name, pairs in by_shape.items():
        if len({url for _, url in pairs}) >= _LEAST_ENTRIES:
            for entries in _clusters(pairs):
                score = _score(entries) * (10 if {entry.url for entry in entries} & set(known) else 1)
                found.append(Block(page=page, shape=name, entries=entries, score=score))
    return sorted(found, key=lambda block: -block.score)


def links(page: Page, hosts: Sequence[str]) -> Iterator[tuple[etree._Element, str]]:
    """The page's links to pages of its own site, itself left out, with their absolute addresses."""
    for anchor in page.tree.root.iter("a"):
        href = (anchor.get("href") or "").strip()
        url = absolute(page.url, href) if href and not href.startswith(("#", "javascript:", "mailto:")) else None
        if url is None:
            continue
        url = urldefrag(url).url
        parts = urlsplit(url)
        leads_somewhere = bool(parts.path.strip("/") + parts.query) and url != page.url
        if parts.scheme in ("http", "https") and parts.hostname in hosts and leads_somewhere:
            yield anchor, url


def _clusters(pairs: Sequence[tuple[etree._Element, str]]) -> Iterator[tuple[Entry, ...]]:
    """Links of one shape as lists: those whose entries stand alike."""
    held: dict[etree._Element, set[str]] = defaultdict(set)
    for anchor, url in pairs:
        for node in (anchor, *anchor.iterancestors()):
            held[node].add(url)
    alike: dict[tuple[object, ...], dict[tuple[etree._Element, str], Entry]] = defaultdict(dict)
    for anchor, url in pairs:
        item = anchor
        while (above := item.getparent()) is not None and len(held[above]) == 1 and above.tag not in ("body", "html"):
            item = above
        rows = alike[_standing(item)]
        first = rows.get((item, url))
        # An entry's picture and its title may be two links: the one with a text is its link.
        if first is None or (not text_of(first.anchor) and text_of(anchor)):
            rows[(item, url)] = Entry(item=item, anchor=anchor, url=url)
    for rows in alike.values():
        if len({entry.url for entry in rows.values()}) >= _LEAST_ENTRIES:
            yield tuple(rows.values())


def _standing(item: etree._Element) -> tuple[object, ...]:
    above = [node for node in item.iterancestors() if isinstance(node.tag, str)]
    return (item.tag, *((node.tag, node.get("class") if number else None) for number, node in enumerate(above[1:], 1)))


def _score(entries: Sequence[Entry]) -> float:
    urls = len({entry.url for entry in entries})
    lengths = [min(len(_title(entry, {})[1]), _TITLE_CHARACTERS) for entry in entries]
    fullness = sum(len(text_of(entry.item)) > 2 * _TITLE_CHARACTERS for entry in entries) / len(entries)
    names = " ".join(
        f"{node.tag!s} {node.get('class') or ''} {node.get('id') or ''}" for node in entries[0].item.iterancestors()
    )
    place = 0.15 if _ASIDE.search(names) else 1.0
    length = sum(lengths) / len(lengths)
    return min(urls, _TELLING_ENTRIES) * length * math.sqrt(length) * (1 + fullness) * place


def draft_list(block: Block, titles: Mapping[str, str], fetched_at: datetime, zone: str) -> ListDraft | None:
    """The selectors of a list, None when no selector tells its entries from the rest of the page.

    titles: what articles' own pages call them, by address. fetched_at, zone: as for `parse_moment`.
    """
    items = block.items
    item = _item_selector(block, items)
    if item is None:
        return None
    entries = block.entries
    found = {
        "item": Part(selectors=(item.css,), right=len(items), of=len(items), wrong=item.wrong),
        "link": _link(entries),
        "title": _elements("title", entries, [_title(entry, titles)[0] for entry in entries]),
        "author": _elements("author", entries, [_author(entry) for entry in entries]),
        "published": _published(entries, fetched_at, zone),
        "description": _elements("description", entries, [_summary(entry, titles) for entry in entries]),
        "tags": _tags(entries),
        "next_page": _next_page(block.page),
    }
    parts = {name: part for name, part in found.items() if part is not None}
    if "link" not in parts:
        return None
    fields: dict[str, Any] = {name: part.selectors for name, part in parts.items() if name != "item"}
    return ListDraft(
        block=block, shape=replace(HtmlList(item=item.css, link=fields.pop("link")), **fields), parts=parts
    )


def _item_selector(block: Block, items: tuple[etree._Element, ...]) -> Choice | None:
    scope = Scope(root=block.page.tree.root, wanted=items)
    return choose([scope], finds_all) or choose([scope], _finds_most)


def _finds_most(scope: Scope, found: Sequence[etree._Element]) -> bool:
    hit = len({*found} & {*scope.wanted})
    return hit >= 0.9 * len(scope.wanted) and len(found) <= 1.5 * len(scope.wanted) + 2


def _link(entries: Sequence[Entry]) -> Part | None:
    if all(entry.item is entry.anchor for entry in entries):
        return Part(selectors=("xpath:@href",), right=len(entries), of=len(entries), sample=entries[0].url)
    return _elements("link", entries, [entry.anchor for entry in entries], attribute="href")


def _elements(
    name: str, entries: Sequence[Entry], wanted: Sequence[etree._Element | None], attribute: str = ""
) -> Part | None:
    """Selectors for one element of each entry that has it; None where too few have, or too many find another."""
    scopes = [
        Scope(root=entry.item, wanted=(element,) if element is not None else ())
        for entry, element in zip(entries, wanted, strict=True)
    ]
    having = [scope for scope in scopes if scope.wanted]
    if len(having) < max(2, len(entries) / 3):
        return None
    chosen = cascade(scopes, finds_first, hint=HINTS[name])
    tail = f"::attr({attribute})" if attribute else ""
    selectors = tuple(f"{choice.css}{tail}" for choice in chosen)
    read = [first_text(Selector(root=entry.item, type="html"), selectors) or "" for entry in entries]
    meant = ["" if node is None else node.get(attribute) if attribute else text_of(node) for node in wanted]
    right = sum(bool(value) and value == found for value, found in zip(meant, read, strict=True))
    if not chosen or right < len(having) * _LEAST_RIGHT:
        return None
    wrong = sum(bool(value) and value != found for value, found in zip(meant, read, strict=True))
    sample = next(text for text in read if text)
    return Part(
        selectors=selectors,
        right=len([text for text in read if text]) - wrong,
        of=len(entries),
        wrong=wrong,
        sample=sample,
    )


def _title(entry: Entry, titles: Mapping[str, str]) -> tuple[etree._Element | None, str]:
    """The element that holds an entry's title, and the title."""
    told = titles.get(entry.url, "")
    below = [node for node in entry.item.iter() if isinstance(node.tag, str)]
    named = [node for node in below if told and brief(node) == told]
    if named:
        return named[-1], told
    headings = [node for node in below if re.fullmatch(r"h[1-6]", str(node.tag)) and brief(node)]
    called = [
        node
        for node in below
        if re.search(r"title|\btit\b|headline|subject", f"{node.get('class') or ''}", re.IGNORECASE)
        and len(brief(node)) >= _LEAST_TITLE
    ]
    anchors = [node for node in below if node.tag == "a" and node.get("href") == entry.anchor.get("href")]
    linked = sorted((node for node in anchors if brief(node)), key=lambda node: abs(len(brief(node)) - _SHORT))
    best = next(iter([*headings, *called, *linked]), None)
    return best, brief(best) if best is not None else ""


def _author(entry: Entry) -> etree._Element | None:
    for node in entry.item.iter():
        if not isinstance(node.tag, str) or len(brief(node, _SHORT // 2)) < 2:  # noqa: PLR2004 - nobody's name
            continue
        names = f"{node.get('class') or ''} {node.get('rel') or ''} {node.get('itemprop') or ''}"
        if AUTHOR.search(names):
            return _deepest(node)
        if node.tag == "a" and _AUTHOR_HREF.search(node.get("href") or ""):
            return node
    return None


def _deepest(node: etree._Element) -> etree._Element:
    """The lowest element that holds all of an element's text and has a class, else the lowest that holds it."""
    whole = brief(node)
    alike = [inner for inner in node.iter() if isinstance(inner.tag, str) and brief(inner) == whole]
    return next((inner for inner in reversed(alike) if inner.get("class")), alike[-1] if alike else node)


def _published(entries: Sequence[Entry], fetched_at: datetime, zone: str) -> Part | None:
    """Where entries tell their time: in an attribute if there is one (it is exact), else as a text."""

    def is_time(text: str) -> bool:
        return parse_moment(text, fetched_at=fetched_at, zone=zone) is not None

    attributes: Counter[str] = Counter()
    for entry in entries:
        names = {
            (node is entry.item, name)
            for node in entry.item.iter()
            if isinstance(node.tag, str)
            for name, value in node.items()
            if (_TIME_NAME.search(name) or name == "title") and len(value) <= _SHORT and is_time(value)
        }
        attributes.update(f"{'@' if own else ''}{name}" for own, name in names)
    for name, count in attributes.most_common(1):
        if count < len(entries) / 2:
            break
        if name.startswith("@"):
            value = next(entry.item.get(name[1:]) for entry in entries if entry.item.get(name[1:]))
            return Part(selectors=(f"xpath:{name}",), right=count, of=len(entries), sample=value or "")
        part = _elements("published", entries, [_with_attribute(entry, name) for entry in entries], attribute=name)
        if part is not None:
            return part
    wanted = [_time_text(entry, is_time) for entry in entries]
    return _elements("published", entries, wanted)


def _with_attribute(entry: Entry, name: str) -> etree._Element | None:
    return next((node for node in entry.item.iter() if isinstance(node.tag, str) and node.get(name)), None)


def _time_text(entry: Entry, is_time: Callable[[str], bool]) -> etree._Element | None:
    for node in entry.item.iter():
        if isinstance(node.tag, str) and node.tag != "a":
            text = brief(node, _SHORT)
            if text and is_time(text):
                return _deepest(node)
    return None


def _summary(entry: Entry, titles: Mapping[str, str]) -> etree._Element | None:
    """The element that tells what an entry is about: one that is named so, else the longest text beside the title."""
    title, _ = _title(entry, titles)
    if title is None:
        return None
    apart = [node for node in entry.item.iterdescendants() if isinstance(node.tag, str) and not _kin(node, title)]
    named = [
        node
        for node in apart
        if re.search(HINTS["description"], node.get("class") or "", re.IGNORECASE) and len(text_of(node)) > _SHORT / 4
    ]
    long = [node for node in reversed(apart) if len(text_of(node)) >= _SUMMARY_CHARACTERS]
    return next(iter(named), max(long, key=lambda node: len(text_of(node)), default=None))


def _kin(one: etree._Element, other: etree._Element) -> bool:
    """Whether one element is the other, or holds it, or is in it."""
    return any(node is other for node in (one, *one.iterancestors())) or any(
        node is one for node in other.iterancestors()
    )


def _tags(entries: Sequence[Entry]) -> Part | None:
    scopes = []
    for entry in entries:
        wanted = tuple(
            node for node in entry.item.iterdescendants("a", "span") if brief(node, _SHORT // 2) and is_tag(node)
        )
        scopes.append(Scope(root=entry.item, wanted=wanted))
    having = [scope for scope in scopes if scope.wanted]
    if len(having) < max(2, len(entries) / 3):
        return None
    choice = choose(scopes, finds_all, hint=HINTS["tags"])
    if choice is None or choice.right < len(having) * _LEAST_RIGHT:
        return None
    return Part(
        selectors=(choice.css,),
        right=choice.right,
        of=len(entries),
        wrong=choice.wrong,
        sample=text_of(having[0].wanted[0]),
    )


def is_tag(node: etree._Element) -> bool:
    if node.tag == "a":
        return bool(_TAG_HREF.search(node.get("href") or "")) or (node.get("rel") or "") == "tag"
    return node.tag == "span" and not _TAG_NAMES.isdisjoint((node.get("class") or "").split())


def _next_page(page: Page) -> Part | None:
    root = page.tree.root
    for node in root.iter("a", "link"):
        href = (node.get("href") or "").strip()
        if not href or href.startswith(("#", "javascript:")):
            continue
        if "next" in (node.get("rel") or "").split() or (node.tag == "a" and NEXT.match(brief(node, _SHORT))):
            choice = choose([Scope(root=root, wanted=(node,))], finds_first, hint=HINTS["next_page"])
            if choice is not None:
                return Part(selectors=(f"{choice.css}::attr(href)",), right=1, of=1, sample=href)
    return None
