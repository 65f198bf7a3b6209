"""A small web of many hosts, served by one local server: a test writes its pages, and reads who asked for what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from archive.reader import Head
from crawler.addresses import place_of
from crawler.replica.process import Replica
from tests.support import Birdnest, Ended, LocalServer

FAST = {"delay_seconds": 0, "image_delay_seconds": 0}
HTML = "text/html; charset=utf-8"
SENTENCES = (
    "把一个网站的文章留下来，先要知道它有哪些文章，再一篇一篇地取。",
    "图片要按原来的字节保存，链接要写成完整的地址，表格不能丢。",
    "如果文章后来改了，就存成新的一个版本，旧的版本一直留着。",
    "取不到的页面要说明原因，不能悄悄地漏掉，这样才知道该怎么补。",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    content_type: str = HTML
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Web:
    """Answers by URL (`http://host/path?query`); what has none is a 404. `asked` are the URLs asked for, in order."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None

    def put(self, url: str, body: str | bytes, *, status: int = 200, content_type: str = HTML, **headers: str) -> str:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[url] = Answer(status=status, content_type=content_type, body=data, headers=named)
        return url

    def article(self, url: str, title: str, **more: str) -> str:
        return self.put(url, article(title, **more))

    def redirect(self, url: str, target: str) -> str:
        return self.put(url, "", status=302, Location=target)

    @property
    def origins(self) -> dict[str, str]:
        """Where the hosts of all answers are."""
        parts = (urlsplit(url) for url in self.answers)
        return {f"{each.scheme}://{each.netloc}": self.url for each in parts}

    def pages(self) -> list[str]:
        """What was asked for, without robots.txt, since this was called last."""
        found = [url for url in self.asked if not url.endswith("/robots.txt")]
        self.asked.clear()
        return found


def article(title: str, *, site: str = "", body: str = "", head: str = "") -> str:
    """A page that any reader takes for an article."""
    name = f'<meta property="og:site_name" content="{site}">' if site else ""
    paragraphs = "".join(f"<p>{sentence}{title}说的就是这件事。</p>" for sentence in SENTENCES * 2)
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><title>{title}</title>{name}{head}</head><body>'
        f'<nav><a href="/">首页</a> <a href="/about">关于</a></nav>'
        f"<article><h1>{title}</h1>{paragraphs}{body}</article>"
        "<footer><p>版权所有</p></footer></body></html>"
    )


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """The command, sent to the web's hosts, and to the replica for the site that it knows."""

    birdnest: Birdnest
    web: Web
    replica: Replica

    def __call__(self, *arguments: str, **more: Any) -> Ended:
        """Run with a birdnest.toml of the web as it is now; `more` are further keys of that."""
        origins = {**self.web.origins, **self.replica.origins}
        self.birdnest.configure(self.replica, **{"origins": origins, "other_sites": FAST, "retries": 0, **more})
        return self.birdnest(*arguments)

    def head(self, url: str) -> Head:
        """The newest version of a URL's post."""
        slug, place = place_of(url)
        head = self.birdnest.archive().head(slug, place.id)
        assert head is not None, f"the archive does not hold {url}"
        return head

    def reasons(self, *arguments: str) -> dict[str, str]:
        """Why each URL that gave no post did not."""
        reports = self(*arguments, "--json").reports
        return {failure["url"]: failure["reason"] for report in reports for failure in report["failures"]}


@contextmanager
def serve() -> Iterator[Web]:
    web, lock = Web(url=""), Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://{self.headers['Host']}{self.path}"
            with lock:
                web.asked.append(url)
            web.before(url)
            # The scheme is lost on the way: what is https to the command is plain HTTP here.
            answer = web.answers.get(url) or web.answers.get(url.replace("http", "https", 1)) or Answer(status=404)
            self.send_response(answer.status)
            for name, value in (("Content-Type", answer.content_type), *answer.headers.items()):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        web.url = f"http://127.0.0.1:{server.server_port}"
        yield web
        server.shutdown()
