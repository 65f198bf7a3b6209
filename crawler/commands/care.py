"""Commands that care for an archive: `copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from archive.errors import DamageError
from crawler.terminal import ConfigOption, JsonOption, complain, config_of, err, print_json, say

if TYPE_CHECKING:
    from archive.copying import Plan


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


COMMANDS = (copy,)
