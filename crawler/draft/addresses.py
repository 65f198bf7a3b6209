"""Addresses of posts → the pattern they have in common, with the site's own id, and what to store them as. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import SplitResult, parse_qsl, urlsplit

_TOKEN = re.compile(r"\d+|[^\d/._-]+|[/._-]")
_WORD = re.compile(r"[^/._-]+|[/._-]")
_MOST_WORDS = 3
_LEAST_IDS = 0.9
_DATES = {"year": r"(?:19|20)\d\d", "month": r"(?:0?[1-9]|1[0-2])", "day": r"(?:0?[1-9]|[12]\d|3[01])"}
_WHOLE_DATE = re.compile(r"(?:19|20)\d\d-?(?:0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12]\d|3[01]))?")
_TRACKING = re.compile(r"^(?:utm_|spm|from|src|source|ref|share|scene|isapp|fr$)")


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What a PostKind says of addresses: a regular expression over path and query, and the canonical form.

    `page` tells that a number in it counts the pages of one article, `constant` being the value seen.
    """

    url: str
    canonical: str
    page: bool = False


def shape(url: str) -> str:
    """What addresses of one kind of page have in common at a glance: each number stands as `0`, a word id as `*`.

    >>> shape("https://e.com/a-12-1.html"), shape("https://e.com/p/?id=7"), shape("https://e.com/2024/05/my-post/")
    ('/a-0-0.html', '/*/?id', '/0/0/*/')
    """
    parts = urlsplit(url)
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    end = "/" if parts.path.endswith("/") else ""
    stem, dot, extension = last.rpartition(".")
    if not dot or not re.fullmatch(r"[a-z]{2,5}", extension):
        stem, dot, extension = last, "", ""
    name = re.sub(r"\d+", "0", stem)
    if not re.fullmatch(r"(?:[A-Za-z]*[-_.]?0)+(?:[-_][a-z]{1,2})?", name):
        name = "*" if stem else ""
    query = "&".join(sorted(key for key, _ in _query(parts)))
    return re.sub(r"\d+", "0", folder) + f"/{name}{dot}{extension}{end}" + (f"?{query}" if query else "")


def _query(parts: SplitResult) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:  # more fields than anybody writes
        return []
    return [(key, value) for key, value in pairs if not _TRACKING.match(key)]


def pattern(urls: Sequence[str], origin: str, *, next_pages: Mapping[str, str] | None = None) -> Pattern | None:
    r"""The pattern of posts' addresses, or None where they have none in common that tells one post from another.

    urls: absolute, of one site and one shape. origin: `https://www.example.com`, what canonical addresses begin with.
    next_pages: the address of an article's next page by that of its first.

    >>> pattern(["https://e.com/a-12-1.html", "https://e.com/a-15-1.html"], "https://e.com")
    Pattern(url='/a-(?P<id>\\d+)-\\d+\\.html', canonical='https://e.com/a-{id}-1.html', page=True)
    """
    splits = [urlsplit(url) for url in dict.fromkeys(urls)]
    if not splits:
        return None
    by_query = _query_pattern(splits, origin)
    if by_query is not None:
        return by_query
    rows = _aligned([parts.path for parts in splits])
    return _path_pattern(rows, origin, next_pages or {}) if rows else None


def _query_pattern(splits: Sequence[SplitResult], origin: str) -> Pattern | None:
    """`/detail?id=7`: the path is one and the same, and one key tells posts apart."""
    if len({parts.path for parts in splits}) != 1:
        return None
    values = [dict(_query(parts)) for parts in splits]
    keys = [key for key in values[0] if all(row.get(key) for row in values)]
    telling = [key for key in keys if len({row[key] for row in values}) == len(values)]
    if not telling or (len(values) == 1 and not re.search(r"\d", values[0][telling[0]])):
        return None
    key = min(telling, key=lambda name: (not re.search(r"id$", name, re.IGNORECASE), keys.index(name)))
    kind = _characters([row[key] for row in values])
    path = splits[0].path or "/"
    regex = rf"{_escaped(path)}\?(?:.*&)?{_escaped(key)}=(?P<id>{kind})(?:&|$)"
    return Pattern(url=regex, canonical=f"{origin}{_braced(path)}?{_braced(key)}={{id}}")


def _aligned(paths: Sequence[str]) -> list[list[str]]:
    """Paths as columns, cut as finely as leaves each differing name in one piece; empty where no cut fits all."""
    if len(paths) == 1 and "*" in shape(paths[0]):
        return [_segments(paths[0])]
    for cut in (_TOKEN.findall, _WORD.findall, _segments):
        rows = [cut(path) for path in paths]
        if _same_build(rows) and (cut is _segments or not _tears(rows)):
            return rows
    return []


def _same_build(rows: Sequence[Sequence[str]]) -> bool:
    kinds = [["0" if cut.isdigit() else cut if cut in "/._-" else "a" for cut in row] for row in rows]
    return all(kind == kinds[0] for kind in kinds)


