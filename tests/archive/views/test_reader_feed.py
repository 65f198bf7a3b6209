"""The Atom feed: valid by RFC 4287, the same wherever the reader lies."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from archive import Archive
from archive.store import FolderStore
from archive.views.reader.frame import Look
from archive.views.sources import Choice
from tests.archive.views import hostile
from tests.archive.views.made import at
from tests.archive.views.reading import built, pages
from tests.posts import NOW

pytestmark = pytest.mark.usefixtures("without_search")

Fill = Callable[..., Archive]
ATOM = "{http://www.w3.org/2005/Atom}"
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@pytest.fixture
def place(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "reader", mutable="")


def feed_of(place: FolderStore) -> etree._Element:
    return etree.fromstring(pages(place)["feed.xml"])


def only(parent: etree._Element, name: str) -> str:
    (found,) = parent.findall(f"{ATOM}{name}")
    return found.text or ""


def check_valid(feed: etree._Element) -> None:
    """What RFC 4287 requires of feeds and entries as ours."""
    assert feed.tag == f"{ATOM}feed"
    assert only(feed, "title")
    assert uuid.UUID(only(feed, "id"))
    assert MOMENT.fullmatch(only(feed, "updated"))
    ids = []
    for entry in feed.findall(f"{ATOM}entry"):
        ids.append(only(entry, "id"))
        assert uuid.UUID(ids[-1])
        assert len(entry.findall(f"{ATOM}title")) == 1
        assert MOMENT.fullmatch(only(entry, "updated"))
        assert all(MOMENT.fullmatch(each.text or "") for each in entry.findall(f"{ATOM}published"))
        (author,) = entry.findall(f"{ATOM}author")
        assert only(author, "name")
        links = [dict(link.attrib) for link in entry.findall(f"{ATOM}link")]
        assert [link["rel"] for link in links][:1] == ["alternate"]
        assert [link["rel"] for link in links].count("alternate") == 1
        assert len(entry.findall(f"{ATOM}summary")) <= 1
        for link in links:
            assert re.match(r"https?://|posts/", link["href"])
        assert all(each.get("term") for each in entry.findall(f"{ATOM}category"))
        known = ("id", "title", "updated", "published", "author", "link", "category", "summary")
        assert {str(each.tag) for each in entry} <= {ATOM + name for name in known}
    assert len(set(ids)) == len(ids)


def test_the_feed_names_the_newest_fifty_and_is_valid(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, *({"id": f"a-{n:02}", **at(f"2022-{n // 28 + 1:02}-{n % 28 + 1:02}")} for n in range(55)))
    built(folder_store, place)

    feed = feed_of(place)

    check_valid(feed)
    entries = feed.findall(f"{ATOM}entry")
    links = [entry.findall(f"{ATOM}link")[0].get("href") for entry in entries]
    assert links == [f"posts/niaogebiji/a-{n:02}/index.html" for n in range(54, 4, -1)]
    assert all((place.root / str(link)).is_file() for link in links)
    assert only(feed, "updated") == only(entries[0], "updated") == "2022-02-26T16:00:00Z"


def test_a_program_for_feeds_reads_it_and_finds_pages_beside_it(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store, {"id": "a-1", "title": "A & B <i>"})
    built(folder_store, place, look=Look(title="鸟巢"))
    headers = {"content-location": "https://nest.example/some/prefix/feed.xml", "content-type": "application/atom+xml"}

    read = feedparser.parse(pages(place)["feed.xml"], response_headers=headers)

    assert not read.bozo
    assert read.feed.title == "鸟巢"
    (entry,) = read.entries
    assert entry.link == "https://nest.example/some/prefix/posts/niaogebiji/a-1/index.html"
    assert entry.title == "A & B <i>"
    assert [tag.term for tag in entry.tags] == ["支付宝", "小程序"]


def test_hostile_texts_leave_the_feed_valid(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    fill(
        folder_store,
        *hostile.posts(),
        {"id": "evil", "title": "\x00\ud800\ufffe]]>", "url": "https://a.example/<b>", "author": "", "tags": ("<&>",)},
    )
    built(folder_store, place)

    check_valid(feed_of(place))


def test_an_empty_archive_and_a_choice_of_posts_have_feeds_of_their_own(
    folder_store: FolderStore, place: FolderStore, fill: Fill
) -> None:
    fill(folder_store)
    built(folder_store, place)
    empty = feed_of(place)
    check_valid(empty)
    assert datetime.fromisoformat(only(empty, "updated")) == NOW

    fill(folder_store, {"id": "a-1", "tags": ("x",)})
    built(folder_store, place)
    all_posts = feed_of(place)
    built(folder_store, place, Choice(tags=("x",)))
    chosen = feed_of(place)

    assert only(empty, "id") == only(all_posts, "id") != only(chosen, "id")
    assert only(all_posts.findall(f"{ATOM}entry")[0], "id") == only(chosen.findall(f"{ATOM}entry")[0], "id")


def test_a_new_version_is_news(folder_store: FolderStore, place: FolderStore, fill: Fill) -> None:
    archive = fill(folder_store, {"id": "a-1"})
    built(folder_store, place)
    assert only(feed_of(place), "updated") == "2022-07-22T16:00:00Z"
    later = NOW.replace(day=24)
    fill(folder_store, {"id": "a-1", "title": "neu", "fetched_at": later})
    del archive
    built(folder_store, place)

    assert only(feed_of(place), "updated") == "2026-11-24T08:00:00Z"
