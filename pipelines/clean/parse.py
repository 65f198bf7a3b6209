"""HTML text → lxml tree, built as a browser builds it.

libxml2's own HTML parser is not a browser's: an early ``</html>`` ends its page, ``<h2><p>`` leaves an empty
heading, text nested deeper than 255 is lost, control characters raise. Lexbor follows the HTML standard, but
has no XPath. So lexbor parses, and its tree becomes an lxml tree in one of two ways that give the same result:

1. The quick way. Lexbor's serialisation escapes ``<`` and ``>`` in text and in attributes, so closing the void
   elements and escaping raw text is enough to make XML of it, which libxml2 reads strictly and in C.
2. The exact way, whenever that is refused (an attribute called ``@click``, an ``o:p`` element, ``xmlns``,
   nesting deeper than libxml2 allows): a walk over lexbor's nodes in Python.

Both drop comments, control characters and what is in a ``<template>`` (a browser does not show it). The exact
way writes names that XML does not know with ``_`` (``o:p`` → ``o_p``) and flattens what lies deeper than 250:
browsers do that at 512, and nobody reads an article at either depth.

Measured over 57 real article bodies, lexbor's own work apart: 0.5 ms a body the quick way (which served them all),
1.4 ms the exact way. Whole pages with Vue's attributes need the exact way, at about 15 ms for 150 KB.
"""

import re
from collections.abc import Callable
from typing import Final

from lxml import etree
from lxml.etree import _Element
from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipelines.clean.text import visible

MAX_DEPTH: Final = 250  # libxml2 refuses documents deeper than 256
_VOID: Final = "area|base|basefont|bgsound|br|col|embed|frame|hr|img|input|keygen|link|meta|param|source|track|wbr"
VOID_TAGS: Final = frozenset(_VOID.split("|"))
RAW_TEXT_TAGS: Final = frozenset(("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"))
# Never seen in an article: gone before the tree is built, which saves half the work on real pages.
_UNSEEN: Final = ["script", "style", "template", "head", "title", "meta", "link", "base"]

_OPEN_VOID: Final = re.compile(rf"<((?:{_VOID})(?: [^>]*)?)>")
_RAW_TEXT: Final = re.compile(rf"(<({'|'.join(sorted(RAW_TEXT_TAGS))})(?: [^>]*)?>)(.*?)(</\2>)", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
# A tag with a name that XML does not know or takes for a namespace's, in its own or an attribute's place.
_ODD_TAG: Final = re.compile(
    r"<(?!/?[A-Za-z_][\w.\-]*(?:\s(?!xmlns)[A-Za-z_][\w.\-]*=\"[^\"]*\")*/?>)(/?)([^\s>/]+)([^>]*?)(/?)>", re.ASCII
)
_ATTRIBUTE: Final = re.compile(r'\s(=?[^\s=>]*)="([^"]*)"')
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][\w.\-]*", re.ASCII)
_NAME_STRAY: Final = re.compile(r"[^\w.\-]", re.ASCII)
# What XML 1.0 cannot hold, and what HTML forbids in text though its parser lets it pass. (Two patterns: one
# character class beyond the BMP is ten times slower.)
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_NON_CHARACTER: Final = re.compile(
    f"[{''.join(chr(plane << 16 | end) for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))}]"
)
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_C0: Final = bytes({*range(32), 127} - set(b"\t\n\r\f"))
_SPACES: Final = bytes.maketrans(b"\r\f", b"\n ")
# Without `huge_tree`, whose deeper limit would only move the point where the exact way takes over.
_XML: Final = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def parse_page(html: str) -> _Element:
    """A whole page as the ``<html>`` element of an lxml tree: scripts included, comments not.

    >>> page = parse_page("<title>t</title></html><p>after the end</p><o:p a<b=1>word</o:p>")
    >>> page.findtext("body/p"), page.findtext(".//o_p")
    ('after the end', 'word')
    """
    parser = LexborHTMLParser(_encoded(html))
    parser.strip_tags(["template"])
    return _convert(parser.root, printable if "&#" in html else str)


def parse_body(html: str) -> _Element:
    """An article's markup as a ``<body>`` element, without scripts, styles and comments.

    >>> [child.tag for child in parse_body("<p>a<section>b</section></html><div>c")]
    ['p', 'section', 'div']
    """
    parser = LexborHTMLParser(b"<!DOCTYPE html><body>" + _encoded(html))
    parser.strip_tags(_UNSEEN)
    return _convert(parser.body, _visible if "&#" in html else visible)


