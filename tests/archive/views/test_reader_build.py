"""The reader follows the archive, costs what changed, survives being ended, and keeps off what is not its own."""

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
from archive.document import to_post
from archive.errors import StoreError, UsageError
from archive.model import Failure
from archive.s3 import S3Store
from archive.store import FolderStore, Store
from archive.views.reader import lists
from archive.views.reader.frame import Look
from archive.views.reader.lists import PER_PAGE
from archive.views.sources import Choice
from tests.archive.views.made import FailingStore, at, objects
from tests.archive.views.reading import LOOK, built, pages, text_of, tree
from tests.posts import NOW, PICTURES, make_post, make_report
from tests.support import COMMAND

pytestmark = pytest.mark.usefixtures("without_search")

Fill = Callable[..., Archive]
POST = "posts/niaogebiji/article-1/index.html"


@pytest.fixture(params=["folder", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "reader", mutable="")
    store: S3Store = request.getfixturevalue("s3_store")
    return S3Store.open(f"s3://{store.bucket}/reader", mutable="")


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "reader", mutable="")


def number(n: int, **changes: Any) -> dict[str, Any]:
    """The changes of a post that was published on the n-th hour of 2022."""
    return {"id": f"article-{n:04}", **at(f"2022-{n // 600 + 1:02}-{n // 24 % 25 + 1:02}T{n % 24:02}:00:00"), **changes}


def change(archive: Archive, id_: str, **changes: Any) -> None:
    """Add a version of a post that differs in what is named."""
    head = archive.head("niaogebiji", id_)
    assert head is not None
    fetched = to_post(head.document).fetched_at
    later = fetched.replace(day=fetched.day + 1)
    assert archive.add(make_post(id=id_, fetched_at=later, **changes), head=head).status == "changed"


def test_a_second_build_writes_nothing(folder_store: FolderStore, target: Store, fill: Fill) -> None:
    fill(folder_store, *(number(n) for n in range(30)))
    first = built(folder_store, target)
    assert (first.posts, first.read, first.removed) == (30, 30, 0)
    before = objects(target, "")
    assert first.written == len(pages(target))
    requests = target.usage.requests["PUT"]

    second = built(folder_store, target)

    assert (second.posts, second.read, second.written, second.removed) == (30, 0, 0, 0)
    assert target.usage.requests["PUT"] == requests
    assert objects(target, "") == before


def test_the_same_archive_gives_the_same_bytes_wherever_it_lies(
    folder_store: FolderStore, s3_store: S3Store, tmp_path: Path, fill: Fill
) -> None:
    found = []
    for name, store in (("a", folder_store), ("b", s3_store)):
        change(fill(store, {"id": "article-1"}, {"id": "article-2", "title": "zwei"}), "article-2", title="drei")
        place = FolderStore(tmp_path / name, mutable="")
        built(store, place)
        found.append(pages(place))

    assert found[0] == found[1]


def test_one_new_post_changes_its_own_pages_its_lists_the_feed_and_the_home_page(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, *(number(n, tags=(f"t{n % 7}",), author=f"a{n % 5}") for n in range(6 * PER_PAGE)))
    built(folder_store, place)
    before = pages(place)

    fill(folder_store, {**number(6 * PER_PAGE), "tags": ("t3", "neu"), "author": "a1"})
    done = built(folder_store, place)

    after = pages(place)
    changed = {key for key, data in after.items() if before.get(key) != data}
    fronts = {
        *("index.html", "feed.xml", "posts/niaogebiji/article-0144/index.html", "sites/niaogebiji.html"),
        *(lists.list_key("tags", "t3"), lists.list_key("tags", "neu"), lists.list_key("authors", "a1")),
        *(lists.list_key("categories", name) for name in ("新媒体", "鸟哥笔记", "首页")),
        *(f"{kind}/index.html" for kind in lists.KINDS),
        lists.list_key("months", "2022-01"),
    }
    numbered = {key for key in changed if key.startswith("all/") or key.rpartition(".html")[0][-5:-4] == "."}
    assert changed - numbered == fronts - {key for key in fronts if before.get(key) == after[key]}
    # Of each list in pages those change that were not full.
    assert {key[-9:-5] for key in numbered} <= {"0005", "0006", "0002", "0001"}
    assert not before.keys() - after.keys()
    assert (done.read, done.written, done.removed) == (1, len(changed), 0)


