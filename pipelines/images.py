"""Each image of a post: its original bytes under their SHA-256, or its miss with the reason.

An image is kept as it was fetched, never re-encoded. What it is, its bytes say, not its name or header; that it
is whole, decoding says. A miss has one of these reasons (*r*: a later crawl tries again):

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
unsupported        an address that is neither http(s) nor data:, or a data: address that does not decode
robots-disallowed  *r* robots.txt of the image's host does not allow it
tracker            a picture of one pixel; nothing to see, so the body shows no link to it either
================== ==============================================================================================
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import hashlib
import io
import re
import struct
import warnings
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from lxml import etree
from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http.request import NO_CALLBACK
from scrapy.spidermiddlewares.httperror import HttpError

from archive.layout import link_from_document
from archive.model import Image, MissingImage
from pipelines.clean import parse_clean, serialise
from pipelines.item import PostItem
from pipelines.session import ArchiveSession

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 89_478_485  # Pillow's own limit, above which it warns and then refuses
LARGE_PIXELS = 10_000_000  # decoded, one takes some 40 MB: only one at a time is
MAX_MOVING_PIXELS = 2_000_000_000  # some ten seconds of decoding; a few kB can ask for hours
_OK = 200
_MISSING_LABEL = "［图片缺失］"
_WRAPPERS = frozenset({"p", "figure", "a", "strong", "em", "li", "ul", "ol", "blockquote"})
_PERMANENT = frozenset({"too-large", "active-svg", "unsupported", "tracker"})
_FORMATS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "ICO": "image/x-icon",
}
_OPENERS = tuple(name for name in _FORMATS if name != "MPO")  # Pillow opens these as JPEG
_MOVING = ("GIF", "WEBP", "PNG", "AVIF")
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT")
_MAGIC = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*|....ftypavi[fs]", re.DOTALL)
# What Pillow's decoders were seen to raise on damaged files: they check little of what they read.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    TypeError,
    AssertionError,
    struct.error,
)
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
_SVG_ACTIVE_ELEMENTS = frozenset(
    {"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "listener", "set", "animate"}
)
# A backslash can spell any of the others (`\\75rl(`).
_SVG_ACTIVE_CSS = re.compile(
    r"\\|@import|url\((?!\s*['\"]?#)|image-set\(|\bsrc\(|expression\s*\(|javascript:", re.IGNORECASE
)
_SVG_SAFE_REFERENCE = re.compile(r"#|data:image/(?:png|jpeg|gif|webp);", re.IGNORECASE)
_SVG_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?>(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+(?:\w+:)?svg[^\[>]*(?:\[.*?\]\s*)?>)\s*))*+"
    rb"<(?:\w+:)?svg[\s/>]",
    re.DOTALL,
)
# A document type that gives elements attributes (an `onload`, say) which do not stand in the tree.
_SVG_HIDDEN_ATTRIBUTES = re.compile(rb"<!ATTLIST|<!ENTITY\s+%")
_SVG_START_BYTES = 64 * 1024
_XHTML = "http://www.w3.org/1999/xhtml"


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What an image's bytes say: media type, and size in pixels (None where an SVG names none)."""

    media_type: str
    width: int | None
    height: int | None


class BadImage(Exception):  # noqa: N818 - a verdict on bytes
    """Bytes that are not an image to keep. `reason` is the code of the miss."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def inspect(data: bytes) -> ImageFacts:
    """What an image is, after decoding it to its end. Raises BadImage with the reason of the miss."""
    if len(data) > MAX_BYTES:
        raise BadImage("too-large")
    if not data:
        raise BadImage("truncated")
    if _looks_like_svg(data):
        return _inspect_svg(data)
    try:
        return _inspect_raster(data)
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise BadImage("too-large") from error
    except UnidentifiedImageError as error:
        raise BadImage("truncated" if _MAGIC.match(data) else "not-an-image") from error
    except _DECODER_ERRORS as error:
        raise BadImage("truncated") from error


def header_pixels(data: bytes) -> int:
    """The pixels of a raster image by its header alone; 0 where there is none to read."""
    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(io.BytesIO(data), formats=_OPENERS) as image:
            return image.width * image.height
    except (UnidentifiedImageError, Pillow.DecompressionBombError, *_DECODER_ERRORS):
        return 0


def _inspect_raster(data: bytes) -> ImageFacts:
    with Pillow.open(io.BytesIO(data), formats=_OPENERS) as image:
        width, height = image.size
        frames = getattr(image, "n_frames", 1) if image.format in _MOVING else 1
        if width * height > MAX_PIXELS or frames * width * height > MAX_MOVING_PIXELS:
            raise BadImage("too-large")
        if image.format == "JPEG":
            # An eighth of the size needs no full inverse transform, but still reads every coded byte.
            image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
        image.load()
        for frame in range(1, frames):
            image.seek(frame)
            image.load()
        if image.format == "GIF" and (frames > 1 or "loop" in image.info) and not _has_gif_trailer(data):
            # Cut off between two frames: what is there decodes, but it is not all.
            raise BadImage("truncated")
        if image.format == "PNG" and not _png_chunks_hold(data):
            # Pillow leaves these sums unread, and zlib's own stands behind the last pixel.
            raise BadImage("truncated")
        if width <= 1 and height <= 1:
            raise BadImage("tracker")
        return ImageFacts(media_type=_FORMATS[image.format or ""], width=width, height=height)


def _png_chunks_hold(data: bytes) -> bool:
    """Whether the chunks that make a PNG's pixels are whole by their CRC (PNG, 5.3). IEND itself may be missing."""
    at = 8
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if kind == b"IEND":
            return True
        if kind in _PNG_PIXELS and data[end : end + 4] != zlib.crc32(data[at + 4 : end]).to_bytes(4):
            return False
        at = end + 4
    return True


