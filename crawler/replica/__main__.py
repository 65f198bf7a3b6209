"""`python -m crawler.replica`: serve until stdin closes or SIGTERM comes."""

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Sequence

from crawler.replica.server import ReplicaServer
from crawler.replica.site import Site


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line `{"url": …, "origins": {…}}` when ready; end with the parent that holds stdin."""
    options = _parser().parse_args(arguments)
    site = Site(generated_posts=options.generated, slow_seconds=options.slow_seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ReplicaServer(site, options.port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"url": server.url, "origins": server.origins}), flush=True)  # noqa: T201 - the contract
        with contextlib.suppress(KeyboardInterrupt):
            while sys.stdin.buffer.read(4096):
                pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m crawler.replica", description="A replica of 鸟哥笔记.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--generated", type=int, default=0, metavar="N", help="add N generated posts on /cat/900")
    parser.add_argument("--slow-seconds", type=float, default=2.0, help="how long the slow page takes (default: 2)")
    return parser


if __name__ == "__main__":
    main()
