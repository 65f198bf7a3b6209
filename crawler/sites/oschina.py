"""开源中国, www.oschina.net and the blogs of my.oschina.net.

The site was rebuilt: these are the selectors of its older pages, and may find nothing on newer ones. Its news list
names pages of other hosts, too, which are none of its posts; lists other than the feed want cookies.
"""

from __future__ import annotations

from crawler.profile import TAKEN_DOWN, Expectations, Feed, Listing, Marks, PostKind, Provenance, SiteProfile
from pipelines.clean.rules import CleanRules

_ORIGIN = "https://www.oschina.net"
_META = "//*[contains(@class, 'article-box__meta')]//*[contains(concat(' ', @class, ' '), ' item ')]"
_FIELDS = {
    "title": ("h1.article-box__title", "h1"),
    "author": (".article-box__meta a[href*='my.oschina.net/u/']", ".article-box__meta a[href*='/u/']"),
    # Of the items of the line the one that is a whole date.
    "published": (f"xpath:{_META}[contains(translate(., '123456789', '000000000'), '0000-00-00 00:00')]",),
    "updated": ("meta[property='bytedance:updated_time']::attr(content)",),
    "tags": ("div.tags-box a.tag-item",),
    "description": ("meta[name=description]::attr(content)",),
    "head_image": ("val[data-name=sharePic]::attr(data-value)",),
    "body": (".article-detail", "div.content"),
}

_NEWS = PostKind(
    name="news",
    url=r"/news/(?P<id>\d+)(?:/|\?|$)",
    canonical=f"{_ORIGIN}/news/{{id}}",
    fields=_FIELDS,
)

_BLOG = PostKind(
    name="blog",
    url=r"/u/(?P<user>\d+)/blog/(?P<id>\d+)",
    canonical="https://my.oschina.net/u/{user}/blog/{id}",
    fields=_FIELDS,
)

SITE = SiteProfile(
    slug="oschina",
    title="开源中国",
    group="新媒体",
    hosts=("www.oschina.net", "oschina.net", "my.oschina.net"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_NEWS, _BLOG),
    listings=(Listing(channel="资讯", url=f"{_ORIGIN}/news/rss", shape=Feed()),),
    marks=Marks(
        gone=(r"(?:文章|页面|内容|资讯|博客)(?:不存在|已被?删除|已下架)", r"你要访问的页面不存在"),
        blocked=(r"安全验证", r"验证码", r"访问过于频繁"),
    ),
    clean_rules=CleanRules(drop=(".ad-wrap",)),
    expectations=Expectations(min_found=3, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/oschina", "a public register of feeds (2026-10-08) that had the feed fresh"),
        dated="2026-10",
        note="the feed; pages are of before the site was rebuilt",
    ),
)
