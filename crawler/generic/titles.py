"""The title: the line of the page that its `title` element and its claims agree on, as a reader sees it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from crawler.generic import names
from crawler.generic.reading import Line, Reading, size_of

# What stands between a title and the site's name. A hyphen or colon only with spaces around it.
_SEPARATOR: Final = re.compile(
    r"\s*(?:[_|｜»«]|[-—–=]{2,}|\s[-—–·•:：/]\s|(?<=[\u4e00-\u9fff！？”》])[-—–](?=[\u4e00-\u9fffA-Z]))+\s*"
)
_TITLE_WORDS: Final = frozenset(("title", "headline", "tit", "subject", "biaoti", "bt"))
_HEADINGS: Final = {"h1": 2.0, "h2": 1.2, "h3": 0.8, "h4": 0.4, "h5": 0.4, "h6": 0.2}
_BREADCRUMB: Final = re.compile(r"[>»›＞]|当前位置|您的位置|所在位置|目前位置")
_TRAIL: Final = re.compile(r"\s*[>»›＞|]\s*|\s+-\s+")
_NEAR: Final = 5
_CUT: Final = re.compile(r"(?:…|\.{2,}|⋯)+$")
_MAX_TITLE: Final = 200
_MIN_AGREEMENT: Final = 3
_SURE: Final = 2.5


@dataclass(frozen=True, kw_only=True)
class Title:
    """A title, where it was read, and the index of the line it stands in where it is visible.

    `agreed`: the page's title element or a claim says the same.
    """

    text: str
    source: str
    line: int | None
    agreed: bool


def find_title(
    reading: Reading, *, page_title: str, claimed: Sequence[tuple[str, str]], site_title: str | None
) -> Title | None:
    """The title, or None when the page has none at all.

    page_title: text of the title element. claimed: (title, source), the most trusted first.
    """
    wanted = [key for key in (_key(page_title), *(_key(text) for text, _ in claimed)) if key]
    site = _key(site_title or "")
    best, best_score = None, 0.0
    for index, line in enumerate(reading.lines):
        if len(line.text) > _MAX_TITLE:
            continue
        score = _score(reading, line, wanted, site)
        if score > best_score:
            best, best_score = index, score
    if best is not None and (best_score >= _SURE or not wanted):
        line = reading.lines[best]
        tag = reading.nodes[line.block].tag
        agreed = any(_agreement(_key(line.text), key) for key in wanted)
        return Title(text=line.text, source=tag if tag in _HEADINGS else "line of the page", line=best, agreed=agreed)
    for text, source in claimed:
        stripped = _CUT.sub("", without_site(text, site_title))
        if stripped:
            return Title(text=stripped, source=source, line=None, agreed=True)
    stripped = without_site(page_title, site_title)
    return Title(text=stripped, source="title", line=None, agreed=False) if stripped else None


def heading_above(reading: Reading, first: int, title: Title) -> Title:
    """The heading right over the text, when a title that is not visible is only the name of a section.

    first: the text's first line. A section's name is what a line elsewhere on the page says, its menu for one.
    """
    key = _key(title.text)
    if title.line is not None or not any(
        _key(part) == key for line in reading.lines for part in _TRAIL.split(line.text)
    ):
        return title
    for number in range(first - 1, max(first - _NEAR, -1), -1):
        line = reading.lines[number]
        node = reading.nodes[line.block]
        heading = node.tag in _HEADINGS or names.has_word(node.label, _TITLE_WORDS)
        if (
            heading
            and line.linked == 0
            and _MIN_AGREEMENT < len(line.text) <= _MAX_TITLE
            and not _BREADCRUMB.search(line.text)
        ):
            return Title(text=line.text, source=node.tag, line=number, agreed=False)
    return title


def without_site(title: str, site_title: str | None) -> str:
    """A title without the names of site and section behind it, or before it.

    >>> without_site("女儿出嫁，郑板桥画了几笔兰花当嫁妆--文化--人民网", None)
    '女儿出嫁，郑板桥画了几笔兰花当嫁妆'
    >>> without_site("The Daily | A long way - home", "The Daily")
    'A long way - home'
    """
    title = " ".join(title.split())
    parts = [part for part in _SEPARATOR.split(title) if part]
    if len(parts) <= 1:
        return title
    site = _key(site_title or "")
    if site == _key(parts[0]):
        return title[title.index(parts[1], len(parts[0])) :]
    return parts[0]


def parts_of(page_title: str) -> list[str]:
    """The parts of a page's title: the article's, then those of sections and the site.

    >>> parts_of("茶山 - 生活 - 山民论坛 - Powered by Discuz!")
    ['茶山', '生活', '山民论坛']
    """
    parts = _SEPARATOR.split(" ".join(page_title.split()))
    return [part for part in parts if part and not _POWERED.match(part)]


def site_of(page_title: str) -> str | None:
    """The site's name in a page's title: its last part, when the title has several and the last is short.

    >>> site_of("柳叶刀：味觉嗅觉丧失_科技湃_澎湃新闻-The Paper"), site_of("A title")
    ('The Paper', None)
    """
    parts = parts_of(page_title)
    return parts[-1] if len(parts) > 1 and size_of(parts[-1]) <= _MAX_SITE else None


_MAX_SITE: Final = 14.0
_POWERED: Final = re.compile(r"powered by\b", re.IGNORECASE)


def _score(reading: Reading, line: Line, wanted: Sequence[str], site: str) -> float:
    node = reading.nodes[line.block]
    named = names.has_word(node.label, _TITLE_WORDS)
    weight = _HEADINGS.get(node.tag, 0.0) + (0.8 if named else 0.0)
    key = _key(line.text)
    if not key or key == site:
        return 0.0
    agreement = max((_agreement(key, other) for other in wanted), default=0.0)
    if agreement == 0.0 and weight < 1.0:
        return 0.0
    score = weight + 3 * agreement + sum(_agreement(key, other) == 1.0 for other in wanted[:3])
    if line.linked > 0.5 * line.size:
        score -= 1.0 if node.tag in ("h1", "h2") else 2.5
    if _BREADCRUMB.search(line.text) and node.tag not in _HEADINGS:
        score -= 2.0
    return score


def _agreement(key: str, other: str) -> float:
    """How far a line is what a title says, from 0 to 1: the same, its beginning, or its whole where that was cut."""
    if key == other:
        return 1.0
    if len(key) < _MIN_AGREEMENT or len(other) < _MIN_AGREEMENT:
        return 0.0
    if other.startswith(key):
        return min(1.0, 0.3 + 1.2 * len(key) / len(other))
    if key.startswith(other):
        return 0.5 + 0.5 * len(other) / len(key) if 3 * len(other) >= len(key) else 0.0
    return len(key) / len(other) if key in other else 0.0


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    text = _CUT.sub("", unicodedata.normalize("NFKC", text).strip())
    return re.sub(r"[\s“”\"'‘’「」『』]+", "", text).lower()
