"""A page read once, in document order: its elements, its lines of text, its pictures and links.

A line is a run of text that no block element and no `br` interrupts. How much it says is measured in Chinese
characters; three Latin letters say about as much as one. Everything after works on these: the title, the container,
bylines and times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from crawler.generic import names

_SKIPPED: Final = frozenset(
    (
        "script",
        "title",
        "style",
        "noscript",
        "template",
        "head",
        "svg",
        "math",
        "iframe",
        "object",
        "textarea",
        "canvas",
        "select",
    )
)
_INLINE: Final = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i"),
        *("ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong"),
        *("sub", "sup", "time", "tt", "u", "var", "wbr", "img", "picture", "source", "nobr", "br"),
    )
)
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SPACES: Final = re.compile(r"\s+")
_STOPS: Final = re.compile(r"[，。！？；：、…]|[,.!?;:](?=\s|$|[\"'”’)])")
_LATIN: Final = 0.35
# What is at the foot of articles everywhere: sentences, but none of the article's.
_IMPRINT: Final = re.compile(
    r"^\W*(?:(?:特别|版权|免责|郑重|鄭重|版權|免責|特別)?(?:声明|聲明)[:：]|(?:责任|責任)?(?:编辑|編輯)[:：/]|责编[:：]|版权归|未经授权|未經授權"
    r"|(?:打开|下载|下載|打開).{0,12}(?:APP|客户端|App)|扫(?:一扫|描|码)|微信扫|长按|责任编辑|相关阅读|上一篇|下一篇|延伸閱讀"
    r"|copyright\b|©|all rights reserved|(?:subscribe|sign up) (?:to|for)\b|share this|follow us|read more|related:)",
    re.IGNORECASE,
)
_MIN_PROSE: Final = 8
_MAX_LINKED: Final = 0.5


@dataclass(slots=True)
class Node:
    """An element: where it stands, how far it is apart from an article by its name, and sums over all that is in it.

    `parent` and `end` are indexes: an element's content are those from its own + 1 to `end`. `prose` is text in
    sentences, `other` text that is not, `links` text in links.
    """

    element: _Element
    tag: str
    label: str
    parent: int
    linked: bool
    end: int = 0
    apart: int = 0
    prose: float = 0.0
    other: float = 0.0
    links: float = 0.0
    paragraphs: int = 0


@dataclass(slots=True)
class Line:
    """A line: `block` is the index of the block element around it, `pieces` its text by the element it stands in."""

    block: int
    text: str
    size: float
    linked: float
    prose: bool
    pieces: list[tuple[int, str]]


@dataclass(slots=True)
class Reading:
    """A page as its elements, lines, pictures and links; the last two as indexes of elements."""

    nodes: list[Node]
    lines: list[Line]
    images: list[int]
    anchors: list[int]

    def holds(self, outer: int, inner: int) -> bool:
        return outer <= inner < self.nodes[outer].end

    def above(self, index: int) -> Iterator[int]:
        """The indexes of an element and those around it, the innermost first."""
        while index >= 0:
            yield index
            index = self.nodes[index].parent

    def children(self, index: int) -> Sequence[int]:
        found = []
        child, end = index + 1, self.nodes[index].end
        while child < end:
            found.append(child)
            child = self.nodes[child].end
        return found


def size_of(text: str) -> float:
    """How much a text says, in Chinese characters.

    >>> size_of("鸟哥笔记"), size_of("a b c d e f g h i j")
    (4.0, 3.5)
    """
    solid = text.replace(" ", "")
    if solid.isascii():
        return len(solid) * _LATIN
    wide = len(solid) - len(_CJK.sub("", solid))
    return wide + (len(solid) - wide) * _LATIN


def folded(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def read(root: _Element) -> Reading:
    """Read a page's tree."""
    reader = _Reader()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            reader.close(element)
        elif not reader.open(element):
            walk.skip_subtree()
    reader.end_line()
    nodes = reader.nodes
    for index in range(len(nodes) - 1, 0, -1):
        node = nodes[index]
        above = nodes[node.parent]
        above.prose += node.prose
        above.other += node.other
        above.links += node.links
        above.paragraphs += node.paragraphs
    return Reading(nodes=nodes, lines=reader.lines, images=reader.images, anchors=reader.anchors)


class _Reader:
    """What has been read so far, and what is open."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.lines: list[Line] = []
        self.images: list[int] = []
        self.anchors: list[int] = []
        self._open: list[int] = []
        self._blocks: list[int] = []
        self._pieces: list[tuple[int, str]] = []

    def open(self, element: _Element) -> bool:
        """Take an element in, or refuse it and all that is in it."""
        tag = str(element.tag)
        if tag in _SKIPPED or _is_hidden(element):
            return False
        parent = self._open[-1] if self._open else -1
        linked = tag == "a" or (parent >= 0 and self.nodes[parent].linked)
        index = len(self.nodes)
        label = names.label_of(element)
        self.nodes.append(Node(element, tag, label, parent, linked, apart=_apartness(tag, label)))
        self._open.append(index)
        if tag in _INLINE:
            if tag == "img":
                self.images.append(index)
            elif tag == "a":
                self.anchors.append(index)
            elif tag == "br":
                self.end_line()
        else:
            self.end_line()
            self._blocks.append(index)
        if element.text:
            self._pieces.append((index, element.text))
        return True

    def close(self, element: _Element) -> None:
        """End an element, taken in or refused; the text behind it belongs to the one around it."""
        if self._open and self.nodes[self._open[-1]].element is element:
            index = self._open.pop()
            self.nodes[index].end = len(self.nodes)
            if self._blocks and self._blocks[-1] == index:
                self.end_line()
                self._blocks.pop()
        if self._open and element.tail:
            self._pieces.append((self._open[-1], element.tail))

    def end_line(self) -> None:
        pieces = self._pieces
        if not pieces:
            return
        self._pieces = []
        text = folded("".join([piece for _, piece in pieces]))
        if not text or not self._blocks:
            return
        linked = "".join([piece for index, piece in pieces if self.nodes[index].linked])
        line_linked = size_of(folded(linked)) if linked else 0.0
        size = size_of(text)
        node = self.nodes[self._blocks[-1]]
        prose = _is_prose(text, size, line_linked, node.tag)
        self.lines.append(Line(self._blocks[-1], text, size, line_linked, prose, pieces))
        node.links += line_linked
        if prose:
            node.prose += size - line_linked
            node.paragraphs += 1
        else:
            node.other += size - line_linked


def _is_prose(text: str, size: float, linked: float, tag: str) -> bool:
    if size < _MIN_PROSE or linked >= size * _MAX_LINKED or tag in ("header", "button", "option", "legend"):
        return False
    return tag == "pre" or (_STOPS.search(text) is not None and _IMPRINT.match(text) is None)


def _apartness(tag: str, label: str) -> int:
    return 0 if tag in ("html", "body", "a", "img") else names.apartness(tag, label)


def _is_hidden(element: _Element) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and "none" in style and _HIDDEN.search(style) is not None
