"""What an archive holds, as frozen values: posts, their images, what is missing, and reports of runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

JSON = Any
"""A value `json.dumps` takes: str, int, bool, None, and lists and mappings of them. No floats in documents."""

_CANONICAL: Final[Any] = {"ensure_ascii": False, "sort_keys": True, "separators": (",", ":")}
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image that is held. `url` is where it was fetched, `key` where its bytes lie in the archive."""

    url: str
    key: str
    sha256: str
    bytes: int
    media_type: str
    width: int | None
    height: int | None


NOT_FETCHED = "not-fetched"
"""The reason of an image that a run was told not to fetch."""


@dataclass(frozen=True, kw_only=True)
class MissingImage:
    """One image that could not be kept. `retryable`: a later try may succeed."""

    url: str
    reason: str
    retryable: bool


@dataclass(frozen=True, kw_only=True)
class Embed:
    """A video, audio or widget the body links to."""

    kind: str
    url: str | None
    title: str


@dataclass(frozen=True, kw_only=True)
class WarcRecord:
    segment: str
    record_id: str


@dataclass(frozen=True, kw_only=True)
class Original:
    """The file that a post was imported from, kept as a blob."""

    key: str
    sha256: str
    bytes: int
    media_type: str


@dataclass(frozen=True, kw_only=True)
class Post:
    """One finished post, ready to be committed.

    Times are aware datetimes; `body` is the cleaned HTML with relative links to blobs; `head_image` is the key
    of the blob shown at the post's head. `boilerplate` are texts that stood with the article and are none of it.
    `source_sha256` is the digest of what was extracted, before cleaning. `sources` says of fields where each was
    found, for a post that no profile knew; `original` names the file that a post was imported from.
    """

    site: str
    id: str
    url: str
    title: str
    author: str
    categories: tuple[str, ...]
    section: str | None
    tags: tuple[str, ...]
    description: str | None
    lang: str
    date: datetime
    published_at: datetime | None
    updated_at: datetime | None
    fetched_at: datetime
    body: str
    head_image: str | None
    images: tuple[Image, ...]
    missing_images: tuple[MissingImage, ...]
    embeds: tuple[Embed, ...]
    boilerplate: tuple[str, ...] = ()
    warc: tuple[WarcRecord, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    original: Original | None = None
    source_sha256: str
    extractor: str

    @property
    def content_sha256(self) -> str:
        """Digest of what a reader would call the post: title, author, publish time, body and images."""
        content = {
            "author": self.author,
            "body": self.body,
            "images": [image.sha256 for image in self.images],
            "published_at": iso(self.published_at),
            "title": self.title,
        }
        return digest_of_json(content)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A URL of a run that gave nothing. `expected`: declared beforehand, so it does not fail the run."""

    what: Literal["post", "listing"]
    url: str
    reason: str
    detail: str
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run's verdict is judged by, besides its counts. Counts, never shares: a reader adds them up.

    `lists`: how many posts the first page of each list named, by the list's URL. `pages`: post pages that were read
    and were posts. `posts`: those of them that were cleaned, of which so many had a date, an author other than the
    site itself, and images; `characters` is the median length of their text, None where there are none. `newest_at`:
    the latest publish time seen, None where neither lists nor pages told one.
    """

    lists: Mapping[str, int] = field(default_factory=dict)
    pages: int = 0
    posts: int = 0
    with_date: int = 0
    with_author: int = 0
    with_images: int = 0
    characters: int | None = None
    newest_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What one run over one site did. Counts are of posts unless their name says otherwise.

    Every post found ends as new, changed, unchanged (taken-down ones are), superseded, alias (its address led to
    another post), known (a list named it, and it was not due: nothing was fetched), gone (archived, and no more on
    the site), absent (a number of a range that is no post) or failed; `unfinished` are those that an interruption
    left, so that the sum always equals `found`. `images_kept` and `images_missing` (by reason) count those of new and
    changed posts. Failures also list listings that could not be read. `documents` are the versions this run
    committed: the SHA-256 of each by its key. `whole`: the run looked at all that the site shows, so that it can be
    compared with others.
    """

    run: str
    site: str
    archive: str
    started_at: datetime
    finished_at: datetime
    generator: str
    found: int
    new: int
    changed: int
    unchanged: int
    superseded: int
    aliases: int
    failures: tuple[Failure, ...]
    unfinished: int
    images_kept: int
    images_missing: Mapping[str, int]
    bytes_fetched: int
    bytes_stored: int
    requests: int
    store_requests: Mapping[str, int]
    verdict: str
    reasons: tuple[str, ...]
    exit_code: int
    known: int = 0
    gone: int = 0
    absent: int = 0
    whole: bool = True
    figures: Figures = field(default_factory=Figures)
    documents: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> int:
        return sum(failure.what == "post" for failure in self.failures)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 with offset, to the second (microseconds only when there are some)."""
    return None if moment is None else moment.isoformat()


def sealed(value: Mapping[str, JSON]) -> dict[str, JSON]:
    """A JSON object with `sha256` as its last key: the digest of its other keys by `digest_of_json`."""
    others = {key: item for key, item in value.items() if key != "sha256"}
    return {**others, "sha256": _digest_of_large_json(others)}


def join_surrogates(text: str) -> str:
    """Two surrogates that make a pair become the character they stand for, as every JSON reader takes them."""
    return _SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def digest_of_json(value: JSON) -> str:
    """SHA-256 (hex) of a value's canonical JSON: sorted keys, no spaces, UTF-8; lone surrogates as they are."""
    return hashlib.sha256(_utf8(json.dumps(value, **_CANONICAL))).hexdigest()


def _digest_of_large_json(value: JSON) -> str:
    """The same, in more time and little memory: a report may name tens of thousands of documents."""
    digest = hashlib.sha256()
    for part in json.JSONEncoder(**_CANONICAL).iterencode(value):
        digest.update(_utf8(part))
    return digest.hexdigest()


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # it holds surrogates, which hardly a text does
        return join_surrogates(text).encode("utf-8", "surrogatepass")
