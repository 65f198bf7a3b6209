"""Runs the command again and again in forks of one process, each killed at a point of its own.

usage: python killing.py, with one JSON object a line on stdin; answers with one a line:

    {"arguments": ["crawl", …], "folder": …, "environment": {…}, "output": …, "layer": "store", "kill_at": 7,
     "kill_after": null}
    {"code": 0, "points": 412}

`output` is the file for what the command says. `kill_at` (or null) counts points: one before and one after each call
of a store (layer "store"), or of the operating system by a folder's store (layer "os"). At its point the fork ends by
SIGKILL: nothing is flushed, no handler runs. `kill_after` (or null) ends it so many seconds after its start,
wherever it is. `points` are those that the fork passed. Forks save what starting costs: a second of imports for each of
hundreds of runs.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import archive.s3
import archive.store
import crawler.run  # noqa: F401 - what every fork needs is imported here, once
from archive.store import FolderStore

CALLS = ("create", "read", "list", "learn", "put", "delete", "replace", "erase", "with_history")
SYSTEM_CALLS = ("open", "write", "fsync", "close", "link", "unlink", "mkdir", "lexists")


class Points:
    """Counts points, and ends the process at one of them."""

    def __init__(self, kill_at: int | None, report: int) -> None:
        self._kill_at = kill_at
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._report = report

    def pass_(self) -> None:
        with self._lock:
            number = next(self._count)
            os.pwrite(self._report, b"%d\n" % (number + 1), 0)
            if number == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.pass_()
            result = call(*arguments, **named)
            if hasattr(result, "__next__"):
                result = iter(list(result))  # a listing is a call that is over when the last page has come
            self.pass_()
            return result

        return counted


class SystemCalls:
    """The module `os` as archive.store sees it, with points around what changes the disk."""

    def __init__(self, points: Points) -> None:
        for name in SYSTEM_CALLS:
            if hasattr(os, name):
                setattr(self, name, points.around(getattr(os, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def run(order: dict[str, Any], report: int) -> int:
    """What a fork does: the command, with points in its store. Returns the exit code."""
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    points = Points(order["kill_at"], report)
    if order["layer"] == "os":
        vars(archive.store)["os"] = SystemCalls(points)
    else:
        for store in (FolderStore, archive.s3.S3Store):
            for name in CALLS:
                setattr(store, name, points.around(getattr(store, name)))
    sys.argv = ["birdnest", *order["arguments"]]
    from crawler.cli import main

    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def kill_after(child: int, seconds: float) -> None:
    """End a child that still runs so many seconds from now."""
    descriptor = os.pidfd_open(child)
    try:
        has_ended, _, _ = select.select([descriptor], [], [], seconds)
        if not has_ended:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        report = os.memfd_create("points")
        child = os.fork()
        if child == 0:
            log = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for descriptor in (1, 2):
                os.dup2(log, descriptor)
            code = 1
            try:
                code = run(order, report)
            finally:
                sys.stdout.flush()
                os._exit(code)
        if order["kill_after"] is not None:
            kill_after(child, order["kill_after"])
        _, status = os.waitpid(child, 0)
        points = int(os.pread(report, 20, 0) or b"0")
        os.close(report)
        sys.stdout.write(json.dumps({"code": os.waitstatus_to_exitcode(status), "points": points}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
