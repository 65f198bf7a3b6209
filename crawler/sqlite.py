"""SQLite files of the state folder, which several processes open, and begin, at one time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Engine, MetaData, create_engine, event
from sqlalchemy.schema import CreateIndex, CreateTable


def engine_of(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _prepare)
    return engine


def create_tables(engine: Engine, tables: MetaData) -> None:
    """Create what is not there yet; another process may do the same at this moment."""
    # MetaData.create_all looks first and creates then: of two processes the second fails.
    with engine.begin() as db:
        for table in tables.sorted_tables:
            db.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                db.execute(CreateIndex(index, if_not_exists=True))


class Prepared:
    """A statement that is compiled once, for what is asked for each post.

    SQLAlchemy looks at a statement anew each time it is executed, which costs more than what SQLite does then. Values
    are those of its named parameters; one that is not given keeps what the statement says.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def __call__(self, db: Connection, **values: Any) -> CursorResult[Any]:
        text, names, given = self._compiled.get(db.dialect.name) or self._compile(db)
        return db.exec_driver_sql(text, tuple(values[name] if name in values else given[name] for name in names))

    def _compile(self, db: Connection) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        compiled: Any = self._statement.compile(dialect=db.dialect)
        made = (compiled.string, tuple(compiled.positiontup or ()), dict(compiled.params))
        self._compiled[db.dialect.name] = made
        return made


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # WAL: who reads never waits for who writes. FULL: what is acknowledged survives a power loss.
    for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
