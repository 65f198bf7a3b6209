"""Code blocks: one `pre` with one `code`, text only, its language named."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.text import visible
from pipelines.clean.tree import text_of

_LANGUAGE: Final = re.compile(
    r"(?:^|\s)(?:language-|lang-|brush:\s*|highlight-source-|code-snippet__|hljs\s+)([A-Za-z][\w+#.\-]*)"
)
_NO_LANGUAGE: Final = frozenset(
    ("plaintext", "plain", "text", "txt", "none", "undefined", "hljs", "fix", "js-line", "nohighlight", "copyable")
)
_LISTINGS: Final = ("pre", "xmp", "listing", "plaintext")
_LINES: Final = frozenset(("div", "p", "li", "section", "tr", "ol", "ul", "table", "tbody"))
_HOLDS_NO_CODE: Final = etree.XPath("boolean(descendant::*[self::img or self::iframe or self::video or self::h2])")


def join_listings(body: Draft) -> None:
    """Highlighter layers, one `code` a line, and `br` become plain lines.

    >>> from pipelines.clean.draft import after
    >>> html = '<pre class="brush: py"><code>a = <b>1</b></code><code><br></code><code>b</code><code>c</code></pre>'
    >>> print(after(join_listings, html))
    <pre><code class="language-py">a = 1
    <BLANKLINE>
    b
    c</code></pre>
    """
    if not body.had(_LISTINGS):
        return
    for pre in list(body.root.iter(*_LISTINGS)):
        if _HOLDS_NO_CODE(pre):
            _loosen(pre)
            continue
        code = etree.Element("code")
        if language := _language(pre):
            code.set("class", f"language-{language}")
        code.text = visible(_text(pre)).strip("\n").rstrip()
        tail, name = pre.tail, pre.get("id")
        pre.clear()
        pre.tag, pre.tail = "pre", tail
        if name:
            pre.set("id", name)
        pre.append(code)


def _loosen(pre: _Element) -> None:
    """A `pre` that holds pictures lays out an article: its lines become lines."""
    pre.tag = "div"
    for element in list(pre.iter()):
        for text, is_tail in ((element.text, False), (element.tail, True)):
            if text and "\n" in text and not (is_tail and element is pre):
                _break_lines(element, text, is_tail=is_tail)


def _break_lines(element: _Element, text: str, *, is_tail: bool) -> None:
    first, *lines = text.split("\n")
    breaks = []
    for line in lines:
        breaks.append(etree.Element("br"))
        breaks[-1].tail = line
    if is_tail:
        element.tail = first
        for new in reversed(breaks):
            tail, element.tail = element.tail, None
            element.addnext(new)
            element.tail = tail
    else:
        element.text = first
        for index, new in enumerate(breaks):
            element.insert(index, new)


def _language(pre: _Element) -> str | None:
    parents = [parent for parent, _ in zip(pre.iterancestors(), range(2), strict=False)]
    for element in (*pre.iter("code"), pre, *parents):
        named = element.get("data-lang") or element.get("lang") or element.get("data-language")
        if named and element.tag in ("pre", "code") and re.fullmatch(r"[A-Za-z][\w+#.\-]*", named):
            found: str | None = named
        else:
            match = _LANGUAGE.search(element.get("class") or "")
            found = match[1] if match else None
        if found and found.lower() not in _NO_LANGUAGE and not found.lower().startswith(("zh", "en-")):
            return found.lower()
    return None


def _text(pre: _Element) -> str:
    lines_of_code = [child for child in pre if child.tag == "code"]
    if len(lines_of_code) > 1 and len(lines_of_code) == len(pre):
        return _joined(["".join(_pieces(line)) for line in lines_of_code])
    return "".join(_pieces(pre))


def _joined(lines: list[str]) -> str:
    """One `code` a line, or pieces of lines that say themselves where a line ends."""
    if all(line.endswith("\n") or following.startswith("\n") for line, following in pairwise(lines)):
        return "".join(lines)
    return "\n".join(line.removesuffix("\n") for line in lines)


def _pieces(element: _Element) -> Iterator[str]:
    """The text with a line end for each `br` and around each block."""
    if next(element.iterdescendants("br", *_LINES), None) is None:
        yield text_of(element)
        return
    at_line_start = True
    for event, part in etree.iterwalk(element, events=("start", "end")):
        text = part.text if event == "start" else part.tail if part is not element else None
        if part.tag == "br" and event == "start":
            text = "\n"
        elif part.tag in _LINES and part is not element and not at_line_start:
            yield "\n"
            at_line_start = True
        if text and not (text.isspace() and _is_between_lines(part, event)):
            yield text
            at_line_start = text.endswith("\n")


def _is_between_lines(part: _Element, event: str) -> bool:
    """Whether text is only what separates two items of a list or two rows of a table in the source."""
    return part.tag in (("ol", "ul", "table", "tbody", "tr") if event == "start" else ("li", "tr", "tbody", "td"))
