"""What the reports of an archive's runs tell of its posts: which run archived a version, and which posts are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archive.model import RunReport
from archive.views.reader.post import Gone, Run
from archive.views.reader.runs import run_key
from archive.views.reader.version import line

_GONE: Final = ("http-404", "http-410", "soft-404")


@dataclass(frozen=True, kw_only=True)
class Told:
    """runs: the run that committed a document, by its key. gone: when a post was last looked for in vain, by URL."""

    runs: Mapping[str, Run]
    gone: Mapping[str, tuple[datetime, Gone]]

    def gone_since(self, url: str, fetched: datetime) -> Gone | None:
        """How a post is known to be gone that was fetched at a time. None: nothing says that it is."""
        when, gone = self.gone.get(url, (None, None))
        return gone if when is not None and when > fetched else None


def told_by(reports: Iterable[RunReport]) -> Told:
    """What reports tell, given oldest first: the later count."""
    runs: dict[str, Run] = {}
    gone: dict[str, tuple[datetime, Gone]] = {}
    for report in reports:
        page = Run(run=report.run, key=run_key(report.run))
        runs.update(dict.fromkeys(report.documents, page))
        for failure in report.failures:
            if failure.what == "post" and failure.reason in _GONE:
                day = report.finished_at.date().isoformat()
                gone[line(failure.url)] = (report.finished_at, Gone(day=day, reason=failure.reason))
    return Told(runs=runs, gone=gone)
