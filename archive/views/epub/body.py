"""A post's body as the content of an XHTML chapter: the same text, in markup that a reader of books takes.

A body is read as a browser reads it, and copied: elements and attributes that the format allows come along, of others
their text. So the result is well-formed whatever a body holds, and what could run or fetch something is not in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from lxml import etree
from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive.body import ATTRIBUTES, LANGUAGE, TAGS
from archive.layout import BLOBS, link_from_document
from archive.views.epub.frame import xml_text
from archive.views.epub.nesting import UNWRAPPED, settle

_VOID: Final = frozenset(("img", "br", "hr"))
_SILENT: Final = frozenset(("script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"))
_MAX_DEPTH: Final = 100  # parsers of XML give up at 256
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")
_START: Final = re.compile(r"-?[0-9]{1,9}")
_SCOPES: Final = ("row", "col", "rowgroup", "colgroup")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_MISSING: Final = "［图片缺失］"  # how the link begins that stands in a body for a missing image


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a body's links and pictures lead to.

    picture: the link to a blob's picture in the book, None where the book has none. chapter: the link to the chapter
    of a post by its address, None where the book has none. missing: the addresses of images that are not archived.
    embeds: those of videos and the like. image_missing: the words for a picture that is not there.
    """

    picture: Callable[[str], str | None]
    chapter: Callable[[str], str | None] = lambda _url: None
    missing: frozenset[str] = frozenset()
    embeds: frozenset[str] = frozenset()
    image_missing: str = _MISSING


@dataclass(kw_only=True)
class Content:
    """The XHTML of a body, without a root, and the addresses of embeds that it shows."""

    xhtml: str
    embeds: set[str] = field(default_factory=set)


def content_of(body: str, surroundings: Surroundings) -> Content:
    """The content of a body's chapter.

    >>> where = Surroundings(picture=lambda blob: None)
    >>> content_of('<p onclick="x()">a &amp; b<br>c<script>d</script></p><blink>e</blink>', where).xhtml
    '<p>a &amp; b<br/>c</p>e'
    >>> content_of('<p id="n-1">a</p><a href="#n-1">b</a><a href="#n-2">c</a>', where).xhtml
    '<p id="n-1">a</p><a href="#n-1">b</a>c'
    """
    root = etree.Element("body")
    _copy(body, root)
    ids = _name_anew(root)
    shown: set[str] = set()
    for element in list(root.iter()):
        match element.tag:
            case "img":
                _place(element, surroundings)
            case "a":
                shown |= _lead(element, ids, surroundings)
    settle(root)
    for details in root.iter("details"):
        details.set("open", "open")  # books cannot be clicked everywhere, and not at all on paper
    etree.strip_tags(root, UNWRAPPED)
    _lay_out(root)
    for element in root.iter():
        if element.tag not in _VOID and not len(element):
            element.text = element.text or ""  # `<p></p>`: what reads a book as HTML takes `<p/>` for a beginning
    xhtml = etree.tostring(root, encoding="unicode")
    return Content(xhtml=xhtml.removeprefix("<body>").removesuffix("</body>"), embeds=shown)


# -- copying ---------------------------------------------------------------------------------------------------------


def _copy(body: str, root: etree._Element) -> None:
    source = LexborHTMLParser(f"<!DOCTYPE html><body>{body}").body
    todo: list[tuple[LexborNode | None, etree._Element, int]] = [(source.child if source else None, root, 0)]
    while todo:
        node, parent, depth = todo.pop()
        if node is None:
            continue
        todo.append((node.next, parent, depth))
        tag = node.tag or ""
        if tag == "-text":
            _add_text(parent, xml_text(node.text_content or ""))
        elif tag in TAGS and depth < _MAX_DEPTH:
            element = etree.SubElement(parent, tag, dict(_attributes(tag, node)))
            if tag not in _VOID:
                todo.append((node.child, element, depth + 1))
        elif tag not in _SILENT and not tag.startswith("-"):
            todo.append((node.child, parent, depth))


def _add_text(parent: etree._Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _attributes(tag: str, node: LexborNode) -> Iterator[tuple[str, str]]:
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset())
    for name, value in node.attributes.items():
        text = xml_text(value or "")
        if name in allowed and _is_sound(name, text):
            yield name, text


def _is_sound(name: str, value: str) -> bool:
    match name:
        case "width" | "height" | "colspan" | "rowspan":
            return _NUMBER.fullmatch(value) is not None
        case "start":
            return _START.fullmatch(value) is not None
        case "scope":
            return value in _SCOPES
        case "class":
            return LANGUAGE.fullmatch(value) is not None
        case _:
            return True


def _name_anew(root: etree._Element) -> dict[str, str]:
    """Give every id a name that XML allows and that is alone in its chapter; the new names by the old ones."""
    ids: dict[str, str] = {}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old and old not in ids:
            ids[old] = old if _NAME.fullmatch(old) else f"n-{hashlib.sha256(old.encode()).hexdigest()[:12]}"
            element.set("id", ids[old])
    return ids


