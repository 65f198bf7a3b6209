"""Raw capture: what the site answered, as WARC 1.1 (ISO 28500:2017), below Scrapy's decompression.

A run writes its exchanges into segments in the user's state folder, each exchange by one write of whole gzip members,
and uploads the segments when it ends. A run that was killed leaves a readable prefix: the next run cuts off what is
half a record, and uploads the rest. Entity bytes are exact; header lines are written anew, in the order of their names,
without those of `SECRET_HEADERS`, and addresses in them without user and password.

An answer whose bytes were captured before, or a 304, is a revisit record that refers to the earlier one.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
import zlib
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlsplit

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
from zlib_ng import zlib_ng

from archive import Archive
from archive.layout import capture_key
from archive.locks import acquire, release
from archive.register import Entry, entries
from archive.warc import Told, index_lines, whole_bytes
from archive.writer import GENERATOR

SEGMENT_BYTES = 4 * 1024 * 1024  # one is in memory while it is uploaded
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
_ADDRESS_HEADERS = frozenset({"content-location", "link", "location", "referer", "refresh"})
_NOT_MODIFIED = 304
# zlib-ng's 4 makes a twentieth fewer bytes of a page than zlib's 3, for half the CPU; warcio's own, zlib's 9, takes
# three times that of its 3.
_LEVEL = 4
_GZIP = 31  # zlib's number for the largest window and gzip's header
_WARC = "WARC/1.1"
_SAME_BYTES = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_SAME_ANSWER = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_OF_THE_TRANSFER = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. Bodies are entity bytes as transferred; `at` is aware; headers in any case."""

    method: str
    url: str
    request_headers: Sequence[tuple[str, str]]
    request_body: bytes
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    at: datetime
    address: str | None = None

    @property
    def target(self) -> str:
        """What tells this request from others: of a POST, its body, too."""
        if self.method == "GET":
            return self.url
        return f"{self.method} {self.url} {hashlib.sha256(self.request_body).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The newest whole response of a target: digest of its payload as WARC writes it, and where it is."""

    digest: str
    record_id: str
    date: str
    segment: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """An exchange's records: the bytes to append, and the record that holds the payload.

    answer_at, told: where among the bytes the answer's record begins, and what an index says of it.
    segment: where the payload is; None: among these records.
    """

    data: bytes
    answer_at: int
    told: Told
    record_id: str
    segment: str | None
    digest: str
    date: str


def records(exchange: Exchange, run: str, number: int, earlier: Earlier | None) -> Written:
    """An exchange, a run's so-manieth, as WARC records: request, then response or revisit. Pure."""
    writer = WARCWriter(BytesIO(), gzip=False, warc_version=_WARC)
    digest = f"sha1:{b32encode(hashlib.sha1(exchange.body, usedforsecurity=False).digest()).decode()}"
    date = exchange.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = f"{run} {number} {exchange.target} {digest}"
    response_id, request_id = (f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, kind + name)}>" for kind in ("a", "q"))
    same = earlier is not None and (exchange.status == _NOT_MODIFIED or earlier.digest == digest)
    facts = {"WARC-Record-ID": response_id, "WARC-Date": date, "WARC-Payload-Digest": digest}
    if exchange.address:
        facts["WARC-IP-Address"] = exchange.address
    if earlier is not None and same:
        facts |= {
            "WARC-Profile": _SAME_ANSWER if exchange.status == _NOT_MODIFIED else _SAME_BYTES,
            "WARC-Refers-To": earlier.record_id,
            "WARC-Refers-To-Target-URI": exchange.url,
            "WARC-Refers-To-Date": earlier.date,
            "WARC-Payload-Digest": earlier.digest,
        }
    answer = writer.create_warc_record(
        exchange.url,
        "revisit" if same else "response",
        payload=None if same else BytesIO(exchange.body),
        length=None if same else len(exchange.body),
        http_headers=_headers(_status_line(exchange.status), exchange.headers, None if same else len(exchange.body)),
        warc_headers_dict=dict(facts),
    )
    asked = writer.create_warc_record(
        exchange.url,
        "request",
        payload=BytesIO(exchange.request_body),
        length=len(exchange.request_body),
        http_headers=_headers(_request_line(exchange), exchange.request_headers, len(exchange.request_body) or None),
        warc_headers_dict={"WARC-Record-ID": request_id, "WARC-Date": date, "WARC-Concurrent-To": response_id},
    )
    request, told = _packed(writer, asked), Told.of(answer)
    data = request + _packed(writer, answer)
    payload = earlier if earlier is not None and same else None
    return Written(
        data=data,
        answer_at=len(request),
        told=told,
        record_id=payload.record_id if payload else response_id,
        segment=payload.segment if payload else None,
        digest=payload.digest if payload else digest,
        date=date,
    )


