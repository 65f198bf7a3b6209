"""Whether an image is whole by its structure: markers, lengths and checksums, read to the file's end, no pixel decoded.

`outline` walks the frame of a JPEG, PNG, GIF or WebP and says what it is, or None. None is no verdict: it says that the
file is of another kind, is damaged, or is built in a way that this module does not vouch for, so that decoding has to
tell. What is left out by real cameras and servers and shown by every viewer (a GIF's trailer, a PNG's IEND) is such a
case. What is taken for whole here ends where its format says it ends; bytes behind that are nobody's.

Sources: ITU-T T.81 annex B (JPEG), PNG third edition sections 5 and 11, GIF89a, RFC 9649 (WebP), RFC 6386 section 9.1
(VP8). Per byte nothing is done in Python: a search for the next marker, a CRC, or a step over a block.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Check = Literal["auto", "decode", "structure"]
"""How an image is seen to be whole: "auto" by the structure of those kinds of which it tells as much as decoding does.

By its structure, what that does not vouch for is decoded all the same.
"""


_MOST_PARTS = 20_000  # segments or chunks; a file of millions would take seconds to walk through


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What an image's structure says: its media type, the size of its canvas in pixels, and its number of frames."""

    media_type: str
    width: int
    height: int
    frames: int = 1


class _UnusualError(Exception):
    """Not built as this module knows it."""


