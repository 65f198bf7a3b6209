"""A post's body as the reader shows it: written anew from the tree that a browser would make of it.

Nothing gets into the result but the elements, attributes and addresses that a body may hold (`archive.body`), whoever
wrote the body; text is escaped again. So a body that was edited by hand can run and fetch nothing, and its page is
well-formed. On the way pictures get their size and a link to the file, tables a box that scrolls, missing pictures and
embeds their look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive.body import ID_PREFIX, LANGUAGE, TAGS
from archive.layout import link_from_document
from archive.views.reader.version import Embed, Missing, Picture, Version, is_picture, is_web, plain

_HEADINGS: Final = frozenset(("h2", "h3", "h4", "h5", "h6"))
_VOID: Final = frozenset(("br", "hr", "img"))
_WITH_THEIR_CONTENT: Final = frozenset(
    (
        *("script", "style", "template", "noscript", "iframe", "frame", "frameset", "noframes", "noembed", "object"),
        *("embed", "applet", "svg", "math", "select", "textarea", "title", "head", "xmp", "plaintext", "canvas"),
        *("audio", "video", "form", "button", "input", "marquee", "base", "link", "meta"),
    )
)
_LINK: Final = re.compile(r"https?://|mailto:|#n-", re.IGNORECASE)
_NUMBERS: Final = {
    ("ol", "start"): re.compile(r"-?[0-9]{1,6}"),
    ("td", "colspan"): re.compile(r"[1-9][0-9]{0,2}"),
    ("td", "rowspan"): re.compile(r"[1-9][0-9]{0,3}"),
    ("th", "colspan"): re.compile(r"[1-9][0-9]{0,2}"),
    ("th", "rowspan"): re.compile(r"[1-9][0-9]{0,3}"),
    ("th", "scope"): re.compile(r"row|col|rowgroup|colgroup"),
}
_SMALL_PX: Final = 64
_EAGER: Final = 1
_TAG: Final = re.compile(r"<[^>]*(?:>|\Z)")
_TEXT_CHARACTERS: Final = 4_000


@dataclass(frozen=True, kw_only=True)
class Large:
    """A drawing that is shown large on the page itself: opened as a file of its own, an SVG could run scripts."""

    number: int
    picture: Picture


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body for a page. missing, embeds: those that stand in it. shown: the keys of its pictures, in order."""

    html: str
    large: tuple[Large, ...]
    shown: tuple[str, ...]
    missing: frozenset[str]
    embeds: frozenset[Embed]

    @property
    def text(self) -> str:
        """Its beginning as one line of text. Blocks stand on lines of their own."""
        start = self.html[:_TEXT_CHARACTERS].replace("<br>", " ")
        return " ".join(unescape(_TAG.sub("", start)).split())


def body_of(version: Version, words: Mapping[str, str], *, up: str, lead: bool) -> Body:
    """The body of a version, for a page from which the reader's root is `up` ("../../../").

    lead: whether a picture stands above it, so that its first one need not be there at once.
    """
    writer = _Writer(version=version, words=words, up=up, eager=0 if lead else _EAGER)
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{version.body}").body
    if root is not None:
        writer.write(root)
    return Body(
        html=plain("".join(writer.out)).strip("\n"),
        large=tuple(writer.large.values()),
        shown=tuple(dict.fromkeys(writer.shown)),
        missing=frozenset(writer.missing_shown),
        embeds=frozenset(writer.embeds_shown),
    )


