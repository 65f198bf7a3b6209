"""The server of the reader answers a browser of this machine, and refuses everything else, in raw bytes."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive import Archive
from archive.errors import UsageError
from archive.layout import blob_key
from archive.s3 import S3Store
from archive.store import FolderStore, Store
from crawler.reader_server import Address, ReaderServer, address_of
from tests.conftest import S3Server
from tests.posts import NOW, PICTURES, make_post
from tests.support import COMMAND

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><script>alert(1)</script></svg>'
PRIVATE = "what another file holds"
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, kw_only=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def policy(self) -> str:
        return self.headers["content-security-policy"]


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Sends bytes as they are, and reads the answer to its end."""

    port: int

    def raw(self, data: bytes) -> Got:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Got(status=int(first.split()[1]), headers=headers, body=body)

    def __call__(self, target: str, *lines: str, method: str = "GET", host: str | None = None) -> Got:
        hosts = [f"Host: {host or f'127.0.0.1:{self.port}'}"]
        return self.raw("\r\n".join([f"{method} {target} HTTP/1.1", *hosts, *lines, "", ""]).encode("latin-1"))


@contextmanager
def serving(folder: Path, store: Store, host: str = "127.0.0.1") -> Iterator[Asker]:
    with ReaderServer(Address(host=host, port=0), folder, store) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Asker(port=int(server.server_address[1]))
        server.end()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "nest")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / "reader"
    for name in ("index.html", "sites/index.html", "search.html", "search/search.js", "feed.xml", "reader.css"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"this is {name}")
    (folder / "icon.svg").write_bytes(SVG)
    (folder / ".birdnest").mkdir()
    (folder / ".birdnest" / "notes.json").write_text(PRIVATE)
    (tmp_path / "state" / "secret.html").write_text(PRIVATE)
    (folder / "link.html").symlink_to(tmp_path / "state" / "secret.html")
    (folder / "linked").symlink_to(tmp_path / "state")
    os.mkfifo(folder / "pipe.html")
    return folder


@pytest.fixture
def ask(folder: Path, store: FolderStore) -> Iterator[Asker]:
    with serving(folder, store) as asker:
        yield asker


@pytest.mark.parametrize(
    ("target", "name", "media_type"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/?a=b", "index.html", "text/html; charset=utf-8"),
        ("/sites/", "sites/index.html", "text/html; charset=utf-8"),
        ("/sites/index.html", "sites/index.html", "text/html; charset=utf-8"),
        ("/%73ites/index%2Ehtml", "sites/index.html", "text/html; charset=utf-8"),
        ("/search/search.js", "search/search.js", "text/javascript; charset=utf-8"),
        ("/feed.xml", "feed.xml", "application/atom+xml; charset=utf-8"),
        ("/reader.css", "reader.css", "text/css; charset=utf-8"),
    ],
)
def test_files_of_the_reader_are_served_with_their_types(ask: Asker, target: str, name: str, media_type: str) -> None:
    got = ask(target)

    assert (got.status, got.body.decode(), got.headers["content-type"]) == (200, f"this is {name}", media_type)
    assert got.headers.items() >= SAFE.items()
    assert "frame-ancestors 'none'" in got.policy
    assert ("wasm" in got.policy) == (name.startswith("search"))


