"""Commands that care for an archive: `copy`, `repair`, `stats`, `gc`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from archive.errors import DamageError, UsageError
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    complain,
    config_of,
    err,
    out,
    print_json,
    reader_of,
    say,
)

if TYPE_CHECKING:
    from archive.copying import Plan
    from archive.findings import Finding
    from archive.garbage import Collected
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
        with CountBar(err, "copy", quiet=json_) as bar:
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
    with VerifyBar(err, quiet=json_) as bar:
        findings = list(verify(store, Scope(full=True), progress=bar))
    if dry_run:
        _wrong(findings, as_json=json_)
        return
    supplies["the archive itself"] = of_itself(store)
    if findings and id_:
        store.learn(ARCHIVE_KEY)
    with CountBar(err, "repair", quiet=json_) as count:
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
    with CountBar(err, "stats", quiet=json_) as bar:
        found = count(store, progress=bar, complain=told.append)
    prices = Prices(gb_month=gb_month, writes=writes, reads=reads)
    priced = any(vars(prices).values())
    if json_:
        print_json({**found.as_json(), "cost_per_month": round(found.cost(prices), 4) if priced else None})
    else:
        out.print(_months(found) if months else _sites(found))
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
    table = Table("site", "posts", "versions", "images", "size")
    for site, row in sorted(found.sites().items()):
        table.add_row(site, *_cells(row))
    return table


def _months(found: Stats) -> Table:
    table = Table("site", "month", "posts", "versions", "images", "size")
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
    reader_of(config, archive)
    store = open_store(loaded.archive, loaded.store_options(), mutable="" if remove else VIEWS)
    if remove:
        store.learn(ARCHIVE_KEY)
    with CountBar(err, "gc", quiet=json_) as bar:
        now, grace = datetime.now(UTC), timedelta(days=grace_days)
        found = collect(store, now=now, grace=grace, remove=remove, progress=bar)
    if json_:
        print_json({"removed": remove, **vars(found)})
        return
    for line in _collected(found, grace_days, remove=remove):
        say(line)


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
