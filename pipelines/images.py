"""Each image of a post: its original bytes under their SHA-256, or its miss with the reason.

An image is kept as it was fetched, never re-encoded. What it is, its bytes say, not its name or header; that it
is whole, decoding says, or its structure where birdnest.toml wants that. A miss has one of these reasons (*r*: a
later crawl tries again):

================== ==============================================================================================
http-<status>      *r* the host answered with that status
timeout            *r* no answer in time
unreachable        *r* no connection, or the host's name is unknown
broken-off         *r* the connection ended before the body did
truncated          *r* the file is cut off or damaged: it does not decode
not-an-image       *r* the bytes are no image (an error page served as one, most often)
too-large          more than MAX_BYTES or MAX_PIXELS, or a moving image of more than MAX_MOVING_PIXELS in all
active-svg         an SVG with scripts, event handlers, references to other hosts, or entities that do not end
redirect-loop      *r* more redirects than a browser would follow
bad-encoding       *r* the answer's compression does not decode
download-failed    *r* the download failed in another way
address-refused    *r* the address is none of the public Internet's, nor one that birdnest.toml allows
retry-after        *r* the host wants to be left alone for longer than a run waits
unsupported        an address that is neither http(s) nor data:, or a data: address that does not decode
robots-disallowed  *r* robots.txt of the image's host does not allow it
not-fetched        *r* the run was told to fetch no images (`birdnest import --no-images`)
tracker            a picture of one pixel; nothing to see, so the body shows no link to it either
================== ==============================================================================================
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import hashlib
import html as entities
import re
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, Self
from urllib.parse import unquote_to_bytes

from lxml import etree
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.misc import load_object

from archive.body import images_of
from archive.document import Document, to_post
from archive.image_structure import Check
from archive.images import BadImage, ImageFacts, inspect, told_by_structure
from archive.layout import link_from_document
from archive.model import NOT_FETCHED, Image, MissingImage, Post
from pipelines.clean import parse_clean, serialise
from pipelines.item import PostItem
from pipelines.session import ArchiveSession
from pipelines.userinfo import without_userinfo

INTERRUPTED = "interrupted"
"""The reason of requests that a run which ends does not make any more."""
_MISSING_LABEL = "［图片缺失］"
_WRAPPERS = frozenset({"p", "figure", "a", "strong", "em", "li", "ul", "ol", "blockquote"})
_CLEAN_IMAGE = re.compile(r'<img src="([^"<>]*)" alt="([^"<>]*)">')
_PERMANENT = frozenset({"too-large", "active-svg", "unsupported", "tracker"})
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (DownloadTimeoutError, "timeout"),
    (ResponseDataLossError, "broken-off"),
    (DownloadCancelledError, "too-large"),
    (CannotResolveHostError, "unreachable"),
    (DownloadConnectionRefusedError, "unreachable"),
    (DownloadFailedError, "unreachable"),
    (IgnoreRequest, "redirect-loop"),  # what is left of these when the ones with a reason of their own are told apart
    (gzip.BadGzipFile, "bad-encoding"),
    (zlib.error, "bad-encoding"),
    (EOFError, "bad-encoding"),
)


def decode_data_url(url: str) -> bytes:
    """The bytes of a data: URL (RFC 2397). Raises BadImage("unsupported")."""
    header, comma, payload = url.partition(",")
    if not comma:
        raise BadImage("unsupported")
    raw = unquote_to_bytes(payload)
    if not re.search(r";\s*base64\s*$", header, re.IGNORECASE):
        return raw
    try:
        return base64.b64decode(b"".join(raw.split()) + b"==", validate=False)
    except binascii.Error as error:
        raise BadImage("unsupported") from error


def image_name(url: str) -> str:
    """What a document calls an image: its URL without user and password; a data: URL, which is long, by its digest.

    >>> image_name("data:image/png;base64,AAAA")
    'data:image/png;sha256=bde6da8e9d3902a86a1452ec62648cd07cb1cfbae0ec8dd5142ad881c7aa2ba0'
    """
    if not url.startswith("data:"):
        return without_userinfo(url)
    media_type = url[5:].split(";", 1)[0].split(",", 1)[0] or "text/plain"
    return f"data:{media_type};sha256={hashlib.sha256(url.encode()).hexdigest()}"


Found = Mapping[str, Image | MissingImage]
"""By the URL in the clean body: what came of each image."""


def place_images(body: str, found: Found) -> str:
    """A clean body whose images stand at their blobs, with their size; a missing one as a link to its address."""
    placed = _all_placed(body, found)
    if placed is not None:
        return placed
    root = parse_clean(body)
    for node in list(root.iter("img")):
        url = node.get("src", "")
        result = found[url]
        if isinstance(result, Image):
            _show(node, result)
        else:
            _replace_by_link(node, url, result)
    return serialise(root).strip("\n")


def _all_placed(body: str, found: Found) -> str | None:
    """What `place_images` gives where every image is held, without a tree; None where it takes one.

    The cleaner writes an image as `<img src="…" alt="…">`, and no `<` of a text or value as itself. A parser takes a
    line end at the beginning of `pre` for none of the listing, so that a tree may differ there.
    """
    held = {url: image for url, image in found.items() if isinstance(image, Image)}
    if "<pre" in body or len(held) < len(found):
        return None

    def shown(image: re.Match[str]) -> str:
        kept = held[entities.unescape(image[1])]
        size = f' width="{kept.width}" height="{kept.height}"' if kept.width and kept.height else ""
        return f'<img src="{link_from_document(kept.key)}" alt="{image[2]}"{size}>'

    placed, count = _CLEAN_IMAGE.subn(shown, body)
    return placed.strip("\n") if count == body.count("<img") else None


def restore_images(body: str, found: Mapping[str, Image]) -> str:
    """A document's body in which images that were missing, by their URLs, stand where their links stood."""
    root = parse_clean(body)
    for link in list(root.iter("a")):
        image = found.get(link.get("href", ""))
        label = link.text or ""
        if image is None or not label.startswith(_MISSING_LABEL) or len(link):
            continue
        node = etree.Element("img", alt=label.removeprefix(_MISSING_LABEL))
        node.tail, link.tail = link.tail, None
        _show(node, image)
        _swap(link, node)
    return serialise(root).strip("\n")


