"""Serves the reader of an archive over HTTP: the files of a folder that a build has made, and the archive's pictures.

What asks may be any page that a browser on this machine shows, so a request counts for as little as can be: GET and
HEAD alone, of keys in one plain spelling, and only under a name that is ours. A page elsewhere can make its own name
lead to 127.0.0.1 (DNS rebinding), but then the browser says that name in Host. Files are opened folder by folder
without following links, pictures are given only where their bytes are those of their name, and every answer, errors
too, says what a browser may do with it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import re
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from archive.errors import ObjectMissing, StoreError, UsageError
from archive.layout import BLOBS, IMAGE_EXTENSIONS, MEDIA_TYPES
from archive.store import Store
from archive.views.reader.frame import POLICY
from archive.views.reader.search import FOLDER, SEARCH_KEY, SEARCH_POLICY

logger = logging.getLogger(__name__)

_MOST_CONNECTIONS: Final = 128
_END_SECONDS: Final = 5.0
_MOST_PATH: Final = 4096  # a search for 200 Chinese characters, percent-encoded, is half of it
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "xml": "application/atom+xml; charset=utf-8",
    "svg": "image/svg+xml",
}
_KEY: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*(?:[A-Za-z0-9_-][A-Za-z0-9._-]*)?")
_PICTURE: Final = re.compile(r"images/([0-9a-f]{2})/(\1[0-9a-f]{62})\.([a-z]+)")
_ALONE: Final = "; frame-ancestors 'none'"
_SANDBOX: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_FOR_EVER: Final = "private, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


def reader_folder(state: Path, archive_id: str) -> Path:
    """Where the pages of an archive lie below the state folder; an id is what ARCHIVE.json says, be it what it may."""
    plain = re.fullmatch(r"[0-9A-Za-z-]{1,64}", archive_id)
    return state / "reader" / (archive_id if plain else hashlib.sha256(archive_id.encode()).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to listen: a host, as it was named, and a port (0: one that the system chooses)."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def is_any(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False


def address_of(text: str) -> Address:
    """The address that a person names. Raises UsageError.

    >>> address_of("[::1]:8000")
    Address(host='::1', port=8000)
    """
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65_535:  # noqa: PLR2004 - the last port
        raise UsageError(f"--listen {text!r}: expected an address and a port such as 127.0.0.1:8000")
    return Address(host=match[1].strip("[]"), port=int(match[2]))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a path leads to. tag: of its bytes, so that what a browser has is not sent again."""

    data: bytes
    media_type: str
    tag: str
    caching: str = _ASK_AGAIN
    policy: str = POLICY + _ALONE


