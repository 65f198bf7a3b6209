"""The HTTP/1.1 server: keep-alive, one thread a connection."""

import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crawler.replica.control import PREFIX, control
from crawler.replica.site import HOSTS, Request, Response, Site

_NOT_MODIFIED = 304


class ReplicaServer(ThreadingHTTPServer):
    """Serves `site` on a port of the loopback interface; port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, site: Site, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.site = site

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def origins(self) -> dict[str, str]:
        """Every canonical origin, with both schemes, and where it is found."""
        return {f"{scheme}://{host}": self.url for host in HOSTS for scheme in ("https", "http")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are none of the server's errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    disable_nagle_algorithm = True
    server: ReplicaServer

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Requests are recorded by the site."""

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        # Not self.path: http.server folds a leading "//", which real image addresses have.
        host, target = _split(self.requestline.split()[1], headers.get("host", ""))
        request = Request(method=self.command, host=host, target=target, headers=headers, body=body)
        self._send(self._answer(request, headers.get("host", "")))

    def _answer(self, request: Request, host: str) -> Response:
        own = {f"127.0.0.1:{self.server.server_port}", f"localhost:{self.server.server_port}"}
        if host in own and request.path.startswith(PREFIX):
            return control(self.server.site, request.path, request.body)
        return self.server.site.answer(request)

    def _send(self, response: Response) -> None:
        """Head and body in one write."""
        fields = {"Server": self.server_version, "Date": self.date_time_string(), **response.headers}
        if response.status != _NOT_MODIFIED:
            fields["Content-Length"] = str(len(response.body))
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + response.body)


def _split(target: str, host: str) -> tuple[str, str]:
    """Host name and path of a request; a proxy's absolute form names its own host."""
    if target.startswith(("http://", "https://")):
        host, slash, path = target.split("://", 1)[1].partition("/")
        target = slash + path or "/"
    return host.partition(":")[0].lower(), target
