"""HTTP exchanges by libcurl on the running event loop: within limits, and with no peer but the one it is told.

For images, which are most of what a crawl fetches: an exchange costs less CPU than one in Scrapy's engine.
libcurl resolves no names, follows no redirects, decodes nothing and knows no cookies here; where a request goes is
decided before (`crawler.image_client`), and every connection's peer is looked at once more.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from socket import SOCK_CLOEXEC, socket
from typing import Any, cast
from urllib.parse import urlsplit

import certifi
import pycurl

from crawler.limits import HEAD_BYTES
from crawler.transfer import Answer, Ask, BodyTooLarge, TransferFailed

_IDLE_HANDLES = 32
_NEXT_SECONDS = 3.0
"""How long an address that is not a host's last has to accept a connection."""
_RECEIVE_BYTES = 256 * 1024
_E_TOO_LARGE = 100  # CURLE_TOO_LARGE, for which pycurl has no name: a head that is beyond libcurl's own limits
_REASONS = {
    _E_TOO_LARGE: "too-large",
    pycurl.E_PARTIAL_FILE: "broken-off",
    pycurl.E_RECV_ERROR: "broken-off",
}


class Transfers:
    """Exchanges of one event loop, which share their connections.

    may_connect: whether a peer, by address and port, is one to talk to.
    """

    def __init__(self, may_connect: Callable[[str, int], bool], *, connections: int) -> None:
        self._may_connect = may_connect
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._idle: list[Any] = []
        paths = ssl.get_default_verify_paths()
        self._certificates = (paths.cafile, paths.capath) if paths.cafile or paths.capath else (certifi.where(), None)

    async def get(self, ask: Ask) -> Answer:
        """The answer to a request. Raises TransferFailed."""
        for address in ask.to[:-1] if not ask.proxy else ():
            try:
                return await self._get(ask, address, connect_seconds=_NEXT_SECONDS)
            except TransferFailed as error:
                if not error.is_unconnected:
                    raise
        return await self._get(ask, ask.to[-1], connect_seconds=ask.timeout_seconds)

    async def _get(self, ask: Ask, address: str, *, connect_seconds: float) -> Answer:
        handle = self._idle.pop() if self._idle else pycurl.Curl()
        exchange = _Exchange(ask, self._may_connect)
        exchange.prepare(handle, address)
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(connect_seconds * 1000))
        if ask.url.startswith("https:") or ask.proxy.startswith("https:"):
            self._vouch(handle)
        code, text = 0, ""
        try:
            await self._multi.perform(handle)
        except pycurl.error as error:
            code, text = cast("tuple[int, str]", error.args)
        # Only now: a handle whose transfer is given up leaves the loop later, so it is not used again.
        try:
            if code and not exchange.has_ended(code):
                raise exchange.failed(code, text, is_connected=handle.getinfo(pycurl.CONNECT_TIME) > 0)
            return exchange.answer(handle)
        finally:
            self._free(handle)

    def _vouch(self, handle: Any) -> None:
        """Whose certificates are believed: those that the system's OpenSSL, and so Python, believes."""
        cafile, capath = self._certificates
        for options, path in (
            ((pycurl.CAINFO, pycurl.PROXY_CAINFO), cafile),
            ((pycurl.CAPATH, pycurl.PROXY_CAPATH), capath),
        ):
            for option in options if path else ():
                handle.setopt(option, path)

    def _free(self, handle: Any) -> None:
        if len(self._idle) < _IDLE_HANDLES:
            handle.reset()
            self._idle.append(handle)
        else:
            handle.close()

    async def close(self) -> None:
        await self._multi.aclose()
        for handle in self._idle:
            handle.close()
        self._idle.clear()


