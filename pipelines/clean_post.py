"""A post's raw body → its clean body: the seam between the pipelines and the cleaner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.item import PostItem


class CleanPipeline:
    """Adds `clean`. The pages of one article become one body; tags the body linked to join the post's tags."""

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        if post.outcome is not None:
            return post
        from pipelines.clean import clean  # late: most scheduled runs clean nothing

        body = clean("\n".join(post.body_parts), post.base_url or post.url, post.clean_rules)
        tags = tuple(dict.fromkeys((*post.tags, *body.tags)))
        return replace(post, clean=body, tags=tags)
