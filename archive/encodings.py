"""Content encodings of HTTP undone, within a limit: gzip, deflate, br, zstd. Pure."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK_BYTES = 64 * 1024
_WINDOW_LOG = 23
_GZIP, _ZLIB, _RAW = 31, 15, -15
_MOST_ENCODINGS = 3


def decode(body: bytes, encodings: tuple[str, ...], most: int) -> bytes:
    """A body without its content encodings, given in the order in which they were applied.

    Raises ValueError where that does not decode, is cut off, or is none we know, and OverflowError where it is more
    than `most` bytes.
    """
    named = [name for name in encodings if name not in ("", "identity")]
    if len(named) > _MOST_ENCODINGS:
        raise ValueError(f"{len(named)} encodings one upon the other")
    for name in reversed(named):
        if name not in _DECODERS:
            raise ValueError(f"unknown encoding {name!r}")
        try:
            body = _joined(_DECODERS[name](body), most) if body else body
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise ValueError(f"{name}: {error}") from error
    return body


def _joined(chunks: Iterator[bytes], most: int) -> bytes:
    out = bytearray()
    for chunk in chunks:
        out += chunk
        if len(out) > most:
            out.clear()  # the error's traceback keeps it
            raise OverflowError(f"more than {most} bytes when decompressed")
    return bytes(out)


def _gzip(body: bytes) -> Iterator[bytes]:
    """Members one after the other; what is behind them and is none is left, as browsers leave it."""
    while True:
        member = zlib.decompressobj(wbits=_GZIP)
        yield from _inflated(member, body)
        body = member.unused_data
        if not body.startswith(b"\x1f\x8b"):
            return


def _deflate(body: bytes) -> Iterator[bytes]:
    """With the zlib wrapper that RFC 9110 asks for, or without, as some servers send it."""
    try:
        zlib.decompressobj(wbits=_ZLIB).decompress(body, 1)
        wbits = _ZLIB
    except zlib.error:
        wbits = _RAW
    yield from _inflated(zlib.decompressobj(wbits=wbits), body)


def _inflated(decompressor: zlib._Decompress, body: bytes) -> Iterator[bytes]:
    while not decompressor.eof:
        chunk = decompressor.decompress(body, _CHUNK_BYTES)
        if not chunk and not decompressor.unconsumed_tail and not decompressor.eof:
            raise EOFError("it is cut off")
        body = decompressor.unconsumed_tail
        yield chunk


def _brotli(body: bytes) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    yield decompressor.process(body, output_buffer_limit=_CHUNK_BYTES)
    while not decompressor.is_finished():
        chunk = decompressor.process(b"", output_buffer_limit=_CHUNK_BYTES)
        if not chunk:
            raise EOFError("it is cut off")
        yield chunk


def _zstd(body: bytes) -> Iterator[bytes]:
    options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
    with zstd.ZstdFile(BytesIO(body), options=options) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


_DECODERS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
