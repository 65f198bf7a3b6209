r"""Post ↔ the document: one file that is a Hexo post, front matter between `---` lines and then the body as HTML.

Every front-matter line is `key: <JSON>` in UTF-8. JSON is YAML, so Hexo, js-yaml and PyYAML read the same values
from titles such as `1e3`, `yes` or `a: b`, and a reader needs no YAML library at all. Some characters are always
written as `\u` escapes because a browser, YAML or an editor would do harm with them: `<`, `>`, `&` (an unescaped
`<img onerror>` in a title runs when the file is opened in a browser), U+007F–U+009F, U+2028, U+2029, U+FEFF, U+FFFE,
U+FFFF and lone surrogates (PyYAML refuses them or turns them into something else).

`read` keeps keys it does not know, and `write(read(data)) == data` for every document `write` ever made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from archive.errors import DamageError
from archive.layout import PostRef, link_from_document
from archive.model import JSON, Embed, Image, MissingImage, Original, Post, WarcRecord, iso, join_surrogates

CONTENT_TYPE = "text/html; charset=utf-8"
SEAL = "front_sha256"
_FENCE = "---\n"
_HARMFUL = re.compile("[<>&\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_NO_FLOATS = (str, int, type(None))


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document's front matter, in its order, and its body (str, to be stored as UTF-8)."""

    front: Mapping[str, JSON]
    body: str

    @property
    def version(self) -> int:
        """Raises DamageError when the front matter does not say."""
        version = self.front.get("version")
        if not isinstance(version, int):
            raise DamageError(f"{self._name}: `version` is {version!r}: expected a number")
        return version

    @property
    def is_takedown(self) -> bool:
        """Whether this is the stub that stands where a post was taken down."""
        return self.front.get("op") == "takedown"

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(Image(**image) for image in self.front.get("images", ()))

    @property
    def missing_images(self) -> tuple[MissingImage, ...]:
        return tuple(MissingImage(**image) for image in self.front.get("missing_images", ()))

    @property
    def original(self) -> Original | None:
        found = self.front.get("original")
        return Original(**found) if found else None

    def moment(self, key: str) -> datetime | None:
        """The aware datetime of an ISO 8601 key, None where the front matter says null or nothing.

        Raises DamageError for anything else.
        """
        text = self.front.get(key)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise DamageError(f"{self._name}: `{key}` is {text!r}: expected ISO 8601 with offset")
        return moment

    @property
    def _name(self) -> str:
        return f"{self.front.get('site')}/{self.front.get('id')}"


def encode_json(value: JSON) -> str:
    r"""A value as one line of JSON that browsers, YAML readers and editors leave alone.

    >>> encode_json("a: <b> & 鸟\u2028")
    '"a: \\u003cb\\u003e \\u0026 鸟\\u2028"'
    """
    text = _ENCODER.encode(value)
    if not _HARMFUL.search(text):
        return text
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", join_surrogates(text))


def compose(post: Post, *, version: int, parent: str | None, generator: str) -> Document:
    """The document of a post as its version number `version`; `parent` is the previous document's SHA-256."""
    head = link_from_document(post.head_image) if post.head_image else None
    ref = PostRef(site=post.site, id=post.id, version=version)
    front: dict[str, JSON] = {
        "title": post.title,
        "categories": list(post.categories),
        "headimg": head,
        "author": post.author,
        "comments": False,
        "date": format_datetime(post.date.astimezone(UTC), usegmt=True),
        "thumbnail": head,
        "site": post.site,
        "id": post.id,
        "url": post.url,
        "section": post.section,
        "tags": list(post.tags),
        "description": post.description,
        "lang": post.lang,
        "published_at": iso(post.published_at),
        "updated_at": iso(post.updated_at),
        "fetched_at": iso(post.fetched_at),
        "images": _rows(post.images),
        "missing_images": _rows(post.missing_images),
        "embeds": _rows(post.embeds),
        "boilerplate": list(post.boilerplate),
        "warc": _rows(post.warc),
        "sources": dict(post.sources),
        "original": asdict(post.original) if post.original else None,
        "version": version,
        "parent": parent,
        "source_sha256": post.source_sha256,
        "content_sha256": post.content_sha256,
        "body_sha256": hashlib.sha256(post.body.encode()).hexdigest(),
        "extractor": post.extractor,
        "generator": generator,
        "disableNunjucks": True,
        "permalink": ref.permalink,
    }
    absent = {"headimg": head, "thumbnail": head, "sources": post.sources, "original": post.original}
    for key in (key for key, value in absent.items() if not value):
        del front[key]
    return sealed(Document(front=front, body=post.body))


def sealed(document: Document) -> Document:
    """The document with `front_sha256` as its last key: with `body_sha256` it covers every byte."""
    front = {key: value for key, value in document.front.items() if key != SEAL}
    return Document(front={**front, SEAL: front_digest(front)}, body=document.body)


