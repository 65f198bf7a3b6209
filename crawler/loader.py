"""Offers every site of `crawler/sites/` to Scrapy as a spider of its name."""

from __future__ import annotations

from scrapy import Request, Spider
from scrapy.settings import BaseSettings

from crawler.profile import address
from crawler.sites import all_sites
from crawler.spiders.post import PostSpider


class SiteSpiderLoader:
    """Scrapy's spider loader interface over the sites' profiles."""

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> SiteSpiderLoader:  # noqa: ARG003 - Scrapy's signature
        return cls()

    def load(self, spider_name: str) -> type[Spider]:
        """The spider class of a site. Raises KeyError for a name that is no site's slug."""
        if spider_name not in all_sites():
            raise KeyError(f"no such site: {spider_name}, known are: {', '.join(all_sites())}")
        return PostSpider.for_site(spider_name)

    def find_by_request(self, request: Request) -> list[str]:
        return [slug for slug, site in all_sites().items() if address(site, request.url)]

    def list(self) -> list[str]:
        return list(all_sites())
