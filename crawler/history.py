"""What is known of the runs of an archive's sites: when each began, its verdict, and the figures it is compared by.

The archive's `runs/` are the memory. This is a copy of what is asked for again and again, one SQLite file for each
archive in the user's state folder, `history/<archive id>.sqlite`, so that asking costs no request. `learn` takes over
what the archive has and the copy lacks: runs of another machine, or all of the last weeks where the file was lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, func, select
from sqlalchemy.dialects.sqlite import insert

from archive.errors import ConfigError, DamageError, ObjectMissing
from archive.layout import RUNS, parse_run_key
from archive.model import Figures, RunReport
from archive.reader import ArchiveReader, parse_figures, parse_report
from archive.register import GONE
from archive.runs import DAYS, RunFacts, facts_of
from archive.writer import figures_json
from crawler.sqlite import create_tables, engine_of
from crawler.verdict import Earlier

_KEPT_DAYS = 90
_MOST_READ = 40  # reports of one site that are read of a long history: the newest, and one of each earlier day
_NEWEST = 10
_ASKED = 200
_LATE = timedelta(days=1)  # a report may come so long after its run began
_BATCH = 400

_tables = MetaData()
_runs = Table(
    "runs",
    _tables,
    Column("run", Text, primary_key=True),
    Column("site", Text, nullable=False),
    Column("began_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("verdict", Text),
    Column("told", Text),
    Index("runs_site", "site", "began_at"),
    Index("runs_began", "began_at"),
)
_meta = Table("meta", _tables, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun(RunFacts):
    """A whole run that has ended, with the figures that later ones are compared by."""

    figures: Figures

    @classmethod
    def of(cls, report: RunReport) -> Self:
        return cls(**facts_of(report), figures=report.figures)

    def as_earlier(self) -> Earlier:
        return Earlier(
            figures=self.figures,
            fine=self.fine,
            images_kept=self.images_kept,
            images_missing=self.images_missing,
            began_at=self.began_at,
        )


def history_file(state: Path, archive_id: str) -> Path:
    """Where an archive's history lies below the state folder."""
    return state / "history" / f"{archive_id}.sqlite"


