"""The one contract of all stores, and what only a folder or only S3 can get wrong."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

import archive.store
from archive import layout
from archive.errors import ObjectMissing, StoreError, StoreUnclear, UsageError
from archive.locks import file_system
from archive.s3 import S3Store
from archive.s3_boto3 import content_md5
from archive.store import ErasingStore, FolderStore, Store, StoreOptions, open_store

if TYPE_CHECKING:
    from tests.conftest import S3Server

TEXT = "text/plain"


def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


# --- every store


def test_an_object_reads_back_as_it_was_written(store: Store) -> None:
    assert store.create("a/b.txt", b"bytes\x00\xff\r\n", TEXT) is True

    assert store.read("a/b.txt") == b"bytes\x00\xff\r\n"


def test_a_second_create_is_refused_and_leaves_the_first_bytes(store: Store) -> None:
    store.create("a", b"first", TEXT)

    assert store.create("a", b"second", TEXT) is False
    assert store.create("a", b"first", TEXT) is False
    assert store.read("a") == b"first"


def test_of_sixteen_that_race_for_a_key_one_wins_and_its_bytes_stay(store: Store) -> None:
    start = threading.Barrier(16)

    def race(number: int) -> bool:
        start.wait()
        return store.create("posts/s/a-1/v0001.html", b"%d" % number * 1000, TEXT)

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(race, range(16)))

    assert won.count(True) == 1
    assert store.read("posts/s/a-1/v0001.html") == b"%d" % won.index(True) * 1000
    assert keys(store) == ["posts/s/a-1/v0001.html"]


def test_what_is_not_there_is_missing(store: Store) -> None:
    store.create("folder/object", b"", TEXT)

    for key in ("nothing", "folder", "folder/nothing", "folder/object/below"):
        with pytest.raises(ObjectMissing, match=f"no object {key}") as missing:
            store.read(key)
        assert missing.value.key == key


def test_a_new_store_lists_nothing(store: Store) -> None:
    assert keys(store) == []
    assert keys(store, "posts/") == []


def test_objects_are_listed_in_the_order_of_their_keys_with_their_sizes(store: Store) -> None:
    names = ["b", "a/z", "a-b", "a.c", "a/b/c", "a0", "A", "a/b-c", "z/1", "a/b0"]
    for size, name in enumerate(names):
        store.create(name, b"x" * size, TEXT)

    listed = list(store.list())

    assert [info.key for info in listed] == sorted(names)
    assert {info.key: info.bytes for info in listed} == {name: size for size, name in enumerate(names)}


def test_a_prefix_lists_the_keys_that_begin_with_it(store: Store) -> None:
    one, ten, other = (f"posts/{post}/v0001.html" for post in ("s/a-1", "s/a-10", "t/a-1"))
    for key in (one, ten, other, "blobs/x"):
        store.create(key, b"", TEXT)

    listed = {
        "posts/": [one, ten, other],
        "post": [one, ten, other],
        "posts/s/": [one, ten],
        "posts/s/a-1": [one, ten],
        "posts/s/a-1/": [one],
        one: [one],
        f"{one}/": [],
        "runs/": [],
    }
    assert {prefix: keys(store, prefix) for prefix in listed} == listed


def test_a_listing_begins_after_any_key(store: Store) -> None:
    names = sorted(("a/b/c", "a/b/d", "a-b", "a0", "b/c", "posts/s/a-1/v0001.html", "posts/s/a-10/v0001.html"))
    for name in names:
        store.create(name, b"", TEXT)

    for after in (*names, "", "a/", "a/b", "a/b/", "a/b/cc", "a/c", "b", "b/c/d", "posts/s/a-1/v0001.html0", "z"):
        assert [info.key for info in store.list(after=after)] == [name for name in names if name > after]
        assert [info.key for info in store.list("a/b", after=after)] == [
            name for name in names if name.startswith("a/b") and name > after
        ]


def test_an_object_tells_when_it_was_written(store: Store) -> None:
    before = datetime.now(UTC)
    store.create("a", b"", TEXT)

    (info,) = store.list()

    assert before - timedelta(seconds=2) <= info.modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_more_objects_than_one_page_holds_are_all_listed(store: Store) -> None:
    names = [f"blobs/{number:04d}" for number in range(1005)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda name: store.create(name, b"", TEXT), names))

    assert keys(store) == names


def test_a_key_that_not_every_store_can_hold_is_refused(store: Store) -> None:
    for key in ("", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a/.", "文章", "a\nb", "a\x00b", "a\x7f", "é"):
        with pytest.raises(ValueError, match="not a key of an archive"):
            store.create(key, b"", TEXT)
        with pytest.raises(ValueError, match="not a key of an archive"):
            store.read(key)
    assert keys(store) == []


def test_an_empty_object_is_an_object(store: Store) -> None:
    assert store.create("empty", b"", TEXT) is True

    assert store.read("empty") == b""
    assert [(info.key, info.bytes) for info in store.list()] == [("empty", 0)]
    assert store.create("empty", b"more", TEXT) is False


def test_an_object_of_twenty_megabytes_is_kept_whole(store: Store) -> None:
    data = os.urandom(20_000_000)

    assert store.create("blobs/big", data, "image/gif") is True

    assert store.read("blobs/big") == data
    assert store.usage.bytes_written == 20_000_000


def test_usage_counts_every_request_and_the_bytes_that_were_written(store: Store) -> None:
    store.create("a", b"12345", TEXT)
    store.create("a", b"not written", TEXT)
    store.read("a")
    with pytest.raises(ObjectMissing):
        store.read("b")
    keys(store)

    assert dict(store.usage.requests) == {"PUT": 2, "GET": 2, "LIST": 1}
    assert store.usage.bytes_written == 5


def test_a_store_opens_again_by_its_address(store: Store) -> None:
    store.create("a", b"kept", TEXT)

    again = open_store(store.url)

    assert type(again) is type(store)
    assert again.read("a") == b"kept"
    if isinstance(again, S3Store):
        again.close()


def test_an_object_of_a_view_is_overwritten_and_removed(store: Store) -> None:
    for data in (b"first", b"second, longer", b""):
        store.put("views/catalogue/a=b/x.jsonl", data, TEXT)
        assert store.read("views/catalogue/a=b/x.jsonl") == data
    assert [(info.key, info.bytes) for info in store.list()] == [("views/catalogue/a=b/x.jsonl", 0)]

    for _ in range(2):
        store.delete("views/catalogue/a=b/x.jsonl")
        assert keys(store) == []
    store.put("views/catalogue/a=b/x.jsonl", b"again", TEXT)

    assert store.read("views/catalogue/a=b/x.jsonl") == b"again"
    assert dict(store.usage.requests) == {"PUT": 4, "GET": 4, "LIST": 3, "DELETE": 2}


def test_only_views_are_overwritten_or_removed(store: Store) -> None:
    store.create("posts/s/a-1/v0001.html", b"kept", TEXT)

    for key in (
        "posts/s/a-1/v0001.html",
        "views",
        "viewsx/a",
        "ARCHIVE.json",
        "a/views/b",
        "views/../posts/x",
        "views//a",
    ):
        with pytest.raises(ValueError, match="not a key"):
            store.put(key, b"other", TEXT)
        with pytest.raises(ValueError, match="not a key"):
            store.delete(key)

    assert store.read("posts/s/a-1/v0001.html") == b"kept"
    assert keys(store) == ["posts/s/a-1/v0001.html"]


@pytest.fixture
def erasing(store: Store) -> Iterator[ErasingStore]:
    """The store, opened as for a takedown."""
    opened = open_store(store.url, mutable="")
    yield opened
    if isinstance(opened, S3Store):
        opened.close()


def test_a_takedown_replaces_and_erases_what_it_wants(erasing: ErasingStore) -> None:
    for key in ("posts/s/a-1/v0001.html", "posts/s/a-1/v0002.html"):
        erasing.create(key, b"first", TEXT)

    erasing.replace("posts/s/a-1/v0001.html", b"second, longer", TEXT)
    erasing.replace("takedowns/s/a-1.json", b"new", TEXT)
    assert erasing.erase("posts/s/a-1/v0001.html", keep_current=True) == ()
    assert erasing.erase("posts/s/a-1/v0002.html") == ()
    assert erasing.erase("posts/s/a-1/v0002.html") == erasing.erase("nothing/there") == ()

    assert erasing.read("posts/s/a-1/v0001.html") == b"second, longer"
    assert keys(erasing) == ["posts/s/a-1/v0001.html", "takedowns/s/a-1.json"]
    assert list(erasing.with_history("")) == []


def test_only_a_store_that_was_opened_for_it_replaces_and_erases(store: Store) -> None:
    store.create("posts/s/a-1/v0001.html", b"kept", TEXT)
    unopened = open_store(store.url)

    with pytest.raises(ValueError, match="not a key"):
        unopened.replace("posts/s/a-1/v0001.html", b"other", TEXT)
    with pytest.raises(ValueError, match="not a key"):
        unopened.erase("posts/s/a-1/v0001.html")

    assert store.read("posts/s/a-1/v0001.html") == b"kept"
    if isinstance(unopened, S3Store):
        unopened.close()


def test_who_reads_a_view_while_it_is_written_sees_the_old_bytes_or_the_new(store: Store) -> None:
    old, new = b"o" * 500_000, b"n" * 400_000
    store.put("views/x", old, TEXT)
    seen = set()

    def write() -> None:
        for data in (new, old) * 10:
            store.put("views/x", data, TEXT)

    with ThreadPoolExecutor(2) as pool:
        writes = pool.submit(write)
        while not writes.done():
            seen.add(store.read("views/x"))
    writes.result()

    assert seen <= {old, new}
    assert store.read("views/x") == old


def test_a_place_that_is_no_archive_may_be_overwritten_everywhere(store: Store) -> None:
    place = open_store(f"{store.url}/elsewhere", mutable="")
    for data in (b"first", b"second"):
        place.put("source/a.html", data, TEXT)

    assert store.read("elsewhere/source/a.html") == b"second"
    place.delete("source/a.html")
    assert keys(store) == []
    if isinstance(place, S3Store):
        place.close()


@pytest.mark.parametrize("address", ["ftp://host/x", "http://host/x", "gs://bucket", "s3://", "s3:///prefix"])
def test_an_address_that_is_no_store_is_a_mistake_of_the_command_line(address: str) -> None:
    with pytest.raises(UsageError, match=r"expected .*s3://bucket"):
        open_store(address)


# --- a folder


def test_a_folder_is_left_where_something_else_is_in_it_and_removed_where_not(folder_store: FolderStore) -> None:
    for key in ("views/a/b/c", "views/a/x", "posts/p"):
        folder_store.create(key, b"", TEXT)

    folder_store.delete("views/a/b/c")
    assert not (folder_store.root / "views" / "a" / "b").exists()
    folder_store.delete("views/a/x")

    assert not (folder_store.root / "views").exists()
    assert keys(folder_store) == ["posts/p"]


def test_no_temporary_file_is_left_or_listed(folder_store: FolderStore) -> None:
    for _ in range(2):
        folder_store.create("a/b", b"x", TEXT)

    assert [path.relative_to(folder_store.root).as_posix() for path in files(folder_store.root)] == ["a/b"]
    (folder_store.root / ".tmp" / "of-a-writer-at-work").write_bytes(b"half")
    assert keys(folder_store) == ["a/b"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_file_of_the_archive_has_the_rights_the_user_gives_new_files(
    folder_store: FolderStore, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        folder_store.create("a", b"x", TEXT)
    finally:
        os.umask(before)

    assert (folder_store.root / "a").stat().st_mode & 0o777 == mode
    assert (folder_store.root / "a").stat().st_nlink == 1


def test_what_a_killed_writer_left_is_swept_when_it_is_a_day_old(tmp_path: Path) -> None:
    temporary = tmp_path / ".tmp"
    temporary.mkdir()
    for name, age_seconds in (("stale", 25 * 3600), ("fresh", 3600), ("writer.lock", 25 * 3600)):
        (temporary / name).write_bytes(b"half")
        os.utime(temporary / name, (time.time() - age_seconds,) * 2)

    FolderStore(tmp_path).create("a", b"x", TEXT)

    assert [path.name for path in files(temporary)] == ["fresh", "writer.lock"]


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_path_that_is_a_file_is_refused_with_advice(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    store = FolderStore(tmp_path / "file" / below)

    with pytest.raises(StoreError, match=r"cannot write a: .*: part of the path is a file; name another folder\.$"):
        store.create("a", b"x", TEXT)

    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_place_that_takes_no_folders_is_refused_with_advice() -> None:
    place = Path("/proc/birdnest-tests")
    if not place.parent.is_dir():
        pytest.skip("this system has no /proc, which refuses folders to everyone")

    with pytest.raises(StoreError, match=r"^archive /proc/birdnest-tests: cannot write a: .*: .*\.$"):
        FolderStore(place).create("a", b"x", TEXT)


def test_what_does_not_fit_on_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    # A limit on the size of files ends a write in its middle, as a full disk does; it needs a process of its own.
    program = """
