"""Plain lists of URLs: text, CSV, OPML, and the bookmarks that browsers export → addresses. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import chain, islice

from lxml import etree

from archive.errors import PageError
from crawler.markup import decoded, refuse_bombs
from crawler.pages import page_selector

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_NAMES = ("url", "link", "href", "address", "地址", "链接", "网址")
_OPML = re.compile(r"<opml[\s>]", re.IGNORECASE)
_HEAD_CHARACTERS = 4000


def read_addresses(name: str, body: bytes, content_type: str = "") -> tuple[str, ...]:
    """What a list names, each once, in its order; a line of a text that is no web address stays as it is.

    name: in errors, and its ending `.csv` says what the list is where its text does not. Raises
    PageError("listing-malformed") for markup without a link, and for a table that cannot be read.
    """
    text = decoded(body, content_type).strip()
    if text.startswith("<") and not _ADDRESS.match(text, 1):
        found = _opml(name, text) if _OPML.search(text[:_HEAD_CHARACTERS]) else _links(name, text)
    elif name.lower().endswith(".csv") or "csv" in content_type or _is_table(text):
        found = _table(text)
    else:
        found = _lines(text)
    try:
        return tuple(dict.fromkeys(found))
    except csv.Error as error:
        raise PageError("listing-malformed", f"{name}: no table that can be read: {error}") from error


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        address = line.strip().removeprefix("<").removesuffix(">")
        if address and not address.startswith("#"):
            yield address


def _is_table(text: str) -> bool:
    """Whether a text's first line is the head of a table that has a column of addresses."""
    head = text.split("\n", 1)[0]
    cells = re.split(r"[,;\t]", head.lower())
    return len(cells) > 1 and any(cell.strip(' "') in _NAMES for cell in cells)


def _table(text: str) -> Iterator[str]:
    """What stands in the column of addresses of a table; without one the first address of each row."""
    head = text.split("\n", 1)[0]
    rows = csv.reader(StringIO(text), delimiter=max(",;\t", key=head.count))
    first = [cell.strip().lower() for cell in next(rows, [])]
    column = next((first.index(name) for name in _NAMES if name in first), None)
    for row in rows if column is not None else chain((first,), rows):
        cells = [cell.strip() for cell in row]
        wanted = cells[column : column + 1] if column is not None else filter(_ADDRESS.fullmatch, cells)
        yield from filter(None, islice(wanted, 1))


def _opml(name: str, text: str) -> Iterator[str]:
    """The pages of an OPML's outlines: `url`, else `htmlUrl`; a feed alone (`xmlUrl`) is no page."""
    refuse_bombs(text[: text.lower().find("<opml")], name)
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(text.encode(), parser)
    for outline in root.iter("{*}outline") if root is not None else ():
        told = {str(key).lower(): value.strip() for key, value in outline.attrib.items()}
        address = told.get("url") or told.get("htmlurl")
        if address:
            yield address


def _links(name: str, text: str) -> Iterator[str]:
    links = page_selector(text).xpath("//a/@href").getall()
    if not links:
        raise PageError("listing-malformed", f"{name}: expected a list of URLs, found {text[:60]!r}")
    yield from filter(_ADDRESS.fullmatch, (link.strip() for link in links))
