"""One post fetched and extracted, and nothing archived: what `birdnest clean URL` looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from scrapy import Request

from archive.errors import PageError, RunInterrupted
from crawler.config import Config
from crawler.run import run_without_archive
from crawler.spiders.site import SiteSpider
from pipelines.item import RawPost


class SinglePostSpider(SiteSpider):
    """Reads one post into the list it was given; an error that kept it from that instead."""

    def __init__(self, *args: Any, url: str, result: list[RawPost | PageError], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url
        self.result = result

    async def start(self) -> AsyncIterator[Request]:
        try:
            self.result.append(await self.read_single(self.url))
        except PageError as error:
            self.result.append(error)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request


def fetch_post(config: Config, slug: str, url: str, *, log_level: str = "ERROR") -> RawPost:
    """A post of a site as extracted. May be called once in a process. Raises PageError with the reason."""
    result: list[RawPost | PageError] = []
    spider = SinglePostSpider.for_site(slug)
    run_without_archive(config, (spider, {"url": url, "result": result}), log_level=log_level)
    if not result:
        raise RunInterrupted(f"{url}: stopped before the page was there")
    if isinstance(result[0], PageError):
        raise result[0]
    return result[0]
