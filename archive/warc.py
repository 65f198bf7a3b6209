"""Segments of WARC 1.1: where their records end, and the CDXJ index of what they hold. Pure."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import quote, unquote_to_bytes, urlsplit

from warcio.archiveiterator import ArchiveIterator
from warcio.recordloader import ArcWarcRecord

_PLAIN = "/!$&'()*+,;=:@~"
_STEP_BYTES = 16 * 1024  # zlib copies what is left of its input behind every member
_MOST_DECOMPRESSED = 1 << 20


def whole_bytes(data: bytes) -> int:
    """How many bytes of a segment are whole records: gzip members that decompress to their ends."""
    view = memoryview(data)
    whole = 0
    while whole < len(data):
        end = _end_of_member(view, whole)
        if end is None:
            break
        whole = end
    return whole


def _end_of_member(view: memoryview, at: int) -> int | None:
    """Where the gzip member that begins there ends; None where it does not."""
    member = zlib.decompressobj(wbits=31)
    while at < len(view):
        part: memoryview | bytes = view[at : at + _STEP_BYTES]
        at += len(part)
        is_full = False
        try:
            while (part or is_full) and not member.eof:
                is_full = len(member.decompress(part, _MOST_DECOMPRESSED)) == _MOST_DECOMPRESSED
                part = member.unconsumed_tail
        except zlib.error:
            return None
        if member.eof:
            return at - len(member.unused_data)
    return None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an index says of a response or a revisit, wherever it lies."""

    url: str
    date: str
    mime: str
    status: str
    digest: str

    @classmethod
    def of(cls, record: ArcWarcRecord) -> Told:
        return cls(
            url=record.rec_headers.get_header("WARC-Target-URI"),
            date=record.rec_headers.get_header("WARC-Date"),
            mime=_mime(record),
            status=record.http_headers.get_statuscode(),
            digest=record.rec_headers.get_header("WARC-Payload-Digest"),
        )

    def line(self, *, offset: int, length: int, name: str) -> str:
        """A line of CDXJ, `<SURT> <time> {JSON}` and LF, of a record so far into the file of that name."""
        fields = {
            "url": self.url,
            "mime": self.mime,
            "status": self.status,
            "digest": self.digest,
            "length": str(length),
            "offset": str(offset),
            "filename": name,
        }
        return f"{surt(self.url)} {re.sub('[^0-9]', '', self.date)} {json.dumps(fields)}\n"


def index_lines(data: bytes, name: str) -> list[str]:
    """The CDXJ of a segment, sorted: a line for each response and revisit."""
    return sorted(
        Told.of(record).line(offset=offset, length=length, name=name)
        for record, offset, length in _members(data)
        if record.rec_type in ("response", "revisit")
    )


def _members(data: bytes) -> Iterator[tuple[ArcWarcRecord, int, int]]:
    records_of = ArchiveIterator(BytesIO(data), check_digests="raise")
    for record in records_of:
        # Not content_stream: it would decompress what the site sent, whatever that is.
        record.raw_stream.read()
        offset = records_of.get_record_offset()
        records_of.read_to_end(record)
        yield record, offset, records_of.get_record_length()


def _mime(record: ArcWarcRecord) -> str:
    if record.rec_type == "revisit":
        return "warc/revisit"
    return re.split(r"[;\s]", record.http_headers.get_header("Content-Type") or "unk", maxsplit=1)[0]


def surt(url: str) -> str:
    """A URL as indexes of web archives sort it: host turned round, no www, lower case, query in order.

    >>> surt("https://www.example.com/A?b=2&a=1")
    'com,example)/a?a=1&b=2'
    """
    parts = urlsplit(url)
    host = re.sub(r"^www\d*\.", "", (parts.hostname or "").encode("idna").decode() if parts.hostname else "")
    place = ",".join(reversed(host.split(".")))
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    path = quote(unquote_to_bytes(re.sub("/+", "/", parts.path)), safe=_PLAIN).rstrip("/") or "/"
    query = "&".join(sorted(parts.query.lower().split("&"))) if parts.query else ""
    return f"{place}{port}){path.lower()}{'?' + query if query else ''}"
