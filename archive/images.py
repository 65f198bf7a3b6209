"""What an image's bytes are: checked by decoding them to their end, or by their structure. Nothing is re-encoded."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass

from lxml import etree

from archive.image_structure import Check, outline, pixels_of_still_webp, table_bytes
from archive.png_pixels import inflates
from archive.webp_pixels import decodes

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 89_478_485  # Pillow's own limit, above which it warns and then refuses
MAX_MOVING_PIXELS = 2_000_000_000  # some ten seconds of decoding; a few kB can ask for hours
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
_COUNTED = ("GIF", "PNG")  # Pillow counts a GIF's frames by walking through it in Python, twice
# A PNG's sums tell of every wrong bit, and libjpeg takes nearly any bits for some picture (benchmarks/images.py).
_TELLS_AS_MUCH = frozenset({"image/jpeg", "image/png"})
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


def inspect(data: bytes, *, by: Check = "decode") -> ImageFacts:
    """What an image is, once it is seen to be whole.

    All checks say the same of every whole image, and refuse only what "decode" refuses: what its structure does not
    vouch for is decoded. What is damaged inside and has its length and its sums, only "decode" sees; of JPEG and PNG
    not even that, so "auto" leaves these to their structure.

    Raises BadImage with the reason of the miss.
    """
    if len(data) > MAX_BYTES:
        raise BadImage("too-large")
    if not data:
        raise BadImage("truncated")
    facts = told_by_structure(data, by)
    if facts is not None:
        return facts
    if _looks_like_svg(data):
        return _inspect_svg(data)
    from PIL import Image as Pillow  # late: most scheduled runs see no image
    from PIL import UnidentifiedImageError

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
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings(action="ignore"), Pillow.open(io.BytesIO(data), formats=_OPENERS) as image:
            return image.width * image.height
    except (UnidentifiedImageError, Pillow.DecompressionBombError, *_DECODER_ERRORS):
        return 0


def told_by_structure(data: bytes, by: Check) -> ImageFacts | None:
    """What an image is that needs no decoding, as far as a check goes; None where decoding has to tell.

    It takes little time, whatever the image is.
    """
    if by == "decode" or len(data) > MAX_BYTES:
        return None
    found = outline(data)
    if (
        found is None
        or (by == "auto" and found.media_type not in _TELLS_AS_MUCH)
        or _is_tracker(found.width, found.height)
        or _is_too_large(found.width, found.height, found.frames)
    ):
        return None
    return ImageFacts(media_type=found.media_type, width=found.width, height=found.height)


def _is_tracker(width: int, height: int) -> bool:
    return width <= 1 and height <= 1


def _is_too_large(width: int, height: int, frames: int) -> bool:
    return width * height > MAX_PIXELS or frames * width * height > MAX_MOVING_PIXELS


def _inspect_raster(data: bytes) -> ImageFacts:
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(data), formats=_OPENERS) as image:
        width, height = image.size
        found = outline(data) if image.format in _COUNTED else None
        frames = found.frames if found else getattr(image, "n_frames", 1) if image.format in _MOVING else 1
        if _is_too_large(width, height, frames):
            raise BadImage("too-large")
        is_plain = image.format == "PNG" and frames == 1 and not image.info.get("interlace")
        if found and is_plain and inflates(data):
            # Half the work of drawing it. Pillow has looked at what stands before the pixels, behind them is nothing.
            return _facts(image.format, width, height)
        if image.format == "WEBP" and (pixels := pixels_of_still_webp(data)) and decodes(pixels):
            return _facts(image.format, width, height)
        if image.format == "JPEG":
            # An eighth of the size needs no full inverse transform, but still reads every coded byte.
            image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
        image.load()
        for frame in range(1, frames):
            image.seek(frame)
            image.load()
        if image.format == "GIF" and not found and (frames > 1 or "loop" in image.info) and not _has_gif_trailer(data):
            # Cut off between two frames: what is there decodes, but it is not all.
            raise BadImage("truncated")
        if image.format == "PNG" and not found and not _png_chunks_hold(data):
            # Pillow leaves these sums unread, and zlib's own stands behind the last pixel.
            raise BadImage("truncated")
        return _facts(image.format, width, height)


def _facts(format_: str | None, width: int, height: int) -> ImageFacts:
    if _is_tracker(width, height):
        raise BadImage("tracker")
    return ImageFacts(media_type=_FORMATS[format_ or ""], width=width, height=height)


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
    at = 13 + table_bytes(data[10])
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:  # noqa: PLR2004 - the trailer
            return True
        if kind == 0x21:  # noqa: PLR2004 - an extension and its label
            at += 2
        elif kind == 0x2C:  # noqa: PLR2004 - an image: descriptor, colours, code size
            if at + 9 >= len(data):
                return False
            at += 11 + table_bytes(data[at + 9])
        else:  # decoders pass over bytes between blocks
            at += 1
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return False


def _looks_like_svg(data: bytes) -> bool:
    return _SVG_START.match(data, 0, _SVG_START_BYTES) is not None


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
