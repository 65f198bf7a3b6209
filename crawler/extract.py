"""Article pages → RawPost: raw strings plus the body's containers, or an error that names field and selector. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lxml import etree
from parsel import Selector

from archive.errors import PageError, SelectorError
from archive.model import WarcRecord, digest_of_json
from crawler.discover import FoundLink
from crawler.documents import read_document, strings_at
from crawler.entries import Hints
from crawler.full_texts import FullText
from crawler.pages import absolute, decode_page, page_selector, prefixed, select, texts
from crawler.profile import JsonDocument, PostAddress, PostKind, Selectors, SiteProfile, named_by_page
from pipelines.clean import inner_html
from pipelines.item import RawPost

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TITLE_CHARACTERS = 40
_VISIBLE_SAMPLE = 20_000
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(?:[\w-]+:[^\n]*\n)*---[ \t]*(?:\r?\n|\Z)")


@dataclass(frozen=True, kw_only=True)
class Page:
    """One fetched page of an article: its final URL, bytes, header Content-Type, and what fields are read from.

    text: its source, as the kind's `rewrite` gives it. document: its JSON, None where it has none.
    """

    url: str
    body: bytes
    tree: Selector
    text: str = ""
    document: Any = None

    @classmethod
    def of(cls, url: str, body: bytes, content_type: str = "", kind: PostKind | None = None) -> Page:
        text = decode_page(body, content_type)[0]
        if kind is not None and kind.rewrite is not None:
            text = kind.rewrite(text)
        where = kind.document or (JsonDocument() if kind.fetch else None) if kind is not None else None
        document = read_document(text, where) if where else None
        is_json = document is not None and where is not None and not where.begin
        return cls(url=url, body=body, tree=page_selector("" if is_json else text), text=text, document=document)

    def texts(self, selectors: Selectors) -> tuple[str, ...]:
        """The visible texts of the first selector that gives any, white space folded."""
        for selector in selectors:
            prefix, rest = prefixed(selector)
            if prefix in ("json", "markdown"):
                raw = strings_at(self.document, rest)
            elif prefix == "re":
                raw = _groups(self.text, rest)
            else:
                raw = iter(texts(self.tree, (rest,)))
            found = tuple(text for value in raw if (text := " ".join(value.split())))
            if found:
                return found
        return ()

    def first(self, selectors: Selectors) -> str | None:
        """The first visible text of the first selector that gives one, or None."""
        return next(iter(self.texts(selectors)), None)

    def count(self, selector: str) -> int:
        """How often a selector matches."""
        prefix, rest = prefixed(selector)
        if prefix in ("json", "markdown"):
            return sum(1 for _ in strings_at(self.document, rest))
        if prefix == "re":
            return sum(1 for _ in _groups(self.text, rest))
        return len(select(self.tree, rest))

    def html(self, selectors: Selectors) -> str | None:
        """The article's HTML: what is in the container that the first selector with a match names, or None."""
        for selector in selectors:
            prefix, rest = prefixed(selector)
            if prefix in ("json", "markdown"):
                parts = [value for value in strings_at(self.document, rest) if value.strip()]
                parts = [_from_markdown(part) for part in parts] if prefix == "markdown" else parts
            elif prefix == "re":
                parts = [value for value in _groups(self.text, rest) if value.strip()]
            elif prefix == "all":
                parts = [f"<div>{inner_html(element)}</div>" for element in self._outermost(rest)]
            else:
                parts = [inner_html(element) for element in self._elements(rest)[:1]]
            if parts:
                return "\n".join(parts)
        return None

    def has_body(self, selectors: Selectors) -> bool:
        """Whether the page has the article's container: in its markup, be there anything in it or not."""
        return any(
            bool(self.count(selector)) if prefixed(selector)[0] in ("", "all") else self.html((selector,)) is not None
            for selector in selectors
        )

    def _elements(self, selector: str) -> list[etree._Element]:
        return [node.root for node in select(self.tree, selector) if etree.iselement(node.root)]

    def _outermost(self, selector: str) -> list[etree._Element]:
        found = self._elements(selector)
        chosen = set(found)
        return [element for element in found if not any(above in chosen for above in element.iterancestors())]

    @property
    def visible(self) -> str:
        """The beginning of what a reader of the page sees; of a page that shows nothing, what its JSON says."""
        words = " ".join(self.tree.xpath("//title//text() | //body//text()[not(ancestor::script)]").getall())
        if self.document is not None and not words.strip():
            words = json.dumps(self.document, ensure_ascii=False)
        return " ".join(words.split())[:_VISIBLE_SAMPLE]


