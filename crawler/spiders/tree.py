"""TreeSpider: the posts of one site that lie in a folder; of the network it needs only their images."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any, Self

from scrapy import Request
from scrapy.http import Response

from archive.errors import BirdnestError, PageError
from crawler.config import Config
from crawler.frontier import Link, has_address
from crawler.hexo_tree import Importer, SiteFiles, read_file
from crawler.profile import SiteProfile
from crawler.spiders.site import SiteSpider
from pipelines.item import RawPost

_AT_A_TIME = 16
_UNDER_WAY = 48
_MOST_NOTES = 20


class TreeSpider(SiteSpider):
    """Gives the posts of a site's files to the pipelines, a few at a time, and accounts for every file by its path.

    root: the tree's folder. names: the files below it. with_images: try again, at the end, what images earlier imports
    of the site missed.
    """

    given: SiteProfile

    @classmethod
    def for_files(cls, files: SiteFiles) -> type[Self]:
        spider = cls.for_site(files.site.slug)
        spider.given = files.site
        return spider

    @classmethod
    def profile(cls, config: Config) -> SiteProfile:  # noqa: ARG003 - birdnest.toml was asked when it was made
        return cls.given

    def __init__(self, *args: Any, root: Path, names: list[str], with_images: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.root = root
        self.names = names
        self.with_images = with_images
        self._files: dict[str, str] = {}
        self._given: set[asyncio.Future[None]] = set()
        self._copies = 0

    async def start(self) -> AsyncIterator[Request]:
        try:
            self.reporter.note(*await self.state.begin(whole=True))
        except BirdnestError as error:
            self.reporter.refused(error)
            return
        importer = Importer.of(self.site)
        self.reporter.plan(due=len(self.names), whole=False)
        names = iter(self.names)
        while batch := list(islice(names, _AT_A_TIME)):
            posts = [post for name in batch if (post := await self._read(importer, name)) is not None]
            for post in self._not_held(posts):
                await self.reporter.room(_UNDER_WAY)
                if self.reporter.is_stopping:
                    return
                self._give(post)
        # Their signals come before their end, and a spider that is not idle then is asked again five seconds later.
        await asyncio.gather(*self._given)
        if self._copies > _MOST_NOTES:
            self.reporter.note(f"… and {self._copies - _MOST_NOTES} more files that are the same post as another")
        if self.with_images and not self.reporter.is_stopping:
            await self.retry_images()
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def _read(self, importer: Importer, name: str) -> RawPost | None:
        """The post of a file, unless an earlier file held it."""
        self.reporter.found(name)
        try:
            data = await self.session.run(read_file, self.root, name)
            post = importer.raw_post(data, name, fetched_at=self.now())
        except PageError as error:
            self.reporter.failed(name, error.reason, f"{self.slug}: {error}")
            return None
        except BirdnestError:
            raise
        except Exception as error:  # noqa: BLE001 - one file keeps nobody from the others, and the verdict says so
            self.reporter.bug(name, error)
            return None
        if post.id in self._files:
            self._is_copy(name, self._files[post.id])
            return None
        self._files[post.id] = name
        return post

    def _give(self, post: RawPost) -> None:
        """Send a post on its way, as what a callback gives.

        A spider that closes waits for callbacks. For items that `start` gives it waits, too, but nothing tells it when
        they have ended (Scrapy 2.19): it would wait for ever.
        """
        engine = self.crawler.engine
        if engine is None:
            raise AssertionError("spiders start inside an engine")
        url = (self.root / post.requested_url).absolute().as_uri()
        request = Request(url, callback=self.give, cb_kwargs={"post": post})
        given = engine.scraper.enqueue_scrape(Response(url, request=request), request).asFuture(
            asyncio.get_running_loop()
        )
        self._given.add(given)
        given.add_done_callback(self._given.discard)

    async def give(self, response: Response, post: RawPost) -> AsyncIterator[RawPost]:  # noqa: ARG002 - Scrapy's
        yield post

    def _is_copy(self, name: str, first: str) -> None:
        self._copies += 1
        if self._copies <= _MOST_NOTES:
            self.reporter.note(f"{name}: the same post as {first}, whose file is the one kept")
        self.reporter.alias(name)

    def _not_held(self, posts: list[RawPost]) -> list[RawPost]:
        """Those of some posts that the archive does not hold with this very source; unknown ones are noted as found."""
        state = self.state
        left, new = [], []
        for post in posts:
            if state.is_taken_down(post.id, post.url) or (
                not has_address(post.url) and state.was_taken_down(post.title, *post.body_parts)
            ):
                self.reporter.taken_down(post.requested_url)
                continue
            row = state.frontier.get(self.slug, post.url)
            if row is None:
                new.append(Link(url=post.url, post=post.id, channel=_channel(post)))
                self.session.expect_new(self.slug, post.id)
            if row is not None and row.version is not None and row.source_sha256 == post.source_sha256:
                self.reporter.held_already(post.requested_url)
            else:
                left.append(post)
        state.frontier.add_all(self.slug, new, where="a Hexo tree", run=state.number, now=state.seconds)
        return left


def _channel(post: RawPost) -> str:
    return post.categories[2] if len(post.categories) > 2 else ""  # noqa: PLR2004 - [group, site, channel]