class History:
    """The runs of an archive's sites. Raises ConfigError where the file is none of ours or cannot be written."""

    def __init__(self, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"state folder {file.parent}: {error.strerror}: set `state` in birdnest.toml") from error
        self._engine = engine_of(file)
        try:
            create_tables(self._engine, _tables)
        except Exception as error:
            self._engine.dispose()
            raise ConfigError(
                f"history {file}: {type(error).__name__}: {error}: the archive has it all: remove the file"
            ) from error

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what runs tell ----------------------------------------------------------------------------------------

    def began(self, run: str, site: str, *, at: datetime) -> None:
        """A whole run of a site begins."""
        values = {"run": run, "site": site, "began_at": int(at.timestamp())}
        with self._engine.begin() as db:
            db.execute(insert(_runs).values(**values).on_conflict_do_nothing())

    def ended(self, report: RunReport) -> None:
        """A run has ended, whether its report came into the archive or not; nothing for one that was not whole."""
        if report.whole:
            self._keep(PastRun.of(report))
            self._forget(report.started_at)

    def learn(self, archive: ArchiveReader, *, now: datetime, at_most_old: timedelta = timedelta()) -> int:
        """Take over the runs that the archive has and this file lacks; returns how many reports were read.

        at_most_old: where no more time has passed since that was done last, nothing is asked.
        One LIST of the days since the newest that was taken over, `DAYS` where there is none, and a GET for each
        report: of a long history the newest of each site and one of each day.
        """
        learnt = self._learnt()
        if learnt is not None and timedelta() <= now - learnt - _LATE < at_most_old:
            return 0
        since = learnt or now - timedelta(days=DAYS)
        infos = archive.store.list(RUNS, after=f"{RUNS}{since.astimezone(UTC):%Y-%m-%d}/")
        wanted = self._unknown(_thinned([info.key for info in infos]))
        for key in wanted:
            try:
                report = parse_report(archive.store.read(key), key)
            except (DamageError, ObjectMissing):
                continue  # `birdnest verify` tells of it
            if report.whole:
                self._keep(PastRun.of(report))
        with self._engine.begin() as db:
            # A run's report comes under the day on which the run began.
            value = (now - _LATE).isoformat()
            db.execute(
                insert(_meta)
                .values(name="learnt", value=value)
                .on_conflict_do_update(index_elements=["name"], set_={"value": value})
            )
        return len(wanted)

    def _unknown(self, keys: Sequence[str]) -> list[str]:
        """Of the keys of reports those of runs whose end is not known."""
        by_run = {place.run: key for key in keys if (place := parse_run_key(key)) is not None}
        runs, known = list(by_run), set[str]()
        with self._engine.connect() as db:
            for first in range(0, len(runs), _BATCH):
                of_these = _runs.c.run.in_(runs[first : first + _BATCH])
                known |= set(db.execute(select(_runs.c.run).where(of_these, _runs.c.verdict.is_not(None))).scalars())
        return [key for run, key in by_run.items() if run not in known]

    def _learnt(self) -> datetime | None:
        with self._engine.connect() as db:
            value = db.execute(select(_meta.c.value).where(_meta.c.name == "learnt")).scalar()
        return datetime.fromisoformat(value) if value else None

    def _keep(self, past: PastRun) -> None:
        told = {**asdict(past), "figures": figures_json(past.figures)}
        # `newest_at` is one of the figures.
        for name in ("run", "site", "began_at", "finished_at", "verdict", "newest_at"):
            del told[name]
        values = {
            "run": past.run,
            "site": past.site,
            "began_at": int(past.began_at.timestamp()),
            "finished_at": int(past.finished_at.timestamp()),
            "verdict": past.verdict,
            "told": json.dumps(told, ensure_ascii=False).encode("utf-8", "replace").decode(),
        }
        with self._engine.begin() as db:
            changes = {name: value for name, value in values.items() if name != "run"}
            db.execute(insert(_runs).values(**values).on_conflict_do_update(index_elements=["run"], set_=changes))

    def forget(self, is_told: Callable[[str], bool]) -> None:
        """Keep no reason of a run that tells of something."""
        with self._engine.begin() as db:
            for row in db.execute(_runs.select().where(_runs.c.told.is_not(None))).all():
                told = json.loads(row.told)
                if is_told(told["reason"]):
                    text = json.dumps({**told, "reason": GONE}, ensure_ascii=False)
                    db.execute(_runs.update().where(_runs.c.run == row.run).values(told=text))

    def _forget(self, now: datetime) -> None:
        before = int((now - timedelta(days=_KEPT_DAYS)).timestamp())
        with self._engine.begin() as db:
            db.execute(_runs.delete().where(_runs.c.began_at < before))

    # -- what is asked -----------------------------------------------------------------------------------------

    def sites(self) -> list[str]:
        """The sites that were ever crawled."""
        with self._engine.connect() as db:
            return list(db.execute(select(_runs.c.site).distinct().order_by(_runs.c.site)).scalars())

    def last_began(self, site: str) -> datetime | None:
        """When the last whole run began, one that is under way or was killed included."""
        with self._engine.connect() as db:
            seconds = db.execute(select(func.max(_runs.c.began_at)).where(_runs.c.site == site)).scalar()
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def runs(self, site: str, *, since: datetime | None = None, most: int = _ASKED) -> list[PastRun]:
        """Whole runs that have ended, newest first."""
        wanted = _runs.select().where(_runs.c.site == site, _runs.c.verdict.is_not(None))
        if since is not None:
            wanted = wanted.where(_runs.c.began_at >= int(since.timestamp()))
        wanted = wanted.order_by(_runs.c.began_at.desc(), _runs.c.run.desc()).limit(most)
        with self._engine.connect() as db:
            return [_past(row._asdict()) for row in db.execute(wanted)]


def _past(row: Mapping[str, Any]) -> PastRun:
    told: dict[str, Any] = json.loads(row["told"])
    told["figures"] = parse_figures(told["figures"])
    # Rows of earlier releases do not say why posts failed.
    told.setdefault("failures", {"unknown": told["failed"]} if told["failed"] else {})
    told["newest_at"] = told["figures"].newest_at
    told |= {name: datetime.fromtimestamp(row[name], UTC) for name in ("began_at", "finished_at")}
    return PastRun(**told, run=row["run"], site=row["site"], verdict=row["verdict"])


def _thinned(keys: list[str]) -> list[str]:
    """Of the keys of reports those to read, oldest first: of each site the newest, and the last of each earlier day."""
    by_site: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        place = parse_run_key(key)
        if place is not None:
            by_site.setdefault(place.site, []).append((place.day, key))
    chosen: list[str] = []
    for runs in by_site.values():
        newest = [key for _, key in runs[-_NEWEST:]]
        of_days = dict(runs[:-_NEWEST])
        chosen += [*of_days.values(), *newest][-_MOST_READ:]
    return sorted(chosen)
