"""Servers for sites that no profile knows: the replica under another name, and pages of a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from threading import Thread
from urllib.parse import urlsplit

from crawler.replica.process import Replica
from tests.support import LocalServer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server says."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})
    body: bytes = b""


@dataclass(kw_only=True)
class Served:
    """A running server: its origin, and the paths that were asked of it, in order."""

    origin: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def mirror(replica: Replica) -> Iterator[Served]:
    """The replica, whatever host is asked for."""

    def answer(path: str) -> Answer:
        connection = HTTPConnection(urlsplit(replica.url).netloc, timeout=30)
        connection.request("GET", path, headers={"Host": "www.niaogebiji.com"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        kept = {name: value for name in ("Content-Type", "Location") if (value := response.headers.get(name))}
        return Answer(status=response.status, headers=kept, body=body)

    with _serving(answer) as served:
        yield served


@contextmanager
def pages(held: Mapping[str, bytes | Answer]) -> Iterator[Served]:
    """Pages by their path; anything else is a 404."""

    def answer(path: str) -> Answer:
        found = held.get(path, Answer(status=404))
        return Answer(body=found) if isinstance(found, bytes) else found

    with _serving(answer) as served:
        yield served


@contextmanager
def _serving(answer: Callable[[str], Answer]) -> Iterator[Served]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            told = answer(self.path)
            self.send_response(told.status)
            for name, value in {**told.headers, "Content-Length": str(len(told.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Says nothing on the test's terminal."""

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        served = Served(origin=f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
