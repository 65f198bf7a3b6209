"""人人都是产品经理, www.woshipm.com: product and operations articles.

Category pages hold several blocks of cards as templates of a script; one is chronological, the others repeat older
posts. The feed tells exact times, and lacks what media partners publish there, which lists and pages date by the day.
"""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    HtmlList,
    JsonList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)
from pipelines.clean.rules import CleanRules

_ORIGIN = "https://www.woshipm.com"

_CARDS = HtmlList(
    templates=True,
    item="article.postlist-item",
    link=("h2.post-title a::attr(href)",),
    title=("h2.post-title a",),
    author=(".author a.ui-captionStrong",),
    description=(".des",),
    next_page=("a.next.page-numbers::attr(href)", "a[rel=next]::attr(href)"),
)

_POPULAR = JsonList(
    items="RESULT",
    link=f"{_ORIGIN}/{{data.type}}/{{data.id}}.html",
    title="data.articleTitle",
    author="data.articleAuthor",
    published="data.publishTime",
    description="data.articleSummary",
)

_ARTICLE = PostKind(
    name="article",
    # The number alone tells an article; the category is that of its first day.
    url=r"/(?P<category>[a-z][a-z-]*)/(?P<id>\d+)\.html",
    canonical=f"{_ORIGIN}/{{category}}/{{id}}.html",
    other_urls=((r"/\?(?:.*&)?p=(?P<id>\d+)", f"{_ORIGIN}/?p={{id}}"),),
    fields={
        "title": ("h2.article--title", ".article--wrapper h1", "h1"),
        "author": (".article--wrapper a.ui-captionStrong", ".authorCard--title a", "a.ui-captionStrong"),
        "published": (".article--wrapper time", "time"),
        "tags": ("div.taglist a",),
        "description": ("meta[name=description]::attr(content)",),
        "head_image": ("meta[property='og:image']::attr(content)",),
        "body": (".article--content",),
    },
)

_CATEGORIES = {
    "pmd": "产品设计",
    "pd": "产品经理",
    "operate": "产品运营",
    "marketing": "营销推广",
    "it": "业界动态",
    "evaluating": "分析评测",
    "user-research": "用户研究",
    "data-analysis": "数据分析",
    "zhichang": "职场攻略",
    "chuangye": "创业学院",
}

SITE = SiteProfile(
    slug="woshipm",
    title="人人都是产品经理",
    group="新媒体",
    hosts=("www.woshipm.com", "woshipm.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        *(Listing(channel=name, url=f"{_ORIGIN}/category/{slug}", shape=_CARDS) for slug, name in _CATEGORIES.items()),
        Listing(channel="最新", url=f"{_ORIGIN}/feed", shape=Feed()),
        Listing(channel="热门", url=f"{_ORIGIN}/api2/app/article/popular/daily", shape=_POPULAR),
    ),
    templates={"categories": ListTemplate(channel="{}", url=f"{_ORIGIN}/category/{{}}", shape=_CARDS)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)", r"页面找不到|没有找到该页面"),
        blocked=(r"安全验证", r"验证码", r"访问过于频繁"),
    ),
    clean_rules=CleanRules(
        drop=(
            ".support-author",
            ".author-card",
            ".article--postmeta",
            ".relate-post",
            ".copyright-statement",
            ".rewards-wrapper",
            ".woshipm-statement",
            "div[data-role=ad]",
        ),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=(
            "RSSHub lib/routes/woshipm",
            "levineooo/woshipm-book (2025-06), lcmsyx/woshipm-rss (2026-05)",
            "tests of a project of hot lists (2026-10)",
        ),
        dated="2026-10",
        note="lists; pages of 2025-06",
    ),
)
