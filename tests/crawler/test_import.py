"""`birdnest import hexo`, the installed command: what is kept, what is not written twice, what fails and why."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from archive import Archive, open_store
from archive.reader import Head
from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.hexo_tree import folded
from crawler.lease import return_lease, take_lease
from crawler.replica import trouble
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from pipelines.clean.decoded import repair_decoded
from pipelines.clean.parse import parse_body
from pipelines.clean.tree import text_of
from pipelines.hexo import html_of, read_post
from tests.support import COMMAND, ROOT, Birdnest, Ended

CORPUS = Path(os.environ.get("BIRDNEST_CORPUS") or ROOT.parent / "shared" / "corpus") / "posts"
PICTURE = "https://ngbjimg.xy599.com/114762780962d988a67d7570.44377990.jpeg"  # the replica serves it
IN_TWO_DAYS = {"SOURCE_DATE_EPOCH": str(int(time.time()) + 2 * 24 * 3600)}
WIDE = {"COLUMNS": "160"}
BULLETIN = 13389  # of the replica


def write(folder: Path, name: str, body: str = "<p>正文。</p>", *, categories: str = "", **front: str) -> Path:
    """A post as the aggregator writes one."""
    keys = {"title": f"'{Path(name).stem}'", "author": "鸟哥笔记", "date": "Mon, 17 May 2021 08:29:00 GMT", **front}
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    listed = categories or "\n - 新媒体\n - 鸟哥笔记\n - 首页"
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"\n---\n{lines}categories: {listed}\n---\n\n<div>   \n{body}  \n</div>\n   ", encoding="utf-8")
    return file


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "blog" / "source" / "_posts"


def imported(birdnest: Birdnest, tree: Path, *more: str, environment: dict[str, str] | None = None) -> Ended:
    return birdnest("import", "hexo", str(tree), "--json", *more, environment=environment)


def heads(birdnest: Birdnest, site: str = SITE) -> dict[str, Head]:
    """The newest versions of a site's posts by title."""
    archive = birdnest.archive()
    found = [archive.load(ref) for ref in archive.posts(site)]
    return {head.document.front["title"]: head for head in found}


def found_archive(birdnest: Birdnest) -> None:
    Archive.open_or_create(open_store(str(birdnest.folder / "archive")), now=datetime.now(tz=UTC))


def is_sound(birdnest: Birdnest) -> bool:
    return list(verify(birdnest.archive().store, Scope(full=True))) == []


# --- what is kept


def test_a_post_is_archived_with_its_file_and_a_second_import_changes_nothing(birdnest: Birdnest, tree: Path) -> None:
    file = write(
        tree, "甲.md", f'<p>正文。</p><img src="{PICTURE}"><p>完。</p>', headimg=f"'{PICTURE}'", thumbnail=PICTURE
    )
    write(tree, "乙.md")
    first = imported(birdnest, tree)

    assert (first.code, first.report["new"], first.report["images_kept"]) == (0, 2, 1), first.err
    document = heads(birdnest)["甲"].document
    assert document.original is not None
    assert birdnest.archive().store.read(document.original.key) == file.read_bytes()
    assert document.original.key.endswith(".md")
    assert document.front["categories"] == ["新媒体", "鸟哥笔记", "首页"]
    assert document.front["headimg"].endswith(document.images[0].key)
    assert "<p>正文。</p>" in document.body
    before = birdnest.objects()
    second = imported(birdnest, tree)
    assert (second.code, second.report["unchanged"], second.report["requests"]) == (0, 2, 0)
    assert birdnest.objects() == before
    # Elsewhere, renamed, with other line ends, and without the frontier.
    elsewhere = birdnest.folder / "other"
    shutil.copytree(tree, elsewhere / "x")
    (elsewhere / "x" / "甲.md").rename(elsewhere / "丙.md")
    (elsewhere / "x" / "乙.md").write_bytes((elsewhere / "x" / "乙.md").read_bytes().replace(b"\n", b"\r\n"))
    shutil.rmtree(birdnest.folder / "state")
    assert imported(birdnest, elsewhere).report["unchanged"] == 2
    assert birdnest.objects() == before
    assert is_sound(birdnest)


