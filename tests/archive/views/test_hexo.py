"""The Hexo tree, built by a real Hexo 8 in two time zones; what is checked is the HTML that it built."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from platformdirs import user_cache_path
from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive import Archive, ArchiveReader
from archive.document import read
from archive.reader import Head
from archive.store import FolderStore, open_store
from archive.views.hexo import shape, timezone_in
from archive.views.markdown import converter
from archive.views.sources import Choice
from archive.views.tree import Exported, export
from tests.archive.views import hostile
from tests.archive.views.made import SHANGHAI
from tests.posts import NOW, PICTURES, make_post

if TYPE_CHECKING:
    from tests.conftest import Need

pytestmark = pytest.mark.hexo
ZONES = ("America/Los_Angeles", "Pacific/Auckland")  # on either side of Shanghai


@dataclass(frozen=True, kw_only=True)
class Site:
    """What Hexo built of an archive."""

    public: Path
    reader: ArchiveReader

    def heads(self) -> Iterator[Head]:
        yield from (self.reader.load(ref) for ref in self.reader.posts())

    def file(self, head: Head) -> Path:
        return self.public / head.ref.site / f"{head.ref.id}.html"

    def page(self, head: Head) -> LexborHTMLParser:
        return LexborHTMLParser(self.file(head).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def trees(replica_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees of the replica's posts and the hostile ones, in HTML and in Markdown, beside their archive."""
    folder = tmp_path_factory.mktemp("hexo")
    store = FolderStore(shutil.copytree(replica_archive, folder / "archive"))
    archive = Archive.open_or_create(store, now=NOW)
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    for changes in hostile.posts():
        archive.add(make_post(**changes))
    write_tree(store, folder / "html")
    write_tree(store, folder / "markdown", to_markdown=converter(pictures_as_html=True))
    # A tree in a Hexo site of one's own, which names no zone.
    config = folder / "markdown" / "_config.yml"
    config.write_text(re.sub(r"^timezone:.*\n", "", config.read_text(), flags=re.MULTILINE))
    return folder


def write_tree(store: FolderStore, folder: Path, to_markdown: Callable[[str], str] | None = None) -> Exported:
    target = open_store(str(folder), mutable="")
    form = shape(timezone="Asia/Shanghai", to_markdown=to_markdown)
    return export(store, target, form, Choice(), progress=lambda _what, _done: None, complain=pytest.fail)


@pytest.fixture(scope="session")
def modules(trees: Path, need: Need) -> Path:
    """Hexo and what else the tree's package.json names, installed once for each package.json."""
    for tool in ("node", "npm"):
        need(tool, found=shutil.which(tool) is not None, how="install Node.js 20 or newer (https://nodejs.org)")
    package = (trees / "html" / "package.json").read_bytes()
    folder = user_cache_path("birdnest-tests") / f"hexo-{hashlib.sha256(package).hexdigest()[:16]}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_bytes(package)
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--no-progress"]
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        (folder / "installed").touch()
    return folder / "node_modules"


