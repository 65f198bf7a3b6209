"""The book's files of XML: templates, filled so that whatever stands in a post leaves them well-formed."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE: Final = Path(__file__).parent
# What XML 1.0 (2.2) has no way to write, and what XHTML's parsers frown upon (C1 controls, noncharacters).
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?")


def fill(template: str, key: str, **values: Any) -> bytes:
    """The file that lies under `key` of a template, in UTF-8; all values are escaped but `Markup`.

    Templates have `to(key)`, the link to another file of the book.
    """
    text = _environment().get_template(template).render(to=lambda target: link(key, target), **values)
    return xml_text(text).encode()


def xml_text(text: str) -> str:
    r"""Text without what XML cannot hold.

    >>> xml_text("a\x00b\x85\ud800c\ufffe")
    'abc'
    """
    return _NO_XML.sub("", text)


def one_line(text: str) -> str:
    r"""Text for a place that has no lines: white space folded, nothing that XML cannot hold.

    >>> one_line(" a\n\x01 b ")
    'a b'
    """
    return " ".join(xml_text(text).split())


def language_tag(tag: str) -> str | None:
    """A language as BCP 47 has it, None for what is no tag of language, script and region.

    >>> language_tag("zh-Hans-CN"), language_tag("x y"), language_tag("")
    ('zh-Hans-CN', None, None)
    """
    return tag if _LANGUAGE.fullmatch(tag) else None


def link(origin: str, target: str) -> str:
    """The relative URL from one file of the book to another; keys hold no character that must be escaped.

    >>> link("posts/a/b.xhtml", "images/ab.jpg")
    '../../images/ab.jpg'
    """
    return posixpath.relpath(target, posixpath.dirname(origin) or ".")


def asset(name: str) -> bytes:
    return (_HERE / "assets" / name).read_bytes()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
