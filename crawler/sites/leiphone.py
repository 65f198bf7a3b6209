"""雷峰网, www.leiphone.com: technology articles."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    HtmlList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.leiphone.com"

_CARDS = HtmlList(item=".word > h3", link=("a::attr(href)",), title=("a::attr(title)", "a"))

_ARTICLE = PostKind(
    name="article",
    url=r"/category/(?P<category>[\w-]+)/(?P<id>\w+)\.html",
    canonical=f"{_ORIGIN}/category/{{category}}/{{id}}.html",
    fields={
        "title": (".headTit", "h1"),
        "author": (".aut > a",),
        "published": (".time",),
        "description": (".article-lead",),
        "head_image": (".top-img img::attr(src)",),
        "body": ("all:.article-lead, .top-img, .lph-article-comView",),
    },
)

SITE = SiteProfile(
    slug="leiphone",
    title="雷峰网",
    group="新媒体",
    hosts=("www.leiphone.com", "leiphone.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        Listing(channel="首页", url=f"{_ORIGIN}/", shape=_CARDS),
        Listing(channel="最新", url=f"{_ORIGIN}/feed", shape=Feed()),
    ),
    templates={"categories": ListTemplate(channel="{}", url=f"{_ORIGIN}/category/{{}}", shape=_CARDS)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/leiphone", "a public register of feeds (2026-10-08) that had the feed fresh"),
        dated="2026-10",
        note="the feed; pages are undated",
    ),
)