def build(tree: Path, modules: Path, zone: str, public: str) -> Path:
    """Run Hexo in a zone; what it built."""
    if not (tree / "node_modules").exists():
        (tree / "node_modules").symlink_to(modules)
    done = subprocess.run(
        ["npx", "hexo", "generate"],
        cwd=tree,
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("ERROR|FATAL|WARN", done.stdout + done.stderr), done.stdout + done.stderr
    (tree / "db.json").unlink()
    return (tree / "public").rename(tree / public)


@pytest.fixture(scope="session")
def sites(trees: Path, modules: Path) -> dict[str, Site]:
    reader = ArchiveReader.open(FolderStore(trees / "archive"))
    return {
        zone: Site(public=build(trees / "html", modules, zone, zone.replace("/", "-")), reader=reader) for zone in ZONES
    }


@pytest.fixture(params=ZONES)
def site(request: pytest.FixtureRequest, sites: dict[str, Site]) -> Site:
    return sites[request.param]


@pytest.fixture(scope="session")
def markdown_site(trees: Path, modules: Path) -> Site:
    reader = ArchiveReader.open(FolderStore(trees / "archive"))
    return Site(public=build(trees / "markdown", modules, ZONES[0], "built"), reader=reader)


def test_the_version_that_builds_is_hexo_8(modules: Path) -> None:
    assert json.loads((modules / "hexo" / "package.json").read_text())["version"].startswith("8.")


def test_every_post_is_there_and_no_other(site: Site) -> None:
    expected = {site.file(head) for head in site.heads()}

    assert len(expected) == 62 + len(hostile.posts())
    assert set((site.public / "niaogebiji").glob("*.html")) == expected


def test_titles_are_those_of_the_documents(site: Site) -> None:
    for head in site.heads():
        title = head.document.front["title"]
        page = site.page(head)
        share = page.css_first(".article-share-link")
        assert share is not None
        assert (share.attributes.get("data-title") or "") == title.replace("\r\n", "\n"), head.ref
        heading = page.css_first("h1.article-title")
        assert ("" if heading is None else heading.text().strip()) == title.strip(), head.ref


def test_bodies_have_the_text_of_the_documents(site: Site) -> None:
    for head in site.heads():
        assert body_of(site, head).text() == f"\n      \n        {text(head.document.body)}\n      \n    ", head.ref


def test_pictures_resolve_to_the_bytes_that_are_archived(site: Site) -> None:
    shown = 0
    for head in site.heads():
        originals = [image.attributes["src"] or "" for image in LexborHTMLParser(head.document.body).css("img")]
        images = [image.attributes["src"] or "" for image in body_of(site, head).css("img")]
        assert len(images) == len(originals)
        for source, original in zip(images, originals, strict=True):
            built = (site.file(head).parent / source).read_bytes()
            assert built == site.reader.store.read(original.removeprefix("../../../"))
            shown += 1
    assert shown > 150


def test_every_local_picture_of_every_page_is_there(site: Site) -> None:
    """Lists, too: they show what posts begin with, and head images."""
    for file in site.public.rglob("*.html"):
        for image in LexborHTMLParser(file.read_text(encoding="utf-8")).css("article img"):
            source = image.attributes["src"] or ""
            place = site.public / source.lstrip("/") if source.startswith("/") else file.parent / source
            assert place.is_file(), (file, source)


def test_head_images_are_files_of_the_built_site(trees: Path, site: Site) -> None:
    for head in site.heads():
        front = front_of(trees / "html", head)
        assert ("headimg" in head.document.front) == ("headimg" in front)
        if "headimg" in front:
            assert front["headimg"] == front["thumbnail"]
            assert (site.public / front["headimg"].lstrip("/")).is_file()


def test_days_are_those_of_the_post_s_own_clock_and_times_are_exact(site: Site) -> None:
    for head in site.heads():
        published = head.document.moment("published_at")
        moment = published or datetime.strptime(head.document.front["date"], "%a, %d %b %Y %H:%M:%S %Z").replace(
            tzinfo=UTC
        )
        time = site.page(head).css_first("time.dt-published")
        assert time is not None
        assert time.text() == moment.astimezone(SHANGHAI).date().isoformat()
        if head.ref.id != hostile.IN_NO_HOUR:
            assert datetime.fromisoformat(time.attributes["datetime"] or "") == moment.replace(microsecond=0)


def test_where_it_is_built_makes_no_difference(sites: dict[str, Site]) -> None:
    """But for the time that Los Angeles' clocks left out, and for the order of posts of one time, which is chance."""
    one, two = sites.values()
    assert names(one.public) == names(two.public)
    for head in one.heads():
        if head.ref.id != hostile.IN_NO_HOUR:
            for part in (".article-meta", ".article-header", ".article-entry"):
                assert html_of(one, head, part) == html_of(two, head, part), head.ref


def names(public: Path) -> set[str]:
    return {file.relative_to(public).as_posix() for file in public.rglob("*") if file.is_file()}


def html_of(site: Site, head: Head, selector: str) -> str | None:
    part = site.page(head).css_first(selector)
    return part.html if part is not None else None


def test_the_front_matter_has_the_seed_s_keys_in_the_seed_s_order(trees: Path, site: Site) -> None:
    seed = ["title", "categories", "headimg", "author", "comments", "date", "thumbnail"]
    for head in site.heads():
        front = front_of(trees / "html", head)
        assert [key for key in front if key in seed] == [
            key for key in seed if key in front or key not in ("headimg", "thumbnail")
        ]
        assert front["comments"] is False
        assert front["permalink"] == f"{head.ref.site}/{head.ref.id}.html"


def test_posts_in_markdown_have_text_pictures_and_days_too(markdown_site: Site) -> None:
    for head in markdown_site.heads():
        body = body_of(markdown_site, head)
        assert "".join(body.text().split()) == "".join(text(head.document.body).split()), head.ref
        images = [image.attributes["src"] or "" for image in body.css("img")]
        assert len(images) == len(LexborHTMLParser(head.document.body).css("img"))
        assert all((markdown_site.file(head).parent / source).is_file() for source in images)
        published = head.document.moment("published_at")
        time = markdown_site.page(head).css_first("time.dt-published")
        assert time is not None
        # Built far from Shanghai, and with no zone configured.
        assert published is None or time.text() == published.date().isoformat()


def body_of(site: Site, head: Head) -> LexborNode:
    body = site.page(head).css_first(".article-entry")
    assert body is not None
    return body


def text(body: str) -> str:
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{body}").body
    return root.text() if root is not None else ""


def front_of(tree: Path, head: Head) -> dict[str, Any]:
    return dict(read((tree / "source" / "_posts" / head.ref.site / f"{head.ref.id}.html").read_bytes()).front)


def test_a_tree_s_own_zone_is_read_from_its_configuration(trees: Path) -> None:
    assert timezone_in((trees / "html" / "_config.yml").read_text()) == "Asia/Shanghai"
    assert timezone_in((trees / "markdown" / "_config.yml").read_text()) is None
    assert timezone_in("timezone: ''\n") is None
