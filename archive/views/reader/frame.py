"""What all pages of the reader share: the frame around them, links from page to page, what a page may load."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archive.views.reader.words import WORDS
from archive.views.tree import File

HTML: Final = "text/html; charset=utf-8"
POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'"
)
STYLE_KEY: Final = "reader.css"
ICON_KEY: Final = "icon.svg"
FEED_KEY: Final = "feed.xml"
_HERE: Final = Path(__file__).parent
_STYLES: Final = ("base.css", "lists.css", "post.css", "runs.css", "search.css")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the person who exports chooses for all pages. title: the site's name. language: a key of `WORDS`."""

    title: str = "Birdnest"
    language: str = "zh"

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.language]


def page(template: str, key: str, look: Look, *, policy: str = POLICY, **values: Any) -> File:
    """The page that lies under `key`, of a template that extends `frame.html`; everything in it is escaped.

    Templates have `to(key)`, the link to another file of the reader, `words`, `look`, and `values`. They carry no
    inline styles or scripts: the policy blocks these.
    """
    text = (
        _environment()
        .get_template(template)
        .render(to=lambda target: link(key, target), key=key, look=look, words=look.words, policy=policy, **values)
    )
    return File(key=key, data=text.encode(), content_type=HTML)


def link(origin: str, target: str) -> str:
    """The relative URL from one file of the reader to another.

    >>> link("tags/支付宝.html", "posts/a/b/index.html")
    '../posts/a/b/index.html'
    >>> link("index.html", "tags/支付宝.html")
    'tags/%E6%94%AF%E4%BB%98%E5%AE%9D.html'
    """
    return quote(posixpath.relpath(target, posixpath.dirname(origin) or "."))


def assets() -> tuple[File, ...]:
    """The files that are the same in every reader: stylesheet and icon."""
    style = "\n".join((_HERE / "assets" / name).read_text(encoding="utf-8") for name in _STYLES)
    icon = (_HERE / "assets" / ICON_KEY).read_bytes()
    return (
        File(key=STYLE_KEY, data=style.encode(), content_type="text/css; charset=utf-8"),
        File(key=ICON_KEY, data=icon, content_type="image/svg+xml"),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
