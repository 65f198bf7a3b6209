"""The list of a post's versions, and the pages that compare two of them.

Between any two of the first twelve versions there is such a page. There would be half a million of a post with a
thousand, so of later ones each is compared with the one before it and with the newest: the pages grow with the number
of versions, not with its square, and a new version takes away none but those with the one that was the newest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from markupsafe import Markup

from archive.layout import PostRef
from archive.views.reader.body import size_attributes
from archive.views.reader.compare import Comparison
from archive.views.reader.frame import Look, page
from archive.views.reader.post import compare_key, home_key, old_key, versions_key
from archive.views.reader.version import Version
from archive.views.tree import File

ALL_PAIRS: Final = 12


@dataclass(frozen=True, kw_only=True)
class Change:
    """What changed from the version before, in short, and the page that shows it."""

    number: int
    key: str
    fields: tuple[str, ...]
    added: int
    removed: int
    pictures_added: int
    pictures_removed: int
    is_empty: bool
    is_look_alone: bool

    @classmethod
    def of(cls, found: Comparison, *, old: PostRef, new: PostRef) -> Change:
        return cls(
            number=old.version,
            key=compare_key(new, old.version, new.version),
            fields=tuple(name for name, _ in found.fields),
            added=found.added,
            removed=found.removed,
            pictures_added=found.pictures_added,
            pictures_removed=found.pictures_removed,
            is_empty=found.is_empty,
            is_look_alone=found.is_look_alone,
        )


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    key: str | None
    fetched: datetime | None
    change: Change | None
    others: Sequence[tuple[int, str]]


def pairs_of(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The versions that are compared, of those that there are, the older one first.

    >>> list(pairs_of([1, 2, 4]))
    [(1, 2), (1, 4), (2, 4)]
    >>> len(list(pairs_of(range(1, 101))))
    252
    """
    for at, second in enumerate(numbers):
        if second <= ALL_PAIRS or second == numbers[-1]:
            yield from ((first, second) for first in numbers[:at])
        elif at:
            yield numbers[at - 1], second


def versions_page(
    newest: Version, fetched: Mapping[int, datetime | None], changes: Mapping[int, Change], look: Look
) -> File:
    """The list of versions, the newest first. fetched: when each was, None for one that cannot be shown."""
    readable = [number for number, moment in fetched.items() if moment]
    others: dict[int, list[tuple[int, str]]] = {number: [] for number in fetched}
    for first, second in pairs_of(readable):
        if second not in changes or changes[second].number != first:
            others[second].append((first, compare_key(newest.ref, first, second)))
    rows = [
        _Row(
            number=number,
            key=_page_of(replace(newest.ref, version=number), newest.ref) if moment else None,
            fetched=moment,
            change=changes.get(number),
            others=others[number],
        )
        for number, moment in sorted(fetched.items(), reverse=True)
    ]
    key = versions_key(newest.ref)
    return page("versions.html", key, look, post=newest, rows=rows, home=home_key(newest.ref))


def compare_page(
    old: Version, new: Version, found: Comparison, look: Look, *, newest: PostRef
) -> tuple[File, tuple[str, ...]]:
    """The page that shows what changed, and the keys of the pictures on it."""
    file = page(
        "compare.html",
        compare_key(newest, old.ref.version, new.ref.version),
        look,
        old=old,
        new=new,
        found=found,
        home=home_key(newest),
        versions=versions_key(newest),
        old_page=_page_of(old.ref, newest),
        new_page=_page_of(new.ref, newest),
        size=lambda picture: Markup(size_attributes(picture)),  # noqa: S704 - numbers
    )
    return file, tuple(row.picture.key for row in found.rows if row.picture)


def _page_of(ref: PostRef, newest: PostRef) -> str:
    return home_key(ref) if ref == newest else old_key(ref)
