"""Tables: kept with their spans and headers, on a grid that adds up."""

from bisect import bisect_left
from typing import Final

from lxml.etree import _Element

_MAX_SPAN: Final = 1000  # HTML's own limit for colspan
_MAX_AREA: Final = 250_000  # a grid larger than that is made to exhaust its reader
_MAX_ROUNDS: Final = 20  # real tables need one or two
_SECTIONS: Final = ("thead", "tbody", "tfoot")


def tidy_table(table: _Element) -> None:
    """Bring a written table to the form HTML asks for, in place: a caption first, no empty rows, spans that
    meet cells. Without anything in it the table goes.
    """
    for part in [*table.iterdescendants("tr"), *table.iterchildren(*_SECTIONS)]:
        if not len(part):
            _remove(part)
    filled = any(_has_content(cell) for cell in table.iter("td", "th"))
    captions = table.findall("caption")
    for caption in captions[1:] if filled else captions:
        caption.tag = "p"
        table.addprevious(caption)
    if not filled:
        _remove(table)
        return
    if captions:
        table.insert(0, captions[0])
    _fit_spans(table)


def _fit_spans(table: _Element) -> None:
    for rows in _groups(table):
        _fit_rowspans(rows)
    cells = [cell for row in rows_of(table) for cell in row]
    if sum(span(cell, "rowspan") * span(cell, "colspan") for cell in cells) > _MAX_AREA:
        for cell in cells:
            _set_span(cell, "rowspan", 1)
            _set_span(cell, "colspan", 1)
    groups = _groups(table)
    for _ in range(_MAX_ROUNDS):
        if not _fit_columns(groups):
            return
    for cell in cells:
        _set_span(cell, "colspan", 1)


def _remove(element: _Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _has_content(cell: _Element) -> bool:
    return bool(len(cell) or (cell.text or "").strip())


def _groups(table: _Element) -> list[list[_Element]]:
    groups = [list(part.iterchildren("tr")) for part in table if part.tag in _SECTIONS]
    direct = list(table.iterchildren("tr"))
    return [*groups, direct] if direct else groups


def rows_of(table: _Element) -> list[_Element]:
    return [row for group in _groups(table) for row in group]


def span(cell: _Element, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isascii() and value.isdecimal() else 1


def _set_span(cell: _Element, name: str, value: int) -> None:
    if value > 1:
        cell.set(name, str(value))
    else:
        cell.attrib.pop(name, None)


def _fit_rowspans(rows: list[_Element]) -> None:
    """No cell reaches below its group of rows."""
    for index, row in enumerate(rows):
        for cell in row:
            _set_span(cell, "rowspan", min(span(cell, "rowspan"), len(rows) - index))


def _fit_columns(groups: list[list[_Element]]) -> bool:
    """No column in which no cell begins, and no two cells in one place: spans shrink, and whether one did: then the
    cells after it stand elsewhere.
    """
    shrunk = False
    places = [place for group in groups for place in _placed(group)]
    begun = sorted({column for _, column, _ in places})
    renumbered = {column: index for index, column in enumerate(begun)}
    for cell, column, width in places:
        columns = bisect_left(begun, column + width) - bisect_left(begun, column)
        columns = columns if renumbered[column] + columns <= len(begun) else 1
        shrunk |= columns != span(cell, "colspan")
        _set_span(cell, "colspan", columns)
        scope = cell.get("scope")
        if scope is not None and scope not in ("row", "col", "rowgroup", "colgroup"):
            del cell.attrib["scope"]
    return shrunk


def _placed(rows: list[_Element]) -> list[tuple[_Element, int, int]]:
    """Each cell with its first column and its width, as HTML's table model places them."""
    taken: dict[int, int] = {}  # column → rows still covered from above
    places = []
    for row in rows:
        column, covered = 0, dict(taken)
        taken = {place: left - 1 for place, left in taken.items() if left > 1}
        for cell in row:
            while covered.get(column, 0):
                column += 1
            width = span(cell, "colspan")
            free = 1
            while free < width and not covered.get(column + free, 0):
                free += 1
            places.append((cell, column, free))
            if (down := span(cell, "rowspan")) > 1:
                taken.update(dict.fromkeys(range(column, column + free), down - 1))
            column += free
    return places
