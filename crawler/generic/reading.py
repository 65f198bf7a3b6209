"""A page read once, in document order: its elements with what they hold, and its lines of text.

Everything after works on these: the search for the container, for bylines and times, for the title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree
from lxml.etree import _Element

from crawler.generic import names

_SKIPPED: Final = frozenset(
    ("script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "textarea", "canvas")
)
_INLINE: Final = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i"),
        *("ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong"),
        *("sub", "sup", "time", "tt", "u", "var", "wbr", "img", "picture", "source", "nobr"),
    )
)
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SPACES: Final = re.compile(r"\s+")
_STOPS: Final = re.compile(r"[，。！？；：、…]|[,.!?;:](?=\s|$|[\"'”’)])")
# One Chinese character says about as much as three Latin letters.
_LATIN: Final = 0.35


@dataclass(slots=True)
class Node:
    """One element: its place, and sums over all that is in it (Chinese characters' worth of text)."""

    element: _Element
    tag: str
    label: str
    parent: int
    end: int = 0
    furniture: bool = False
    linked: bool = False
    prose: float = 0.0
    other: float = 0.0
    links: float = 0.0
    paragraphs: int = 0
    images: int = 0
    weight: float = 0.0


@dataclass(slots=True)
class Line:
    """A run of text that no block element interrupts. `node`: index of the innermost block element around it."""

    node: int
    text: str
    size: float
    linked: float
    stops: int
    furniture: bool
    inner: list[int] = field(default_factory=list)

    @property
    def is_prose(self) -> bool:
        return self.stops > 0 and self.size >= _MIN_PROSE and self.linked < self.size * _MAX_LINKED


_MIN_PROSE: Final = 10
_MAX_LINKED: Final = 0.5


@dataclass(slots=True)
class Reading:
    """Elements by index in document order; an element's content are those from its index + 1 to its `end`."""

    nodes: list[Node]
    lines: list[Line]
    images: list[int]
    anchors: list[int]
    index: dict[_Element, int]

    def holds(self, outer: int, inner: int) -> bool:
        return outer <= inner < self.nodes[outer].end

    def above(self, index: int) -> Sequence[int]:
        """The indexes of the elements around one, the innermost first."""
        found = []
        while (index := self.nodes[index].parent) >= 0:
            found.append(index)
        return found


def size_of(text: str) -> float:
    """How much a text says, in Chinese characters.

    >>> size_of("鸟哥笔记"), size_of("a b c d e f g h i j")
    (4.0, 3.5)
    """
    solid = text.replace(" ", "")
    if solid.isascii():
        return len(solid) * _LATIN
    wide = len(solid) - len(CJK.sub("", solid))
    return wide + (len(solid) - wide) * _LATIN


def read(root: _Element, *, named_furniture: bool = True) -> Reading:
    """Read a page's tree. named_furniture: whether class names can make a part furniture."""
    reader = _Reader(named_furniture=named_furniture)
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            reader.close(element)
        elif not reader.open(element):
            walk.skip_subtree()
    reader.flush()
    for index in range(len(reader.nodes) - 1, 0, -1):
        node = reader.nodes[index]
        above = reader.nodes[node.parent]
        above.prose += node.prose
        above.other += node.other
        above.links += node.links
        above.paragraphs += node.paragraphs
        above.images += node.images
        above.weight += node.weight
    return Reading(
        nodes=reader.nodes, lines=reader.lines, images=reader.images, anchors=reader.anchors, index=reader.index
    )


class _Reader:
    def __init__(self, *, named_furniture: bool) -> None:
        self.nodes: list[Node] = []
        self.lines: list[Line] = []
        self.images: list[int] = []
        self.anchors: list[int] = []
        self.index: dict[_Element, int] = {}
        self._named = named_furniture
        self._open: list[int] = []
        self._blocks: list[int] = []
        self._pieces: list[str] = []
        self._linked: list[str] = []
        self._inner: list[int] = []
        self._skipped = 0

    def open(self, element: _Element) -> bool:
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED or _is_hidden(element):
            self._skipped += 1
            return False
        parent = self._open[-1] if self._open else -1
        above = self.nodes[parent] if self._open else None
        label = names.label_of(element)
        furniture = (above is not None and above.furniture) or self._is_furniture(tag, label)
        node = Node(
            element, tag, label, parent, furniture=furniture, linked=(above is not None and above.linked) or tag == "a"
        )
        index = len(self.nodes)
        self.nodes.append(node)
        self.index[element] = index
        self._open.append(index)
        if tag == "br":
            self._pieces.append("\n")
        elif tag == "img":
            self.images.append(index)
            node.images = 1
        elif tag == "a":
            self.anchors.append(index)
        if tag not in _INLINE and tag != "br":
            self.flush()
            self._blocks.append(index)
        else:
            self._inner.append(index)
        self._take(element.text, linked=node.linked)
        return True

    def close(self, element: _Element) -> None:
        if self._skipped and (not self._open or self.nodes[self._open[-1]].element is not element):
            self._skipped -= 1
        else:
            index = self._open.pop()
            node = self.nodes[index]
            node.end = len(self.nodes)
            if self._blocks and self._blocks[-1] == index:
                self.flush()
                self._blocks.pop()
        if self._open:
            self._take(element.tail, linked=self.nodes[self._open[-1]].linked)

    def _is_furniture(self, tag: str, label: str) -> bool:
        if tag in names.FURNITURE_TAGS:
            return True
        return self._named and bool(label) and tag not in ("html", "body", "a", "img") and names.is_furniture(label)

    def _take(self, text: str | None, *, linked: bool) -> None:
        if text:
            self._pieces.append(text)
            if linked:
                self._linked.append(text)

    def flush(self) -> None:
        """End the line."""
        if not self._pieces:
            self._inner.clear()
            return
        text = _SPACES.sub(" ", "".join(self._pieces)).strip()
        if text and self._blocks:
            linked = size_of(_SPACES.sub(" ", "".join(self._linked)).strip()) if self._linked else 0.0
            block = self._blocks[-1]
            line = Line(
                block,
                text,
                size_of(text),
                linked,
                len(_STOPS.findall(text)),
                self.nodes[block].furniture,
                list(self._inner),
            )
            self.lines.append(line)
            _weigh(self.nodes[block], line)
        self._pieces.clear()
        self._linked.clear()
        self._inner.clear()


def _is_hidden(element: _Element) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and "none" in style and _HIDDEN.search(style) is not None


def _weigh(node: Node, line: Line) -> None:
    """Add a line to the sums of its element: text is for it, links and furniture are against it."""
    node.links += line.linked
    if line.furniture:
        node.other += line.size - line.linked
        node.weight -= line.size * 0.5
    elif names.is_neutral(node.tag):
        node.other += line.size - line.linked
    elif line.is_prose or node.tag == "pre":
        node.prose += line.size - line.linked
        node.paragraphs += 1
        node.weight += line.size - line.linked
    else:
        free = line.size - line.linked
        node.other += free
        node.weight += 0.3 * free - line.linked
