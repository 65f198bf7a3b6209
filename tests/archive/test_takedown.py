"""What is taken down is nowhere in the store any more, comes back by nothing, and takes nothing of others with it."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from archive.copying import Copied, Copy
from archive.document import read
from archive.errors import UsageError
from archive.garbage import collect
from archive.layout import BLOBS, index_key, link_from_document
from archive.model import Failure, Image, WarcRecord
from archive.reader import ArchiveInfo
from archive.register import Entry, entries, entry_bytes, read_entry
from archive.repair import of_archive, repair
from archive.s3 import S3Store
from archive.store import ErasingStore, FolderStore, Locked, StoreOptions
from archive.takedown import take_down, whole_versions
from archive.verify import Scope, verify
from archive.views import catalogue
from archive.warc import index_lines
from archive.warc_cut import records
from crawler.capture import Earlier, Exchange
from crawler.capture import records as written
from tests.archive.everywhere import everything, where
from tests.archive.turns import MemoryStore, TakenByTurns, Turns
from tests.conftest import S3Server
from tests.posts import NOW, PICTURES, make_post, make_report
from tests.support import Birdnest

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


def take(store: ErasingStore, *, why: str | None = "a court said so", **more: Any) -> Entry:
    return take_down(store, SITE, ID, why=why, now=LATER, **more)


def errors(store: ErasingStore) -> list[str]:
    """What the full check finds, warnings too."""
    return [f"{each.code} {each.key}: {each.detail}" for each in verify(store, Scope(full=True))]


def traces(store: ErasingStore) -> list[str]:
    return where(store, MARKER, TITLE, OWN)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A store before a takedown, by where the post was and what there was of the other, and after it."""

    store: ErasingStore
    was_in: list[str]
    of_other: dict[str, bytes]
    would: Entry
    entry: Entry


@contextmanager
def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[ErasingStore]:
    """An empty store, opened so that everything may be replaced."""
    if kind == "folder":
        yield FolderStore(folder / "nest", mutable="")
        return
    server: S3Server = request.getfixturevalue("radosgw_server" if kind == "radosgw" else "s3_server")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        store = S3Store.open(f"s3://{server.new_bucket()}/some/prefix", mutable="")
        with closing(store):
            store.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
            yield store


@pytest.fixture(scope="module", params=["folder", "versioned", pytest.param("radosgw", marks=pytest.mark.stores)])
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    with opened(request.param, request, tmp_path_factory.mktemp("taken")) as store:
        fill(store)
        before = sorted(everything(store))
        was_in = traces(store)
        would = take(store, dry_run=True)
        assert sorted(everything(store)) == before
        of_other = {key: data for key, data in before if OTHER_ID in key}
        yield Taken(store=store, was_in=was_in, of_other=of_other, would=would, entry=take(store))


def test_neither_its_text_nor_its_images_are_anywhere_afterwards(taken: Taken) -> None:
    for part in ("posts/", "blobs/", "raw/", "runs/", "views/catalogue/jsonl", "views/catalogue/parquet", "views/html"):
        assert any(key.startswith(part) for key in taken.was_in), part

    assert traces(taken.store) == []
    assert where(taken.store, URL) == []
    assert errors(taken.store) == []


def test_its_entry_tells_what_was_done_and_a_dry_run_the_same(taken: Taken) -> None:
    entry = taken.entry

    assert (entry.versions, len(entry.images), len(entry.kept)) == (2, 1, 1)
    assert entry.finished == LATER
    assert not entry.locked
    assert not entry.unread
    assert read_entry(taken.store, SITE, ID) == entry
    assert whole_versions(taken.store, SITE, ID) == []
    assert taken.would == entry


