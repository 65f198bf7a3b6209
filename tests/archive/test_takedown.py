"""What is taken down is nowhere in the store any more, comes back by nothing, and takes nothing of others with it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.document import read
from archive.layout import BLOBS, index_key, link_from_document
from archive.model import Failure, Image, WarcRecord
from archive.register import Entry, read_entry
from archive.s3 import S3Store
from archive.store import ErasingStore, FolderStore
from archive.takedown import take_down, whole_versions
from archive.verify import Scope, verify
from archive.views import catalogue
from archive.warc import index_lines
from archive.warc_cut import records
from crawler.capture import Earlier, Exchange
from crawler.capture import records as written
from tests.archive.everywhere import everything, where
from tests.posts import NOW, PICTURES, make_post, make_report

SITE, ID, OTHER_ID = "niaogebiji", "article-482538", "article-7"
TITLE, OTHER_TITLE = "刚刚！支付宝年度大会讲了这些要点", "一个完全不同的标题在这里"
MARKER = "这一句话只在被撤下的文章里出现"
URL, OTHER_URL = (f"https://www.niaogebiji.com/{name}-1.html" for name in (ID, OTHER_ID))
LIST_URL = "https://www.niaogebiji.com/cat/103"
SHARED, OWN = PICTURES
RUN = "20261122T080000Z-niaogebiji-ab12cd"
SEGMENT = f"raw/niaogebiji/2026-11-22/{RUN}-0001.warc.gz"
LATER = NOW + timedelta(days=1)
PAGE = f"<html><title>{TITLE}</title><p>{MARKER}，还有别的。</p></html>"


def exchange(url: str, body: str | bytes, *, kind: str = "text/html", status: int = 200) -> Exchange:
    data = gzip.compress(body.encode(), mtime=0) if isinstance(body, str) else body
    headers = [("Content-Type", kind), *([("Content-Encoding", "gzip")] if isinstance(body, str) else [])]
    return Exchange(
        method="GET",
        url=url,
        request_headers=(),
        request_body=b"",
        status=status,
        headers=headers,
        body=data,
        at=NOW,
    )


@dataclass(frozen=True, kw_only=True)
class Captured:
    segment: bytes
    page: str
    page_of_other: str
    list_: str


def capture() -> Captured:
    """A list that names two posts, the page of each, the page of one unchanged later, its pictures."""
    list_html = f"<li><a href='/{ID}-1.html'>{TITLE}</a></li><li><a href='/{OTHER_ID}-1.html'>{OTHER_TITLE}</a></li>"
    list_ = written(exchange(LIST_URL, list_html), RUN, 1, None)
    page = written(exchange(URL, PAGE), RUN, 2, None)
    other = written(exchange(OTHER_URL, f"<title>{OTHER_TITLE}</title><p>别的正文在这里。"), RUN, 3, None)
    before = Earlier(digest=page.digest, record_id=page.record_id, date=page.date, segment=SEGMENT)
    again = written(exchange(URL, PAGE), RUN, 4, before)
    pictures = [
        written(exchange(f"https://img.example/{number}.gif", data, kind="image/gif"), RUN, 5 + number, None)
        for number, data in enumerate(PICTURES)
    ]
    segment = b"".join(each.data for each in (list_, page, other, again, *pictures))
    return Captured(segment=segment, page=page.record_id, page_of_other=other.record_id, list_=list_.record_id)


def fill(store: ErasingStore) -> None:
    """A post of two versions with two pictures, another with the first of them, a capture, a report, views."""
    archive = Archive.open_or_create(store, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    captured = capture()
    segment = captured.segment
    archive.put_capture(SEGMENT, segment, "".join(index_lines(segment, SEGMENT.rpartition("/")[2])).encode())
    post = make_post(body=body_of(MARKER, 0, 1), warc=warc(captured.page, captured.list_))
    archive.add(post)
    changed = replace(post, title=f"{TITLE}（更新）", source_sha256="1" * 64, fetched_at=NOW + timedelta(hours=1))
    archive.add(changed, head=archive.head(SITE, ID))
    archive.add(other_post(captured))
    failure = Failure(what="post", url=URL, reason="foreign-page", detail=f"told {TITLE}", expected=False)
    other = Failure(what="post", url=OTHER_URL, reason="http-500", detail="answered 500", expected=True)
    archive.add_report(make_report(run=RUN, failures=(failure, other), reasons=(f"told {TITLE}: look", "b")))
    catalogue.build(store, progress=lambda _what, _done: None, complain=pytest.fail)
    store.put("views/html/page.html", PAGE.encode(), "text/html")
    store.put("views/html/own.gif", OWN, "image/gif")
    store.put("views/html/shared.gif", SHARED, "image/gif")
    store.put("views/html/other.html", OTHER_TITLE.encode(), "text/html")


def other_post(captured: Captured) -> Any:
    return make_post(
        id=OTHER_ID,
        url=OTHER_URL,
        title=OTHER_TITLE,
        body=body_of("别的正文", 0),
        images=(pictures()[0],),
        warc=warc(captured.page_of_other, captured.list_),
    )


def pictures() -> tuple[Image, ...]:
    return make_post().images


def body_of(text: str, *shown: int) -> str:
    links = "".join(f'<img src="{link_from_document(pictures()[number].key)}" alt="">\n' for number in shown)
    return f"<p>{text}。</p>\n{links}"


def warc(*ids: str) -> tuple[WarcRecord, ...]:
    return tuple(WarcRecord(segment=SEGMENT, record_id=id_) for id_ in ids)


@pytest.fixture(params=["folder", "s3", "versioned", pytest.param("radosgw", marks=pytest.mark.stores)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> ErasingStore:
    """A filled archive, opened so that everything may be replaced."""
    if request.param == "folder":
        store: ErasingStore = FolderStore(tmp_path / "nest", mutable="")
    else:
        made: S3Store = request.getfixturevalue("radosgw_store" if request.param == "radosgw" else "s3_store")
        if request.param != "s3":
            made.client.put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
        store = S3Store(made.client, made.bucket, made.prefix.rstrip("/"), mutable="")
    fill(store)
    return store


def take(store: ErasingStore, *, why: str | None = "a court said so", **more: Any) -> Entry:
    return take_down(store, SITE, ID, why=why, now=LATER, **more)


def errors(store: ErasingStore) -> list[str]:
    """What the full check finds, warnings too."""
    return [f"{each.code} {each.key}: {each.detail}" for each in verify(store, Scope(full=True))]


def traces(store: ErasingStore) -> list[str]:
    return where(store, MARKER, TITLE, OWN)


def test_it_was_everywhere(place: ErasingStore) -> None:
    found = traces(place)

    for part in ("posts/", "blobs/", "raw/", "runs/", "views/catalogue/jsonl", "views/catalogue/parquet", "views/html"):
        assert any(key.startswith(part) for key in found), part
    assert errors(place) == []


def test_neither_its_text_nor_its_images_are_anywhere_afterwards(place: ErasingStore) -> None:
    entry = take(place)

    assert traces(place) == []
    assert errors(place) == []
    assert (entry.versions, len(entry.images), len(entry.kept)) == (2, 1, 1)
    assert entry.finished == LATER
    assert read_entry(place, SITE, ID) == entry
    assert whole_versions(place, SITE, ID) == []


def test_other_posts_keep_their_images_records_and_rows(place: ErasingStore) -> None:
    mine = {key: data for key, data in everything(place) if OTHER_ID in key}
    take(place)

    assert {key: data for key, data in everything(place) if OTHER_ID in key} == mine
    (shared,) = [info.key for info in place.list(BLOBS)]
    assert place.read(shared) == SHARED
    left = {record.id: record for record in records(place.read(SEGMENT)) if record.kind == "response"}
    captured = capture()
    assert {captured.list_, captured.page_of_other} <= set(left)
    assert captured.page not in left
    assert left[captured.list_].payload == b""
    assert left[captured.list_].headers["warc-truncated"] == "unspecified"
    assert OTHER_TITLE in left[captured.page_of_other].payload.decode()
    assert any(OTHER_TITLE.encode() in place.read(info.key) for info in place.list("views/catalogue/jsonl"))
    assert {info.key for info in place.list("views/html/")} == {"views/html/shared.gif", "views/html/other.html"}


def test_the_index_of_a_rewritten_segment_fits_it(place: ErasingStore) -> None:
    take(place)

    data, index = place.read(SEGMENT), place.read(index_key(SEGMENT)).decode()
    assert "".join(index_lines(data, SEGMENT.rpartition("/")[2])) == index
    for line in index.splitlines():
        told = json.loads(line.split(" ", 2)[2])
        start, length = int(told["offset"]), int(told["length"])
        (record,) = records(data[start : start + length])
        assert record.url == told["url"]
    assert URL not in index


def test_a_report_loses_what_tells_of_the_post_and_nothing_else(place: ErasingStore) -> None:
    take(place)

    (key,) = [info.key for info in place.list("runs/")]
    value = json.loads(place.read(key))
    assert value["failures"][0]["url"] == value["failures"][0]["detail"] == "(taken down)"
    assert value["failures"][1]["url"] == OTHER_URL
    assert value["reasons"] == ["(taken down)", "b"]


def test_the_stubs_say_when_and_why_and_what_was_there(place: ErasingStore) -> None:
    take(place)

    fronts = [read(place.read(info.key)).front for info in place.list(f"posts/{SITE}/{ID}/")]
    assert [front["version"] for front in fronts] == [1, 2, 3]
    assert {front["why"] for front in fronts} == {"a court said so"}
    assert {front["when"] for front in fronts} == {LATER.isoformat()}
    assert [bool(front["was"]) for front in fronts] == [True, True, False]
    assert not any("url" in front or "title" in front for front in fronts)


def test_given_again_it_changes_nothing(place: ErasingStore) -> None:
    first = take(place)
    before = sorted(everything(place))

    again = take_down(place, SITE, ID, why=None, now=LATER + timedelta(days=3))

    assert again == first
    assert sorted(everything(place)) == before


def test_a_dry_run_says_the_same_and_changes_nothing(place: ErasingStore) -> None:
    before = sorted(everything(place))

    would = take(place, dry_run=True)

    assert sorted(everything(place)) == before
    assert replace(take(place), traces=would.traces) == would


def test_no_writer_adds_a_version_afterwards_whatever_it_knew(place: ErasingStore) -> None:
    archive = Archive.open(place)
    head = archive.head(SITE, ID)
    assert head is not None
    take(place)
    newer = make_post(title="又来了", fetched_at=LATER, source_sha256="2" * 64)

    assert archive.add(newer, head=head).status == "taken-down"
    assert archive.add(newer, head=None).status == "taken-down"
    assert whole_versions(place, SITE, ID) == []


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "nest", mutable="")
    fill(store)
    return store
