"""The one contract of all stores, and what only a folder or only S3 can get wrong."""

from __future__ import annotations

import errno
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
from typing import TYPE_CHECKING, Any

import pytest

import archive.store
from archive import layout
from archive.errors import ObjectMissing, StoreError, StoreUnclear, UsageError
from archive.locks import file_system
from archive.s3 import S3Store, content_md5
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
        again.client.close()


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
def erasing(store: Store) -> ErasingStore:
    """The store, opened as for a takedown."""
    if isinstance(store, S3Store):
        return S3Store(store.client, store.bucket, store.prefix.rstrip("/"), mutable="")
    return open_store(store.url, mutable="")


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
        unopened.client.close()


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
        place.client.close()


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
def versioned(request: pytest.FixtureRequest) -> S3Store:
    """A store in a bucket that keeps versions, opened as for a takedown."""
    made: S3Store = request.getfixturevalue(f"{request.param}_store")
    made.client.put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
    return S3Store(made.client, made.bucket, made.prefix.rstrip("/"), mutable="")


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
    with opened(f"s3://{name}/nest") as store:
        store.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        yield S3Store(store.client, name, "nest", mutable="")


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
    neighbour = S3Store(s3_store.client, s3_store.bucket, "some/prefix2")
    neighbour.create("a", b"theirs", TEXT)
    s3_store.create("a", b"ours", TEXT)

    assert keys(s3_store) == keys(neighbour) == ["a"]
    assert s3_store.read("a") == b"ours"


def test_every_put_is_create_only_and_carries_the_digest_that_servers_check(s3_store: S3Store) -> None:
    sent: list[Any] = []
    s3_store.client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request))

    s3_store.create("a", b"hello", TEXT)

    headers = {name.lower(): value for name, value in sent[0].headers.items()}
    assert headers["content-md5"] in ("XUFAKrxLKna5cZ2REBfFkg==", b"XUFAKrxLKna5cZ2REBfFkg==")
    assert headers["if-none-match"] in ("*", b"*")
    assert "x-amz-acl" not in headers


def test_views_are_not_locked_against_overwriting(s3_store: S3Store) -> None:
    locked = S3Store(s3_store.client, s3_store.bucket, "x", StoreOptions(object_lock_days=7))
    sent: list[Any] = []
    locked.client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request))

    locked.put("views/a", b"x", TEXT)

    assert not [name for name in sent[0].headers if "object-lock" in name.lower()]
    assert [name for name in sent[0].headers if name.lower() == "content-md5"]


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
    odd_server.answers.append(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s")
    odd_server.bodies.append(b"<Error><Code>Odd</Code><Message>braces {bucket} {0}\nand lines</Message></Error>")
    with opened("s3://bucket") as store:
        message = refusal(lambda: store.read("a"))

    assert "cannot read a: Odd: " in message
    assert "braces {bucket} {0} and lines" in message


def test_a_body_that_breaks_off_is_read_again(odd_server: OddServer) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    odd_server.answers += [b"HTTP/1.1 200 OK\r\nContent-Length: 9%d\r\nConnection: close\r\n\r\n%s", whole]
    odd_server.bodies += [b"who", b"whole"]
    with opened("s3://bucket") as store:
        assert store.read("a") == b"whole"
        assert store.usage.requests["GET"] == 2


@pytest.mark.parametrize("status", [b"409 Conflict", b"503 Slow Down", b"500 Oops"])
def test_a_put_that_the_server_could_not_settle_is_unclear(odd_server: OddServer, status: bytes) -> None:
    for _ in range(4):  # botocore's own attempts
        odd_server.answers.append(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s")
        odd_server.bodies.append(b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    with opened("s3://bucket") as store, pytest.raises(StoreUnclear, match="the store answered"):
        store.create("a", b"", TEXT)


@contextmanager
def opened(address: str) -> Iterator[S3Store]:
    store = S3Store.open(address)
    with closing(store.client):
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


class OddServer:
    """Answers each connection with the next of its raw answers, a template of a length and a body."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.bodies: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:  # closed: the test is over
                return
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                body = self.bodies.pop(0)
                connection.sendall(self.answers.pop(0) % (len(body), body))


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