def test_other_posts_keep_their_images_records_and_rows(taken: Taken) -> None:
    store = taken.store

    assert {key: data for key, data in everything(store) if OTHER_ID in key} == taken.of_other
    (shared,) = [info.key for info in store.list(BLOBS)]
    assert store.read(shared) == SHARED
    left = {record.id: record for record in records(store.read(SEGMENT)) if record.kind == "response"}
    captured = capture()
    assert {captured.list_, captured.page_of_other} <= set(left)
    assert captured.page not in left
    assert left[captured.list_].payload == b""
    assert left[captured.list_].headers["warc-truncated"] == "unspecified"
    assert OTHER_TITLE in left[captured.page_of_other].payload.decode()
    assert any(OTHER_TITLE.encode() in store.read(info.key) for info in store.list("views/catalogue/jsonl"))
    assert {info.key for info in store.list("views/html/")} == {"views/html/shared.gif", "views/html/other.html"}


def test_the_records_that_stay_are_as_they_were_byte_for_byte(taken: Taken) -> None:
    before, after = capture().segment, taken.store.read(SEGMENT)

    (other,) = of_other_page(before)
    assert other in after


def test_the_index_of_a_rewritten_segment_fits_it(taken: Taken) -> None:
    data, index = taken.store.read(SEGMENT), taken.store.read(index_key(SEGMENT)).decode()

    assert index.count("\n") == 3  # the list, the other post's page, the shared picture
    for line in index.splitlines():
        told = json.loads(line.split(" ", 2)[2])
        start, length = int(told["offset"]), int(told["length"])
        (record,) = records(data[start : start + length])
        assert record.url == told["url"]


def test_a_report_loses_what_tells_of_the_post_and_nothing_else(taken: Taken) -> None:
    (key,) = [info.key for info in taken.store.list("runs/")]
    value = json.loads(taken.store.read(key))

    assert value["failures"][0]["url"] == value["failures"][0]["detail"] == "(taken down)"
    assert value["failures"][1]["url"] == OTHER_URL
    assert value["reasons"] == ["(taken down)", "b"]


def test_the_stubs_say_when_and_why_and_what_was_there(taken: Taken) -> None:
    fronts = [read(taken.store.read(info.key)).front for info in taken.store.list(f"posts/{SITE}/{ID}/")]

    assert [front["version"] for front in fronts] == [1, 2, 3]
    assert {front["why"] for front in fronts} == {"a court said so"}
    assert {front["when"] for front in fronts} == {LATER.isoformat()}
    assert [bool(front["was"]) for front in fronts] == [True, True, False]
    assert not any("url" in front or "title" in front for front in fronts)


def test_given_again_it_changes_nothing(taken: Taken) -> None:
    before = sorted(everything(taken.store))

    again = take_down(taken.store, SITE, ID, why=None, now=LATER + timedelta(days=3))

    assert again == taken.entry
    assert sorted(everything(taken.store)) == before


def of_other_page(segment: bytes) -> list[bytes]:
    """The members of the other post's page."""
    url = OTHER_URL.encode()
    members = []
    for line in index_lines(segment, "x"):
        told = json.loads(line.split(" ", 2)[2])
        if told["url"].encode() == url:
            start = int(told["offset"])
            members.append(segment[start : start + int(told["length"])])
    return members


# -- one thing at a time, in a folder ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "nest"
    fill(FolderStore(folder, mutable=""))
    return folder


@pytest.fixture
def folder(full: Path, tmp_path: Path) -> FolderStore:
    shutil.copytree(full, tmp_path / "nest")
    return FolderStore(tmp_path / "nest", mutable="")


def test_no_writer_adds_a_version_afterwards_whatever_it_knew(folder: FolderStore) -> None:
    archive = Archive.open(folder)
    head = archive.head(SITE, ID)
    assert head is not None
    take(folder)
    newer = make_post(title="又来了", fetched_at=LATER, source_sha256="2" * 64)

    assert archive.add(newer, head=head).status == "taken-down"
    assert archive.add(newer, head=None).status == "taken-down"
    assert whole_versions(folder, SITE, ID) == []


