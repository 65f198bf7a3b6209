"""The files that make a book of chapters: package document, contents, cover, imprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archive.views.epub import cover
from archive.views.epub.container import PACKAGE_KEY
from archive.views.epub.entries import Plan, choice_lines, names
from archive.views.epub.frame import asset, fill, language_tag
from archive.views.epub.words import day_name, month_name

XHTML: Final = "application/xhtml+xml"
STYLE_KEY: Final = "book.css"
NAV_KEY: Final = "nav.xhtml"
NCX_KEY: Final = "toc.ncx"
COVER_KEY: Final = "cover.xhtml"
IMPRINT_KEY: Final = "imprint.xhtml"
NEST_KEY: Final = "nest.svg"
COVER_IMAGE_KEY: Final = "cover.png"
_MAX_CREATORS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file as the package's manifest names it. properties: of EPUB's vocabulary, or none."""

    key: str
    media_type: str
    properties: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the contents list: a month with its chapters, or a chapter. key: the file where it begins."""

    title: str
    key: str
    parts: Sequence[Part] = ()


def parts_of(plan: Plan) -> list[Part]:
    """The contents, by month where there are several."""
    months = plan.months
    chapters = [[Part(title=entry.title, key=entry.key) for entry in entries] for _, entries in months]
    if len(months) == 1:
        return chapters[0]
    return [
        Part(title=month_name(month, plan.language) if month else plan.words["undated"], key=inner[0].key, parts=inner)
        for (month, _), inner in zip(months, chapters, strict=True)
    ]


def files(plan: Plan, *, generator: str, drawn_anew: int) -> Iterator[tuple[Item, bytes]]:
    """All files but chapters, pictures and the package document itself.

    drawn_anew: how many pictures are in another format than the archive has them in.
    """
    common = {"plan": plan, "words": plan.words, "lang": plan.words["lang"]}
    parts = parts_of(plan)
    yield Item(key=STYLE_KEY, media_type="text/css"), asset(STYLE_KEY)
    yield Item(key=NEST_KEY, media_type="image/svg+xml"), cover.svg(plan)
    yield (
        Item(key=COVER_IMAGE_KEY, media_type="image/png", properties="cover-image"),
        cover.raster(plan, _in_latin(plan)),
    )
    yield (
        Item(key=COVER_KEY, media_type=XHTML),
        fill("cover.xhtml", COVER_KEY, what=_what(plan), period=period(plan), count=_count(plan), **common),
    )
    yield (
        Item(key=NAV_KEY, media_type=XHTML, properties="nav"),
        fill(NAV_KEY, NAV_KEY, parts=parts, first=parts[0].key, **common),
    )
    yield (
        Item(key=NCX_KEY, media_type="application/x-dtbncx+xml"),
        fill(NCX_KEY, NCX_KEY, parts=parts, depth=1 + any(part.parts for part in parts), **common),
    )
    imprint = fill(
        "imprint.xhtml",
        IMPRINT_KEY,
        chosen=list(choice_lines(plan.choice)),
        as_of=day_name(modified(plan).date(), plan.language),
        generator=generator,
        drawn_anew=drawn_anew,
        **common,
    )
    yield Item(key=IMPRINT_KEY, media_type=XHTML), imprint


def package(plan: Plan, items: Sequence[Item]) -> bytes:
    """The package document of a book that has these files."""
    ids = {item.key: f"f{number}" for number, item in enumerate(items, start=1)}
    languages = [tag for tag in names(language_tag(entry.lang) or "" for entry in plan.entries) if tag]
    authors = names(entry.author for entry in plan.entries)
    return fill(
        PACKAGE_KEY,
        PACKAGE_KEY,
        plan=plan,
        words=plan.words,
        lang=plan.words["lang"],
        languages=languages or [plan.words["lang"]],
        creators=authors if len(authors) <= _MAX_CREATORS else plan.sites,
        description=f"{_count(plan)} · {period(plan)}",
        newest=max(entry.moment for entry in plan.entries).date().isoformat(),
        modified=f"{modified(plan):%Y-%m-%dT%H:%M:%SZ}",
        items=items,
        ids=ids,
        spine=[ids[key] for key in _spine(plan)],
    )


def modified(plan: Plan) -> datetime:
    """When the newest of the book's versions was fetched, in UTC: the book says nothing that is newer."""
    return max(entry.fetched_at for entry in plan.entries).astimezone(UTC)


def period(plan: Plan) -> str:
    """From when to when the posts were published."""
    first, last = (day_name(moment.date(), plan.language) for moment in _ends(plan))
    return first if first == last else f"{first} – {last}"


def _in_latin(plan: Plan) -> tuple[str, str]:
    """The title, or else the names of the sites in the archive, and the months."""
    slugs = " ".join(names(entry.source.ref.site for entry in plan.entries)[:_MAX_CREATORS])
    first, last = (moment.isoformat()[:7].replace("-", ".") for moment in _ends(plan))
    return plan.title if plan.title.isascii() else slugs, first if first == last else f"{first} - {last}"


def _ends(plan: Plan) -> tuple[datetime, datetime]:
    moments = [entry.moment for entry in plan.entries if entry.is_dated] or [entry.moment for entry in plan.entries]
    return min(moments), max(moments)


def _what(plan: Plan) -> str:
    """What the title does not say yet: the sites, or the authors where these are few."""
    authors = names(entry.author for entry in plan.entries)
    told = [*plan.sites[:_MAX_CREATORS], *(authors if len(authors) <= _MAX_CREATORS else [])]
    return plan.words["and"].join(name for name in dict.fromkeys(told) if name not in plan.title)


def _count(plan: Plan) -> str:
    return plan.words["posts"].format(count=f"{len(plan.entries):,}")


def _spine(plan: Plan) -> Iterator[str]:
    yield from (COVER_KEY, NAV_KEY)
    yield from (entry.key for entry in plan.entries)
    yield IMPRINT_KEY
