"""Is a page that answered 200 the site's own page of the post? Pure.

Two families of pages are no post, and are told apart, for they mean opposite things:

- **blocked**: the site, or something before it, does not show the post to us now. Nothing is known of the post; its URL
  stays open, and a site that goes on like that is left alone (`crawler.blockade`).
- **gone**: the site says that there is no such post, if not by its status (a soft 404).

What is neither, and has not the post's fields, is a page of a template that we do not know: `missing-field`.

=============== =================================================================================================
captcha         *blocked*: a check whether the reader is human
login-wall      *blocked*: a page to log in at, in place of the post
waf             *blocked*: a firewall's or a crowd's refusal: access denied, too many requests
parked-domain   *blocked*: the domain is for sale, or its hosting has ended; who knows what it will be again
foreign-page    *blocked*: none of the marks of the site's own pages (`Marks.own`), or none of its language's letters
garbled         *blocked*: text that no encoding makes readable
soft-404        *gone*: a notice in the post's place or container, an empty template, a list or the home page instead
=============== =================================================================================================

Words alone prove nothing: an article may be about captchas. A container with text in it is a post, whatever words it
uses, unless all of that text is a notice, or stands beside a check for humans. A page without one is the post's own, of
a template that we do not know, when its title is the one that a list told (then its field is missing); else it is
judged by the words it uses, if it is short, and by its title if it is long: the frame of a long page has its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import urlsplit

from lxml import etree

from archive.errors import PageError
from crawler.extract import Page
from crawler.notices import (
    BLOCKS,
    CAPTCHA_PLACE,
    GONE_NOTICE,
    GONE_PLACE,
    GONE_TITLE,
    LOGIN_PLACE,
    SCRIPTS,
)
from crawler.pages import absolute, first_text, prefixed, select
from crawler.profile import HtmlList, PostAddress, Selectors, SiteProfile, address
from pipelines.clean.tree import text_of

BLOCKED = frozenset({"captcha", "login-wall", "waf", "parked-domain", "foreign-page", "garbled"})
GONE = frozenset({"soft-404"})

_SHORT_CHARACTERS = 200
_TERSE_CHARACTERS = 800
_TOLD_CHARACTERS = 12
_NOTICE_CHARACTERS = 80
_SAMPLE_CHARACTERS = 20_000
_LIST_ITEMS = 3
_LETTERS = 200
_LEAST_SHARE = 0.02
_MOST_GARBLED_SHARE = 0.05


def blocked(reason: str) -> bool:
    """Whether a failure says that the site keeps us away, and nothing of the post."""
    return reason in BLOCKED or reason in ("http-403", "http-429", "http-503", "retry-after")


def refuse_strangers(site: SiteProfile, place: PostAddress, page: Page, *, told: str = "") -> None:
    """Raise PageError when a page that answered 200 is not the site's own page of a post; see the module.

    told: the post's title, as a list told it.
    """
    if page.document is not None:
        return  # the article is JSON, and there it is: what it says is the profile's to judge
    found = _stranger(_Seen(site, place, page, told))
    if found is not None:
        reason, what = found
        raise PageError(reason, f"{site.slug}: {page.url}: {what}")


def refuse_detours(site: SiteProfile, asked: str, url: str) -> None:
    """Raise PageError when a redirect led from a post to a place that says why: home, a list, a login, a check."""
    where = f"{site.slug}: {asked}: led to {url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if CAPTCHA_PLACE.search(f"{parts.hostname}{parts.path}"):
        raise PageError("captcha", f"{where}, where the site asks for a verification")
    if LOGIN_PLACE.search(f"{parts.hostname}{parts.path}"):
        raise PageError("login-wall", f"{where}, where the site asks to log in")
    if parts.hostname not in site.hosts:
        return
    lists = {urlsplit(listing.url).path for listing in site.listings if not listing.form}
    if parts.path in ("", "/", "/index.html", "/index.php") or (parts.path in lists and not parts.query):
        raise PageError("soft-404", f"{where}, the site's home page or a list of it: the post is gone")
    if GONE_PLACE.search(target):
        raise PageError("soft-404", f"{where}, the site's page for what is gone")


def blocked_list(site: SiteProfile, url: str, body: bytes, content_type: str) -> PageError | None:
    """What a list that names no post is instead, where its page shows that we are kept away; else None."""
    page = Page.of(url, body, content_type)
    found = _kept_away(page, _visible(page), _title(page))
    return PageError(found[0], f"{site.slug}: {url}: {found[1]}") if found else None


def _kept_away(page: Page, visible: str, title: str) -> tuple[str, str] | None:
    terse = len(visible) < _TERSE_CHARACTERS
    for block in BLOCKS:
        titled = _matches((block.title,), title)
        said = _matches(block.words, visible) if terse else ""
        made_so = terse and _has(page, block.parts)
        if titled or (said and made_so if block.needs_both else said or made_so):
            return block.reason, f"{block.what}: {(titled or said or visible)[:60]!r}"
    return None


class _Seen:
    """What a page shows, found out as it is asked for."""

    def __init__(self, site: SiteProfile, place: PostAddress, page: Page, told: str) -> None:
        self.site, self.page = site, page
        self._told = "".join(told.split())[:_TOLD_CHARACTERS]
        self._titles = place.kind.fields.get("title", ())
        self._bodies = place.kind.fields["body"]
        self._container = next(_containers(page, self._bodies), None)

    @cached_property
    def container(self) -> str | None:
        """The text of the post's container, None where there is none."""
        return None if self._container is None else " ".join(text_of(self._container).split())

    @property
    def is_elsewhere(self) -> bool:
        """Whether the post's body is in the page's source and not in its markup."""
        return self._container is None and self.page.html(self._bodies) is not None

    @cached_property
    def has_media(self) -> bool:
        return self._container is not None and next(self._container.iter("img", "video", "audio"), None) is not None

    @cached_property
    def visible(self) -> str:
        return _visible(self.page)

    @cached_property
    def title(self) -> str:
        return _title(self.page)

    @cached_property
    def own_title(self) -> str:
        """The post's title as its template shows it, empty where that is a notice."""
        text = self.page.first(self._titles) or ""
        return "" if GONE_TITLE.search(text) else text

    @cached_property
    def is_own(self) -> bool:
        """Whether it has a mark of the site's own pages, if we know any."""
        return not self.site.marks.own or any(select(self.page.tree, mark) for mark in self.site.marks.own)

    @cached_property
    def is_told(self) -> bool:
        """Whether its title is the one that a list told."""
        return bool(self._told) and self._told in "".join(f"{self.title} {self.own_title}".split())

    @property
    def is_filled(self) -> bool:
        """Whether the container holds a post by its very size."""
        return len(self.container or "") >= _SHORT_CHARACTERS or self.has_media

    @property
    def is_notice(self) -> bool:
        """Whether all that the container says is that the post is gone."""
        text = self.container or ""
        return not self.has_media and len(text) <= _NOTICE_CHARACTERS and GONE_NOTICE.fullmatch(text) is not None

    @property
    def challenge(self) -> tuple[str, str] | None:
        """What a container with little in it is, where it says what a check does that stands on the page."""
        text = self.container or ""
        for block in BLOCKS:
            if block.parts and _matches(block.words, text) and _has(self.page, block.parts):
                return block.reason, f"{block.what}: {text[:60]!r}"
        return None


