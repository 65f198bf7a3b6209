"""Pages of articles → the selectors of their fields: values are located in each page, then said by where they stand.

A value is looked for by what it is (the heading that the page's `<title>` begins with, a text that reads as a time),
and its selector has to find it in all pages given. What a selector finds there is read again, as the profile would
read it: `Part.right` counts the pages where that gave the value, not those where it merely matched. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from lxml import etree

from crawler.draft.css import Scope, cascade, choose, finds_all, finds_first, simple
from crawler.draft.lists import AUTHOR, HINTS, NEXT, Part, brief, is_tag, text_of
from crawler.draft.located import Located
from crawler.extract import Page
from crawler.pages import absolute, first_text, texts
from crawler.profile import Selectors
from pipelines.dates import Moment, parse_moment

_HINTS = {
    **HINTS,
    "body": "content|article|body|text|detail|entry|post",
    "section": "crumb|bread|section|category|channel|column",
}
_SAME_TEXT = 0.9
_LEAST_SHARE = 0.35  # a page may hold the text twice, for small screens
_AUTHOR_LABEL = re.compile(r"(?:作者|撰文|记者|文)\s?[:：]\s*(?P<value>[^\s:：/|]{2,16})(?=\s|$)")
_CRUMBS = re.compile(r"crumb|breadcrumb|position|location|\bpath\b", re.IGNORECASE)
_SHORT = 60
_LONGEST_TITLE = 200
_META_TIMES = (
    'meta[property="article:published_time"]',
    "meta[itemprop=datePublished]",
    "meta[name=publishdate]",
    "meta[name=pubdate]",
    "meta[name=PubDate]",
    "time[itemprop=datePublished]",
    "time[pubdate]",
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A page of an article, what was located in it, and what a list said of it."""

    page: Page
    located: Located
    fetched_at: datetime
    zone: str
    list_title: str = ""

    @cached_property
    def title(self) -> etree._Element | None:
        return _title_element(self)

    @cached_property
    def body(self) -> etree._Element | None:
        return _narrowed(self.located.body, self.title)

    @property
    def root(self) -> etree._Element:
        root: etree._Element = self.page.tree.root
        return root

    def moment(self, text: str) -> Moment | None:
        return parse_moment(text, fetched_at=self.fetched_at, zone=self.zone)


def draft_fields(samples: Sequence[Sample]) -> dict[str, Part]:
    """The selectors of each field that could be located, by field name, in the profile's order."""
    found = {
        "title": _title(samples),
        "author": _author(samples),
        "published": _published(samples),
        "updated": _meta(samples, 'meta[property="article:modified_time"]'),
        "section": _section(samples),
        "tags": _tags(samples),
        "description": _description(samples),
        "head_image": _meta(samples, 'meta[property="og:image"]', telling=True),
        "body": _body(samples),
        "next_page": _next_page(samples),
    }
    return {name: part for name, part in found.items() if part is not None}


def _title(samples: Sequence[Sample]) -> Part | None:
    wanted = [sample.title for sample in samples]
    return _by_elements("title", samples, wanted) or _meta(samples, 'meta[property="og:title"]')


def _title_element(sample: Sample) -> etree._Element | None:
    """The element that says the title: what the page's `<title>` begins with, or what was located, or the list said."""
    heads = [text_of(node) for node in sample.root.iter("title")][:1]
    told = {text for text in (sample.located.title, sample.list_title) if text}
    best, rank = None, (0, 0, 0)
    for node in _visible(sample.root):
        text = brief(node, _LONGEST_TITLE)
        if not text or node.tag == "a":
            continue
        begins = any(_folded(head).startswith(_folded(text)) for head in heads)
        if text in told or (begins and len(text) > 3):  # noqa: PLR2004 - shorter is the site's name or a crumb
            here = (int(text in told) + int(begins), int(node.tag in ("h1", "h2")), len(text))
            if here > rank or (here == rank and best is not None and best in [*node.iterancestors()]):
                best, rank = node, here
    return best


