"""快科技, news.mydrivers.com: technology news. Its mobile pages (m.mydrivers.com) have the same numbers."""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    Feed,
    Groups,
    HtmlList,
    Listing,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)
from pipelines.clean.rules import CleanRules

_ORIGIN = "https://news.mydrivers.com"
_LINE = "//*[contains(@class, 'news_bt1_left')]"  # 2021-10-08 09:30:12  出处：快科技 作者：某某 编辑：某某 人气：…

_FRAGMENT = HtmlList(
    item="li[data-id]",
    link=("div.news_title span.newst a::attr(href)",),
    title=("div.news_title span.newst a",),
    author=("p.tname",),
    published=("p.ttime",),
)


def _folder(groups: Groups) -> Groups:
    """A desktop page lies in the folder of its number's thousands."""
    return {**groups, "thousands": str(int(groups["id"]) // 1000)}


_ARTICLE = PostKind(
    name="article",
    url=r"/1/\d+/(?P<id>\d+)\.htm",
    canonical=f"{_ORIGIN}/1/{{thousands}}/{{id}}.htm",
    other_urls=((r"/newsview/(?P<id>\d+)\.html", f"{_ORIGIN}/1/{{thousands}}/{{id}}.htm"),),
    groups=_folder,
    fields={
        "title": ("#thread_subject", ".news_bt", "div.news_t"),
        "author": (
            f"xpath:normalize-space(substring-before(substring-after({_LINE}, '作者：'), '编辑'))",
            f"xpath:normalize-space(substring-before(substring-after({_LINE}, '出处：'), '作者'))",
            "li.writer",
        ),
        "published": (".news_bt1_left", "xpath://li[@class='writer']/following-sibling::li[1]"),
        "tags": (".bqian a", "div.bqian1 a"),
        "description": ("meta[name=description]::attr(content)",),
        "head_image": ("meta[property='og:image']::attr(content)",),
        "body": (".news_info", "#content"),
    },
)

SITE = SiteProfile(
    slug="mydrivers",
    title="快科技",
    group="新媒体",
    hosts=("news.mydrivers.com", "m.mydrivers.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        Listing(channel="最新", url="https://rss.mydrivers.com/rss.aspx?Tid=1", shape=Feed()),
        Listing(channel="最新", url="https://m.mydrivers.com/m/newslist.ashx?ac=new", shape=_FRAGMENT),
        Listing(channel="热门", url="https://m.mydrivers.com/m/newslist.ashx?ac=hot", shape=_FRAGMENT),
    ),
    marks=Marks(
        gone=(r"(?:文章|页面|内容|新闻)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码"),
    ),
    clean_rules=CleanRules(drop=(".bqian", ".news_jc")),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=("RSSHub lib/routes/mydrivers", "a desktop page of 2020-11 as saved in 2021-10"),
        dated="2021-10",
        note="a desktop page; lists are undated",
    ),
)