import resource, sys
from pathlib import Path
from archive.errors import StoreError
from archive.store import FolderStore
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    FolderStore(Path(sys.argv[1])).create("a", b"x" * 5000, "text/plain")
except StoreError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.startswith(f"archive {tmp_path}: cannot write a: ")
    assert files(tmp_path) == []


class WithoutLinks:
    """The module `os` of a system whose file system knows no hard links."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def link(self, source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), source, None, target)


@pytest.fixture
def linkless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    monkeypatch.setattr(archive.store, "os", WithoutLinks())
    return FolderStore(tmp_path / "nest")


def test_without_hard_links_nothing_is_overwritten_either(linkless: FolderStore) -> None:
    start = threading.Barrier(16)

    def race(number: int) -> bool:
        start.wait()
        return linkless.create("posts/s/a-1/v0001.html", b"%d" % number * 1000, TEXT)

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(race, range(16)))

    assert won.count(True) == 1
    assert linkless.read("posts/s/a-1/v0001.html") == b"%d" % won.index(True) * 1000
    assert linkless.create("posts/s/a-1/v0001.html", b"again", TEXT) is False
    assert keys(linkless) == ["posts/s/a-1/v0001.html"]


def test_without_hard_links_a_second_process_is_refused(linkless: FolderStore) -> None:
    linkless.create("a", b"x", TEXT)
    program = """
