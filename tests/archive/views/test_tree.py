"""Trees of posts: they follow the archive, cost what changed, survive being ended, and keep off what is not theirs."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.document import read
from archive.errors import StoreError, UsageError
from archive.s3 import S3Store
from archive.store import FolderStore, Store, open_store
from archive.views import hexo, markdown
from archive.views.sources import Choice
from archive.views.tree import Exported, Shape, export
from tests.archive.views.made import FailingStore, at, objects
from tests.posts import PICTURES
from tests.support import COMMAND

Fill = Callable[..., Archive]
ALL = Choice()
POSTS = "source/_posts/niaogebiji/"


def hexo_shape(timezone: str = "Asia/Shanghai") -> Shape:
    return hexo.shape(timezone=timezone)


def exported(store: Store, target: Store, choice: Choice = ALL, form: Shape | None = None) -> Exported:
    """An export that must have nothing to complain of."""
    return export(store, target, form or hexo_shape(), choice, progress=lambda _what, _done: None, complain=pytest.fail)


@pytest.fixture(params=["folder", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "blog", mutable="")
    store: S3Store = request.getfixturevalue("s3_store")
    return S3Store.open(f"s3://{store.bucket}/blog", mutable="")


@pytest.fixture
def blog(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "blog", mutable="")


def posts_in(target: Store) -> list[str]:
    return [key.removeprefix(POSTS) for key in objects(target, POSTS)]


def test_a_second_export_writes_nothing(folder_store: FolderStore, target: Store, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"})
    first = exported(folder_store, target)
    assert (first.posts, first.read, first.written, first.removed) == (2, 2, 2 + 2 * len(PICTURES) + 2, 0)
    before = objects(target, "")
    requests = target.usage.requests["PUT"]

    second = exported(folder_store, target)

    assert (second.posts, second.read, second.written, second.removed) == (2, 0, 0, 0)
    assert target.usage.requests["PUT"] == requests
    assert objects(target, "") == before


def test_of_an_archive_in_s3_the_same_tree_is_made(
    folder_store: FolderStore, s3_store: S3Store, blog: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    for store in (folder_store, s3_store):
        fill(store, {"id": "article-1"}, {"id": "article-2", "title": "zwei"})
    other = FolderStore(tmp_path / "other", mutable="")
    exported(folder_store, blog)
    exported(s3_store, other)

    assert objects(blog, "source/") == objects(other, "source/")


def test_one_new_or_changed_post_costs_its_own_files_and_one_note(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(folder_store, *({"id": f"article-{n:03}"} for n in range(40)))
    exported(folder_store, blog)
    before = objects(blog, "")

    fill(folder_store, {"id": "article-900"})
    counted = FolderStore(blog.root, mutable="")
    new = exported(folder_store, counted)

    assert (new.posts, new.read, new.written, new.removed) == (41, 1, 1 + len(PICTURES), 0)
    assert counted.usage.requests["PUT"] == new.written + 1
    fill(folder_store, {"id": "article-007", "title": "neu", "images": (), "body": "<p>x</p>\n", "head_image": None})
    changed = exported(folder_store, blog)

    assert (changed.read, changed.written, changed.removed) == (1, 1, len(PICTURES))
    after = objects(blog, "source/")
    same = {key for key, data in before.items() if after.get(key) == data}
    assert {key for key in before if key.startswith("source/")} - same == {
        key for key in before if "/article-007" in key
    }


def test_a_post_that_was_taken_down_leaves_the_tree(folder_store: FolderStore, blog: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1", "title": "geheim"}, {"id": "article-2"})
    exported(folder_store, blog)
    stub = '---\nop: "takedown"\nsite: "niaogebiji"\nid: "article-1"\nversion: 1\n---\n'
    (folder_store.root / "posts/niaogebiji/article-1/v0001.html").write_text(stub)

    gone = exported(folder_store, blog)

    assert (gone.posts, gone.removed) == (1, 1 + len(PICTURES))
    assert posts_in(blog) == ["article-2.html"]
    assert all(b"geheim" not in data and "article-1" not in key for key, data in objects(blog, "source/").items())


def test_only_the_posts_that_are_chosen_are_in_the_tree(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(
        folder_store,
        {"id": "a-1", "tags": ("x", "y"), **at("2022-01-01")},
        {"id": "a-2", "tags": ("y",), **at("2022-02-01")},
        {"id": "a-3", "tags": (), "published_at": None},
        {"id": "b-1", "site": "other", "tags": ("x",), **at("2023-01-01")},
    )
    all_of = {
        ALL: ["niaogebiji/a-1", "niaogebiji/a-2", "niaogebiji/a-3", "other/b-1"],
        Choice(site="niaogebiji"): ["niaogebiji/a-1", "niaogebiji/a-2", "niaogebiji/a-3"],
        Choice(tags=("x",)): ["niaogebiji/a-1", "other/b-1"],
        Choice(tags=("x", "y"), site="niaogebiji"): ["niaogebiji/a-1", "niaogebiji/a-2"],
        # Of an undated post the first fetch counts.
        Choice(since=datetime(2022, 2, 1, tzinfo=UTC)): ["niaogebiji/a-3", "other/b-1"],
    }
    for choice, expected in [*all_of.items(), *all_of.items()]:
        done = exported(folder_store, blog, choice)
        found = [key.removeprefix("source/_posts/").removesuffix(".html") for key in objects(blog, "source/_posts/")]
        assert found == expected
        assert done.posts == len(expected)
        assert exported(folder_store, blog, choice).written == 0

    with pytest.raises(UsageError, match="--site 'nobody'"):
        exported(folder_store, blog, Choice(site="nobody"))


def test_other_options_write_the_posts_anew_and_leave_pictures(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1", "published_at": None}, {"id": "article-2"})
    exported(folder_store, blog)

    other = exported(folder_store, blog, form=hexo_shape("Asia/Tokyo"))
    # Only the undated post is dated by the tree's zone.
    assert (other.read, other.written, other.removed) == (2, 1, 0)
    in_markdown = hexo.shape(timezone="Asia/Tokyo", to_markdown=markdown.converter(pictures_as_html=True))
    changed = exported(folder_store, blog, form=in_markdown)

    assert (changed.read, changed.written, changed.removed) == (2, 2, 2)
    assert posts_in(blog) == ["article-1.md", "article-2.md"]


def test_what_is_lost_or_cut_in_the_tree_is_made_again(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"})
    exported(folder_store, blog)
    whole = objects(blog, "")
    pictures = sorted((blog.root / "source/niaogebiji/article-1").iterdir())
    pictures[0].unlink()
    pictures[1].write_bytes(b"cut")
    (blog.root / POSTS / "article-2.html").unlink()

    assert exported(folder_store, blog).written == 3

    assert objects(blog, "") == whole


def test_files_of_others_are_left_alone(folder_store: FolderStore, blog: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    mine = {
        "_config.yml": b"title: mine\ntimezone: Europe/Berlin\n",
        "package.json": b"{}",
        "source/_posts/mine.md": b"# mine",
        "source/_posts/niaogebiji/mine.md": b"# mine",
        "source/niaogebiji/mine.png": b"mine",
        "themes/x/layout/post.ejs": b"x",
    }
    for key, data in mine.items():
        blog.put(key, data, "")
    exported(folder_store, blog)
    shutil.rmtree(folder_store.root / "posts/niaogebiji/article-1")
    fill(folder_store, {"id": "article-2"})
    exported(folder_store, blog)

    found = objects(blog, "")
    assert {key: found.get(key) for key in mine} == mine
    assert "source/_posts/niaogebiji/article-1.html" not in found


def test_an_export_keeps_off_archives(folder_store: FolderStore, tmp_path: Path, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    fill(FolderStore(tmp_path / "other"), {"id": "article-1"})

    for place in (folder_store.root, folder_store.root / "posts", folder_store.root / "posts/x/..", tmp_path / "other"):
        with pytest.raises(UsageError, match="must not lie among an archive's objects"):
            exported(folder_store, open_store(str(place), mutable=""))
    inside = open_store(str(folder_store.root / "views" / "hexo"), mutable="")
    assert exported(folder_store, inside).posts == 1
    assert "views/hexo/source/_posts/niaogebiji/article-1.html" in objects(folder_store)


def test_a_view_in_the_archive_is_built_again_with_the_same_bytes(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"})
    for form in (hexo_shape(), markdown.shape(markdown.converter())):
        exported(folder_store, open_store(f"{folder_store.root}/views/{form.name}", mutable=""), form=form)
    before = objects(folder_store)
    shutil.rmtree(folder_store.root / "views")
    for form in (hexo_shape(), markdown.shape(markdown.converter())):
        exported(folder_store, open_store(f"{folder_store.root}/views/{form.name}", mutable=""), form=form)

    assert objects(folder_store) == before
    assert len(before) == 2 * (2 + 2 * len(PICTURES)) + 2 + 2 * 2


def test_whatever_ended_an_export_the_next_one_makes_the_whole_tree(
    folder_store: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"}, {"id": "article-2"})
    whole_tree = FolderStore(tmp_path / "whole", mutable="")
    exported(folder_store, whole_tree)
    whole = objects(whole_tree, "")

    for writes in range(len(whole)):
        blog = FolderStore(tmp_path / f"blog-{writes}", mutable="")
        with pytest.raises(StoreError):
            exported(folder_store, FailingStore(blog, writes))
        for key, data in objects(blog, POSTS).items():
            # No page is there before its pictures.
            id_ = read(data).front["id"]
            assert len(objects(blog, f"source/niaogebiji/{id_}/")) == len(PICTURES), key
        exported(folder_store, blog)
        assert objects(blog, "") == whole


def test_an_export_that_is_killed_goes_on(folder_store: FolderStore, tmp_path: Path, fill: Fill) -> None:
    fill(folder_store, *({"id": f"article-{n:03}"} for n in range(120)))
    blog = FolderStore(tmp_path / "blog", mutable="")
    command = [str(COMMAND), "export", "hexo", str(blog.root), "--archive", str(folder_store.root)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(posts_in(blog)) < 10 and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert 10 <= len(posts_in(blog)) < 120

    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)

    counts = json.loads(done.stdout)
    assert counts["posts"] == len(posts_in(blog)) == 120
    fresh = FolderStore(tmp_path / "fresh", mutable="")
    exported(folder_store, fresh)
    assert objects(blog, "source/") == objects(fresh, "source/")


def test_posts_that_cannot_be_used_are_told_and_what_was_made_of_them_stays(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "a-1"}, {"id": "a-2"}, {"id": "a-3"})
    exported(folder_store, blog)
    fill(folder_store, {"id": "a-4"})
    posts = folder_store.root / "posts/niaogebiji"
    (posts / "a-1/v0001.html").write_bytes(b"damaged")
    (posts / "a-4/v0001.html").write_text(
        (posts / "a-4/v0001.html").read_text().replace("blobs/sha256", "blobs/sha257")
    )
    told: list[str] = []

    done: Any = export(folder_store, blog, hexo_shape(), ALL, progress=lambda *_: None, complain=told.append)

    assert [line.split(": ")[0] for line in told] == [
        "posts/niaogebiji/a-1/v0001.html",
        "posts/niaogebiji/a-4/v0001.html",
    ]
    assert posts_in(blog) == ["a-1.html", "a-2.html", "a-3.html"]
    assert done.posts == 3


def test_notes_that_are_not_as_written_cost_a_new_export_only(
    folder_store: FolderStore, blog: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "a-1"}, {"id": "a-2"})
    exported(folder_store, blog)
    whole = objects(blog, "")
    for key in objects(blog, ".birdnest/"):
        blog.put(key, b'{"niaogebiji/a-1": 7', "")

    assert exported(folder_store, blog).read == 2

    assert objects(blog, "") == whole
