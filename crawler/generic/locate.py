"""The article as a container in the page.

Text in sentences speaks for an element, links and furniture against it. The element whose sum is the highest holds
the article; inside it we go down as long as a single child holds all that is like an article. So a container that is
split in two gives the element around both, and a wrapper gives way to what it wraps.
"""

from __future__ import annotations

from typing import Final

from crawler.generic import names
from crawler.generic.reading import Node, Reading

_MIN_REST: Final = 12
_REST_SHARE: Final = 0.015
_HINT_SHARE: Final = 0.6


def locate(reading: Reading) -> int | None:
    """The index of the article's container, or None when the page has no text at all."""
    nodes = reading.nodes
    if not nodes:
        return None
    top = max(range(len(nodes)), key=lambda index: (nodes[index].weight, index))
    if nodes[top].prose <= 0:
        return None
    hinted = _hinted(reading, nodes[top])
    return _narrowed(reading, top if hinted is None else hinted)


def _hinted(reading: Reading, top: Node) -> int | None:
    """The innermost element that says of itself that it is the text, and holds most of what the best one holds."""
    best: int | None = None
    for index, node in enumerate(reading.nodes):
        if node.furniture or node.prose < top.prose * _HINT_SHARE or node.tag in ("html", "body"):
            continue
        if node.element.get("itemprop") == "articleBody" or names.names_body(node.label):
            best = index
    return best


def _narrowed(reading: Reading, index: int) -> int:
    while (inner := _only_child(reading, index)) is not None:
        index = inner
    return index


def _only_child(reading: Reading, index: int) -> int | None:
    nodes = reading.nodes
    outer = nodes[index]
    children = children_of(reading, index)
    if not children:
        return None
    best = max(children, key=lambda child: nodes[child].prose)
    inner = nodes[best]
    if inner.tag in ("p", "ul", "ol", "h1", "h2", "h3", "blockquote", "pre", "figure", "dl"):
        return None
    if outer.prose - inner.prose > max(_MIN_REST, _REST_SHARE * outer.prose):
        return None
    if inner.prose <= 0 or (inner.paragraphs == 1 and outer.images > inner.images):
        return None
    return best


def children_of(reading: Reading, index: int) -> list[int]:
    """The indexes of an element's children."""
    found = []
    child, end = index + 1, reading.nodes[index].end
    while child < end:
        found.append(child)
        child = reading.nodes[child].end
    return found
