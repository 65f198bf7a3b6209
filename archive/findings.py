"""What may be wrong with an archive: the table of codes, and the checks that one object's bytes allow. No I/O."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from archive.body import images_of, strangers
from archive.document import SEAL, Document, front_digest, read, to_post, write
from archive.errors import DamageError
from archive.images import BadImage, inspect
from archive.layout import (
    ARCHIVE_KEY,
    IMAGE_EXTENSIONS,
    MEDIA_TYPES,
    ORIGINAL_EXTENSIONS,
    PostRef,
    blob_digest,
    blob_key,
    run_key,
)
from archive.model import Post, RunReport, sealed
from archive.reader import parse_info, parse_report
from archive.register import parse_entry
from archive.warc import whole_bytes

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Code:
    """What one kind of finding means. `full`: only the full check finds it."""

    meaning: str
    severity: Severity = "error"
    full: bool = False


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "archive-damaged": Code(meaning="ARCHIVE.json is missing, or is not what was written"),
        "document-damaged": Code(meaning="a document cannot be read as one"),
        "document-altered": Code(meaning="a document reads, but does not serialise to the same bytes again", full=True),
        "document-missing": Code(
            meaning="a report says that its run committed a document which is not there", full=True
        ),
        "document-replaced": Code(meaning="a document is not the one that a report names as its run's", full=True),
        "misplaced": Code(meaning="what an object says it is, is not what its key says"),
        "version-gap": Code(meaning="a post's versions are not v0001, v0002, … without a gap"),
        "parent-mismatch": Code(meaning="a version does not name the SHA-256 of the version before it"),
        "front-digest": Code(meaning="the SHA-256 of the front matter is not the one that it names", full=True),
        "body-digest": Code(meaning="a body's SHA-256 is not the one its front matter names", full=True),
        "content-digest": Code(meaning="a post's content digest is not the one its front matter names", full=True),
        "front-matter": Code(meaning="keys of a front matter contradict each other or the body", full=True),
        "remote-image": Code(meaning="a body shows an image from outside the archive", full=True),
        "active-content": Code(
            meaning="a body holds an element, attribute or address that no body may hold", full=True
        ),
        "blob-missing": Code(meaning="a document names a blob that is not there"),
        "blob-size": Code(meaning="a blob's size is not the one a document names"),
        "blob-digest": Code(meaning="a blob's bytes are not those of its name", full=True),
        "image-damaged": Code(meaning="a blob's bytes are those of its name, but do not decode as its type", full=True),
        "image-facts": Code(meaning="an image's type, width or height is not the one a document names", full=True),
        "report-damaged": Code(meaning="a run's report cannot be read, or is not what was written", full=True),
        "register-damaged": Code(
            meaning="an entry in the register of takedowns cannot be read, or is not what was written", full=True
        ),
        "warc-damaged": Code(meaning="a capture of HTTP exchanges cannot be decompressed to its end", full=True),
        "warc-missing": Code(
            meaning="a document names a capture that is not there; the next run may upload it", severity="warning"
        ),
        "readme-missing": Code(meaning="the archive's README.md is not there", severity="warning"),
        "orphan-blob": Code(
            meaning="no document names this blob; a crash or a rejected post leaves such, harmless", severity="warning"
        ),
        "stranger": Code(meaning="an object that is not part of the format", severity="warning"),
    }
)
"""All codes, with what they mean. docs/archive-format.md holds the same table."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: its code, the object's key, and what was found and expected."""

    code: str
    key: str
    detail: str

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity


def check_info(data: bytes) -> Iterator[Finding]:
    try:
        parse_info(data, ARCHIVE_KEY)
        value = json.loads(data)
    except (DamageError, ValueError) as error:
        yield Finding(code="archive-damaged", key=ARCHIVE_KEY, detail=str(error))
        return
    if value.get("sha256") != sealed(value)["sha256"]:
        detail = f"names {value.get('sha256')}, expected {sealed(value)['sha256']}"
        yield Finding(code="archive-damaged", key=ARCHIVE_KEY, detail=detail)


