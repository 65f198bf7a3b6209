"""What counts as a whole image, what an SVG may hold, and where images and their misses stand in a body."""

import base64
import html as entities
import io
import random
import resource
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image as Pillow
from PIL import features

from archive.images import MAX_BYTES, MAX_PIXELS, BadImage, ImageFacts, inspect
from archive.layout import BLOB_EXTENSIONS
from archive.model import Image, MissingImage
from pipelines.clean import parse_clean, serialise
from pipelines.images import Found, decode_data_url, image_name, place_images

WIDTH, HEIGHT = 64, 48


def picture(mode: str = "RGB", *, seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Pillow.Image:
    """Noise on a gradient, so that no encoder can make a few bytes of it."""
    noise = random.Random(seed)
    pixels = bytes(
        channel
        for y in range(size[1])
        for x in range(size[0])
        for channel in ((x * 5 + seed * 40) % 256, y * 7 % 256, noise.randrange(256))
    )
    return Pillow.frombytes("RGB", size, pixels).convert(mode)


def encoded(image: Pillow.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def moving(format_: str, **options: Any) -> bytes:
    frames = [picture(seed=seed) for seed in range(4)]
    return encoded(frames[0], format_, save_all=True, append_images=frames[1:], **options)


def see_through() -> Pillow.Image:
    image = picture("RGBA")
    image.putalpha(128)
    return image


STILL: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg": (lambda: encoded(picture(), "JPEG", quality=80), "image/jpeg"),
    "progressive-jpeg": (lambda: encoded(picture(), "JPEG", progressive=True), "image/jpeg"),
    "cmyk-jpeg": (lambda: encoded(picture("CMYK"), "JPEG"), "image/jpeg"),
    "grey-jpeg": (lambda: encoded(picture("L"), "JPEG"), "image/jpeg"),
    "png": (lambda: encoded(picture(), "PNG"), "image/png"),
    "alpha-png": (lambda: encoded(see_through(), "PNG"), "image/png"),
    "palette-png": (lambda: encoded(picture("P"), "PNG", transparency=0), "image/png"),
    "gif": (lambda: encoded(picture(), "GIF"), "image/gif"),
    "webp": (lambda: encoded(picture(), "WEBP"), "image/webp"),
    "lossless-webp": (lambda: encoded(see_through(), "WEBP", lossless=True), "image/webp"),
    "bmp": (lambda: encoded(picture(), "BMP"), "image/bmp"),
    "tiff": (lambda: encoded(picture(), "TIFF"), "image/tiff"),
    "lzw-tiff": (lambda: encoded(picture(), "TIFF", compression="tiff_lzw"), "image/tiff"),
}
MOVING: dict[str, tuple[Callable[[], bytes], str]] = {
    "apng": (lambda: moving("PNG"), "image/png"),
    "moving-gif": (lambda: moving("GIF", loop=0, duration=100), "image/gif"),
    "moving-webp": (lambda: moving("WEBP"), "image/webp"),
}
if features.check("avif"):
    STILL["avif"] = (lambda: encoded(picture(), "AVIF"), "image/avif")
    MOVING["moving-avif"] = (lambda: moving("AVIF"), "image/avif")
WHOLE = STILL | MOVING


def refusal(data: bytes) -> str | None:
    """The reason code of a refusal, None where the bytes are taken for a whole image."""
    try:
        inspect(data)
    except BadImage as bad:
        return bad.reason
    return None


# --- whole images ---


@pytest.mark.parametrize("name", WHOLE)
def test_whole_images_are_told_by_their_bytes(name: str) -> None:
    make, media_type = WHOLE[name]
    assert inspect(make()) == ImageFacts(media_type=media_type, width=WIDTH, height=HEIGHT)


def test_an_icon_is_as_large_as_its_largest_picture() -> None:
    data = encoded(picture("RGBA", size=(48, 48)), "ICO", sizes=[(16, 16), (48, 48)])
    assert inspect(data) == ImageFacts(media_type="image/x-icon", width=48, height=48)


def test_a_jpeg_with_a_second_picture_behind_it_is_a_jpeg() -> None:
    assert inspect(moving("MPO")) == ImageFacts(media_type="image/jpeg", width=WIDTH, height=HEIGHT)


def test_every_media_type_has_an_extension_in_the_archive() -> None:
    seen = {inspect(make()).media_type for make, _ in WHOLE.values()}
    assert (
        {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"} <= seen <= {*BLOB_EXTENSIONS}
    )


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp"])
def test_bytes_behind_the_end_of_an_image_do_no_harm(name: str) -> None:
    assert refusal(STILL[name][0]() + b"\0\0trailing") is None


# --- cut off and damaged ---

# The last bytes that hold no pixel, and without which every viewer still shows the whole picture: a PNG's IEND chunk;
# a GIF's block terminator and trailer (a moving GIF's trailer says that no frame is missing: it has to be there).
# Nothing may be missing of a JPEG (libjpeg reads on to the end marker), a WebP (its header says how long it is), TIFF,
# AVIF.
SPARE_BYTES = {"png": 12, "alpha-png": 12, "palette-png": 12, "apng": 12, "gif": 2, "bmp": 0}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # of a directory that ends early
@pytest.mark.parametrize("name", [name for name in WHOLE if name != "grey-jpeg"])
@pytest.mark.parametrize("percent", [10, 20, 33, 50, 66, 75, 90, 95, 99])
def test_a_file_that_is_cut_off_is_truncated(name: str, percent: int) -> None:
    data = WHOLE[name][0]()
    assert refusal(data[: len(data) * percent // 100]) == "truncated"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # as above
@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_passes_only_where_no_pixel_is_lost(name: str) -> None:
    data = WHOLE[name][0]()
    near_the_end = [len(data) - missing for missing in range(1, 60)]
    passed = {len(data) - cut for cut in near_the_end if refusal(data[:cut]) is None}
    assert passed <= set(range(1, SPARE_BYTES.get(name, 0) + 1))


def test_a_moving_gif_cut_off_between_two_frames_is_truncated() -> None:
    data = MOVING["moving-gif"][0]()
    frame_ends = [at for at in range(len(data) - 8) if data[at : at + 4] == b"\0\x21\xf9\x04"]
    assert len(frame_ends) == 4  # before each frame; the first follows the header
    for at in frame_ends[1:]:
        assert {refusal(data[:cut]) for cut in range(at - 2, at + 12)} == {"truncated"}


def test_a_gif_without_its_trailer_is_whole_when_it_does_not_move() -> None:
    data = STILL["gif"][0]()
    assert data.endswith(b"\0;")
    assert refusal(data[:-1]) is None


@pytest.mark.parametrize("name", ["png", "palette-png", "apng"])
def test_a_png_with_one_wrong_bit_among_its_pixels_is_truncated(name: str) -> None:
    data = WHOLE[name][0]()
    checked = [at for at in pixel_bytes(data) if at % 13 == 0]
    assert len(checked) > 100
    assert {refusal(data[:at] + bytes([data[at] ^ 8]) + data[at + 1 :]) for at in checked} == {"truncated"}


def pixel_bytes(png: bytes) -> Iterator[int]:
    """Where the data and the sums of a PNG's pixel chunks lie."""
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind in (b"IDAT", b"fdAT", b"PLTE"):
            yield from range(at + 8, at + 12 + length)
        at += 12 + length


@pytest.mark.filterwarnings("ignore")  # Pillow's, about what it finds in damaged files
@pytest.mark.parametrize("name", WHOLE)
def test_damage_anywhere_is_a_refusal_and_never_another_error(name: str) -> None:
    data, chance = WHOLE[name][0](), random.Random(name)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert refusal(bytes(damaged)) in {None, "truncated", "not-an-image", "too-large"}


# --- no images, and too much of one ---


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><html><body>403 Forbidden</body></html>",
        b"<html><head></head><body><img src='a.jpg'></body></html>",
        b"<!-- blocked --><html><body><svg></svg><br></body></html>",
        b'<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><svg/></html>',
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        b'{"error": "not found"}',
        b"GIF",
        b"\x89PN",
        b"%PDF-1.7",
        b"\0" * 1000,
        b"<!--" * 16_000,
    ],
)
def test_what_is_no_image_is_called_so_whatever_its_name(data: bytes) -> None:
    assert refusal(data) == "not-an-image"


def test_an_answer_without_a_body_is_truncated() -> None:
    assert refusal(b"") == "truncated"


@pytest.mark.parametrize("format_", ["GIF", "PNG", "JPEG", "WEBP"])
def test_one_pixel_is_a_tracker(format_: str) -> None:
    assert refusal(encoded(Pillow.new("RGB", (1, 1)), format_)) == "tracker"


@pytest.mark.parametrize("size", [(1, 2), (2, 1)])
def test_two_pixels_are_a_picture(size: tuple[int, int]) -> None:
    assert inspect(encoded(Pillow.new("RGB", size), "PNG")) == ImageFacts(
        media_type="image/png", width=size[0], height=size[1]
    )


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as in production, where it is not raised
@pytest.mark.parametrize(
    ("width", "height"), [(50_000, 50_000), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1), (10_000, 9_000)]
)
def test_a_picture_that_claims_too_many_pixels_is_refused_by_its_header(width: int, height: int) -> None:
    before = peak_bytes()
    assert refusal(png_that_claims(width, height)) == "too-large"
    assert peak_bytes() - before < 20_000_000


def peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_a_file_above_the_largest_size_is_refused_unread() -> None:
    assert refusal(bytes(MAX_BYTES + 1)) == "too-large"


def test_the_most_pixels_are_no_more_than_pillow_takes_without_a_warning() -> None:
    assert Pillow.MAX_IMAGE_PIXELS is not None
    assert MAX_PIXELS <= Pillow.MAX_IMAGE_PIXELS


# --- SVG ---

_NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(content: str = "", attributes: str = 'width="40" height="30"', before: str = "") -> bytes:
    return f"{before}<svg {_NAMESPACES} {attributes}>{content}</svg>".encode()


CLEAN_SVG = {
    "shapes": svg('<rect width="5" height="5" fill="red"/>'),
    "gradient": svg('<defs><linearGradient id="g"/></defs><rect fill="url(#g)" stroke="url( \'#g\' )"/>'),
    "gradient in a style": svg('<style>.a { fill: url("#g") } .b{fill:url( #g )}</style>'),
    "use": svg('<use xlink:href="#g"/><use href="#g"/>'),
    "picture inside": svg('<image xlink:href="data:image/png;base64,iVBORw0KGgo="/>'),
    "declaration and comment": svg(before='<?xml version="1.0" encoding="UTF-8"?>\n<!-- Generator: x -->\n'),
    "document type": svg(before='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">'),
    "byte order mark": b"\xef\xbb\xbf" + svg(),
    "words that are no code": svg(
        "<title>javascript: @import</title>", 'width="40" height="30" aria-label="expression"'
    ),
    "file name of an editor": svg(
        "", 'width="40" height="30" xmlns:inkscape="http://www.inkscape.org/i" inkscape:path="C:\\a\\b.png"'
    ),
    "movement": svg('<rect><animateTransform attributeName="transform" type="rotate" from="0" to="9"/></rect>'),
    "illustrator": (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
        b'<svg xmlns="&ns_svg;" width="40" height="30"/>'
    ),
}


@pytest.mark.parametrize("name", CLEAN_SVG)
def test_an_svg_that_only_draws_is_kept(name: str) -> None:
    assert inspect(CLEAN_SVG[name]) == ImageFacts(media_type="image/svg+xml", width=40, height=30)


def entity_bomb(use: str) -> bytes:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
    return f'<!DOCTYPE svg [<!ENTITY e0 "ha">{levels}]><svg {_NAMESPACES} {use.format("&e12;")}</svg>'.encode()


ACTIVE_SVG = {
    "script": svg("<script>alert(1)</script>"),
    "script with a prefix": svg('<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>'),
    "script elsewhere": svg('<script href="https://example.com/x.js"/>'),
    "onload": svg("", 'onload="alert(1)"'),
    "onclick": svg('<rect ONCLICK="alert(1)"/>'),
    "foreignObject": svg("<foreignObject><p>x</p></foreignObject>"),
    "HTML": svg('<h:img xmlns:h="http://www.w3.org/1999/xhtml" src="https://example.com/x.png"/>'),
    "iframe": svg('<iframe src="https://example.com/"/>'),
    "link": svg('<a href="https://example.com/"><rect/></a>'),
    "javascript link": svg('<a xlink:href="javascript:alert(1)"><rect/></a>'),
    "javascript link, disguised": svg('<a xlink:href=" java&#10;script:alert(1)"><rect/></a>'),
    "picture elsewhere": svg('<image href="https://example.com/x.png"/>'),
    "use elsewhere": svg('<use xlink:href="//example.com/x.svg#g"/>'),
    "relative picture": svg('<image href="x.png"/>'),
    "HTML in data": svg('<use href="data:text/html,<script>1</script>"/>'.replace("<script>1</script>", "x")),
    "SVG in data": svg('<image href="data:image/svg+xml;base64,PHN2Zy8+"/>'),
    "fill elsewhere": svg('<rect fill="url(https://example.com/x.svg#g)"/>'),
    "style elsewhere": svg("<rect style=\"fill:url('//example.com/x')\"/>"),
    "import": svg('<style>@import "https://example.com/x.css";</style>'),
    "import in CDATA": svg('<style><![CDATA[@import "https://example.com/x.css";]]></style>'),
    "escaped url": svg("<style>rect { fill: \\75rl(https://example.com/x) }</style>"),
    "image-set": svg('<style>rect { fill: image-set("https://example.com/x" 1x) }</style>'),
    "animated href": svg('<a><animate attributeName="href" to="javascript:alert(1)"/></a>'),
    "set href": svg('<a><set attributeName="xlink:href" to="javascript:alert(1)"/></a>'),
    "style sheet before": svg(before='<?xml version="1.0"?><?xml-stylesheet href="https://example.com/x.xsl"?>'),
    "style sheet inside": svg('<?xml-stylesheet href="https://example.com/x.css"?>'),
    "attribute by document type": svg(before='<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>'),
    "attribute by entity": svg(
        before="<!DOCTYPE svg [<!ENTITY % a \"&#60;!ATTLIST svg onload CDATA 'alert(1)'>\">%a;]>"
    ),
    "href by entity": svg('<a href="&j;"/>', before='<!DOCTYPE svg [<!ENTITY j "javascript:alert(1)">]>'),
    "bomb of entities": entity_bomb('width="1"><text>{}</text>'),
    "bomb of entities in an attribute": entity_bomb('id="{}">'),
}


@pytest.mark.parametrize("name", ACTIVE_SVG)
def test_an_svg_that_does_more_than_draw_is_refused(name: str) -> None:
    started = time.process_time()
    assert refusal(ACTIVE_SVG[name]) == "active-svg"
    assert time.process_time() - started < 1


def test_an_svg_reads_no_file(tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("9")
    head = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    assert refusal(svg("<text>&x;</text>", before=head)) == "active-svg"
    assert refusal(svg("", 'width="&x;"', before=head)) == "active-svg"


def test_an_svg_that_is_cut_off_is_truncated() -> None:
    assert refusal(svg("<rect/>")[:-4]) == "truncated"


@pytest.mark.parametrize(
    ("attributes", "width", "height"),
    [
        ('width="40.6px" height=" 30 "', 40, 30),
        ('viewBox="0 0 40.4 30.5"', 40, 30),
        ('viewBox="0,0,40,30" width="100%" height="100%"', 40, 30),
        ('viewBox="0 0 0.2 30"', 1, 30),
        ('viewBox="0 0 nan 1e999"', None, None),
        ('viewBox="0 0"', None, None),
        ("", None, None),
        (f'width="{"9" * 5000}" height="30"', None, 30),
    ],
)
def test_the_size_of_an_svg_is_what_it_says(attributes: str, width: int | None, height: int | None) -> None:
    assert inspect(svg("", attributes)) == ImageFacts(media_type="image/svg+xml", width=width, height=height)


# --- data: addresses ---


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,AAEC", b"\0\1\2"),
        ("data:image/png;charset=utf-8;BASE64,AAEC", b"\0\1\2"),
        ("data:image/png; base64 ,AAEC", b"\0\1\2"),
        ("data:;base64,AAE", b"\0\1"),  # without its padding
        ("data:image/png;base64,AA%45C", b"\0\1\2"),
        ("data:image/png;base64,AA\nEC", b"\0\1\2"),
        ("data:image/svg+xml,%3Csvg/%3E,", b"<svg/>,"),
        ("data:image/png;base64,", b""),
    ],
)
def test_a_data_address_holds_its_bytes(url: str, data: bytes) -> None:
    assert decode_data_url(url) == data


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:", "data:image/png;base64,A"])
def test_a_data_address_that_does_not_decode_is_unsupported(url: str) -> None:
    with pytest.raises(BadImage) as raised:
        decode_data_url(url)
    assert raised.value.reason == "unsupported"


