"""Pages and images that no site should send: each is its own post's failure, or its image's miss, and nothing more."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from threading import Thread
from typing import Any

import pytest
from PIL import Image as Pillow

from crawler.demo import SITE
from tests.support import Birdnest, LocalServer

ORIGIN = "https://www.niaogebiji.com"
ARTICLE = """<html><head><title>题</title></head><body><div class="article"><h1 class="title">第{number}篇</h1>
<div class="pc_content"><p>第{number}篇的正文，第{page}页。</p>{more}</div></div>{pager}</body></html>"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(kw_only=True)
class OddSite:
    """A site whose answers a test writes, by path; anything else is a 404. `host` of images is the site's own."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)

    def article(self, number: int, *, page: int = 1, next_url: str = "", more: str = "") -> str:
        pager = f'<div class="page_nav"><a class="next" href="{next_url}">下一页</a></div>' if next_url else ""
        text = ARTICLE.format(number=number, page=page, more=more, pager=pager)
        path = f"/article-{number}-{page}.html"
        self.answers[path] = Answer(headers={"Content-Type": "text/html; charset=utf-8"}, body=text.encode())
        return ORIGIN + path


@pytest.fixture
def odd_site() -> Iterator[OddSite]:
    site = OddSite(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = site.answers.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_port}"
        yield site
        server.shutdown()


@pytest.fixture
def visitor(birdnest: Birdnest, odd_site: OddSite) -> Birdnest:
    """The command, sent to the odd site for the site's own host and an image host."""
    birdnest.configure(None, origins={ORIGIN: odd_site.url, "https://img.example": odd_site.url}, retries=0)
    return birdnest


def picture() -> bytes:
    file = BytesIO()
    Pillow.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def test_a_next_link_that_leaves_the_article_is_not_followed(visitor: Birdnest, odd_site: OddSite) -> None:
    odd_site.article(99)
    leaving = (f"{ORIGIN}/article-99-1.html", "https://img.example/next", "javascript:void(0)", "#")
    urls = [odd_site.article(number, next_url=url) for number, url in enumerate(leaving, start=1)]
    done = visitor("archive", *urls, "--json")
    assert (done.code, done.report["new"]) == (0, 4), done.err
    bodies = [visitor.head(f"article-{number}").document.body for number in range(1, 5)]
    assert bodies == [f"<p>第{number}篇的正文，第1页。</p>\n" for number in range(1, 5)]


def test_an_article_of_too_many_pages_fails_instead_of_being_cut(visitor: Birdnest, odd_site: OddSite) -> None:
    for page in range(1, 61):
        odd_site.article(8, page=page, next_url=f"/article-8-{page + 1}.html")
    done = visitor("archive", f"{ORIGIN}/article-8-1.html", "--json")
    assert [failure["reason"] for failure in done.report["failures"]] == ["too-many-pages"]
    assert done.code == 4


HTML, PNG = {"Content-Type": "text/html"}, {"Content-Type": "image/png"}
ODD_PAGES = {
    "redirect-loop": Answer(status=302, headers={"Location": "/article-101-1.html"}),
    "http-302": Answer(status=302),
    "http-304": Answer(status=304),
    "http-302 to ftp": Answer(status=302, headers={"Location": "ftp://www.niaogebiji.com/"}),
    "download-failed": Answer(status=302, headers={"Location": "http://[::1/"}),
    "bad-encoding": Answer(headers={"Content-Encoding": "gzip", **HTML}, body=b"no gzip"),
    "bad-encoding cut": Answer(headers={"Content-Encoding": "gzip", **HTML}, body=gzip.compress(b"x" * 999)[:-20]),
    "missing-field": Answer(),
}
ODD_IMAGES = {
    "bad-encoding": Answer(headers={"Content-Encoding": "gzip", **PNG}, body=b"no gzip"),
    "download-failed": Answer(status=302, headers={"Location": "http://[::1/"}),
    "redirect-loop": Answer(status=302, headers={"Location": "/odd-2.png"}),
    "http-302": Answer(status=302),
    "truncated": Answer(headers=PNG),
}
"""By the reason expected, which is the name's first word."""


def test_odd_answers_are_failures_with_a_reason_and_no_bug(visitor: Birdnest, odd_site: OddSite) -> None:
    urls = {}
    for number, (name, answer) in enumerate(ODD_PAGES.items(), start=101):
        odd_site.answers[f"/article-{number}-1.html"] = answer
        urls[f"{ORIGIN}/article-{number}-1.html"] = name.split()[0]
    done = visitor("archive", *urls, odd_site.article(10), "--json")
    assert {failure["url"]: failure["reason"] for failure in done.report["failures"]} == urls
    assert done.report["new"] == 1, "the other post is archived"
    assert (done.code, done.report["verdict"]) == (4, "below expectations")
    assert "Traceback" not in done.err


