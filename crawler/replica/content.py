"""Posts as files: `articles/<id>.html` and `bulletins/<id>.html`.

A file is a header of `key: JSON` lines, one empty line, and the body as the site's editor left it. Times are the
site's own, UTC+8 without a zone: `2022-07-23 00:00:00`. `dirt` lists the rows of `dirt.DIRT` that the body carries.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

SITE_ZONE = timezone(timedelta(hours=8))
CATEGORIES: Mapping[int, str] = {101: "私域流量", 103: "案例分析", 136: "内容运营", 900: "运营档案"}
PAGE_BREAK = "<!--nextpage-->"

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Post:
    """An article of the site.

    `lists` holds "home", "json" and "cat"; tag pages follow from `tags`. `markup` is the year of the editor: 2021
    or 2022. A `PAGE_BREAK` in the body starts the article's next page.
    """

    id: int
    title: str
    author: str
    published: datetime | None
    updated: datetime | None
    category: int
    tags: tuple[str, ...]
    summary: str
    markup: int
    lists: frozenset[str]
    dirt: tuple[int, ...]
    body: str

    @property
    def path(self) -> str:
        return f"/article-{self.id}-1.html"

    @property
    def category_name(self) -> str:
        return CATEGORIES[self.category]

    @property
    def changed(self) -> datetime | None:
        return self.updated or self.published


@dataclass(frozen=True, kw_only=True)
class Bulletin:
    """An item of 今日事. Its body ends in the source link, behind the site's own wrong `</br>`."""

    id: int
    title: str
    author: str
    published: datetime
    updated: datetime | None
    keywords: tuple[str, ...]
    link: str
    dirt: tuple[int, ...]
    body: str

    @property
    def path(self) -> str:
        return f"/pc/bulletin/detail?id={self.id}"

    @property
    def text(self) -> str:
        """The body without its source link, as the JSON list gives it."""
        return self.body.partition("</br>")[0].rstrip()


def parse(text: str) -> tuple[dict[str, Any], str]:
    r"""Split a post's file into its header and its body.

    >>> parse('title: "A"\ntags: ["x"]\n\n<p>b</p>\n')
    ({'title': 'A', 'tags': ['x']}, '<p>b</p>\n')
    """
    head, _, body = text.partition("\n\n")
    pairs = (line.partition(": ") for line in head.splitlines())
    return {key: json.loads(value) for key, _, value in pairs}, body


def site_time(text: str | None) -> datetime | None:
    """Read the site's zone-less local time.

    >>> site_time("2022-07-23 00:00:00").isoformat()
    '2022-07-23T00:00:00+08:00'
    """
    return None if text is None else datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SITE_ZONE)


def load_posts() -> dict[int, Post]:
    """All articles, newest first; the undated come last."""
    posts = [_post(number, header, body) for number, header, body in _files("articles")]
    posts.sort(key=lambda post: (post.published is not None, post.published, post.id), reverse=True)
    return {post.id: post for post in posts}


def load_bulletins() -> dict[int, Bulletin]:
    """All bulletins, newest first."""
    items = [_bulletin(number, header, body) for number, header, body in _files("bulletins")]
    items.sort(key=lambda item: (item.published, item.id), reverse=True)
    return {item.id: item for item in items}


def _files(folder: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    for path in sorted((_HERE / folder).glob("*.html")):
        with path.open(encoding="utf-8", newline="") as file:
            yield int(path.stem), *parse(file.read())


def _post(number: int, header: dict[str, Any], body: str) -> Post:
    return Post(
        id=number,
        title=header["title"],
        author=header["author"],
        published=site_time(header["published"]),
        updated=site_time(header["updated"]),
        category=header["category"],
        tags=tuple(header["tags"]),
        summary=header["summary"],
        markup=header["markup"],
        lists=frozenset(header["lists"]),
        dirt=tuple(header["dirt"]),
        body=body,
    )


def _bulletin(number: int, header: dict[str, Any], body: str) -> Bulletin:
    published = site_time(header["published"])
    if published is None:
        raise ValueError(f"bulletin {number} has no time")
    return Bulletin(
        id=number,
        title=header["title"],
        author=header["author"],
        published=published,
        updated=site_time(header["updated"]),
        keywords=tuple(header["keywords"]),
        link=header["link"],
        dirt=tuple(header["dirt"]),
        body=body,
    )