def test_a_picture_in_a_data_address_is_whole() -> None:
    url = f"data:image/png;base64,{base64.b64encode(STILL['png'][0]()).decode()}"
    assert inspect(decode_data_url(url)).media_type == "image/png"


def test_a_data_address_is_named_by_its_digest_and_a_web_address_by_itself() -> None:
    long, other = (f"data:image/png;base64,{character * 100_000}" for character in "AB")
    assert image_name("https://example.com/a.png?x=1") == "https://example.com/a.png?x=1"
    assert image_name(long).startswith("data:image/png;sha256=")
    assert len(image_name(long)) == len("data:image/png;sha256=") + 64
    assert image_name(long) != image_name(other)
    assert image_name("data:,x").startswith("data:text/plain;sha256=")


# --- in the body ---

URL = "https://img.example.com/a.png"
OTHER = "https://img.example.com/b.png?x=1&y=2"
DATA = "data:image/png;base64,AAAA"
KEPT = Image(
    url=URL,
    key="blobs/sha256/ab/abcd.png",
    sha256="ab",
    bytes=3,
    media_type="image/png",
    width=640,
    height=358,
)
SHOWN = '<img src="../../../blobs/sha256/ab/abcd.png" alt="{}" width="640" height="358">'


def missing(url: str = URL, reason: str = "http-404") -> MissingImage:
    return MissingImage(url=url, reason=reason, retryable=True)


