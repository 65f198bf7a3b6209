"""Commands that care for an archive: `copy`, `repair`, `stats`, `gc`, `takedown`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from archive.errors import DamageError, StoreError, UsageError
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    complain,
    config_of,
    err,
    new_table,
    out,
    print_json,
    reader_of,
    ref_of,
    say,
)

if TYPE_CHECKING:
    from rich.table import Table

    from archive.copying import Plan
    from archive.findings import Finding
    from archive.garbage import Collected
    from archive.reader import ArchiveReader
    from archive.register import Entry
    from archive.repair import Repaired
    from archive.stats import Row, Stats
    from archive.store import Store
    from crawler.config import Config


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="An archive: a folder or s3://bucket/prefix")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="An empty place, or an earlier copy of it")],
    *,
    mirror: Annotated[bool, typer.Option("--mirror", help="Copy the views, too; nothing is deleted there")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read the posts that are there, too, and bring images that they lack")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and copy nothing")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Copy an archive to another place: what is absent there, each object checked; again to go on, or as a backup."""
    from archive import open_store
    from archive.copying import Copy
    from crawler.counting import CountBar

    options = config_of(config, None).store_options()
    from_, to = open_store(source, options), open_store(target, options)
    with Copy(from_, to, complain=lambda line: complain(f"left: {line}"), views=mirror, full=full) as work:
        plan = work.plan()
        if not json_:
            say(_plan(plan, to.url))
        if dry_run:
            if json_:
                print_json({"target": to.url, "plan": vars(plan)})
            return
        with CountBar(err(), "copy", quiet=json_) as bar:
            done = work.make(progress=bar)
    if json_:
        requests = {"source": dict(from_.usage.requests), "target": dict(to.usage.requests)}
        print_json({"target": to.url, "plan": vars(plan), **vars(done), "requests": requests})
    else:
        say(f"copied {_counts(done.objects)}, {decimal(done.bytes)}; {done.present:,} objects were there")
        if done.taken_down:
            say(f"{done.taken_down:,} versions were taken down in {to.url}, and stay so")
        if done.unnamed_blobs:
            say(f"{done.unnamed_blobs:,} blobs that no copied document names were left out")
    if done.left:
        raise DamageError(f"{done.left:,} objects were left as they were: see above, and `birdnest verify --full`")


def _plan(plan: Plan, place: str) -> str:
    if not any(plan.absent.values()):
        return f"nothing is absent in {place}: {plan.present:,} objects are there"
    return (
        f"to copy: {_counts(plan.absent)}, {decimal(sum(plan.bytes.values()))}, with about {plan.requests:,} requests; "
        f"{plan.present:,} objects are there"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())) or "nothing"


