"""What the tests of the reader share: builds of it, its pages as trees, and how well-formed they are."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive.store import Store
from archive.views.reader.build import Built, build
from archive.views.reader.frame import Look
from archive.views.reader.notes import NOTES
from archive.views.sources import Choice

ALL = Choice()
LOOK = Look(title="鸟巢")
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")


def built(store: Store, target: Store, choice: Choice = ALL, look: Look = LOOK, **options: Any) -> Built:
    """A build that must have nothing to complain of, unless `complain` takes it."""
    options.setdefault("complain", pytest.fail)
    return build(store, target, look, choice, progress=lambda _what, _done: None, **options)


def pages(target: Store, prefix: str = "") -> dict[str, bytes]:
    """All files of a reader but its notes."""
    return {info.key: target.read(info.key) for info in target.list(prefix) if not info.key.startswith(NOTES)}


def tree(data: bytes | str) -> LexborHTMLParser:
    return LexborHTMLParser(data.decode() if isinstance(data, bytes) else data)


def text_of(data: bytes, selector: str) -> str:
    """The text of the one element that a selector finds, as one line."""
    (node,) = tree(data).css(selector)
    return " ".join(node.text().split())


class _Written(HTMLParser):
    """The tags as they are written, each with its depth; complains of an end without its start."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[int, str]] = []
        self.faults: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((len(self.open), tag))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> ends nothing, at {self.getpos()}")


def faults(data: bytes) -> list[str]:
    """What is wrong with a page's markup: elements that are not closed, or nested so that a browser moves them; ids
    twice; headings that skip a level; pictures without a text; no or several main headings.
    """
    written = _Written()
    written.feed(data.decode())
    written.close()
    found = [*written.faults, *(f"<{tag}> is not closed" for tag in written.open)]
    seen = list(_seen(tree(data)))
    if seen != written.tags:
        at = next((n for n, pair in enumerate(zip(seen, written.tags, strict=False)) if pair[0] != pair[1]), -1)
        found.append(f"a browser sees another tree: {seen[at : at + 3]}, written {written.tags[at : at + 3]}")
    found += [f"id {each!r} twice" for each in set(written.ids) if written.ids.count(each) > 1]
    levels = [int(tag[1]) for _, tag in written.tags if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]
    found += [f"h{after} follows h{before}" for before, after in pairwise(levels) if after > before + 1]
    if levels.count(1) != 1 or levels[0] != 1:
        found.append(f"headings: {levels}")
    root = tree(data)
    found += [f"{image.html} has no alt" for image in root.css("img") if "alt" not in image.attributes]
    found += [f"{len(root.css(name))} {name}" for name in ("main", "title", "html[lang]") if len(root.css(name)) != 1]
    return found


def _seen(root: LexborHTMLParser) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []

    def walk(node: LexborNode, depth: int) -> None:
        found.append((depth, node.tag or ""))
        for child in node.iter(include_text=False):
            if not (child.tag or "-").startswith("-"):
                walk(child, depth + 1)

    assert root.root is not None
    walk(root.root, 0)
    return found
