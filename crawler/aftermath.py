"""After runs: who is to be told is told, and the metrics file is written. Nothing here changes a run's exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archive.errors import BirdnestError, ConfigError, StoreError
from archive.model import RunReport
from crawler.alerts import Finding, announce
from crawler.config import Config
from crawler.terminal import complain
from pipelines.clock import clock


def sites_due(config: Config) -> list[str]:
    """The sites that are due. A store that cannot be asked is told of, as by a run. Raises StoreError, ConfigError."""
    from crawler.status import due_sites

    try:
        return due_sites(config, now=clock()())
    except StoreError as error:
        tell_of_failure(config, config.schedules(), error)
        raise


def tell_of_runs(config: Config, reports: Sequence[RunReport]) -> None:
    """Tell of runs that have ended; parts of a site, and single posts, say nothing of how it is."""
    whole = [report for report in reports if report.whole]
    announce(config, [Finding.of(report, config.archive) for report in whole], complain=complain)
    if whole:
        _write_metrics(config)


def tell_of_failure(config: Config, sites: Iterable[str], error: BirdnestError) -> None:
    """Tell of runs of these sites that could not begin."""
    if not isinstance(error, StoreError | ConfigError):
        return
    verdict = "store failed" if isinstance(error, StoreError) else "wrong configuration"
    findings = [
        Finding(
            site=site,
            archive=config.archive,
            verdict=verdict,
            reasons=(str(error),),
            run="(none: it could not begin)",
            at=clock()(),
        )
        for site in sites
    ]
    announce(config, findings, complain=complain)


def _write_metrics(config: Config) -> None:
    if config.metrics_file is None:
        return
    # Late: only who has a metrics file pays for it.
    from crawler.metrics import write_file
    from crawler.status import statuses

    try:
        write_file(config.metrics_file.expanduser(), statuses(config, now=clock()(), learn=False))
    except BirdnestError as error:
        complain(f"metrics: {error}")
