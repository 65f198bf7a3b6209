"""JSON Lines as Parquet, written by DuckDB: the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from archive.errors import UsageError

if TYPE_CHECKING:
    import duckdb

_LEAST_BUFFER_BYTES = 1024 * 1024


def duckdb_module() -> Any:
    """DuckDB. Raises UsageError saying what to install."""
    try:
        import duckdb
        import pytz  # type: ignore[import-untyped]  # noqa: F401 - DuckDB asks for it when a time is first shown
    except ImportError as error:
        raise UsageError(
            f"the catalogue needs DuckDB, and {error.name} is not installed: python -m pip install 'birdnest[sql]'"
        ) from error
    return duckdb


class ParquetWriter:
    """Writes Parquet of fixed columns. Used as a context, which removes its temporary files.

    columns: names and DuckDB's types, in order. without: columns that a partition's path tells already.
    """

    def __init__(self, columns: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
        self._connection: duckdb.DuckDBPyConnection = duckdb_module().connect()
        # One thread writes rows in their order, and one buffer of them at a time.
        self._connection.execute("SET threads = 1; SET memory_limit = '256MB'; SET preserve_insertion_order = true")
        self._folder = TemporaryDirectory(prefix="birdnest-")
        names = ", ".join(name for name in columns if name not in without)
        types = ", ".join(f"{name}: '{type_}'" for name, type_ in columns.items())
        rows, self._rows = self._file("rows.jsonl")
        parquet, self._parquet = self._file("rows.parquet")
        # DuckDB's buffers are twice as large as the largest row may be.
        self._copy = (
            f"COPY (SELECT {names} FROM read_json({rows}, format = 'newline_delimited', columns = {{{types}}}, "  # noqa: S608 - names of ours
            f"maximum_object_size = ?)) TO {parquet} (FORMAT parquet, COMPRESSION zstd)"
        )

    def _file(self, name: str) -> tuple[str, Path]:
        file = Path(self._folder.name) / name
        return sql_text(str(file)), file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def write(self, lines: bytes) -> bytes:
        """The Parquet file of JSON Lines."""
        self._rows.write_bytes(lines)
        longest = max((len(line) for line in lines.splitlines()), default=0)
        self._connection.execute(self._copy, [max(_LEAST_BUFFER_BYTES, longest + 1)])
        return self._parquet.read_bytes()


def sql_text(text: str) -> str:
    """A text as SQL writes it.

    >>> sql_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
