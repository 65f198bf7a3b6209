"""A drafted module says what was drafted, as ruff would write it, and does nothing: whatever the pages held."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.draft.site import draft_site
from crawler.draft.source import Draft, literal, module_source, plain, raw_literal
from crawler.profile import Feed, HtmlList, Listing, Marks, PostKind, SiteProfile
from tests.crawler.draft.layouts import LAYOUTS, articles
from tests.support import ROOT

RUFF = Path(sys.executable).with_name("ruff")
EVIL = (
    '"""\nimport os\nos.abort()\n"""',
    "'); import os; os.abort() #",
    "\\",
    '\\"""',
    "a\rimport os",
    "x\u2028import os",
    "\u202eevil",
    "\ud800",
    "\x00\x0c",
    "{id.__class__}",
    "'\"",
    "# type: ignore",
    "type: ignore noqa fmt: off ruff: noqa " * 9,
)


def profile(text: str) -> SiteProfile:
    """A profile that has a text of a page in every place where one can get."""
    return SiteProfile(
        slug="e",
        title=text,
        group=text,
        hosts=("e.example", text),
        timezone="UTC",
        lang=text,
        kinds=(PostKind(name="article", url=text, canonical=text, fields={"title": (text, "h1"), "body": (text,)}),),
        listings=(
            Listing(channel=text, url=text, shape=HtmlList(item=text, link=(text,))),
            Listing(channel=text, url=text, shape=Feed()),
        ),
        marks=Marks(gone=(text, text)),
    )


def draft(text: str) -> Draft:
    notes = {"title": (text,), "kinds.0.fields.title": (text, text), "listings.0.shape.item": (text,)}
    return Draft(site=profile(text), notes=notes, summary=(text, text))


def evaluated(source: str) -> Any:
    """What a module names SITE. The module was made here, and may do nothing but name it."""
    space: dict[str, Any] = {}
    exec(compile(source, "drafted", "exec"), space)  # noqa: S102 - that it does nothing else is what is tested
    return space["SITE"]


@pytest.mark.parametrize("text", EVIL)
def test_a_text_of_a_page_stays_a_text_in_the_module(text: str) -> None:
    assert evaluated(module_source(draft(text))) == profile(text)


@given(st.text())
def test_every_text_stays_a_text_in_the_module(text: str) -> None:
    assert evaluated(module_source(draft(text))) == profile(text)


@given(st.text())
def test_literals_evaluate_to_their_text_and_stand_on_one_line(text: str) -> None:
    for written in (literal(text), raw_literal(text)):
        assert eval(written, {"__builtins__": {}}) == text  # noqa: S307 - a literal
        assert len(written.splitlines()) == 1


@given(st.text())
def test_a_text_for_a_comment_is_one_printable_line(text: str) -> None:
    assert plain(text).isprintable()
    assert len(plain(text, 10)) <= 10 * len("\\U0001f600") + 1


def test_a_module_of_anything_but_values_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.draft.source.literal", lambda text: text)
    with pytest.raises((AssertionError, SyntaxError)):
        module_source(draft("__import__('os').abort()"))


def test_drafts_of_sites_say_what_was_drafted() -> None:
    for layout in LAYOUTS:
        told = articles(layout)
        drafted = draft_site([layout.list_page(told), *map(layout.seen, told[:3])]).draft
        assert evaluated(module_source(drafted)) == drafted.site


def test_ruff_has_nothing_to_say_of_a_drafted_module(tmp_path: Path) -> None:
    for number, layout in enumerate(LAYOUTS):
        told = articles(layout)
        drafted = draft_site([layout.list_page(told), *map(layout.seen, told[:3])]).draft
        (tmp_path / f"layout{number}.py").write_text(module_source(drafted), encoding="utf-8")
    long = "长标题" * 60 + " and words " * 30
    for number, text in enumerate(
        [*(text for text in EVIL if text != "\ud800"), long, "https://e.example/" + "a" * 150]
    ):
        (tmp_path / f"evil{number}.py").write_text(module_source(draft(text)), encoding="utf-8")
    (tmp_path / "__init__.py").write_text("", encoding="utf-8")
    settings = ("--config", str(ROOT / "pyproject.toml"))
    for command in (["format", "--check"], ["check", "--output-format=concise"]):
        done = subprocess.run(
            [RUFF, *command, "--no-cache", *settings, tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
