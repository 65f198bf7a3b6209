"""An S3 server's bad days: a proxy that answers some requests as a failing server or network would.

usage: python proxy.py UPSTREAM SEED SHARE KIND…, prints the address it listens on

    500, 503, 409        an error of the server; 409 only for a create-only put
    expired, skewed      403 with ExpiredToken or RequestTimeTooSkewed
    reset                the connection is reset before the request is passed on
    lost                 it is passed on, and the connection reset instead of the reply
    late                 a put is passed on a second later, and the connection reset now
    timeout, slow        nothing is answered for HOLD_SECONDS; the reply comes SLOW_SECONDS later
    truncated            a reply with a body breaks off in its middle
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support import LocalServer

HOLD_SECONDS = 3.0
SLOW_SECONDS = 0.2
LATE_SECONDS = 1.0
ERRORS = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "409": (409, "ConditionalRequestConflict"),
    "expired": (403, "ExpiredToken"),
    "skewed": (403, "RequestTimeTooSkewed"),
}
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    share: float
    kinds: tuple[str, ...]
    chance: random.Random
    lock = threading.Lock()

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self._choose()
        if kind in ERRORS:
            status, code = ERRORS[kind]
            self._answer(status, [], f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())
        elif kind == "reset":
            self._reset()
        elif kind == "lost":
            self._forward(body)
            self._reset()
        elif kind == "late":
            threading.Timer(LATE_SECONDS, self._forward, [body]).start()
            self._reset()
        elif kind == "timeout":
            time.sleep(HOLD_SECONDS)
            self._reset()
        else:
            time.sleep(SLOW_SECONDS if kind == "slow" else 0)
            status, headers, data = self._forward(body)
            self._answer(status, headers, data, cut=kind == "truncated" and len(data) > 1)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_request  # noqa: N815 - as http.server names them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
        """Say nothing."""

    def _choose(self) -> str:
        with self.lock:
            kind = self.chance.choice(self.kinds) if self.chance.random() < self.share else ""
        creates = self.command == "PUT" and "If-None-Match" in self.headers
        return "" if (kind == "409" and not creates) or (kind == "late" and self.command != "PUT") else kind

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        with closing(HTTPConnection(self.upstream, timeout=20)) as connection:
            connection.request(self.command, self.path, body or None, {**headers, "Content-Length": str(len(body))})
            reply: HTTPResponse = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        length = str(len(data))
        for name, value in headers:
            if self.command == "HEAD" and name.lower() == "content-length":
                length = value
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = cut

    def _reset(self) -> None:
        # A socket that does not linger is closed with RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def main() -> None:
    upstream, seed, share, *kinds = sys.argv[1:]
    Proxy.upstream = urlsplit(upstream).netloc
    Proxy.share, Proxy.kinds = float(share), tuple(kinds)
    Proxy.chance = random.Random(seed)
    server = LocalServer(("127.0.0.1", 0), Proxy)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - whoever started it reads this
    server.serve_forever()


if __name__ == "__main__":
    main()
