"""Times as a reader sees them: found in a line, unparsed, and told apart by what stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from crawler.generic import names
from crawler.generic.reading import Line, Reading

_HAN_CLOCK: Final = (
    r"(?:[\s,T|·]*(?:at\s+)?(?:凌晨|早上|上午|中午|下午|晚上)?\s*\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?:\.\d+)?"
    r"(?:\s*[ap]\.?m\b\.?)?(?:\s*(?:Z|(?-i:[A-Z]{2,4}))\b|\s*(?:UTC|GMT)?[+-]\d{2}:?\d{2})?)?"
)
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_CLOCK: Final = r"\d{1,2}(?:[:.]\d{2}(?::\d{2})?(?:\s*[ap]\.?m\b\.?)?|\s*[ap]\.?m\b\.?)"
_ENGLISH: Final = (
    rf"(?P<english>(?:{_CLOCK}\s*[A-Z]{{0,4}},?\s+(?:on\s+)?)?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+)(?:19|20)\d{{2}}"
    rf"(?:[\s,|–—-]*(?:at\s+)?{_CLOCK}(?:\s*(?-i:[A-Z]{{2,4}})\b)?)?)"
)
_AGO: Final = (
    r"(?P<ago>(?:\d+|半)\s*[个個]?\s*(?:秒[钟鐘]?|分[钟鐘]?|小[时時]|天|[周週])\s*之?前|刚刚|剛剛"
    r"|(?:\d+|an?)\s+(?:second|minute|min|hour|hr|day|week)s?\s+ago|\byesterday\b)"
)
_FORMS: Final = (
    rf"(?P<full>(?:19|20)\d{{2}}\s?[-/.年]\s?\d{{1,2}}\s?[-/.月]\s?\d{{1,2}}\s?日?(?!\d*\.\d){_HAN_CLOCK})",
    _ENGLISH,
    rf"(?P<roc>(?:中[华華])?民[国國]\s*\d{{2,3}}\s*年\s*\d{{1,2}}\s*月\s*\d{{1,2}}\s*日{_HAN_CLOCK})",
    rf"(?P<written>[〇零○一二三四五六七八九]{{4}}年[一二三四五六七八九十]{{1,2}}月[一二三四五六七八九十]{{1,3}}日{_HAN_CLOCK})",
    rf"(?P<short>\d{{1,2}}月\d{{1,2}}日{_HAN_CLOCK}|\d{{1,2}}[-/]\d{{1,2}}\s*\d{{1,2}}:\d{{2}}(?::\d{{2}})?)",
    rf"(?P<word>[今昨][天日]{_HAN_CLOCK}|前天{_HAN_CLOCK})",
    _AGO,
)
TIME: Final = re.compile(rf"(?<![\d.])(?:{'|'.join(_FORMS)})", re.IGNORECASE)
_WHOLE: Final = ("full", "english", "roc", "written")
_UPDATED: Final = re.compile(
    r"(?:更新|修改|[编編][辑輯][于於]|updated|modified|edited|revised)[^\d]{0,12}$", re.IGNORECASE
)
_PUBLISHED: Final = re.compile(
    r"(?:[发發][布佈表稿]|刊登|[时時][间間]|日期|published|posted|date|created|first)[^\d]{0,12}$", re.IGNORECASE
)
_OTHER: Final = re.compile(
    r"(?:抓取|采集|登[录錄]|注[册冊]|截止|截至|加入|有效|活[动動]|[举舉]行|开始|開始|[结結]束|生日|joined|until|expires?|since)[^\d]{0,12}$",
    re.IGNORECASE,
)
_PUBLISHED_WORDS: Final = frozenset(("published", "pubdate", "publish", "posted"))
_UPDATED_WORDS: Final = frozenset(("updated", "modified", "update"))
_MAX_BESIDE: Final = 90


@dataclass(frozen=True, kw_only=True)
class Told:
    """A time, unparsed, where it was read, and whether it is of an update."""

    value: str
    source: str
    updates: bool


def times_in(text: str, *, labelled: bool, alone: bool) -> Iterator[Told]:
    """Times in a line's text. labelled: only those with a label, or, alone, one that is the whole line."""
    matches = list(TIME.finditer(text))
    if sum(len(match[0]) for match in matches) + _MAX_BESIDE < len(text):
        return
    for match in matches:
        before = text[: match.start()]
        if _OTHER.search(before):
            continue
        updates = _UPDATED.search(before) is not None
        whole = alone and match[0] == text and any(match[form] for form in _WHOLE)
        if not labelled or updates or _PUBLISHED.search(before) or whole:
            yield Told(value=match[0].strip(), source="line of the page", updates=updates)


def marked_times(reading: Reading, line: Line, *, sure: bool) -> Iterator[Told]:
    """Times in the line's `time` elements. sure: only those whose class says that they are of the article."""
    seen: set[int] = set()
    for index, _ in line.pieces:
        for above in (index, reading.nodes[index].parent):
            node = reading.nodes[above]
            value = node.element.get("datetime") if node.tag == "time" else None
            if not value or above in seen:
                continue
            seen.add(above)
            published = names.has_word(node.label, _PUBLISHED_WORDS) or node.element.get("pubdate") is not None
            updates = names.has_word(node.label, _UPDATED_WORDS) and not published
            if not updates:
                updates = _UPDATED.search(line.text[: line.text.find(_text_of(line, above))] or "") is not None
            if published or updates or not sure:
                yield Told(value=value.strip(), source="time element", updates=updates)


def _text_of(line: Line, index: int) -> str:
    return next((piece.strip() for at, piece in line.pieces if at == index and piece.strip()), line.text)
