"""One small before and after for each kind of dirt seen in real posts and pages, in `patterns/`.

A file holds the markup as found, a line `---->`, and what is left of it. The names carry the numbers under which
the patterns were counted; letters begin those that no count was made of.
"""

from pathlib import Path

import pytest

from pipelines.clean import CleanRules, clean, parse_clean, serialise

_BASE = "https://example.com/post/1.html"
_RULES = {"56-live-tags-in-code": CleanRules(repair_decoded=True)}
_IN_FRONT_MATTER = {39, 57}  # an aggregator's placeholder thumbnails and broken dates are none of the cleaner's
_COUNTED = 94
_FILES = sorted((Path(__file__).parent / "patterns").glob("*.txt"))


@pytest.mark.parametrize("file", _FILES, ids=[file.stem for file in _FILES])
def test_dirt_goes_and_content_stays(file: Path) -> None:
    before, after = file.read_text(encoding="utf-8").rstrip("\n").split("\n---->\n")
    cleaned = clean(before, _BASE, _RULES.get(file.stem))
    assert cleaned.html == after
    assert clean(after, _BASE).html == after
    assert serialise(parse_clean(after)) == after
    assert not [note for note in cleaned.notes if note.rule == "gate"]


def test_every_kind_of_dirt_that_was_counted_has_its_before_and_after() -> None:
    numbers = {int(file.stem[:2]) for file in _FILES if file.stem[:2].isdecimal()}
    assert numbers >= set(range(1, _COUNTED + 1)) - _IN_FRONT_MATTER
