"""Writing an archive: blobs first, the document last, nothing ever overwritten.

The commit of one post
----------------------
A commit is a walk through these states; `next_step` decides every step from the newest observation and does no
I/O, `Archive.add` carries the steps out::

    nothing known ──▶ Put v1
    head vN read ───▶ unchanged | superseded | taken down | known      (no write)
                  └─▶ Put vN+1
    Put: created ───▶ done
    Put: refused or reply lost ──▶ ReadBack the same version
    ReadBack: ours ─▶ done
              absent ─▶ Put the same version again
              another's ─▶ read the head again, as "head read"

The put is create-only, so of two writers one is refused and sees the other's document. A writer that was killed
left either nothing or a whole document. Every blob a document names is written and acknowledged before the put.

A post read from a file is "known" where the head came of a fetch: an aggregator's copy is never the newer version of
the page itself.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from io import BytesIO
from typing import Literal, TypeVar

from archive.document import CONTENT_TYPE, Document, compose, write
from archive.errors import NotAnArchiveError, ObjectMissing, StoreError, StoreUnclear
from archive.layout import (
    ARCHIVE_KEY,
    IMAGE_EXTENSIONS,
    LAST_VERSION,
    README_KEY,
    PostRef,
    blob_key,
    index_key,
    run_key,
)
from archive.model import JSON, Figures, Post, RunReport, iso, sealed
from archive.reader import FORMAT, FORMAT_VERSION, ArchiveInfo, ArchiveReader, Head, read_info
from archive.store import Store

GENERATOR = f"birdnest {installed_version('birdnest')}"
_T = TypeVar("_T")
Status = Literal["new", "changed", "unchanged", "superseded", "taken-down", "known"]
_ATTEMPTS = 14
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a post ended: its status, and the version that now holds it.

    Of a version just committed also the bytes written and the document's SHA-256; else 0 and None.
    """

    status: Status
    version: int
    bytes_written: int = 0
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Created:
    version: int


@dataclass(frozen=True, kw_only=True)
class NotCreated:
    """A put that was refused, or whose reply was lost."""

    version: int
    parent: str | None


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A read-back that found nothing."""

    version: int
    parent: str | None


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A read-back that found the very bytes we put."""

    version: int


Observation = Head | Created | NotCreated | Absent | Ours | None
"""What a commit knows newest; None: the archive holds no version of the post."""


@dataclass(frozen=True, kw_only=True)
class Put:
    version: int
    parent: str | None


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    version: int
    parent: str | None


@dataclass(frozen=True, kw_only=True)
class Done:
    status: Status
    version: int


Step = Put | ReadBack | Done


def next_step(post: Post, seen: Observation) -> Step:
    """The next step of a post's commit, from what was seen last."""
    match seen:
        case None:
            return Put(version=1, parent=None)
        case Head():
            return _after_head(post, seen)
        case NotCreated(version=version, parent=parent):
            return ReadBack(version=version, parent=parent)
        case Absent(version=version, parent=parent):
            return Put(version=version, parent=parent)
        case Created(version=version) | Ours(version=version):
            return Done(status="new" if version == 1 else "changed", version=version)


def _after_head(post: Post, head: Head) -> Step:
    version = head.ref.version
    if head.document.is_takedown:
        return Done(status="taken-down", version=version)
    if is_known_better(post.original, head.document):
        return Done(status="known", version=version)
    if is_unchanged(post, head.document):
        return Done(status="unchanged", version=version)
    held_at = head.document.moment("fetched_at")
    if held_at is not None and post.fetched_at < held_at:
        return Done(status="superseded", version=version)
    return Put(version=version + 1, parent=head.digest)


def is_known_better(original: object, head: Document) -> bool:
    """Whether a post read from the file `original` (None: fetched) meets a version that was fetched."""
    return original is not None and head.original is None


def is_unchanged(post: Post, head: Document) -> bool:
    """Whether a fetched post says nothing that its head does not hold.

    Equal content is unchanged. So is an equal source, because a new release of the cleaner makes no versions by
    itself; but an image that the head lists as missing and the post now has is a change.
    """
    if head.front.get("content_sha256") == post.content_sha256:
        return True
    if head.front.get("source_sha256") != post.source_sha256:
        return False
    missing = {image.url for image in head.missing_images}
    return not any(image.url in missing for image in post.images)


