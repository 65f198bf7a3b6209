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
from dataclasses import replace
from datetime import date
from typing import Final

from archive.model import RunReport
from archive.runs import RunFacts
from archive.views.reader.frame import Look, page
from archive.views.reader.run_overview import Overview, overview_of
from archive.views.reader.run_page import NO_TITLES, Titles, run_view
from archive.views.reader.run_text import Teller, clean
from archive.views.tree import File

INDEX_KEY: Final = "runs/index.html"
PER_PAGE: Final = 100
_NEWEST: Final = 20
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
    tell = Teller(language=look.language)
    runs: dict[str, RunFacts] = {}
    for report in reports:
        if report.run not in runs:
            runs[report.run] = _kept(RunFacts.of(report))
            yield run_page(report, look, titles=titles)
    ended = sorted(runs.values(), key=lambda run: (run.finished_at, run.run))
    yield from list_pages(ended, look)
    yield overview_page(overview_of(ended, published, tell), ended, look)


def run_page(report: RunReport, look: Look, *, titles: Titles = NO_TITLES) -> File:
    """The page of one run; it depends on nothing but the report and the titles of its posts."""
    tell = Teller(language=look.language)
    return page("run.html", run_key(report.run), look, run=run_view(report, tell, titles), tell=tell, say=tell.words)


def overview_page(overview: Overview | None, runs: Sequence[RunFacts], look: Look) -> File:
    """`runs/index.html`; runs: all, as they ended."""
    tell = Teller(language=look.language)
    newest = runs[: -_NEWEST - 1 : -1]
    return page(
        *("runs.html", INDEX_KEY, look),
        overview=overview,
        runs=[(run_key(run.run), run) for run in newest],
        pages={run.run: run_key(run.run) for run in _linked(overview)},
        last_list=list_key(len(runs) // PER_PAGE + 1),
        tell=tell,
        say=tell.words,
    )


def _linked(overview: Overview | None) -> Iterator[RunFacts]:
    for site in overview.sites if overview else ():
        yield from (site.last, *([site.last_good] if site.last_good else []))


def list_pages(runs: Sequence[RunFacts], look: Look) -> Iterator[File]:
    """The lists of all runs, a hundred a page from the oldest on; the last is never full, if it must be empty.

    So a page that is full has a page after it to link to, and is never written again.
    """
    tell = Teller(language=look.language)
    count = len(runs) // PER_PAGE + 1
    for number in range(1, count + 1):
        first = (number - 1) * PER_PAGE
        shown = runs[first : first + PER_PAGE]
        yield page(
            *("runs-list.html", list_key(number), look),
            runs=[(run_key(run.run), run) for run in reversed(shown)],
            first=first + 1,
            last=first + len(shown),
            newer=list_key(number + 1) if number < count else None,
            older=list_key(number - 1) if number > 1 else None,
            tell=tell,
            say=tell.words,
        )


def list_key(number: int) -> str:
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


def _kept(facts: RunFacts) -> RunFacts:
    """What is kept of a run for the overview, in texts that any page can show."""

    def named(counts: Mapping[str, int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, count in counts.items():
            short = clean(name, 60)
            found[short] = found.get(short, 0) + count
        return found

    return replace(
        facts,
        site=clean(facts.site, 80),
        verdict=clean(facts.verdict, 60),
        reason=clean(facts.reason, 300),
        failures=named(facts.failures),
        expected_failures=named(facts.expected_failures),
        missing=named(facts.missing),
    )
