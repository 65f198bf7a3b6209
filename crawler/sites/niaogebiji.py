"""鸟哥笔记, www.niaogebiji.com: marketing and operations articles, and flash news (今日事).

What is known of the pages comes from public scrapers of 2019–2026 and from posts that aggregators stored; the live
pages have not been seen. `birdnest probe niaogebiji` shows what each selector finds there, and
`[sites.niaogebiji.selectors.article]` in birdnest.toml corrects one without touching this file.
"""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
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

_ORIGIN = "https://www.niaogebiji.com"

# Home, category and tag pages share one markup; data-timepoint is the publish time in Unix seconds. It is the first
# choice for the date: an article page of 2026 showed none at all.
_CARDS = HtmlList(
    item="div.articleBox",
    link=("a::attr(href)",),
    title=(".articleTitle",),
    author=(".author",),
    published=("xpath:@data-timepoint",),
    description=(".articleContentInner",),
    tags=(".art_tag",),
    # No list is known to have a second page; it would look like the article's.
    next_page=(".page_nav a.next::attr(href)",),
)

_MORE = JsonList(
    items="return_data",
    ok=("return_code", "200"),
    link="link",
    title="title",
    author="author",
    published="published_at",
    updated="updated_at",
    description="summary",
    tags="tag_list",
)

_FLASH = JsonList(
    items="return_data",
    ok=("return_code", "200"),
    link="url",
    title="title",
    author="user_info.nickname",
    published="pub_time",
    updated="updated_at",
    tags="seo_keywords",
)

_ARTICLE = PostKind(
    name="article",
    url=r"/article-(?P<id>\d+)-\d+\.html",
    canonical=f"{_ORIGIN}/article-{{id}}-1.html",
    fields={
        "title": (".article h1.title", ".article h1", "h1"),
        "author": (".article .author",),
        "published": (".writeTime3",),
        "section": (".article .crumb", ".crumb"),
        "tags": (".article .art_tag",),
        "description": ("meta[name=description]::attr(content)",),
        # `.mobileHide.pc_content` stands beside a second, mobile copy of the body: only .pc_content is taken.
        "body": (".pc_content",),
        "next_page": (".page_nav a.next::attr(href)",),
    },
)

_BULLETIN = PostKind(
    name="bulletin",
    url=r"/pc/bulletin/detail/?\?(?:.*&)?id=(?P<id>\d+)",
    canonical=f"{_ORIGIN}/pc/bulletin/detail?id={{id}}",
    fields={
        "title": (".bulletinTitle",),
        "published": (".bulletinDetail .writeTime3", ".writeTime3"),
        "body": (".bulletinContent",),
    },
    title_optional=True,
)

SITE = SiteProfile(
    slug="niaogebiji",
    title="鸟哥笔记",
    group="新媒体",
    hosts=("www.niaogebiji.com", "niaogebiji.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE, _BULLETIN),
    listings=(
        Listing(channel="首页", url=f"{_ORIGIN}/", shape=_CARDS),
        Listing(channel="首页", url=f"{_ORIGIN}/pc/index/getMoreArticle", shape=_MORE),
        Listing(channel="私域流量", url=f"{_ORIGIN}/cat/101", shape=_CARDS),
        Listing(channel="案例分析", url=f"{_ORIGIN}/cat/103", shape=_CARDS),
        Listing(channel="内容运营", url=f"{_ORIGIN}/cat/136", shape=_CARDS),
        Listing(
            channel="今日事",
            url=f"{_ORIGIN}/pc/bulletin/index",
            shape=_FLASH,
            form=(("page", "1"), ("pub_time", ""), ("isfromajax", "1")),
        ),
    ),
    templates={
        "categories": ListTemplate(channel="{}", url=f"{_ORIGIN}/cat/{{}}", shape=_CARDS),
        "tags": ListTemplate(channel="{}", url=f"{_ORIGIN}/tag/{{}}", shape=_CARDS),
    },
    marks=Marks(
        gone=(r"(?:文章|内容|页面)(?:不存在|已被?删除|已下架)", r"不存在或已(?:被)?删除"),
        blocked=(r"安全验证", r"验证码", r"访问过于频繁", r"拖动(?:滑块|下方)"),
    ),
    clean_rules=CleanRules(tag_links=(r"^https?://(?:www\.)?niaogebiji\.com/tag/",)),
    expectations=Expectations(
        min_found=5,
        min_characters=20,  # of flash news alone, on a slow day
        min_dated_share=0.8,
        max_newest_age_days=14,  # articles come every day, flash news every hour
        failures=TAKEN_DOWN,
    ),
    facts=Provenance(
        sources=("public scrapers of 2019 to 2026", "posts that aggregators stored"),
        dated="2026-04",
        note="an article page; the oldest are of 2019",
    ),
)