def _has_gif_trailer(data: bytes) -> bool:
    """Whether a GIF's blocks lead to its trailer (GIF89a, sections 17-27)."""
    at = 13 + _gif_table_bytes(data[10])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:  # noqa: PLR2004 - the trailer
            return True
        if kind == 0x21:  # noqa: PLR2004 - an extension and its label
            at += 2
        elif kind == 0x2C:  # noqa: PLR2004 - an image: descriptor, colours, code size
            if at + 9 >= len(data):
                return False
            at += 11 + _gif_table_bytes(data[at + 9])
        else:  # decoders pass over bytes between blocks
            at += 1
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return False


def _gif_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _looks_like_svg(data: bytes) -> bool:
    return _SVG_START.match(data[:_SVG_START_BYTES]) is not None


def _inspect_svg(data: bytes) -> ImageFacts:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        # Entities that multiply make libxml2 give up.
        raise BadImage("active-svg" if b"<!ENTITY" in data else "truncated") from error
    around = (*root.itersiblings(preceding=True), *root.itersiblings())
    if _SVG_HIDDEN_ATTRIBUTES.search(data) or any(_is_active(node) for node in (*around, *root.iter())):
        raise BadImage("active-svg")
    return ImageFacts(media_type="image/svg+xml", width=_pixels(root, "width"), height=_pixels(root, "height"))


def _is_active(node: etree._Element) -> bool:
    if not isinstance(node.tag, str):
        # An entity or a processing instruction (a style sheet) is not needed to draw; a comment is harmless.
        return not isinstance(node, etree._Comment)  # noqa: SLF001 - the only name lxml gives the class
    tag = etree.QName(node)
    name = tag.localname.lower()
    if tag.namespace == _XHTML or name in _SVG_ACTIVE_ELEMENTS:
        return True
    if name == "style" and _SVG_ACTIVE_CSS.search("".join(node.itertext())):
        return True
    return any(_is_active_attribute(etree.QName(key), value) for key, value in node.items())


def _is_active_attribute(attribute: etree.QName, value: str) -> bool:
    name = attribute.localname.lower()
    if name.startswith("on"):
        return True
    if name == "href":
        return not _SVG_SAFE_REFERENCE.match(value.strip())
    # Editors keep file names in attributes of their own namespaces, which browsers do not read.
    return attribute.namespace is None and _SVG_ACTIVE_CSS.search(value) is not None


def _pixels(root: etree._Element, side: str) -> int | None:
    match = re.fullmatch(r"\s*(\d{1,9})(?:\.\d+)?(?:px)?\s*", root.get(side, ""))
    if match:
        return int(match[1])
    box = (root.get("viewBox") or "").replace(",", " ").split()
    index = {"width": 2, "height": 3}[side]
    try:
        return max(1, round(float(box[index])))
    except (IndexError, ValueError, OverflowError):
        return None


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
    """What a document calls an image: its URL; a data: URL, which may be megabytes, by its digest.

    >>> image_name("data:image/png;base64,AAAA")
    'data:image/png;sha256=bde6da8e9d3902a86a1452ec62648cd07cb1cfbae0ec8dd5142ad881c7aa2ba0'
    """
    if not url.startswith("data:"):
        return url
    media_type = url[5:].split(";", 1)[0].split(",", 1)[0] or "text/plain"
    return f"data:{media_type};sha256={hashlib.sha256(url.encode()).hexdigest()}"


Found = Mapping[str, Image | MissingImage]
"""By the URL in the clean body: what came of each image."""


def place_images(body: str, found: Found) -> str:
    """A clean body whose images stand at their blobs, with their size; a missing one as a link to its address."""
    root = parse_clean(body)
    for node in list(root.iter("img")):
        url = node.get("src", "")
        result = found[url]
        if isinstance(result, Image):
            _show(node, result)
        else:
            _replace_by_link(node, url, result)
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
        link.set("href", url)
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


