"""A post on its way through the pipelines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.clean import CleanBody, CleanRules
from pipelines.item import PostItem

FETCHED_AT = datetime(2022, 7, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def spider_fields() -> dict[str, Any]:
    """What a spider gives of a post."""
    return {
        "site": "niaogebiji",
        "id": "article-482538",
        "url": "https://www.niaogebiji.com/article-482538-1.html",
        "requested_url": "https://www.niaogebiji.com/article-482530-1.html",
        "fetched_at": FETCHED_AT,
        "title": "刚刚！支付宝年度大会讲了这些要点",
        "author": "见实",
        "categories": ("新媒体", "鸟哥笔记", "首页"),
        "section": "私域流量",
        "tags": ("支付宝",),
        "description": None,
        "lang": "zh-CN",
        "timezone": "Asia/Shanghai",
        "published_raw": ("1658505600",),
        "updated_raw": (),
        "body_parts": ("<p>在今天召开的大会上</p>",),
        "head_image_url": None,
        "clean_rules": CleanRules(),
        "min_characters": 1,
        "source_sha256": "5" * 64,
        "extractor": "e" * 64,
        "page": b"<html></html>",
    }


@pytest.fixture
def make_post(spider_fields: dict[str, Any]) -> Callable[..., PostItem]:
    """Makes a post that has passed the cleaner, with some fields given."""

    def make(*, html: str = "<p>在今天召开的大会上</p>", text: str = "在今天召开的大会上", **given: Any) -> PostItem:
        clean = CleanBody(html=html, text=text)
        return PostItem(**{**spider_fields, "clean": clean, "body": html, **given})

    return make
