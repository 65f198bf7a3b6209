"""The cleaner and the tools it is measured beside, each as a function of an article's markup."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import clear_html
import lxml.html
import lxml_html_clean
import nh3
import readability
import trafilatura

from benchmarks.clean_browser import BASE
from pipelines.clean import clean

Tool = Callable[[str], str]

OURS: Final = "birdnest"
_BODY: Final = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL)


def _clear_html(html: str) -> str:
    return clear_html.cleaned_node_to_html(clear_html.clean_node(lxml.html.fromstring(html), BASE))


def _trafilatura(html: str) -> str:
    found = trafilatura.extract(
        f"<html><body><article>{html}</article></body></html>",
        url=BASE,
        output_format="html",
        include_images=True,
        include_links=True,
        include_tables=True,
        include_formatting=True,
        favor_recall=True,
    )
    return _body(found or "")


def _readability(html: str) -> str:
    return _body(readability.Document(html, url=BASE).summary(html_partial=True))


def _lxml_html_clean(html: str) -> str:
    return str(lxml_html_clean.clean_html(html))


def _body(html: str) -> str:
    """What is in `body`, from tools that write a page."""
    found = _BODY.search(html)
    return found[1].strip() if found else html


TOOLS: Final[Mapping[str, Tool]] = MappingProxyType(
    {
        OURS: lambda html: clean(html, BASE).html,
        "nh3": nh3.clean,
        "lxml-html-clean": _lxml_html_clean,
        "clear-html": _clear_html,
        "trafilatura": _trafilatura,
        "readability-lxml": _readability,
    }
)


def silence() -> None:
    """Keep the tools from telling about every body what the table tells of all."""
    for name in ("readability", "trafilatura", "htmldate", "justext"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
