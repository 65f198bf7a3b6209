"""A tree that Hexo builds: posts with the seed's front matter, their pictures beside the pages they are built into.

::

    source/_posts/niaogebiji/article-482538.html     a post (or .md)
    source/niaogebiji/article-482538/ab….jpg          a picture of it, copied by Hexo as it is
    _config.yml, package.json                         of a new tree; never changed again

A post is built as `niaogebiji/article-482538.html`, and shows its pictures relative to itself. Hexo (8.1) reads dates
as follows, which decides how they are written: a time without a zone is one of the builder's clock, and is then moved
to the configured `timezone`; a time with a zone is moved, too, by the distance between builder and configuration. So
`date` is the post's own clock without a zone: its day is the same wherever it is built, and with the `timezone`
of `_config.yml` its instant is the true one, but for the hour that the builder's clock leaves out in spring.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from html import escape
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser

from archive.body import images_of
from archive.document import CONTENT_TYPE, Document, to_post, write
from archive.layout import PostRef
from archive.model import JSON, Post
from archive.views.links import head_image, repoint
from archive.views.tree import File, Leaf, Shape

FORMAT = 1
"""Counts the ways a post is written: another number, and all posts are written again."""

MARKDOWN_TYPE = "text/markdown; charset=utf-8"
_KEPT = (
    *("site", "id", "url", "section", "description", "lang", "published_at", "updated_at", "fetched_at"),
    *("missing_images", "embeds", "version", "content_sha256"),
)
_FENCE = re.compile(r"`{3,}|~{3,}")
_EXCERPT_CHARACTERS = 140
_SHANGHAI = timedelta(hours=8)


def shape(*, timezone: str, to_markdown: Callable[[str], str] | None = None) -> Shape:
    """The tree of posts as HTML, or as Markdown where `to_markdown` makes it of a body.

    timezone: the IANA name that the tree's `_config.yml` has, in which undated posts are dated. Pictures should be HTML
    in the Markdown, too: Hexo's renderer would look for them at the site's root.
    """
    zone = ZoneInfo(timezone)

    def leaf(ref: PostRef, document: Document) -> Leaf:
        return _leaf(ref, document, zone, to_markdown)

    return Shape(
        name="hexo",
        options={"format": FORMAT, "timezone": timezone, "markdown": to_markdown is not None},
        leaf=leaf,
        prefixes=lambda site: (f"source/_posts/{site}/", f"source/{site}/"),
        starters=_starters(timezone),
    )


def picture_place(ref: PostRef, blob: str) -> str:
    """Where a blob goes that a post shows."""
    return f"source/{ref.site}/{ref.id}/{_name(blob)}"


def _leaf(ref: PostRef, document: Document, zone: tzinfo, to_markdown: Callable[[str], str] | None) -> Leaf:
    post = to_post(document)
    head = head_image(document.front)
    body = repoint(post.body, lambda blob: f"{ref.id}/{_name(blob)}")
    front = _front(ref, document, post, zone, head)
    if to_markdown is None:
        page = write(Document(front=front, body=_without_fences(body)))
        suffix, content_type = "html", CONTENT_TYPE
    else:
        page = write(Document(front=front, body=to_markdown(body)))
        suffix, content_type = "md", MARKDOWN_TYPE
    shown = {*images_of(post.body), *([head] if head else [])}
    return Leaf(
        page=File(key=f"source/_posts/{ref.site}/{ref.id}.{suffix}", data=page, content_type=content_type),
        pictures={blob: picture_place(ref, blob) for blob in shown},
    )


def _front(ref: PostRef, document: Document, post: Post, zone: tzinfo, head: str | None) -> dict[str, JSON]:
    # From the site's root, because themes show it on lists, too.
    head_link = f"/{ref.site}/{ref.id}/{_name(head)}" if head else None
    front: dict[str, JSON] = {
        "title": post.title,
        "categories": _named(post.categories),
        "headimg": head_link,
        "author": post.author,
        "comments": False,
        "date": _clock(post.published_at or post.date.astimezone(zone)),
        "thumbnail": head_link,
        "tags": _named(post.tags),
        # Hexo would take the time at which the file was written.
        "updated": _clock(post.updated_at or post.published_at or post.date.astimezone(zone)),
        # Lists then show no bodies, whose pictures are relative to their own page.
        "excerpt": _excerpt(post),
    }
    front |= {key: document.front[key] for key in _KEPT if document.front.get(key) is not None}
    front |= {"disableNunjucks": True, "permalink": ref.permalink}
    return {key: value for key, value in front.items() if value is not None}


def _named(names: Iterable[str]) -> list[str]:
    """Hexo's build ends at a category or tag without a name."""
    return [name for name in names if name.strip()]