def _folded(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _visible(root: etree._Element) -> Iterator[etree._Element]:
    for body in root.iter("body"):
        for node in body.iterdescendants():
            if isinstance(node.tag, str) and node.tag not in ("script", "style", "noscript", "template"):
                yield node


def _author(samples: Sequence[Sample]) -> Part | None:
    values = [sample.located.author or _labelled_author(sample) for sample in samples]
    wanted = [_short_holder(sample, value) if value else None for sample, value in zip(samples, values, strict=True)]
    part = _by_elements("author", samples, wanted)
    # What can only be counted to in one page is a place, not a name.
    if part is not None and any(":nth-of-type" in selector for selector in part.selectors) and len(samples) == 1:
        part = None
    called = [_called_author(sample) for sample in samples]
    return part or _by_label(samples, values) or _by_elements("author", samples, called)


def _labelled_author(sample: Sample) -> str:
    """`作者：张三` in a line before the text."""
    for node in _visible(sample.root):
        match = _AUTHOR_LABEL.search(brief(node, 2 * _SHORT))
        if match and not _inside(node, sample.body) and _before(node, sample.body):
            return match["value"]
    return ""


def _called_author(sample: Sample) -> etree._Element | None:
    """The first short text before the article's that its class calls the author's."""
    for node in _visible(sample.root):
        if _says_author(node):
            text = brief(node, _SHORT // 2)
            if len(text) > 1 and ":" not in text and "：" not in text and _before(node, sample.body):
                inner = [each for each in node.iterdescendants() if isinstance(each.tag, str) and _says_author(each)]
                return inner[-1] if inner else node
    return None


def _says_author(node: etree._Element) -> bool:
    return bool(AUTHOR.search(f"{node.get('class') or ''} {node.get('rel') or ''} {node.get('itemprop') or ''}"))


def _short_holder(sample: Sample, value: str) -> etree._Element | None:
    """The element whose text is a value: of several the one nearest before the article's text, the innermost."""
    same = [node for node in _visible(sample.root) if brief(node) == value]
    before = [node for node in same if not _inside(node, sample.body) and _before(node, sample.body)]
    chosen = (before or same)[-1:] if before else same[:1]
    return _named(chosen[0], same) if chosen else None


def _named(node: etree._Element, same: Sequence[etree._Element]) -> etree._Element:
    """The element itself, or one around it that has the same text and a name, where it has none."""
    if node.get("class") or node.get("id"):
        return node
    around = [outer for outer in node.iterancestors() if outer in same and (outer.get("class") or outer.get("id"))]
    return around[0] if around else node


def _inside(node: etree._Element, outer: etree._Element | None) -> bool:
    return outer is not None and (node is outer or any(above is outer for above in node.iterancestors()))


def _before(node: etree._Element, other: etree._Element | None) -> bool:
    if other is None:
        return True
    one, two = _place(node), _place(other)
    return one < two


def _place(node: etree._Element) -> tuple[int, ...]:
    line = [node, *node.iterancestors()][::-1]
    return tuple(0 if (up := each.getparent()) is None else up.index(each) for each in line)


def _by_label(samples: Sequence[Sample], values: Sequence[str]) -> Part | None:
    """`作者：张三 来源：…`: what follows a label, up to the next space, in the innermost element that holds both."""
    holders: dict[str, dict[int, Scope]] = {}
    for number, (sample, value) in enumerate(zip(samples, values, strict=True)):
        pattern = re.compile(rf"(?P<label>[^\s:：\"]{{1,8}}[:：])\s*{re.escape(value)}(?=\s|$)")
        for node in _visible(sample.root) if value and " " not in value else ():
            match = pattern.search(brief(node, 2 * _SHORT))
            if match:
                holders.setdefault(match["label"], {})[number] = Scope(root=sample.root, wanted=(node,))
    for label, scopes in sorted(holders.items(), key=lambda row: -len(row[1])):
        choice = choose([*scopes.values()], finds_first, hint=_HINTS["author"])
        path = _xpath_of(choice.css) if choice else ""
        if path:
            after = f'normalize-space(substring-after(normalize-space({path}), "{label}"))'
            part = _judged(samples, (f'xpath:substring-before(concat({after}, " "), " ")',), values)
            return part if part.right else None
    return None


def _xpath_of(css: str) -> str:
    """A compound selector as a short XPath; empty for one that needs more."""
    match = re.fullmatch(r"(?P<tag>[a-z][a-z0-9]*)?(?:(?P<mark>[.#])(?P<name>[\w-]+))?", css)
    if match is None or not (match["tag"] or match["name"]):
        return ""
    if not match["name"]:
        return f"//{match['tag']}"
    attribute = "@id" if match["mark"] == "#" else "@class"
    name = match["name"]
    test = f'@id="{name}"' if attribute == "@id" else f'contains(concat(" ", @class, " "), " {name} ")'
    return f"//{match['tag'] or '*'}[{test}]"


def _published(samples: Sequence[Sample]) -> Part | None:
    """The time that the page shows; a machine-readable one before it where the page shows no more than the day."""
    shown = _by_elements("published", samples, [_time_element(sample) for sample in samples], is_time=True)
    told = next(
        (part for css in _META_TIMES if (part := _meta(samples, css, is_time=True)) and part.right == len(samples)),
        None,
    )
    if shown is None or told is None:
        return shown or told
    exact = all(
        (moment := sample.moment(texts(sample.page.tree, shown.selectors)[0])) and moment.precision != "day"
        for sample in samples
        if texts(sample.page.tree, shown.selectors)
    )
    first, second = (shown, told) if exact else (told, shown)
    return Part(selectors=(*first.selectors, *second.selectors), right=first.right, of=first.of, sample=first.sample)


def _time_element(sample: Sample) -> etree._Element | None:
    """The element that shows the time: the located one, else the last before the text that reads as a time."""
    raws = sample.located.published
    rows = [
        node
        for node in _visible(sample.root)
        if brief(node, _SHORT) and not _inside(node, sample.body) and sample.moment(brief(node, _SHORT)) is not None
    ]
    told = [node for node in rows if any(raw in brief(node) for raw in raws)]
    before = [node for node in rows if _before(node, sample.body)]
    best = (told or before)[-1:] or rows[:1]
    return _named(best[0], [node for node in rows if brief(node) == brief(best[0])]) if best else None


def _section(samples: Sequence[Sample]) -> Part | None:
    part = _by_elements("section", samples, [_crumb(sample) for sample in samples])
    return part or _meta(samples, 'meta[property="article:section"]')


def _crumb(sample: Sample) -> etree._Element | None:
    """The last link of the path that leads to the article."""
    for node in _visible(sample.root):
        names = f"{node.get('class') or ''} {node.get('id') or ''}"
        if _CRUMBS.search(names):
            anchors = [a for a in ([node] if node.tag == "a" else node.iterdescendants("a")) if brief(a, _SHORT)]
            if anchors and brief(node, 4 * _SHORT):
                return anchors[-1]
    return None


def _tags(samples: Sequence[Sample]) -> Part | None:
    """Links to pages of tags that are this article's: they stand alike on most pages, and are not the same on each."""
    rows = [
        [
            node
            for node in _visible(sample.root)
            if is_tag(node) and brief(node, _SHORT) and not _inside(node, sample.body)
        ]
        for sample in samples
    ]
    sets = [{(_standing(node), text_of(node)) for node in row} for row in rows]
    everywhere = set.intersection(*sets) if len(sets) > 1 else set()
    standings = Counter(where for told in sets for where in {where for where, _ in told - everywhere})
    if not standings:
        return None
    # Of those on most pages the first in the page: what stands below it is other articles'.
    most = max(standings.values())
    order = [_standing(node) for row in rows for node in row]
    where = next(each for each in order if standings[each] == most)
    scopes = [
        Scope(root=sample.root, wanted=tuple(node for node in row if _standing(node) == where))
        for sample, row in zip(samples, rows, strict=True)
    ]
    having = [scope for scope in scopes if scope.wanted]
    choice = choose(scopes, finds_all, hint=_HINTS["tags"])
    if choice is None:
        return None
    told = ", ".join(text_of(node) for node in having[0].wanted)
    return Part(selectors=(choice.css,), right=choice.right, of=len(samples), wrong=choice.wrong, sample=told)


def _standing(node: etree._Element) -> tuple[str | None, ...]:
    above = [*node.iterancestors()][:2]
    return str(node.tag), node.get("class"), *(outer.get("class") for outer in above)


def _description(samples: Sequence[Sample]) -> Part | None:
    for css in ("meta[name=description]", 'meta[property="og:description"]'):
        part = _meta(samples, css, telling=True)
        if part is not None:
            return part
    return None


def _meta(samples: Sequence[Sample], css: str, *, telling: bool = False, is_time: bool = False) -> Part | None:
    """A field of the page's head. telling: only where it differs from page to page, as one of the site's does not."""
    attribute = "datetime" if css.startswith("time") else "content"
    selectors = (f"{css}::attr({attribute})",)
    found = [first_text(sample.page.tree, selectors) for sample in samples]
    values = [value for value in found if value]
    if not values or (telling and len(samples) > 1 and len(set(values)) == 1):
        return None
    if is_time and any(sample.moment(value) is None for sample, value in zip(samples, found, strict=True) if value):
        return None
    return Part(selectors=selectors, right=len(values), of=len(samples), sample=values[0])


def _body(samples: Sequence[Sample]) -> Part | None:
    scopes = [Scope(root=sample.root, wanted=(sample.body,) if sample.body is not None else ()) for sample in samples]
    chosen = cascade(scopes, _finds_text, hint=_HINTS["body"])
    if not chosen:
        return None
    first = next(scope.wanted[0] for scope in scopes if scope.wanted)
    return Part(
        selectors=tuple(choice.css for choice in chosen),
        right=sum(choice.right for choice in chosen),
        of=len(samples),
        wrong=sum(choice.wrong for choice in chosen),
        sample=text_of(first),
    )


def _finds_text(scope: Scope, found: Sequence[etree._Element]) -> bool:
    """The first match holds the wanted element's text and hardly more: of nested containers either will do."""
    if finds_first(scope, found):
        return True
    wanted, first = scope.wanted[0], found[0]
    if not (_inside(first, wanted) or _inside(wanted, first)):
        return False
    small, large = sorted((len(text_of(wanted)), len(text_of(first))))
    images = {len(list(node.iter("img"))) for node in (wanted, first)}
    return small >= _SAME_TEXT * large and len(images) == 1


def _next_page(samples: Sequence[Sample]) -> Part | None:
    wanted = [_next_link(sample) for sample in samples]
    scopes = [
        Scope(root=sample.root, wanted=(node,) if node is not None else ())
        for sample, node in zip(samples, wanted, strict=True)
    ]
    choice = choose(scopes, finds_first, hint=_HINTS["next_page"])
    if choice is None:
        return None
    first = next(node for node in wanted if node is not None)
    return Part(
        selectors=(f"{choice.css}::attr(href)",),
        right=choice.right,
        of=sum(node is not None for node in wanted),
        wrong=choice.wrong,
        sample=first.get("href") or "",
    )


def _next_link(sample: Sample) -> etree._Element | None:
    return next((node for node, _ in next_links(sample.page)), None)


def next_links(page: Page) -> Iterator[tuple[etree._Element, str]]:
    """Links to the next page of this very article: the longest number of the address is the same there."""
    numbers = re.findall(r"\d+", page.url)
    own = max(numbers, key=len, default="")
    for node in page.tree.root.iter("a"):
        href = (node.get("href") or "").strip()
        url = absolute(page.url, href) if NEXT.match(brief(node, _SHORT)) and href else None
        if url and url != page.url and own and own in re.findall(r"\d+", url):
            yield node, url


def _narrowed(body: etree._Element | None, title: etree._Element | None) -> etree._Element | None:
    """The text without its head: where the container holds the title, the part after that with the most of the text."""
    while body is not None and title is not None and title is not body and _inside(title, body):
        parts = [node for node in body.iterchildren() if isinstance(node.tag, str) and not _inside(title, node)]
        parts = [node for node in parts if not _before(node, title)] or [
            node for node in body.iterchildren() if isinstance(node.tag, str)
        ]
        best = max(parts, key=lambda node: len(text_of(node)), default=None)
        if best is None or best.tag == "p" or len(text_of(best)) < _LEAST_SHARE * len(text_of(body)):
            break
        body = best
    return None if body is None else _innermost(body)


def _innermost(body: etree._Element) -> etree._Element:
    """An element, or the one below it that holds all of its text and more than one paragraph's."""
    whole = len(text_of(body))
    while len(children := [node for node in body.iterchildren() if isinstance(node.tag, str)]) == 1:
        (child,) = children
        if child.tag == "p" or child.get("class") == body.get("class") or len(text_of(child)) < whole or not len(child):
            break
        if _has_name(body) and not _has_name(child):
            break
        body = child
    return body


def _has_name(node: etree._Element) -> bool:
    return any(css[0] in ".#" for css, _ in simple(node))


def _by_elements(
    name: str, samples: Sequence[Sample], wanted: Sequence[etree._Element | None], *, is_time: bool = False
) -> Part | None:
    scopes = [
        Scope(root=sample.root, wanted=(node,) if node is not None else ())
        for sample, node in zip(samples, wanted, strict=True)
    ]
    if not any(scope.wanted for scope in scopes):
        return None
    chosen = cascade(scopes, finds_first, hint=_HINTS[name])
    if not chosen:
        return None
    values = ["" if node is None else text_of(node) for node in wanted]
    part = _judged(samples, tuple(choice.css for choice in chosen), values)
    # Rather none than a wrong one: a title and a body there has to be, the rest there may be.
    doubtful = part.wrong >= part.right and name in ("author", "section")
    return None if doubtful or (is_time and not part.right) else part


def _judged(samples: Sequence[Sample], selectors: Selectors, values: Sequence[str]) -> Part:
    """Selectors with what they give in each page, as the profile would read them, against what they should give."""
    read = [first_text(sample.page.tree, selectors) or "" for sample in samples]
    pairs = [*zip(read, values, strict=True)]
    return Part(
        selectors=selectors,
        right=sum(bool(value) and value == found for found, value in pairs),
        of=len(samples),
        wrong=sum(bool(found) and found != value for found, value in pairs),
        sample=next((found for found in read if found), ""),
    )
