"""JSON in pages: where it is found, how Nuxt's flat list reads, and which values a path names."""

import json
from typing import Any

import pytest

from crawler.documents import read_document, resolve_references, strings_at, values_at
from crawler.profile import JsonDocument

STATE = JsonDocument(begin=r"window\.state\s*=\s*")
NUXT = JsonDocument(begin=r'<script[^>]*id="data"[^>]*>', form="references")


# --- where it is ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('<script>window.state={"a": 1};run()</script>', {"a": 1}),
        ('<script>window.state = \n {"a": "</b>;"}</script>', {"a": "</b>;"}),
        ("<script>window.state=[1, 2]\nwindow.other={}</script>", [1, 2]),
        ("<script>window.state={a: 1}</script>", None),  # JavaScript, and no JSON
        ("<script>window.state=</script>", None),
        ("<p>no state</p>", None),
        (f"window.state={'[' * 100_000}", None),
    ],
)
def test_state_begins_behind_its_mark_and_ends_where_it_ends(text: str, value: Any) -> None:
    assert read_document(text, STATE) == value


def test_an_answer_of_an_api_is_json_as_a_whole_or_none() -> None:
    assert read_document(' {"a": 1}\n', JsonDocument()) == {"a": 1}
    assert read_document('{"a": 1} and more', JsonDocument()) is None
    assert read_document("<html>challenge</html>", JsonDocument()) is None


def test_of_nested_objects_the_outermost_first_one_with_all_keys_is_taken() -> None:
    value = {"list": [{"title": "甲"}, {"title": "乙", "body": "b", "more": {"title": "丙", "body": "c"}}]}
    where = JsonDocument(having=("title", "body"))
    assert read_document(json.dumps(value), where) == value["list"][1]
    assert read_document(json.dumps(value), JsonDocument(having=("author",))) is None


# --- Nuxt's flat list ---


@pytest.mark.parametrize(
    ("flat", "value"),
    [
        ([{"a": 1, "b": 2}, "x", [1, 3], 7], {"a": "x", "b": ["x", 7]}),
        ([["ShallowReactive", 1], {"a": 2}, ["Ref", 3], "x"], {"a": "x"}),
        ([["Set", 1, 2], "x", "y"], ["x", "y"]),
        ([{"at": 1}, ["Date", "2026-11-20T00:00:00.000Z"]], {"at": "2026-11-20T00:00:00.000Z"}),
        ([["null", "a", 1], "x"], {"a": "x"}),
        ([{"a": -1, "b": -3}], {"a": None, "b": None}),
        ([["Unheard", 1], "x"], "x"),
        ([[1, 1], "x"], ["x", "x"]),
        (["text"], "text"),
    ],
)
def test_numbers_stand_for_places_in_the_list(flat: list[Any], value: Any) -> None:
    assert resolve_references(flat) == value


def test_a_value_that_holds_itself_ends() -> None:
    value = resolve_references([{"self": 0, "title": 1}, "x"])
    assert value["self"]["self"]["title"] == "x"
    page = '<script id="data">[{"self": 0, "inner": 1}, {"up": 0, "title": 2}, "x"]</script>'
    found = read_document(page, JsonDocument(begin=NUXT.begin, form="references", having=("title",)))
    assert found["title"] == "x"


@pytest.mark.parametrize("flat", ["[]", '{"a": 1}', "[[5]]", '[{"a": "b"}]', '[{"a": 1.5}, 1]'])
def test_what_is_no_such_list_is_no_document(flat: str) -> None:
    assert read_document(f'<script id="data">{flat}</script>', NUXT) is None


# --- paths ---

DOCUMENT = {
    "data": {
        "articleDetail-1": {"title": "题", "tags": [{"name": "甲"}, {"name": "乙"}, {}]},
        "lead": "导语",
        "body": "正文",
        "count": 3,
        "yes": True,
        "none": None,
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.lead", ["导语"]),
        ("data.count", ["3"]),
        ("data.lead + data.body", ["导语", "正文"]),
        ("data.missing + data.body", ["正文"]),
        ("data.articleDetail-*.title", ["题"]),
        ("data.articleDetail-*.tags.*.name", ["甲", "乙"]),
        ("data.articleDetail-1.tags.1.name", ["乙"]),
        ("data.articleDetail-1.tags.9.name", []),
        ("data.articleDetail-1.tags.name", []),
        ("data.yes", []),
        ("data.none", []),
        ("data", []),
        ("", []),
    ],
)
def test_a_path_names_texts_and_whole_numbers(path: str, found: list[str]) -> None:
    assert list(strings_at(DOCUMENT, path)) == found


def test_nothing_is_at_any_path_of_a_page_without_a_document() -> None:
    assert list(values_at(None, "data.title")) == []
