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
from crawler.generic.reading import Reading
from crawler.generic.titles import Title

MIN_CONFIDENCE: Final = 50
_ERROR: Final = re.compile(
    r"\b(?:404|403|410|500|502|503)\b|not found|page (?:does not|doesn['’]t|no longer) exist|can['’]t be found|access denied|forbidden"
    r"|(?:页面|頁面|网页|網頁|文章|内容|內容|帖子|主题|主題|链接|連結).{0,8}(?:不存在|已(?:被)?(?:删除|刪除|下架|移除)|找不到|无法访问|無法存取|失效)|无法找到|找不到(?:您|你|该|此|网|頁|页)"
    r"|(?:出错|出錯|错误|錯誤)(?:了|页|頁|提示)|系统(?:繁忙|错误)|(?:请|請)(?:先)?(?:登录|登錄|登入)|(?:安全|人机|滑块)?(?:验证|驗證)(?:码|碼)?|just a moment|captcha|are you (?:a )?human|unusual traffic"
    r"|^(?:log ?in|sign ?in|登录|登錄|登入|用户登录|注册|search(?: results)?|搜索(?:结果)?)\b",
    re.IGNORECASE,
)
_LIST_ADDRESS: Final = re.compile(
    r"^/(?:index\.\w+|home|default\.\w+)?$|/(?:search|tags?|category|categories|archives?|author|topics?|channel|login|signin|register|list)/?(?:index\.\w+)?$"
    r"|/(?:search|tag|tags|category|categories|author)/[^/]+/?(?:page/\d+/?)?$|/(?:list|index)[_-]?\d*\.\w+$|/page/\d+/?$",
    re.IGNORECASE,
)
_ARTICLE_ADDRESS: Final = re.compile(
    r"/(?:20\d\d[/-]?\d\d|\d{5,}|[a-z0-9]+(?:-[a-z0-9]+){3,})|\d{4,}\.s?html?$|[?&](?:id|aid|tid|p)=\d+", re.IGNORECASE
)
_SEARCH: Final = frozenset(("q", "query", "keyword", "keywords", "wd", "s", "search", "searchword"))
_MORE: Final = re.compile(
    r"^(?:阅读全文|閱讀全文|阅读更多|继续阅读|繼續閱讀|查看全文|查看详情|详细|全文|(?:continue )?read(?:ing)? (?:more|on)|read the rest|more|\[?…\]?)\W*",
    re.IGNORECASE,
)
_MIN_ITEMS: Final = 3
_SHORT: Final = 40.0
_LONG: Final = 300.0


def confidence(
    reading: Reading, container: Container, title: Title, *, url: str, kind: str | None, dated: bool, named: bool
) -> int:
    """0 to 99. kind: og:type or "article" by JSON-LD; dated, named: whether the page tells a time and an author."""
    node = reading.nodes[container.index]
    prose = _prose(reading, container)
    score = 30.0 + 25.0 * min(1.0, prose / _LONG) - (25.0 if prose < _SHORT else 0.0)
    score += 12.0 if title.line is not None and title.agreed else 4.0 if title.agreed else -6.0
    score += 12.0 if dated else 0.0
    score += 5.0 if named else 0.0
    score += 10.0 if _is_article(kind) else -15.0 if kind in ("website", "profile") else 0.0
    score += 5.0 if node.element.get("itemprop") == "articleBody" else 0.0
    score -= 60.0 * max(0.0, _link_share(reading, container) - 0.3)
    score -= 60.0 * _listed_share(reading, container)
    score -= _by_address(url)
    if _ERROR.search(title.text) and prose < _LONG:
        score -= 45.0
    if prose < _LONG and _asks_for_password(reading):
        score -= 40.0
    return max(0, min(99, round(score)))


def _is_article(kind: str | None) -> bool:
    return kind is not None and kind.lower() in ("article", "news", "blog", "newsarticle", "blogposting", "post")


def _prose(reading: Reading, container: Container) -> float:
    return sum(
        line.size - line.linked
        for line in reading.lines
        if line.prose and reading.holds(container.index, line.block) and not container.apart[line.block]
    )


def _link_share(reading: Reading, container: Container) -> float:
    links = total = 0.0
    for line in reading.lines:
        if reading.holds(container.index, line.block) and not container.apart[line.block]:
            links += line.linked
            total += line.size
    return links / total if total else 1.0


def _listed_share(reading: Reading, container: Container) -> float:
    """How much of the text stands in teasers: parts of one kind, each with a linked heading or picture of its own."""
    nodes = reading.nodes
    links: dict[int, set[str]] = {}
    headings: dict[int, float] = {}
    for line in reading.lines:
        if not reading.holds(container.index, line.block) or container.apart[line.block]:
            continue
        if line.linked >= 0.8 * line.size and (
            nodes[line.block].tag in ("h1", "h2", "h3", "h4", "h5") or line.size >= 5
        ):
            for above in reading.above(line.block):
                if above == container.index or not reading.holds(container.index, above):
                    break
                headings[above] = headings.get(above, 0.0) + 1
    del links
    whole = max(_prose(reading, container), 1.0)
    best = 0.0
    seen: Counter[tuple[int, str, str]] = Counter()
    text: Counter[tuple[int, str, str]] = Counter()
    for index, count in headings.items():
        node = nodes[index]
        if 0 < count <= 3 and node.prose > 0 and node.tag not in ("p", "blockquote", "ul", "ol"):
            kind = (node.parent, node.tag, (node.label.split() or [""])[0])
            seen[kind] += 1
            text[kind] += int(node.prose)
    for kind, count in seen.items():
        if count >= _MIN_ITEMS:
            best = max(best, min(1.0, text[kind] / whole))
    return best


def _by_address(url: str) -> float:
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if any(name.lower() in _SEARCH for name in query):
        return 25.0
    if parts.path in ("", "/") and not parts.query:
        return 25.0
    if _LIST_ADDRESS.search(parts.path):
        return 20.0
    return -5.0 if _ARTICLE_ADDRESS.search(f"{parts.path}?{parts.query}") else 0.0


def _asks_for_password(reading: Reading) -> bool:
    return any(node.tag == "input" and (node.element.get("type") or "").lower() == "password" for node in reading.nodes)
