"""The S3 server of a measurement, and what it saw: a real Ceph gateway, or moto's where there is none."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from obstore.store import S3Store as ObjectStore

from tests import s3_servers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ROOT = Path(__file__).parent
MEMORY_BYTES = 6 << 30
_LOG_SECONDS = 20
# Both write the request's line in quotes; moto's may be coloured.
_REQUEST = re.compile(rb'"(?:\x1b\[[0-9;]*m)*([A-Z]+) (/\S*) HTTP/1\.[01]')


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """url: where it is reached. checks_digests: it refuses a put whose Content-MD5 is wrong."""

    name: str
    url: str
    log: Path
    checks_digests: bool

    @property
    def environment(self) -> dict[str, str]:
        """What any AWS tool needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": s3_servers.USER,
            "AWS_SECRET_ACCESS_KEY": s3_servers.SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> S3Client:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=s3_servers.USER,
            aws_secret_access_key=s3_servers.SECRET,
            region_name="us-east-1",
            config=Config(proxies={}),
        )

    def store(self, bucket: str) -> ObjectStore:
        return ObjectStore(
            bucket,
            endpoint=self.url,
            access_key_id=s3_servers.USER,
            secret_access_key=s3_servers.SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def mark(self) -> int:
        """A place in the log, behind all requests so far."""
        name = f"mark-{uuid.uuid4().hex}".encode()
        with suppress(ClientError):  # there is no such bucket, which is all that it answers
            self.client().head_bucket(Bucket=name.decode())
        end = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < end:
            at = self._log_size_behind(name)
            if at:
                return at
            time.sleep(0.1)
        raise SystemExit(f"the S3 server logs no requests in {self.log}")

    def _log_size_behind(self, name: bytes) -> int:
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 20_000))
            return self.log.stat().st_size if name in file.read() else 0

    def requests(self, bucket: str, since: int, until: int) -> list[tuple[str, str]]:
        """Method and key of each request to a bucket between two marks; the key of one to the bucket itself is ""."""
        with self.log.open("rb") as file:
            file.seek(since)
            text = file.read(until - since)
        found = ((method.decode(), unquote(urlsplit(path.decode()).path)) for method, path in _REQUEST.findall(text))
        return [
            (method, path.removeprefix(f"/{bucket}").lstrip("/"))
            for method, path in found
            if path == f"/{bucket}" or path.startswith(f"/{bucket}/")
        ]


class Bucket:
    """A bucket of one run. Gone, with all in it, when its context ends."""

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.name = f"run-{uuid.uuid4().hex[:12]}"
        self._client = server.client()

    def __enter__(self) -> Self:
        self._client.create_bucket(Bucket=self.name)
        return self

    def __exit__(self, *_: object) -> None:
        keys = [key for key, _ in self.objects()]
        for at in range(0, len(keys), 1000):
            objects: Any = [{"Key": key} for key in keys[at : at + 1000]]
            self._client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})
        self._client.delete_bucket(Bucket=self.name)

    def objects(self) -> Iterator[tuple[str, int]]:
        """Keys and sizes in bytes."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            yield from ((item["Key"], item["Size"]) for item in page.get("Contents", ()))

    def digests(self) -> set[str]:
        """The SHA-256 of each object's bytes, read back."""

        def digest(key: str) -> str:
            return hashlib.sha256(store.get(key).bytes()).hexdigest()

        store = self.server.store(self.name)
        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(digest, [key for key, _ in self.objects()]))


@contextmanager
def serve() -> Iterator[S3Server]:
    """A Ceph gateway, which checks Content-MD5 and keeps create-only; without one, moto's server."""
    with tempfile.TemporaryDirectory(prefix="s3-") as name:
        folder = Path(name)
        if s3_servers.has_radosgw():
            with s3_servers.radosgw(folder, memory_bytes=MEMORY_BYTES) as (url, log):
                yield S3Server(name="Ceph's gateway (radosgw)", url=url, log=log, checks_digests=True)
        else:
            with _moto(folder) as server:
                yield server


@contextmanager
def _moto(folder: Path) -> Iterator[S3Server]:
    log = folder / "moto.log"
    program = _ROOT.parent / "tests" / "s3_server.py"
    with log.open("wb") as err:
        process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, stderr=err)
    try:
        url = (process.stdout.readline() if process.stdout else b"").decode().strip()
        if not url:
            raise SystemExit("the moto server did not start: is moto[server] installed?")
        yield S3Server(name="moto's server", url=url, log=log, checks_digests=False)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def far_away(server: S3Server, milliseconds: float) -> Iterator[S3Server]:
    """The same server, behind a line of that round trip."""
    command = [sys.executable, str(_ROOT / "throughput_delay.py"), str(urlsplit(server.url).port), str(milliseconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        port = int((process.stdout.readline() if process.stdout else b"").decode())
        yield replace(server, url=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
