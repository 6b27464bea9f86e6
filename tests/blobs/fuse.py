"""Disk calls that end the world at one of them: a power cut between any two steps of the directory."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mys3d.blobs.directory import Directory
from mys3d.blobs.volume import DiskCalls
from mys3d.ports import Buffer


class PowerLost(OSError):
    """The call never returned."""


@dataclass
class Fuse:
    """Disk calls that end the world at the call of a given number, and fail ever after."""

    left: int | None = None  # None: it does not burn
    burnt: list[str] = field(default_factory=list)

    def burn(self, name: str) -> None:
        if self.left is not None:
            if self.left == 0:
                self.burnt.append(name)
                raise PowerLost(errno.EIO, name)
            self.left -= 1

    def calls(self) -> DiskCalls:
        return DiskCalls(write=self.write, sync=self.sync, allocate=self.allocate, unlink=self.unlink)

    def write(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        self.burn("write")
        return os.pwritev(fd, buffers, offset)

    def sync(self, fd: int) -> None:
        self.burn("sync")
        os.fdatasync(fd)

    def allocate(self, fd: int, offset: int, size: int) -> None:
        self.burn("allocate")
        os.posix_fallocate(fd, offset, size)

    def unlink(self, path: Path) -> None:
        self.burn("unlink")
        path.unlink()


def burning_index(directory: Directory, fuse: Fuse) -> None:
    """Have the steps of the index burn the same fuse."""

    def burning(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def step(*words: object) -> object:
            fuse.burn(name)
            return real(*words)

        return step

    for name in ("add", "swap", "flush", "drop_volume"):
        setattr(directory.index, name, burning(name, getattr(directory.index, name)))
