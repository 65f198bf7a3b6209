"""One HTTP exchange beside Scrapy's engine: what is asked, what is answered, and how it fails (`crawler.libcurl`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scrapy.exceptions import IgnoreRequest


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A GET request. `to`: the addresses to connect to, one after the other, and the port; or `proxy`, a URL whose host
    is at these addresses. Headers are all that are sent. timeout_seconds: for all of it.
    """

    url: str
    to: Sequence[str]
    port: int
    headers: Sequence[tuple[str, str]]
    most_bytes: int
    timeout_seconds: float
    proxy: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: its last head in lines, its body as it was sent, the peer's address, and the seconds until its first
    byte.
    """

    status: int
    head: Sequence[bytes]
    body: bytes
    address: str
    latency_seconds: float

    @cached_property
    def _all_of_head(self) -> bytes:
        return b"".join(self.head).lower()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The fields of the head, Latin-1; a folded line goes on with the one before it."""
        found: list[tuple[str, str]] = []
        for line in self.head[1:]:
            text = line.decode("latin-1").rstrip("\r\n")
            if text[:1] in (" ", "\t") and found:
                name, value = found[-1]
                found[-1] = (name, f"{value} {text.strip()}")
                continue
            name, colon, value = text.partition(":")
            if colon:
                found.append((name.strip(), value.strip()))
        return found

    def values(self, name: str) -> list[str]:
        """All values of a header, named in lower case."""
        if name.encode("ascii") not in self._all_of_head:
            return []  # most are not there, and to read all costs more
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str | None:
        """The last value of a header, named in lower case; None where it is not there."""
        return next(reversed(self.values(name)), None)


class TransferFailed(IgnoreRequest):
    """An exchange without a whole answer. `reason` is the code of the miss; is_unconnected: nobody was reached."""

    def __init__(self, reason: str, detail: str, *, is_unconnected: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.is_unconnected = is_unconnected


class BodyTooLarge(TransferFailed):
    """An answer with more bytes than were asked for."""

    def __init__(self, detail: str) -> None:
        super().__init__("too-large", detail)
