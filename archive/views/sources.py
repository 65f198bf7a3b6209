"""What views are made of: the documents of an archive's listing, and the choice of posts that a person wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from archive.ahead import ReadAhead
from archive.document import Document, read, to_post
from archive.errors import DamageError, UsageError
from archive.layout import POSTS, PostRef, parse_post_key, post_prefix
from archive.model import JSON
from archive.store import ObjectInfo, Store

Complain = Callable[[str], None]
Progress = Callable[[str, int], None]
"""Called with what is being done and how many posts are done."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One version of a post as the archive's listing has it."""

    ref: PostRef
    info: ObjectInfo


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which posts a view holds: of one site, published since a time or in a month (`YYYY-MM`, by the post's own clock;
    of an undated post, that of its first fetch in UTC), with one of some tags, by one of some authors. None: all.
    """

    site: str | None = None
    since: datetime | None = None
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    month: str | None = None

    def takes(self, document: Document) -> bool:
        """Whether a post is chosen; one that was taken down never is. Raises DamageError for times that are none."""
        if document.is_takedown:
            return False
        if self.tags and not set(self.tags) & set(document.front.get("tags") or ()):
            return False
        if self.authors and document.front.get("author") not in self.authors:
            return False
        if self.month and _month(document) != self.month:
            return False
        published = document.moment("published_at") or document.moment("fetched_at")
        return self.since is None or (published is not None and published >= self.since)

    def as_json(self) -> Mapping[str, JSON]:
        since = self.since.isoformat() if self.since else None
        # What is not asked for is not named: trees know by these what they were made with, and older ones did not ask.
        authors = {"authors": list(self.authors)} if self.authors else {}
        month = {"month": self.month} if self.month else {}
        return {"site": self.site, "since": since, "tags": list(self.tags), **authors, **month}


def _month(document: Document) -> str:
    return (document.moment("published_at") or to_post(document).date).isoformat()[:7]


def versions(store: Store, site: str | None = None) -> Iterator[Source]:
    """Every version of every post, in the order of keys. One listing, constant memory."""
    for info in store.list(post_prefix(site) if site else POSTS):
        ref = parse_post_key(info.key)
        if ref is not None:
            yield Source(ref=ref, info=info)


def newest(store: Store, site: str | None = None) -> Iterator[Source]:
    """The newest version of every post, as `versions` lists them."""
    last: Source | None = None
    for source in versions(store, site):
        if last is not None and (last.ref.site, last.ref.id) != (source.ref.site, source.ref.id):
            yield last
        last = source
    if last is not None:
        yield last


def documents(
    store: Store, sources: Iterable[tuple[Source, bool]], complain: Complain
) -> Iterator[tuple[Source, bytes, Document] | tuple[Source, None, None]]:
    """Each source with its document's bytes and the document, where it is wanted; read ahead.

    `complain` is told of documents that cannot be read as one; these are given as not wanted.
    """
    waiting: dict[str, Source] = {}

    def infos() -> Iterator[tuple[ObjectInfo, bool]]:
        for source, wanted in sources:
            waiting[source.info.key] = source
            yield source.info, wanted

    with ReadAhead(store) as reader:
        for info, data in reader.read(infos()):
            source = waiting.pop(info.key)
            if data is None:
                yield source, None, None
                continue
            try:
                yield source, data, read(data, name=info.key)
            except DamageError as error:
                complain(str(error))
                yield source, None, None


def chosen(store: Store, choice: Choice, complain: Complain) -> Iterator[tuple[Source, Document]]:
    """The newest versions of the posts that are chosen. Raises UsageError where no site has that name."""
    found = False
    for source, _, document in documents(store, ((each, True) for each in newest(store, choice.site)), complain):
        found = True
        try:
            if document is not None and choice.takes(document):
                yield source, document
        except DamageError as error:
            complain(f"{source.info.key}: {error}")
    require_site(choice, found=found)


def require_site(choice: Choice, *, found: bool) -> None:
    if choice.site and not found:
        raise UsageError(
            f"--site {choice.site!r}: the archive holds no post of it; `birdnest list` prints what it holds"
        )
