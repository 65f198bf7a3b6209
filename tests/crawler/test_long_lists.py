"""A list of 500 mixed URLs: each ends archived or with a reason; after Ctrl-C only the rest is fetched."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest
from PIL import Image

from crawler.addresses import place_of
from crawler.frontier import Frontier, frontier_file
from crawler.replica.process import Replica
from tests.support import ROOT
from tests.web import FAST, Visitor, Web, article

pytestmark = pytest.mark.hostile
CORPUS = ROOT.parent / "shared" / "corpus" / "pages"
LOGIN = '<html><head><title>登录</title></head><body><form><input type="password" name="p"></form></body></html>'
NOWHERE = "http://127.0.0.1:9"
HOSTS = 40
LONG = 500


def corpus(web: Web) -> Iterator[str]:
    """Real pages under hosts of their own, where the corpus lies beside the project; their images are there, too."""
    for page in sorted(CORPUS.glob("*.html")):
        body = re.sub(rb"(?:https?:)?//[\w.-]+(?::\d+)?/", b"/", page.read_bytes())
        yield web.put(f"http://{page.stem.split('_')[1]}.corpus.example/{page.name}", body)


def replicated(replica: Replica) -> list[str]:
    """Articles of the known site's replica, some of them gone."""
    origin = next(iter(replica.origins))
    return [f"{origin}/article-{number}-1.html" for number in range(482_500, 482_560)]


def others(web: Web) -> Iterator[str]:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    for number in range(10):
        host = f"http://files{number % 3}.example"
        yield web.put(f"{host}/{number}.pdf", b"%PDF-1.7 " + bytes(1000), content_type="application/pdf")
        yield web.put(f"{host}/{number}.png", picture.getvalue(), content_type="image/png")
        yield web.put(f"{host}/login/{number}", LOGIN)
        yield f"{host}/dead/{number}"
        yield f"http://nobody{number % 2}.example/{number}"


def generated(web: Web, count: int) -> Iterator[str]:
    for number in range(count):
        host = f"http://blog-{number % HOSTS}.example"
        yield web.put(
            f"{host}/post/{number}",
            article(f"第{number}篇文章，第{number % HOSTS}个网站", site=f"博客{number % HOSTS}"),
        )


@pytest.fixture
def urls(visitor: Visitor, web: Web, replica: Replica) -> list[str]:
    """The list, in a file, mixed so that every stretch of it holds some of each kind."""
    found = [*corpus(web), *replicated(replica), *others(web)]
    found += generated(web, LONG - len(found))
    mixed = [url for start in range(7) for url in found[start::7]]
    (visitor.birdnest.folder / "urls.txt").write_text("\n".join(mixed), encoding="utf-8")
    nowhere = {f"http://nobody{number}.example": NOWHERE for number in range(2)}
    origins = {**web.origins, **replica.origins, **nowhere}
    visitor.birdnest.configure(replica, origins=origins, other_sites=FAST, retries=0)
    return mixed


def states(visitor: Visitor) -> dict[str, tuple[str, str | None]]:
    """The state of every URL, and the reason of those that failed."""
    file = frontier_file(visitor.birdnest.folder / "state" / "birdnest", visitor.birdnest.archive().info.id)
    with closing(Frontier(file)) as frontier:
        return {row["url"]: (row["state"], row["reason"]) for row in frontier.rows()}


def interrupt(visitor: Visitor, web: Web, after: int) -> None:
    """Start the command with the list, and press Ctrl-C once so many pages were asked for."""
    with visitor.birdnest.start("archive", "-f", "urls.txt", "--json") as running:
        end = time.monotonic() + 100
        while len(web.asked) < after and time.monotonic() < end and running.poll() is None:
            time.sleep(0.05)
        os.kill(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert json.loads(out)


def test_500_mixed_urls_each_end_and_after_ctrl_c_only_the_rest_is_fetched(
    visitor: Visitor, web: Web, urls: list[str]
) -> None:
    assert len(set(urls)) == len(urls) == LONG
    interrupt(visitor, web, after=150)
    first = {url for url in web.pages() if url in urls}
    ended = {url for url, (state, reason) in states(visitor).items() if state != "open" or reason}
    assert 50 < len(ended) < LONG - 50

    run = visitor.birdnest("archive", "-f", "urls.txt", "--json")
    assert run.code == 5, run.err  # of the worst site, which has nobody to answer
    second = [url for url in web.pages() if url in urls]
    assert f"{len(ended)} URLs are left out" in run.err
    assert not set(second) & ended
    assert len(second) == len(set(second))
    found = states(visitor)
    elsewhere = ("niaogebiji", "nobody")  # what the replica or nobody serves
    unasked = [url for url in urls if url not in first and url not in second and not any(map(url.count, elsewhere))]
    assert {url: found[place_of(url)[1].url] for url in unasked} == {}

    fates = Counter(found[place_of(url)[1].url] for url in urls)
    assert all(state == "archived" or reason for state, reason in fates)
    reasons = Counter[str | None]()
    for (_, reason), count in fates.items():
        reasons[reason] += count
    expected = {"not-html": 20, "login-required": 10, "unreachable": 10}
    assert {reason: reasons[reason] for reason in expected} == expected
    assert reasons["http-404"] >= 10
    # All generated articles, most of the corpus, and those that the replica has.
    assert reasons[None] > 0.7 * LONG