class Archive(ArchiveReader):
    """An archive to read from and add to. Safe to use from several threads, and by several writers at once.

    `sleep` waits between attempts; tests give their own.
    """

    def __init__(self, store: Store, info: ArchiveInfo, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(store, info)
        self._sleep = sleep
        self._learning = threading.Lock()
        self._learned = False
        self._learning_failed: StoreError | None = None

    @classmethod
    def open(cls, store: Store) -> Archive:
        """An existing archive. Raises NotAnArchiveError, StoreError."""
        return cls(store, read_info(store))

    @classmethod
    def open_or_create(cls, store: Store, *, now: datetime, id_: str | None = None) -> Archive:
        """The archive of a store; a new one where the store is empty.

        Raises NotAnArchiveError when something else lies there, StoreError.
        """
        try:
            return cls.open(store)
        except NotAnArchiveError:
            stranger = next((info.key for info in store.list() if info.key not in (ARCHIVE_KEY, README_KEY)), None)
            if any(info.key == ARCHIVE_KEY for info in store.list(ARCHIVE_KEY)):
                # Another writer has made it meanwhile; or it is damaged or of a newer format, which `open` explains.
                return cls.open(store)
            if stranger is not None:
                raise NotAnArchiveError(
                    f"archive {store.url}: holds {stranger!r} but no {ARCHIVE_KEY}, so it is no archive of ours: "
                    "name an empty or a new place."
                ) from None
        archive = cls(store, ArchiveInfo(id=id_ or str(uuid.uuid4()), created=now, version=FORMAT_VERSION))
        archive._found()
        return cls.open(store)

    def _found(self) -> None:
        info = {
            "format": FORMAT,
            "version": self.info.version,
            "id": self.info.id,
            "created": self.info.created.astimezone(UTC).isoformat(),
        }
        self._create(README_KEY, README.encode(), "text/markdown; charset=utf-8")
        self._create(ARCHIVE_KEY, _json_bytes(sealed(info)), "application/json")

    def _ready(self) -> None:
        """Learn once what the store keeps, before the first object that another writer might write, too."""
        if not self._learned:
            self._learn(self._learning_failed)

    def _learn(self, failed_before: StoreError | None) -> None:
        with self._learning:
            if self._learned:
                return
            failed = self._learning_failed
            if failed is not None and failed is not failed_before:
                raise type(failed)(str(failed))  # another thread has just tried for minutes
            try:
                self._persist(lambda: self.store.learn(ARCHIVE_KEY))
            except StoreError as error:
                # Its traceback would hold what the threads have at hand.
                self._learning_failed = (StoreUnclear if isinstance(error, StoreUnclear) else StoreError)(str(error))
                raise
            self._learned = True

    def add(self, post: Post, *, head: Head | None = None) -> Outcome:
        """Commit a post whose blobs are all put already.

        head: the newest version the caller knows of; None when it knows of none. A stale head is no danger: the
        put is refused and the newer version compared with. Raises StoreError when the store fails for good.
        """
        seen: Observation = head
        data = b""
        lost = 0
        while True:
            step = next_step(post, seen)
            if isinstance(step, Done):
                if step.status not in ("new", "changed"):
                    return Outcome(status=step.status, version=step.version)
                digest = hashlib.sha256(data).hexdigest()
                return Outcome(status=step.status, version=step.version, bytes_written=len(data), sha256=digest)
            ref = PostRef(site=post.site, id=post.id, version=step.version)
            if isinstance(step, ReadBack):
                seen = self._read_back(ref, step.parent, data)
                continue
            if step.version > LAST_VERSION:
                raise StoreError(
                    f"archive {self.store.url}: post {post.site}/{post.id}: has {LAST_VERSION} versions, the format's "
                    "last: its further changes need a new archive."
                )
            lost = lost + 1 if isinstance(seen, Absent) else 0
            if lost == _ATTEMPTS:
                raise StoreError(
                    f"archive {self.store.url}: post {post.site}/{post.id}: gave up after {_ATTEMPTS} writes that the "
                    "store neither kept nor refused: what is archived stays, run again when the store answers."
                )
            if lost:
                self._wait(lost)
            self._ready()
            data = write(compose(post, version=step.version, parent=step.parent, generator=GENERATOR))
            seen = self._put(ref, step.parent, data)

    def put_blob(self, data: bytes, media_type: str, *, sha256: str | None = None) -> tuple[str, bool]:
        """Write the bytes of an image, or of a post's original, under their SHA-256; the key, and whether it was new.

        media_type: one of `layout.BLOB_EXTENSIONS`, KeyError otherwise. sha256: of the bytes, where that is known.
        Raises StoreError.
        """
        key = blob_key(sha256 or hashlib.sha256(data).hexdigest(), media_type)
        self._ready()
        return key, self._create(key, data, media_type)

    def add_report(self, report: RunReport) -> str:
        """Write a run's report and return its key. Raises StoreError."""
        key = run_key(report.run)
        self._create(key, report_bytes(report), "application/json")
        return key

    def put_capture(self, segment: str, data: bytes, index: bytes) -> None:
        """Write a segment of a run's raw capture under its key, and its CDXJ index beside it. Raises StoreError."""
        self._ready()
        self._create(segment, data, "application/gzip")
        self._create(index_key(segment), index, "text/x-cdxj")

    def _put(self, ref: PostRef, parent: str | None, data: bytes) -> Observation:
        try:
            created = self.store.create(ref.key, data, CONTENT_TYPE)
        except StoreUnclear:
            created = False
        if created:
            return Created(version=ref.version)
        return NotCreated(version=ref.version, parent=parent)

    def _read_back(self, ref: PostRef, parent: str | None, data: bytes) -> Observation:
        try:
            found = self.store.read(ref.key)
        except ObjectMissing:
            return Absent(version=ref.version, parent=parent)
        # Another's: whatever stands there, it is the newest version that a post is compared with.
        return Ours(version=ref.version) if found == data else self.head(ref.site, ref.id)

    def _create(self, key: str, data: bytes, content_type: str) -> bool:
        """Create-only with retries, for objects whose key or content makes a repeated put harmless."""
        return self._persist(lambda: self.store.create(key, data, content_type))

    def _persist(self, call: Callable[[], _T]) -> _T:
        return persist(call, self._sleep)

    def _wait(self, attempt: int) -> None:
        _wait(attempt, self._sleep)


def persist(call: Callable[[], _T], sleep: Callable[[float], None] = time.sleep) -> _T:
    """The result of a call of a store that may be repeated without harm, tried again while its outcome is unclear.

    Raises StoreUnclear after many attempts, and at once whatever else the call raises.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return call()
        except StoreUnclear:
            if attempt + 1 == _ATTEMPTS:
                raise
            _wait(attempt, sleep)
    raise AssertionError("unreachable")


def _wait(attempt: int, sleep: Callable[[float], None]) -> None:
    longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
    sleep(random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret


def report_bytes(report: RunReport) -> bytes:
    """A run's report as it is archived."""
    return _json_bytes(report_value(report))


def report_value(report: RunReport) -> dict[str, JSON]:
    """A run's report as a JSON object; times ISO 8601."""
    # dataclasses.asdict cannot copy a Counter or a read-only mapping.
    plain = replace(report, images_missing={}, store_requests={}, documents={}, figures=Figures())
    value = asdict(plain)
    value["figures"] = figures_json(report.figures)
    value["images_missing"] = dict(report.images_missing)
    value["store_requests"] = dict(report.store_requests)
    value["documents"] = dict(sorted(report.documents.items()))
    value["started_at"] = report.started_at.isoformat()
    value["finished_at"] = report.finished_at.isoformat()
    return sealed(value)


def figures_json(figures: Figures) -> dict[str, JSON]:
    """A run's figures as they stand in its report."""
    return {**vars(figures), "lists": dict(figures.lists), "newest_at": iso(figures.newest_at)}


def _json_bytes(value: object) -> bytes:
    out = BytesIO()  # part by part: the report of a long run names tens of thousands of documents
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(value):
        out.write(part.encode("utf-8", "backslashreplace"))
    out.write(b"\n")
    return out.getvalue()


README = f"""# An archive of posts

Birdnest wrote this archive, but nothing here needs Birdnest.

- `posts/<site>/<id>/v0001.html` is one version of one post: a front matter whose lines are `key: <JSON>` between
  two lines `---`, then the cleaned post as HTML. The highest number is the newest version. Open one in a browser:
  its pictures show, because links are relative. Hexo takes the same file as a post.
- `blobs/sha256/ab/abcd….<{"|".join(IMAGE_EXTENSIONS.values())}>` are the pictures, byte for byte as the site served
  them; `….md` are files that posts were imported from. The name is their SHA-256, so `sha256sum` tells whether one is
  whole:

      find blobs -type f | while read -r f; do
        [ "$(sha256sum < "$f" | cut -d' ' -f1)" = "$(basename "${{f%.*}}")" ] || echo "damaged: $f"
      done

- `raw/<site>/<day>/*.warc.gz` are the pages and lists as the site answered, in WARC 1.1; the `.cdxj` beside each is
  its index. Any WARC player shows them.
- `runs/<day>/*.json` are the reports of the runs that filled the archive, failures included.
- `takedowns/` names, by digests alone, the posts that were taken down.
- `ARCHIVE.json` names the format, its version and this archive.

Titles and dates of all posts, with a shell alone:

    grep -h -m2 -E '^(title|date): ' -r posts --include='v0001.html'
"""
