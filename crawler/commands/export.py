"""`birdnest export …` and `birdnest sql`: an archive's posts given back to programs that know nothing of Birdnest."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from archive.errors import DamageError, ObjectMissing, UsageError
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    complain,
    config_of,
    err,
    moment_of,
    new_table,
    out,
    print_json,
    reader_of,
    ref_of,
    say,
)

if TYPE_CHECKING:
    from archive.reader import ArchiveReader
    from archive.store import Store
    from archive.views.reader.frame import Look
    from archive.views.sources import Choice, Complain
    from archive.views.tree import Shape
    from crawler.counting import CountBar

app = typer.Typer(
    name="export",
    help="Give an archive's posts back: a site to read, a book, SQL, a Hexo tree, Markdown, single files, JSON Lines.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SiteOption = Annotated[str | None, typer.Option(help="Only this site's posts")]
SinceOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Only posts published since this ISO date or time")
]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Only posts with this tag; may be given again")]
PlaceArgument = Annotated[str, typer.Argument(metavar="DIR", help="A folder, or s3://bucket/prefix")]


@app.command()
def catalogue(*, archive: ArchiveOption = None, config: ConfigOption = None, json_: JsonOption = False) -> None:
    """Bring the archive's catalogue up to date: Parquet and JSON Lines in its views/catalogue/."""
    from archive.views.catalogue import CATALOGUE

    reader = reader_of(config, archive)
    with _work("catalogue", quiet=json_) as (bar, trouble):
        built = _build(reader.store, bar, trouble)
    if json_:
        print_json({"catalogue": f"{reader.store.url}/{CATALOGUE}", **vars(built), "requests": _requests(reader.store)})
    else:
        say(
            f"{built.rows:,} versions in {reader.store.url}/{CATALOGUE}: read {built.read:,} documents, "
            f"wrote {built.written:,} months, removed {built.removed:,}"
        )


@app.command()
def hexo(
    place: PlaceArgument,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Bodies in Markdown instead of HTML")] = False,
    site: SiteOption = None,
    since: SinceOption = None,
    tag: TagOption = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="The tree's zone, as Asia/Shanghai; without it that of its _config.yml, or of the posts",
        ),
    ] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write posts as a tree that Hexo builds; a second export changes only what changed."""
    from archive.views.hexo import shape
    from archive.views.markdown import converter

    to_markdown = converter(pictures_as_html=True) if markdown else None
    reader, choice = reader_of(config, archive), _choice(site, since, tag)
    target = _target(config, place)
    zone = timezone or _timezone(reader, target)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"timezone {zone!r}: expected a name such as Asia/Shanghai") from None
    _export(reader, target, shape(timezone=zone, to_markdown=to_markdown), choice, as_json=json_)
    if not json_:
        say(f"build it: cd {place} && npm install && npx hexo generate")


@app.command()
def markdown(
    place: PlaceArgument,
    *,
    site: SiteOption = None,
    since: SinceOption = None,
    tag: TagOption = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write posts as Markdown files with their pictures; a second export changes only what changed."""
    from archive.views.markdown import converter, shape

    form = shape(converter())
    _export(reader_of(config, archive), _target(config, place), form, _choice(site, since, tag), as_json=json_)


