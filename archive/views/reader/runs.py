"""How the crawls went: a page for each run, lists of all runs, and the overview `runs/index.html`.

::

    runs/index.html                 how the sites are, plots, the newest runs
    runs/2026-11-22/<run>.html      one run; its report lies under the same key in the archive, as .json
    runs/list/0001.html             runs 1 to 100 in the order in which they ended; a full page never changes

Nothing here looks at a clock: days are counted back from the newest run, in UTC. Of a run's report only its numbers are
held, so that tens of thousands can be read one after the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from archive.model import JSON, RunReport
from archive.runs import RunFacts
from archive.views.reader.frame import Look, page
from archive.views.reader.lists import list_key
from archive.views.reader.run_overview import Overview, overview_of
from archive.views.reader.run_page import NO_TITLES, Titles, run_view
from archive.views.reader.run_text import Teller, kept
from archive.views.tree import File

INDEX_KEY: Final = "runs/index.html"
PER_PAGE: Final = 100
_NEWEST: Final = 20
OURS: Final = re.compile(
    r"runs/(?:index|list/[0-9]{4,}|other/[0-9a-f]{16}|[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{8}T[0-9]{6}Z-[a-z0-9-]+)\.html"
)
"""The keys of all these pages."""
_RUN: Final = re.compile(r"(\d{4})(\d{2})(\d{2})T\d{6}Z-[a-z0-9-]{1,200}")


def run_files(
    reports: Iterable[RunReport],
    published: Mapping[str, Mapping[date, int]],
    look: Look,
    *,
    titles: Titles = NO_TITLES,
) -> Iterator[File]:
    """All files below `runs/`, the overview last.

    reports: the archive's, oldest first; read once, so that they may come one at a time. Of several of one run the
    first counts. published: how many posts each site has of each day, in the posts' own zones. titles: of the posts
    that the reader shows, by `site/id`; None where all are shown and no titles are known.
    """
    runs: dict[str, RunFacts] = {}
    for report in reports:
        if report.run not in runs:
            runs[report.run] = kept(report)
            yield run_page(report, look, titles=titles)
    ended = as_ended(runs.values())
    for leaf in list_pages(ended):
        yield leaf.render(look)
    yield overview_page(ended, published, look)


def run_page(report: RunReport, look: Look, *, titles: Titles = NO_TITLES) -> File:
    """The page of one run; it depends on nothing but the report and the titles of its posts."""
    tell = Teller(language=look.language)
    return page("run.html", run_key(report.run), look, run=run_view(report, tell, titles), tell=tell, say=tell.words)


def overview_page(runs: Sequence[RunFacts], published: Mapping[str, Mapping[date, int]], look: Look) -> File:
    """`runs/index.html`. runs: all, as they ended; published: as of `run_files`."""
    tell = Teller(language=look.language)
    overview = overview_of(runs, published, tell)
    return page(
        *("runs.html", INDEX_KEY, look),
        overview=overview,
        runs=[(run_key(run.run), run) for run in runs[: -_NEWEST - 1 : -1]],
        pages={run.run: run_key(run.run) for run in _linked(overview)},
        sites={site: list_key("sites", site) for site, days in published.items() if days},
        last_list=runs_key(len(runs) // PER_PAGE + 1),
        tell=tell,
        say=tell.words,
    )


def _linked(overview: Overview | None) -> Iterator[RunFacts]:
    for site in overview.sites if overview else ():
        yield from (site.last, *([site.last_good] if site.last_good else []))


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of the list of all runs: so many from the number `first` on, as they ended."""

    number: int
    first: int
    runs: Sequence[RunFacts]
    is_last: bool

    @property
    def key(self) -> str:
        return runs_key(self.number)

    @property
    def value(self) -> Mapping[str, JSON]:
        """All that the page is made of: a run's report never changes."""
        return {"first": self.first, "runs": [run.run for run in self.runs], "last": self.is_last}

    def render(self, look: Look) -> File:
        tell = Teller(language=look.language)
        return page(
            *("runs-list.html", self.key, look),
            runs=[(run_key(run.run), run) for run in reversed(self.runs)],
            first=self.first,
            last=self.first + len(self.runs) - 1,
            newer=None if self.is_last else runs_key(self.number + 1),
            older=runs_key(self.number - 1) if self.number > 1 else None,
            tell=tell,
            say=tell.words,
        )


def list_pages(runs: Sequence[RunFacts]) -> Iterator[ListPage]:
    """The list of all runs, as they ended, a hundred a page from the oldest on; the last is never full, if it is empty.

    So a page that is full has a page after it to link to, and is never written again.
    """
    count = len(runs) // PER_PAGE + 1
    for number in range(1, count + 1):
        first = (number - 1) * PER_PAGE
        yield ListPage(number=number, first=first + 1, runs=runs[first : first + PER_PAGE], is_last=number == count)


def runs_key(number: int) -> str:
    return f"runs/list/{number:04d}.html"


def run_key(run: str) -> str:
    """Where the page of a run lies; a name that is none of ours gives one that is safe.

    >>> run_key("20261122T080000Z-niaogebiji-3cb1a1")
    'runs/2026-11-22/20261122T080000Z-niaogebiji-3cb1a1.html'
    >>> run_key("../../x")
    'runs/other/9cdf6a50100a862e.html'
    """
    match = _RUN.fullmatch(run)
    if match is None:
        return f"runs/other/{hashlib.sha256(run.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.html"
    return f"runs/{match[1]}-{match[2]}-{match[3]}/{run}.html"


def as_ended(runs: Iterable[RunFacts]) -> list[RunFacts]:
    """Runs in the order in which they ended: reports come in it, so that new ones come last."""
    return sorted(runs, key=lambda run: (run.finished_at, run.run))
