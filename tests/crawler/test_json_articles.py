"""Crawls of sites whose articles come from an API: asked as it wants, captured, paced and re-checked as pages are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from warcio.archiveiterator import ArchiveIterator

from crawler.config import parse_config, scrapy_settings
from crawler.sites import all_sites
from tests.crawler.stand_in import StandIn, Told, stand_in
from tests.support import Birdnest

FIXTURES = Path(__file__).parents[1] / "sites"
DETAIL = "POST api.juejin.cn/content_api/v1/article/detail"
QUICK = {"delay_seconds": 0.0, "image_delay_seconds": 0.0}


@pytest.fixture
def site() -> Iterator[StandIn]:
    with stand_in() as site:
        yield site


@pytest.fixture
def visitor(tmp_path: Path, site: StandIn) -> Birdnest:
    command = Birdnest(folder=tmp_path)
    hosts = ("api.juejin.cn", "p3-juejin.byteimg.com", "sspai.com", "cdn.sspai.com", "api.tmtpost.com")
    sites = dict.fromkeys(("juejin", "sspai", "tmtpost"), QUICK)
    command.configure(None, origins=site.origins(*hosts), retries=0, sites=sites)
    return command


def fixture(case: str, name: str = "page.json") -> Told:
    return Told(body=(FIXTURES / case / name).read_bytes(), media_type="application/json")


def picture() -> Told:
    data = BytesIO()
    Pillow.new("RGB", (4, 3), "red").save(data, "PNG")
    return Told(body=data.getvalue(), media_type="image/png")


def document(visitor: Birdnest, site: str, post: str) -> Any:
    head = visitor.archive().head(site, post)
    assert head is not None, f"the archive does not hold {site}/{post}"
    return head.document


def test_lists_and_posts_that_want_a_body_of_json_are_asked_with_it(visitor: Birdnest, site: StandIn) -> None:
    listing = json.loads((FIXTURES / "juejin/list-category/list.json").read_bytes())
    site.answers["POST api.juejin.cn/recommend_api/v1/article/recommend_cate_feed"] = fixture(
        "juejin/list-category", "list.json"
    )
    number = listing["data"][0]["article_info"]["article_id"]
    site.answers[f'{DETAIL} {{"article_id": "{number}"}}'] = fixture("juejin/markdown")
    site.answers["GET p3-juejin.byteimg.com/tos-cn-i-k3u1fbpfcp/a.image"] = picture()
    done = visitor("crawl", "juejin", "--json")
    assert done.report["new"] == 1, done.err
    post = document(visitor, "juejin", f"post-{number}")
    assert (post.front["title"], post.front["url"]) == ("用三行代码读懂队列", f"https://juejin.cn/post/{number}")
    assert post.front["categories"] == ["新媒体", "稀土掘金", "后端"]
    assert "<h2>先进先出</h2>" in post.body
    assert '<code class="language-python">if a &lt; b and c:' in post.body
    lists = site.asked_for("POST api.juejin.cn/recommend_api")
    assert len({asked.body for asked in lists}) == len(lists) == len(all_sites()["juejin"].listings)
    (detail,) = site.asked_for(DETAIL)
    assert detail.headers["content-type"] == "application/json"
    assert site.asked_for("GET juejin.cn/") == [], "the page itself is a challenge, and not asked for"
    assert site.asked_for("GET api.juejin.cn/robots.txt") != []


def test_what_an_api_told_is_captured_and_named_by_the_document(visitor: Birdnest, site: StandIn) -> None:
    body = '{"article_id": "7300000000000000002"}'
    site.answers[f"{DETAIL} {body}"] = fixture("juejin/rich-text")
    assert visitor("archive", "https://juejin.cn/post/7300000000000000002").code == 0
    post = document(visitor, "juejin", "post-7300000000000000002")
    (named,) = post.front["warc"]
    with BytesIO(visitor.archive().store.read(named["segment"])) as segment:
        records = [(each.rec_type, each.rec_headers, each.content_stream().read()) for each in ArchiveIterator(segment)]
    answers = [headers for kind, headers, _ in records if kind == "response"]
    assert [headers.get_header("WARC-Record-ID") for headers in answers] == [named["record_id"]]
    assert body.encode() in [payload for kind, _, payload in records if kind == "request"]


def test_a_post_by_an_api_is_asked_again_with_its_etag(visitor: Birdnest, site: StandIn) -> None:
    url = "GET sspai.com/api/v1/article/info/get?id=70000&view=second"
    told = fixture("sspai/post")
    site.answers[url] = Told(body=told.body, media_type=told.media_type, etag='"a1"')
    site.answers["GET sspai.com/api/v1/article/index/page/get?limit=20&offset=0&created_at=0"] = fixture(
        "sspai/list-index", "list.json"
    )
    site.answers["GET sspai.com/feed"] = fixture("sspai/list-feed", "list.xml")
    for name in ("a", "p"):
        site.answers[f"GET cdn.sspai.com/2026/11/20/{name}.png"] = picture()
    first = visitor("crawl", "sspai", "--json")
    assert (first.report["new"], first.report["images_missing"]) == (1, {}), first.err
    later = {"SOURCE_DATE_EPOCH": "1796000000"}
    again = visitor("crawl", "sspai", "--json", environment=later)
    assert (again.report["unchanged"], again.report["found"]) == (1, 1), again.err
    assert [asked.headers.get("if-none-match") for asked in site.asked_for(url)] == [None, '"a1"']


def test_an_api_is_told_the_headers_it_wants(visitor: Birdnest, site: StandIn) -> None:
    path = "GET api.tmtpost.com/v1/posts/7400001?fields=authors;tags;featured_image;categories;share_link"
    site.answers[path] = fixture("tmtpost/post")
    done = visitor("archive", "https://www.tmtpost.com/7400001.html", "--json")
    assert done.report["new"] == 1, done.err
    (asked,) = site.asked_for(path)
    assert asked.headers["app-version"] == "web1.0"


def test_a_body_for_members_alone_is_a_failure_with_its_reason(visitor: Birdnest, site: StandIn) -> None:
    site.answers["GET sspai.com/api/v1/article/info/get?id=70001&view=second"] = fixture("sspai/members-only")
    done = visitor("archive", "https://sspai.com/post/70001", "--json")
    assert [failure["reason"] for failure in done.report["failures"]] == ["no-readable-body"]


def test_a_post_that_an_api_does_not_know_fails_with_the_address_of_its_page(visitor: Birdnest) -> None:
    done = visitor("archive", "https://sspai.com/post/70002", "--json")
    (failure,) = done.report["failures"]
    assert (failure["url"], failure["reason"]) == ("https://sspai.com/post/70002", "http-404")


@pytest.mark.parametrize("slug", all_sites())
def test_hosts_of_lists_and_apis_get_the_delay_of_pages(slug: str) -> None:
    site = all_sites()[slug]
    settings = scrapy_settings(parse_config({}, "birdnest.toml"), site)
    wanted = {"delay": site.delay_seconds, "concurrency": site.concurrency}
    asked = {listing.url.split("/")[2] for listing in site.listings}
    asked |= {kind.fetch.url.split("/")[2] for kind in site.kinds if kind.fetch}
    assert {host: settings["DOWNLOAD_SLOTS"].get(host) for host in asked} == dict.fromkeys(asked, wanted)
