"""The images: drawn once, from a number, the same on every machine with the same Pillow.

`draw` gives the bytes for a `Picture`, and keeps them. What a URL shows is decided in `gallery.py`.
"""

# ruff: noqa: S311 - what is drawn must be the same every time, and guards nothing

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFilter

Kind = Literal[
    "jpeg",
    "png",
    "transparent-png",
    "gif",
    "animated-gif",
    "webp",
    "animated-webp",
    "svg",
    "active-svg",
    "tracker",
    "icon",
]
Colour = tuple[int, int, int]
Sketch = Callable[[ImageDraw.ImageDraw, random.Random, tuple[int, int], "Palette"], None]

_SIZES = ((1080, 608), (900, 506), (1000, 640), (860, 860), (750, 1000))
_SCALE = 2


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What to draw: `seed` decides the motif, `width_px` reduces it as the CDN's resizing does."""

    kind: Kind
    seed: int
    width_px: int | None = None


@dataclass(frozen=True, kw_only=True)
class Palette:
    top: Colour
    bottom: Colour
    inks: tuple[Colour, ...]


_PALETTES = (
    Palette(top=(236, 244, 255), bottom=(189, 214, 246), inks=((22, 93, 206), (255, 125, 50), (20, 168, 133))),
    Palette(top=(255, 246, 232), bottom=(255, 214, 170), inks=((214, 76, 42), (247, 172, 34), (88, 62, 46))),
    Palette(top=(240, 251, 245), bottom=(178, 226, 202), inks=((16, 122, 87), (52, 168, 83), (242, 177, 52))),
    Palette(top=(247, 241, 255), bottom=(209, 190, 244), inks=((103, 58, 183), (233, 84, 143), (64, 156, 255))),
    Palette(top=(38, 50, 72), bottom=(18, 24, 38), inks=((0, 200, 190), (255, 196, 61), (239, 100, 97))),
    Palette(top=(255, 240, 243), bottom=(250, 190, 204), inks=((196, 30, 84), (255, 111, 97), (74, 78, 105))),
)


@lru_cache(maxsize=512)
def draw(picture: Picture) -> bytes:
    """The picture's bytes."""
    if picture.kind in {"svg", "active-svg"}:
        return _svg(picture.seed, active=picture.kind == "active-svg").encode()
    if picture.kind == "tracker":
        return _save([Image.new("P", (1, 1))], "GIF")
    if picture.kind == "icon":
        return _icon(picture.seed)
    frames = [_fit(frame, picture.width_px) for frame in _frames(picture)]
    return _save(frames, {"jp": "JPEG", "pn": "PNG", "tr": "PNG"}.get(picture.kind[:2], _animated_format(picture)))


def mime_type(kind: Kind) -> str:
    """The media type of what `draw` gives for `kind`."""
    if kind in {"svg", "active-svg"}:
        return "image/svg+xml"
    if kind in {"tracker", "gif", "animated-gif"}:
        return "image/gif"
    return {"jpeg": "image/jpeg", "webp": "image/webp", "animated-webp": "image/webp"}.get(kind, "image/png")


def _animated_format(picture: Picture) -> str:
    return "WEBP" if "webp" in picture.kind else "GIF"


def _frames(picture: Picture) -> list[Image.Image]:
    if picture.kind == "transparent-png":
        return [_badge(picture.seed)]
    if picture.kind.startswith("animated"):
        return [_motion_frame(picture.seed, step / 6) for step in range(6)]
    return [_scene(picture.seed)]


def _scene(seed: int) -> Image.Image:
    rng = random.Random(seed)
    width, height = rng.choice(_SIZES)
    palette = rng.choice(_PALETTES)
    image = _gradient((width * _SCALE, height * _SCALE), palette)
    rng.choice(_SKETCHES)(ImageDraw.Draw(image), rng, image.size, palette)
    return image.reduce(_SCALE)


def _gradient(size: tuple[int, int], palette: Palette) -> Image.Image:
    column = Image.new("RGB", (1, 64))
    for y in range(64):
        mixed = [round(a + (b - a) * y / 63) for a, b in zip(palette.top, palette.bottom, strict=True)]
        column.putpixel((0, y), (mixed[0], mixed[1], mixed[2]))
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(size, Image.Resampling.NEAREST)


