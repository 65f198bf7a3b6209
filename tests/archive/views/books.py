"""Posts and pictures that make trouble for books, and a book opened as a ZIP of XML."""

from __future__ import annotations

import hashlib
import io
import posixpath
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree
from PIL import Image as Pillow

from archive import Archive, ArchiveReader
from archive.body import TAGS
from archive.images import inspect
from archive.layout import blob_key, link_from_document
from archive.model import Embed, Image, MissingImage
from archive.store import Store
from archive.views.epub.book import Made, make_book
from archive.views.sources import Choice
from tests.archive.views import hostile
from tests.archive.views.made import at
from tests.posts import NOW, PICTURES, make_post

XHTML = "http://www.w3.org/1999/xhtml"
OPF = "http://www.idpf.org/2007/opf"
NAMES = {"h": XHTML, "o": OPF, "dc": "http://purl.org/dc/elements/1.1/", "n": "http://www.daisy.org/z3986/2005/ncx/"}
TYPE = "{http://www.idpf.org/2007/ops}type"

_ANY_TAGS = (*sorted(TAGS), "script", "div", "svg", "section", "input", "body")

SVG = b"""<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
<!ENTITY tone "teal">]>
<!-- drawn by hand --><svg xmlns="http://www.w3.org/2000/svg" xmlns:e="urn:editor" width="40" height="30" e:grid="5">
<e:view><e:zoom/></e:view><defs><linearGradient id="1 a"><stop offset="0" stop-color="&tone;"/></linearGradient></defs>
<rect id="x" width="40" height="30" fill="url(#1 a)"/><rect id="x" width="4" height="3"/><text>t</text></svg>"""
"""What a browser draws, with all that EPUB has no place for."""

BODIES = (
    "<p>a\x0b\x1f\ufffe\u0085b</p><p title='x' onclick='alert(1)' style='x'>c</p><script>alert(1)</script>\n",
    "<p><a href='javascript:alert(1)'>d</a> <a href=' http://x y/'>e</a> <a href='https://'>f</a></p>\n",
    "<svg><style><img src=x onerror=alert(1)></style></svg><iframe srcdoc='<p>no'></iframe><math><mi>x</mi></math>\n",
    "<blockquote>" * 300 + "deep" + "</blockquote>" * 300 + "\n",
    '<p id="n-1">1</p><p id="n-1">2</p><p id="n-a b:&amp;">3</p><a href="#n-1">i</a><a href="#n-a%20b:&amp;">j</a>\n',
    '<p><a href="#n-none">k</a><a href="mailto:a@b.cn">l</a><a href="mailto:&quot;">m</a><a>n</a></p>\n',
    '<table><tbody><tr><td colspan="0" rowspan="x">o</td><th scope="bad">p</th></table><ol start="z"><li>q</ol>\n',
    "<li>r</li><dd>s</dd><figcaption>t</figcaption><p><rt>u</rt></p><details><p>v</p></details><summary>w</summary>\n",
    "<details><summary>问</summary><p>答</p></details><p></p><h2></h2><ul></ul><p>x<br><hr>y<ruby>字<rt>zi</rt></ruby></p>\n",
    '<p>y<a href="https://例子.中国/路 径?q=&quot;|{}&amp;r=%">z</a><a href="http://[::1]:80/">4</a></p><p>&nbsp;</p>\n',
    '<img src="https://elsewhere.example/a.png" alt="far"><p><img src="../../../blobs/../ARCHIVE.json" alt="up"></p>\n',
    "</body></html><p>behind the end</p>]]><!-- a -- b --><?php x ?><![CDATA[c]]><p>&lt;![CDATA[ ]]&gt; &copy;</p>\n",
)
"""Bodies such as no cleaner leaves them: of archives that were edited by hand."""

TITLES = (
    "\x00\x07\x1b",
    "\ud800a",
    "\ufffe\uffff",
    "]]>",
    "a\tb\r\nc",
    "<b>&amp;</b>",
    "\u202eabc",
    "𠮷野家",
    "x" * 3000,
)