def check_blob(key: str, data: bytes) -> Generator[Finding, None, str | None]:
    """Findings of a blob's bytes; returns what it is (of an image, with its size), None where it is damaged."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != blob_digest(key):
        yield Finding(code="blob-digest", key=key, detail=f"its bytes have the digest {digest}")
        return None
    media_type = MEDIA_TYPES[key.rpartition(".")[2]]
    if media_type not in IMAGE_EXTENSIONS:
        return media_type
    try:
        facts = inspect(data)
    except BadImage as error:
        yield Finding(code="image-damaged", key=key, detail=f"it does not decode: {error.reason}")
        return None
    if facts.media_type != media_type:
        yield Finding(code="image-damaged", key=key, detail=f"it is {facts.media_type}, expected {media_type}")
        return None
    return image_facts(facts.media_type, facts.width, facts.height)


def image_facts(media_type: str, width: int | None, height: int | None) -> str:
    return f"{media_type} {width}x{height}"


def check_capture(key: str, data: bytes) -> Iterator[Finding]:
    """Whether every gzip member of a capture decompresses to its end."""
    whole = whole_bytes(data)
    if whole < len(data):
        yield Finding(code="warc-damaged", key=key, detail=_why_it_ends(data, whole))


def _why_it_ends(data: bytes, at: int) -> str:
    """What is wrong with the gzip member that begins there."""
    member = zlib.decompressobj(wbits=31)
    left = data[at:]
    try:
        while left:
            member.decompress(left, 1 << 20)
            left = member.unconsumed_tail
    except zlib.error as error:
        return f"at byte {at}: {error}"
    return "it breaks off"


def check_report(key: str, data: bytes) -> Generator[Finding, None, RunReport | None]:
    """Findings of a run's report; returns the report where it is whole."""
    try:
        report, value = parse_report(data, key), json.loads(data)
    except (DamageError, ValueError) as error:
        yield Finding(code="report-damaged", key=key, detail=str(error))
        return None
    if value.get("sha256") != sealed(value)["sha256"]:
        detail = f"names {value.get('sha256')}, expected {sealed(value)['sha256']}"
        yield Finding(code="report-damaged", key=key, detail=detail)
        return None
    if run_key(report.run) != key:
        yield Finding(code="misplaced", key=key, detail=f"it says it is {run_key(report.run)}")
        return None
    return report


def check_entry(key: str, data: bytes) -> Iterator[Finding]:
    try:
        parse_entry(data, key)
    except DamageError as error:
        yield Finding(code="register-damaged", key=key, detail=str(error))


def check_place(ref: PostRef, front: Mapping[str, object]) -> Iterator[Finding]:
    """Whether a document is where it says it is. Raises DamageError where it does not say."""
    says = (front.get("site"), front.get("id"), front.get("version"))
    if None in says:
        raise DamageError(f"{ref.key}: its front matter names no site, id or version: found {says}")
    if says != (ref.site, ref.id, ref.version):
        yield Finding(code="misplaced", key=ref.key, detail=f"the front matter says {'/'.join(map(str, says))}")


def check_document(ref: PostRef, data: bytes) -> Iterator[Finding]:
    """What the document's own bytes say, whole."""
    key = ref.key
    try:
        document = read(data, name=key)
        post = None if document.is_takedown else to_post(document)
    except DamageError as error:
        yield Finding(code="document-damaged", key=key, detail=str(error))
        return
    if write(document) != data:
        yield Finding(code="document-altered", key=key, detail="read and written again it has other bytes")
    if (digest := front_digest(document.front)) != document.front.get(SEAL):
        yield Finding(code="front-digest", key=key, detail=f"{digest}, expected {document.front.get(SEAL)}")
    if post is not None:
        yield from _check_digests(key, post, document)
        for code, sample in strangers(post.body):
            yield Finding(code=code, key=key, detail=sample)
        for detail in _contradictions(ref, post, document):
            yield Finding(code="front-matter", key=key, detail=detail)


def _check_digests(key: str, post: Post, document: Document) -> Iterator[Finding]:
    body_sha256 = hashlib.sha256(post.body.encode()).hexdigest()
    digests = (("body-digest", "body_sha256", body_sha256), ("content-digest", "content_sha256", post.content_sha256))
    for code, name, digest in digests:
        if digest != document.front.get(name):
            yield Finding(code=code, key=key, detail=f"{digest}, expected {document.front.get(name)}")


def _contradictions(ref: PostRef, post: Post, document: Document) -> Iterator[str]:
    listed = {image.key for image in post.images}
    shown = {*images_of(post.body), *((post.head_image,) if post.head_image else ())}
    for key in sorted(shown - listed):
        yield f"{key} is shown and not among `images`"
    for image in post.images:
        if image.sha256 != blob_digest(image.key):
            yield f"{image.key} is said to have the digest {image.sha256}"
        if image.media_type not in IMAGE_EXTENSIONS:
            yield f"{image.key} is said to be an image of the type {image.media_type!r}"
    original = post.original
    if original and original.media_type not in ORIGINAL_EXTENSIONS:
        yield f"original is of the type {original.media_type!r}, expected one of {', '.join(ORIGINAL_EXTENSIONS)}"
    elif original and original.key != blob_key(original.sha256, original.media_type):
        yield f"original is {original.key}, expected {blob_key(original.sha256, original.media_type)}"
    front = document.front
    if front.get("permalink") != ref.permalink:
        yield f"permalink is {front.get('permalink')!r}, expected {ref.permalink!r}"
    if front.get("thumbnail") != front.get("headimg"):
        yield f"thumbnail is {front.get('thumbnail')!r}, expected {front.get('headimg')!r} as headimg"
