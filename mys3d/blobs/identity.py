"""Whose data directory this is, and who uses it.        Floor: blobs (driver). Called by: blobs.directory.

Law: a directory belongs to one cluster for ever. A foreign, swapped or half-made directory is refused, never adopted:
an identity is written only where there is no volume yet.
"""

import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mys3d.blobs.volume import list_volumes, sync_folder
from mys3d.errors import Unavailable

FORMAT: Final = 1
FILE: Final = "directory.json"


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    cluster_id: str
    directory_id: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The directory's name, and the lock that this process holds on it."""

    cluster_id: bytes
    directory_id: bytes
    lock_fd: int

    def release(self) -> None:
        os.close(self.lock_fd)


def is_there(folder: Path) -> bool:
    return (folder / FILE).exists()


def claim(folder: Path, cluster_id: bytes, expected: bytes | None = None) -> Identity:
    """Lock `folder` for this process, naming it first when it is new. Raises Unavailable: it is not ours to use.

    `expected` is the id of the directory that was used at this path before; None: any of this cluster.
    """
    path = folder / FILE
    if not path.exists():
        _write_new(folder, path, cluster_id)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        identity = Identity(bytes.fromhex(stored.cluster_id), bytes.fromhex(stored.directory_id), fd)
    except OSError as error:
        os.close(fd)
        raise Unavailable(f"{folder} is used by another process: {error}") from error
    except (msgspec.DecodeError, ValueError) as error:
        os.close(fd)
        raise Unavailable(f"{path} is damaged: {error}") from error
    if stored.format != FORMAT or identity.cluster_id != cluster_id:
        identity.release()
        raise Unavailable(
            f"{folder} belongs to cluster {stored.cluster_id} (format {stored.format}), this is {cluster_id.hex()}"
        )
    if expected not in (None, identity.directory_id):
        identity.release()
        raise Unavailable(
            f"{folder} holds the directory {stored.directory_id}, expected {expected.hex()}: is the right disk mounted?"
        )
    return identity


def _write_new(folder: Path, path: Path, cluster_id: bytes) -> None:
    if list_volumes(folder):
        raise Unavailable(f"{folder} holds volumes but no {FILE}: is it the right directory?")
    stored = _Stored(FORMAT, cluster_id.hex(), secrets.token_hex(16))
    unborn = path.with_suffix(".new")
    fd = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, msgspec.json.format(msgspec.json.encode(stored)) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(unborn, path)
    sync_folder(folder)