def repair(
    *,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="ARCHIVE", help="A copy of the archive to take from")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the sites for their images")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is wrong, and change nothing")] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Make whole again what a full check finds damaged or missing, from a copy of the archive or from the sites."""
    from archive import open_store
    from archive.layout import ARCHIVE_KEY
    from archive.repair import of_archive, of_itself, repair
    from archive.verify import Scope, recognise, verify
    from crawler.counting import CountBar
    from crawler.display import VerifyBar

    loaded = config_of(config, archive)
    options = loaded.store_options()
    store = open_store(loaded.archive, options, mutable="")
    id_ = recognise(store)
    supplies = {}
    if from_ is not None:
        other = open_store(from_, options)
        _require_copy(other, id_, store.url)
        supplies[other.url] = of_archive(other)
    with VerifyBar(err(), quiet=json_) as bar:
        findings = list(verify(store, Scope(full=True), progress=bar))
    if dry_run:
        _wrong(findings, as_json=json_)
        return
    supplies["the archive itself"] = of_itself(store)
    if findings and id_:
        store.learn(ARCHIVE_KEY)
    with CountBar(err(), "repair", quiet=json_) as count:
        done = repair(store, findings, supplies, progress=count)
        if not offline:
            _from_sites(loaded, store, findings, done)
    _repaired(done, as_json=json_)


def _wrong(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        print_json([vars(finding) for finding in findings])
        return
    for finding in findings:
        say(f"{finding.severity}  {finding.code}  {finding.key}: {finding.detail}")
    say(f"{len(findings):,} findings, of which --dry-run heals none" if findings else "nothing is wrong")


def _repaired(done: Repaired, *, as_json: bool) -> None:
    if as_json:
        print_json(vars(done))
    else:
        for key in done.healed:
            say(f"whole again: {key}")
        for key, reason in done.harmless.items():
            say(f"left, harmless: {key}: {reason}")
        for key, reason in done.left.items():
            complain(f"not healed: {key}: {reason}")
        say(f"{len(done.healed):,} objects are whole again, {len(done.left):,} could not be healed")
    if done.left:
        raise typer.Exit(DamageError.exit_code)


def _require_copy(other: Store, id_: str, place: str) -> None:
    """Raises UsageError where a place holds another archive than the one to repair."""
    from archive.reader import read_info

    found = read_info(other).id
    if id_ and found != id_:
        raise UsageError(f"--from {other.url}: is another archive ({found}) than {place} ({id_})")


def _from_sites(loaded: Config, store: Store, findings: list[Finding], done: Repaired) -> None:
    """Heal the images that are left from their sites, where these still have the same bytes."""
    import hashlib

    from archive.layout import BLOBS, blob_digest
    from archive.repair import addresses, repair
    from crawler.refetch import fetch_images

    wanted = addresses(store, [key for key in done.left if key.startswith(BLOBS)])
    had = fetch_images(loaded, wanted, keep=lambda key, data: hashlib.sha256(data).hexdigest() == blob_digest(key))
    again = repair(store, findings, {"its site": had.get})
    done.healed += again.healed
    for key in again.healed:
        done.left.pop(key, None)
    for key in (key for images in wanted.values() for key in images if key in done.left):
        done.left[key] += "; its site: has it no more, or another one"


def stats(
    *,
    months: Annotated[bool, typer.Option("--months", help="A line for each month of a site")] = False,
    gb_month: Annotated[float, typer.Option(metavar="PRICE", min=0, help="Of a GB kept for a month")] = 0.0,
    writes: Annotated[float, typer.Option(metavar="PRICE", min=0, help="Of a thousand writes and listings")] = 0.0,
    reads: Annotated[float, typer.Option(metavar="PRICE", min=0, help="Of a thousand reads")] = 0.0,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Count posts, versions, images and bytes by site and month, what sharing images saves, what a month costs."""
    from archive.stats import Prices
    from archive.stats import stats as count
    from crawler.counting import CountBar

    told: list[str] = []
    store = reader_of(config, archive).store
    with CountBar(err(), "stats", quiet=json_) as bar:
        found = count(store, progress=bar, complain=told.append)
    prices = Prices(gb_month=gb_month, writes=writes, reads=reads)
    priced = any(vars(prices).values())
    if json_:
        print_json({**found.as_json(), "cost_per_month": round(found.cost(prices), 4) if priced else None})
    else:
        out().print(_months(found) if months else _sites(found))
        kinds = (f"{found.objects[kind]:,} {kind} {decimal(size)}" for kind, size in sorted(found.bytes.items()))
        say(f"{decimal(sum(found.bytes.values()))} in all: {', '.join(kinds)}")
        say(f"sharing images saves {decimal(found.saved_bytes)}: each version with its own would take that much more")
        if found.taken_down:
            say(f"{found.taken_down:,} versions were taken down")
        if priced:
            say(f"a month costs {found.cost(prices):.4g}, with the requests that runs made in the last thirty days")
    for line in told:
        complain(f"not counted: {line}")
    if told:
        raise DamageError(f"{len(told):,} objects could not be read: `birdnest verify` tells more")


def _sites(found: Stats) -> Table:
    table = new_table("site", "posts", "versions", "images", "size")
    for site, row in sorted(found.sites().items()):
        table.add_row(site, *_cells(row))
    return table


def _months(found: Stats) -> Table:
    table = new_table("site", "month", "posts", "versions", "images", "size")
    for (site, month), row in sorted(found.months.items()):
        table.add_row(site, month, *_cells(row))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    return f"{row.posts:,}", f"{row.versions:,}", f"{row.images:,}", decimal(row.bytes)


