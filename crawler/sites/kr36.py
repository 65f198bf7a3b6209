"""36氪, www.36kr.com: business and technology news. Its pages carry their data as JSON in `window.initialState`.

Some answers hold an obfuscated state and no markup: such a body cannot be read, and is a failure. Other readers than
browsers may meet a page that is nothing but a script's challenge; the feed is the way that is open to all. Flash news
(/newsflashes/) is not read: nothing is known of its pages.
"""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    JsonDocument,
    JsonList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.36kr.com"
_STATE = r"window\.initialState\s*=\s*"
_DATA = "articleDetail.articleDetailData.data"

_STREAM = JsonList(
    document=JsonDocument(begin=_STATE, having=("itemList",)),
    items="itemList",
    skip=(("itemType", "0"),),  # adverts
    link=f"{_ORIGIN}/p/{{itemId}}",
    title="templateMaterial.widgetTitle",
    author="templateMaterial.authorName",
    published="templateMaterial.publishTime",
    description="templateMaterial.summary",
)

_ARTICLE = PostKind(
    name="p",
    url=r"/p/(?P<id>\d+)",
    canonical=f"{_ORIGIN}/p/{{id}}",
    document=JsonDocument(begin=_STATE),
    fields={
        "title": ("h1.article-title", f"json:{_DATA}.widgetTitle", "meta[property='og:title']::attr(content)"),
        "author": (f"json:{_DATA}.author + {_DATA}.authorName", ".article-title-icon a.title-icon-item"),
        "published": (f"json:{_DATA}.publishTime",),
        "description": (f"json:{_DATA}.summary", "meta[name=description]::attr(content)"),
        "head_image": (f"json:{_DATA}.widgetImage", "meta[property='og:image']::attr(content)"),
        "body": ("div.articleDetailContent", f"json:{_DATA}.widgetContent"),
    },
)

SITE = SiteProfile(
    slug="36kr",
    title="36氪",
    group="新媒体",
    hosts=("www.36kr.com", "36kr.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        Listing(channel="最新", url="https://36kr.com/feed", shape=Feed()),
        Listing(channel="资讯", url=f"{_ORIGIN}/information/web_news", shape=_STREAM),
    ),
    templates={"information": ListTemplate(channel="{}", url=f"{_ORIGIN}/information/{{}}", shape=_STREAM)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"source:_wafchallengeid|_waftokenid", r"source:\batob\(\s*[\"']"),
        unreadable=(r"source:[\"']isEncrypt[\"']\s*:\s*true",),
    ),
    delay_seconds=5.0,
    concurrency=1,
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/36kr, its pull requests #21051 (2026-02) and #23248 (2026-09)",),
        dated="2026-09",
        note="lists of 2026-02 to 2026-09",
    ),
)
