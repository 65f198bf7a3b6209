"""A post that was taken down stays so, whatever a crawl, a list of URLs or an import knows; nothing asks for it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from archive import ArchiveReader
from archive.store import FolderStore
from archive.takedown import whole_versions
from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.reader_server import reader_folder
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from tests.archive.everywhere import everything, where
from tests.crawler.test_import import write as write_post
from tests.support import Birdnest

POST, NUMBER = "article-482538", 482538
SINCE = ("--since", "2022-07-10")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Birdnest, list[str | bytes]]:
    """A crawled archive in which a post was taken down; what must be found of it nowhere."""
    birdnest = Birdnest(folder=tmp_path_factory.mktemp("home"))
    with Replica() as replica:
        birdnest.configure(replica)
        assert birdnest.crawl(*SINCE).code == 0
    reader = ArchiveReader.open(FolderStore(birdnest.folder / "archive"))
    document = birdnest.head(POST).document
    others = {image.key for ref in reader.posts() if ref.id != POST for image in reader.load(ref).document.images}
    own = [reader.store.read(image.key) for image in document.images if image.key not in others]
    sentence = re.split("[<，]", document.body.split("<p>")[1])[0]
    assert len(sentence) > 8
    rejects = birdnest.folder / "state" / "birdnest" / "rejected" / SITE / "run"
    rejects.mkdir(parents=True, exist_ok=True)
    (rejects / "foreign-page-1.html").write_text(f"<title>{document.front['title']}</title>")
    (rejects / "foreign-page-1.json").write_text(json.dumps({"url": "https://x.example/", "reason": "foreign-page"}))
    spool = birdnest.folder / "state" / "birdnest" / "spool" / reader.info.id / SITE
    (segment,) = (birdnest.folder / "archive" / "raw").rglob("*.warc.gz")
    spool.mkdir(parents=True, exist_ok=True)
    shutil.copy(segment, spool / segment.name.replace("-0001", "-0009"))
    pages = reader_folder(birdnest.folder / "state" / "birdnest", reader.info.id)
    pages.mkdir(parents=True)
    (pages / "index.html").write_text(sentence)
    done = birdnest("takedown", article_url(NUMBER), "--reason", "law", "--yes", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["here"] == {"captures": 1, "rejects": 1, "readers": 1}
    assert not pages.exists()
    return birdnest, [document.front["title"], sentence, *own]


def left(birdnest: Birdnest, needles: list[str | bytes]) -> list[str]:
    return where(FolderStore(birdnest.folder / "archive"), *needles)


def settled(birdnest: Birdnest, needles: list[str | bytes]) -> None:
    store = FolderStore(birdnest.folder / "archive")
    assert left(birdnest, needles) == []
    assert whole_versions(store, SITE, POST) == []
    findings = verify(store, Scope(full=True))
    assert [each for each in findings if each.severity == "error" or each.code == "orphan-blob"] == []


def test_nothing_of_it_is_left_on_this_machine_but_its_urls(crawled: tuple[Birdnest, list[str | bytes]]) -> None:
    birdnest, needles = crawled

    settled(birdnest, needles)
    state = FolderStore(birdnest.folder / "state")
    assert where(state, *needles) == []
    story = birdnest("why", article_url(NUMBER)).out
    assert "taken down" in story
    assert "gone" in story
    assert any(article_url(NUMBER).encode() in data for _, data in everything(state))


def test_no_crawl_asks_for_it_and_no_list_brings_its_title_back(
    crawled: tuple[Birdnest, list[str | bytes]], replica: Replica
) -> None:
    birdnest, needles = crawled
    birdnest.configure(replica)
    full = birdnest.crawl("--full", *SINCE)

    assert full.code == 0, full.err
    assert not [each for each in replica.log() if POST in each["url"]]
    settled(birdnest, needles)


def test_nor_where_the_frontier_is_lost(crawled: tuple[Birdnest, list[str | bytes]], replica: Replica) -> None:
    birdnest, needles = crawled
    birdnest.configure(replica)
    shutil.rmtree(birdnest.folder / "state")
    again = birdnest.crawl(*SINCE)

    assert again.code == 0, again.err
    assert not [each for each in replica.log() if POST in each["url"]]
    settled(birdnest, needles)


def test_asked_for_by_its_url_it_is_not_fetched_and_the_report_says_so(
    crawled: tuple[Birdnest, list[str | bytes]], replica: Replica
) -> None:
    birdnest, needles = crawled
    birdnest.configure(replica)
    asked = birdnest("archive", article_url(NUMBER), "--force", "--json")

    assert asked.code == 0, asked.err
    assert asked.report["unchanged"] == asked.report["found"] == 1
    assert asked.report["notes"] == ["1 posts were taken down, and nothing of them is fetched or kept"]
    assert not [each for each in replica.log() if POST in each["url"]]
    settled(birdnest, needles)


def test_an_import_neither_brings_it_back_nor_keeps_its_file(
    crawled: tuple[Birdnest, list[str | bytes]], tmp_path: Path
) -> None:
    birdnest, needles = crawled
    birdnest.configure(None)
    title = str(needles[0])
    body = f"<p>{needles[1]!s}，还有。</p>"
    write_post(tmp_path, "copy.md", body, title=json.dumps(title, ensure_ascii=False))
    write_post(tmp_path, "other.md", "<p>另一篇文章的正文。</p>")

    done = birdnest("import", "hexo", str(tmp_path), "--json", "--no-images")

    assert (done.report["found"], done.report["unchanged"], done.report["new"]) == (2, 1, 1)
    settled(birdnest, needles)
