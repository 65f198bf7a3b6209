"""The language of an article, as a tag of BCP 47: what the page declares, where its text does not contradict it."""

from __future__ import annotations

import re
from typing import Final

_SIMPLIFIED: Final = frozenset("们这来说时国为会个对发过还开学见长问东车书吗让进样现经关实点话电气体声应从动业两总与")
_TRADITIONAL: Final = frozenset("們這來說時國為會個對發過還開學見長問東車書嗎讓進樣現經關實點話電氣體聲應從動業兩總與")
_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_TAG: Final = re.compile(r"^[a-z]{2,3}(?:-[a-z]{3})?(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?$", re.IGNORECASE)
_REGION: Final = 2
_SCRIPT: Final = 4
_SAMPLE: Final = 4000
_EAST_ASIAN: Final = frozenset(("zh", "cmn", "yue", "ja", "ko"))


def language(text: str, declared: str | None) -> str:
    """The language of a text; `und` when it shows none.

    >>> language("我们这样说。", "en"), language("我們這樣說。", None), language("文", "zh-hk")
    ('zh-CN', 'zh-Hant', 'zh-HK')
    >>> language("A text.", "en-us"), language("A text.", "zh-CN"), language("", None)
    ('en-US', 'en', 'und')
    """
    tag = _normal(declared or "")
    primary = tag.partition("-")[0]
    seen = _seen(text[:_SAMPLE])
    if seen == "und":
        return tag or "und"
    if seen == "latin":
        return "en" if not tag or primary in _EAST_ASIAN else tag
    if primary == seen.partition("-")[0] or (seen.startswith("zh") and primary in ("cmn", "yue")):
        traditional = seen == "zh-Hant"
        says_which = re.search(r"-(?:han[st]|cn|sg|tw|hk|mo)\b", tag, re.IGNORECASE)
        contradicted = traditional == bool(re.search(r"-(?:hans|cn|sg)\b", tag, re.IGNORECASE))
        return tag if says_which and (seen == "zh" or not contradicted) else _default(seen)
    return _default(seen)


def _default(seen: str) -> str:
    return "zh-CN" if seen in ("zh", "zh-Hans") else seen


def _seen(text: str) -> str:
    han, kana, hangul = (len(pattern.findall(text)) for pattern in (_HAN, _KANA, _HANGUL))
    latin = len(_LATIN.findall(text))
    if han + kana + hangul + latin == 0:
        return "und"
    if hangul > han + kana and hangul * 2 > latin:
        return "ko"
    if kana * 8 > han and (han + kana) * 2 > latin:
        return "ja"
    if han * 2 <= latin:
        return "latin"
    simplified = sum(character in _SIMPLIFIED for character in text)
    traditional = sum(character in _TRADITIONAL for character in text)
    return "zh" if simplified == traditional else "zh-Hans" if simplified > traditional else "zh-Hant"


def _normal(tag: str) -> str:
    """A tag in the case that BCP 47 recommends, or nothing when it is none.

    >>> _normal("ZH_cn"), _normal("zh-hant-tw"), _normal("{{ lang }}")
    ('zh-CN', 'zh-Hant-TW', '')
    """
    parts = tag.strip().replace("_", "-").split("-")
    if not _TAG.match("-".join(parts)):
        return ""
    return "-".join([parts[0].lower(), *map(_cased, parts[1:])])


def _cased(subtag: str) -> str:
    if len(subtag) == _REGION:
        return subtag.upper()
    return subtag.title() if len(subtag) == _SCRIPT else subtag.lower()
