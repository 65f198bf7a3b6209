"""`Replica`: the server as a subprocess, and its controls."""

import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, cast
from urllib.parse import urlsplit

from crawler.replica.control import PREFIX
from crawler.replica.trouble import Breakage

_ROOT = Path(__file__).parents[2]
_END_SECONDS = 5
_OK = 200


class ReplicaRefused(ValueError):  # noqa: N818 - it is a refusal, said by the server
    """The replica did not do what it was told; the message is its own."""


class LoggedRequest(TypedDict):
    """One request as the replica answered it; `time` is in Unix seconds."""

    method: str
    url: str
    status: int
    referer: str | None
    user_agent: str | None
    time: float


class Replica:
    """A running replica.

        with Replica(generated=300) as replica:
            crawl(origins=replica.origins)
            assert replica.hits()["GET https://www.niaogebiji.com/"] == 1

    The subprocess dies with its parent: it ends when its stdin closes.
    """

    url: str
    origins: dict[str, str]

    def __init__(self, *, generated: int = 0, slow_seconds: float = 2.0, port: int = 0) -> None:
        self._arguments = [f"--port={port}", f"--generated={generated}", f"--slow-seconds={slow_seconds}"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "crawler.replica", *self._arguments]
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            # Ctrl-C is for the crawl, which then finishes what is in flight: the site has to be there for that.
            start_new_session=True,
        )
        line = cast("Any", self._process.stdout).readline()
        if not line:
            self._end()
            raise RuntimeError("the replica did not start; its error output says why")
        ready = json.loads(line)
        self.url, self.origins = ready["url"], ready["origins"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def edit(self, article_id: int, old: str, new: str) -> None:
        """Replace `old` in an article's body. ReplicaRefused where the article does not hold it."""
        self._tell("edit", article_id=article_id, old=old, new=new)

    def revert(self, article_id: int) -> None:
        """Give an article its first body back."""
        self._tell("revert", article_id=article_id)

    def remove(self, article_id: int, how: str = "404") -> None:
        """Answer for an article with "404", "410" or a soft 404 ("soft", "home", "template", "list", "notice").

        Lists go on naming it.
        """
        self._tell("remove", article_id=article_id, how=how)

    def unlist(self, article_id: int) -> None:
        """Take an article off all lists."""
        self._tell("unlist", article_id=article_id)

    def restore(self, article_id: int) -> None:
        """Undo `remove` and `unlist`."""
        self._tell("restore", article_id=article_id)

    def move(self, article_id: int, to: int) -> None:
        """Make an article's address lead to another article."""
        self._tell("move", article_id=article_id, to=to)

    def lists(self, **how: int | bool) -> None:
        """Show lists `in_reverse`, `cut_off` or `empty`; the generated one in pages of `page_size`, or in a `window`
        of so many posts that moves on by `step` with each answer.
        """
        self._tell("lists", **how)

    def listed(self) -> set[int]:
        """The generated posts that a window or a page has named so far."""
        return set(cast("list[int]", self._tell("listed")))

    def break_image(self, url: str, how: Breakage) -> None:
        """Make an image fail: under every query where `url` has none, else under that query alone."""
        self._tell("break_image", url=url, how=how)

    def heal_image(self, url: str) -> None:
        """Undo `break_image`; also mends what is broken from the start (`trouble.BROKEN_IMAGES`)."""
        self._tell("heal_image", url=url)

    def hits(self) -> dict[str, int]:
        """Requests per `METHOD canonical-url`; the scheme is always https. Control requests do not count."""
        return cast("dict[str, int]", self._tell("hits"))

    def log(self) -> list[LoggedRequest]:
        """All requests in the order of their answers."""
        return cast("list[LoggedRequest]", self._tell("log"))

    def reset(self) -> None:
        """Forget hits, log and every change."""
        self._tell("reset")

    def down(self) -> None:
        """Answer every request with 503."""
        self._tell("down", down=True)

    def up(self) -> None:
        """Undo `down`."""
        self._tell("down", down=False)

    def stand_in(self, how: str) -> None:
        """Answer for every article with a "captcha", a "login", a "waf" or a "parked" domain's page, or show articles
        in a new "template"; "" undoes it.
        """
        self._tell("stand_in", how=how)

    def refuse(self, count: int, *, status: int = 429, retry_after: str = "1") -> None:
        """Refuse the next requests for articles, so many of them, with that status and Retry-After."""
        self._tell("refuse", count=count, status=status, retry_after=retry_after)

    def robots(self, text: str | None, status: int = 200, *, host: str | None = None) -> None:
        """Replace the robots.txt of www, or of `host`. None with status 200 restores it."""
        self._tell("robots", text=text, status=status, host=host)

    def _tell(self, action: str, **given: object) -> object:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            connection.request("POST", PREFIX + action, json.dumps(given))
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != _OK:
            raise ReplicaRefused(answer["error"])
        return answer

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        cast("Any", process.stdin).close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        cast("Any", process.stdout).close()
