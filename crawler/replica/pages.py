"""The article pages, the bulletin's detail pages, and what stands in for them."""

import html
from urllib.parse import quote

from crawler.replica.content import PAGE_BREAK, SITE_ZONE, Bulletin, Post
from crawler.replica.shell import page

_TIME = "%Y-%m-%d %H:%M:%S"


def article(post: Post, body: str, *, number: int = 1, charset: str = "utf-8") -> str | None:
    """Page `number` of an article with that body; None where it has no such page."""
    parts = body.split(PAGE_BREAK)
    if not 1 <= number <= len(parts):
        return None
    part = parts[number - 1].strip("\n")
    main = _MAIN.format(
        crumb=post.category_name,
        category=post.category,
        title=html.escape(post.title),
        author=html.escape(post.author),
        time=_time_line(post),
        content=_content(post, part),
        mobile=part,
        pager=_pager(post.id, number, len(parts)),
        tags=" ".join(f'<a class="art_tag" href="/tag/{quote(tag)}">{html.escape(tag)}</a>' for tag in post.tags),
    )
    return page(
        title=f"{post.title}-鸟哥笔记",
        description=post.summary,
        main=main,
        script=f"var articleInfo = {{aid: {post.id}, page: {number}}};",
        charset=charset,
    )


def bulletin(item: Bulletin) -> str:
    """`/pc/bulletin/detail?id=<n>`."""
    return page(
        title=f"{item.title}_今日事-鸟哥笔记",
        description=item.title,
        main=f"""<div class="bulletinDetail"><h1 class="bulletinTitle">{html.escape(item.title)}</h1>
<span class="writeTime3">{item.published.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}</span>
<div class="bulletinContent">{item.body.strip()}</div></div>""",
    )


def not_found() -> str:
    return page(
        title="页面不存在-鸟哥笔记",
        description="页面不存在",
        main='<div class="errorBox"><div class="errorCode">404</div><p>您访问的页面不存在</p></div>',
    )


def deleted() -> str:
    """The soft 404: sent with status 200."""
    return page(
        title="提示信息-鸟哥笔记",
        description="提示信息",
        main="""<div class="tipBox"><p class="tipText">抱歉，您访问的文章不存在或已被删除</p>
<a href="/">返回首页</a></div>""",
    )


def empty_template() -> str:
    """A soft 404: the template of an article with nothing filled in."""
    return page(title="鸟哥笔记", description="", main=_TEMPLATE.format(content=""))


def notice_in_template() -> str:
    """A soft 404: the notice stands where the article would."""
    notice = "<p>抱歉，该文章已被作者删除</p>"
    return page(title="鸟哥笔记", description="", main=_TEMPLATE.format(content=notice))


def captcha() -> str:
    """The check for humans: sent with status 200, without the site's frame."""
    return _CAPTCHA


def without_body(post: Post) -> str:
    """An article page whose body container is missing: the site's markup has changed."""
    main = f"""<div class="article">
<h1 class="title">{html.escape(post.title)}</h1>
<div class="articleMeta"><a class="author" href="javascript:;">{html.escape(post.author)}</a>{_time_line(post)}</div>
<div class="richText_v3" id="app"></div>
</div>"""
    return page(title=f"{post.title}-鸟哥笔记", description=post.summary, main=main)


def search() -> str:
    return page(title="搜索-鸟哥笔记", description="搜索", main='<div class="searchBox"><p>请输入关键词</p></div>')


def _time_line(post: Post) -> str:
    if post.published is None:
        return ""
    return f'<span class="writeTime3">{post.published.astimezone(SITE_ZONE).strftime(_TIME)}</span>'


def _content(post: Post, part: str) -> str:
    if post.markup == 2021:  # noqa: PLR2004 - a year
        return f"""<div class="mobileHide pc_content"><div style="height: 6px"></div>
                        {part}                        <div style="height: 1px"></div>
                      </div>"""
    return f"""<div class="pc_content"><div style="height: 6px"></div>
                        <div id="js_content">
{part}
</div>                        <div style="height: 1px"></div>
                      </div>"""


def _pager(article_id: int, number: int, count: int) -> str:
    if count == 1:
        return ""
    links = []
    if number > 1:
        links.append(f'<a class="prev" href="/article-{article_id}-{number - 1}.html">上一页</a>')
    if number < count:
        links.append(f'<a class="next" href="/article-{article_id}-{number + 1}.html">下一页</a>')
    return f'<div class="page_nav">{"".join(links)}</div>'


_MAIN = """<div class="crumbs"><a href="/">首页</a> &gt; <a class="crumb" href="/cat/{category}">{crumb}</a></div>
<div class="article">
<h1 class="title">{title}</h1>
<div class="articleMeta"><a class="author" href="javascript:;">{author}</a>{time}
<span class="viewNum">3126 阅读</span></div>
{content}
<div class="pcHide mobile_content">
{mobile}
</div>
{pager}
<div class="articleTags">{tags}</div>
<div class="declare">本文为作者独立观点，不代表鸟哥笔记立场，未经允许不得转载。</div>
</div>
<div class="shareBar"><a href="javascript:;">收藏</a><a href="javascript:;">点赞</a>
<a href="javascript:;">分享</a></div>
<div class="comments">
<div class="commentHead">评论（2）</div>
<form class="commentForm" action="javascript:;"><textarea name="comment" placeholder="说点什么"></textarea></form>
<div class="commentItem"><span class="commentUser">运营阿柴</span><p>第二部分很实用，已经转给同事了。</p></div>
<div class="commentItem"><span class="commentUser">一颗小番茄</span><p>请问有模板可以下载吗？</p></div>
</div>"""

_CAPTCHA = """<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>安全验证</title></head>
<body>
<div class="verifyBox">
<p>请完成安全验证后继续访问</p>
<form id="sliderForm" action="/verify" method="post">
<input type="hidden" name="token" value="c1f0a9d2">
<div class="slider"><span class="sliderHandle"></span><span class="sliderText">向右拖动滑块完成拼图</span></div>
<button type="submit">提交验证</button>
</form>
</div>
<script>var verify = {type: "slider"};</script>
</body>
</html>
"""

_TEMPLATE = """<div class="article"><h1 class="title"></h1>
<div class="articleMeta"><a class="author" href="javascript:;"></a></div>
<div class="pc_content"><div style="height: 6px"></div>{content}<div style="height: 1px"></div></div></div>"""

_LOGIN = """<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>登录-鸟哥笔记</title></head>
<body><div class="loginBox"><h2>账号登录</h2><p>请先登录，登录后查看全文</p>
<form action="/login" method="post"><input name="mobile"><input type="password" name="password">
<button>登录</button></form><a href="/forget">忘记密码</a> <a href="/register">立即注册</a></div></body>
</html>
"""

_WAF = """<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>访问被拦截</title></head>
<body><h1>很抱歉，由于您访问的URL有可能对网站造成安全威胁，您的访问被阻断。</h1>
<p>您的请求ID是：<strong>781bad0a16582</strong></p></body>
</html>
"""

_PARKED = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>niaogebiji.com is for sale</title></head>
<body><h1>niaogebiji.com</h1><p>Buy this domain. The domain name is for sale by its owner.</p>
<ul><li><a href="/?s=1">Marketing</a></li><li><a href="/?s=2">Insurance</a></li></ul></body>
</html>
"""

STAND_INS = {"captcha": _CAPTCHA, "login": _LOGIN, "waf": _WAF, "parked": _PARKED}
"""What may stand in place of every article, by its name."""