def _stranger(seen: _Seen) -> tuple[str, str] | None:
    """The reason why a page is no post, and what a person should know of it; None for the post's own page."""
    if seen.is_elsewhere:
        return None
    text = seen.container or seen.visible
    garbled = text.count("\ufffd")
    if len(text) >= _LETTERS and garbled > _MOST_GARBLED_SHARE * len(text):
        return "garbled", f"{garbled} of {len(text)} characters cannot be read in any encoding"
    if seen.is_own and seen.is_filled:
        return None
    if seen.container and seen.is_notice:
        return "soft-404", f"all that the post's container says is a notice: {seen.container!r}"
    if seen.is_own and seen.container:
        return seen.challenge
    if seen.is_own and seen.is_told and seen.container is None:
        return None  # the post's own page, of a template that we do not know
    kept_away = _kept_away(seen.page, seen.visible, seen.title)
    return _noticed(seen) or kept_away or _replaced(seen) or _foreign(seen)


def _noticed(seen: _Seen) -> tuple[str, str] | None:
    """A page without the post's container that says that the post is gone."""
    if seen.container is not None or (seen.own_title and len(seen.visible) >= _TERSE_CHARACTERS):
        return None
    notice = next((each for each in _blocks_of(seen.page) if GONE_NOTICE.fullmatch(each)), None)
    if notice is None and not GONE_TITLE.search(seen.title):
        return None
    return "soft-404", f"the site says the post is gone: {(notice or seen.title)[:60]!r}"