def test_posts_of_one_title_are_posts_of_their_own_and_copies_are_one(birdnest: Birdnest, tree: Path) -> None:
    write(tree, "a/同题.md")
    write(tree, "b/同题.md", date="Tue, 18 May 2021 08:29:00 GMT")
    write(tree, "c/同题.md", "<p>另一篇。</p>")
    write(tree, "d/copy.md", title="同题")
    write(tree, "e/同题.part.md", title="同题")

    report = imported(birdnest, tree, "--no-images").report

    assert (report["found"], report["new"], report["aliases"]) == (5, 3, 2)
    assert "d/copy.md: the same post as a/同题.md, whose file is the one kept" in report["notes"]
    assert len(list(birdnest.archive().posts())) == 3
    told = birdnest("import", "hexo", str(tree), "--dry-run", "--json")
    assert [(site["held"], site["new"], site["same"]) for site in map(json.loads, told.out.splitlines())] == [(3, 0, 2)]


def test_each_site_has_a_report_of_its_own(birdnest: Birdnest, tree: Path) -> None:
    write(tree, "甲.md")
    write(tree, "乙.md", categories="[社区, 某某论坛, 首页]", author="某某论坛", date="Invalid Date")
    write(tree, "戊.md", date="2022-01-13 05:12:08")
    (tree / "README.md").write_text("# no post", encoding="utf-8")
    (tree / "丙.md").write_text("---\ntitle: 丙\nno end", encoding="utf-8")
    write(tree, "丁.md", " ", categories="[社区, 某某论坛, 首页]", author="某某论坛")

    done = imported(birdnest, tree, "--no-images")

    assert done.code == 4
    reports = {report["site"]: report for report in done.reports}
    assert {site: (r["found"], r["new"], r["verdict"]) for site, r in reports.items()} == {
        SITE: (2, 2, "fine"),
        "site-67de9aed": (2, 1, "below expectations"),
        "unsorted": (2, 0, "below expectations"),
    }
    failures = {f["url"]: f["reason"] for report in done.reports for f in report["failures"]}
    assert failures == {
        "README.md": "front-matter-missing",
        "丙.md": "front-matter-malformed",
        "丁.md": "empty-body",
    }
    front = heads(birdnest, "site-67de9aed")["乙"].document.front
    assert (front["author"], front["categories"]) == ("某某论坛", ["社区", "某某论坛", "首页"])
    assert (front["published_at"], front["lang"]) == (None, "zh")
    assert front["url"].startswith("urn:sha256:")
    told = {title: head.document.front["published_at"] for title, head in heads(birdnest).items()}
    assert told == {"甲": "2021-05-17T16:29:00+08:00", "戊": "2022-01-13T05:12:08+08:00"}
    assert len(list(birdnest.archive().runs())) == 3
    assert is_sound(birdnest)


# --- images


def test_images_are_kept_while_they_live_and_had_later_when_they_come_back(
    birdnest: Birdnest, replica: Replica, tree: Path
) -> None:
    write(tree, "甲.md", f'<p>字</p><img src="{PICTURE}"><img src="{trouble.IMAGE_404}"><img src="/local.gif">')
    first = imported(birdnest, tree)

    # Of the post's address no more is known than the site.
    local = "https://www.niaogebiji.com/local.gif"
    assert (first.code, first.report["images_missing"]) == (0, {"http-404": 2})
    document = heads(birdnest)["甲"].document
    assert [image.url for image in document.images] == [PICTURE]
    assert [image.url for image in document.missing_images] == [trouble.IMAGE_404, local]
    replica.heal_image(trouble.IMAGE_404)
    healed = imported(birdnest, tree, environment=IN_TWO_DAYS).report
    assert (healed["changed"], healed["unchanged"], healed["images_kept"]) == (1, 1, 1)
    head = heads(birdnest)["甲"]
    assert head.ref.version == 2
    assert head.document.original == document.original
    assert [image.url for image in head.document.missing_images] == [local]
    assert is_sound(birdnest)


# --- posts that a crawl knows


def bulletin(tree: Path) -> Path:
    link = f"https://www.niaogebiji.com/pc/bulletin/detail?id={BULLETIN}"
    return write(tree, " .md", f'<p>5月2日消息，旧文。</p><a href="{link}">原文链接</a>', title="' '")


