"""Books in the hands of others: EPUBCheck finds nothing in them, and MuPDF shows them page by page."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from PIL import Image as Pillow
from selectolax.lexbor import LexborHTMLParser

from archive import ArchiveReader
from archive.store import FolderStore
from archive.views.epub.words import WORDS
from tests.archive.views.books import Book, book_of, fill_hostile, fill_random

if TYPE_CHECKING:
    from tests.conftest import Need

pytestmark = pytest.mark.reader
OUTLINE = """
var doc = new Document(scriptArgs[0]);
function list(entries) {
  for (var i = 0; entries && i < entries.length; ++i) { print(entries[i].title); list(entries[i].down); }
}
list(doc.loadOutline());
"""


@pytest.fixture(scope="module")
def books(replica_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Book]:
    """Of the replica's posts; and of hostile ones, with three hundred of random tags, in English."""
    folder = tmp_path_factory.mktemp("books")
    hostile = FolderStore(folder / "hostile")
    fill_hostile(hostile)
    fill_random(hostile, 300)
    replica = FolderStore(replica_archive)
    return {
        "replica": book_of(replica),
        "hostile": book_of(hostile, title=']]> & <"title">', language="en"),
    }


@pytest.fixture(scope="module")
def epubcheck(need: Need) -> Sequence[str]:
    """The command; Debian's is a JAR, which starts by itself only where the kernel knows how."""
    found = shutil.which("epubcheck")
    need("EPUBCheck", found=found is not None, how="apt-get install epubcheck")
    assert found is not None
    return ["java", "-jar", str(Path(found).resolve())] if Path(found).resolve().suffix == ".jar" else [found]


@pytest.fixture(scope="module")
def mutool(need: Need) -> str:
    found = shutil.which("mutool")
    need("mutool", found=found is not None, how="apt-get install mupdf-tools")
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["replica", "hostile"])
def test_epubcheck_finds_no_error_and_no_warning(
    books: dict[str, Book], epubcheck: Sequence[str], name: str, tmp_path: Path
) -> None:
    (tmp_path / "book.epub").write_bytes(books[name].data)

    command = [*epubcheck, "book.epub", "--json", "found.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)

    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["messages"] == []
    assert done.returncode == 0, done.stderr
    assert found["publication"]["ePubVersion"].startswith("3")
    assert found["checker"]["nFatal"] + found["checker"]["nError"] + found["checker"]["nWarning"] == 0


def test_markup_of_the_cleaner_comes_through_unchanged(books: dict[str, Book], replica_reader: ArchiveReader) -> None:
    """But for what stands around pictures, in place of missing ones, and in cards."""
    ours = {("div", "picture"), ("span", "host")}
    for ref in replica_reader.posts():
        body = books["replica"].body(f"posts/{ref.site}/{ref.id}.xhtml")
        found = [(etree.QName(each).localname, each.get("class")) for each in body.iter(etree.Element)][1:]
        root = LexborHTMLParser(replica_reader.load(ref).document.body).body
        assert root is not None
        tags = [node.tag for node in root.traverse(include_text=False) if node.tag != "body"]
        assert [tag for tag, name in found if (tag, name) not in ours] == tags, ref


@pytest.mark.parametrize("name", ["replica", "hostile"])
def test_a_reader_program_has_all_titles_in_the_order_of_the_contents(
    books: dict[str, Book], mutool: str, name: str, tmp_path: Path
) -> None:
    """MuPDF's outline is made of the contents."""
    (tmp_path / "book.epub").write_bytes(books[name].data)
    (tmp_path / "outline.js").write_text(OUTLINE)

    outline = _run([mutool, "run", "outline.js", "book.epub"], tmp_path)

    nav = books[name].xml("nav.xhtml")
    titles = [str(link.text) for link in books[name].found(nav, "//h:nav[1]//h:a")]
    parts = {str(part.text) for part in books[name].found(nav, "//h:span")}
    assert [line for line in outline.splitlines() if line not in parts] == titles
    assert len(titles) == books[name].made.posts


def test_a_reader_program_shows_every_page_with_text_or_a_picture(
    books: dict[str, Book], mutool: str, tmp_path: Path
) -> None:
    (tmp_path / "book.epub").write_bytes(books["replica"].data)
    page = ["-W", "450", "-H", "640", "-S", "11"]

    text = _run([mutool, "draw", *page, "-F", "txt", "-o", "-", "book.epub"], tmp_path)
    _run([mutool, "draw", *page, "-r", "50", "-o", "page-%d.png", "book.epub"], tmp_path)

    pages = text.split("\f")
    drawn = sorted(tmp_path.glob("page-*.png"), key=lambda file: int(re.sub(r"\D", "", file.name)))
    assert len(drawn) > 62 + 3
    assert "鸟哥笔记" in pages[0]
    assert WORDS["zh"]["contents"] in pages[1]
    folded = "".join(text.split())
    assert "在今天召开的支付宝2022年合作伙伴大会上" in folded
    assert WORDS["zh"]["versions"] in folded
    for file in drawn:
        with Pillow.open(io.BytesIO(file.read_bytes())) as image:
            greys = [grey for grey, count in enumerate(image.convert("L").histogram()) if count]
        assert greys[-1] - greys[0] > 60, file.name


def _run(command: Sequence[str], folder: Path) -> str:
    """What a command printed; that it complained of nothing but styles it does not know."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"error|cannot load|malformed", done.stderr), done.stderr
    return done.stdout
