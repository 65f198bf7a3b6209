"""What comes back beside the HTML, and what a profile's rules add."""

from dataclasses import replace

import pytest

from pipelines.clean import CleanImage, CleanRules, Embed, Link, clean

_BASE = "https://example.com/post/1.html"


def test_text_has_a_line_for_each_block_and_break() -> None:
    text = clean("<h2>甲</h2><p>乙<br>丙 &lt;b&gt;</p><ul><li>丁</ul>", _BASE).text
    assert text.split() == ["甲", "乙", "丙", "<b>", "丁"]


def test_images_stand_in_document_order_each_address_once() -> None:
    cleaned = clean('<img src="/2.png" alt="b"><img src="/1.png"><img src="/2.png">', _BASE)
    assert cleaned.images == (
        CleanImage(url="https://example.com/2.png", alt="b"),
        CleanImage(url="https://example.com/1.png", alt=""),
    )


def test_links_are_absolute_and_keep_their_text() -> None:
    assert clean('<a href="../a"><b>甲</b> 乙</a><a href="mailto:a@example.com">丙</a>', _BASE).links == (
        Link(url="https://example.com/a", text="甲 乙"),
        Link(url="mailto:a@example.com", text="丙"),
    )


def test_tag_links_become_tags_once() -> None:
    html = '<a href="https://www.niaogebiji.com/tag/a">支付宝</a>' * 2
    assert clean(html, _BASE).tags == ("支付宝",)


def test_embeds_are_listed_and_stay_in_the_body() -> None:
    cleaned = clean('<iframe src="//player.bilibili.com/player.html?aid=1"></iframe>', _BASE)
    assert cleaned.embeds == (Embed(kind="video", url="https://player.bilibili.com/player.html?aid=1", title=""),)
    assert 'href="https://player.bilibili.com/player.html?aid=1"' in cleaned.html


def test_notes_count_what_went() -> None:
    notes = {note.rule: note.count for note in clean('<a href="javascript:;">a</a><button>b</button>', _BASE).notes}
    assert notes == {"dead link": 1, "control": 1}


def test_a_profile_drops_what_is_not_the_article() -> None:
    rules = CleanRules(drop=("div.related", "p:last-child"))
    html = '<p>a</p><div class="related">b</div><p>c</p>'
    assert clean(html, _BASE, rules).html == "<p>a</p>"
    assert clean(html, _BASE).text.split() == ["a", "b", "c"]


def test_a_profile_names_its_own_tag_pages_and_originals() -> None:
    rules = replace(
        CleanRules(),
        tag_links=(r"//example\.com/topic/",),
        image_originals=((r"_small(?=\.jpg$)", ""),),
    )
    cleaned = clean('<a href="/topic/1">甲</a><img src="/a_small.jpg">', _BASE, rules)
    assert cleaned.tags == ("甲",)
    assert cleaned.images[0].url == "https://example.com/a.jpg"


@pytest.mark.parametrize("boilerplate", ["打赏作者", "责任编辑在此前说过：要慢", "长按二维码关注", "本文来自某某"])
def test_boilerplate_is_not_deleted_on_a_guess(boilerplate: str) -> None:
    assert boilerplate in clean(f"<p>正文。</p><p>{boilerplate}</p>", _BASE).text


def test_boilerplate_moves_to_metadata_with_its_picture_and_in_order() -> None:
    html = "<p>正文。</p><p><img src=/qr.png></p><p>长按识别二维码关注我们</p><p>-END-</p><p>责任编辑：史建磊</p>"
    cleaned = clean(html, _BASE)
    assert cleaned.html == "<p>正文。</p>"
    assert cleaned.boilerplate == ("长按识别二维码关注我们 https://example.com/qr.png", "责任编辑：史建磊")
    assert ("boilerplate", 2) in {(note.rule, note.count) for note in cleaned.notes}


def test_an_article_is_never_all_boilerplate() -> None:
    assert clean("<p>责任编辑：史建磊</p>", _BASE).html == "<p>责任编辑：史建磊</p>"


def test_a_profile_names_boilerplate_by_selector_and_by_text() -> None:
    rules = CleanRules(boilerplate=("div.from", "re:^本文来自"))
    cleaned = clean('<p>本文来自某某</p><p>正文。</p><div class="from">公众号：某某</div><p>完</p>', _BASE, rules)
    assert cleaned.boilerplate == ("公众号：某某", "本文来自某某")
    assert cleaned.html == "<p>正文。</p>\n<p>完</p>"


def test_tags_in_listings_of_decoded_posts_are_text_again() -> None:
    html = "<pre><code><template><p>{{ a }}</p></template><script setup>x</script></code></pre>"
    rules = CleanRules(repair_decoded=True)
    assert clean(html, _BASE, rules).text == "<template><p>{{ a }}</p></template><script setup>x</script>"


@pytest.mark.parametrize("text", ["“全角”，。！", "ＡＢＣ１２３", "㍿ ﬁ", "𠮷野家", "👨‍👩‍👧‍👦", "①②", "café", "\ue000"])
def test_characters_stay_as_they_are(text: str) -> None:
    assert clean(f"<p>{text}</p>", _BASE).text == text


@pytest.mark.parametrize(
    "character", ["\x00", "\x08", "\x0b", "\x7f", "\x85", "\ufdd0", "\uffff", "\U0001ffff", "\ud800"]
)
def test_characters_that_html_forbids_go(character: str) -> None:
    assert clean(f"<p>甲{character}乙</p>", _BASE).html == "<p>甲乙</p>"


@pytest.mark.parametrize("reference", ["&#1;", "&#xfdd0;", "&#x1fffe;", "&#11;"])
def test_and_so_do_references_to_them(reference: str) -> None:
    assert clean(f"<p>甲{reference}乙</p>", _BASE).html == "<p>甲乙</p>"


def test_an_empty_body_is_empty() -> None:
    cleaned = clean("<section><p>&nbsp;</p></section>", _BASE)
    assert (cleaned.html, cleaned.text, cleaned.images) == ("", "", ())
