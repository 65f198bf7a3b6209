"""Limits of what a host may send: the peers of connections, the heads and bodies of answers.

A body is bounded while it is read and while it is decompressed (`crawler.compression`), its head as it arrives, and the
time of all of it by `timeout_seconds`. Pages are small; only images, feeds and sitemaps may be large, and large ones
are read one at a time, so that many of them are not in memory together.
"""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.exceptions import DownloadFailedError, IgnoreRequest
from twisted.python.failure import Failure

from crawler.guard import GuardedResolver

PAGE_BYTES = 5 * 1024 * 1024
IMAGE_BYTES = 64 * 1024 * 1024
UNPACKED_BYTES = 16 * 1024 * 1024
LARGE_BYTES = PAGE_BYTES
"""What is larger is read alone."""
MOST_BYTES = "birdnest_most_bytes"
HEAD_BYTES = 64 * 1024
_HEAD_STATES = ("STATUS", "HEADER")


class TooLarge(IgnoreRequest):
    """An answer that is larger than its kind may be."""

    reason = "too-large"


class HeadTooLargeError(Exception):
    """Raised inside a connection."""

    def __init__(self) -> None:
        super().__init__(f"the answer's head is larger than {HEAD_BYTES} bytes")


def body_limit(request: Request) -> int:
    """How many bytes an answer's body may have as it is sent; `MOST_BYTES` in a request's meta says otherwise."""
    return int(request.meta.get(MOST_BYTES, PAGE_BYTES))


def unpacked_limit(request: Request) -> int:
    """How many bytes an answer's body may have when it is decompressed."""
    return body_limit(request) if MOST_BYTES in request.meta else min(body_limit(request), UNPACKED_BYTES)


def head_too_large(error: DownloadFailedError) -> bool:
    """Whether a download failed for the size of its answer's head."""
    reasons = getattr(error.__cause__, "reasons", None) or ()
    return any(isinstance(reason.value, HeadTooLargeError) for reason in reasons)


def watch_connections(pool: Any, resolver: GuardedResolver) -> None:
    """Have a pool of Twisted's drop connections to peers that may not be talked to, and answers with endless heads."""
    made_by: Any = pool._factory  # noqa: SLF001 - Twisted has no other place for it, and Scrapy sets it there, too

    class Watched(made_by):  # type: ignore[misc]
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
            if not resolver.may_connect(addr.host, addr.port):
                return None
            protocol = super().buildProtocol(addr)
            protocol.dataReceived = _Counted(protocol)
            return protocol

    pool._factory = Watched  # noqa: SLF001


class _Counted:
    """A protocol's dataReceived that counts the bytes of each answer's head."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._received = protocol.dataReceived
        self._parser: Any = None
        self._bytes = 0

    def __call__(self, data: bytes) -> None:
        parser = self._protocol._parser  # noqa: SLF001 - it alone knows whether a head has ended
        if parser is not self._parser:
            self._parser, self._bytes = parser, 0
            if parser is not None:
                parser.lineLengthExceeded = _refuse
        if parser is not None and parser.state in _HEAD_STATES:
            self._bytes += len(data)
            self._received(data)
            if self._bytes > HEAD_BYTES and self._protocol._parser is parser and parser.state in _HEAD_STATES:  # noqa: SLF001
                self._protocol._giveUp(_failure(HeadTooLargeError()))  # noqa: SLF001
            return
        self._received(data)


def _refuse(line: bytes) -> None:
    """In place of Twisted's, which drops the connection without a word."""
    raise HeadTooLargeError from ValueError(f"a line of more than {len(line)} bytes")


def _failure(error: Exception) -> Any:
    make: Any = Failure  # Twisted's own has no types
    return make(error)
