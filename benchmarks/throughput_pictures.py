"""Images for measuring: any number of distinct ones, each whole and decodable, made by changing a few bytes.

Some dozens are really encoded, in the sizes and formats of a real site: JPEG, PNG, GIF and WebP. Each carries a note (a
JPEG comment, a PNG tEXt chunk, a GIF comment, a WebP XMP chunk) that holds a number of ten digits; another number there
makes another image, with another digest, of the same picture.
"""

# ruff: noqa: S311 - what is drawn must be the same every time, and guards nothing

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from PIL import Image, ImageFilter
from PIL.PngImagePlugin import PngInfo

SMALLEST_BYTES, MEDIAN_BYTES, LARGEST_BYTES = 20_000, 100_000, 300_000
_TEMPLATES = 40
_FORMATS = ("jpeg", "jpeg", "png", "jpeg", "jpeg", "webp", "jpeg", "png", "jpeg", "gif")
_DIGITS = "0000000000"
_NOTE = f"measuring picture {_DIGITS}"
_SPREAD = 0.65  # sigma of the logarithm: a fifth of the images are above 170 KB
_CLOSE_ENOUGH = 0.12
_ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True)
class Template:
    """An encoded image, and where in it the digits of its note begin."""

    extension: str
    data: bytes
    at: int

    def numbered(self, number: int) -> bytes:
        """The image with that number in its note."""
        head, tail = self.data[: self.at], self.data[self.at + len(_DIGITS) :]
        changed = head + b"%010d" % number + tail
        return _with_checksum(changed, self.at) if self.extension == "png" else changed


def templates(median_bytes: int = MEDIAN_BYTES) -> Sequence[Template]:
    """Images from a fifth of the median size to three times as much; as many below the median as above."""
    sizes = NormalDist(0, _SPREAD)
    made = []
    for index in range(_TEMPLATES):
        factor = 2.718281828 ** sizes.inv_cdf((index + 0.5) / _TEMPLATES)
        wanted = min(max(factor * MEDIAN_BYTES, SMALLEST_BYTES), LARGEST_BYTES) * median_bytes / MEDIAN_BYTES
        made.append(_template(_FORMATS[index % len(_FORMATS)], round(wanted), seed=index))
    random.Random(0).shuffle(made)
    return made


def _template(kind: str, wanted: int, *, seed: int) -> Template:
    """An image whose encoding is about as long as wanted: drawn larger or smaller until it is."""
    width = 640.0
    best = b""
    for _ in range(_ATTEMPTS):
        data = _ENCODERS[kind](_photo(max(round(width), 24), seed))
        if not best or abs(len(data) - wanted) < abs(len(best) - wanted):
            best = data
        if abs(len(best) - wanted) <= _CLOSE_ENOUGH * wanted:
            break
        width *= (wanted / len(data)) ** 0.5
    return Template(extension={"jpeg": "jpg"}.get(kind, kind), data=best, at=best.index(_DIGITS.encode()))


def _photo(width: int, seed: int) -> Image.Image:
    """Soft shapes under fine grain, which is what makes a photograph long."""
    rng = random.Random(seed)
    size = (width, max(width * 5 // 8, 16))
    shapes = Image.frombytes("RGB", (12, 8), rng.randbytes(12 * 8 * 3)).resize(size, Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", size, rng.randbytes(size[0] * size[1])).filter(ImageFilter.SMOOTH).convert("RGB")
    return Image.blend(shapes, grain, 0.12)


def _jpeg(image: Image.Image) -> bytes:
    return _saved(image, "JPEG", quality=86, comment=_NOTE.encode())


def _png(image: Image.Image) -> bytes:
    """A screenshot rather than a photograph: few colours, no grain."""
    note = PngInfo()
    note.add_text("Comment", _NOTE)
    return _saved(
        image.quantize(32, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).convert("RGB"),
        "PNG",
        pnginfo=note,
    )


def _gif(image: Image.Image) -> bytes:
    return _saved(
        image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE), "GIF", comment=_NOTE.encode()
    )


def _webp(image: Image.Image) -> bytes:
    return _saved(image, "WEBP", quality=86, method=2, xmp=_NOTE.encode())


_ENCODERS: dict[str, Callable[[Image.Image], bytes]] = {"jpeg": _jpeg, "png": _png, "gif": _gif, "webp": _webp}


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def _with_checksum(png: bytes, at: int) -> bytes:
    """A PNG whose tEXt chunk, the one that holds the byte at `at`, has its checksum computed anew."""
    begin = png.rindex(b"tEXt", 0, at)
    end = begin + 4 + int.from_bytes(png[begin - 4 : begin], "big")
    return png[:end] + zlib.crc32(png[begin:end]).to_bytes(4, "big") + png[end + 4 :]
