# ruff: noqa: E501 - markup stands as sites write it
"""Sites of many builds, as pages whose values are known: what a draft has to find, in pages it has not seen, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawler.draft.pages import Seen

FETCHED_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_WORDS = ("渠道", "复盘", "门店", "私域", "直播", "短视频", "会员", "投放", "增长", "留存", "选题", "转化")
_PLACES = ("harbour", "mill", "orchard", "bridge", "quarry", "lighthouse", "market", "railway", "canal", "meadow")


@dataclass(frozen=True, kw_only=True)
class Article:
    """What one article is made of; `number` counts from 0, the newest first."""

    number: int
    title: str
    author: str
    moment: datetime
    tags: tuple[str, ...]
    section: str
    summary: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One build of a site. `finds` are the fields that the draft has to get right in every page."""

    name: str
    host: str
    path: Callable[[Article], str]
    page: Callable[[Article], str]
    entry: Callable[[Article], str]
    frame: Callable[[str], str]
    finds: tuple[str, ...] = ("title", "author", "published", "tags")
    encoding: str = "utf-8"
    english: bool = False
    list_path: str = "/"

    def url(self, article: Article) -> str:
        return f"https://{self.host}{self.path(article)}"

    def seen(self, article: Article) -> Seen:
        return self._seen(self.url(article), self.page(article))

    def list_page(self, articles: Sequence[Article]) -> Seen:
        return self._seen(f"https://{self.host}{self.list_path}", self.frame("\n".join(map(self.entry, articles))))

    def _seen(self, url: str, text: str) -> Seen:
        return Seen(name=url, url=url, body=text.encode(self.encoding), content_type="", fetched_at=FETCHED_AT)


def articles(layout: Layout, count: int = 12) -> tuple[Article, ...]:
    return tuple((_english if layout.english else _chinese)(number) for number in range(count))


def _chinese(number: int) -> Article:
    word, other = _WORDS[number % len(_WORDS)], _WORDS[(number * 5 + 3) % len(_WORDS)]
    return Article(
        number=number,
        title=f"{word}做了{number + 2}个月，我们怎么看{other}",
        author=("老周", "阿北说增长", "见实", "小番茄")[number % 4],
        moment=datetime(2026, 11, 19 - number, 8 + number % 9, 5 + number, tzinfo=UTC),
        tags=(word, other),
        section=("案例", "方法", "观察")[number % 3],
        summary=f"从{word}说起：第{number + 1}次复盘里，{other}的三个数字，以及它们为什么会骗人。",
        paragraphs=tuple(
            f"第{part + 1}部分讲{word}。我们在第{number * 7 + part}周换了做法，把{other}放到前面，"
            "结果和预想的不一样：人数少了，留下来的人却更愿意回答问题，这是之前没有见过的。"
            for part in range(4 + number % 3)
        ),
    )


def _english(number: int) -> Article:
    place, other = _PLACES[number % len(_PLACES)], _PLACES[(number * 3 + 1) % len(_PLACES)]
    return Article(
        number=number,
        title=f"What the {place} taught us about the {other} in {number + 3} weeks",
        author=("Ada Brook", "Tom Hale", "Mina Okafor")[number % 3],
        moment=datetime(2026, 11, 19 - number, 8 + number % 9, 5 + number, tzinfo=UTC),
        tags=(place, other),
        section=("Notes", "Essays", "Field work")[number % 3],
        summary=f"A walk from the {place} to the {other}, with {number + 3} measurements that did not agree.",
        paragraphs=tuple(
            f"On day {number * 5 + part} we came to the {place}, and found that the {other} was closed. Nobody had "
            "written that down, so we did: the hours, the weather, and the names of those who could tell us more."
            for part in range(4 + number % 3)
        ),
    )


def _body(article: Article, tag: str = "p") -> str:
    return "\n".join(f"<{tag}>{text}</{tag}>" for text in article.paragraphs)


