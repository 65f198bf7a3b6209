"""What the two checks of images cost, and what each sees: CPU per image, and single wrong bits found.

Images of every kind are made for it: a scene of soft shapes, hard edges and noise, as photographs have them, and pages
of text. Each is checked as it is, and then with one bit changed, at places that are the same every time. A format is as
good at telling of damage as its own sums: a JPEG has none, and of a wrong bit in its pixels libjpeg says nothing.

    python benchmarks/images.py [--flips 300] [--json FILE]
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageChops, ImageDraw, ImageFilter
from rich.console import Console
from rich.table import Table

from archive.image_structure import Check
from archive.images import BadImage, inspect

_SIZE = (900, 600)
_SMALL = (360, 240)
_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One kind of image: its size, CPU milliseconds of a check, and how many of the damaged copies each refuses."""

    kind: str
    kilobytes: float
    decode_ms: float
    structure_ms: float
    flips: int
    found_by_decoding: int
    found_by_structure: int


def main() -> int:
    """Print the table; 1 when structure refuses a copy that decoding takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow's, about what it finds in damaged files
    figures = [measure(kind, make(), options.flips) for kind, make in KINDS.items()]
    Console().print(_table(figures))
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    return 1 if any(figure.found_by_structure > figure.found_by_decoding for figure in figures) else 0


def measure(kind: str, data: bytes, flips: int) -> Figures:
    """Time both checks of an image, and let them look at copies with one wrong bit."""
    chance = random.Random(kind)  # noqa: S311 - the same damage every time
    decoding = structure = 0
    for _ in range(flips):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        damaged = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        decoding += not _passes(damaged, "decode")
        structure += not _passes(damaged, "structure")
    return Figures(
        kind=kind,
        kilobytes=len(data) / 1000,
        decode_ms=_milliseconds(lambda: _passes(data, "decode")),
        structure_ms=_milliseconds(lambda: _passes(data, "structure")),
        flips=flips,
        found_by_decoding=decoding,
        found_by_structure=structure,
    )


def _passes(data: bytes, by: Check) -> bool:
    try:
        inspect(data, by=by)
    except BadImage:
        return False
    return True


def _milliseconds(act: Callable[[], object]) -> float:
    """CPU of one call, the least of a third of a second."""
    least, end = float("inf"), time.process_time() + _SECONDS
    while (began := time.process_time()) < end:
        act()
        least = min(least, time.process_time() - began)
    return 1000 * least


def scene(seed: int, size: tuple[int, int] = _SIZE) -> Pillow.Image:
    """Soft shapes, hard edges and the noise of a sensor."""
    chance = random.Random(seed)  # noqa: S311 - guards nothing
    planes = [_plane(chance, size) for _ in range(3)]
    image = Pillow.merge("RGB", planes)
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
        pen.rectangle((x, y, x + chance.randrange(80), y + chance.randrange(60)), fill=colour)
    noise = Pillow.frombytes("L", size, chance.randbytes(size[0] * size[1])).point(
        [level // 16 for level in range(256)]
    )
    return ImageChops.add(image, Pillow.merge("RGB", [noise] * 3), 1, -8)


def _plane(chance: random.Random, size: tuple[int, int]) -> Pillow.Image:
    across, down = size[0] // 20, size[1] // 20
    spots = Pillow.frombytes("L", (across, down), chance.randbytes(across * down))
    return spots.resize(size, Pillow.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(4))


def page(seed: int = 0, size: tuple[int, int] = _SIZE) -> Pillow.Image:
    """Lines of text, as a screenshot has them."""
    chance = random.Random(seed)  # noqa: S311 - guards nothing
    image = Pillow.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for y in range(10, size[1], 16):
        pen.text((10, y), "".join(chr(chance.randrange(33, 127)) for _ in range(size[0] // 7)), fill=(30, 30, 60))
    return image


def _encoded(image: Pillow.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def _moving(format_: str, **options: Any) -> bytes:
    frames = [scene(seed, _SMALL) for seed in range(6)]
    return _encoded(frames[0], format_, save_all=True, append_images=frames[1:], duration=80, **options)


def _see_through() -> Pillow.Image:
    image = scene(1).convert("RGBA")
    image.putalpha(Pillow.radial_gradient("L").resize(_SIZE))
    return image


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: _encoded(scene(1), "JPEG", quality=75),
    "JPEG, progressive": lambda: _encoded(scene(1), "JPEG", quality=75, progressive=True),
    "PNG, a page of text": lambda: _encoded(page(), "PNG"),
    "PNG, a scene": lambda: _encoded(scene(1, _SMALL), "PNG"),
    "PNG, moving": lambda: _moving("PNG"),
    "GIF, a page of text": lambda: _encoded(page().quantize(32), "GIF"),
    "GIF, moving": lambda: _moving("GIF", loop=0),
    "WebP": lambda: _encoded(scene(1), "WEBP", quality=75),
    "WebP, lossless": lambda: _encoded(page(), "WEBP", lossless=True),
    "WebP, see-through": lambda: _encoded(_see_through(), "WEBP", quality=75),
    "WebP, moving": lambda: _moving("WEBP"),
    "AVIF (decoded by both)": lambda: _encoded(scene(1, _SMALL), "AVIF"),
}


def _table(figures: list[Figures]) -> Table:
    table = Table(title="Checks of images", title_justify="left")
    headings = ("kind", "kB", "decode ms", "structure ms", "ratio", "wrong bits", "found by decode", "by structure")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for figure in figures:
        table.add_row(
            figure.kind,
            f"{figure.kilobytes:.0f}",
            f"{figure.decode_ms:.2f}",
            f"{figure.structure_ms:.3f}",
            f"{figure.decode_ms / figure.structure_ms:.0f}",
            str(figure.flips),
            str(figure.found_by_decoding),
            str(figure.found_by_structure),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
