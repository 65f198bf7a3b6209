"""Posts, images and archives for the tests of this folder; every store-dependent test runs over every store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive import Archive
from archive.layout import blob_key, link_from_document
from archive.model import Embed, Failure, Image, MissingImage, Post, RunReport
from archive.s3 import S3Store
from archive.store import FolderStore, Store

if TYPE_CHECKING:
    from tests.conftest import S3Server

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))
# GIFs of two and of three pixels in a row.
PICTURES = (
    bytes.fromhex("47494638376102000100810000000000ff00000000000000002c00000000020001000008050001000808003b"),
    bytes.fromhex("47494638376103000100810000ff00000000000000000000002c00000000030001000008050001080c08003b"),
)


@pytest.fixture
def folder_store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "nest")


@pytest.fixture
def s3_environment(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """This process reaches the S3 server, and no other."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def s3_store(s3_environment: S3Server) -> Iterator[S3Store]:
    store = S3Store.open(f"s3://{s3_environment.new_bucket()}/some/prefix")
    with closing(store.client):
        yield store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture
def archive(folder_store: FolderStore) -> Archive:
    """A new archive in a folder, whose waits between attempts take no time."""
    Archive.open_or_create(folder_store, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    opened = Archive.open(folder_store)
    return Archive(folder_store, opened.info, sleep=lambda _seconds: None)


@pytest.fixture(scope="session")
def make_post() -> Callable[..., Post]:
    """Posts that differ from a usual one in what is named; equal calls give equal posts."""
    return _make_post


@pytest.fixture(scope="session")
def make_report() -> Callable[..., RunReport]:
    """Reports that differ from a usual one in what is named."""
    return _make_report


@pytest.fixture(scope="session")
def pictures() -> tuple[bytes, ...]:
    """The bytes of the images that a usual post shows."""
    return PICTURES


@pytest.fixture
def grow(archive: Archive) -> Callable[..., None]:
    """Adds a post as a crawl does, its pictures first."""

    def add(**changes: Any) -> None:
        for data in PICTURES:
            archive.put_blob(data, "image/gif")
        post = _make_post(**changes)
        archive.add(post, head=archive.head(post.site, post.id))

    return add


def _make_post(**changes: Any) -> Post:
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


def _make_report(**changes: Any) -> RunReport:
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