@pytest.mark.parametrize(
    "target",
    [
        *("/../secret.html", "/%2e%2e/secret.html", "/%252e%252e/secret.html", "/sites/../../secret.html"),
        *("/..%2fsecret.html", "/..%5csecret.html", "/..\\secret.html", "/.%00./secret.html", "/index.html%00"),
        *("//etc/passwd", "/%2fetc/passwd", "/etc/passwd", "/sites//index.html", "/./index.html", "/sites/."),
        *("/.birdnest/notes.json", "/%2ebirdnest/notes.json", "/link.html", "/linked/secret.html", "/pipe.html"),
        *("/sites", "/nothing.html", "/%ff.html", "/%E6%90%9C.html", "/index.html/", "/index.html;a", "/C:/x.html"),
        *("/images/ab/" + "ab" * 32 + ".jpg", "/images/ab/../../index.html", "/images/ab/ab.jpg"),
        *(
            "*",
            "index.html",
            "http://evil.example/index.html",
            "file:///etc/passwd",
            "/ｉndex.html".encode().decode("latin-1"),
        ),
    ],
)
def test_what_is_no_file_of_the_reader_is_not_there(ask: Asker, target: str) -> None:
    got = ask(target)

    assert got.status == 404
    assert PRIVATE.encode() not in got.body
    assert b"root:" not in got.body
    assert got.headers.items() >= SAFE.items()
    assert "default-src 'none'" in got.policy
    assert "frame-ancestors 'none'" in got.policy


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}"),
        *("[::1:{port}", "localhost:{port}@evil.example", "10.0.0.1:{port}", "127.0.0.1:{port}, a"),
        "a/127.0.0.1:{port}",
    ],
)
def test_a_host_that_is_not_ours_is_refused(ask: Asker, host: str) -> None:
    got = ask("/", host=host.format(port=ask.port))

    assert got.status == 421
    assert b"index.html" not in got.body
    assert got.headers["connection"] == "close"
    assert got.headers.items() >= SAFE.items()


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_the_names_of_loopback_are_ours(ask: Asker, host: str) -> None:
    assert ask("/", host=host.format(port=ask.port)).status == 200


def test_where_all_addresses_are_listened_on_any_address_is_ours_but_no_name(folder: Path, store: FolderStore) -> None:
    with serving(folder, store, host="0.0.0.0") as ask:  # noqa: S104 - what the test is about
        assert ask("/", host=f"192.0.2.7:{ask.port}").status == 200
        assert ask("/", host=f"evil.example:{ask.port}").status == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "PROPFIND"])
def test_there_is_get_and_head_and_nothing_else(ask: Asker, method: str) -> None:
    got = ask("/", method=method)

    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")
    assert got.headers.items() >= SAFE.items()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 414),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + b"A: a\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/9.9\r\nHost: 127.0.0.1:{port}\r\n\r\n", 505),
        (b"GET\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
    ],
)
def test_what_no_browser_sends_is_refused_safely(ask: Asker, data: bytes, status: int) -> None:
    got = ask.raw(data.replace(b"{port}", str(ask.port).encode()))

    assert got.status == status
    assert b"this is index" not in got.body
    assert got.headers.items() >= SAFE.items()
    assert "frame-ancestors 'none'" in got.policy


def test_a_browser_that_has_a_page_gets_it_again_only_when_it_changed(ask: Asker, folder: Path) -> None:
    first = ask("/")
    again = ask("/", f'If-None-Match: "other", W/{first.headers["etag"]}')

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers.items() >= SAFE.items()

    (folder / "index.html").write_text("changed")
    assert ask("/", f"If-None-Match: {first.headers['etag']}").body == b"changed"


def test_head_is_get_without_the_bytes(ask: Asker) -> None:
    whole, head = ask("/"), ask("/", method="HEAD")

    assert (head.status, head.body) == (200, b"")
    dropped = ("date",)
    assert {k: v for k, v in head.headers.items() if k not in dropped} == {
        k: v for k, v in whole.headers.items() if k not in dropped
    }


