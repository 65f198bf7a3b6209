"""The cover's drawing: a nest woven of twigs, one for each post, so that no two books look alike.

A twig's place and shade follow from the digest of its post, its length from that of the text too. The nest is drawn
twice: as SVG for the page of the cover, where the reader's own fonts write the title, and as the picture that shelves
show. No font of the machine is used: what the picture says is in the letters that Pillow brings along, which are Latin.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from archive.views.epub.entries import Entry, Plan

SIZE: Final = (1200, 1800)
_TWIGS: Final = 520
_FEWEST: Final = 260  # a nest of less would not look like one: a few posts have several twigs each
_TITLE_SIZE: Final = 88.0
_LINE_SIZE: Final = 48.0
_SMALLEST_SIZE: Final = 24.0
_STANDS_OUT: Final = 14  # of 256
_CENTRE: Final = (600.0, 680.0)
_PALETTES: Final = (
    ("#f6f1e7", "#3b3026", ("#5c4632", "#7d6245", "#a5845a", "#c7a878", "#8a4b17")),
    ("#eef2ee", "#26332c", ("#2f4a3c", "#4d6f5b", "#7a9a80", "#a9c0a6", "#b0762b")),
    ("#eef1f5", "#232d3b", ("#2c3e56", "#4b6482", "#7d94ad", "#adbdcd", "#b5533c")),
    ("#f5eeee", "#3a2529", ("#5a3038", "#83505a", "#aa7d82", "#cbabac", "#5f7352")),
)
"""Paper, ink, and twigs from dark to light with one that stands out."""


@dataclass(frozen=True, kw_only=True)
class Twig:
    """An arc of an ellipse: its centre, half axes and rotation, where it begins and how far it goes (radians)."""

    centre: tuple[float, float]
    across: float
    along: float
    turned: float
    start: float
    sweep: float
    width: float
    shade: str

    def points(self, steps: int = 24) -> list[tuple[float, float]]:
        angles = (self.start + self.sweep * step / steps for step in range(steps + 1))
        flat = ((self.across * math.cos(angle), self.along * math.sin(angle)) for angle in angles)
        cos, sin = math.cos(self.turned), math.sin(self.turned)
        return [(self.centre[0] + x * cos - y * sin, self.centre[1] + x * sin + y * cos) for x, y in flat]


def svg(plan: Plan) -> bytes:
    """The nest alone, on no paper: it is seen on light pages and dark ones."""
    paths = "\n".join(
        f'<path d="{_path(twig)}" stroke="{twig.shade}" stroke-width="{twig.width:.1f}"/>' for twig in twigs(plan)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="110 190 980 980" width="980" height="980">\n'
        f'<g fill="none" stroke-linecap="round">\n{paths}\n</g>\n</svg>\n'
    ).encode()


def raster(plan: Plan, lines: Sequence[str]) -> bytes:
    """The picture for shelves, a PNG of `SIZE`: the nest, and below it those lines that are of Latin letters."""
    paper, ink, _ = _palette(plan)
    scale = 2
    canvas = Pillow.new("RGB", (SIZE[0] * scale, SIZE[1] * scale), paper)
    draw = ImageDraw.Draw(canvas)
    for twig in twigs(plan):
        points = [(x * scale, y * scale) for x, y in twig.points()]
        half = twig.width * scale / 2
        draw.line(points, fill=twig.shade, width=round(2 * half), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - half, y - half, x + half, y + half), fill=twig.shade)
    image = canvas.reduce(scale)
    _write(ImageDraw.Draw(image), [line for line in lines if line.isascii() and line.isprintable() and line], ink)
    target = io.BytesIO()
    image.quantize(128, dither=Pillow.Dither.NONE).save(target, "PNG")
    return target.getvalue()


def twigs(plan: Plan) -> list[Twig]:
    """A twig for each post, at most so many as can be seen, the finest below."""
    _, _, shades = _palette(plan)
    step = max(1, math.ceil(len(plan.entries) / _TWIGS))
    chosen = plan.entries[::step]
    each = max(1, math.ceil(_FEWEST / len(chosen)))
    found = [_twig(entry, number, shades) for entry in chosen for number in range(each)]
    return sorted(found, key=lambda twig: (twig.width, twig.start))


def _twig(entry: Entry, number: int, shades: Sequence[str]) -> Twig:
    seed = bytes.fromhex(entry.digest)
    one, two, three, four, five, six = (seed[(number * 7 + index) % 32] / 255 for index in range(6))
    radius = 265 + 150 * (one + two) / 2
    length = min(1.0, math.log10(max(10, entry.size)) / 5)
    # Each lies a little off the middle, so that twigs cross and hold each other.
    off, way = 46 * five, math.tau * six
    return Twig(
        centre=(_CENTRE[0] + off * math.cos(way), _CENTRE[1] + off * math.sin(way)),
        across=radius,
        along=radius * (0.86 + 0.14 * six),
        turned=math.tau * three,
        start=math.tau * four,
        sweep=0.35 + 1.15 * length * (0.3 + 0.7 * one),
        width=1.6 + 4.4 * two * five,
        shade=shades[-1] if seed[(number * 5 + 31) % 32] < _STANDS_OUT else shades[int(three * 3.99)],
    )


def _palette(plan: Plan) -> tuple[str, str, Sequence[str]]:
    return _PALETTES[int(plan.identifier[-2:], 16) % len(_PALETTES)]


def _path(twig: Twig) -> str:
    first, *others = (f"{x:.1f} {y:.1f}" for x, y in twig.points())
    return f"M{first}L{' '.join(others)}"


def _write(draw: ImageDraw.ImageDraw, lines: Sequence[str], ink: str) -> None:
    y = 1370.0
    for number, line in enumerate(lines):
        size = _TITLE_SIZE if number == 0 else _LINE_SIZE
        font = ImageFont.load_default(size)
        while draw.textlength(line, font=font) > SIZE[0] - 200 and size > _SMALLEST_SIZE:
            size *= 0.9
            font = ImageFont.load_default(size)
        draw.text((SIZE[0] / 2, y), line, fill=ink, font=font, anchor="mt")
        y += size + 56