import sys
from pathlib import Path
from archive.errors import StoreError
from archive.locks import hold_lock
try:
    hold_lock(Path(sys.argv[1]) / ".tmp" / "writer.lock", sys.argv[1])
except StoreError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(linkless.root)], capture_output=True, text=True, check=True, timeout=60
    )

    assert f"process {os.getpid()} is writing to it" in done.stdout


def test_without_hard_links_a_network_s_file_system_needs_the_user_s_word(
    linkless: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive.store, "file_system", lambda _path: "nfs4")

    with pytest.raises(StoreError, match=r"\(nfs4\) knows no hard links.*say `single_writer = true`"):
        linkless.create("a", b"x", TEXT)
    assert keys(linkless) == []

    promised = FolderStore(linkless.root, StoreOptions(single_writer=True))
    assert promised.create("a", b"x", TEXT) is True


def test_the_file_system_of_a_path_is_that_of_its_mount() -> None:
    if not Path("/proc/self/mountinfo").exists():
        pytest.skip("this system has no /proc/self/mountinfo")
    assert file_system(Path("/proc/self")) == "proc"
    assert file_system(Path("/proc-not-mounted/x")) == file_system(Path("/"))


def test_no_two_keys_differ_in_the_case_of_their_letters_alone() -> None:
    """So a file system that does not tell case apart holds every archive."""
    run = "20261122T080000Z-niaogebiji-ab12cd"
    patterns = (layout._ID, layout._POST_KEY, layout._BLOB_KEY)
    assert all(not re.search(r"(?<!\\)[A-Z]", re.sub(r"\?P<\w+>", "", pattern.pattern)) for pattern in patterns)
    fixed = {layout.ARCHIVE_KEY, layout.README_KEY, layout.run_key(run).replace(run, "<run>")}
    assert len({key.lower() for key in fixed}) == len(fixed)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# --- S3


