"""SQLite files of the state folder, which several processes open, and begin, at one time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Engine, MetaData, create_engine, event
from sqlalchemy.schema import CreateIndex, CreateTable

_BUSY_SECONDS = 60
_TRY_AGAIN_SECONDS = 0.02


def engine_of(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _prepare)
    return engine


def create_tables(engine: Engine, tables: MetaData) -> None:
    """Create what is not there yet; another process may do the same at this moment."""
    # MetaData.create_all looks first and creates then: of two processes the second fails.
    with engine.connect() as db:
        there = set(db.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    lacking: list[CreateTable | CreateIndex] = []
    for table in tables.sorted_tables:
        lacking += [] if table.name in there else [CreateTable(table, if_not_exists=True)]
        lacking += [CreateIndex(index, if_not_exists=True) for index in table.indexes if index.name not in there]
    if lacking:  # a file that is as it should be is not written to
        with engine.begin() as db:
            for statement in lacking:
                db.execute(statement)


class Prepared:
    """A statement that is compiled once, for what is asked for each post.

    SQLAlchemy looks at a statement anew each time it is executed, which costs more than what SQLite does then. Values
    are those of its named parameters. Raises KeyError for one that is not given and that the statement has no value of.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def __call__(self, db: Connection, **values: Any) -> CursorResult[Any]:
        text, names, given = self._compiled.get(db.dialect.name) or self._compile(db)
        return db.exec_driver_sql(text, tuple(values[name] if name in values else given[name] for name in names))

    def _compile(self, db: Connection) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        compiled: Any = self._statement.compile(dialect=db.dialect)
        given = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        made = (compiled.string, tuple(compiled.positiontup or ()), given)
        self._compiled[db.dialect.name] = made
        return made


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
    _write_ahead(cursor)
    # What is acknowledged survives a power loss.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Who reads never waits for who writes."""
    # A file that others begin, or are about to close as its last, refuses this at once, whatever the timeout is.
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(_TRY_AGAIN_SECONDS)
        else:
            return
