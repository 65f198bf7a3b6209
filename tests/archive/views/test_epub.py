"""Books: the rules of EPUB 3.3 (https://www.w3.org/TR/epub-33/) that a test names, over posts that mean ill."""

from __future__ import annotations

import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image as Pillow
from selectolax.lexbor import LexborHTMLParser

from archive import Archive
from archive.errors import UsageError
from archive.store import FolderStore, Store
from archive.views.epub.body import Surroundings, content_of
from archive.views.epub.frame import xml_text
from archive.views.epub.words import WORDS
from archive.views.sources import Choice
from tests.archive.views.books import (
    BODIES,
    SVG,
    TYPE,
    XHTML,
    Book,
    book_of,
    fill_hostile,
    fill_random,
    held,
    hostile_posts,
    pictures,
    showing,
    translucent,
)
from tests.archive.views.made import at
from tests.posts import NOW, PICTURES

Fill = Callable[..., Archive]
CORE_TYPES = {
    *("image/gif", "image/jpeg", "image/png", "image/svg+xml", "text/css", "application/xhtml+xml"),
    "application/x-dtbncx+xml",
}
SHORE = timezone(timedelta(hours=-5))
USUAL = "posts/niaogebiji/article-482538.xhtml"


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """Only to be read."""
    store = FolderStore(tmp_path_factory.mktemp("hostile") / "nest")
    fill_hostile(store)
    return store


@pytest.fixture(scope="module")
def hostile_book(hostile_store: FolderStore) -> Book:
    return book_of(hostile_store)


# -- the container: EPUB 3.3, 4 --------------------------------------------------------------------------------------


def test_the_mimetype_is_first_stored_and_without_extra_field(hostile_book: Book) -> None:
    """4.3.3: readers look at fixed places of the file."""
    first = hostile_book.zip.infolist()[0]

    assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
    assert hostile_book.data[30:58] == b"mimetypeapplication/epub+zip"
    assert hostile_book.zip.testzip() is None


def test_the_container_names_the_package_document(hostile_book: Book) -> None:
    """Section 4.2.6.3.1."""
    container = etree.fromstring(hostile_book.zip.read("META-INF/container.xml"))

    (root,) = container.iter("{urn:oasis:names:tc:opendocument:xmlns:container}rootfile")

    assert dict(root.attrib) == {"full-path": "EPUB/package.opf", "media-type": "application/oebps-package+xml"}


def test_file_names_are_those_that_any_file_system_takes(hostile_book: Book) -> None:
    """Section 4.2.3."""
    names = hostile_book.zip.namelist()

    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[\w/.-]{1,200}", name, re.ASCII) and ".." not in name for name in names)


# -- the package: 5 --------------------------------------------------------------------------------------------------


def test_the_package_says_what_the_book_is(hostile_book: Book) -> None:
    """5.5.3: identifier, title, language, and when it was last modified, to the second in UTC."""
    package = hostile_book.package

    (identifier,) = hostile_book.found(package, "//dc:identifier[@id = /o:package/@unique-identifier]")
    assert uuid.UUID((identifier.text or "").removeprefix("urn:uuid:")).version == 5
    assert hostile_book.texts("//dc:title") == [WORDS["zh"]["archive"]]
    assert hostile_book.texts("//dc:language") == ["zh-CN"]
    assert hostile_book.texts("//o:meta[@property='dcterms:modified']") == ["2026-11-22T08:00:00Z"]


def test_the_manifest_names_every_file_once_and_nothing_else(hostile_book: Book) -> None:
    """Section 5.6."""
    items = hostile_book.found(hostile_book.package, "//o:item")

    assert sorted(str(item.get("href")) for item in items) == sorted(set(hostile_book.keys) - {"package.opf"})
    assert len({item.get("id") for item in items}) == len(items)
    assert [item.get("href") for item in items if item.get("properties") == "nav"] == ["nav.xhtml"]
    assert [item.get("href") for item in items if item.get("properties") == "cover-image"] == ["cover.png"]