def test_an_object_in_s3_carries_its_content_type(s3_store: S3Store) -> None:
    s3_store.create("posts/s/a-1/v0001.html", b"<p>", "text/html; charset=utf-8")

    held = s3_store.client.head_object(Bucket=s3_store.bucket, Key="some/prefix/posts/s/a-1/v0001.html")

    assert held["ContentType"] == "text/html; charset=utf-8"


@pytest.fixture(params=["s3", pytest.param("radosgw", marks=pytest.mark.stores)])
def versioned(request: pytest.FixtureRequest) -> Iterator[S3Store]:
    """A store in a bucket that keeps versions, opened as for a takedown."""
    made: S3Store = request.getfixturevalue(f"{request.param}_store")
    made.client.put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
    with closing(S3Store.open(made.url, mutable="")) as opened:
        yield opened


def kept(store: S3Store) -> list[tuple[str, bool]]:
    """The keys of all versions and marks of deletion; whether each is a version."""
    told = store.client.list_object_versions(Bucket=store.bucket)
    versions = [(each["Key"], True) for each in told.get("Versions", ())]
    marks = [(each["Key"], False) for each in told.get("DeleteMarkers", ())]
    return [(key.removeprefix(store.prefix), is_version) for key, is_version in (*versions, *marks)]


def test_of_an_erased_object_no_version_and_no_mark_of_deletion_is_left(versioned: S3Store) -> None:
    for data in (b"first", b"second"):
        versioned.put("a", data, TEXT)
        versioned.delete("a")
    versioned.put("ab", b"another", TEXT)
    assert list(versioned.with_history("")) == ["a"]

    assert versioned.erase("a") == ()

    assert kept(versioned) == [("ab", True)]


