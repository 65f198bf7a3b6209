"""What belongs to the post but not to its text: moved to metadata, by the site's rules or where it is near-certain.

Near-certain is only what stands at the very end, in a line of its own that says nothing else: who edited, who may
reprint, a QR code with a call to scan it, a list of other articles. A call without a code, a credit in the middle,
a list with words between its links stay where they are: in doubt it is text.
"""

import re
from typing import Final

from lxml.etree import _Element

from pipelines.clean.containers import HEADINGS
from pipelines.clean.draft import Draft
from pipelines.clean.furniture import select
from pipelines.clean.outline import drop_end_lines
from pipelines.clean.rules import any_found
from pipelines.clean.tree import drop, text_of

_MAX_LINE_CHARS: Final = 100
_CREDITS: Final = re.compile(
    r"[（(\[【]?\s*(?:责任编辑|责编|值班编辑|本文编辑|本文责编)\s*[:：丨|]\s*[^。，,！!？?；;]{1,30}[)）\]】]?"
)
_RIGHTS: Final = re.compile(
    r"(?:版权声明[:：].*|(?:©|Copyright\s*©).*|(?:本文)?版权归.{1,30}所有.{0,60}|.{0,30}转载(?:请|须|需)注明(?:出处|来源).{0,30}"
    r"|.{0,30}未经.{0,12}(?:授权|许可|允许|同意).{0,6}(?:请勿|不得|禁止|谢绝|严禁)(?:擅自)?(?:转载|使用|复制).{0,20})",
    re.IGNORECASE,
)
_CALL: Final = re.compile(
    r".{0,12}(?:长按|扫描|扫码|识别|扫一扫).{0,16}(?:二维码|下方|上方|图片)?.{0,10}(?:关注|加入|添加|进群|入群|加群).{0,24}"
)
_RELATED: Final = re.compile(
    r"[-—=\s【\[]*(?:相关(?:文章|阅读|推荐|新闻|链接|报道)|推荐阅读|延伸阅读|往期(?:回顾|推荐|精选|文章|好文)|猜你喜欢|热门文章)[-—=\s】\]:：]*"
)
_MAX_RELATED: Final = 12


def move_site_boilerplate(body: Draft) -> None:
    """What the site's profile says belongs beside its articles.

    >>> from pipelines.clean.draft import after
    >>> from pipelines.clean.rules import CleanRules
    >>> after(move_site_boilerplate, "<p>a</p><p class=from>b</p>", CleanRules(boilerplate=("p.from",)))
    '<p>a</p>'
    """
    for selector in body.rules.boilerplate:
        if selector.startswith("re:"):
            continue
        for element in select(selector, body.root):
            if element.getparent() is not None:
                _note(body, _shown([element]))
                drop(element)


def move_boilerplate(body: Draft) -> None:
    """Credits, rights, codes to scan and lists of other articles at the end; lines that the profile's `re:` names.

    >>> from pipelines.clean.draft import after
    >>> after(move_boilerplate, "<p>正文。</p><p>责任编辑：万南</p><p>未经授权，禁止转载</p>")
    '<p>正文。</p>'
    >>> after(move_boilerplate, "<p>正文。</p><p>长按二维码关注</p>")
    '<p>正文。</p><p>长按二维码关注</p>'
    """
    named = tuple(rule.removeprefix("re:") for rule in body.rules.boilerplate if rule.startswith("re:"))
    for block in list(body.root) if named else ():
        if any_found(named, text_of(block).strip()):
            _note(body, _shown([block]))
            body.root.remove(block)
    found: list[str] = []
    while tail := _tail(body.root):
        found.append(_shown(tail))
        for block in tail:
            body.root.remove(block)
        drop_end_lines(body)
    for text in reversed(found):
        _note(body, text)


def _note(body: Draft, text: str) -> None:
    body.ledger.note("boilerplate", text)
    if text:
        body.ledger.boilerplate.append(text)


def _shown(blocks: list[_Element]) -> str:
    """The blocks' text, with the addresses of their pictures."""
    words = [word for block in blocks for word in text_of(block).split()]
    return " ".join((*words, *(image.get("src", "") for block in blocks for image in block.iter("img"))))


def _tail(root: _Element) -> list[_Element]:
    """The last blocks, where they are boilerplate and not all there is."""
    if not len(root):
        return []
    last = root[-1]
    line = _line(last)
    if line and (_CREDITS.fullmatch(line) or _RIGHTS.fullmatch(line)):
        tail = [last]
    else:
        tail = _scan_code(last) or _related(last)
    return tail if tail and tail[0].getprevious() is not None else []


def _line(block: _Element) -> str:
    """The text of a paragraph that is one line of words."""
    if block.tag != "p" or next(block.iter("img", "br"), None) is not None:
        return ""
    text = text_of(block).strip()
    return text if len(text) <= _MAX_LINE_CHARS else ""


def _scan_code(last: _Element) -> list[_Element]:
    """A picture and the call to scan it, in either order."""
    previous = last.getprevious()
    if previous is None:
        return []
    for picture, call in ((previous, last), (last, previous)):
        if _is_picture(picture) and _CALL.fullmatch(_line(call)):
            return [previous, last]
    return []


def _is_picture(block: _Element) -> bool:
    return block.tag == "p" and sum(1 for _ in block.iter("img")) == 1 and not text_of(block).strip()


def _related(last: _Element) -> list[_Element]:
    """A title such as 相关阅读 and what follows it, all links."""
    tail: list[_Element] = []
    block: _Element | None = last
    while block is not None and len(tail) <= _MAX_RELATED:
        if tail and (block.tag == "p" or block.tag in HEADINGS) and _RELATED.fullmatch(text_of(block).strip()):
            return [block, *tail]
        if not _only_links(block):
            return []
        tail.insert(0, block)
        block = block.getprevious()
    return []


def _only_links(block: _Element) -> bool:
    if block.tag not in ("p", "ul", "ol") or next(block.iter("a"), None) is None:
        return False
    if next(block.iter("img"), None) is not None:
        return False
    linked = "".join(text_of(link) for link in block.iter("a"))
    return bool(linked.strip()) and "".join(linked.split()) == "".join(text_of(block).split())
