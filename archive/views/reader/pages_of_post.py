"""All pages of one post: its newest version, the older ones, and what changed between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from archive.document import Document
from archive.errors import DamageError, ObjectMissing
from archive.layout import PostRef
from archive.views.reader.card import Card, card_of
from archive.views.reader.compare import compare
from archive.views.reader.frame import Look
from archive.views.reader.post import PostPage, compare_key, post_page
from archive.views.reader.told import Told
from archive.views.reader.version import Version, version_of
from archive.views.reader.versions import Change, compare_page, pairs_of, versions_page
from archive.views.sources import Choice, Complain
from archive.views.tree import File

_HELD: Final = 16


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a post gives. pages: each with the keys of the pictures that it shows, made as they are asked for."""

    card: Card
    pages: Iterator[tuple[File, tuple[str, ...]]]


def pages_of_post(
    refs: Sequence[PostRef],
    document: Callable[[PostRef], Document],
    *,
    look: Look,
    choice: Choice,
    told: Told,
    trouble: Complain,
) -> Made | None:
    """The pages of a post, of its versions from the oldest to the newest; None where it is none to be shown.

    `trouble` is told what cannot be shown as it is, while pages are made. Raises DamageError or ObjectMissing where
    that is the newest version.
    """
    head = document(refs[-1])
    if head.is_takedown:
        return None
    newest = version_of(refs[-1], head)
    if not choice.takes(head):
        return None
    work = _Pages(refs=refs, document=document, look=look, told=told, trouble=trouble, newest=newest)
    first = work.page_of_newest()
    return Made(card=card_of(newest, first.body.text, len(refs)), pages=work.pages(first))


class _Pages:
    def __init__(
        self,
        *,
        refs: Sequence[PostRef],
        document: Callable[[PostRef], Document],
        look: Look,
        told: Told,
        trouble: Complain,
        newest: Version,
    ) -> None:
        self._refs = refs
        self._document = document
        self._look = look
        self._told = told
        self._trouble = trouble
        self._newest = newest
        self._load = lru_cache(maxsize=_HELD)(self._read)
        self._fetched: dict[PostRef, datetime | None] = {newest.ref: newest.fetched}

    def page_of_newest(self) -> PostPage:
        newest = self._newest
        return post_page(
            newest,
            self._look,
            old=False,
            count=len(self._refs),
            gone=self._told.gone_since(newest.url, newest.fetched),
            run=self._told.runs.get(newest.ref.key),
        )

    def pages(self, first: PostPage) -> Iterator[tuple[File, tuple[str, ...]]]:
        yield self._checked(self._newest, first)
        if len(self._refs) == 1:
            return
        for ref in self._refs[:-1]:
            version = self._load(ref)
            if version is not None:
                yield self._checked(version, self._page_of_old(version))
        yield from self._comparisons()

    def _comparisons(self) -> Iterator[tuple[File, tuple[str, ...]]]:
        """The pages that compare two versions, and the list of versions, which tells of them."""
        fetched = {ref.version: self._fetched.get(ref) for ref in self._refs}
        numbers = [number for number, moment in fetched.items() if moment]
        refs = {ref.version: ref for ref in self._refs}
        changes: dict[int, Change] = {}
        for first, second in pairs_of(numbers):
            old, new = self._load(refs[first]), self._load(refs[second])
            if old is None or new is None:
                continue
            found = compare(old, new)
            if numbers.index(second) == numbers.index(first) + 1:
                changes[second] = Change.of(found, old=old.ref, new=new.ref)
            yield compare_page(old, new, found, self._look, newest=self._newest.ref)
        yield versions_page(self._newest, fetched, changes, self._look), ()

    def _page_of_old(self, version: Version) -> PostPage:
        compare = compare_key(version.ref, version.ref.version, self._newest.ref.version)
        run = self._told.runs.get(version.ref.key)
        return post_page(version, self._look, old=True, compare=compare, run=run)

    def _checked(self, version: Version, made: PostPage) -> tuple[File, tuple[str, ...]]:
        if made.strangers:
            self._trouble(
                f"{version.ref.key}: its body holds what no body may hold, as {made.strangers}: shown without that"
            )
        head = (version.head.key,) if version.head else ()
        return made.file, (*head, *made.body.shown)

    def _read(self, ref: PostRef) -> Version | None:
        """A version, or None for one that cannot be shown."""
        if ref == self._newest.ref:
            return self._newest
        version = None
        try:
            document = self._document(ref)
            version = None if document.is_takedown else version_of(ref, document)
        except (DamageError, ObjectMissing) as error:
            if ref not in self._fetched:
                self._trouble(f"{ref.key}: {error}")
        self._fetched[ref] = version.fetched if version else None
        return version
