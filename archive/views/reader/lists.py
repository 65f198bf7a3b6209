"""Lists of posts: the home page, and those by site, category, tag, author and month; each in pages of its own.

A list is in order of publication, and its pages are numbered from the oldest: `tags/app-….0001.html` holds the first 24
posts, and never changes again when newer ones come. What is left over, up to 47 posts, is the list's front,
`tags/app-….html`, newest first. So that a full page can link to the one that follows it before that is full, the front
stands under its number, too. (An older post that is found later moves those after it.)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from archive.model import JSON
from archive.views.reader.card import Card
from archive.views.reader.frame import Look, link, page
from archive.views.tree import File

PER_PAGE: Final = 24
INDEX_PER_PAGE: Final = 600
KINDS: Final = ("sites", "categories", "tags", "authors", "months")
HOME: Final = "index.html"
_NAME_CHARACTERS: Final = 40
_SITE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
# Names that are those of devices on Windows, whatever their extension, and of the lists' own pages.
_TAKEN: Final = re.compile(r"index|all|con|prn|aux|nul|com[0-9]|lpt[0-9]")
OURS: Final = re.compile(
    r"(?:categories|tags|authors)/(?:[a-z0-9-]*-)?[0-9a-f]{12}(?:\.[0-9]{4,})?\.html"
    r"|sites/[a-z0-9-]+(?:\.[0-9]{4,})?\.html|months/[0-9]{4}-[0-9]{2}(?:\.[0-9]{4,})?\.html"
    r"|(?:sites|categories|tags|authors|months)/index(?:\.[0-9]{4,})?\.html|all/[0-9]{4,}\.html"
)
"""The keys of lists: what has such a name and is no list of the archive is of a build that was ended."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The posts of one site, tag …, from the oldest to the newest. name: as its posts have it."""

    kind: str
    name: str
    title: str
    cards: Sequence[Card]

    @property
    def key(self) -> str:
        return list_key(self.kind, self.name)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A page to be made: where, of which cards in the order shown, with which links to its neighbours."""

    template: str
    key: str
    title: str
    kind: str | None
    cards: tuple[Card, ...]
    number: int
    front: str | None  # the list's front, where this page is another
    total: int | None  # how many posts the list has, on its front alone
    older: str | None
    newer: str | None

    @property
    def value(self) -> Mapping[str, JSON]:
        """All that the page is made of."""
        return {**vars(self), "cards": [card.row for card in self.cards]}

    def render(self, look: Look) -> File:
        return page(self.template, self.key, look, leaf=self, lists=Lists(origin=self.key))


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Links to lists, for templates: `lists.to("tags", name)`."""

    origin: str

    def to(self, kind: str, name: str) -> str:
        return link(self.origin, list_key(kind, name))


def list_key(kind: str, name: str) -> str:
    """The front of a list. Its file name is safe in any store: small ASCII letters, digits and `-`, at most 53 of them.

    >>> list_key("sites", "niaogebiji"), list_key("months", "2022-07")
    ('sites/niaogebiji.html', 'months/2022-07.html')
    >>> list_key("tags", "支付宝"), list_key("tags", "C/C++ ..")
    ('tags/276a8bc45803.html', 'tags/c-c-f090f0a69195.html')
    """
    if kind == "months" or (kind == "sites" and _SITE.fullmatch(name) and not _TAKEN.fullmatch(name)):
        return f"{kind}/{name}.html"
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_NAME_CHARACTERS].strip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{kind}/{readable}{'-' if readable else ''}{digest}.html"


def groups_of(cards: Sequence[Card]) -> Iterator[Group]:
    """All lists of some cards, which stand from the oldest to the newest."""
    for kind in KINDS:
        found: dict[str, list[Card]] = {}
        for card in cards:
            for name in names_of(card, kind):
                found.setdefault(name, []).append(card)
        for name in sorted(found):
            # Of the oldest post: a title that changes later must not change full pages.
            title = found[name][0].site_title if kind == "sites" else name
            yield Group(kind=kind, name=name, title=title, cards=found[name])


