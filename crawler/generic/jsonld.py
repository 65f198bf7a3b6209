"""JSON-LD of a page, mended where editors' templates break it. https://www.w3.org/TR/json-ld11/, schema.org Article."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from parsel import Selector

# Types that are an article themselves; one without a type is Baidu's kind of it (`cambrian.jsonld`).
_ARTICLE: Final = re.compile(r"(?:Article|BlogPosting|Posting|Report|Review|NewsArticle|Recipe|HowTo|LiveBlogPosting)$")
_COMMENT: Final = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*.*?\*/)|(?:-->|//\s*\]\]>|\]\]>)\s*$", re.DOTALL
)
_TRAILING_COMMA: Final = re.compile(r",(?=\s*[}\]])")
_CONTROL: Final = re.compile(r"[\x00-\x1f]+")
_MAX_DEPTH: Final = 12


def objects(tree: Selector) -> Iterator[Mapping[str, Any]]:
    """All objects of the page's JSON-LD that have a meaning of their own, those of a graph too, in order."""
    for script in tree.xpath("//script[contains(@type, 'ld+json')]"):
        yield from _flat(loads("".join(script.root.itertext())), 0)


def loads(text: str) -> Any:
    r"""JSON as pages have it, or None. Mended are comment marks, line breaks in strings, and commas before a bracket.

    >>> loads('<!-- {"a": "b\n", "c": [1,], } -->')
    {'a': 'b ', 'c': [1]}
    >>> loads('{"a": "b"c"}')
    """
    bare = _COMMENT.sub("", _COMMENT.sub("", text)).strip().removesuffix(";")
    for attempt in (bare, _TRAILING_COMMA.sub("", _CONTROL.sub(" ", bare)), html.unescape(bare)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def is_article(found: Mapping[str, Any]) -> bool:
    """Whether an object describes an article: by its type, or without one as search engines of Baidu take it."""
    kinds = types(found)
    if kinds:
        return any(_ARTICLE.search(kind) for kind in kinds)
    return "cambrian" in str(found.get("@context", "")) and "title" in found


def types(found: Mapping[str, Any]) -> tuple[str, ...]:
    kind = found.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return tuple(str(name) for name in kinds if isinstance(name, str))


def named(value: Any) -> Iterator[str]:
    """The names in a value that is text, an object with a name, or a list of such."""
    if isinstance(value, str):
        yield html.unescape(value)
    elif isinstance(value, Mapping):
        yield from named(value.get("name") or value.get("title") or ())
    elif isinstance(value, list):
        for one in value:
            yield from named(one)


def addresses(value: Any) -> Iterator[str]:
    """The addresses in a value that is text, an object with a url, or a list of such."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        named_first = (value.get(name) for name in ("url", "contentUrl", "@list", "@id"))
        yield from addresses(next(filter(None, named_first), ()))
    elif isinstance(value, list):
        for one in value:
            yield from addresses(one)


def _flat(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for one in value:
            yield from _flat(one, depth + 1)
    elif isinstance(value, Mapping):
        yield value
        for name in ("@graph", "mainEntity", "mainEntityOfPage"):
            yield from _flat(value.get(name), depth + 1)