def outline(data: bytes) -> Outline | None:
    """What a whole JPEG, PNG, GIF or WebP is; None where its structure does not vouch for it. Raises nothing."""
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(_PNG_SIGNATURE):
            return _png(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return _gif(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (_UnusualError, IndexError, struct.error):
        # The last two are the end of the file before the end of what it holds.
        return None
    return None


def _expect(is_so: bool) -> None:  # noqa: FBT001 - it is the whole sentence: _expect(width > 0)
    if not is_so:
        raise _UnusualError


# --- JPEG ---

_EOI, _SOS, _DQT, _DHT = 0xD9, 0xDA, 0xDB, 0xC4
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; nobody serves the others
_SEGMENTS = frozenset({0xDD, 0xFE, *range(0xE0, 0xF0)})  # DRI, COM, APPn: a length and what it counts
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # in a scan: neither a stuffed byte nor a restart
_COMPONENTS = (1, 3, 4)
_MOST_CODES = 256
_TABLES = 4
_MOST_SAMPLES = 4


def _jpeg(data: bytes) -> Outline:
    size: tuple[int, int] | None = None
    tables: set[int] = set()
    scans = 0
    at = 2
    for _ in range(_MOST_PARTS):
        _expect(data[at] == 0xFF)  # noqa: PLR2004 - what every marker begins with
        kind = data[at + 1]
        if kind == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        if kind == _EOI:
            break
        begin, end = at + 4, at + 2 + _u16(data, at + 2)
        _expect(begin <= end <= len(data))
        if kind in _FRAMES:
            _expect(size is None)
            size = _jpeg_frame(data[begin:end])
        elif kind == _SOS:
            _expect(size is not None and tables == {_DQT, _DHT} and end - begin == 4 + 2 * data[begin])
            end = _end_of_scan(data, end)
            scans += 1
        elif kind == _DQT:
            _check_quantization(data[begin:end])
            tables.add(kind)
        elif kind == _DHT:
            _check_codes(data[begin:end])
            tables.add(kind)
        else:
            _expect(kind in _SEGMENTS)
        at = end
    else:
        raise _UnusualError
    _expect(scans > 0)
    width, height = size or (0, 0)
    return Outline(media_type="image/jpeg", width=width, height=height)


def _end_of_scan(data: bytes, begin: int) -> int:
    """Where the marker behind a scan's coded bytes lies."""
    marker = _NEXT_MARKER.search(data, begin)
    _expect(marker is not None and marker.start() > begin)
    return marker.start() if marker else len(data)


def _jpeg_frame(segment: bytes) -> tuple[int, int]:
    """The size that a frame header names (T.81, B.2.2); where it names no height, only decoding finds it."""
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    _expect(precision == 8 and width > 0 and height > 0)  # noqa: PLR2004 - bits
    _expect(components in _COMPONENTS and len(segment) == 6 + 3 * components)
    for sampling in segment[7::3]:
        _expect(0 < sampling >> 4 <= _MOST_SAMPLES and 0 < sampling & 15 <= _MOST_SAMPLES)
    return width, height


def _check_quantization(segment: bytes) -> None:
    """B.2.4.1: tables of 64 values of one byte or two."""
    at = 0
    while at < len(segment):
        _expect(segment[at] >> 4 <= 1 and segment[at] & 15 < _TABLES)
        at += 129 if segment[at] >> 4 else 65
    _expect(at == len(segment))


def _check_codes(segment: bytes) -> None:
    """B.2.4.2: Huffman tables, each as the number of codes of every length and their values."""
    at = 0
    while at < len(segment):
        _expect(segment[at] >> 4 <= 1 and segment[at] & 15 < _TABLES)
        codes = sum(segment[at + 1 : at + 17])
        _expect(codes <= _MOST_CODES)
        at += 17 + codes
    _expect(at == len(segment))


# --- PNG ---

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 13
_CONTROL_BYTES = 26
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by the colour type
_PALETTE = 3


def _png(data: bytes) -> Outline:
    chunks = _png_chunks(data)
    kind, at, length = next(chunks)
    _expect(kind == b"IHDR" and length == _HEADER_BYTES)
    width, height, depth, colour, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, at)
    _expect(0 < width < 1 << 31 and 0 < height < 1 << 31 and depth in _DEPTHS.get(colour, ()))
    _expect(compression == 0 and filtering == 0 and interlace <= 1)
    before, frames = b"", _Movement(width=width, height=height)
    has_palette = has_pixels = False
    for kind, at, length in chunks:
        if kind == b"IDAT":
            # The pixels are one stream, so its chunks follow each other.
            _expect(before == b"IDAT" or not has_pixels)
            _expect(has_palette or colour != _PALETTE)
            _expect(has_pixels or length == 0 or _is_deflated(data[at : at + 2]))
            has_pixels = has_pixels or length > 0
            frames.found_picture()
        elif kind == b"PLTE":
            _expect(not has_palette and not has_pixels and 0 < length <= 768 and length % 3 == 0)  # noqa: PLR2004
            has_palette = True
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            frames.found(kind, data[at : at + min(length, _CONTROL_BYTES)], is_before=not has_pixels)
        else:
            _expect(kind != b"IHDR")
        before = kind
    _expect(has_pixels)
    return Outline(media_type="image/png", width=width, height=height, frames=frames.count())


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and length of every chunk up to IEND, once its CRC is seen to hold."""
    view = memoryview(data)
    at = len(_PNG_SIGNATURE)
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        _expect(kind.isalpha() and struct.unpack_from(">I", data, end)[0] == zlib.crc32(view[at + 4 : end]))
        if kind == b"IEND":
            return
        yield kind, at + 8, length
        at = end + 4
    raise _UnusualError


def _is_deflated(head: bytes) -> bool:
    """Whether a stream begins as one of zlib does (RFC 1950, 2.2): deflate, and a check that both bytes share."""
    return len(head) == 1 or (head[0] & 15 == 8 and int.from_bytes(head) % 31 == 0)  # noqa: PLR2004


class _Movement:
    """The frames of a moving PNG, as acTL, fcTL and fdAT chunks announce and bring them."""

    def __init__(self, *, width: int, height: int) -> None:
        self._size = width, height
        self._announced: int | None = None
        self._next = 0
        self._frames = 0
        self._has_data = True
        self._is_still_apart = False

    def found(self, kind: bytes, content: bytes, *, is_before: bool) -> None:
        if kind == b"acTL":
            _expect(self._announced is None and is_before and self._next == 0)
            self._announced = int(struct.unpack_from(">II", content)[0])
            return
        _expect(self._announced is not None and struct.unpack_from(">I", content)[0] == self._next)
        self._next += 1
        if kind == b"fdAT":
            _expect(self._frames > 0 and not is_before)
            self._has_data = True
            return
        _expect(self._has_data)
        width, height, left, top = struct.unpack_from(">IIII", content, 4)
        _expect(len(content) == _CONTROL_BYTES and width > 0 and height > 0)
        _expect(left + width <= self._size[0] and top + height <= self._size[1])
        _expect(not is_before or (width, height) == self._size)
        self._frames += 1
        self._has_data = False

    def found_picture(self) -> None:
        if self._frames:
            self._has_data = True
        else:
            self._is_still_apart = True

    def count(self) -> int:
        if self._announced is None:
            return 1
        _expect(self._has_data and 0 < self._announced == self._frames)
        return self._frames + self._is_still_apart


# --- GIF ---

_TRAILER, _EXTENSION, _IMAGE = 0x3B, 0x21, 0x2C
_GRAPHIC_CONTROL = 0xF9
_CODE_SIZES = range(2, 9)


def _gif(data: bytes) -> Outline:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    _expect(width > 0 and height > 0)
    at = 13 + table_bytes(flags)
    frames = 0
    for _ in range(_MOST_PARTS):
        kind = data[at]
        if kind == _TRAILER:
            break
        if kind == _EXTENSION:
            if data[at + 1] == _GRAPHIC_CONTROL:
                _expect(data[at + 2] == 4 and data[at + 7] == 0)  # noqa: PLR2004 - its fixed size
            at = _behind_blocks(data, at + 2)
            continue
        _expect(kind == _IMAGE)
        left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
        # A frame may be larger than the screen that it is shown on; how large the picture is then, decoders tell.
        _expect(0 < across <= width - left and 0 < down <= height - top)
        at += 10 + table_bytes(flags)
        _expect(data[at] in _CODE_SIZES and data[at + 1] > 0)
        at = _behind_blocks(data, at + 1)
        frames += 1
    else:
        raise _UnusualError
    _expect(frames > 0)
    return Outline(media_type="image/gif", width=width, height=height, frames=frames)


def _behind_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += 1 + length
    return at + 1


def table_bytes(flags: int) -> int:
    """How long the colour table is that a GIF's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


# --- WebP ---

_MOVES = 0x02
_CANVAS_BYTES = 10
_FRAME_BYTES = 16
_PIXELS = (b"VP8 ", b"VP8L")


def _webp(data: bytes) -> Outline:
    end = 8 + int(struct.unpack_from("<I", data, 4)[0])
    _expect(end <= len(data))
    chunks = list(_webp_chunks(data, 12, end))
    kind, at, length = chunks[0]
    if kind in _PIXELS:
        width, height = _webp_picture(data, chunks[0])
        return Outline(media_type="image/webp", width=width, height=height)
    _expect(kind == b"VP8X" and length == _CANVAS_BYTES)
    flags, canvas = data[at], (_u24(data, at + 4) + 1, _u24(data, at + 7) + 1)
    frames = [chunk for chunk in chunks if chunk[0] == b"ANMF"]
    pictures = [chunk for chunk in chunks if chunk[0] in _PIXELS]
    if flags & _MOVES:
        _expect(len(frames) > 0 and not pictures and any(name == b"ANIM" for name, _, _ in chunks))
        for _, at, length in frames:
            _check_webp_frame(data, at, length, canvas)
    else:
        _expect(len(pictures) == 1 and not frames and _webp_picture(data, pictures[0]) == canvas)
    return Outline(media_type="image/webp", width=canvas[0], height=canvas[1], frames=max(1, len(frames)))


def pixels_of_still_webp(data: bytes) -> bytes | None:
    """The content of the chunk that holds all pixels of a WebP; None of one that moves, has its alpha channel in
    another chunk, or is not built as this module knows it.
    """
    try:
        _webp(data)
        chunks = list(_webp_chunks(data, 12, 8 + int(struct.unpack_from("<I", data, 4)[0])))
    except (_UnusualError, IndexError, struct.error):
        return None
    pictures = [(at, length) for kind, at, length in chunks if kind in _PIXELS]
    if len(pictures) != 1 or any(kind in (b"ALPH", b"ANMF") for kind, _, _ in chunks):
        return None
    ((at, length),) = pictures
    return data[at : at + length]


def _webp_chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and length of every chunk; they have to fill what holds them."""
    for _ in range(_MOST_PARTS):
        if at >= end:
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, length
        at += 8 + length + (length & 1)
    _expect(at == end)


def _check_webp_frame(data: bytes, at: int, length: int, canvas: tuple[int, int]) -> None:
    left, top, width, height = (_u24(data, at + index) for index in (0, 3, 6, 9))
    _expect(2 * left + width + 1 <= canvas[0] and 2 * top + height + 1 <= canvas[1])
    chunks = _webp_chunks(data, at + _FRAME_BYTES, at + length)
    pictures = [chunk for chunk in chunks if chunk[0] in _PIXELS]
    _expect(len(pictures) == 1 and _webp_picture(data, pictures[0]) == (width + 1, height + 1))


def _webp_picture(data: bytes, chunk: tuple[bytes, int, int]) -> tuple[int, int]:
    """The size in the head of a picture's coded bytes."""
    kind, at, length = chunk
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, at)
        _expect(length > 5 and signature == 0x2F and bits >> 29 == 0)  # noqa: PLR2004
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    tag, start, width, height = _u24(data, at), data[at + 3 : at + 6], _u16le(data, at + 6), _u16le(data, at + 8)
    # A key frame, shown, whose first part is not longer than all of it.
    _expect(tag & 0x01 == 0 and tag >> 1 & 0x07 <= 3 and tag & 0x10 != 0)  # noqa: PLR2004
    _expect(start == b"\x9d\x01\x2a" and 10 + (tag >> 5) <= length)
    _expect(width & 0x3FFF > 0 and height & 0x3FFF > 0)
    return width & 0x3FFF, height & 0x3FFF


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _u16le(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def _u24(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16
