"""The article's container as HTML: as fetched, but for whole elements in it that are no part of the article.

Left out are the title that stands above the text once more, the lines of the byline, and parts that stand apart by
their name (comments, related articles, share buttons) when they hold no picture and little text. What stays, stays
to the letter.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from crawler.generic.locate import Container, is_picture
from crawler.generic.reading import Reading
from pipelines.clean import inner_html
from pipelines.clean.tree import drop

_MAX_LOSS: Final = 0.3


def body_of(reading: Reading, container: Container, above: frozenset[int]) -> str:
    """The inner HTML of the container. above: indexes of lines that stand over the text and are in the metadata."""
    left_out = _left_out(reading, container, above)
    element = reading.nodes[container.index].element
    if not left_out:
        return inner_html(element)
    copy = deepcopy(element)
    copy.tail = None
    same = dict(zip(element.iter(), copy.iter(), strict=True))
    for index in left_out:
        drop(same[reading.nodes[index].element])
    return inner_html(copy)


def _left_out(reading: Reading, container: Container, above: frozenset[int]) -> list[int]:
    """The indexes of elements in the container that are left out, none inside another."""
    nodes = reading.nodes
    kept, gone = _lines_by_element(reading, container, above)
    pictures = [
        image for image in reading.images if reading.holds(container.index, image) and is_picture(reading, image)
    ]
    found: list[int] = []
    index, end = container.index + 1, nodes[container.index].end
    while index < end:
        if _goes(reading, container, index, kept, gone, pictures):
            found.append(index)
            index = nodes[index].end
        else:
            index += 1
    return found


def _goes(
    reading: Reading, container: Container, index: int, kept: list[int], gone: list[int], pictures: list[int]
) -> bool:
    nodes, apart = reading.nodes, container.apart
    if gone[index] and not kept[index] and not container.pictures[index]:
        return True
    if not apart[index] or nodes[index].tag in ("a", "img", "li", "tr", "td"):
        return False
    whole = max(nodes[container.index].prose, 1.0)
    if any(reading.holds(index, picture) for picture in pictures):
        return False
    return apart[index] > 1 or nodes[index].prose < _MAX_LOSS * whole


def _lines_by_element(reading: Reading, container: Container, above: frozenset[int]) -> tuple[list[int], list[int]]:
    """How many lines that stay, and that go, are in each element."""
    kept, gone = [0] * len(reading.nodes), [0] * len(reading.nodes)
    for number, line in enumerate(reading.lines):
        if reading.holds(container.index, line.block):
            (gone if number in above else kept)[line.block] += 1
    for counts in (kept, gone):
        for index in range(len(counts) - 1, 0, -1):
            counts[reading.nodes[index].parent] += counts[index]
    return kept, gone
