"""A run's figures, counted while it goes on: what its lists named, and how its posts were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median_low

from archive.model import Figures
from crawler.profile import SiteProfile
from pipelines.item import PostItem


class FigureCount:
    """The figures of one run over a site so far."""

    def __init__(self, site: SiteProfile) -> None:
        self._site = site
        self._lists: dict[str, int] = {}
        self._pages = 0
        self._posts = 0
        self._with = {"with_date": 0, "with_author": 0, "with_images": 0}
        self._characters: list[int] = []
        self._newest_at: datetime | None = None

    def listed(self, url: str, links: int, published: Sequence[int | None]) -> None:
        """The first page of a list: how many posts it names, and their publish times in Unix seconds."""
        self._lists[url] = links
        for seconds in published:
            if seconds is not None:
                self._saw(datetime.fromtimestamp(seconds, UTC))

    def read(self, post: PostItem) -> None:
        """A page that was read and is a post, at the end of the pipelines."""
        self._pages += 1
        if post.clean is None:
            return  # its source is as it was; it was judged when it was archived
        self._posts += 1
        self._with["with_date"] += post.published is not None
        self._with["with_author"] += post.author != self._site.title
        self._with["with_images"] += bool(post.images or post.missing_images)
        self._characters.append(len(post.clean.text))
        if post.published is not None:
            self._saw(post.published.at.astimezone(UTC))

    def _saw(self, published_at: datetime) -> None:
        self._newest_at = max(published_at, self._newest_at or published_at)

    def figures(self) -> Figures:
        characters = median_low(self._characters) if self._characters else None
        return Figures(
            lists=dict(self._lists),
            pages=self._pages,
            posts=self._posts,
            **self._with,
            characters=characters,
            newest_at=self._newest_at,
        )