def names_of(card: Card, kind: str) -> tuple[str, ...]:
    """The lists of a kind that a post is in."""
    names = {
        "sites": (card.site,),
        "categories": card.categories,
        "tags": card.tags,
        "authors": (card.author,),
        "months": (card.month,),
    }[kind]
    return tuple(name for name in dict.fromkeys(names) if name)


def home_pages(cards: Sequence[Card]) -> Iterator[Leaf]:
    """The home page and, in all/, the pages of all posts."""
    return _leaves(cards, template="home.html", front=HOME, stem="all/", title="", kind=None)


def list_pages(group: Group) -> Iterator[Leaf]:
    """The front and the numbered pages of a list."""
    stem = f"{group.key.removesuffix('.html')}."
    return _leaves(group.cards, template="list.html", front=group.key, stem=stem, title=group.title, kind=group.kind)


def _leaves(
    cards: Sequence[Card], *, template: str, front: str, stem: str, title: str, kind: str | None
) -> Iterator[Leaf]:
    full = max(0, len(cards) // PER_PAGE - 1)
    numbers = [*range(1, full + 2)] if full else []

    def key(number: int) -> str:
        return f"{stem}{number:04d}.html"

    def leaf(where: str, number: int, *, total: int | None) -> Leaf:
        end = number * PER_PAGE if number <= full else len(cards)
        return Leaf(
            template=template,
            key=where,
            title=title,
            kind=kind,
            cards=tuple(reversed(cards[(number - 1) * PER_PAGE : end])),
            number=number,
            front=None if where == front else front,
            total=total,
            older=key(number - 1) if number > 1 else None,
            newer=key(number + 1) if number <= full else None,
        )

    yield leaf(front, full + 1, total=len(cards))
    for number in numbers:
        yield leaf(key(number), number, total=None)


# -- lists of lists ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """One list in the list of lists. note: a second name, where the first may stand for several."""

    name: str
    title: str
    count: int
    key: str
    newest: str


@dataclass(frozen=True, kw_only=True)
class Index:
    """A page of the list of lists of a kind; rows by year where these are months, else in one part without a name."""

    key: str
    kind: str
    parts: Sequence[tuple[str, Sequence[Row]]]
    total: int
    number: int
    pages: Sequence[tuple[int, str]]

    @property
    def value(self) -> Mapping[str, JSON]:
        """All that the page is made of."""
        return {**vars(self), "parts": [[name, [vars(row) for row in rows]] for name, rows in self.parts]}

    def render(self, look: Look) -> File:
        return page("lists.html", self.key, look, index=self)


def index_pages(kind: str, groups: Iterable[Group]) -> Iterator[Index]:
    """The pages of the list of lists: months from the newest, all others by their number of posts, then by name."""
    rows = [
        Row(name=group.name, title=group.title, count=len(group.cards), key=group.key, newest=group.cards[-1].day)
        for group in groups
    ]
    rows.sort(key=lambda row: row.name if kind == "months" else (-row.count, row.name), reverse=kind == "months")
    chunks = [rows[at : at + INDEX_PER_PAGE] for at in range(0, len(rows), INDEX_PER_PAGE)] or [[]]
    keys = [f"{kind}/index.html", *(f"{kind}/index.{number:04d}.html" for number in range(2, len(chunks) + 1))]
    pages = list(enumerate(keys, start=1)) if len(keys) > 1 else []
    for (number, key), chunk in zip(enumerate(keys, start=1), chunks, strict=True):
        parts = _by_year(chunk) if kind == "months" else [("", chunk)]
        yield Index(key=key, kind=kind, parts=parts, total=len(rows), number=number, pages=pages)


def _by_year(rows: Sequence[Row]) -> list[tuple[str, Sequence[Row]]]:
    years: dict[str, list[Row]] = {}
    for row in rows:
        years.setdefault(row.name[:4], []).append(row)
    return list(years.items())