def test_one_connection_carries_many_answers(ask: Asker) -> None:
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{ask.port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", ask.port), timeout=10) as connection:
        connection.sendall(request * 3)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 3


def put(store: Store, data: bytes, media_type: str) -> str:
    """Where the reader shows a picture."""
    key = blob_key(hashlib.sha256(data).hexdigest(), media_type)
    store.create(key, data, media_type)
    return key.replace("blobs/sha256/", "/images/")


def test_pictures_come_from_the_archive_and_are_kept_for_ever(ask: Asker, store: FolderStore) -> None:
    place = put(store, PICTURES[0], "image/gif")
    got = ask(place)

    assert (got.status, got.body, got.headers["content-type"]) == (200, PICTURES[0], "image/gif")
    assert "immutable" in got.headers["cache-control"]
    assert got.headers.items() >= SAFE.items()
    assert ask(place, f"If-None-Match: {got.headers['etag']}").status == 304


def test_a_drawing_runs_nothing_even_when_it_is_opened_alone(ask: Asker, store: FolderStore) -> None:
    for place in (put(store, SVG, "image/svg+xml"), "/icon.svg"):
        got = ask(place)
        assert (got.status, got.body, got.headers["content-type"]) == (200, SVG, "image/svg+xml")
        assert {"sandbox", "default-src 'none'"} <= {part.strip() for part in got.policy.split(";")}


def test_a_picture_that_is_not_what_its_name_promises_is_not_given(
    ask: Asker, store: FolderStore, tmp_path: Path
) -> None:
    altered, linked = put(store, PICTURES[0], "image/gif"), put(store, PICTURES[1], "image/gif")
    (tmp_path / "secret").write_text(PRIVATE)
    for place in (altered, linked):
        (store.root / place.replace("/images/", "blobs/sha256/")).unlink()
    (store.root / altered.replace("/images/", "blobs/sha256/")).write_bytes(b"other")
    (store.root / linked.replace("/images/", "blobs/sha256/")).symlink_to(tmp_path / "secret")

    assert ask(altered).status == ask(linked).status == 404


def test_pictures_come_from_a_bucket_as_well(
    folder: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = S3Store.open(f"s3://{s3_server.new_bucket()}/nest")
    with closing(bucket), serving(folder, bucket) as ask:
        place = put(bucket, PICTURES[0], "image/gif")
        assert (ask(place).status, ask(place).body) == (200, PICTURES[0])
        assert ask(f"/images/ab/{'ab' * 32}.gif").status == 404


def test_a_store_that_fails_is_told_apart_from_a_picture_that_is_not_there(
    folder: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    nowhere = S3Store.open("s3://no-such-bucket-here/nest")
    with closing(nowhere), serving(folder, nowhere) as ask:
        got = ask(f"/images/ab/{'ab' * 32}.gif")
    assert got.status == 502
    assert b"no-such-bucket" not in got.body


def test_originals_are_no_pictures(ask: Asker, store: FolderStore) -> None:
    assert ask(put(store, b"# a file that was imported", "text/markdown")).status == 404


def test_a_browser_that_stays_silent_holds_up_nobody(ask: Asker) -> None:
    silent = [socket.create_connection(("127.0.0.1", ask.port), timeout=10) for _ in range(20)]
    try:
        started = time.monotonic()
        assert ask("/").status == 200
        assert time.monotonic() - started < 5
    finally:
        for each in silent:
            each.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8000", Address(host="127.0.0.1", port=8000)),
        ("[::1]:0", Address(host="::1", port=0)),
        ("nest.example:80", Address(host="nest.example", port=80)),
    ],
)
def test_where_to_listen_is_a_host_and_a_port(text: str, address: Address) -> None:
    assert address_of(text) == address
    assert address.is_loopback == (address.host != "nest.example")


@pytest.mark.parametrize("text", ["", "8000", ":8000", "a:b", "127.0.0.1:99999", "a b:1", "http://a:1", "::1:80", "a:"])
def test_another_way_of_saying_where_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--listen"):
        address_of(text)


def test_an_address_that_is_taken_is_named(folder: Path, store: FolderStore) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = Address(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="name another address or port"):
            ReaderServer(address, folder, store)


# -- the command -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Served:
    process: subprocess.Popen[str]
    said: list[str]

    @property
    def ask(self) -> Asker:
        return Asker(port=int(self.said[-1].split("//127.0.0.1:")[1].split("/")[0]))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=20)
        return self.process.returncode, out


