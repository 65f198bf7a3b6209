"""What a book holds: a line for each of its posts, in the book's order."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from archive.document import Document, to_post
from archive.errors import DamageError, UsageError
from archive.store import Store
from archive.views.epub.frame import one_line
from archive.views.epub.words import WORDS, month_name
from archive.views.sources import Choice, Complain, Progress, Source, documents, newest, require_site

_SCHEME: Final = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A post of the book. digest: SHA-256 of its document. moment: of publication, by the post's own clock; of a
    post that is not dated, of its first fetch in UTC. size: characters of its body's markup.
    """

    source: Source
    digest: str
    title: str
    author: str
    site_title: str
    url: str
    lang: str
    moment: datetime
    is_dated: bool
    fetched_at: datetime
    size: int

    @property
    def key(self) -> str:
        """Where its chapter lies in the book."""
        return f"posts/{self.source.ref.site}/{self.source.ref.id}.xhtml"

    @property
    def month(self) -> str:
        """`YYYY-MM`, or nothing for a post that is not dated."""
        return self.moment.isoformat()[:7] if self.is_dated else ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A book before it is written. identifier: the same for each edition of the same choice of the same archive."""

    entries: Sequence[Entry]
    choice: Choice
    title: str
    language: str
    archive: str
    identifier: str
    chapters: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.language]

    @property
    def sites(self) -> list[str]:
        """The titles of the sites, that of most posts first."""
        return names(entry.site_title for entry in self.entries)

    @property
    def months(self) -> list[tuple[str, list[Entry]]]:
        return [(month, list(group)) for month, group in groupby(self.entries, key=lambda entry: entry.month)]

    def chapter_of(self, url: str) -> str | None:
        """The chapter whose post lies at an address, in any spelling that a link is likely to have."""
        return self.chapters.get(_address(url))


def survey(store: Store, choice: Choice, *, language: str, progress: Progress, complain: Complain) -> tuple[Entry, ...]:
    """The posts that are chosen, oldest first, and last those that are not dated.

    `complain` is told of those that cannot be read.
    Raises UsageError where nothing is chosen or no site has that name, StoreError.
    """
    found = sorted(
        _entries(store, choice, language, progress, complain),
        key=lambda entry: (not entry.is_dated, entry.month, entry.moment, entry.source.ref),
    )
    if not found:
        told = "; ".join(f"--{name} {value}" for name, value in choice_lines(choice)) or "the archive holds none"
        raise UsageError(f"no post to make a book of ({told}): `birdnest list` prints what the archive holds")
    return tuple(found)


def plan(entries: Sequence[Entry], choice: Choice, *, archive: str, language: str, title: str | None = None) -> Plan:
    """The book of these posts. archive: the id of the archive. title: else one that says what is chosen."""
    asked = json.dumps(choice.as_json(), ensure_ascii=False, sort_keys=True)
    return Plan(
        entries=entries,
        choice=choice,
        title=one_line(title or "") or _title(entries, choice, language),
        language=language,
        archive=archive,
        identifier=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'birdnest:{archive}:{asked}')}",
        chapters={_address(entry.url): entry.key for entry in entries},
    )


def choice_lines(choice: Choice) -> Iterator[tuple[str, str]]:
    """What was chosen, each with the name of its option."""
    yield from [("site", choice.site)] if choice.site else []
    yield from (("author", author) for author in choice.authors)
    yield from (("tag", tag) for tag in choice.tags)
    yield from [("month", choice.month)] if choice.month else []
    yield from [("since", choice.since.isoformat())] if choice.since else []


def names(values: Iterable[str]) -> list[str]:
    """Different names, the most frequent first; of equally frequent ones, in alphabetical order."""
    counts: dict[str, int] = {}
    for value in filter(None, values):
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _entries(store: Store, choice: Choice, language: str, progress: Progress, complain: Complain) -> Iterator[Entry]:
    seen = 0
    sources = ((source, True) for source in newest(store, choice.site))
    for source, data, document in documents(store, sources, complain):
        seen += 1
        progress("posts", seen)
        try:
            if data is not None and document is not None and choice.takes(document):
                yield _entry(source, hashlib.sha256(data).hexdigest(), document, language)
        except DamageError as error:
            complain(f"{source.info.key}: {error}")
    require_site(choice, found=seen > 0)


def _entry(source: Source, digest: str, document: Document, language: str) -> Entry:
    post = to_post(document)
    categories = post.categories
    return Entry(
        source=source,
        digest=digest,
        title=one_line(post.title) or WORDS[language]["untitled"],
        author=one_line(post.author),
        site_title=one_line(categories[1] if len(categories) > 1 else "") or source.ref.site,
        url=post.url,
        lang=post.lang,
        moment=post.published_at or post.date,
        is_dated=post.published_at is not None,
        fetched_at=post.fetched_at,
        size=len(post.body),
    )


def _title(entries: Sequence[Entry], choice: Choice, language: str) -> str:
    words = WORDS[language]
    sites = names(entry.site_title for entry in entries)
    parts = [
        # One site is worth naming whatever was asked for, several only where they alone were.
        *(sites if len(sites) == 1 else []),
        *choice.authors,
        *choice.tags,
        *([month_name(choice.month, language)] if choice.month else []),
    ]
    return one_line(" · ".join(dict.fromkeys(parts))) or words["archive"]


def _address(url: str) -> str:
    """What two spellings of one address have in common.

    >>> _address("http://www.example.com/a/#top") == _address("https://example.com/a")
    True
    """
    return _SCHEME.sub("", url.partition("#")[0]).rstrip("/")
