"""Bytes → text → tree → fields, on pages as bad as they come."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector

from crawler.pages import absolute, decode_page, first_text, page_selector, select, texts

SENTENCE = "在今天召开的支付宝合作伙伴大会上，官方公布了过去一年的生态开放成绩单。"


def page(meta: str = "") -> str:
    return f"<html><head>{meta}<title>鸟哥笔记</title></head><body><p>{SENTENCE}</p></body></html>"


META_GBK = '<meta charset="gbk">'
META_GB2312 = '<meta http-equiv="Content-Type" content="text/html; charset=gb2312">'
META_UTF8 = "<meta charset=utf-8>"


@pytest.mark.parametrize(
    ("content_type", "meta", "encoding", "expected"),
    [
        ("", "", "utf-8", "utf-8"),
        ("text/html; charset=utf-8", META_UTF8, "utf-8", "utf-8"),
        ("text/html; charset=gbk", META_GBK, "utf-8", "utf-8"),  # both lie
        ("", "", "utf-8-sig", "utf-8"),
        ("text/html; charset=gbk", META_GBK, "utf-16", "utf-16"),
        ("", META_GBK, "gbk", "gb18030"),
        ("", META_GB2312, "gb18030", "gb18030"),
        ("text/html; charset=GB2312", "", "gbk", "gb18030"),
        ('text/html; charset="gbk"', META_UTF8, "gbk", "gb18030"),
        ("text/html; charset=utf-8", META_GBK, "gbk", "gb18030"),
        ("text/html", "", "gbk", "gb18030"),
        ("", '<meta charset="big5">', "big5-hkscs", None),
        ("text/html; charset=nonsense", META_GBK, "gbk", "gb18030"),
        ("text/html; charset=nonsense", "", "gbk", "gb18030"),
        # Names that Python knows as something else than an encoding of text.
        ("text/html; charset=undefined", "", "gbk", "gb18030"),
        ("text/html; charset=hex", META_GBK, "gbk", "gb18030"),
        ("text/html; charset=idna", "", "gbk", "gb18030"),
        ("text/html; charset=unicode_escape", "", "gbk", "gb18030"),
        ("text/html; charset=utf-7", META_GBK, "gbk", "gb18030"),
    ],
)
def test_a_page_is_read_with_the_encoding_it_has(
    content_type: str, meta: str, encoding: str, expected: str | None
) -> None:
    if expected is None:  # a traditional page
        text = "<meta charset=big5><p>營運與用戶增長</p>"
        assert decode_page(text.encode("big5"), content_type) == (text, "big5")
        return
    assert decode_page(page(meta).encode(encoding), content_type) == (page(meta), expected)


@pytest.mark.parametrize("content_type", ["", "text/html; charset=utf-8", "text/html; charset=gbk"])
@pytest.mark.parametrize("meta", ["", META_UTF8, META_GBK])
def test_a_summary_cut_off_within_a_character_costs_that_character_only(content_type: str, meta: str) -> None:
    body = page(meta).encode()
    broken = body.replace("成绩单".encode(), "成绩单".encode()[:-1])
    assert decode_page(broken, content_type) == (page(meta).replace("成绩单", "成绩\ufffd"), "utf-8")


def test_a_page_that_is_no_utf8_although_it_says_so_is_read_as_it_says() -> None:
    assert decode_page(b"<meta charset=utf-8>caf\xe9") == ("<meta charset=utf-8>caf\ufffd", "utf-8")


def test_a_western_page_is_read_as_it_says() -> None:
    assert decode_page(b"caf\xe9", "text/html; charset=iso-8859-1") == ("café", "cp1252")


SIMPLIFIED = f"<title>鸟哥笔记</title><p>{SENTENCE}</p><p>我们在这里说的是中国的事，大家都知道这个问题。</p>"
TRADITIONAL = "<title>舊港時報</title><p>渡輪公司今天宣布，這條航線將在下個月恢復，大家都說這是他們想要的。</p>"
WESTERN = "<title>Menu</title><p>The café in the Rue de l’Évêque serves crème brûlée, naïve or not, to a señor.</p>"
CLAIMS = ["", "utf-8", "gbk", "gb2312", "big5", "iso-8859-1", "windows-1252", "nonsense"]


@pytest.mark.parametrize("header", CLAIMS)
@pytest.mark.parametrize("meta", CLAIMS)
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "utf-8"),
        (SIMPLIFIED, "gbk"),
        (SIMPLIFIED, "gb18030"),
        (TRADITIONAL, "big5"),
        (TRADITIONAL, "gbk"),
        (WESTERN, "utf-8"),
        (WESTERN, "cp1252"),
    ],
)
def test_a_page_is_read_right_whatever_header_and_meta_claim(text: str, encoding: str, header: str, meta: str) -> None:
    page = (f'<meta charset="{meta}">' if meta else "") + text
    found, _ = decode_page(page.encode(encoding), f"text/html; charset={header}" if header else "text/html")
    assert found == page


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_needs_no_mark(encoding: str) -> None:
    assert decode_page(SIMPLIFIED.encode(encoding)) == (SIMPLIFIED, encoding)


def test_an_xml_declaration_names_the_encoding() -> None:
    page = '<?xml version="1.0" encoding="big5"?><html><p>渡輪</p></html>'
    assert decode_page(page.encode("big5")) == (page, "big5")


def test_a_character_that_only_hong_kong_has_is_kept_out_of_the_way_of_the_rest() -> None:
    text, encoding = decode_page(f"<meta charset=big5>{TRADITIONAL}啲".encode("big5-hkscs"))
    assert encoding == "big5"
    assert TRADITIONAL in text


def test_an_empty_page_is_an_empty_text() -> None:
    assert decode_page(b"") == ("", "utf-8")


@given(
    st.binary(), st.sampled_from(["", "text/html; charset=gbk", "text/html; charset=utf-7", "charset=unicode_escape"])
)
def test_no_bytes_make_it_raise(body: bytes, content_type: str) -> None:
    text, encoding = decode_page(body, content_type)
    assert isinstance(text, str)
    assert codecs.lookup(encoding)


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=20))
def test_every_chinese_text_is_told_from_its_bytes_alone(text: str) -> None:
    assert decode_page(text.encode())[0] == text
    sentence = SENTENCE + text  # a page; a single word may be both: 一 in GBK is һ in UTF-8
    assert decode_page(sentence.encode("gb18030"), "text/html; charset=gbk")[0] == sentence


# --- the tree ---


@pytest.mark.parametrize(
    "html",
    [
        "<p>前</p></body></html><div class=article><p>文</p></div>",
        f"{'<div>' * 200}<div class=article>{'<div>' * 400}<p>文</p>{'</div>' * 400}</div>",
        "<p>\x00\x08\x1f</p><div class=article><p>文\x0b\x7f</p></div>",
        "<table><div class=article><p>文</p></div></table>",
        "<div class=article><p>文<div></p></div>",
        "<p><div class=article><p>文</div>",
        "<div @click=x v-on:y=z class=article><o:p>文</o:p></div>",
        "<h2><p>题</p></h2><div class=article>文",
        "<title>a<div class=article>b</title><div class=article>文",
    ],
)
def test_the_article_is_found_on_a_broken_page(html: str) -> None:
    assert first_text(page_selector(html), (".article",)) == "文"


def test_an_empty_page_has_a_tree() -> None:
    assert texts(page_selector(""), ("p", "body")) == ()


# --- fields ---


@pytest.fixture
def tree() -> Selector:
    return page_selector(
        """<div class="box" data-timepoint=" 1658505600 "><a href="/article-1-1.html"> 题
        目 <b>一</b></a><i> \u3000</i><span>甲</span><span>乙</span><span></span></div>"""
    )


@pytest.mark.parametrize(
    ("selectors", "found"),
    [
        (("a",), ("题 目 一",)),
        (("a::text",), ("题 目",)),
        (("a::attr(href)",), ("/article-1-1.html",)),
        (("span",), ("甲", "乙")),
        (("div::attr(data-timepoint)",), ("1658505600",)),
        (("xpath://a/@href",), ("/article-1-1.html",)),
        (("xpath://span[2]",), ("乙",)),
        (("xpath:string(//a)",), ("题 目 一",)),
        (("xpath:count(//span)",), ("3.0",)),
        ((".nothing", "span"), ("甲", "乙")),
        (("i", "span"), ("甲", "乙")),  # what is not visible is not there
        (("a::attr(title)",), ()),
        ((), ()),
    ],
)
def test_the_first_selector_that_gives_something_visible_wins(
    tree: Selector, selectors: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert texts(tree, selectors) == found
    assert first_text(tree, selectors) == (found[0] if found else None)


def test_an_xpath_looks_from_where_it_stands(tree: Selector) -> None:
    (box,) = select(tree, ".box")
    assert first_text(box, ("xpath:@data-timepoint",)) == "1658505600"


CLASSES = st.lists(st.sampled_from(["a", "b", "a-b", "A", "b_1"]), max_size=3)
SPACES = st.sampled_from([" ", "\n", "\t ", "\u00a0", "\u3000", "\x0b"])
MARKUP = st.recursive(
    st.just("x"),
    lambda inner: st.builds(
        lambda tag, names, space, content: (
            f'<{tag} class="{space.join(names)}" data-x="{"".join(names)}">{"".join(content)}</{tag}>'
        ),
        st.sampled_from(["div", "span", "section", "h1"]),
        CLASSES,
        SPACES,
        st.lists(inner, max_size=3),
    ),
    max_leaves=20,
)
PLAIN = [".a", "div.a", ".a.b", "h1.A", ".a .b", "div .a .a-b", ".a span.b_1", "section section.a", "body div.b"]
PLAIN += [".a::attr(data-x)", ".a .b::attr(data-x)", "html.a", ".absent", ".a .absent"]


@given(markup=MARKUP)
def test_a_class_looked_up_is_the_class_that_is_searched_for(markup: str) -> None:
    tree = page_selector(f'<html class="a"><body class="b a">{markup}</body></html>')
    searched = Selector(root=tree.root, type="html")
    for selector in PLAIN:
        looked_up = [node.root for node in select(tree, selector)]
        assert looked_up == [node.root for node in searched.css(selector)], selector
        assert [node.get() for node in select(tree, selector)] == searched.css(selector).getall()


@pytest.mark.parametrize("selector", ["h1[", "", "p:nosuch", "a::nosuch", "xpath://[", "xpath:nosuch(//p)", "xpath:"])
def test_what_is_no_selector_is_an_error_that_names_it(tree: Selector, selector: str) -> None:
    with pytest.raises(ValueError, match="error") as raised:
        select(tree, selector)
    assert selector.removeprefix("xpath:") in str(raised.value)


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/b", "https://example.com/b"),
        ("//other.example/b", "https://other.example/b"),
        ("https://other.example/", "https://other.example/"),
        ("http://[broken/", None),
    ],
)
def test_a_link_that_can_be_none_is_none(href: str, url: str | None) -> None:
    assert absolute("https://example.com/a", href) == url
