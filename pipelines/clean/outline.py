"""The article as a whole: its headings, its lists typed by hand, its last line."""

import re
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.tree import text_of

_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_HOLDS_MORE: Final = etree.XPath("boolean(descendant::img | descendant::a[not(starts-with(@href, '#'))])")
_TAIL_BLOCKS: Final = 8  # what follows the last line: credits, a QR code, a call to follow
_MAX_END_CHARS: Final = 24
_MAX_HEADING_CHARS: Final = 40
_LINE_BULLETS: Final = ("●", "•", "■", "◆", "▪")  # of lines in one paragraph; stars also adorn
_MIN_TYPED_ITEMS: Final = 3
_SENTENCE_END: Final = re.compile(r"[。！!；;，,…、：:]$")


def drop_end_lines(body: Draft) -> None:
    """`-END-` says that an article ends, which the end says as well.

    >>> from pipelines.clean.draft import after
    >>> after(drop_end_lines, "<p>a</p><p>-END-</p>")
    '<p>a</p>'
    """
    pattern = re.compile(body.rules.end_line, re.IGNORECASE)
    others = 0
    following = body.root[-1] if len(body.root) else None
    while following is not None:
        block, following = following, following.getprevious()
        text = text_of(block).strip() if block.tag == "p" or block.tag in _HEADINGS else ""
        if 0 < len(text) <= _MAX_END_CHARS and pattern.match(text) and not _HOLDS_MORE(block):
            body.ledger.note("end line", text)
            body.root.remove(block)
        else:
            others += len(block) if block.tag == "ul" else 1  # as many as before they were found to be a list
            if others >= _TAIL_BLOCKS:
                return


def find_typed_headings(body: Draft) -> None:
    """A short numbered line all in bold, between paragraphs, is a heading.

    >>> from pipelines.clean.draft import after
    >>> after(find_typed_headings, "<p><strong>一、缘起</strong></p><p>a</p><p><strong>2. 真的。</strong></p>")
    '<h2>一、缘起</h2><p>a</p><p><strong>2. 真的。</strong></p>'
    """
    if next(body.root.iter("strong"), None) is None:
        return
    numbered = re.compile(body.rules.heading_number)
    blocks = list(body.root)
    candidates = [_is_typed_heading(block, numbered) for block in blocks]
    if not any(candidates):
        return
    levels = [int(str(block.tag)[1]) for block in blocks if block.tag in _HEADINGS]
    tag = f"h{min(max(levels, default=1) + 1, 6)}"
    for index, block in enumerate(blocks[:-1]):
        alone = not candidates[index + 1] and not (index and candidates[index - 1])  # else it is a list in bold
        if candidates[index] and alone:
            body.ledger.note("bold heading", text_of(block))
            _make_heading(block, tag)


def _is_typed_heading(block: _Element, numbered: re.Pattern[str]) -> bool:
    if not _all_bold(block):
        return False
    text = text_of(block).strip()
    number = numbered.match(text)
    return bool(number and number.end() < len(text) <= _MAX_HEADING_CHARS and not _SENTENCE_END.search(text))


def _all_bold(block: _Element) -> bool:
    return (
        block.tag == "p"
        and len(block) == 1
        and block[0].tag == "strong"
        and not block[0].attrib
        and not (block.text or "").strip()
        and not (block[0].tail or "").strip()
        and block[0].find(".//img") is None
        and block[0].find(".//br") is None
    )


def _make_heading(block: _Element, tag: str) -> None:
    strong = block[0]
    block.tag, block.text = tag, strong.text
    block.extend(list(strong))
    block.remove(strong)


def level_headings(body: Draft) -> None:
    """Headings from h2 down, each at most one level below the one before: the title is the page's h1.

    >>> from pipelines.clean.draft import after
    >>> after(level_headings, "<h1>a</h1><h4>b</h4><h4>c</h4><h1>d</h1>")
    '<h2>a</h2><h3>b</h3><h3>c</h3><h2>d</h2>'
    """
    open_levels: list[int] = []
    for heading in body.root.iter(*_HEADINGS):
        level = int(str(heading.tag)[1])
        while open_levels and open_levels[-1] >= level:
            open_levels.pop()
        open_levels.append(level)
        heading.tag = f"h{min(len(open_levels) + 1, 6)}"


def find_typed_lists(body: Draft) -> None:
    """Three paragraphs in a row that begin with the same bullet are a list.

    >>> from pipelines.clean.draft import after
    >>> after(find_typed_lists, "<p>●  a</p><p>● b</p><p>●c</p><p>d</p>")
    '<ul><li>a</li><li>b</li><li>c</li></ul><p>d</p>'
    >>> after(find_typed_lists, "<p>x<br>● a<br>● b<br>● c</p>")
    '<p>x</p><ul><li>a</li><li>b</li><li>c</li></ul>'
    """
    pattern = re.compile(body.rules.bullets)
    if next(body.root.iter("br"), None) is not None:
        for block in body.root.findall("p"):
            _split_typed_lines(block, pattern)
    run: list[_Element] = []
    for block in [*body.root, None]:
        match = pattern.match(block.text or "") if block is not None and block.tag == "p" else None
        if match and block is not None and (not run or (run[0].text or "")[0] == match[0][0]):
            run.append(block)
            continue
        _make_list(run, pattern, body)
        run = [block] if match and block is not None else []


def _split_typed_lines(block: _Element, pattern: re.Pattern[str]) -> None:
    """Make paragraphs of a paragraph's lines where all of them, or all but the first, begin with one bullet."""
    breaks = block.findall("br")
    if len(breaks) < _MIN_TYPED_ITEMS - 1:
        return
    starts = (pattern.match(text or "") for text in (block.text, *(line.tail for line in breaks)))
    bullets = [start[0][0] if start else "" for start in starts]
    typed = bullets if bullets[0] else bullets[1:]
    if len(typed) < _MIN_TYPED_ITEMS or typed[0] not in _LINE_BULLETS or len(set(typed)) > 1:
        return
    for line in reversed(breaks):
        paragraph = etree.Element("p")
        paragraph.text = line.tail
        paragraph.extend(list(line.itersiblings()))
        block.remove(line)
        block.addnext(paragraph)


def _make_list(run: list[_Element], pattern: re.Pattern[str], body: Draft) -> None:
    if len(run) < _MIN_TYPED_ITEMS or any(not pattern.sub("", text_of(item)).strip() for item in run):
        return
    typed = etree.Element("ul")
    run[0].addprevious(typed)
    for item in run:
        body.ledger.note("typed list", text_of(item))
        item.tag, item.text = "li", pattern.sub("", item.text or "", count=1)
        while not item.text and len(item) and item[0].tag == "br":  # a bullet in a line of its own
            item.text = item[0].tail
            item.remove(item[0])
        typed.append(item)