def test_all_files_are_of_core_media_types_that_older_readers_know_too(hostile_book: Book) -> None:
    """3.2; without WebP, which is one of them since 3.3."""
    assert set(hostile_book.manifest.values()) <= CORE_TYPES


def test_pictures_are_what_the_manifest_says(hostile_book: Book) -> None:
    formats = {"image/gif": "GIF", "image/jpeg": "JPEG", "image/png": "PNG"}
    for key, media_type in hostile_book.manifest.items():
        if media_type in formats:
            with Pillow.open(io.BytesIO(hostile_book.read(key))) as image:
                image.load()
                assert image.format == formats[media_type]


def test_the_spine_is_cover_contents_chapters_and_imprint(hostile_book: Book) -> None:
    """5.7: each document once, all of them of the manifest."""
    spine = hostile_book.spine

    assert spine[:2] == ["cover.xhtml", "nav.xhtml"]
    assert spine[-1] == "imprint.xhtml"
    assert sorted(spine) == sorted(key for key in hostile_book.keys if key.endswith(".xhtml"))
    assert len(hostile_book.chapters) == len(hostile_posts()) + 1


# -- documents: 6, 3.6 -------------------------------------------------------------------------------------------------


def test_every_document_is_well_formed_xhtml_with_a_title(hostile_book: Book) -> None:
    """Section 6.1.2."""
    for key in hostile_book.spine:
        root = hostile_book.xml(key)
        assert root.tag == f"{{{XHTML}}}html"
        assert all(etree.QName(element).namespace == XHTML for element in root.iter(etree.Element))
        (title,) = hostile_book.found(root, "/h:html/h:head/h:title")
        assert (title.text or "").strip()


def test_ids_are_names_and_unique_in_their_document(hostile_book: Book) -> None:
    for key in hostile_book.spine:
        ids = [element.get("id") for element in hostile_book.xml(key).iter(etree.Element) if element.get("id")]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", id_ or "") for id_ in ids)


def test_links_within_the_book_lead_somewhere(hostile_book: Book) -> None:
    for key in hostile_book.spine:
        for file, fragment in hostile_book.links(key):
            assert file in hostile_book.manifest, (key, file)
            if fragment:
                assert hostile_book.found(hostile_book.xml(file), f"//*[@id='{fragment}']"), (key, file, fragment)


def test_nothing_is_fetched_and_nothing_runs(hostile_book: Book) -> None:
    """3.6: all resources lie in the container; and no document is scripted."""
    for key in hostile_book.spine:
        for element in hostile_book.xml(key).iter(etree.Element):
            tag = etree.QName(element).localname
            assert tag not in ("script", "iframe", "object", "embed", "style", "svg", "math", "form", "base", "video")
            assert not any(name.startswith("on") or name == "style" for name in element.attrib)
            assert "://" not in element.get("src", "")
            assert re.match(r"https?://|mailto:|#|[\w./-]+(#[\w.-]+)?$", element.get("href", "#"))
    for key, media_type in hostile_book.manifest.items():
        if media_type == "text/css":
            assert not re.search(rb"@import|url\(", hostile_book.read(key))


def test_addresses_are_written_as_urls_are(hostile_book: Book) -> None:
    for key in hostile_book.chapters:
        for link in hostile_book.found(hostile_book.xml(key), "//h:a[contains(@href, ':')]"):
            assert re.fullmatch(
                r"(https?://|mailto:)([\w./:@!$&'()*+,;=~?#\[\]-]|%[0-9A-Fa-f]{2})+", str(link.get("href"))
            )


def test_no_document_is_deeper_than_parsers_go(hostile_book: Book) -> None:
    """Those of XML give up at 256; none of ours was told to go further."""
    deep = hostile_book.body("posts/niaogebiji/book-03.xhtml")

    assert "".join(str(text) for text in deep.itertext()).strip() == "deep"
    assert max(len(list(element.iterancestors())) for element in deep.iter()) < 120


