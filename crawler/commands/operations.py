"""Commands for jobs that are left alone: `status`, `schedule`, `run`, `alert`."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archive.errors import UsageError
from crawler.terminal import (
    ArchiveOption,
    ConfigOption,
    JsonOption,
    LogJsonOption,
    complain,
    config_of,
    log_as,
    print_json,
    say,
    write_file,
)

if TYPE_CHECKING:
    from archive.runs import RunFacts, Totals
    from crawler.alerts import Notice
    from crawler.config import Config
    from crawler.deployment import Place
    from crawler.status import SiteStatus

_REASONS = 4
_KINDS = ("systemd", "cron", "k8s")


def status(
    *,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how the sites are: last runs, posts, what failed, when each is due, and thirty days at a glance."""
    from crawler.status import sparkline, statuses
    from pipelines.clock import clock

    loaded = config_of(config, archive)
    sites = statuses(loaded, now=clock()())
    if json_:
        print_json([site.as_json() for site in sites])
        return
    if not sites:
        say("no site was crawled yet, and none has a schedule in birdnest.toml")
        return
    for site in sites:
        urls = site.urls
        posts = f"{urls.get('archived', 0) + urls.get('gone', 0)} posts, {urls.get('failed', 0)} failed"
        say(f"{site.site}  {sparkline(site.days)}")
        say(f"  last run {_run(site.last)}, last good run {_time(site.last_good)}")
        say(f"  {posts}, {urls.get('open', 0)} open; {_due(site)}")
        for line in _days(site.month):
            say(f"  {line}")
        if site.trouble is not None:
            since = datetime.fromisoformat(site.trouble.since)
            complain(f"  {site.trouble.verdict} since {_moment(since)}: {_reason(site)}")


def _run(past: RunFacts | None) -> str:
    return "never" if past is None else f"{_moment(past.finished_at)} ({past.verdict})"


def _time(past: RunFacts | None) -> str:
    return "never" if past is None else _moment(past.finished_at)


def _days(month: Totals) -> tuple[str, ...]:
    """What thirty days brought, and what of it failed or is missing, by reason."""
    if not month.runs:
        return ("no run in the last 30 days",)
    failed, missing = _by_reason(month.failures), _by_reason(month.images_missing)
    return (
        (
            f"30 days: {month.good_runs} of {month.runs} runs fine, {month.new} new, {month.changed} changed, "
            f"{_megabytes(month.bytes_fetched)} fetched, {_megabytes(month.bytes_stored)} stored"
        ),
        f"failures {failed or 'none'}; images {month.images_kept} kept, missing {missing or 'none'}",
    )


def _by_reason(counts: Mapping[str, int]) -> str:
    shown = [f"{reason} {count}" for reason, count in list(counts.items())[:_REASONS]]
    return ", ".join([*shown, *(["…"] if len(counts) > _REASONS else [])])


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"


def _due(site: SiteStatus) -> str:
    return f"next due {_moment(site.next_due)}" if site.next_due else "no schedule"


def _reason(site: SiteStatus) -> str:
    return site.last.reason if site.last and not site.last.fine else "no run has shown since that it is well again"


def _moment(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def schedule(
    kind: Annotated[str, typer.Argument(metavar="systemd|cron|k8s", help="What starts the crawls")],
    *,
    minutes: Annotated[int, typer.Option(min=1, max=30, help="How often to look what is due")] = 5,
    user: Annotated[str | None, typer.Option(help="Who crawls, under systemd", show_default="you")] = None,
    image: Annotated[str | None, typer.Option(help="The container image, for k8s")] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the files there instead of printing them")
    ] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Print what lets systemd, cron or Kubernetes crawl the sites that are due, filled in."""
    from crawler.deployment import files

    if kind not in _KINDS:
        raise UsageError(f"no such kind: {kind!r}, expected one of {', '.join(_KINDS)}")
    loaded = config_of(config, archive)
    if not loaded.schedules():
        complain("note: no site has a schedule yet: give one in birdnest.toml, [sites.<slug>] schedule = …")
    place = _place(loaded, config, minutes=minutes, user=user, image=image)
    for name, text in files(kind, place).items():
        if write is None:
            sys.stdout.write(f"# {name}\n{text}\n")
        else:
            write_file(write / name, text)
            say(f"wrote {write / name}")


def _place(loaded: Config, config: Path | None, *, minutes: int, user: str | None, image: str | None) -> Place:
    from crawler.config import ENVIRONMENT, FILE_NAME
    from crawler.deployment import Place

    command = shutil.which("birdnest") or sys.argv[0]
    given: dict[str, Any] = {"image": image} if image else {}
    return Place(
        command=Path(command).absolute(),
        config=(config or Path(os.environ.get(ENVIRONMENT) or FILE_NAME)).absolute(),
        folder=Path.cwd(),
        state=loaded.state.expanduser().absolute(),
        archive=None if "://" in loaded.archive else Path(loaded.archive).absolute(),
        user=user or getpass.getuser(),
        minutes=minutes,
        timezone=loaded.timezone,
        **given,
    )


def run(
    *,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where /metrics and /healthz are; none: nowhere")
    ] = None,
    parallel: Annotated[int | None, typer.Option(min=1, max=64, help="Sites crawled at a time")] = None,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    log_json: LogJsonOption = False,
) -> None:
    """Crawl each site when its schedule says so, in the foreground, until SIGTERM or Ctrl-C."""
    from crawler.config import SchedulerTable
    from crawler.scheduler import run_scheduler

    loaded = log_as(config_of(config, archive), log_json=log_json, plain=True)
    changes = {name: value for name, value in (("listen", listen), ("parallel", parallel)) if value is not None}
    try:
        table = SchedulerTable(**{**loaded.scheduler.model_dump(), **changes})
    except ValueError as error:
        raise UsageError(f"--listen {listen!r}: expected an address and a port such as 127.0.0.1:9464") from error
    arguments = [*(("--config", str(config)) if config else ()), *(("--archive", archive) if archive else ())]
    if loaded.log == "json":
        arguments.append("--log-json")
    run_scheduler(loaded.model_copy(update={"scheduler": table}), arguments)


def alert(
    *,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
) -> None:
    """Send a test message to everyone whom birdnest.toml names under `alerts`."""
    from archive.errors import BirdnestError
    from crawler.alerts import NotTold, tell

    loaded = config_of(config, archive)
    if not loaded.alerts:
        raise UsageError("birdnest.toml names nobody to tell: give [[alerts]] (`birdnest init` shows how)")
    failed = False
    for number, place in enumerate(loaded.alerts, start=1):
        try:
            tell(place, _test_notice(loaded))
        except (NotTold, BirdnestError) as error:
            failed = True
            complain(f"alert {number}, {place.kind}: {error}")
        else:
            say(f"alert {number}, {place.kind}: told")
    if failed:
        raise typer.Exit(UsageError.exit_code)


def _test_notice(loaded: Config) -> Notice:
    from crawler.alerts import FINE, Finding, Notice
    from pipelines.clock import clock

    finding = Finding(
        site="test",
        archive=loaded.archive,
        verdict="a test",
        reasons=("nothing is the matter: `birdnest alert` tries out whether you can be told",),
        run="(none)",
        at=clock()(),
    )
    return Notice(finding=finding, before=FINE)


COMMANDS = (status, schedule, run, alert)
