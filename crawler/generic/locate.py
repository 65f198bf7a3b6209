"""The article as a container in the page.

Text in sentences speaks for an element; links, and parts that stand apart from an article by their name, speak
against it. The element whose sum is the highest holds the article. A name that themes give to the text of an article,
or schema.org's `articleBody`, takes us further in, or out where that costs little. From there we go down as long as a
single child holds all that is like an article. So a container that is split in two gives the element around both, and a
wrapper gives way to what it wraps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from crawler.generic import names
from crawler.generic.reading import Node, Reading
from crawler.generic.titles import Title

_HINTED_SHARE: Final = 0.6
_MOST: Final = 0.5
_OUTER_SHARE: Final = 0.85
_MIN_REST: Final = 10.0
_MIN_PART: Final = 30.0
_REST_SHARE: Final = 0.02
_AGAINST: Final = 0.5  # what text of a part that stands apart weighs against the element around it
_FREE: Final = 0.3  # and text without sentences for it: headings, cells, captions
_MIN_TEXT: Final = 40.0
_CONTENT_TAGS: Final = frozenset(
    (
        "p",
        "ul",
        "ol",
        "dl",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "pre",
        "figure",
        "table",
        "tbody",
        "tr",
    )
)
_SMALL: Final = re.compile(
    r"avatar|logo|icon|qr_?code|erweima|ewm|\bwx\b|weixin|spacer|pixel|blank|loading|emoji|/face|smil(?:ey|ies)|badge"
    r"|button|btn|share|banner|gravatar|tracking|counter|arrow|\bad[sv]?\b",
    re.IGNORECASE,
)
_PICTURE_FILE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|avif)(?:[?#!@].*)?$", re.IGNORECASE)
_MIN_PX: Final = 90
_Sum = TypeVar("_Sum", int, float)


@dataclass(frozen=True, kw_only=True)
class Container:
    """Where the article is: its element's index, which elements stand apart, and which hold pictures of an article.

    `apart` is by index: 0 no, 1 and 2 yes, by a name that perhaps or surely says so. `pictures` counts those in an
    element that may belong to an article.
    """

    index: int
    apart: list[int]
    pictures: list[int]
    weights: list[float]


def locate(reading: Reading, title: Title | None) -> Container | None:
    """The article's container, or None when the page has no text in sentences."""
    container = _locate(reading, title, strictest=1)
    total = reading.nodes[0].prose if reading.nodes else 0.0
    if container is None or (
        reading.nodes[container.index].prose < _MIN_TEXT and total > 3 * reading.nodes[container.index].prose
    ):
        return _locate(reading, title, strictest=2) or container
    return container


def _locate(reading: Reading, title: Title | None, *, strictest: int) -> Container | None:
    apart = _apart(reading, title, strictest=strictest)
    weights = _weights(reading, apart, title)
    if not weights:
        return None
    nodes = reading.nodes
    top = max(range(len(nodes)), key=lambda index: (weights[index], index))
    if weights[top] <= 0 or nodes[top].prose <= 0:
        return None
    prose = _own_prose(reading, apart, title)
    pictures = _pictures(reading, apart)
    hinted = _hinted(reading, apart, prose, weights, top)
    after = reading.lines[title.line].block if title and title.line is not None else 0
    index = top if hinted is None else hinted
    while (inner := _only_child(reading, index, prose, pictures, after)) is not None:
        index = inner
    return Container(index=index, apart=apart, pictures=pictures, weights=weights)


def _apart(reading: Reading, title: Title | None, *, strictest: int) -> list[int]:
    """How far each element stands apart; what holds the title or calls itself the body does not."""
    nodes = reading.nodes
    kept: set[int] = set()
    if title is not None and title.line is not None:
        kept.update(reading.above(reading.lines[title.line].block))
    for index, node in enumerate(nodes):
        if node.element.get("itemprop") == "articleBody":
            kept.update(reading.above(index))
    whole = nodes[0].prose if nodes else 0.0
    apart: list[int] = []
    for index, node in enumerate(nodes):
        inherited = apart[node.parent] if node.parent >= 0 else 0
        own = 0 if index in kept or node.apart < strictest else node.apart
        if own == 1 and node.prose > _MOST * whole:
            own = 0
        apart.append(max(inherited, own))
    return apart


