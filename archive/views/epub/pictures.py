"""A blob as a picture that readers of books show.

GIF, JPEG and PNG go into the book byte for byte. WebP is a core media type since EPUB 3.3, but readers that are older
(MuPDF 1.21, say) show nothing of it, and AVIF, BMP, TIFF and icons are none (EPUB 3.3, 3.2). These are drawn anew: as
JPEG where every pixel is opaque and the format is one that loses detail, else as PNG; of a moving one the first frame.
An SVG is written anew, too, with its drawing alone: no document type, no comments, nothing of editors.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree
from PIL import Image as Pillow
from PIL import ImageOps

from archive.images import BadImage, header_pixels, inspect
from archive.layout import MEDIA_TYPES, blob_digest

_AS_IT_IS: Final = ("gif", "jpg", "png")
_LOSSY: Final = ("webp", "avif")
_JPEG_QUALITY: Final = 90
_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*")
_REFERENCE: Final = re.compile(r"""(?<=url\()\s*(["']?)#([^"')]+)\1\s*(?=\))""")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as the book has it, below `images/`. drawn_anew: not in the format of the archive."""

    key: str
    media_type: str
    data: bytes
    drawn_anew: bool = False


def picture_of(blob: str, data: bytes | None) -> Picture:
    """What the book has of a blob. data: None where it is not there.

    Raises BadImage for bytes that are not those of the blob's name, or no picture; its reason is a code of `verify`.
    """
    digest = blob_digest(blob)
    if data is None:
        raise BadImage("blob-missing")
    if digest is None or hashlib.sha256(data).hexdigest() != digest:
        raise BadImage("blob-digest")
    extension = blob.rpartition(".")[2]
    if extension == "svg":
        try:
            drawing = _redrawn(data)
        except BadImage as error:
            raise BadImage("image-damaged") from error
        return Picture(key=_key(digest, "svg"), media_type=MEDIA_TYPES["svg"], data=drawing)
    if extension in _AS_IT_IS:
        if not header_pixels(data):
            raise BadImage("image-damaged")
        return Picture(key=_key(digest, extension), media_type=MEDIA_TYPES[extension], data=data)
    try:
        shown, form = _converted(data, lossy=extension in _LOSSY)
    except (BadImage, OSError, ValueError) as error:
        raise BadImage("image-damaged") from error
    return Picture(key=_key(digest, form), media_type=MEDIA_TYPES[form], data=shown, drawn_anew=True)


def _key(digest: str, extension: str) -> str:
    return f"images/{digest}.{extension}"


def _converted(data: bytes, *, lossy: bool) -> tuple[bytes, str]:
    """A raster image as PNG or JPEG, and the extension of it. Its orientation is applied, and nothing else kept."""
    inspect(data)
    with warnings.catch_warnings(action="ignore"), Pillow.open(io.BytesIO(data)) as image:
        drawn = ImageOps.exif_transpose(image)
        mode = "RGBA" if drawn.has_transparency_data else "RGB"
        drawn = drawn.convert(mode)
    target = io.BytesIO()
    if lossy and mode == "RGB":
        drawn.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return target.getvalue(), "jpg"
    drawn.save(target, "PNG")
    return target.getvalue(), "png"


# -- SVG -------------------------------------------------------------------------------------------------------------


def _redrawn(data: bytes) -> bytes:
    facts = inspect(data)
    if facts.media_type != MEDIA_TYPES["svg"]:
        raise BadImage("image-damaged")
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False, remove_comments=True)
    source = etree.fromstring(data, parser)
    target = etree.Element(etree.QName(_SVG, "svg"), nsmap={None: _SVG, "xlink": _XLINK})
    _draw(source, target)
    _name_anew(target)
    return etree.tostring(target, encoding="utf-8", xml_declaration=True)


def _draw(source: etree._Element, target: etree._Element) -> None:
    """Copy an element of SVG and what is in it; one of no namespace counts as one, for that is what it was to be."""
    target.attrib.update(dict(_attributes(source)))
    target.text = source.text
    last: etree._Element | None = None
    for child in source:
        if isinstance(child.tag, str) and etree.QName(child).namespace in (None, _SVG):
            last = etree.SubElement(target, etree.QName(_SVG, etree.QName(child).localname))
            _draw(child, last)
            last.tail = child.tail
        elif last is None:
            target.text = (target.text or "") + (child.tail or "")
        else:
            last.tail = (last.tail or "") + (child.tail or "")


def _attributes(element: etree._Element) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        name = etree.QName(key)
        if name.namespace in (None, _XLINK) or key == f"{{{_XML}}}space":
            yield key, value


def _name_anew(root: etree._Element) -> None:
    """Give every id a name that XML allows and no other element has, and let references follow."""
    ids: dict[str, str] = {}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old and old not in ids:
            ids[old] = old if _NAME.fullmatch(old) else f"n-{hashlib.sha256(old.encode()).hexdigest()[:12]}"
            element.set("id", ids[old])
    if all(old == new for old, new in ids.items()):
        return
    for element in root.iter():
        for key, value in element.items():
            if etree.QName(key).localname == "href" and value.strip().startswith("#"):
                element.set(key, f"#{ids.get(value.strip()[1:], value.strip()[1:])}")
            elif "url(" in value:
                element.set(key, _REFERENCE.sub(lambda match: f"#{ids.get(match[2], match[2])}", value))
