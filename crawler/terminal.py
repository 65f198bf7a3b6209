"""What all commands share: where they print, the options they have in common, configuration and archive to read."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.errors import UnsupportedUrlError, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from archive.layout import PostRef
    from archive.reader import ArchiveReader
    from crawler.config import Config

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration; default ./birdnest.toml", show_default=False)
]
ArchiveOption = Annotated[
    str | None,
    typer.Option("--archive", "--to", "-a", help="A folder or s3://bucket/prefix", show_default="./archive"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs")]
VerboseOption = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="Log more: -v, -vv", show_default=False)
]
LogJsonOption = Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line, and print nothing else")]


@cache
def out() -> Console:
    """Where results are printed; who prints JSON alone needs no rich."""
    from rich.console import Console

    return Console()


@cache
def err() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def config_of(path: Path | None, archive: str | None) -> Config:
    from crawler.config import load_config

    config = load_config(path)
    return config.model_copy(update={"archive": archive}) if archive else config


def reader_of(path: Path | None, archive: str | None) -> ArchiveReader:
    from archive import ArchiveReader, open_store

    loaded = config_of(path, archive)
    return ArchiveReader.open(open_store(loaded.archive, loaded.store_options()))


def ref_of(reader: ArchiveReader, post: str) -> PostRef:
    """The newest version of the post that a person names; a URL in any spelling that is the same address."""
    from crawler.addresses import place_of

    if "://" not in post:
        return reader.find(post)
    try:
        slug, place = place_of(post)
    except UnsupportedUrlError:
        return reader.find(post)
    versions = reader.versions(slug, place.id)
    return versions[-1] if versions else reader.find(place.url)


def log_as(config: Config, *, log_json: bool, level: str = "ERROR", plain: bool = False) -> Config:
    """The configuration with its kind of log; where that is JSON, this process logs so from now on.

    plain: else log lines of text, too.
    """
    from crawler import jsonlog

    if log_json:
        config = config.model_copy(update={"log": "json"})
    if config.log == "json":
        jsonlog.install(level)
    elif plain:
        jsonlog.install_plain()
    return config


def log_level(verbose: int) -> str:
    return ("ERROR", "INFO", "DEBUG")[min(verbose, 2)]


def moment_of(since: str | None) -> datetime | None:
    """The time that --since names, of this machine's zone where it names none."""
    try:
        return datetime.fromisoformat(since).astimezone() if since else None
    except ValueError:
        raise UsageError(f"--since {since!r}: expected an ISO 8601 date or time such as 2026-11-22") from None


def new_table(*columns: str, **options: Any) -> Table:
    """A table to print; see rich.table, which is read in here."""
    from rich.table import Table

    return Table(*columns, **options)


def write_file(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}: name another file or folder") from error


def say(line: str) -> None:
    out().print(line, highlight=False, markup=False, soft_wrap=True)


def complain(line: str) -> None:
    from crawler import jsonlog

    if jsonlog.is_installed():
        logging.getLogger("birdnest").error("%s", line)
        return
    err().print(line, style="red", highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
