"""微信公众号, mp.weixin.qq.com: articles of WeChat's public accounts, by their links; no public list names them.

A post is known by its account's number, and by the numbers of the message and of the article in it (`__biz`, `mid`,
`idx`): they are in a long link, and in the page behind a short one (`/s/` and 22 characters), which names nothing.
`sn` belongs to a link, not to the post. The address that a post keeps is the one by which it was had: in 2026 long
links led other readers than WeChat's own to a challenge, and short ones did not. Temporary links (`src`, `timestamp`,
`signature`) are no addresses of posts: open one and copy the short link.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from crawler.profile import (
    TAKEN_DOWN,
    Expectations,
    ExpectedFailure,
    Groups,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)
from pipelines.clean.rules import CleanRules

_ORIGIN = "https://mp.weixin.qq.com"
_LONG = (
    r"/(?:s|mp/appmsg/show)/?\?(?=(?:.*&)?__biz=(?P<biz>[^&#]+))"
    r"(?=(?:.*&)?(?:mid|appmsgid)=(?P<mid>\d+))(?=(?:.*&)?(?:idx|itemidx)=(?P<idx>\d+))"
)
# `var biz = ""||"MjM5…"`: of a chain of alternatives the first that is not empty.
_FIRST = r"""\s*=\s*(?:(?:""|'')\s*\|\|\s*)*"""
_PICTURE, _TEXT, _VIDEO, _AUDIO = "8", "10", "5", "7"
_BY_SCRIPT = frozenset({_VIDEO, "6", _AUDIO, _PICTURE, _TEXT, "17"})
_KIND = re.compile(rf"""\b(?:real_)?item_show_type(?:\s*:\s*|{_FIRST})["'](\d+)["']""")
_CONTAINER = re.compile(r"""\bid\s*=\s*["']?js_content\b""")
_STRING = r"""(?:JsDecode\(\s*|htmlDecode\(\s*)?(?P<quote>["'])(?P<value>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)"""
_PICTURES = re.compile(r"picture_page_info_list\s*[:=]\s*\[")
_OTHER_STRING = r"""(?P<other>["'])(?:\\.|(?!(?P=other))[^\\])*(?P=other)"""
_TOKEN = re.compile(rf"\bcdn_url\s*:\s*(?P<url>{_STRING})|{_OTHER_STRING}|[\[{{}}\]]")
_PLAYER = f"{_ORIGIN}/mp/readtemplate?t=pages/video_player_tmpl&amp;vid="
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t"}


def _post(groups: Groups) -> Groups:
    """`biz` is the number of an account in base64: two accounts may differ in nothing but the case of letters."""
    if not {"biz", "mid", "idx"} <= set(groups):
        return groups
    biz = unquote(groups["biz"]).rstrip("=")
    biz += "=" * (-len(biz) % 4)
    groups = {**groups, "biz": biz}
    try:
        number = base64.b64decode(biz, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return groups
    return {**groups, "id": f"{number}-{groups['mid']}-{groups['idx']}"} if number.isdecimal() else groups


def _written(page: str) -> str:
    """A page whose article is written by its scripts (pictures, a few lines, a video, a sound), with it as HTML."""
    kinds = _KIND.findall(page)
    kind = next((kind for kind in kinds if kind != "0"), "0")
    if kind not in _BY_SCRIPT and (_CONTAINER.search(page) or not kinds):
        return page
    text = _value(page, "content_noencode")
    text = text.replace("\r", "").replace("\n", "<br>") if kind in _BY_SCRIPT else text
    pictures = "".join(f'<p><img src="{html.escape(url)}" alt=""></p>' for url in _pictures(page))
    title = _value(page, "msg_title") or _value(page[page.find("cgiData") :], "title")
    title = html.escape(html.unescape(title), quote=False)
    body = f"{pictures}{_player(page, kind, title)}{text or html.escape(_value(page, 'desc'))}"
    return f'{page}<h1 id="birdnest-title">{title}</h1><div id="birdnest-body">{body}</div>' if body else page


def _player(page: str, kind: str, title: str) -> str:
    voice = re.search(r"""\bvoice_?id\s*:\s*["'](\w+)["']""", page) if kind == _AUDIO else None
    if voice:
        return f'<mpvoice voice_encode_fileid="{voice[1]}" name="{html.escape(title)}"></mpvoice>'
    video = re.search(r"""\b(?:vid|video_id)\s*[:=]\s*["'](wxv_\d+)["']""", page) if kind == _VIDEO else None
    if video:
        return f'<iframe class="video_iframe" data-src="{_PLAYER}{video[1]}"></iframe>'
    return ""


def _pictures(page: str) -> Iterator[str]:
    """The pictures of a set; not those inside of each (its cover for sharing, its watermark)."""
    for begin in _PICTURES.finditer(page):
        depth, found = 1, []
        for token in _TOKEN.finditer(page, begin.end()):
            if token["url"] is not None:
                found += [token["value"]] if depth == 2 else []  # noqa: PLR2004 - [ {
            elif token[0] in "[{":
                depth += 1
            elif token[0] in "]}":
                depth -= 1
            if depth == 0:
                break
        if found:
            yield from dict.fromkeys(_decoded(url).replace("&amp;", "&") for url in found)
            return


def _value(page: str, name: str) -> str:
    """The first text of this name in the page's scripts that is not empty, without JavaScript's escapes."""
    for match in re.finditer(rf"\b{name}\s*(?::|=(?:\s*window\.\w+\s*=)?)\s*{_STRING}", page):
        if match["value"].strip():
            return _decoded(match["value"])
    return ""


def _decoded(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        number = match[1] or match[2]
        return chr(int(number, 16)) if number else _PLAIN.get(match[3], match[3])

    return _ESCAPE.sub(one, text)


_ARTICLE = PostKind(
    name="s",
    url=rf"{_LONG}(?=(?:.*&)?(?:sn|sign)=(?P<sn>\w+))",
    canonical=f"{_ORIGIN}/s?__biz={{biz}}&mid={{mid}}&idx={{idx}}&sn={{sn}}",
    other_urls=(
        (_LONG, f"{_ORIGIN}/s?__biz={{biz}}&mid={{mid}}&idx={{idx}}"),
        (r"/s/(?P<token>[\w-]{22})(?![\w-])", f"{_ORIGIN}/s/{{token}}"),
    ),
    told_by_page={
        "biz": (
            rf"""re:\bbiz{_FIRST}["']([A-Za-z0-9+/]+=*)["']""",
            r"""re:\bbizuin\s*:\s*(?:JsDecode\()?["']([A-Za-z0-9+/]+=*)["']""",
            r"""re:og:url"\s+content="[^"]*__biz=([^&"]+)""",
        ),
        "mid": (
            rf"""re:\b(?:mid|appmsgid){_FIRST}["'](\d+)["']""",
            r"""re:\bmid\s*:\s*["']?(\d+)""",
            r"""re:og:url"\s+content="[^"]*[&;]mid=(\d+)""",
        ),
        "idx": (
            rf"""re:\b(?:idx|itemidx){_FIRST}["'](\d+)["']""",
            r"""re:\bidx\s*:\s*["']?(\d+)""",
            r"""re:og:url"\s+content="[^"]*[&;]idx=(\d+)""",
        ),
    },
    groups=_post,
    rewrite=_written,
    fields={
        "title": ("#birdnest-title", "#activity-name", "meta[property='og:title']::attr(content)"),
        # A byline where there is one, else the account.
        "author": (
            "#js_author_name",
            "meta[name=author]::attr(content)",
            "#js_name",
            r"""re:\bnick_?name\s*[:=]\s*(?:JsDecode\(|htmlDecode\()?\s*["']([^"']+)["']""",
        ),
        # `#publish_time` is written by a script and relative (昨天).
        "published": (
            rf"""re:\bct{_FIRST}["'](\d{{10}})["']""",
            r"""re:\bcreateTime\s*=\s*["'](\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)["']""",
            r"""re:\bcreate_time\s*:\s*(?:JsDecode\()?["'](\d{4}-\d\d-\d\d \d\d:\d\d|\d{10})""",
        ),
        "section": ("#js_name", r"""re:\bnick_?name\s*[:=]\s*(?:JsDecode\(|htmlDecode\()?\s*["']([^"']+)["']"""),
        "tags": (r"re:article-tag__item\b[^>]*>\s*#?([^<#]+)<",),
        "description": ("meta[name=description]::attr(content)", "meta[property='og:description']::attr(content)"),
        "head_image": (
            "meta[property='og:image']::attr(content)",
            r"""re:\bmsg_cdn_url\s*=\s*["'](https?:[^"']+)["']""",
        ),
        "body": ("#birdnest-body", "#js_content"),
    },
    title_optional=True,
)

SITE = SiteProfile(
    slug="wechat",
    title="微信公众号",
    group="新媒体",
    hosts=("mp.weixin.qq.com",),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_ARTICLE,),
    listings=(),
    marks=Marks(
        gone=(r"(?:该|此)内容已被发布者删除", r"The content has been deleted by the author"),
        blocked=(
            r"环境异常",
            r"完成验证后即可继续访问",
            r"请在微信客户端打开链接",
            r"操作过?于?频繁",
            r"url:^https?://mp\.weixin\.qq\.com/mp/(?:wappoc_appmsgcaptcha|verify)",
        ),
        refused=(
            r"此内容因违规",
            r"涉嫌(?:违反|侵犯)",
            r"内容无法查看",
            r"[账帐]号已(?:被屏蔽|被封禁|注销|自主注销|迁移|冻结)",
            r"公众号已(?:被封禁|迁移)",
            r"链接已过期",
            r"参数错误",
            r"source:class=[\"'][^\"']*(?:weui-msg|mesg-block|global_error_msg)",
        ),
    ),
    clean_rules=CleanRules(),
    delay_seconds=5.0,
    concurrency=1,
    expectations=Expectations(
        min_found=0,
        failures=(*TAKEN_DOWN, ExpectedFailure(reason="refused", url=r".*")),
    ),
    facts=Provenance(
        sources=(
            "one article page of 2020 as a browser saved it, bodies of seven more of 2026",
            "RSSHub lib/utils/wechat-mp.ts, wechat-article-exporter (2026-07)",
        ),
        dated="2026-09",
        note="an original page of 2020-02, others told of",
    ),
)