def race(seed: int) -> None:
    """Writers add versions of a post while it is taken down, which may be killed and is given again."""
    chance = random.Random(seed)
    memory = MemoryStore()
    turns = Turns(chance=chance, now=NOW, step=timedelta(minutes=1))
    shared = TakenByTurns(memory, turns)
    Archive.open_or_create(shared, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    archive = Archive(shared, ArchiveInfo(id="", created=NOW, version=1), sleep=lambda _seconds: None)
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    archive.add(make_post(body=body_of(MARKER, 0, 1)))
    head = archive.head(SITE, ID)

    def writer(number: int) -> Callable[[], object]:
        changes: dict[str, Any] = {"source_sha256": f"{number:064x}", "fetched_at": NOW + timedelta(hours=number)}
        post = make_post(title=f"{TITLE} {number}", body=body_of(MARKER, 0, 1), **changes)
        return lambda: archive.add(post, head=head)

    turns.kill_share = 0.02
    turns.run(lambda: take(shared), *(writer(number) for number in range(1, 4)))
    turns.kill_share = 0.0
    take(shared)
    assert where(memory, MARKER, TITLE) == [], f"seed {seed}"
    assert whole_versions(memory, SITE, ID) == [], f"seed {seed}"
    assert archive.add(make_post(), head=head).status == "taken-down"


def test_no_order_of_writers_and_a_takedown_leaves_a_version() -> None:
    for seed in range(100):
        race(seed)


class Meeting(FolderStore):
    """A folder in which another post is committed right after a blob was deleted."""

    commit: Callable[[], object] | None = None

    def delete(self, key: str) -> None:
        super().delete(key)
        if self.commit is not None:
            commit, self.commit = self.commit, None
            commit()


def test_an_image_that_another_post_names_meanwhile_is_put_back(folder: FolderStore) -> None:
    busy = Meeting(folder.root, mutable="")
    busy.commit = lambda: Archive.open(folder).add(make_post(id="article-8", title="第八篇文章的标题"))

    entry = take(busy)

    assert len(entry.kept) == 2
    assert OWN in [folder.read(info.key) for info in folder.list(BLOBS)]
    assert list(folder.list(".gc/")) == []
    assert errors(folder) == []


def test_an_image_that_was_set_aside_goes_too(folder: FolderStore) -> None:
    own = pictures()[1].key
    folder.replace(f".gc/20261122T080000Z-ab12cd34/{own}", OWN, "image/gif")

    take(folder)

    assert where(folder, OWN) == []


def test_a_title_that_another_post_has_too_empties_no_list_by_itself(folder: FolderStore) -> None:
    archive = Archive.open(folder)
    archive.add(make_post(id="article-9", url=OTHER_URL.replace("7", "9"), title=TITLE, body=body_of("第九篇", 0)))
    later = written(exchange("https://www.niaogebiji.com/hot", f"<li>{TITLE}</li>"), RUN, 9, None)
    archive.put_capture(SEGMENT.replace("0001", "0002"), later.data, b"")

    entry = take(folder)

    assert later.record_id not in entry.emptied
    assert capture().list_ in entry.emptied


def test_a_document_that_cannot_be_read_keeps_the_images_and_the_entry_open(folder: FolderStore) -> None:
    (folder.root / f"posts/{SITE}/{OTHER_ID}/v0001.html").write_bytes(b"?")
    told: list[str] = []

    entry = take(folder, complain=told.append)

    assert (entry.finished, entry.images) == (None, ())
    assert entry.unread == (f"posts/{SITE}/{OTHER_ID}/v0001.html",)
    assert "cannot be searched" in told[0]
    assert where(folder, MARKER, TITLE) == []


def test_a_post_that_is_not_there_or_has_no_reason_is_refused(folder: FolderStore) -> None:
    with pytest.raises(UsageError, match="holds no post niaogebiji/nothing"):
        take_down(folder, SITE, "nothing", why="x", now=LATER)
    with pytest.raises(UsageError, match="say why"):
        take(folder, why=None)
    assert list(entries(folder)) == []


def test_a_damaged_entry_is_found_by_verify(folder: FolderStore) -> None:
    entry = take(folder)
    file = folder.root / entry.key
    file.write_bytes(file.read_bytes().replace(b"a court", b"a count"))

    assert [line.split()[0] for line in errors(folder)] == ["register-damaged"]


class Ended(Exception):  # noqa: N818 - as a process that is killed
    pass


class Ending(FolderStore):
    """A folder at the so-manieth call of which everything ends."""

    left = 0

    def _count(self) -> None:
        if self.left == 0:
            raise Ended
        self.left -= 1

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        self._count()
        return super().create(key, data, content_type)

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self._count()
        super().put(key, data, content_type)

    def replace(self, key: str, data: bytes, content_type: str) -> None:
        self._count()
        super().replace(key, data, content_type)

    def delete(self, key: str) -> None:
        self._count()
        super().delete(key)

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        self._count()
        return super().erase(key, keep_current=keep_current)


def test_ended_at_any_write_and_given_again_it_is_done(full: Path, tmp_path: Path) -> None:
    calls = 0
    while True:
        place = tmp_path / str(calls)
        shutil.copytree(full, place)
        busy = Ending(place, mutable="")
        busy.left = calls
        try:
            take(busy)
        except Ended:
            pass
        else:
            break
        store = FolderStore(place, mutable="")
        open_ = [entry for entry in entries(store) if entry.finished is None]
        assert open_ or calls == 0 or not whole_versions(store, SITE, ID), f"ended at {calls}: not in the register"
        entry = take(store)
        assert traces(store) == [], f"ended at {calls}"
        assert errors(store) == [], f"ended at {calls}"
        assert (entry.versions, len(entry.images), len(entry.kept)) == (2, 1, 1), f"ended at {calls}"
        calls += 1 if calls < 14 else 5
    assert calls > 20


# -- what might bring it back --------------------------------------------------------------------------------------


def copied(source: FolderStore, target: FolderStore) -> tuple[Copied, list[str]]:
    told: list[str] = []
    with Copy(source, target, complain=told.append, views=True) as work:
        work.plan()
        return work.make(progress=lambda _what, _done: None), told


def test_a_copy_from_an_older_backup_brings_nothing_back(full: Path, folder: FolderStore) -> None:
    take(folder)

    done, told = copied(FolderStore(full), folder)

    assert told == []
    assert done.taken_down > 0
    assert traces(folder) == []
    assert errors(folder) == []


def test_nor_does_one_of_views_bring_a_month_of_the_catalogue_that_only_it_was_in(
    folder: FolderStore, tmp_path: Path
) -> None:
    shutil.rmtree(folder.root / "posts" / SITE / OTHER_ID)
    catalogue.build(folder, progress=lambda _what, _done: None, complain=pytest.fail)
    shutil.copytree(folder.root, tmp_path / "older")
    take(folder)

    copied(FolderStore(tmp_path / "older"), folder)

    assert where(folder, MARKER, TITLE, OWN) == []


def test_nor_does_it_come_into_a_target_where_its_takedown_was_ended(full: Path, tmp_path: Path) -> None:
    target = FolderStore(tmp_path / "target", mutable="")
    entry = Entry(site=SITE, id=ID, when=LATER, why="a court said so")
    target.create("ARCHIVE.json", (full / "ARCHIVE.json").read_bytes(), "")
    target.replace(entry.key, entry_bytes(entry), "")

    copied(FolderStore(full), target)

    assert list(target.list(f"posts/{SITE}/{ID}/")) == []


def test_a_capture_that_tells_of_it_is_not_copied_to_where_it_was_taken_down(
    folder: FolderStore, full: Path, tmp_path: Path
) -> None:
    newer = FolderStore(tmp_path / "newer", mutable="")
    shutil.copytree(full, newer.root)
    feed = written(exchange("https://feed.example/", f"<item><title>{TITLE}</title></item>"), RUN, 12, None)
    segment = SEGMENT.replace("0001", "0003")
    Archive.open(newer).put_capture(segment, feed.data, b"")
    take(folder)

    _, told = copied(newer, folder)

    assert [line.split(":")[0] for line in told if "raw/" in line] == [index_key(segment), segment]
    assert traces(folder) == []


def test_the_register_goes_with_a_copy_and_says_what_still_stands_there(folder: FolderStore, full: Path) -> None:
    backup = FolderStore(folder.root.parent / "backup", mutable="")
    shutil.copytree(full, backup.root)
    entry = take(folder)

    _, told = copied(folder, backup)

    assert any("take it down there, too" in line for line in told)
    assert list(entries(backup)) == [entry]
    assert len(whole_versions(backup, SITE, ID)) == 2
    take_down(backup, SITE, ID, why=None, now=LATER)
    assert traces(backup) == []
    assert errors(backup) == []


def test_repair_from_an_older_copy_brings_nothing_back(folder: FolderStore, full: Path) -> None:
    entry = take(folder)
    stubs = list(folder.list(f"posts/{SITE}/{ID}/"))
    (report,) = [info.key for info in folder.list("runs/")]
    for key in (stubs[0].key, SEGMENT, report, entry.key):
        folder.replace(key, folder.read(key)[:-9], "")
    folder.erase(index_key(SEGMENT))

    done = repair(folder, list(verify(folder, Scope(full=True))), {"older": of_archive(FolderStore(full))})

    assert traces(folder) == []
    assert stubs[0].key in done.left
    # Of an entry that cannot be read the key says which post it is, and nothing what else must not come back.
    assert "the register of takedowns, which cannot be read" in done.left[SEGMENT]
    folder.replace(entry.key, entry_bytes(entry), "")
    done = repair(folder, list(verify(folder, Scope(full=True))), {"older": of_archive(FolderStore(full))})
    assert {SEGMENT, report} <= set(done.left)
    assert traces(folder) == []


def test_gc_keeps_the_images_that_stayed_and_the_register_is_no_stranger_to_it(folder: FolderStore) -> None:
    take(folder)

    found = collect(
        folder,
        now=datetime.now(UTC) + timedelta(days=30),
        grace=timedelta(days=1),
        remove=True,
        progress=lambda _what, _done: None,
    )

    assert not any(vars(found).values())
    assert errors(folder) == []


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command_asks_says_what_it_did_and_lists_it(folder: FolderStore) -> None:
    birdnest = Birdnest(folder=folder.root.parent)
    place = ("--archive", str(folder.root))

    assert "--yes" in birdnest("takedown", f"{SITE}/{ID}", "--reason", "law", *place).err
    assert "would take down" in birdnest("takedown", URL, "--dry-run", *place).out
    assert len(whole_versions(folder, SITE, ID)) == 2
    done = birdnest("takedown", URL, "--reason", "law", "--yes", "--json", *place)
    assert (done.code, json.loads(done.out)["records_cut"]) == (0, 6)
    assert traces(folder) == []
    again = birdnest("takedown", URL, "--yes", *place)
    assert (again.code, again.err) == (0, "")
    listed = birdnest("takedown", "--list", *place).out
    assert f"{SITE}/{ID}" in listed
    assert "law" in listed
    assert "unfinished" not in listed


def test_what_is_locked_is_listed_and_all_else_is_done(s3_environment: S3Server, tmp_path: Path) -> None:
    bucket = s3_environment.new_name()
    with closing(S3Store.open(f"s3://{bucket}/nest", StoreOptions(object_lock_days=30), mutable="")) as store:
        store.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        fill(store)
        birdnest = Birdnest(folder=tmp_path)
        place = ("--archive", f"s3://{bucket}/nest")

        ended = birdnest("takedown", f"{SITE}/{ID}", "--reason", "law", "--yes", *place)

        assert ended.code == 6
        assert f"locked: posts/{SITE}/{ID}/v0001.html version " in ended.err
        assert "run it again after 20" in ended.err
        current = [store.read(info.key) for info in store.list() if not info.key.startswith(("raw/", "views/"))]
        assert not any(MARKER.encode() in data or data == OWN for data in current)
        assert where(store, MARKER, TITLE, OWN) != []
        (told,) = [json.loads(line) for line in birdnest("takedown", "--list", "--json", *place).out.splitlines()]
        assert {each["until"][:2] for each in told["locked"]} == {"20"}
        assert errors(store) == []