def _wordpress() -> Layout:
    def slug(article: Article) -> str:
        return "-".join(article.title.lower().split()[2:])

    def path(article: Article) -> str:
        return f"/{article.moment:%Y/%m}/{slug(article)}/"

    def head(title: str, more: str = "") -> str:
        return f"""<!DOCTYPE html><html lang="en-US"><head><meta charset="utf-8"><title>{title}</title>
<link rel="alternate" type="application/rss+xml" title="Slow Roads &raquo; Feed" href="https://slowroads.example/feed/">
<link rel="alternate" type="application/rss+xml" title="Comments Feed" href="https://slowroads.example/comments/feed/">
<meta property="og:site_name" content="Slow Roads">{more}</head>
<body class="blog wp-theme"><header class="site-header"><a class="site-title" href="/">Slow Roads</a>
<nav class="main-navigation"><ul><li><a href="/about/">About</a></li><li><a href="/archive/">Archive</a></li>
<li><a href="/contact/">Contact</a></li></ul></nav></header><div id="content" class="site-content">"""

    def foot() -> str:
        return """</div><aside class="widget-area"><h2>Recent comments</h2><ul><li>Joe on <a href="/about/">About</a></li>
</ul></aside><footer class="site-footer">Proudly powered</footer></body></html>"""

    def page(article: Article) -> str:
        tags = " ".join(f'<a href="/tag/{tag}/" rel="tag">{tag}</a>' for tag in article.tags)
        times = (
            f'<meta property="article:published_time" content="{article.moment.isoformat()}">'
            f'<meta name="description" content="{article.summary}">'
            f'<link rel="alternate" type="application/rss+xml" href="{path(article)}feed/">'
        )
        return (
            head(f"{article.title} - Slow Roads", times)
            + f"""<main id="main"><article id="post-{4000 + article.number}" class="post-{4000 + article.number} post type-post hentry">
<header class="entry-header"><h1 class="entry-title">{article.title}</h1><div class="entry-meta">
<span class="posted-on"><time class="entry-date published" datetime="{article.moment.isoformat()}">{article.moment:%B %d, %Y}</time></span>
<span class="byline">by <span class="author vcard"><a class="url fn n" href="/author/x{article.number % 3}/">{article.author}</a></span></span>
<span class="cat-links"><a href="/category/notes/" rel="category tag">{article.section}</a></span></div></header>
<div class="entry-content">{_body(article)}</div>
<footer class="entry-footer"><span class="tags-links">{tags}</span></footer></article></main>"""
            + foot()
        )

    def entry(article: Article) -> str:
        return f"""<article id="post-{4000 + article.number}" class="post-{4000 + article.number} post type-post hentry">
<h2 class="entry-title"><a href="{path(article)}" rel="bookmark">{article.title}</a></h2>
<div class="entry-meta"><time class="entry-date" datetime="{article.moment.isoformat()}">{article.moment:%B %d, %Y}</time></div>
<div class="entry-summary"><p>{article.summary}</p></div></article>"""

    def frame(entries: str) -> str:
        more = '<nav class="pagination"><a class="next page-numbers" href="/page/2/">Older posts</a></nav>'
        return head("Slow Roads - notes on walking") + f'<main id="main">{entries}{more}</main>' + foot()

    return Layout(
        name="an English blog by WordPress, with dated addresses and a feed",
        host="slowroads.example",
        path=path,
        page=page,
        entry=entry,
        frame=frame,
        english=True,
    )


def _hashed() -> Layout:
    """Class names that a build tool made, the meaning in attributes only."""

    def path(article: Article) -> str:
        return f"/story/{7000 + article.number}"

    def head(title: str) -> str:
        return f"""<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{title}</title></head><body>
<div id="root"><div class="css-1x2ab3 sc-bdVaJa"><a href="/" class="css-9zzq1k">拾光志</a><a href="/hot" class="css-9zzq1k">热门</a></div>"""

    def page(article: Article) -> str:
        return (
            head(f"{article.title} | 拾光志")
            + f"""<main class="Page_root__3kT9a"><article class="css-77ab1c"><h1 class="css-1q2w3e">{article.title}</h1>
<div class="css-0p9o8i"><a class="css-2k3j4h" rel="author" href="/u/{article.number % 4}">{article.author}</a>
<time class="css-5t6y7u" datetime="{article.moment.isoformat()}">{article.moment:%Y年%m月%d日 %H:%M}</time></div>
<section class="Body_root__9aQx2" itemprop="articleBody">{_body(article)}</section></article></main>
<div class="css-4r5t6y">{"".join(f'<a class="css-8u9i0o" href="/story/{6000 + n}">往期推荐的第{n}篇文章</a>' for n in range(5))}</div>
</div></body></html>"""
        )

    def entry(article: Article) -> str:
        return f"""<a class="css-3e4r5t Card_root__8sK2d" href="{path(article)}"><h3 class="css-1a2s3d">{article.title}</h3>
<p class="css-7h8j9k">{article.summary}</p><time class="css-0z1x2c" datetime="{article.moment.isoformat()}">昨天</time></a>"""

    def frame(entries: str) -> str:
        return (
            head("拾光志 | 慢慢写")
            + f'<main class="Page_root__3kT9a"><div class="css-6f7g8h">{entries}</div></main></div></body></html>'
        )

    return Layout(
        name="generated class names, entries that are links",
        host="www.shiguang.example",
        path=path,
        page=page,
        entry=entry,
        frame=frame,
        finds=("title", "author", "published"),
    )


