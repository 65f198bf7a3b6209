"""Lists, cells, figures and their like, once everything in them is written: brought to the form HTML asks for.

What has nothing in it goes, one paragraph in an item is the item's own text, and what lacks a part that makes it
what it is (a figure its caption, a term its description) is only its content.
"""

from collections.abc import Callable
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.tables import rows_of, tidy_table
from pipelines.clean.tree import drop, unwrap

HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS: Final = frozenset(("p", *HEADINGS, "ul", "ol", "dl", "blockquote", "pre", "table", "figure", "hr", "details"))


def _drop_empty(container: _Element) -> None:
    if not len(container):
        _remove(container)


def _remove(container: _Element) -> None:
    parent = container.getparent()
    if parent is not None:
        parent.remove(container)


def _splice(container: _Element) -> None:
    """Put the children in the container's place."""
    for child in list(container):
        container.addprevious(child)
    _remove(container)


def _finish_item(item: _Element) -> None:
    """One paragraph is the item's own text; more stay paragraphs."""
    if not len(item):
        _remove(item)
        return
    lone = item[0].tag == "p" and all(child.tag in ("ul", "ol") for child in item[1:])
    if lone and (item.tag == "li" or len(item) == 1):
        _melt(item, item[0])


def _finish_cell(cell: _Element) -> None:
    """One paragraph is the cell's own text; a header cell must not hold headings (HTML standard, `th`)."""
    if cell.tag == "th" and next(cell.iter(*HEADINGS), None) is not None:
        cell.tag = "td"
        cell.attrib.pop("scope", None)
    if len(cell) == 1 and cell[0].tag == "p":
        _melt(cell, cell[0])


def _melt(container: _Element, paragraph: _Element) -> None:
    """Make the first paragraph the container's own content."""
    container.text = paragraph.text
    if name := paragraph.get("id"):
        container.set("id", container.get("id", name))
    for index, child in enumerate(list(paragraph)):
        container.insert(index, child)
    container.remove(paragraph)


def unmelt(item: _Element) -> None:
    """Make the item's own text a paragraph again."""
    if not (item.text or "").strip() and (not len(item) or item[0].tag in BLOCKS):
        return
    paragraph = etree.Element("p")
    paragraph.text, item.text = item.text, None
    for child in list(item):
        if child.tag in BLOCKS:
            break
        paragraph.append(child)
    item.insert(0, paragraph)


def settle_ruby(ruby: _Element) -> bool:
    """Unwrap a ruby that has no base or no reading, drop brackets around nothing; whether something was so."""
    readings = [part for part in ruby if part.tag in ("rt", "rp")]
    has_base = bool((ruby.text or "").strip()) or (len(ruby) > 0 and ruby[0] not in readings)
    if has_base and any(part.tag == "rt" for part in readings):
        alone = [part for part in readings if part.tag == "rp" and not _is_beside_reading(part)]
        for part in alone:
            drop(part)  # no browser shows them
        return bool(alone)
    for part in readings:
        unwrap(part)
    unwrap(ruby)
    return True


def _is_beside_reading(bracket: _Element) -> bool:
    before, after = bracket.getprevious(), bracket.getnext()
    closes = before is not None and before.tag == "rt" and not (before.tail or "").strip()
    return closes or (after is not None and after.tag == "rt" and not (bracket.tail or "").strip())


def _finish_table(table: _Element) -> None:
    """A table of one cell is a box, not a table: forums lay out posts so."""
    tidy_table(table)
    cells = [cell for row in rows_of(table) for cell in row]
    if len(cells) == 1 and table.find("caption") is None and table.getparent() is not None:
        unmelt(cells[0])
        for block in list(cells[0]):
            table.addprevious(block)
        _remove(table)


def _finish_terms(terms: _Element) -> None:
    """A `dl` of terms each with a description stays; indentation by `dd` alone does not."""
    kinds = [child.tag for child in terms]
    if kinds and kinds[0] == "dt" and kinds[-1] == "dd":
        return
    for child in terms:
        if child.tag == "dd" and len(child) and child[0].tag in BLOCKS:
            _splice(child)
        else:
            child.tag = "p"
    _splice(terms)


def _finish_details(details: _Element) -> None:
    summaries = details.findall("summary")
    for extra in summaries[1:]:
        extra.tag = "p"
    if not summaries or len(details) == 1:
        for summary in summaries:
            summary.tag = "p"
        _splice(details)
    else:
        details.insert(0, summaries[0])


def _finish_figure(figure: _Element) -> None:
    """A figure is a picture, table or listing with its caption; without a caption it is only that."""
    captions = figure.findall("figcaption")
    for extra in captions[1:]:
        extra.tag = "p"
    if not captions or len(figure) == 1:
        for caption in captions:
            caption.tag = "p"
        _splice(figure)
        return
    if figure[0] is not captions[0]:
        figure.append(captions[0])
    for child in list(figure):
        if child.tag == "p" and not (child.text or "").strip() and child.get("id") is None:
            pictures = [part for part in child if part.tag in ("img", "br") and not (part.tail or "").strip()]
            if len(pictures) == len(child):
                for picture in pictures:
                    picture.tail = None
                    if picture.tag == "img":
                        child.addprevious(picture)
                figure.remove(child)


FINISHERS: Final[dict[object, Callable[[_Element], None]]] = {
    "li": _finish_item,
    "dd": _finish_item,
    "td": _finish_cell,
    "th": _finish_cell,
    "ul": _drop_empty,
    "ol": _drop_empty,
    "blockquote": _drop_empty,
    "dl": _finish_terms,
    "details": _finish_details,
    "figure": _finish_figure,
    "table": _finish_table,
}
