"""How sure it is that a page is an article, in per cent.

Sentences in one place, a title that the page agrees on, a time and a name speak for it; a list of teasers, links, a
form with a password, the words of an error page and an address that is a site's root or a search speak against it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final
from urllib.parse import parse_qs, urlsplit

from crawler.generic.locate import Container
from crawler.generic.reading import Line
from crawler.generic.titles import Title

MIN_CONFIDENCE: Final = 50
_ERROR: Final = re.compile(
    r"\b(?:404|403|410|500|502|503)\b|not found|page (?:does not|doesn['’]t|no longer) exist|can['’]t be found"
    r"|access denied|forbidden|just a moment|captcha|are you (?:a )?human|unusual traffic"
    r"|(?:页面|頁面|网页|網頁|文章|内容|內容|帖子|主题|主題|链接|連結).{0,8}"
    r"(?:不存在|已(?:被)?(?:删除|刪除|下架|移除)|找不到|无法访问|無法存取|失效)|无法找到|找不到(?:您|你|该|此|网|頁|页)"
    r"|(?:出错|出錯|错误|錯誤)(?:了|页|頁|提示)|系统(?:繁忙|错误)|(?:请|請)(?:先)?(?:登录|登錄|登入)|提示信息"
    r"|(?:安全|人机|滑块)?(?:验证|驗證)(?:码|碼)?"
    r"|^(?:log ?in|sign ?in|登录|登錄|登入|用户登录|注册|search(?: results)?|搜索(?:结果)?)\b",
    re.IGNORECASE,
)
_LIST_ADDRESS: Final = re.compile(
    r"^/(?:index\.\w+|home|default\.\w+)?$"
    r"|/(?:search|tags?|category|categories|archives?|author|topics?|channel|login|signin|register|list)/?(?:index\.\w+)?$"
    r"|/(?:search|tags?|category|categories|author)/[^/]+/?(?:page/\d+/?)?$|/(?:list|index)[_-]?\d*\.\w+$|/page/\d+/?$",
    re.IGNORECASE,
)
_ARTICLE_ADDRESS: Final = re.compile(
    r"/(?:20\d\d[/-]?\d\d|\d{5,}|[a-z0-9]+(?:-[a-z0-9]+){3,})|\d{4,}\.s?html?$|[?&](?:id|aid|tid|p)=\d+", re.IGNORECASE
)
_SEARCH: Final = frozenset(("q", "query", "keyword", "keywords", "wd", "s", "search", "searchword"))
_MORE: Final = re.compile(
    r"^\W*(?:阅读全文|閱讀全文|阅读更多|继续阅读|繼續閱讀|查看全文|查看详情|详细|全文"
    r"|(?:continue )?read(?:ing)? (?:more|on)|read the rest|more)\W*$",
    re.IGNORECASE,
)
_ARTICLE_KINDS: Final = frozenset(("article", "news", "blog", "newsarticle", "blogposting", "post"))
_OTHER_KINDS: Final = frozenset(("website", "profile"))
_HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5"))
_NO_ITEMS: Final = frozenset(("p", "blockquote", "ul", "ol"))
_MIN_ITEMS: Final = 3
_MAX_LINKS_OF_ITEM: Final = 3
_MIN_LINK: Final = 5.0
_LINKED: Final = 0.8
_MANY_LINKS: Final = 0.3
_SHORT: Final = 60.0
_LONG: Final = 300.0


def confidence(container: Container, title: Title, *, url: str, kind: str | None, dated: bool, named: bool) -> int:
    """0 to 99. kind: og:type, or "article" by JSON-LD; dated, named: whether the page tells a time and an author."""
    prose = container.survey.prose[container.index]
    for_it = (
        25.0 * min(1.0, prose / _LONG),
        12.0 if title.line is not None and title.agreed else 4.0 if title.agreed else -6.0,
        12.0 * dated,
        5.0 * named,
        10.0 if kind and kind.lower() in _ARTICLE_KINDS else 0.0,
        5.0 if container.node.element.get("itemprop") == "articleBody" else 0.0,
    )
    against_it = (
        25.0 * max(0.0, 1.0 - prose / _SHORT),
        15.0 if kind in _OTHER_KINDS else 0.0,
        60.0 * max(0.0, _link_share(container) - _MANY_LINKS),
        60.0 * _listed_share(container),
        _against_address(url),
        45.0 if prose < _LONG and _ERROR.search(title.text) else 0.0,
        40.0 if prose < _LONG and not dated and _asks_for_password(container) else 0.0,
    )
    return max(0, min(99, round(30.0 + sum(for_it) - sum(against_it))))


def _link_share(container: Container) -> float:
    """How much of the lines is links; those behind the text are references, which an article may have many of."""
    survey = container.survey
    numbers = container.lines()
    last = max((number for number in numbers if survey.is_text(number)), default=-1)
    lines = [survey.reading.lines[number] for number in numbers if number <= last]
    own = [line for line in lines if not survey.apart[line.block]]
    total = sum(line.size for line in own)
    return sum(line.linked for line in own) / total if total else 1.0


def _listed_share(container: Container) -> float:
    """How much of the text stands in teasers: parts of one kind beside each other, each with a link of its own."""
    survey = container.survey
    nodes = survey.reading.nodes
    links: Counter[int] = Counter()
    for number in container.lines():
        line = survey.reading.lines[number]
        if survey.apart[line.block] or not _leads_on(line, nodes[line.block].tag):
            continue
        for above in survey.reading.above(line.block):
            if above == container.index:
                break
            links[above] += 1
    items: Counter[tuple[int, str, str]] = Counter()
    text: Counter[tuple[int, str, str]] = Counter()
    for index, count in links.items():
        node = nodes[index]
        if count <= _MAX_LINKS_OF_ITEM and survey.prose[index] > 0 and node.tag not in _NO_ITEMS:
            kind = (node.parent, node.tag, node.label.partition(" ")[0])
            items[kind] += 1
            text[kind] += round(survey.prose[index])
    whole = max(survey.prose[container.index], 1.0)
    return max((min(1.0, text[kind] / whole) for kind, count in items.items() if count >= _MIN_ITEMS), default=0.0)


def _leads_on(line: Line, tag: str) -> bool:
    """Whether a line is the linked title of something else, or the link to the rest of a text."""
    if line.linked < _LINKED * line.size:
        return False
    return tag in _HEADINGS or line.size >= _MIN_LINK or _MORE.match(line.text) is not None


def _against_address(url: str) -> float:
    parts = urlsplit(url)
    if any(name.lower() in _SEARCH for name in parse_qs(parts.query)):
        return 25.0
    if parts.path in ("", "/") and not parts.query:
        return 25.0
    if _LIST_ADDRESS.search(parts.path):
        return 20.0
    return -5.0 if _ARTICLE_ADDRESS.search(f"{parts.path}?{parts.query}") else 0.0


def _asks_for_password(container: Container) -> bool:
    nodes = container.survey.reading.nodes
    return any(node.tag == "input" and (node.element.get("type") or "").lower() == "password" for node in nodes)
