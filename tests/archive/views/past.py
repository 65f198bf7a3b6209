"""Reports of made-up runs for the pages of runs: days of sites, some with trouble."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from archive.model import Failure, Figures, RunReport
from tests.posts import make_report

LAST = datetime(2026, 11, 25, 3, tzinfo=UTC)


def report(began: datetime = LAST, *, site: str = "one", number: int = 0, **given: Any) -> RunReport:
    """A fine run that found nothing, but for what is given."""
    nothing: dict[str, Any] = {
        "started_at": began,
        "finished_at": began + timedelta(seconds=90),
        "found": 0,
        "new": 0,
        "failures": (),
        "images_missing": {},
        "store_requests": {},
        "reasons": (),
        "notes": (),
        "figures": Figures(newest_at=began - timedelta(hours=5)),
    }
    run = f"{began:%Y%m%dT%H%M%SZ}-{site}-{number:06x}"
    return make_report(run=run, site=site, **{**nothing, **given})


def bad(began: datetime = LAST, *, site: str = "one", **given: Any) -> RunReport:
    return report(
        began,
        site=site,
        **{"verdict": "below expectations", "exit_code": 4, "reasons": (f"{site}: names 3 posts",), **given},
    )


def failure(reason: str = "http-404", url: str = "https://site.example/a.html", *, expected: bool = False) -> Failure:
    return Failure(what="post", url=url, reason=reason, detail=f"{url}: {reason}", expected=expected)


def daily(days: int, sites: tuple[str, ...] = ("one", "two"), *, new: int = 3) -> Iterator[RunReport]:
    """A run a day of each site, oldest first; every run brings `new` posts with two images each."""
    for back in range(days - 1, -1, -1):
        for number, site in enumerate(sites):
            began = LAST - timedelta(days=back) + timedelta(minutes=10 * number)
            keys = [f"posts/{site}/article-{back * new + post}/v0001.html" for post in range(new)]
            yield report(
                began,
                site=site,
                found=new,
                new=new,
                images_kept=2 * new,
                bytes_fetched=1_000_000,
                bytes_stored=200_000,
                documents=dict.fromkeys(keys, "0" * 64),
            )


PUBLISHED = {"one": {date(2026, 11, 25): 2, date(2026, 3, 1): 7, date(2019, 5, 5): 1}, "two": {date(2026, 11, 25): 1}}
