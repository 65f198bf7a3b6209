"""A page that no profile knows → its article, or the reason why it has none; and the post made of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from archive.errors import PageError
from archive.model import WarcRecord, digest_of_json
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, categories, given, refuse_marked_pages
from crawler.generic import MIN_CONFIDENCE, FoundArticle, find_article
from crawler.profile import PostAddress, SiteProfile
from pipelines.item import RawPost

_ZONES = {"zh": "Asia/Shanghai", "ja": "Asia/Tokyo", "ko": "Asia/Seoul"}
_MAGIC = {
    b"%PDF-": "a PDF",
    b"\x89PNG\r\n": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "a picture, a sound or a film",
    b"PK\x03\x04": "a ZIP archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a packed file",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"ID3": "a sound",
    b"OggS": "a sound or a film",
    b"\x1aE\xdf\xa3": "a film",
}
_PAGES = re.compile(
    r"\s*(?:text/(?:html|plain|xml)|application/(?:xhtml\+xml|xml|octet-stream))?\s*(?:;|$)", re.IGNORECASE
)
_LOGIN = re.compile(
    r"/(?:log-?in|sign-?in|signon|passport|sso|auth|oauth2?|session/new|account/login|user/login|wp-login\.php)(?:[/.?]|$)"
    r"|^//(?:login|signin|passport|sso|auth|accounts?)\.",
    re.IGNORECASE,
)
_LITTLE_TEXT = 400
_NAMES = {"published_raw": "published_at", "updated_raw": "updated_at", "head_image_url": "headimg"}
_TITLE_NOISE = re.compile(r"[\s\W_]+|第?\d+页|page\d+|\d+$", re.IGNORECASE)


def refuse_other_files(site: SiteProfile, url: str, body: bytes, content_type: str) -> None:
    """Raise PageError("not-html") for an answer that is no page, but a PDF, an image or an archive."""
    kind = next((kind for magic, kind in _MAGIC.items() if body.startswith(magic)), None)
    if body[4:8] == b"ftyp":
        kind = "a film or an image"
    if kind is None and not _PAGES.match(content_type):
        kind = f"of the type {content_type.split(';', maxsplit=1)[0].strip()}"
    if kind is not None:
        raise PageError("not-html", f"{site.slug}: {url}: expected a page, and it is {kind}: download it as a file")


def refuse_other_places(site: SiteProfile, asked: str, final: str) -> None:
    """Raise PageError where the address of an article led to a login page, or to the front page."""
    before, after = urlsplit(asked), urlsplit(final)
    if asked == final or (before.path == after.path and before.netloc == after.netloc):
        return
    if _LOGIN.search(f"//{after.netloc}{after.path}") and not _LOGIN.search(f"//{before.netloc}{before.path}"):
        raise _login(site, asked, f"led to {final}")
    if after.path in ("", "/") and not after.query and before.path not in ("", "/"):
        raise PageError("moved-away", f"{site.slug}: {asked}: led to the front page, {final}: the article is gone")


def read_article(site: SiteProfile, page: Page, *, force: bool = False) -> FoundArticle:
    """The article of a page.

    Raises PageError: "login-required", "captcha", "soft-404", or "no-article" where nothing looks enough like one;
    `force` takes what looks less like one, too.
    """
    try:
        article = find_article(page)
    except PageError as error:
        _refuse_logins(site, page, 0)
        refuse_marked_pages(site, page)
        raise PageError(error.reason, f"{site.slug}: {error}") from error
    if article.confidence < MIN_CONFIDENCE or _characters(article.body) < _LITTLE_TEXT:
        _refuse_logins(site, page, _characters(article.body))
    if article.confidence >= MIN_CONFIDENCE:
        return article
    refuse_marked_pages(site, page)
    if force:
        return article
    raise PageError(
        "no-article",
        f"{site.slug}: {page.url}: no article found: what looks most like one ({article.title!r:.60}) is one with a "
        f"confidence of {article.confidence} %, expected at least {MIN_CONFIDENCE} %: archive it with --force",
    )


def continues(first: FoundArticle, other: FoundArticle) -> bool:
    """Whether a further page is of the same article: "next" leads to the next article as often."""
    one, two = (_TITLE_NOISE.sub("", article.title) for article in (first, other))
    return one in two or two in one


def make_post(
    site: SiteProfile,
    place: PostAddress,
    pages: Sequence[tuple[Page, FoundArticle]],
    *,
    found: FoundLink | None,
    fetched_at: datetime,
    warc: tuple[WarcRecord, ...] = (),
) -> RawPost:
    """The post that the pages of an article hold. A feed's title, time and author are told as for known sites."""
    (page, article), hints = pages[0], found.hints if found else Hints()
    site_title = article.site_title or (found.channel if found else "") or site.title
    raw = {
        "title": article.title,
        "author": article.author or hints.author or site_title,
        "published_raw": given(hints.published, *article.published_raw),
        "updated_raw": given(hints.updated, *article.updated_raw),
        "section": article.section,
        "tags": tuple(dict.fromkeys((*article.tags, *hints.tags))),
        "description": article.description or hints.description or None,
        "head_image_url": article.head_image_url,
        "body_parts": tuple(each.body for _, each in pages),
    }
    return RawPost(
        **raw,  # type: ignore[arg-type]  # the same fields feed the digest
        site=site.slug,
        id=place.id,
        url=place.url,
        requested_url=found.url if found else place.url,
        fetched_at=fetched_at,
        categories=categories(site, found, title=site_title),
        lang=article.lang,
        timezone=_ZONES.get(article.lang.split("-")[0].lower(), "UTC"),
        clean_rules=site.clean_rules,
        min_characters=1,
        source_sha256=digest_of_json(raw),
        extractor=site.digest,
        page=page.body,
        warc=warc,
        sources=_sources(article, hints),
    )


def _sources(article: FoundArticle, hints: Hints) -> dict[str, str]:
    """Where each field was found, by its name in the document."""
    found = {_NAMES.get(name, name): source for name, source in article.sources.items()}
    told = {"published_at": hints.published, "updated_at": hints.updated}
    told |= {"author": hints.author if not article.author else ""}
    return {**found, **{name: "the list that named it" for name, value in told.items() if value}}


def _refuse_logins(site: SiteProfile, page: Page, characters: int) -> None:
    if characters < _LITTLE_TEXT and page.tree.xpath("//input[translate(@type, 'PASWORD', 'pasword') = 'password']"):
        raise _login(site, page.url, "the page asks for a password")


def _login(site: SiteProfile, url: str, why: str) -> PageError:
    return PageError("login-required", f"{site.slug}: {url}: only for those who are logged in: {why}")


def _characters(html: str) -> int:
    return len("".join(re.sub(r"<[^>]*>", "", html).split()))
