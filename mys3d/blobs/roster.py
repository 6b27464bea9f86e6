"""Which directories this node keeps blobs in.        Floor: blobs (driver). Called by: blobs.store.

Law: a path where blobs were kept is never filled anew by mistake: an empty mount point is noticed by the identity that
should be there. Only a directory that vanished from within the node's own data directory is taken for wiped.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from mys3d.blobs import identity
from mys3d.blobs.volume import sync_folder
from mys3d.errors import Unavailable

FORMAT: Final = 1


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    directories: dict[str, str]  # path -> directory id


class Absent(Unavailable):
    """Blobs were kept at this path and nothing of them is there now."""


class Roster:
    """What is remembered at `path`: which directory id stands at which path."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable when the file cannot be read."""
        self._path = path
        self._known = _load(path)

    def expected(self, folder: Path) -> bytes | None:
        """The id of the directory that was used at `folder` last. None: none was, or it may begin anew.

        Raises Absent when one was and its identity is gone.
        """
        known = self._known.get(str(folder))
        if known is None:
            return None
        if identity.is_there(folder):
            return bytes.fromhex(known)
        if not folder.exists() and folder.is_relative_to(self._path.parent):
            return None
        raise Absent(
            f"{folder} has no {identity.FILE}, but blobs were kept there: mount its disk and restart this node; "
            f"if the disk is lost, remove the path from {self._path}, and it begins anew"
        )

    def remember(self, present: Mapping[Path, bytes], absent: list[Path]) -> None:
        """Keep what is used now, and what is missing for a while; forget the paths that are not configured any more.

        Raises OSError.
        """
        known = {str(path): self._known[str(path)] for path in absent if str(path) in self._known}
        self._write(known | {str(path): directory_id.hex() for path, directory_id in present.items()})

    def forget(self, folder: Path) -> None:
        """The directory at `folder` begins anew, even if that start ends half way. Raises OSError."""
        self._write({path: known for path, known in self._known.items() if path != str(folder)})

    def _write(self, known: dict[str, str]) -> None:
        if known == self._known:
            return
        encoded = msgspec.json.format(msgspec.json.encode(_Stored(FORMAT, known))) + b"\n"
        unborn = self._path.with_suffix(".new")
        fd = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, encoded)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(unborn, self._path)
        sync_folder(self._path.parent)
        self._known = known


def _load(path: Path) -> dict[str, str]:
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        directories = {folder: bytes.fromhex(known).hex() for folder, known in stored.directories.items()}
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, ValueError) as error:
        raise Unavailable(f"{path} is damaged: {error}; remove it when all disks are mounted") from error
    if stored.format != FORMAT:
        raise Unavailable(f"{path} has format {stored.format}, this program reads {FORMAT}")
    return directories
