"""lxml tree → HTML text."""

import re
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.parse import RAW_TEXT_TAGS, VOID_TAGS

_PRE: Final = re.compile(r"<pre>.*?</pre>", re.DOTALL)
# Hexo finds fences by line, behind spaces and list marks too, and makes tables of them, even in `pre`.
_FENCE: Final = re.compile(r"((?:^|\n|<code[^>]*>)(?:[-*+]|[0-9]+\.)?[^\S\n]*)([`~])")


def serialise(root: _Element) -> str:
    r"""The children of a cleaned tree, in the one form that `clean` writes them.

    >>> from pipelines.clean.parse import parse_clean
    >>> serialise(parse_clean("<p>5 &lt; 6&nbsp;字<br>&quot;</p>"))
    '<p>5 &lt; 6&nbsp;字<br>"</p>'
    >>> print(serialise(parse_clean("<pre><code>a\n``` b</code></pre>")))
    <pre><code>a
    &#96;`` b</code></pre>
    """
    html = _written(root)
    return _PRE.sub(_fences_hidden, html) if "<pre>" in html else html


def _written(root: _Element) -> str:
    xml = etree.tostring(root, encoding="unicode", with_tail=False)
    start, end = xml.index(">") + 1, xml.rfind("<")
    if end < start:  # <div/>
        return ""
    *before_closed, last = xml[start:end].split("/>")  # nowhere else: libxml2 writes `>` as `&gt;`
    return "".join([*map(_opened, before_closed), last]).replace("\u00a0", "&nbsp;")


def _opened(markup: str) -> str:
    tag = markup[markup.rindex("<") + 1 :].partition(" ")[0]
    return f"{markup}>" if tag in VOID_TAGS else f"{markup}></{tag}>"


def _fences_hidden(match: re.Match[str]) -> str:
    return _FENCE.sub(lambda fence: f"{fence[1]}&#{ord(fence[2])};", match[0])


def inner_html(element: _Element) -> str:
    r"""The element's content as HTML that a browser reads back as the same tree.

    >>> from pipelines.clean.parse import parse_page
    >>> page = parse_page("<div>a &amp; b<img src=x><p></p><pre>\n\nx</pre><script>1<2</script></div>")
    >>> inner_html(page.find("body/div"))
    'a &amp; b<img src="x"><p></p><pre>\n\nx</pre><script>1<2</script>'
    """
    html = _written(element)
    if "<pre" in html:
        html = re.sub(r"(<pre(?: [^>]*)?>)(?=\n)", r"\1\n", html)
    if next(element.iter(*RAW_TEXT_TAGS), None) is not None:
        html = _RAW_TEXT.sub(_unescaped, html)
    return html


_RAW_TEXT: Final = re.compile(rf"(<({'|'.join(sorted(RAW_TEXT_TAGS))})(?: [^>]*)?>)(.*?)(</\2>)", re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    text = match[3].replace("&nbsp;", "\u00a0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return match[1] + text + match[4]
