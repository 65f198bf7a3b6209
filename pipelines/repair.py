r"""Markup that an aggregator broke, repaired before it is parsed.

RSSHub decodes the entities of a whole serialised body, so that `&quot;` in an attribute becomes a bare quotation mark:
`style="background-image: url("/h2.png"); color: red"` ends after `url(`, and what follows is read as attributes. The
feed reader behind it writes `{` and `}` as `&#123;` and `&#125;`, in `<style>`, too, where no entity is decoded. (Live
tags in code, which come of the same decoding, are the cleaner's business: `CleanRules.repair_decoded`.)
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_VALUE: Final = 4000
_TAG: Final = re.compile(r"<[A-Za-z][^\s<>/\"']*(?=[\s/])")
# A tag whose attributes are well written, so that there is nothing to do.
_SOUND: Final = re.compile(r"(?:\s++[^\s=<>\"'/]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>=`]++))?+)*+\s*+/?+>")
_NAME: Final = re.compile(r"[\s/]*([^\s=<>\"'/]+)")
_EQUALS: Final = re.compile(r"\s*=\s*")
_BARE_VALUE: Final = re.compile(r"[^\s\"'<>]*")
# What may follow the quotation mark that ends a value: the tag's end, or another attribute.
_AFTER: Final = re.compile(
    r"\s*/?>|\s+[A-Za-z_:@][\w:.@-]*\s*=|\s+(?:alt|hidden|title|controls|data-[\w-]+|allowfullscreen|async|defer|open|loop"
    r"|muted|autoplay|disabled|checked|start|reversed|download)(?=[\s/>])|[A-Za-z][\w-]*=[\"']"
)


def repair_braces(text: str) -> str:
    """Braces that the feed reader wrote as entities.

    >>> repair_braces("a &#123;{ b &#125;")
    'a {{ b }'
    """
    return text.replace("&#123;", "{").replace("&#125;", "}") if "&#12" in text else text


def repair_quotes(html: str) -> str:
    r"""Quotation marks inside attributes as `&quot;` again, where the mark that ends the value is plain to see.

    >>> repair_quotes('<h2 style="background-image: url("/h2.png"); color: red" id="a">x</h2>')
    '<h2 style="background-image: url(&quot;/h2.png&quot;); color: red" id="a">x</h2>'
    >>> repair_quotes('<p title="a "b"">1 < 2 "x"</p>')
    '<p title="a &quot;b&quot;">1 < 2 "x"</p>'
    """
    pieces: list[str] = []
    done = 0
    for tag in _TAG.finditer(html):
        if tag.start() < done or _SOUND.match(html, tag.end()):
            continue
        repaired = _repaired(html, tag.end())
        if repaired is not None:
            text, end = repaired
            pieces += (html[done : tag.end()], text)
            done = end
    return "".join((*pieces, html[done:])) if pieces else html


def _repaired(html: str, at: int) -> tuple[str, int] | None:
    """A tag's attributes with their inner marks escaped, and where they end; None where there is nothing to repair."""
    pieces: list[str] = []
    begin = done = at
    while name := _NAME.match(html, at):
        at = name.end()
        equals = _EQUALS.match(html, at)
        if equals is None:
            continue
        at = equals.end()
        if not html.startswith('"', at):
            single = html.find("'", at + 1) if html.startswith("'", at) else -1
            at = single + 1 if single >= 0 else _end_of(_BARE_VALUE, html, at)
            continue
        end = _closing(html, at + 1)
        if end is None:
            break
        value = html[at + 1 : end]
        if '"' in value:
            pieces += (html[done : at + 1], value.replace('"', "&quot;"))
            done = end
        at = end + 1
    return ("".join((*pieces, html[done:at])), at) if done > begin else None


def _closing(html: str, at: int) -> int | None:
    """Where the quotation mark stands that ends a value; None where none does before another tag."""
    tag = html.find("<", at, at + _LONGEST_VALUE)
    last = tag if tag >= 0 else min(len(html), at + _LONGEST_VALUE)
    mark = html.find('"', at, last)
    while mark >= 0:
        if _AFTER.match(html, mark + 1):
            return mark
        mark = html.find('"', mark + 1, last)
    return None


def _end_of(pattern: re.Pattern[str], html: str, at: int) -> int:
    found = pattern.match(html, at)
    return found.end() if found else at
