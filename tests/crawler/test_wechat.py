"""WeChat: what tells a post, which addresses are one, what its pages hold, and how refusals are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image as Pillow

from crawler.extract import Page, extract, own_address, refuse_other_pages
from crawler.profile import address
from crawler.sites import all_sites
from pipelines.clean import clean
from tests.crawler.stand_in import StandIn, Told, stand_in
from tests.support import Birdnest

SITE = all_sites()["wechat"]
ORIGIN = "https://mp.weixin.qq.com"
TOKEN = f"{ORIGIN}/s/AbCdEfGhIjKlMnOpQrStUv"
OTHER_TOKEN = f"{ORIGIN}/s/vUtSrQpOnMlKjIhGfEdCbA"
LONG = f"{ORIGIN}/s?__biz=MjM5MDAwMDAwMQ==&mid=2650934104&idx=1&sn=0123456789abcdef0123456789abcdef"
POST = "s-2390000001-2650934104-1"
FIXTURES = Path(__file__).parents[1] / "sites" / "wechat"
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "pages"
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


# -- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "id_", "canonical"),
    [
        (LONG, POST, LONG),
        (LONG.replace("https:", "http:") + "&chksm=bd1&scene=27#wechat_redirect", POST, LONG),
        (LONG.replace("==", "%3D%3D"), POST, LONG),
        (
            f"{ORIGIN}/s?sn=0123456789abcdef0123456789abcdef&idx=1&mid=2650934104&__biz=MjM5MDAwMDAwMQ==",
            POST,
            LONG,
        ),
        (LONG.replace("/s?", "/mp/appmsg/show?").replace("mid", "appmsgid").replace("idx", "itemidx"), POST, LONG),
        (LONG.replace("&sn=", "&sign="), POST, LONG),
        (LONG.partition("&sn=")[0], POST, LONG.partition("&sn=")[0]),
    ],
)
def test_all_forms_of_a_long_link_are_one_post(url: str, id_: str, canonical: str) -> None:
    place = address(SITE, url)
    assert place is not None
    assert (place.id, place.url) == (id_, canonical)


def test_a_short_link_names_no_post_and_loses_its_query() -> None:
    place = address(SITE, f"{TOKEN}?scene=1&from=groupmessage#rd")
    assert place is not None
    assert place.url == TOKEN
    assert re.fullmatch(r"u-[0-9a-f]{32}", place.id)


def test_accounts_that_differ_in_the_case_of_letters_alone_are_two() -> None:
    ids = {
        place.id
        for biz in ("MzA4MDAwMDAwMQ==", "MzA4MDAWMDAwMQ==")
        if (place := address(SITE, LONG.replace("MjM5MDAwMDAwMQ==", biz)))
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    "url",
    [
        f"{ORIGIN}/s?src=11&timestamp=1795161600&ver=5377&signature=abc-def&new=1",
        f"{ORIGIN}/s?__biz=MjM5MDAwMDAwMQ==&mid=2650934104",
        f"{ORIGIN}/s/short",
        f"{ORIGIN}/mp/profile_ext?action=home&__biz=MjM5MDAwMDAwMQ==",
        f"{ORIGIN}/mp/wappoc_appmsgcaptcha?poc_token=x",
    ],
)
def test_temporary_links_and_other_pages_are_no_posts(url: str) -> None:
    assert address(SITE, url) is None


# -- pages -------------------------------------------------------------------------------------------------------


def read(body: bytes) -> tuple[Page, Any]:
    place = address(SITE, TOKEN)
    assert place is not None
    page = Page.of(TOKEN, body, "text/html; charset=utf-8", place.kind)
    refuse_other_pages(SITE, place, page)
    return page, extract(SITE, own_address(place, page), [page], found=None, fetched_at=NOW)


def corpus(name: str, need: Any) -> bytes:
    file = CORPUS / name
    need(f"the corpus page {name}", found=file.exists(), how=f"put the corpus at {CORPUS}")
    return file.read_bytes()


def test_an_original_page_gives_title_account_time_cover_and_every_picture(need: Any) -> None:
    page, post = read(corpus("gne_wechat_1.html", need))
    assert post.id == "s-2397155326-2650934104-1"
    assert post.title == "三星 Galaxy S20 系列手机正式发布"
    assert (post.author, post.section) == ("爱否科技", "爱否科技")
    assert post.published_raw == ("1581517074",)
    assert post.head_image_url.startswith("http://mmbiz.qpic.cn/mmbiz_jpg/gzneO9mOv2CSm9HxCeQgSrq2gWnPhfh1wOMp4CB0z")
    assert_whole(page, post.body_parts[0])


@pytest.mark.parametrize("name", ["0744871e", "23659f45", "50bd32e4", "77a13cb0", "877ca965", "bee10db9", "ecf49612"])
def test_no_picture_and_no_widget_of_a_real_body_is_lost(name: str, need: Any) -> None:
    page, _ = read(corpus(f"wxbak_{name}.html", need))
    body = page.html(("#js_content",))
    assert body is not None
    assert_whole(page, body)


def assert_whole(page: Page, body: str) -> None:
    """Each picture is shown, or moved off with a call to follow; each widget is an embed (notes of layout are none)."""
    cleaned = clean(body, TOKEN, SITE.clean_rules)
    kept = {unquote(image.url) for image in cleaned.images}
    container = page.tree.css("#js_content")
    moved = unquote(" ".join(cleaned.boilerplate))
    for node in container.css("img"):  # cut to a part, it is kept as its whole
        addresses = [node.attrib[name] for name in ("data-croporisrc", "data-src", "src") if node.attrib.get(name)]
        assert any(name_of(url) in text for url in addresses for text in (*kept, moved)), addresses
    names = [node.root.tag for node in container.css("*") if is_widget(str(node.root.tag))]
    assert len(cleaned.embeds) == len(names)


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[0].rpartition("/")[2] if "mmbiz" in url else url.rpartition("/")[2]


def is_widget(tag: str) -> bool:
    return tag in ("iframe", "video", "audio", "qqmusic") or (tag.startswith("mp") and tag != "mp-style-type")


@pytest.mark.parametrize(
    ("widget", "kind", "url"),
    [
        (
            '<mpvoice name="开门声" voice_encode_fileid="MzI0"></mpvoice>',
            "audio",
            "https://res.wx.qq.com/voice/getvoice?mediaid=MzI0",
        ),
        (
            '<iframe class="video_iframe" data-src="https://v.qq.com/iframe/preview.html?vid=a1"></iframe>',
            "video",
            "https://v.qq.com/iframe/preview.html?vid=a1",
        ),
        ('<mp-common-profile data-nickname="书店" data-id="Mz"></mp-common-profile>', "profile-card", None),
        ('<mp-common-profile data-id="Mz"></mp-common-profile>', "profile-card", None),
        ('<mpprofile data-nickname="书店"></mpprofile>', "profile-card", None),
        ('<mpvideosnap data-id="export/1"></mpvideosnap>', "video-channel", None),
        ('<mp-miniprogram data-miniprogram-title="借书"></mp-miniprogram>', "mini-program", None),
        ('<mp-common-live-card data-title="今晚开播"></mp-common-live-card>', "card", None),
        ('<p>在<a class="weapp_text_link" data-miniprogram-appid="wx1" href="">借书</a>里</p>', "mini-program", None),
    ],
)
def test_a_widget_is_told_in_the_body_and_listed(widget: str, kind: str, url: str | None) -> None:
    cleaned = clean(f"<p>甲</p>{widget}<p>乙</p>", TOKEN, SITE.clean_rules)
    (embed,) = cleaned.embeds
    assert (embed.kind, embed.url) == (kind, url)
    assert len(cleaned.text.split()) >= 3, "something stands between the paragraphs"


def test_a_note_of_layout_is_no_widget() -> None:
    assert clean('<p>甲</p><mp-style-type data-value="3"></mp-style-type>', TOKEN, SITE.clean_rules).embeds == ()


def test_pictures_of_a_set_are_its_own_alone_in_their_order() -> None:
    _, post = read((FIXTURES / "pictures" / "page.html").read_bytes())
    cleaned = clean(post.body_parts[0], TOKEN, SITE.clean_rules)
    assert [image.url.split("/")[4] for image in cleaned.images] == ["P1", "P2"]
    assert cleaned.text.endswith("第一扇[开]。\n第二扇“关”。")


# -- crawls ------------------------------------------------------------------------------------------------------


@pytest.fixture
def site() -> Iterator[StandIn]:
    with stand_in() as site:
        yield site


@pytest.fixture
def visitor(tmp_path: Path, site: StandIn) -> Birdnest:
    command = Birdnest(folder=tmp_path)
    origins = {**site.origins("mp.weixin.qq.com", "mmbiz.qpic.cn"), "http://mmbiz.qpic.cn": site.url}
    quick = {"delay_seconds": 0.0, "image_delay_seconds": 0.0}
    command.configure(None, origins=origins, retries=0, sites={"wechat": quick})
    return command


def serve(site: StandIn, url: str, case: str = "article") -> None:
    site.answers[f"GET {url.removeprefix('https://')}"] = Told(body=(FIXTURES / case / "page.html").read_bytes())
    data = BytesIO()
    Pillow.new("RGB", (4, 3), "red").save(data, "JPEG")
    for name in ("COVER/0", "ONE/640"):
        site.answers[f"GET mmbiz.qpic.cn/mmbiz_jpg/{name}?wx_fmt=jpeg"] = Told(
            body=data.getvalue(), media_type="image/jpeg"
        )


def test_a_post_by_its_short_link_is_kept_under_the_id_that_its_page_tells(visitor: Birdnest, site: StandIn) -> None:
    serve(site, TOKEN)
    done = visitor("archive", f"{TOKEN}?scene=1", "--json")
    assert (done.code, done.report["new"], done.report["images_kept"]) == (0, 1, 2), done.err
    head = visitor.archive().head("wechat", POST)
    assert head is not None
    front = head.document.front
    assert (front["url"], front["author"], front["section"]) == (TOKEN, "阿岸", "岸边书店")
    assert front["published_at"] == "2026-11-20T16:00:00+08:00"
    assert [embed["kind"] for embed in front["embeds"]] == ["audio", "video", "profile-card", "mini-program"]
    assert front["headimg"].endswith(".jpg")
    assert [asked.headers.get("referer") for asked in site.log] == [None] * len(site.log)
    assert f"archived  wechat  {TOKEN}  v1" in visitor("why", TOKEN).out


def test_images_are_asked_for_with_a_referer_only_where_one_is_wanted(visitor: Birdnest, site: StandIn) -> None:
    file = visitor.folder / "birdnest.toml"
    file.write_text(f'{file.read_text()}\nimage_referer = "{ORIGIN}/"\n')
    serve(site, TOKEN)
    assert visitor("archive", TOKEN).code == 0
    assert {asked.headers.get("referer") for asked in site.asked_for("GET mmbiz.qpic.cn/mmbiz")} == {f"{ORIGIN}/"}
    assert {asked.headers.get("referer") for asked in site.asked_for("GET mp.weixin.qq.com")} == {None}


def test_another_link_of_an_archived_post_leads_to_the_first(visitor: Birdnest, site: StandIn) -> None:
    serve(site, TOKEN)
    serve(site, OTHER_TOKEN)
    assert visitor("archive", TOKEN).code == 0
    done = visitor("archive", OTHER_TOKEN, "--json")
    assert (done.code, done.report["aliases"], done.report["new"]) == (0, 1, 0), done.err
    assert f"leads to {TOKEN}" in visitor("why", OTHER_TOKEN).out
    assert [ref.id for ref in visitor.archive().posts()] == [POST]


def test_a_post_whose_long_link_is_refused_is_had_by_its_short_one(visitor: Birdnest, site: StandIn) -> None:
    challenge = f"{ORIGIN}/mp/wappoc_appmsgcaptcha?poc_token=x"
    site.answers[f"GET {LONG.removeprefix('https://')}"] = Told(body=b"", status=302, location=challenge)
    site.answers[f"GET {challenge.removeprefix('https://')}"] = Told(body=b"<div id=app></div>")
    serve(site, TOKEN)
    done = visitor("archive", LONG, TOKEN, "--json")
    assert {failure["url"]: failure["reason"] for failure in done.report["failures"]} == {LONG: "captcha"}
    assert (done.code, done.report["new"]) == (4, 1), done.err
    assert [ref.id for ref in visitor.archive().posts()] == [POST]


@pytest.mark.parametrize(
    ("case", "reason", "code"),
    [("deleted", "soft-404", 4), ("violation", "refused", 4), ("challenge", "captcha", 5)],
)
def test_pages_that_are_no_posts_end_with_their_reason(
    visitor: Birdnest, site: StandIn, case: str, reason: str, code: int
) -> None:
    serve(site, TOKEN, case)
    done = visitor("archive", TOKEN, "--json")
    assert [failure["reason"] for failure in done.report["failures"]] == [reason]
    assert done.code == code


def test_a_crawl_of_a_site_without_lists_looks_again_at_what_it_knows(visitor: Birdnest, site: StandIn) -> None:
    serve(site, TOKEN)
    assert visitor("archive", TOKEN).code == 0
    again = visitor("crawl", "wechat", "--full", "--json")
    assert (again.code, again.report["unchanged"]) == (0, 1), again.err


def test_a_probe_of_a_site_without_lists_says_so(visitor: Birdnest) -> None:
    done = visitor("probe", "wechat")
    assert (done.code, done.out) == (4, "微信公众号 has no lists of posts: probe one post by its URL\n")


def test_a_probe_shows_what_script_selectors_find(visitor: Birdnest, site: StandIn) -> None:
    serve(site, TOKEN)
    done = visitor("probe", TOKEN)
    assert done.code == 0, done.out
    assert f"id {POST}, canonical {TOKEN}" in done.out
    assert "1 matched '1795161600'" in done.out
