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

    def _burn(self, name: str) -> None:
        if self.left is not None:
            if self.left == 0:
                self.burnt.append(name)
                raise PowerLost(errno.EIO, name)
            self.left -= 1

    def calls(self) -> DiskCalls:
        return DiskCalls(write=self.write, sync=self.sync, unlink=self.unlink)

    def write(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        self._burn("write")
        return os.pwritev(fd, buffers, offset)

    def sync(self, fd: int) -> None:
        self._burn("sync")
        os.fdatasync(fd)

    def unlink(self, path: Path) -> None:
        self._burn("unlink")
        path.unlink()


def burning_index(directory: Directory, fuse: Fuse) -> None:
    """Have the steps of the index burn the same fuse."""

    def burning(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def step(*words: object) -> None:
            fuse._burn(name)
            real(*words)

        return step

    for name in ("swap", "flush", "drop_volume"):
        setattr(directory.index, name, burning(name, getattr(directory.index, name)))
