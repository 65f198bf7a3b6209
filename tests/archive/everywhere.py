"""Looks for something in all that a store holds: every object and every older version, every record of a capture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from archive.errors import DamageError
from archive.s3 import S3Store
from archive.store import FolderStore, Store
from archive.warc_cut import records
from tests.archive.turns import MemoryStore


def everything(store: Store) -> Iterator[tuple[str, bytes]]:
    """All objects of a store by their keys, and on S3 all their versions."""
    if isinstance(store, FolderStore):
        for file in store.root.rglob("*"):
            if file.is_file():
                yield str(file.relative_to(store.root)), file.read_bytes()
        return
    if isinstance(store, MemoryStore):
        yield from store.objects.items()
        return
    assert isinstance(store, S3Store)
    pages = store.client.get_paginator("list_object_versions").paginate(Bucket=store.bucket, Prefix=store.prefix)
    for item in [item for page in pages for item in page.get("Versions", ())]:
        got = store.client.get_object(Bucket=store.bucket, Key=item["Key"], VersionId=item["VersionId"])
        yield item["Key"].removeprefix(store.prefix), got["Body"].read()


def where(store: Store, *needles: str | bytes) -> list[str]:
    """The keys of what holds one of some texts or bytes, as it is or written as JSON."""
    wanted = [each if isinstance(each, bytes) else each.encode() for each in needles]
    wanted += [json.dumps(each)[1:-1].encode() for each in needles if isinstance(each, str)]
    return sorted({key for key, data in everything(store) if _holds(key, data, wanted)})


def _holds(key: str, data: bytes, wanted: Sequence[bytes]) -> bool:
    parts = [data]
    if key.endswith(".warc.gz"):
        with suppress(DamageError):  # as far as it can be read
            for record in records(data):
                parts += [record.block, record.payload, "\n".join(record.headers.values()).encode()]
    if key.endswith(".parquet"):
        with TemporaryDirectory() as folder:
            file = Path(folder) / "file.parquet"
            file.write_bytes(data)
            parts.append(repr(duckdb.read_parquet(str(file)).fetchall()).encode())
    return any(each in part for each in wanted for part in parts)