# -- contents: 7 -------------------------------------------------------------------------------------------------------


def test_contents_list_all_chapters_in_the_order_of_reading(hostile_book: Book) -> None:
    """7.3: the same in both kinds of contents, each with a label."""
    nav = hostile_book.xml("nav.xhtml")
    (contents,) = [each for each in hostile_book.found(nav, "//h:nav") if each.get(TYPE) == "toc"]
    links = hostile_book.found(contents, ".//h:a") if contents is not None else []
    points = hostile_book.found(hostile_book.xml("toc.ncx"), "//n:navPoint[not(n:navPoint)]/n:content")

    assert [link.get("href") for link in links] == hostile_book.chapters
    assert [point.get("src") for point in points] == hostile_book.chapters
    assert all((link.text or "").strip() for link in links)


def test_both_kinds_of_contents_name_the_same_book(hostile_book: Book) -> None:
    (uid,) = hostile_book.found(hostile_book.xml("toc.ncx"), "//n:meta[@name='dtb:uid']")
    assert [uid.get("content")] == hostile_book.texts("//dc:identifier")


def test_months_part_the_contents_where_there_are_several(folder_store: FolderStore, fill: Fill) -> None:
    posts = [
        {"id": "c", "title": "三", **at("2022-08-01")},
        {"id": "d", "title": "四", "published_at": None, "date": NOW},
        {"id": "b", "title": "二", **at("2022-07-31 23:00")},
        {"id": "a", "title": "一", **at("2022-07-01")},
    ]
    fill(folder_store, *posts)

    book = book_of(folder_store)

    nav = book.xml("nav.xhtml")
    parts = [part.text for part in book.found(nav, "//h:span[@class='part']")]
    assert parts == ["2022年7月", "2022年8月", WORDS["zh"]["undated"]]
    assert [link.text for link in book.found(nav, "//h:nav[1]//h:a")] == ["一", "二", "三", "四"]
    assert "2022年7月1日 – 2022年8月1日" in book.read("cover.xhtml").decode()
    one = book_of(folder_store, month="2022-07")
    assert one.found(one.xml("nav.xhtml"), "//h:span") == []
    assert [key.rpartition("/")[2] for key in one.chapters] == ["a.xhtml", "b.xhtml"]


# -- chapters ------------------------------------------------------------------------------------------------------


def test_chapters_have_the_text_of_their_posts(hostile_book: Book, hostile_store: FolderStore) -> None:
    archive = Archive.open_or_create(hostile_store, now=NOW)
    # These are not as they were cleaned, and of cards we say where they lead.
    edited = {*(f"book-{number:02}" for number in range(len(BODIES))), "cards"}
    for ref in archive.posts():
        if ref.id in edited:
            continue
        document = archive.load(ref).document
        chapter = hostile_book.xml(f"posts/{ref.site}/{ref.id}.xhtml")
        (heading,) = hostile_book.found(chapter, "//h:h1")
        title = " ".join(xml_text(document.front["title"]).split())
        assert heading.text == (title or WORDS["zh"]["untitled"]), ref
        root = LexborHTMLParser(f"<!DOCTYPE html><body>{document.body}").body
        body = "".join(str(text) for text in hostile_book.body(f"posts/{ref.site}/{ref.id}.xhtml").itertext())
        assert root is not None
        assert "".join(root.text().split()) in "".join(body.split()), ref


def test_a_chapter_says_who_wrote_it_when_and_where(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {**at("2022-07-23 09:30")})

    text = " ".join(str(part) for part in book_of(folder_store).xml(USUAL).itertext())

    for part in (
        "鸟哥笔记 · 营销推广",
        "2022年7月23日 09:30",
        "原文：",
        "存档：2026年11月22日",
        "标签：支付宝、小程序",
    ):
        assert part in text
    (link,) = re.findall(r'href="(https://www\.niaogebiji[^"]+)"', book_of(folder_store).read(USUAL).decode())
    assert link == "https://www.niaogebiji.com/article-482538-1.html"


