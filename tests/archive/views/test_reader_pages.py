"""Pages of the reader: well-formed, whole without scripts, and harmless whoever wrote the archive."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from archive import Archive
from archive.layout import blob_key, link_from_document
from archive.model import Embed, MissingImage
from archive.store import FolderStore
from archive.views.reader import lists
from archive.views.reader.frame import POLICY
from archive.views.reader.post import post_page
from archive.views.reader.version import version_of
from archive.views.reader.words import WORDS
from tests.archive.views import hostile
from tests.archive.views.made import at
from tests.archive.views.reading import LOOK, built, faults, pages, text_of, tree
from tests.pipelines.clean.hostile.payloads import FAMILIES, payloads
from tests.posts import PICTURES, make_post

pytestmark = pytest.mark.usefixtures("without_search")

Fill = Callable[..., Archive]
POST = "posts/niaogebiji/article-1/index.html"
OTHERS = re.compile(r"(?:runs/|search\.html|search/)")
LOADS = ("src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "manifest", "xlink:href")


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "reader", mutable="")


@pytest.fixture
def shown(folder_store: FolderStore, place: FolderStore, fill: Fill) -> Callable[..., bytes]:
    """The page of a post, by what is particular of it."""

    def show(**changes: Any) -> bytes:
        fill(folder_store, {"id": "article-1", **changes})
        built(folder_store, place)
        return pages(place)[POST]

    return show


def html_pages(place: FolderStore) -> Iterator[tuple[str, bytes]]:
    return ((key, data) for key, data in pages(place).items() if key.endswith(".html") and not OTHERS.match(key))


def check_harmless(key: str, data: bytes) -> None:
    """A page holds nothing that runs, and loads nothing but pictures and the stylesheet of the reader."""
    root = tree(data)
    assert not root.css("script, style, iframe, object, embed, form, base, svg, math, video, audio, template"), key
    assert [meta.attributes["content"] for meta in root.css("meta[http-equiv]")] == [POLICY], key
    for node in root.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on"), (key, node.html)
            assert name != "style", (key, node.html)
            if name in LOADS:
                assert re.fullmatch(r"(?:\.\./)*images/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]+", value or ""), (key, value)
            if name == "href":
                assert re.match(r"https?://|mailto:|#|\.\./|[a-z0-9]", value or "", re.IGNORECASE), (key, value)
                assert not re.match(r"\s*(?:javascript|data|vbscript|file):", value or "", re.IGNORECASE), (key, value)
    links = [each.attributes for each in root.css("link")]
    assert {each["rel"] for each in links} == {"stylesheet", "icon", "alternate"}
    assert all(not re.match(r"[a-z]+:|//", each["href"] or "") for each in links)


def check_links(place: FolderStore) -> None:
    """Links within the reader lead to files that are there."""
    there = set(pages(place))
    for key, data in html_pages(place):
        ids = {node.attributes["id"] for node in tree(data).css("[id]")}
        for node in tree(data).css("[href], [src]"):
            target = node.attributes.get("href") or node.attributes.get("src") or ""
            if re.match(r"https?:|mailto:", target, re.IGNORECASE):
                continue
            file, _, anchor = target.partition("#")
            where = posixpath.normpath(posixpath.join(posixpath.dirname(key), unquote(file))) if file else key
            assert where in there or OTHERS.match(where), (key, target)
            if anchor and not file and not anchor.startswith("n-"):
                assert anchor in ids, (key, target)


def test_all_pages_of_the_replica_are_well_formed_harmless_linked_and_small(
    replica_archive: Path, place: FolderStore
) -> None:
    store = FolderStore(replica_archive)
    assert built(store, place).posts == 62

    for key, data in html_pages(place):
        assert faults(data) == [], key
        check_harmless(key, data)
        assert len(data) < 100_000, key
    check_links(place)


def test_the_text_of_every_post_of_the_replica_is_on_its_page(replica_archive: Path, place: FolderStore) -> None:
    store = FolderStore(replica_archive)
    built(store, place)
    for info in store.list("posts/"):
        front, _, body = store.read(info.key).decode()[4:].partition("\n---\n")
        del front
        page = tree(pages_of(place, info.key)).css("article.post")[0]
        expected = tree(f"<body>{body}").css("body")[0]
        for embed in page.css(".embed, .why"):
            embed.decompose()
        found = "".join(page.text().split())
        for block in expected.css("p, h2, h3, h4, li, td, pre"):
            text = "".join(block.text().split())
            if not re.search(r"视频|音频|公众号|小程序|嵌入|投票|商品|卡片", text):
                assert text in found, (info.key, text)
        assert len(page.css(".body img")) == len(expected.css("img")), info.key


def pages_of(place: FolderStore, document: str) -> bytes:
    return place.read(f"{posixpath.dirname(document)}/index.html")


def test_pages_of_hostile_titles_names_and_bodies_are_well_formed_and_harmless(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    names = (
        *("<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "javascript:alert(1)", "../../etc/passwd", ""),
        *("CON", "a/b", "a\\b", "..", ".", "%2e%2e", "a" * 3_000, "\u202egpj.exe", "\x00\x07", "\ud800", "App", "app"),
    )
    fill(
        folder_store,
        *hostile.posts(),
        *(
            {
                "id": f"name-{n:02}",
                "title": name,
                "author": name,
                "tags": (name, "x"),
                "categories": (name,),
                "section": name,
                "description": name,
                "lang": name,
                "boilerplate": (name,),
                "url": name,
                "embeds": (
                    Embed(kind=name, url=name, title=name),
                    Embed(kind="video", url="javascript:alert(1)", title=""),
                ),
                "missing_images": (MissingImage(url=name, reason=name, retryable=False),),
            }
            for n, name in enumerate(names)
        ),
    )

    done = built(folder_store, place)

    assert done.posts == len(hostile.posts()) + len(names)
    for key, data in html_pages(place):
        check_harmless(key, data)
        if key.startswith("posts/") and "body-" in key:
            continue  # as well-formed as those bodies are
        assert faults(data) == [], key
    check_links(place)
    keys = [info.key for info in place.list() if not info.key.startswith("images/")]
    assert len({key.lower() for key in keys}) == len(keys)
    assert max(len(part) for key in keys for part in key.split("/")) <= 70
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", key.removeprefix(".")) for key in keys)


@pytest.mark.parametrize("family", FAMILIES)
def test_bodies_that_were_edited_to_run_or_fetch_something_do_neither(
    folder_store: FolderStore, fill: Fill, family: str
) -> None:
    """Whatever is known to run in browsers, in every place of a body."""
    archive = fill(folder_store, {"id": "article-1"})
    ref = archive.find("niaogebiji/article-1")
    usual = version_of(ref, archive.load(ref).document)
    for payload in payloads(family):
        for body in payload.in_contexts():
            page = post_page(replace(usual, body=body), LOOK, old=False)
            check_harmless(payload.name, page.file.data)
            assert b"evil.example" not in re.sub(rb'href="https?://[^"]*"|>[^<]*<', b"", page.file.data), payload.name


def test_a_body_that_may_not_be_is_told_and_the_page_says_so(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    bodies = ["".join(payload.text for payload in payloads(family)) for family in FAMILIES]
    bodies = [body.encode(errors="replace").decode() for body in bodies]
    fill(folder_store, *({"id": f"evil-{n:04}", "body": f"{body}\n"} for n, body in enumerate(bodies)), {"id": "good"})
    told: list[str] = []

    done = built(folder_store, place, complain=told.append)

    assert done.posts == len(bodies) + 1
    for key, data in html_pages(place):
        check_harmless(key, data)
    marked = {key for key, data in html_pages(place) if tree(data).css(".notice.bad")}
    assert {line.split("/v0001")[0] for line in told} == {key.removesuffix("/index.html") for key in marked}
    assert len(marked) == len(bodies)
    assert "正文" in text_of(pages(place)["posts/niaogebiji/good/index.html"], ".body")


def test_a_script_in_a_body_leaves_the_rest(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    body = "<p>vorher</p>\n<script>alert(1)</script><div onclick=x()>mitten <b>drin</b></div>\n<p>nachher</p>\n"
    fill(folder_store, {"id": "article-1", "body": body})
    told: list[str] = []

    built(folder_store, place, complain=told.append)

    page = pages(place)[POST]
    assert text_of(page, ".body") == "vorher mitten drin nachher"
    assert "<script>" in text_of(page, ".notice.bad")
    assert len(told) == 1


def test_the_page_tells_what_the_archive_knows_of_a_post(shown: Callable[..., bytes]) -> None:
    page = shown(updated_at=make_post().date.replace(day=25, hour=7))

    root = tree(page)
    usual = make_post()
    assert text_of(page, "h1") == usual.title
    assert [node.attributes["datetime"] for node in root.css(".by time")] == [
        "2022-07-23T00:00:00+08:00",
        "2022-07-25T07:00:00+08:00",
    ]
    links = {node.text(): node.attributes["href"] for node in root.css(".post a, .post-tags a")}
    for kind, name in (("tags", "支付宝"), ("categories", "新媒体"), ("authors", "鸟哥笔记")):
        assert posixpath.basename(links[name] or "") in (
            posixpath.basename(lists.list_key(kind, name)),
            "niaogebiji.html",
        )
    about = text_of(page, ".about")
    for text in (usual.url, "2026-11-22", usual.boilerplate[0], usual.missing_images[0].url, "营销推广"):
        assert text in about
    assert root.css(".digest")[0].text() == usual.content_sha256
    assert root.css("details > summary")


def test_pictures_have_their_size_open_large_and_come_as_they_are_reached(shown: Callable[..., bytes]) -> None:
    images = make_post().images
    large = tuple(type(image)(**{**vars(image), "width": 800, "height": 600}) for image in images)
    body = "".join(
        f'<p><img src="{link_from_document(image.key)}" alt="n" width="9" height="9"></p>\n' for image in large
    )

    root = tree(shown(images=large, body=body))

    for number, image in enumerate(root.css(".body img")):
        assert (image.attributes["width"], image.attributes["height"]) == ("800", "600")
        assert image.attributes.get("loading") == (None if number == 0 else "lazy")
        assert image.attributes["alt"] == "n"
        assert image.parent is not None
        assert image.parent.tag == "a"
        assert image.parent.attributes["href"] == image.attributes["src"]
    assert len(root.css(".body p.picture")) == len(PICTURES)


def test_a_picture_in_a_link_keeps_its_link(shown: Callable[..., bytes]) -> None:
    image = make_post().images[0]
    body = f'<p><a href="https://example.com/"><img src="{link_from_document(image.key)}" alt=""></a></p>\n'

    (link,) = tree(shown(body=body)).css(".body a")

    assert link.attributes["href"] == "https://example.com/"
    assert link.css("img")


def test_a_drawing_is_shown_large_on_the_page_itself(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    """As a page of its own a drawing could run scripts, in an archive that somebody edited."""
    data = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
    key = blob_key(hashlib.sha256(data).hexdigest(), "image/svg+xml")
    fill(folder_store).put_blob(data, "image/svg+xml")
    body = f'<p><img src="{link_from_document(key)}" alt="Bild"></p>\n'
    fill(folder_store, {"id": "article-1", "images": (), "body": body, "head_image": None})
    built(folder_store, place)

    root = tree(pages(place)[POST])
    (link,) = root.css(".body a.zoom")
    assert link.attributes["href"] == "#large-1"
    (large,) = root.css("#large-1 img")
    assert large.attributes["src"] == root.css(".body img")[0].attributes["src"]
    assert not root.css('a[href$=".svg"]')


def test_missing_pictures_and_embeds_are_shown_where_they_stood(shown: Callable[..., bytes]) -> None:
    page = shown(
        body='<p><a href="https://img.example/gone.png">［图片缺失］</a></p>\n'
        '<p><a href="https://v.qq.com/x/page/a.html">视频：采访</a></p>\n'
        "<p>公众号：见实</p>\n<p>正文里的公众号：见实，不是卡片</p>\n",
        embeds=(
            Embed(kind="video", url="https://v.qq.com/x/page/a.html", title="采访"),
            Embed(kind="profile-card", url=None, title="见实"),
            Embed(kind="vote", url=None, title="投票在哪里"),
        ),
    )

    root = tree(page)
    assert "404" in text_of(page, ".body .missing .why")
    cards = [" ".join(card.text().split()) for card in root.css(".embed")]
    assert cards == ["视频 采访 v.qq.com", "公众号 见实", "投票 投票在哪里"]
    assert len(root.css(".body .embed")) == 2
    assert "不是卡片" in text_of(page, ".body")


def test_wide_tables_and_code_can_be_reached_and_scrolled(shown: Callable[..., bytes]) -> None:
    page = shown(
        body="<table><tr><th>甲</th></tr><tr><td>1</td></tr></table>\n"
        '<pre><code class="language-js">\n\n  let a = 1 &lt; 2;\n</code></pre>\n<pre>\n\nx</pre>\n'
        '<p>注<a href="#n-1">[1]</a></p>\n<p id="n-1">注释</p>\n'
    )

    root = tree(page)
    (box,) = root.css(".body .scroll")
    assert (box.attributes["tabindex"], box.attributes["role"]) == ("0", "region")
    assert box.css("table")
    assert [pre.text() for pre in root.css(".body pre")] == ["\n\n  let a = 1 < 2;\n", "\nx"]
    assert root.css("code.language-js")
    assert root.css("#n-1")
    assert root.css('a[href="#n-1"]')


def test_headings_leave_no_level_out(shown: Callable[..., bytes]) -> None:
    page = shown(body="<h4>a</h4>\n<h6>b</h6>\n<h4>c</h4>\n<h2>d</h2>\n<h3>e</h3>\n<h5>f</h5>\n<h3>g</h3>\n")

    headings = [(node.tag, node.text()) for node in tree(page).css(".body :is(h2, h3, h4, h5, h6)")]
    assert [f"{tag} {text}" for tag, text in headings] == ["h2 a", "h3 b", "h2 c", "h2 d", "h3 e", "h4 f", "h3 g"]


def test_a_summary_that_only_repeats_the_beginning_is_left_out(shown: Callable[..., bytes]) -> None:
    body = "<p>在今天召开的合作伙伴大会上，官方公布了过去一年的生态开放成绩单，许多人没有想到。</p>\n"

    page = shown(body=body, description="在今天召开的合作伙伴大会上，官方公布了过去一年的生态开放成绩单，许多…")

    assert not tree(page).css("article .summary")


def test_an_undated_post_says_that_its_date_is_that_of_the_archive(shown: Callable[..., bytes]) -> None:
    assert "存档于 2022-07-22" in text_of(shown(published_at=None), ".by")


def test_lists_are_in_order_and_count_their_posts(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    fill(
        folder_store,
        {"id": "a", "title": "A", "tags": ("eins", "zwei"), **at("2021-12-31T23:00:00")},
        {"id": "b", "title": "B", "tags": ("zwei",), **at("2022-01-01T00:30:00")},
        {"id": "c", "title": "C", "tags": ("zwei",), **at("2022-01-01T00:10:00"), "author": "见实"},
    )
    built(folder_store, place)
    found = pages(place)

    assert [node.text() for node in tree(found["index.html"]).css("article h2")] == ["B", "C", "A"]
    assert [node.text() for node in tree(found["months/2022-01.html"]).css("article h2")] == ["B", "C"]
    # By the post's own clock: in UTC all three are of December.
    rows = [" ".join(node.text().split()) for node in tree(found["months/index.html"]).css(".names li, h2")]
    assert rows == ["2022 年", "2022-01 2 篇", "2021 年", "2021-12 1 篇"]
    rows = [" ".join(node.text().split()) for node in tree(found["tags/index.html"]).css(".names li")]
    assert rows == ["zwei 3 篇", "eins 1 篇"]
    assert [" ".join(node.text().split()) for node in tree(found["authors/index.html"]).css(".names li")] == [
        "鸟哥笔记 2 篇",
        "见实 1 篇",
    ]


def test_both_languages_have_the_same_words_and_places_in_them() -> None:
    zh, en = WORDS["zh"], WORDS["en"]
    assert zh.keys() == en.keys()
    for key in zh:
        assert set(re.findall(r"\{\w+\}", zh[key])) == set(re.findall(r"\{\w+\}", en[key])), key
