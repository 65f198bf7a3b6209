"""Images are fetched beside Scrapy's engine, by the rules that hold inside it."""

from __future__ import annotations

import gzip
import time
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from w3lib.url import safe_url_string

from archive.model import Image
from crawler.image_client import PLAIN_URL
from pipelines.userinfo import without_userinfo
from tests.web import Visitor, Web

PAGE = "http://blog.example/a/1"
PICTURES = "http://pictures.example"


def picture(colour: str = "red") -> bytes:
    file = BytesIO()
    Pillow.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def show(web: Web, *images: str) -> None:
    web.article(PAGE, "有图的文章", body="".join(f'<p><img src="{url}"></p>' for url in images))


def archived(visitor: Visitor, **more: object) -> tuple[list[str], dict[str, str]]:
    """The images that are held, and the reasons of those that are missing, after the page was archived."""
    done = visitor("archive", PAGE, "--json", **more)
    assert done.code in (0, 4), done.err  # 4: more than half of the images are missing
    document = visitor.head(PAGE).document
    return [image.url for image in document.images], {image.url: image.reason for image in document.missing_images}


def asked(web: Web) -> list[str]:
    return [url for url in web.pages() if url.startswith(PICTURES)]


@settings(max_examples=500, deadline=None)
@given(st.from_regex(PLAIN_URL, fullmatch=True))
def test_an_address_that_is_taken_as_it_is_needs_no_mending(url: str) -> None:
    assert without_userinfo(safe_url_string(url)) == url


def test_redirects_are_followed_as_far_as_a_browser_would_each_under_its_hosts_robots_txt(
    visitor: Visitor, web: Web
) -> None:
    chain = [f"{PICTURES}/{number}.png" for number in range(7)]
    for here, there in pairwise(chain):
        web.redirect(here, there.removeprefix(PICTURES))
    web.put(chain[-1], picture(), content_type="image/png")
    web.redirect(f"{PICTURES}/elsewhere.png", "http://closed.example/b.png")
    web.put("http://closed.example/robots.txt", "User-agent: *\nDisallow: /\n", content_type="text/plain")
    web.put("http://closed.example/b.png", picture("blue"), content_type="image/png")
    web.redirect(f"{PICTURES}/script.png", "javascript:alert(1)")
    show(web, chain[0], chain[1], f"{PICTURES}/elsewhere.png", f"{PICTURES}/script.png")
    held, missing = archived(visitor)
    assert held == [chain[1]]
    assert missing == {
        chain[0]: "redirect-loop",
        f"{PICTURES}/elsewhere.png": "robots-disallowed",
        f"{PICTURES}/script.png": "http-302",
    }
    assert "http://closed.example/b.png" not in web.asked


@pytest.mark.parametrize(("retries", "times"), [(0, 1), (2, 3)])
def test_an_answer_that_may_pass_is_asked_for_again_as_often_as_the_user_says(
    visitor: Visitor, web: Web, retries: int, times: int
) -> None:
    url = web.put(f"{PICTURES}/busy.png", "", status=503)
    gone = web.put(f"{PICTURES}/gone.png", "", status=404)
    show(web, url, gone)
    assert archived(visitor, retries=retries) == ([], {url: "http-503", gone: "http-404"})
    assert sorted(asked(web)) == sorted([url] * times + [gone])


