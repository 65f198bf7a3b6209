"""What all spiders of a site do: fetch a post's pages, see that they are posts, extract, and account for every URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.errors import DamageError, PageError, UnreachableError, UnsupportedUrlError
from archive.layout import PostRef
from archive.model import WarcRecord
from crawler.addresses import place_of
from crawler.blockade import Blockade
from crawler.config import Config, load_config, scrapy_settings
from crawler.discover import FoundLink, ReadListing, read_listing
from crawler.entries import Hints
from crawler.extract import (
    Page,
    extract,
    extract_full_text,
    next_page,
    own_address,
    refuse_challenges,
    refuse_other_pages,
)
from crawler.frontier import Due, Link
from crawler.full_texts import FullText, FullTexts
from crawler.identity import blocked_list, refuse_detours, refuse_strangers
from crawler.limits import IMAGE_BYTES, MOST_BYTES
from crawler.profile import Feed, HtmlList, Listing, PostAddress, SiteProfile, address
from crawler.report import UNREACHABLE, Listener, RunReporter
from crawler.state import CrawlState, Validators, captured
from pipelines.clock import clock
from pipelines.dates import parse_moment
from pipelines.images import INTERRUPTED, ImagesPipeline, failure_reason
from pipelines.item import RawPost
from pipelines.session import ArchiveSession

if TYPE_CHECKING:
    from crawler.generic import FoundArticle

_OK = 200
_NOT_MODIFIED = 304
_HANDLED = [_NOT_MODIFIED, *range(400, 600)]
_UNDER_WAY = 64
_MOST_PAGES = 50
_LARGE_BYTES = 200_000
# Pages that could not be had, other than pages that are not as the profile says.
_NOT_HAD = UNREACHABLE | {"login-required", "soft-404", "redirect-loop", "bad-encoding", "download-failed"}
Elsewhere = Callable[[str, str], bool]
"""Told of a site and a URL there that a page led to; whether that is fetched, too."""


class SiteSpider(Spider):
    """Base of the spiders. Subclasses say in `start` which posts to fetch.

    The configuration is the setting BIRDNEST_CONFIG (its JSON), else the one `load_config` finds, so that
    `scrapy crawl` and `birdnest crawl` do the same.
    """

    slug: str
    looks_at_all = False
    """Whether the run looks at all that the site shows: then it is a run of the site's schedule."""

    def __init__(
        self,
        *args: Any,
        listener: Listener | None = None,
        elsewhere: Elsewhere | None = None,
        force: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.listener = listener
        self.elsewhere = elsewhere
        self.force = force
        self.now = clock()
        self.texts = FullTexts()

    def closed(self, reason: str) -> None:  # noqa: ARG002 - Scrapy's signature
        self.texts.close()

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
        return _config_in(given) if given else load_config()

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

    def answered(self, reason: str | None, detail: str = "") -> None:
        """An answer of the site, for what goes by its answers in a row: None, its own page; else why it is none."""
        blockade = self.crawler.get_extension(Blockade)
        if blockade is not None:
            blockade.answered(reason, detail)

    @property
    def is_closed(self) -> bool:
        """Whether the run asks the site for no more."""
        blockade = self.crawler.get_extension(Blockade)
        return blockade is not None and blockade.is_closed

    async def _first_alone(self) -> None:
        """Where the run before was kept away, wait for the first page's end before there is a second."""
        blockade = self.crawler.get_extension(Blockade)
        if blockade is not None and blockade.is_careful:
            await self.reporter.room(1)

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
        # Feeds, sitemaps and lists of addresses are larger than pages may be.
        meta = {} if isinstance(listing.shape, HtmlList) else {MOST_BYTES: IMAGE_BYTES}
        return _request(listing.url, headers, listing.body, callback=NO_CALLBACK, meta=meta)

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
                if self.state.is_taken_down(post.post, post.url):
                    self.reporter.taken_down(post.url)
                    continue
                await self.reporter.room(_UNDER_WAY)
                if not self._may_go_on():
                    return
                yield self._post_request(post, whole_pages=whole_pages)
                await self._first_alone()

    def _may_go_on(self) -> bool:
        """Whether another post may be asked for."""
        return not self.is_closed

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
            cb_kwargs={"found": found_link(due)},
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
            self.answered(None)
            self.reporter.unchanged(found.url)
            return
        try:
            if self._is_elsewhere(response, found):
                return
            place = self._place(response, found)
            if self.state.is_taken_down(place.id, place.url):
                self.state.leads_to(found.url, Link(url=place.url, post=place.id))
                self.reporter.taken_down(found.url)
                return
            if place.url != found.url:
                target = Link(url=place.url, post=place.id, channel=found.channel, hints=vars(found.hints))
                if self.state.leads_to(found.url, target) and self.has_own_fetch(place.url):
                    self.reporter.alias(found.url)
                    return
            post = await self._read_post(response, place, found)
            self.answered(None)
            if post.id != place.id and self.state.identified(found.url, post.id):
                self.reporter.alias(found.url)
                return
            yield post
        except PageError as error:
            self.answered(error.reason, str(error))
            async for post in self._instead(found, error, page=response.body):
                yield post

    def has_own_fetch(self, url: str) -> bool:  # noqa: ARG002 - for subclasses
        """Whether a known post that another URL led to is looked at by itself."""
        return True

    def _is_elsewhere(self, response: Response, found: FoundLink) -> bool:
        """Whether a URL of a site that nobody described led to a post of another site, which is told to fetch it."""
        if not self.site.is_unknown or response.status != _OK or address(self.site, response.url) is not None:
            return False
        from crawler.any_page import refuse_other_places

        refuse_other_places(self.site, found.url, response.url)
        try:
            slug, place = place_of(response.url)
        except UnsupportedUrlError:
            return False
        if self.elsewhere is None or not self.elsewhere(slug, place.url):
            return False
        self.state.leads_away(found.url, place.url)
        self.reporter.alias(found.url)
        return True

    def _place(self, response: Response, found: FoundLink) -> PostAddress:
        self._require_ok(found.url, response)
        asked = address(self.site, found.url)
        if asked is not None and asked.kind.fetch is not None:
            return asked
        refuse_challenges(self.site, response.url)
        place = address(self.site, response.url)
        if place is None:
            if not self.site.is_unknown:
                refuse_detours(self.site, found.url, response.url)
            what = "is of another site: archive that" if self.site.is_unknown else "is no post of the site"
            raise PageError("moved-away", f"{self.site.slug}: {found.url}: led to {response.url}, which {what}")
        if self.site.is_unknown:
            from crawler.any_page import refuse_other_places

            refuse_other_places(self.site, found.url, response.url)
        return place

    async def _read_post(self, response: Response, place: PostAddress, found: FoundLink) -> RawPost:
        if self.site.is_unknown:
            return await self._read_any_page(response, place, found)
        pages = [_page(response, place)]
        records = [*captured(response)]
        refuse_other_pages(self.site, place, pages[0])
        refuse_strangers(self.site, place, pages[0], told=found.hints.title)
        place = own_address(place, pages[0])
        while url := self._next_page(place, pages):
            page, of_page = await self._further_page(place, url)
            pages.append(page)
            records += of_page
        warc = self._answered(found, response, len(pages), records)
        return extract(self.site, place, pages, found=found, fetched_at=self.now(), warc=warc)

    def _answered(
        self, found: FoundLink, response: Response, pages: int, records: Sequence[WarcRecord]
    ) -> tuple[WarcRecord, ...]:
        """Note what to ask a post's page with next time; the captures that its document names."""
        state = self.crawler.get_extension(CrawlState)
        if state is not None:
            # A conditional request for the first page would say nothing of the others.
            state.answered(found.url, Validators.of(response) if pages == 1 else None)
        return tuple(dict.fromkeys((*records, *((found.record,) if found.record else ()))))

    # -- pages that no profile knows ---------------------------------------------------------------------------

    async def _read_any_page(self, response: Response, place: PostAddress, found: FoundLink) -> RawPost:
        # Late: what finds articles takes a sixth of a start, and a crawl of known sites never needs it.
        from crawler.any_page import continues, make_post

        pages = [self._article(response)]
        records = [*captured(response)]
        while url := self._next_of(pages):
            further = await self.fetch(url)
            pages.append(self._article(further))
            if not continues(pages[0][1], pages[-1][1]):
                pages.pop()
                break
            records += captured(further)
        warc = self._answered(found, response, len(pages), records)
        return make_post(self.site, place, pages, found=found, fetched_at=self.now(), warc=warc)

    def _article(self, response: Response) -> tuple[Page, FoundArticle]:
        from crawler.any_page import read_article, refuse_other_files

        refuse_other_files(self.site, response.url, response.body, content_type_of(response))
        page = Page.of(response.url, response.body, content_type_of(response))
        return page, read_article(self.site, page, force=self.force)

    def _next_of(self, pages: Sequence[tuple[Page, FoundArticle]]) -> str | None:
        url = pages[-1][1].next_page_url
        if url is None or address(self.site, url) is None or url in {page.url for page, _ in pages}:
            return None
        if len(pages) == _MOST_PAGES:
            raise PageError("too-many-pages", f"{self.site.slug}: {pages[0][0].url}: more than {_MOST_PAGES} pages")
        return url

    # -- further pages of known sites --------------------------------------------------------------------------

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
        refuse_strangers(self.site, place, page)
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

    async def post_failed(self, failure: Failure) -> AsyncIterator[RawPost]:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
        found: FoundLink = request.cb_kwargs["found"]
        error = _page_error(self.site.slug, found.url, failure.value)
        self.answered(error.reason, str(error))
        async for post in self._instead(found, error):
            yield post

    # -- what a feed holds of a page that cannot be had --------------------------------------------------------

    async def _instead(
        self, found: FoundLink, error: PageError, *, page: bytes | None = None
    ) -> AsyncIterator[RawPost]:
        """The post as a feed has it, in the place of a page that could not be had; else the failure is noted."""
        try:
            post = await self._of_feed(found, error)
        except PageError:  # the feed has no post either
            post = None
        if post is None:
            self.reporter.failed(found.url, error.reason, str(error), page=page)
            return
        self.reporter.from_feed(error.reason)
        yield post

    async def _of_feed(self, found: FoundLink, error: PageError) -> RawPost | None:
        text, place = self.texts.get(found.url), address(self.site, found.url)
        if text is None or place is None or not _is_not_had(error.reason):
            return None
        known = self.state.frontier.get(self.slug, found.url)
        try:
            # A page may have told another id than its address does.
            head = await self.session.head(self.slug, known.post if known else place.id)
        except DamageError:
            return None
        if head is not None and not head.document.front.get("sources", {}).get("body", "").startswith("feed "):
            return None  # what was archived of the page is more than a feed has
        return extract_full_text(self.site, place, text, found=found, fetched_at=self.now())

    # -- listings ----------------------------------------------------------------------------------------------

    async def read(self, listing: Listing) -> tuple[ReadListing, WarcRecord | None]:
        """A listing's response, and its capture. Raises PageError."""
        response = await self.fetch_listing(listing)
        if isinstance(listing.shape, Feed):  # it may have moved; its relative links count from where it is
            listing = replace(listing, url=response.url)
        asked = (self.slug, listing, response.body, content_type_of(response))
        # A feed of 10,000 items takes seconds to read.
        is_large = len(response.body) > _LARGE_BYTES
        try:
            read = await asyncio.to_thread(read_listing, *asked) if is_large else read_listing(*asked)
        except PageError as error:
            raise self._kept_away(response) or error from error
        kept_away = None if read.entries else self._kept_away(response)
        if kept_away is not None:
            raise kept_away
        return read, next(reversed(captured(response)), None)

    def _kept_away(self, response: Response) -> PageError | None:
        """Why a list that names nothing does so, where it is a page that keeps us away."""
        return blocked_list(self.site, response.url, response.body, content_type_of(response))

    def keep_texts(self, links: Iterable[FoundLink]) -> list[FoundLink]:
        """The links without the articles that feeds hold of them, which are kept aside."""
        kept = []
        for link in links:
            if link.text:
                self.texts.put(link.url, FullText(html=link.text, feed=link.source))
            kept.append(replace(link, text=""))
        return kept

    def as_link(self, found: FoundLink, rank: int) -> Link:
        place, hints = address(self.site, found.url), found.hints
        if place is None:
            raise AssertionError(f"{found.url} is no post of {self.slug}")
        published, is_exact = self._told(hints.published)
        updated, updated_is_exact = self._told(hints.updated)
        return Link(
            url=found.url,
            post=place.id,
            channel=found.channel,
            rank=rank,
            hints={**vars(hints)},
            published_at=published,
            updated_at=updated if updated_is_exact else None,
            is_exact=is_exact,
        )

    def _told(self, text: str) -> tuple[int | None, bool]:
        """A time that a list tells, in Unix seconds, and whether it is told to the minute."""
        moment = parse_moment(text, fetched_at=self.now(), zone=self.site.timezone) if text else None
        if moment is None:
            return None, False
        return int(moment.at.timestamp()), moment.precision != "day" and moment.slack == timedelta(0)

    def _require_ok(self, url: str, response: Response) -> None:
        if response.status != _OK:
            raise PageError(f"http-{response.status}", f"{self.site.slug}: {url}: answered {response.status}")


@lru_cache(maxsize=1)
def _config_in(text: str) -> Config:
    # Every run of a process asks twice for the same, which may have a table for each of 500 sites.
    return Config.model_validate_json(text)


def found_link(due: Due) -> FoundLink:
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


def content_type_of(response: Response) -> str:
    return (response.headers.get("Content-Type") or b"").decode("latin-1")


def _page(response: Response, place: PostAddress) -> Page:
    """A post's page; links in what an API gave count from the post's address."""
    url = place.url if place.kind.fetch is not None else response.url
    return Page.of(url, response.body, content_type_of(response), place.kind)


def _is_not_had(reason: str) -> bool:
    return reason != INTERRUPTED and (reason in _NOT_HAD or reason.startswith("http-"))


def _page_error(site: str, url: str, error: BaseException | None) -> PageError:
    """A failed download as a PageError."""
    if isinstance(error, PageError):
        return error
    reason = failure_reason(error) if error is not None else "download-failed"
    kind = UnreachableError if reason in UNREACHABLE else PageError
    return kind(reason, f"{site}: {url}: {reason}: {error or type(error).__name__}")
