"""Real posts and pages: they lie beside the checkout and are no part of the project."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from archive.body import TAGS
from pipelines.clean import clean, inner_html, parse_clean, parse_page, serialise
from pipelines.clean.gate import ATTRIBUTES
from pipelines.clean.parse import parse_body
from pipelines.clean.tree import text_of

_CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
_BASE = "https://www.example.com/post/1.html"
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)

pytestmark = pytest.mark.skipif(not _CORPUS.is_dir(), reason=f"no corpus of real posts at {_CORPUS}")


def _charset(raw: bytes) -> str:
    found = re.search(rb'charset=["\']?([\w-]+)', raw[:4000])
    name = found[1].decode().lower() if found else "utf-8"
    return "gb18030" if name in ("gbk", "gb2312") else name


def _bodies() -> Iterator[tuple[str, str]]:
    for post in sorted(_CORPUS.glob("posts/*.md")):
        yield post.stem, re.split(r"^---$", post.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE)[2]
    index = _CORPUS / "pages" / "index.json"
    for entry in json.loads(index.read_text(encoding="utf-8")) if index.is_file() else ():
        if entry["container"]:
            raw = (_CORPUS / "pages" / entry["file"]).read_bytes()
            found = parse_page(raw.decode(_charset(raw), "replace")).cssselect(entry["container"])
            yield entry["file"], inner_html(max(found, key=lambda element: len(text_of(element))))


@cache
def _corpus() -> dict[str, str]:
    return dict(_bodies()) if _CORPUS.is_dir() else {}


@pytest.fixture(params=sorted(_corpus()))
def body(request: pytest.FixtureRequest) -> str:
    return _corpus()[request.param]


def test_cleaning_twice_is_cleaning_once(body: str) -> None:
    html = clean(body, _BASE).html
    assert clean(html, _BASE).html == html
    assert serialise(parse_clean(html)) == html


def test_the_gate_has_nothing_to_do(body: str) -> None:
    assert "gate" not in {note.rule for note in clean(body, _BASE).notes}


def test_only_what_is_allowed_is_left(body: str) -> None:
    for element in parse_clean(clean(body, _BASE).html).iterdescendants():
        assert element.tag in TAGS
        assert set(element.attrib) <= ATTRIBUTES.get(str(element.tag), set()) | {"id"}


def test_text_is_kept(body: str) -> None:
    """All but what hidden boxes, controls and code furniture hold, by shingles of five characters."""
    source = parse_body(body)
    unseen = [element for element in source.iter() if _HIDDEN.search(element.get("style") or "")]
    for element in [*unseen, *source.iter("noscript", "button", "textarea", "video", "audio")]:
        element.text = None
        for child in list(element):
            element.remove(child)
    removed = re.compile(r"复制代码|-(?:THE)?END-|视频：[a-z.]*")
    wanted, kept = (
        removed.sub("", re.sub(r"[\s\u200b\ufeff]", "", text))
        for text in (text_of(source), "".join((clean(body, _BASE).text, *clean(body, _BASE).boilerplate)))
    )
    shingles = {wanted[at : at + 5] for at in range(len(wanted) - 4)}
    lost = [shingle for shingle in shingles if shingle not in kept]
    assert len(lost) <= 0.001 * len(shingles) or len(lost) <= 5, lost[:10]
