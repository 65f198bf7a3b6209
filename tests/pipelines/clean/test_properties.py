"""What holds for any input whatever: idempotent, stable, nothing lost, no exception, linear time."""

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.clean import clean, parse_clean, serialise
from pipelines.clean.urls import absolute

_BASE = "https://example.com/post/1.html"
_TAGS = (
    *("p", "div", "section", "span", "strong", "b", "em", "a href=/x", "a href=#f", "a name=f", "h1", "h2", "h4"),
    *("ul", "ol start=3", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "table", "caption", "tr", "thead"),
    *("td", "th colspan=2", "td rowspan=3", "td colspan=3", "figure", "figcaption", "details", "summary", "ruby", "rt"),
    *("u", "s", "sup id=f", "sub", "small", "center", "font", "svg", "math", "foreignObject", "video src=/v", "button"),
    *(
        "p label=图片描述",
        "p label=一级标题",
        "div class=image-caption",
        "noscript",
        "picture",
        "form",
        "option",
        "kbd",
    ),
    *("p style=font-weight:bold", "span style=display:block", "iframe src=//v.qq.com/x", "mpvoice name=x", "x-y"),
    *("p id=f", "li id=f", "td id=f", "p style=display:none", "colgroup", "col", "tbody", "q", "rp", "address"),
)
_TEXTS = (
    *("字", "二、标题", "● 点", "-END-", " ", "\n", "　　", "&nbsp;", "<br>", "<br><br>", "<hr>", "```", "&lt;b&gt;"),
    *("<img src=/1.png>", "<img data-src=/2.png alt=x>", "<img>", "a&amp;b", "\u200d", "\u200b", "👩\u200d🚀", "~~~\n"),
    *("&#1;", "<!-- x -->", "* ", "1. ", "\t"),
)
_tokens = st.one_of(
    st.sampled_from(_TEXTS),
    st.sampled_from(_TAGS).map(lambda tag: f"<{tag}>"),
    st.sampled_from(_TAGS).map(lambda tag: f"</{tag.split()[0]}>"),
)
bodies = st.lists(_tokens, max_size=25).map("".join)
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(bodies)
def test_cleaning_twice_is_cleaning_once(html: str) -> None:
    once = clean(html, _BASE)
    assert clean(once.html, _BASE).html == once.html
    assert serialise(parse_clean(once.html)) == once.html
    assert "gate" not in {note.rule for note in once.notes}


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("http://a.cn:1/x.png", "http://a.cn:1/x.png"),
        ("http://127.0.0.2:59999/x.png", "http://127.0.0.2:59999/x.png"),
        ("http://a.cn:65535/x.png", "http://a.cn:65535/x.png"),
        ("http://a.cn:65536/x.png", None),
        ("http://a.cn:/x.png", "http://a.cn:/x.png"),
        ("http://a.cn:8080", "http://a.cn:8080"),
        ("http://a.cn:x/1.png", None),
    ],
)
def test_an_address_with_a_port_is_as_good_as_its_port(href: str, url: str | None) -> None:
    assert absolute(href, _BASE) == url


@many
@given(bodies)
def test_no_wrapper_is_empty_and_no_block_is_in_a_paragraph(html: str) -> None:
    for element in parse_clean(clean(html, _BASE).html).iterdescendants():
        if element.tag not in ("br", "img", "hr", "td", "th"):
            assert len(element) or (element.text or "").strip("\n") != ""
        if element.tag in ("p", "h2", "h3", "dt", "summary", "caption"):
            assert not {child.tag for child in element.iterdescendants()} & {"p", "ul", "table", "pre", "h2", "figure"}
        if element.tag in ("ul", "ol"):
            assert {child.tag for child in element} == {"li"}


@many
@given(
    st.lists(
        st.sampled_from(("p", "div", "span", "strong", "ul", "li", "h2", "blockquote", "td", "a", "dd")), max_size=12
    )
)
def test_text_in_any_nesting_is_kept_in_order(tags: list[str]) -> None:
    html = "".join(f"<{tag}>{at}前" for at, tag in enumerate(tags))
    html += "".join(f"{at}后</{tag}>" for at, tag in reversed(list(enumerate(tags))))
    assert "".join(clean(html, _BASE).text.split()) == re.sub(r"<[^>]*>", "", html)


@many
@given(st.text())
def test_no_input_raises(html: str) -> None:
    once = clean(html, _BASE).html
    assert clean(once, _BASE).html == once


@pytest.mark.parametrize(
    "opening", ["<div>", "<b>", "<ul><li>", "<blockquote>", "<table><tr><td>", "<span>", "<p><a>", "<dl><dd>"]
)
def test_ten_thousand_levels_are_cleaned(opening: str) -> None:
    assert "字" in clean(opening * 10_000 + "字", _BASE).text


def test_spans_made_to_exhaust_the_reader_are_given_up() -> None:
    row = "<tr>" + "<td rowspan=1000 colspan=1000>x" * 200
    start = time.process_time()
    assert "colspan" not in clean(f"<table>{row}{'<tr><td>y' * 500}</table>", _BASE).html
    assert time.process_time() - start < 5
