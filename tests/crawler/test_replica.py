"""The replica as a crawler sees it: a subprocess that is spoken to over HTTP."""

import base64
import contextlib
import io
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image
from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.replica import content, generated, trouble
from crawler.replica.dirt import DIRT, NOT_IN_PAGES
from crawler.replica.gallery import IMAGE_HOSTS, image_keys
from crawler.replica.process import Replica, ReplicaRefused
from crawler.replica.trouble import SITE, article_url

ROOT = Path(__file__).parents[2]
POSTS = content.load_posts()
BULLETINS = content.load_bulletins()
WITHOUT_PAGE = {trouble.DELETED_ID, trouble.SOFT_404_ID, trouble.CAPTCHA_ID, trouble.NO_BODY_ID}
ARTICLES = [post for post in POSTS.values() if post.id not in WITHOUT_PAGE]
BULLETIN_FORM = "page=1&pub_time=&isfromajax=1"


class Browser:
    """Speaks to a replica with canonical URLs, over one kept connection."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        address = urlsplit(replica.url)
        self.connection = HTTPConnection(address.hostname or "", address.port, timeout=20)

    def fetch(self, url: str, *, method: str = "GET", body: str | None = None, **headers: str) -> "Page":
        parts = urlsplit(url)
        target = url.split(parts.netloc, 1)[1] or "/"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, target, body, {"Host": parts.netloc, **named})
        response = self.connection.getresponse()
        return Page(response, response.read())


class Page:
    def __init__(self, response: HTTPResponse, body: bytes) -> None:
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def text(self) -> str:
        return self.body.decode(self.headers.get_content_charset("utf-8"))

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)

    def data(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module")
def shared() -> Iterator[Replica]:
    with Replica(generated=2000, slow_seconds=0.3) as replica:
        yield replica


@pytest.fixture
def replica(shared: Replica) -> Replica:
    shared.reset()
    return shared


@pytest.fixture
def browser(replica: Replica) -> Iterator[Browser]:
    made = Browser(replica)
    with contextlib.closing(made.connection):
        yield made


def texts(nodes: list[LexborNode]) -> list[str]:
    return [node.text().strip() for node in nodes]


def the(page: Page | LexborHTMLParser | LexborNode, selector: str) -> LexborNode:
    """The only element that `selector` matches."""
    nodes = (page.tree if isinstance(page, Page) else page).css(selector)
    assert len(nodes) == 1, (selector, len(nodes))
    return nodes[0]


def linked_ids(page: Page) -> list[int]:
    boxes = page.tree.css("div.articleBox.clearfix")
    hrefs = [(the_first(box, "a[href]").attributes["href"] or "") for box in boxes]
    return [int(re.fullmatch(r"/article-(\d+)-1\.html", href)[1]) for href in hrefs]  # type: ignore[index]


def the_first(node: LexborNode, selector: str) -> LexborNode:
    found = node.css_first(selector)
    assert found is not None, selector
    return found


def pc_content(page: Page) -> str:
    """The served source of the body, up to the mobile copy."""
    return page.text.partition("pc_content")[2].partition("mobile_content")[0]


def tag_url(name: str) -> str:
    return f"{SITE}/tag/{quote(name)}"


# --- lists


def test_home_list_has_the_seed_with_every_field(browser: Browser) -> None:
    page = browser.fetch(f"{SITE}/")
    box = the(page, '.articleListBox div.articleBox.clearfix[data-timepoint="1658505600"]')
    assert the_first(box, "a[href]").attributes["href"] == "/article-482538-1.html"
    assert the(box, ".articleTitle").text().strip() == POSTS[trouble.SEED_ID].title
    assert the(box, ".articleTitle").text() != POSTS[trouble.SEED_ID].title
    assert the(box, ".articleContentInner").text().strip() == POSTS[trouble.SEED_ID].summary
    assert the(box, ".author").text().strip() == "鸟哥笔记"
    assert texts(box.css(".art_tag")) == list(POSTS[trouble.SEED_ID].tags)
    assert page.tree.css("h1") == []


@pytest.mark.parametrize(("number", "name"), [(101, "私域流量"), (103, "案例分析"), (136, "内容运营")])
def test_category_list_names_itself_in_its_only_h1(browser: Browser, number: int, name: str) -> None:
    page = browser.fetch(f"{SITE}/cat/{number}")
    assert the(page, "h1").text().strip() == name
    assert the(page, "title").text().endswith("-鸟哥笔记")
    assert len(linked_ids(page)) >= 10


def test_tag_list_is_found_by_its_percent_encoded_name(browser: Browser) -> None:
    page = browser.fetch(tag_url("支付宝"))
    assert the(page, "h1").text().strip() == "支付宝"
    assert set(linked_ids(page)) == {trouble.SEED_ID, trouble.TAG_ONLY_ID}
    assert browser.fetch(tag_url("没有这个标签")).status == 404


def test_json_list_has_string_codes_and_both_kinds_of_links(browser: Browser) -> None:
    answer = browser.fetch(f"{SITE}/pc/index/getMoreArticle").data()
    assert answer["return_code"] == "200"
    links = [item["link"] for item in answer["return_data"]]
    assert {link.startswith(SITE) for link in links} == {True, False}
    seed = next(item for item in answer["return_data"] if item["link"].endswith("/article-482538-1.html"))
    assert seed["published_at"] == "1658505600"
    assert (seed["catname"], seed["author"]) == ("案例分析", "鸟哥笔记")
    assert seed["tag_list"] == list(POSTS[trouble.SEED_ID].tags)


def test_every_post_stands_on_a_list_and_some_on_one_only(browser: Browser) -> None:
    json_list = browser.fetch(f"{SITE}/pc/index/getMoreArticle").data()["return_data"]
    found = {"json": {int(item["link"].rsplit("-", 2)[1]) for item in json_list}}
    for path in ("/", "/cat/101", "/cat/103", "/cat/136", f"/tag/{quote('支付宝')}"):
        found[path] = set(linked_ids(browser.fetch(SITE + path)))
    assert set().union(*found.values()) == set(POSTS) | {trouble.REDIRECT_OLD_ID}
    places = {number: {path for path, ids in found.items() if number in ids} for number in POSTS}
    assert places[trouble.JSON_ONLY_ID] == {"json"}
    assert places[trouble.CATEGORY_ONLY_ID] == {"/cat/136"}
    assert places[trouble.TAG_ONLY_ID] == {f"/tag/{quote('支付宝')}"}
    assert {"/", "/cat/103"} <= places[trouble.SEED_ID]


def test_sixty_posts_can_be_archived() -> None:
    failing = {urlsplit(url).path for url, _ in trouble.EXPECTED_FAILURES}
    good = [post for post in POSTS.values() if post.path not in failing]
    assert len(BULLETINS) >= 6
    assert len(good) + len(BULLETINS) >= 60


# --- bulletins


def test_bulletin_list_wants_the_form_that_its_page_sends(browser: Browser) -> None:
    url = f"{SITE}/pc/bulletin/index"
    answer = browser.fetch(url, method="POST", body=BULLETIN_FORM).data()
    assert answer["return_code"] == "200"
    assert [item["id"] for item in answer["return_data"]] == list(BULLETINS)
    assert {"title", "content", "pub_time", "updated_at", "url", "link", "seo_keywords"} <= answer["return_data"][
        0
    ].keys()
    assert answer["return_data"][0]["user_info"]["nickname"]
    assert browser.fetch(url).status == 400
    assert browser.fetch(url, method="POST", body="page=1").status == 400
    assert browser.fetch(url, method="POST", body="page=2&pub_time=&isfromajax=1").data()["return_data"] == []


def test_bulletin_page_ends_in_the_source_link_behind_the_wrong_break(browser: Browser) -> None:
    page = browser.fetch(f"{SITE}/pc/bulletin/detail?id={trouble.SHARED_NUMBER}")
    assert the(page, "h1.bulletinTitle").text() == BULLETINS[trouble.SHARED_NUMBER].title
    assert the(page, ".writeTime3").text() == "2021-08-20 10:30"
    assert "</br><a href=" in page.text
    assert the(page, ".bulletinContent a").text() == "原文链接"
    assert browser.fetch(f"{SITE}/pc/bulletin/detail?id=1").status == 404
    assert browser.fetch(f"{SITE}/pc/bulletin/detail").status == 400


def test_an_article_and_a_bulletin_share_a_number_and_one_title_is_a_space(browser: Browser) -> None:
    assert browser.fetch(article_url(trouble.SHARED_NUMBER)).status == 200
    assert trouble.SHARED_NUMBER in BULLETINS
    assert BULLETINS[trouble.SPACE_TITLE_BULLETIN_ID].title == " "
    assert the(browser.fetch(f"{SITE}/bulletin"), "#bulletinList").text() == ""


# --- articles


def test_article_page_has_every_field(browser: Browser) -> None:
    page = browser.fetch(article_url(trouble.SEED_ID))
    assert the(page, ".article h1.title").text() == POSTS[trouble.SEED_ID].title
    assert the(page, ".article a.author").text() == "鸟哥笔记"
    assert the(page, ".writeTime3").text() == "2022-07-23 00:00:00"
    assert the(page, "a.crumb").text() == "案例分析"
    assert texts(page.tree.css("a.art_tag")) == list(POSTS[trouble.SEED_ID].tags)
    assert the(page, 'meta[name="description"]').attributes["content"] == POSTS[trouble.SEED_ID].summary


@pytest.mark.parametrize("post", ARTICLES, ids=lambda post: str(post.id))
def test_body_stays_inside_its_container_beside_a_mobile_copy(browser: Browser, post: content.Post) -> None:
    page = browser.fetch(article_url(post.id))
    body = the(page, ".article > .pc_content")
    the(page, ".article > .pcHide.mobile_content")
    the(page, ".article > .articleTags")
    assert (body.attributes["class"] == "mobileHide pc_content") == (post.markup == 2021)
    assert (body.css_first("#js_content") is None) == (post.markup == 2021)


def test_both_editors_are_present() -> None:
    assert {post.markup for post in ARTICLES} == {2021, 2022}
    assert any(' label="二级标题"' in post.body for post in ARTICLES)


def test_seed_body_is_complete(browser: Browser) -> None:
    body = the(browser.fetch(article_url(trouble.SEED_ID)), "#js_content")
    assert len(body.css("h2")) == 3
    sources = [image.attributes["src"] or "" for image in body.css("img")]
    assert [source.rsplit(".", 1)[1] for source in sources] == ["jpeg", "jpeg", "png"]
    assert "data- mp-original-font-size" in POSTS[trouble.SEED_ID].body
    assert "referrerpolicy" not in POSTS[trouble.SEED_ID].body


def test_two_page_article_links_its_second_page(browser: Browser) -> None:
    first = browser.fetch(article_url(trouble.TWO_PAGE_ID))
    href = the(first, ".page_nav a.next").attributes["href"]
    assert href == f"/article-{trouble.TWO_PAGE_ID}-2.html"
    second = browser.fetch(SITE + href)
    assert second.tree.css(".page_nav a.next") == []
    assert "第二页：日常节奏" in pc_content(second)
    assert "第二页：日常节奏" not in pc_content(first)
    assert browser.fetch(f"{SITE}/article-{trouble.TWO_PAGE_ID}-3.html").status == 404


# --- trouble


def test_expected_failures_are_what_the_site_answers(browser: Browser) -> None:
    answers = {reason: browser.fetch(url) for url, reason in trouble.EXPECTED_FAILURES}
    assert answers["http-404"].status == 404
    assert [answers[reason].status for reason in ("soft-404", "captcha", "missing-field")] == [200] * 3
    assert "抱歉，您访问的文章不存在或已被删除" in answers["soft-404"].text
    assert "请完成安全验证后继续访问" in answers["captcha"].text
    for reason in ("soft-404", "captcha", "missing-field"):
        assert answers[reason].tree.css(".pc_content") == []
    robots = browser.fetch(f"{SITE}/robots.txt").text
    assert f"Disallow: /article-{trouble.DISALLOWED_ID}-1.html" in robots
    assert "Disallow: /search" in robots


def test_undated_article_has_no_time_anywhere(browser: Browser) -> None:
    assert browser.fetch(article_url(trouble.UNDATED_ID)).tree.css(".writeTime3") == []
    boxes = browser.fetch(f"{SITE}/").tree.css(".articleBox")
    undated = [box for box in boxes if "data-timepoint" not in box.attributes]
    assert [the_first(box, "a").attributes["href"] for box in undated] == [POSTS[trouble.UNDATED_ID].path]


def test_gbk_page_is_gbk_in_header_meta_and_bytes(browser: Browser) -> None:
    page = browser.fetch(article_url(trouble.GBK_ID))
    assert page.headers["Content-Type"] == "text/html; charset=gbk"
    assert b'<meta charset="gbk">' in page.body
    assert POSTS[trouble.GBK_ID].title in page.body.decode("gbk")
    with pytest.raises(UnicodeDecodeError):
        page.body.decode("utf-8")


def test_slow_page_takes_its_time(browser: Browser) -> None:
    start = time.monotonic()
    assert browser.fetch(article_url(trouble.SLOW_ID)).status == 200
    assert time.monotonic() - start >= 0.3


def test_old_id_redirects_to_the_new_one(browser: Browser) -> None:
    page = browser.fetch(article_url(trouble.REDIRECT_OLD_ID))
    assert (page.status, page.headers["Location"]) == (301, f"/article-{trouble.REDIRECT_NEW_ID}-1.html")
    assert trouble.REDIRECT_OLD_ID in linked_ids(browser.fetch(f"{SITE}/"))
    assert browser.fetch(article_url(trouble.REDIRECT_NEW_ID)).status == 200


# --- dirt


def test_the_posts_carry_every_kind_of_dirt() -> None:
    carried = {number for post in ARTICLES for number in post.dirt}
    carried |= {number for item in BULLETINS.values() for number in item.dirt}
    assert carried == set(DIRT) == set(range(1, 95)) - set(NOT_IN_PAGES)


@pytest.mark.parametrize("post", ARTICLES, ids=lambda post: str(post.id))
def test_served_article_carries_the_dirt_of_its_header(browser: Browser, post: content.Post) -> None:
    pages = [browser.fetch(f"{SITE}/article-{post.id}-{number}.html") for number in (1, 2)]
    served = "".join(pc_content(page) for page in pages if page.status == 200)
    assert [number for number in post.dirt if not DIRT[number].is_in(f'<div class="pc_content{served}')] == []


def test_served_bulletins_carry_the_dirt_of_their_headers(browser: Browser) -> None:
    for item in BULLETINS.values():
        served = browser.fetch(SITE + item.path).text.partition("bulletinContent")[2]
        assert [number for number in item.dirt if not DIRT[number].is_in(served)] == []


# --- images


def test_every_image_of_every_body_is_served_whole(browser: Browser) -> None:
    broken = {url.removeprefix("https://") for url in trouble.BROKEN_IMAGES}
    bodies = [post.body for post in ARTICLES] + [item.body for item in BULLETINS.values()]
    keys = set().union(*map(image_keys, bodies))
    assert len(keys) > 80
    for key in sorted(keys - broken):
        path = f"{key}/640" if key.startswith("mmbiz.qpic.cn") else key
        page = browser.fetch(f"https://{path}")
        assert page.status == 200, path
        if page.headers["Content-Type"] != "image/svg+xml":
            with Image.open(io.BytesIO(page.body)) as image:
                image.load()


@pytest.mark.parametrize("post", ARTICLES, ids=lambda post: str(post.id))
def test_image_elements_name_hosts_of_the_replica(browser: Browser, post: content.Post) -> None:
    for node in the(browser.fetch(article_url(post.id)), ".pc_content").css("img"):
        for name in ("src", "data-src", "data-original-src"):
            url = node.attributes.get(name) or ""
            url = f"https:{url}" if url.startswith("//") else url
            if url.startswith("http") and url.replace("http://", "https://") not in trouble.BROKEN_IMAGES:
                assert browser.fetch(url).status in {200, 302}, url


def test_image_kinds(browser: Browser) -> None:
    def opened(url: str) -> Any:
        return Image.open(io.BytesIO(browser.fetch(url).body))

    with opened(trouble.IMAGE_ANIMATED_GIF) as gif, opened(trouble.IMAGE_ANIMATED_WEBP) as webp:
        assert (gif.format, webp.format) == ("GIF", "WEBP")
        assert min(gif.n_frames, webp.n_frames) >= 3
    with opened(trouble.IMAGE_TRANSPARENT_PNG) as png, opened(trouble.IMAGE_WEBP) as plain:
        assert (png.format, png.mode, plain.format) == ("PNG", "RGBA", "WEBP")
        assert png.getextrema()[3][0] == 0
    with opened(trouble.IMAGE_TRACKER) as tracker, opened(trouble.IMAGE_MISNAMED) as misnamed:
        assert (tracker.size, misnamed.format) == ((1, 1), "PNG")
    with opened(trouble.IMAGE_RESIZED) as small, opened(trouble.IMAGE_RESIZED_ORIGINAL) as original:
        assert small.width == 600 < original.width
    with opened(trouble.IMAGE_LAZY) as lazy:
        assert (lazy.format, lazy.width) == ("PNG", 640)
    assert "<script" in browser.fetch(trouble.IMAGE_ACTIVE_SVG).text
    assert "<script" not in browser.fetch(trouble.IMAGE_CLEAN_SVG).text
    assert browser.fetch(trouble.IMAGE_MISNAMED).headers["Content-Type"] == "image/jpeg"


def test_broken_images_are_broken_until_healed(browser: Browser, replica: Replica) -> None:
    assert browser.fetch(trouble.IMAGE_404).status == 404
    page = browser.fetch(trouble.IMAGE_HTML)
    assert (page.status, page.headers["Content-Type"]) == (200, "image/jpeg")
    assert page.body.startswith(b"<!DOCTYPE html>")
    cut = browser.fetch(trouble.IMAGE_TRUNCATED).body
    for url in trouble.BROKEN_IMAGES:
        replica.heal_image(url)
        with Image.open(io.BytesIO(browser.fetch(url).body)) as image:
            image.load()
    whole = browser.fetch(trouble.IMAGE_TRUNCATED).body
    assert whole.startswith(cut)
    assert len(cut) == len(whole) * 6 // 10


def test_image_redirect_leads_to_the_picture(browser: Browser) -> None:
    page = browser.fetch(trouble.IMAGE_REDIRECT)
    assert (page.status, page.headers["Location"]) == (302, trouble.IMAGE_REDIRECT_TARGET)
    assert browser.fetch(trouble.IMAGE_REDIRECT_TARGET).headers["Content-Type"] == "image/jpeg"


def test_special_images_stand_in_posts() -> None:
    bodies = [post.body.replace("&amp;", "&") for post in ARTICLES]
    named = {name: url for name, url in vars(trouble).items() if name.startswith("IMAGE_")}
    absent = {name for name, url in named.items() if not any(url in body for body in bodies)}
    assert absent == {"IMAGE_REDIRECT_TARGET"}
    assert sum(trouble.IMAGE_SHARED in body for body in bodies) >= 2
    inline = re.search(r'src="data:image/png;base64,([^"]+)"', POSTS[trouble.DATA_URI_ID].body)
    assert inline is not None
    with Image.open(io.BytesIO(base64.b64decode(inline[1]))) as image:
        image.load()


def test_images_refuse_a_foreign_referer(browser: Browser) -> None:
    for referer, status in (
        ("https://www.niaogebiji.com/article-482538-1.html", 200),
        ("https://archive.example.org/", 403),
        ("https://niaogebiji.com.example.org/", 403),
    ):
        assert browser.fetch(trouble.IMAGE_SHARED, Referer=referer).status == status
    assert browser.fetch(trouble.IMAGE_SHARED).status == 200


# --- HTTP


def test_hosts_are_told_apart_and_strangers_refused(browser: Browser, replica: Replica) -> None:
    assert set(replica.origins) == {
        f"{scheme}://{host}" for scheme in ("http", "https") for host in ("www.niaogebiji.com", *IMAGE_HOSTS)
    }
    assert set(replica.origins.values()) == {replica.url}
    assert browser.fetch("https://qnssl.niaogebiji.com/article-482538-1.html").status == 404
    assert browser.fetch("https://www.example.org/").status == 421
    assert browser.fetch(f"{SITE}/__replica__/hits", method="POST", body="{}").status == 405


def test_a_proxy_s_absolute_request_names_its_own_host(browser: Browser, replica: Replica) -> None:
    browser.connection.request("GET", "http://www.niaogebiji.com/cat/103", headers={"Host": "proxy.example.org"})
    response = browser.connection.getresponse()
    response.read()
    assert response.status == 200
    assert replica.hits() == {f"GET {SITE}/cat/103": 1}


@pytest.mark.parametrize(
    "url",
    [
        f"{SITE}/",
        f"{SITE}/cat/103",
        f"{SITE}/pc/index/getMoreArticle",
        f"{SITE}/pc/bulletin/detail?id=10187",
        f"{SITE}/robots.txt",
        article_url(trouble.SEED_ID),
        trouble.IMAGE_SHARED,
        trouble.IMAGE_HEADING_ICON,
    ],
)
def test_conditional_and_head_requests(browser: Browser, url: str) -> None:
    page = browser.fetch(url)
    for given in ({"If_None_Match": page.headers["ETag"]}, {"If_Modified_Since": page.headers["Last-Modified"]}):
        again = browser.fetch(url, **given)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", page.headers["ETag"])
    assert browser.fetch(url, If_None_Match='"other"').status == 200
    head = browser.fetch(url, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(page.body)


def test_robots_of_image_hosts(browser: Browser, replica: Replica) -> None:
    assert browser.fetch("https://qnssl.niaogebiji.com/robots.txt").status == 404
    assert "Disallow: /private/" in browser.fetch("https://notecdn.yiban.io/robots.txt").text
    replica.robots("User-agent: *\nDisallow: /\n", host="qnssl.niaogebiji.com")
    assert "Disallow: /" in browser.fetch("https://qnssl.niaogebiji.com/robots.txt").text
    replica.robots(None, status=503)
    assert browser.fetch(f"{SITE}/robots.txt").status == 503
    replica.robots(None)
    assert browser.fetch(f"{SITE}/robots.txt").status == 200


# --- controls


def test_edit_and_revert_change_page_etag_and_time(browser: Browser, replica: Replica) -> None:
    url = article_url(trouble.SEED_ID)
    first = browser.fetch(url)
    replica.edit(trouble.SEED_ID, "越跑越快", "越跑越稳")
    second = browser.fetch(url, If_Modified_Since=first.headers["Last-Modified"])
    assert second.status == 200
    assert "越跑越稳" in pc_content(second)
    replica.revert(trouble.SEED_ID)
    third = browser.fetch(url, If_Modified_Since=second.headers["Last-Modified"])
    assert third.status == 200
    assert third.body == first.body
    assert third.headers["ETag"] == first.headers["ETag"] != second.headers["ETag"]


def test_edit_refuses_what_is_not_there(replica: Replica) -> None:
    with pytest.raises(ReplicaRefused, match="does not hold"):
        replica.edit(trouble.SEED_ID, "没有这句话", "有了")
    with pytest.raises(ReplicaRefused):
        replica.edit(1, "a", "b")


@pytest.mark.parametrize(
    ("how", "status"), [("404", 404), ("500", 500), ("403", 403), ("truncated", 200), ("html", 200)]
)
def test_an_image_can_be_broken_and_healed(
    browser: Browser, replica: Replica, how: trouble.Breakage, status: int
) -> None:
    whole = browser.fetch(trouble.IMAGE_SHARED).body
    replica.break_image(trouble.IMAGE_SHARED.replace("https:", "http:"), how)
    page = browser.fetch(trouble.IMAGE_SHARED)
    assert page.status == status
    assert page.body != whole
    replica.heal_image(trouble.IMAGE_SHARED)
    assert browser.fetch(trouble.IMAGE_SHARED).body == whole


def test_requests_are_counted_and_logged_by_canonical_url(browser: Browser, replica: Replica) -> None:
    browser.fetch(article_url(trouble.SEED_ID), User_Agent="Birdnest/test")
    browser.fetch(article_url(trouble.SEED_ID), Referer=f"{SITE}/")
    browser.fetch(trouble.IMAGE_HEADING_ICON, method="HEAD")
    seed = article_url(trouble.SEED_ID)
    assert replica.hits() == {f"GET {seed}": 2, f"HEAD {trouble.IMAGE_HEADING_ICON}": 1}
    first, second, third = replica.log()
    assert (first["url"], first["user_agent"], first["referer"]) == (seed, "Birdnest/test", None)
    assert (second["referer"], second["status"]) == (f"{SITE}/", 200)
    assert third["method"] == "HEAD"
    replica.reset()
    assert (replica.hits(), replica.log()) == ({}, [])


def test_a_site_that_is_down_answers_503(browser: Browser, replica: Replica) -> None:
    replica.down()
    assert [browser.fetch(url).status for url in (f"{SITE}/", trouble.IMAGE_SHARED)] == [503, 503]
    replica.up()
    assert browser.fetch(f"{SITE}/").status == 200


def test_replica_ends_when_its_stdin_closes() -> None:
    command = [sys.executable, "-m", "crawler.replica", "--slow-seconds=0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(10) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(ready["url"]).port or 0), timeout=5).close()


def test_replica_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "crawler.replica"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0


# --- generated posts


def test_generated_posts_are_listed_and_sized(browser: Browser) -> None:
    listed = linked_ids(browser.fetch(f"{SITE}/cat/{generated.CATEGORY}"))
    assert sorted(listed) == list(range(generated.FIRST_ID, generated.FIRST_ID + 2000))
    for number in listed[:40]:
        page = browser.fetch(article_url(number))
        assert 20_000 <= len(page.body) <= 60_000
        sources = [node.attributes["src"] for node in the(page, "#js_content").css("img")]
        assert sources == generated.images(number)
        assert 3 <= len(sources) <= 6
    assert browser.fetch(article_url(generated.FIRST_ID + 2000)).status == 404


def test_generated_images_decode_differ_and_are_partly_shared(browser: Browser) -> None:
    number = generated.FIRST_ID
    references = [url for index in range(2000) for url in generated.images(number + index)]
    assert 0.1 <= 1 - len(set(references)) / len(references) <= 0.3
    bodies = [browser.fetch(url).body for url in sorted(set(references))[::300]]
    assert len(set(bodies)) == len(bodies)
    for body in bodies:
        assert 20_000 <= len(body) <= 125_000
        with Image.open(io.BytesIO(body)) as image:
            image.load()
    assert browser.fetch(f"https://{generated.IMAGE_HOST}/90000000162e9.00000000.jpeg").status == 404


def test_generated_posts_can_be_edited(browser: Browser, replica: Replica) -> None:
    number = generated.FIRST_ID + 7
    replica.edit(number, "<strong>01、</strong>", "<strong>壹、</strong>")
    assert "壹、" in pc_content(browser.fetch(article_url(number)))