def front_digest(front: Mapping[str, JSON]) -> str:
    """SHA-256 (hex) of the front matter's lines, each with its end, but for that of `front_sha256` itself."""
    return hashlib.sha256(
        "".join(_line(key, value) for key, value in front.items() if key != SEAL).encode()
    ).hexdigest()


def write(document: Document) -> bytes:
    """The bytes of a document.

    Raises ValueError for a key that would not be one line of YAML, and TypeError or ValueError for values that
    are no JSON.
    """
    lines = "".join(_line(key, value) for key, value in document.front.items())
    return (_FENCE + lines + _FENCE + document.body).encode()


def read(data: bytes, *, name: str = "document") -> Document:
    """The document of its bytes; `name` says in an error which one it was.

    Raises DamageError, naming the line, when the bytes are not a document of ours.
    """
    text = _decoded(data, name)
    front, position = _read_front(text, name)
    return Document(front=front, body=text[position:])


def read_front(data: bytes, *, name: str = "document") -> Mapping[str, JSON]:
    """The front matter alone, at a third of the cost. Raises DamageError as `read` does, but for the body's bytes."""
    end = data.find(f"\n{_FENCE}".encode(), len(_FENCE) - 1) + 1
    front, _ = _read_front(_decoded(data[: end + len(_FENCE)] if end else data, name), name)
    return front


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DamageError(f"{name}: not UTF-8 at byte {error.start}: expected a document of format 1") from error


def _read_front(text: str, name: str) -> tuple[dict[str, JSON], int]:
    """The front matter, and where the body begins."""
    if not text.startswith(_FENCE):
        raise DamageError(f"{name}: line 1: begins with {text[:20]!r}: expected a front matter between --- lines")
    front: dict[str, JSON] = {}
    position = len(_FENCE)
    number = 1
    while not text.startswith(_FENCE, position):
        end = text.find("\n", position)
        if end < 0:
            raise DamageError(f"{name}: line {number + 1}: the front matter has no end: expected a line ---")
        number += 1
        key, value = _read_line(text[position:end], f"{name}: line {number}")
        front[key] = value
        position = end + 1
    return front, position + len(_FENCE)


def to_post(document: Document) -> Post:
    """The post a document was composed of. Raises DamageError when a key is missing or of the wrong type."""
    front = document.front
    try:
        head = front.get("headimg")
        return Post(
            site=front["site"],
            id=front["id"],
            url=front["url"],
            title=front["title"],
            author=front["author"],
            categories=tuple(front["categories"]),
            section=front["section"],
            tags=tuple(front["tags"]),
            description=front["description"],
            lang=front["lang"],
            date=datetime.strptime(front["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC),
            published_at=document.moment("published_at"),
            updated_at=document.moment("updated_at"),
            fetched_at=_moment_needed(document, "fetched_at"),
            body=document.body,
            head_image=head.removeprefix(link_from_document("")) if head else None,
            images=document.images,
            missing_images=document.missing_images,
            embeds=tuple(Embed(**embed) for embed in front["embeds"]),
            boilerplate=tuple(front["boilerplate"]),
            warc=tuple(WarcRecord(**record) for record in front["warc"]),
            sources=front.get("sources", {}),
            original=document.original,
            source_sha256=front["source_sha256"],
            extractor=front["extractor"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamageError(
            f"{front.get('site')}/{front.get('id')}: front matter is not that of a post: {error!r}"
        ) from error


def _line(key: str, value: JSON) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a front-matter key: {key!r}")
    _refuse_floats(key, value)
    return f"{key}: {encode_json(value)}\n"


def _moment_needed(document: Document, key: str) -> datetime:
    moment = document.moment(key)
    if moment is None:
        raise ValueError(f"no {key}")
    return moment


def _read_line(line: str, place: str) -> tuple[str, JSON]:
    key, colon, text = line.partition(": ")
    if not colon or not _KEY.fullmatch(key):
        raise DamageError(f"{place}: {line[:60]!r}: expected `key: <JSON>`")
    try:
        return key, json.loads(text, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise DamageError(f"{place}: key {key!r} holds no JSON of a document: {error}") from error


def _no_float(text: str) -> JSON:
    raise ValueError(f"{text} is a float, which readers round differently")


def _refuse_floats(key: str, value: JSON) -> None:
    if isinstance(value, _NO_FLOATS):  # nearly all values; to ask for Mapping or Sequence takes ten times as long
        return
    if isinstance(value, float):
        raise TypeError(f"front-matter key {key!r} holds a float, which readers round differently: {value!r}")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(key, item)
    elif isinstance(value, Sequence):
        for item in value:
            _refuse_floats(key, item)


def _rows(values: Sequence[Any]) -> list[dict[str, JSON]]:
    # The values are plain: `asdict` would make a deep copy of each.
    return [dict(vars(value)) for value in values]