def _weights(reading: Reading, apart: list[int], title: Title | None) -> list[float]:
    weights = [0.0] * len(reading.nodes)
    for number, line in enumerate(reading.lines):
        if title and number == title.line:
            continue
        free = line.size - line.linked
        if apart[line.block]:
            weights[line.block] -= _AGAINST * line.size
        elif line.prose:
            weights[line.block] += free
        elif reading.nodes[line.block].tag != "header":
            weights[line.block] += _FREE * free - line.linked
    return _summed(reading, weights)


def _own_prose(reading: Reading, apart: list[int], title: Title | None) -> list[float]:
    prose = [0.0] * len(reading.nodes)
    for number, line in enumerate(reading.lines):
        if line.prose and not apart[line.block] and not (title and number == title.line):
            prose[line.block] += line.size - line.linked
    return _summed(reading, prose)


def _pictures(reading: Reading, apart: list[int]) -> list[int]:
    pictures = [0] * len(reading.nodes)
    for index in reading.images:
        if not apart[index] and is_picture(reading, index):
            pictures[index] = 1
    return _summed(reading, pictures)


def _summed(reading: Reading, values: list[_Sum]) -> list[_Sum]:
    for index in range(len(values) - 1, 0, -1):
        values[reading.nodes[index].parent] += values[index]
    return values


def is_picture(reading: Reading, index: int) -> bool:
    """Whether an image may be one of an article's: no icon, no avatar, no thumbnail of another page."""
    node = reading.nodes[index]
    element = node.element
    for name in ("width", "height"):
        digits = re.match(r"\d+", element.get(name) or "")
        if digits and int(digits[0]) < _MIN_PX:
            return False
    said = " ".join((node.label, element.get("alt") or "", (element.get("src") or "")[-80:]))
    if _SMALL.search(said) or names.has_word(reading.nodes[node.parent].label, frozenset(("avatar", "logo", "icon"))):
        return False
    if not node.linked:
        return True
    link = next(reading.nodes[above] for above in reading.above(index) if reading.nodes[above].tag == "a")
    href = link.element.get("href") or ""
    return not href or href.startswith(("#", "javascript:")) or _PICTURE_FILE.search(href) is not None


def _hinted(reading: Reading, apart: list[int], prose: list[float], weights: list[float], top: int) -> int | None:
    """The innermost element that calls itself the text, and holds most of what the best one holds."""
    best: int | None = None
    for index, node in enumerate(reading.nodes):
        if apart[index] or prose[index] < prose[top] * _HINTED_SHARE or node.tag in ("html", "body"):
            continue
        says = _calls_itself_body(node)
        inside = reading.holds(top, index)
        outside = says > 1 and reading.holds(index, top) and weights[index] > _OUTER_SHARE * weights[top]
        if says and (inside or outside) and (best is None or reading.holds(best, index)):
            best = index
    return best


def _calls_itself_body(node: Node) -> int:
    if node.tag in _CONTENT_TAGS:
        return 0
    if node.element.get("itemprop") == "articleBody":
        return 2
    return names.names_body(node.label) if node.label else 0


def _only_child(reading: Reading, index: int, prose: list[float], pictures: list[int], after: int) -> int | None:
    """The child that holds all of the element's text and pictures that are like an article's."""
    nodes = reading.nodes
    children = reading.children(index)
    if not children:
        return None
    best = max(children, key=lambda child: prose[child])
    if nodes[best].tag in _CONTENT_TAGS and nodes[best].tag not in ("table", "tbody", "tr"):
        return None
    if prose[best] <= 0 or any(
        _may_belong(reading, index, child, best, prose, pictures)
        for child in children
        if child != best and nodes[child].end > after
    ):
        return None
    return best


def _may_belong(reading: Reading, index: int, child: int, best: int, prose: list[float], pictures: list[int]) -> bool:
    """Whether a child beside the best one may be part of the article: text or pictures, not furniture of some kind."""
    node, text = reading.nodes[child], reading.nodes[best]
    alike = node.tag in _CONTENT_TAGS or (node.tag, node.label) == (text.tag, text.label)
    if prose[child] > (_MIN_REST if alike else max(_MIN_PART, _REST_SHARE * prose[index])):
        return node.links < max(_MIN_REST, prose[child])
    return pictures[child] > 0 and node.links < _MIN_REST
