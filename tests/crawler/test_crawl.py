"""The main job, from the replica over HTTP into an archive, by the installed command."""

from __future__ import annotations

import html
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import pytest

from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.replica import trouble
from crawler.replica.process import LoggedRequest, Replica
from crawler.replica.trouble import article_url
from tests.support import ROOT, Birdnest, Ended, LocalServer

SEED = f"article-{trouble.SEED_ID}"
SEED_SOURCE = ROOT / "crawler" / "replica" / "articles" / f"{trouble.SEED_ID}.html"
IMAGES_POST = "article-482636"


def in_days(days: int) -> dict[str, str]:
    """The environment of a command that is run some days from now."""
    return {"SOURCE_DATE_EPOCH": str(int(time.time()) + days * 24 * 3600)}


def visible(markup: str) -> str:
    """The visible characters of simple markup, without white space."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


@dataclass(frozen=True, kw_only=True)
class FirstCrawl:
    """One crawl into an empty archive, looked at by many tests; hits and log are what the replica saw of it."""

    birdnest: Birdnest
    ended: Ended
    hits: dict[str, int]
    log: list[LoggedRequest]


@pytest.fixture(scope="module")
def first_crawl(running_replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> FirstCrawl:
    running_replica.reset()
    birdnest = Birdnest(folder=tmp_path_factory.mktemp("first"))
    birdnest.configure(running_replica)
    ended = birdnest.crawl()
    return FirstCrawl(birdnest=birdnest, ended=ended, hits=running_replica.hits(), log=running_replica.log())


class TestFirstCrawl:
    @pytest.fixture(autouse=True)
    def look(self, first_crawl: FirstCrawl) -> None:
        self.birdnest, self.ended = first_crawl.birdnest, first_crawl.ended
        self.hits, self.log = first_crawl.hits, first_crawl.log

    def test_every_url_found_is_accounted_for(self) -> None:
        report = self.ended.report
        names = ("new", "changed", "unchanged", "superseded", "aliases", "known", "gone", "absent", "unfinished")
        ended = sum(report[name] for name in names)
        assert report["found"] == ended + sum(failure["what"] == "post" for failure in report["failures"])
        assert (report["found"], report["new"], report["aliases"]) == (68, 62, 1)
        assert (report["verdict"], self.ended.code) == ("fine", 0)

    def test_the_trouble_pages_and_nothing_else_fail_each_with_its_reason(self) -> None:
        failures = {(failure["url"], failure["reason"]) for failure in self.ended.report["failures"]}
        assert failures == set(trouble.EXPECTED_FAILURES)
        assert all(failure["expected"] for failure in self.ended.report["failures"])

    def test_the_archive_verifies(self) -> None:
        assert list(verify(self.birdnest.archive().store, Scope(full=True))) == []

    def test_the_seed_has_the_front_matter_of_the_users_example(self) -> None:
        front = self.birdnest.head(SEED).document.front
        head_image = front["images"][0]
        shown = f"../../../{head_image['key']}"
        assert list(front.items())[:7] == [
            ("title", "刚刚！支付宝年度大会讲了这些要点，利好商家和服务商！"),
            ("categories", ["新媒体", "鸟哥笔记", "首页"]),
            ("headimg", shown),
            ("author", "鸟哥笔记"),
            ("comments", False),
            ("date", "Fri, 22 Jul 2022 16:00:00 GMT"),
            ("thumbnail", shown),
        ]
        assert head_image["url"] == "https://ngbjimg.xy599.com/114762780962d988a67d7570.44377990.jpeg"

    def test_the_seeds_body_keeps_every_visible_character_in_order(self) -> None:
        source = SEED_SOURCE.read_text(encoding="utf-8").split("\n\n", 1)[1]
        assert visible(self.birdnest.head(SEED).document.body) == visible(source)

    def test_the_seeds_body_keeps_headings_and_images_and_no_dirt(self) -> None:
        body = self.birdnest.head(SEED).document.body
        assert len(re.findall(r"<h2>", body)) == 3
        assert re.findall(r'<img src="([^"]*)"', body) == [
            f"../../../{image['key']}" for image in self.birdnest.head(SEED).document.front["images"]
        ]
        assert body.count("<img") == 3
        assert not re.search(r"style=|data-|class=|<section|<span|<div|<(\w+)>\s*</\1>|<img[^>]*https?:", body)

    def test_no_body_shows_a_remote_image(self) -> None:
        archive = self.birdnest.archive()
        for ref in archive.posts():
            assert "<img" not in re.sub(r'<img src="\.\./\.\./\.\./blobs/', "", archive.load(ref).document.body), ref

    def test_a_failed_image_is_listed_with_its_reason_and_never_stored(self) -> None:
        missing = {
            image.url: image.reason
            for ref in self.birdnest.archive().posts()
            for image in self.birdnest.archive().load(ref).document.missing_images
        }
        assert missing == {
            trouble.IMAGE_404: "http-404",
            trouble.IMAGE_TRUNCATED: "truncated",
            trouble.IMAGE_HTML: "not-an-image",
            trouble.IMAGE_ACTIVE_SVG: "active-svg",
            trouble.IMAGE_DISALLOWED: "robots-disallowed",
        }
        body = self.birdnest.head(IMAGES_POST).document.body
        assert f'<a href="{trouble.IMAGE_404}">' in body

    def test_images_are_the_bytes_the_site_serves(self, replica: Replica) -> None:
        archive = self.birdnest.archive()
        kept = {image.url: image for ref in archive.posts() for image in archive.load(ref).document.images}
        for url in (trouble.IMAGE_ANIMATED_GIF, trouble.IMAGE_TRANSPARENT_PNG, trouble.IMAGE_CLEAN_SVG):
            host, _, path = url.removeprefix("https://").partition("/")
            with urlopen(Request(f"{replica.url}/{path}", headers={"Host": host})) as response:  # noqa: S310 - loopback
                assert archive.store.read(kept[url].key) == response.read()
        assert kept[trouble.IMAGE_MISNAMED].media_type == "image/png"
        assert trouble.IMAGE_REDIRECT in kept
        assert trouble.IMAGE_LAZY.replace("/640?", "/0?") in kept or trouble.IMAGE_LAZY in kept
        assert trouble.IMAGE_RESIZED_ORIGINAL in kept, "the original is kept, not the CDN's smaller rendering"
        assert trouble.IMAGE_TRACKER not in kept

    def test_no_request_for_an_image_names_the_page_it_stands_on(self) -> None:
        assert [request for request in self.log if request["referer"] is not None] == []
        assert all("Birdnest/" in (request["user_agent"] or "") for request in self.log)

    def test_each_url_is_fetched_once(self) -> None:
        again = {url: count for url, count in self.hits.items() if count > 1 and "robots.txt" not in url}
        # The redirect's target is reached by the redirect and by its own link; broken images are tried again.
        again.pop(f"GET {article_url(trouble.REDIRECT_NEW_ID)}", None)
        assert again == {}

    def test_what_robots_txt_forbids_is_not_fetched(self) -> None:
        assert f"GET {article_url(trouble.DISALLOWED_ID)}" not in self.hits
        assert f"GET {trouble.IMAGE_DISALLOWED}" not in self.hits

    def test_posts_come_from_every_kind_of_list(self) -> None:
        channels = {
            number: self.birdnest.head(f"article-{number}").document.front["categories"][2]
            for number in (trouble.JSON_ONLY_ID, trouble.CATEGORY_ONLY_ID, trouble.TAG_ONLY_ID)
        }
        assert list(channels.values()) == ["首页", "内容运营", "支付宝"]
        assert self.birdnest.head("bulletin-12094").document.front["categories"][2] == "今日事"

    def test_an_article_and_a_bulletin_of_one_number_are_two_posts(self) -> None:
        number = trouble.SHARED_NUMBER
        article = self.birdnest.head(f"article-{number}").document.front
        bulletin = self.birdnest.head(f"bulletin-{number}").document.front
        assert article["title"] != bulletin["title"]

    def test_an_undated_article_is_dated_by_its_first_fetch_and_says_null(self) -> None:
        front = self.birdnest.head(f"article-{trouble.UNDATED_ID}").document.front
        assert front["published_at"] is None
        assert (
            time.strptime(front["date"], "%a, %d %b %Y %H:%M:%S GMT")[:3]
            == time.strptime(front["fetched_at"][:10], "%Y-%m-%d")[:3]
        )

    def test_the_pages_of_an_article_become_one_body(self) -> None:
        post = self.birdnest.head(f"article-{trouble.TWO_PAGE_ID}").document
        source = (ROOT / "crawler" / "replica" / "articles" / f"{trouble.TWO_PAGE_ID}.html").read_text(encoding="utf-8")
        last_words = visible(source)[-30:]
        assert last_words in visible(post.body)

    def test_a_gbk_page_is_read_as_gbk(self) -> None:
        post = self.birdnest.head(f"article-{trouble.GBK_ID}").document
        assert "邮件营销" in post.front["title"]
        assert "\ufffd" not in post.body

    def test_a_redirected_article_is_kept_under_its_new_id_alone(self) -> None:
        ids = {ref.id for ref in self.birdnest.archive().posts()}
        assert f"article-{trouble.REDIRECT_NEW_ID}" in ids
        assert f"article-{trouble.REDIRECT_OLD_ID}" not in ids

    def test_rejected_pages_are_kept_where_the_report_says(self) -> None:
        folder = self.birdnest.folder / "state" / "birdnest" / "rejected" / SITE / self.ended.report["run"]
        kept = {json.loads(file.read_text(encoding="utf-8"))["reason"] for file in folder.glob("*.json")}
        assert kept == {"http-404", "soft-404", "captcha", "missing-field"}
        (captcha,) = folder.glob("captcha-*.html")
        assert "安全验证" in captcha.read_text(encoding="utf-8")


class TestLaterCrawls:
    @pytest.fixture(autouse=True)
    def crawled(self, birdnest: Birdnest) -> None:
        self.birdnest = birdnest
        assert birdnest.crawl().code == 0

    def test_nothing_changed_means_no_write_but_the_report(self) -> None:
        before = self.birdnest.objects()
        again = self.birdnest.crawl()
        assert self.birdnest.objects() == before
        assert again.report["known"] == 66
        assert again.report["store_requests"]["PUT"] == 2, "the run's capture and its index; then the report"

    def test_an_edit_is_one_version_and_editing_back_one_more(self, replica: Replica) -> None:
        replica.edit(trouble.SEED_ID, "微秒纪元", "毫秒纪元")
        before = set(self.birdnest.objects())
        edited = self.birdnest.crawl().report
        assert set(self.birdnest.objects()) - before == {f"posts/{SITE}/{SEED}/v0002.html"}
        replica.revert(trouble.SEED_ID)
        reverted = self.birdnest.crawl().report
        assert set(self.birdnest.objects()) - before == {
            f"posts/{SITE}/{SEED}/v0002.html",
            f"posts/{SITE}/{SEED}/v0003.html",
        }
        assert (edited["changed"], edited["known"]) == (1, 65)
        assert (reverted["changed"], reverted["known"]) == (1, 65)
        first, last = (self.birdnest.archive().versions(SITE, SEED)[index] for index in (0, 2))
        archive = self.birdnest.archive()
        assert archive.load(first).document.body == archive.load(last).document.body
        assert list(verify(archive.store, Scope(full=True))) == []

    def test_an_image_that_came_back_makes_a_version_that_has_it(self, replica: Replica) -> None:
        for url in (trouble.IMAGE_404, trouble.IMAGE_TRUNCATED, trouble.IMAGE_HTML):
            replica.heal_image(url)
        report = self.birdnest.crawl(environment=in_days(2)).report
        head = self.birdnest.head(IMAGES_POST)
        kept = {image.url for image in head.document.images}
        assert head.ref.version == 2
        assert trouble.IMAGE_404 in kept
        assert report["images_missing"].get("http-404") is None
        assert self.birdnest.archive().store.read(head.document.images[0].key)

    def test_a_held_image_stays_when_it_fails_later(self, replica: Replica) -> None:
        url = "https://ngbjimg.xy599.com/114762780962d988a67d7570.44377990.jpeg"
        replica.break_image(url, "404")
        replica.edit(trouble.SEED_ID, "微秒纪元", "毫秒纪元")
        self.birdnest.crawl()
        self.birdnest.crawl("--refetch-images")
        document = self.birdnest.head(SEED).document
        assert document.version == 2
        assert [image.url for image in document.images].count(url) == 1
        assert document.missing_images == ()

    def test_held_images_are_not_fetched_again(self, replica: Replica) -> None:
        replica.reset()
        replica.edit(trouble.SEED_ID, "微秒纪元", "毫秒纪元")
        self.birdnest.crawl()
        fetched = [url for url in replica.hits() if "ngbjimg.xy599.com/1" in url]
        assert fetched == []

    def test_a_one_off_fetch_of_an_archived_post_changes_nothing(self) -> None:
        # Asked for by hand, the page is fetched whole; lists that told more of it are remembered.
        before = self.birdnest.objects()
        done = self.birdnest("archive", article_url(trouble.SEED_ID), "--json")
        assert (done.code, done.report["unchanged"]) == (0, 1)
        assert self.birdnest.objects() == before


def test_limit_and_since_choose_posts(birdnest: Birdnest) -> None:
    limited = birdnest.crawl("--limit", "3").report
    assert (limited["found"], limited["verdict"]) == (3, "fine")
    recent = birdnest.crawl("--since", "2022-07-25", "--archive", "recent").report
    titles = {ref.id for ref in birdnest.archive("recent").posts()}
    assert f"article-{trouble.JSON_ONLY_ID}" in titles
    assert SEED not in titles
    assert 0 < recent["found"] < 20


def test_one_off_urls_are_archived_in_any_spelling_of_the_address(birdnest: Birdnest) -> None:
    (birdnest.folder / "urls.txt").write_text(
        f"# two of the site's spellings\nhttp://niaogebiji.com/article-{trouble.SEED_ID}-1.html?from=app\n\n"
        f"{article_url(trouble.GBK_ID)}\n",
        encoding="utf-8",
    )
    done = birdnest("archive", "-f", "urls.txt", "--json")
    assert (done.code, done.report["new"]) == (0, 2)
    assert birdnest.head(SEED).document.front["url"] == article_url(trouble.SEED_ID)
    assert birdnest.head(SEED).document.front["categories"] == ["新媒体", "鸟哥笔记"]


def test_archive_obeys_robots_txt_unless_told_otherwise(birdnest: Birdnest) -> None:
    url = article_url(trouble.DISALLOWED_ID)
    refused = birdnest("archive", url, "--json")
    assert [failure["reason"] for failure in refused.report["failures"]] == ["robots-disallowed"]
    told = birdnest("archive", url, "--json", "--ignore-robots")
    assert (told.code, told.report["new"]) == (0, 1)


def test_a_robots_txt_that_fails_means_no(birdnest: Birdnest, replica: Replica) -> None:
    replica.robots("User-agent: *\nAllow: /\n", status=503)
    done = birdnest.crawl()
    assert (done.code, done.report["verdict"]) == (5, "unreachable")
    assert {url for url in replica.hits() if "robots.txt" not in url} == set()


def test_a_site_that_is_down_is_unreachable_in_one_line(birdnest: Birdnest) -> None:
    birdnest.configure(None)
    done = birdnest("crawl", SITE)
    assert done.code == 5
    assert re.match(r"unreachable: niaogebiji: https?://\S+ ?.*", done.err.strip())
    assert len(done.err.strip().splitlines()) == 1


def test_a_selector_of_the_users_replaces_the_profiles(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"selectors": {"article": {"title": ["h1.nothing-like-this", ".crumb"]}}})
    assert birdnest("archive", article_url(trouble.SEED_ID)).code == 0
    assert birdnest.head(SEED).document.front["title"] == "案例分析"


def test_a_required_field_that_is_gone_names_site_field_selector_and_url(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"selectors": {"article": {"body": [".gone"]}}})
    done = birdnest("archive", article_url(trouble.SEED_ID))
    assert done.code == 4
    for part in (SITE, "'body'", ".gone", article_url(trouble.SEED_ID), "birdnest probe"):
        assert part in done.err
    assert list(birdnest.archive().posts()) == []


def test_every_request_of_a_site_goes_through_its_proxy(birdnest: Birdnest, replica: Replica) -> None:
    seen: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            with urlopen(Request(self.path, headers={"Host": self.headers["Host"]})) as answer:  # noqa: S310 - loopback
                body = answer.read()
            self.send_response(200)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            birdnest.configure(replica, site={"proxy": f"http://127.0.0.1:{server.server_port}"}, robots="ignore")
            assert birdnest("archive", article_url(trouble.SEED_ID)).code == 0
        finally:
            server.shutdown()
    assert len(seen) == 4, "the page and its three images"
    assert all(path.startswith(replica.url) for path in seen)


def test_ctrl_c_ends_in_order_and_the_next_run_finishes(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"delay_seconds": 0.05, "concurrency": 1})
    process = birdnest.start("crawl", SITE, "--json")
    deadline = time.monotonic() + 30
    posts = birdnest.folder / "archive" / "posts"
    while time.monotonic() < deadline and len(list(posts.glob("*/*/v0001.html"))) < 5:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    (report,) = json.loads(out)
    assert (process.returncode, report["verdict"]) == (130, "interrupted")
    assert "Traceback" not in err
    assert report["unfinished"] > 0
    kept = len(list(posts.glob("*/*/v0001.html")))
    assert kept == report["new"] >= 5
    assert [
        finding for finding in verify(birdnest.archive().store, Scope(full=True)) if finding.severity == "error"
    ] == []
    birdnest.configure(replica)
    again = birdnest.crawl().report
    ended = report["new"] + report["aliases"] + len(report["failures"])
    assert (again["new"], again["known"]) == (62 - kept, ended)


def test_scrapys_own_commands_work_from_the_checkout(birdnest: Birdnest) -> None:
    scrapy = str(Path(sys.executable).with_name("scrapy"))
    environment = birdnest.variables({"BIRDNEST_CONFIG": str(birdnest.folder / "birdnest.toml")})
    listed = subprocess.run([scrapy, "list"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert SITE in listed.stdout.split()
    target = birdnest.folder / "by-scrapy"
    command = [scrapy, "crawl", SITE, "-a", "limit=4", "-s", f"BIRDNEST_ARCHIVE={target}"]
    subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert len(list(birdnest.archive("by-scrapy").posts())) == 3
