"""What the reader shows of a version of a post: its front matter as typed, plain texts, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from archive.document import Document
from archive.errors import DamageError
from archive.layout import IMAGE_EXTENSIONS, PostRef, blob_digest
from archive.model import JSON
from archive.views.links import head_image

_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)  # neither HTML nor XML may hold these
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_GROUP_SITE: Final = 2
_MOST: Final = 1_000_000_000
_IMAGES: Final = frozenset(IMAGE_EXTENSIONS.values())


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of the archive: its blob's key, and its size in pixels where that is known."""

    key: str
    width: int | None
    height: int | None
    bytes: int | None

    @property
    def place(self) -> str:
        """Where it lies in the reader."""
        return picture_place(self.key)


@dataclass(frozen=True, kw_only=True)
class Missing:
    url: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Embed:
    kind: str
    url: str | None
    title: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a post. Texts are single lines without characters that no page may hold; `url` is any text."""

    ref: PostRef
    title: str
    author: str
    site_title: str
    categories: tuple[str, ...]
    section: str
    tags: tuple[str, ...]
    description: str
    lang: str | None
    url: str
    published: datetime | None
    updated: datetime | None
    fetched: datetime
    first: datetime
    head: Picture | None
    pictures: Mapping[str, Picture]
    missing: tuple[Missing, ...]
    embeds: tuple[Embed, ...]
    boilerplate: tuple[str, ...]
    digest: str
    body: str

    @property
    def moment(self) -> datetime:
        """When the post was published; of an undated post, when it was first fetched."""
        return self.published or self.first

    @property
    def link(self) -> str | None:
        """The post's address, where it is one that a browser opens."""
        return self.url if is_web(self.url) else None


def version_of(ref: PostRef, document: Document) -> Version:
    """What there is to show. Raises DamageError where a front matter does not hold what a page needs."""
    front = document.front
    try:
        pictures = {picture.key: picture for picture in map(_picture, _mappings(front, "images")) if picture}
        head = head_image(front)
        categories = _texts(front, "categories")
        fetched = document.moment("fetched_at")
        if fetched is None:
            raise DamageError(f"{ref.key}: no fetched_at")
        moments = (document.moment("published_at"), document.moment("updated_at"), fetched)
        _ = [moment.astimezone(UTC) for moment in moments if moment]  # of the year 1, there may be none
        return Version(
            ref=ref,
            title=_text(front, "title") or f"{ref.site}/{ref.id}",
            author=_text(front, "author"),
            site_title=_site_title(ref.site, categories),
            categories=categories,
            section=_text(front, "section"),
            tags=_texts(front, "tags"),
            description=_text(front, "description"),
            lang=_language(front.get("lang")),
            url=_text(front, "url"),
            published=document.moment("published_at"),
            updated=document.moment("updated_at"),
            fetched=fetched,
            first=_first(front, fetched),
            head=_known(head, pictures) if head and is_picture(head) else None,
            pictures=pictures,
            missing=tuple(
                Missing(url=line(row.get("url")), reason=line(row.get("reason")))
                for row in _mappings(front, "missing_images")
            ),
            embeds=tuple(
                Embed(kind=line(row.get("kind")), url=line(row.get("url")) or None, title=line(row.get("title")))
                for row in _mappings(front, "embeds")
            ),
            boilerplate=tuple(plain(text) for text in _list(front, "boilerplate") if isinstance(text, str)),
            digest=_text(front, "content_sha256"),
            body=document.body,
        )
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamageError(f"{ref.key}: front matter is not that of a post: {error!r}") from error


def plain(text: str) -> str:
    r"""A text without characters that no page may hold.

    >>> plain("a\x00b\ud800")
    'a�b�'
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def line(value: JSON) -> str:
    """A text as one line; "" for what is none."""
    return " ".join(plain(value).split()) if isinstance(value, str) else ""


def is_web(url: str) -> bool:
    """Whether a link may lead there: nothing but the web, so no `javascript:`."""
    return re.match(r"https?://[^\s]+\Z", url, re.IGNORECASE) is not None


def is_picture(key: str) -> bool:
    """Whether a key is that of a blob which is an image."""
    return blob_digest(key) is not None and key.rpartition(".")[2] in _IMAGES


def picture_place(blob: str) -> str:
    """Where a blob lies in the reader.

    >>> picture_place("blobs/sha256/ab/abcd.jpg")
    'images/ab/abcd.jpg'
    """
    return f"images/{blob.removeprefix('blobs/sha256/')}"


def _text(front: Mapping[str, JSON], key: str) -> str:
    value = front.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}: expected a text")
    return line(value)


def _list(front: Mapping[str, JSON], key: str) -> list[Any]:
    value = front.get(key) or []
    if not isinstance(value, list):
        raise TypeError(f"{key} is {value!r}: expected a list")
    return value


def _texts(front: Mapping[str, JSON], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in map(line, _list(front, key)) if text))


def _mappings(front: Mapping[str, JSON], key: str) -> Iterator[Mapping[str, JSON]]:
    return (row for row in _list(front, key) if isinstance(row, dict))


def _picture(row: Mapping[str, JSON]) -> Picture | None:
    key = row.get("key")
    if not isinstance(key, str) or not is_picture(key):
        return None
    width, height, size = (_number(row.get(name)) for name in ("width", "height", "bytes"))
    return Picture(key=key, width=width, height=height, bytes=size)


def _known(key: str, pictures: Mapping[str, Picture]) -> Picture:
    return pictures.get(key) or Picture(key=key, width=None, height=None, bytes=None)


def _number(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST else None


def _language(value: JSON) -> str | None:
    return value if isinstance(value, str) and _LANGUAGE.fullmatch(value) else None


def _first(front: Mapping[str, JSON], fetched: datetime) -> datetime:
    """The date that an undated post has: that of its first fetch, in the zone of this one."""
    date = front.get("date")
    if not isinstance(date, str):
        return fetched
    parsed = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    return parsed.astimezone(fetched.tzinfo or UTC)


def _site_title(site: str, categories: tuple[str, ...]) -> str:
    """The site's title among [group, title, channel], of which all but the title may be left out.

    Slugs of sites that no profile knows are made of a host's name, and such have no group.

    >>> _site_title("niaogebiji", ("新媒体", "鸟哥笔记", "首页")), _site_title("blog-example-com", ("例",))
    ('鸟哥笔记', '例')
    """
    if not categories:
        return site
    at = 0 if len(categories) < _GROUP_SITE or (len(categories) == _GROUP_SITE and "-" in site) else 1
    return categories[at]
