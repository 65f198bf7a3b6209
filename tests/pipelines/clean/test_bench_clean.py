"""The cleaning benchmark measures: what is lost, added or invalid is seen as such, and floors hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import clean as bench
from benchmarks import clean_nu
from benchmarks.clean_browser import Browser, chromium, find_chromium
from benchmarks.clean_measure import Deliberate, Fidelity, compare, lost_runs, shingles
from tests.conftest import Need

_BODY = """
<h2>标题一</h2><p>第一段有足够多的文字。</p><p>第二段也有足够多的文字。</p>
<p><img src="https://a.example/1.png"><img src="/blank.gif" data-src="https://a.example/2.png"></p>
<p><a href="https://link.zhihu.com/?target=https%3A//b.cn/x">真的链接</a><a href="#n1">注</a><i id="n1">注一</i></p>
<table><tr><td>甲</td><td>乙</td><td>丙</td></tr></table><pre>a = 1
b = 2</pre>
"""
_KEPT = _BODY.replace('src="/blank.gif" data-src', "src")


@pytest.fixture(scope="module")
def browser(need: Need) -> Iterator[Browser]:
    executable = find_chromium()
    need("Chromium", found=executable is not None, how="apt install chromium")
    with chromium(executable or "") as running:
        yield running


def fidelity(browser: Browser, after: str, *, before: str = _BODY, deliberate: Deliberate | None = None) -> Fidelity:
    return compare(browser.show(before), browser.show(after), deliberate or Deliberate())


def test_a_body_keeps_all_of_itself(browser: Browser) -> None:
    found = fidelity(browser, _KEPT)
    for part in bench.PARTS:
        kept = getattr(found, part)
        assert kept.kept == (0 if part == "added" else kept.wanted), part
        assert kept.wanted, part


@pytest.mark.parametrize(
    ("part", "taken", "lost"),
    [
        ("text", "<p>第二段也有足够多的文字。</p>", 12),
        ("images", '<img src="https://a.example/1.png">', 1),
        ("images", '<img src="https://a.example/2.png">', 1),
        ("links", ' href="https://link.zhihu.com/?target=https%3A//b.cn/x"', 1),
        ("links", ' id="n1"', 1),
        ("headings", "h2", 1),
        ("cells", "<td>乙</td>", 1),
        ("listings", "\nb = 2", 1),
    ],
)
def test_what_is_dropped_is_missed(browser: Browser, part: str, taken: str, lost: int) -> None:
    assert taken in _KEPT
    kept = getattr(fidelity(browser, _KEPT.replace(taken, "")), part)
    assert kept.wanted - kept.kept == len(kept.lost) == lost


def test_a_placeholder_is_no_picture(browser: Browser) -> None:
    assert fidelity(browser, _BODY.replace(" data-src=", " data-x=")).images.lost == ("2.png",)


def test_a_paragraph_that_stands_twice_and_is_kept_once_is_missed(browser: Browser) -> None:
    text = fidelity(browser, "<p>一样的一段话</p>", before="<p>一样的一段话</p><p>一样的一段话</p>").text
    assert text.kept < text.wanted


def test_added_text_is_seen(browser: Browser) -> None:
    added = fidelity(browser, _BODY + "<p>从来没有过的话</p>").added
    assert added.kept
    assert "没有过的话" in added.lost


def test_only_what_a_rule_took_out_is_excused(browser: Browser) -> None:
    before, after = "<p>文章到此为止了</p><p>-END-</p>", "<p>文章到此为止了</p>"
    assert fidelity(browser, after, before=before).text.lost
    excused = Deliberate(removed={"end line": ("-END-",)})
    assert not fidelity(browser, after, before=before, deliberate=excused).text.lost
    assert fidelity(browser, "<p>文章到此</p>", before=before, deliberate=excused).text.lost


def test_controls_are_cut_out_and_counted(browser: Browser) -> None:
    shown = browser.show("<p>甲<button>打赏</button></p>", bench.cuts())
    assert shown.text == "甲"
    assert shown.cut["control"] == ("打赏",)


def test_hidden_text_is_not_wanted_but_text_that_waits_for_a_script_is(browser: Browser) -> None:
    shown = browser.show('<p style="display:none">甲</p><div style="visibility:hidden;opacity:0">乙</div>')
    assert shown.text.strip() == "乙"


def test_no_script_of_a_body_runs(browser: Browser) -> None:
    shown = browser.show('<p id="x">甲</p><img src="x" onerror="document.getElementById(`x`).textContent = `乙`">')
    assert shown.text.strip() == "甲"


def test_attributes_that_an_article_has_no_use_for_are_seen(browser: Browser) -> None:
    html = (
        '<p style="a" class="b" id="c" onclick="d" data-e="f">x<a href="#g">y</a><i id="g">z</i>'
        '<code class="language-py"></code></p>'
    )
    assert sorted(browser.show(html).stray) == ["class", "data-e", "id", "onclick", "style"]


def test_chromium_cuts_the_fullest_container_out_of_a_page(browser: Browser) -> None:
    page = (
        '<i class="a">甲</i></html><div class="a"><p>乙丙<section>丁</section></div><script>document.write(1)</script>'
    )
    assert browser.cut_out(page, ".a") == "<p>乙丙</p><section>丁</section>"
    assert browser.cut_out(page, ".b") is None


def test_the_checker_finds_the_invalid_body_only(need: Need) -> None:
    need("Java and npm", found=clean_nu.missing() is None, how=f"apt install {clean_nu.missing()}")
    found = clean_nu.errors({"good": "<p>甲</p>", "bad": "<ul><p>甲</p></ul>", "open": "<p><b>甲</p>"})
    assert not found["good"]
    assert "not allowed as child of element" in found["bad"][0]
    assert found["open"]


def test_a_figure_below_its_floor_fails() -> None:
    floors = {"posts": {"text_percent": 99.9, "nu_errors": 0}}
    assert not list(bench.misses({"posts": {"text_percent": 99.9, "nu_errors": 0}}, floors))
    missed = list(bench.misses({"posts": {"text_percent": 99.8, "nu_errors": 1}}, floors))
    assert [re.sub(r" \d.*", "", line) for line in missed] == [
        "posts: visible text kept %",
        "posts: Nu HTML checker errors",
    ]


def test_only_the_flag_that_says_so_lowers_a_floor() -> None:
    floors = {"posts": {"text_percent": 99.9, "added_percent": 0.1}}
    worse, better = {"text_percent": 99.0, "added_percent": 0.5}, {"text_percent": 100.0, "added_percent": 0.0}
    assert bench.moved({"posts": worse}, floors, raising=True) == floors
    assert bench.moved({"posts": better}, floors, raising=True) == {"posts": better}
    assert bench.moved({"posts": worse}, floors, raising=False) == {"posts": worse}
    assert bench.moved({"posts": better}, floors, raising=False) == floors


def test_every_floor_names_a_metric() -> None:
    floors = json.loads(bench.FLOORS.read_text(encoding="utf-8"))
    assert set(floors) == set(bench.GROUPS)
    for metrics in floors.values():
        assert set(metrics) <= set(bench.LABEL)


def test_without_a_corpus_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BIRDNEST_CORPUS", str(tmp_path))
    assert bench.main([]) == 2
    assert f"no corpus of real posts and pages at {tmp_path}" in capsys.readouterr().err


def test_lost_shingles_read_as_passages() -> None:
    text = "一二三四五六七八九十"
    assert lost_runs(text, shingles("三四五六七八")) == ["三四五六七八"]