def test_a_kept_image_stands_at_its_blob_with_its_size() -> None:
    body = f'<p>甲<img src="{URL}" alt="图">乙</p>'
    assert place_images(body, {URL: KEPT}) == f"<p>甲{SHOWN.format('图')}乙</p>"


def test_a_kept_image_of_unknown_size_has_none() -> None:
    image = Image(**{**vars(KEPT), "width": None})
    assert place_images(f'<p><img src="{URL}" alt=""></p>', {URL: image}) == (
        '<p><img src="../../../blobs/sha256/ab/abcd.png" alt=""></p>'
    )


@pytest.mark.parametrize("alt", ["5 &lt; 6 &amp; 7", "&quot;引&quot;", "&lt;b&gt;"])
def test_the_alt_text_stays_and_stays_escaped(alt: str) -> None:
    assert place_images(f'<p><img src="{URL}" alt="{alt}"></p>', {URL: KEPT}) == f"<p>{SHOWN.format(alt)}</p>"
    label = alt.replace("&quot;", '"')
    assert place_images(f'<p><img src="{URL}" alt="{alt}"></p>', {URL: missing()}) == (
        f'<p><a href="{URL}">［图片缺失］{label}</a></p>'
    )


def test_an_image_shown_twice_stands_twice() -> None:
    body = f'<p><img src="{URL}" alt=""></p>\n<p><img src="{URL}" alt="b"></p>'
    assert place_images(body, {URL: KEPT}) == f"<p>{SHOWN.format('')}</p>\n<p>{SHOWN.format('b')}</p>"


