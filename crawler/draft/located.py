"""What the search for articles of unknown sites says of a page, and where in its tree the article stands. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from archive.errors import PageError
from crawler.extract import Page
from crawler.generic import FoundArticle, find_article
from crawler.pages import page_selector

_LEAST_PIECE = 8
_ENOUGH = 0.97
_PARAGRAPHS = ("p", "span", "font", "strong", "b", "center", "li", "blockquote")


@dataclass(frozen=True, kw_only=True)
class Located:
    """Values as the page writes them, empty where none was found, and the element that holds the article's text."""

    title: str = ""
    author: str = ""
    published: tuple[str, ...] = ()
    lang: str = ""
    site_title: str = ""
    confidence: int = 0
    body: etree._Element | None = None


def locate(page: Page) -> Located:
    """What is found in a page; nothing (and no confidence) where it is no article."""
    try:
        found = find_article(page)
    except PageError:
        return Located()
    return Located(
        title=found.title,
        author=found.author or "",
        published=found.published_raw,
        lang=found.lang,
        site_title=found.site_title or "",
        confidence=found.confidence,
        body=_container(page, found),
    )


def _container(page: Page, found: FoundArticle) -> etree._Element | None:
    """The lowest element that holds (nearly) all pieces of the article's text: of two that do, the first.

    The article's HTML is that element's, but for what is no part of the article in it.
    """
    wanted = set(_pieces(page_selector(found.body).root))
    held: dict[etree._Element, set[str]] = defaultdict(set)
    for node, piece in _texts(page.tree.root):
        if piece in wanted:
            for outer in (node, *node.iterancestors()):
                held[outer].add(piece)
    most = max(map(len, held.values()), default=0)
    whole = [node for node in page.tree.root.iter() if len(held.get(node, ())) >= max(1, _ENOUGH * most)]
    within = {outer for node in whole for outer in node.iterancestors()}
    lowest = next((node for node in whole if node not in within), None)
    while lowest is not None and lowest.tag in _PARAGRAPHS:
        lowest = lowest.getparent()
    return lowest


def _pieces(root: etree._Element) -> list[str]:
    pieces = [piece for _, piece in _texts(root)]
    return [piece for piece in pieces if len(piece) >= _LEAST_PIECE] or pieces


def _texts(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The pieces of text between tags, with the elements that they are directly in."""
    for node in root.iter():
        if isinstance(node.tag, str) and node.tag not in ("script", "style", "title"):
            for text in (node.text, *(child.tail for child in node)):
                piece = "".join((text or "").split())
                if piece:
                    yield node, piece
