"""HTML text → lxml tree, built as a browser builds it.

libxml2's own HTML parser is not a browser's: an early ``</html>`` ends its page, ``<h2><p>`` leaves an empty
heading, text nested deeper than 255 is lost, control characters raise. Lexbor follows the HTML standard, but
has no XPath. So lexbor parses, and its tree becomes an lxml tree in one of two ways that give the same result:

1. The quick way. Lexbor's serialisation escapes ``<`` and ``>`` in text and in attributes, so closing the void
   elements and escaping raw text is enough to make XML of it, which libxml2 reads strictly and in C.
2. The exact way, whenever that is refused (an attribute called ``@click``, an ``o:p`` element, ``xmlns``,
   nesting deeper than libxml2 allows): a walk over lexbor's nodes in Python.

Both drop comments, control characters and what is in a ``<template>`` (a browser does not show it). The exact
way writes names that XML does not know with ``_`` (``o:p`` → ``o_p``) and lifts what lies deeper than 250 in a
body, 2,000 in a page, to half that depth: browsers flatten at 512.

Measured over 57 real article bodies, lexbor's own work apart: 0.5 ms a body the quick way (which served them all),
1.4 ms the exact way. Whole pages with Vue's attributes need the exact way, at about 15 ms for 150 KB.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from lxml import etree
from lxml.etree import _Element
from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipelines.clean.text import visible

MAX_DEPTH: Final = 250  # libxml2 refuses documents deeper than 256
MAX_PAGE_DEPTH: Final = 2000  # of trees that nobody has to parse: an article may lie deep in its page
_ROOM: Final = 100
_VOID: Final = "area|base|basefont|bgsound|br|col|embed|frame|hr|img|input|keygen|link|meta|param|source|track|wbr"
VOID_TAGS: Final = frozenset(_VOID.split("|"))
RAW_TEXT_TAGS: Final = frozenset(("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"))
# Never seen in an article: gone before the tree is built, which saves half the work on real pages.
_UNSEEN: Final = frozenset(("script", "style", "template", "head", "title", "meta", "link", "base"))

_TAG_NAME: Final = re.compile(r"<([A-Za-z][^\s/>]*)")
_OPEN_VOID: Final = re.compile(rf"<(?:{_VOID})(?: [^>]*)?(?=>)")
_RAW_OPENING: Final = re.compile(rf"<({'|'.join(sorted(RAW_TEXT_TAGS))})(?: [^>]*)?>")
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
_ASTRAL_LEADS: Final = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
_ASTRAL_STRAY: Final = re.compile(rb"[\xf0-\xf4].\xbf[\xbe\xbf]", re.DOTALL)
# Numeric references; those of the aggregator's `&#123;` stand in every third post.
_REFERENCE: Final = re.compile(rb"&#([0-9A-Fa-fxX]+)")
_HARMLESS: Final = re.compile(
    rb"3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6]|1[6-9][0-9]|[2-9][0-9]{2}|[1-9][0-9]{3}|[xX][1-9A-Ea-e][0-9A-Fa-f]{3}"
)
_C0: Final = bytes({*range(32), 127} - set(b"\t\n\r\f"))
_SPACES: Final = bytes.maketrans(b"\r\f", b"\n ")
_FORMATTING: Final = re.compile(rb"<(b|big|code|em|font|i|s|small|strike|strong|tt|u)[\s/][^>]*>", re.IGNORECASE)
_FORMATTING_END: Final = re.compile(rb"</(?:b|big|code|em|font|i|s|small|strike|strong|tt|u)\b", re.IGNORECASE)
# Elements that lie in each other because somebody wrote them so: others (`li`, `td`, `p`) end where the next begins.
_NESTED: Final = (
    rb"address|article|aside|blockquote|center|details|dialog|dir|div|dl|fieldset|figure|footer|form|h[1-6]|header|hgroup"
    rb"|main|menu|nav|object|ol|pre|search|section|summary|table|template|ul"
)
_NESTING: Final = re.compile(rb"<(?:" + _NESTED + rb")[\s/>]", re.IGNORECASE)
_NESTING_END: Final = re.compile(rb"</(?:" + _NESTED + rb")[\s/>]", re.IGNORECASE)
_NESTING_TAG: Final = re.compile(rb"<(/?)(" + _NESTED + rb")(?:[\s/][^>]*)?>", re.IGNORECASE)
_MAX_OPEN: Final = 3000
_MANY_TAGS: Final = 600
_MANY_OPEN: Final = 100
# Without `huge_tree`, whose deeper limit would only move the point where the exact way takes over.
_XML: Final = etree.XMLParser(
    resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, collect_ids=False
)


def parse_page(html: str) -> _Element:
    """A whole page as the ``<html>`` element of an lxml tree: scripts included, comments not.

    >>> page = parse_page("<title>t</title></html><p>after the end</p><o:p a<b=1>word</o:p>")
    >>> page.findtext("body/p"), page.findtext(".//o_p")
    ('after the end', 'word')
    """
    data = _encoded(html)
    parser = LexborHTMLParser(data)
    parser.strip_tags(["template"])
    return _convert(
        parser.root, _serialised(parser.root), printable if _refers_to_forbidden(data) else str, MAX_PAGE_DEPTH
    )


def parse_body(html: str) -> _Element:
    """An article's markup as a ``<body>`` element, without scripts, styles and comments.

    >>> [child.tag for child in parse_body("<p>a<section>b</section></html><div>c")]
    ['p', 'section', 'div']
    """
    return read_body(html).root


class Body(NamedTuple):
    """A body's tree, the markup it was made of as lexbor writes it (names in lower case, each attribute as
    ``name="value"``), and the names of the tags in that.
    """

    root: _Element
    markup: str
    tags: frozenset[str]


def read_body(html: str) -> Body:
    """What :func:`parse_body` gives, and what is quicker to search than a tree."""
    data = _encoded(html)
    parser = LexborHTMLParser(b"<!DOCTYPE html><body>" + data)
    markup = _serialised(parser.body)
    tags = frozenset(_TAG_NAME.findall(markup))
    if not _UNSEEN.isdisjoint(tags):
        parser.strip_tags(list(_UNSEEN & tags))
        markup = _serialised(parser.body)
        tags -= _UNSEEN
    root = _convert(parser.body, markup, _visible if _refers_to_forbidden(data) else visible)
    return Body(root=root, markup=markup, tags=tags)


def parse_clean(html: str) -> _Element:
    r"""The output of :func:`pipelines.clean.clean` as the children of a ``<div>``, text for text.

    >>> [child.tag for child in parse_clean("<p>a</p>\n<hr>\n<p>b</p>")]
    ['p', 'hr', 'p']
    """
    root = parse_body(html)
    root.tag = "div"
    return root


def _encoded(html: str) -> bytes:
    """UTF-8 for lexbor, without the characters that HTML forbids."""
    data = html.encode("utf-8", "ignore")
    if _may_hold_forbidden(html, data):
        data = printable(data.decode("utf-8")).encode("utf-8")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = data.translate(_SPACES, _C0)
    tags = data.count(b"<")
    if tags > _MANY_TAGS:
        data = _without_flood(data)
    return _without_depth(data) if tags > _MAX_OPEN else data


def _may_hold_forbidden(html: str, data: bytes) -> bool:
    """Whether characters may be in it that :func:`printable` takes out, control characters below U+0080 aside.

    To look for bytes is ten times as fast, but for two that end in what full-width punctuation begins with.
    """
    if b"\xef\xb7" in data or "\ufffe" in html or "\uffff" in html:
        return True
    if b"\xc2" in data and _C1.search(data):
        return True
    return any(lead in data for lead in _ASTRAL_LEADS) and _ASTRAL_STRAY.search(data) is not None


def _without_flood(data: bytes) -> bytes:
    """Formatting that is never closed is opened anew in every block after it: 20 KB of `<font color=…>` and `<p>`
    made 600 MB of tree. Without attributes only three of a kind are (the standard's "Noah's Ark clause"); on the
    real pages seen, no body leaves any open.
    """
    opened = len(_FORMATTING.findall(data))
    if opened <= _MANY_OPEN or opened - len(_FORMATTING_END.findall(data)) <= _MANY_OPEN:
        return data
    return _FORMATTING.sub(rb"<\1>", data)


def _without_depth(data: bytes) -> bytes:
    """Lexbor looks through all open elements at every tag, as the standard says: 10,000 lists in each other take 0.5 s,
    ten times as many two minutes. Beyond a depth that no page has, an element stands behind the one that it was
    written in; browsers do so from 512.
    """
    if len(_NESTING.findall(data)) - len(_NESTING_END.findall(data)) <= _MAX_OPEN:
        return data
    opened: list[bytes | None] = []  # names; None for what was ended before its time
    depth = 0

    def flattened(tag: re.Match[bytes]) -> bytes:
        nonlocal depth
        if tag[1]:
            if opened and opened.pop() is None:
                return b""
            depth = max(depth - 1, 0)
            return tag[0]
        before = opened[-1] if opened else None
        opened.append(tag[2])
        if depth < _MAX_OPEN or before is None:
            depth += 1
            return tag[0]
        opened[-2] = None
        return b"</" + before + b">" + tag[0]

    return _NESTING_TAG.sub(flattened, data)


def _refers_to_forbidden(data: bytes) -> bool:
    """Whether a numeric reference may stand for a character that :func:`printable` takes out."""
    if b"&#" not in data:
        return False
    return not all(_HARMLESS.fullmatch(number) for number in set(_REFERENCE.findall(data)))


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


def _serialised(node: LexborNode | None) -> str:
    return (node.html if node is not None else None) or "<body></body>"


def _convert(node: LexborNode | None, markup: str, tidy: Callable[[str], str], max_depth: int = MAX_DEPTH) -> _Element:
    quick = quick_tree(markup, tidy)
    if quick is not None:
        return quick
    return etree.Element("body") if node is None else exact_tree(node, tidy, max_depth)


def quick_tree(markup: str, tidy: Callable[[str], str] = printable) -> _Element | None:
    """The tree by way of strict XML, of what lexbor has written; None where libxml2 refuses it."""
    if _RAW_OPENING.search(markup):
        markup = _escaped_raw_text(markup)
    if "<!--" in markup:
        markup = _COMMENT.sub("", markup)
    markup = markup.replace("<br>", "<br/>")
    markup = tidy(_OPEN_VOID.sub(_closed, markup).replace("&nbsp;", "\u00a0"))
    if " xml" not in markup or (" xmlns" not in markup and " xml:" not in markup):
        try:
            return etree.fromstring(markup, _XML)
        except etree.XMLSyntaxError:
            pass
    try:
        return etree.fromstring(_ODD_TAG.sub(_renamed_tag, markup), _XML)
    except etree.XMLSyntaxError:
        return None


def _closed(opening: re.Match[str]) -> str:
    return opening[0] + "/"


def _renamed_tag(match: re.Match[str]) -> str:
    return _renamed(*match.groups())


@lru_cache(maxsize=256)  # an editor that breaks one tag breaks all of its kind
def _renamed(slash: str, tag: str, attributes: str, end: str) -> str:
    named: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(attributes):
        named.setdefault(xml_name(name), value)
    written = "".join(f' {name}="{value}"' for name, value in named.items())
    return f"<{slash}{xml_name(tag)}{written}{end}>"


def _escaped_raw_text(markup: str) -> str:
    pieces: list[str] = []
    at = 0
    for opening in _RAW_OPENING.finditer(markup):
        if opening.start() < at:  # written in the text of another
            continue
        end = markup.find(f"</{opening[1]}>", opening.end())
        if end < 0:
            break
        text = markup[opening.end() : end].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        pieces += (markup[at : opening.end()], text)
        at = end
    return "".join((*pieces, markup[at:]))


@lru_cache(maxsize=4096)
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


def exact_tree(root: LexborNode, tidy: Callable[[str], str] = printable, max_depth: int = MAX_DEPTH) -> _Element:
    """The same tree node by node, at most `max_depth` deep.

    What would lie deeper is put, with all that follows it, into the element half as deep in which it is: the order
    stays. An element whose content is at most :data:`_ROOM` deep holds it in any case.
    """
    heights: dict[int, int] = {}
    top = _element(root, tidy)
    waiting: list[_Place] = [_Place(root.first_child, top, 1)]
    while waiting:
        node, parent, depth = waiting[-1]
        if node is None:
            waiting.pop()
            continue
        waiting[-1] = _Place(node.next, parent, depth)
        if node.is_text_node:
            append_text(parent, tidy(node.text_content or ""))
        elif node.is_element_node:
            if depth > max_depth - _ROOM:
                heights = heights or _heights(root)
            if depth > max_depth - _ROOM and heights.get(node.parent.mem_id if node.parent else 0, 0) > _ROOM:
                _lift(waiting, max_depth // 2)
                _, parent, depth = waiting[-1]
            element = _element(node, tidy)
            parent.append(element)
            waiting.append(_Place(node.first_child, element, depth + 1))
    return top


class _Place(NamedTuple):
    """What comes next into an element, and how deep that puts it."""

    node: LexborNode | None
    parent: _Element
    depth: int


def _heights(root: LexborNode) -> dict[int, int]:
    """How deep the content of each element is; by lexbor's address of the element."""
    elements = [root]
    for element in elements:
        child = element.first_child
        while child is not None:
            if child.is_element_node:
                elements.append(child)
            child = child.next
    heights: dict[int, int] = {}
    for element in reversed(elements):
        if element.parent is not None:
            above = element.parent.mem_id
            heights[above] = max(heights.get(above, 0), heights.get(element.mem_id, 0) + 1)
    return heights


def _lift(waiting: list[_Place], depth: int) -> None:
    """Let everything that would come deeper than `depth` come there."""
    upper = next(place.parent for place in waiting if place.depth == depth)
    for index in range(len(waiting) - 1, -1, -1):  # those lifted before lie below the deep ones
        if waiting[index].depth <= depth:
            return
        waiting[index] = _Place(waiting[index].node, upper, depth)


def _element(node: LexborNode, tidy: Callable[[str], str]) -> _Element:
    element = etree.Element(xml_name(node.tag or "div"))
    for name, value in node.attributes.items():
        spaced = tidy(value or "").replace("\n", " ").replace("\t", " ")
        if element.get(name := xml_name(name)) is None:
            element.set(name, spaced)
    return element


def append_text(parent: _Element, text: str) -> None:
    """Put text after everything in the element."""
    for last in parent.iterchildren(reversed=True):  # `len` would count them all
        last.tail = (last.tail or "") + text
        return
    parent.text = (parent.text or "") + text
