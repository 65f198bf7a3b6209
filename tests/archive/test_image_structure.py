"""Images checked by structure and by decoding: the same facts of whole ones, the same verdict on what is cut off."""

import io
import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as Pillow
from PIL import features

from archive.image_structure import Check, outline
from archive.images import MAX_MOVING_PIXELS, BadImage, ImageFacts, inspect

SIZE = (60, 44)


def picture(seed: int = 0, *, mode: str = "RGB", size: tuple[int, int] = SIZE) -> Pillow.Image:
    """Noise, so that no encoder can make a few bytes of it."""
    return Pillow.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1])).convert(mode)


def see_through(seed: int = 0) -> Pillow.Image:
    image = picture(seed, mode="RGBA")
    image.putalpha(picture(seed + 100, mode="L"))
    return image


def encoded(image: Pillow.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def moving(format_: str, make: Callable[[int], Pillow.Image] = picture, **options: Any) -> bytes:
    return encoded(make(0), format_, save_all=True, append_images=[make(1), make(2)], duration=80, **options)


def with_exif(format_: str, **options: Any) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"  # stands on its side; made by
    return encoded(picture(), format_, exif=exif, icc_profile=b"profile" * 20_000, **options)


def interlaced_png() -> bytes:
    """Eight-bit grey in the seven passes of Adam7, which Pillow does not write."""
    width, height = SIZE
    grey = picture(mode="L").tobytes()
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = (
        b"\0" + grey[y * width : (y + 1) * width][left::across]
        for left, top, across, down in passes
        for y in range(top, height, down)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def many_chunked_png() -> bytes:
    data = encoded(picture(), "PNG")
    begin, length = data.index(b"IDAT") + 4, struct.unpack(">I", data[data.index(b"IDAT") - 4 :][:4])[0]
    pixels = data[begin : begin + length]
    parts = b"".join(chunk(b"IDAT", pixels[at : at + 100]) for at in range(0, length, 100))
    return data[: begin - 8] + chunk(b"IDAT", b"") + parts + chunk(b"tIME", bytes(7)) + chunk(b"IEND", b"")


KINDS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(picture(), "JPEG", quality=80),
    "jpeg, progressive": lambda: encoded(picture(), "JPEG", progressive=True),
    "jpeg, optimised": lambda: encoded(picture(), "JPEG", optimize=True, subsampling=0, dpi=(300, 300)),
    "jpeg, restarts": lambda: encoded(picture(), "JPEG", restart_marker_blocks=1),
    "jpeg, progressive with restarts": lambda: encoded(
        picture(), "JPEG", progressive=True, restart_marker_rows=1, optimize=True
    ),
    "jpeg, CMYK": lambda: encoded(picture(mode="CMYK"), "JPEG"),
    "jpeg, grey": lambda: encoded(picture(mode="L"), "JPEG"),
    "jpeg, comment": lambda: encoded(picture(), "JPEG", comment=b"\xff\xd9" * 50),
    "jpeg, EXIF and profile": lambda: with_exif("JPEG"),
    "jpeg, several (MPO)": lambda: moving("MPO"),
    "jpeg, fill bytes": lambda: encoded(picture(), "JPEG").replace(b"\xff\xc0", b"\xff\xff\xff\xc0", 1),
    "png": lambda: encoded(picture(), "PNG"),
    "png, alpha": lambda: encoded(see_through(), "PNG"),
    "png, palette": lambda: encoded(picture(mode="P"), "PNG", transparency=0),
    "png, grey": lambda: encoded(picture(mode="L"), "PNG"),
    "png, grey and alpha": lambda: encoded(see_through().convert("LA"), "PNG"),
    "png, 1 bit": lambda: encoded(picture(mode="1", size=(400, 300)), "PNG"),
    "png, 16 bits": lambda: encoded(picture(mode="L").convert("I;16"), "PNG"),
    "png, interlaced": interlaced_png,
    "png, many chunks": many_chunked_png,
    "png, EXIF and profile": lambda: with_exif("PNG"),
    "apng": lambda: moving("PNG"),
    "apng, still picture apart": lambda: moving("PNG", default_image=True),
    "apng, alpha": lambda: moving("PNG", see_through, disposal=1, blend=1),
    "gif": lambda: encoded(picture(), "GIF"),
    "gif, interlaced": lambda: encoded(picture(), "GIF", interlace=1, comment=b"hello" * 100),
    "gif, transparent": lambda: encoded(see_through(), "GIF"),
    "gif, moving": lambda: moving("GIF", loop=0),
    "gif, moving once": lambda: moving("GIF", disposal=2),
    "webp": lambda: encoded(picture(), "WEBP"),
    "webp, odd size": lambda: encoded(picture(size=(33, 17)), "WEBP"),
    "webp, alpha": lambda: encoded(see_through(), "WEBP"),
    "webp, lossless": lambda: encoded(picture(), "WEBP", lossless=True),
    "webp, lossless alpha": lambda: encoded(see_through(), "WEBP", lossless=True, exact=True),
    "webp, EXIF and profile": lambda: with_exif("WEBP"),
    "webp, moving": lambda: moving("WEBP", loop=0),
    "webp, moving and lossless": lambda: moving("WEBP", see_through, lossless=True),
}
# What only decoding knows is decoded by either check.
DECODED: dict[str, Callable[[], bytes]] = {
    "bmp": lambda: encoded(picture(), "BMP"),
    "tiff": lambda: encoded(picture(), "TIFF", compression="tiff_lzw"),
    "ico": lambda: encoded(picture(mode="RGBA", size=(48, 48)), "ICO", sizes=[(48, 48)]),
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="44"><path d="M0 0h9"/></svg>',
}
if features.check("avif"):
    DECODED["avif"] = lambda: encoded(picture(), "AVIF")
ALL = KINDS | DECODED


def verdict(data: bytes, by: Check) -> ImageFacts | str:
    try:
        return inspect(data, by=by)
    except BadImage as bad:
        return bad.reason


@pytest.mark.parametrize("kind", ALL)
def test_both_checks_tell_the_same_facts(kind: str) -> None:
    data = ALL[kind]()
    facts = inspect(data, by="structure")
    assert facts == inspect(data, by="decode")
    with Pillow.open(io.BytesIO(data)) if kind != "svg" else picture() as image:
        assert (facts.width, facts.height) == image.size


@pytest.mark.parametrize("kind", KINDS)
def test_the_structure_of_what_encoders_write_needs_no_decoding(kind: str) -> None:
    data = KINDS[kind]()
    found = outline(data)
    assert found is not None
    with Pillow.open(io.BytesIO(data)) as image:
        assert found.frames == (getattr(image, "n_frames", 1) if image.format != "MPO" else 1)
    assert outline(data + b"\0behind the end") == found


@pytest.mark.parametrize("kind", DECODED)
def test_other_kinds_have_no_structure_that_is_vouched_for(kind: str) -> None:
    assert outline(DECODED[kind]()) is None


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of a directory that ends early
@pytest.mark.parametrize("kind", ALL)
def test_both_checks_call_what_is_cut_off_truncated(kind: str) -> None:
    data = ALL[kind]()
    # Behind the first of several pictures in a JPEG nothing is looked at.
    end = len(data) if kind != "jpeg, several (MPO)" else data.index(b"\xff\xd9\xff\xd8") + 2
    cuts = {end * part // 50 for part in range(1, 50)} | {end - 1, end - 2, end - 9}
    verdicts = {cut: (verdict(data[:cut], "structure"), verdict(data[:cut], "decode")) for cut in cuts}
    assert [cut for cut, (by_structure, by_decoding) in verdicts.items() if by_structure != by_decoding] == []
    passed = {end - cut for cut, (by_structure, _) in verdicts.items() if isinstance(by_structure, ImageFacts)}
    # What holds no pixel: the end of a PNG, of a GIF that stands still, of a JPEG whose blocks are complete.
    spare = {"jpeg": 2, "png": 12, "apng": 12, "gif": 2, "ico": 12}.get(kind.partition(",")[0], 0)
    assert all(missing <= spare for missing in passed)


@pytest.mark.parametrize("kind", KINDS)
def test_no_cut_off_file_has_a_whole_structure(kind: str) -> None:
    data = KINDS[kind]()
    end = len(data) if kind != "jpeg, several (MPO)" else data.index(b"\xff\xd9\xff\xd8") + 2
    assert all(outline(data[:cut]) is None for cut in range(0, end, max(1, end // 2000)))


@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it finds in damaged files
@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_makes_structure_refuse_what_decoding_takes(kind: str) -> None:
    data, chance = KINDS[kind](), random.Random(kind)
    for _ in range(120):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 3))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        by_structure, by_decoding = (verdict(bytes(damaged), by) for by in ("structure", "decode"))
        assert by_decoding in (by_structure, "truncated")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "png" in kind])
def test_a_wrong_bit_in_any_chunk_of_a_png_is_not_vouched_for(kind: str) -> None:
    data = KINDS[kind]()
    for at in range(8, len(data), max(1, len(data) // 500)):
        assert outline(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]) is None


@pytest.mark.parametrize(
    ("kind", "shorter"),
    [
        ("png", lambda data: data[:-12]),
        ("gif", lambda data: data[:-1]),
        ("jpeg", lambda data: data.replace(b"\xff\xc0", b"\0\0\xff\xc0", 1)),
        ("gif", lambda data: data[:-1] + b"\0\0;"),
    ],
)
def test_what_is_odd_and_decodes_is_taken_by_either_check(kind: str, shorter: Callable[[bytes], bytes]) -> None:
    data = shorter(KINDS[kind]())
    assert outline(data) is None
    assert inspect(data, by="structure") == inspect(data) == inspect(KINDS[kind]())


@pytest.mark.parametrize("format_", ["GIF", "PNG", "JPEG", "WEBP"])
def test_one_pixel_is_a_tracker_to_either_check(format_: str) -> None:
    data = encoded(Pillow.new("RGB", (1, 1)), format_)
    assert verdict(data, "structure") == verdict(data, "decode") == "tracker"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as in production, where it is not raised
@pytest.mark.parametrize(("width", "height"), [(10_000, 9_000), (2**31 - 1, 2**31 - 1), (89_478_486, 1)])
def test_too_many_pixels_are_too_large_to_either_check(width: int, height: int) -> None:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    data = b"\x89PNG\r\n\x1a\n" + content
    assert outline(data) is not None
    assert verdict(data, "structure") == verdict(data, "decode") == "too-large"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xfe\0\2" * 2_000_000,
        b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"") * 1_000_000,
        b"RIFF" + struct.pack("<I", 4 + 16_000_000) + b"WEBP" + b"JUNK\0\0\0\0" * 2_000_000,
        encoded(picture(), "GIF")[:-2] + b"\1\0" * 500_000,
    ],
    ids=["jpeg", "png", "webp", "gif"],
)
def test_millions_of_parts_take_neither_time_nor_memory(data: bytes) -> None:
    tracemalloc.start()
    started = time.process_time()
    assert outline(data) is None
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_too_many_moving_pixels_are_too_large_to_either_check() -> None:
    data = encoded(Pillow.new("P", (8000, 8000)), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    many = data[:start] + data[start:-1] * (MAX_MOVING_PIXELS // 8000**2 + 1) + b";"
    assert verdict(many, "structure") == verdict(many, "decode") == "too-large"