def _packed(writer: WARCWriter, record: ArcWarcRecord) -> bytes:
    """A record as one gzip member."""
    writer.out = plain = BytesIO()
    writer.write_record(record)
    return zlib_ng.compress(plain.getbuffer(), _LEVEL, _GZIP)


def _status_line(status: int) -> str:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return f"HTTP/1.1 {status} {phrase}".strip()


def _request_line(exchange: Exchange) -> str:
    parts = urlsplit(exchange.url)
    return f"{exchange.method} {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1"


def _headers(line: str, given: Sequence[tuple[str, str]], length: int | None) -> StatusAndHeaders:
    first, _, rest = line.partition(" ")
    left_out = SECRET_HEADERS | _OF_THE_TRANSFER
    kept = [(_ascii(name), _ascii(_kept(name, value))) for name, value in sorted(given) if name.lower() not in left_out]
    if length is not None:
        kept.append(("Content-Length", str(length)))
    return StatusAndHeaders(rest, kept, protocol=first)


def _ascii(text: str) -> str:
    """A header's name or value with what is no ASCII percent-encoded; warcio's own way leaves some of it."""
    return re.sub(r"[^\x00-\x7f]", lambda match: quote(match[0]), text)


def _kept(name: str, value: str) -> str:
    """A header's value on one line; addresses in it without user and password."""
    line = " ".join(value.split())
    return re.sub(r"//[^/?#\s]*@", "//", line) if name.lower() in _ADDRESS_HEADERS else line


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A segment that this process has written to its end: the SHA-256 of its bytes, and its CDXJ, compressed."""

    file: Path
    sha256: bytes
    index: bytes


class Spool:
    """The segments that a run writes. `folder` is the archive's and site's; blocking, for one thread at a time."""

    def __init__(self, folder: Path, site: str, run: str, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._site = site
        self._run = run
        self._most = segment_bytes
        self._number = 0
        self._descriptor: int | None = None
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._lines: list[str] = []
        self.full: list[Segment] = []

    @property
    def segment(self) -> str:
        """The key under which the segment at hand will be archived."""
        return capture_key(self._site, self._run, self._number)

    def append(self, written: Written) -> str:
        """Write records, durably, and return the key of their segment. Raises OSError."""
        if self._descriptor is not None and self._size + len(written.data) > self._most:
            self.close()
        if self._descriptor is None:
            self._begin()
        offset, length = self._size + written.answer_at, len(written.data) - written.answer_at
        line = written.told.line(offset=offset, length=length, name=self._file.name)
        self._write(written.data)
        self._lines.append(line)
        return self.segment

    def close(self) -> None:
        """End the segment at hand; it joins `full`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            index = zlib.compress("".join(sorted(self._lines)).encode())
            self.full.append(Segment(file=self._file, sha256=self._sha256.digest(), index=index))

    @property
    def _file(self) -> Path:
        return self._folder / self.segment.rpartition("/")[2]

    def _begin(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        # Held until the segment is uploaded, or the process dies: who tidies up leaves a living run's segments alone.
        if acquire(_lock_of(self._file), self._run) is not None:
            raise OSError(f"{self._file} belongs to another run")
        self._descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._lines = []
        data = BytesIO()
        writer = WARCWriter(data, gzip=True, warc_version=_WARC)
        info = {"software": GENERATOR, "format": "WARC File Format 1.1", "isPartOf": self._run}
        writer.write_record(writer.create_warcinfo_record(self._file.name, info))
        self._write(data.getvalue())

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise AssertionError("a segment is open")
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fdatasync(self._descriptor)
        except OSError:
            # Behind half a record nothing could be read.
            os.ftruncate(self._descriptor, self._size)
            raise
        self._sha256.update(data)
        self._size += len(data)


def last_ones(segments: Sequence[Segment], *, most_bytes: int) -> list[Segment]:
    """The last segments, as many as have so many bytes together."""
    found, left = [], most_bytes
    for segment in reversed(segments):
        left -= segment.file.stat().st_size
        if left < 0:
            break
        found.append(segment)
    return found[::-1]


def abandoned(folder: Path) -> list[Path]:
    """The segments in an archive's spool that no living run holds, be it of this process; they are the caller's now."""
    found = []
    for file in sorted(folder.glob("*/*.warc.gz")):
        if acquire(_lock_of(file), "tidying up", again=False) is not None:
            continue
        if file.exists():
            found.append(file)
        else:  # its run has uploaded it since it was listed
            release(_lock_of(file))
            _lock_of(file).unlink(missing_ok=True)
    return found


def upload(archive: Archive, file: Path, segment: Segment | None = None) -> str | None:
    """Archive a segment and its index and remove it here; the segment's key, None where it holds no exchange.

    What is half a record at its end is cut off first, and what tells of a post that was taken down: a list still names
    it, or another address led to it. segment: what this process knows of the file; if its bytes are still those that it
    wrote, and all of them stay, they need not be read through again. Raises StoreError, and the file stays.
    """
    site = file.parent.name
    data = file.read_bytes()
    is_known = segment is not None and hashlib.sha256(data).digest() == segment.sha256
    whole = data if is_known else data[: whole_bytes(data)]
    left = _without_taken_down(archive, whole)
    if segment is not None and is_known and left is data:
        index = zlib.decompress(segment.index)
    else:
        index = "".join(index_lines(left, file.name)).encode()
    key: str | None = None
    if index:
        key = capture_key(site, *_run_and_number(file))
        archive.put_capture(key, left, index)
    file.unlink()
    release(_lock_of(file))
    _lock_of(file).unlink(missing_ok=True)
    return key


def _without_taken_down(archive: Archive, data: bytes) -> bytes:
    some = tuple(entries(archive.store, lambda _line: None))  # `birdnest verify` tells of those that cannot be read
    if not some:
        return data
    from archive.takedown import Fates

    return Fates(some).of(data).data


def forget(folder: Path, some: Sequence[Entry]) -> int:
    """Take what tells of posts that were taken down out of an archive's spool; how many segments that changed.

    Segments that a living run writes are left to their upload, which does the same.
    """
    from archive.takedown import Fates

    changed = 0
    for file in abandoned(folder):
        data = file.read_bytes()
        rest = Fates(some).of(data[: whole_bytes(data)])
        if rest.cut or rest.emptied:
            changed += 1
            new = file.with_suffix(".new")
            with new.open("wb") as out:
                out.write(rest.data)
                out.flush()
                os.fsync(out.fileno())
            new.replace(file)
        release(_lock_of(file))
    return changed


def _run_and_number(file: Path) -> tuple[str, int]:
    run, _, number = file.name.removesuffix(".warc.gz").rpartition("-")
    return run, int(number)


def _lock_of(file: Path) -> Path:
    return file.with_suffix(".lock")


def header_pairs(headers: Mapping[bytes, Sequence[bytes]]) -> list[tuple[str, str]]:
    """Scrapy's headers as pairs; bytes that are no ASCII stand as Latin-1, as HTTP has it."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, values in headers.items() for value in values]
