"""What the reader itself says, in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CHINESE: Final = {
    "lang": "zh-CN",
    "skip": "跳到正文",
    "newest": "最新",
    "sites": "网站",
    "categories": "分类",
    "tags": "标签",
    "authors": "作者",
    "months": "月份",
    "search": "搜索",
    "runs": "运行记录",
    "main menu": "主导航",
    "feed": "订阅",
    "made by": "由 Birdnest 存档",
}
_ENGLISH: Final = {
    "lang": "en",
    "skip": "Skip to content",
    "newest": "Newest",
    "sites": "Sites",
    "categories": "Categories",
    "tags": "Tags",
    "authors": "Authors",
    "months": "Months",
    "search": "Search",
    "runs": "Runs",
    "main menu": "Main menu",
    "feed": "Feed",
    "made by": "Archived with Birdnest",
}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {"zh": _CHINESE, "en": _ENGLISH}
"""By language; each has the same keys."""
