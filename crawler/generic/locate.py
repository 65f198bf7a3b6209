"""The article as a container in the page.

Text in sentences speaks for an element, links speak against it, parts that stand apart from an article say nothing.
The element whose sum is the highest holds the article. A name that themes give to the text of an article, or
schema.org's `articleBody`, takes us further in, or out where that costs little. From there we go down as long as a
single child holds all that is like an article, and out again where pictures of the article stand beside its text. So a
container that is split in two gives the element around both, and a wrapper gives way to what it wraps.

A part stands apart by its name (comments, sidebar, 相关阅读 …) or by its heading, unless the title stands in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from crawler.generic import names
from crawler.generic.reading import Node, Reading
from crawler.generic.titles import Title

_FREE: Final = 0.3  # what text without sentences weighs beside text in sentences: headings, cells, captions
_MOST_AGAINST: Final = 0.5  # an article may end in a list of links longer than itself
_HINTED_SHARE: Final = 0.6
_OUTER_SHARE: Final = 0.85
_MOST: Final = 0.5
_MIN_REST: Final = 10.0
_MIN_PART: Final = 30.0
_REST_SHARE: Final = 0.02
_ALIKE_SHARE: Final = 0.04
_MIN_TEXT: Final = 40.0
_MAX_HEADING: Final = 16.0
_HEADED: Final = re.compile(
    r"^\W*(?:(?:全部|最新|精彩|热门|熱門|网友|網友|发表|發表|我要)?(?:评论|評論|留言|跟帖|回复|回應)|(?:相关|相關|推荐|推薦|延伸|精选|精選|更多|热门|熱門|热点|熱點|猜你|为你|為你|为您|為您|你可能|您可能|大家都)"
    r"(?:阅读|閱讀|文章|新闻|新聞|推荐|推薦|内容|內容|稿件|报道|報導|资讯|資訊|链接|連結|喜欢|喜歡|感兴趣|也|在看|专题|話題|话题)|作者(?:最新|其他|更多)|24小时|排行"
    r"|(?:\d+\s+)?(?:comments?|responses?|replies|thoughts on|leave a (?:reply|comment))\b"
    r"|(?:related|recommended|more|further|keep|read|top|most|popular|trending|latest|recent|you (?:may|might)|also)\s+"
    r"(?:articles?|posts?|stories|reading|news|from|in|read|next|more|viewed|popular|by|on|like|also|to|coverage|comments?)\b)",
    re.IGNORECASE,
)
_CONTENT_TAGS: Final = frozenset(
    (
        *("p", "ul", "ol", "dl", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("blockquote", "pre", "figure", "table", "tbody", "tr"),
    )
)
_LAYOUT_TAGS: Final = frozenset(("table", "tbody", "tr"))  # content or layout, as the page likes
_PAGE_TAGS: Final = frozenset(("html", "body"))
_SMALL: Final = re.compile(
    r"avatar|logo|icon|qr_?code|erweima|ewm|\bwx\b|weixin|spacer|pixel|blank|loading|emoji|/face|smil(?:ey|ies)|badge"
    r"|button|btn|share|banner|gravatar|tracking|counter|arrow|\bad[sv]?\b",
    re.IGNORECASE,
)
_SMALL_WORDS: Final = frozenset(("avatar", "logo", "icon"))
_PICTURE_FILE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|avif)(?:[?#!@].*)?$", re.IGNORECASE)
_MIN_PX: Final = 90
_Sum = TypeVar("_Sum", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """A page's elements weighed, each list by the index of the element and with all that is in it.

    `apart`: how far it stands apart from an article (0, perhaps 1, surely 2). `weights`: what speaks for it as the
    article's container. `prose`: text in sentences that may be an article's. `pictures`: how many may be.
    """

    reading: Reading
    apart: list[int]
    weights: list[float]
    prose: list[float]
    pictures: list[int]
    title: int

    def is_text(self, number: int) -> bool:
        """Whether a line is text in sentences that may be an article's."""
        line = self.reading.lines[number]
        return line.prose and not self.apart[line.block]


@dataclass(frozen=True, kw_only=True, slots=True)
class Container:
    """Where the article is: its element's index in the survey's reading."""

    index: int
    survey: Survey

    @property
    def node(self) -> Node:
        return self.survey.reading.nodes[self.index]

    def lines(self) -> list[int]:
        """The numbers of the lines in it."""
        reading = self.survey.reading
        return [number for number, line in enumerate(reading.lines) if reading.holds(self.index, line.block)]


