"""What a process takes: CPU, memory and time, as the kernel accounts them.

A process counts the memory of the one that started it as its own peak, so what is measured is started by a small
process: this file, run as a program.

usage: python -I -S usage.py REPORT COMMAND…
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Used:
    """user + system CPU and wall time in seconds, peak memory in MB (10**6 bytes), exit code, output."""

    def __init__(self, *, cpu: float, wall: float, peak_mb: float, code: int, out: str, err: str) -> None:
        self.cpu_seconds = cpu
        self.wall_seconds = wall
        self.peak_mb = peak_mb
        self.code = code
        self.out = out
        self.err = err


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Used:
    """Run a command in a folder, with these variables besides those of this process."""
    report = folder / "usage.json"
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        launcher = [sys.executable, "-I", "-S", __file__, str(report), *command]
        subprocess.run(launcher, cwd=folder, env={**os.environ, **environment}, stdout=out, stderr=err, check=True)
    told = json.loads(report.read_text())
    said, complained = ((folder / name).read_text("utf-8", "replace") for name in ("out.txt", "err.txt"))
    return Used(**told, out=said, err=complained)


def _main(report: str, *command: str) -> None:
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        os.execvp(command[0], command)  # noqa: S606 - the command that is measured
    _, status, usage = os.wait4(pid, 0)
    told = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - began,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,
        "code": os.waitstatus_to_exitcode(status),
    }
    Path(report).write_text(json.dumps(told))


if __name__ == "__main__":
    _main(*sys.argv[1:])