def _tears(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a name between slashes that differs lies in several columns: of words, beside others that differ."""
    columns = [set(column) for column in zip(*rows, strict=True)]
    runs = [list(run) for slash, run in groupby(columns, key=lambda values: values == {"/"}) if not slash]
    for run in runs:
        differing = [values for values in run if len(values) > 1]
        words = [values for values in differing if not all(value.isdigit() for value in values)]
        # A title in an address has many words, of which those that all titles share are no part of the pattern.
        if words and (len(differing) > 1 or sum(not values & {*"._-"} for values in run) > _MOST_WORDS):
            return True
    return False


def _segments(path: str) -> list[str]:
    """Slashes, whole names, and a last name's extension.

    >>> _segments("/blog/my-post.html")
    ['/', 'blog', '/', 'my-post', '.', 'html']
    """
    parts = [part for part in re.split(r"(/)", path) if part]
    match = re.fullmatch(r"(.+)\.([a-z]{2,5})", parts[-1]) if parts else None
    return [*parts[:-1], match[1], ".", match[2]] if match else parts


def _path_pattern(rows: Sequence[Sequence[str]], origin: str, next_pages: Mapping[str, str]) -> Pattern | None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    at = _id_column(columns)
    if at is None:
        return None
    page = _page_column(columns, at, next_pages)
    suffix = _page_suffix(next_pages) if page is None else ""
    regex, canonical, named = "", origin, 0
    for index, column in enumerate(columns):
        first, varies = column[0], len(set(column)) > 1
        date = _date_name(columns, index) if index < at else None
        if index == at:
            further = rf"(?:{suffix}\d+)?" if suffix else ""
            regex, canonical = regex + f"(?P<id>{_characters(column)}){further}", canonical + "{id}"
        elif index == page:
            regex, canonical = regex + r"\d+", canonical + first
        elif date:
            regex, canonical = regex + f"(?P<{date}>{_DATES[date]})", canonical + f"{{{date}}}"
        elif varies or (first.isdigit() and _WHOLE_DATE.fullmatch(first)):
            named += 1
            regex, canonical = regex + f"(?P<part{named}>{_characters(column)})", canonical + f"{{part{named}}}"
        else:
            regex, canonical = regex + _escaped(first), canonical + _braced(first)
    closed = regex if columns[-1][0] == "/" or at != len(columns) - 1 else regex + r"(?:[/?#]|$)"
    return Pattern(url=closed, canonical=canonical, page=page is not None or bool(suffix))


def _id_column(columns: Sequence[Sequence[str]]) -> int | None:
    """The column that tells posts apart: the last with a value of its own for (nearly) each; numbers before words."""
    count = len(columns[0])
    names = [i for i, column in enumerate(columns) if column[0] not in "/._-" and _date_name(columns, i) is None]
    telling = [i for i in names if len(set(columns[i])) >= max(_LEAST_IDS * count, 1)]
    numbers = [i for i in telling if all(value.isdigit() for value in columns[i])]
    dates = {i for i in numbers if all(_WHOLE_DATE.fullmatch(value) for value in columns[i])}
    best = [i for i in numbers if i not in dates] or [i for i in telling if i not in dates] or numbers
    if count > 1 or not best:
        return best[-1] if best else None
    # Nothing to compare with: the longest number, else the last name that is no extension.
    sized = best if best[0] in numbers else [i for i in best if i == 1 or columns[i - 1][0] != "."][-1:]
    return max(sized, key=lambda i: len(columns[i][0]), default=None)


def _page_column(columns: Sequence[Sequence[str]], at: int, next_pages: Mapping[str, str]) -> int | None:
    """The column after the id that counts pages: it is 1 everywhere, or the next page of an article differs in it."""
    for index in range(at + 1, len(columns)):
        if set(columns[index]) in ({"1"}, {"0"}, {"01"}) and columns[index - 1][0] in "-_/":
            return index
    for first, following in next_pages.items():
        one, two = (_TOKEN.findall(urlsplit(url).path) for url in (first, following))
        differing = [i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b]
        if len(one) == len(two) == len(columns) and len(differing) == 1 and differing[0] > at:
            return differing[0]
    return None


def _page_suffix(next_pages: Mapping[str, str]) -> str:
    """`12.html` goes on in `12_2.html`: the separator, or nothing."""
    for first, following in next_pages.items():
        stem, dot, extension = urlsplit(first).path.rpartition(".")
        one, end = (stem, f".{extension}") if dot else (urlsplit(first).path, "")
        match = re.fullmatch(rf"{re.escape(one)}([_/-])\d+{re.escape(end)}", urlsplit(following).path)
        if match:
            return match[1]
    return ""


def _date_name(columns: Sequence[Sequence[str]], index: int) -> str | None:
    """What a column between slashes is, when year, month and day stand there in this order."""
    places = [i for i, column in enumerate(columns) if all(value.isdigit() for value in column)]
    start = next((i for i in places if all(re.fullmatch(_DATES["year"], value) for value in columns[i])), None)
    if start is None or start > index:
        return None
    name = ("year", "month", "day")[(index - start) // 2] if (index - start) % 2 == 0 and index - start <= 4 else None  # noqa: PLR2004
    if name is None or (index > start and not _date_name(columns, index - 2)):
        return None
    return name if all(re.fullmatch(_DATES[name], value) for value in columns[index]) else None


def _characters(values: Sequence[str]) -> str:
    """A class of characters that holds all values, and that the site's next post will most likely fit into."""
    for kind, test in ((r"\d+", r"\d+"), ("[0-9A-Za-z]+", r"(?=.*\d)[0-9A-Za-z]+"), (r"[\w-]+", r"[\w-]+")):
        if all(re.fullmatch(test, value) for value in values):
            return kind
    return r"[^/?#&]+"


def _escaped(text: str) -> str:
    """Text for a regular expression, with no more backslashes than it needs."""
    return "".join(rf"\{c}" if c in r".^$*+?{}[]\|()" else c for c in text)


def _braced(text: str) -> str:
    """Text for str.format."""
    return text.replace("{", "{{").replace("}", "}}")


def largest_shapes(urls: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Addresses by shape, the most numerous first, each address once."""
    ordered = sorted(dict.fromkeys(urls), key=shape)
    groups = [(name, tuple(group)) for name, group in groupby(ordered, key=shape)]
    return sorted(groups, key=lambda group: -len(group[1]))
