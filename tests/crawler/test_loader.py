"""Every site is a Scrapy spider of its slug, and none is listed anywhere but by being there."""

from pathlib import Path

import pytest
from scrapy import Request
from scrapy.settings import Settings
from scrapy.spiderloader import get_spider_loader

import crawler.sites
from crawler.loader import SiteSpiderLoader
from crawler.sites import all_sites
from crawler.spiders.post import PostSpider


@pytest.fixture
def loader() -> SiteSpiderLoader:
    return SiteSpiderLoader.from_settings(Settings())


def test_every_site_is_a_spider_of_its_name(loader: SiteSpiderLoader) -> None:
    assert loader.list() == sorted(all_sites())
    for slug in loader.list():
        spider = loader.load(slug)
        assert issubclass(spider, PostSpider)
        assert (spider.name, spider.slug) == (slug, slug)


def test_a_name_that_is_no_site_is_an_error_that_names_those_that_are(loader: SiteSpiderLoader) -> None:
    with pytest.raises(KeyError, match=r"no such site: niaogebi, known are: .*niaogebiji"):
        loader.load("niaogebi")


@pytest.mark.parametrize(
    ("url", "slugs"),
    [
        ("https://www.niaogebiji.com/article-1-1.html", ["niaogebiji"]),
        ("https://www.niaogebiji.com/cat/101", []),
        ("https://www.example.com/article-1-1.html", []),
    ],
)
def test_a_request_finds_the_site_whose_post_it_is(loader: SiteSpiderLoader, url: str, slugs: list[str]) -> None:
    assert loader.find_by_request(Request(url)) == slugs


def test_scrapy_takes_the_loader_that_the_settings_name() -> None:
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    assert isinstance(get_spider_loader(settings), SiteSpiderLoader)


def test_a_site_is_its_module_and_every_module_is_a_site() -> None:
    modules = {path.stem for path in Path(crawler.sites.__path__[0]).glob("*.py")} - {"__init__"}
    assert len(all_sites()) == len(modules)
    for slug, site in all_sites().items():
        assert site.slug == slug


def test_the_sites_cannot_be_changed_in_passing() -> None:
    with pytest.raises(TypeError):
        all_sites()["other"] = all_sites()["niaogebiji"]  # type: ignore[index]
