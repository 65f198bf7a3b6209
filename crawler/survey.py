"""A few pages of a site that no profile knows, fetched as everything is fetched: robots.txt obeyed, a delay kept.

What `birdnest new-site URL` drafts a profile from, and the page of `birdnest fixture URL`. Archives nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import BaseSettings

from archive.errors import PageError, RunInterrupted
from crawler.config import Config
from crawler.draft.findings import Around, is_article, likely_articles
from crawler.draft.fixture import listing_at
from crawler.draft.pages import Seen, feeds_of, site_hosts
from crawler.profile import address
from crawler.robots import robots_name, robots_rules
from crawler.run import run_without_archive
from crawler.spiders.site import SiteSpider, content_type_of

_OK = 200
_SITEMAP = re.compile(rb"<\s*(?:\w+:)?(?:urlset|sitemapindex)\b")


@dataclass(kw_only=True)
class Survey:
    """What was had of a site: pages in the order of their fetch, what is around them, what could not be had and why."""

    pages: list[Seen] = field(default_factory=list)
    around: Around = field(default_factory=Around)
    failed: list[PageError] = field(default_factory=list)


def survey(config: Config, slug: str, urls: Sequence[str], *, articles: int = 0, log_level: str = "ERROR") -> Survey:
    """Fetch pages of one site and, where articles are asked for, what is around them and as many that its lists name.

    slug: of a site that is known, or of a host. May be called once in a process. Raises PageError when not even one of
    the pages can be had.
    """
    result = Survey()
    spider = SurveySpider.of(slug, site_hosts(urls[0]))
    arguments = {"urls": tuple(urls), "articles": articles, "result": result}
    run_without_archive(config, (spider, arguments), log_level=log_level)
    if not result.pages:
        raise result.failed[0] if result.failed else RunInterrupted(f"{urls[0]}: stopped before the page was there")
    return result


class SurveySpider(SiteSpider):
    """Reads pages into the survey it was given. `hosts` are the site's: with and without www it is one."""

    hosts: tuple[str, ...]

    def __init__(self, *args: Any, urls: Sequence[str], articles: int, result: Survey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.urls = urls
        self.articles = articles
        self.result = result

    @classmethod
    def of(cls, slug: str, hosts: tuple[str, ...]) -> type[SurveySpider]:
        return type(f"{slug.title()}SurveySpider", (cls,), {"name": slug, "slug": slug, "hosts": hosts})

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        slots = settings.getdict("DOWNLOAD_SLOTS")
        slot = next(iter(slots.values()))
        settings.set("DOWNLOAD_SLOTS", {**dict.fromkeys(cls.hosts, slot), **slots}, priority="spider")

    async def start(self) -> AsyncIterator[Request]:
        for url in self.urls:
            await self._see(url)
        if self.result.pages and self.articles:
            await self._look_around()
            await self._follow()
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def _see(self, url: str) -> Seen | None:
        try:
            response = await self._of_the_site(url)
        except PageError as error:
            self.result.failed.append(error)
            return None
        place = address(self.site, url)
        is_api = place is not None and place.kind.fetch is not None
        seen = self._seen(url if is_api or listing_at(self.site, url) else response.url, response)
        if seen.url not in {page.url for page in self.result.pages}:
            self.result.pages.append(seen)
        return seen

    def _seen(self, url: str, response: Response) -> Seen:
        return Seen(
            name=url,
            url=url,
            body=response.body,
            content_type=content_type_of(response),
            fetched_at=self.now(),
        )

    async def _of_the_site(self, url: str) -> Response:
        listing = listing_at(self.site, url)
        if listing is not None:
            return await self.fetch_listing(listing)
        request = self.page_request(url, callback=NO_CALLBACK)
        response = await self._fetch(request)
        if request.url != url:  # its API was asked
            return response
        if urlsplit(response.url).hostname not in self.hosts:
            raise PageError("moved-away", f"{url}: led to {response.url}, which is another site")
        return response

    async def _follow(self) -> None:
        """The home page where only articles were given, then articles of the first list that names some."""
        pages = self.result.pages
        if all(is_article(seen) for seen in pages):
            await self._see("{0.scheme}://{0.netloc}/".format(urlsplit(pages[0].url)))
        had = {seen.url for seen in pages}
        wanted = self.articles - sum(is_article(seen) for seen in pages)
        named = (url for seen in [*pages] if not is_article(seen) for url in likely_articles(seen) if url not in had)
        for url in islice(dict.fromkeys(named), 3 * self.articles):
            if wanted <= 0:
                break
            seen = await self._see(url)
            wanted -= seen is not None and is_article(seen)

    async def _look_around(self) -> None:
        """robots.txt, for the delay and the sitemaps it names; else the sitemap where most sites have it."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.result.pages[0].url))
        answer = await self._quiet(f"{origin}/robots.txt", robots=True)
        rules = robots_rules(answer.status if answer else 0, answer.body if answer else b"")
        name = robots_name(self.crawler.settings["USER_AGENT"])
        sitemaps = tuple(dict.fromkeys(rules.sitemaps))
        if not sitemaps and rules.can_fetch(f"{origin}/sitemap.xml", name):
            usual = await self._quiet(f"{origin}/sitemap.xml")
            if usual is not None and usual.status == _OK and _SITEMAP.search(usual.body[:2000]):
                sitemaps = (f"{origin}/sitemap.xml",)
        self.result.around = Around(feeds=await self._feeds(), sitemaps=sitemaps, crawl_delay=rules.crawl_delay(name))

    async def _feeds(self) -> tuple[Seen, ...]:
        """The first feed that the pages name, where it can be had."""
        for url in feeds_of([seen.page for seen in self.result.pages], self.hosts)[:1]:
            answer = await self._quiet(url)
            if answer is not None and answer.status == _OK:
                return (self._seen(url, answer),)
        return ()

    async def _quiet(self, url: str, *, robots: bool = False) -> Response | None:
        try:
            meta = {"birdnest_robots": robots, "handle_httpstatus_list": [*range(400, 600)]}
            return await self.download(Request(url, meta=meta, callback=NO_CALLBACK))
        except PageError:
            return None
