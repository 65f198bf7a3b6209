"""One exchange by libcurl: what comes of servers that do as they please, and whom it connects to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from crawler.libcurl import Transfers
from crawler.transfer import Answer, Ask, BodyTooLarge, TransferFailed

HERE = "127.0.0.1"
NOWHERE = "127.0.0.9"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: 1\r\n folded\r\nX-A: 2\r\n\r\nbody"


@dataclass
class Server:
    """Sends the same bytes to whoever asks, one request a connection unless `again`, and remembers the requests."""

    says: bytes
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    again: bool = False
    waits: threading.Event = field(default_factory=threading.Event)

    def answer(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection:
            while True:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    more = connection.recv(65536)
                    if not more:
                        return
                    asked += more
                self.asked.append(asked)
                if self.says == b"":
                    self.waits.wait(10)
                connection.sendall(self.says)
                if not self.again:
                    return


@contextmanager
def serving(says: bytes, *, again: bool = False) -> Iterator[Server]:
    server = Server(says=says, again=again)
    with socket.create_server((HERE, 0)) as listener:
        server.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=server.answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server
        server.waits.set()
        listener.shutdown(socket.SHUT_RDWR)


def ask(server: Server, **more: Any) -> Ask:
    given = Ask(
        url=f"http://pictures.example:{server.port}/a/../b.png?x=%E5%9B%BE",
        to=[HERE],
        port=server.port,
        headers=[("Host", "pictures.example"), ("User-Agent", "Birdnest/test")],
        most_bytes=100_000,
        timeout_seconds=5,
    )
    return replace(given, **more)


def get(*asks: Ask, may_connect: Callable[[str, int], bool] = lambda *_: True) -> Answer:
    """The answer to the last of some requests, each made when the one before has ended."""

    async def all_() -> Answer:
        transfers = Transfers(may_connect, connections=4)
        try:
            answers = [await transfers.get(each) for each in asks]
        finally:
            await transfers.close()
        return answers[-1]

    return asyncio.run(all_())


def reason(request: Ask, **more: Callable[[str, int], bool]) -> str:
    with pytest.raises(TransferFailed) as raised:
        get(request, **more)
    return raised.value.reason


def test_an_answer_is_what_the_server_sent() -> None:
    with serving(FINE) as server:
        answer = get(ask(server))
    assert (answer.status, answer.body, answer.address) == (200, b"body", HERE)
    assert answer.headers == [("Content-Length", "4"), ("X-A", "1 folded"), ("X-A", "2")]
    assert (answer.values("x-a"), answer.header("x-a")) == (["1 folded", "2"], "2")
    assert answer.header("location") is None


def test_a_request_is_sent_as_it_was_given_and_nothing_else() -> None:
    with serving(FINE) as server:
        get(ask(server))
    assert server.asked == [
        b"GET /a/../b.png?x=%E5%9B%BE HTTP/1.1\r\nHost: pictures.example\r\nUser-Agent: Birdnest/test\r\n\r\n"
    ]


def test_a_connection_serves_more_than_one_request() -> None:
    with serving(FINE, again=True) as server:
        get(ask(server), ask(server), ask(server))
    assert (len(server.asked), server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "broken-off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "broken-off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", "too-large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000, "too-large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n", "too-large"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 90_000 + b"\r\n\r\n", "too-large"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "unreachable"),
        (b"\x00\x01\x02", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\nbody", "unreachable"),
    ],
)
def test_an_answer_that_is_not_whole_or_too_large_has_its_reason(says: bytes, expected: str) -> None:
    with serving(says) as server:
        assert reason(ask(server)) == expected


def test_only_a_body_that_is_too_large_may_be_asked_for_again_with_more_room() -> None:
    with serving(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000) as server, pytest.raises(BodyTooLarge):
        get(ask(server))
    with serving(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000) as server:
        assert len(get(ask(server, most_bytes=200_000)).body) == 200_000


def test_a_server_that_says_nothing_is_left_when_the_time_is_over() -> None:
    with serving(b"") as server:
        assert reason(ask(server, timeout_seconds=0.3)) == "timeout"


def test_a_peer_that_may_not_be_talked_to_is_not_connected_to() -> None:
    with serving(FINE) as server:
        assert reason(ask(server), may_connect=lambda host, port: (host, port) != (HERE, server.port)) == (
            "address-refused"
        )
        assert server.connections == 0


def test_the_next_address_is_tried_where_nobody_listens_at_the_first() -> None:
    with serving(FINE) as server:
        assert get(ask(server, to=[NOWHERE, HERE])).address == HERE
        assert reason(ask(server, to=[NOWHERE])) == "unreachable"


def test_the_next_address_is_tried_where_the_first_swallows_what_is_sent() -> None:
    with serving(FINE) as server, socket.socket() as full:
        full.bind((NOWHERE, server.port))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # its queue is full: the system drops who else knocks
        for each in waiting:
            each.settimeout(0)
            each.connect_ex((NOWHERE, server.port))
        try:
            assert get(ask(server, to=[NOWHERE, HERE])).address == HERE
        finally:
            for each in waiting:
                each.close()


def test_what_follows_a_body_is_no_part_of_the_head() -> None:
    head = b"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n"
    with serving(head + b"4\r\nbody\r\n0\r\nLocation: /x\r\n\r\n") as server:
        answer = get(ask(server))
    assert (answer.body, answer.header("location")) == (b"body", None)


def test_a_host_in_the_url_decides_nothing_about_where_to_connect() -> None:
    with serving(FINE) as server, serving(FINE) as other:
        get(ask(server, url=f"http://{HERE}:{other.port}/"))
    assert (server.connections, other.connections) == (1, 0)


def test_proxies_of_the_environment_are_not_libcurls_to_find(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FINE) as server, serving(FINE) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{HERE}:{proxy.port}")
        get(ask(server))
    assert (server.connections, proxy.connections) == (1, 0)


def test_a_proxy_is_asked_for_the_url_with_its_own_password_and_resolves_the_host() -> None:
    with serving(FINE) as proxy:
        url = "http://pictures.example/a.png"
        get(ask(proxy, url=url, proxy=f"http://me:secret@proxy.example:{proxy.port}"))
    (asked,) = proxy.asked
    assert asked.startswith(b"GET http://pictures.example/a.png HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in asked


def test_a_transfer_that_is_given_up_leaves_the_others_alone() -> None:
    async def first_given_up(silent: Server, server: Server) -> Answer:
        transfers = Transfers(lambda *_: True, connections=4)
        waiting = asyncio.ensure_future(transfers.get(ask(silent)))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        answer = await transfers.get(ask(server))
        await transfers.close()
        return answer

    with serving(b"") as silent, serving(FINE) as server:
        assert asyncio.run(first_given_up(silent, server)).body == b"body"
