"""Posts ↔ documents: byte-exact, harmless to every reader, and plain about damage."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive.document import Document, compose, encode_json, read, to_post, write
from archive.errors import DamageError
from archive.model import Post

SEED_KEYS = ["title", "categories", "headimg", "author", "comments", "date", "thumbnail"]
OTHER_KEYS = [
    *("site", "id", "url", "section", "tags", "description", "lang"),
    *("published_at", "updated_at", "fetched_at"),
    *("images", "missing_images", "embeds", "boilerplate", "warc"),
    *("version", "parent", "source_sha256", "content_sha256", "body_sha256"),
    *("extractor", "generator", "disableNunjucks", "permalink", "front_sha256"),
]
TRICKY = (
    *("'", '"', '"quoted"', "a: b", "a:", ": b", "# x", "- x", "? x", "{{ x }}", "{% raw %}", "---", "\n---\n", "..."),
    *("🐦", "a\U0001f426b", "\u2028", "\u2029", "\x85", "\ufeff", "\ufffe", "\uffff", "\x7f", "\x80", "\x9f", "\x00"),
    *("1e3", "0x10", "1_000", "2022-07-23", "yes", "no", "null", "~", "true", ".inf", "=", "<<", "", " ", "   ", "\t"),
    *("<img src=x onerror=alert(1)>", "</title>", "&amp;", "a\nb", "\r\n", "\r", "\\", "\\u0041", "\\", "长" * 5000),
)
LONE = ("\ud800", "\udfff", "a\udc80b", "\udc80\ud800")
texts = st.one_of(
    st.sampled_from(TRICKY),
    st.text(),
    st.lists(st.sampled_from(TRICKY), max_size=4).map("".join),
)
titles = st.one_of(texts, st.sampled_from(LONE), st.text(st.characters()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | titles,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(titles, inner, max_size=3),
    max_leaves=6,
)


def document_of(post: Post) -> Document:
    return compose(post, version=1, parent=None, generator="birdnest 1")


@pytest.fixture
def document(make_post: Callable[..., Post]) -> Document:
    return document_of(make_post())


def front_of(data: bytes) -> str:
    return data.decode().split("---\n")[1]


@given(title=titles, tags=st.lists(titles, max_size=3), body=texts)
@example(title="\ud83d\udc26", tags=["\ud83d", "\udc26"], body="---\n---\n")
def test_what_was_written_reads_and_writes_to_the_same_bytes(
    make_post: Callable[..., Post], title: str, tags: list[str], body: str
) -> None:
    data = write(document_of(make_post(title=title, tags=tuple(tags), body=body)))

    assert write(read(data)) == data
    assert read(data).body == body


@pytest.mark.parametrize("text", [*TRICKY, *LONE])
def test_a_post_comes_back_out_of_its_document(make_post: Callable[..., Post], text: str) -> None:
    body = text if text not in LONE else ""
    post = make_post(title=text, author=text, section=text, description=text, tags=(text, text), body=body)

    assert to_post(read(write(document_of(post)))) == post


@given(key=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True), value=values)
def test_keys_that_a_later_release_adds_are_kept(make_post: Callable[..., Post], key: str, value: Any) -> None:
    document = document_of(make_post())
    front = {**document.front, f"x_{key}": value}

    data = write(replace(document, front=front))

    assert write(read(data)) == data
    assert list(read(data).front) == list(front)
    assert read(data).front[f"x_{key}"] == json.loads(json.dumps(value))


def test_the_front_matter_begins_with_the_seven_keys_of_the_seed_and_keeps_the_order_of_the_format(
    document: Document,
) -> None:
    lines = front_of(write(document)).splitlines()

    assert [line.partition(": ")[0] for line in lines] == SEED_KEYS + OTHER_KEYS


def test_the_seven_keys_of_the_seed_have_the_values_the_format_gives_them(make_post: Callable[..., Post]) -> None:
    front = document_of(make_post()).front

    assert {key: front[key] for key in SEED_KEYS} == {
        "title": "刚刚！支付宝年度大会讲了这些要点",
        "categories": ["新媒体", "鸟哥笔记", "首页"],
        "headimg": f"../../../{make_post().head_image}",
        "author": "鸟哥笔记",
        "comments": False,
        "date": "Fri, 22 Jul 2022 16:00:00 GMT",
        "thumbnail": f"../../../{make_post().head_image}",
    }
    assert front["disableNunjucks"] is True
    assert front["permalink"] == "niaogebiji/article-482538.html"


def test_keys_that_hexo_reads_in_its_own_way_are_not_used(document: Document) -> None:
    assert not {"published", "raw", "layout", "_content"} & set(document.front)


def test_a_post_without_a_head_image_has_neither_headimg_nor_thumbnail(make_post: Callable[..., Post]) -> None:
    post = make_post(head_image=None, images=(), body="<p>只有字</p>")
    data = write(document_of(post))

    assert list(read(data).front) == [key for key in SEED_KEYS + OTHER_KEYS if key not in ("headimg", "thumbnail")]
    assert to_post(read(data)) == post


def test_an_undated_post_says_null_and_carries_the_date_it_was_given(make_post: Callable[..., Post]) -> None:
    post = make_post(published_at=None, date=datetime(2026, 11, 22, 8, 0, tzinfo=UTC))
    data = write(document_of(post))

    assert read(data).front["published_at"] is None
    assert read(data).front["date"] == "Sun, 22 Nov 2026 08:00:00 GMT"
    assert to_post(read(data)) == post


@given(text=titles)
def test_no_character_that_harms_a_browser_or_an_editor_stands_in_the_front_matter(text: str) -> None:
    encoded = encode_json({"t": [text]})

    assert not re.search("[<>&\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]", encoded)
    assert json.loads(encoded) == json.loads(json.dumps({"t": [text]}))


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), [1.0], {"a": [{"b": 0.1}]}])
def test_a_float_is_refused_because_readers_round_it_differently(document: Document, value: Any) -> None:
    with pytest.raises(TypeError, match=r"'width' holds a float"):
        write(replace(document, front={**document.front, "width": value}))


@pytest.mark.parametrize("key", ["", "a b", "a:", "ключ", "1a", "a-b", "a\n"])
def test_a_key_that_is_not_one_plain_word_is_refused(document: Document, key: str) -> None:
    with pytest.raises(ValueError, match="not a front-matter key"):
        write(replace(document, front={**document.front, key: 1}))


def test_a_body_that_is_no_text_is_refused(make_post: Callable[..., Post]) -> None:
    with pytest.raises(UnicodeEncodeError):
        document_of(make_post(body="a\ud800b"))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "line 1: begins with ''"),
        (b"<p>no front matter", "line 1: begins with '<p>no front matter'"),
        (b"---\r\ntitle: 1\r\n---\r\n", "line 1: begins with"),
        (b"---\ntitle: 1\n", "line 3: the front matter has no end"),
        (b"---\ntitle: 1\n---", "line 3: the front matter has no end"),
        (b"---\ntitle: 1\nauthor: plain words\n---\n", "line 3: key 'author' holds no JSON"),
        (b'---\ntitle: "a\n---\n', "line 2: key 'title' holds no JSON"),
        (b"---\ntitle: 1.5\n---\n", "line 2: key 'title' holds no JSON of a document: 1.5 is a float"),
        (b"---\ntitle: NaN\n---\n", "line 2: key 'title' holds no JSON of a document: NaN is a float"),
        (b"---\ntitle: " + b"[" * 100_000 + b"\n---\n", "line 2: key 'title' holds no JSON"),
        (b"---\ntitle:1\n---\n", "line 2: 'title:1': expected `key: <JSON>`"),
        (b"---\ntitle: 1\n  - indented: 2\n---\n", "line 3: '  - indented: 2': expected"),
        (b"---\ntitle: 1\n\n---\n", "line 3: '': expected"),
        (b'---\ntitle: "\xff"\n---\n', "not UTF-8 at byte 12"),
        ("---\ntitle: 1\n---\n鸟".encode("gbk"), "not UTF-8 at byte 17"),
    ],
)
def test_a_damaged_document_is_refused_by_its_name_and_line(data: bytes, found: str) -> None:
    with pytest.raises(DamageError) as refused:
        read(data, name="posts/s/a-1/v0001.html")

    assert str(refused.value).startswith(f"posts/s/a-1/v0001.html: {found}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", [key for key in OTHER_KEYS if key in ("site", "id", "url", "tags", "embeds", "warc")])
def test_a_post_without_a_key_of_the_format_is_damage(document: Document, key: str) -> None:
    front = {name: value for name, value in document.front.items() if name != key}

    with pytest.raises(DamageError, match=rf"front matter is not that of a post: KeyError\('{key}'\)"):
        to_post(replace(document, front=front))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("date", "2022-07-22"),
        ("fetched_at", None),
        ("fetched_at", "yesterday"),
        ("fetched_at", "2022-07-22T08:00:00"),
        ("published_at", 20220722),
        ("updated_at", ""),
        ("images", [{"url": "https://img.example/a.gif"}]),
        ("embeds", ["video"]),
        ("tags", 1),
    ],
)
def test_a_value_of_the_wrong_kind_is_damage(document: Document, key: str, value: Any) -> None:
    with pytest.raises(DamageError, match="niaogebiji/article-482538"):
        to_post(replace(document, front={**document.front, key: value}))


@pytest.mark.parametrize("value", [None, "1", []])
def test_a_version_that_is_no_number_is_damage(document: Document, value: Any) -> None:
    with pytest.raises(DamageError, match="`version` is"):
        _ = replace(document, front={**document.front, "version": value}).version
