"""A local server that stands in for any hosts: what it answers, and what it was asked, by host and path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from tests.support import LocalServer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: `GET www.example.com/path?query`, its headers by their names in lower case, and its body."""

    what: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """One answer. `etag`: asked with it again, the answer is 304."""

    body: bytes
    media_type: str = "text/html; charset=utf-8"
    status: int = 200
    etag: str = ""
    location: str = ""


@dataclass(kw_only=True)
class StandIn:
    """`answers` by `METHOD host/path`, or that and the body behind a space; anything else is a 404."""

    url: str = ""
    answers: dict[str, Told] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)

    def asked_for(self, what: str) -> list[Asked]:
        return [asked for asked in self.log if asked.what.startswith(what)]

    def answer(self, asked: Asked) -> Told:
        missing = Told(body=b"", status=404)
        told = self.answers.get(f"{asked.what} {asked.body}") or self.answers.get(asked.what, missing)
        if told.etag and asked.headers.get("if-none-match") == told.etag:
            return Told(body=b"", status=304, etag=told.etag)
        return told

    def origins(self, *hosts: str) -> dict[str, str]:
        return {f"https://{host}": self.url for host in hosts}


@contextmanager
def stand_in() -> Iterator[StandIn]:
    site = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(what=f"{self.command} {headers['host']}{self.path}", headers=headers, body=body)
            site.log.append(asked)
            told = site.answer(asked)
            self.send_response(told.status)
            self.send_header("Content-Type", told.media_type)
            self.send_header("Content-Length", str(len(told.body)))
            self.send_header("Connection", "close")  # else a POST may go into a connection that is closing
            for name, value in (("ETag", told.etag), ("Location", told.location)):
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        yield site
        server.shutdown()
