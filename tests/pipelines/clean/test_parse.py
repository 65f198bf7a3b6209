"""Pages and bodies become the tree that a browser builds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from pipelines.clean import inner_html, parse_page
from pipelines.clean.parse import exact_tree, parse_body, printable, quick_tree

_PIECES = (
    *("<p>", "</p>", "<div class='a b'>", "</div>", "<b>", "</b>", "<table>", "<tr>", "<td>", "</table>", "<li>"),
    *("<br>", "<img src=x>", "<o:p>", "</o:p>", "<svg><a xlink:href=z>", "</svg>", "<pre>\n\n", "</pre>", "a<b"),
    *("<a @click=1 a<b=2>", "<p xmlns='x' xml:lang=zh>", "<源>", "<template><i>", "<!-- a -- b -->", "&nbsp;"),
    *("<script>1<2 && 3</script>", "<style>a>b{}</style>", "<textarea>", "</textarea>", "<!--", "-->", "\x0b", "\0"),
    *("<iframe><p>", "</iframe>", "<xmp><b>", "</xmp>", "<math><mi>", "</math>", "<p title='a\n<b>\"&amp;'>", "&#1;"),
    *("字", " ", "\n", "\r\n", "\f", "&lt;", "\U0001fffe", "<select><option>", "</html>", "<noscript>", "</body>"),
    *("<p a:b=1 a_b=2>", '<p ="1">', "<p a'=1>"),
)
markup = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join)


@given(markup)
def test_the_quick_way_and_the_exact_way_agree(html: str) -> None:
    parser = LexborHTMLParser(printable(html))
    parser.strip_tags(["template"])
    root = parser.root
    assert root is not None
    quick = quick_tree(root.html or "")
    if quick is None:  # an element called `b<br`: then there is only the exact way
        return
    assert etree.tostring(quick, method="c14n") == etree.tostring(exact_tree(root), method="c14n")


@given(markup)
def test_inner_html_is_read_back_as_the_same_tree(html: str) -> None:
    body = parse_body(html)
    again = parse_body(inner_html(body))
    once_more = parse_body(inner_html(again))
    assert etree.tostring(once_more, method="c14n") == etree.tostring(again, method="c14n")


def test_a_stray_end_of_the_page_loses_nothing() -> None:
    page = parse_page("<html><body><div id=a>甲</html></div></body><div id=b>乙</div>")
    assert [div.text for div in page.cssselect("div")] == ["甲", "乙"]


def test_scripts_stay_in_a_page_for_the_extractor() -> None:
    page = parse_page('<script>var ct = "1" && a < b;</script><p>x')
    assert page.findtext(".//script") == 'var ct = "1" && a < b;'


def test_a_template_holds_nothing_that_is_shown() -> None:
    assert parse_page("<template><p class=a>x</p></template><p class=a>y</p>").xpath("count(//p)") == 1


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x0b", "\x1f", "\x7f", "\x9f", "\ufffe"])
def test_control_characters_do_not_raise(character: str) -> None:
    assert parse_page(f"<p title='a{character}'>甲{character}乙</p>").findtext("body/p") == "甲乙"


@pytest.mark.parametrize("depth", [2_999, 3_000, 3_001, 10_000, 40_000])
def test_deep_nesting_keeps_its_text_in_order(depth: int) -> None:
    body = parse_body("<div>x" * depth + "字" + "</div>y" * depth)
    assert "".join(body.itertext()) == "x" * depth + "字" + "y" * depth


@pytest.mark.parametrize("depth", [100, 260, 1_500, 1_999, 5_000, 20_000])
def test_an_article_deep_in_its_page_holds_its_text(depth: int) -> None:
    page = parse_page("<div>" * depth + "<main><p>甲<b>乙</b></p><p>丙</p></main>丁")
    assert "".join(page.cssselect("main")[0].itertext()) == "甲乙丙"


def test_foreign_elements_are_found_by_plain_names() -> None:
    page = parse_page('<svg xmlns="http://www.w3.org/2000/svg"><image xlink:href="a.png"/></svg>')
    assert page.xpath("string(//svg/image/@xlink_href)") == "a.png"
