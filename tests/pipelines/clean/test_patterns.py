"""One small before and after for each kind of dirt seen in real posts and pages, in `patterns/`.

A file holds the markup as found, a line `---->`, and what is left of it. The names carry the numbers under which
the patterns were counted; letters begin those that no count was made of.
"""

from pathlib import Path

import pytest

from pipelines.clean import clean, parse_clean, serialise

_BASE = "https://example.com/post/1.html"
_FILES = sorted((Path(__file__).parent / "patterns").glob("*.txt"))


@pytest.mark.parametrize("file", _FILES, ids=[file.stem for file in _FILES])
def test_dirt_goes_and_content_stays(file: Path) -> None:
    before, after = file.read_text(encoding="utf-8").rstrip("\n").split("\n---->\n")
    cleaned = clean(before, _BASE)
    assert cleaned.html == after
    assert clean(after, _BASE).html == after
    assert serialise(parse_clean(after)) == after
    assert not [note for note in cleaned.notes if note.rule == "gate"]
