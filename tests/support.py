"""The installed command, run as a user runs it, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from archive import ArchiveReader, open_store
from archive.reader import Head
from crawler.demo import SITE, replica_site
from crawler.replica.process import Replica

COMMAND = Path(sys.executable).with_name("birdnest")
ROOT = Path(__file__).parents[1]


class LocalServer(ThreadingHTTPServer):
    """One that many connections may reach at once: beyond its queue, the system drops them until they time out."""

    request_queue_size = 256
    daemon_threads = True


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def reports(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        value: list[dict[str, Any]] = json.loads(self.out)
        return value

    @property
    def report(self) -> dict[str, Any]:
        (report,) = self.reports
        return report


@dataclass(frozen=True, kw_only=True)
class Birdnest:
    """The command in a folder of its own, with a birdnest.toml that sends the site to the replica."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = (str(COMMAND),)

    def __call__(
        self, *arguments: str, environment: Mapping[str, str] | None = None, through: Sequence[str] = ()
    ) -> Ended:
        """Run to the end; `through` is a command that runs it."""
        done = subprocess.run(
            [*through, *self.command, *arguments],
            cwd=self.folder,
            env=self.variables(environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.variables(None),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def variables(self, more: Mapping[str, str] | None) -> dict[str, str]:
        state = {"XDG_STATE_HOME": str(self.folder / "state")}
        return {**os.environ, **state, **self.environment, **(more or {})}

    def crawl(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return self("crawl", SITE, "--json", *arguments, environment=environment)

    def archive(self, url: str = "archive") -> ArchiveReader:
        return ArchiveReader.open(open_store(url if "://" in url else str(self.folder / url)))

    def head(self, post: str, url: str = "archive") -> Head:
        head = self.archive(url).head(SITE, post)
        assert head is not None, f"the archive does not hold {post}"
        return head

    def objects(self) -> dict[str, bytes]:
        """Every object of ./archive but the runs' reports and captures."""
        store = self.archive().store
        return {info.key: store.read(info.key) for info in store.list() if not info.key.startswith(("runs/", "raw/"))}

    def configure(
        self,
        replica: Replica | None,
        *,
        site: Mapping[str, Any] | None = None,
        sites: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Write a birdnest.toml that sends the site to the replica; None: to a port where nothing listens.

        sites: other sites' tables, in place of that of the site.
        """
        nowhere = {"https://www.niaogebiji.com": "http://127.0.0.1:9"}
        values: dict[str, Any] = {
            "retries": 1,
            "autothrottle": False,
            "origins": replica.origins if replica else nowhere,
            "sites": sites or {SITE: {**replica_site(), **(site or {})}},
            **more,
        }
        (self.folder / "birdnest.toml").write_text("\n".join(toml_lines(values)), encoding="utf-8")


def toml_lines(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """A mapping as TOML; strings, numbers and booleans are written alike in JSON."""
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield f"{json.dumps(key)} = {_toml_value(value)}"
    for key, value in values.items():
        if isinstance(value, Mapping):
            here = (*path, key)
            yield f"[{'.'.join(json.dumps(part) for part in here)}]"
            yield from toml_lines(value, here)


def _toml_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