def pictures() -> dict[str, bytes]:
    """A picture of each media type that an archive has, by its media type."""
    found = {"image/svg+xml": SVG}
    drawn = Pillow.linear_gradient("L").convert("RGB").resize((24, 16))
    types = {"jpeg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "avif": "AVIF", "bmp": "BMP", "tiff": "TIFF"}
    for name, form in {**types, "x-icon": "ICO"}.items():
        target = io.BytesIO()
        drawn.save(target, form)
        found[f"image/{name}"] = target.getvalue()
    return found


def translucent(form: str) -> bytes:
    target = io.BytesIO()
    Pillow.new("RGBA", (8, 8), (255, 0, 0, 100)).save(target, form)
    return target.getvalue()


def held(data: bytes) -> Image:
    """What a document says of a picture."""
    facts = inspect(data)
    digest = hashlib.sha256(data).hexdigest()
    return Image(
        url=f"https://img.example/{digest[:8]}",
        key=blob_key(digest, facts.media_type),
        sha256=digest,
        bytes=len(data),
        media_type=facts.media_type,
        width=facts.width,
        height=facts.height,
    )


def showing(*images: Image, **changes: Any) -> dict[str, Any]:
    """The changes that make a usual post one that shows these pictures."""
    body = "".join(f'<p><img src="{link_from_document(image.key)}" alt="x"></p>\n' for image in images)
    return {"body": body, "images": images, "head_image": None, **changes}


def hostile_posts() -> list[dict[str, Any]]:
    """Everything that was thought of: what is hostile to other views, too, and posts that link to each other."""
    none = {"images": (), "head_image": None, "embeds": (), "missing_images": ()}
    bodies = [{"id": f"book-{n:02}", "body": body, **none} for n, body in enumerate(BODIES)]
    titles = [{"id": f"named-{n:02}", "title": title, "author": title} for n, title in enumerate(TITLES)]
    odd: list[dict[str, Any]] = [
        {"id": "lang-1", "lang": "x_y z"},
        {"id": "lang-2", "lang": ""},
        {"id": "address-1", "url": "urn:sha256:" + "0" * 64},
        {"id": "address-2", "url": "https://例子.cn/a b|c"},
        {"id": "tags-1", "tags": ("\x01", "<b>", "a"), "section": "\x02", "categories": ("\x03", "\x04<")},
        {"id": "ancient", **at("0999-01-01 10:20")},
        {
            "id": "linked",
            "url": "https://www.niaogebiji.com/article-1-1.html",
            "body": '<p><a href="http://niaogebiji.com/article-2-1.html#x">two</a> '
            '<a href="https://www.niaogebiji.com/article-1-1.html">self</a></p>\n',
            **none,
        },
        {"id": "linked-too", "url": "https://www.niaogebiji.com/article-2-1.html", "body": "<p>2</p>\n", **none},
        {
            "id": "cards",
            "body": '<p><a href="https://v.qq.com/a">视频：采访</a></p><p>公众号：x</p>'
            '<p><a href="https://img.example/gone.png">［图片缺失］一只鸟</a></p>\n',
            "images": (),
            "head_image": None,
            "missing_images": (
                MissingImage(url="https://img.example/gone.png", reason="http-404", retryable=False),
                MissingImage(url="https://img.example/pixel.gif", reason="tracker", retryable=False),
            ),
            "embeds": (
                Embed(kind="video", url="https://v.qq.com/a", title="采访"),
                Embed(kind="audio", url="https://sound.example/b?<c>", title="\x05"),
                Embed(kind="card", url=None, title="x"),
            ),
        },
    ]
    return [*hostile.posts(), *bodies, *titles, *odd]


def random_body(chance: random.Random) -> str:
    """Tags without rhyme or reason, as no editor leaves them."""
    parts = []
    for _ in range(chance.randint(3, 30)):
        tag = chance.choice(_ANY_TAGS)
        name, link, span = chance.randint(1, 9), chance.randint(1, 9), chance.randint(0, 3)
        begin = f'<{tag} id="n-{name}" href="#n-{link}" colspan="{span}" class="language-c#" src="x">'
        odd = chance.choice(("x", "&nbsp;", "<![CDATA[", "<!--", "\x0c", "&#0;", "&bogus;", " ", "<"))
        parts.append(chance.choices((begin, f"</{tag}>", odd), (60, 25, 15))[0])
    return "".join(parts)


def fill_random(store: Store, posts: int) -> Archive:
    """An archive of so many posts with such bodies, always the same."""
    chance = random.Random(posts)
    archive = Archive.open_or_create(store, now=NOW)
    for number in range(posts):
        none = {"images": (), "head_image": None, "missing_images": ()}
        archive.add(make_post(id=f"random-{number}", body=random_body(chance), **none))
    return archive


def fill_hostile(store: Store) -> Archive:
    """An archive of all of these, with pictures of all types."""
    archive = Archive.open_or_create(store, now=NOW)
    images = [*pictures().values(), translucent("WEBP"), translucent("AVIF")]
    for data in (*PICTURES, *images):
        archive.put_blob(data, inspect(data).media_type)
    for changes in (*hostile_posts(), showing(*map(held, images), id="pictures")):
        archive.add(make_post(**changes))
    return archive


@dataclass(frozen=True, kw_only=True)
class Book:
    """A book that was made: its bytes, and what is in it."""

    data: bytes
    made: Made
    told: list[str]

    @cached_property
    def zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self.data))

    @property
    def keys(self) -> list[str]:
        """The files of the publication."""
        return [name.removeprefix("EPUB/") for name in self.zip.namelist() if name.startswith("EPUB/")]

    def read(self, key: str) -> bytes:
        return self.zip.read(f"EPUB/{key}")

    def xml(self, key: str) -> etree._Element:
        """A file as a parser of XML has it that forgives nothing."""
        return etree.fromstring(self.read(key), etree.XMLParser(resolve_entities=False, no_network=True))

    @cached_property
    def package(self) -> etree._Element:
        return self.xml("package.opf")

    @property
    def manifest(self) -> dict[str, str]:
        """Media types by file."""
        return {str(item.get("href")): str(item.get("media-type")) for item in self.found(self.package, "//o:item")}

    @property
    def spine(self) -> list[str]:
        """The documents in the order of reading."""
        ids = {item.get("id"): str(item.get("href")) for item in self.found(self.package, "//o:item")}
        return [ids[item.get("idref")] for item in self.found(self.package, "//o:itemref")]

    @property
    def chapters(self) -> list[str]:
        return [key for key in self.spine if key.startswith("posts/")]

    def found(self, root: etree._Element, path: str) -> list[etree._Element]:
        found = root.xpath(path, namespaces=NAMES)
        assert isinstance(found, list)
        return [element for element in found if isinstance(element, etree._Element)]

    def texts(self, path: str) -> list[str]:
        """The texts of elements of the package document."""
        return [element.text or "" for element in self.found(self.package, path)]

    def body(self, key: str) -> etree._Element:
        (body,) = self.found(self.xml(key), "//h:div[@class='text']")
        return body

    def links(self, key: str) -> Iterator[tuple[str, str]]:
        """What a document leads to within the book: files and fragments."""
        for element in self.found(self.xml(key), "//*[@href or @src]"):
            url = str(element.get("href") or element.get("src"))
            if not urlsplit(url).scheme:
                file, _, fragment = url.partition("#")
                place = posixpath.normpath(posixpath.join(posixpath.dirname(key), unquote(file))) if file else key
                yield place, unquote(fragment)


def book_of(store: Store, *, language: str = "zh", title: str | None = None, **choice: Any) -> Book:
    stream = io.BytesIO()
    told: list[str] = []
    made = make_book(
        ArchiveReader.open(store),
        stream,
        Choice(**choice),
        generator="birdnest 1",
        language=language,
        title=title,
        progress=lambda _what, _done: None,
        complain=told.append,
    )
    return Book(data=stream.getvalue(), made=made, told=told)
