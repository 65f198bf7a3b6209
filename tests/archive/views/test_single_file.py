"""One post in one file: it needs nothing else, and allows nothing else. A real browser is asked whether it does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from archive import Archive, ArchiveReader
from archive.errors import ObjectMissing, UsageError
from archive.store import FolderStore
from archive.views.lines import lines
from archive.views.single_file import single_file
from archive.views.sources import Choice
from tests.archive.views import hostile
from tests.posts import PICTURES

if TYPE_CHECKING:
    from tests.conftest import Need

Fill = Callable[..., Archive]
LOOK = """<iframe></iframe><p id=found></p><script>
  const frame = document.querySelector('iframe');
  frame.onload = () => {
    const inner = frame.contentDocument;
    const widths = [...inner.images].map(image => image.naturalWidth);
    const color = frame.contentWindow.getComputedStyle(inner.querySelector('.about')).color;
    document.querySelector('#found').textContent = JSON.stringify({title: inner.title, widths, color});
  };
  frame.srcdoc = INNER;
</script>"""


def test_every_post_of_the_replica_is_one_file_with_all_its_pictures(replica_reader: ArchiveReader) -> None:
    pictures = 0
    for ref in replica_reader.posts():
        document = replica_reader.load(ref).document
        page = LexborHTMLParser(single_file(replica_reader.store, document))
        sources = [image.attributes["src"] or "" for image in page.css("img")]
        held = {image.media_type + image.sha256 for image in document.images}
        for source in sources:
            head, data = source.split(",")
            digest = hashlib.sha256(base64.b64decode(data)).hexdigest()
            assert head.removeprefix("data:").removesuffix(";base64") + digest in held
            pictures += 1
        assert page.body is not None
        assert "".join(LexborHTMLParser(document.body).text().split()) in "".join(page.body.text().split())
        heading = page.css_first("h1")
        assert heading is not None
        assert heading.text() == document.front["title"]
        assert not page.css("script, link, base, iframe")
        addresses = [value for node in page.css("[src]") for value in [node.attributes["src"] or ""]]
        assert all(value.startswith("data:") for value in addresses)
    assert pictures >= 82


def test_its_policy_allows_its_own_style_and_data_pictures_only(replica_reader: ArchiveReader) -> None:
    document = replica_reader.load(replica_reader.find("niaogebiji/article-482538")).document
    page = LexborHTMLParser(single_file(replica_reader.store, document))

    metas = page.css('meta[http-equiv="Content-Security-Policy"]')
    style = page.css_first("style")
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.text().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "script-src 'none'; base-uri 'none'; form-action 'none'"
    )
    assert [meta.attributes["content"] for meta in metas] == [policy]


def test_a_browser_shows_it_whole_and_offline(
    folder_store: FolderStore, tmp_path: Path, fill: Fill, need: Need
) -> None:
    """Chromium applies the style and decodes the pictures under that policy, and has no complaint."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    need("chromium", found=chromium is not None, how="apt-get install chromium")
    assert chromium is not None
    archive = fill(folder_store, {"title": "<img src=x onerror=document.title='ran'>"})
    document = archive.load(archive.find("niaogebiji/article-482538")).document
    file = tmp_path / "post.html"
    file.write_text(single_file(folder_store, document), encoding="utf-8")
    # A frame around it, which may look into it and is under no policy itself.
    inner = json.dumps(file.read_text(encoding="utf-8")).replace("</", "<\\/")
    (tmp_path / "look.html").write_text(LOOK.replace("INNER", inner), encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=4000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", (tmp_path / "look.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    match = re.search(r'<p id="found">(.*?)</p>', done.stdout, re.DOTALL)
    assert match is not None, done.stderr
    found = json.loads(match[1].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&"))
    assert found["title"] == "<img src=x onerror=document.title='ran'>"
    assert found["widths"] == [2, 3]
    assert found["color"] == "rgb(102, 102, 102)"
    assert "Content Security Policy" not in done.stderr


def test_a_head_image_that_the_body_does_not_show_is_shown(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {"body": "<p>x</p>\n"})

    page = LexborHTMLParser(single_file(folder_store, archive.load(archive.find("niaogebiji/article-482538")).document))

    (image,) = page.css("img")
    assert base64.b64decode((image.attributes["src"] or "").split(",")[1]) == PICTURES[0]


def test_a_picture_that_is_lost_is_told(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {})
    document = archive.load(archive.find("niaogebiji/article-482538")).document
    (folder_store.root / document.images[0].key).unlink()

    with pytest.raises(ObjectMissing, match=document.images[0].key):
        single_file(folder_store, document)


def test_of_a_post_that_was_taken_down_there_is_no_file(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {})
    stub = '---\nop: "takedown"\nsite: "niaogebiji"\nid: "article-482538"\nversion: 1\n---\n'
    (folder_store.root / "posts/niaogebiji/article-482538/v0001.html").write_text(stub)

    with pytest.raises(UsageError, match="was taken down"):
        single_file(folder_store, archive.load(archive.find("niaogebiji/article-482538")).document)


def test_json_lines_hold_front_matter_and_body_of_every_post_a_line(folder_store: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, *hostile.posts())

    text = "".join(lines(folder_store, Choice(), pytest.fail))

    found = [json.loads(line) for line in text.splitlines()]
    heads = [archive.load(ref).document for ref in archive.posts()]
    assert found == [{**head.front, "body": head.body} for head in heads]
    assert len(found) == len(hostile.posts())
