"""Who wrote it and when, as a reader sees it: the lines around the title and at the article's ends.

Rather no author than a wrong one: a name counts when a label says what it is (作者：, By), when the page marks it or
links it to a profile, or when it stands alone beside the time. An editor is no author; a credited source is one where
nobody else is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from crawler.generic import names
from crawler.generic.reading import Line, Reading, folded
from crawler.generic.times import TIME, Told, marked_times, times_in

_S: Final = r"[\s\u3000]*"
_WRITER: Final = re.compile(
    rf"(?:(?:原?作{_S}者|撰{_S}[文稿]|[执執]{_S}[笔筆]|[采採]{_S}[写寫访訪]|文|口述|投稿|博主|[楼樓]主|[发發][布佈表][者人]"
    rf"|[记記]{_S}者)(?:{_S}[:：/／丨｜|]{_S}|[\s\u3000]+)"
    rf"|[记記]者(?=[\u4e00-\u9fff]{{2,4}}(?:[\s、|/／）)】]|$)))(?P<name>.*)"
)
_BY: Final = re.compile(
    r"(?:^|[|·•—–\s])(?:(?:written|posted|published|submitted|words|story|text|reported)\s+by|author\s*:|by)"
    r"\s*:?\s+(?P<name>.*)",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    rf"(?:(?:信息|稿件|文章|新[闻聞]|本文)?{_S}[来來]{_S}源{_S}[于於自]?|稿{_S}源|出{_S}[处處]|[转轉][载載]自"
    r"|\bsource\b|\bvia\b)"
    rf"{_S}[:：]{_S}(?P<name>.*)",
    re.IGNORECASE,
)
_AFTER_NAME: Final = re.compile(
    r"[|｜│丨,，;；。/／<>《》\[\]【】（）()\t\n]|\s{2,}|[·•]\s|\s[-–—]\s|[:：]|(?:19|20)\d{2}[-/.年]"
    r"|\s(?:on|in|for|at|published|posted|updated|last|min|read)\b"
    r"|\s(?:[来來]源|作者|[编編][辑輯]|[责責]任|[浏瀏][览覽]|[阅閱][读讀]|字[号號]|[时時][间間]|[发發][布佈]|摄|攝|[编編][译譯]|[发發]自"
    r"|[报報][导導道]|[点點][击擊]|人[气氣]|查看|[评評][论論]|分享|[举舉][报報]|我要)",
    re.IGNORECASE,
)
_NO_NAME: Final = re.compile(
    r"[编編][辑輯]|[责責][编編]|[关關]注|搜索|@|https?|www\.|\.com\b|未知|佚名|匿名|[网網]友|本站|原[创創]|[转轉][载載]|小[编編]|管理[员員]"
    r"|字[号號数數]|大小|[评評][论論]|[阅閱][读讀]|[浏瀏][览覽]|[点點][击擊赞贊]|收藏|分享|打印|[举舉][报報]|[订訂][阅閱]|下[载載]|首[页頁]"
    r"|正文|[网網][络絡]$|互[联聯][网網]$|查看|更多|免[责責]|分[类類]|[标標][签籤]|(?:于|於)$"
    r"|^(?:文|著|作者|[记記]者|[摄攝]影|[来來]源|[发發][布佈表].*|所有)$"
    r"|^(?:staff|admin(?:istrator)?|editors?|guest|user|root|webmaster|unknown|anonymous|share|print|comments?|views?|news|home"
    r"|search|menu|log ?in|sign ?in|subscribe|follow(?:ing)?|read|posted|updated|published|by|and|on|in|at|open in app"
    r"|listen|save)\b"
    r"|min(?:ute)?s? read|[>»›#{}:：]|\bphoto\b|^(?:the|our|a|an)\s+(?-i:[a-z])|^(?:the|a|an)\b.*\b(?:of|to|is)\b"
    r"|^\W*$|^\d|[\u4e00-\u9fff]\s*[\d,.]+\s*[万萬wk+]?$|[。！？!?…]$|^(?:第|共)\d",
    re.IGNORECASE,
)
_PARTICLE: Final = r"(?:[A-Z][\w.'’-]*|de|van|von|der|la|le|di|da|bin|al)"
_PERSON: Final = re.compile(rf"^[A-Z][\w.'’-]*(?:\s+{_PARTICLE}){{1,4}}$")
_HAN_NAMES: Final = re.compile(r"^[\u4e00-\u9fff]{2,4}(?:、[\u4e00-\u9fff]{2,4})+$")
# Names in a row; the characters excluded begin the labels that stand behind a name.
_SEVERAL: Final = re.compile(
    r"[\u4e00-\u9fff]{2,4}(?:[ 、&＆，](?![作记記编編责責来來点點阅閱浏瀏发發时時摄攝更字分评評人热熱查通实實见見])"
    r"[\u4e00-\u9fff]{2,4}(?![\u4e00-\u9fff\w:：]))+"
)
# Who somebody is, written before the name: 观察者网专栏作者 王文.
_ROLE: Final = re.compile(
    r"^[\u4e00-\u9fffA-Za-z·]{0,14}(?:[记記]者|作者|撰稿人|[评評][论論][员員]|研究[员員]|[专專][栏欄]|通[讯訊][员員])[\s:：/]+(?=\S)"
)
_PICTURED: Final = re.compile(r"^\s*(?:摄|攝|[供制绘繪製]?[图圖]|影|[视視][频頻]|剪辑|译|譯|/\s*[图圖摄攝])")
_PROFILE: Final = re.compile(
    r"/(?:u|user|users|people|authors?|profile|space|members?|writers?|columnists?|contributors?|by|staff)/[^/?#]+/?(?:[?#].*)?$"
    r"|/@[^/]+/?$|[?&](?:uid|author)=|space-uid",
    re.IGNORECASE,
)
_CATEGORY: Final = re.compile(r"/(?:tags?|category|categories|cat|topics?|section|channel|list|class)[/_.-]")
_AUTHOR_WORDS: Final = frozenset(("author", "byline", "writer", "nickname", "username", "account", "creator"))
_NAME_WORDS: Final = frozenset(
    ("name", "source", "publisher", "user", "original", "where", "media", "from", "origin", "sour")
)
_CATEGORY_WORDS: Final = frozenset(("category", "categories", "cat", "tag", "tags", "section", "channel", "column"))
_AFTER_LABEL: Final = re.compile(r"[:：]\s*$")
_MAX_NAME: Final = 32
_MAX_HAN_NAME: Final = 15
_MAX_LINE: Final = 160
_MAX_SIZE: Final = 45.0
_MAX_SAID: Final = 60


@dataclass(kw_only=True)
class Byline:
    """What lines say, the best first: names by how they were told (name, source), and times.

    `lines`: the numbers of the lines in the head that say nothing else.
    """

    writers: list[tuple[str, str]] = field(default_factory=list)
    beside_time: list[tuple[str, str]] = field(default_factory=list)
    credited: list[tuple[str, str]] = field(default_factory=list)
    marked_times: list[Told] = field(default_factory=list)
    times: list[Told] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)

    def told(self, *, updates: bool) -> list[tuple[str, str]]:
        both = (*self.marked_times, *self.times)
        return [(told.value, told.source) for told in both if told.updates == updates]


def find_byline(reading: Reading, head: Sequence[int], ends: Sequence[int], tail: Sequence[int]) -> Byline:
    """Read names and times off lines of the page, given by number.

    head: those at the title and before the text. ends: the first and last lines of the text itself, where only a
    label makes a name. tail: those behind the article, where only a label makes a time.
    """
    found = Byline()
    for number in head:
        line = reading.lines[number]
        text = spaced(line)
        if len(text) <= _MAX_LINE:
            _read_head(reading, number, text, found)
    for number in (*ends, *tail):
        line = reading.lines[number]
        text = spaced(line)
        if len(text) <= _MAX_LINE:
            found.marked_times += marked_times(reading, line, sure=True)
            found.times += times_in(text, labelled=True, alone=number in ends)
            _take(found, _labelled(text, strict=True))
    return found


def _read_head(reading: Reading, number: int, text: str, found: Byline) -> None:
    line = reading.lines[number]
    marked_moments = list(marked_times(reading, line, sure=False))
    times = list(times_in(text, labelled=False, alone=False))
    labelled = list(_labelled(text, strict=line.size > _MAX_SIZE))
    marked = list(_marked(reading, line))
    found.marked_times += marked_moments
    found.times += times
    _take(found, labelled)
    found.writers += marked
    if not labelled and not marked and (times or marked_moments):
        found.beside_time += _beside_time(reading, line)
    if (times or marked_moments or labelled or marked) and line.size <= _MAX_LINE / 2:
        found.lines.add(number)


def _take(found: Byline, labelled: Collection[tuple[str, str]] | Iterator[tuple[str, str]]) -> None:
    for name, source in labelled:
        (found.credited if source == _CREDITED else found.writers).append((name, source))


_CREDITED: Final = "credited source"


def says_byline(line: Line) -> bool:
    """Whether a line is of a byline rather than of a text, though it holds a colon or a stop.

    It tells a time, and little else, or begins with the label of a name.
    """
    text = spaced(line)
    if len(text) > _MAX_LINE / 2:
        return False
    times = sum(len(match[0]) for match in TIME.finditer(text))
    if times and len(text) - times <= _MAX_SAID / 2:
        return True
    return any(pattern.match(text) for pattern in (_WRITER, _SOURCE, _BY)) and len(text) <= _MAX_SAID


def is_name(text: str) -> bool:
    """Whether a text can be the name of a person, an account or a paper.

    >>> [is_name(text) for text in ("王文", "Jane Doe", "责任编辑", "104363", "关注", "https://a.example/")]
    [True, True, False, False, False, False]
    """
    wide = len(text) if "\u4e00" <= text[:1] <= "\u9fff" else 0
    return 1 < len(text) <= _MAX_NAME and wide <= _MAX_HAN_NAME and _NO_NAME.search(text) is None


def is_person(text: str) -> bool:
    """Whether a text looks like the full name of a person in Latin letters.

    >>> is_person("Ada de la Meyer"), is_person("Evening Lamp staff"), is_person("ada")
    (True, False, False)
    """
    return _PERSON.match(text) is not None


def spaced(line: Line) -> str:
    """The line with a space between what stands in different elements, where a page may show none."""
    return folded("  ".join([piece for _, piece in line.pieces]))


def _labelled(text: str, *, strict: bool) -> Iterator[tuple[str, str]]:
    """Names behind a label. strict: in a line that may be of the text: only where the line begins so."""
    for pattern, source in ((_WRITER, "byline"), (_BY, "byline"), (_SOURCE, _CREDITED)):
        match = pattern.match(text.lstrip("（(【[")) if strict else pattern.search(text)
        if match is None:
            continue
        name = first_name(match["name"])
        rest = match["name"][match["name"].find(name) + len(name) :]
        if pattern is _BY and not _is_english_byline(match, name, rest):
            continue
        if name and is_name(name) and not _PICTURED.match(rest):
            yield name, source


def _is_english_byline(match: re.Match[str], name: str, rest: str) -> bool:
    """Whether `by` is the label of a name and not a word of a sentence: a name follows it, and little follows that."""
    return match.start() == 0 or len(rest) <= _MAX_SAID or all(is_person(part) for part in re.split(r",| and ", name))


def first_name(text: str) -> str:
    """The name, or the names, at the beginning of a text.

    >>> first_name("余毅菁 向雪妮返回富达，查看更多"), first_name("Jane Doe and John Roe | 3 min read")
    ('余毅菁', 'Jane Doe and John Roe')
    >>> first_name("观察者网专栏作者 王文】"), first_name("陈一帆 点击: 12")
    ('王文', '陈一帆')
    """
    text = _ROLE.sub("", text.strip().lstrip("@"))
    several = _SEVERAL.match(text)
    if several:
        return several[0].strip()
    end = _AFTER_NAME.search(text)
    name = (text[: end.start()] if end else text).strip(" -–—·•:：、\u3000")
    parts = name.split(" ")
    if re.match(r"[\u4e00-\u9fff]", name) and len(parts) > 1:
        name = parts[0]
    return name


def _marked(reading: Reading, line: Line) -> Iterator[tuple[str, str]]:
    """Names in elements that the page marks as the author's, or links to a profile."""
    for index, piece in line.pieces:
        text = re.sub(r"^(?:by\s|作者|文(?=[/／:：]))\s*[:：/／]?\s*", "", folded(piece), flags=re.IGNORECASE).strip(
            "@ "
        )
        if not is_name(text) or TIME.search(text) or _AFTER_LABEL.search(text):
            continue
        for above in islice(reading.above(index), 2):
            source = _mark(reading, above, line)
            if source:
                yield text, source
                break
            if above == line.block:
                break


