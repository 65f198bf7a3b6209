"""The article's own markup, built anew.

The passes before this one leave a tree that still has the page's layers: sections in spans in sections, text
beside blocks, blocks in paragraphs. Mending such a tree in place never ends. Instead its text, line breaks and
pictures are written, in order, into a new tree that cannot hold anything else:

- a paragraph opens when something visible arrives and closes at the edge of any block, so no empty one comes
  into being and none holds a block;
- emphasis and links open around visible things only, and the same emphasis twice in a row is one;
- white space waits until something visible follows it, so it is never first or last in a paragraph;
- lists, quotes, tables, figures and their parts are kept, and stay only if something is in them.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.containers import BLOCKS, FINISHERS, settle_ruby, unmelt
from pipelines.clean.draft import Draft
from pipelines.clean.parse import append_text
from pipelines.clean.text import INDENT, collapsed, starts_with_indent

Closer = Callable[[], None]
_AROUND: Final = f"{INDENT}\n\t\r\f"

_INLINE: Final[dict[object, str]] = {  # by tag, as in the tables below
    "strong": "strong", "b": "strong", "em": "em", "i": "em", "cite": "em", "dfn": "em", "var": "em",
    "u": "u", "ins": "u", "s": "s", "strike": "s", "del": "del", "mark": "mark", "small": "small",
    "a": "a", "sub": "sub", "sup": "sup", "code": "code", "tt": "code", "samp": "code", "kbd": "kbd",
    "ruby": "ruby", "rt": "rt", "rp": "rp",
}  # fmt: skip
_MERGED: Final = frozenset(("strong", "em", "u", "s", "del", "mark", "small"))
_KEPT_ATTRIBUTES: Final[dict[object, tuple[str, ...]]] = {
    "a": ("href",),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan", "scope"),
}
_BOUNDARIES: Final = (
    "address", "article", "aside", "body", "center", "dir", "div", "fieldset", "footer", "form", "header", "hgroup",
    "legend", "main", "menu", "nav", "optgroup", "p", "search", "section", "option",
)  # fmt: skip
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")


class _Format(NamedTuple):
    tag: str
    key: object  # what makes two of them one: the tag, or for links and the like the element itself
    attributes: dict[str, str]


def lay_out(body: Draft) -> None:
    """Write the body's visible things into a new tree.

    >>> from pipelines.clean.draft import after
    >>> after(lay_out, "<section><span>a<p>b</p></span><b>c</b><b>d</b><p> </p></section>")
    '<p>a</p><p>b</p><p><strong>cd</strong></p>'
    >>> after(lay_out, "<ul>x<li><p>y</p></li></ul><h2><p><strong>z</strong></p></h2>")
    '<ul><li>x</li><li>y</li></ul><h2>z</h2>'
    """
    article = _write(body.root, named=body.came_with(' id="', ' name="'))
    unsettled = [ruby for ruby in list(article.iter("ruby")) if settle_ruby(ruby)]
    if unsettled:
        article = _write(article, named=True)
    etree.strip_attributes(article, _LOOSE)
    body.root = article


def _write(source: _Element, *, named: bool) -> _Element:
    writer = _Writer()
    closers: list[Closer | None] = []
    walk = etree.iterwalk(source, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            closer = closers.pop()
            if closer is not None:
                closer()
            if (text := element.tail) and element is not source:
                writer.text(text)
            continue
        tag = element.tag
        plain = tag == "p" and not len(element) and writer.takes_plain_paragraph()
        if plain and not (named and element.get("id")):
            writer.plain_paragraph(element.text or "")
            closers.append(None)
            continue
        atom = _ATOMS.get(tag)
        if atom is not None:
            atom(writer, element)
            closers.append(None)
            walk.skip_subtree()
            continue
        opener = _OPENERS.get(tag)
        if named:
            writer.notice_id(element)
        closers.append(opener(writer, element) if opener is not None else None)
        if text := element.text:
            writer.text(text)
    writer.end_paragraph()
    return writer.root


class _Writer:
    """An article being written; every `open_…` gives the function that closes what it opened."""

    def __init__(self) -> None:
        self.root = etree.Element("div")
        self.frames = [self.root]  # open containers, outermost first
        self.paragraph: _Element | None = None
        self.paragraph_tag = "p"
        self.formats: list[_Format] = []  # emphasis and links the source has open
        self.opened: list[tuple[object, _Element]] = []  # those that the paragraph has open
        self.underlined = 0  # inside `u`, where white space shows: blanks to fill in
        self.blank = ""  # white space that shows only if something follows
        self.breaks = 0  # line breaks that do
        self.id: str | None = None  # of an element whose content has not come yet
        self.pieces: list[str] = []  # text that came and is not written yet,
        self.holder = self.root  # to be written at the end of this element

    # -- paragraphs ---------------------------------------------------------------------------------------

    def boundary(self) -> None:
        """The edge of a block: a new paragraph, or a new line where only a line fits."""
        if self.paragraph is None:
            return
        if self.paragraph_tag == "p":
            self.end_paragraph()
        else:
            self.blank, self.breaks = "", 1

    def takes_plain_paragraph(self) -> bool:
        """Whether nothing is open that a paragraph of text alone would have to heed. Half of all text stands so."""
        return self.paragraph_tag == "p" and not self.formats and self.id is None

    def plain_paragraph(self, text: str) -> None:
        """What `open_boundary`, `text` and `boundary` would do, at a third of the cost."""
        self.end_paragraph()
        if shown := collapsed(text.strip(_AROUND)):
            self._add("p").text = shown

    def end_paragraph(self) -> None:
        self.paragraph_tag = "p"
        if self.paragraph is not None:
            self._write_pieces()
            self.paragraph = None
            self.opened.clear()
            self.blank, self.breaks = "", 0

    def _begin_paragraph(self) -> _Element:
        self.paragraph = self._add(self.paragraph_tag)
        if self.id:
            self.paragraph.set("id", self.id)
            self.id = None
        return self.paragraph

    def _add(self, tag: str, attributes: dict[str, str] | None = None) -> _Element:
        """A new block where one may stand now: what strays into a list gets an item, into a table goes before it."""
        container = self.frames[-1]
        if container.tag in _STRUCTURES and tag not in ("dt", "caption"):
            if container.tag not in ("ul", "ol", "dl"):
                stray = etree.Element(tag, attributes)
                next(frame for frame in reversed(self.frames) if frame.tag == "table").addprevious(stray)
                return stray
            container = etree.SubElement(container, "dd" if container.tag == "dl" else "li", {_LOOSE: ""})
            self.frames.append(container)
        return etree.SubElement(container, tag, attributes)

    # -- text, line breaks, pictures ------------------------------------------------------------------------

    def text(self, text: str) -> None:
        padding = " " if self.underlined else INDENT
        if self.paragraph is None:
            text = text.lstrip(" \n\t\r\f" if self.underlined else _AROUND)
            if not text:
                return
        text = collapsed(text)
        if self.breaks:
            text = text.lstrip(" ")
            if starts_with_indent(text):
                text = text.lstrip(INDENT)
                if self.paragraph_tag == "p":
                    self.end_paragraph()
        elif self.blank.endswith(" ") and text.startswith(" "):
            text = text[1:]
        shown = text.rstrip(padding)
        if shown:
            self._take(self._place(), shown)
        if len(shown) < len(text) and self.paragraph is not None and not (self.breaks and not shown):
            self.blank += text[len(shown) :]

    def _take(self, holder: _Element, text: str) -> None:
        if holder is not self.holder:
            self._write_pieces()
            self.holder = holder
        self.pieces.append(text)

    def _write_pieces(self) -> None:
        """Write what has gathered; before anything else is put into the element that holds it."""
        if self.pieces:
            append_text(self.holder, "".join(self.pieces))
            self.pieces.clear()

    def line_break(self, element: _Element) -> None:
        self.notice_id(element)
        if self.paragraph is None:
            return
        self.blank = ""
        self.breaks += 1
        if self.breaks > 1 and self.paragraph_tag == "p":
            self.end_paragraph()

    def picture(self, element: _Element) -> None:
        self.notice_id(element)
        if src := element.get("src"):
            place = self._place()
            self._write_pieces()
            etree.SubElement(place, "img", {"src": src, "alt": element.get("alt") or ""})

    def _place(self) -> _Element:
        """Where the next visible thing goes: emphasis closed and opened, waiting white space written."""
        paragraph = self.paragraph if self.paragraph is not None else self._begin_paragraph()
        if not (self.formats or self.opened or self.breaks or self.blank):
            return paragraph
        heading = self.paragraph_tag in _HEADINGS
        wanted = [kind for kind in self.formats if not (heading and kind.tag == "strong")]
        kept = 0
        while kept < len(wanted) and kept < len(self.opened) and wanted[kept].key == self.opened[kept][0]:
            kept += 1
        del self.opened[kept:]
        place = self.opened[-1][1] if self.opened else paragraph
        if self.breaks:
            self._write_pieces()
            etree.SubElement(place, "br")
            self.breaks = 0
        if self.blank:
            self._take(place, self.blank)
            self.blank = ""
        for kind in wanted[kept:]:
            self._write_pieces()
            place = etree.SubElement(place, kind.tag, kind.attributes)
            kind.attributes.pop("id", None)  # a link cut in two keeps its id once
            self.opened.append((kind.key, place))
        return place

    # -- containers -----------------------------------------------------------------------------------------

    def notice_id(self, element: _Element) -> None:
        """Keep an id for what comes next; `links.keep_targets` has removed those that nothing points to."""
        name = element.get("id")
        if name is None or element.tag in _INLINE:
            return
        ends_paragraph = self.paragraph_tag == "p" and (element.tag in _OPENERS or element.tag == "pre")
        if self.paragraph is None or ends_paragraph:
            self.id = self.id or name
        elif self.paragraph.get("id") is None:
            self.paragraph.set("id", name)

    def open_boundary(self, _element: _Element) -> Closer:
        self.boundary()
        return self.boundary

    def open_format(self, element: _Element) -> Closer | None:
        tag = _INLINE[element.tag]
        attributes = {name: element.get(name, "") for name in _KEPT_ATTRIBUTES.get(tag, ()) if element.get(name)}
        if name := element.get("id"):
            attributes["id"] = name
        nested = any(kind.tag == tag for kind in self.formats)
        beside_base = bool(self.formats) and self.formats[-1].tag == "ruby"
        if nested or (tag == "a" and not attributes) or (tag in ("rt", "rp") and not beside_base):
            return None
        self.formats.append(_Format(tag, tag if tag in _MERGED else element, attributes))
        self.underlined += tag == "u"
        return self._close_format

    def _close_format(self) -> None:
        self.underlined -= self.formats.pop().tag == "u"

    def open_line(self, element: _Element) -> Closer:
        """A heading, term, summary, table caption or figure caption: one paragraph of its own kind."""
        self.end_paragraph()
        self._leave_loose_item()
        container = self.frames[-1].tag
        tag = element.tag
        if tag in _LINE_HOMES and container != _LINE_HOMES[tag]:
            return self.open_boundary(element)
        self.paragraph_tag = str(tag)
        return self.end_paragraph

    def open_list(self, element: _Element) -> Closer:
        self.end_paragraph()
        if self.frames[-1].tag in ("ul", "ol") and len(self.frames[-1]):
            item = self.frames[-1][-1]  # a list right in a list belongs to the item before it
            item.set(_LOOSE, "")
            unmelt(item)
            self.frames.append(item)
        start = element.get("start", "") if element.tag == "ol" else ""
        numbered = start.lstrip("-").isdecimal() and start.isascii() and start != "1" and len(start) <= _MAX_DIGITS
        return self._open_container(str(element.tag), {"start": str(int(start))} if numbered else {})

    def open_item(self, element: _Element) -> Closer:
        self.end_paragraph()
        home = ("ul", "ol") if element.tag == "li" else ("dl",)
        self._leave_loose_item()
        if self.frames[-1].tag not in home:
            if element.tag == "dd":
                return self.open_boundary(element)
            return self._open_loose_item()
        return self._open_container(str(element.tag), {})

    def _leave_loose_item(self) -> None:
        """End the item that the writer had opened for what stood in a list outside of its items."""
        if self.frames[-1].get(_LOOSE) is not None:
            self._leave(len(self.frames) - 1)

    def _open_loose_item(self) -> Closer:
        flow = self.frames[-1]
        previous = flow[-1] if len(flow) else None
        if previous is not None and previous.tag == "ul" and previous.get(_LOOSE) is not None:
            parent = previous
        else:
            parent = self._add("ul", {_LOOSE: ""})
        depth = len(self.frames)
        item = etree.SubElement(parent, "li")
        self.frames += [parent, item]

        def close() -> None:
            self.end_paragraph()
            self._leave(depth)

        return close

    def open_container(self, element: _Element) -> Closer:
        self.end_paragraph()
        tag = element.tag
        if tag in _ROW_HOMES and self.frames[-1].tag not in _ROW_HOMES[tag]:
            return self.open_boundary(element)
        attributes = {name: element.get(name, "") for name in _KEPT_ATTRIBUTES.get(tag, ()) if element.get(name)}
        return self._open_container(str(tag), attributes)

    def _open_container(self, tag: str, attributes: dict[str, str]) -> Closer:
        if tag in _PARTS:
            depth = len(self.frames)
            container = etree.SubElement(self.frames[-1], tag, attributes)
        else:
            container = self._add(tag, attributes)
            depth = len(self.frames)
        if self.id and tag not in _STRUCTURES:
            container.set("id", self.id)
            self.id = None
        self.frames.append(container)

        def close() -> None:
            self.end_paragraph()
            self._leave(depth)

        return close

    def _leave(self, depth: int) -> None:
        while len(self.frames) > depth:
            finish = FINISHERS.get(self.frames[-1].tag)
            container = self.frames.pop()
            if finish is not None and container.getparent() is not None:
                finish(container)

    def rule(self, _element: _Element) -> None:
        self.end_paragraph()
        self._add("hr")

    def listing(self, element: _Element) -> None:
        """A code block as `listings.join_listings` left it: `pre` with one `code`, text only."""
        self.notice_id(element)
        self.end_paragraph()
        code = element[0] if len(element) else element
        if not (code.text or "").strip():
            return
        pre = self._add("pre")
        if self.id:
            pre.set("id", self.id)
            self.id = None
        kept = etree.SubElement(pre, "code")
        if name := code.get("class"):
            kept.set("class", name)
        kept.text = code.text


_LOOSE: Final = "data-loose"  # on what the writer opened by itself; gone before anybody sees it
_MAX_DIGITS: Final = 9
_STRUCTURES: Final = frozenset(("ul", "ol", "dl", "table", "thead", "tbody", "tfoot", "tr"))
_PARTS: Final = frozenset(("li", "dd", "thead", "tbody", "tfoot", "tr", "td", "th"))
_LINE_HOMES: Final[dict[object, str]] = {"dt": "dl", "summary": "details", "caption": "table", "figcaption": "figure"}
_ROW_HOMES: Final[dict[object, tuple[str, ...]]] = {
    "thead": ("table",), "tbody": ("table",), "tfoot": ("table",),
    "tr": ("table", "thead", "tbody", "tfoot"), "td": ("tr",), "th": ("tr",),
}  # fmt: skip

_ATOMS: Final[dict[object, Callable[[_Writer, _Element], None]]] = {
    "br": _Writer.line_break,
    "img": _Writer.picture,
    "hr": _Writer.rule,
    "pre": _Writer.listing,
}
_OPENERS: Final[dict[object, Callable[[_Writer, _Element], Closer | None]]] = {
    **dict.fromkeys(_INLINE, _Writer.open_format),
    **dict.fromkeys(_BOUNDARIES, _Writer.open_boundary),
    **dict.fromkeys((*_HEADINGS, "dt", "summary", "caption", "figcaption"), _Writer.open_line),
    **dict.fromkeys(("ul", "ol"), _Writer.open_list),
    **dict.fromkeys(("li", "dd"), _Writer.open_item),
    **dict.fromkeys(
        ("blockquote", "dl", "details", "figure", "table", "thead", "tbody", "tfoot", "tr", "td", "th"),
        _Writer.open_container,
    ),
}

_MIXED: Final = frozenset(("li", "dd", "td", "th"))  # may hold text beside blocks
_CONTAINERS: Final = (
    "body", "div", "ul", "ol", "dl", "table", "thead", "tbody", "tfoot", "tr", "blockquote", "figure", "details",
    *_MIXED,
)  # fmt: skip


def put_blocks_on_lines(body: Draft) -> None:
    """One block a line, so that a diff can be read; no white space where it would show.

    >>> from pipelines.clean.draft import after
    >>> print(after(put_blocks_on_lines, "<p>a</p><ul><li>b<ul><li>c</li></ul></li></ul>"))
    <p>a</p>
    <ul>
    <li>b
    <ul>
    <li>c</li>
    </ul>
    </li>
    </ul>
    """
    for element in body.root.iter(*_CONTAINERS):
        inside = element.tag in _MIXED
        if not inside:
            element.text = "\n"
        for child in element:
            if not inside:
                child.tail = "\n"
            elif child.tag in BLOCKS:
                _put_on_own_line(child)
    body.root.text = None
    if len(body.root):
        body.root[-1].tail = None


def _put_on_own_line(block: _Element) -> None:
    previous, parent = block.getprevious(), block.getparent()
    if previous is None and parent is not None:
        parent.text = (parent.text or "").rstrip("\n") + "\n"
    elif previous is not None and previous.tag not in BLOCKS:
        previous.tail = (previous.tail or "").rstrip("\n") + "\n"
    block.tail = "\n"
