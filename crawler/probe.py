"""`birdnest probe`: fetch one listing and one article and show what every selector finds there. Writes nothing.

The first thing to run against a real site: selectors come from what others saw, perhaps years ago.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

from scrapy import Request
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from archive.errors import PageError
from crawler.config import Config
from crawler.discover import discover, listings, next_listing
from crawler.extract import Page, next_page, own_address, refuse_challenges, refuse_other_pages
from crawler.generic import MIN_CONFIDENCE, find_article
from crawler.pages import decode_page, select, texts
from crawler.profile import LIST_PARTS, HtmlList, PostAddress, address
from crawler.robots import robots_name, robots_rules
from crawler.run import run_without_archive
from crawler.spiders.site import SiteSpider

_SAMPLE_CHARACTERS = 60
Say = Callable[[str], None]


def probe(config: Config, slug: str, url: str | None, say: Say, *, log_level: str = "ERROR") -> int:
    """Probe a site, or one post of it when a URL is given. Returns the exit code: 4 when something did not fit.

    May be called once in a process. `say` is called with each line of the result.
    """
    result: list[int] = []
    spider = ProbeSpider.for_site(slug)
    run_without_archive(config, (spider, {"url": url, "say": say, "result": result}), log_level=log_level)
    return result[0] if result else 1


class ProbeSpider(SiteSpider):
    """Fetches like the other spiders, and says what it sees instead of archiving."""

    def __init__(self, *args: Any, url: str | None, say: Say, result: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = url
        self.say = say
        self.result = result

    async def start(self) -> AsyncIterator[Request]:
        try:
            url = self.url or await self._listing()
            fits = url is not None and await self._post(url)
            self.result.append(0 if fits else PageError.exit_code)
        except PageError as error:
            self.say(f"  FAILED: {error}")
            self.result.append(error.exit_code)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def _listing(self) -> str | None:
        listing = next(iter(listings(self.site, self.wanted_lists)), None)
        if listing is None:
            self.say(f"{self.site.title} has no lists of posts: probe one post by its URL")
            return None
        self.say(f"listing {listing.url} ({listing.channel})")
        response = await self._look(self.listing_request(listing))
        if isinstance(listing.shape, HtmlList) and not listing.shape.within:
            self._list_selectors(listing.shape, Page.of(response.url, response.body, _content_type(response)))
        following = next_listing(listing, response.body, _content_type(response))
        self.say(f"  next page    {following.url if following else 'none'}")
        links = discover(self.site, listing, response.body, _content_type(response))
        self.say(f"  {len(links)} posts; the first: {links[0].url}")
        for name, value in vars(links[0].hints).items():
            self.say(f"  told of it: {name:12} {value!r:.80}")
        return links[0].url

    def _list_selectors(self, shape: HtmlList, page: Page) -> None:
        items = select(page.tree, shape.item)
        self.say(f"  {'item':12} {shape.item!r}: {len(items)} matched")
        for part in LIST_PARTS:
            selectors = getattr(shape, part) if part != "next_page" else ()
            for selector in selectors if isinstance(selectors, tuple) else ():
                hits = [sample for item in items if (sample := " ".join(texts(item, (selector,))))]
                sample = hits[0][:_SAMPLE_CHARACTERS] if hits else ""
                self.say(f"  {part:12} {selector!r}: in {len(hits)} of {len(items)} entries {sample!r}")

    async def _post(self, url: str) -> bool:
        self.say(f"article {url}")
        request = self.page_request(url)
        response = await self._look(request)
        refuse_challenges(self.site, response.url)
        place = address(self.site, url if request.url != url else response.url)
        if place is None:
            self.say(f"  led to {response.url}, which is no post of {self.site.title}")
            return False
        page = Page.of(place.url, response.body, _content_type(response), place.kind)
        place = own_address(place, page)
        self.say(f"  id {place.id}, canonical {place.url}")
        if self.site.is_unknown:
            return self._any_fields(page)
        refuse_other_pages(self.site, place, page)
        return self._fields(page, place)

    def _any_fields(self, page: Page) -> bool:
        """What is found on a page that no profile knows, and where."""
        article = find_article(page)
        for field in dataclasses.fields(article):
            value = getattr(article, field.name)
            where = article.sources.get(field.name.removesuffix("_raw"), "")
            if field.name != "sources":
                self.say(f"  {field.name:14} {f'[{where}] ' if where else ''}{value!r:.{_SAMPLE_CHARACTERS}}")
        enough = article.confidence >= MIN_CONFIDENCE
        self.say(f"  the confidence is {'enough' if enough else 'too low'}: at least {MIN_CONFIDENCE} is expected")
        return enough

    def _fields(self, page: Page, place: PostAddress) -> bool:
        fits = True
        for field, selectors in place.kind.fields.items():
            required = field == "body" or (field == "title" and not place.kind.title_optional)
            hit = False
            for selector in selectors:
                count = page.count(selector)
                sample = " ".join(page.texts((selector,)))[:_SAMPLE_CHARACTERS]
                self.say(f"  {field:12} {selector!r}: {count} matched {sample!r}")
                hit = hit or bool(sample) or (field == "body" and count > 0)
            if not hit:
                self.say(f"  {field:12} NOT FOUND{' (required)' if required else ''}")
                fits = fits and not required
        self.say(f"  next page    {next_page(page, place) or 'none'}")
        return fits

    async def _look(self, request: Request) -> Response:
        url = request.url
        robots_url = f"{url.split('/', maxsplit=1)[0]}//{url.split('/')[2]}/robots.txt"
        status, body = await self._robots(robots_url)
        allowed = robots_rules(status, body).can_fetch(url, robots_name(self.crawler.settings["USER_AGENT"]))
        self.say(f"  robots.txt: answered {status or 'nothing'}, {'allowed' if allowed else 'NOT ALLOWED'}")
        response = await self.download(request)
        self._require_ok(url, response)
        encoding = decode_page(response.body, _content_type(response))[1]
        self.say(
            f"  answered {response.status}, {len(response.body)} bytes, header {_content_type(response)!r}, "
            f"read as {encoding}"
        )
        return response

    async def _robots(self, url: str) -> tuple[int, bytes]:
        try:
            response = await self.download(Request(url, meta={"birdnest_robots": True}, callback=NO_CALLBACK))
        except PageError:
            return 0, b""
        return response.status, response.body


def _content_type(response: Response) -> str:
    return (response.headers.get("Content-Type") or b"").decode("latin-1")
