"""Pages that gave no post are kept as they came, with what is known of them."""

import json
from pathlib import Path

from crawler.rejects import keep_reject

URL = "https://www.niaogebiji.com/article-1-1.html"


def test_a_page_is_kept_byte_for_byte_with_its_story_beside_it(tmp_path: Path) -> None:
    page = "<p>鸟</p>".encode("gbk") + b"\x00\xff"
    file = keep_reject(tmp_path / "new" / "folder", url=URL, reason="soft-404", detail="不存在", page=page)
    assert file.read_bytes() == page
    assert file.name.startswith("soft-404-")
    assert file.suffix == ".html"
    text = file.with_suffix(".json").read_text(encoding="utf-8")
    assert json.loads(text) == {"url": URL, "reason": "soft-404", "detail": "不存在"}
    assert "不存在" in text


def test_pages_of_different_addresses_and_reasons_lie_side_by_side(tmp_path: Path) -> None:
    kept = {
        keep_reject(tmp_path, url=url, reason=reason, detail="", page=b"x")
        for url in (URL, f"{URL}?x=1")
        for reason in ("soft-404", "captcha")
    }
    assert len(kept) == 4
    assert {path.name for path in tmp_path.glob("*.html")} == {path.name for path in kept}
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_the_same_page_again_stands_in_place_of_the_earlier(tmp_path: Path) -> None:
    first = keep_reject(tmp_path, url=URL, reason="captcha", detail="", page=b"one")
    assert keep_reject(tmp_path, url=URL, reason="captcha", detail="", page=b"two") == first
    assert first.read_bytes() == b"two"
