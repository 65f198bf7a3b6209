"""A drafted profile → the text of its module, laid out as ruff lays it out. Pure.

What stands in the module came from pages that anybody may have written. It gets there by two ways only: `literal`, a
string literal that evaluates to the text and nothing else, and `plain`, a text that cannot leave its comment.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crawler.profile import SiteProfile

_COLUMNS = 120
_MOST_IN_LINE = 2
_WIDE = ("W", "F")
# What a tool takes for an order to it where a comment begins so.
_ORDERS = re.compile(r"(?<!\S)((?:type|noqa|fmt|ruff|mypy|isort|flake8|pragma|pylint|nosec|TODO|FIXME|XXX|HACK)\b)")
_CLASS = re.compile(r"[A-Z][A-Za-z]+")

Notes = Mapping[str, tuple[str, ...]]
"""Comments by the place they stand above: `kinds.0.fields.title`, `lang`; each text becomes lines of its own."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A profile, what to say of its parts, and of the whole."""

    site: SiteProfile
    notes: Notes = field(default_factory=dict)
    summary: tuple[str, ...] = ()


def literal(text: str) -> str:
    r"""A Python string literal of a text, in the quotes that ruff would choose; what cannot be printed is escaped.

    >>> print(literal('say "hi"'), literal("a\n"), literal("it's"), literal("\u202e"))
    'say "hi"' "a\n" "it's" "\u202e"
    """
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def raw_literal(text: str) -> str:
    r"""The same as a raw literal where that reads better and can be one: for regular expressions.

    >>> print(raw_literal(r"/p/(?P<id>\d+)"), raw_literal("abc"), raw_literal('\\d"'))
    r"/p/(?P<id>\d+)" "abc" '\\d"'
    """
    if "\\" in text and '"' not in text and text.isprintable() and not text.endswith("\\"):
        return f'r"{text}"'
    return literal(text)