def test_a_missing_image_is_a_link_to_its_address() -> None:
    body = f'<p>甲<img src="{OTHER.replace("&", "&amp;")}" alt="图">乙</p>'
    assert place_images(body, {OTHER: missing(OTHER)}) == (
        '<p>甲<a href="https://img.example.com/b.png?x=1&amp;y=2">［图片缺失］图</a>乙</p>'
    )


def test_a_missing_image_inside_a_link_stands_behind_it() -> None:
    body = f'<p>甲<a href="https://example.com/">字<img src="{URL}" alt=""></a>乙</p>'
    assert place_images(body, {URL: missing()}) == (
        f'<p>甲<a href="https://example.com/">字</a><a href="{URL}">［图片缺失］</a>乙</p>'
    )


@pytest.mark.parametrize("wrapped", ["{}", "<strong>{}</strong>"])
def test_a_link_that_held_nothing_but_a_missing_image_keeps_a_text_to_click(wrapped: str) -> None:
    image = wrapped.format(f'<img src="{URL}" alt="图">')
    assert place_images(f'<p><a href="https://example.com/">{image}</a></p>', {URL: missing()}) == (
        f'<p><a href="https://example.com/">https://example.com/</a><a href="{URL}">［图片缺失］图</a></p>'
    )


def test_a_link_with_another_image_needs_no_text() -> None:
    body = f'<p><a href="https://example.com/"><img src="{URL}" alt=""><img src="{OTHER}" alt=""></a></p>'
    found: Found = {URL: KEPT, OTHER: missing(OTHER)}
    assert place_images(body.replace("&", "&amp;"), found) == (
        f'<p><a href="https://example.com/">{SHOWN.format("")}</a>'
        '<a href="https://img.example.com/b.png?x=1&amp;y=2">［图片缺失］</a></p>'
    )


