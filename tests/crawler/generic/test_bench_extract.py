"""The benchmark of the extraction counts right, its floors name metrics, and we are above them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks import extract as bench
from benchmarks.extract_peers import Finding, ours
from tests.support import ROOT

TRUE = {
    "title": "茶山",
    "day": "2021-03-12",
    "minute": "08:30",
    "author": ["陈一帆", "茶乡周报"],
    "start": "三月的 茶山",
    "end": "怎么来的",
    "absent": ["相关阅读"],
    "images": ["a.jpg | b.jpg"],
}
RIGHT = Finding(
    title="茶 山",
    published=("2021-03-12 08:30",),
    author="茶乡周报",
    text="三月的茶山……茶是怎么来的。",
    images="https://example.com/b.jpg",
    confidence=80,
)


def figures(found: Finding) -> dict[str, float]:
    score = bench.Score()
    bench.compare(score, "page", found, TRUE)
    return score.figures()


def test_all_that_is_right_counts() -> None:
    assert {name: figure for name, figure in figures(RIGHT).items() if name not in bench.LOWER} == {
        name: 100.0 for name in bench.LABEL if name not in bench.LOWER
    }
    assert figures(RIGHT)["author_wrong_percent"] == 0.0


def test_nothing_found_is_missing_and_not_wrong() -> None:
    found = figures(Finding())
    assert found["author_wrong_percent"] == 0.0
    assert {found[name] for name in ("title_percent", "day_percent", "author_percent", "container_percent")} == {0.0}


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        ("title_percent", Finding(title="茶山_江畔网")),
        ("day_percent", Finding(published=("2021-03-13 08:30",))),
        ("minute_percent", Finding(published=("2021-03-12",))),
        ("container_percent", Finding(text="三月的茶山……茶是怎么来的。相关阅读")),
        ("container_percent", Finding(text="茶是怎么来的。三月的茶山")),
        ("container_percent", Finding(text="三月的茶山")),
        ("images_percent", Finding(images="c.jpg")),
        ("next_page_percent", Finding(next_page="https://example.com/2")),
        ("accepted_percent", Finding(confidence=10)),
    ],
)
def test_what_is_not_right_does_not_count(metric: str, found: Finding) -> None:
    assert figures(found)[metric] == 0.0


def test_a_wrong_author_counts_against_us() -> None:
    assert figures(Finding(author="王文"))["author_wrong_percent"] == 100.0


def test_every_floor_names_a_metric_and_only_a_flag_lowers_it() -> None:
    floors = json.loads(bench.FLOORS.read_text(encoding="utf-8"))
    assert set(floors) <= set(bench.LABEL)
    worse = dict.fromkeys(floors, 0.0) | dict.fromkeys(bench.LOWER, 99.0)
    assert bench.moved(worse, floors, raising=True) == floors
    assert bench.moved(worse, floors, raising=False) == worse
    assert len(list(bench.misses(worse, floors))) == len(floors)


def test_without_the_pages_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BIRDNEST_CORPUS", str(tmp_path))
    assert bench.main([]) == 2
    assert f"at {tmp_path / 'pages'}; set BIRDNEST_CORPUS" in capsys.readouterr().err


def test_on_real_pages_we_are_above_the_floors() -> None:
    folder = Path(os.environ.get("BIRDNEST_CORPUS") or ROOT.parent / "shared" / "corpus") / "pages"
    truth = json.loads(bench.TRUTH.read_text(encoding="utf-8"))
    if not folder.is_dir():
        pytest.skip(f"no corpus of real pages at {folder}")
    score = bench.Score()
    for name, true in truth.items():
        bench.compare(score, name, ours((folder / name).read_bytes()), true)
    found = score.figures()
    floors = json.loads(bench.FLOORS.read_text(encoding="utf-8"))
    del floors["cpu_ms"]  # other tests run beside this one
    assert list(bench.misses(found, floors)) == []
