"""The index of the search: the same for the same pages, of what posts say, and a page that says where there is none."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.errors import DamageError
from archive.store import FolderStore
from archive.views.reader.frame import Look
from archive.views.reader.search import OURS, SEARCH_POLICY, index_files, search_page, spaced
from tests.archive.views.reading import LOOK, built, pages, text_of, tree
from tests.support import COMMAND, ROOT

Fill = Callable[..., Archive]
WITHOUT_PAGEFIND = """
import sys
from importlib.abc import MetaPathFinder


class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("pagefind"):
            raise ModuleNotFoundError(name)


import importlib.util
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.startswith("pagefind") else known(name, package)
sys.meta_path.insert(0, Hidden())
from crawler.cli import main
main()
"""


def post(number: int, text: str, site: str = "鸟哥笔记") -> bytes:
    """A page of a post, as far as the search sees it."""
    return (
        f'<!doctype html><html lang="zh-CN"><body><nav>导航</nav><article data-pagefind-body>'
        f'<p data-pagefind-ignore><a data-pagefind-meta="site">{site}</a></p>'
        f'<h1 data-pagefind-meta="title">第{number}篇</h1>'
        f'<p data-pagefind-ignore><span data-pagefind-meta="author">作者{number}</span>'
        f'<span data-pagefind-meta="date"><time>2022-07-{number:02} 10:00</time></span></p>'
        f"<div><p>{text}</p></div></article><footer>页脚</footer></body></html>"
    ).encode()


def indexed(posts: dict[str, bytes]) -> dict[str, bytes]:
    return {file.key: file.data for file in index_files(posts.items())}


def some(count: int) -> dict[str, bytes]:
    return {
        f"posts/site-{n % 5}/article-{n}/index.html": post(
            n % 28 + 1, f"第{n}篇说的是增长与留存 word{n}", f"站点{n % 5}"
        )
        for n in range(count)
    }


def fragments(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """What Pagefind shows of each page."""
    found = [gzip.decompress(data) for key, data in files.items() if key.startswith("search/fragment/")]
    return [json.loads(data.removeprefix(b"pagefind_dcd")) for data in found]


def test_the_same_pages_give_the_same_index_whatever_their_order() -> None:
    posts = some(300)

    first, again, turned = indexed(posts), indexed(posts), indexed(dict(reversed(posts.items())))

    assert first == again
    assert first == turned
    assert len(fragments(first)) == 300


def test_a_site_s_posts_are_listed_by_the_names_of_the_index() -> None:
    files = indexed(some(50))

    sites = json.loads(files["search/sites.json"])
    assert sites == [{"site": f"site-{n}", "title": f"站点{n}", "posts": 10} for n in range(5)]
    names = {name for each in sites for name in json.loads(files[f"search/sites/{each['site']}.json"])}
    assert {f"search/fragment/{name}.pf_fragment" for name in names} == {
        key for key in files if key.startswith("search/fragment/")
    }


def test_what_is_indexed_is_the_post_and_not_the_page_around_it() -> None:
    (fragment,) = fragments(indexed({"posts/a/b/index.html": post(7, "支付宝<b>App</b>首页 &lt;b&gt;<br>二<p>三</p>")}))

    assert fragment["url"] == "/posts/a/b/index.html"
    assert fragment["meta"] == {"title": "第7篇", "site": "鸟哥笔记", "date": "2022-07-07"}
    words = fragment["content"].replace(" ", "")
    assert words.startswith("第7篇")
    assert "支付宝App首页<b>¶二¶三¶作者7" in words
    assert "导航" not in words
    assert "页脚" not in words


def test_only_what_is_needed_is_written_and_all_of_it_is_known_as_ours() -> None:
    files = indexed(some(3))

    assert {"search/pagefind.js", "search/pagefind-worker.js", "search/pagefind-entry.json"} <= files.keys()
    assert "search/search.js" in files
    assert not [key for key in files if not OURS.fullmatch(key)]


def test_an_archive_without_posts_has_an_index_of_nothing() -> None:
    assert indexed({}).keys() == {"search/sites.json", "search/search.js"}


def test_a_page_that_is_not_marked_is_told() -> None:
    with pytest.raises(DamageError, match="build the reader anew"):
        list(index_files([("posts/a/b/index.html", b"<html><body><p>a</p></body></html>")]))


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("支付宝", "支 付 宝"),
        ("留存与 retention", "留 存 与 retention"),
        ("iPhone手机4.0", "iPhone 手 机 4.0"),
        ("a，b。c", "a，b。c"),
        ("年会，3成", "年 会， 3 成"),
        ("カナと한글", "カ ナ と 한 글"),
        ("\U00020000\U00020001", "\U00020000 \U00020001"),
        ("plain English text", "plain English text"),
    ],
)
def test_the_index_and_the_script_set_characters_apart_alike(text: str, apart: str) -> None:
    assert spaced(text) == apart
    script = (ROOT / "archive" / "views" / "reader" / "assets" / "search.js").read_text(encoding="utf-8")
    for part in ("\\\\u3005-\\\\u3007", "\\\\u4e00-\\\\u9fff", "\\\\uac00-\\\\ud7af", "\\\\u{20000}-\\\\u{3ffff}"):
        assert part in script


def test_the_page_allows_our_script_and_nothing_of_others() -> None:
    page = search_page(Look(language="en"), available=True).data

    policy = tree(page).css_first("meta[http-equiv]")
    assert policy is not None
    assert policy.attributes["content"] == SEARCH_POLICY
    assert "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" in SEARCH_POLICY
    assert [script.attributes for script in tree(page).css("script")] == [{"src": "search/search.js", "defer": None}]
    assert "needs JavaScript" in text_of(page, "noscript")


def test_a_build_without_pagefind_has_a_page_that_says_how_to_get_it(
    folder_store: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"})
    command = ["export", "reader", "out", "--archive", folder_store.url]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PAGEFIND, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pip install 'birdnest[search]'") == 1
    place = FolderStore(tmp_path / "out", mutable="")
    assert not pages(place, "search/")
    assert "pip install 'birdnest[search]'" in text_of(place.read("search.html"), ".notice")
    assert not tree(place.read("search.html")).css("script")

    assert subprocess.run([COMMAND, *command], cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert "search/pagefind.js" in pages(place)


def test_the_index_follows_the_posts_and_is_made_again_when_a_file_of_it_is_lost(
    folder_store: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"})
    place = FolderStore(tmp_path / "out", mutable="")
    built(folder_store, place, look=LOOK)
    whole = pages(place, "search/")
    lost = next(key for key in whole if key.startswith("search/index/"))
    place.delete(lost)

    assert built(folder_store, place, look=LOOK).written == 1
    assert pages(place, "search/") == whole
    fill(folder_store, {"id": "article-3"})
    built(folder_store, place, look=LOOK)
    assert len(fragments(pages(place, "search/"))) == 3


def test_one_new_post_leaves_the_index_s_programs_and_the_other_posts_as_they_are(
    folder_store: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    fill(folder_store, *({"id": f"article-{n}", "title": f"第{n}篇"} for n in range(40)))
    place = FolderStore(tmp_path / "out", mutable="")
    built(folder_store, place, look=LOOK)
    before = pages(place)

    fill(folder_store, {"id": "article-40", "title": "新的一篇"})
    built(folder_store, place, look=LOOK)

    after = pages(place)
    changed = {key for key, data in after.items() if before.get(key) != data and key.startswith("search/")}
    assert {"search/sites.json", "search/sites/niaogebiji.json", "search/pagefind-entry.json"} < changed
    assert {key.split("/")[1] for key in changed if key.count("/") > 1} == {"sites", "fragment", "index"}
    assert len([key for key in changed if key.startswith("search/fragment/")]) == 1
    assert not changed & {"search/pagefind.js", "search/pagefind-worker.js", "search/search.js"}
    assert all(OURS.fullmatch(key) for key in before.keys() - after.keys())


def test_what_an_ended_build_left_of_an_index_goes(folder_store: FolderStore, tmp_path: Path, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1", "title": "geheim"})
    place = FolderStore(tmp_path / "out", mutable="")
    built(folder_store, place)
    shutil.rmtree(place.root / ".birdnest")
    stub = '---\nop: "takedown"\nsite: "niaogebiji"\nid: "article-1"\nversion: 1\n---\n'
    (folder_store.root / "posts/niaogebiji/article-1/v0001.html").write_text(stub)

    built(folder_store, place)

    assert set(pages(place, "search/")) == {"search/search.js", "search/sites.json"}
