"""The site that is measured: static files, and an nginx of the run's own that serves them on loopback.

Posts look like the replica's generated ones, with six images each; every fifth image is one that a post before it
shows. Pages and lists stand at 127.0.0.1, images at 127.0.0.2, so that they are two hosts to whoever counts requests by
host. One set of posts serves all sizes: a site of 300 posts has lists of its own and shares the rest.
"""

# ruff: noqa: S311 - what is drawn must be the same every time, and guards nothing

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.throughput_pictures import Template
from crawler.replica import generated, lists, pages
from crawler.replica.content import CATEGORIES, SITE_ZONE, Post

PAGES_HOST, IMAGES_HOST = "127.0.0.1", "127.0.0.2"
IMAGES_PER_POST = 6
LIST_POSTS = 50
FIRST_LIST = f"/cat/{generated.CATEGORY}"
"""Where the list begins that names all posts."""

_SHARED = 0.24  # of the images but a post's first, which makes a fifth of all
_SHARED_WITH = 40  # posts before it
_SHORT_LIST = 20
_START = datetime(2022, 1, 1, 8, 0, tzinfo=SITE_ZONE)
_START_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Site:
    """Files in a folder. ports: by the number of posts that the site has there. images: SHA-256 by path."""

    folder: Path
    ports: Mapping[int, int]
    images_port: int
    images: Mapping[str, str]
    page_bytes: Mapping[int, int]

    def origin(self, size: int) -> str:
        return f"http://{PAGES_HOST}:{self.ports[size]}"

    @property
    def images_origin(self) -> str:
        return f"http://{IMAGES_HOST}:{self.images_port}"

    def pages(self, size: int) -> list[str]:
        return [f"{self.origin(size)}{_post(index).path}" for index in range(size)]

    def image_paths(self, size: int) -> list[str]:
        """The distinct images of a size, in the order in which posts show them."""
        by_number = {int(path[1:9]): path for path in self.images}
        return list(dict.fromkeys(by_number[number] for index in range(size) for number in shown(index)))

    def digests(self, size: int) -> set[str]:
        """The SHA-256 of each distinct image."""
        return {self.images[path] for path in self.image_paths(size)}


def shown(index: int) -> list[int]:
    """The numbers of the images that a post shows."""
    rng = random.Random(index)
    first = index * IMAGES_PER_POST
    numbers = [first]
    for slot in range(1, IMAGES_PER_POST):
        is_shared = index > 0 and rng.random() < _SHARED
        before = index - rng.randint(1, min(index, _SHARED_WITH)) if is_shared else index
        numbers.append(before * IMAGES_PER_POST if is_shared else first + slot)
    return numbers


def make(folder: Path, sizes: Sequence[int], templates: Sequence[Template]) -> Site:
    """Write the site's files for its largest size, and the lists of all."""
    most = max(sizes)
    ports = free_ports(len(sizes) + 1)
    images_port = ports.pop()
    (folder / "posts").mkdir(parents=True)
    (folder / "pictures").mkdir()
    images: dict[str, str] = {}
    page_bytes: dict[int, int] = {}
    for index in range(most):
        for number in shown(index):
            template = templates[number % len(templates)]
            path = f"/{number:08d}.{template.extension}"
            if path not in images:
                data = template.numbered(number)
                images[path] = hashlib.sha256(data).hexdigest()
                (folder / "pictures" / path[1:]).write_bytes(data)
        page = _page(index, f"http://{IMAGES_HOST}:{images_port}", templates).encode()
        page_bytes[index] = len(page)
        (folder / "posts" / _post(index).path[1:]).write_bytes(page)
    for size in sizes:
        _write_lists(folder / f"lists-{size}", size)
    return Site(
        folder=folder,
        ports=dict(zip(sizes, ports, strict=True)),
        images_port=images_port,
        images=images,
        page_bytes=page_bytes,
    )


def _post(index: int) -> Post:
    # Three hours apart, as they are made, 30,000 posts would reach into the future.
    return replace(generated.post(generated.FIRST_ID + index), published=_START + timedelta(minutes=20 * index))


def _page(index: int, images_origin: str, templates: Sequence[Template]) -> str:
    post = _post(index)
    extensions = [templates[number % len(templates)].extension for number in shown(index)]
    urls = [f"{images_origin}/{number:08d}.{end}" for number, end in zip(shown(index), extensions, strict=True)]
    text = pages.article(post, generated.body_showing(post.id, urls))
    if text is None:
        raise AssertionError("a post has a first page")
    return text


