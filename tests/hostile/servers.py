"""Servers that mean ill: raw sockets that send what they like, and a port at which nobody may knock."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import brotli
from backports import zstd

MEGABYTE = 1024 * 1024
Send = Callable[[bytes], None]
Answer = Callable[[Send], None]


def plain(body: bytes, *, status: str = "200 OK", **headers: str) -> Answer:
    """A well-formed answer; header names with _ for -."""

    def answer(send: Send) -> None:
        fields = {"Content-Type": "text/html; charset=utf-8", **{k.replace("_", "-"): v for k, v in headers.items()}}
        fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body)

    return answer


def redirect(target: str) -> Answer:
    return plain(b"", status="302 Found", Location=target)


def endless(head: bytes, again: bytes) -> Answer:
    """Something, and then the same thing for ever."""

    def answer(send: Send) -> None:
        send(head)
        while True:
            send(again)

    return answer


def dripping(head: bytes, drop: bytes, seconds: float) -> Answer:
    """A byte now and then, so that no read ever times out."""

    def answer(send: Send) -> None:
        send(head)
        while not threading.Event().wait(seconds):
            send(drop)

    return answer


def endless_headers() -> Answer:
    lines = b"".join(b"X-Filler-%d: %s\r\n" % (number, b"y" * 1000) for number in range(60))
    return endless(b"HTTP/1.1 200 OK\r\n", lines)


def endless_line() -> Answer:
    return endless(b"HTTP/1.1 200 OK\r\nX-Filler: ", b"y" * 64 * 1024)


def endless_interim() -> Answer:
    return endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 500)


def endless_body(mime: str = "text/html") -> Answer:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return endless(head, b"100000\r\n" + b"<p>x</p>" * 131072 + b"\r\n")


def two_gigabytes(mime: str = "text/html") -> Answer:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {2 << 30}\r\n\r\n".encode()
    return endless(head, b"x" * MEGABYTE)


def drip() -> Answer:
    return dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", 0.2)


def cookies() -> Answer:
    lines = "".join(f"Set-Cookie: c{number}={'v' * 3900}; Path=/\r\n" for number in range(100))
    return lambda send: send(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok".encode())


def gzip_bomb(mime: str = "text/html") -> Answer:
    """2 GB in 2 MB: so many members, each of 10 MB."""
    member = gzip.compress(b"\0" * 10 * MEGABYTE)
    return plain(member * 200, Content_Type=mime, Content_Encoding="gzip")


def nested_bomb() -> Answer:
    inner = gzip.compress(b"\0" * 100 * MEGABYTE)
    return plain(gzip.compress(inner), Content_Encoding="gzip, gzip")


def brotli_bomb() -> Answer:
    return plain(brotli.compress(b"\0" * 200 * MEGABYTE, quality=1), Content_Encoding="br")


def zstd_bomb() -> Answer:
    return plain(zstd.compress(b"\0" * 200 * MEGABYTE, level=1), Content_Encoding="zstd")


def zstd_window() -> Answer:
    """A window of 1 GB, which a decoder that believes it makes room for."""
    options = {int(zstd.CompressionParameter.window_log): 30, int(zstd.CompressionParameter.content_size_flag): 0}
    compressor = zstd.ZstdCompressor(options=options)
    data = compressor.compress(b"<p>x</p>" * 1000) + compressor.flush()
    return plain(data, Content_Encoding="zstd")


@dataclass(kw_only=True)
class HostileServer:
    """A server on loopback; `answers` by path, anything else is a 404. `asked` are request lines."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.settimeout(30)
            while head := _head(connection):
                line = head.split(b"\r\n", 1)[0].decode("latin-1")
                self.asked.append(line)
                path = line.split(" ")[1]
                path = "/" + path.split("/", 3)[3] if path.startswith("http://") else path
                self.answers.get(path, plain(b"gone", status="404 Not Found"))(connection.sendall)


def _head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


@contextlib.contextmanager
def hostile_server() -> Iterator[HostileServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = HostileServer(port=listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server
        # Wakes the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


@dataclass(kw_only=True)
class Trap:
    """A port of loopback, of both families, whose knocks are counted."""

    port: int
    knocks: int = 0


@contextlib.contextmanager
def trap() -> Iterator[Trap]:
    with contextlib.ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found = Trap(port=four.getsockname()[1])
        listeners = [four]
        with contextlib.suppress(OSError):
            listeners.append(stack.enter_context(socket.create_server(("::1", found.port), family=socket.AF_INET6)))

        def accept(listener: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    found.knocks += 1
                    connection.close()

        for listener in listeners:
            threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield found
        for listener in listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


ANSWERS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "gzip bomb": (gzip_bomb, "too-large"),
    "gzip in gzip": (nested_bomb, "too-large"),
    "brotli bomb": (brotli_bomb, "too-large"),
    "zstd bomb": (zstd_bomb, "too-large"),
    "zstd window": (zstd_window, "bad-encoding"),
    "2 GB": (two_gigabytes, "too-large"),
    "endless body": (endless_body, "too-large timeout"),
    "endless headers": (endless_headers, "too-large"),
    "endless line": (endless_line, "too-large"),
    "endless interim answers": (endless_interim, "too-large"),
    "cookies": (cookies, "too-large"),
    "drip": (drip, "timeout"),
}
"""What a page may be answered with, and the reason, or one of two, that it fails for."""
