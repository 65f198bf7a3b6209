"""URLs that no profile knows: archived by the generic extraction, or refused with a reason; under their own hosts."""

from __future__ import annotations

import io
import zipfile

from crawler.demo import SITE
from crawler.replica.process import Replica
from tests.web import FAST, Visitor, Web, article

BLOG = "http://my-blog.example"
LOGIN = '<html><head><title>登录</title></head><body><form><input name="u"><input type="password"></form></body></html>'
CAPTCHA = "<html><head><title>请稍候</title></head><body><p>为了您的账号安全，请先完成安全验证。</p></body></html>"
GONE = "<html><head><title>提示</title></head><body><p>抱歉，该文章不存在或已被删除。</p></body></html>"
THIN = "<html><head><title>短</title></head><body><h1>短讯</h1><p>今天下雨，出门带伞。</p></body></html>"


def test_an_article_of_any_site_is_archived_under_its_host(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{BLOG}/a/1", article("怎样保存一篇文章", site="我的博客"))
    ended = visitor("archive", f"{url}?utm_source=feed#top", "--json")
    assert (ended.code, ended.report["site"], ended.report["new"]) == (0, "my--blog-example", 1)
    front = visitor.head(url).document.front
    assert (front["title"], front["url"], front["site"]) == ("怎样保存一篇文章", url, "my--blog-example")
    assert front["categories"] == ["我的博客"]
    assert front["sources"]
    assert len(front["warc"]) == 1
    assert visitor("archive", url, "--json").report["unchanged"] == 1
    for command in ("show", "why", "clean"):
        assert visitor(command, f"{url}?utm_medium=x").code == 0, command


def test_the_pages_of_one_article_are_one_post(visitor: Visitor, web: Web) -> None:
    pager = '<p><a href="/a/9.html">1</a> <a href="/a/9_2.html">2</a> <a href="{}">下一页</a></p>'
    url = web.article(f"{BLOG}/a/9.html", "很长的文章", body=f"<p>第一页说完了。</p>{pager.format('/a/9_2.html')}")
    web.article(f"{BLOG}/a/9_2.html", "很长的文章（2）", body="<p>第二页也说完了。</p>")
    ended = visitor("archive", url, "--json")
    assert (ended.code, ended.report["new"]) == (0, 1)
    document = visitor.head(url).document
    assert "第一页说完了" in document.body
    assert "第二页也说完了" in document.body
    assert len(document.front["warc"]) == 2


def test_what_is_no_article_ends_with_its_reason(visitor: Visitor, web: Web) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.txt", "x")
    pages = {
        web.put(f"{BLOG}/a.pdf", b"%PDF-1.7 x", content_type="application/pdf"): "not-html",
        web.put(f"{BLOG}/b.pdf", b"%PDF-1.7 x"): "not-html",
        web.put(f"{BLOG}/a.png", b"\x89PNG\r\n\x1a\n", content_type="image/png"): "not-html",
        web.put(f"{BLOG}/a.zip", packed.getvalue(), content_type="application/octet-stream"): "not-html",
        web.put(f"{BLOG}/a.json", b'{"a": 1}', content_type="application/json"): "not-html",
        web.put(f"{BLOG}/members", LOGIN): "login-required",
        web.redirect(f"{BLOG}/paid", "http://passport.blog.example/login?next=/paid"): "login-required",
        web.put(f"{BLOG}/checked", CAPTCHA): "captcha",
        web.put(f"{BLOG}/deleted", GONE): "soft-404",
        web.redirect(f"{BLOG}/removed", f"{BLOG}/"): "moved-away",
        web.put(f"{BLOG}/thin", THIN): "no-article",
        web.put(f"{BLOG}/empty", ""): "no-article",
        f"{BLOG}/dead": "http-404",
        web.put(f"{BLOG}/down", "x", status=503): "http-503",
        web.put(f"{BLOG}/no/robots", article("不许")): "robots-disallowed",
    }
    web.article(f"{BLOG}/", "首页")
    web.put("http://passport.blog.example/login?next=/paid", LOGIN)
    web.put(f"{BLOG}/robots.txt", "User-agent: *\nDisallow: /no/", content_type="text/plain")
    assert visitor.reasons("archive", *pages) == pages
    assert list(visitor.birdnest.archive().posts()) == []


def test_little_of_an_article_is_taken_by_force(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{BLOG}/thin", THIN.replace("出门带伞。", "出门带伞，路上小心。" * 3))
    ended = visitor("archive", url)
    assert ended.code == 4
    assert "no article found" in ended.err
    assert "--force" in ended.err
    assert visitor("archive", url, "--force", "--json").report["new"] == 1
    assert "出门带伞" in visitor.head(url).document.body


def test_an_address_that_leads_to_another_of_its_host_is_its_alias(visitor: Visitor, web: Web) -> None:
    url = web.article(f"{BLOG}/a/1", "怎样保存一篇文章")
    short = web.redirect(f"{BLOG}/s", url)
    assert visitor("archive", short, "--json").report["new"] == 1
    assert visitor.head(url).document.front["url"] == url
    story = visitor("why", short).out
    assert f"leads to {url}" in story


def test_addresses_that_lead_to_other_sites_are_followed_there(visitor: Visitor, web: Web, replica: Replica) -> None:
    there = web.article("http://other.example/a", "另一个网站的文章")
    known = next(iter(replica.origins)) + "/article-482538-1.html"
    urls = (web.redirect("http://t.example/1", there), web.redirect("http://t.example/2", known))
    ended = visitor("archive", *urls, "--json")
    assert ended.code == 0, ended.err
    first, *others = ended.reports
    assert (first["site"], first["found"], first["aliases"]) == ("t-example", 2, 2)
    assert {report["site"]: report["new"] for report in others} == {"other-example": 1, SITE: 1}
    assert visitor.head(there).document.front["title"] == "另一个网站的文章"
    assert f"leads to {there}" in visitor("why", urls[0]).out


def test_sites_that_lead_on_and_on_end(visitor: Visitor, web: Web) -> None:
    first, second = (
        web.redirect("http://a.example/x", "http://b.example/x"),
        web.article("http://b.example/x", "一篇文章"),
    )
    third = web.article("http://c.example/x", "第三个网站的文章")
    asked: list[str] = []

    def lead_on(url: str) -> None:
        if url == second:
            asked.append(url)
            if len(asked) > 1:
                web.redirect(second, third)

    web.before = lead_on
    ended = visitor("archive", first, "--json")
    assert [report["site"] for report in ended.reports] == ["a-example", "b-example"]
    assert [failure["reason"] for failure in ended.reports[1]["failures"]] == ["moved-away"]


def test_a_site_of_the_configuration_is_crawled_by_its_feeds(visitor: Visitor, web: Web) -> None:
    urls = [web.article(f"{BLOG}/a/{number}", f"第{number}篇文章说的事情") for number in range(3)]
    web.put(f"{BLOG}/links.txt", "\n".join(urls), content_type="text/plain")
    config = {"my--blog-example": {**FAST, "url_lists": [f"{BLOG}/links.txt"]}}
    visitor.birdnest.configure(None, origins=web.origins, sites=config)
    ended = visitor.birdnest("crawl", "my--blog-example", "--json")
    assert (ended.code, ended.report["new"]) == (0, 3)
    web.pages()
    assert visitor.birdnest("crawl", "my--blog-example", "--json").report["known"] == 3
    assert web.pages() == [f"{BLOG}/links.txt"]


def test_probe_shows_what_is_found_on_a_page_of_any_site(visitor: Visitor, web: Web) -> None:
    url = web.put(f"{BLOG}/a/1", article("怎样保存一篇文章", site="我的博客"))
    ended = visitor("probe", url)
    assert ended.code == 0, ended.out
    assert "怎样保存一篇文章" in ended.out
    assert "confidence" in ended.out
