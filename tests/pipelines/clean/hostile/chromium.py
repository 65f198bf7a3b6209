"""A headless Chromium that opens files and tells all they did, by the DevTools protocol over a pipe.

It reaches no network: whatever a page asks for besides its own file is refused, and listed. Protocol:
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path("/usr/bin/chromium")
_PATIENCE_SECONDS = 60
_AT_A_TIME = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses its sandbox to root, whom CI runs as
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--allow-file-access-from-files",  # so that the frames' owner may question them
    "--remote-debugging-pipe",
)
# Before anything of a page: whatever runs says `hit`, in one way or another.
_WATCH = """
window.hit = () => report(location.href);
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = hit;
window.refused = [];
addEventListener("securitypolicyviolation", event => refused.push([event.effectiveDirective, event.blockedURI]));
"""
# Events come after `load`: two frames later, those of focus, toggling and animation have come, too. (A machine
# under load may draw no frame for long.)
_SETTLED = """new Promise(done => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));
  setTimeout(done, 2000);
})"""
_NOTICES = (
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Network.webSocketCreated",
    "Network.webTransportCreated",
)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a page did: whether a script ran, which URLs it asked for besides its own file, its answer to a question."""

    ran: bool
    requests: frozenset[str]
    found: Any


@dataclass(kw_only=True)
class Chromium:
    """One tab of one browser. What it opens stands in frames of one page, many at a time."""

    commands: int
    messages: int
    folder: Path
    _session: str | None = None
    _files: frozenset[str] = frozenset()
    _loaded: bool = False
    _ran: set[str] = field(default_factory=set)
    _strays: list[str] = field(default_factory=list)
    _requests: dict[str, tuple[str, str]] = field(default_factory=dict)  # page and URL
    _count: int = 0
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _rest: bytes = b""

    def open_tab(self) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Fetch"):
            self._call(f"{domain}.enable")
        self._call("Runtime.addBinding", name="report")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        self._call("Target.setDiscoverTargets", discover=True)

    def visit(self, pages: Sequence[str], question: str) -> list[Visit]:
        """Open pages (their HTML), wait until they rest, and ask each: `question` is a JavaScript function of the
        document that gives a JSON value. Raises AssertionError when one does what cannot be laid to one of them:
        opens a window, a dialog, or writes to the console.
        """
        files = [self._write(f"{number}.html", page) for number, page in enumerate(pages)]
        visits: list[Visit] = []
        for start in range(0, len(files), _AT_A_TIME):
            visits += self._visit(files[start : start + _AT_A_TIME], question)
        return visits

    def _write(self, name: str, page: str) -> str:
        file = self.folder / name
        file.write_bytes(page.encode("utf-8", "surrogatepass"))
        return file.as_uri()

    def _visit(self, files: Sequence[str], question: str) -> list[Visit]:
        frames = "".join(f'<iframe src="{file}"></iframe>' for file in files)
        owner = self._write("frames.html", f'<!doctype html><meta charset="utf-8"><title></title>{frames}')
        self._files, self._loaded = frozenset((*files, owner)), False
        self._ran, self._requests, self._strays = set(), {}, []
        self._call("Page.navigate", url=owner)
        self._read_until(lambda: self._loaded)
        self._evaluate(_SETTLED)
        found = self._evaluate(f"[...document.querySelectorAll('iframe')].map(f => ({question})(f.contentDocument))")
        strays = [f"{page} asks for {url}" for page, url in self._requests.values() if page not in self._files]
        strays += [f"a script ran in {page}" for page in self._ran - self._files]
        assert self._strays + strays == []
        return [
            Visit(
                ran=file in self._ran,
                requests=frozenset(url for page, url in self._requests.values() if page == file),
                found=answer,
            )
            for file, answer in zip(files, found, strict=True)
        ]

    def _evaluate(self, expression: str) -> Any:
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, **parameters)
        self._read_until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer}"
        result: dict[str, Any] = answer["result"]
        return result

    def _send(self, method: str, **parameters: Any) -> int:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data) :]
        return self._count

    def _read_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if not select.select([self.messages], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError("Chromium says nothing more")
            if not (data := os.read(self.messages, 1 << 20)):
                raise EOFError("Chromium has ended")
            *whole, self._rest = (self._rest + data).split(b"\0")
            for message in whole:
                self._receive(json.loads(message))

    def _receive(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        else:
            self._hear(message["method"], message["params"])

    def _hear(self, method: str, event: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.bindingCalled":
                self._ran.add(event["payload"])
            case "Fetch.requestPaused":
                self._let_through(event["requestId"], event["request"]["url"])
            case "Network.requestWillBeSent" if event["request"]["url"] not in self._files:
                self._requests[event["requestId"]] = (event["documentURL"], event["request"]["url"])
            case "Network.loadingFailed" if event.get("blockedReason") == "csp":
                self._requests.pop(event["requestId"], None)  # never sent
            case "Target.targetCreated" if event["targetInfo"].get("openerId"):
                self._strays.append(f"a window was opened: {event['targetInfo']['url']}")
            case "Page.javascriptDialogOpening":
                self._strays.append(f"a dialog was opened: {event['message']}")
                self._send("Page.handleJavaScriptDialog", accept=True)
            case _ if method in _NOTICES:
                self._strays.append(f"{method} {json.dumps(event, ensure_ascii=False)[:300]}")

    def _let_through(self, request: str, url: str) -> None:
        if url in self._files:
            self._send("Fetch.continueRequest", requestId=request)
        else:
            self._send("Fetch.failRequest", requestId=request, errorReason="AddressUnreachable")


@contextmanager
def run_chromium(folder: Path) -> Iterator[Chromium]:
    """A browser with a new profile, its pages in `folder`; closed at the end."""
    ours_in, theirs_out = _pipe()
    theirs_in, ours_out = _pipe()
    process = os.posix_spawn(
        PROGRAM,
        [str(PROGRAM), *_FLAGS, f"--user-data-dir={folder / 'profile'}"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, theirs_in, 3),  # where it reads commands
            (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        browser = Chromium(commands=ours_out, messages=ours_in, folder=folder)
        browser.open_tab()
        yield browser
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours_out)
        os.close(ours_in)


def _pipe() -> tuple[int, int]:
    """A pipe clear of the descriptors that Chromium takes its own to be."""
    low = os.pipe()
    reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return reading, writing
