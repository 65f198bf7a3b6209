"""The post that Birdnest was asked for: nothing of it may be lost, nothing of its dress may stay."""

import re
from pathlib import Path

import pytest

from pipelines.clean import clean, parse_clean
from pipelines.clean.parse import parse_body
from pipelines.clean.tree import text_of

_POST = Path(__file__).resolve().parents[4] / "shared" / "seed-post.md"


@pytest.fixture
def body() -> str:
    if not _POST.is_file():
        pytest.skip(f"the seed post is not at {_POST}")
    return re.split(r"^---$", _POST.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE)[2]


def test_every_visible_character_is_there_in_order(body: str) -> None:
    cleaned = clean(body, "https://www.niaogebiji.com/article-1-1.html")
    assert "".join(cleaned.text.split()) == "".join(text_of(parse_body(body)).split())


def test_headings_and_images_are_there(body: str) -> None:
    cleaned = clean(body, "https://www.niaogebiji.com/article-1-1.html")
    headings = [heading.text for heading in parse_clean(cleaned.html).iter("h2")]
    assert headings == [
        "01、以用户资产为核心，开放力度加强",
        "02、商家布局全域的新机会",
        "03、服务商在支付宝的掘金新机会",
    ]
    assert len(cleaned.images) == 3
    assert cleaned.tags == ("支付宝", "服务商")


def test_no_style_no_data_no_wrapper_is_left(body: str) -> None:
    cleaned = clean(body, "https://www.niaogebiji.com/article-1-1.html")
    root = parse_clean(cleaned.html)
    assert {element.tag for element in root.iterdescendants()} == {"p", "h2", "img", "strong"}
    assert {name for element in root.iter() for name in element.attrib} == {"src", "alt"}
    assert all(text_of(block).strip() or len(block) for block in root)
