"""The making of a book: first what it holds, then chapter after chapter into the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from archive.ahead import ReadAhead
from archive.body import images_of, strangers
from archive.document import to_post
from archive.errors import StoreError
from archive.images import BadImage
from archive.layout import blob_digest
from archive.model import Post
from archive.reader import ArchiveReader
from archive.store import ObjectInfo, Store
from archive.views.epub.chapter import chapter
from archive.views.epub.container import PACKAGE_KEY, Container
from archive.views.epub.entries import Entry, Plan, plan, survey
from archive.views.epub.frame import one_line
from archive.views.epub.package import XHTML, Item, files, package
from archive.views.epub.pictures import picture_of
from archive.views.sources import Choice, Complain, Progress, documents

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SAMPLE_CHARACTERS: Final = 80
_PACKED: Final = frozenset(("image/svg+xml",))


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is in a book that was made. converted: pictures in another format than the archive has them in."""

    title: str
    identifier: str
    posts: int
    pictures: int
    converted: int


def make_book(
    reader: ArchiveReader,
    stream: IO[bytes],
    choice: Choice,
    *,
    generator: str,
    language: str = "zh",
    title: str | None = None,
    progress: Progress,
    complain: Complain,
) -> Made:
    """Write a book of the posts that are chosen. language: a key of `WORDS`. generator: our name and version.

    `complain` is told of posts that cannot be read, which are left out, of pictures that are lost, whose posts say so
    in their places, and of bodies that hold what they may not, which is left out of them. Raises UsageError where
    nothing is chosen or no site has that name, StoreError.
    """
    entries = survey(reader.store, choice, language=language, progress=progress, complain=complain)
    book = plan(entries, choice, archive=reader.info.id, language=language, title=title)
    with Container(stream) as container, ReadAhead(reader.store) as ahead:
        shelf = _Shelf(container, ahead, complain)
        items = []
        for entry, post in _posts(reader.store, book, progress):
            _tell_of_strangers(entry, post, complain)
            items.append(_put_chapter(book, entry, post, shelf))
        items += shelf.items
        for item, data in files(book, generator=generator, drawn_anew=shelf.converted):
            container.put(item.key, data, packed=item.media_type != "image/png")
            items.append(item)
        container.put(PACKAGE_KEY, package(book, items))
    return Made(
        title=book.title,
        identifier=book.identifier,
        posts=len(entries),
        pictures=len(shelf.items),
        converted=shelf.converted,
    )


def _tell_of_strangers(entry: Entry, post: Post, complain: Complain) -> None:
    found = next((sample for _, sample in strangers(post.body)), None)
    if found is not None:
        sample = one_line(found)[:_SAMPLE_CHARACTERS]
        complain(f"{entry.source.info.key}: its body holds what no body may hold, as {sample}: shown without that")


def _put_chapter(book: Plan, entry: Entry, post: Post, shelf: _Shelf) -> Item:
    pictures = shelf.pictures_of(entry, post)
    shelf.container.put(entry.key, chapter(book, entry, post, pictures))
    return Item(key=entry.key, media_type=XHTML)


def _posts(store: Store, book: Plan, progress: Progress) -> Iterator[tuple[Entry, Post]]:
    """The posts in the book's order. Raises StoreError for one that is no longer as it was when it was chosen."""

    def damaged(line: str) -> None:
        raise StoreError(f"{line}: it was changed while the book was made; make it again")

    sources = ((entry.source, True) for entry in book.entries)
    for number, (source, data, document) in enumerate(documents(store, sources, damaged)):
        entry = book.entries[number]
        if document is None or data is None or hashlib.sha256(data).hexdigest() != entry.digest:
            damaged(source.info.key)
            return
        yield entry, to_post(document)
        progress("chapters", number + 1)


class _Shelf:
    """The pictures of the book, each written when the first post shows it."""

    def __init__(self, container: Container, ahead: ReadAhead, complain: Complain) -> None:
        self.container = container
        self.items: list[Item] = []
        self.converted = 0
        self._ahead = ahead
        self._complain = complain
        self._places: dict[str, str | None] = {}

    def pictures_of(self, entry: Entry, post: Post) -> dict[str, str]:
        """The files of the pictures that a post shows, by the keys of their blobs; without those that are lost."""
        head = [post.head_image] if post.head_image else []
        shown = [blob for blob in dict.fromkeys([*images_of(post.body), *head]) if blob_digest(blob)]
        sizes = {image.key: image.bytes for image in post.images}
        new = (
            (ObjectInfo(key=blob, bytes=sizes.get(blob, 0), modified=_EPOCH), True)
            for blob in shown
            if blob not in self._places
        )
        for info, data in self._ahead.read(new):
            self._places[info.key] = self._put(info.key, data, entry)
        places = ((blob, self._places[blob]) for blob in shown)
        return {blob: place for blob, place in places if place is not None}

    def _put(self, blob: str, data: bytes | None, entry: Entry) -> str | None:
        """The picture's file. Of the posts that show a picture that is lost, the first is told of."""
        try:
            picture = picture_of(blob, data)
        except BadImage as error:
            self._complain(f"{blob}, which {entry.source.info.key} shows: {error.reason}")
            return None
        self.container.put(picture.key, picture.data, packed=picture.media_type in _PACKED)
        self.items.append(Item(key=picture.key, media_type=picture.media_type))
        self.converted += picture.drawn_anew
        return picture.key