def test_a_missing_image_of_a_data_address_is_a_note_without_a_link() -> None:
    found = {DATA: missing(image_name(DATA), "truncated")}
    assert place_images(f'<p><img src="{DATA}" alt="图"></p>', found) == "<p><span>［图片缺失］图</span></p>"


def test_a_missing_image_of_a_figure_keeps_its_caption() -> None:
    body = f'<figure><img src="{URL}" alt=""><figcaption>说明</figcaption></figure>'
    assert place_images(body, {URL: missing()}) == (
        f'<figure><a href="{URL}">［图片缺失］</a><figcaption>说明</figcaption></figure>'
    )


TRACKER = missing(URL, "tracker")


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("<p>甲</p>\n<p>{}</p>\n<p>乙</p>", "<p>甲</p>\n<p>乙</p>"),
        ("<p>{}</p>\n<p>乙</p>", "<p>乙</p>"),
        ("<p>甲</p>\n<p>{}</p>", "<p>甲</p>"),
        ("<p>甲{}乙</p>", "<p>甲乙</p>"),
        ("<p>甲<strong>{}</strong>乙</p>", "<p>甲乙</p>"),
        ('<p>甲</p>\n<p><a href="https://example.com/"><em>{}</em></a></p>', "<p>甲</p>"),
        ("<figure>{}</figure>\n<p>乙</p>", "<p>乙</p>"),
        ("<ul><li>甲</li><li>{}</li></ul>", "<ul><li>甲</li></ul>"),
        ("<ul><li>{}</li></ul>\n<p>乙</p>", "<p>乙</p>"),
        ("<p>{}</p>", ""),
    ],
)
def test_a_tracker_goes_without_a_trace_and_takes_its_empty_wrappers_along(body: str, left: str) -> None:
    assert place_images(body.format(f'<img src="{URL}" alt="">'), {URL: TRACKER}) == left


