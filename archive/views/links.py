"""Where the pictures of a document are in a view: links of bodies and front matters, pointed elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from archive.layout import link_from_document
from archive.model import JSON

_SOURCE = re.compile(
    r'(<img\b(?:[^>"]|"[^"]*")*?\ssrc=")'
    + re.escape(link_from_document(""))
    + r'(blobs/sha256/[0-9a-f/]+\.[a-z]+)(?=")'
)


def repoint(body: str, place: Callable[[str], str]) -> str:
    """A body whose pictures are looked for where `place` says, given a blob's key. Nothing else changes.

    >>> repoint('<img src="../../../blobs/sha256/ab/ab.gif" alt="">', lambda key: key.rpartition("/")[2])
    '<img src="ab.gif" alt="">'
    """
    return _SOURCE.sub(lambda match: match[1] + place(match[2]), body)


def head_image(front: Mapping[str, JSON]) -> str | None:
    """The key of the blob that a front matter names as the post's head image."""
    link = front.get("headimg")
    return link.removeprefix(link_from_document("")) if isinstance(link, str) else None