def test_odd_images_are_misses_and_their_post_is_archived(visitor: Birdnest, odd_site: OddSite) -> None:
    odd_site.answers["/good.png"] = Answer(headers=PNG, body=picture())
    for number, answer in enumerate(ODD_IMAGES.values()):
        odd_site.answers[f"/odd-{number}.png"] = answer
    names = ["good.png", *(f"odd-{number}.png" for number in range(len(ODD_IMAGES)))]
    pictures = "".join(f'<img src="https://img.example/{name}">' for name in names)
    done = visitor("archive", odd_site.article(11, more=f"<p>{pictures}</p>"), "--json")
    document = visitor.head("article-11").document
    assert [image.reason for image in document.missing_images] == list(ODD_IMAGES)
    assert [image.url for image in document.images] == ["https://img.example/good.png"]
    assert done.report["verdict"] == "below expectations", "most of its images are missing"


def test_images_that_no_browser_would_fetch_are_listed_too(visitor: Birdnest, odd_site: OddSite) -> None:
    odd_site.answers["/good.png"] = Answer(headers=PNG, body=picture())
    urls = ["ftp://img.example/a.jpg", "file:///C:/a.jpg", "http://[::1/x.jpg", "http://img.example:99999/x.jpg"]
    pictures = "".join(f'<p><img src="{url}"></p>' for url in [*urls, "https://img.example/good.png"])
    assert visitor("archive", odd_site.article(14, more=pictures)).code == 4, "most of its images are missing"
    document = visitor.head("article-14").document
    assert [image.url for image in document.images] == ["https://img.example/good.png"]
    assert {(image.url, image.reason) for image in document.missing_images} == {(url, "unsupported") for url in urls}


def test_a_list_that_is_gone_fails_the_run_though_posts_may_be(visitor: Birdnest, odd_site: OddSite) -> None:
    cards = "".join(
        f'<div class="articleBox"><a href="{odd_site.article(number)}">第{number}篇</a></div>'
        for number in range(20, 30)
    )
    odd_site.answers["/"] = Answer(headers={"Content-Type": "text/html"}, body=f"<body>{cards}</body>".encode())
    done = visitor("crawl", SITE, "--json")
    assert done.report["new"] == 10
    assert {failure["expected"] for failure in done.report["failures"] if failure["what"] == "listing"} == {False}
    assert done.code == 4


def test_the_one_post_asked_for_that_is_gone_fails_the_run(visitor: Birdnest) -> None:
    done = visitor("archive", f"{ORIGIN}/article-404-1.html")
    assert done.code == 4
    assert "not one of 1 posts could be had" in done.err


@pytest.mark.parametrize("command", [("archive", f"{ORIGIN}/article-12-1.html"), ("crawl", SITE)])
def test_a_state_folder_that_cannot_be_written_is_one_line(visitor: Birdnest, command: tuple[str, str]) -> None:
    done = visitor(*command, environment={"XDG_STATE_HOME": "/proc/no"})
    assert done.code == 3
    (line,) = done.err.strip().splitlines()
    assert "/proc/no/birdnest" in line
    assert "set `state` in birdnest.toml" in line


def test_a_rejected_page_that_cannot_be_kept_costs_the_page_and_nothing_else(
    visitor: Birdnest, odd_site: OddSite
) -> None:
    odd_site.answers["/article-12-1.html"] = Answer(body=b"<p>nothing</p>", headers={"Content-Type": "text/html"})
    (visitor.folder / "state" / "birdnest").mkdir(parents=True)
    (visitor.folder / "state" / "birdnest" / "rejected").write_text("in the way")
    done = visitor("archive", f"{ORIGIN}/article-12-1.html", "--json")
    assert [failure["reason"] for failure in done.report["failures"]] == ["missing-field"]
    assert "rejected pages could not be kept" in done.report["notes"][0]


def test_a_damaged_version_in_the_archive_is_named_and_the_run_ends_with_its_code(
    visitor: Birdnest, odd_site: OddSite
) -> None:
    url = odd_site.article(13)
    assert visitor("archive", url).code == 0
    document = visitor.folder / "archive" / "posts" / SITE / "article-13" / "v0001.html"
    document.write_bytes(document.read_bytes()[:100])
    done = visitor("archive", url, "--json")
    assert (done.code, done.report["verdict"]) == (7, "archive damaged")
    assert "article-13/v0001.html" in done.err


def test_a_host_that_cannot_be_reached_says_why_and_what_to_do(birdnest: Birdnest) -> None:
    birdnest.configure(None, retries=0)
    done = birdnest("crawl", SITE)
    assert done.code == 5
    assert done.err.startswith("unreachable: niaogebiji: ")
    assert "unreachable" in done.err.split("robots.txt")[1]
    assert "look at the address, the network and the proxy" in done.err
