"""`check_images` of birdnest.toml: how a crawl sees that an image is whole."""

from __future__ import annotations

import io
import random

from PIL import Image as Pillow

from archive.image_structure import Check
from archive.images import BadImage, inspect
from tests.web import Visitor, Web

BLOG = "http://my-blog.example"


def gif() -> bytes:
    file = io.BytesIO()
    Pillow.frombytes("L", (80, 60), random.Random(5).randbytes(4800)).save(file, "GIF")
    return file.getvalue()


def passes(data: bytes, by: Check) -> bool:
    try:
        inspect(data, by=by)
    except BadImage:
        return False
    return True


def damaged_inside(whole: bytes) -> bytes:
    """The image with a wrong byte that only decoding sees."""
    copies = (whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :] for at in range(900, len(whole)))
    return next(copy for copy in copies if passes(copy, "structure") and not passes(copy, "decode"))


def test_what_only_decoding_sees_is_kept_where_structure_is_asked_for(visitor: Visitor, web: Web) -> None:
    whole = gif()
    pictures = {
        web.put(f"{BLOG}/whole.gif", whole, content_type="image/gif"): None,
        web.put(f"{BLOG}/cut.gif", whole[:-300], content_type="image/gif"): "truncated",
        web.put(f"{BLOG}/damaged.gif", damaged_inside(whole), content_type="image/gif"): "truncated",
    }
    body = "".join(f'<p><img src="{url}"></p>' for url in pictures)
    for number, check in enumerate(("auto", "decode", "structure")):
        url = web.article(f"{BLOG}/a/{number}", f"第{number}篇", body=body)
        visitor("archive", url, check_images=check)
        document = visitor.head(url).document
        missing = {image.url: image.reason for image in document.missing_images}
        refused = {url: reason for url, reason in pictures.items() if reason}
        if check == "structure":
            del refused[f"{BLOG}/damaged.gif"]
        assert missing == refused
        assert [image.url for image in document.images] == [url for url in pictures if url not in refused]
