"""cnBeta, www.cnbeta.com.tw (once cnbeta.com): technology news, most of it from other sources, which it names.

Its lists beside the feed want the cookie of a page that gave a token; Birdnest keeps no cookies, so they are not read.
"""

from __future__ import annotations

from crawler.profile import TAKEN_DOWN, Expectations, Feed, Listing, Marks, PostKind, Provenance, SiteProfile
from pipelines.clean.rules import CleanRules

_ORIGIN = "https://www.cnbeta.com.tw"

_ARTICLE = PostKind(
    name="article",
    url=r"/articles/(?P<section>[\w-]+)/(?P<id>\d+)\.html?",
    canonical=f"{_ORIGIN}/articles/{{section}}/{{id}}.htm",
    fields={
        "title": ("header.title h1", "h1"),
        # 稿源：who wrote it is not told.
        "author": (
            "xpath:substring-after(//header//*[contains(@class, 'source')], '：')",
            "header.title .meta .source",
        ),
        "published": ("header.title .meta span", ".meta span"),
        "tags": (".article-tags a",),
        "description": ("meta[name=description]::attr(content)",),
        "body": ("all:.article-summary, .article-content",),
    },
)

SITE = SiteProfile(
    slug="cnbeta",
    title="cnBeta",
    group="新媒体",
    hosts=("www.cnbeta.com.tw", "cnbeta.com.tw", "www.cnbeta.com", "cnbeta.com", "hot.cnbeta.com.tw"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(Listing(channel="最新", url=f"{_ORIGIN}/backend.php", shape=Feed()),),
    marks=Marks(
        gone=(r"(?:文章|页面|内容|新闻)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码", r"Just a moment"),
    ),
    clean_rules=CleanRules(drop=(".topic", ".article-topic", ".article-global", ".article-relation")),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/cnbeta", "a public register of feeds (2026-10-08) that had the feed fresh"),
        dated="2026-10",
        note="the feed; pages are undated",
    ),
)