def test_posts_link_to_each_other_within_the_book_and_out_of_it_elsewhere(hostile_store: FolderStore) -> None:
    book = book_of(hostile_store)
    first, second = book.found(book.body("posts/niaogebiji/linked.xhtml"), ".//h:a")

    assert first.get("href") == "linked-too.xhtml"
    assert second.get("href") == "https://www.niaogebiji.com/article-1-1.html"


def test_missing_images_are_told_and_embeds_are_cards(hostile_book: Book) -> None:
    chapter = hostile_book.body("posts/niaogebiji/cards.xhtml")
    page = hostile_book.read("posts/niaogebiji/cards.xhtml").decode()

    cards = hostile_book.found(chapter, ".//h:p[@class='card']/h:a")
    assert [card.get("href") for card in cards] == ["https://v.qq.com/a", "https://sound.example/b?%3Cc%3E"]
    (gap,) = hostile_book.found(chapter, ".//h:p[@class='gap']/h:a[@class='missing']")
    assert (gap.text, gap.get("href")) == ("［图片缺失］一只鸟", "https://img.example/gone.png")
    assert WORDS["zh"]["not archived"].format(count=1) in page


def test_a_body_s_own_anchors_are_kept(hostile_book: Book) -> None:
    links = hostile_book.found(hostile_book.body("posts/niaogebiji/book-04.xhtml"), ".//h:a")
    targets = [
        list(hostile_book.found(hostile_book.body("posts/niaogebiji/book-04.xhtml"), f".//*[@id='{href[1:]}']"))
        for link in links
        for href in [str(link.get("href"))]
    ]

    assert [target[0].text for target in targets] == ["1", "3"]


def test_what_a_body_may_not_hold_leaves_its_text_at_most() -> None:
    where = Surroundings(picture=lambda _blob: None)

    assert content_of('<p style="x">a<script>b</script><font>c</font></p>', where).xhtml == "<p>ac</p>"
    assert content_of("<svg><title>a</title><text>b</text></svg><form>c<input></form>", where).xhtml == "c"
    assert content_of("<!-- a --><p>b", where).xhtml == "<p>b</p>"
    assert content_of("", where).xhtml == ""


def test_bodies_that_hold_what_they_may_not_are_told(hostile_book: Book) -> None:
    told = [line.partition(": ") for line in hostile_book.told]

    assert [key for key, _, _ in told] == [
        f"posts/niaogebiji/book-{n}/v0001.html" for n in ("00", "01", "02", "10", "11")
    ]
    assert all(what.startswith("its body holds what no body may hold, as <") for _, _, what in told)


