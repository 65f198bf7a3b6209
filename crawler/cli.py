"""The command `birdnest`. Heavy modules are imported by the commands that need them: `birdnest --help` is quick."""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from copy import copy
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.errors import (
    BirdnestError,
    DamageError,
    LeaseHeld,
    PageError,
    StoreError,
    UnsupportedUrlError,
    UsageError,
)
from crawler.commands import care, drafting, export, importing, operations, serving
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    LogJsonOption,
    VerboseOption,
    complain,
    config_of,
    err,
    log_as,
    log_level,
    moment_of,
    new_table,
    out,
    print_json,
    reader_of,
    ref_of,
    say,
    write_file,
)

if TYPE_CHECKING:
    from archive.reader import ArchiveReader, Head
    from crawler.config import Config
    from crawler.frontier import Frontier
    from crawler.run import RunResult, Wish
    from crawler.spiders.post import IdRange
    from pipelines.clean.rules import CleanRules

app = typer.Typer(
    name="birdnest",
    help="Archive article sites: find posts, clean their HTML, keep their images, in a folder or in S3.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine · 1 a bug of ours · 2 wrong usage · 3 wrong configuration · 4 below expectations · "
    "5 site unreachable · 6 store failed · 7 damage found · 8 another run crawls the site · 130 interrupted.",
)
_CRAWL, _READ, _KEEP = "Crawl and archive", "Read and give back", "Keep an archive sound"
_LEAVE_ALONE, _SITES = "Leave it alone", "Sites"
INTERRUPTED = 130
_OBJECTS_BETWEEN_COLLECTIONS = 250_000
_CHECKPOINT_SECONDS = 7 * 24 * 3600  # a check that was stopped longer ago begins anew


def main() -> None:
    """The entry point: every error of ours is one line, and its exit code; so is a signal before a crawl runs."""
    # Modules are read in by the hundred and stay: looking for garbage after every 700 objects, as Python has it, costs
    # a tenth of a run that finds nothing new.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # Pydantic would read what all installed packages say of themselves, to find plugins; we have none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    try:
        _with_only(sys.argv[1] if len(sys.argv) > 1 else "")()
    except BirdnestError as error:
        complain(f"error: {error}")
        sys.exit(error.exit_code)
    finally:
        # The end of the process frees all there is; to look through it for cycles first takes Python a quarter of what
        # a run costs that finds nothing new.
        gc.freeze()


def _with_only(name: str) -> typer.Typer:
    """The program with the command or group of that name alone, with all where there is none: to build every command
    takes longer than to run some.
    """
    commands = [each for each in app.registered_commands if name in (each.name, _name_of(each.callback))]
    groups = [each for each in app.registered_groups if each.typer_instance and each.typer_instance.info.name == name]
    if not commands and not groups:
        return app
    chosen = copy(app)
    chosen.registered_commands, chosen.registered_groups = commands, groups
    return chosen


def _name_of(function: Callable[..., Any] | None) -> str | None:
    return function.__name__.replace("_", "-") if function else None


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature for an option's callback
    if wanted:
        from importlib.metadata import version

        say(f"birdnest {version('birdnest')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit")
    ] = False,
) -> None:
    del version  # its callback has done all there is to do


def _leave(*_: object) -> None:
    # At once: an exception out of a signal handler turns into something else inside code that is not Python. A crawl
    # has its own handler, and nothing else leaves anything half-done.
    if err.cache_info().currsize:  # else nothing hid it, and this is no moment to import anything
        err().show_cursor(show=True)
    os._exit(INTERRUPTED)


@app.command(rich_help_panel=_CRAWL)
def init(*, force: Annotated[bool, typer.Option(help="Overwrite an existing file")] = False) -> None:
    """Write a birdnest.toml with every key explained."""
    from crawler.config import FILE_NAME, TEMPLATE

    file = Path(FILE_NAME)
    if file.exists() and not force:
        raise UsageError(f"{file} is there already: edit it, or give --force to overwrite it")
    write_file(file, TEMPLATE)
    say(f"wrote {file}: edit it, then `birdnest probe SITE` and `birdnest crawl SITE`")


