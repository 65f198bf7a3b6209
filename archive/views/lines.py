"""Posts as JSON Lines: each line the front matter of a post with its `body`."""

from __future__ import annotations

from collections.abc import Iterator

from archive.document import Document, encode_json
from archive.store import Store
from archive.views.sources import Choice, Complain, chosen


def lines(store: Store, choice: Choice, complain: Complain) -> Iterator[str]:
    """A line for the newest version of each chosen post. Raises UsageError where no site has that name, StoreError."""
    for _, document in chosen(store, choice, complain):
        yield line_of(document)


def line_of(document: Document) -> str:
    """One line, which ends with its line end; no character in it ends a line for any reader."""
    return encode_json({**document.front, "body": document.body}) + "\n"
