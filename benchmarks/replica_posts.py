"""Posts of the replica as an archive holds them, and what requests to the replica are for."""

from __future__ import annotations

from datetime import UTC, datetime

from archive.model import Post
from crawler.demo import SITE
from crawler.profile import address
from crawler.replica import generated, trouble
from crawler.sites import all_sites


def kind_of(url: str) -> str:
    """What a request to the replica was for."""
    site = all_sites()[SITE]
    if url.endswith("robots.txt"):
        return "robots.txt"
    if address(site, url) is not None:
        return "posts"
    return "lists" if url.split("/")[2] in site.hosts else "images"


def post(number: int) -> Post:
    """A generated post as the archive would hold it, but for its text."""
    of_site = generated.post(number)
    now = datetime.now(UTC)
    return Post(
        site=SITE,
        id=f"article-{number}",
        url=trouble.article_url(number),
        title=of_site.title,
        author=of_site.author,
        categories=("新媒体", "鸟哥笔记"),
        section=None,
        tags=of_site.tags,
        description=None,
        lang="zh-CN",
        date=of_site.published or now,
        published_at=of_site.published,
        updated_at=None,
        fetched_at=now,
        body="<p>正文。</p>\n",
        head_image=None,
        images=(),
        missing_images=(),
        embeds=(),
        warc=(),
        source_sha256="0" * 64,
        extractor="0" * 64,
    )