def test_of_an_object_that_is_kept_the_older_versions_go(versioned: S3Store) -> None:
    for data in (b"first", b"second", b"third"):
        versioned.put("a", data, TEXT)
    versioned.put("b", b"deleted", TEXT)
    versioned.delete("b")
    assert list(versioned.with_history("")) == ["a", "b"]

    for key in ("a", "b"):
        assert versioned.erase(key, keep_current=True) == ()

    assert versioned.read("a") == b"third"
    assert kept(versioned) == [("a", True)]


@pytest.fixture
def locking(s3_environment: S3Server) -> Iterator[S3Store]:
    """A store in a bucket with Object Lock."""
    name = s3_environment.new_name()
    with closing(S3Store.open(f"s3://{name}/nest", mutable="")) as store:
        store.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        yield store


def test_what_is_locked_is_told_with_its_end_and_read_no_more(locking: S3Store) -> None:
    until = datetime(2100, 1, 1, tzinfo=UTC)
    for key, more in (
        ("dated", {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}),
        ("held", {"ObjectLockLegalHoldStatus": "ON"}),
        ("free", {}),
    ):
        locking.client.put_object(
            Bucket=locking.bucket, Key=f"nest/{key}", Body=b"x", ContentMD5=content_md5(b"x"), **more
        )

    (dated,) = locking.erase("dated")
    (held,) = locking.erase("held")

    assert (dated.key, dated.until, dated.hold) == ("dated", until, False)
    assert (held.key, held.until, held.hold) == ("held", None, True)
    assert locking.erase("free") == ()
    assert keys(locking) == []
    assert ("dated", True) in kept(locking)
    locking.client.put_object_legal_hold(
        Bucket=locking.bucket, Key="nest/held", VersionId=held.version, LegalHold={"Status": "OFF"}
    )
    assert locking.erase("held") == ()
    assert {key for key, _ in kept(locking)} == {"dated"}


def test_archives_under_other_prefixes_of_a_bucket_are_not_seen(s3_store: S3Store) -> None:
    neighbour = S3Store.open(f"s3://{s3_store.bucket}/some/prefix2")
    neighbour.create("a", b"theirs", TEXT)
    s3_store.create("a", b"ours", TEXT)

    assert keys(s3_store) == keys(neighbour) == ["a"]
    assert s3_store.read("a") == b"ours"


def test_every_put_is_create_only_and_carries_the_digest_that_servers_check(odd_server: OddServer) -> None:
    odd_server.answer(b"200 OK", b"", b'ETag: "x"')
    with opened("s3://bucket") as store:
        assert store.create("a", b"hello", "image/gif") is True

    (sent,) = odd_server.requests
    assert sent["x-amz-content-sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert {"x-amz-content-sha256", "host", "x-amz-date"} <= signed(sent)
    assert (sent["if-none-match"], sent["content-type"]) == ("*", "image/gif")
    assert not {"x-amz-acl", "x-amz-checksum-sha256", "transfer-encoding"} & set(sent)


def test_what_is_asked_of_each_object_is_sent_and_signed(odd_server: OddServer) -> None:
    odd_server.answer(b"200 OK", b"", b'ETag: "x"')
    options = StoreOptions(
        encryption="aws:kms", kms_key="alias/nest", storage_class="GLACIER_IR", checksums="when_supported"
    )
    with closing(S3Store.open("s3://bucket/x", options)) as store:
        store.put("views/a", b"hello", TEXT)

    (sent,) = odd_server.requests
    asked = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "alias/nest",
        "x-amz-storage-class": "GLACIER_IR",
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"hello").digest()).decode(),
    }
    assert {name: sent.get(name) for name in asked} == asked
    assert set(asked) <= signed(sent)
    assert "if-none-match" not in sent


