"""Builders of this room's tests: blobs, records, directories, and a disk that fails on demand."""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore
from mys3d.blobs.volume import DiskCalls
from mys3d.limits import MIB
from mys3d.model.digest import Digest, digest_of
from mys3d.ports import Buffer

CLUSTER = b"cluster of tests"


@dataclass
class FailingDisk:
    """Disk calls that fail with `sync_errno`, `write_errno` or `allocate_errno` while those are set."""

    sync_errno: int | None = None
    write_errno: int | None = None
    allocate_errno: int | None = None
    write_bytes_max: int | None = None
    syncs_count: int = 0
    free_bytes: int = 300 * MIB
    size_bytes: int = 512 * MIB  # volumes of 8 MiB
    written: list[tuple[int, int]] = field(default_factory=list)

    def calls(self) -> DiskCalls:
        return DiskCalls(self._write, self._sync, self._allocate)

    def space(self, _: Path) -> Space:
        return Space(self.size_bytes, self.free_bytes)

    def _write(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        if self.write_errno is not None:
            raise OSError(self.write_errno, os.strerror(self.write_errno))
        if self.write_bytes_max is not None:
            buffers = [b"".join(buffers)[: self.write_bytes_max]]
        self.written.append((offset, sum(map(len, buffers))))
        return os.pwritev(fd, buffers, offset)

    def _sync(self, fd: int) -> None:
        self.syncs_count += 1
        if self.sync_errno is not None:
            raise OSError(self.sync_errno, os.strerror(self.sync_errno))
        os.fdatasync(fd)

    def _allocate(self, fd: int, offset: int, size: int) -> None:
        if self.allocate_errno is not None:
            raise OSError(self.allocate_errno, os.strerror(self.allocate_errno))
        os.posix_fallocate(fd, offset, size)


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
def blob() -> Callable[..., tuple[Digest, bytes]]:
    """Build the blob of a seed: its name and its bytes."""

    def build(seed: int, length: int = 4096) -> tuple[Digest, bytes]:
        data = random.Random(seed).randbytes(length)
        return digest_of(data), data

    return build


@pytest.fixture
def new_blob(blob: Callable[..., tuple[Digest, bytes]]) -> Callable[..., NewBlob]:
    """Build what a put wants written."""

    def build(seed: int, length: int = 4096, touch: int = 1) -> NewBlob:
        digest, data = blob(seed, length)
        return NewBlob(digest, [data], length, touch)

    return build


@pytest.fixture
def open_directory(tmp_path: Path, disk: FailingDisk) -> Callable[[], Directory]:
    """Open the test's directory, as often as the test wants."""
    return lambda: Directory(tmp_path / "blobs", CLUSTER, disk.calls(), disk.space)


@pytest.fixture
def open_store(tmp_path: Path, disk: FailingDisk) -> Callable[[], BlobStore]:
    """A store over the test's directory: `async with open_store() as blobs`."""
    return lambda: BlobStore(tmp_path / "blobs", CLUSTER, calls=disk.calls(), space=disk.space)


@pytest.fixture
def crash(tmp_path: Path) -> Callable[[Directory], None]:
    """End a directory as kill -9 does: nothing is flushed, the lock is gone, the index loses what it had in memory."""

    def end(directory: Directory) -> None:
        kept = {path: path.read_bytes() for path in (tmp_path / "blobs" / "index").iterdir() if path.is_file()}
        directory.index.close()
        directory._close_files()
        for path in (tmp_path / "blobs" / "index").iterdir():
            if path not in kept:
                path.unlink()
        for path, data in kept.items():
            path.write_bytes(data)

    return end