def _show(node: etree._Element, image: Image) -> None:
    alt = node.get("alt", "")
    node.attrib.clear()
    node.set("src", link_from_document(image.key))
    node.set("alt", alt)
    if image.width and image.height:
        node.set("width", str(image.width))
        node.set("height", str(image.height))


def _replace_by_link(node: etree._Element, url: str, missing: MissingImage) -> None:
    if missing.reason == "tracker":
        _remove(node)
        return
    label = f"{_MISSING_LABEL}{node.get('alt', '')}".strip()
    outer = next(node.iterancestors("a"), None)
    link = etree.Element("span" if url.startswith("data:") else "a")
    link.text = label
    if link.tag == "a":
        link.set("href", without_userinfo(url))
    if outer is None:
        link.tail, node.tail = node.tail, None
        _swap(node, link)
        return
    # A link inside a link cannot be: the miss stands right behind the outer one, which keeps a text to click.
    _remove(node, keep=outer)
    if not "".join(outer.itertext()).strip() and outer.find(".//img") is None:
        outer.text = outer.get("href")
    link.tail, outer.tail = outer.tail, None
    outer.addnext(link)


def _swap(old: etree._Element, new: etree._Element) -> None:
    parent = old.getparent()
    if parent is None:
        raise AssertionError("an image of a body always has a parent")
    parent.replace(old, new)


def _remove(node: etree._Element, *, keep: etree._Element | None = None) -> None:
    """Take a node out, its tail staying; a wrapper left with nothing in it goes too, unless it is `keep`."""
    parent = node.getparent()
    if parent is None:
        return
    previous = node.getprevious()
    if previous is not None:
        previous.tail = _joined(previous.tail, node.tail)
    else:
        parent.text = _joined(parent.text, node.tail)
    node.tail = None
    parent.remove(node)
    if parent is not keep and parent.tag in _WRAPPERS and len(parent) == 0 and not (parent.text or "").strip():
        _remove(parent, keep=keep)


