"""What headless Chromium shows of some HTML: its text, pictures, links, headings, cells and listings.

One Chromium for a whole run, driven over its DevTools protocol, without any network: names resolve to nothing and the
proxy does not exist. Markup is put into an empty page as `innerHTML`, so no script of it runs; `visibility` and
`opacity` are forced on (WeChat serves whole articles hidden until a script runs), `display: none` is honoured.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

BASE: Final = "https://www.example.com/post/1.html"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--remote-debugging-port=0", "--proxy-server=127.0.0.1:9",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-dev-shm-usage",
)  # fmt: skip
_START_SECONDS: Final = 60
_LOAD_SECONDS: Final = 20

_HOST: Final = f"""<!doctype html><meta charset="utf-8"><base href="{BASE}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>*{{visibility:visible!important;opacity:1!important;text-transform:none!important}}</style>
<div id="box"></div>"""

_READ: Final = Path(__file__).with_name("clean_browser.js").read_text(encoding="utf-8")
_CUT_OUT: Final = """selector => [...document.querySelectorAll(selector)]
  .reduce((best, one) => best && best.textContent.length >= one.textContent.length ? best : one, null)
  ?.innerHTML ?? null"""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image as it stands: `lazy` are addresses in any attribute but `src`, `link` what it leads to."""

    src: str
    lazy: tuple[str, ...]
    link: str
    width: str
    height: str
    noscript: bool


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A visible link: `url` as the browser resolves it, `inside` when it leads to something in the markup itself."""

    url: str
    href: str
    text: str
    pictures: tuple[str, ...]
    inside: bool


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What Chromium shows of a body. `cut` is the text of the elements taken out before reading, by rule;
    `stray` are names of attributes that a clean article has no use for.
    """

    text: str
    cut: Mapping[str, tuple[str, ...]]
    images: tuple[Picture, ...]
    links: tuple[Anchor, ...]
    headings: tuple[str, ...]
    cells: tuple[str, ...]
    listings: tuple[str, ...]
    stray: tuple[str, ...]


def find_chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running Chromium with two pages: one to show markup in, one to open whole files."""

    def __init__(self, socket: ClientConnection, folder: Path) -> None:
        self._socket = socket
        self._folder = folder
        self._last_id = 0
        self._reader = self._open_page("about:blank", scripts=True)
        self._call("Page.setDocumentContent", self._reader, frameId=self._frame(self._reader), html=_HOST)
        self._opener = self._open_page("about:blank", scripts=False)

    def show(self, html: str, cuts: Mapping[str, str] | None = None) -> Shown:
        """What is shown of an article's markup, without the elements that `cuts` (rule → CSS selector) names."""
        found = self._run(self._reader, _READ, html, dict(cuts or {}))
        return Shown(
            text=found["text"],
            cut={rule: tuple(texts) for rule, texts in found["cut"].items()},
            images=tuple(Picture(**{**image, "lazy": tuple(image["lazy"])}) for image in found["images"]),
            links=tuple(Anchor(**{**link, "pictures": tuple(link["pictures"])}) for link in found["links"]),
            headings=tuple(found["headings"]),
            cells=tuple(found["cells"]),
            listings=tuple(found["listings"]),
            stray=tuple(found["stray"]),
        )

    def cut_out(self, page: str, selector: str) -> str | None:
        """The inner HTML of the element with most text of those a selector finds in a page, which is opened as a file:
        Chromium mends its markup, and does not run its scripts.
        """
        file = self._folder / f"page-{self._last_id}.html"
        file.write_text(page, encoding="utf-8-sig", errors="replace")  # the mark wins over what the page claims
        self._call("Page.navigate", self._opener, url=file.as_uri())
        end = time.monotonic() + _LOAD_SECONDS
        while time.monotonic() < end:
            state = self._run(self._opener, "() => [location.href, document.readyState]")
            if state[0] == file.as_uri() and state[1] != "loading":
                break
            time.sleep(0.02)
        found = self._run(self._opener, _CUT_OUT, selector)
        file.unlink()
        return None if found is None else str(found)

    def _open_page(self, url: str, *, scripts: bool) -> str:
        target = self._call("Target.createTarget", None, url=url)["targetId"]
        session = str(self._call("Target.attachToTarget", None, targetId=target, flatten=True)["sessionId"])
        if not scripts:
            self._call("Emulation.setScriptExecutionDisabled", session, value=True)
        return session

    def _frame(self, session: str) -> str:
        return str(self._call("Page.getFrameTree", session)["frameTree"]["frame"]["id"])

    def _run(self, session: str, function: str, *arguments: object) -> Any:
        written = ", ".join(json.dumps(argument) for argument in arguments)
        answer = self._call("Runtime.evaluate", session, expression=f"({function}\n)({written})", returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"Chromium could not read a body: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _call(self, method: str, session: str | None, **parameters: object) -> dict[str, Any]:
        self._last_id += 1
        message: dict[str, object] = {"id": self._last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") != self._last_id:
                continue
            if "error" in answer:
                raise RuntimeError(f"Chromium refused {method}: {answer['error']}")
            return dict(answer["result"])


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """A Chromium with a profile of its own, gone with everything it wrote when the block ends."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [executable, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                with connect(_endpoint(folder / "profile" / "DevToolsActivePort"), max_size=None) as socket:
                    yield Browser(socket, folder)
            finally:
                process.terminate()


def _endpoint(file: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        words = file.read_text(encoding="ascii").split() if file.is_file() else []
        if len(words) == len(("port", "path")):
            return f"ws://127.0.0.1:{words[0]}{words[1]}"
        time.sleep(0.05)
    raise RuntimeError(f"Chromium did not start within {_START_SECONDS} s")
