"""爱范儿, www.ifanr.com: technology and consumer goods, by the API of its WordPress."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    ApiRequest,
    Expectations,
    Feed,
    JsonList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.ifanr.com"
_API = "https://sso.ifanr.com/api/v5/wp"

_POSTS = JsonList(
    items="objects",
    link="post_url",
    title="post_title",
    author="created_by.name",
    published="created_at",
)

_POST = PostKind(
    name="post",
    url=r"/(?P<id>\d{4,})/?(?:\?|$)",
    canonical=f"{_ORIGIN}/{{id}}",
    fetch=ApiRequest(url=f"{_API}/article/?post_id={{id}}"),
    fields={
        "title": ("json:objects.0.post_title",),
        "author": ("json:objects.0.created_by.name",),
        "published": ("json:objects.0.published_at", "json:objects.0.created_at"),
        "section": ("json:objects.0.post_category",),
        "description": ("json:objects.0.post_excerpt",),
        "head_image": ("json:objects.0.post_cover_image",),
        "body": ("json:objects.0.post_content",),
    },
)

SITE = SiteProfile(
    slug="ifanr",
    title="爱范儿",
    group="新媒体",
    hosts=("www.ifanr.com", "ifanr.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_POST,),
    listings=(
        Listing(channel="首页", url=f"{_API}/web-feed/?limit=20&offset=0", shape=_POSTS),
        Listing(channel="最新", url=f"{_ORIGIN}/feed", shape=Feed()),
    ),
    templates={
        "categories": ListTemplate(
            channel="{}", url=f"{_API}/article/?post_category={{}}&limit=20&offset=0", shape=_POSTS
        )
    },
    marks=Marks(gone=(r'"objects": \[\]',), blocked=(r"安全验证", r"请求过于频繁")),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/ifanr, where the site is marked as keeping crawlers out",),
    ),
)
