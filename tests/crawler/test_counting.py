"""What long work on an archive shows while it goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from crawler import counting
from crawler.counting import CountBar


def shown(*, terminal: bool, quiet: bool = False) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with CountBar(console, "hexo", quiet=quiet) as bar:
        for done in (1, 12_345):
            bar("posts", done)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(terminal=False) == ""
    monkeypatch.setattr(counting, "_LINE_EVERY_SECONDS", 0.0)

    assert shown(terminal=False) == "hexo: 1 posts\nhexo: 12,345 posts\n"


def test_a_terminal_has_a_live_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_REDRAW_SECONDS", 0.0)

    assert "hexo: 12,345 posts" in shown(terminal=True)


def test_who_asks_for_json_is_shown_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_REDRAW_SECONDS", 0.0)

    assert shown(terminal=True, quiet=True) == ""
