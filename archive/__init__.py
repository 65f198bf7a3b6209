"""The archive: its format, and the code that keeps and gives back. No Scrapy and no Twisted in here.

Layout of format version 1 (the whole contract is in docs/archive-format.md)::

    ARCHIVE.json                                    format, version, id, created
    README.md                                       how to use the archive without Birdnest
    blobs/sha256/ab/abcd…ef.jpg                     image bytes as fetched, never re-encoded
    blobs/sha256/cd/cdef…01.md                      a file that a post was imported from, as it was
    posts/niaogebiji/article-482538/v0001.html      one version of one post: the commit
    runs/2026-11-22/20261122T080000Z-….json         the report of every run
    takedowns/niaogebiji/article-482538.json        that a post was taken down

Two rules carry everything else. *Blobs first, document last*: a document that can be seen names only blobs that
are there. *Create-only*: nothing is ever overwritten, so that no crash and no second writer can take away what
was acknowledged; a changed post is a further version beside the earlier ones. `archive.takedown` is the one exception.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archive.reader import ArchiveReader
    from archive.store import Store, open_store
    from archive.writer import Archive, Outcome

__all__ = ["Archive", "ArchiveReader", "Outcome", "Store", "open_store"]
_HOMES = {
    "Archive": "archive.writer",
    "ArchiveReader": "archive.reader",
    "Outcome": "archive.writer",
    "Store": "archive.store",
    "open_store": "archive.store",
}


def __getattr__(name: str) -> Any:
    # Late: who wants an error's class alone, or help, needs no archive.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
