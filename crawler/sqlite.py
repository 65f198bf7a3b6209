"""SQLite files of the state folder, which several processes open, and begin, at one time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event
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


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # WAL: who reads never waits for who writes. FULL: what is acknowledged survives a power loss.
    for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
