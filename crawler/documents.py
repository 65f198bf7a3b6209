"""JSON that holds an article or a list: found in a page, and a field out of it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from crawler.profile import JsonDocument

_JOIN = " + "
_GLOB = re.compile(r"[*?\[]")
# What a flat list writes for values that JSON does not have: undefined, holes, NaN, infinities, minus zero.
_NOTHING_BELOW = 0
_WRAPPERS = ("Reactive", "ShallowReactive", "Ref", "ShallowRef", "EmptyRef", "EmptyShallowRef", "Date", "NuxtError")


def read_document(text: str, where: JsonDocument) -> Any:
    """The JSON value that a page's source holds, or None where there is none that can be read.

    >>> read_document('<script>window.state={"a": [1]};</script>', JsonDocument(begin="window.state="))
    {'a': [1]}
    """
    begin = re.search(where.begin, text) if where.begin else None
    if where.begin and begin is None:
        return None
    rest = text[begin.end() :] if begin else text
    try:
        value = json.JSONDecoder().raw_decode(rest.lstrip().removeprefix("\ufeff"))[0] if begin else json.loads(rest)
        if where.form == "references":
            value = resolve_references(value)
        return _having(value, where.having) if where.having else value
    except (ValueError, RecursionError):
        return None


def resolve_references(flat: Any) -> Any:
    """What Nuxt 3 serialises as a flat list: the first value, in which numbers stand for places in the list.

    Raises ValueError for what is no such list.

    >>> resolve_references([{"title": 1, "tags": 2}, "标题", [1, -1]])
    {'title': '标题', 'tags': ['标题', None]}
    """
    if not isinstance(flat, list) or not flat:
        raise ValueError("expected a list that is not empty")
    made: dict[int, Any] = {}

    def value_at(place: Any) -> Any:
        if not isinstance(place, int) or place >= len(flat):
            raise ValueError(f"expected a place in a list of {len(flat)}, found {place!r:.40}")
        if place < _NOTHING_BELOW:
            return None
        if place in made:
            return made[place]
        raw = flat[place]
        if isinstance(raw, dict):
            named = made[place] = {}
            named.update((name, value_at(there)) for name, there in raw.items())
        elif isinstance(raw, list) and raw and isinstance(raw[0], str):
            made[place] = None  # of one that holds itself
            made[place] = _special(raw, value_at)
        elif isinstance(raw, list):
            listed = made[place] = []
            listed.extend(value_at(there) for there in raw)
        else:
            made[place] = raw
        return made[place]

    return value_at(0)


def _special(raw: list[Any], value_at: Any) -> Any:
    """`["Reactive", 3]`, `["Set", 4, 5]`, `["Date", "2026-…"]`: a value of a kind that JSON does not have."""
    kind, *rest = raw
    if kind in _WRAPPERS and len(rest) == 1:
        return value_at(rest[0]) if isinstance(rest[0], int) else rest[0]
    if kind == "Set":
        return [value_at(there) for there in rest]
    if kind == "null":  # an object without a prototype: names and places by turns
        return {name: value_at(there) for name, there in zip(rest[::2], rest[1::2], strict=False)}
    return value_at(rest[0]) if rest and isinstance(rest[0], int) else None


def _having(value: Any, names: tuple[str, ...]) -> Any:
    """The first object that has all these keys, outer ones before inner ones, or None."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        level, waiting = waiting, []
        for each in level:
            if id(each) in seen:  # a value of references may hold itself
                continue
            seen.add(id(each))
            if isinstance(each, dict):
                if all(name in each for name in names):
                    return each
                waiting.extend(each.values())
            elif isinstance(each, list):
                waiting.extend(each)
    return None


def values_at(document: Any, paths: str) -> Iterator[Any]:
    """All values at a path, or at several with ` + ` between them, in their order.

    Names by dots; each may be a glob, which stands for all keys that fit or for all of a list; numbers count in lists.

    >>> list(values_at({"data": {"tags": [{"name": "甲"}, {"name": "乙"}]}}, "data.tags.*.name"))
    ['甲', '乙']
    """
    for path in paths.split(_JOIN):
        yield from _along(document, path.strip().split("."))


def _along(value: Any, names: list[str]) -> Iterator[Any]:
    if not names:
        yield value
        return
    name, *rest = names
    if isinstance(value, dict):
        keys = [key for key in value if fnmatchcase(key, name)] if _GLOB.search(name) else [name]
        inner = [value[key] for key in keys if key in value]
    elif isinstance(value, list):
        inner = value if name == "*" else value[int(name) : int(name) + 1] if name.isdecimal() else []
    else:
        inner = []
    for each in inner:
        yield from _along(each, rest)


def strings_at(document: Any, paths: str) -> Iterator[str]:
    """The texts and whole numbers at a path, as text; whatever else is there is none.

    >>> list(strings_at({"time": 1700000000, "title": "标题", "no": None}, "time + title + no"))
    ['1700000000', '标题']
    """
    for value in values_at(document, paths):
        if isinstance(value, str):
            yield value
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)
