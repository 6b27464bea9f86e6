"""How full a disk may get.        Floor: blobs (pure but for one statvfs). Called by: blobs.directory.

Law: below the reserve nothing is written, so that the journal, the registry and deletes always have room; as soon as
there is room again, writing goes on.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mys3d import limits


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of one file system."""

    size_bytes: int
    free_bytes: int  # to an ordinary user
    device: int = 0  # number of the file system
    is_shared: bool = False  # True: the journal or the registry lives here too

    @property
    def room_bytes(self) -> int:
        """What may still be written; below zero: the reserve is touched already."""
        return self.free_bytes - reserve_bytes(self.size_bytes, self.is_shared)

    def has_room(self, wanted_bytes: int) -> bool:
        return self.room_bytes >= wanted_bytes


def reserve_bytes(size_bytes: int, is_shared: bool) -> int:
    """5 % of the disk, at most 2 GiB, at least 64 MiB; for a journal 256 MiB more, or what a small disk can spare."""
    share = size_bytes * limits.disk_reserve_percent // 100
    reserve = max(limits.disk_reserve_bytes_min, min(share, limits.disk_reserve_bytes_max))
    if not is_shared:
        return reserve
    return reserve + min(limits.journal_reserve_bytes_max, size_bytes // limits.journal_reserve_divisor)


def volume_bytes(size_bytes: int) -> int:
    """Size of a new volume on a disk of `size_bytes`."""
    return max(limits.volume_bytes_min, min(limits.volume_bytes_max, size_bytes // 64))


def measure(folder: Path) -> Space:
    found = os.statvfs(folder)
    return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize, os.stat(folder).st_dev)


def measure_beside(others: Sequence[Path]) -> Callable[[Path], Space]:
    """How to measure a folder on a node that keeps `others`, its journal and registry, perhaps on the same disk."""
    devices = {os.stat(path).st_dev for path in others if path.exists()}

    def measured(folder: Path) -> Space:
        found = measure(folder)
        return Space(found.size_bytes, found.free_bytes, found.device, found.device in devices)

    return measured