def _bars(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    floor, count = round(height * 0.86), rng.randint(6, 11)
    step = width * 0.84 / count
    for line in range(1, 6):
        y = floor - line * height * 0.13
        pen.line((width * 0.08, y, width * 0.92, y), fill=palette.inks[2], width=2)
    for column in range(count):
        left, tall = width * 0.08 + column * step, height * rng.uniform(0.15, 0.68)
        box = (left + step * 0.16, floor - tall, left + step * 0.84, floor)
        pen.rounded_rectangle(box, radius=14, fill=palette.inks[column % 2])
    pen.line((width * 0.06, floor, width * 0.94, floor), fill=palette.inks[2], width=8)


def _curves(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    for ink in palette.inks:
        points, level = [], rng.uniform(0.3, 0.7)
        for step in range(9):
            level = min(0.88, max(0.12, level + rng.uniform(-0.16, 0.13)))
            points.append((width * (0.08 + 0.105 * step), height * level))
        pen.line(points, fill=ink, width=12, joint="curve")
        for x, y in points:
            pen.ellipse((x - 16, y - 16, x + 16, y + 16), fill=(255, 255, 255), outline=ink, width=8)


def _pie(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    radius, x, y = min(width * 0.3, height * 0.38), width * 0.36, height * 0.5
    start = rng.uniform(0, 360)
    shares = [rng.uniform(0.6, 2.4) for _ in range(5)]
    for index, share in enumerate(shares):
        end = start + 360 * share / sum(shares)
        ink = palette.inks[index % 3] if index < len(palette.inks) else palette.bottom
        pen.pieslice((x - radius, y - radius, x + radius, y + radius), start, end, fill=ink, outline="white", width=8)
        legend = y - radius + index * radius * 0.42
        pen.rounded_rectangle((width * 0.72, legend, width * 0.76, legend + radius * 0.2), radius=10, fill=ink)
        pen.line((width * 0.78, legend + 30, width * rng.uniform(0.84, 0.95), legend + 30), fill=ink, width=14)
        start = end
    hole = radius * 0.52
    pen.ellipse((x - hole, y - hole, x + hole, y + hole), fill=palette.top)


def _screens(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    for index in range(3):
        left, top = width * (0.1 + 0.29 * index), height * rng.uniform(0.07, 0.14)
        right, bottom = left + width * 0.22, height * rng.uniform(0.86, 0.93)
        pen.rounded_rectangle((left, top, right, bottom), radius=48, fill="white", outline=palette.inks[2], width=8)
        pen.rounded_rectangle(
            (left + 24, top + 60, right - 24, top + height * 0.26), radius=24, fill=palette.inks[index]
        )
        y = top + height * 0.32
        while y < bottom - 70:
            pen.ellipse((left + 28, y, left + 68, y + 40), fill=palette.inks[(index + 1) % 3])
            pen.line((left + 90, y + 20, right - rng.uniform(40, 150), y + 20), fill=palette.bottom, width=16)
            y += 76


def _funnel(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    half, y, tall = width * 0.38, height * 0.1, height * 0.15
    for index in range(5):
        narrower = half * rng.uniform(0.68, 0.86)
        middle = width / 2
        corners = [(middle - half, y), (middle + half, y), (middle + narrower, y + tall), (middle - narrower, y + tall)]
        pen.polygon(corners, fill=palette.inks[index % 3])
        half, y = narrower, y + tall + height * 0.012


def _hills(pen: ImageDraw.ImageDraw, rng: random.Random, size: tuple[int, int], palette: Palette) -> None:
    width, height = size
    sun = width * rng.uniform(0.15, 0.8)
    pen.ellipse((sun, height * 0.12, sun + height * 0.22, height * 0.34), fill=palette.inks[1])
    for index, ink in enumerate(palette.inks):
        level = 0.45 + 0.16 * index
        ridge = [(width * step / 12, height * (level + rng.uniform(-0.09, 0.09))) for step in range(13)]
        pen.polygon([(0.0, float(height)), *ridge, (float(width), float(height))], fill=ink)


_SKETCHES: Sequence[Sketch] = (_bars, _curves, _pie, _screens, _funnel, _hills)


def _badge(seed: int) -> Image.Image:
    rng = random.Random(seed)
    palette = rng.choice(_PALETTES)
    image = Image.new("RGBA", (1200, 900), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    for index in range(9):
        x, y, radius = rng.uniform(150, 1050), rng.uniform(150, 750), rng.uniform(60, 210)
        ink = (*palette.inks[index % 3], rng.randint(90, 230))
        layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
        ImageDraw.Draw(layer).ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
        image = Image.alpha_composite(image, layer)
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((240, 380, 960, 520), radius=70, fill=(*palette.inks[0], 255))
    return image.reduce(_SCALE)


def _motion_frame(seed: int, phase: float) -> Image.Image:
    rng = random.Random(seed)
    palette = rng.choice(_PALETTES)
    width, height = 480, 300
    image = _gradient((width, height), palette)
    pen = ImageDraw.Draw(image)
    for index in range(6):
        tall = height * (0.2 + 0.6 * abs((phase + index / 6) % 1 - 0.5))
        left = 60 + index * 62
        pen.rounded_rectangle((left, 270 - tall, left + 44, 270), radius=8, fill=palette.inks[index % 3])
    x = 30 + 420 * phase
    pen.ellipse((x - 16, 24, x + 16, 56), fill=palette.inks[1])
    return image.filter(ImageFilter.SMOOTH)


def _icon(seed: int) -> bytes:
    image = Image.new("RGBA", (16, 40), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((2, 2, 13, 37), radius=4, fill=(*_PALETTES[seed % len(_PALETTES)].inks[0], 255))
    return _save([image], "PNG")


def _svg(seed: int, *, active: bool) -> str:
    rng = random.Random(seed)
    palette = rng.choice(_PALETTES)
    bars = "".join(_svg_bar(column, rng.randint(60, 250), palette) for column in range(8))
    script = '<script>document.title="replica"</script>' if active else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" viewBox="0 0 640 360">'
        f'{script}<title>各渠道转化率</title><rect width="640" height="360" fill="{_hex(palette.top)}"/>'
        f'{bars}<path d="M30 302H610" stroke="{_hex(palette.inks[2])}" stroke-width="4"/></svg>\n'
    )


def _svg_bar(column: int, tall: int, palette: Palette) -> str:
    ink = _hex(palette.inks[column % 3])
    return f'<rect x="{40 + 70 * column}" y="{300 - tall}" width="46" height="{tall}" rx="6" fill="{ink}"/>'


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _fit(image: Image.Image, width_px: int | None) -> Image.Image:
    if width_px is None or width_px >= image.width:
        return image
    return image.resize((width_px, round(image.height * width_px / image.width)), Image.Resampling.LANCZOS)


def _save(frames: Sequence[Image.Image], file_format: str) -> bytes:
    buffer = io.BytesIO()
    first, rest = frames[0], list(frames[1:])
    if rest:
        first.save(buffer, file_format, save_all=True, append_images=rest, duration=140, loop=0)
    elif file_format == "PNG":
        first.save(buffer, file_format)
    else:
        first.save(buffer, file_format, quality=86)
    return buffer.getvalue()