def test_objects_are_locked_against_overwriting_and_views_are_not(odd_server: OddServer) -> None:
    for _ in range(2):
        odd_server.answer(b"200 OK", b"", b'ETag: "x"')
    with closing(S3Store.open("s3://bucket/x", StoreOptions(object_lock_days=7))) as locked:
        locked.create("a", b"x", TEXT)
        locked.put("views/a", b"x", TEXT)

    of_object, of_view = odd_server.requests
    until = datetime.fromisoformat(of_object["x-amz-object-lock-retain-until-date"])
    assert timedelta(days=6.9) < until - datetime.now(UTC) < timedelta(days=7.1)
    assert {"x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"} <= signed(of_object)
    assert not [name for name in of_view if "object-lock" in name]
    assert of_object["content-md5"] == of_view["content-md5"] == content_md5(b"x")


def test_a_session_s_token_is_sent(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for an hour")
    odd_server.answer(b"200 OK", b"found")
    with opened("s3://bucket") as store:
        assert store.read("a") == b"found"

    assert odd_server.requests[0]["x-amz-security-token"] == "for an hour"


def test_credentials_that_expire_are_asked_for_again(odd_server: OddServer, tmp_path: Path) -> None:
    program = tmp_path / "credentials.py"
    program.write_text(GIVES_CREDENTIALS)
    config = tmp_path / "config"
    config.write_text(f"[profile short]\nregion = eu-west-3\ncredential_process = {sys.executable} {program}\n")
    for _ in range(2):
        odd_server.answer(b"200 OK", b"found")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(config))
        with closing(S3Store.open("s3://bucket", StoreOptions(profile="short"))) as store:
            store.read("a")
            time.sleep(0.2)
            store.read("a")

    first, second = (sent["authorization"].split("Credential=")[1].split("/") for sent in odd_server.requests)
    assert first[0].startswith("KEY")
    assert first[0] != second[0]
    assert first[2:4] == second[2:4] == ["eu-west-3", "s3"]


GIVES_CREDENTIALS = """
import json, time
from datetime import UTC, datetime, timedelta
key = f"KEY{time.time_ns()}"
until = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()  # which botocore takes for expired
print(json.dumps({"Version": 1, "AccessKeyId": key, "SecretAccessKey": "x", "SessionToken": "t", "Expiration": until}))
"""


@pytest.mark.parametrize("kind", ["s3", pytest.param("radosgw", marks=pytest.mark.stores)])
@pytest.mark.parametrize("options", [StoreOptions(), StoreOptions(checksums="when_supported")])
def test_whether_the_server_refuses_another_body_than_announced_is_found_out(
    request: pytest.FixtureRequest, kind: str, options: StoreOptions
) -> None:
    looks = kind == "radosgw"
    store = request.getfixturevalue(f"{kind}_store")
    with closing(S3Store.open(f"{store.url}/odd~name/a+b", options)) as odd:
        odd.create("ARCHIVE.json", b"kept", TEXT)

        assert odd.refuses_other_body("ARCHIVE.json", b"kept", TEXT) is looks
        assert odd.read("ARCHIVE.json") == b"kept"


def test_where_the_server_does_not_look_every_object_is_read_back(s3_store: S3Store) -> None:
    s3_store.create("ARCHIVE.json", b"kept", TEXT)
    s3_store.learn("ARCHIVE.json")
    before = s3_store.usage.requests["GET"]

    s3_store.create("a", b"x", TEXT)

    assert s3_store.usage.requests["GET"] == before + 1


def test_an_absent_bucket_is_named_with_what_to_do(s3_environment: S3Server) -> None:
    del s3_environment
    with opened("s3://no-such-bucket/x") as store:
        for refuse in (lambda: store.read("a"), lambda: store.create("a", b"", TEXT), lambda: keys(store)):
            message = refusal(refuse)
            assert message.startswith("archive s3://no-such-bucket/x: cannot ")
            assert message.endswith(
                "NoSuchBucket: there is no bucket 'no-such-bucket': create it, or correct the name."
            )