def test_random_markup_makes_well_formed_chapters_with_whole_links(folder_store: FolderStore) -> None:
    fill_random(folder_store, 100)

    book = book_of(folder_store)

    for key in book.chapters:
        ids = [element.get("id") for element in book.xml(key).iter(etree.Element) if element.get("id")]
        assert len(set(ids)) == len(ids)
        assert all(fragment in ids for file, fragment in book.links(key) if file == key)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<strong>a<p>b</p></strong>", "a<p>b</p>"),
        ("<h2>a<blockquote>b</blockquote></h2>", "<div>a<blockquote>b</blockquote></div>"),
        ("<ul><li>a</li>b</ul>", "<div><div>a</div>b</div>"),
        ("<ul><ul><li>a</li></ul></ul>", "<div><ul><li>a</li></ul></div>"),
        ("<dl><dd>a</dd></dl>", "<div><div>a</div></div>"),
        (
            "<table><tbody><tr><td>a</td></tr></tbody><caption>b</caption></table>",
            "<table><caption>b</caption><tbody><tr><td>a</td></tr></tbody></table>",
        ),
        ("<ruby>a</ruby><rt>b</rt>", "<span>a</span><span>b</span>"),
        ("<table><tr><th><h3>a</h3></th></tr></table>", "<table><tbody><tr><th><div>a</div></th></tr></tbody></table>"),
        ('<ul><li>a<ol start="3"><li>b</li></ol></li></ul>',) * 2,
        ("<dl><dt>a</dt><dd>b</dd></dl>",) * 2,
        (
            '<a href="https://a.cn/"><table><tr><td><a href="https://b.cn/">c</a></td></tr></table></a>',
            '<a href="https://a.cn/"><table><tbody><tr><td><span>c</span></td></tr></tbody></table></a>',
        ),
    ],
)
def test_elements_that_may_not_stand_where_they_do_give_way(body: str, expected: str) -> None:
    assert content_of(body, Surroundings(picture=lambda _blob: None)).xhtml == expected


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_pictures_that_all_readers_show_are_those_of_the_archive(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store)
    images = [
        held(data) for media_type, data in pictures().items() if media_type in ("image/jpeg", "image/png", "image/gif")
    ]
    for data in pictures().values():
        archive.put_blob(data, held(data).media_type)
    fill(folder_store, showing(*images))

    book = book_of(folder_store)

    names = [key for key in book.keys if key.startswith("images/")]
    assert sorted(names) == sorted(f"images/{image.key.rpartition('/')[2]}" for image in images)
    for name in names:
        assert hashlib.sha256(book.read(name)).hexdigest() == Path(name).stem


@pytest.mark.parametrize(
    ("media_type", "form"),
    [
        *(("image/webp", "JPEG"), ("image/avif", "JPEG"), ("image/bmp", "PNG"), ("image/tiff", "PNG")),
        ("image/x-icon", "PNG"),
    ],
)
def test_other_pictures_are_drawn_anew(folder_store: FolderStore, fill: Fill, media_type: str, form: str) -> None:
    data = pictures()[media_type]
    fill(folder_store).put_blob(data, media_type)
    fill(folder_store, showing(held(data)))

    book = book_of(folder_store)

    (name,) = [key for key in book.keys if key.startswith("images/")]
    with Pillow.open(io.BytesIO(data)) as before, Pillow.open(io.BytesIO(book.read(name))) as after:
        assert after.format == form
        assert after.size == before.size
        one, other = before.convert("RGB").getpixel((12, 8)), after.convert("RGB").getpixel((12, 8))
        assert isinstance(one, tuple)
        assert isinstance(other, tuple)
        assert all(abs(a - b) < 6 for a, b in zip(one, other, strict=True))
    assert book.made.converted == 1
    assert WORDS["zh"]["drawn anew"].format(count=1) in book.read("imprint.xhtml").decode()


def test_what_can_be_seen_through_stays_so(folder_store: FolderStore, fill: Fill) -> None:
    data = translucent("WEBP")
    fill(folder_store).put_blob(data, "image/webp")
    fill(folder_store, showing(held(data)))

    book = book_of(folder_store)

    (name,) = [key for key in book.keys if key.startswith("images/")]
    with Pillow.open(io.BytesIO(book.read(name))) as image:
        pixel = image.getpixel((3, 3))
        assert isinstance(pixel, tuple)
        assert (image.format, pixel[3]) == ("PNG", 100)


def test_an_svg_keeps_its_drawing_and_nothing_else(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store).put_blob(SVG, "image/svg+xml")
    fill(folder_store, showing(held(SVG)))

    book = book_of(folder_store)

    (name,) = [key for key in book.keys if key.startswith("images/")]
    drawing = book.xml(name)
    tags = [etree.QName(element).localname for element in drawing.iter()]
    assert tags == ["svg", "defs", "linearGradient", "stop", "rect", "rect", "text"]
    gradient, rect, other = drawing[0][0], drawing[1], drawing[2]
    assert rect.get("fill") == f"url(#{gradient.get('id')})"
    assert gradient[0].get("stop-color") == "teal"
    assert (rect.get("id"), other.get("id")) == ("x", None)
    assert b"DOCTYPE" not in book.read(name)
    assert b"editor" not in book.read(name)


