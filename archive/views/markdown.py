"""A tree of posts in Markdown, with their pictures beside them; `archive.views.to_markdown` makes it of bodies."""

from __future__ import annotations

from collections.abc import Callable

from archive.body import images_of
from archive.document import Document, to_post, write
from archive.errors import UsageError
from archive.layout import PostRef
from archive.views.links import head_image, repoint
from archive.views.tree import File, Leaf, Shape

FORMAT = 1
"""Counts the ways a post is written: another number, and all posts are written again."""

CONTENT_TYPE = "text/markdown; charset=utf-8"
_LEFT_OUT = ("disableNunjucks", "comments", "thumbnail", "front_sha256", "body_sha256")


def shape(to_markdown: Callable[[str], str]) -> Shape:
    """The tree of posts in Markdown: `niaogebiji/article-482538.md`, its pictures in `niaogebiji/article-482538/`."""

    def leaf(ref: PostRef, document: Document) -> Leaf:
        return _leaf(ref, document, to_markdown)

    return Shape(name="markdown", options={"format": FORMAT}, leaf=leaf, prefixes=lambda site: (f"{site}/",))


def _leaf(ref: PostRef, document: Document, to_markdown: Callable[[str], str]) -> Leaf:
    post = to_post(document)
    head = head_image(document.front)

    def link(blob: str) -> str:
        return f"{ref.id}/{blob.rpartition('/')[2]}"

    front = {key: value for key, value in document.front.items() if key not in _LEFT_OUT}
    if head:
        front["headimg"] = link(head)
    page = write(Document(front=front, body=to_markdown(repoint(post.body, link))))
    shown = {*images_of(post.body), *([head] if head else [])}
    return Leaf(
        page=File(key=f"{ref.site}/{ref.id}.md", data=page, content_type=CONTENT_TYPE),
        pictures={blob: f"{ref.site}/{link(blob)}" for blob in shown},
    )


def converter(*, pictures_as_html: bool = False) -> Callable[[str], str]:
    """What makes Markdown of a body. Raises UsageError where markdownify is not installed.

    pictures_as_html: for renderers that point pictures in Markdown elsewhere, as Hexo's does.
    """
    try:
        from archive.views.to_markdown import BodyConverter
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        raise UsageError(
            f"Markdown needs markdownify, and {module} is not installed: python -m pip install 'birdnest[markdown]'"
        ) from error
    return BodyConverter(pictures_as_html=pictures_as_html).markdown