def test_full_pages_never_change_when_newer_posts_come(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    full: dict[str, bytes] = {}
    for count in range(1, 4 * PER_PAGE, 9):
        fill(folder_store, *(number(n) for n in range(max(0, count - 9), count)))
        built(folder_store, place)
        now = pages(place)
        for key, data in full.items():
            assert now[key] == data, key
        numbered = sorted(key for key in now if key.startswith(("all/", "sites/niaogebiji.0")))
        full |= {key: now[key] for key in numbered if len(tree(now[key]).css("main article")) == PER_PAGE}
        for key in numbered[:-1]:
            for link in tree(now[key]).css(".turn a"):
                there = (place.root / key).parent / (link.attributes["href"] or "")
                assert there.resolve().is_file(), (key, there)
    assert len(full) >= 2
    everyone = [
        a.attributes["href"] for key in sorted(now) if key.startswith("all/") for a in tree(now[key]).css("h2 a")
    ]
    assert len(everyone) == len(set(everyone)) == count


def test_a_new_version_touches_the_post_and_where_it_is_listed(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1"}, *(number(n) for n in range(3)))
    built(folder_store, place)
    before = pages(place)
    change(archive, "article-1", title="Ein neuer Titel", images=make_post().images)
    done = built(folder_store, place)
    after = pages(place)

    folder = "posts/niaogebiji/article-1/"
    assert {key for key in after if key.startswith(folder)} == {
        folder + name for name in ("index.html", "v0001.html", "versions.html", "v0001-v0002.html")
    }
    untouched = {key for key in before if key.startswith("posts/") and not key.startswith(folder)}
    assert {key: after[key] for key in untouched} == {key: before[key] for key in untouched}
    assert done.read == 2
    assert text_of(after[POST], "h1") == "Ein neuer Titel"
    assert text_of(after[folder + "v0001.html"], "h1") == make_post().title
    assert b"Ein neuer Titel" in after["index.html"]


def test_a_takedown_removes_all_pages_of_the_post_and_what_lists_say_of_it(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1", "title": "geheim", "tags": ("nur hier",)}, {"id": "article-2"})
    change(archive, "article-1", title="geheim, noch einmal", tags=("nur hier",))
    built(folder_store, place)
    assert any(b"geheim" in data for data in pages(place).values())
    for version in (1, 2):
        stub = f'---\nop: "takedown"\nsite: "niaogebiji"\nid: "article-1"\nversion: {version}\n---\n'
        (folder_store.root / f"posts/niaogebiji/article-1/v000{version}.html").write_text(stub)

    gone = built(folder_store, place)

    assert gone.posts == 1
    for key, data in objects(place, "").items():
        assert b"geheim" not in data, key
        assert b"nur hier" not in data, key
        assert not key.startswith("posts/niaogebiji/article-1/")
    assert lists.list_key("tags", "nur hier") not in pages(place)
    assert built(folder_store, place).written == 0


def test_what_an_ended_build_left_of_a_post_goes_when_it_is_taken_down(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1", "title": "geheim", "tags": ("nur hier",)})
    built(folder_store, place)
    shutil.rmtree(place.root / ".birdnest")
    stub = '---\nop: "takedown"\nsite: "niaogebiji"\nid: "article-1"\nversion: 1\n---\n'
    (folder_store.root / "posts/niaogebiji/article-1/v0001.html").write_text(stub)

    built(folder_store, place)

    assert {key.split("/")[0] for key in pages(place)} == {
        *("index.html", "feed.xml", "reader.css", "icon.svg", "runs", "search.html", *lists.KINDS)
    }
    assert not any(b"geheim" in data for data in pages(place).values())


def test_what_is_lost_or_cut_is_made_again(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    change(fill(folder_store, {"id": "article-1"}, {"id": "article-2"}), "article-1", title="neu")
    built(folder_store, place)
    whole = objects(place, "")
    lost = (POST, "posts/niaogebiji/article-1/v0001-v0002.html", "index.html", "feed.xml", "reader.css")
    pictures = sorted(key for key in whole if key.startswith("images/"))
    for key in (*lost, pictures[0], lists.list_key("tags", "支付宝")):
        (place.root / key).unlink()
    (place.root / pictures[1]).write_bytes(b"cut")
    (place.root / "months/2022-07.html").write_bytes(b"cut")

    assert built(folder_store, place).written == len(lost) + 4

    assert objects(place, "") == whole


def test_whatever_ended_a_build_the_next_one_makes_the_whole_reader(
    folder_store: FolderStore, tmp_path: Path, fill: Fill
) -> None:
    change(fill(folder_store, {"id": "article-1"}, {"id": "article-2"}), "article-1", title="neu")
    whole_reader = FolderStore(tmp_path / "whole", mutable="")
    built(folder_store, whole_reader)
    whole = objects(whole_reader, "")

    for writes in range(0, len(whole), 3):
        place = FolderStore(tmp_path / f"reader-{writes}", mutable="")
        with pytest.raises(StoreError):
            built(folder_store, FailingStore(place, writes))
        for key, data in pages(place, "posts/").items():
            # No page is there before its pictures.
            for image in tree(data).css("main img"):
                assert ((place.root / key).parent / (image.attributes["src"] or "")).resolve().is_file()
        built(folder_store, place)
        assert objects(place, "") == whole


def test_a_build_that_is_killed_goes_on(folder_store: FolderStore, tmp_path: Path, fill: Fill) -> None:
    fill(folder_store, *(number(n) for n in range(100)))
    place = FolderStore(tmp_path / "reader", mutable="")
    command = [
        str(COMMAND),
        "export",
        "reader",
        str(place.root),
        "--archive",
        str(folder_store.root),
        "--title",
        "鸟巢",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(pages(place, "posts/")) < 10 and time.monotonic() < end:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert 10 <= len(pages(place, "posts/")) < 100

    done = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)

    assert json.loads(done.stdout)["posts"] == 100
    fresh = FolderStore(tmp_path / "fresh", mutable="")
    built(folder_store, fresh)
    assert pages(place, "posts/") == pages(fresh, "posts/")
    assert pages(place, "tags/") == pages(fresh, "tags/")


def test_files_of_others_are_left_alone(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    mine = ("notes.txt", "posts/mine.html", "posts/niaogebiji/article-1/mine.html", "tags/mine.html", "images/mine.png")
    for key in mine:
        place.put(key, b"mine", "")
    built(folder_store, place)
    shutil.rmtree(folder_store.root / "posts/niaogebiji/article-1")
    fill(folder_store, {"id": "article-2", "images": (), "body": "<p>x</p>\n", "head_image": None})
    built(folder_store, place)

    found = pages(place)
    assert {key: found.get(key) for key in mine} == dict.fromkeys(mine, b"mine")
    assert POST not in found
    assert [key for key in found if key.startswith("images/")] == ["images/mine.png"]


def test_a_build_keeps_off_archives(folder_store: FolderStore, fill: Fill) -> None:
    fill(folder_store, {"id": "article-1"})
    for inside in (folder_store.root, folder_store.root / "posts"):
        with pytest.raises(UsageError, match="must not lie among an archive's objects"):
            built(folder_store, FolderStore(inside, mutable=""))
    view = FolderStore(folder_store.root / "views" / "reader", mutable="")
    assert built(folder_store, view).posts == 1


def test_only_the_posts_that_are_chosen_are_shown(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    fill(
        folder_store,
        {"id": "a-1", "tags": ("x", "y"), **at("2022-01-01")},
        {"id": "a-2", "tags": ("y",), **at("2022-02-01")},
        {"id": "b-1", "site": "other", "tags": ("x",), **at("2023-01-01")},
    )
    all_of = {
        Choice(site="niaogebiji"): {"niaogebiji/a-1", "niaogebiji/a-2"},
        Choice(tags=("x",)): {"niaogebiji/a-1", "other/b-1"},
        Choice(since=datetime(2022, 2, 1, tzinfo=UTC)): {"other/b-1"},
        Choice(): {"niaogebiji/a-1", "niaogebiji/a-2", "other/b-1"},
    }
    for choice, expected in all_of.items():
        assert built(folder_store, place, choice).posts == len(expected)
        assert {key.removeprefix("posts/").removesuffix("/index.html") for key in pages(place, "posts/")} == expected
        assert built(folder_store, place, choice).written == 0
        assert {key for key in pages(place) if key.startswith("sites/")} == {
            "sites/index.html",
            *(f"sites/{name.split('/')[0]}.html" for name in expected),
        }
    with pytest.raises(UsageError, match="--site 'nobody'"):
        built(folder_store, place, Choice(site="nobody"))


def test_another_look_makes_all_pages_anew_and_leaves_pictures(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"})
    built(folder_store, place)
    images = {info.key: info.modified for info in place.list("images/")}

    built(folder_store, place, look=Look(title="Nest", language="en"))

    page = pages(place)[POST]
    assert tree(page).css("html")[0].attributes["lang"] == "en"
    assert "About this copy" in page.decode()
    assert {info.key: info.modified for info in place.list("images/")} == images


def test_pictures_are_left_to_the_server_where_it_answers_them(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "article-1"})

    assert built(folder_store, place, copy_pictures=False).posts == 1

    found = pages(place)
    assert not any(key.startswith("images/") for key in found)
    assert b'src="../../../images/' in found[POST]
    assert built(folder_store, place, copy_pictures=False).written == 0
    assert built(folder_store, place).written == len(PICTURES)
    assert found.items() <= pages(place).items()


def test_what_cannot_be_used_is_told_each_time_and_all_else_is_whole(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, *({"id": f"a-{n}"} for n in range(1, 6)))
    change(archive, "a-3", title="neu")
    built(folder_store, place)
    posts = folder_store.root / "posts/niaogebiji"
    (posts / "a-1/v0001.html").write_bytes(b"damaged")
    (posts / "a-2/v0001.html").write_text((posts / "a-2/v0001.html").read_text().replace('title: "', 'title: 7  # "'))
    (posts / "a-3/v0001.html").write_bytes(b"damaged")
    (posts / "a-4/v0001.html").write_text(
        (posts / "a-4/v0001.html").read_text().replace("<p>正文</p>", "<p>正文<script>alert(1)</script></p>")
    )
    fill(folder_store, {"id": "a-9"})
    for _ in range(2):
        told: list[str] = []
        done = built(folder_store, place, complain=told.append)

        assert [line.partition(": ")[0] for line in told] == [
            f"posts/niaogebiji/a-{n}/v0001.html" for n in (1, 2, 3, 4)
        ]
        assert "<script>" in told[-1]
        assert done.posts == 6
        assert text_of(pages(place)["posts/niaogebiji/a-3/index.html"], "h1") == "neu"


def test_a_lost_picture_is_told_and_comes_when_it_is_there_again(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1"})
    head = archive.head("niaogebiji", "article-1")
    assert head is not None
    blob = folder_store.root / head.document.images[0].key
    data = blob.read_bytes()
    blob.unlink()
    told: list[str] = []

    built(folder_store, place, complain=told.append)

    assert len(told) == 1
    assert "no object blobs/sha256/" in told[0]
    assert POST in pages(place)
    told.clear()
    assert built(folder_store, place, complain=told.append).written == 0
    assert len(told) == 1
    blob.write_bytes(data)
    assert built(folder_store, place).written == 1
    assert built(folder_store, place).read == 0


def test_the_reports_tell_which_run_archived_a_post_and_that_it_is_gone(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    archive = fill(folder_store, {"id": "article-1"}, {"id": "article-2", "url": "https://www.niaogebiji.com/2"})
    run = "20261122T080000Z-niaogebiji-abc123"
    built(folder_store, place)
    assert b"abc123" not in pages(place)[POST]

    report = make_report(run=run, documents={"posts/niaogebiji/article-1/v0001.html": "0" * 64}, failures=())
    later = make_report(
        run="20261123T080000Z-niaogebiji-abc124",
        started_at=NOW.replace(day=23),
        finished_at=NOW.replace(day=23),
        failures=(Failure(what="post", url=make_post().url, reason="http-410", detail="", expected=True),),
    )
    for each in (report, later):
        archive.add_report(each)
    built(folder_store, place)

    page = pages(place)[POST]
    (link,) = [a for a in tree(page).css(".about a") if run in a.text()]
    assert link.attributes["href"] == f"../../../runs/2026-11-22/{run}.html"
    assert "2026-11-23" in text_of(page, ".notice")
    assert "http-410" in text_of(page, ".notice")
    assert not tree(pages(place)["posts/niaogebiji/article-2/index.html"]).css(".notice")
    assert built(folder_store, place).written == 0


def test_notes_that_are_not_as_written_cost_a_new_build_only(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "a-1"}, {"id": "a-2"})
    built(folder_store, place)
    whole = objects(place, "")
    for key in objects(place, ".birdnest/"):
        place.put(key, b'{"post niaogebiji/a-1": {"recipe": 7', "")

    built(folder_store, place)

    assert objects(place, "") == whole


def test_an_empty_archive_gives_an_empty_reader(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    fill(folder_store)

    assert built(folder_store, place, look=LOOK).posts == 0

    assert "还没有文章" in pages(place)["index.html"].decode()
    assert built(folder_store, place).written == 0
