"""Checks that an archive holds what was written to it.

The codes, all of severity *error* unless said otherwise:

==================== ===========================================================================================
document-damaged     a document cannot be read as one
document-altered     a document reads, but does not serialise to the same bytes again
misplaced            a document's site, id or version is not that of its key
version-gap          a post's versions are not v0001, v0002, … without a gap
parent-mismatch      a version does not name the SHA-256 of the version before it
body-digest          a body's SHA-256 is not the one its front matter names
content-digest       a post's content digest is not the one its front matter names
remote-image         a body shows an image from outside the archive
blob-missing         a document names a blob that is not there
blob-size            a blob's size is not the one a document names
blob-digest          a blob's bytes are not those of its name (only with `full`)
report-damaged       a run's report cannot be read (only with `full`)
orphan-blob          *warning*: no document names this blob (a crash or a rejected post leaves such, harmless)
stranger             *warning*: an object that is not part of the format
==================== ===========================================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from selectolax.lexbor import LexborHTMLParser

from archive.document import to_post, write
from archive.errors import DamageError
from archive.layout import (
    ARCHIVE_KEY,
    BLOBS,
    README_KEY,
    RUNS,
    PostRef,
    blob_digest,
    link_from_document,
    parse_post_key,
)
from archive.reader import ArchiveReader, Head, parse_head, parse_report

Severity = Literal["error", "warning"]
_LOCAL = link_from_document(BLOBS)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: its code, the object's key, and what was found and expected."""

    code: str
    key: str
    detail: str
    severity: Severity = "error"


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The document before the one at hand, readable or not."""

    ref: PostRef
    digest: str

    def same_post(self, ref: PostRef) -> bool:
        return (self.ref.site, self.ref.id) == (ref.site, ref.id)


def verify(
    archive: ArchiveReader, *, full: bool = False, progress: Callable[[str], None] = lambda _key: None
) -> Iterator[Finding]:
    """Findings in the order of keys: blobs and documents by listing, every document read; `full` re-hashes blobs.

    progress is called with each key that was looked at. Raises StoreError when the store cannot be read.
    """
    sizes: dict[str, int] = {}
    named: set[str] = set()
    before: _Seen | None = None
    for info in archive.store.list():
        progress(info.key)
        ref = parse_post_key(info.key)
        if ref is not None:
            data = archive.store.read(ref.key)
            yield from _document(ref, data, before, sizes, named)
            before = _Seen(ref=ref, digest=hashlib.sha256(data).hexdigest())
        elif blob_digest(info.key) is not None:
            sizes[info.key] = info.bytes
            if full:
                yield from _blob(archive, info.key)
        else:
            yield from _other(archive, info.key, full=full)
    for key in sorted(set(sizes) - named):
        yield Finding(code="orphan-blob", key=key, detail="no document names it", severity="warning")


def _document(
    ref: PostRef, data: bytes, before: _Seen | None, sizes: dict[str, int], named: set[str]
) -> Iterator[Finding]:
    """Findings of one document; the keys of the blobs it names are added to `named`."""
    yield from _gap(ref, before)
    try:
        head = parse_head(ref, data)
        findings = [] if head.document.is_takedown else list(_inside(head))
    except DamageError as error:
        yield Finding(code="document-damaged", key=ref.key, detail=str(error))
        return
    yield from findings
    if write(head.document) != data:
        yield Finding(code="document-altered", key=ref.key, detail="read and written again it has other bytes")
    yield from _parent(head, before)
    yield from _blobs_named(head, sizes)
    named.update(image.key for image in head.document.images)


def _inside(head: Head) -> Iterator[Finding]:
    front, key = head.document.front, head.ref.key
    post = to_post(head.document)
    here = PostRef(site=post.site, id=post.id, version=head.document.version)
    if here != head.ref:
        yield Finding(code="misplaced", key=key, detail=f"the front matter says {here.key}")
    body_digest = hashlib.sha256(post.body.encode()).hexdigest()
    if body_digest != front.get("body_sha256"):
        yield Finding(code="body-digest", key=key, detail=f"{body_digest}, expected {front.get('body_sha256')}")
    if post.content_sha256 != front.get("content_sha256"):
        expected = front.get("content_sha256")
        yield Finding(code="content-digest", key=key, detail=f"{post.content_sha256}, expected {expected}")
    for image in LexborHTMLParser(post.body).css("img[src]"):
        source = image.attributes["src"] or ""
        if not source.startswith(_LOCAL):
            yield Finding(code="remote-image", key=key, detail=source[:200])


def _next_version(ref: PostRef, before: _Seen | None) -> int:
    return before.ref.version + 1 if before is not None and before.same_post(ref) else 1


def _gap(ref: PostRef, before: _Seen | None) -> Iterator[Finding]:
    expected = _next_version(ref, before)
    if ref.version != expected:
        yield Finding(code="version-gap", key=ref.key, detail=f"expected v{expected:04d} next")


def _parent(head: Head, before: _Seen | None) -> Iterator[Finding]:
    if head.document.is_takedown or head.ref.version != _next_version(head.ref, before):
        return
    expected = before.digest if before is not None and before.same_post(head.ref) else None
    found = head.document.front.get("parent")
    if found != expected:
        yield Finding(code="parent-mismatch", key=head.ref.key, detail=f"names {found}, expected {expected}")


def _blobs_named(head: Head, sizes: dict[str, int]) -> Iterator[Finding]:
    # Blobs sort before posts, so all their sizes are known by now.
    for image in head.document.images:
        size = sizes.get(image.key)
        if size is None:
            yield Finding(code="blob-missing", key=head.ref.key, detail=f"{image.key} of {image.url}")
        elif size != image.bytes:
            detail = f"{image.key} has {size} bytes, expected {image.bytes}"
            yield Finding(code="blob-size", key=head.ref.key, detail=detail)


def _blob(archive: ArchiveReader, key: str) -> Iterator[Finding]:
    digest = hashlib.sha256(archive.store.read(key)).hexdigest()
    if digest != blob_digest(key):
        yield Finding(code="blob-digest", key=key, detail=f"its bytes have the digest {digest}")


def _other(archive: ArchiveReader, key: str, *, full: bool) -> Iterator[Finding]:
    if key.startswith(RUNS):
        if full:
            try:
                parse_report(archive.store.read(key), key)
            except DamageError as error:
                yield Finding(code="report-damaged", key=key, detail=str(error))
    elif key not in (ARCHIVE_KEY, README_KEY) and not key.startswith(("raw/", "views/")):
        yield Finding(code="stranger", key=key, detail="not part of the format", severity="warning")