@pytest.fixture
def nest(tmp_path: Path) -> Archive:
    store = FolderStore(tmp_path / "archive")
    Archive.open_or_create(store, now=NOW, id_="00000000-0000-4000-8000-000000000001")
    archive = Archive.open(store)
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    archive.add(make_post(), head=None)
    return archive


@pytest.fixture
def start(tmp_path: Path, nest: Archive) -> Iterator[Callable[..., Served]]:
    """`birdnest serve`, run until it says that it serves, or ended."""
    processes = []

    def begin(*arguments: str) -> Served:
        process = subprocess.Popen(
            [str(COMMAND), "serve", "--archive", nest.store.url, *arguments],
            cwd=tmp_path,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C ends it" in line:
                break
        return Served(process=process, said=said)

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_builds_serves_and_ends_in_order(
    start: Callable[..., Served], nest: Archive, number: signal.Signals
) -> None:
    before = {info.key for info in nest.store.list()}
    served = start("--listen", "127.0.0.1:0", "--title", "我的鸟巢")

    page = served.ask("/posts/niaogebiji/article-482538/")
    assert "我的鸟巢" in page.body.decode()
    picture = hashlib.sha256(PICTURES[0]).hexdigest()
    assert served.ask(f"/images/{picture[:2]}/{picture}.gif").body == PICTURES[0]
    assert served.ask("/search/pagefind.js").status == 200
    assert served.end(number) == (0, "ended\n")
    assert {info.key for info in nest.store.list()} == before


def test_no_picture_is_copied_and_a_second_start_writes_nothing(start: Callable[..., Served], tmp_path: Path) -> None:
    start("--listen", "127.0.0.1:0").end(signal.SIGTERM)
    home = tmp_path / "home" / "birdnest" / "reader" / "00000000-0000-4000-8000-000000000001"
    files = {file: file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()}
    assert home / "index.html" in files
    assert not (home / "images").exists()

    start("--listen", "127.0.0.1:0").end(signal.SIGTERM)

    assert {file: file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()} == files


def test_another_address_than_loopback_is_warned_of(start: Callable[..., Served]) -> None:
    served = start("--listen", "0.0.0.0:0")

    assert "open to other machines" in "".join(served.said)
    assert served.ask("/").status == 200


def test_an_archive_is_served_once_at_a_time(start: Callable[..., Served]) -> None:
    served = start("--listen", "127.0.0.1:0")
    other = start("--listen", "127.0.0.1:0")

    assert other.process.wait(20) == 2
    assert f"127.0.0.1:{served.ask.port}" in "".join(other.said)


def test_new_posts_show_while_it_is_watched_for_them(start: Callable[..., Served], nest: Archive) -> None:
    served = start("--listen", "127.0.0.1:0", "--watch", "1")
    assert served.ask("/posts/niaogebiji/article-2/").status == 404

    nest.add(make_post(id="article-2", title="后来的一篇"), head=None)

    end = time.monotonic() + 20
    while served.ask("/posts/niaogebiji/article-2/").status == 404 and time.monotonic() < end:
        time.sleep(0.2)
    assert "后来的一篇" in served.ask("/posts/niaogebiji/article-2/").body.decode()
    code, said = served.end(signal.SIGTERM)
    assert (code, said.splitlines()[-1]) == (0, "ended")


@pytest.mark.parametrize("arguments", [("--listen", "nowhere"), ("--language", "fr"), ("--title", " ")])
def test_wrong_usage_is_said_before_anything_is_done(
    start: Callable[..., Served], tmp_path: Path, arguments: tuple[str, str]
) -> None:
    served = start(*arguments)

    assert served.process.wait(20) == 2
    assert arguments[0] in "".join(served.said)
    assert not (tmp_path / "home").exists()