Fetch = Callable[[str], Awaitable[bytes]]
"""Gives an image's bytes; raises BadImage with the reason of the miss."""


class ImageKeeper:
    """Keeps images: each URL once per run, and each distinct content once in the archive."""

    CONCURRENT_IMAGES = 16

    def __init__(self, session: ArchiveSession, fetch: Fetch) -> None:
        self._session = session
        # Held from the download to the put: it bounds the bytes in memory when the store is slower than the site.
        self._slots = asyncio.Semaphore(self.CONCURRENT_IMAGES)
        self._fetch = fetch
        self._results: dict[str, asyncio.Task[Image | MissingImage]] = {}
        self._large = asyncio.Semaphore(1)

    async def keep(self, url: str) -> Image | MissingImage:
        """The image of a URL, held by the archive when this returns, or its miss. Raises StoreError."""
        task = self._results.get(url)
        if task is None:
            task = self._results[url] = asyncio.ensure_future(self._keep(url))
        return await task

    async def _keep(self, url: str) -> Image | MissingImage:
        async with self._slots:
            return await self._fetch_and_put(url)

    async def _fetch_and_put(self, url: str) -> Image | MissingImage:
        name = image_name(url)
        try:
            data = await self._bytes(url)
            facts = await self._inspect(data)
        except BadImage as bad:
            return MissingImage(url=name, reason=bad.reason, retryable=bad.reason not in _PERMANENT)
        digest = hashlib.sha256(data).hexdigest()
        key, _ = await self._session.write(self._session.archive.put_blob, data, facts.media_type)
        return Image(
            url=name,
            key=key,
            sha256=digest,
            bytes=len(data),
            media_type=facts.media_type,
            width=facts.width,
            height=facts.height,
        )

    async def _inspect(self, data: bytes) -> ImageFacts:
        if header_pixels(data) < LARGE_PIXELS:
            return await self._session.run(inspect, data)
        async with self._large:
            return await self._session.run(inspect, data)

    async def _bytes(self, url: str) -> bytes:
        if url.startswith("data:"):
            return decode_data_url(url)
        if not url.startswith(("http://", "https://")):
            raise BadImage("unsupported")
        return await self._fetch(url)


class ImagesPipeline:
    """Adds `images`, `missing_images`, `head_image` and `body`. An image the version held has is not fetched again."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._keeper = ImageKeeper(ArchiveSession.of(crawler), self._download)
        self._refetch = crawler.settings.getbool("BIRDNEST_REFETCH_IMAGES")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_item(self, item: Any) -> PostItem:
        post = PostItem.of(item)
        if post.outcome is not None or post.clean is None:
            return post
        head_url = post.head_image_url or (post.clean.images[0].url if post.clean.images else None)
        urls = dict.fromkeys([image.url for image in post.clean.images] + ([head_url] if head_url else []))
        held = {image.url: image for image in post.head.document.images} if post.head else {}
        results = await asyncio.gather(*(self._result(url, held) for url in urls))
        found = dict(zip(urls, results, strict=True))
        head = found.get(head_url) if head_url else None
        unusable = [MissingImage(url=url, reason="unsupported", retryable=False) for url in post.clean.unusable_images]
        distinct = {result.url: result for result in (*results, *unusable)}.values()
        return replace(
            post,
            images=tuple(image for image in distinct if isinstance(image, Image)),
            missing_images=tuple(image for image in distinct if isinstance(image, MissingImage)),
            head_image=head.key if isinstance(head, Image) else None,
            body=place_images(post.clean.html, found),
        )

    async def _result(self, url: str, held: Mapping[str, Image]) -> Image | MissingImage:
        kept = held.get(image_name(url))
        if kept is not None and not self._refetch:
            return kept
        result = await self._keeper.keep(url)
        # A failure never takes away what is held.
        return kept if kept is not None and isinstance(result, MissingImage) else result

    async def _download(self, url: str) -> bytes:
        # No Referer is sent: image hosts refuse foreign ones, and none of them refuses none.
        request = Request(url, callback=NO_CALLBACK, meta={"birdnest_image": True})
        engine = self._crawler.engine
        if engine is None:
            raise AssertionError("pipelines run inside an engine")
        try:
            response = await engine.download_async(request)
        except Exception as error:
            raise BadImage(failure_reason(error)) from error
        if response.status != _OK:
            raise BadImage(f"http-{response.status}")
        return response.body


def failure_reason(error: BaseException) -> str:
    """The reason code of a download that raised."""
    reason = getattr(error, "reason", None)
    if isinstance(error, IgnoreRequest) and isinstance(reason, str):
        return reason
    if isinstance(error, HttpError):
        return f"http-{error.response.status}"
    return next((reason for kind, reason in _FAILURES if isinstance(error, kind)), "download-failed")
