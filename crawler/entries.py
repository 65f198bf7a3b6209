"""What a listing tells of one post, before anybody knows whose post it is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What a listing tells about a post, unparsed; empty where it tells nothing."""

    title: str = ""
    author: str = ""
    published: str = ""
    updated: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a listing: its link as found, its hints, and the HTML of the whole article where a feed has it."""

    href: str
    hints: Hints = field(default_factory=Hints)
    text: str = ""
