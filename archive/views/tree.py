"""A view that is a tree of files: a page for each post, its pictures beside it, and notes of what was made of what.

The tree lies in a place of its own, a folder or below a prefix of a bucket. `.birdnest/<view>/<two hex digits>.json`
there note for each post the version and the options it was made of and the files it gave. So a second export reads,
writes and removes only what changed; files that others put there are left alone, and those of ours that were lost
are made again. Of a post the pictures are written first, then the page, then the note: whatever ended an export,
the next one goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archive.document import Document
from archive.errors import DamageError, ObjectMissing, UsageError
from archive.layout import ARCHIVE_KEY, MEDIA_TYPES, VIEWS, PostRef
from archive.model import JSON, digest_of_json
from archive.store import FolderStore, Store
from archive.views.sources import Choice, Complain, Progress, Source, documents, newest, require_site

_NOTES = ".birdnest"
_SAVE_EVERY_POSTS = 2_000


@dataclass(frozen=True, kw_only=True)
class File:
    key: str
    data: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """What a post gives: its page, and where in the tree the blobs go that it shows (a place by a blob's key)."""

    page: File
    pictures: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind of tree. name: of its notes. options: what its pages depend on beside the document.

    leaf: what a document gives. Raises DamageError. prefixes: where files of a site's posts may lie.
    starters: files that are written where there are none, and never again.
    """

    name: str
    options: Mapping[str, JSON]
    leaf: Callable[[PostRef, Document], Leaf]
    prefixes: Callable[[str], Sequence[str]]
    starters: Sequence[File] = ()


@dataclass(frozen=True, kw_only=True)
class Note:
    """What was made of a post: of which version, with which options, and the sizes of the files it gave."""

    version: int
    bytes: int
    modified: str
    options: str
    page: str | None
    files: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export did: posts in the tree, documents read, files written and removed."""

    posts: int
    read: int
    written: int
    removed: int


def export(
    store: Store, target: Store, shape: Shape, choice: Choice, *, progress: Progress, complain: Complain
) -> Exported:
    """Make a tree of an archive's posts what it should be; `target` is opened to be overwritten.

    `complain` is told of each post that cannot be exported; what an earlier export made of it stays. Raises
    UsageError where the target is an archive, or no site has the name that is asked for, StoreError.
    """
    refuse_archives(store, target)
    work = _Export(store=store, target=target, shape=shape, choice=choice, progress=progress, complain=complain)
    return work.run()


def refuse_archives(store: Store, target: Store) -> None:
    """Raise UsageError where an export would write into an archive's own objects."""
    advice = "name another folder: an export must not lie among an archive's objects"
    if any(info.key == ARCHIVE_KEY for info in target.list(ARCHIVE_KEY)):
        raise UsageError(f"{target.url} is an archive; {advice}")
    home, place = f"{_absolute(store)}/", f"{_absolute(target)}/"
    if place.startswith(home) and not place.startswith(home + VIEWS):
        raise UsageError(f"{target.url} lies in the archive {store.url}, and outside its {VIEWS}; {advice}")


def _absolute(store: Store) -> str:
    return str(store.root.resolve()) if isinstance(store, FolderStore) else store.url.rstrip("/")


@dataclass(kw_only=True)
class _Notes:
    """The notes of a tree, in 256 files by a digest of the post's name, so that one post changes one of them."""

    target: Store
    view: str
    by_post: dict[str, Note] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    unsaved: int = 0

    def load(self) -> None:
        for info in self.target.list(f"{_NOTES}/{self.view}/"):
            try:
                found = json.loads(self.target.read(info.key))
                self.by_post.update({post: Note(**note) for post, note in found.items()})
            except (ValueError, TypeError, AttributeError):
                # Not as we write them: the posts are exported again.
                continue

    def put(self, post: str, note: Note | None) -> None:
        if note is None:
            self.by_post.pop(post, None)
        else:
            self.by_post[post] = note
        self.changed.add(_shard(post))
        self.unsaved += 1

    @property
    def are_worth_saving(self) -> bool:
        """Often enough that little is done again, and more rarely the more there are: each time costs all of them."""
        return self.unsaved >= max(_SAVE_EVERY_POSTS, len(self.by_post) // 4)

    def save(self) -> None:
        shards: dict[str, dict[str, JSON]] = {shard: {} for shard in self.changed}
        for post in sorted(self.by_post):
            if (shard := _shard(post)) in shards:
                shards[shard][post] = vars(self.by_post[post])
        for shard, notes in sorted(shards.items()):
            key = f"{_NOTES}/{self.view}/{shard}.json"
            if notes:
                data = (json.dumps(notes, ensure_ascii=False, indent=0) + "\n").encode()
                self.target.put(key, data, "application/json")
            else:
                self.target.delete(key)
        self.changed.clear()
        self.unsaved = 0


def _shard(post: str) -> str:
    return hashlib.sha256(post.encode()).hexdigest()[:2]


class _Export:
    def __init__(
        self, *, store: Store, target: Store, shape: Shape, choice: Choice, progress: Progress, complain: Complain
    ) -> None:
        self._store = store
        self._target = target
        self._shape = shape
        self._choice = choice
        self._progress = progress
        self._complain = complain
        self._options = digest_of_json({**shape.options, **choice.as_json()})[:16]
        self._notes = _Notes(target=target, view=shape.name)
        self._there: dict[str, int] = {}
        self._read = 0
        self._written = 0
        self._removed = 0

    def run(self) -> Exported:
        self._start()
        self._notes.load()
        gone = set(self._notes.by_post)
        wanted = ((source, not self._is_made(source)) for source in self._sources())
        done = 0
        for source, _, document in documents(self._store, wanted, self._complain):
            done += 1
            self._progress("posts", done)
            gone.discard(_name(source.ref))
            if document is not None:
                self._make(source, document)
            if self._notes.are_worth_saving:
                self._notes.save()
        require_site(self._choice, found=done > 0)
        for post in sorted(gone):
            self._remove(self._notes.by_post[post].files)
            self._notes.put(post, None)
        self._notes.save()
        posts = sum(note.page is not None for note in self._notes.by_post.values())
        return Exported(posts=posts, read=self._read, written=self._written, removed=self._removed)

    def _start(self) -> None:
        for file in self._shape.starters:
            if not any(info.key == file.key for info in self._target.list(file.key)):
                self._put(file)

    def _sources(self) -> Iterator[Source]:
        """The posts, and before those of a site what the tree has of it."""
        site = None
        for source in newest(self._store, self._choice.site):
            if source.ref.site != site:
                site = source.ref.site
                prefixes = self._shape.prefixes(site)
                self._there.update((info.key, info.bytes) for prefix in prefixes for info in self._target.list(prefix))
            yield source

    def _is_made(self, source: Source) -> bool:
        note = self._notes.by_post.get(_name(source.ref))
        if note is None or note.options != self._options:
            return False
        same = (note.version, note.bytes, note.modified) == _mark(source)
        return same and all(self._there.get(key) == size for key, size in note.files.items())

    def _make(self, source: Source, document: Document) -> None:
        self._read += 1
        before = self._notes.by_post.get(_name(source.ref))
        try:
            page, files = self._write(source.ref, document, before) if self._choice.takes(document) else (None, {})
        except (DamageError, ObjectMissing) as error:
            self._complain(f"{source.info.key}: {error}")
            return
        version, size, modified = _mark(source)
        note = Note(version=version, bytes=size, modified=modified, options=self._options, page=page, files=files)
        if before is not None:
            self._remove(key for key in before.files if key not in files)
        if note != before:
            self._notes.put(_name(source.ref), note)

    def _write(self, ref: PostRef, document: Document, before: Note | None) -> tuple[str, dict[str, int]]:
        """Write what is not there yet; the page's digest, and the sizes of all files."""
        leaf = self._shape.leaf(ref, document)
        files = {}
        for blob, place in sorted(leaf.pictures.items()):
            files[place] = self._picture(blob, place, before)
        digest = hashlib.sha256(leaf.page.data).hexdigest()
        size = len(leaf.page.data)
        if before is None or before.page != digest or self._there.get(leaf.page.key) != size:
            self._put(leaf.page)
        files[leaf.page.key] = size
        return digest, files

    def _picture(self, blob: str, place: str, before: Note | None) -> int:
        there = self._there.get(place)
        # A file's name is its digest: of the size that it had when it was written, it is what was written.
        if before is not None and there is not None and before.files.get(place) == there:
            return there
        data = self._store.read(blob)
        if there != len(data):
            self._put(File(key=place, data=data, content_type=_media_type(place)))
        return len(data)

    def _put(self, file: File) -> None:
        self._target.put(file.key, file.data, file.content_type)
        self._there[file.key] = len(file.data)
        self._written += 1

    def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._target.delete(key)
            self._there.pop(key, None)
            self._removed += 1


def _name(ref: PostRef) -> str:
    return f"{ref.site}/{ref.id}"


def _mark(source: Source) -> tuple[int, int, str]:
    return source.ref.version, source.info.bytes, source.info.modified.isoformat()


def _media_type(key: str) -> str:
    return MEDIA_TYPES[key.rpartition(".")[2]]
