"""The page of one version of a post."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from archive.body import strangers
from archive.layout import PostRef
from archive.views.reader.body import Body, body_of, embed_card, reason_in, size_attributes
from archive.views.reader.frame import Look, page
from archive.views.reader.lists import Lists
from archive.views.reader.version import Version, is_web
from archive.views.tree import File

_UP: Final = "../../../"
_SAME_CHARACTERS: Final = 30
_SAMPLE_CHARACTERS: Final = 80


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run that archived a version, and the key of its page."""

    run: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Gone:
    """When a run last found that the site has a post no more, and by what it knew."""

    day: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PostPage:
    """A page and what it was found to hold. strangers: a sample of what its body may not, "" where there is none."""

    file: File
    body: Body
    strangers: str


@dataclass(frozen=True, kw_only=True)
class _Lost:
    url: str
    web: bool


def folder_of(ref: PostRef) -> str:
    return f"posts/{ref.site}/{ref.id}/"


def home_key(ref: PostRef) -> str:
    """The page of a post's newest version."""
    return f"{folder_of(ref)}index.html"


def old_key(ref: PostRef) -> str:
    return f"{folder_of(ref)}v{ref.version:04d}.html"


def versions_key(ref: PostRef) -> str:
    return f"{folder_of(ref)}versions.html"


def compare_key(ref: PostRef, old: int, new: int) -> str:
    return f"{folder_of(ref)}v{old:04d}-v{new:04d}.html"


def post_page(
    version: Version,
    look: Look,
    *,
    old: bool,
    count: int = 1,
    compare: str | None = None,
    gone: Gone | None = None,
    run: Run | None = None,
) -> PostPage:
    """The page of a version.

    old: whether it is not the newest; of the newest `count` says how many there are. compare: the key of the page that
    compares an old version with a later one.
    """
    ref, words = version.ref, look.words
    lead = version.head if version.head and version.head.key not in version.body else None
    body = body_of(version, words, up=_UP, lead=lead is not None)
    found = next((sample for _, sample in strangers(version.body)), "")
    key = old_key(ref) if old else home_key(ref)
    file = page(
        "post.html",
        key,
        look,
        post=version,
        body=body,
        html=Markup(body.html),  # noqa: S704 - escaped by `body_of`, which lets nothing else through
        lists=Lists(origin=key),
        old=old,
        home=home_key(ref),
        versions=versions_key(ref),
        compare=compare,
        count=count,
        gone=gone,
        run=run,
        lead=lead,
        size=lambda picture: Markup(size_attributes(picture)),  # noqa: S704 - numbers
        summary=_summary(version, body),
        strangers=found[:_SAMPLE_CHARACTERS],
        embeds=[
            Markup(embed_card(embed, words))  # noqa: S704 - escaped there
            for embed in version.embeds
            if embed not in body.embeds
        ],
        reasons=[(_Lost(url=each.url, web=is_web(each.url)), reason_in(words, each)) for each in version.missing],
    )
    return PostPage(file=file, body=body, strangers=found[:_SAMPLE_CHARACTERS])


def _summary(version: Version, body: Body) -> str:
    """The post's own summary, unless it is only how the text begins."""
    start = re.sub(r"\W", "", version.description)[:_SAME_CHARACTERS]
    return "" if re.sub(r"\W", "", body.text).startswith(start) else version.description