@app.command()
def html(
    post: Annotated[str, typer.Argument(help="site/id, a document's key, or the post's URL")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; - prints it", show_default="<id>.html")
    ] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Write one post as one file that holds its pictures and needs nothing else."""
    from archive.views.single_file import single_file

    reader = reader_of(config, archive)
    head = reader.load(ref_of(reader, post))
    text = single_file(reader.store, head.document)
    if output == Path("-"):
        sys.stdout.write(text)
        return
    file = output or Path(f"{head.ref.id}.html")
    _write_whole(file, iter([text]))
    say(str(file))


@app.command()
def jsonl(
    output: Annotated[Path | None, typer.Argument(metavar="FILE", help="Without it the lines are printed")] = None,
    *,
    site: SiteOption = None,
    since: SinceOption = None,
    tag: TagOption = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Write posts as JSON Lines: each line the metadata and the body of one."""
    from archive.views.lines import lines

    reader, choice = reader_of(config, archive), _choice(site, since, tag)
    with _work("jsonl", quiet=False) as (bar, trouble):
        counted = _counted(lines(reader.store, choice, trouble), bar)
        if output is not None:
            _write_whole(output, counted)
            return
        for line in counted:
            sys.stdout.write(line)


@app.command()
def reader(
    place: PlaceArgument,
    *,
    title: Annotated[str, typer.Option(metavar="NAME", help="The reader's name, above every page")] = "Birdnest",
    language: Annotated[str, typer.Option(metavar="zh|en", help="The language of its own words")] = "zh",
    site: SiteOption = None,
    since: SinceOption = None,
    tag: TagOption = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write posts as a site that people read, of static pages; a second export changes only what changed."""
    from archive.views.reader.build import build
    from archive.views.reader.search import HOW_TO_GET_IT

    look, choice = look_of(title, language), _choice(site, since, tag)
    store, target = reader_of(config, archive).store, _target(config, place)
    with _work("reader", quiet=json_) as (bar, trouble):
        built = build(store, target, look, choice, progress=bar, complain=trouble)
        if json_:
            print_json({"place": target.url, **vars(built), "requests": _requests(target)})
        else:
            say(
                f"{built.posts:,} posts in {target.url}: read {built.read:,} documents, wrote {built.written:,} files, "
                f"removed {built.removed:,}"
            )
            say(f"open it: {target.url.rstrip('/')}/index.html")
            if not built.search:
                say(f"it has no search, for which Pagefind is not installed: {HOW_TO_GET_IT}")


@app.command()
def epub(
    output: Annotated[Path, typer.Argument(metavar="FILE.epub", help="The file to write")],
    *,
    site: SiteOption = None,
    tag: TagOption = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", help="Only posts by this author; may be given again")
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Only posts published in this month, by their own clock")
    ] = None,
    since: SinceOption = None,
    title: Annotated[str | None, typer.Option(help="The book's; without it, what was chosen")] = None,
    language: Annotated[str, typer.Option(metavar="zh|en", help="The language of its own words")] = "zh",
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Make a book of posts: an EPUB with cover, contents and their pictures."""
    from archive.views.epub.book import make_book
    from archive.views.epub.words import WORDS
    from archive.writer import GENERATOR

    if language not in WORDS:
        raise UsageError(f"--language {language!r}: expected one of {', '.join(WORDS)}")
    choice = replace(_choice(site, since, tag), authors=tuple(author or ()), month=_month(month))
    reader = reader_of(config, archive)
    with _work("epub", quiet=json_, things="documents and pictures") as (bar, trouble):
        with _whole(output) as stream:
            made = make_book(
                reader,
                stream,
                choice,
                generator=GENERATOR,
                language=language,
                title=title,
                progress=bar,
                complain=trouble,
            )
        size = output.stat().st_size
        if json_:
            print_json({"file": str(output), **vars(made), "bytes": size})
        else:
            say(f"{made.title}: {made.posts:,} posts and {made.pictures:,} pictures in {output}, {size / 1000:,.0f} kB")


def sql(
    query: Annotated[str, typer.Argument(metavar="SQL", help="A query over the tables posts and versions")],
    *,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Ask the catalogue that is there, without bringing it up to date")
    ] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Ask an archive in SQL: DuckDB over its catalogue. Needs the extra `sql`."""
    from rich.text import Text

    from archive.views.sql import ask

    reader = reader_of(config, archive)
    with _work("catalogue", quiet=json_) as (bar, trouble):
        if not as_is:
            _build(reader.store, bar, trouble)
    with ask(reader.store, query) as answer:
        if json_:
            for row in answer.rows:
                sys.stdout.write(
                    json.dumps(dict(zip(answer.columns, row, strict=True)), ensure_ascii=False, default=_json) + "\n"
                )
            return
        table = new_table(*answer.columns)
        for row in answer.rows:
            table.add_row(*(Text(_cell(value)) for value in row))
    out().print(table)


def look_of(title: str, language: str) -> Look:
    """What a person chose for all pages of a reader. Raises UsageError."""
    from archive.views.reader.frame import Look
    from archive.views.reader.version import plain
    from archive.views.reader.words import WORDS

    if language not in WORDS:
        raise UsageError(f"--language {language!r}: expected one of {', '.join(WORDS)}")
    if not title.strip():
        raise UsageError("--title '': expected a name")
    return Look(title=plain(title.strip()), language=language)


# -- what they share ---------------------------------------------------------------------------------------------


@contextmanager
def _work(title: str, *, quiet: bool, things: str = "documents") -> Iterator[tuple[CountBar, Complain]]:
    """A bar, and a place for complaints: these are shown, and end the command with 7 when the work is done."""
    from crawler.counting import CountBar

    told: list[str] = []

    def trouble(line: str) -> None:
        told.append(line)
        complain(f"left out: {line}")

    with CountBar(err(), title, quiet=quiet) as bar:
        yield bar, trouble
    if told:
        raise DamageError(
            f"{len(told)} of the archive's {things} could not be used, all others were: `birdnest verify` tells more"
        )


def _build(store: Store, bar: CountBar, trouble: Complain) -> Any:
    from archive.views.catalogue import build

    return build(store, progress=bar, complain=trouble)


def _export(reader: ArchiveReader, target: Store, form: Shape, choice: Choice, *, as_json: bool) -> None:
    from archive.views.tree import export

    with _work(form.name, quiet=as_json) as (bar, trouble):
        done = export(reader.store, target, form, choice, progress=bar, complain=trouble)
        if as_json:
            print_json({"place": target.url, **vars(done), "requests": _requests(target)})
        else:
            say(
                f"{done.posts:,} posts in {target.url}: read {done.read:,} documents, wrote {done.written:,} files, "
                f"removed {done.removed:,}"
            )


def _requests(store: Store) -> dict[str, int]:
    return dict(sorted(store.usage.requests.items()))


def _choice(site: str | None, since: str | None, tag: list[str] | None) -> Choice:
    from archive.views.sources import Choice

    return Choice(site=site, since=moment_of(since), tags=tuple(tag or ()))


def _target(config: Path | None, place: str) -> Store:
    """The place that an export writes to, where it may overwrite what it has written."""
    from archive import open_store

    return open_store(place, config_of(config, None).store_options(), mutable="")


def _timezone(reader: ArchiveReader, target: Store) -> str:
    """The zone that a tree has already, or else that of the archive's first post with a time."""
    from archive.views.hexo import timezone_in, timezone_of

    try:
        found = timezone_in(target.read("_config.yml").decode())
    except (ObjectMissing, UnicodeDecodeError):
        found = None
    return found or timezone_of(_published(reader))


def _published(reader: ArchiveReader) -> Iterator[datetime]:
    for ref in reader.posts():
        try:
            moment = reader.load(ref).document.moment("published_at")
        except (DamageError, ObjectMissing):
            continue
        if moment is not None:
            yield moment


def _counted(lines: Iterator[str], bar: Callable[[str, int], None]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        bar("posts", number)
        yield line


def _month(month: str | None) -> str | None:
    if month is None or re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        return month
    raise UsageError(f"--month {month!r}: expected a month such as 2026-11")


def _write_whole(file: Path, texts: Iterator[str]) -> None:
    with _whole(file) as target:
        for text in texts:
            target.write(text.encode())


@contextmanager
def _whole(file: Path) -> Iterator[IO[bytes]]:
    """A file that is there when all of it is, and not before."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}: name another file or folder") from error
    finally:
        part.unlink(missing_ok=True)


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_json)
    return "" if value is None else str(value)


def _json(value: Any) -> Any:
    """What JSON has no form of, as text: times, decimals, bytes."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
