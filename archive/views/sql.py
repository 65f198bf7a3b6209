"""SQL over the catalogue, by DuckDB: the tables `versions`, a row for each version, and `posts`, the newest of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archive.errors import UsageError
from archive.store import FolderStore, Store
from archive.views.catalogue import COLUMNS, PARQUET
from archive.views.parquet import duckdb_module, sql_text

if TYPE_CHECKING:
    import duckdb

POSTS = """
CREATE VIEW posts AS
SELECT * FROM versions AS v
WHERE version = (SELECT max(version) FROM versions AS w WHERE w.site = v.site AND w.id = v.id) AND NOT taken_down
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def ask(store: Store, query: str) -> Iterator[Answer]:
    """What DuckDB answers to a query over a store's catalogue.

    Raises UsageError where DuckDB is not installed or refuses the query, StoreError.
    """
    module = duckdb_module()
    with _parquet(store) as files, module.connect() as connection:
        _make_tables(connection, files)
        try:
            connection.execute(query)
            columns = tuple(column[0] for column in connection.description or ())
            yield Answer(columns=columns, rows=iter(connection.fetchone, None))
        except module.Error as error:
            raise UsageError(f"DuckDB: {' '.join(str(error).split())}") from error


def _make_tables(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> None:
    names = ", ".join(COLUMNS)
    if files:
        listed = ", ".join(sql_text(str(file)) for file in files)
        types = "{'site': VARCHAR, 'month': VARCHAR}"
        source = f"SELECT {names} FROM read_parquet([{listed}], hive_partitioning = true, hive_types = {types})"  # noqa: S608 - names of ours
    else:
        source = "SELECT " + ", ".join(f"NULL::{type_} AS {name}" for name, type_ in COLUMNS.items()) + " WHERE false"
    connection.execute(f"CREATE VIEW versions AS {source}")
    connection.execute(POSTS)


@contextmanager
def _parquet(store: Store) -> Iterator[list[Path]]:
    """The catalogue's Parquet files; those of another store than a folder are fetched first."""
    keys = [info.key for info in store.list(PARQUET) if info.key.endswith(".parquet")]
    if isinstance(store, FolderStore):
        yield [store.root / key for key in keys]
        return
    with TemporaryDirectory(prefix="birdnest-") as folder:
        for key in keys:
            file = Path(folder) / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(store.read(key))
        yield [Path(folder) / key for key in keys]