def _write_lists(folder: Path, size: int) -> None:
    """All lists of the site: the long one in pages, newest first; the others name the newest posts."""
    folder.mkdir()
    newest = [_post(index) for index in range(size - 1, max(size - 1 - _SHORT_LIST, -1), -1)]
    (folder / "home.html").write_text(lists.home(newest), encoding="utf-8")
    (folder / "more.json").write_text(lists.more_articles(newest), encoding="utf-8")
    flash = lists.more_articles(newest).replace('"link": ', '"url": ')
    (folder / "flash.json").write_text(flash, encoding="utf-8")
    for category, name in CATEGORIES.items():
        if category != generated.CATEGORY:
            (folder / f"cat-{category}.html").write_text(lists.category(name, newest), encoding="utf-8")
    for number, page in _long_list(size):
        name = f"cat-{generated.CATEGORY}.{number}.html" if number > 1 else f"cat-{generated.CATEGORY}.html"
        (folder / name).write_text(page, encoding="utf-8")


def _long_list(size: int) -> Iterator[tuple[int, str]]:
    for number, newest in enumerate(range(size - 1, -1, -LIST_POSTS), 1):
        posts = [_post(index) for index in range(newest, max(newest - LIST_POSTS, -1), -1)]
        following = number + 1 if newest >= LIST_POSTS else None
        yield number, lists.category(CATEGORIES[generated.CATEGORY], posts, next_page=following)


class Nginx:
    """A running server; `log` is its access log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def mark(self) -> int:
        """A place in the log, for `asked`."""
        return self._log.stat().st_size

    def asked(self, since: int) -> list[tuple[str, str, int]]:
        """Method, target and status of each request since a mark."""
        with self._log.open("rb") as file:
            file.seek(since)
            lines = file.read().decode().splitlines()
        return [(method, target, int(status)) for method, target, status in map(str.split, lines)]


def has_nginx() -> bool:
    return _nginx() is not None


def _nginx() -> str | None:
    """Debian keeps it where a user's PATH may not lead."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def serve(site: Site) -> Iterator[Nginx]:
    """The site, for as long as the context lasts."""
    folder = site.folder
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(site), encoding="utf-8")
    command = [_nginx() or "nginx", "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            for host, port in [(IMAGES_HOST, site.images_port), *((PAGES_HOST, port) for port in site.ports.values())]:
                _wait_for(host, port, process, folder / "error.log")
            yield Nginx(folder / "access.log")
        finally:
            process.terminate()


def _configuration(site: Site) -> str:
    servers = "".join(
        _PAGES.format(
            listen=f"{PAGES_HOST}:{port}",
            folder=site.folder,
            lists=site.folder / f"lists-{size}",
            category=generated.CATEGORY,
        )
        for size, port in site.ports.items()
    )
    return _NGINX.format(folder=site.folder, images=f"{IMAGES_HOST}:{site.images_port}", servers=servers)


# One process in the foreground: it answers several times as fast as any client here asks.
_NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  log_format asked '$request_method $request_uri $status';
  access_log {folder}/access.log asked;
  client_body_temp_path {folder}/temporary;
  proxy_temp_path {folder}/temporary;
  fastcgi_temp_path {folder}/temporary;
  uwsgi_temp_path {folder}/temporary;
  scgi_temp_path {folder}/temporary;
  types {{
    text/html html; text/plain txt; application/json json;
    image/jpeg jpg; image/png png; image/gif gif; image/webp webp;
  }}
  charset utf-8;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=8000 inactive=60s;
  server {{
    listen {images};
    root {folder}/pictures;
    location = /robots.txt {{ return 200 "User-agent: *\\nAllow: /\\n"; }}
  }}
{servers}
}}
"""
_PAGES = """  server {{
    listen {listen};
    root {lists};
    location = /robots.txt {{ return 200 "User-agent: *\\nAllow: /\\n"; }}
    location = / {{ try_files /home.html =404; }}
    location = /cat/{category} {{ try_files /cat-{category}.$arg_page.html /cat-{category}.html =404; }}
    location ~ "^/cat/(\\d+)$" {{ try_files /cat-$1.html =404; }}
    location = /pc/index/getMoreArticle {{ try_files /more.json =404; }}
    # A static file is not posted to: the answer to that is the file.
    location = /pc/bulletin/index {{ error_page 405 =200 /flash.json; try_files /flash.json =404; }}
    location /article- {{ root {folder}/posts; }}
  }}
"""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, neither at 127.0.0.1 nor at 127.0.0.2."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("0.0.0.0", 0))  # noqa: S104 - bound, never listened on
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()


def _wait_for(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        connection = HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", "/robots.txt")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise SystemExit(f"nginx did not start: {log.read_text() if log.exists() else 'it said nothing'}")
