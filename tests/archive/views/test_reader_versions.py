"""What changed between versions of a post, and the pages that show it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.document import to_post
from archive.layout import PostRef
from archive.store import FolderStore
from archive.views.reader.compare import Comparison, Piece, compare, edits, words_changed
from archive.views.reader.version import Version, version_of
from archive.views.reader.versions import ALL_PAIRS, pairs_of
from tests.archive.views.reading import built, faults, pages, text_of, tree
from tests.posts import NOW, make_post

pytestmark = pytest.mark.usefixtures("without_search")

Fill = Callable[..., Archive]
FOLDER = "posts/niaogebiji/article-1/"


@pytest.fixture
def version(folder_store: FolderStore, fill: Fill) -> Version:
    archive = fill(folder_store, {"id": "article-1"})
    ref = PostRef(site="niaogebiji", id="article-1", version=1)
    return version_of(ref, archive.load(ref).document)


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "reader", mutable="")


def marked(pieces: Sequence[Piece]) -> str:
    """Pieces as text: what was removed as [-…-], what was added as {+…+}."""
    shapes = {"same": "{}", "del": "[-{}-]", "ins": "{{+{}+}}"}
    return "".join(shapes[piece.op].format(piece.text) for piece in pieces)


def rows(found: Comparison) -> list[str]:
    """Rows as their kind and text."""
    return [f"{row.kind} {row.count or marked(row.pieces)}".strip() for row in found.rows]


def bodies(version: Version, old: str, new: str) -> Comparison:
    return compare(replace(version, body=old), replace(version, body=new))


def test_an_edit_gives_both_texts_and_is_the_shortest() -> None:
    drawn = random.Random(7)
    for _ in range(3_000):
        old, new = ("".join(drawn.choices("abc", k=drawn.randrange(12))) for _ in range(2))
        found = edits(old, new)
        assert "".join(each for op, each in found if op != "ins") == old
        assert "".join(each for op, each in found if op != "del") == new
        assert sum(op == "same" for op, _ in found) == longest_common(old, new)


def longest_common(old: str, new: str) -> int:
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = best[i + 1][j + 1] + 1 if old[i] == new[j] else max(best[i + 1][j], best[i][j + 1])
    return best[0][0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("小程序月活提升近3成", "小程序月活提升近4成", "小程序月活提升近[-3-]{+4+}成"),
        ("The quick brown fox", "The quick red fox", "The quick [-brown-]{+red+} fox"),
        ("超200个场景", "超过300个场景", "超[-200-]{+过300+}个场景"),
        ("一二三四五六", "七八九十百千", "[-一二三四五六-]{+七八九十百千+}"),
        ("", "新", "{+新+}"),
        ("同", "同", "同"),
        ("首行\n次行", "首行\n末行", "首行\n[-次-]{+末+}行"),
    ],
)
def test_words_and_chinese_characters_that_changed_are_marked(old: str, new: str, expected: str) -> None:
    assert marked(words_changed(old, new)) == expected


def test_blocks_are_aligned_before_their_words_are_compared(version: Version) -> None:
    old = "<p>第一段没有变化。</p>\n<p>第二段有一百个用户参加。</p>\n<p>第三段后来删去了。</p>\n<h2>小标题</h2>\n"
    new = "<p>第一段没有变化。</p>\n<p>全新插入的一整段话。</p>\n<p>第二段有二百个用户参加。</p>\n<h2>小标题</h2>\n"

    assert rows(bodies(version, old, new)) == [
        "same 第一段没有变化。",
        "ins {+全新插入的一整段话。+}",
        "changed 第二段有[-一-]{+二+}百个用户参加。",
        "del [-第三段后来删去了。-]",
        "same 小标题",
    ]


def test_what_is_the_same_is_folded_to_what_is_near_a_change(version: Version) -> None:
    same = [f"<p>第 {n} 段</p>\n" for n in range(9)]
    changed = [*same[:4], "<p>插入</p>\n", *same[4:]]

    assert rows(bodies(version, "".join(same), "".join(changed))) == [
        "skip 3",
        "same 第 3 段",
        "ins {+插入+}",
        "same 第 4 段",
        "skip 4",
    ]


def test_lists_tables_and_code_are_compared_by_item_row_and_listing(version: Version) -> None:
    old = "<ul><li>甲</li><li>乙<ul><li>丙</li></ul></li></ul>\n"
    old += "<table><tr><td>1</td><td>2</td></tr></table>\n<pre>a\n  b</pre>\n"
    new = old.replace("丙", "丁丙").replace("<td>2</td>", "<td>3</td>").replace("  b", "  c")

    found = bodies(version, old, new)

    assert [row.tag for row in found.rows if row.kind == "changed"] == ["li", "tr", "pre"]
    assert "changed 1 ｜ [-2-]{+3+}" in rows(found)
    assert "changed a\n  [-b-]{+c+}" in rows(found)


def test_a_change_of_formatting_or_of_a_link_alone_is_told_as_one(version: Version) -> None:
    old = '<p>看<a href="https://a.example/">这里</a></p>\n<p><strong>粗</strong>体</p>\n'
    new = '<p>看<a href="https://b.example/">这里</a></p>\n<p>粗体</p>\n'

    found = bodies(version, old, new)

    assert rows(found) == ["look 看这里[- https://a.example/-]{+ https://b.example/+}", "look 粗体"]
    assert found.is_look_alone


def test_pictures_that_came_and_went_are_told(version: Version) -> None:
    first, second = (f'<p><img src="../../../{key}" alt=""></p>\n' for key in version.pictures)

    found = bodies(version, f"<p>一</p>\n{first}", f"<p>一</p>\n{second}")

    assert (found.pictures_added, found.pictures_removed) == (1, 1)
    assert [(row.kind, row.picture.width if row.picture else 0) for row in found.rows] == [
        ("same", 0),
        ("del", 2),
        ("ins", 3),
    ]


def test_what_changed_beside_the_body_is_told_by_its_name(version: Version) -> None:
    changes: dict[str, Any] = {"title": "支付宝大会讲了这些要点", "author": "见实", "tags": ("支付宝", "私域")}
    new = replace(version, **changes, published=NOW, description="", missing=())

    found = compare(version, new)

    assert not found.rows
    told = {name: marked(pieces).strip() for name, pieces in found.fields}
    published = told.pop("published")
    assert re.sub(r"\{\+.*?\+\}", "", published).replace("[-", "").replace("-]", "") == "2022-07-23 00:00:00+08:00"
    assert told == {
        "title": "[-刚刚！-]支付宝[-年度-]大会讲了这些要点",
        "author": "[-鸟哥笔记-]{+见实+}",
        "tags": "支付宝 [-小程序 -]{+私域 +}",
        "summary": "[-一句话: 摘要-]",
        "missing pictures": "[-https://img.example/gone.png -]",
    }
    assert compare(version, version).is_empty


def test_comparing_takes_bounded_time_even_where_everything_changed(version: Version) -> None:
    old = "".join(f"<p>{'旧' * 200}{n}</p>\n" for n in range(1_500))
    new = "".join(f"<p>{'新' * 200}{n}</p>\n" for n in range(1_500))
    started = time.process_time()

    found = bodies(version, f"{old}<p>{'甲乙' * 9_000}</p>", f"{new}<p>{'乙丙' * 9_000}</p>")

    assert time.process_time() - started < 20
    assert {row.kind for row in found.rows} == {"del", "ins"}


def test_of_many_versions_not_all_are_compared_with_all() -> None:
    assert len(list(pairs_of(range(1, ALL_PAIRS + 1)))) == ALL_PAIRS * (ALL_PAIRS - 1) // 2
    many = list(pairs_of(range(1, 1_001)))
    assert len(many) < 2_100
    assert len(set(many)) == len(many)
    assert {(500, 501), (1, 1_000), (999, 1_000), (3, 11)} <= set(many)
    assert (500, 600) not in many


# -- pages -----------------------------------------------------------------------------------------------------------


def add(archive: Archive, **changes: Any) -> None:
    head = archive.head("niaogebiji", "article-1")
    assert head is not None
    fetched = to_post(head.document).fetched_at + timedelta(days=1)
    archive.add(make_post(id="article-1", fetched_at=fetched, **changes), head=head)


def test_old_versions_are_whole_pages_that_say_so_and_any_two_are_compared(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1", "body": "<p>第一版的正文。</p>\n"})
    add(archive, body="<p>第二版的正文。</p>\n")
    add(archive, body="<p>第三版的正文，多了一句。</p>\n", author="见实")
    built(folder_store, place)
    found = pages(place, FOLDER)

    assert set(found) == {
        FOLDER + name
        for name in (
            *("index.html", "v0001.html", "v0002.html", "versions.html"),
            *("v0001-v0002.html", "v0001-v0003.html", "v0002-v0003.html"),
        )
    }
    for key, data in found.items():
        assert faults(data) == [], key
    old = found[FOLDER + "v0001.html"]
    assert text_of(old, ".body") == "第一版的正文。"
    assert "不是最新的" in text_of(old, ".notice")
    links = [link.attributes["href"] for link in tree(old).css(".notice a")]
    assert links == ["index.html", "v0001-v0003.html"]
    assert not tree(old).css("[data-pagefind-body]")
    assert not tree(found[FOLDER + "index.html"]).css(".notice")
    assert tree(found[FOLDER + "index.html"]).css('.about a[href="versions.html"]')
    difference = tree(found[FOLDER + "v0001-v0003.html"])
    assert [node.text() for node in difference.css(".diff del")] == ["一"]
    assert [node.text() for node in difference.css(".diff ins")] == ["三", "，多了一句"]
    assert [node.text() for node in difference.css(".diff-fields dt")] == ["作者"]
    listed = [" ".join(item.text().split()) for item in tree(found[FOLDER + "versions.html"]).css(".versions > li")]
    assert [item[:5] for item in listed] == ["第 3 版", "第 2 版", "第 1 版"]
    assert "+6 字 −1 字 作者" in listed[0]


def test_a_hostile_version_is_harmless_in_comparisons(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1", "body": "<p>a</p>\n"})
    body = '<p>a &lt;script&gt;b&lt;/script&gt;<img src="//evil.example/x.png" onerror="x()">'
    body += '<a href="javascript:x()">c</a></p>\n'
    add(archive, body=f"{body}<script>x()</script>\n", title="</title><script>x()</script>")
    told: list[str] = []
    built(folder_store, place, complain=told.append)

    page = pages(place)[FOLDER + "v0001-v0002.html"]
    assert faults(page) == []
    assert not tree(page).css("script, main img, [onerror], [href^='javascript']")
    assert "<script>b</script>" in text_of(page, ".diff")
    assert len(told) == 1


def test_a_post_with_very_many_versions_has_pages_that_grow_with_their_number(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1"})
    for number in range(2, 41):
        add(archive, title=f"第 {number} 次")
    built(folder_store, place)
    before = pages(place, FOLDER)
    assert len(before) == 40 + 1 + len(list(pairs_of(range(1, 41))))

    add(archive, title="第 41 次")
    built(folder_store, place)
    after = pages(place, FOLDER)

    assert len(after) == 41 + 1 + len(list(pairs_of(range(1, 42))))
    kept = {f"{FOLDER}v{a:04}-v{b:04}.html" for a, b in pairs_of(range(1, 40))}
    assert {key for key in before if after.get(key) == before[key]} >= kept - {
        f"{FOLDER}v{a:04}-v0039.html" for a in range(1, 38)
    }
