r"""Front matter as it is found: what aggregators and old tools wrote between `---` lines is often no YAML.

Titles with an unquoted colon, quotes that nothing escapes, tabs for indents, lists nested or flat: a YAML library
refuses the whole file, or reads `1e3` as a number and `yes` as true. So every value is text here, and what cannot be
read as a value of its key is kept as text, too. What is read: scalars, plain, quoted or over several lines; lists,
written `- a` or `[a, b]`, flattened; blocks after `|` or `>`. A mapping below a key is read as no value.

A byte order mark, blank lines before the first fence, a missing first fence (Hexo needs none) and Windows line ends are
all right. A fence that never closes is not: there is no telling where the post begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from archive.errors import PageError

Value = str | tuple[str, ...]

_FENCE: Final = re.compile(r"-{3,}[ \t]*")
_KEY: Final = re.compile(r"([A-Za-z_][\w.-]*)[ \t]*:(?:[ \t]+(.*)|$)")
_ITEM: Final = re.compile(r"[ \t]*-(?:[ \t]+(.*)|$)")
_INNER_KEY: Final = re.compile(r"[ \t]+[A-Za-z_][\w.-]*[ \t]*:(?:[ \t]|$)")
_BLOCK: Final = re.compile(r"([|>])[+-]?\d?")
_FLOW_PART: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\[\]]*)\s*""")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, kw_only=True)
class FrontMatter:
    r"""The values by key, the last of a key that stands twice; the text behind the closing fence, line ends as `\n`."""

    values: Mapping[str, Value]
    body: str

    def text(self, *keys: str) -> str:
        """The first of these keys that has a value, of a list its first item, white space folded; "" where none has."""
        return next((text for key in keys if (text := " ".join(self._first(key).split()))), "")

    def texts(self, *keys: str) -> tuple[str, ...]:
        """The values of the first of these keys that has any, white space folded."""
        for key in keys:
            value = self.values.get(key, ())
            values = (value,) if isinstance(value, str) else value
            found = tuple(text for item in values if (text := " ".join(item.split())))
            if found:
                return found
        return ()

    def _first(self, key: str) -> str:
        value = self.values.get(key, "")
        return value if isinstance(value, str) else next(iter(value), "")


def read_front_matter(text: str) -> FrontMatter:
    r"""The front matter of a post's text. Raises PageError("front-matter-missing") or ("front-matter-malformed").

    >>> found = read_front_matter("---\ntitle: a: b\ncategories:\n - x\n - [y, 'z']\n---\nbody")
    >>> found.text("title"), found.texts("categories"), found.body
    ('a: b', ('x', 'y', 'z'), 'body')
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    fenced = at < len(lines) and _FENCE.fullmatch(lines[at]) is not None
    if not fenced and (at == len(lines) or not _KEY.match(lines[at])):
        raise PageError("front-matter-missing", "it does not begin with a front matter between two lines ---")
    first = at + fenced
    end = next((n for n in range(first, len(lines)) if _FENCE.fullmatch(lines[n])), None)
    if end is None:
        # Without a first fence it was a text like any other.
        reason = "front-matter-malformed" if fenced else "front-matter-missing"
        raise PageError(reason, "no line --- ends the front matter")
    values = dict(_entries(lines[first:end]))
    if not values:
        raise PageError("front-matter-malformed", "no line of the front matter is `key: value`")
    return FrontMatter(values=values, body="\n".join(lines[end + 1 :]))


def _entries(lines: list[str]) -> Iterator[tuple[str, Value]]:
    at = 0
    while at < len(lines):
        found = _KEY.match(lines[at])
        at += 1
        if found is None:  # a comment, or what belongs to no key
            continue
        first = (found[2] or "").strip()
        begin = at
        while at < len(lines) and not _KEY.match(lines[at]):
            at += 1
        yield found[1], _value(first, lines[begin:at])


def _value(first: str, more: list[str]) -> Value:
    block = _BLOCK.fullmatch(first)
    if block:
        return ("\n" if block[1] == "|" else " ").join(line.strip() for line in more).strip()
    if not first and any(_ITEM.match(line) for line in more):
        return tuple(item for line in more for item in _item(line))
    if first.startswith("["):
        return tuple(_flow(" ".join((first, *more))))
    if not first and any(_INNER_KEY.match(line) for line in more):
        return ""
    return _scalar(" ".join((first, *(line.strip() for line in more if not line.lstrip().startswith("#")))).strip())


def _item(line: str) -> Iterator[str]:
    found = _ITEM.match(line)
    text = (found[1] or "").strip() if found else ""
    while (inner := _ITEM.match(text)) and text.startswith("-"):  # `- - a`
        text = (inner[1] or "").strip()
    if text.startswith("["):
        yield from _flow(text)
    elif text:
        yield _scalar(text)


def _flow(text: str) -> Iterator[str]:
    for found in _FLOW_PART.finditer(text):
        if found[1].strip():
            yield _scalar(found[1].strip())


def _scalar(text: str) -> str:
    r"""A scalar without its quotation marks. Those inside may be doubled, escaped, or just stand there.

    >>> _scalar("'it's'"), _scalar("'it''s'"), _scalar('"a\\tb"'), _scalar('"say "so""'), _scalar("'")
    ("it's", "it's", 'a\tb', 'say "so"', "'")
    """
    if text in _NULLS:
        return ""
    mark = text[0]
    if mark not in ("'", '"') or len(text) == 1 or not text.endswith(mark):
        return text
    if mark == "'":
        return text[1:-1].replace("''", "'")
    try:
        value = json.loads(text)
    except ValueError:
        return text[1:-1].replace('\\"', '"')
    return value if isinstance(value, str) else text[1:-1]