def _replaced(seen: _Seen) -> tuple[str, str] | None:
    """A page of the site's with nothing of the post in it."""
    if seen.container is not None:
        empty = not seen.container and not seen.has_media and not seen.own_title
        return ("soft-404", "the template of an article, with no title and no text in it") if empty else None
    for listing in seen.site.listings:
        shape = listing.shape
        if (
            isinstance(shape, HtmlList)
            and not shape.within
            and _posts_listed(seen.site, seen.page, shape) >= _LIST_ITEMS
        ):
            return "soft-404", "a list of the site's stands in place of the post"
    return None


def _foreign(seen: _Seen) -> tuple[str, str] | None:
    site = seen.site
    if not seen.is_own:
        return "foreign-page", f"none of the marks of the site's own pages ({' | '.join(site.marks.own)})"
    letters = SCRIPTS.get(site.lang.partition("-")[0].lower())
    if seen.container is None and letters is not None and len(seen.visible) >= _LETTERS:
        share = len(re.findall(letters, seen.visible)) / len(seen.visible)
        if share < _LEAST_SHARE:
            return "foreign-page", f"{share:.0%} of its letters are of the site's language {site.lang}"
    return None


def _containers(page: Page, selectors: Selectors) -> Iterator[etree._Element]:
    """What holds a post in the page's markup; a source may hold it elsewhere."""
    for prefix, selector in map(prefixed, selectors):
        if prefix in ("", "all"):
            yield from (node.root for node in select(page.tree, selector) if etree.iselement(node.root))


def _posts_listed(site: SiteProfile, page: Page, shape: HtmlList) -> int:
    found = set()
    for item in select(page.tree, shape.item):
        href = first_text(item, shape.link)
        url = absolute(page.url, href) if href else None
        place = address(site, url) if url else None
        if place is not None:
            found.add(place.url)
    return len(found)


def _blocks_of(page: Page) -> Iterable[str]:
    """The texts of a page's small blocks, where notices stand."""
    for node in page.tree.xpath(
        "//h1 | //h2 | //h3 | //p | //div[not(.//div)] | //td | //span | //section[not(.//div)]"
    ):
        text = _folded(node.root.itertext())
        if 0 < len(text) <= _NOTICE_CHARACTERS:
            yield text


def _title(page: Page) -> str:
    return " ".join(" ".join(page.tree.xpath("//title//text()").getall()).split())


def _visible(page: Page) -> str:
    texts = page.tree.xpath("//title//text() | //body//text()[not(ancestor::script or ancestor::style)]").getall()
    return " ".join(" ".join(texts).split())[:_SAMPLE_CHARACTERS]


def _folded(texts: Iterable[str | bytes]) -> str:
    """Texts of one block as a reader sees them: inline markup does not part words."""
    return " ".join("".join(map(str, texts)).split())


def _matches(patterns: Iterable[str], text: str) -> str:
    """What the first pattern that is in a text matches, with a little around it; empty where none is."""
    for pattern in patterns:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            return text[max(0, match.start() - 15) : match.end() + 25]
    return ""


def _has(page: Page, selectors: Selectors) -> bool:
    return any(select(page.tree, selector) for selector in selectors)