def _joined(before: str | None, after: str | None) -> str:
    both = (before or "") + (after or "")
    # The line ends around a block that went are one.
    return both if both.strip() or "\n" not in both else "\n"


class Place(Protocol):
    """A place for one image's bytes in memory. `take` waits until there is one; who has it already has it."""

    async def take(self) -> None: ...

    def leave(self) -> None: ...


Fetch = Callable[[str, Place], Awaitable[bytes]]
"""Gives an image's bytes, its place taken when its host's turn has come. Raises BadImage with the miss's reason."""


class ImageKeeper:
    """Keeps images: each URL once per run, and each distinct content once in the archive.

    The newest `MOST_REMEMBERED` URLs are known; one of before that is fetched again where a post shows it again.
    """

    CONCURRENT_IMAGES = 16
    MOST_REMEMBERED = 8192

    def __init__(self, session: ArchiveSession, fetch: Fetch, check: Check = "auto") -> None:
        self._session = session
        self._check: Check = check
        # Held from the download to the put: it bounds the bytes in memory when the store is slower than the site.
        self._room = asyncio.Semaphore(self.CONCURRENT_IMAGES)
        self._fetch = fetch
        self._under_way: dict[str, asyncio.Task[Image | MissingImage]] = {}
        self._known: OrderedDict[str, Image | MissingImage] = OrderedDict()

    def keep(self, url: str) -> asyncio.Future[Image | MissingImage]:
        """The image of a URL, held by the archive when this is done, or its miss. StoreError where it cannot be put."""
        name = image_name(url)
        known = self._known.get(name)
        if known is not None:
            self._known.move_to_end(name)
            done = asyncio.get_running_loop().create_future()
            done.set_result(known)
            return done
        task = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = asyncio.ensure_future(self._keep(url, name))
        return task

    async def _keep(self, url: str, name: str) -> Image | MissingImage:
        result = await self._fetch_and_put(url, name)
        # One that raised stays under way: what befell it befalls whoever asks for it.
        del self._under_way[name]
        self._known[name] = result
        if len(self._known) > self.MOST_REMEMBERED:
            self._known.popitem(last=False)
        return result

    async def _fetch_and_put(self, url: str, name: str) -> Image | MissingImage:
        place = _Place(self._room)
        try:
            data = await self._bytes(url, place)
            facts = told_by_structure(data, self._check)
            if facts is None:
                facts = await self._session.look(inspect, data)
            return await self._session.write(self._put, data, name, facts)
        except BadImage as bad:
            return MissingImage(url=name, reason=bad.reason, retryable=bad.reason not in _PERMANENT)
        finally:
            place.leave()

    def _put(self, data: bytes, name: str, facts: ImageFacts) -> Image:
        digest = hashlib.sha256(data).hexdigest()
        key, _ = self._session.archive.put_blob(data, facts.media_type, sha256=digest)
        return Image(
            url=name,
            key=key,
            sha256=digest,
            bytes=len(data),
            media_type=facts.media_type,
            width=facts.width,
            height=facts.height,
        )

    async def _bytes(self, url: str, place: Place) -> bytes:
        if url.startswith("data:"):
            return decode_data_url(url)
        if not url.startswith(("http://", "https://")):
            raise BadImage("unsupported")
        return await self._fetch(url, place)


class _Place:
    """One place in a room."""

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._is_taken = False

    async def take(self) -> None:
        if not self._is_taken:
            await self._room.acquire()
            self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._room.release()


