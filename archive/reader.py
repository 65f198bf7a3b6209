"""Reading an archive: its posts, their versions, its blobs and the reports of its runs. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from archive.document import Document, read
from archive.errors import DamageError, NotAnArchiveError, ObjectMissing, UsageError
from archive.layout import ARCHIVE_KEY, NAMES, POSTS, RUNS, PostRef, parse_post_key, post_prefix
from archive.model import Failure, Figures, RunReport
from archive.store import Store

FORMAT = "birdnest-archive"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ArchiveInfo:
    """What ARCHIVE.json says."""

    id: str
    created: datetime
    version: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """One stored version of a post: what it is, its document and the SHA-256 of the document's bytes."""

    ref: PostRef
    document: Document
    digest: str


class ArchiveReader:
    """An archive to read from. `open` says what is wrong when the place holds none."""

    def __init__(self, store: Store, info: ArchiveInfo) -> None:
        self.store = store
        self.info = info

    @classmethod
    def open(cls, store: Store) -> ArchiveReader:
        """Raises NotAnArchiveError when there is no archive of a version this release reads, StoreError."""
        return cls(store, read_info(store))

    def posts(self, site: str | None = None) -> Iterator[PostRef]:
        """Every post's newest version, in the order of keys. One listing, constant memory."""
        newest: PostRef | None = None
        for info in self.store.list(post_prefix(site) if site else POSTS):
            ref = parse_post_key(info.key)
            if ref is None:
                continue
            if newest is not None and (newest.site, newest.id) != (ref.site, ref.id):
                yield newest
            newest = ref
        if newest is not None:
            yield newest

    def versions(self, site: str, id_: str) -> list[PostRef]:
        """All versions of one post, oldest first; empty when the archive does not hold it."""
        refs = (parse_post_key(info.key) for info in self.store.list(post_prefix(site, id_)))
        return sorted(ref for ref in refs if ref is not None)

    def head(self, site: str, id_: str) -> Head | None:
        """The newest version of one post, or None."""
        refs = self.versions(site, id_)
        return self.load(refs[-1]) if refs else None

    def load(self, ref: PostRef) -> Head:
        """One version. Raises ObjectMissing, DamageError, StoreError."""
        return parse_head(ref, self.store.read(ref.key))

    def find(self, text: str) -> PostRef:
        """The newest version of the post a person names.

        text: `site/id`, `site/id/v0002.html`, a document's key or path, or the post's URL (that of a post without an
        address is a name, `urn:sha256:…`). Raises UsageError naming what is accepted when nothing fits.
        """
        if "://" in text or text.startswith(NAMES):
            return self._find_url(text)
        _, _, tail = text.rpartition(POSTS)
        parts = tail.strip("/").split("/")
        exact = parse_post_key(f"{POSTS}{'/'.join(parts)}")
        if exact is not None:
            return exact
        refs = self.versions(parts[0], parts[1]) if len(parts) == 2 else []  # noqa: PLR2004 - site/id
        if not refs:
            raise UsageError(
                f"no post {text!r} in archive {self.store.url}: name it as site/id (as `birdnest list` prints it) "
                "or by its URL."
            )
        return refs[-1]

    def _find_url(self, url: str) -> PostRef:
        for ref in self.posts():
            if self.load(ref).document.front.get("url") == url:
                return ref
        raise UsageError(f"no post of {url} in archive {self.store.url}: `birdnest list` prints what it holds.")

    def runs(self) -> Iterator[RunReport]:
        """The reports of all runs, oldest first."""
        for info in self.store.list(RUNS):
            yield parse_report(self.store.read(info.key), info.key)


def read_info(store: Store) -> ArchiveInfo:
    """What ARCHIVE.json of a store says. Raises NotAnArchiveError, StoreError."""
    try:
        data = store.read(ARCHIVE_KEY)
    except ObjectMissing:
        raise NotAnArchiveError(
            f"archive {store.url}: there is no {ARCHIVE_KEY}, so it is no archive of ours. Correct the address; "
            "a new archive begins in an empty place."
        ) from None
    try:
        info, format_ = parse_info(data, ARCHIVE_KEY)
    except DamageError as error:
        raise NotAnArchiveError(f"archive {store.url}: {error}. Restore it from a copy.") from error
    if (format_, info.version) != (FORMAT, FORMAT_VERSION):
        raise NotAnArchiveError(
            f"archive {store.url}: format {format_!r} version {info.version}, this release reads "
            f"{FORMAT!r} version {FORMAT_VERSION}: use a newer Birdnest."
        )
    return info


def parse_info(data: bytes, name: str) -> tuple[ArchiveInfo, str]:
    """What ARCHIVE.json says, and the format's name. Raises DamageError naming `name`."""
    try:
        value = json.loads(data)
        created = datetime.fromisoformat(value["created"])
        return ArchiveInfo(id=value["id"], created=created, version=int(value["version"])), value["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamageError(f"{name} is not as written: {error!r}") from error


def parse_head(ref: PostRef, data: bytes) -> Head:
    """A version out of its document's bytes. Raises DamageError."""
    return Head(ref=ref, document=read(data, name=ref.key), digest=hashlib.sha256(data).hexdigest())


def parse_report(data: bytes, name: str) -> RunReport:
    """A run's report out of its JSON; keys of later releases are ignored.

    Raises DamageError naming `name`, for values of another kind than the model's, too.
    """
    try:
        value = _known(RunReport, json.loads(data))
        value["figures"] = parse_figures(value.get("figures", {}))
        for key in ("started_at", "finished_at"):
            value[key] = datetime.fromisoformat(value[key])
        value["failures"] = tuple(Failure(**_known(Failure, failure)) for failure in value["failures"])
        for key in ("reasons", "notes"):
            value[key] = tuple(value.get(key, ()))
        return _checked(RunReport(**value))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamageError(f"{name}: not a run's report: {error!r}") from error


_COUNTS = tuple(each.name for each in fields(RunReport) if each.type == "int")
_MOST = 2**63
_LAST_YEAR = 9999


def _checked(report: RunReport) -> RunReport:
    """The report, where its values are of the model's kinds. Raises TypeError, ValueError."""
    counts = [
        *(getattr(report, name) for name in _COUNTS),
        *report.images_missing.values(),
        *report.store_requests.values(),
    ]
    texts = [
        *(report.run, report.site, report.archive, report.generator, report.verdict),
        *(*report.reasons, *report.notes, *report.documents, *report.documents.values()),
        *(text for each in report.failures for text in (each.what, each.url, each.reason, each.detail)),
    ]
    moments = [report.started_at, report.finished_at, report.figures.newest_at or report.started_at]
    if not all(isinstance(count, int) and 0 <= count < _MOST for count in counts):
        raise ValueError("a count is none")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is none")
    if not all(moment.tzinfo is not None and 1 < moment.year < _LAST_YEAR for moment in moments):
        raise ValueError("a time is none, or has no offset")
    return report


def parse_figures(value: Mapping[str, Any]) -> Figures:
    """A run's figures out of its report's JSON; those that an earlier release did not count are none."""
    told = _known(Figures, value)
    newest = told.get("newest_at")
    return Figures(**{**told, "newest_at": datetime.fromisoformat(newest) if newest else None})


def _known(kind: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {key: item for key, item in value.items() if key in names}
