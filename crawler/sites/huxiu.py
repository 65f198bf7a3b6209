"""虎嗅, www.huxiu.com: business articles. A page carries its article as Nuxt's flat JSON.

The site answers 503 or nothing under load, and a firewall has kept readers out for weeks. Briefs and moments are not
read: nothing is known of their fields.
"""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    JsonDocument,
    JsonList,
    Listing,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)
from pipelines.clean.rules import IMAGE_ORIGINALS, CleanRules

_ORIGIN = "https://www.huxiu.com"

_NEWEST = JsonList(
    items="data.dataList",
    link=f"{_ORIGIN}/article/{{aid}}.html",
    title="title",
    author="user_info.username",
    published="dateline",
    description="summary",
)

_ARTICLE = PostKind(
    name="article",
    url=r"/article/(?P<id>\d+)(?:\.html|/|\?|$)",
    canonical=f"{_ORIGIN}/article/{{id}}.html",
    document=JsonDocument(
        begin=r"<script[^>]*\bid=[\"']__NUXT_DATA__[\"'][^>]*>",
        form="references",
        having=("content", "dateline", "user_info"),
    ),
    fields={
        "title": ("json:title",),
        "author": ("json:user_info.username",),
        "published": ("json:dateline",),
        "section": ("json:relation_info.channel.*.name",),
        "tags": ("json:tags_info.*.name",),
        "description": ("json:summary",),
        "head_image": ("json:pic_path",),
        "body": ("json:content_preface + content",),
    },
)

SITE = SiteProfile(
    slug="huxiu",
    title="虎嗅",
    group="新媒体",
    hosts=("www.huxiu.com", "huxiu.com", "m.huxiu.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        Listing(
            channel="资讯",
            url="https://api-web-article.huxiu.com/web/article/articleList",
            shape=_NEWEST,
            form=(("platform", "www"), ("pagesize", "22")),
        ),
        Listing(channel="最新", url=f"{_ORIGIN}/rss/0.xml", shape=Feed()),
    ),
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码", r"访问(?:被拦截|异常|过于频繁)"),
    ),
    clean_rules=CleanRules(
        drop=("div.neirong-shouquan", "[class^=vote__]", "[class*=' vote__']"),
        heading_classes=(("text-big-title", "h3"), ("text-sm-title", "h4")),
        image_originals=(*IMAGE_ORIGINALS, (r"(huxiu(?:cdn)?\.com/[^?#]+)\?[^#]*", r"\1")),
    ),
    delay_seconds=5.0,
    concurrency=1,
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/huxiu, its issue #16887 (2024-09) and pull request #21706 (2026-04)",),
        dated="2026-04",
        note="or later",
    ),
)
