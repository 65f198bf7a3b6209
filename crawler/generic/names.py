"""What tags, class names and ids say about a part of a page: words that are common to the themes of many sites."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lxml.etree import _Element

# Parts whose name has one of these words are no part of an article, unless its title stands in them.
APART: Final = frozenset(
    (
        *("comment", "comments", "commentlist", "cmt", "cmts", "reply", "replies", "respond", "disqus", "discuss"),
        *("discussion", "pinglun", "liuyan", "sidebar", "siderbar", "rightbar", "leftbar", "related", "relates"),
        *("relate", "recommend", "recommended", "recommends", "recommendation", "recommendations", "tuijian"),
        *(
            "xiangguan",
            "yarpp",
            "jp",
            "outbrain",
            "taboola",
            "nav",
            "navbar",
            "navigation",
            "breadcrumb",
            "breadcrumbs",
        ),
        *("crumb", "crumbs", "mbx", "topbar", "footer", "share", "sharing", "shares", "bshare", "bdshare", "sharethis"),
        *("bdsharebuttonbox", "jiathis", "sharedaddy", "addthis", "adsbygoogle", "advert", "advertisement", "guanggao"),
        *("copyright", "disclaimer", "shengming", "newsletter", "signup", "login", "pager", "pagination", "paging"),
        *("pagenav", "prevnext", "nextprev", "postnav", "qrcode", "erweima", "hotnews", "taglist", "gotop", "backtop"),
        *("readmore", "morenews", "paywall", "cookie", "cookies", "modal", "popup", "sponsor", "sponsored", "promo"),
    )
)
# So do these, unless most of the page's text stands in the part.
PERHAPS_APART: Final = frozenset(
    (
        *("side", "sider", "aside", "ad", "ads", "adbox", "tag", "tags", "widget", "widgets", "menu", "foot", "sns"),
        *("social", "rank", "ranking", "vote", "like", "likes", "donate", "reward", "dashang", "toolbar", "subscribe"),
        *("register", "guess", "relation", "relevant", "ewm", "follow", "banner", "trending", "popular", "hot", "more"),
        *("bio", "dialog", "tooltip", "previous", "prev", "next", "crosslinks", "teaser", "teasers", "feedback"),
    )
)
_APART_TAGS: Final = frozenset(("nav", "footer", "menu"))
_PERHAPS_APART_TAGS: Final = frozenset(("aside", "form", "dialog"))
COMMENTS: Final = frozenset(
    (
        *("comment", "comments", "commentlist", "cmt", "cmts", "reply", "replies", "respond", "disqus", "discuss"),
        *("discussion", "pinglun", "liuyan"),
    )
)
# Names that themes give to the very text of an article, and such as they give to it or to what is around it.
_BODY: Final = re.compile(
    r"(?:^|[\s_-])(?:"
    r"(?:article|post|entry|story|news|blog|topic|single|detail|rich_?media|art|text)[_-]?"
    r"(?:body|content|contents|contenttext|text|txt|con|cont|detail|copy)"
    r"|articlecontent|articlebody|artibody|endtext|trs_editor|mp_content|js_content|markdown-body|t_msgfont|t_f|t_fsz"
    r"|zhengwen|storybody|richtext|rich-text|e-content|prose|wysiwyg|ql-editor|page-content|body-content|content-body"
    r")(?=$|\s)",
    re.IGNORECASE,
)
_PLAIN_BODY: Final = re.compile(
    r"(?:^|[\s_-])(?:content|contents|article|detail|main-?text|con|txt|text)(?=$|\s)", re.IGNORECASE
)
_CAMEL: Final = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")


def label_of(element: _Element) -> str:
    """The class and id as one text."""
    kind, name = element.get("class"), element.get("id")
    return f"{kind} {name}" if kind and name else kind or name or ""


@lru_cache(maxsize=16384)
def words(label: str) -> frozenset[str]:
    """The words of a class and id, but for what a style compiler has hashed.

    >>> sorted(words("post-Related artComment_list2 text-3zQ3adZ4"))
    ['art', 'artcomment', 'comment', 'list', 'post', 'related', 'text']
    """
    found: set[str] = set()
    for token in re.split(r"[\W_]+", label):
        letters = token.rstrip("0123456789")
        if letters.isalpha():
            found.add(letters.lower())
            found.update(part.lower() for part in _CAMEL.findall(letters))
    return frozenset(found)


@lru_cache(maxsize=16384)
def apartness(tag: str, label: str) -> int:
    """2 when tag or label name a part that is no part of an article, 1 when they perhaps do, else 0.

    >>> apartness("div", "comment-list"), apartness("aside", ""), apartness("div", "post")
    (2, 1, 0)
    """
    named = words(label) if label else frozenset()
    if tag in _APART_TAGS or not named.isdisjoint(APART):
        return 2
    return 1 if tag in _PERHAPS_APART_TAGS or not named.isdisjoint(PERHAPS_APART) else 0


@lru_cache(maxsize=16384)
def names_body(label: str) -> int:
    """2 when a class or id is one that themes give to the text of an article, 1 when to it or what is around it.

    >>> [names_body(label) for label in ("entry-content clear", "js_content", "content", "article-content-left")]
    [2, 2, 1, 0]
    """
    return 2 if _BODY.search(label) else 1 if _PLAIN_BODY.search(label) else 0


@lru_cache(maxsize=16384)
def has_word(label: str, wanted: frozenset[str]) -> bool:
    return bool(label) and not words(label).isdisjoint(wanted)
