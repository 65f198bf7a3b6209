"""The Scrapy spiders that Birdnest is measured beside, written as a user would write them today. Imports only Scrapy.

usage: python throughput_spiders.py bare|files|images LIST [BUCKET], or lists JSON

bare downloads pages and their images and keeps nothing; files and images keep the images by Scrapy's own pipeline of
that name in a bucket, and the posts there as a feed of JSON lines; lists fetches the requests of a JSON file,
[[method, URL], …]. Settings are Scrapy's own but for these: 64 requests at once, and where the bucket is. The
environment's SCRAPY_LOG_LEVEL replaces Scrapy's own log level, which is DEBUG.
"""

from __future__ import annotations

import json
import os
import sys
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response, TextResponse

_CONCURRENT = 64
_IMAGES = ".pc_content img::attr(src)"


class PostsSpider(scrapy.Spider):
    """Follows a list's pages to its posts."""

    name = "posts"

    def __init__(self, first: str) -> None:
        super().__init__()
        self._first = first

    async def start(self) -> AsyncIterator[Any]:
        yield scrapy.Request(self._first)

    def parse(self, response: Response) -> Iterator[Any]:
        yield from response.follow_all(response.css("a.articleLink::attr(href)").getall(), callback=self.parse_post)
        yield from response.follow_all(response.css(".page_nav a.next::attr(href)").getall())

    @abstractmethod
    def parse_post(self, response: Response) -> Iterator[Any]:
        """What is made of a post's page."""


class BareSpider(PostsSpider):
    """Asks for each image and looks at none."""

    def parse_post(self, response: Response) -> Iterator[Any]:
        for url in response.css(_IMAGES).getall():
            yield response.follow(url, callback=self.parse_image)

    def parse_image(self, response: Response) -> None:
        """It is here, which is all."""


class ItemSpider(PostsSpider):
    """Gives posts as items, whose images a pipeline fetches."""

    urls_field = "file_urls"

    def parse_post(self, response: Response) -> Iterator[Any]:
        yield {
            "url": response.url,
            "title": response.css(".article h1.title::text").get(),
            "author": response.css(".article .author::text").get(),
            "published": response.css(".writeTime3::text").get(),
            "body": response.css(".pc_content").get(),
            self.urls_field: [response.urljoin(url) for url in response.css(_IMAGES).getall()],
        }


class ImageItemSpider(ItemSpider):
    urls_field = "image_urls"


class ListsSpider(scrapy.Spider):
    """Asks for what a file names, and nothing else."""

    name = "lists"

    def __init__(self, requests: str) -> None:
        super().__init__()
        self._requests = json.loads(Path(requests).read_text(encoding="utf-8"))

    async def start(self) -> AsyncIterator[Any]:
        for method, url in self._requests:
            yield scrapy.Request(url, method=method, dont_filter=True)

    def parse(self, response: Response) -> None:
        if isinstance(response, TextResponse):
            self.logger.debug("%s: %d characters", response.url, len(response.text))


def main(what: str, first: str, bucket: str = "") -> None:
    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": _CONCURRENT,
        "CONCURRENT_REQUESTS_PER_DOMAIN": _CONCURRENT,
        "LOG_LEVEL": os.environ.get("SCRAPY_LOG_LEVEL") or "DEBUG",
    }
    spiders = {"bare": BareSpider, "files": ItemSpider, "images": ImageItemSpider, "lists": ListsSpider}
    if bucket:
        settings |= _in_bucket(what, bucket)
    process = CrawlerProcess(settings)
    process.crawl(spiders[what], first)
    process.start()


def _in_bucket(what: str, bucket: str) -> dict[str, Any]:
    name = what.capitalize()
    return {
        "ITEM_PIPELINES": {f"scrapy.pipelines.{what}.{name}Pipeline": 1},
        f"{what.upper()}_STORE": f"s3://{bucket}/{what}/",
        "FEEDS": {f"s3://{bucket}/posts.jsonl": {"format": "jsonlines", "encoding": "utf-8"}},
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
        "AWS_REGION_NAME": os.environ["AWS_REGION"],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
