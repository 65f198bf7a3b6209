"""游资网, www.gameres.com: articles of and for makers of games. A page carries its article as Nuxt's flat JSON."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    HtmlList,
    JsonDocument,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.gameres.com"

_TITLES = HtmlList(
    item=".feed-item-title",
    # The link is around the title, or in it.
    link=("xpath:ancestor::a[1]/@href", "xpath:(self::a | .//a)[1]/@href"),
    title=("xpath:string(.)",),
    description=("xpath:ancestor::*[.//p][1]//p",),
)

_ARTICLE = PostKind(
    name="article",
    url=r"/(?P<id>\d+)\.html",
    canonical=f"{_ORIGIN}/{{id}}.html",
    document=JsonDocument(
        begin=r"<script[^>]*\bid=[\"']__NUXT_DATA__[\"'][^>]*>",
        form="references",
        having=("dateline", "content_html"),
    ),
    fields={
        "title": ("json:subject",),
        "author": ("json:author",),
        "published": ("json:dateline",),
        "description": ("meta[name=description]::attr(content)",),
        "body": ("json:content_html",),
    },
)

_LISTS = {"43": "原创", "26": "程序", "25": "设计", "34": "运营", "33": "数据"}

SITE = SiteProfile(
    slug="gameres",
    title="游资网",
    group="新媒体",
    hosts=("www.gameres.com", "gameres.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=tuple(
        Listing(channel=name, url=f"{_ORIGIN}/list/{number}", shape=_TITLES) for number, name in _LISTS.items()
    ),
    templates={"lists": ListTemplate(channel="{}", url=f"{_ORIGIN}/list/{{}}", shape=_TITLES)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容|帖子)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(sources=("RSSHub lib/routes/gameres",), dated="2026-01", note="by the numbers of its posts"),
)
