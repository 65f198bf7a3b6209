"""`birdnest import …`: posts that lie on a disk already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.errors import NotAnArchiveError, PageError
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    VerboseOption,
    complain,
    config_of,
    err,
    log_level,
    new_table,
    out,
    print_json,
    say,
)

if TYPE_CHECKING:
    from archive.model import RunReport
    from crawler.config import Config
    from crawler.hexo_tree import SiteFiles, Tree
    from crawler.report import Tally
    from crawler.run import RunResult

_MOST_REASONS = 20

app = typer.Typer(name="import", help="Import posts that lie on a disk already.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Import posts that lie on a disk already."""


@app.command()
def hexo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A Hexo site, or a folder of its posts (*.md)")],
    *,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The site of all posts; default: what their categories name")
    ] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Fetch no images: list all as missing")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what each file is, and change nothing")] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Import a tree of Hexo posts, as aggregators write them: read as found, repaired, cleaned, archived."""
    from crawler.hexo_tree import read_tree

    loaded = config_of(config, archive)
    if not json_ and err().is_terminal:
        err().print(f"reading {folder} …", highlight=False)
    tree = read_tree(folder, loaded, slug=site)
    code = (
        _dry_run(loaded, tree, as_json=json_)
        if dry_run
        else _import(loaded, tree, with_images=not no_images, as_json=json_, verbose=verbose)
    )
    raise typer.Exit(code)


def _import(config: Config, tree: Tree, *, with_images: bool, as_json: bool, verbose: int) -> int:
    from crawler.display import Progressor
    from crawler.report import EXIT_CODES, SEVERITY
    from crawler.run import run_import

    with Progressor(None if as_json else err()) as progress:
        watch = _Watch(progress, tree)
        results = run_import(config, tree, watch=watch, with_images=with_images, log_level=log_level(verbose))
    _show(config, tree, results, as_json=as_json)
    return EXIT_CODES[max((result.report.verdict for result in results), key=SEVERITY.index)]


class _Watch:
    """One bar for all sites of a tree."""

    def __init__(self, progress: Any, tree: Tree) -> None:
        self._progress = progress
        self._files = tree.files
        self._ended: dict[str, int] = {}

    def __call__(self, slug: str, tally: Tally) -> None:
        from crawler.display import counts

        self._ended[slug] = tally.ended
        self._progress.show("import", self._files, sum(self._ended.values()), f"{slug}: {counts(tally)}")


def _show(config: Config, tree: Tree, results: Sequence[RunResult], *, as_json: bool) -> None:
    from archive.writer import report_value

    reports = [result.report for result in results]
    if as_json:
        print_json([report_value(report) for report in reports])
    else:
        _show_table(config, tree, reports)
    reasons = [(report.verdict, reason) for report in reports for reason in report.reasons]
    for verdict, reason in reasons[:_MOST_REASONS]:
        complain(f"{verdict}: {reason}")
    if len(reasons) > _MOST_REASONS:
        complain(f"… and {len(reasons) - _MOST_REASONS} more, all in the reports")
    if len(reports) < len(tree.sites):
        complain(f"interrupted: {len(tree.sites) - len(reports)} sites were not begun: run again")


def _show_table(config: Config, tree: Tree, reports: Sequence[RunReport]) -> None:
    from archive.layout import run_key
    from crawler.display import failure_lines, import_table

    out().print(import_table(reports, {files.site.slug: files.site.title for files in tree.sites}))
    missing = sum((Counter(report.images_missing) for report in reports), Counter())
    if missing:
        say(f"missing images: {', '.join(f'{count} {reason}' for reason, count in sorted(missing.items()))}")
    for line in failure_lines([failure for report in reports for failure in report.failures]):
        say(line)
    for report in reports:
        for note in report.notes:
            say(f"note: {report.site}: {note}")
    for note in _notes_of(tree):
        say(f"note: {note}")
    for report in reports:
        say(f"report: {config.archive}/{run_key(report.run)}")


def _notes_of(tree: Tree) -> list[str]:
    notes = [f"{tree.files} files read in {tree.root}"]
    if tree.excerpts:
        notes.append(f"{tree.excerpts} files *.part.md are excerpts of their posts")
    if tree.others:
        notes.append(f"{tree.others} files are no Markdown, and were left alone")
    return notes


def _dry_run(config: Config, tree: Tree, *, as_json: bool) -> int:
    """Say what an import would find: how many posts of each site, which of them are held, and what fails."""
    failed = 0
    table = new_table("site", "title")
    for name in ("files", "would be new", "held", "same as another", "failed"):
        table.add_column(name, justify="right")
    failures: list[str] = []
    for files in tree.sites:
        told = _would(config, tree, files)
        failed += len(told["failed"])
        if as_json:
            print_json(told)
            continue
        counts = (str(told[name]) for name in ("files", "new", "held", "same"))
        table.add_row(told["site"], told["title"], *counts, str(len(told["failed"])))
        failures += [f"{failure['reason']}  {failure['detail']}" for failure in told["failed"]]
    if not as_json:
        out().print(table)
        for line in failures[:_MOST_REASONS]:
            say(f"would fail  {line}")
        if len(failures) > _MOST_REASONS:
            say(f"… and {len(failures) - _MOST_REASONS} more")
        for note in _notes_of(tree):
            say(f"note: {note}")
    return PageError.exit_code if failed else 0


def _would(config: Config, tree: Tree, files: SiteFiles) -> dict[str, Any]:
    from crawler.hexo_tree import Importer, read_file
    from pipelines.clock import clock

    importer, now = Importer.of(files.site), clock()()
    held, seen = _held_ids(config, files.site.slug), set[str]()
    failed: list[dict[str, str]] = []
    same = 0
    for name in files.names:
        try:
            post = importer.raw_post(read_file(tree.root, name), name, fetched_at=now)
        except PageError as error:
            failed.append({"file": name, "reason": error.reason, "detail": str(error)})
            continue
        same += post.id in seen
        seen.add(post.id)
    return {
        "site": files.site.slug,
        "title": files.site.title,
        "files": len(files.names),
        "new": len(seen - held),
        "held": len(seen & held),
        "same": same,
        "failed": failed,
    }


def _held_ids(config: Config, slug: str) -> set[str]:
    from archive import ArchiveReader, open_store

    try:
        reader = ArchiveReader.open(open_store(config.archive, config.store_options()))
    except NotAnArchiveError:
        return set()
    return {ref.id for ref in reader.posts(slug)}