def test_a_picture_that_posts_share_is_in_the_book_once(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "a"}, {"id": "b"}, {"id": "c"})

    book = book_of(folder_store)

    assert len([key for key in book.keys if key.startswith("images/")]) == len(PICTURES)
    assert book.made.pictures == len(PICTURES)


def test_a_head_image_that_the_body_does_not_show_stands_above_it(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"body": "<p>x</p>\n"})

    book = book_of(folder_store)

    (image,) = book.found(book.xml(USUAL), "//h:img")
    name = hashlib.sha256(PICTURES[0]).hexdigest()
    assert image.get("src") == f"../../images/{name}.gif"


@pytest.mark.parametrize("harm", ["lost", "altered"])
def test_a_lost_picture_is_told_and_its_place_says_so(folder_store: FolderStore, fill: Fill, harm: str) -> None:
    archive = fill(folder_store, {"id": "a"}, {"id": "b"})
    blob = archive.load(archive.find("niaogebiji/a")).document.images[1].key
    file = folder_store.root / blob
    file.unlink() if harm == "lost" else file.write_bytes(PICTURES[0])

    book = book_of(folder_store)

    reason = "blob-missing" if harm == "lost" else "blob-digest"
    assert book.told == [f"{blob}, which posts/niaogebiji/a/v0001.html shows: {reason}"]
    for name in ("a", "b"):
        assert "［图片缺失］" in book.read(f"posts/niaogebiji/{name}.xhtml").decode()


# -- the choice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "expected", "title"),
    [
        ({}, "abcd", "鸟哥笔记"),
        ({"site": "niaogebiji"}, "abcd", "鸟哥笔记"),
        ({"authors": ("甲",)}, "ab", "鸟哥笔记 · 甲"),
        ({"authors": ("甲", "乙"), "tags": ("t",)}, "bc", "鸟哥笔记 · 甲 · 乙 · t"),
        ({"month": "2022-07"}, "ab", "鸟哥笔记 · 2022年7月"),
        ({"month": "2026-11"}, "d", "鸟哥笔记 · 2026年11月"),
        ({"month": "2022-08", "authors": ("乙",)}, "c", "鸟哥笔记 · 乙 · 2022年8月"),
        ({"since": datetime(2022, 8, 2, tzinfo=SHORE)}, "d", "鸟哥笔记"),
    ],
)
def test_a_book_holds_what_is_chosen_and_says_so(
    folder_store: FolderStore, fill: Fill, choice: dict[str, Any], expected: str, title: str
) -> None:
    # The clock of a post decides its month: `b` was in July by its own, and not by that of UTC.
    west = {"published_at": datetime(2022, 7, 31, 20, tzinfo=SHORE), "date": datetime(2022, 7, 31, 20, tzinfo=SHORE)}
    fill(
        folder_store,
        {"id": "a", "author": "甲", **at("2022-07-01"), "tags": ()},
        {"id": "b", "author": "甲", **west, "tags": ("t",)},
        {"id": "c", "author": "乙", **at("2022-08-02"), "tags": ("t", "u")},
        {"id": "d", "author": "丙", "published_at": None, "date": NOW, "tags": ()},
    )

    book = book_of(folder_store, **choice)

    assert "".join(key.rpartition("/")[2][0] for key in book.chapters) == expected
    assert book.texts("//dc:title") == [title]


def test_a_book_of_nothing_is_refused(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {})

    with pytest.raises(UsageError, match=r"no post to make a book of \(--author 某人; --month 2022-07\)"):
        book_of(folder_store, authors=("某人",), month="2022-07")
    with pytest.raises(UsageError, match="--site 'nobody'"):
        book_of(folder_store, site="nobody")


