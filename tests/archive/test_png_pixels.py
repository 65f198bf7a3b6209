"""A PNG's pixels inflated instead of drawn: what that takes, Pillow takes; what it does not, Pillow judges."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image as Pillow

from archive.image_structure import outline
from archive.images import BadImage, ImageFacts, inspect
from archive.png_pixels import inflates

WIDTH, HEIGHT = 37, 29
BITS = {(0, 1): 1, (0, 8): 8, (0, 16): 16, (2, 8): 24, (2, 16): 48, (3, 4): 4, (4, 8): 16, (6, 8): 32, (6, 16): 64}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def rows(bits: int, *, height: int = HEIGHT, filters: tuple[int, ...] = (0, 1, 2, 3, 4)) -> bytes:
    length, chance = (WIDTH * bits + 7) // 8, random.Random(bits)
    return b"".join(bytes([filters[y % len(filters)]]) + chance.randbytes(length) for y in range(height))


def png(pixels: bytes, colour: int = 2, depth: int = 8, *, after: bytes = b"", cut: int = 100) -> bytes:
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(48)) if colour == 3 else b""
    parts = b"".join(chunk(b"IDAT", pixels[at : at + cut]) for at in range(0, len(pixels), cut))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + parts + after + chunk(b"IEND", b"")


def draws(data: bytes) -> bool:
    try:
        with Pillow.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


@pytest.mark.parametrize(("kind", "bits"), BITS.items())
@pytest.mark.parametrize("level", [0, 9])
def test_pixels_of_every_kind_inflate(kind: tuple[int, int], bits: int, level: int) -> None:
    data = png(zlib.compress(rows(bits), level), *kind)
    assert outline(data) is not None
    assert inflates(data)
    assert draws(data)
    assert inspect(data) == ImageFacts(media_type="image/png", width=WIDTH, height=HEIGHT)


def test_many_rows_inflate_in_parts() -> None:
    size = (2000, 3000)
    image = Pillow.frombytes("L", size, random.Random(1).randbytes(1000) * (size[0] * size[1] // 1000))
    file = io.BytesIO()
    image.save(file, "PNG")
    assert inflates(file.getvalue())


WHOLE = zlib.compress(rows(24))
WRONG = {
    "half a row is missing": zlib.compress(rows(24)[:-40]),
    "an unknown filter": zlib.compress(rows(24, filters=(0, 5))),
    "cut off": WHOLE[:-200],
    "not deflated": WHOLE[:40] + b"\xff" * 40 + WHOLE[80:],
    "nothing": zlib.compress(b""),
}


@pytest.mark.parametrize("name", WRONG)
def test_pixels_that_are_wrong_under_sums_that_hold_are_truncated(name: str) -> None:
    data = png(WRONG[name])
    assert outline(data) is not None
    assert not inflates(data)
    assert not draws(data)
    with pytest.raises(BadImage, match="truncated"):
        inspect(data)


ODD = {
    "a row is missing": png(zlib.compress(rows(24, height=HEIGHT - 1))),
    "a row too many": png(zlib.compress(rows(24, height=HEIGHT + 1))),
    "something behind the stream": png(WHOLE + b"more"),
    "a text behind the pixels": png(WHOLE, after=chunk(b"tEXt", b"a\0b")),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_left_to_pillow(name: str) -> None:
    assert not inflates(ODD[name])
    assert draws(ODD[name])
    assert inspect(ODD[name]).width == WIDTH


def test_a_bomb_is_no_more_than_a_few_megabytes_at_a_time() -> None:
    assert not inflates(png(zlib.compress(bytes(40_000_000), 9)))


def test_wrong_bits_under_sums_that_hold_are_seen_as_pillow_sees_them() -> None:
    chance = random.Random(7)
    for _ in range(300):
        damaged = bytearray(WHOLE)
        damaged[chance.randrange(len(WHOLE))] ^= 1 << chance.randrange(8)
        data = png(bytes(damaged))
        assert draws(data) or not inflates(data)