def _table() -> Layout:
    """An old site in GBK: tables, a line that says everything after labels, addresses with a query."""

    def path(article: Article) -> str:
        return f"/show.asp?id={320 + article.number}"

    def head(title: str) -> str:
        return f"""<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"><title>{title}</title></head>
<body><table width="960"><tr><td><a href="/">首页</a> <a href="/list.asp?cid=1">动态</a> <a href="/list.asp?cid=2">通知</a></td></tr></table>"""

    def page(article: Article) -> str:
        return (
            head(f"{article.title}_县报网")
            + f"""<table width="960" class="show"><tr><td class="bt">{article.title}</td></tr>
<tr><td class="ly">作者：{article.author} 来源：县报 阅读：{article.number * 3 + 17}次</td></tr>
<tr><td class="sj">发布时间：{article.moment:%Y-%m-%d %H:%M}</td></tr>
<tr><td id="zw">{_body(article)}</td></tr></table>
<table class="foot"><tr><td>版权所有 县报社 联系电话 0571-0000000</td></tr></table></body></html>"""
        )

    def entry(article: Article) -> str:
        return f'<tr><td class="dot">·</td><td><a href="{path(article)[1:]}">{article.title}</a></td><td class="rq">{article.moment:%m-%d}</td></tr>'

    def frame(entries: str) -> str:
        return head("动态_县报网") + f'<table class="newslist">{entries}</table></body></html>'

    return Layout(
        name="tables in GBK, a byline after a label, ids in the query",
        host="www.xianbao.example",
        path=path,
        page=page,
        entry=entry,
        frame=frame,
        finds=("title", "author", "published"),
        encoding="gbk",
        list_path="/list.asp?cid=1",
    )


def _portal() -> Layout:
    """A portal: side lists of the same articles, a crumb, a second copy of the text, day folders in addresses."""

    def path(article: Article) -> str:
        return f"/a/{article.moment:%Y%m%d}/{90210 + article.number * 3}.shtml"

    def head(title: str) -> str:
        return f"""<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title></head><body>
<div class="topnav"><a href="/">门户</a><a href="/tech/">科技</a><a href="/life/">生活</a></div><div class="wrap clearfix">"""

    def side() -> str:
        rows = "".join(
            f'<li><a href="/a/20261001/{80000 + n}.shtml">侧栏里的热门文章第{n}篇，标题也很长</a></li>'
            for n in range(6)
        )
        cloud = "".join(f'<a href="/tag/{word}">{word}</a>' for word in _WORDS[:5])
        return f'</div><div class="sidebar"><ul class="hot-list">{rows}</ul><div class="tagcloud">{cloud}</div></div></body></html>'

    def page(article: Article) -> str:
        tags = "".join(f'<a href="/tag/{tag}" target="_blank">{tag}</a>' for tag in article.tags)
        return (
            head(f"{article.title}_科技_门户网")
            + f"""<div class="main fl"><div class="crumbs"><a href="/">门户</a> &gt; <a href="/tech/">科技</a> &gt; <a class="cur" href="/tech/{article.number % 3}/">{article.section}</a></div>
<h1 class="main-title">{article.title}</h1>
<div class="date-source"><span class="date">{article.moment:%Y年%m月%d日 %H:%M}</span><span class="source author-name">{article.author}</span></div>
<div class="article" id="artibody">{_body(article)}</div>
<div class="keywords"><span>关键词：</span>{tags}</div></div>"""
            + side()
        )

    def entry(article: Article) -> str:
        return f"""<div class="feed-card-item clearfix"><h2><a href="https:{"//www.menhu.example" + path(article)}">{article.title}</a></h2>
<div class="feed-card-txt">{article.summary}</div>
<div class="feed-card-a"><span class="feed-card-time">{article.moment:%m月%d日 %H:%M}</span></div></div>"""

    def frame(entries: str) -> str:
        return (
            head("科技_门户网")
            + f'<div class="main fl"><h1>科技新闻</h1><div class="feed-card">{entries}</div></div>'
            + side()
        )

    return Layout(
        name="a portal with side lists, a crumb and day folders",
        host="www.menhu.example",
        path=path,
        page=page,
        entry=entry,
        frame=frame,
        finds=("title", "author", "published", "tags", "section"),
        list_path="/tech/",
    )


LAYOUTS = (_wordpress(), _hashed(), _table(), _portal())
