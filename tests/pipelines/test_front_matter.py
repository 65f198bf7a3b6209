"""Front matter as it is found: every value is text, and only what has no beginning or no end is refused."""

from __future__ import annotations

import pytest

from archive.errors import PageError
from pipelines.front_matter import Value, read_front_matter

DAMAGED: dict[str, tuple[str, dict[str, Value]]] = {
    "an unquoted colon": ("title: 支付宝: 三件事: 上", {"title": "支付宝: 三件事: 上"}),
    "quotes that nothing escapes": ("title: 'it's 'so''", {"title": "it's 'so'"}),
    "quotes inside quotes": ('title: "他说 "你好""', {"title": '他说 "你好"'}),
    "doubled quotes": ("title: 'it''s'", {"title": "it's"}),
    "escapes of JSON": (r'title: "a\"b\u9e1f"', {"title": 'a"b鸟'}),
    "a quote that never closes": ("title: '上\ndate: 2022", {"title": "'上", "date": "2022"}),
    "a title over two lines": ("title: '上\n下: 篇'\ndate: x", {"title": "上 下: 篇", "date": "x"}),
    "a plain value over two lines": ("title: 上\n  下\ndate: x", {"title": "上 下", "date": "x"}),
    "what YAML takes for numbers and truths": ("title: 1e3\nauthor: yes", {"title": "1e3", "author": "yes"}),
    "nothing": ("title: ~\nauthor: null\ndate:", {"title": "", "author": "", "date": ""}),
    "a list": (
        "categories: \n - 新媒体\n - 鸟哥笔记: 首页\n - '今日事'",
        {"categories": ("新媒体", "鸟哥笔记: 首页", "今日事")},
    ),
    "a list without indent": ("tags:\n- a\n- b\ndate: x", {"tags": ("a", "b"), "date": "x"}),
    "a list with tabs": ("tags:\n\t-\ta\n\t- b", {"tags": ("a", "b")}),
    "a flow list": ("tags: [a, 'b, c', \"d\"]", {"tags": ("a", "b, c", "d")}),
    "a flow list over lines": ("tags: [a,\n  b]\ndate: x", {"tags": ("a", "b"), "date": "x"}),
    "nested lists": (
        "categories:\n- [新媒体, 鸟哥笔记]\n- - 首页\n  - 今日事",
        {"categories": ("新媒体", "鸟哥笔记", "首页", "今日事")},
    ),
    "an anchor that would multiply": ("tags: &a [x]\nmore: [*a, *a]", {"tags": "&a [x]", "more": ("*a", "*a")}),
    "a block": ("description: |\n  一\n  二\ndate: x", {"description": "一\n二", "date": "x"}),
    "a folded block": ("description: >-\n  一\n  二", {"description": "一 二"}),
    "a mapping": ("cover:\n  url: x\ntitle: a", {"cover": "", "title": "a"}),
    "comments": ("# by a tool\ntitle: C# 之家\n# end", {"title": "C# 之家"}),
    "a key twice": ("title: a\ntitle: b", {"title": "b"}),
    "lines that are nothing": ("!!\ntitle: a\n%%%", {"title": "a %%%"}),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_value_is_read_as_it_stands(case: str) -> None:
    text, values = DAMAGED[case]

    found = read_front_matter(f"---\n{text}\n---\nbody")

    assert dict(found.values) == values
    assert found.body == "body"


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff---\ntitle: a\n---\nb\n",
        "\n\n---\ntitle: a\n---\nb\n",
        "---\r\ntitle: a\r\n---\r\nb\r\n",
        "---\rtitle: a\r---\rb\r",
        "title: a\n---\nb\n",
        "-----\ntitle: a\n---- \nb\n",
    ],
    ids=["mark", "blank lines", "windows", "old mac", "no first fence", "long fences"],
)
def test_marks_blank_lines_and_line_ends_do_not_matter(text: str) -> None:
    found = read_front_matter(text)

    assert (dict(found.values), found.body) == ({"title": "a"}, "b\n")


def test_the_first_fence_behind_it_ends_the_front_matter() -> None:
    assert read_front_matter("---\ntitle: a\n---\nb\n---\nc").body == "b\n---\nc"


def test_other_line_separators_are_part_of_a_value() -> None:
    assert read_front_matter("---\ntitle: a\u2028b\u0085c\n---\n").values == {"title": "a\u2028b\u0085c"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "front-matter-missing"),
        ("\n \n", "front-matter-missing"),
        ("# A title\n\ntext", "front-matter-missing"),
        ("<div>text</div>", "front-matter-missing"),
        ("Note: this is a text\nof two lines", "front-matter-missing"),
        ("---\ntitle: a\nauthor: b\n", "front-matter-malformed"),
        ("---\n---\ntext", "front-matter-malformed"),
        ("---\nno key here\n---\ntext", "front-matter-malformed"),
        ('{"title": "a"}\n;;;\ntext', "front-matter-missing"),
    ],
)
def test_what_has_no_beginning_or_no_end_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PageError) as error:
        read_front_matter(text)
    assert error.value.reason == reason


def test_text_is_the_first_key_that_has_a_value() -> None:
    found = read_front_matter("---\na:\nb: [ ]\nc:\n - x\n - y\nd: ' '\ne: 'x \t y'\n---\n")

    assert (found.text("a", "b", "c"), found.texts("a", "b", "c")) == ("x", ("x", "y"))
    assert (found.text("d", "nothing"), found.texts("d"), found.text("e")) == ("", (), "x y")


def test_long_front_matter_is_read_in_linear_time() -> None:
    text = "---\n" + "title: 'never closed\n" * 20_000 + "x: [" + "[" * 50_000 + "\n---\n"

    assert set(read_front_matter(text).values) == {"title", "x"}
