r"""A file of a Hexo tree, as aggregators write them from feeds, read as it is found: bytes → `HexoPost`. Pure.

The posts of the common aggregator (an RSSHub feed → a Hexo post) carry little of their page: [group, site title,
channel] as categories, the site's name as author, the feed's text as date (or `Invalid Date`), a random picture where
there was none, a title of one space; no address. Their bodies are HTML whose entities were decoded as a whole (see
`repair`). A body that is Markdown, as in trees that people write, is rendered as CommonMark with tables and
strikethrough; which of the two it is, `is_markdown` decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from lxml import etree
from markdown_it import MarkdownIt

from archive.model import digest_of_json
from pipelines.clean.parse import parse_body
from pipelines.clean.rules import GENERIC, any_found
from pipelines.clean.tree import text_of
from pipelines.front_matter import FrontMatter, read_front_matter
from pipelines.repair import repair_braces, repair_quotes

_LINKS: Final = ("link", "url", "original", "original_url", "originalUrl", "source", "source_url", "canonical", "from")
_PICTURES: Final = ("headimg", "thumbnail", "cover", "banner_img", "top_img", "index_img")
_WEB: Final = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"//(?:source\.unsplash\.com|via\.placeholder\.com|loremflickr\.com|placehold\.co)/")
# What RSSHub appends to flash news: a link to the post's own page.
_ORIGINAL_LINK: Final = re.compile(r"[\[【(（]?(?:查看|阅读)?原文(?:链接|地址)?[\]】)）]?")
_TITLE_CHARACTERS: Final = 40
_FEW_BROKEN: Final = 10

_HTML_START: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|body|div|article|section|p|h[1-6]|table|ul|ol|dl|"
    r"blockquote|figure|pre|center|main|style|script|header|strong|span|font)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_BLOCK: Final = re.compile(r"<(?:p|div|section|h[1-6]|ul|ol|table|blockquote|figure|br)\b[^>]*>", re.IGNORECASE)
_MARKDOWN_LINE: Final = re.compile(
    r"^(?:#{1,6}[ \t]+\S|[-*+][ \t]+\S|\d{1,3}[.)][ \t]+\S|>[ \t]?\S|`{3}|~{3}|\|.+\|[ \t]*$|!\[[^\]\n]*\]\()"
    r"|!?\[[^\]\n]+\]\(\S+?\)|\*\*[^*\n]+\*\*",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class HexoPost:
    r"""What a file says, white space of its values folded; "" or () where it says nothing.

    `date` and `updated` are unparsed, `link` is the address of the post's page. `body` is what stands behind the front
    matter, line ends as `\n`, and no white space around it.
    """

    title: str
    author: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    date: str
    updated: str
    description: str
    lang: str
    link: str
    head_image: str
    body: str

    @property
    def identity(self) -> str:
        """SHA-256 (hex) by which a post without an address is known: of its title, date and body, as they are found.

        Neither the file's name nor its folder, line ends, encoding or placeholder pictures are part of it.
        """
        return digest_of_json({"body": self.body, "date": self.date, "title": self.title})


def read_post(data: bytes) -> HexoPost:
    """The post of a file's bytes. Raises PageError: see `front_matter.read_front_matter`."""
    front = read_front_matter(decode(data))
    return HexoPost(
        title=repair_braces(front.text("title")),
        author=repair_braces(front.text("author")),
        categories=tuple(dict.fromkeys(front.texts("categories", "category"))),
        tags=tuple(dict.fromkeys(front.texts("tags", "tag", "keywords"))),
        date=front.text("date", "published", "created"),
        updated=front.text("updated", "modified", "lastmod"),
        description=repair_braces(front.text("description", "excerpt", "summary")),
        lang=front.text("lang", "language"),
        link=_link(front),
        head_image=_head_image(front),
        body=front.body.strip(),
    )


def decode(data: bytes) -> str:
    """A file's text: UTF-8, UTF-16 with its mark, else GB18030, which holds GBK and GB2312.

    A few broken bytes make no file of another encoding: they become U+FFFD. A character that the file's end cuts
    off goes.

    >>> decode("鸟哥笔记".encode("gbk")), decode("鸟哥".encode()[:-1])
    ('鸟哥笔记', '鸟')
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end == len(data) and error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8-sig")
        text = data.decode("utf-8-sig", "replace")
    # Each Chinese character takes two bytes more than it counts; GBK has hardly any that read as such.
    if text.count("\ufffd") * _FEW_BROKEN <= len(data) - len(text):
        return text
    return data.decode("gb18030", "replace")


def html_of(body: str) -> str:
    """The body's HTML, repaired, or rendered where it is Markdown."""
    if is_markdown(body):
        return str(_markdown().render(repair_braces(body)))
    return repair_quotes(repair_braces(body))


def is_markdown(body: str) -> bool:
    r"""Whether a body is Markdown: one that does not begin as HTML does, and has lines that only Markdown has, or no
    block of HTML.

    >>> is_markdown("# 标题"), is_markdown("只有一行"), is_markdown("<div>\n- 1"), is_markdown("一<br>二")
    (True, True, False, False)
    """
    if _HTML_START.match(body):
        return False
    return _MARKDOWN_LINE.search(body) is not None or _HTML_BLOCK.search(body) is None


def original_link(html: str) -> str:
    """The address to which the last link of a body leads, where its text says that this is the original; else ""."""
    if "原文" not in html[-1000:]:
        return ""
    links = list(parse_body(html[max(0, html.rfind("<a")) :]).iter("a"))
    href = (links[-1].get("href") or "").strip() if links else ""
    return href if href and _ORIGINAL_LINK.fullmatch(text_of(links[-1]).strip()) and _WEB.fullmatch(href) else ""


def beginning(html: str) -> str:
    """The first words of a body, for a post without a title."""
    text = " ".join(text_of(_without_notes(parse_body(html))).split())
    return text if len(text) <= _TITLE_CHARACTERS else f"{text[:_TITLE_CHARACTERS]}…"


def language(text: str) -> str:
    """The language of a text by its script (BCP 47), as far as that tells.

    >>> language("今天 Windows 更新"), language("ひらがなと漢字"), language("plain")
    ('zh', 'ja', 'und')
    """
    if re.search("[\u3041-\u30ff]", text):
        return "ja"
    if re.search("[\uac00-\ud7a3]", text):
        return "ko"
    return "zh" if re.search("[\u4e00-\u9fff]", text) else "und"


def _without_notes(root: etree._Element) -> etree._Element:
    for link in root.iter("a"):
        if _ORIGINAL_LINK.fullmatch((link.text or "").strip()):
            link.text = None
    return root


def _link(front: FrontMatter) -> str:
    values = (front.text(key) for key in _LINKS)
    return next((value for value in values if _WEB.fullmatch(value)), "")


def _head_image(front: FrontMatter) -> str:
    values = (repair_braces(front.text(key)) for key in _PICTURES)
    return next((value for value in values if _WEB.fullmatch(value) and not _is_placeholder(value)), "")


def _is_placeholder(url: str) -> bool:
    return any_found(GENERIC.trackers, url) or _PLACEHOLDER.search(url) is not None


@cache
def _markdown() -> MarkdownIt:
    # HTML in Markdown passes: the cleaner takes out what may not be.
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