def test_a_name_that_no_bucket_can_have_is_named_with_what_to_do(s3_environment: S3Server) -> None:
    del s3_environment
    with opened("s3://not a bucket/x") as store:
        for refuse in (lambda: store.read("a"), lambda: store.create("a", b"", TEXT), lambda: keys(store)):
            message = refusal(refuse)
            assert message.startswith("archive s3://not a bucket/x: cannot ")
            assert message.endswith("correct the address.")


def test_wrong_credentials_are_named_with_what_to_do(
    strict_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in strict_s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with opened("s3://bucket/x") as store:
        for refuse in (lambda: store.read("a"), lambda: store.create("a", b"", TEXT), lambda: keys(store)):
            message = refusal(refuse)
            assert message.startswith("archive s3://bucket/x: cannot ")
            assert "InvalidAccessKeyId: the access key is unknown to the store: set AWS_ACCESS_KEY_ID" in message


def test_absent_credentials_are_named_with_what_to_do(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del s3_environment
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with opened("s3://bucket") as store:
        for refuse in (lambda: store.read("a"), lambda: store.create("a", b"", TEXT), lambda: keys(store)):
            assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE" in refusal(refuse)


def test_a_server_that_is_down_is_named_with_what_to_do(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del s3_environment
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    began = time.monotonic()
    with opened("s3://bucket/x") as store:
        message = refusal(lambda: store.read("a"))

    assert message.startswith("archive s3://bucket/x: cannot read a: Could not connect to the endpoint URL")
    assert "Look at AWS_ENDPOINT_URL and the network; what is archived stays" in message
    assert time.monotonic() - began < 15


def test_a_put_that_reached_no_server_may_be_tried_again(
    s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    del s3_environment
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port()}")
    with opened("s3://bucket/x") as store, pytest.raises(StoreUnclear, match="Look at AWS_ENDPOINT_URL"):
        store.create("a", b"", TEXT)


def test_an_endpoint_that_is_no_address_is_refused(s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    del s3_environment
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not an address")

    with pytest.raises(StoreError, match=r"^archive s3://bucket: cannot set up the S3 client: .*not an address"):
        S3Store.open("s3://bucket")


def test_an_answer_that_nobody_foresaw_is_shown_as_it_came(odd_server: OddServer) -> None:
    body = b"<Error><Code>Odd</Code><Message>braces {bucket} {0}\nand lines &amp; signs</Message></Error>"
    odd_server.answer(b"400 Bad Request", body)
    with opened("s3://bucket") as store:
        message = refusal(lambda: store.read("a"))

    assert "cannot read a: Odd: " in message
    assert "braces {bucket} {0} and lines & signs" in message


def test_a_body_that_breaks_off_is_read_again(odd_server: OddServer) -> None:
    odd_server.answer(b"200 OK", b"who", missing=90)
    odd_server.answer(b"200 OK", b"whole")
    with opened("s3://bucket") as store:
        assert store.read("a") == b"whole"
        assert store.usage.requests["GET"] == 2


@pytest.mark.parametrize("status", [b"409 Conflict", b"503 Slow Down", b"500 Oops"])
def test_a_put_that_the_server_could_not_settle_is_unclear(odd_server: OddServer, status: bytes) -> None:
    attempts = 1 if status.startswith(b"409") else 3
    for _ in range(attempts):
        odd_server.answer(status, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    with opened("s3://bucket") as store:
        with pytest.raises(StoreUnclear, match="the store answered ConditionalRequestConflict"):
            store.create("a", b"", TEXT)

        assert store.usage.requests["PUT"] == len(odd_server.requests) == attempts


def test_a_put_whose_reply_is_lost_is_sent_again_and_meets_itself(odd_server: OddServer) -> None:
    odd_server.hang_up()
    odd_server.answer(b"412 Precondition Failed", b"<Error><Code>PreconditionFailed</Code></Error>")
    with opened("s3://bucket") as store:
        assert store.create("a", b"x", TEXT) is False

        assert store.usage.requests["PUT"] == len(odd_server.requests) == 2


def test_a_large_object_may_take_longer_than_the_timeout(odd_server: OddServer) -> None:
    odd_server.answer(b"200 OK", b"", b'ETag: "x"')
    odd_server.pause_seconds = 1.5
    with closing(S3Store.open("s3://bucket", StoreOptions(timeout_seconds=1.0))) as store:
        assert store.create("a", b"x" * 8_000_000, TEXT) is True
        assert store.usage.requests["PUT"] == 1


def test_a_listing_that_breaks_off_goes_on_from_the_last_key(odd_server: OddServer) -> None:
    item = b"<Contents><Key>k%04d</Key><Size>1</Size><LastModified>2026-11-26T00:00:00Z</LastModified></Contents>"
    listing = b"<ListBucketResult><IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>"
    first = b"".join(item % number for number in range(1000))
    token = b"<NextContinuationToken>t</NextContinuationToken>"
    odd_server.answer(b"200 OK", listing % (b"true", first, token))
    odd_server.hang_up()
    odd_server.answer(b"500 Oops", b"")
    odd_server.answer(b"200 OK", listing % (b"false", item % 1000, b""))
    with opened("s3://bucket") as store:
        assert keys(store) == [f"k{number:04d}" for number in range(1001)]

        assert store.usage.requests["LIST"] == len(odd_server.requests) == 4
    assert "start-after=k0999" in odd_server.requests[-1][""]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (b"301 Moved Permanently", b"<Error><Code>PermanentRedirect</Code></Error>"),
        (b"400 Bad Request", b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>"),
        (b"400 Bad Request", b"<Error><Code>InvalidRequest</Code><Message>Content-MD5 is required</Message></Error>"),
    ],
    ids=["elsewhere", "another region", "Content-MD5"],
)
def test_what_obstore_cannot_do_boto3_does(odd_server: OddServer, status: bytes, body: bytes) -> None:
    odd_server.answer(status, body)
    for _ in range(2):
        odd_server.answer(b"200 OK", b"", b'ETag: "x"')
    with opened("s3://bucket") as store:
        store.create("a", b"x", TEXT)
        store.create("b", b"x", TEXT)

        assert store.wire.why
    assert ["content-md5" in sent for sent in odd_server.requests] == [False, True, True]


def test_keys_of_others_are_listed_whatever_they_are(s3_store: S3Store) -> None:
    odd = ["a//b", "a/../c", "d/", "e f", "文章"]
    for key in odd:
        s3_store.client.put_object(Bucket=s3_store.bucket, Key=f"some/prefix/{key}", Body=b"x")
    s3_store.create("z", b"x", TEXT)

    assert keys(s3_store) == sorted([*odd, "z"])


@contextmanager
def opened(address: str) -> Iterator[S3Store]:
    store = S3Store.open(address)
    with closing(store):
        yield store


def refusal(call: Callable[[], object]) -> str:
    """The message of the StoreError that a call ends with: one line, no doubt left."""
    with pytest.raises(StoreError) as refused:
        call()
    assert not isinstance(refused.value, StoreUnclear)
    message = str(refused.value)
    assert "\n" not in message
    return message


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def signed(sent: dict[str, str]) -> set[str]:
    """The names of the headers that a request's signature covers."""
    names = re.search(r"SignedHeaders=([^,]+)", sent["authorization"])
    assert names
    return set(names[1].split(";"))


class OddServer:
    """Answers each connection with the next of its answers, and keeps what it was sent.

    requests: the headers of each by their names, and its first line by the empty one.
    """

    def __init__(self) -> None:
        self._answers: list[bytes] = []
        self.requests: list[dict[str, str]] = []
        self.pause_seconds = 0.0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def answer(self, status: bytes, body: bytes, header: bytes = b"Server: odd", *, missing: int = 0) -> None:
        """What to answer next after `pause_seconds`; `missing`: how many bytes fewer than announced."""
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n%s" % (status, len(body) + missing, header)
        self._answers.append(head + b"\r\n\r\n" + body)

    def hang_up(self) -> None:
        """Close the next connection when the request has come."""
        self._answers.append(b"")

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:  # closed: the test is over
                return
            with connection, connection.makefile("rb") as received:
                self._take(connection, received)

    def _take(self, connection: socket.socket, received: BinaryIO) -> None:
        first = received.readline().decode().strip()
        lines = iter(lambda: received.readline().decode().strip(), "")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if headers.get("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        received.read(int(headers.get("content-length", 0)))
        self.requests.append({"": first, **headers})
        time.sleep(self.pause_seconds)
        connection.sendall(self._answers.pop(0))


@pytest.fixture
def odd_server(s3_environment: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[OddServer]:
    del s3_environment
    server = OddServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()
    thread.join()