class ReaderServer(ThreadingHTTPServer):
    """Serves `folder`, and pictures out of `store`. Raises UsageError for an address that cannot be listened on."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: Address, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.address = address
        self._answers = 0
        self._answered = threading.Condition()
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        try:
            self.address_family, *_, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
            super().__init__((str(where[0]), int(where[1])), _Handler)
        except OSError as error:
            raise UsageError(
                f"--listen {address.host}:{address.port}: {error.strerror or error}: name another address or port"
            ) from error

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.address.is_any else self.address.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}/"

    def knows(self, host: str) -> bool:
        """Whether a request's Host is a name of ours: that of loopback, what was named, and where all addresses of
        the machine are listened on, any address (no page elsewhere has an address of ours for its name).
        """
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]+))?", host)
        if match is None or int(match[2] or 80) != int(self.server_address[1]):
            return False
        name = match[1].strip("[]").lower()
        if name in {"localhost", "127.0.0.1", "::1", self.address.host.lower()}:
            return True
        return self.address.is_any and _is_address(name)

    @contextmanager
    def answering(self) -> Iterator[None]:
        with self._answered:
            self._answers += 1
        try:
            yield
        finally:
            with self._answered:
                self._answers -= 1
                self._answered.notify_all()

    def end(self) -> None:
        """Take no more connections, and wait for the answers under way; others are idle and simply end."""
        self.shutdown()
        with self._answered:
            self._answered.wait_for(lambda: self._answers == 0, timeout=_END_SECONDS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        logger.debug("a connection broke: %r", sys.exception())

    # -- what a path leads to ------------------------------------------------------------------------------------------

    def answer(self, key: str, known: frozenset[str]) -> Answer | None:
        """What lies under a key; None where nothing does. known: tags of what the browser has. Raises StoreError."""
        picture = _PICTURE.fullmatch(key)
        if picture is not None:
            return self._picture(key, digest=picture[2], extension=picture[3], known=known)
        data = self._file(key)
        if data is None:
            return None
        media_type = _TYPES.get(key.rpartition(".")[2], "application/octet-stream")
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        if key == SEARCH_KEY or key.startswith(FOLDER):
            return Answer(data=data, media_type=media_type, tag=tag, policy=SEARCH_POLICY + _ALONE)
        policy = _SANDBOX if media_type == MEDIA_TYPES["svg"] else POLICY + _ALONE
        return Answer(data=data, media_type=media_type, tag=tag, policy=policy)

    def _picture(self, key: str, *, digest: str, extension: str, known: frozenset[str]) -> Answer | None:
        if extension not in IMAGE_EXTENSIONS.values():
            return None
        tag = f'"{digest}"'
        try:
            data = b"" if tag in known else self.store.read(f"{BLOBS}sha256/{key.removeprefix('images/')}")
        except ObjectMissing:
            return None
        if tag not in known and hashlib.sha256(data).hexdigest() != digest:
            logger.warning("%s is not what its name promises: `birdnest verify --full` tells more", key)
            return None
        policy = _SANDBOX if extension == "svg" else POLICY + _ALONE
        return Answer(data=data, media_type=MEDIA_TYPES[extension], tag=tag, caching=_FOR_EVER, policy=policy)

    def _file(self, key: str) -> bytes | None:
        """The bytes of a regular file that is reached without a link, or None."""
        *folders, name = key.split("/")
        held = []
        try:
            held.append(os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY))
            for part in folders:
                held.append(os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=held[-1]))
            held.append(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=held[-1]))
            if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
                return None
            with os.fdopen(os.dup(held[-1]), "rb") as file:
                return file.read()
        except OSError:
            return None
        finally:
            for descriptor in held:
                os.close(descriptor)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def key_of(target: str) -> str | None:
    """The key that a request asks for, or None where the target is none in the one spelling that is taken.

    >>> key_of("/posts/a/b/?q=1"), key_of("/%70osts/a.html"), key_of("/"), key_of("/a/%2e%2e/b"), key_of("/.birdnest/a")
    ('posts/a/b/index.html', 'posts/a.html', 'index.html', None, None)
    """
    path = target.partition("?")[0]
    if not path.startswith("/"):
        return None
    try:
        key = unquote_to_bytes(path[1:]).decode("ascii")
    except UnicodeError:
        return None
    if not _KEY.fullmatch(key):
        return None
    return key if key and not key.endswith("/") else f"{key}index.html"


@dataclass(frozen=True, kw_only=True)
class _Refusal(Exception):  # noqa: N818 - nothing went wrong here
    status: HTTPStatus
    why: str
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    server: ReaderServer
    timeout = 15
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # so that also what cannot be read is answered with headers
    server_version = "birdnest"
    sys_version = ""

    def do_GET(self) -> None:
        with self.server.answering():
            try:
                self._serve()
            except _Refusal as refusal:
                self._refuse(refusal)

    do_HEAD = do_GET  # noqa: N815 - http.server's name; what differs is that no bytes follow

    def _serve(self) -> None:
        self._check()
        key = key_of(self.path)
        if key is None:
            raise _Refusal(status=HTTPStatus.NOT_FOUND, why="there is no such page")
        known = _tags(self.headers.get_all("If-None-Match", []))
        try:
            answer = self.server.answer(key, known)
        except StoreError as error:
            logger.warning("%s: %s", key, error)
            raise _Refusal(status=HTTPStatus.BAD_GATEWAY, why="the archive's store failed") from error
        if answer is None:
            raise _Refusal(status=HTTPStatus.NOT_FOUND, why="there is no such page")
        told = {"ETag": answer.tag, "Cache-Control": answer.caching}
        if known & {answer.tag, "*"}:
            self._send(HTTPStatus.NOT_MODIFIED, b"", answer.media_type, answer.policy, told)
        else:
            self._send(HTTPStatus.OK, answer.data, answer.media_type, answer.policy, told)

    def _check(self) -> None:
        """Raise _Refusal for a request that is not one that a browser of ours sends."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            raise _Refusal(status=HTTPStatus.BAD_REQUEST, why="a request names one Host")
        if not self.server.knows(hosts[0].strip()):
            raise _Refusal(
                status=HTTPStatus.MISDIRECTED_REQUEST,
                why="this is no name of this server: ask for the address that `birdnest serve` printed",
            )
        if "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0").strip() != "0":
            raise _Refusal(status=HTTPStatus.BAD_REQUEST, why="a request has no body here")
        if len(self.path) > _MOST_PATH:
            raise _Refusal(status=HTTPStatus.REQUEST_URI_TOO_LONG, why="no address here is as long as this")

    def _refuse(self, refusal: _Refusal) -> None:
        if refusal.status is not HTTPStatus.NOT_FOUND:
            self.close_connection = True
        data = f"{refusal.status.value} {refusal.status.phrase}: {refusal.why}\n".encode()
        headers = {"Cache-Control": "no-store", **refusal.headers}
        self._send(refusal.status, data, "text/plain; charset=utf-8", POLICY + _ALONE, headers)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server cannot read or has no method for."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            allowed = {"Allow": "GET, HEAD"}
            refusal = _Refusal(status=HTTPStatus.METHOD_NOT_ALLOWED, why="there is GET and HEAD", headers=allowed)
        else:
            refusal = _Refusal(status=HTTPStatus(code), why="this request cannot be read")
        self._refuse(refusal)

    def _send(self, status: HTTPStatus, data: bytes, media_type: str, policy: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_ALWAYS, "Content-Security-Policy": policy, **headers}.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status is not HTTPStatus.NOT_MODIFIED:
            self.wfile.write(data)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(timestamp, usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        logger.debug(format, *args)


def _tags(values: list[str]) -> frozenset[str]:
    """The tags of an If-None-Match, weak ones as strong: what is compared is the same bytes (RFC 9110, 13.1.2)."""
    tags = (tag.strip().removeprefix("W/") for value in values for tag in value.split(","))
    return frozenset(tag for tag in tags if tag)
