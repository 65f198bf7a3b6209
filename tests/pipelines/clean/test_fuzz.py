"""Real bodies, mutated: whatever happens to an article, it is cleaned, stays clean, and loses no text by it.

FUZZ_EXAMPLES=20000 looks longer than the suite does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.clean import clean, inner_html, parse_clean, parse_page, serialise
from pipelines.clean.tree import text_of
from tests.pipelines.clean.hostile.payloads import FAMILIES, payloads
from tests.support import ROOT

_BASE = "https://example.com/post/1.html"
_CORPUS = ROOT.parent / "shared" / "corpus"
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "120"))
_fuzzed = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_TOKEN = re.compile(r"<!--.*?-->|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|[^<]+|<", re.DOTALL)
_LONGEST = 400  # tokens of a body at a time: enough for every pattern, and quick
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)")
# In these, text is no text, or a tag breaks out: nothing put there is without effect.
_CLOSED = frozenset(
    (
        *("script", "style", "textarea", "title", "noscript", "iframe", "select", "svg", "math", "pre", "xmp"),
        *("template", "video", "audio", "object", "ruby", "noembed", "noframes", "plaintext", "button", "canvas"),
        "picture",
    )
)
_TAGS = (
    *("p", "div", "section", "span", "b", "a", "h2", "h4", "ul", "li", "dl", "dd", "table", "tr", "td", "blockquote"),
    *("figure", "figcaption", "pre", "code", "ruby", "rt", "details", "summary", "svg", "math", "select", "form"),
)
_ATTRIBUTES = (
    *('style="display:none"', 'style="font-weight:bold"', 'style="display:block"', 'id="n-1"', 'href="#n-1"', "hidden"),
    *('href="/x"', 'src="/1.png"', 'data-src="//a.example/2.png"', 'label="一级标题"', 'class="image-caption"'),
    *('colspan="9"', 'rowspan="0"', 'start="7"', 'xmlns="x"', 'xml:lang="x"', '@click="x"', 'name="n-1"', 'width="1"'),
)

# -- bodies ---------------------------------------------------------------------------------------------------------


def _replica() -> list[str]:
    """The articles that the replica serves, behind their front matter."""
    articles = sorted((ROOT / "crawler" / "replica" / "articles").glob("*.html"))
    return [article.read_text(encoding="utf-8").partition("\n\n")[2] for article in articles]


def _corpus() -> list[str]:
    """The real posts and pages beside the checkout, where they are."""
    posts = [post.read_text(encoding="utf-8").split("\n---\n", 1)[-1] for post in sorted(_CORPUS.glob("posts/*.md"))]
    index = _CORPUS / "pages" / "index.json"
    for entry in json.loads(index.read_text(encoding="utf-8")) if index.is_file() else ():
        if entry["container"]:
            page = (_CORPUS / "pages" / entry["file"]).read_bytes().decode("utf-8", "replace")
            found = parse_page(page).cssselect(entry["container"])
            posts += [inner_html(max(found, key=lambda element: len(text_of(element))))] if found else []
    return posts


@cache
def _bodies() -> tuple[tuple[str, ...], ...]:
    """Bodies as tokens: tags, comments, texts."""
    return tuple(tuple(_TOKEN.findall(body)) for body in (*_replica(), *_corpus()))


@st.composite
def _pieces(draw: st.DrawFn) -> list[str]:
    tokens = _bodies()[draw(st.integers(0, len(_bodies()) - 1))]
    start = draw(st.integers(0, max(len(tokens) - _LONGEST, 0)))
    return list(tokens[start : start + draw(st.integers(1, _LONGEST))])


# -- mutations ------------------------------------------------------------------------------------------------------

_Change = Callable[[list[str], int, int, st.DrawFn], None]


def _delete(tokens: list[str], start: int, end: int, _draw: st.DrawFn) -> None:
    del tokens[start:end]


def _duplicate(tokens: list[str], start: int, end: int, _draw: st.DrawFn) -> None:
    tokens[end:end] = tokens[start:end]


def _splice(tokens: list[str], start: int, _end: int, draw: st.DrawFn) -> None:
    tokens[start:start] = draw(_pieces())[:40]


def _move(tokens: list[str], start: int, end: int, _draw: st.DrawFn) -> None:
    moved = tokens[start:end]
    del tokens[start:end]
    tokens += moved


def _unbalance(tokens: list[str], start: int, _end: int, draw: st.DrawFn) -> None:
    tag = draw(st.sampled_from(_TAGS))
    tokens.insert(start, draw(st.sampled_from((f"<{tag}>", f"</{tag}>", f"</{tag}", f"<{tag} ", f"<{tag}/>"))))


def _flip(tokens: list[str], start: int, end: int, draw: st.DrawFn) -> None:
    for at in range(start, end):
        if tag := _TAG.match(tokens[at]):
            kept = draw(st.sampled_from((tokens[at][tag.end() :], ">")))
            tokens[at] = f"{tag[0]} {draw(st.sampled_from(_ATTRIBUTES))} {kept}"


def _rename(tokens: list[str], start: int, end: int, draw: st.DrawFn) -> None:
    name = draw(st.sampled_from(_TAGS))
    tokens[start:end] = [_TAG.sub(rf"<\1{name}", token) for token in tokens[start:end]]


def _poison(tokens: list[str], start: int, _end: int, draw: st.DrawFn) -> None:
    family = payloads(draw(st.sampled_from(FAMILIES)))
    tokens.insert(start, family[draw(st.integers(0, len(family) - 1))].text)


def _cut(tokens: list[str], start: int, _end: int, draw: st.DrawFn) -> None:
    if start < len(tokens):
        at = draw(st.integers(0, len(tokens[start])))
        tokens[start] = tokens[start][:at] + draw(st.sampled_from(("", "<", ">", '"', "&", "\x00", "\ud800")))


_CHANGES: tuple[_Change, ...] = (_delete, _duplicate, _splice, _move, _unbalance, _flip, _rename, _poison, _cut)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    tokens = draw(_pieces())
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(tokens)))
        end = min(start + draw(st.integers(1, 12)), len(tokens))
        draw(st.sampled_from(_CHANGES))(tokens, start, end, draw)
    return "".join(tokens)


@_fuzzed
@given(mutated())
@example('<p><a href="//a.example/1.jpg"><img src="//a.example/1.jpg"><p>字</p></a>')
@example('<img src="/1.png" alt="data:image">')
@example("<p>● 甲<p>●<br>乙<p>● 丙")
@example("<ruby>甲<rt>乙<rp><e><br>丙")
@example(f"<p>字</p><p>-END-</p>{'<p>文</p>' * 3}{'<p>● 点</p>' * 4}<p>文</p>")
@example('<figure><img src="/1.png"><figcaption id="a">字<a href="#a">注</a></figcaption></figure>')
def test_a_mutated_body_is_cleaned_once_and_for_all(html: str) -> None:
    once = clean(html, _BASE)
    assert "gate" not in {note.rule for note in once.notes}
    assert serialise(parse_clean(once.html)) == once.html
    again = clean(once.html, _BASE)
    assert again.html == once.html
    assert (again.text, again.images, again.links) == (once.text, once.images, once.links)


# -- what has no effect ---------------------------------------------------------------------------------------------


@st.composite
def _untouched(draw: st.DrawFn) -> tuple[str, str]:
    """A body, and the same with something in it that nobody sees."""
    tokens = draw(_pieces())
    where = _open_places(tokens)
    other = list(tokens)
    for place in sorted(draw(st.lists(st.sampled_from(where), min_size=1, max_size=4)), reverse=True):
        kind = draw(
            st.sampled_from(("<!-- 注 -->", "<x-y></x-y>", "<span></span>", "<i data-z=1></i>", "wrap", "mark"))
        )
        if kind == "wrap":
            if place < len(other) and not other[place].startswith("<"):
                other[place] = f"<span data-z='1'>{other[place]}</span>"
        elif kind == "mark":
            if place < len(other) and (tag := _TAG.match(other[place])) and not tag[1]:
                other[place] = f"{tag[0]} data-zzz='1'{other[place][tag.end() :]}"
        else:
            other.insert(place, kind)
    return "".join(tokens), "".join(other)


def _open_places(tokens: list[str]) -> list[int]:
    """The places before a token in which a tag is a tag, and the end."""
    depths = dict.fromkeys(_CLOSED, 0)
    places = []
    for at, token in enumerate(tokens):
        if not any(depths.values()):
            places.append(at)
        if (tag := _TAG.match(token)) and tag[2].lower() in depths:
            name = tag[2].lower()
            depths[name] = max(depths[name] + (-1 if tag[1] else 1), 0)
    return places or [0]


def _bare(text: str) -> str:
    return "".join(text.split())


@_fuzzed
@given(_untouched())
@example(("<p>a-</p><p>-END-</p>", "<p>a-</p><p>-E<!-- -->ND-</p>"))
@example(("<img src=a><p label=图片描述>-END-</p>", "<img src=a><x-y></x-y><p label=图片描述>-END-</p>"))
def test_what_nobody_sees_changes_no_text(pair: tuple[str, str]) -> None:
    plain, decorated = (clean(html, _BASE) for html in pair)
    assert _bare(decorated.text) == _bare(plain.text)
    assert decorated.images == plain.images


@_fuzzed
@given(_pieces(), st.sampled_from(("div", "section", "span", "article", "x-y", "main", "font", "center")))
def test_a_wrapper_around_all_changes_no_text(tokens: list[str], wrapper: str) -> None:
    html = "".join(tokens)
    plain, wrapped = clean(html, _BASE), clean(f"<{wrapper}>{html}", _BASE)
    assert _bare(wrapped.text) == _bare(plain.text)
    assert wrapped.images == plain.images


# -- tables ---------------------------------------------------------------------------------------------------------

_cells = st.builds(
    "<{}{}{}>{}".format,
    st.sampled_from(("td", "td", "th scope=col")),
    st.sampled_from(("", "", "", " colspan=0", " colspan=2", " colspan=3", " colspan=9", " colspan=x")),
    st.sampled_from(("", "", "", " rowspan=0", " rowspan=2", " rowspan=9")),
    st.sampled_from(("甲", "", "<p>乙</p>", "<h3>丙</h3>", "<table><tr><td>己<td>庚</table>")),
)
_rows = st.lists(_cells, max_size=6).map(lambda cells: "<tr>" + "".join(cells))
_groups = st.builds(
    "<{}>{}".format, st.sampled_from(("tbody", "thead", "tfoot")), st.lists(_rows, max_size=4).map("".join)
)


@_fuzzed
@given(st.lists(_groups, min_size=1, max_size=3).map("".join))
@example("<thead><tr><td rowspan=2>甲<td colspan=9 rowspan=5>乙<td colspan=5>丙<tbody><tr><td colspan=3>丁<td>戊<td>己")
def test_in_each_column_of_a_table_a_cell_begins(groups: str) -> None:
    cleaned = clean(f"<table>{groups}</table>", _BASE)
    for table in parse_clean(cleaned.html).iter("table"):
        grid: dict[tuple[int, int], str] = {}
        begun, height = set(), 0
        for section in table.iterchildren("thead", "tbody", "tfoot"):
            rows = list(section)
            for y, row in enumerate(rows, height):
                x = 0
                for cell in row:
                    while (y, x) in grid:
                        x += 1
                    begun.add(x)
                    wide, high = (int(cell.get(name, "1")) for name in ("colspan", "rowspan"))
                    assert y + high <= height + len(rows)
                    for place in ((y + down, x + right) for down in range(high) for right in range(wide)):
                        assert place not in grid
                        grid[place] = ""
            height += len(rows)
        assert begun == {x for _, x in grid} == set(range(len(begun)))


# -- size -----------------------------------------------------------------------------------------------------------
# How time grows with size is measured by benchmarks/clean_growth.py.

_MB = 1 << 20
_RUN = """
import sys, resource
from pipelines.clean import clean
html = sys.stdin.read()
clean("<p>x</p>" + html[:1000], "https://example.com/")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
body = clean(html, "https://example.com/")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(body.text))
"""
_UNIT = (
    "<section><p style='color:red'><span>一段文字，<strong>粗</strong>体</span></p></section>"
    "<p><a href='https://example.org/a?b=1'>链</a></p><p><img data-src='//a.example/1.png' src='//a.example/b.gif'></p>"
)


def _cost(html: str) -> tuple[float, int]:
    """MB of memory that a body takes in a process of its own, and the characters of its text."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=html, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT
    )
    kilobytes, characters = map(int, done.stdout.split())
    return kilobytes / 1024, characters


def test_a_body_of_5_mb_takes_bounded_memory() -> None:
    unit = _UNIT + "字" * 200
    count = 5 * _MB // len(unit.encode())
    mb, characters = _cost(unit * count)
    assert characters > count * 208
    assert mb < 600


@pytest.mark.parametrize("opening", ["<div>", "<b>", "<table><tr><td>", "<ul><li>", "<dl><dd>", "<x-y>"])
def test_deep_nesting_takes_bounded_memory_and_keeps_all_text(opening: str) -> None:
    mb, characters = _cost(f"{opening}字" * 10_000)
    assert mb < 300
    assert characters >= 10_000


@pytest.mark.parametrize("tag", ["font color={}", "b id={}", "I/{}", "small\tx={}"])
def test_formatting_left_open_takes_bounded_memory(tag: str) -> None:
    """By the standard each paragraph would open all of it anew: four million elements."""
    opened = "".join(f"<{tag.format(number)}>" for number in range(2_000))
    mb, characters = _cost(f"<p>{opened}</p>" + "<p>字</p>" * 2_000)
    assert mb < 200
    assert characters >= 2_000
