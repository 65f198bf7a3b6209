"""Images fetched once more, for `birdnest repair`: as a crawl fetches them, and nothing is archived here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from scrapy import Request
from scrapy.exceptions import IgnoreRequest

from crawler.config import Config
from crawler.image_client import ImageClient
from crawler.run import run_without_archive
from crawler.spiders.site import SiteSpider

Keep = Callable[[str, bytes], bool]
"""Whether an image's bytes are those of a key."""


class ImageSpider(SiteSpider):
    """Fetches images into the mapping it was given, by key. `wanted` has the addresses of each."""

    def __init__(
        self, *args: Any, wanted: Mapping[str, Iterable[str]], result: dict[str, bytes], keep: Keep, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = wanted
        self.result = result
        self.keep = keep

    async def start(self) -> AsyncIterator[Request]:
        for key, urls in self.wanted.items():
            await self._fetch_one(key, urls)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def _fetch_one(self, key: str, urls: Iterable[str]) -> None:
        client = self.crawler.get_extension(ImageClient)
        if client is None:
            raise AssertionError("crawler.image_client.ImageClient is not among EXTENSIONS")
        for url in urls:
            try:
                data = await client.fetch(url, _OnlyOne())
            except IgnoreRequest:
                continue
            if self.keep(key, data):
                self.result[key] = data
                return


class _OnlyOne:
    """A place of one image: one after the other is fetched."""

    async def take(self) -> None:
        """There is room."""

    def leave(self) -> None:
        """Nobody waits for it."""


def fetch_images(
    config: Config, wanted: Mapping[str, Mapping[str, Iterable[str]]], *, keep: Keep, log_level: str = "ERROR"
) -> dict[str, bytes]:
    """The images that could be had and are the same as ever, by key. May be called once in a process.

    wanted: the addresses of each image, by site and key. The images are held in memory.
    """
    result: dict[str, bytes] = {}
    spiders = [
        (ImageSpider.for_site(site), {"wanted": images, "result": result, "keep": keep})
        for site, images in sorted(wanted.items())
    ]
    if spiders:
        run_without_archive(config, *spiders, log_level=log_level)
    return result