@dataclass(kw_only=True)
class _Writer:
    version: Version
    words: Mapping[str, str]
    up: str
    eager: int
    out: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    large: dict[str, Large] = field(default_factory=dict)
    missing_shown: set[str] = field(default_factory=set)
    embeds_shown: set[Embed] = field(default_factory=set)
    _ids: set[str] = field(default_factory=set)
    _links: int = 0  # elements around the place that may hold no link
    _pre: int = 0
    _outline: list[int] = field(default_factory=list)

    def write(self, root: LexborNode) -> None:
        """Write what is inside a node. A stack of its own: bodies may be nested deeper than Python's."""
        stack = [(root.iter(include_text=True), "", "")]
        while stack:
            children, tag, end = stack[-1]
            node = next(children, None)
            if node is None:
                stack.pop()
                self.out.append(end)
                self._links -= tag in ("a", "summary")
                self._pre -= tag == "pre"
            elif node.tag == "-text":
                self.out.append(escape(node.text_content or "", quote=False))
            elif (opened := self._open(node)) is not None:
                tag = node.tag or ""
                self._links += tag in ("a", "summary")
                self._pre += tag == "pre"
                stack.append((node.iter(include_text=True), tag, opened))

    def _open(self, node: LexborNode) -> str | None:
        """Write an element's start, and give its end; None where nothing inside it is to be written."""
        tag = node.tag or ""
        if tag not in TAGS:
            return None if tag in _WITH_THEIR_CONTENT or tag.startswith("-") else ""
        if tag == "img":
            self._picture(node)
            return None
        if tag in _VOID:
            self.out.append(f"<{tag}>")
            return None
        if tag == "p" and (embed := self._embed(node)) is not None:
            self._card(embed)
            return None
        if tag == "a":
            return self._link(node)
        before, after = _BOXES.get(tag, ("", ""))
        self.out.append(before.replace("LABEL", self.words[tag]) if before else "")
        extra = ' class="picture"' if tag == "p" and _only_pictures(node) else ' tabindex="0"' if tag == "pre" else ""
        # A parser takes the first newline of a `pre` away.
        first = "\n" if tag == "pre" else ""
        name = self._heading(int(tag[1])) if tag in _HEADINGS else tag
        self.out.append(f"<{name}{self._attributes(node)}{extra}>{first}")
        return f"</{name}>{after}"

    def _heading(self, level: int) -> str:
        """A heading below those that it stands under, without a level left out: the page's own is the first."""
        while self._outline and self._outline[-1] >= level:
            self._outline.pop()
        self._outline.append(level)
        return f"h{1 + len(self._outline)}"

    def _attributes(self, node: LexborNode) -> str:
        tag, kept = node.tag or "", []
        for name, value in node.attributes.items():
            text = value or ""
            rule = _NUMBERS.get((tag, name))
            if rule is not None and rule.fullmatch(text):
                kept.append(f' {name}="{text}"')
            elif name == "class" and tag == "code" and LANGUAGE.fullmatch(text):
                kept.append(f' class="{escape(text)}"')
            elif name == "id" and text.startswith(ID_PREFIX) and not re.search(r"\s", text) and text not in self._ids:
                self._ids.add(text)
                kept.append(f' id="{escape(text)}"')
        return "".join(kept)

    def _link(self, node: LexborNode) -> str:
        href = node.attributes.get("href") or ""
        inside = self._links > 0  # a link in a link is none
        if inside or not _LINK.match(href):
            identity = self._attributes(node)
            self.out.append(f"<span{identity}>" if identity else "")
            return "</span>" if identity else ""
        missing = next((each for each in self.version.missing if each.url == href), None)
        start = f'<a{self._attributes(node)} href="{escape(href)}">'
        if missing is None:
            self.out.append(start)
            return "</a>"
        self.missing_shown.add(href)
        self.out.append(f'<span class="missing">{start}')
        # The link's own text says that a picture is missing.
        return f'</a> <span class="why">{escape(reason_in(self.words, missing))}</span></span>'

    def _picture(self, node: LexborNode) -> None:
        key = (node.attributes.get("src") or "").removeprefix(link_from_document(""))
        if not is_picture(key):
            return
        known = self.version.pictures.get(key)
        picture = known or Picture(key=key, width=None, height=None, bytes=None)
        self.shown.append(key)
        alt = escape(plain(node.attributes.get("alt") or ""))
        source, sizes = escape(self.up + picture.place), size_attributes(picture)
        lazy = "" if len(self.shown) <= self.eager else ' loading="lazy"'
        small = picture.width is not None and max(picture.width, picture.height or 0) <= _SMALL_PX
        image = f'<img src="{source}" alt="{alt}"{sizes}{lazy} decoding="async"'
        if small or self._links or self._pre:
            self.out.append(image + (' class="inline">' if small else ">"))
            return
        label = escape(self.words["open large"])
        if key.endswith(".svg"):
            place = "" if key in self.large else f' id="small-{len(self.large) + 1}"'
            large = self.large.setdefault(key, Large(number=len(self.large) + 1, picture=picture))
            self.out.append(f'<a class="zoom" href="#large-{large.number}"{place} title="{label}">{image}></a>')
        else:
            self.out.append(f'<a class="zoom" href="{source}" title="{label}">{image}></a>')

    # -- embeds ------------------------------------------------------------------------------------------------------

    def _embed(self, node: LexborNode) -> Embed | None:
        """The embed that a paragraph stands for: it holds its link and nothing else, or its label and title."""
        if not self.version.embeds or self._links:
            return None
        children = [child for child in node.iter(include_text=True) if not _is_blank(child)]
        if len(children) != 1:
            return None
        (child,) = children
        if child.tag == "a":
            href = child.attributes.get("href")
            return next((each for each in self.version.embeds if each.url is not None and each.url == href), None)
        text = " ".join((child.text_content or "").split()) if child.tag == "-text" else ""
        named = (each for each in self.version.embeds if each.url is None and each.title)
        return next((each for each in named if text.endswith(f"：{each.title}")), None)

    def _card(self, embed: Embed) -> None:
        self.embeds_shown.add(embed)
        self.out.append(embed_card(embed, self.words))


_BOXES: Final = {"table": ('<div class="scroll" role="region" tabindex="0" aria-label="LABEL">', "</div>")}


def embed_card(embed: Embed, words: Mapping[str, str]) -> str:
    """A video, sound or widget as a card that names it, and links to it where it has an address."""
    kind = words.get(f"embed {embed.kind}") or embed.kind or words["embed iframe"]
    host = re.sub(r"^https?://([^/?#]*).*", r"\1", embed.url, flags=re.DOTALL) if embed.url else ""
    title = escape(embed.title or host or kind)
    shown = f'<a href="{escape(embed.url)}">{title}</a>' if embed.url and is_web(embed.url) else f"<b>{title}</b>"
    where = f' <span class="host">{escape(host)}</span>' if embed.title and host else ""
    return f'<div class="embed"><span class="kind">{escape(kind)}</span> {shown}{where}</div>'


def reason_in(words: Mapping[str, str], missing: Missing) -> str:
    """Why a picture is missing, in words where the reader has some."""
    return words.get(f"missing {missing.reason}", missing.reason)


def size_attributes(picture: Picture) -> str:
    """Width and height, so that a page does not move when the picture comes."""
    if picture.width is None or picture.height is None:
        return ""
    return f' width="{picture.width}" height="{picture.height}"'


def _only_pictures(node: LexborNode) -> bool:
    children: Sequence[LexborNode] = [child for child in node.iter(include_text=True) if not _is_blank(child)]
    return bool(children) and all(child.tag in ("img", "br") or _is_linked_picture(child) for child in children)


def _is_linked_picture(node: LexborNode) -> bool:
    inside: Iterator[LexborNode] = (child for child in node.iter(include_text=True) if not _is_blank(child))
    return node.tag == "a" and [child.tag for child in inside] == ["img"]


def _is_blank(node: LexborNode) -> bool:
    return node.tag == "-comment" or (node.tag == "-text" and not (node.text_content or "").strip())
