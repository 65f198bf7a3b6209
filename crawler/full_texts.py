"""Whole articles that feeds hold, kept aside while a run may still need one in the place of a page."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

_IN_MEMORY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class FullText:
    """The HTML of an article, and the address of the feed that holds it."""

    html: str
    feed: str


class FullTexts:
    """Articles by the canonical URLs of their pages: a few in memory, many in a temporary file without a name."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile[bytes](_IN_MEMORY_BYTES)
        self._places: dict[str, tuple[int, int, str]] = {}

    def put(self, url: str, text: FullText) -> None:
        """Keep an article; of several the first stays."""
        if url not in self._places:
            data = text.html.encode("utf-8", "surrogatepass")
            at = self._file.seek(0, 2)
            self._file.write(data)
            self._places[url] = (at, len(data), text.feed)

    def get(self, url: str) -> FullText | None:
        if url not in self._places:
            return None
        at, length, feed = self._places[url]
        self._file.seek(at)
        return FullText(html=self._file.read(length).decode("utf-8", "surrogatepass"), feed=feed)

    def close(self) -> None:
        self._file.close()