def _mark(reading: Reading, index: int, line: Line) -> str | None:
    node = reading.nodes[index]
    element = node.element
    if "author" in (element.get("rel") or "").split():
        return "rel=author"
    if "author" in (element.get("itemprop") or "").split():
        return "microdata author"
    if names.has_word(node.label, _AUTHOR_WORDS) and line.size <= _MAX_NAME:
        return f"class {node.label}"
    return "link to a profile" if node.tag == "a" and _PROFILE.search(element.get("href") or "") else None


def _beside_time(reading: Reading, line: Line) -> Iterator[tuple[str, str]]:
    """A name in the line of the time, without a label: one that is marked, or the first there."""
    if line.size > _MAX_SIZE:
        return
    candidates: list[tuple[str, bool]] = []
    for index, piece in line.pieces:
        for part in re.split(r"\s{2,}|[|｜│\t\n]|\s[·•—–-]\s", TIME.sub("\n", piece.replace("\xa0", " "))):
            text = folded(part).strip(" ·•-–—,，")
            if is_name(text) and not _AFTER_LABEL.search(text) and not _is_category(reading, index):
                candidates.append((text, names.has_word(reading.nodes[index].label, _NAME_WORDS)))
    marked = [text for text, is_marked in candidates if is_marked]
    texts = marked[:1] or [text for text, _ in candidates]
    joined = "、".join(texts)
    if _HAN_NAMES.match(joined) and _stand_alike(reading, line, texts):
        yield joined, "beside the time"
    elif texts:
        yield texts[0], "beside the time"


def _stand_alike(reading: Reading, line: Line, texts: Sequence[str]) -> bool:
    """Whether texts stand each in an element of its own, all in one that is not the line's."""
    own = {index for index, piece in line.pieces if folded(piece) in texts}
    around = {reading.nodes[index].parent for index in own}
    return len(own) == len(texts) and len(around) == 1 and line.block not in around


def _is_category(reading: Reading, index: int) -> bool:
    return any(
        (reading.nodes[above].tag == "a" and _CATEGORY.search(reading.nodes[above].element.get("href") or ""))
        or names.has_word(reading.nodes[above].label, _CATEGORY_WORDS)
        for above in islice(reading.above(index), 2)
    )
