"""What a post leaves in other objects of an archive, and how it is found there without being told again. Pure.

A list that names a post holds its title, a feed its text, a view both. What is taken down must be found in them, by a
takedown that goes on after a crash and by a crawl years later, and it must not stand in the register of what was taken
down. So traces are digests of phrases: a text is words (of Chinese, Japanese and Korean, characters), a phrase some
words in a row, and it is found wherever these follow each other: whatever stands around and between them, in HTML,
JSON or XML, escaped or not.

>>> words("<b>鸟 哥</b>: Ｔips")
['b', '鸟', '哥', 'b', 'tips']
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from archive.document import Document
from archive.errors import DamageError
from archive.model import JSON, join_surrogates

_T = TypeVar("_T")
_EACH = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS = rf"[{_EACH}]|(?:(?![{_EACH}])[^\W_])+"
_TAGS = re.compile(r"<[^<>]*>")
_ESCAPES = re.compile(r"\\(u[0-9a-fA-F]{4}|[\"\\/nrt])")
_LINKS = re.compile(r"""(?:href|src|url|link|loc|guid|id)["']?\s*[=:>]\s*["']?([^"'<>\s]+)""", re.IGNORECASE)
_TELLING_CHARACTERS: Final = 8  # a shorter title may be a phrase of any page
_TELLING_WORDS: Final = 3
_SENTENCE_WORDS: Final = 12
_MOST_SENTENCES: Final = 64
_ANCHOR_WORDS: Final = 4
_DIGITS: Final = 32
_ENCODINGS: Final = ("gb18030", "big5", "utf-16")
_MOST_WITHOUT_TEXT: Final = 4


@cache
def _word() -> re.Pattern[str]:
    return re.compile(_WORDS)  # late: a crawl of an archive without takedowns looks for no words


def words(text: str) -> list[str]:
    """The words of a text, as they are compared."""
    return _word().findall(unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, kw_only=True, order=True)
class Phrase:
    """Some words in a row: how many, a checksum of the first of them by which it is looked for, and their digest."""

    words: int
    anchor: int
    digest: str

    @classmethod
    def of(cls, some: Sequence[str]) -> Self:
        return cls(words=len(some), anchor=_anchor(some[:_ANCHOR_WORDS]), digest=_digest(" ".join(some)))

    def __str__(self) -> str:
        return f"{self.words}:{self.anchor:08x}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        count, anchor, digest = text.split(":")
        return cls(words=int(count), anchor=int(anchor, 16), digest=digest)


def address_digest(url: str) -> str:
    """The digest of a web address, whatever its scheme and fragment are."""
    parts = urlsplit(url.strip())
    return _digest(f"{parts.netloc.lower()}{parts.path or '/'}{'?' + parts.query if parts.query else ''}")


@dataclass(frozen=True, kw_only=True)
class Title:
    """A title. telling: long enough, and of no other post, so that it tells alone."""

    phrase: Phrase
    telling: bool

    @classmethod
    def of(cls, title: str) -> Self | None:
        """None for a title without words."""
        some = words(title)
        telling = len(some) >= _TELLING_WORDS and sum(map(len, some)) >= _TELLING_CHARACTERS
        return cls(phrase=Phrase.of(some), telling=telling) if some else None


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What a post may have left elsewhere: digests, the ids of WARC records, and the keys of blobs.

    addresses: of the post's pages. records: those that its versions name and no other post does; lists: those that
    other posts name, too. blobs: those that its versions name, each with the addresses where it was fetched.
    """

    titles: tuple[Title, ...] = ()
    sentences: tuple[Phrase, ...] = ()
    addresses: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    blobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> Self:
        """The traces of one version. Raises DamageError where its front matter is not that of a post."""
        front = document.front
        try:
            title = Title.of(front["title"])
            url = front["url"]
            blobs: dict[str, tuple[str, ...]] = {image.key: (address_digest(image.url),) for image in document.images}
            if document.original is not None:
                blobs.setdefault(document.original.key, ())
            records = tuple(record["record_id"] for record in front.get("warc") or ())
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DamageError(f"{front.get('site')}/{front.get('id')}: not a post's front matter: {error!r}") from error
        return cls(
            titles=(title,) if title else (),
            sentences=_sentences(document.body),
            addresses=(address_digest(url),) if "://" in url else (),
            records=records,
            blobs=blobs,
        )

    def __or__(self, other: Traces) -> Traces:
        blobs = {**self.blobs, **{key: _joined(self.blobs.get(key, ()), them) for key, them in other.blobs.items()}}
        held = {title.phrase: title for title in self.titles}
        lists = _joined(self.lists, other.lists)
        return Traces(
            titles=tuple({title.phrase: title for title in (*other.titles, *held.values())}.values()),
            sentences=_joined(self.sentences, other.sentences),
            addresses=_joined(self.addresses, other.addresses),
            records=tuple(id_ for id_ in _joined(self.records, other.records) if id_ not in lists),
            lists=lists,
            blobs=blobs,
        )

    def beside(self, *, titles: set[Phrase], records: set[str]) -> Traces:
        """The traces when other posts have some of the titles, which then tell nothing alone, and name some records."""
        told = (replace(title, telling=title.telling and title.phrase not in titles) for title in self.titles)
        lists = _joined(self.lists, (id_ for id_ in self.records if id_ in records))
        return replace(
            self, titles=tuple(told), lists=lists, records=tuple(id_ for id_ in self.records if id_ not in lists)
        )

    def are_in(self, text: Text) -> bool:
        """Whether a text tells of the post: its title, or a good part of its sentences, stand in it."""
        if sum(map(text.holds, self.sentences)) >= self._enough:
            return True
        named = [title for title in self.titles if text.holds(title.phrase)]
        if any(title.telling for title in named):
            return True
        return bool(named) and not text.addresses.isdisjoint(self.addresses)

    @property
    def _enough(self) -> int:
        """How many sentences are no chance: sites say some things on every page."""
        count = len(self.sentences)
        return max(1, count) if count <= 2 else max(2, -(-count // 3))  # noqa: PLR2004 - of two, both

    def as_json(self) -> dict[str, JSON]:
        return {
            "titles": [{"phrase": str(title.phrase), "telling": title.telling} for title in self.titles],
            "sentences": list(map(str, self.sentences)),
            "addresses": list(self.addresses),
            "records": list(self.records),
            "lists": list(self.lists),
            "blobs": {key: list(addresses) for key, addresses in sorted(self.blobs.items())},
        }

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError, ValueError or AttributeError for what is none."""
        return cls(
            titles=tuple(
                Title(phrase=Phrase.parse(each["phrase"]), telling=each["telling"]) for each in value["titles"]
            ),
            sentences=tuple(map(Phrase.parse, value["sentences"])),
            addresses=tuple(value["addresses"]),
            records=tuple(value["records"]),
            lists=tuple(value["lists"]),
            blobs={key: tuple(addresses) for key, addresses in value["blobs"].items()},
        )


class Text:
    """A text in which phrases are looked for, and the addresses that it names."""

    def __init__(self, texts: Iterable[str], *, base: str = "") -> None:
        self._words: list[list[str]] = []
        self._anchors: dict[int, list[tuple[list[int], frozenset[int]]]] = {}
        self.addresses: set[str] = set()
        for text in texts:
            plain = _unescaped(text)
            self._words += [words(variant) for variant in dict.fromkeys((plain, _TAGS.sub(" ", plain)))]
            for href in _LINKS.findall(plain):
                try:
                    self.addresses.add(address_digest(urljoin(base, href)))
                except ValueError:
                    continue

    def holds(self, phrase: Phrase) -> bool:
        """Whether the words of a phrase stand in a row somewhere."""
        length = min(phrase.words, _ANCHOR_WORDS)
        if length not in self._anchors:
            anchors = [_anchors(some, length) for some in self._words]
            self._anchors[length] = [(each, frozenset(each)) for each in anchors]
        return any(
            _digest(" ".join(some[place : place + phrase.words])) == phrase.digest
            for some, (anchors, present) in zip(self._words, self._anchors[length], strict=True)
            if phrase.anchor in present
            for place, anchor in enumerate(anchors)
            if anchor == phrase.anchor
        )

    @classmethod
    def of_bytes(cls, data: bytes, *, charset: str | None = None, base: str = "") -> Self:
        """A text of bytes whose encoding nobody is sure of."""
        return cls(_readings(data, charset), base=base)


def _readings(data: bytes, charset: str | None) -> Iterator[str]:
    """What bytes may mean as text; nothing where they are a picture or the like."""
    try:
        yield data.decode()
    except UnicodeDecodeError:
        if data.count(0) > len(data) // _MOST_WITHOUT_TEXT and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return
        for name in dict.fromkeys((*((charset,) if charset else ()), *_ENCODINGS, "utf-8")):
            try:
                yield data.decode(name, "ignore")
            except LookupError:
                continue


def _anchors(some: Sequence[str], length: int) -> list[int]:
    """The checksum of each run of so many words."""
    runs = map(" ".join, zip(*(some[start:] for start in range(length)), strict=False))
    return [zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs]


def _sentences(body: str) -> tuple[Phrase, ...]:
    """Phrases of a body, from everywhere in it; the whole where it is short."""
    some = words(_TAGS.sub(" ", html.unescape(body)))
    if len(some) < _SENTENCE_WORDS:
        return (Phrase.of(some),) if sum(map(len, some)) >= _TELLING_CHARACTERS else ()
    starts = range(0, len(some) - _SENTENCE_WORDS + 1, _SENTENCE_WORDS)
    step = max(1, -(-len(starts) // _MOST_SENTENCES))
    return tuple(dict.fromkeys(Phrase.of(some[start : start + _SENTENCE_WORDS]) for start in starts[::step]))


def _unescaped(text: str) -> str:
    """A text without the escapes of JSON and HTML, of which there may be one upon the other."""
    for _ in range(2):
        text = html.unescape(join_surrogates(_ESCAPES.sub(_escaped, text)))
    return text


_PLAIN: Final[Mapping[str, str]] = {"n": "\n", "r": "\r", "t": "\t"}


def _escaped(match: re.Match[str]) -> str:
    name = match[1]
    return chr(int(name[1:], 16)) if name[0] == "u" else _PLAIN.get(name, name)


def _anchor(some: Sequence[str]) -> int:
    return zlib.crc32(" ".join(some).encode("utf-8", "surrogatepass"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _joined(*many: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(each for some in many for each in some))