def test_a_crawl_goes_on_with_what_was_imported_and_an_import_never_takes_its_place(
    birdnest: Birdnest, replica: Replica, tree: Path
) -> None:
    bulletin(tree)
    write(tree, "甲.md", f'<p>字</p><img src="{PICTURE}">')
    first = imported(birdnest, tree, "--no-images").report
    assert (first["new"], first["images_missing"]) == (2, {"not-fetched": 1})
    assert (first["requests"], replica.hits()) == (0, {})
    assert {head.ref.id for head in heads(birdnest).values()} > {f"bulletin-{BULLETIN}"}
    planned = birdnest("crawl", SITE, "--full", "--dry-run", environment=IN_TWO_DAYS)
    assert f"id={BULLETIN}" in planned.out
    assert "urn:" not in planned.out

    crawled = birdnest.crawl("--full", environment=IN_TWO_DAYS).report

    # The page of the one, which has an address; the picture of the other, which has none.
    assert not [failure for failure in crawled["failures"] if failure["url"].startswith("urn:")]
    head = birdnest.head(f"bulletin-{BULLETIN}")
    assert (head.ref.version, head.document.original) == (2, None)
    assert [image.url for image in heads(birdnest)["甲"].document.images] == [PICTURE]
    before = birdnest.objects()
    write(tree, "乙.md", link=article_url(trouble.SEED_ID))
    again = imported(birdnest, tree, environment=IN_TWO_DAYS).report
    assert (again["known"], again["unchanged"], again["new"], again["changed"]) == (2, 1, 0, 0)
    shutil.rmtree(birdnest.folder / "state")
    again = imported(birdnest, tree, environment=IN_TWO_DAYS).report
    assert (again["known"], again["unchanged"]) == (2, 1)
    assert birdnest.objects() == before
    assert is_sound(birdnest)


# --- what a person sees


def test_a_dry_run_says_what_each_file_is_and_changes_nothing(birdnest: Birdnest, tree: Path) -> None:
    write(tree, "甲.md")
    write(tree, "乙.md", title="甲")
    write(tree, "丙.md", categories="[技术]", author="某人")
    (tree / "丁.txt").write_text("x")

    told = birdnest("import", "hexo", str(tree), "--dry-run", environment=WIDE)

    assert told.code == 4
    assert re.search(r"niaogebiji +│ 鸟哥笔记 +│ +2 │ +1 │ +0 │ +1 │ +0", told.out), told.out
    assert "would fail  site-unknown  丙.md: neither its categories nor its author name the site" in told.out
    assert "1 files are no Markdown" in told.out
    assert not (birdnest.folder / "archive").exists()


def test_the_table_counts_every_file(birdnest: Birdnest, tree: Path) -> None:
    write(tree, "甲.md", f'<p>字</p><img src="{PICTURE}">')
    write(tree, "乙.part.md", categories="[社区, 某某论坛, 首页]", author="某某论坛")
    done = birdnest("import", "hexo", str(tree), "--no-images", environment=WIDE)

    assert done.code == 0, done.err
    assert re.search(r"niaogebiji +│ 鸟哥笔记 +│ +1 │ +1 │ +0 │ +0 │ +1 │ fine", done.out), done.out
    assert re.search(r"all +│ +│ +2 │ +2 │ +0 │ +0 │ +1 │", done.out)
    assert "missing images: 1 not-fetched" in done.out
    assert "1 files *.part.md are excerpts" in done.out
    # Without an address it is found by its name.
    (head,) = heads(birdnest).values()
    url = head.document.front["url"]

    assert json.loads(birdnest("show", url, "--json").out)["id"] == head.ref.id
    page = Path(birdnest("open", url, "--no-browser").out.strip()).read_text(encoding="utf-8")
    assert url in page
    assert f'href="{url}"' not in page
    assert re.search("found in a Hexo tree.*new: v1, 0 images kept, 1 missing", birdnest("why", url).out, re.DOTALL)


def test_bad_input_is_one_line(birdnest: Birdnest) -> None:
    ended = birdnest("import", "hexo", "nothing")
    assert (ended.code, len(ended.err.strip().splitlines())) == (2, 1)
    assert "there is no such folder" in ended.err


# --- interrupted