def gc(
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Set aside and delete, instead of only counting")] = False,
    grace_days: Annotated[
        int, typer.Option(min=1, help="How old a blob must be, and how long it is kept aside before it is deleted")
    ] = 7,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Count the blobs that no document names; --remove sets them aside, and deletes what was set aside long ago."""
    from datetime import UTC, datetime, timedelta

    from archive import open_store
    from archive.garbage import collect
    from archive.layout import ARCHIVE_KEY, VIEWS
    from crawler.counting import CountBar

    loaded = config_of(config, archive)
    reader = reader_of(config, archive)
    store = open_store(loaded.archive, loaded.store_options(), mutable="" if remove else VIEWS)
    if remove:
        store.learn(ARCHIVE_KEY)
    captures = _left_captures(loaded.state.expanduser() / "spool" / reader.info.id, store, remove=remove)
    with CountBar(err(), "gc", quiet=json_) as bar:
        now, grace = datetime.now(UTC), timedelta(days=grace_days)
        found = collect(store, now=now, grace=grace, remove=remove, progress=bar)
    if json_:
        print_json({"removed": remove, **vars(found), "captures": captures})
        return
    if captures:
        done = "archived, and removed here" if remove else "--remove archives them, and removes them here"
        say(f"{captures:,} captures that runs on this machine have left: {done}")
    for line in _collected(found, grace_days, remove=remove):
        say(line)


def _left_captures(spool: Path, store: Store, *, remove: bool) -> int:
    """Archive what dead runs have captured and not uploaded, as the next crawl of their sites would; how many.

    Without `remove` those of living runs count, too.
    """
    if not remove:
        return sum(1 for _ in spool.glob("*/*.warc.gz"))
    from archive import Archive
    from crawler.capture import abandoned, upload

    files = abandoned(spool)
    archive = Archive.open(store)
    for file in files:
        upload(archive, file)
    return len(files)


def _collected(found: Collected, days: int, *, remove: bool) -> Iterator[str]:
    def done(deed: str, will: str) -> str:
        return deed if remove else f"--remove {will}"

    if found.put_back:
        back = done("put back", "puts them back")
        yield f"{found.put_back:,} blobs that were set aside are named by a document now: {back}"
    if found.unnamed:
        size, aside = decimal(found.unnamed_bytes), done("set aside", "sets them aside")
        yield f"{found.unnamed:,} blobs ({size}) that no document names: {aside}"
    if found.due:
        size, deleted = decimal(found.due_bytes), done("deleted", "deletes them")
        yield f"{found.due:,} blobs ({size}) that were set aside {days} days ago: {deleted}"
    if found.waiting:
        yield f"{found.waiting:,} blobs are set aside, and deleted {days} days after that"
    if found.young:
        yield f"{found.young:,} blobs that no document names are younger than {days} days: left alone"
    if not any(vars(found).values()):
        yield "every blob is named by a document"


def takedown(
    post: Annotated[str | None, typer.Argument(help="site/id, a document's key, or the post's URL")] = None,
    *,
    reason: Annotated[str | None, typer.Option(metavar="WHY", help="Why; it stands in the archive for good")] = None,
    list_: Annotated[bool, typer.Option("--list", help="The register: what was taken down, when and why")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take a post down for good: its text and images in posts, captures, views; again to finish one that was ended."""
    from archive import open_store
    from archive.layout import VIEWS
    from archive.takedown import take_down
    from crawler.counting import CountBar
    from crawler.forget import addresses, forget
    from crawler.lease import take_lease
    from pipelines.clock import clock

    reader = reader_of(config, archive)
    if list_:
        _list_takedowns(reader, as_json=json_)
        return
    if post is None:
        raise UsageError("name the post: site/id, a document's key, or its URL; --list prints what was taken down")
    site, id_ = _taken_or_held(reader, post)
    loaded, now = config_of(config, archive), clock()()
    state = loaded.state.expanduser()
    if not dry_run:
        _ask(f"{site}/{id_}", reason, yes=yes)
        take_lease(state, reader.info.id, site, now=now)
    store = open_store(loaded.archive, loaded.store_options(), mutable=VIEWS if dry_run else "")
    with CountBar(err(), "takedown", quiet=json_) as bar:
        entry = take_down(
            store,
            site,
            id_,
            why=reason or ("(dry run)" if dry_run else None),
            now=now,
            addresses=addresses(state, reader.info.id, site, id_),
            dry_run=dry_run,
            progress=bar,
            complain=complain,
        )
    here = {} if dry_run else forget(state, reader.info.id, entry, now=int(now.timestamp()))
    if json_:
        print_json({**_entry_json(entry), "dry_run": dry_run, "here": here})
    else:
        for line in _told(entry, here, dry_run=dry_run):
            say(line)
    _require_whole(entry)


def _taken_or_held(reader: ArchiveReader, post: str) -> tuple[str, str]:
    """The site and id of a post that a person names, be it there or taken down already. Raises UsageError."""
    from archive.layout import parse_takedown_key, takedown_key
    from archive.register import entries
    from archive.traces import address_digest

    try:
        ref = ref_of(reader, post)
    except UsageError:
        if "://" not in post:
            place = parse_takedown_key(takedown_key(*post.split("/"))) if post.count("/") == 1 else None
            if place is None or not any(True for _ in reader.store.list(takedown_key(*place))):
                raise
            return place
        for entry in entries(reader.store, complain):
            if address_digest(post) in entry.traces.addresses:
                return entry.site, entry.id
        raise
    return ref.site, ref.id


def _ask(post: str, reason: str | None, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked: --yes takes a post down without a question")
    why = f" ({reason})" if reason else ""
    if not typer.confirm(f"Take {post} down for good{why}? Nothing in this archive will bring it back.", err=True):
        raise UsageError("nothing was done")


def _told(entry: Entry, here: dict[str, int], *, dry_run: bool) -> Iterator[str]:
    yield f"{'would take' if dry_run else 'took'} down {entry.site}/{entry.id}"
    yield f"  {entry.versions:,} versions {'to be stubs' if dry_run else 'are stubs'}"
    shared = f", {len(entry.kept):,} stay that other posts show" if entry.kept else ""
    yield f"  {len(entry.images):,} images deleted{shared}"
    yield (
        f"  {len(entry.cut):,} records cut out of {len(entry.segments):,} captures, {len(entry.emptied):,} of lists "
        "and other pages emptied"
    )
    yield f"  {len(entry.reports):,} reports without what told of it; {entry.views:,} objects of views removed"
    if any(here.values()):
        yield f"  on this machine: {here['captures']:,} captures that wait, {here['rejects']:,} pages that gave no post"


def _require_whole(entry: Entry) -> None:
    """Raise what tells that something stays."""
    for each in entry.locked:
        complain(f"locked: {_lock(each)}")
    if entry.locked:
        dates = [each.until for each in entry.locked if each.until]
        when = f"after {max(dates):%Y-%m-%d %H:%M %Z}" if dates else "when it lets them go"
        raise StoreError(
            f"{len(entry.locked):,} older versions of objects are locked in the store and stay there, out of sight; "
            f"all else is done: run it again {when}"
        )
    if entry.unread:
        raise DamageError(
            f"{len(entry.unread):,} objects could not be searched: repair or remove them, and run it again"
        )


def _lock(each: Any) -> str:
    parts = [f"until {each.until:%Y-%m-%d %H:%M %Z}"] if each.until else []
    parts += ["by a legal hold"] if each.hold else []
    return f"{each.key} version {each.version}: {' and '.join(parts) or each.why}"


def _list_takedowns(reader: ArchiveReader, *, as_json: bool) -> None:
    from archive.register import entries
    from archive.takedown import whole_versions

    unfinished = 0
    for entry in entries(reader.store, complain):
        whole = [ref.key for ref in whole_versions(reader.store, entry.site, entry.id)]
        is_open = bool(whole) or entry.finished is None or bool(entry.locked)
        unfinished += is_open
        if as_json:
            print_json({**_entry_json(entry), "whole": whole})
            continue
        say(f"{entry.site}/{entry.id}  {_day(entry.when)}  {entry.why}")
        say(
            f"  {entry.versions:,} versions, {len(entry.images):,} images deleted, {len(entry.kept):,} kept for other "
            f"posts, {len(entry.cut):,} records cut, {len(entry.emptied):,} emptied"
        )
        for key in whole:
            say(f"  stands whole: {key}")
        for each in entry.locked:
            say(f"  locked: {_lock(each)}")
        for key in entry.unread:
            say(f"  could not be searched: {key}")
        if is_open:
            say(f"  unfinished: run `birdnest takedown {entry.site}/{entry.id}` again")
    if unfinished and not as_json:
        say(f"{unfinished:,} unfinished")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _entry_json(entry: Entry) -> dict[str, Any]:
    from archive.register import locked_json

    return {
        "site": entry.site,
        "id": entry.id,
        "when": entry.when.isoformat(),
        "why": entry.why,
        "finished": entry.finished.isoformat() if entry.finished else None,
        "versions": entry.versions,
        "images": len(entry.images),
        "kept": list(entry.kept),
        "records_cut": len(entry.cut),
        "records_emptied": len(entry.emptied),
        "captures": list(entry.segments),
        "reports": list(entry.reports),
        "views": entry.views,
        "locked": [locked_json(each) for each in entry.locked],
        "unread": list(entry.unread),
    }
