"""The finished post → the archive, and before that: what the archive holds of it already."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from scrapy.crawler import Crawler

from archive import Outcome
from archive.layout import blob_key
from archive.model import Embed, Original, Post
from archive.writer import Put, is_known_better, next_step
from pipelines.dates import Moment
from pipelines.item import OriginalFile, PostItem, RejectedPost
from pipelines.session import ArchiveSession

MOST_VERSIONS_A_DAY = 5
_A_DAY = timedelta(days=1)


def says_nothing_new(post: PostItem) -> bool:
    """Whether the page as fetched is the very source of the version held, with no image left to try again.

    Images of a file that is read again have due dates of their own.
    """
    if post.head is None:
        return False
    document = post.head.document
    retry = post.original is None and any(image.retryable for image in document.missing_images)
    return document.front.get("source_sha256") == post.source_sha256 and not retry


def finish(post: PostItem) -> Post:
    """The post to commit.

    What this fetch could not tell is inherited from the version held: a time that a list told more finely than
    the page, and the date of an undated post, which is that of its first fetch.
    """
    published_at = _inherit(post.published, post, "published_at")
    return Post(
        site=post.site,
        id=post.id,
        url=post.url,
        title=post.title,
        author=post.author,
        categories=post.categories,
        section=post.section,
        tags=post.tags,
        description=post.description,
        lang=post.lang,
        date=(published_at or _first_seen(post)).astimezone(UTC),
        published_at=published_at,
        updated_at=_inherit(post.updated, post, "updated_at"),
        fetched_at=post.fetched_at,
        body=f"{post.body}\n",
        head_image=post.head_image,
        images=post.images,
        missing_images=post.missing_images,
        embeds=tuple(Embed(kind=e.kind, url=e.url, title=e.title) for e in post.clean.embeds) if post.clean else (),
        boilerplate=post.clean.boilerplate if post.clean else (),
        warc=post.warc,
        sources=post.sources,
        original=_named(post.original) if post.original else None,
        source_sha256=post.source_sha256,
        extractor=post.extractor,
    )


def _named(file: OriginalFile) -> Original:
    digest = hashlib.sha256(file.data).hexdigest()
    key = blob_key(digest, file.media_type)
    return Original(key=key, sha256=digest, bytes=len(file.data), media_type=file.media_type)


def _inherit(moment: Moment | None, post: PostItem, key: str) -> datetime | None:
    held = post.head.document.moment(key) if post.head else None
    if moment is None or (held is not None and moment.agrees_with(held)):
        return held
    return moment.at


def _first_seen(post: PostItem) -> datetime:
    date = post.head.document.front.get("date") if post.head else None
    if date is None:
        return post.fetched_at
    return datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)


class RecallPipeline:
    """Adds `head`, the version held; a page that is its very source ends here as unchanged.

    A file whose post the archive holds from a fetch ends here, too: as known.
    """

    def __init__(self, session: ArchiveSession, *, refetch_images: bool) -> None:
        self._session = session
        self._refetch_images = refetch_images

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        refetch = crawler.settings.getbool("BIRDNEST_REFETCH_IMAGES")
        return cls(ArchiveSession.of(crawler), refetch_images=refetch)

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        head = await self._session.head(post.site, post.id)
        post = replace(post, head=head)
        if head is None:
            return post
        if head.document.is_takedown:
            return replace(post, outcome=Outcome(status="taken-down", version=head.ref.version))
        if is_known_better(post.original, head.document):
            return replace(post, outcome=Outcome(status="known", version=head.ref.version))
        if says_nothing_new(post) and not self._refetch_images:
            return replace(post, outcome=Outcome(status="unchanged", version=head.ref.version))
        return post


class ExportPipeline:
    """Commits the post, its original file first, and adds its `outcome`.

    Lets StoreError through: without a store there is no run.
    """

    def __init__(self, session: ArchiveSession) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(ArchiveSession.of(crawler))

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        if post.outcome is not None:
            return post
        finished = finish(post)
        if isinstance(next_step(finished, post.head), Put):
            await self._refuse_counters(post)
            if post.original is not None:
                file = post.original
                await self._session.write(self._session.archive.put_blob, file.data, file.media_type)
        outcome = await self._session.write(self._session.archive.add, finished, head=post.head)
        return replace(post, outcome=outcome)

    async def _refuse_counters(self, post: PostItem) -> None:
        """Raise RejectedPost for one version too many within a day: something on the page changes at every look."""
        head = post.head
        if head is None or head.ref.version < MOST_VERSIONS_A_DAY:
            return
        first = replace(head.ref, version=head.ref.version - MOST_VERSIONS_A_DAY + 1)
        oldest = (await self._session.run(self._session.archive.load, first)).document.moment("fetched_at")
        if oldest is not None and post.fetched_at - oldest < _A_DAY:
            raise RejectedPost(
                "too-many-versions",
                f"{post.site}: {post.url}: {MOST_VERSIONS_A_DAY} versions since {oldest.isoformat()}: something in it "
                "changes at every look, a counter most often: find it with `birdnest probe`, and correct the selector",
            )