def test_what_was_taken_down_is_in_no_book(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "a"}, {"id": "b"})
    stub = '---\nop: "takedown"\nsite: "niaogebiji"\nid: "a"\nversion: 1\n---\n'
    (folder_store.root / "posts/niaogebiji/a/v0001.html").write_text(stub)

    assert book_of(folder_store).chapters == ["posts/niaogebiji/b.xhtml"]


def test_a_damaged_post_is_left_out_and_told(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "a"}, {"id": "b"})
    (folder_store.root / "posts/niaogebiji/a/v0001.html").write_bytes(b"damaged")

    book = book_of(folder_store)

    assert book.chapters == ["posts/niaogebiji/b.xhtml"]
    (told,) = book.told
    assert told.startswith("posts/niaogebiji/a/v0001.html: ")


def test_the_imprint_names_archive_choice_and_versions(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {}, {"title": "zweite"})

    book = book_of(folder_store, tags=("支付宝",), language="en")

    text = [str(part).strip() for part in book.xml("imprint.xhtml").itertext()]
    head = archive.load(archive.find("niaogebiji/article-482538"))
    for part in (archive.info.id, book.made.identifier, "Tags: 支付宝", "22 November 2026", "birdnest 1"):
        assert part in text
    assert text[text.index("posts/niaogebiji/article-482538/v0002.html") + 1] == head.digest


# -- again and again ---------------------------------------------------------------------------------------------------


def test_the_same_archive_and_choice_give_the_same_bytes(hostile_book: Book, hostile_store: FolderStore) -> None:
    assert book_of(hostile_store).data == hostile_book.data


def test_any_store_gives_the_same_book(folder_store: FolderStore, s3_store: Store, fill: Fill) -> None:
    for store in (folder_store, s3_store):
        fill(store, {"id": "a"}, {"id": "b", **at("2022-05-05")})

    assert book_of(folder_store).data == book_of(s3_store).data


def test_a_new_post_makes_a_new_edition_of_the_same_book(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "a"})
    first, other = book_of(folder_store), book_of(folder_store, tags=("支付宝",))
    fill(folder_store, {"id": "b", "fetched_at": NOW + timedelta(days=1)})

    second = book_of(folder_store, title="Another name", language="en")

    assert first.made.identifier == second.made.identifier != other.made.identifier
    path = "//o:meta[@property='dcterms:modified']"
    assert (first.texts(path), second.texts(path)) == (["2026-11-22T08:00:00Z"], ["2026-11-23T08:00:00Z"])
    assert first.read("posts/niaogebiji/a.xhtml") != second.read("posts/niaogebiji/a.xhtml")  # of another language
    assert second.texts("//dc:title") == ["Another name"]


def test_the_cover_is_drawn_of_the_posts(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "a"}, {"id": "b"})
    one = book_of(folder_store)
    fill(folder_store, {"id": "c"})

    two = book_of(folder_store)

    assert one.read("nest.svg") != two.read("nest.svg")
    with Pillow.open(io.BytesIO(one.read("cover.png"))) as image:
        assert image.size == (1200, 1800)
    assert len(list(one.xml("nest.svg").iter("{http://www.w3.org/2000/svg}path"))) == 260


def test_the_book_speaks_every_language_in_all_its_words() -> None:
    assert set(WORDS["zh"]) == set(WORDS["en"])
    assert all(WORDS["zh"].values())
    assert all(WORDS["en"].values())


def test_choices_of_before_are_named_as_before() -> None:
    """Trees know by it whether they are to be written again."""
    assert json.dumps(Choice(site="a", tags=("b",)).as_json()) == '{"site": "a", "since": null, "tags": ["b"]}'
    assert Choice(authors=("a",), month="2022-07").as_json() != Choice().as_json()