class _Exchange:
    """What is received of one answer."""

    def __init__(self, ask: Ask, may_connect: Callable[[str, int], bool]) -> None:
        self._ask = ask
        self._may_connect = may_connect
        self._head: list[bytes] = []
        self._head_bytes = 0
        self._head_is_whole = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._why = ""

    def prepare(self, handle: Any, address: str) -> None:
        ask, setopt = self._ask, handle.setopt
        setopt(pycurl.URL, ask.url)
        # A header without a value is one that libcurl is not to send of its own accord.
        setopt(pycurl.HTTPHEADER, ["Accept:", *(f"{name}: {value}" for name, value in ask.headers)])
        setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        setopt(pycurl.PATH_AS_IS, 1)
        setopt(pycurl.NOSIGNAL, 1)
        setopt(pycurl.TIMEOUT_MS, int(ask.timeout_seconds * 1000))
        setopt(pycurl.MAXFILESIZE_LARGE, ask.most_bytes)
        setopt(pycurl.BUFFERSIZE, _RECEIVE_BYTES)
        setopt(pycurl.HEADERFUNCTION, self._receive_head)
        setopt(pycurl.WRITEFUNCTION, self._receive_body)
        setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        setopt(pycurl.PROXY, ask.proxy)  # an empty one, too: libcurl would look into the environment
        setopt(pycurl.NOPROXY, "")
        if ask.proxy:
            host = urlsplit(ask.proxy).hostname or ""
            setopt(pycurl.RESOLVE, [f"+{host}:{ask.port}:{','.join(map(_spelled, ask.to))}"])
        else:
            # For whatever host libcurl reads out of the URL.
            setopt(pycurl.CONNECT_TO, [f"::{_spelled(address)}:{ask.port}"])

    def _open(self, _purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> Any:
        family, kind, protocol, where = address
        host, port = where[0], where[1]
        host = host.decode("ascii") if isinstance(host, bytes) else host
        if not self._may_connect(host, port):
            self._why = f"{host} port {port} is none to talk to"
            return pycurl.SOCKET_BAD
        return _Opened(socket(family, kind | SOCK_CLOEXEC, protocol))

    def _receive_head(self, line: bytes) -> int | None:
        if line.startswith(b"HTTP/"):
            self._head.clear()
            self._head_is_whole = False
        if not line.strip():
            self._head_is_whole = True
        if not self._head_is_whole:  # what comes then are trailers
            self._head.append(line)
        self._head_bytes += len(line)
        if self._head_bytes > HEAD_BYTES:
            self._why = "the answer's head is too large"
            return -1
        return None

    def _receive_body(self, data: bytes) -> int | None:
        self._body_bytes += len(data)
        if self._body_bytes > self._ask.most_bytes:
            self._body.clear()
            return -1
        self._body.append(data)
        return None

    def has_ended(self, code: int) -> bool:
        """Whether an error is but the connection's end, which is also that of a body without length; few servers say
        so in TLS before they close.
        """
        told = (b"content-length:", b"transfer-encoding:")
        is_bounded = any(line.lower().startswith(told) for line in self._head)
        return code == pycurl.E_RECV_ERROR and self._head_is_whole and bool(self._body) and not is_bounded

    def failed(self, code: int, text: str, *, is_connected: bool) -> TransferFailed:
        if code == pycurl.E_FILESIZE_EXCEEDED or self._body_bytes > self._ask.most_bytes:
            return BodyTooLarge(f"more than {self._ask.most_bytes} bytes")
        if code == pycurl.E_WRITE_ERROR:
            return TransferFailed("too-large", self._why or text)
        if code == pycurl.E_COULDNT_CONNECT:
            refused = bool(self._why)
            return TransferFailed(
                "address-refused" if refused else "unreachable", self._why or text, is_unconnected=not refused
            )
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return TransferFailed("timeout", text, is_unconnected=not is_connected)
        if code == pycurl.E_RECV_ERROR and not self._head:
            return TransferFailed("unreachable", text)
        return TransferFailed(_REASONS.get(code, "unreachable"), text)

    def answer(self, handle: Any) -> Answer:
        return Answer(
            status=handle.getinfo(pycurl.RESPONSE_CODE),
            head=self._head,
            body=b"".join(self._body),
            address=handle.getinfo(pycurl.PRIMARY_IP),
            latency_seconds=handle.getinfo(pycurl.STARTTRANSFER_TIME),
        )


class _Opened:
    """A socket of which libcurl takes a descriptor of its own; ours is closed as soon as it has."""

    def __init__(self, opened: socket) -> None:
        self._opened = opened

    def fileno(self) -> int:
        return self._opened.fileno()

    def __del__(self) -> None:
        self._opened.close()


def _spelled(address: str) -> str:
    return f"[{address}]" if ":" in address else address