def _from_markdown(text: str) -> str:
    """Markdown as HTML, without the front matter by which 掘金's editor notes a theme."""
    return str(_markdown().render(_FRONT_MATTER.sub("", text, count=1)))


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # late: few sites need it

    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _groups(text: str, pattern: str) -> Iterator[str]:
    """Of each match the first group, or all of it where there is none."""
    for match in re.finditer(pattern, text):
        yield (match[1] if match.re.groups else match[0]) or ""


def next_page(page: Page, place: PostAddress) -> str | None:
    """The absolute URL of the article's next page, or None on its last."""
    href = page.first(place.kind.fields.get("next_page", ()))
    return absolute(page.url, href) if href else None


def own_address(place: PostAddress, page: Page) -> PostAddress:
    """The post's address with the id that its page tells, where the URL tells none."""
    found = {name: page.first(selectors) for name, selectors in place.kind.told_by_page.items()}
    told = {name: text for name, text in found.items() if text}
    return named_by_page(place, told) if told else place


def refuse_challenges(site: SiteProfile, url: str) -> None:
    """Raise PageError("captcha") for an address to which the site sends readers whom it wants to check."""
    for mark in site.marks.blocked:
        if mark.startswith("url:") and re.search(mark.removeprefix("url:"), url):
            raise PageError("captcha", f"{site.slug}: {url}: the site asks for a verification")


def refuse_other_pages(site: SiteProfile, place: PostAddress, page: Page) -> None:
    """Raise PageError when a page that answered 200 is no post: "captcha", "refused", "soft-404", "no-readable-body".

    A page that has the article's container is a post whatever words it uses.
    """
    if not page.has_body(place.kind.fields["body"]):
        refuse_marked_pages(site, page)


def refuse_marked_pages(site: SiteProfile, page: Page) -> None:
    """Raise PageError when a page's text says that it is something else than a post, for the reasons above."""
    visible = page.visible
    for reason, what, marks in (
        ("captcha", "the site asks for a verification", site.marks.blocked),
        ("soft-404", "the site says the post is gone", site.marks.gone),
        ("refused", "the site does not show the post", site.marks.refused),
        ("no-readable-body", "the page does not hold the post's body as text", site.marks.unreadable),
    ):
        for mark in marks:
            match = _marked(mark, visible, page)
            if match:
                raise PageError(reason, f"{site.slug}: {page.url}: {what}: {_around(match)!r}")


def _marked(mark: str, visible: str, page: Page) -> re.Match[str] | None:
    where, colon, pattern = mark.partition(":")
    if colon and where == "url":
        return None  # seen when the answer came
    return re.search(pattern, page.text) if colon and where == "source" else re.search(mark, visible)


