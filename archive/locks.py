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

_MOST_SAID = 400
_holding = threading.Lock()
_held: dict[str, int] = {}  # locks of this process, by path: the descriptors that hold them


def acquire(file: Path, says: str, *, again: bool = True) -> str | None:
    """Take a lock and hold it until this process ends or gives it back: the kernel frees it at any death.

    Returns None when this process has it (again), else what its holder, another process of this host, says; `says` is
    what others are told meanwhile. again: that this process has it already is fine, too. Raises OSError where the file
    cannot be made.
    """
    path = str(file.absolute())
    with _holding:
        if path in _held:
            return None if again else "this process"
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, _MOST_SAID).decode("utf-8", "replace").strip()
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return holder or "(unknown)"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, says.encode()[:_MOST_SAID], 0)
        _held[path] = descriptor
        return None


def release(file: Path) -> None:
    """Give a lock back that this process holds; nothing happens where it holds none."""
    with _holding:
        descriptor = _held.pop(str(file.absolute()), None)
        if descriptor is not None:
            os.close(descriptor)


def hold_lock(file: Path, what: str) -> None:
    """Hold an archive's lock from now until this process ends.

    Raises StoreError where another process of this host holds it; `what` says in the error what for.
    """
    holder = acquire(file, f"{os.getpid()}\n")
    if holder is not None:
        raise StoreError(
            f"archive {what}: process {holder} is writing to it, and this store cannot keep two writers "
            "apart: run again when it has ended."
        )


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
