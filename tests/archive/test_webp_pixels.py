"""libwebp asked directly takes no still WebP for whole that Pillow does not, whatever is wrong with it."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from PIL import Image as Pillow

from archive.image_structure import pixels_of_still_webp
from archive.webp_pixels import decodes

CHANCE = random.Random(0)
FLIPS = 200


def picture(mode: str, **how: object) -> bytes:
    image = Pillow.effect_noise((90, 60), 40).convert(mode)
    if mode == "RGBA":
        image.putalpha(Pillow.linear_gradient("L").resize(image.size))
    out = io.BytesIO()
    image.save(out, "WEBP", **how)
    return out.getvalue()


PICTURES = {
    "lossy": picture("RGB", quality=80),
    "lossless": picture("RGB", lossless=True),
    "see-through": picture("RGBA", quality=80),
    "see-through, lossless": picture("RGBA", lossless=True),
    "with metadata": picture("RGB", quality=80, xmp=b"<x/>", icc_profile=b"none"),
}


def loads(data: bytes) -> bool | None:
    """Whether what Pillow opens as a still picture loads; None where it opens none."""
    try:
        image = Pillow.open(io.BytesIO(data), formats=("WEBP",))
    except (OSError, Pillow.DecompressionBombError):
        return None
    with image:
        if getattr(image, "n_frames", 1) != 1:
            return None
        try:
            image.load()
        except OSError:
            return False
        return True


def told(data: bytes) -> bool | None:
    """What libwebp says of the pixels; None where there are none to ask about."""
    pixels = pixels_of_still_webp(data)
    return None if pixels is None else decodes(pixels)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_whole_picture_decodes(kind: str) -> None:
    assert told(PICTURES[kind]) is (None if kind == "see-through" else True)


@pytest.mark.parametrize("kind", [kind for kind in PICTURES if kind != "see-through"])
def test_what_pillow_refuses_is_refused(kind: str) -> None:
    data = PICTURES[kind]
    damaged = [data[: CHANCE.randrange(len(data))] for _ in range(FLIPS)]
    for _ in range(FLIPS):
        at, bit = CHANCE.randrange(len(data)), 1 << CHANCE.randrange(8)
        damaged.append(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
    seen = Counter[bool]()
    for each in damaged:
        by_pillow, by_us = loads(each), told(each)
        if by_pillow is not None and by_us is not None:
            assert by_pillow or not by_us
            seen[by_us] += 1
    assert min(seen[True], seen[False]) >= 3


def test_a_moving_picture_is_not_told_of() -> None:
    frames = [Pillow.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    assert told(out.getvalue()) is None