def locate(reading: Reading, title: Title | None) -> Container | None:
    """The article's container, or None when the page has no text in sentences.

    When parts that perhaps stand apart hold nearly everything, their names say nothing on this page.
    """
    container = _container(survey(reading, title, least=1))
    whole = reading.nodes[0].prose if reading.nodes else 0.0
    found = reading.nodes[container.index].prose if container else 0.0
    if found >= _MIN_TEXT or whole < 3 * found:
        return container
    return _container(survey(reading, title, least=2)) or container


def survey(reading: Reading, title: Title | None, *, least: int) -> Survey:
    """Weigh a page. least: from which degree on a name makes a part stand apart."""
    number = -1 if title is None or title.line is None else title.line
    apart = _apart(reading, number, least=least)
    size = len(reading.nodes)
    speaks_for, against, prose, pictures = [0.0] * size, [0.0] * size, [0.0] * size, [0] * size
    for index, line in enumerate(reading.lines):
        free = line.size - line.linked
        if index == number or apart[line.block]:
            continue
        if line.prose:
            speaks_for[line.block] += free
            prose[line.block] += free
        elif reading.nodes[line.block].tag != "header":
            speaks_for[line.block] += _FREE * free
            against[line.block] += line.linked
    for index in reading.images:
        pictures[index] = int(not apart[index] and is_picture(reading, index))
    return Survey(
        reading=reading,
        apart=apart,
        weights=[
            pro - min(contra, _MOST_AGAINST * pro)
            for pro, contra in zip(_summed(reading, speaks_for), _summed(reading, against), strict=True)
        ],
        prose=_summed(reading, prose),
        pictures=_summed(reading, pictures),
        title=reading.lines[number].block if number >= 0 else 0,
    )


def _summed(reading: Reading, values: list[_Sum]) -> list[_Sum]:
    for index in range(len(values) - 1, 0, -1):
        values[reading.nodes[index].parent] += values[index]
    return values


def _apart(reading: Reading, title_line: int, *, least: int) -> list[int]:
    """How far each element stands apart; what holds the title or calls itself the body does not."""
    nodes = reading.nodes
    kept = _kept(reading, title_line)
    headed = _headed(reading, kept)
    whole = nodes[0].prose if nodes else 0.0
    apart: list[int] = []
    for index, node in enumerate(nodes):
        own = 0 if index in kept or node.apart < least else node.apart
        if own == 1 and node.prose > _MOST * whole:
            own = 0
        inherited = apart[node.parent] if node.parent >= 0 else 0
        apart.append(max(inherited, own, 2 if index in headed else 0))
    return apart


def _kept(reading: Reading, title_line: int) -> set[int]:
    kept = set(reading.above(reading.lines[title_line].block)) if title_line >= 0 else set()
    for index, node in enumerate(reading.nodes):
        if node.element.get("itemprop") == "articleBody":
            kept.update(reading.above(index))
    return kept


def _headed(reading: Reading, kept: set[int]) -> set[int]:
    """Parts that begin with a line like 相关阅读 or Comments, or such a line and the links right behind it."""
    nodes = reading.nodes
    whole = nodes[0].prose if nodes else 0.0
    found: set[int] = set()
    first: dict[int, int] = {}
    for number, line in enumerate(reading.lines):
        for above in reading.above(line.block):
            if above in first:
                break
            first[above] = number
        if line.size > _MAX_HEADING or not _HEADED.match(line.text):
            continue
        part = line.block
        while (
            (above := nodes[part].parent) >= 0
            and first.get(above) == number
            and _may_stand_apart(reading, above, kept, whole)
        ):
            part = above
        if part in kept:
            continue
        if part != line.block or nodes[part].prose:
            found.add(part)
        else:
            found.update(_list_behind(reading, part))
    return found


def _may_stand_apart(reading: Reading, index: int, kept: set[int], whole: float) -> bool:
    node = reading.nodes[index]
    return index not in kept and node.tag not in _PAGE_TAGS and node.prose <= _MOST * whole


def _list_behind(reading: Reading, heading: int) -> set[int]:
    """A heading and what follows it in the same element, as long as that is mostly links."""
    nodes = reading.nodes
    behind = {heading}
    sibling, end = nodes[heading].end, nodes[nodes[heading].parent].end
    while sibling < end and nodes[sibling].links > nodes[sibling].prose + nodes[sibling].other:
        behind.add(sibling)
        sibling = nodes[sibling].end
    return behind if len(behind) > 1 else set()


