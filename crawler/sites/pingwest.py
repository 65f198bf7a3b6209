"""品玩, www.pingwest.com: articles (/a/) and short news (/w/). Its list is HTML inside of JSON."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    HtmlList,
    Listing,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.pingwest.com"

_STATE = HtmlList(
    within="data.list",
    item="section.item",
    link=(".news-info .title a::attr(href)", ".title a::attr(href)", "a::attr(href)"),
    title=(".news-info .title", ".title"),
    published=("xpath:@data-t",),
    tags=(".item-tag-list a",),
)

# Of a page's other parts nothing is known: the list tells title and time.
_FIELDS = {
    "title": ("h1", "meta[property='og:title']::attr(content)"),
    "author": ("meta[name=author]::attr(content)",),
    "description": ("meta[name=description]::attr(content)",),
    "head_image": ("meta[property='og:image']::attr(content)",),
    "body": ("section .article-style", ".article-style"),
}

_ARTICLE = PostKind(name="a", url=r"/a/(?P<id>\d+)", canonical=f"{_ORIGIN}/a/{{id}}", fields=_FIELDS)
_NEWS = PostKind(name="w", url=r"/w/(?P<id>\d+)", canonical=f"{_ORIGIN}/w/{{id}}", fields=_FIELDS, title_optional=True)

SITE = SiteProfile(
    slug="pingwest",
    title="品玩",
    group="新媒体",
    hosts=("www.pingwest.com", "pingwest.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE, _NEWS),
    listings=(
        Listing(
            channel="实时要闻",
            url=f"{_ORIGIN}/api/state/list?page=1",
            shape=_STATE,
            headers=(("Referer", f"{_ORIGIN}/"),),
        ),
        Listing(channel="最新", url=f"{_ORIGIN}/feed/all", shape=Feed()),
    ),
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(sources=("RSSHub lib/routes/pingwest",)),
)