def test_a_body_without_images_stays_byte_for_byte() -> None:
    body = "<h2>题</h2>\n<p>5 &lt; 6&nbsp;字<br>行</p>\n<pre><code>a\n\nb</code></pre>"
    assert place_images(body, {}) == body


@pytest.mark.parametrize(
    "url",
    ["https://a.example/1.png?x=1&y=2&copy=3&amp;", "https://a.example/%22&quot;.png", 'https://a.example/"<>.png'],
)
@pytest.mark.parametrize("alt", ["", '图 & " < > &amp; &times; \u00a0x', "line\nend"])
def test_images_that_are_all_held_stand_as_beside_one_that_is_missing(url: str, alt: str) -> None:
    picture = f'<img src="{entities.escape(url)}" alt="{entities.escape(alt)}">'
    for around in (
        "<p>甲&nbsp;{}乙</p>",
        '<ul><li>5 &lt; 6{}</li></ul><p>{}<a href="https://a.example/?a&amp;b">b</a></p>',
    ):
        body = serialise(parse_clean(around.replace("{}", picture)))
        gone = serialise(parse_clean(f'<p>丙<img src="{URL}" alt=""></p>'))
        link = f'<p>丙<a href="{URL}">［图片缺失］</a></p>'
        beside_one = place_images(body + gone, {url: KEPT, URL: missing()})
        assert place_images(body, {url: KEPT}) + link == beside_one


def test_a_moving_image_that_would_decode_for_hours_is_too_large() -> None:
    # One empty frame of 8,000 × 8,000 pixels, named forty times: 2.6 thousand million pixels in a few kB.
    file = io.BytesIO()
    frame = Pillow.new("P", (8000, 8000))
    frame.save(file, "GIF")
    data = file.getvalue()
    start = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    many = data[:start] + data[start:-1] * 40 + b";"
    with pytest.raises(BadImage, match="too-large"):
        inspect(many)
