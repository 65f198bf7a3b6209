"""What all spiders of a site do: fetch a post's pages, see that they are posts, extract, and account for every URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Self
from urllib.parse import urlencode

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.errors import PageError, UnreachableError
from archive.layout import PostRef
from archive.model import WarcRecord
from crawler.config import Config, load_config, scrapy_settings
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, extract, next_page, own_address, refuse_challenges, refuse_other_pages
from crawler.frontier import Due, Link
from crawler.profile import Listing, PostAddress, SiteProfile, address
from crawler.report import UNREACHABLE, Listener, RunReporter
from crawler.state import CrawlState, Validators, captured
from pipelines.clock import clock
from pipelines.images import ImagesPipeline, failure_reason
from pipelines.item import RawPost
from pipelines.session import ArchiveSession

_OK = 200
_NOT_MODIFIED = 304
_HANDLED = [_NOT_MODIFIED, *range(400, 600)]
_UNDER_WAY = 64
_MOST_PAGES = 50


class SiteSpider(Spider):
    """Base of the spiders. Subclasses say in `start` which posts to fetch.

    The configuration is the setting BIRDNEST_CONFIG (its JSON), else the one `load_config` finds, so that
    `scrapy crawl` and `birdnest crawl` do the same.
    """

    slug: str

    def __init__(self, *args: Any, listener: Listener | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listener = listener
        self.now = clock()

    @classmethod
    def for_site(cls, slug: str) -> type[Self]:
        """The spider class of one site; Scrapy wants one class for each name."""
        return type(f"{slug.title()}{cls.__name__}", (cls,), {"name": slug, "slug": slug})

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        config = cls.config(settings)
        for name, value in scrapy_settings(config, cls.profile(config)).items():
            settings.set(name, value, priority="spider")

    @classmethod
    def profile(cls, config: Config) -> SiteProfile:
        """What is known of the site, as birdnest.toml has it."""
        return config.site(cls.slug)

    @staticmethod
    def config(settings: BaseSettings) -> Config:
        given = settings.get("BIRDNEST_CONFIG")
        return Config.model_validate_json(given) if given else load_config()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        config = cls.config(crawler.settings)
        spider.site = cls.profile(config)
        spider.wanted_lists = config.site_table(cls.slug).lists
        return spider

    site: SiteProfile
    wanted_lists: dict[str, tuple[str, ...]]

    @property
    def reporter(self) -> RunReporter:
        return RunReporter.of(self.crawler)

    @property
    def session(self) -> ArchiveSession:
        return ArchiveSession.of(self.crawler)

    @property
    def state(self) -> CrawlState:
        return CrawlState.of(self.crawler)

    async def fetch(self, url: str) -> Response:
        """A page, through all downloader middlewares. Raises PageError with the reason when it cannot be had."""
        return await self._fetch(Request(url, callback=NO_CALLBACK))

    async def fetch_listing(self, listing: Listing) -> Response:
        """A listing, asked for as its site wants it. Raises PageError as `fetch` does."""
        return await self._fetch(self.listing_request(listing))

    @staticmethod
    def listing_request(listing: Listing) -> Request:
        headers = dict(listing.headers)
        if listing.form:
            return _form_request(listing.url, listing.form, headers)
        return _request(listing.url, headers, listing.body, callback=NO_CALLBACK)

    async def _fetch(self, request: Request) -> Response:
        response = await self.download(request)
        self._require_ok(request.url, response)
        return response

    async def download(self, request: Request) -> Response:
        """An answer of any status. Raises PageError with the reason when there is none."""
        engine = self.crawler.engine
        if engine is None:
            raise AssertionError("spiders fetch inside an engine")
        try:
            return await engine.download_async(request)
        except Exception as error:
            raise _page_error(self.site.slug, request.url, error) from error

    async def post_requests(self, due: Iterable[Due], *, whole_pages: bool) -> AsyncIterator[Request]:
        """The requests for posts that are due, no more at a time than are under way; each one's end is accounted for.

        whole_pages: ask for pages as if nothing were known of them.
        """
        rows = iter(due)
        while batch := list(islice(rows, _UNDER_WAY)):
            self.state.frontier.started(self.slug, [post.url for post in batch])
            for post in batch:
                await self.reporter.room(_UNDER_WAY)
                yield self._post_request(post, whole_pages=whole_pages)

    def _post_request(self, due: Due, *, whole_pages: bool) -> Request:
        self.reporter.found(due.url)
        if due.version is None and not due.started:
            self.session.expect_new(self.slug, due.post)
        headers = {}
        if not whole_pages and due.version is not None:
            told = {"If-None-Match": due.etag, "If-Modified-Since": due.last_modified}
            headers = {name: value for name, value in told.items() if value}
        return self.page_request(
            due.url,
            headers,
            callback=self.parse_post,
            errback=self.post_failed,
            cb_kwargs={"found": _found_link(due)},
            dont_filter=True,
            # Not handle_httpstatus_all: with it redirects would not be followed.
            meta={"handle_httpstatus_list": _HANDLED, "birdnest_conditional": bool(headers)},
        )

    def page_request(self, url: str, headers: Mapping[str, str] | None = None, **kwargs: Any) -> Request:
        """The request for a post's page, or for what its site's API tells in place of the page."""
        place = address(self.site, url)
        asked = place.api_request if place is not None else None
        if asked is None:
            return Request(url, headers=dict(headers or {}), **kwargs)
        return _request(asked.url, {**dict(asked.headers), **(headers or {})}, asked.body, **kwargs)

    async def read_single(self, url: str) -> RawPost:
        """One post, outside the accounting of a run. Raises PageError."""
        response = await self.download(self.page_request(url, meta={"handle_httpstatus_list": _HANDLED}))
        found = FoundLink(url=url, channel="", hints=Hints())
        return await self._read_post(response, self._place(response, found), found)

    async def parse_post(self, response: Response, found: FoundLink) -> AsyncIterator[RawPost]:
        if response.status == _NOT_MODIFIED and response.meta.get("birdnest_conditional"):
            self.reporter.unchanged(found.url)
            return
        try:
            place = self._place(response, found)
            if place.url != found.url:
                target = Link(url=place.url, post=place.id, channel=found.channel, hints=vars(found.hints))
                if self.state.leads_to(found.url, target):
                    self.reporter.alias(found.url)
                    return
            post = await self._read_post(response, place, found)
            if post.id != place.id and self.state.identified(found.url, post.id):
                self.reporter.alias(found.url)
                return
            yield post
        except PageError as error:
            self.reporter.failed(found.url, error.reason, str(error), page=response.body)

    def _place(self, response: Response, found: FoundLink) -> PostAddress:
        self._require_ok(found.url, response)
        asked = address(self.site, found.url)
        if asked is not None and asked.kind.fetch is not None:
            return asked
        refuse_challenges(self.site, response.url)
        place = address(self.site, response.url)
        if place is None:
            raise PageError(
                "moved-away", f"{self.site.slug}: {found.url}: led to {response.url}, which is no post of the site"
            )
        return place

    async def _read_post(self, response: Response, place: PostAddress, found: FoundLink) -> RawPost:
        pages = [_page(response, place)]
        records = [*captured(response)]
        refuse_other_pages(self.site, place, pages[0])
        place = own_address(place, pages[0])
        while url := self._next_page(place, pages):
            page, of_page = await self._further_page(place, url)
            pages.append(page)
            records += of_page
        state = self.crawler.get_extension(CrawlState)
        if state is not None:
            # A conditional request for the first page would say nothing of the others.
            state.answered(found.url, Validators.of(response) if len(pages) == 1 else None)
        warc = tuple(dict.fromkeys((*records, *((found.record,) if found.record else ()))))
        return extract(self.site, place, pages, found=found, fetched_at=self.now(), warc=warc)

    def _next_page(self, place: PostAddress, pages: Sequence[Page]) -> str | None:
        """The next page of this very post: "next" may as well lead to the next article, or off the site."""
        url = next_page(pages[-1], place)
        there = address(self.site, url) if url else None
        if url is None or there is None or there.id != place.id or url in {page.url for page in pages}:
            return None
        if len(pages) == _MOST_PAGES:
            raise PageError("too-many-pages", f"{self.site.slug}: {place.url}: more than {_MOST_PAGES} pages")
        return url

    async def _further_page(self, place: PostAddress, url: str) -> tuple[Page, tuple[WarcRecord, ...]]:
        response = await self.fetch(url)
        there = address(self.site, response.url)
        if there is None or there.id != place.id:
            raise PageError("moved-away", f"{self.site.slug}: {url}: led to {response.url}, which is another page")
        page = _page(response, place)
        refuse_other_pages(self.site, place, page)
        return page, captured(response)

    async def retry_images(self) -> None:
        """Fetch missing images that are due; a post that gets one has a new version, and its page is not fetched."""
        state, session = self.state, self.session
        images = self.crawler.get_item_pipeline(ImagesPipeline)
        for post in state.frontier.due_images(self.slug, now=state.seconds):
            head = await session.run(session.archive.head, self.slug, post.post)
            if images is None or head is None or head.document.is_takedown:
                continue
            healed, missing = await images.retry(head.document, post.images, now=self.now())
            had = [url for url in post.images if url not in missing]
            if had:
                outcome = await session.write(session.archive.add, healed, head=head)
                ref = PostRef(site=self.slug, id=post.post, version=outcome.version)
                self.reporter.healed(post.url, ref, outcome, len(had))
                state.frontier.new_version(self.slug, post.url, outcome.version)
            state.frontier.images_tried(
                self.slug,
                post.url,
                missing,
                post.images,
                run=state.run,
                now=state.seconds,
                text=f"{len(had)} of {len(post.images)} missing images could be had",
            )

    def post_failed(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
        url = request.cb_kwargs["found"].url
        error = _page_error(self.site.slug, url, failure.value)
        self.reporter.failed(url, error.reason, str(error))

    def _require_ok(self, url: str, response: Response) -> None:
        if response.status != _OK:
            raise PageError(f"http-{response.status}", f"{self.site.slug}: {url}: answered {response.status}")


def _found_link(due: Due) -> FoundLink:
    hints = {**due.hints, "tags": tuple(due.hints.get("tags", ()))}
    return FoundLink(url=due.url, channel=due.channel, hints=Hints(**hints), record=due.list_record)


def _form_request(url: str, form: tuple[tuple[str, str], ...], headers: Mapping[str, str]) -> Request:
    of_a_form = {"Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "XMLHttpRequest"}
    return Request(url, method="POST", body=urlencode(form), headers={**of_a_form, **headers}, callback=NO_CALLBACK)


def _request(url: str, headers: Mapping[str, str], body: str, **kwargs: Any) -> Request:
    """A GET, or with a body the POST of that JSON."""
    if not body:
        return Request(url, headers=dict(headers), **kwargs)
    of_json = {"Content-Type": "application/json"}
    return Request(url, method="POST", body=body, headers={**of_json, **headers}, **kwargs)


def _page(response: Response, place: PostAddress) -> Page:
    """A post's page; links in what an API gave count from the post's address."""
    content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
    url = place.url if place.kind.fetch is not None else response.url
    return Page.of(url, response.body, content_type, place.kind)


def _page_error(site: str, url: str, error: BaseException | None) -> PageError:
    """A failed download as a PageError."""
    if isinstance(error, PageError):
        return error
    reason = failure_reason(error) if error is not None else "download-failed"
    kind = UnreachableError if reason in UNREACHABLE else PageError
    return kind(reason, f"{site}: {url}: {reason}: {error or type(error).__name__}")
