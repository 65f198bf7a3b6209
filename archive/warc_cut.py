"""Takes records out of a segment of WARC, and what is left stays as it was, byte for byte. Pure.

Each record is a gzip member of its own, so members can be left out. A record that other documents name, and whose
payload has to go, is emptied: the same id, time, address and status, no payload, and `WARC-Truncated` (ISO 28500:2017,
5.13) says that there was one. With a response go the requests that belong to it, and the revisits that refer to it.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from archive.encodings import decode
from archive.errors import DamageError

Fate = Literal["stays", "cut", "emptied"]
_END: Final = b"\r\n\r\n"
_MOST_BYTES: Final = 256 * 1024 * 1024
_NO_TEXT: Final = ("image/", "video/", "audio/", "font/")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record: its headers by their names in lower case, and its block (of a response, the HTTP message)."""

    headers: Mapping[str, str]
    block: bytes

    @property
    def kind(self) -> str:
        return self.headers.get("warc-type", "")

    @property
    def id(self) -> str:
        return self.headers.get("warc-record-id", "")

    @property
    def url(self) -> str:
        return self.headers.get("warc-target-uri", "")

    @property
    def refers_to(self) -> str:
        return self.headers.get("warc-refers-to", "")

    @property
    def belongs_to(self) -> str:
        return self.headers.get("warc-concurrent-to", "")

    @property
    def media_type(self) -> str:
        return _value(self._http, b"content-type").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        match = re.search(r"charset=[\"']?([\w-]+)", _value(self._http, b"content-type"), re.IGNORECASE)
        return match[1] if match else None

    @property
    def is_text(self) -> bool:
        """Whether the payload may be text; an SVG is."""
        return self.media_type == "image/svg+xml" or not self.media_type.startswith(_NO_TEXT)

    @property
    def payload(self) -> bytes:
        """The body of a response without its content encodings; as it is where they do not decode."""
        body = self.block.partition(_END)[2]
        names = tuple(name.strip().lower() for name in _value(self._http, b"content-encoding").split(","))
        try:
            return decode(body, names, _MOST_BYTES)
        except (ValueError, OverflowError):
            return body

    @property
    def _http(self) -> bytes:
        return self.block.partition(_END)[0]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A segment without some of its records, whose ids are told."""

    data: bytes
    cut: tuple[str, ...]
    emptied: tuple[str, ...]


def cut(data: bytes, fate_of: Callable[[Record], Fate]) -> Cut:
    """A segment after what `fate_of` says of its responses, revisits and other records that are no requests.

    Raises DamageError where it is no sequence of records, each a gzip member.
    """
    fates: list[tuple[int, int, Fate, str, str]] = []
    for start, end, record in _members(data):
        fate = "stays" if record.kind in ("request", "warcinfo") else fate_of(record)
        fates.append((start, end, fate, record.id, record.belongs_to))
    gone = {id_ for _, _, fate, id_, _ in fates if fate == "cut"}
    kept, removed, emptied = [], [], []
    for start, end, fate, id_, belongs_to in fates:
        if fate == "cut" or belongs_to in gone:
            removed.append(id_)
        elif fate == "emptied":
            emptied.append(id_)
            kept.append(_emptied(data[start:end]))
        else:
            kept.append(data[start:end])
    return Cut(data=b"".join(kept), cut=tuple(removed), emptied=tuple(emptied))


def records(data: bytes) -> Iterator[Record]:
    """The records of a segment. Raises DamageError as `cut` does."""
    for _, _, record in _members(data):
        yield record


def _members(data: bytes) -> Iterator[tuple[int, int, Record]]:
    start = 0
    while start < len(data):
        member = zlib.decompressobj(wbits=31)
        try:
            text = member.decompress(memoryview(data)[start:], _MOST_BYTES)
        except zlib.error as error:
            raise DamageError(f"at byte {start}: {error}") from error
        if not member.eof:
            raise DamageError(f"at byte {start}: the record breaks off, or is larger than {_MOST_BYTES} bytes")
        end = len(data) - len(member.unused_data)
        yield start, end, _record(text, start)
        start = end


def _record(text: bytes, start: int) -> Record:
    head, _, rest = text.partition(_END)
    lines = head.split(b"\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "")
    if not lines[0].startswith(b"WARC/") or not length.isdigit() or rest[int(length) :] != _END:
        raise DamageError(f"at byte {start}: not one record of WARC: expected each to be a gzip member of its own")
    return Record(headers=headers, block=rest[: int(length)])


def _emptied(member: bytes) -> bytes:
    """A response's member without its payload."""
    head, _, rest = zlib.decompress(member, wbits=31).partition(_END)
    http = [line for line in rest.partition(_END)[0].split(b"\r\n") if not _is_of_the_payload(line)]
    block = b"\r\n".join((*http, b"Content-Length: 0")) + _END
    new = {
        b"content-length": str(len(block)).encode(),
        b"warc-block-digest": _sha1(block),
        b"warc-payload-digest": _sha1(b""),
        b"warc-truncated": b"unspecified",
    }
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"warc-truncated:")]
    written = []
    for line in lines:
        name = line.partition(b":")[0]
        written.append(name + b": " + new[name.lower()] if name.lower() in new else line)
    written.append(b"WARC-Truncated: " + new[b"warc-truncated"])
    return gzip.compress(b"\r\n".join(written) + _END + block + _END, mtime=0)


def _is_of_the_payload(line: bytes) -> bool:
    return line.lower().startswith((b"content-length:", b"content-encoding:"))


def _sha1(data: bytes) -> bytes:
    return b"sha1:" + b32encode(hashlib.sha1(data, usedforsecurity=False).digest())


def _value(http: bytes, name: bytes) -> str:
    for line in http.split(b"\r\n")[1:]:
        before, _, value = line.partition(b":")
        if before.strip().lower() == name:
            return value.strip().decode("latin-1")
    return ""