def _clock(moment: datetime) -> str:
    """A moment as the clock showed it where it was, without its zone.

    >>> _clock(datetime.fromisoformat("2022-07-23T00:00:00+08:00"))
    '2022-07-23 00:00:00'
    """
    return moment.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")


def _excerpt(post: Post) -> str:
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{post.body}").body
    text = " ".join((post.description or (root.text(separator=" ") if root is not None else "")).split())
    short = text if len(text) <= _EXCERPT_CHARACTERS else f"{text[:_EXCERPT_CHARACTERS]}…"
    return f"<p>{escape(short)}</p>" if short else "<p></p>"


def _without_fences(body: str) -> str:
    r"""Hexo makes code blocks of fences in HTML, too; as entities a browser shows the same.

    >>> _without_fences("a ``` b")
    'a &#96;&#96;&#96; b'
    """
    return _FENCE.sub(lambda match: "".join(f"&#{ord(character)};" for character in match[0]), body)


def _name(blob: str) -> str:
    return blob.rpartition("/")[2]


# -- a new tree ----------------------------------------------------------------------------------------------------


def timezone_of(moments: Iterable[datetime]) -> str:
    """The IANA name of the zone of the first moments that are given, UTC where there are none.

    >>> timezone_of([datetime.fromisoformat("2022-07-23T00:00:00+08:00")])
    'Asia/Shanghai'
    >>> timezone_of([datetime.fromisoformat("2022-07-23T00:00:00-05:00")])
    'Etc/GMT+5'
    """
    for moment in moments:
        offset = moment.utcoffset() or timedelta()
        hours, rest = divmod(offset, timedelta(hours=1))
        if offset == _SHANGHAI:
            return "Asia/Shanghai"
        return f"Etc/GMT{-hours:+d}" if hours and not rest else "Etc/UTC"
    return "Etc/UTC"


def timezone_in(config: str) -> str | None:
    r"""The zone that a tree's `_config.yml` names.

    >>> timezone_in("title: x\ntimezone: 'Asia/Shanghai'  # of the posts\n")
    'Asia/Shanghai'
    """
    match = re.search(r"^timezone:[ \t]*['\"]?([A-Za-z0-9_+\-/]+)", config, re.MULTILINE)
    return match[1] if match else None


def _starters(timezone: str) -> Sequence[File]:
    package = {
        "name": "posts",
        "private": True,
        "scripts": {"build": "hexo generate", "clean": "hexo clean", "server": "hexo server"},
        "hexo": {"version": ""},
        "dependencies": dict(DEPENDENCIES),
    }
    config = CONFIG.format(timezone=timezone)
    return (
        File(key="_config.yml", data=config.encode(), content_type="application/yaml"),
        File(key="package.json", data=(json.dumps(package, indent=2) + "\n").encode(), content_type="application/json"),
    )


DEPENDENCIES: Mapping[str, str] = {
    "hexo": "^8.1.0",
    "hexo-generator-archive": "^2.0.0",
    "hexo-generator-category": "^2.0.0",
    "hexo-generator-index": "^4.0.0",
    "hexo-generator-tag": "^2.0.0",
    "hexo-renderer-ejs": "^2.0.0",
    "hexo-renderer-marked": "^7.0.0",
    "hexo-renderer-stylus": "^3.0.1",
    "hexo-server": "^3.0.0",
    "hexo-theme-landscape": "^1.0.0",
}

CONFIG = """\
# Written once, for a new tree: change what you like, exports leave it alone.
title: Archive
language: zh-CN
# The clock of the posts. It makes their times exact; their days are the same without it.
timezone: {timezone}
url: http://example.com
theme: landscape

# Code stays as the posts have it.
syntax_highlighter:
# For posts in Markdown: nothing is made of quotes, dots and line ends.
marked:
  smartypants: false
  breaks: false
  autolink: false
"""
