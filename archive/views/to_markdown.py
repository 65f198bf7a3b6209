"""A body as Markdown: CommonMark with the tables and the strikethrough of GitHub.

What Markdown cannot say stays HTML, which Markdown may hold: figures with a caption, details, definition lists, tables
with merged cells or without a head, ruby, `u`, `mark`. So do `strong`, `em` and `del` where their delimiters would not
count as such, which Chinese punctuation brings about (CommonMark 0.31, 6.2: left- and right-flanking).

The converter is markdownify's, with what it would lose put right; tests render the Markdown of all posts back. Needs
the extra `birdnest[markdown]`: imported only by `archive.views.markdown.converter`.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from typing import Any

from bs4.element import NavigableString, Tag
from markdownify import MarkdownConverter

from archive.body import TAGS

_ESCAPED = re.compile(r"[]\\`*_{}\[<>&|~]")
_BEGINS_BLOCK = re.compile(r"^(\s*)([#+\-=:])")
_ORDINAL = re.compile(r"^(\s*[0-9]{1,9})([.)])")
_ADDRESS = re.compile(r"\b(https?|ftp):(?=//)|\b(www)\.")
_BREAKS_A_LINK = re.compile(r"[\s()<>\\\x00-\x1f\x7f]")
_BLOCKS = ("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre", "table", "figure", "hr", "details")
_EMPHASIS = ("strong", "em", "del", "s")
_VOID = ("img", "br", "hr")


class BodyConverter(MarkdownConverter):
    """markdownify's converter. `convert_<tag>` take an element, the Markdown of what is in it, and its ancestors."""

    def __init__(self, *, pictures_as_html: bool = False) -> None:
        self._pictures_as_html = pictures_as_html
        super().__init__(
            autolinks=False,
            bullets="-",
            heading_style="atx",
            keep_inline_images_in=sorted(TAGS),
            strip_pre=None,
            wrap=True,  # line ends in text are spaces
            wrap_width=None,
        )

    def markdown(self, body: str) -> str:
        """The Markdown of a body; it ends with one line end."""
        text: str = self.convert(body)
        return text.strip("\n") + "\n"

    def convert_soup(self, soup: Any) -> str:
        for element in soup.find_all(id=True):
            _give_anchor(soup, element)
        text: str = super().convert_soup(soup)
        return text

    def escape(self, text: str, parent_tags: set[str]) -> str:
        del parent_tags
        text = _ADDRESS.sub(
            lambda match: f"{match[1]}\\:" if match[1] else f"{match[2]}\\.", _ESCAPED.sub(r"\\\g<0>", text)
        )
        # "!" before a link would make a picture of it, "#" at the end of a heading is no part of it.
        text = re.sub(r"([!#])(\s*)$", r"\\\1\2", text)
        return _ORDINAL.sub(r"\1\\\2", _BEGINS_BLOCK.sub(r"\1\\\2", text))

    # -- what stays HTML

    def process_tag(self, node: Any, parent_tags: set[str] | None = None) -> str:
        if node.name in _RAW_BLOCKS and _RAW_BLOCKS[node.name](node):
            return f"\n\n{_raw(node)}\n\n" if "_inline" not in (parent_tags or ()) else _raw(node)
        if (node.name in _RAW_INLINE and not node.find(_BLOCKS)) or (
            node.name == "code" and node.find(["a", "img", "br"])
        ):
            return _raw(node)
        text: str = super().process_tag(node, parent_tags)  # type: ignore[misc]  # its types leave this method out
        return text

    def convert_strong(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _emphasised(el, text, "**", parent_tags)

    def convert_em(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _emphasised(el, text, "*", parent_tags)

    def convert_del(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return _emphasised(el, text, "~~", parent_tags)

    convert_s = convert_del

    # -- what markdownify would lose

    def convert_a(self, el: Any, text: str, parent_tags: set[str]) -> str:
        del parent_tags
        href = el.get("href")
        if href is None:
            return f'<a id="{escape(el["id"])}"></a>{text}' if el.get("id") else text
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return f"{before}[{text.strip()}]({_destination(href)}){after}"

    def convert_img(self, el: Any, text: str, parent_tags: set[str]) -> str:
        del text, parent_tags
        if self._pictures_as_html:
            return _raw(el)
        alt = _ESCAPED.sub(r"\\\g<0>", " ".join((el.get("alt") or "").split()))
        return f"![{alt}]({_destination(el.get('src') or '')})"

    def convert_br(self, el: Any, text: str, parent_tags: set[str]) -> str:
        del el
        return f"<br>{text}" if "_inline" in parent_tags else f"  \n{text}"

    def convert_code(self, el: Any, text: str, parent_tags: set[str]) -> str:
        if "pre" in parent_tags or not text:
            return text
        code = " ".join(re.split(r"[\r\n]", el.get_text()))
        if not code.strip():
            return _raw(el)
        fence = "`" * (_longest_run(code, "`") + 1)
        pad = " " if code[0] in " `" or code[-1] in " `" else ""
        return f"{fence}{pad}{code}{pad}{fence}"

    def convert_pre(self, el: Any, text: str, parent_tags: set[str]) -> str:
        del text, parent_tags
        code = el.get_text().removeprefix("\n")  # which HTML takes for the line end of the tag
        inner = el.find("code")
        classes = inner.get("class") if inner is not None else None
        language = next((name.removeprefix("language-") for name in classes or () if name.startswith("language-")), "")
        fence = "`" * max(3, _longest_run(code, "`") + 1)
        return f"\n\n{fence}{language}\n{code.removesuffix(chr(10))}\n{fence}\n\n"

    def convert_list(self, el: Any, text: str, parent_tags: set[str]) -> str:
        if "li" not in parent_tags:
            return f"\n\n{text.rstrip()}\n\n"
        # A list that does not begin with 1, or with an empty item, begins no list in the midst of a paragraph.
        first = el.find("li")
        plain = el.get("start", "1") == "1" and first is not None and first.get_text().strip()
        return f"\n{text.rstrip()}" if plain else f"\n\n{text.rstrip()}"

    convert_ul = convert_list
    convert_ol = convert_list

    def convert_figure(self, el: Any, text: str, parent_tags: set[str]) -> str:
        del el, parent_tags
        return f"\n\n{text.strip()}\n\n"


def _raw(element: Any) -> str:
    """An element as HTML in one line: an HTML block would end at an empty one (CommonMark 0.31, 4.6)."""
    return str(element).strip("\n").replace("\r", "&#13;").replace("\n", "&#10;")


def _give_anchor(soup: Any, element: Any) -> None:
    """Put an element's id on an empty link: Markdown has no ids, and links within the post lead to them."""
    if element.name == "a" and element.get("href") is None and not element.contents:
        return
    anchor = soup.new_tag("a", id=element["id"])
    del element["id"]
    if element.name in (*_VOID, "a", "pre", "code", "table", "ul", "ol", "dl", "figure", "details"):
        element.insert_before(anchor)
    else:
        element.insert(0, anchor)


def _emphasised(element: Any, text: str, mark: str, parent_tags: set[str]) -> str:
    if "_noformat" in parent_tags:
        return text
    if _counts_as_mark(element, text, parent_tags):
        return f"{mark}{text}{mark}"
    return f"<{element.name}>{text}</{element.name}>"


def _counts_as_mark(element: Any, text: str, parent_tags: set[str]) -> bool:
    """Whether delimiters around a text open and close emphasis whatever stands beside them."""
    if (
        not text
        or not (_is_word(text[0]) and _is_word(text[-1]))
        or parent_tags & set(_EMPHASIS)
        or element.find(_EMPHASIS)
    ):
        return False
    return all(
        side is None or (isinstance(side, NavigableString) and not isinstance(side, Tag))
        for side in (element.previous_sibling, element.next_sibling)
    )


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def _destination(href: str) -> str:
    text = href.replace("&", "&amp;")
    if not text or _BREAKS_A_LINK.search(text):
        return "<" + re.sub(r"[<>\\]", r"\\\g<0>", re.sub(r"[\r\n]", "", text)) + ">"
    return text


def _longest_run(text: str, character: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(character)}+", text)), default=0)


def _is_rich(pre: Any) -> bool:
    """Whether there is more in a `pre` than text and one `code`: links, emphasis, pictures."""
    return pre.find(lambda tag: tag.name != "code") is not None


def _is_captioned(figure: Any) -> bool:
    return figure.find("img") is None or len([child for child in figure.children if str(child).strip()]) > 1


def _is_no_grid(table: Any) -> bool:
    """Whether a table is none of GitHub's: a head of one row, then rows of as many cells, none merged, of text only."""
    rows = [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]
    if not rows or not rows[0] or table.find(["caption", "tfoot", "table"]) or len({len(row) for row in rows}) > 1:
        return True
    if any(cell.name != "th" for cell in rows[0]) or any(cell.name == "th" for row in rows[1:] for cell in row):
        return True
    cells = [cell for row in rows for cell in row]
    merged = any(cell.get(name, "1") != "1" for cell in cells for name in ("colspan", "rowspan"))
    # A bar ends a cell, and only in text is it escaped.
    barred = any("|" in str(element) for element in table.find_all(["code", "a", "img", *_RAW_INLINE]))
    return merged or barred or any(cell.find(_BLOCKS) for cell in cells)


def _always(_element: Any) -> bool:
    return True


_RAW_BLOCKS = {
    "details": _always,
    "dl": _always,
    "figure": _is_captioned,
    "pre": _is_rich,
    "table": _is_no_grid,
}
_RAW_INLINE = ("u", "mark", "sub", "sup", "small", "kbd", "ruby")