def _escaped(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    if character.isprintable():
        return character
    return ascii(character)[1:-1]


def plain(text: str, most: int = 80) -> str:
    r"""A text of a page for a comment or a line on a terminal: one line, nothing invisible, not too long.

    >>> print(plain("a\nimport os \u202e"))
    a import os \u202e
    """
    folded = " ".join(text.split())
    cut = folded if len(folded) <= most else f"{folded[:most]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def module_source(draft: Draft) -> str:
    """The module `crawler/sites/<slug>.py` of a draft."""
    lines = list(_docstring(draft))
    lines += ["", "from __future__ import annotations", "", *_imports(draft)]
    lines += ["", *_assignment("SITE", draft.site, draft.notes)]
    text = "\n".join(lines) + "\n"
    _require_values_only(text)
    return text


def _require_values_only(text: str) -> None:
    """See that a module does nothing but name values: no matter what pages held, nothing else can have got in."""
    for node in ast.parse(text).body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.ImportFrom(module=("__future__" | "crawler.profile")):
                continue
            case ast.ImportFrom(module="pipelines.clean.rules"):
                continue
            case ast.Assign(targets=[ast.Name(id="SITE")], value=value) if all(map(_is_value, ast.walk(value))):
                continue
        raise AssertionError(f"line {node.lineno} of a drafted module is no value: {ast.unparse(node)[:80]}")


def _is_value(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and _CLASS.fullmatch(node.func.id) is not None and not node.args
    return isinstance(node, ast.Constant | ast.Tuple | ast.Dict | ast.keyword | ast.Name | ast.Load)


def _docstring(draft: Draft) -> Iterator[str]:
    yield f'"""{_for_docstring(draft.site.title, 20)}, {_for_docstring(draft.site.hosts[0], 60)}.'
    yield ""
    for text in draft.summary:
        yield from _wrapped(_for_docstring(text, 400), "")
    yield '"""'


def _for_docstring(text: str, most: int) -> str:
    return plain(text, most).replace("\\", "/").replace('"', "'")


def _imports(draft: Draft) -> Iterator[str]:
    names = sorted(set(_class_names(draft.site)))
    profile_names = [name for name in names if name != "CleanRules"]
    one_line = f"from crawler.profile import {', '.join(profile_names)}"
    if len(one_line) <= _COLUMNS:
        yield one_line
    else:
        yield from ("from crawler.profile import (", *(f"    {name}," for name in profile_names), ")")
    if "CleanRules" in names:
        yield "from pipelines.clean.rules import CleanRules"


def _class_names(value: object) -> Iterator[str]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        for _, inner in _told(value):
            yield from _class_names(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _class_names(inner)


def _told(value: Any) -> list[tuple[str, Any]]:
    """A dataclass's fields that differ from their defaults."""
    rows = []
    for each in dataclasses.fields(value):
        given = getattr(value, each.name)
        factory = each.default_factory
        default = factory() if factory is not dataclasses.MISSING else each.default
        if given != default:
            rows.append((each.name, given))
    return rows


def _assignment(name: str, value: object, notes: Notes) -> Iterator[str]:
    lines = _value(value, "", notes, _COLUMNS - len(name) - 3)
    yield f"{name} = {lines[0]}"
    yield from lines[1:]


def _value(value: object, place: str, notes: Notes, room: int) -> list[str]:
    """The lines of a value, the others indented as seen from the first. room: columns that are left for the first."""
    if isinstance(value, str):
        return [raw_literal(value) if _is_pattern(place) else literal(value)]
    if isinstance(value, tuple):
        return _tuple(value, place, notes, room)
    if isinstance(value, Mapping):
        return _block("{", [(f"{literal(key)}: ", key, inner) for key, inner in value.items()], "}", place, notes)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        rows = [(f"{name}=", name, inner) for name, inner in _told(value)]
        line = _in_line(type(value).__name__, rows, place)
        noted = any(where.startswith(f"{place}.") for where in notes)
        if len(rows) <= _MOST_IN_LINE and not noted and _width(line) <= room:
            return [line]
        return _block(f"{type(value).__name__}(", rows, ")", place, notes)
    return [repr(value)]


def _in_line(name: str, rows: list[tuple[str, str, Any]], place: str) -> str:
    """A call in one line, too wide for any where a value takes several."""
    values = [(prefix, _value(inner, f"{place}.{part}", {}, _COLUMNS)) for prefix, part, inner in rows]
    if any(len(lines) > 1 for _, lines in values):
        return " " * (_COLUMNS + 1)
    return f"{name}({', '.join(prefix + lines[0] for prefix, lines in values)})"


def _is_pattern(place: str) -> bool:
    return place.endswith((".url", ".include")) or re.search(r"\b(?:gone|blocked|tag_links)\.\d+$", place) is not None


def _tuple(value: tuple[object, ...], place: str, notes: Notes, room: int) -> list[str]:
    if all(isinstance(inner, str) for inner in value):
        shown = [_value(inner, f"{place}.{number}", notes, room)[0] for number, inner in enumerate(value)]
        line = f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"
        if _width(line) <= room:
            return [line]
    return _block("(", [("", str(number), inner) for number, inner in enumerate(value)], ")", place, notes)


def _block(head: str, rows: list[tuple[str, str, Any]], tail: str, place: str, notes: Notes) -> list[str]:
    if not rows:
        return [head + tail]
    lines = [head]
    for prefix, name, inner in rows:
        here = f"{place}.{name}" if place else name
        # Each part of a place is a level of the module: names hold no dots, they are those of fields.
        room = _COLUMNS - 4 * len(here.split("."))
        for text in notes.get(here, ()):
            lines += [f"    {line}" for line in _wrapped(text.replace("#", "＃"), "# ", room)]
        first, *others = _value(inner, here, notes, room - _width(prefix) - 1)
        lines.append(f"    {prefix}{first}" if others else "    " + _told_long(f"{prefix}{first},", room))
        lines += [f"    {line}" for line in others[:-1]]
        lines += [f"    {others[-1]},"] if others else []
    return [*lines, tail]


def _told_long(line: str, room: int) -> str:
    # A literal cannot be broken. ruff wants to be told, but of a line without a space, or one that ends with a URL.
    words = line.split()
    passed = len(words) == 1 or ("://" in words[-1] and _width(line) - _width(words[-1]) <= room)
    return line if passed or _width(line) <= room else f"{line}  # noqa: E501"


def _wrapped(text: str, head: str, columns: int = _COLUMNS) -> Iterator[str]:
    """A text as lines that begin with `head`, none wider than so many columns."""
    line = head
    for word in _ORDERS.sub(r"…\1", plain(text, 2000)).split(" "):
        for piece in _pieces(word, columns - len(head)):
            if line != head and _width(line) + 1 + _width(piece) > columns:
                yield line.rstrip()
                line = head
            line += piece if line == head else f" {piece}"
    yield line.rstrip()


def _pieces(word: str, columns: int) -> Iterator[str]:
    """A word cut where it is too wide for a line: Chinese knows no spaces."""
    piece = ""
    for character in word:
        if _width(piece) + _width(character) > columns:
            yield piece
            piece = ""
        piece += character
    yield piece


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in text)
