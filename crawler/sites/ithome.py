"""IT之家, www.ithome.com: technology news. Its channels are hosts of their own; some links of theirs answer 404."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    Groups,
    HtmlList,
    Listing,
    ListTemplate,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://www.ithome.com"

_CHANNEL = HtmlList(
    item="#list > div.fl > ul > li",
    link=("div > h2 > a::attr(href)",),
    title=("div > h2 > a",),
    published=("div.c::attr(data-ot)",),
    description=("div.m",),
)
_TAG = HtmlList(
    item="ul.bl > li",
    link=("h2 > a::attr(href)",),
    title=("h2 > a",),
    published=("div.c::attr(data-ot)",),
)


def _number(groups: Groups) -> Groups:
    """An address writes a post's number in parts: /0/812/345.htm is that of 812345."""
    return {**groups, "id": str(int(groups["millions"] + groups["thousands"] + groups["ones"]))}


_ARTICLE = PostKind(
    name="article",
    url=r"/(?P<millions>\d)/(?P<thousands>\d{3})/(?P<ones>\d{3})\.htm",
    canonical=f"{_ORIGIN}/{{millions}}/{{thousands}}/{{ones}}.htm",
    groups=_number,
    fields={
        "title": ("h1",),
        "author": ("span.author_baidu > strong", "#author_baidu > strong"),
        "published": ("#pubtime_baidu",),
        "description": ("meta[name=description]::attr(content)",),
        "body": ("#paragraph", "div.post_content"),
    },
)

_CHANNELS = {
    "it": "IT资讯",
    "soft": "软件之家",
    "win10": "Win10",
    "win11": "Win11",
    "iphone": "iPhone",
    "ipad": "iPad",
    "android": "安卓",
    "digi": "数码之家",
    "next": "智能时代",
}

SITE = SiteProfile(
    slug="ithome",
    title="IT之家",
    group="新媒体",
    hosts=("www.ithome.com", "ithome.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        *(Listing(channel=name, url=f"https://{host}.ithome.com/", shape=_CHANNEL) for host, name in _CHANNELS.items()),
        Listing(channel="最新", url=f"{_ORIGIN}/rss/", shape=Feed()),
    ),
    templates={"tags": ListTemplate(channel="{}", url=f"{_ORIGIN}/tag/{{}}", shape=_TAG)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)", r"您?访问的页面(?:不存在|丢失)"),
        blocked=(r"安全验证", r"验证码"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/ithome", "a public register of feeds (2026-10-08) that had the feed fresh"),
        dated="2026-10",
        note="the feed; pages are undated",
    ),
)
