"""UrlSpider: single posts by their URLs, for one-off archive runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from scrapy import Request

from crawler.discover import FoundLink, Hints
from crawler.spiders.site import SiteSpider


class UrlSpider(SiteSpider):
    """Fetches the posts of the given canonical URLs, all of one site; they have no channel, and no listing's hints."""

    def __init__(self, *args: Any, urls: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.urls = tuple(dict.fromkeys(urls))

    async def start(self) -> AsyncIterator[Request]:
        self.reporter.expect_all(whole=False)
        for request in self.post_requests([FoundLink(url=url, channel="", hints=Hints()) for url in self.urls]):
            yield request