def is_picture(reading: Reading, index: int) -> bool:
    """Whether an image may be one of an article's: no icon, no avatar, no thumbnail of another page."""
    node = reading.nodes[index]
    element = node.element
    for name in ("width", "height"):
        digits = re.match(r"\d+", element.get(name) or "")
        if digits and int(digits[0]) < _MIN_PX:
            return False
    said = " ".join((node.label, element.get("alt") or "", (element.get("src") or "")[-80:]))
    lazy = any(name.startswith("data-") or name == "srcset" for name in element.attrib)
    if (_SMALL.search(said) and not lazy) or names.has_word(reading.nodes[node.parent].label, _SMALL_WORDS):
        return False
    if not node.linked:
        return True
    link = next(reading.nodes[above] for above in reading.above(index) if reading.nodes[above].tag == "a")
    href = link.element.get("href") or ""
    return not href or href.startswith(("#", "javascript:")) or _PICTURE_FILE.search(href) is not None


def _container(page: Survey) -> Container | None:
    if not page.weights:
        return None
    nodes = page.reading.nodes
    places = (index for index, node in enumerate(nodes) if node.tag not in _CONTENT_TAGS - _LAYOUT_TAGS)
    top = max(places, key=lambda index: (page.weights[index], index))
    if page.weights[top] <= 0 or page.prose[top] <= 0:
        return None
    hinted = _hinted(page, top)
    index = top if hinted is None else hinted
    while (inner := _only_child(page, index)) is not None:
        index = inner
    return Container(index=_with_pictures(page, index), survey=page)


def _hinted(page: Survey, top: int) -> int | None:
    """The innermost element that calls itself the text, and holds most of what the best one holds."""
    reading = page.reading
    best: int | None = None
    for index, node in enumerate(reading.nodes):
        if page.apart[index] or page.prose[index] < page.prose[top] * _HINTED_SHARE or node.tag in _PAGE_TAGS:
            continue
        says = _calls_itself_body(node)
        inside = reading.holds(top, index)
        outside = says > 1 and reading.holds(index, top) and page.weights[index] > _OUTER_SHARE * page.weights[top]
        if says and (inside or outside) and (best is None or reading.holds(best, index)):
            best = index
    return best


def _calls_itself_body(node: Node) -> int:
    if node.tag in _CONTENT_TAGS:
        return 0
    if node.element.get("itemprop") == "articleBody":
        return 2
    return names.names_body(node.label) if node.label else 0


def _only_child(page: Survey, index: int) -> int | None:
    """The child that holds all of the element's text and pictures that are like an article's."""
    nodes = page.reading.nodes
    children = page.reading.children(index)
    best = max(children, key=lambda child: page.prose[child], default=None)
    if best is None or page.prose[best] <= 0 or nodes[best].tag in _CONTENT_TAGS - _LAYOUT_TAGS:
        return None
    others = [child for child in children if child != best and nodes[child].end > page.title]
    alike = sum(page.prose[child] for child in others if _are_alike(nodes[child], nodes[best]))
    if alike > max(_MIN_PART, _REST_SHARE * page.prose[index]):
        return None
    return None if any(_may_belong(page, index, child, best) for child in others) else best


def _are_alike(one: Node, other: Node) -> bool:
    return (one.tag, one.label) == (other.tag, other.label)


def _may_belong(page: Survey, index: int, child: int, best: int) -> bool:
    """Whether a child beside the best one may be part of the article: text or pictures, no furniture of some kind."""
    node, text = page.reading.nodes[child], page.reading.nodes[best]
    whole = page.prose[index]
    if node.tag in _CONTENT_TAGS - _LAYOUT_TAGS:
        least = _MIN_REST
    elif _are_alike(node, text):
        least = max(_MIN_REST, _ALIKE_SHARE * whole)
    else:
        least = max(_MIN_PART, _REST_SHARE * whole)
    if page.prose[child] > least:
        return node.links < max(_MIN_REST, page.prose[child])
    return page.pictures[child] > 0 and node.links < _MIN_REST


def _with_pictures(page: Survey, index: int) -> int:
    """The element around, when all that it adds are pictures behind the title: the lead of the article."""
    nodes = page.reading.nodes
    outer = nodes[index].parent
    if outer < 0 or nodes[outer].tag in _PAGE_TAGS or nodes[index].tag in _LAYOUT_TAGS | {"td"}:
        return index
    if page.pictures[outer] == page.pictures[index] or page.reading.holds(outer, page.title):
        return index
    added = [child for child in page.reading.children(outer) if child != index]
    plain = all(
        nodes[child].links <= _MIN_REST and page.prose[child] <= _MIN_PART for child in added if not page.apart[child]
    )
    return outer if plain else index
