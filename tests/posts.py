"""Posts, images and reports for tests: whole ones, that differ from a usual one in what is named."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from archive.layout import blob_key, link_from_document
from archive.model import Embed, Failure, Figures, Image, MissingImage, Post, RunReport

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))
# GIFs of two and of three pixels in a row.
PICTURES = (
    bytes.fromhex("47494638376102000100810000000000ff00000000000000002c00000000020001000008050001000808003b"),
    bytes.fromhex("47494638376103000100810000ff00000000000000000000002c00000000030001000008050001080c08003b"),
)


def make_post(**changes: Any) -> Post:
    images = tuple(_image(data, number) for number, data in enumerate(PICTURES))
    usual: dict[str, Any] = {
        "site": "niaogebiji",
        "id": "article-482538",
        "url": "https://www.niaogebiji.com/article-482538-1.html",
        "title": "刚刚！支付宝年度大会讲了这些要点",
        "author": "鸟哥笔记",
        "categories": ("新媒体", "鸟哥笔记", "首页"),
        "section": "营销推广",
        "tags": ("支付宝", "小程序"),
        "description": "一句话: 摘要",
        "lang": "zh-CN",
        "date": datetime(2022, 7, 23, 0, 0, tzinfo=SHANGHAI),
        "published_at": datetime(2022, 7, 23, 0, 0, tzinfo=SHANGHAI),
        "updated_at": None,
        "fetched_at": NOW,
        "body": "<p>正文</p>\n" + "".join(f'<img src="{link_from_document(image.key)}" alt="">\n' for image in images),
        "head_image": images[0].key,
        "images": images,
        "missing_images": (MissingImage(url="https://img.example/gone.png", reason="http-404", retryable=False),),
        "boilerplate": ("责任编辑：鸟", "长按识别二维码"),
        "embeds": (Embed(kind="video", url="https://v.qq.com/x/page/a.html", title="采访"),),
        "warc": (),
        "source_sha256": hashlib.sha256(repr(sorted(changes.items(), key=lambda item: item[0])).encode()).hexdigest(),
        "extractor": "0" * 64,
    }
    return Post(**{**usual, **changes})


def make_report(**changes: Any) -> RunReport:
    usual: dict[str, Any] = {
        # Whatever else a report counts is nothing here.
        **{field.name: 0 for field in fields(RunReport)},
        "run": "20261122T080000Z-ab12",
        "site": "niaogebiji",
        "archive": "./archive",
        "started_at": NOW,
        "finished_at": NOW + timedelta(minutes=2),
        "generator": "birdnest 1",
        "found": 3,
        "new": 2,
        "failures": (
            Failure(what="post", url="https://site.example/", reason="http-404", detail="鸟 \udc80", expected=True),
        ),
        "images_missing": {"http-404": 1},
        "store_requests": {"PUT": 4},
        "documents": {},
        "whole": True,
        "figures": Figures(lists={"https://site.example/": 3}, pages=2, posts=2, with_date=1, newest_at=NOW),
        "verdict": "fine",
        "reasons": ("a", "b"),
        "notes": ("a note",),
    }
    return RunReport(**{**usual, **changes})


def _image(data: bytes, number: int) -> Image:
    digest = hashlib.sha256(data).hexdigest()
    return Image(
        url=f"https://img.example/{number}.gif",
        key=blob_key(digest, "image/gif"),
        sha256=digest,
        bytes=len(data),
        media_type="image/gif",
        width=data[6],
        height=1,
    )
