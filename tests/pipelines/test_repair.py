"""Attributes that an entity decoder broke are whole again; what is sound stays byte for byte."""

from __future__ import annotations

import time

import pytest

from pipelines.clean import clean
from pipelines.clean.parse import parse_body
from pipelines.repair import repair_braces, repair_quotes

BROKEN = {
    "an icon": (
        '<h2 label="二级标题" style="background-image: url("/img/h2.png"); background-size: 8px 20px;" id="x">题</h2>',
        {"label": "二级标题", "style": 'background-image: url("/img/h2.png"); background-size: 8px 20px;', "id": "x"},
    ),
    "two pictures": (
        '<p style="background: url("/a.png"), url("/b.png") 0 5px">字</p>',
        {"style": 'background: url("/a.png"), url("/b.png") 0 5px'},
    ),
    "a font": (
        '<p style="font-family: "PingFang SC", "Helvetica Neue", sans-serif; color: red;" align="center">字</p>',
        {"style": 'font-family: "PingFang SC", "Helvetica Neue", sans-serif; color: red;', "align": "center"},
    ),
    "a sentence": ('<img alt="他说 "你好" 然后走了" src="a.png">', {"alt": '他说 "你好" 然后走了', "src": "a.png"}),
    "a quote at the end": ('<p title="a "b"">字</p>', {"title": 'a "b"'}),
    "JSON": ('<p data-x="{"a":"b","c":[1]}" lang="zh">字</p>', {"data-x": '{"a":"b","c":[1]}', "lang": "zh"}),
    "before one without a value": ('<p data-x="{"a":1}" hidden>字</p>', {"data-x": '{"a":1}', "hidden": ""}),
    "beside apostrophes": ('<p lang=\'zh\' title=""a"">字</p>', {"lang": "zh", "title": '"a"'}),
}
SOUND = [
    '<p style="background: url(&quot;/a.png&quot;)" class=x id=\'y\' hidden>1 < 2 "字" <b>"</b></p>',
    '<img alt="" src="/a.png"/><br/><a href=http://a.cn/?a="b">x</a>',
    "<p title='\"a\"'>字</p><p title='it' >字</p>",
    'x < y and "z" <3 <- </p <!-- <p a="b"> -->',
    '<p class="a"id="b">字</p>',
]


@pytest.mark.parametrize("case", BROKEN)
def test_a_value_ends_where_its_own_mark_stands(case: str) -> None:
    html, attributes = BROKEN[case]

    (element,) = parse_body(repair_quotes(html))

    assert dict(element.attrib) == attributes


@pytest.mark.parametrize("html", [*SOUND, "", "<", '<p title="', '<p title="a "b', '<p title="a "b <i>c</i>'])
def test_what_is_sound_or_has_no_end_stays(html: str) -> None:
    assert repair_quotes(html) == html


@pytest.mark.parametrize("case", BROKEN)
def test_repairing_twice_is_repairing_once(case: str) -> None:
    html = repair_quotes(BROKEN[case][0])
    assert repair_quotes(html) == html


def test_a_picture_that_only_a_broken_style_names_is_found() -> None:
    html = '<section style="height: 300px; background-image: url("https://img.example.com/a.png")"></section>'

    assert [image.url for image in clean(repair_quotes(html), "https://example.com/").images] == [
        "https://img.example.com/a.png"
    ]
    assert clean(html, "https://example.com/").images == ()


def test_braces_come_back_wherever_they_stood() -> None:
    text = '<style>.a&#123;color:red&#125;</style><p title="&#123;x&#125;">&#123;&#123; y &#125;&#125; &#1234;</p>'
    assert repair_braces(text) == '<style>.a{color:red}</style><p title="{x}">{{ y }} &#1234;</p>'


@pytest.mark.parametrize(
    "piece", ['<p a="b"c ', '<a b="', '<a b="c" d=', "<a b='", "<p x y z ", '<p title="a "b" c" ', "< ", '"']
)
def test_hostile_markup_is_repaired_in_linear_time(piece: str) -> None:
    started = time.process_time()
    repair_quotes(piece * (400_000 // len(piece)))
    assert time.process_time() - started < 4
