"""Invariants of a cleaned post. A post that breaks one is rejected with a reason code, never archived as it is.

============== =================================================================================================
empty-title    the title has no visible character
empty-body     the body has neither visible text nor an image
too-short      the body has less visible text than the profile's `min_characters`, and no image
future-date    the post claims to be published more than a day after it was fetched
============== =================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pipelines.clean.text import visible
from pipelines.item import PostItem, RejectedPost

_CLOCK_TOLERANCE = timedelta(days=1)


def broken_invariants(post: PostItem) -> Iterator[tuple[str, str]]:
    """(reason code, detail) of every invariant a cleaned post breaks."""
    text = "".join(post.clean.text.split()) if post.clean else ""
    images = post.clean.images if post.clean else ()
    where = f"{post.site}: {post.url}:"
    if not visible(post.title).strip():
        yield "empty-title", f"{where} the title {post.title!r} has no visible character"
    if not text and not images:
        yield "empty-body", f"{where} nothing visible is left of the article container: look at its selector"
    elif len(text) < post.min_characters and not images:
        yield "too-short", f"{where} {len(text)} characters, expected at least {post.min_characters}"
    if post.published and post.published.at > post.fetched_at + _CLOCK_TOLERANCE:
        published, fetched = post.published.at.isoformat(), post.fetched_at.isoformat()
        yield "future-date", f"{where} published {published}, but fetched {fetched}: look at the date selector"


class CheckPipeline:
    """Rejects a post that breaks an invariant."""

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        if post.outcome is None:
            for reason, detail in broken_invariants(post):
                raise RejectedPost(reason, detail)
        return post
