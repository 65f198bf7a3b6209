"""What class names, ids and tags say about a part of a page. Tables for any site, each row common to many themes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lxml.etree import _Element

# A word of a class or id. Parts that carry one are no part of the article, unless the title stands in them.
FURNITURE: Final = frozenset(
    (
        *("comment", "comments", "commentlist", "cmt", "reply", "replies", "respond", "disqus", "discuss", "pinglun"),
        *("sidebar", "aside", "side", "sider", "rightbar", "leftbar", "siderbar", "widget", "widgets"),
        *("related", "relate", "relates", "relevant", "relation", "recommend", "recommended", "recommends", "recom"),
        *("recommendation", "recommendations", "tuijian", "xiangguan", "guess", "jp", "yarpp", "outbrain", "taboola"),
        *("nav", "navbar", "navigation", "menu", "breadcrumb", "breadcrumbs", "crumb", "crumbs", "mbx", "topbar"),
        *("footer", "foot", "share", "sharing", "shares", "social", "bshare", "bdshare", "bdsharebuttonbox", "jiathis"),
        *("sharedaddy", "addthis", "sns", "ad", "ads", "advert", "advertisement", "adsbygoogle", "sponsor", "promo"),
        *("guanggao", "adbox", "copyright", "disclaimer", "shengming", "subscribe", "newsletter", "signup", "login"),
        *("register", "modal", "popup", "toolbar", "pager", "pagination", "paging", "pagenav", "prevnext", "nextprev"),
        *("qrcode", "ewm", "erweima", "ranking", "rank", "hotnews", "taglist", "tags", "tag", "cookie", "cookies"),
        *("breadcrumbnav", "readmore", "morenews", "backtop", "gotop", "vote", "like", "likes", "donate", "reward"),
    )
)
# Parts whose text is neither the article's nor a sign against it.
_NEUTRAL_TAGS: Final = frozenset(("header", "button", "label", "select", "option", "legend", "dialog"))
FURNITURE_TAGS: Final = frozenset(("nav", "footer", "aside", "form", "menu"))
BODY_NAME: Final = re.compile(
    r"(?:^|[\s_-])(?:(?:article|post|entry|story|news|blog|topic|single|detail|main|rich_?media|page|body|art)[_-]?"
    r"(?:body|content|contents|contenttext|text|txt|con|cont|detail|main|inner|area|copy)|"
    r"articlecontent|articlebody|artibody|endtext|trs_editor|mp_content|js_content|markdown-body|post_content|"
    r"articletext|article-text|contentbody|e-content|gh-content|td-post-content|t_fsz|t_f|text_content|zw|zhengwen|"
    r"contenttext|newscontent|news_txt|newstext|content-article|body-content|prose|storybody|field-name-body|"
    r"caas-body|paragraph|richtext|rich-text|rich_text)(?:$|[\s_-])",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")


def label_of(element: _Element) -> str:
    """The class and id as one text."""
    return f"{element.get('class') or ''} {element.get('id') or ''}".strip()


@lru_cache(maxsize=8192)
def words(label: str) -> frozenset[str]:
    """The words of a class and id.

    >>> sorted(words("post-Related artComment_list"))
    ['art', 'comment', 'list', 'post', 'related']
    """
    return frozenset(word.lower() for word in _WORD.findall(label)) | frozenset(
        re.split(r"[^a-z]+", label.lower()) if label else ()
    ) - {""}


@lru_cache(maxsize=8192)
def is_furniture(label: str) -> bool:
    """Whether a class and id name a part that is no part of an article."""
    return not words(label).isdisjoint(FURNITURE)


@lru_cache(maxsize=8192)
def names_body(label: str) -> bool:
    """Whether a class and id name the text of an article."""
    return BODY_NAME.search(label) is not None


def is_neutral(tag: str) -> bool:
    return tag in _NEUTRAL_TAGS