def extract(
    site: SiteProfile,
    place: PostAddress,
    pages: Sequence[Page],
    *,
    found: FoundLink | None,
    fetched_at: datetime,
    warc: tuple[WarcRecord, ...] = (),
) -> RawPost:
    """The post that an article's pages hold.

    place: what the final URL is at the site. found: the listing's link, None for a URL given by hand; what a
    listing tells is trusted first for times, and after the page for the rest. warc: the captures of the pages and of
    the list. Raises SelectorError naming a required field (title, body) that is not there.
    """
    first, fields, hints = pages[0], place.kind.fields, found.hints if found else Hints()

    def one(name: str) -> str | None:
        return first.first(fields.get(name, ()))

    def missing(name: str) -> SelectorError:
        return SelectorError(site=site.slug, url=first.url, field=name, selectors=fields.get(name, ()))

    parts = tuple(_body(page, fields["body"], missing("body")) for page in pages)
    title = one("title") or hints.title or (_beginning(parts) if place.kind.title_optional else None)
    if not title:
        raise missing("title")
    head_image = one("head_image")
    raw = {
        "title": title,
        "author": one("author") or hints.author or site.title,
        "published_raw": given(hints.published, one("published")),
        "updated_raw": given(hints.updated, one("updated")),
        "section": one("section"),
        "tags": tuple(dict.fromkeys((*first.texts(fields.get("tags", ())), *hints.tags))),
        "description": one("description") or hints.description or None,
        "head_image_url": absolute(first.url, head_image) if head_image else None,
        "body_parts": parts,
    }
    return RawPost(
        **raw,  # type: ignore[arg-type]  # the same fields feed the digest
        site=site.slug,
        id=place.id,
        url=place.url,
        requested_url=found.url if found else place.url,
        fetched_at=fetched_at,
        categories=categories(site, found, title=site.title),
        lang=site.lang,
        timezone=site.timezone,
        clean_rules=site.clean_rules,
        min_characters=place.kind.min_characters,
        source_sha256=digest_of_json(raw),
        extractor=site.digest,
        page=first.body,
        warc=warc,
    )


def extract_full_text(
    site: SiteProfile,
    place: PostAddress,
    text: FullText,
    *,
    found: FoundLink,
    fetched_at: datetime,
) -> RawPost:
    """The post that a feed holds whole, for a page that cannot be had; its `sources` say so.

    Raises SelectorError where the feed tells no title of a post that has to have one.
    """
    hints, source = found.hints, f"feed {text.feed}"
    title = hints.title or (_beginning((text.html,)) if place.kind.title_optional or site.is_unknown else None)
    if not title:
        raise SelectorError(site=site.slug, url=place.url, field="title", selectors=(source,))
    raw = {
        "title": title,
        "author": hints.author or site.title,
        "published_raw": given(hints.published),
        "updated_raw": given(hints.updated),
        "section": None,
        "tags": hints.tags,
        "description": hints.description or None,
        "head_image_url": None,
        "body_parts": (text.html,),
    }
    names = {"published_at": hints.published, "updated_at": hints.updated, "tags": hints.tags}
    told = {"title": hints.title, "author": hints.author, "description": hints.description, **names}
    return RawPost(
        **raw,  # type: ignore[arg-type]  # the same fields feed the digest
        site=site.slug,
        id=place.id,
        url=place.url,
        requested_url=found.url,
        fetched_at=fetched_at,
        categories=categories(site, found, title=site.title),
        lang=site.lang,
        timezone=site.timezone,
        clean_rules=site.clean_rules,
        min_characters=place.kind.min_characters,
        source_sha256=digest_of_json(raw),
        extractor=site.digest,
        page=text.html.encode("utf-8", "surrogatepass"),
        warc=(found.record,) if found.record else (),
        sources={**{name: source for name, value in told.items() if value}, "body": source},
    )


def categories(site: SiteProfile, found: FoundLink | None, *, title: str) -> tuple[str, ...]:
    """The group, the site's title and the channel, as far as there are some."""
    names = (site.group, title, found.channel if found else "")
    return tuple(dict.fromkeys(name for name in names if name))


def _body(page: Page, selectors: Selectors, missing: SelectorError) -> str:
    html = page.html(selectors)
    if html is None:
        raise missing
    return html


def given(*values: str | None) -> tuple[str, ...]:
    """Those of some texts that say something, each once."""
    return tuple(dict.fromkeys(value for value in values if value))


def _beginning(parts: tuple[str, ...]) -> str:
    text = " ".join(" ".join(page_selector(parts[0]).xpath("//body//text()").getall()).split())
    return text if len(text) <= _TITLE_CHARACTERS else f"{text[:_TITLE_CHARACTERS]}…"


def _around(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 15) : match.end() + 25]
