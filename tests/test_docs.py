"""The documents say what the code does: every command, key, exit code and reason is in them; links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import Typer

import crawler.hexo_tree
import crawler.identity
import pipelines.check
import pipelines.images
from archive import errors
from archive.document import SEAL, compose
from archive.findings import CODES, Code
from archive.layout import BLOB_EXTENSIONS
from archive.views.catalogue import COLUMNS
from crawler.cli import app
from crawler.config import AlertTable, Config, ExpectationsTable, S3Table, SchedulerTable, SiteTable
from crawler.report import EXIT_CODES
from crawler.sites import all_sites
from tests.support import ROOT

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SITES = (ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
CATALOGUE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "archive-format.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def table_codes(docstring: str | None) -> list[str]:
    """The first words of the rows of a docstring's table."""
    _, rows, _ = re.split(r"^=+ =+$\n?", docstring or "", maxsplit=2, flags=re.MULTILINE)
    return [line.split()[0] for line in rows.splitlines() if line.strip()]


def all_errors(kind: type[errors.BirdnestError] = errors.BirdnestError) -> Iterator[type[errors.BirdnestError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from all_errors(child)


def commands(group: Typer, prefix: str = "") -> Iterator[str]:
    """All commands, those of groups by both names."""
    for command in group.registered_commands:
        yield prefix + (command.name or (command.callback.__name__ if command.callback else ""))
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(inner.typer_instance, f"{prefix}{inner.typer_instance.info.name} ")


def test_every_command_is_documented() -> None:
    names = set(commands(app))
    assert {"crawl", "archive", "verify", "export hexo"} <= names
    for name in names:
        assert f"`birdnest {name}" in OPERATING, name


def test_every_command_of_a_group_is_documented() -> None:
    groups = {
        group.name or (group.typer_instance and group.typer_instance.info.name): group.typer_instance
        for group in app.registered_groups
    }
    assert "import" in groups
    for name, group in groups.items():
        for command in group.registered_commands if group else ():
            inner = command.name or (command.callback.__name__ if command.callback else "")
            assert f"`birdnest {name} {inner}" in OPERATING, f"{name} {inner}"


def test_every_configuration_key_is_documented() -> None:
    for name in Config.model_fields:
        assert name in ("sites", "s3", "scheduler") or f"| `{name}` |" in OPERATING, name
    for name in S3Table.model_fields:
        assert f"| `s3.{name}` |" in OPERATING, name
    for name in SiteTable.model_fields:
        assert f"| `sites.<slug>.{name}` |" in OPERATING, name
    for name in SchedulerTable.model_fields:
        assert f"| `scheduler.{name}` |" in OPERATING, name
    chapter = OPERATING.split("### What a healthy run shows", 1)[1].split("### Seen from outside", 1)[0]
    first_cells = " ".join(re.findall(r"^\| (`.*?`) \|", chapter, re.MULTILINE))
    for name in (*ExpectationsTable.model_fields, *AlertTable.model_fields):
        assert f"`{name}`" in first_cells, name


def test_every_exit_code_is_documented() -> None:
    codes = {kind.exit_code for kind in all_errors()} | set(EXIT_CODES.values())
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", OPERATING, re.MULTILINE)} == codes


@pytest.mark.parametrize("module", [pipelines.images, pipelines.check, crawler.hexo_tree, crawler.identity])
def test_every_reason_is_documented(module: object) -> None:
    reasons = table_codes(module.__doc__)
    assert len(reasons) > 3
    for reason in reasons:
        assert reason == "http-<status>" or f"`{reason}`" in OPERATING, reason


def test_every_finding_of_verify_is_documented() -> None:
    table = FORMAT.split("## What `birdnest verify` checks", 1)[1]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE))
    assert rows == {name: _meaning(code) for name, code in CODES.items()}


def _meaning(code: Code) -> str:
    warning = "warning: " if code.severity == "warning" else ""
    return warning + code.meaning + (" (with `--full`)" if code.full else "")


def test_every_front_matter_key_is_documented_in_its_order() -> None:
    source = Path(compose.__code__.co_filename).read_text(encoding="utf-8")
    written = re.findall(
        r'^        "(\w+)": ', source.split("def compose", 1)[1].split("def sealed", 1)[0], re.MULTILINE
    )
    table = FORMAT.split("## The document", 1)[1].split("Readers keep", 1)[0]
    documented = [
        name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert documented == [*written, SEAL]


def test_every_site_is_documented_with_what_its_profile_was_written_from() -> None:
    rows = {row[0]: row for row in re.findall(r"^\| `([\w-]+)` \| (.*) \|$", SITES, re.MULTILINE)}
    assert list(rows) == list(all_sites())
    for slug, site in all_sites().items():
        told = rows[slug][1]
        for part in (site.title, site.hosts[0], site.facts.dated or "no date", site.facts.note, *site.facts.sources):
            assert part in told, slug
        assert f"{len(site.listings)} (" in told if site.listings else "| none |" in told


def test_every_column_of_the_catalogue_is_documented() -> None:
    table = CATALOGUE.split("## Columns", 1)[1]
    keys = set(re.findall(r"`(\w+)`", FORMAT.split("## The document", 1)[1].split("Readers keep", 1)[0]))
    assert set(COLUMNS) <= keys | set(re.findall(r"`(\w+)`", table))


def test_every_blob_extension_is_documented() -> None:
    for media_type, extension in BLOB_EXTENSIONS.items():
        assert f"`{media_type}` | `{extension}`" in FORMAT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, target


def test_make_targets_named_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"make ([a-z-]+)\b", page.read_text(encoding="utf-8"))
        if "`make " + name in page.read_text(encoding="utf-8") or "$ make " + name in page.read_text(encoding="utf-8")
    }
    assert {"demo", "test"} <= named
    assert named <= targets
