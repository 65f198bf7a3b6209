"""A Scrapy spider that fetches what it is told and does nothing with it: `python list_spider.py requests.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response


class ListSpider(scrapy.Spider):
    name = "lists"

    def __init__(self, file: str, **given: Any) -> None:
        super().__init__(**given)
        self.wanted = json.loads(Path(file).read_text(encoding="utf-8"))

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for each in self.wanted:
            # The same origin stands for several hosts.
            headers = {"Host": each["host"]}
            yield scrapy.Request(each["url"], method=each["method"], headers=headers, dont_filter=True)

    def parse(self, response: Response, **_: Any) -> None:
        pass


if __name__ == "__main__":
    process = CrawlerProcess()
    process.crawl(ListSpider, file=sys.argv[1])
    process.start()