@app.command(rich_help_panel=_CRAWL)
def crawl(
    sites: Annotated[
        list[str] | None, typer.Argument(metavar="SITE…", help="Sites to crawl; `birdnest sites` names them")
    ] = None,
    *,
    feed: Annotated[
        list[str] | None,
        typer.Option("--feed", metavar="URL", help="Instead of a site's lists, what this feed names, of any sites"),
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Crawl the sites whose schedule says so, and no others")] = False,
    archive: ArchiveOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many posts of each site")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only posts since this ISO date or time")] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch every known post again, whole")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed, due or not")] = False,
    ids: Annotated[
        str | None,
        typer.Option(
            metavar="[KIND:]A-B", help="Read no lists: try the posts of these numbers, of the site's first kind of post"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the lists, say what is due, change nothing")] = False,
    refetch_images: Annotated[bool, typer.Option(help="Fetch images again that the archive holds")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
    log_json: LogJsonOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Crawl sites: archive what their lists name that is new or changed, and look again at what is due."""
    moment_of(since)
    loaded = log_as(config_of(config, archive), log_json=log_json, level=log_level(verbose))
    asked: dict[str, Any] = {"limit": limit, "since": since, "full": full}
    if feed and (sites or ids or dry_run or retry_failed):
        raise UsageError("--feed reads feeds and no site's lists: leave out SITE, --ids, --dry-run, --retry-failed")
    if dry_run and ids:
        raise UsageError("--dry-run reads lists, and with --ids none are read: give one of the two")
    if due and (sites or feed):
        raise UsageError("--due takes the sites whose schedule says so: leave out SITE and --feed")
    chosen = _sites_due(loaded) if due else sites or ()
    if due and not chosen:
        return  # without a word: cron would mail it
    _read_in_scrapy()
    if feed:
        wishes = _feed_wishes(loaded, feed, asked)
    else:
        asked["retry_failed"] = retry_failed
        wishes = _site_wishes(loaded, chosen, ids, asked)
    if dry_run:
        _show_plan(loaded, wishes, as_json=json_, verbose=verbose)
        return
    _run(loaded, wishes, refetch_images=refetch_images, as_json=json_, verbose=verbose, skip_held=due)


def _read_in_scrapy() -> None:
    """Read in first what walks the stack as it is read in, and looks through all modules for each import on it: the
    fewer of these there are, the better.
    """
    for name in ("tls", "contextfactory"):
        import_module(f"scrapy.core.downloader.{name}")


def _sites_due(config: Config) -> list[str]:
    from crawler.aftermath import sites_due

    return sites_due(config)


def _show_plan(config: Config, wishes: Sequence[Wish], *, as_json: bool, verbose: int) -> None:
    """What a crawl would fetch; leaves with an exit code where a list could not be read."""
    from crawler.plan import plan

    planned = plan(config, wishes, log_level=log_level(verbose))
    for each in planned:
        if as_json:
            print_json(vars(each))
        else:
            for url, why in each.due.items():
                say(f"{url}  {why}")
            say(f"{each.site}: {len(each.due)} posts would be fetched, {each.known} are known and not due")
            for failure in each.failed:
                complain(failure)
    if any(each.failed for each in planned):
        raise typer.Exit(PageError.exit_code)


@app.command(name="archive", rich_help_panel=_CRAWL)
def archive_(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL…", help="Addresses of posts")] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="A list of URLs: text, one a line; CSV; OPML; bookmarks of a browser"),
    ] = None,
    archive: ArchiveOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take pages of unknown sites that look little like an article")
    ] = False,
    ignore_robots: Annotated[bool, typer.Option(help="Fetch what robots.txt does not allow")] = False,
    refetch_images: Annotated[bool, typer.Option(help="Fetch images again that the archive holds")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Archive single posts, one-off, of any site. A list that was interrupted goes on with the rest."""
    wanted = [*(urls or []), *(_urls_of(file) if file else [])]
    if not wanted:
        raise UsageError("no URL given: name some, or give a file of them with -f")
    _read_in_scrapy()
    wishes, bad = _wishes(wanted, force=force)
    if not wishes:
        raise UnsupportedUrlError("; ".join(bad))
    loaded = config_of(config, archive)
    if ignore_robots:
        loaded = loaded.model_copy(update={"robots": "ignore"})
    for line in bad:
        complain(f"error: {line}")
    code = _run(
        loaded,
        wishes,
        refetch_images=refetch_images,
        as_json=json_,
        verbose=verbose,
        leave=False,
        list_name=f"{file.resolve()}{', forced' if force else ''}" if file else None,
    )
    raise typer.Exit(code or (UnsupportedUrlError.exit_code if bad else 0))


@app.command(name="list", rich_help_panel=_READ)
def list_(
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's posts")] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the posts of an archive."""
    reader = reader_of(config, archive)
    for ref in reader.posts(site):
        head = reader.load(ref)
        front = head.document.front
        if json_:
            print_json({"site": ref.site, "id": ref.id, "version": ref.version, "key": ref.key, **_summary(front)})
        else:
            day = (front.get("published_at") or front.get("fetched_at") or front.get("when") or "")[:10]
            title = front.get("title", "(taken down)")
            out().print(
                f"{ref.site}/{ref.id}  v{ref.version}  {day}  {title}", highlight=False, markup=False, soft_wrap=True
            )


@app.command(rich_help_panel=_READ)
def show(
    post: Annotated[str, typer.Argument(help="site/id, a document's key, or the post's URL")],
    *,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show one post: its metadata, its versions and its text."""
    from rich.text import Text

    reader = reader_of(config, archive)
    head = reader.load(ref_of(reader, post))
    if json_:
        print_json({**head.document.front, "body": head.document.body})
        return
    versions = reader.versions(head.ref.site, head.ref.id)
    table = new_table(show_header=False, box=None)
    for key, value in head.document.front.items():
        table.add_row(key, Text(_short(value)))
    table.add_row("versions", ", ".join(f"v{ref.version}" for ref in versions))
    out().print(table)
    out().print("\n" + _plain_text(head.document.body), highlight=False, markup=False)


@app.command(name="open", rich_help_panel=_READ)
def open_(
    post: Annotated[str, typer.Argument(help="site/id, a document's key, or the post's URL")],
    *,
    browser: Annotated[bool, typer.Option(help="Start the browser; without it only the page's path is printed")] = True,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Open one post in the browser."""
    reader = reader_of(config, archive)
    head = reader.load(ref_of(reader, post))
    if head.document.is_takedown:
        raise UsageError(f"{post}: this post was taken down, there is nothing to open")
    file = _page_file(reader, head)
    say(str(file))
    if browser:
        import webbrowser

        webbrowser.open(file.as_uri())


@app.command(rich_help_panel=_CRAWL)
def frontier(
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's URLs")] = None,
    state: Annotated[str | None, typer.Option(help="List URLs: open, archived, failed, gone, alias")] = None,
    due: Annotated[bool, typer.Option("--due", help="List the URLs that the next crawl would fetch")] = False,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="List at most so many")] = 50,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what is known of an archive's sites: how many URLs are open, failing, due, and which."""
    from crawler.frontier import STATES
    from pipelines.clock import clock

    if state is not None and state not in STATES:
        raise UsageError(f"--state {state!r}: expected one of {', '.join(STATES)}")
    now = int(clock()().timestamp())
    with closing(_frontier(config, archive)) as known:
        if state or due:
            rows = list(known.rows(site=site, state=state, due_by=now if due else None, most=most))
            for row in rows:
                print_json(row) if json_ else say(_row_line(row))
            return
        counts = {slug: numbers for slug, numbers in known.counts(now=now).items() if site in (None, slug)}
    if json_:
        print_json(counts)
        return
    table = new_table("site", *STATES, "due now", "images to try again")
    for slug, numbers in counts.items():
        table.add_row(slug, *(str(numbers.get(name, 0)) for name in (*STATES, "due", "images")))
    out().print(table)
    say("which: `birdnest frontier --due`, `--state failed` …; one URL's story: `birdnest why URL`")


@app.command(rich_help_panel=_CRAWL)
def why(
    url: Annotated[str, typer.Argument(help="The URL of a post")],
    *,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Tell one URL's story: where it was found, when it was fetched, what came of it, when it is due again."""
    from crawler.addresses import place_of
    from crawler.frontier import has_address

    with closing(_frontier(config, archive)) as known:
        if has_address(url):
            slug, place = place_of(url)
            canonical = place.url
        else:
            slug, canonical = known.site_of(url) or "", url
        try:
            row, happened, images = known.story(slug, canonical)
        except KeyError:
            raise UsageError(f"{canonical} was never found: no list named it, and nobody asked for it") from None
    if json_:
        events = [{"at": at, "run": run, "what": what} for at, run, what in happened]
        print_json({**row, "events": events, "missing_images": images})
        return
    say(f"{canonical}\n{_time(row['found_at'])}  found in {row['found_where']}")
    for at, run, what in happened:
        say(f"{_time(at)}  {what}  (run {run})")
    for image in images:
        say(
            f"missing image {image['image']}: {image['reason']}, tried {image['attempts']} times, "
            f"again {_time(image['due_at'])}"
        )
    say(f"now: {_row_line(row)}")


def _frontier(config: Path | None, archive: str | None) -> Frontier:
    from crawler.frontier import Frontier, frontier_file

    loaded, info = config_of(config, archive), reader_of(config, archive).info
    file = frontier_file(loaded.state.expanduser(), info.id)
    if not file.exists():
        raise UsageError(f"there is no frontier of this archive ({file}): the next `birdnest crawl` builds one")
    return Frontier(file, recheck_days=loaded.recheck_days)


def _row_line(row: Mapping[str, Any]) -> str:
    parts = [row["state"], row["site"], row["url"]]
    if row["version"]:
        parts.append(f"v{row['version']}")
    if row["alias_of"]:
        parts.append(f"leads to {row['alias_of']}")
    if row["reason"]:
        parts.append(f"{row['reason']} ({row['attempts']} attempts)" if row["attempts"] else row["reason"])
    if row["due_at"] is not None:
        parts.append(f"due {_time(row['due_at'])}" if row["due_at"] else "due now")
    return "  ".join(parts)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="minutes")


@app.command(rich_help_panel=_KEEP)
def verify(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Also read, hash and decode every image, and look into every post")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Read only what was stored since this ISO date or time")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Do not go on from where an earlier check stopped")
    ] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check that an archive holds what was written to it."""
    from archive import open_store
    from archive.verify import Scope, checkpoint_file, recognise
    from archive.verify import verify as verify_archive
    from crawler.display import VerifyBar

    loaded = config_of(config, archive)
    store = open_store(loaded.archive, loaded.store_options())
    scope = Scope(full=full, since=moment_of(since))
    checkpoint = checkpoint_file(loaded.state.expanduser() / "verify", store, recognise(store), scope)
    if restart or _is_old(checkpoint):
        checkpoint.unlink(missing_ok=True)
    if checkpoint.exists():
        err().print("going on where an earlier check stopped (--restart begins anew)", highlight=False)
    found = []
    with VerifyBar(err(), quiet=json_) as bar:
        for finding in verify_archive(store, scope, checkpoint=checkpoint, progress=bar):
            found.append(finding)
            if not json_:
                say(f"{finding.severity}  {finding.code}  {finding.key}: {finding.detail}")
    errors = sum(finding.severity == "error" for finding in found)
    objects = dict(sorted(bar.objects.items()))
    if json_:
        findings = [{**vars(finding), "severity": finding.severity} for finding in found]
        counts = {"errors": errors, "warnings": len(found) - errors, "objects": objects}
        asked = {"archive": loaded.archive, "full": full, "since": since}
        print_json({**asked, **counts, "requests": dict(store.usage.requests), "findings": findings})
    else:
        counted = ", ".join(f"{count} {name}" for name, count in objects.items()) or "nothing"
        say(f"looked at {counted}: {errors} errors, {len(found) - errors} warnings")
    if errors:
        raise typer.Exit(DamageError.exit_code)


@app.command(rich_help_panel=_KEEP)
def doctor(
    *,
    policy: Annotated[
        bool, typer.Option("--policy", help="Print only the least-privilege IAM policy for an archive in S3")
    ] = False,
    takedown_policy: Annotated[
        bool, typer.Option("--takedown-policy", help="Print only the policy that `takedown` and `gc` need besides")
    ] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Try out what an archive's store keeps, and say what Birdnest does about what it does not."""
    from rich.text import Text

    from archive import open_store
    from archive.doctor import examine, is_safe

    loaded = config_of(config, archive)
    if policy or takedown_policy:
        _print_policy(loaded.archive, of_takedowns=takedown_policy)
        return
    checks = list(examine(open_store(loaded.archive, loaded.store_options())))
    safe = is_safe(checks)
    if json_:
        print_json({"archive": loaded.archive, "safe": safe, "checks": [vars(check) for check in checks]})
    else:
        table = new_table("", "", "found", "what Birdnest does")
        for check in checks:
            mark = {True: "[green]yes", False: "[red]no", None: ""}[check.holds]
            table.add_row(check.name, mark, Text(check.found), Text(check.does))
        out().print(table)
        say(f"{loaded.archive}: Birdnest {'can' if safe else 'does not'} write there")
        if loaded.archive.startswith("s3://"):
            say("the rights that suffice: `birdnest doctor --policy`")
    if not safe:
        raise typer.Exit(StoreError.exit_code)


def _print_policy(archive: str, *, of_takedowns: bool) -> None:
    if not archive.startswith("s3://"):
        raise UsageError(f"archive {archive!r} is a folder: an IAM policy is for s3://bucket/prefix")
    from archive.doctor_s3 import policy, takedown_policy

    bucket, _, prefix = archive.removeprefix("s3://").partition("/")
    sys.stdout.write((takedown_policy if of_takedowns else policy)(bucket, prefix))


@app.command(rich_help_panel=_SITES)
def sites(*, json_: JsonOption = False) -> None:
    """List the sites Birdnest knows."""
    from crawler.sites import all_sites

    table = new_table("site", "title", "host", "lists", "delay", "facts of", "met live")
    for slug, site in all_sites().items():
        facts = site.facts
        if json_:
            lists = list(dict.fromkeys(listing.channel for listing in site.listings))
            about = {"title": site.title, "hosts": site.hosts, "lists": lists, "facts": vars(facts)}
            print_json({"site": slug, **about})
        else:
            delay, met = f"{site.delay_seconds:g} s", facts.met_live or "[yellow]never"
            lists_of = str(len(site.listings)) if site.listings else "none"
            table.add_row(slug, site.title, site.hosts[0], lists_of, delay, facts.dated or "no date", met)
    if not json_:
        out().print(table)
        say("facts of: the newest of what the profile was written from; met live: `birdnest probe` found it to be so")
        say("lists by their names, and where the facts come from: `birdnest sites --json`, docs/sites.md")


@app.command(rich_help_panel=_SITES)
def probe(
    what: Annotated[str, typer.Argument(metavar="SITE|URL", help="A site, or one post of it")],
    *,
    config: ConfigOption = None,
    verbose: VerboseOption = 0,
) -> None:
    """Fetch one list and one article and show what every selector finds: run it first on a real site."""
    from crawler.probe import probe as probe_site
    from crawler.sites import all_sites

    if "://" in what:
        (wish,), url = _require_wishes(what), what
        slug = wish.slug
    else:
        slug, url = what, None
        if slug not in all_sites():
            raise UsageError(f"no such site: {slug!r}, known are: {', '.join(all_sites())}")

    raise typer.Exit(probe_site(config_of(config, None), slug, url, say, log_level=log_level(verbose)))


@app.command(rich_help_panel=_SITES)
def clean(
    what: Annotated[str, typer.Argument(metavar="FILE|URL", help="A file of HTML, or the address of a post")],
    *,
    base: Annotated[str, typer.Option(help="The address that links in a file count from")] = "https://example.com/",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each pass did, and write a page with before and after")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(help="Where --explain writes that page", show_default="temporary")
    ] = None,
    config: ConfigOption = None,
    verbose: VerboseOption = 0,
) -> None:
    """Clean an article's HTML and print it: nothing is archived."""
    from pipelines.explain import comparison_page, step_lines
    from pipelines.explain import explain as explain_cleaning

    raw, address, rules = _raw_body(what, base, config_of(config, None), verbose)
    told = explain_cleaning(raw, address, rules)
    if not explain:
        sys.stdout.write(f"{told.body.html}\n")
        return
    for line in step_lines(told.steps):
        say(line)
    file = page or Path(tempfile.mkdtemp(prefix="birdnest-")) / "cleaned.html"
    write_file(file, comparison_page(raw, told, what))
    say(f"before and after: {file}")


@app.command(rich_help_panel=_CRAWL)
def demo(
    *,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Crawl the bundled replica of 鸟哥笔记 over HTTP, archive it, and say where to look."""
    from archive import Archive, open_store
    from crawler.config import default_archive
    from crawler.demo import ARCHIVE_ID, SITE, demo_config
    from crawler.replica.process import Replica
    from crawler.replica.trouble import SEED_ID
    from crawler.run import Wish
    from pipelines.clock import clock

    place = archive or default_archive()
    opened = Archive.open_or_create(open_store(place), now=clock()(), id_=ARCHIVE_ID)
    if opened.info.id != ARCHIVE_ID:
        raise UsageError(f"{place} is an archive of yours: the demo's posts do not belong there, name another place")
    with Replica() as replica:
        if not json_:
            say(f"replica of 鸟哥笔记 at {replica.url}, archive {place}")
        config = demo_config(place, replica.origins)
        code = _run(config, [Wish(slug=SITE)], refetch_images=False, as_json=json_, verbose=verbose, leave=False)
    if not json_:
        seed = f"{SITE}/article-{SEED_ID}"
        where = f" --archive {shlex.quote(archive)}" if archive else ""
        command = "birdnest" if shutil.which("birdnest") else sys.argv[0]
        looks = (f"serve{where}", f"list{where}", f"open {seed}{where}", f"verify --full{where}")
        say("\n".join(["", "Look at it:", *(f"  {command} {look}" for look in looks)]))
        say(f"The post's file: {place}/posts/{seed}/v0001.html")
    raise typer.Exit(code)


app.add_typer(importing.app, rich_help_panel=_CRAWL)
app.add_typer(export.app, rich_help_panel=_READ)
app.command(rich_help_panel=_READ)(export.sql)
app.command(rich_help_panel=_READ)(serving.serve)
app.command(rich_help_panel=_KEEP)(care.copy)
app.command(rich_help_panel=_KEEP)(care.repair)
app.command(rich_help_panel=_KEEP)(care.stats)
app.command(rich_help_panel=_KEEP)(care.gc)
app.command(rich_help_panel=_KEEP)(care.takedown)
for _command in operations.COMMANDS:
    app.command(rich_help_panel=_LEAVE_ALONE)(_command)
app.command(name="new-site", rich_help_panel=_SITES)(drafting.new_site)
app.command(rich_help_panel=_SITES)(drafting.fixture)


def _run(
    config: Config,
    wishes: Sequence[Wish],
    *,
    refetch_images: bool,
    as_json: bool,
    verbose: int,
    leave: bool = True,
    list_name: str | None = None,
    skip_held: bool = False,
) -> int:
    """Run, show, tell, and leave with (or return) the exit code of the worst verdict.

    skip_held: a site that another run crawls is no failure.
    """
    from crawler.aftermath import tell_of_failure, tell_of_runs
    from crawler.display import Progressor
    from crawler.report import EXIT_CODES, SEVERITY
    from crawler.run import run_sites

    kept_from: list[BirdnestError] = []
    try:
        with Progressor(None if as_json or config.log == "json" else err()) as watch:
            results = run_sites(
                config,
                wishes,
                watch=watch,
                complain=kept_from.append,
                refetch_images=refetch_images,
                log_level=log_level(verbose),
                list_name=list_name,
                say=complain if as_json or config.log == "json" else say,
            )
    except LeaseHeld:
        if skip_held:
            raise typer.Exit from None
        raise
    except BirdnestError as error:
        tell_of_failure(config, [wish.slug for wish in wishes if wish.whole], error)
        raise
    _show_results(config, results, as_json=as_json)
    tell_of_runs(config, [result.report for result in results])
    if skip_held:
        kept_from = [error for error in kept_from if not isinstance(error, LeaseHeld)]
    for kept in kept_from:
        complain(f"error: {kept}")
    worst = max((result.report.verdict for result in results), key=SEVERITY.index, default="fine")
    code = EXIT_CODES[worst] or max((kept.exit_code for kept in kept_from), default=0)
    if leave:
        raise typer.Exit(code)
    return code


def _show_results(config: Config, results: Sequence[RunResult], *, as_json: bool) -> None:
    from archive.layout import run_key
    from archive.writer import report_value
    from crawler.display import MOST_COLUMNS, failure_lines, report_table, summed

    reports = [result.report for result in results]
    if as_json:
        print_json([report_value(report) for report in reports])
    elif reports and config.log == "text":
        out().print(report_table(reports))
        for report in reports if len(reports) <= MOST_COLUMNS else (summed(reports),):
            for line in failure_lines(report.failures):
                say(line)
        for result in results:
            for note in result.report.notes:
                say(f"note: {note}")
            if result.rejects:
                say(f"pages that gave no post: {result.rejects}")
            say(f"report: {config.archive}/{run_key(result.report.run)}")
    for report in reports:
        for reason in report.reasons:
            complain(f"{report.verdict}: {reason}")


def _id_range(config: Config, slug: str, text: str) -> IdRange:
    """The numbers that --ids names. Raises UsageError."""
    from crawler.profile import numbered_url
    from crawler.spiders.post import IdRange

    match = re.fullmatch(r"(?:([\w-]+):)?(\d+)-(\d+)", text)
    kinds = [kind.name for kind in config.site(slug).kinds if numbered_url(kind, 1)]
    if match is None or int(match[2]) > int(match[3]):
        raise UsageError(f"--ids {text!r}: expected two numbers such as 480000-480100, the smaller one first")
    if not kinds or (match[1] and match[1] not in kinds):
        raise UsageError(f"--ids {text!r}: {slug} has posts by number of the kinds: {', '.join(kinds) or 'none'}")
    return IdRange(kind=match[1] or kinds[0], first=int(match[2]), last=int(match[3]))


def _is_old(checkpoint: Path) -> bool:
    return checkpoint.exists() and time.time() - checkpoint.stat().st_mtime > _CHECKPOINT_SECONDS


def _urls_of(file: Path) -> tuple[str, ...]:
    from crawler.url_lists import read_addresses

    try:
        return read_addresses(file.name, file.read_bytes())
    except (OSError, PageError) as error:
        raise UsageError(f"{file}: {error}") from error


def _wishes(urls: Sequence[str], *, force: bool = False) -> tuple[list[Wish], list[str]]:
    """What to fetch of each site, and a line for each URL that can be no post."""
    from crawler.addresses import by_site
    from crawler.run import Wish

    found, bad = by_site(urls)
    return [Wish(slug=slug, urls=tuple(of_site), force=force) for slug, of_site in found.items()], bad


def _feed_wishes(config: Config, urls: Sequence[str], asked: Mapping[str, Any]) -> list[Wish]:
    """A wish for each site that has some of the feeds. Raises UsageError for what is no address of one."""
    from crawler.addresses import site_of
    from crawler.config import NO_INSTANCE
    from crawler.profile import Feed, Listing
    from crawler.run import Wish

    by_site: dict[str, list[Listing]] = {}
    for url in dict.fromkeys(urls):
        listing = config.resolved(Listing(channel="", url=url, shape=Feed()))
        if listing is None:
            raise UsageError(f"{url}: {NO_INSTANCE}")
        by_site.setdefault(site_of(listing.url), []).append(listing)
    return [Wish(slug=slug, feeds=tuple(feeds), **asked) for slug, feeds in by_site.items()]


def _site_wishes(config: Config, slugs: Sequence[str], ids: str | None, asked: Mapping[str, Any]) -> list[Wish]:
    from crawler.run import Wish

    if not slugs:
        raise UsageError("name a site (`birdnest sites` lists them) or a feed, with --feed; --due takes what is due")
    for slug in slugs:
        _require_site(config, slug)
    ranges = {slug: _id_range(config, slug, ids) if ids else None for slug in slugs}
    return [Wish(slug=slug, **asked, ids=range_) for slug, range_ in ranges.items()]


def _require_site(config: Config, slug: str) -> None:
    """A site is one that has a profile, or listings in birdnest.toml. Raises UsageError."""
    from crawler.sites import all_sites

    if slug in all_sites():
        return
    if slug not in config.sites:
        raise UsageError(f"no such site: {slug!r}, known are: {', '.join(all_sites())}")
    if not config.site(slug).listings:
        raise UsageError(f'{slug}: no profile knows its lists: name some, feeds = ["…"], under [sites.{slug}]')


def _require_wishes(url: str) -> list[Wish]:
    wishes, bad = _wishes([url])
    if bad:
        raise UnsupportedUrlError(bad[0])
    return wishes


def _raw_body(what: str, base: str, config: Config, verbose: int) -> tuple[str, str, CleanRules | None]:
    """What to clean: the HTML, the address its links count from, and the rules of its site if it has one."""
    if "://" in what:
        from crawler.single import fetch_post

        (wish,) = _require_wishes(what)
        post = fetch_post(config, wish.slug, wish.urls[0], log_level=log_level(verbose))
        return "\n".join(post.body_parts), post.url, post.clean_rules
    from crawler.pages import decode_page

    try:
        text, _ = decode_page(Path(what).read_bytes())
    except OSError as error:
        raise UsageError(f"{what}: {error.strerror}: name a file of HTML, or the URL of a post") from error
    return text, base, None


def _summary(front: Any) -> dict[str, Any]:
    keys = ("title", "author", "url", "published_at", "fetched_at", "tags")
    return {key: front[key] for key in keys if key in front} | {"images": len(front.get("images", ()))}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - a screen's three lines


def _plain_text(body: str) -> str:
    from pipelines.clean import parse_clean

    blocks = (" ".join("".join(node.itertext()).split()) for node in parse_clean(body))
    return "\n\n".join(block for block in blocks if block)


def _page_file(reader: ArchiveReader, head: Head) -> Path:
    """A page of a post in a temporary folder, with its pictures where the archive is no folder."""
    from archive.store import FolderStore
    from archive.views.page import page

    folder = Path(tempfile.mkdtemp(prefix="birdnest-"))
    if isinstance(reader.store, FolderStore):
        base = (reader.store.root / head.ref.key).resolve().as_uri()
    else:
        base = (folder / head.ref.key).as_uri()
        for image in head.document.images:
            target = folder / image.key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(reader.store.read(image.key))
    file = folder / f"{head.ref.id}.html"
    file.write_text(page(head.document, base), encoding="utf-8")
    return file
