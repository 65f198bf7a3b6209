"""An S3 server for tests: moto's, made to answer one request after the other.

usage: python s3_server.py, prints the address it listens on

moto's own server looks whether a key is there and then writes, in threads: two create-only puts of one key can both
win, which no S3 does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class OneAtATime:
    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            return self._application(environ, start_response)


def main() -> None:
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - whoever started it reads this
    server.serve_forever()


if __name__ == "__main__":
    main()