# -- what stands in it -------------------------------------------------------------------------------------------------


def _place(image: etree._Element, surroundings: Surroundings) -> None:
    """A picture of the book, or words that there was one."""
    alt = image.get("alt", "")
    image.set("alt", alt)
    source = image.get("src", "").removeprefix(link_from_document(""))
    place = surroundings.picture(source) if source.startswith(BLOBS) else None
    if place is not None:
        image.set("src", place)
        return
    image.tag = "span"
    for name in [name for name in image.attrib if name != "id"]:
        del image.attrib[name]
    image.set("class", "missing")
    image.text = f"{surroundings.image_missing}{alt}"
    _stand_for(image)


def _stand_for(missing: etree._Element) -> None:
    """What stands for a picture that filled a paragraph fills it, too."""
    above = missing.getparent()
    if above is not None and above.tag == "p" and _is_alone(missing):
        above.set("class", "gap")


def _lead(link: etree._Element, ids: Mapping[str, str], surroundings: Surroundings) -> set[str]:
    """Point a link at what it leads to in the book, or out of it; the address of the embed that it is, if it is one."""
    href = link.attrib.pop("href", "")
    target = _target(href, ids, surroundings)
    if target is None:
        link.tag = "a" if link.get("id") else UNWRAPPED
        return set()
    link.set("href", target)
    if href in surroundings.missing and (link.text or "").startswith(_MISSING):
        link.set("class", "missing")
        link.text = surroundings.image_missing + (link.text or "").removeprefix(_MISSING)
        _stand_for(link)
    if href not in surroundings.embeds:
        return set()
    above = link.getparent()
    if above is not None and above.tag == "p" and _is_alone(link):
        above.set("class", "card")
        host = urlsplit(target).hostname or ""
        if host not in (link.text or ""):
            etree.SubElement(above, "span", {"class": "host"}).text = host
    return {href}


def _target(href: str, ids: Mapping[str, str], surroundings: Surroundings) -> str | None:
    if href.startswith("#"):
        name = ids.get(href[1:]) or ids.get(unquote(href[1:]))
        return f"#{name}" if name else None
    return surroundings.chapter(href) or web_address(href)


def web_address(url: str) -> str | None:
    """An address that is written as URLs are; None for one that leads nowhere, or is none of the web's.

    >>> web_address("https://例子.cn/文 章?a=|&b=%E6%96%87%")
    'https://xn--fsqu00a.cn/%E6%96%87%20%E7%AB%A0?a=%7C&b=%E6%96%87%25'
    >>> web_address("javascript:alert(1)"), web_address("https://"), web_address("http://[x/")
    (None, None, None)
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return None
    scheme = parts.scheme.lower()
    if scheme == "mailto" and re.fullmatch(r"[\w.+-]+@[A-Za-z0-9.-]+", parts.path, re.ASCII):
        return f"mailto:{parts.path}"
    host = host.rpartition("@")[2]
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return None
    path, query, fragment = (_escaped(part) for part in (parts.path, parts.query, parts.fragment))
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _escaped(part: str) -> str:
    return re.sub("%(?![0-9A-Fa-f]{2})", "%25", quote(part, safe="%/:@!$&'()*+,;=~?"))


# -- layout ------------------------------------------------------------------------------------------------------------


def _lay_out(root: etree._Element) -> None:
    """Say of pictures that stand alone that they do: style sheets cannot ask what an element does not hold."""
    for image in list(root.iter("img")):
        above = image.getparent()
        block = image
        if above is not None and above.tag == "a" and _is_alone(image):
            block = above
            above = block.getparent()
        if above is None or not _is_alone(block, among_pictures=True):
            continue
        if above.tag == "p":
            above.set("class", "picture")
        elif above is root:
            _wrap(block, "div", "picture")


def _is_alone(element: etree._Element, *, among_pictures: bool = False) -> bool:
    """Whether nothing else is in what the element is in, or next to it where that is the chapter itself."""
    above = element.getparent()
    if above is None or (element.tail or "").strip():
        return False
    before = element.getprevious()
    if above.tag == "body":
        return not ((above.text if before is None else before.tail) or "").strip()
    others = [each for each in above if each is not element and not (among_pictures and each.tag in ("img", "br"))]
    texts = [above.text, *(each.tail for each in above)]
    return not others and not any((text or "").strip() for text in texts)


def _wrap(element: etree._Element, tag: str, name: str) -> None:
    above = element.getparent()
    if above is None:
        return
    wrapper = etree.Element(tag, {"class": name})
    wrapper.tail, element.tail = element.tail, None
    above.replace(element, wrapper)
    wrapper.append(element)