@pytest.fixture
def large(birdnest: Birdnest, tree: Path) -> Path:
    for number in range(200):
        author = "鸟哥笔记" if number % 2 else "某某论坛"
        write(tree, f"{number}.md", f"<p>第 {number} 篇。</p>" * 30, categories=f"[类, {author}, 首页]", author=author)
    birdnest.configure(None)
    return tree


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_is_stopped_goes_on_where_it_was(
    birdnest: Birdnest, large: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [str(COMMAND), "import", "hexo", str(large), "--no-images"],
        cwd=birdnest.folder,
        env=birdnest.variables(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    posts = birdnest.folder / "archive" / "posts" / SITE
    end = time.monotonic() + 60
    while len(list(posts.glob("*/v0001.html"))) < 20 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), err
    held = len(list(birdnest.archive().posts()))
    assert 20 <= held < 200

    done = imported(birdnest, large, "--no-images")

    assert done.code == 0, done.err
    totals = {key: sum(report[key] for report in done.reports) for key in ("found", "new", "unchanged")}
    assert totals == {"found": 200, "new": 200 - held, "unchanged": held}
    assert is_sound(birdnest)


def test_a_site_that_is_being_crawled_is_not_imported_meanwhile(birdnest: Birdnest, tree: Path) -> None:
    write(tree, "甲.md")
    found_archive(birdnest)
    state, id_ = birdnest.folder / "state" / "birdnest", birdnest.archive().info.id
    take_lease(state, id_, SITE, now=datetime.now(tz=UTC))
    try:
        ended = imported(birdnest, tree, "--no-images")
    finally:
        return_lease(state, id_, SITE)

    assert ended.code == 8, ended.err
    assert "is crawling this site into this archive" in ended.report["reasons"][0]


def test_a_store_that_fails_ends_the_import(birdnest: Birdnest, large: Path) -> None:
    found_archive(birdnest)
    (birdnest.folder / "archive" / "posts").write_text("in the way", encoding="utf-8")

    ended = imported(birdnest, large, "--no-images")

    assert ended.code == 6, ended.err
    assert {report["verdict"] for report in ended.reports} == {"store failed"}


# --- the corpus


def _shingles(text: str) -> set[str]:
    squeezed = re.sub(r"复制代码|-(?:THE)?END-", "", re.sub(r"[\s\u200b\ufeff]", "", text))
    return {squeezed[at : at + 5] for at in range(len(squeezed) - 4)}


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real posts at {CORPUS}")
def test_every_post_of_the_corpus_is_imported_whole_and_once(birdnest: Birdnest) -> None:
    done = imported(birdnest, CORPUS, "--no-images")
    files = sorted(CORPUS.glob("*.md"))

    assert done.code == 0, done.err
    assert sum(report["new"] for report in done.reports) == len(files)
    archive = birdnest.archive()
    documents = [archive.load(ref).document for ref in archive.posts()]
    by_digest = {archive.store.read(d.original.key): d for d in documents if d.original}
    for file in files:
        document = by_digest[file.read_bytes()]
        _check_front(document.front, file)
        source = _visible(parse_body(repair_decoded(html_of(read_post(file.read_bytes()).body))))
        kept = _visible(parse_body(document.body)) + "".join(document.front["boilerplate"])
        lost = _shingles(source) - _shingles(kept)
        assert len(lost) <= max(0.001 * len(_shingles(source)), 5), (file.name, sorted(lost)[:10])
    tags = {document.front["title"][:6]: document.front["tags"] for document in documents}
    assert tags["微软确认CP"] == ["Windows 11", "微软", "指令集"]
    before = birdnest.objects()
    again = imported(birdnest, CORPUS, "--no-images")
    assert sum(report["unchanged"] for report in again.reports) == len(files)
    assert birdnest.objects() == before
    assert is_sound(birdnest)


def _visible(body: etree._Element) -> str:
    """A body's text, but for the links that stand for missing images."""
    for link in list(body.iter("a")):
        if (link.text or "").startswith("［图片缺失］"):
            link.text = None
    return text_of(body)


def _check_front(front: Any, file: Path) -> None:
    found = read_post(file.read_bytes())
    assert front["title"].strip() == front["title"] != ""
    _, title, channel = front["categories"]
    # A profile writes the title its own way: IT 之家, 快科技（原驱动之家）.
    assert (folded(title), channel) == (folded(found.categories[1]), found.categories[2])
    assert front["author"] == title
    assert (front["published_at"] is None) == (found.date == "Invalid Date")
    assert not re.search("picsum|undefined", json.dumps([front["images"], front["missing_images"]]))
    assert "&#123;" not in json.dumps(dict(front))