def test_a_host_that_wants_to_be_left_alone_is_left_alone(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{PICTURES}/busy.png", "", status=429, Retry_After="3000")
    other = web.put(f"{PICTURES}/fine.png", picture(), content_type="image/png")
    moments: list[float] = []
    web.before = lambda url: moments.append(time.monotonic()) if url.startswith(PICTURES) else None
    show(web, url, *[f"{other}?{number}" for number in range(20)])
    _, missing = archived(visitor, retries=1)
    assert missing[url] == "retry-after"
    assert len(asked(web)) <= 2 * 4, "what had a connection when the host said so, and no more"


def test_an_image_is_asked_for_once_in_a_run_and_one_that_is_held_never_again(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{PICTURES}/a.png", picture(), content_type="image/png")
    show(web, url, url, f"{url}#x")
    assert archived(visitor)[0] == [url, f"{url}#x"]
    assert set(asked(web)) == {url}
    web.article(PAGE, "有图的文章，改过", body=f'<p><img src="{url}"></p>')
    assert archived(visitor)[0] == [url]
    assert asked(web) == []


def test_compressed_images_are_kept_as_they_were_before(visitor: Visitor, web: Web) -> None:
    data = picture()
    fine = web.put(f"{PICTURES}/a.png", gzip.compress(data), content_type="image/png", Content_Encoding="gzip")
    half = web.put(f"{PICTURES}/b.png", gzip.compress(data)[:-9], content_type="image/png", Content_Encoding="gzip")
    show(web, fine, half)
    assert archived(visitor) == ([fine], {half: "bad-encoding"})
    (image,) = visitor.head(PAGE).document.images
    assert isinstance(image, Image)
    assert visitor.birdnest.archive().store.read(image.key) == data


def test_where_all_is_captured_images_are_too_under_their_canonical_address(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{PICTURES}/a.png", picture(), content_type="image/png", Set_Cookie="sid=secret")
    show(web, url)
    assert archived(visitor, raw="all")[0] == [url]
    store = visitor.birdnest.archive().store
    (segment,) = [info.key for info in store.list("raw/") if info.key.endswith(".warc.gz")]
    records = gzip.decompress(store.read(segment))
    assert f"WARC-Target-URI: {url}\r\n".encode() in records
    assert picture() in records
    assert b"secret" not in records
    assert b"127.0.0.1" not in records, "where the stand-in listens is nobody's business"


def test_each_request_waits_for_its_hosts_turn(visitor: Visitor, web: Web) -> None:
    urls = [web.put(f"{PICTURES}/{n}.png", picture(c), content_type="image/png") for n, c in enumerate(("red", "blue"))]
    moments: list[float] = []
    web.before = lambda url: moments.append(time.monotonic()) if url in urls else None
    show(web, *urls)
    slow = {"delay_seconds": 0, "image_delay_seconds": 0.5}
    assert archived(visitor, other_sites=slow)[0] == urls
    assert moments[1] - moments[0] > 0.25  # on a busy machine the first one may reach the server late


def test_images_that_wait_for_a_host_that_stumbled_wait_no_longer_than_it_needs(visitor: Visitor, web: Web) -> None:
    urls = [f"{PICTURES}/{number}.png" for number in range(24)]
    for url in urls:
        web.put(url, "", status=500)
    heard: list[str] = []

    def recover(url: str) -> None:
        if url in urls:
            heard.append(url)
            if len(heard) == 13:
                for each in urls:
                    web.put(each, picture() + each.encode(), content_type="image/png")

    web.before = recover
    show(web, *urls)
    quick = {"delay_seconds": 0, "image_delay_seconds": 0, "concurrency": 12}
    began = time.monotonic()
    assert archived(visitor, retries=3, other_sites=quick) == (urls, {})
    assert time.monotonic() - began < 30


def test_more_images_that_are_tried_again_than_have_a_place_end_all_the_same(visitor: Visitor, web: Web) -> None:
    late = [web.put(f"{PICTURES}/{number}.png", "", status=408) for number in range(24)]
    show(web, *late)
    assert archived(visitor, retries=1) == ([], dict.fromkeys(late, "http-408"))
    assert len(asked(web)) == 48


def test_more_images_that_lead_elsewhere_on_their_host_than_have_a_place_are_held(visitor: Visitor, web: Web) -> None:
    there = [f"http://other.example/{number}.png" for number in range(24)]
    for url in there:
        web.put(url, picture() + url.encode(), content_type="image/png")
    here = [web.redirect(f"http://other.example/to-{number}", url) for number, url in enumerate(there)]
    away = [web.redirect(f"{PICTURES}/to-{number}", url) for number, url in enumerate(there)]
    show(web, *here, *away, *there)
    assert archived(visitor) == ([*here, *away, *there], {})


def test_a_redirect_to_what_is_no_address_costs_its_own_image_alone(visitor: Visitor, web: Web) -> None:
    odd = [
        web.redirect(f"{PICTURES}/{number}.png", target)
        for number, target in enumerate(("http://[x/", "http://a:99999999/"))
    ]
    fine = web.put(f"{PICTURES}/a.png", picture(), content_type="image/png")
    show(web, *odd, fine)
    assert archived(visitor) == ([fine], dict.fromkeys(odd, "download-failed"))


def test_a_slow_host_keeps_no_other_waiting(visitor: Visitor, web: Web) -> None:
    slow = [
        web.put(f"http://slow.example/{n}.png", picture("red") + bytes([n]), content_type="image/png")
        for n in range(24)
    ]
    quick = [web.put(f"{PICTURES}/{n}.png", picture("blue") + bytes([n]), content_type="image/png") for n in range(8)]
    moments: dict[str, float] = {}

    def before(url: str) -> None:
        moments[url] = time.monotonic()
        if url in slow:
            time.sleep(0.5)

    web.before = before
    show(web, *slow, *quick)
    assert archived(visitor)[0] == [*slow, *quick]
    assert max(moments[url] for url in quick) < sorted(moments[url] for url in slow)[8], "four of a host at a time"