def parse_clean(html: str) -> _Element:
    r"""The output of :func:`pipelines.clean.clean` as the children of a ``<div>``, text for text.

    >>> [child.tag for child in parse_clean("<p>a</p>\n<hr>\n<p>b</p>")]
    ['p', 'hr', 'p']
    """
    root = parse_body(html)
    root.tag = "div"
    return root


def _encoded(html: str) -> bytes:
    """UTF-8 for lexbor, without the characters that HTML forbids: to look for bytes is ten times as fast."""
    data = html.encode("utf-8", "ignore")
    if b"\xbf\xbe" in data or b"\xbf\xbf" in data or b"\xef\xb7" in data or _C1.search(data):
        data = printable(data.decode("utf-8")).encode("utf-8")
    return data.replace(b"\r\n", b"\n").translate(_SPACES, _C0)


def printable(text: str) -> str:
    r"""The text without control characters and non-characters, line ends as ``\n``.

    >>> printable("a\x00b\r\x0cc")
    'ab\n c'
    """
    text = _FORBIDDEN.sub("", text)
    if _ASTRAL.search(text):
        text = _NON_CHARACTER.sub("", text)
    return text.replace("\r", "\n").replace("\f", " ")


def _visible(text: str) -> str:
    return visible(printable(text))


def _convert(node: LexborNode | None, tidy: Callable[[str], str]) -> _Element:
    if node is None:  # not seen: the standard's tree always has <html> and <body>
        return etree.Element("body")
    quick = quick_tree(node, tidy)
    return exact_tree(node, tidy) if quick is None else quick


def quick_tree(node: LexborNode, tidy: Callable[[str], str] = printable) -> _Element | None:
    """The tree by way of strict XML; None where libxml2 refuses it."""
    markup = node.html or ""
    if any(f"<{tag}" in markup for tag in RAW_TEXT_TAGS):
        markup = _RAW_TEXT.sub(_escaped_raw_text, markup)
    if "<!--" in markup:
        markup = _COMMENT.sub("", markup)
    markup = tidy(_OPEN_VOID.sub(r"<\1/>", markup).replace("&nbsp;", "\u00a0"))
    if " xml" not in markup:
        try:
            return etree.fromstring(markup, _XML)
        except etree.XMLSyntaxError:
            pass
    try:
        return etree.fromstring(_ODD_TAG.sub(_renamed_tag, markup), _XML)
    except etree.XMLSyntaxError:
        return None


def _renamed_tag(match: re.Match[str]) -> str:
    slash, tag, attributes, end = match.groups()
    named: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(attributes):
        named.setdefault(xml_name(name), value)
    written = "".join(f' {name}="{value}"' for name, value in named.items())
    return f"<{slash}{xml_name(tag)}{written}{end}>"


def _escaped_raw_text(match: re.Match[str]) -> str:
    opening, _, text, closing = match.groups()
    return opening + text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + closing


def xml_name(name: str) -> str:
    """The name as XML can hold it.

    >>> [xml_name(name) for name in ("div", "o:p", "@click", "xmlns", "源路径")]
    ['div', 'o_p', '_click', '_xmlns', '___']
    """
    if name.startswith("xmlns"):
        name = "_" + name
    if _PLAIN_NAME.fullmatch(name):
        return name
    named = _NAME_STRAY.sub("_", name)
    return named if _PLAIN_NAME.match(named) else "_" + named


def exact_tree(root: LexborNode, tidy: Callable[[str], str] = printable) -> _Element:
    """The same tree node by node, at most :data:`MAX_DEPTH` deep: what lies deeper follows its parent."""
    top = _element(root, tidy)
    waiting = [(root.first_child, top, 1)]
    while waiting:
        node, parent, depth = waiting.pop()
        if node is None:
            continue
        waiting.append((node.next, parent, depth))
        if node.is_text_node:
            append_text(parent, tidy(node.text_content or ""))
        elif node.is_element_node:
            element = _element(node, tidy)
            parent.append(element)
            waiting.append((node.first_child, element if depth < MAX_DEPTH else parent, depth + 1))
    return top


def _element(node: LexborNode, tidy: Callable[[str], str]) -> _Element:
    element = etree.Element(xml_name(node.tag or "div"))
    for name, value in node.attributes.items():
        spaced = tidy(value or "").replace("\n", " ").replace("\t", " ")
        if element.get(name := xml_name(name)) is None:
            element.set(name, spaced)
    return element


def append_text(parent: _Element, text: str) -> None:
    """Put text after everything in the element."""
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
