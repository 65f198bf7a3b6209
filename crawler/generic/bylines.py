"""Who wrote it and when, as a reader sees it: the lines around the title and at the article's ends.

Rather no author than a wrong one: a name counts when a label says what it is (作者：, By), when the page marks it, or
when it stands alone beside the time. An editor is no author; a credited source is one where nobody else is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crawler.generic import names
from crawler.generic.reading import Line, Reading, folded

_CLOCK: Final = (
    r"(?:[\s,T|·]*(?:at\s+)?(?:凌晨|早上|上午|中午|下午|晚上)?\s*\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?:\.\d+)?"
    r"(?:\s*[ap]\.?m\b\.?)?(?:\s*(?:Z|[A-Z]{2,4})\b|\s*(?:UTC|GMT)?[+-]\d{2}:?\d{2})?)?"
)
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME: Final = re.compile(
    r"(?<![\d.])(?:"
    rf"(?P<full>(?:19|20)\d{{2}}\s?[-/.年]\s?\d{{1,2}}\s?[-/.月]\s?\d{{1,2}}\s?日?(?!\d*\.\d){_CLOCK})"
    rf"|(?P<english>(?:\d{{1,2}}:\d{{2}}\s*(?:[ap]\.?m\.?)?\s*[A-Z]{{0,4}},?\s+(?:on\s+)?)?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+)(?:19|20)\d{{2}}"
    rf"(?:[\s,|–—-]*(?:at\s+)?\d{{1,2}}(?:[:.]\d{{2}}(?::\d{{2}})?)(?:\s*[ap]\.?m\b\.?)?(?:\s*(?-i:[A-Z]{{2,4}})\b)?|"
    rf"[\s,|–—-]*(?:at\s+)?\d{{1,2}}\s*[ap]\.?m\b\.?(?:\s*(?-i:[A-Z]{{2,4}})\b)?)?)"
    rf"|(?P<roc>(?:中[华華])?民[国國]\s*\d{{2,3}}\s*年\s*\d{{1,2}}\s*月\s*\d{{1,2}}\s*日{_CLOCK})"
    rf"|(?P<written>[〇零○一二三四五六七八九]{{4}}年[一二三四五六七八九十]{{1,2}}月[一二三四五六七八九十]{{1,3}}日{_CLOCK})"
    rf"|(?P<short>(?:\d{{1,2}}月\d{{1,2}}日{_CLOCK}|\d{{1,2}}[-/]\d{{1,2}}\s*\d{{1,2}}:\d{{2}}(?::\d{{2}})?))"
    rf"|(?P<word>(?:今天|昨天|前天|今日|昨日){_CLOCK})"
    r"|(?P<ago>(?:\d+|半)\s*[个個]?\s*(?:秒[钟鐘]?|分[钟鐘]|小[时時]|天|[周週])\s*之?前|刚刚|剛剛"
    r"|(?:\d+|an?)\s+(?:second|minute|min|hour|hr|day|week)s?\s+ago|\byesterday\b)"
    r")",
    re.IGNORECASE,
)
_UPDATED: Final = re.compile(
    r"(?:更新|修改|[编編][辑輯][于於]|updated|modified|edited|revised)[^\d]{0,12}$", re.IGNORECASE
)
_PUBLISHED: Final = re.compile(
    r"(?:[发發][布佈表稿]|刊登|[时時][间間]|日期|published|posted|date|created|first)[^\d]{0,12}$", re.IGNORECASE
)
_OTHER_TIME: Final = re.compile(
    r"(?:抓取|采集|登[录錄]|注[册冊]|截止|截至|加入|有效|活[动動]|[举舉]行|开始|結束|结束|生日|joined|until|expires?|since)[^\d]{0,12}$",
    re.IGNORECASE,
)
_SPACED: Final = r"[\s\u3000]*"
_WRITER: Final = re.compile(
    rf"(?:原?作{_SPACED}者|撰{_SPACED}[文稿]|[执執]{_SPACED}[笔筆]|采{_SPACED}写|[采採][写寫访訪]|{_SPACED}文(?=[/／丨｜|：:])"
    rf"|口述|[记記]{_SPACED}者(?=[:：/]|{_SPACED}[\u4e00-\u9fff]{{2,4}}(?:[\s、|/]|$))|投稿|博主|[楼樓]主|发布者|發布者|發佈者|[发發]表[人者]|[发發]布人)"
    rf"{_SPACED}[:：/／丨｜|]?{_SPACED}(?P<name>.*)",
)
_BY: Final = re.compile(
    r"(?:^|[|·•—–\s])(?:written\s+by|posted\s+by|published\s+by|words\s+by|story\s+by|text\s+by|reported\s+by|author\s*:|by)\s*:?\s+(?P<name>.*)",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    rf"(?:(?:信息|稿件|文章|新[闻聞]|本文)?{_SPACED}[来來]{_SPACED}源{_SPACED}[于於自]?|稿{_SPACED}源|出{_SPACED}[处處]|[转轉][载載]自|\bsource\b|\bvia\b)"
    rf"{_SPACED}[:：]{_SPACED}(?P<name>.*)",
    re.IGNORECASE,
)
_AFTER_NAME: Final = re.compile(
    r"[|｜│丨,，;；。/／<>《》\[\]【】（）()\t\n]|\s{2,}|[·•]\s|\s[-–—]\s|[:：]|(?:19|20)\d{2}[-/.年]"
    r"|\s(?:on|in|for|at|and\s+\d|published|posted|updated|last|min|read|来源|來源|作者|编辑|編輯|责任|責任|浏览|瀏覽|阅读|閱讀|字号|字號|时间|時間|发布|發布|"
    r"摄|攝|编译|編譯|发自|報導|报道|點擊|点击|人气|人氣|查看|评论|評論|分享|举报|我要)",
    re.IGNORECASE,
)
_NO_NAME: Final = re.compile(
    r"[编編][辑輯]|[责責][编編]|[关關]注|搜索|@|https?:|www\.|\.com\b|未知|佚名|匿名|[网網]友|本站|原[创創]|[转轉][载載]|小[编編]|管理[员員]"
    r"|字[号號]|大小|[评評][论論]|[阅閱][读讀]|[浏瀏][览覽]|[点點][击擊赞贊]|收藏|分享|打印|[举舉][报報]|[订訂][阅閱]|下[载載]|首[页頁]|正文|[网網][络絡]$|互[联聯][网網]$"
    r"|查看|更多|免[责責]|\badmin(?:istrator)?\b|^(?:staff|editor|editors|guest|user|root|webmaster|unknown|anonymous|share|print|comments?|views?|news|home|search|menu|login|subscribe|follow|read)\b"
    r"|min(?:ute)?s? read|[>»›#{}:：]|\bphoto\b|^(?:the|a|an)\b.*\b(?:of|to|is)\b|^\W*$|^\d|^[\d\W]+$|[。！？!?]$|^(?:第|共)\d",
    re.IGNORECASE,
)
_PERSON: Final = re.compile(
    r"^(?:[A-Z][\w.'’-]*|de|van|von|der|la|le|di|da|bin|al)(?:\s+(?:[A-Z][\w.'’-]*|de|van|von|der|la|le|di|da|bin|al)){1,4}$"
)
_HAN_NAMES: Final = re.compile(r"^[\u4e00-\u9fff]{2,4}(?:、[\u4e00-\u9fff]{2,4})+$")
_AUTHOR_WORDS: Final = frozenset(("author", "byline", "writer", "nickname", "username", "account", "zuozhe", "creator"))
_NAME_WORDS: Final = frozenset(
    (
        "name",
        "source",
        "publisher",
        "user",
        "original",
        "where",
        "media",
        "laiyuan",
        "from",
        "origin",
        "sour",
        "copyfrom",
    )
)
_LABEL_PIECE: Final = re.compile(r"[:：]\s*$")
_MAX_NAME: Final = 32
_MAX_LINE: Final = 160
_MAX_BESIDE: Final = 90
_PICTURED: Final = re.compile(r"^\s*(?:摄|攝|[供制绘繪]?图|[供製]?圖|影|视频|視頻|剪辑|译|譯|/\s*[图圖摄攝])")
# Who somebody is, written before the name: 观察者网专栏作者 王文.
_ROLE: Final = re.compile(
    r"^[\u4e00-\u9fffA-Za-z·]{0,14}(?:记者|記者|作者|撰稿人|评论员|評論員|研究[员員]|专栏|專欄|通讯员|通訊員)[\s:：/]+(?=\S)"
)


@dataclass(frozen=True, kw_only=True)
class Byline:
    """What the visible lines say. Names and times by how they were told, the best first: (value, source)."""

    writers: tuple[tuple[str, str], ...]
    beside_time: tuple[tuple[str, str], ...]
    credited: tuple[tuple[str, str], ...]
    published: tuple[tuple[str, str], ...]
    updated: tuple[tuple[str, str], ...]
    lines: frozenset[int]


def find_byline(reading: Reading, head: Sequence[int], tail: Sequence[int], ends: Sequence[int]) -> Byline:
    """Read names and times off lines of the page, given by index.

    head: those at the title and before the text. ends: the first and last lines of the text itself, where only a
    label makes a name. tail: those behind the article, where only a label makes a time.
    """
    writers: list[tuple[str, str]] = []
    beside: list[tuple[str, str]] = []
    credited: list[tuple[str, str]] = []
    published: list[tuple[str, str]] = []
    updated: list[tuple[str, str]] = []
    told: set[int] = set()
    for index in (*head, *ends, *tail):
        line = reading.lines[index]
        text = _spaced(line)
        if len(text) > _MAX_LINE:
            continue
        in_head = index in head
        times = list(_times(text, labelled=not in_head, alone=index in ends))
        published += [(time, "line of the page") for time, updates in times if not updates]
        updated += [(time, "line of the page") for time, updates in times if updates]
        labelled = list(_labelled(text, line, in_text=index in ends))
        writers += [one for kind, one in labelled if kind == "writer"]
        credited += [one for kind, one in labelled if kind == "source"]
        if in_head:
            marked = list(_marked(reading, line))
            writers += marked
            if not labelled and not marked:
                beside += _beside_time(reading, line) if times else ()
            if times or labelled or marked:
                told.add(index)
    return Byline(
        writers=tuple(writers),
        beside_time=tuple(beside),
        credited=tuple(credited),
        published=tuple(published),
        updated=tuple(updated),
        lines=frozenset(told),
    )


def is_name(text: str) -> bool:
    """Whether a text can be the name of a person, an account or a paper.

    >>> [is_name(text) for text in ("王文", "Jane Doe", "责任编辑：王文", "104363", "关注", "https://a.example/")]
    [True, True, False, False, False, False]
    """
    return 1 < len(text) <= _MAX_NAME and _NO_NAME.search(text) is None


def is_person(text: str) -> bool:
    """Whether a text looks like the full name of a person in Latin letters."""
    return _PERSON.match(text) is not None


def _spaced(line: Line) -> str:
    """The line with a space between what stands in different elements, where none of them would show."""
    return folded("  ".join(piece for _, piece in line.pieces))


def _times(text: str, *, labelled: bool, alone: bool) -> Iterator[tuple[str, bool]]:
    """Times in a line, and whether each is an update. labelled: only with a label, or, alone, as the whole line."""
    matches = list(_TIME.finditer(text))
    if sum(len(match[0]) for match in matches) + _MAX_BESIDE < len(text):
        return
    for match in matches:
        before = text[: match.start()]
        if _OTHER_TIME.search(before):
            continue
        updates = _UPDATED.search(before) is not None
        whole = alone and match[0] == text and match["full"] is not None
        if labelled and not updates and not _PUBLISHED.search(before) and not whole:
            continue
        yield match[0].strip(), updates


def _labelled(text: str, line: Line, *, in_text: bool) -> Iterator[tuple[str, tuple[str, str]]]:
    if in_text and line.size > _MAX_LINE / 3:
        return
    for kind, pattern, source in (
        ("writer", _WRITER, "byline"),
        ("writer", _BY, "byline"),
        ("source", _SOURCE, "credited source"),
    ):
        match = pattern.search(text)
        if match is None:
            continue
        if (
            pattern is _BY
            and (in_text or len(match["name"]) > 2 * _MAX_NAME)
            and not _PERSON.match(_first_name(match["name"]))
        ):
            continue
        name = _first_name(match["name"])
        rest = match["name"][match["name"].find(name) + len(name) :]
        if name and is_name(name) and not _PICTURED.match(rest):
            yield kind, (name, source)


def _first_name(text: str) -> str:
    """The name at the beginning of a text.

    >>> _first_name("余毅菁 向雪妮返回富达，查看更多"), _first_name("Jane Doe and John Roe | 3 min read")
    ('余毅菁', 'Jane Doe and John Roe')
    """
    text = _ROLE.sub("", text.strip().lstrip("@"))
    names_ = re.match(r"[\u4e00-\u9fff]{2,4}(?:(?:[ 、&＆，]|\s和\s)[\u4e00-\u9fff]{2,4}(?![\u4e00-\u9fff\w]))+", text)
    if names_:
        return names_[0].strip()
    end = _AFTER_NAME.search(text)
    name = (text[: end.start()] if end else text).strip(" -–—·•:：、\u3000")
    parts = name.split(" ")
    if re.match(r"[\u4e00-\u9fff]", name) and len(parts) > 1:
        name = parts[0]
    return re.sub(r"(?:\s+(?:摄|攝|文|著))+$", "", name)


def _marked(reading: Reading, line: Line) -> Iterator[tuple[str, str]]:
    """Names in elements that the page marks as the author."""
    for index, piece in line.pieces:
        text = re.sub(r"^(?:by|作者|文)\s*[:：/]?\s+", "", folded(piece), flags=re.IGNORECASE).strip("@ ")
        if not is_name(text) or _TIME.search(text) or _LABEL_PIECE.search(text):
            continue
        for above in (index, *([reading.nodes[index].parent] if index != line.block else [])):
            node = reading.nodes[above]
            if node.element.get("rel") == "author" or "author" in (node.element.get("itemprop") or "").split():
                yield text, "rel=author" if node.element.get("rel") else "microdata author"
                break
            if names.has_word(node.label, _AUTHOR_WORDS) and line.size <= _MAX_NAME:
                yield text, f"class {node.label}"
                break


def _beside_time(reading: Reading, line: Line) -> Iterator[tuple[str, str]]:
    """A name in the line of the time, without a label: one that is marked, or the only one there."""
    if line.size > _MAX_BESIDE / 2:
        return
    candidates: list[tuple[str, bool]] = []
    for index, piece in line.pieces:
        for part in re.split(r"\s{2,}|[|｜│\t\n]", _TIME.sub("\n", piece.replace("\xa0", " "))):
            text = folded(part).strip(" ·•-–—,，")
            if is_name(text) and not _LABEL_PIECE.search(text) and not _is_category(reading, index):
                candidates.append((text, names.has_word(reading.nodes[index].label, _NAME_WORDS)))
    marked = [text for text, is_marked in candidates if is_marked]
    if marked:
        yield marked[0], "beside the time"
    elif candidates:
        texts = [text for text, _ in candidates]
        joined = "、".join(texts)
        yield (
            (
                joined
                if len(texts) > 1 and _HAN_NAMES.match(joined) and _same_parent(reading, line, texts)
                else texts[0]
            ),
            "beside the time",
        )


def _same_parent(reading: Reading, line: Line, texts: Sequence[str]) -> bool:
    """Whether texts stand each in an element of its own, all in one that is not the line's."""
    own = {index for index, piece in line.pieces if folded(piece) in texts}
    return len(own) == len(texts) and len({reading.nodes[index].parent for index in own} | {line.block}) == 2  # noqa: PLR2004


def _is_category(reading: Reading, index: int) -> bool:
    for above in reading.above(index)[:2]:
        element = reading.nodes[above].element
        if element.tag == "a" and re.search(
            r"/(?:tag|tags|category|categories|cat|topic|section|channel|list|class)[/_.-]", element.get("href") or ""
        ):
            return True
        if names.has_word(
            reading.nodes[above].label,
            frozenset(("category", "categories", "cat", "tag", "tags", "section", "channel", "column")),
        ):
            return True
    return False
