"""One writer at a time, where a store cannot keep the writes of two apart by itself."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

from archive.errors import StoreError

NETWORK_FILE_SYSTEMS = frozenset(
    (
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "9p",
            "afs",
            "ceph",
            "glusterfs",
            "lustre",
            "gfs2",
            "ocfs2",
            "virtiofs",
        ),
        *(
            "fuse.sshfs",
            "fuse.rclone",
            "fuse.s3fs",
            "fuse.glusterfs",
            "fuse.davfs",
            "fuse.ceph",
            "fuse.gcsfuse",
            "davfs",
        ),
    )
)
"""File systems that more than one host may have mounted, by the names that /proc/self/mountinfo gives them."""

ONE_AT_A_TIME = threading.Lock()
"""For the threads of this process: held while a key is looked for and then written."""

_holding = threading.Lock()
_held: dict[str, int] = {}  # locks of this process, by path: the descriptors that hold them


def hold_lock(file: Path, what: str) -> None:
    """Hold a lock from now until this process ends: the kernel frees it then, however it ends.

    Raises StoreError where another process of this host holds it; `what` says in the error what for.
    """
    path = str(file.absolute())
    with _holding:
        if path not in _held:
            _held[path] = _locked(file, path, what)


def _locked(file: Path, path: str, what: str) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        raise StoreError(
            f"archive {what}: process {holder or '(unknown)'} is writing to it, and this store cannot keep two writers "
            "apart: run again when it has ended."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def file_system(path: Path) -> str:
    """The type of the file system a path is on, by /proc/self/mountinfo; "" where there is none to read."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    there = str(path.expanduser().absolute())
    best, found = "", ""
    for line in lines:
        mount, _, source = line.partition(" - ")
        point = mount.split()[4].replace("\\040", " ")
        inside = there == point or there.startswith(f"{point.rstrip('/')}/")
        if inside and len(point) >= len(best):
            best, found = point, source.split()[0]
    return found
