"""S3 servers of other makers, for tests: rclone's, which does not keep create-only, and Ceph's gateway, a real one.

Each runs on loopback, in a folder of its own, for as long as its context lasts.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

USER = "tests"
SECRET = "tests"  # noqa: S105 - of servers that only this machine reaches
RCLONE = Path(sys.executable).with_name("rclone")
_START_SECONDS = 90
_ATTEMPTS = 5


def has_radosgw() -> bool:
    return all(shutil.which(name) for name in ("radosgw", "ceph-mon", "ceph-osd", "monmaptool"))


@contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """The address of `rclone serve s3`; each folder in `folder` is a bucket."""
    address = f"127.0.0.1:{_free_port()}"
    command = [str(RCLONE), "serve", "s3", "--auth-key", f"{USER},{SECRET}", "--addr", address, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(address)
            yield f"http://{address}"
        finally:
            process.kill()


@contextmanager
def radosgw(folder: Path, *, memory_bytes: int = 1 << 30) -> Iterator[tuple[str, Path]]:
    """The address of a Ceph cluster's S3 gateway, and its log: one monitor, one store in memory, no authentication.

    memory_bytes: how much that store holds.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        here = folder / f"ceph-{attempt}"
        here.mkdir()
        try:
            gateway = _start_radosgw(here, memory_bytes)
        except (subprocess.SubprocessError, TimeoutError):
            # On a busy machine a monitor may not be ready for what it is asked first, or its port be taken by then.
            _end_radosgw(here)
            if attempt == _ATTEMPTS:
                raise
            continue
        try:
            yield gateway, here / "run" / "client.rgw.log"
        finally:
            _end_radosgw(here)
        return


def _start_radosgw(folder: Path, memory_bytes: int) -> str:
    mon, gateway = _free_port(), _free_port()
    configuration = folder / "ceph.conf"
    for name in ("mon", "osd", "run"):
        (folder / name).mkdir()
    (folder / "keyring").touch()
    configuration.write_text(
        _CEPH.format(folder=folder, fsid=uuid.uuid4(), mon=mon, memory=memory_bytes), encoding="utf-8"
    )

    def run(*command: str) -> str:
        whole = [*command, "-c", str(configuration)]
        ended = subprocess.run(whole, capture_output=True, text=True, timeout=90, check=True)
        return ended.stdout

    map_ = str(folder / "monmap")
    subprocess.run(
        ["monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{mon}]", map_], capture_output=True, check=True
    )
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_)
    run("ceph-mon", "-i", "a")
    osd = str(uuid.uuid4())
    run("ceph", "osd", "new", osd)
    run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
    run("ceph", "osd", "crush", "add", "osd.0", "1.0", "host=here", "root=default")
    run("ceph-osd", "-i", "0")
    keys = ("--access-key", USER, "--secret", SECRET)
    assert json.loads(run("radosgw-admin", "user", "create", "--uid", USER, "--display-name", USER, *keys))
    run("radosgw", "-n", "client.rgw", "--rgw-frontends", f"beast endpoint=127.0.0.1:{gateway}")
    _wait_for(f"127.0.0.1:{gateway}")
    return f"http://127.0.0.1:{gateway}"


def _end_radosgw(folder: Path) -> None:
    for file in (folder / "run").glob("*.pid"):
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), 9)


_CEPH = """[global]
fsid = {fsid}
mon_host = [v1:127.0.0.1:{mon}]
mon_initial_members = a
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr2 = false
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/run/$name.log
keyring = {folder}/keyring
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/run
osd_objectstore = memstore
memstore_device_bytes = {memory}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(address: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        connection = HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.2)
        else:
            return
        finally:
            connection.close()
    raise TimeoutError(f"nothing answers at {address}")
