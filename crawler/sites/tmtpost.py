"""钛媒体, www.tmtpost.com: business and technology, by the API of its own pages. Its flash news is not read."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    ApiRequest,
    Expectations,
    Feed,
    JsonList,
    Listing,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.tmtpost.com"
_API = "https://api.tmtpost.com/v1"
_HEADERS = (("app-version", "web1.0"),)

_NEWEST = JsonList(
    items="data",
    link="share_link",
    title="title",
    published="time_published",
    description="summary",
)

_POST = PostKind(
    name="post",
    url=r"/(?P<id>\d+)\.html",
    canonical=f"{_ORIGIN}/{{id}}.html",
    fetch=ApiRequest(
        url=f"{_API}/posts/{{id}}?fields=authors;tags;featured_image;categories;share_link", headers=_HEADERS
    ),
    fields={
        "title": ("json:data.title",),
        "author": ("json:data.authors.*.username",),
        "published": ("json:data.time_published",),
        "updated": ("json:data.time_updated",),
        "section": ("json:data.categories.*.title",),
        "tags": ("json:data.tags.*.tag",),
        "description": ("json:data.summary",),
        "head_image": ("json:data.thumb_image.original.url", "json:data.images.*.url"),
        "body": ("json:data.main",),
    },
)

SITE = SiteProfile(
    slug="tmtpost",
    title="钛媒体",
    group="新媒体",
    hosts=("www.tmtpost.com", "tmtpost.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_POST,),
    listings=(
        Listing(channel="最新", url=f"{_API}/lists/new?limit=20", shape=_NEWEST, headers=_HEADERS),
        Listing(channel="最新", url=f"{_ORIGIN}/rss.xml", shape=Feed()),
    ),
    marks=Marks(
        gone=(r"(?:文章|内容|页面)(?:不存在|已被?删除|已下架)", r'"data": (?:null|\[\])'),
        blocked=(r"安全验证", r"请求过于频繁"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/tmtpost", "a public register of feeds (2026-10-08) that had the feed fresh"),
        dated="2026-10",
        note="the feed; the API is undated",
    ),
)