class ImagesPipeline:
    """Adds `images`, `missing_images`, `head_image` and `body`. An image the version held has is not fetched again."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        check: Check = crawler.settings.get("BIRDNEST_CHECK_IMAGES", "auto")
        self._keeper = ImageKeeper(ArchiveSession.of(crawler), self._download, check)
        self._refetch = crawler.settings.getbool("BIRDNEST_REFETCH_IMAGES")
        self._client: Any = None
        if not crawler.settings.get("BIRDNEST_IMAGE_CLIENT"):
            raise NotConfigured("no image client: set BIRDNEST_IMAGE_CLIENT to an extension with a method `fetch`")
        self._offline = crawler.settings.getbool("BIRDNEST_NO_IMAGES")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        if post.outcome is not None or post.clean is None:
            return post
        head_url = post.head_image_url or (post.clean.images[0].url if post.clean.images else None)
        urls = [image.url for image in post.clean.images] + ([head_url] if head_url else [])
        held = {image.url: image for image in post.head.document.images} if post.head else {}
        found = await self._results(urls, held)
        head = found.get(head_url) if head_url else None
        unusable = [
            MissingImage(url=image_name(url), reason="unsupported", retryable=False)
            for url in post.clean.unusable_images
        ]
        distinct = {result.url: result for result in (*found.values(), *unusable)}.values()
        return replace(
            post,
            images=tuple(image for image in distinct if isinstance(image, Image)),
            missing_images=tuple(image for image in distinct if isinstance(image, MissingImage)),
            head_image=head.key if isinstance(head, Image) else None,
            body=place_images(post.clean.html, found),
        )

    async def retry(self, document: Document, urls: Sequence[str], *, now: datetime) -> tuple[Post, dict[str, str]]:
        """A held version with those of its missing images that can be had now, and the reasons of those that cannot.

        The page is not fetched: what the version says of the post stays. Raises StoreError.
        """
        post = to_post(document)
        tried = [image.url for image in post.missing_images if image.url in urls]
        results = dict(zip(tried, await asyncio.gather(*map(self._keeper.keep, tried)), strict=True))
        had = {url: result for url, result in results.items() if isinstance(result, Image)}
        still = {url: result for url, result in results.items() if isinstance(result, MissingImage)}
        body = restore_images(post.body, had)
        shown = images_of(body)
        # An image that the body does not show is the one at the post's head.
        heads = [image.key for image in had.values() if image.key not in shown] or shown[:1]
        images = {image.url: image for image in (*post.images, *had.values())}.values()
        place = {key: index for index, key in reversed(list(enumerate(shown)))}
        healed = replace(
            post,
            body=f"{body}\n",
            fetched_at=now,
            # In the order in which a fetch of the page would list them.
            images=tuple(sorted(images, key=lambda image: place.get(image.key, len(shown)))),
            missing_images=tuple(still.get(image.url, image) for image in post.missing_images if image.url not in had),
            head_image=post.head_image or next(iter(heads), None),
        )
        return healed, {url: result.reason for url, result in still.items() if result.retryable}

    async def _results(self, urls: Iterable[str], held: Mapping[str, Image]) -> dict[str, Image | MissingImage]:
        """What came of images, by their URLs; those that the version held has are not fetched."""
        kept = {url: held.get(image_name(url)) for url in urls}
        asked = [url for url, image in kept.items() if image is None or self._refetch]
        found = dict(zip(asked, await asyncio.gather(*map(self._keeper.keep, asked)), strict=True))
        # A failure never takes away what is held.
        return {url: _kept_or_found(image, found.get(url)) for url, image in kept.items()}

    async def _download(self, url: str, place: Place) -> bytes:
        if self._offline:
            raise BadImage(NOT_FETCHED)
        if self._client is None:
            self._client = self._crawler.get_extension(load_object(self._crawler.settings["BIRDNEST_IMAGE_CLIENT"]))
        try:
            data: bytes = await self._client.fetch(url, place)
        except Exception as error:
            reason = failure_reason(error)
            if reason == INTERRUPTED:
                raise  # it is not missing: the run has no time left for it
            raise BadImage(reason) from error
        return data


def _kept_or_found(kept: Image | None, found: Image | MissingImage | None) -> Image | MissingImage:
    """The image that is found, else the one that is kept, else the miss."""
    result = found if isinstance(found, Image) else kept or found
    if result is None:
        raise AssertionError("an image that is not kept is asked for")
    return result


def failure_reason(error: BaseException) -> str:
    """The reason code of a download that raised."""
    reason = getattr(error, "reason", None)
    if isinstance(error, IgnoreRequest) and isinstance(reason, str):
        return reason
    if isinstance(error, HttpError):
        return f"http-{error.response.status}"
    return next((reason for kind, reason in _FAILURES if isinstance(error, kind)), "download-failed")
