"""界面新闻, www.jiemian.com: business news. Articles for paying readers are cut; how their
pages say so is not known.
"""

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

_ORIGIN = "https://www.jiemian.com"

_LINKS = HtmlList(item="a[href*='/article/']", link=("xpath:@href",), title=("xpath:@title", "xpath:string(.)"))

_ARTICLE = PostKind(
    name="article",
    url=r"/article/(?P<id>\d+)(?:_\w+)?\.html",
    canonical=f"{_ORIGIN}/article/{{id}}.html",
    fields={
        "title": ("div.article-header h1", "h1"),
        "author": ("span.author a", "span.author"),
        "published": ("div.article-info span[data-article-publish-time]::attr(data-article-publish-time)",),
        # The page's own element of this name has no content to an HTML parser: the link stands behind it.
        "section": ("meta.meta-container + a", "meta.meta-container a"),
        "description": ("div.article-header > p",),
        "head_image": ("div.article-img img::attr(src)",),
        "body": ("all:div.article-header > p, div.article-img, div.article-content",),
    },
)

SITE = SiteProfile(
    slug="jiemian",
    title="界面新闻",
    group="新媒体",
    hosts=("www.jiemian.com", "jiemian.com", "m.jiemian.com"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(
        Listing(channel="科技", url=f"{_ORIGIN}/lists/65.html", shape=_LINKS),
        Listing(channel="商业", url=f"{_ORIGIN}/lists/2.html", shape=_LINKS),
        Listing(channel="最新", url="https://a.jiemian.com/index.php?m=article&a=rss", shape=Feed()),
    ),
    templates={"lists": ListTemplate(channel="{}", url=f"{_ORIGIN}/lists/{{}}.html", shape=_LINKS)},
    marks=Marks(
        gone=(r"(?:文章|页面|内容)(?:不存在|已被?删除|已下架)",),
        blocked=(r"安全验证", r"验证码"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(sources=("RSSHub lib/routes/jiemian",)),
)
