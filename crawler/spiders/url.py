"""UrlSpider: single posts by their URLs, for one-off archive runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from scrapy import Request

from archive.errors import BirdnestError
from crawler.frontier import Due, Link
from crawler.profile import address
from crawler.spiders.site import SiteSpider


class UrlSpider(SiteSpider):
    """Fetches the posts of the given canonical URLs, all of one site, whatever is known of them."""

    def __init__(self, *args: Any, urls: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.urls = tuple(dict.fromkeys(urls))

    def has_own_fetch(self, url: str) -> bool:
        return url in self.urls

    async def start(self) -> AsyncIterator[Request]:
        try:
            self.reporter.note(*await self.state.begin(whole=False))
        except BirdnestError as error:
            self.reporter.refused(error)
            return
        due = [self._due(url) for url in self.urls]
        self.reporter.plan(due=len(due), whole=False)
        async for request in self.post_requests(due, whole_pages=True):
            yield request

    def _due(self, url: str) -> Due:
        state, place = self.state, address(self.site, url)
        if place is None:
            raise AssertionError(f"{url} is no post of {self.slug}")
        link = Link(url=url, post=place.id)
        state.frontier.add(self.slug, link, where="asked for by hand", run=state.number, now=state.seconds)
        # Started: the archive is looked into first, for a frontier that a one-off run made does not know it.
        state.frontier.started(self.slug, [url])
        due = state.frontier.get(self.slug, url)
        if due is None:
            raise AssertionError(f"{url} was added")
        return due
