"""The article's container as HTML: as fetched, but for whole elements in it that are no part of the article.

Left out are the title that stands above the text once more, the lines of the byline, and parts that stand apart
(comments, related articles, share buttons) when they hold no picture and little text. What stays, stays to the letter.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from crawler.generic.locate import Container, is_picture
from pipelines.clean import inner_html
from pipelines.clean.tree import drop

_MAX_LOSS: Final = 0.3
_PARTS_OF_PARTS: Final = frozenset(("a", "img", "li", "tr", "td", "th"))


def body_of(container: Container, outside: frozenset[int]) -> str:
    """The inner HTML of the container. outside: numbers of its lines that are no part of the text."""
    left_out = _left_out(container, outside)
    element = container.node.element
    if not left_out:
        return inner_html(element)
    copy = deepcopy(element)
    copy.tail = None
    same = dict(zip(element.iter(), copy.iter(), strict=True))
    for index in left_out:
        drop(same[container.survey.reading.nodes[index].element])
    return inner_html(copy)


@dataclass(frozen=True, kw_only=True)
class _Contents:
    """By the index of an element: how many lines in it stay, how many go, and how many pictures it has."""

    kept: list[int]
    gone: list[int]
    pictures: list[int]

    @classmethod
    def of(cls, container: Container, outside: frozenset[int]) -> _Contents:
        reading = container.survey.reading
        kept, gone, pictures = ([0] * len(reading.nodes) for _ in range(3))
        for number in container.lines():
            (gone if number in outside else kept)[reading.lines[number].block] += 1
        for image in reading.images:
            pictures[image] = int(is_picture(reading, image))
        for counts in (kept, gone, pictures):
            for index in range(len(counts) - 1, 0, -1):
                counts[reading.nodes[index].parent] += counts[index]
        return cls(kept=kept, gone=gone, pictures=pictures)


def _left_out(container: Container, outside: frozenset[int]) -> list[int]:
    """The indexes of elements in the container that are left out, none inside another."""
    nodes = container.survey.reading.nodes
    contents = _Contents.of(container, outside)
    found: list[int] = []
    index, end = container.index + 1, container.node.end
    while index < end:
        if _goes(container, index, contents):
            found.append(index)
            index = nodes[index].end
        else:
            index += 1
    return found


def _goes(container: Container, index: int, contents: _Contents) -> bool:
    if contents.pictures[index]:
        return False
    if contents.gone[index] and not contents.kept[index]:
        return True
    node, apart = container.survey.reading.nodes[index], container.survey.apart[index]
    if not apart or node.tag in _PARTS_OF_PARTS:
        return False
    return apart > 1 or node.prose < _MAX_LOSS * max(container.node.prose, 1.0)
