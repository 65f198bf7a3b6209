"""A post as a chapter: byline, body, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from markupsafe import Markup

from archive.model import Embed, Post
from archive.views.epub.body import Surroundings, content_of, web_address
from archive.views.epub.entries import Entry, Plan
from archive.views.epub.frame import fill, language_tag, link, one_line
from archive.views.epub.words import day_name

_UNSEEN = "tracker"  # a picture of one pixel: the body shows no link in its place


@dataclass(frozen=True, kw_only=True)
class Card:
    """A video, sound or widget that the article shows on its site."""

    title: str
    url: str | None
    host: str


def chapter(plan: Plan, entry: Entry, post: Post, pictures: Mapping[str, str]) -> bytes:
    """The file of a post's chapter. pictures: the files in the book of the blobs that it shows, by their keys."""
    words = plan.words
    content = content_of(post.body, _surroundings(plan, entry, post, pictures))
    head = pictures.get(post.head_image or "")
    is_shown = head is None or link(entry.key, head) in content.xhtml
    return fill(
        "chapter.xhtml",
        entry.key,
        lang=language_tag(post.lang) or words["lang"],
        words=words,
        entry=entry,
        about=" · ".join(part for part in (entry.site_title, one_line(post.section or "")) if part),
        day=day_name(entry.moment.date(), plan.language) if post.published_at else None,
        clock=_clock(post.published_at),
        updated=day_name(post.updated_at.date(), plan.language) if post.updated_at else None,
        fetched=day_name(post.fetched_at.date(), plan.language),
        head=None if is_shown else head,
        body=Markup(content.xhtml),  # noqa: S704 - content_of wrote it
        cards=[_card(embed) for embed in post.embeds if embed.url and embed.url not in content.embeds],
        tags=words["and"].join(filter(None, map(one_line, post.tags))),
        url=web_address(post.url),
        missing=sum(image.reason != _UNSEEN for image in post.missing_images),
    )


def _surroundings(plan: Plan, entry: Entry, post: Post, pictures: Mapping[str, str]) -> Surroundings:
    def picture(blob: str) -> str | None:
        return link(entry.key, pictures[blob]) if blob in pictures else None

    def chapter_of(url: str) -> str | None:
        found = plan.chapter_of(url)
        return link(entry.key, found) if found and found != entry.key else None

    return Surroundings(
        picture=picture,
        chapter=chapter_of,
        missing=frozenset(image.url for image in post.missing_images),
        embeds=frozenset(embed.url for embed in post.embeds if embed.url),
        image_missing=plan.words["image missing"],
    )


def _card(embed: Embed) -> Card:
    url = web_address(embed.url or "")
    host = (urlsplit(url).hostname or "") if url else ""
    title = one_line(embed.title)
    return Card(title=title or host or embed.kind, url=url, host=host if title else "")


def _clock(moment: datetime | None) -> str | None:
    """The time of day, of a moment that has one: midnight is what a day without a time is written as."""
    return f"{moment:%H:%M}" if moment is not None and (moment.hour or moment.minute) else None
