"""少数派, sspai.com: articles on software and digital life, by its API. Posts for members alone have no body there."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    ApiRequest,
    Expectations,
    ExpectedFailure,
    Feed,
    JsonList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://sspai.com"

_ARTICLES = JsonList(
    items="data",
    link=f"{_ORIGIN}/post/{{id}}",
    title="title",
    author="author.nickname",
    published="released_time",
    description="summary",
)

_POST = PostKind(
    name="post",
    url=r"/post/(?P<id>\d+)",
    canonical=f"{_ORIGIN}/post/{{id}}",
    # Without support_webp=true the addresses of its pictures are those of the originals.
    fetch=ApiRequest(url=f"{_ORIGIN}/api/v1/article/info/get?id={{id}}&view=second"),
    fields={
        "title": ("json:data.title",),
        "author": ("json:data.author.nickname",),
        "published": ("json:data.released_time",),
        "tags": ("json:data.tags.*.title",),
        "description": ("json:data.summary",),
        "head_image": ("json:data.promote_image", "json:data.banner"),
        "body": ("json:data.body + data.body_extends.*.body",),
    },
)

SITE = SiteProfile(
    slug="sspai",
    title="少数派",
    group="新媒体",
    hosts=("sspai.com", "www.sspai.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_POST,),
    listings=(
        Listing(
            channel="首页",
            url=f"{_ORIGIN}/api/v1/article/index/page/get?limit=20&offset=0&created_at=0",
            shape=_ARTICLES,
        ),
        Listing(channel="最新", url=f"{_ORIGIN}/feed", shape=Feed()),
    ),
    templates={
        "tags": ListTemplate(
            channel="{}", url=f"{_ORIGIN}/api/v1/article/tag/page/get?limit=20&offset=0&tag={{}}", shape=_ARTICLES
        )
    },
    marks=Marks(
        gone=(r'"msg": "[^"]*(?:不存在|已删除|未找到)',),
        blocked=(r"安全验证", r"请求过于频繁"),
        unreadable=(r'"body": ""',),
    ),
    expectations=Expectations(
        min_found=5,
        failures=(*TAKEN_DOWN, ExpectedFailure(reason="no-readable-body", url=r".*")),
    ),
    facts=Provenance(
        sources=("RSSHub lib/routes/sspai", "many tools that read the same API to 2026"),
        dated="2026-01",
        note="the API, as others read it",
    ),
)
