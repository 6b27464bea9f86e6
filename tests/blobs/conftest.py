"""Builders of this room's tests: blobs, records, directories, and a disk that fails on demand."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from mys3d.blobs import record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.punch import punch_hole
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore, Folder
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
    punch_errno: int | None = None
    write_bytes_max: int | None = None
    syncs_count: int = 0
    free_bytes: int = 300 * MIB
    size_bytes: int = 512 * MIB  # volumes of 8 MiB
    written: list[tuple[int, int]] = field(default_factory=list)

    def calls(self) -> DiskCalls:
        return DiskCalls(self._write, self._sync, self._allocate, self._punch)

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

    def _punch(self, fd: int, offset: int, size: int) -> None:
        if self.punch_errno is not None:
            raise OSError(self.punch_errno, os.strerror(self.punch_errno))
        punch_hole(fd, offset, size)

    def _allocate(self, fd: int, offset: int, size: int) -> None:
        if self.allocate_errno is not None:
            raise OSError(self.allocate_errno, os.strerror(self.allocate_errno))
        os.posix_fallocate(fd, offset, size)


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@lru_cache(600)
def _built(seed: int, length: int = 4096) -> tuple[Digest, bytes]:
    data = random.Random(seed).randbytes(length)
    return digest_of(data), data


@pytest.fixture
def blob() -> Callable[..., tuple[Digest, bytes]]:
    """Build the blob of a seed: its name and its bytes."""

    return _built


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
    return lambda: BlobStore([Folder(tmp_path / "blobs")], CLUSTER, calls=disk.calls(), space=disk.space)


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


def _rot(blobs: BlobStore, digest: Digest) -> None:
    """Flip one bit in the data of a held blob."""
    place = blobs.depots[0].directory.index.find(digest)
    assert place is not None
    fd = blobs.depots[0].directory._volumes[place.volume].fd
    offset = place.offset + record.header_bytes(place.length)
    os.pwrite(fd, bytes([os.pread(fd, 1, offset)[0] ^ 1]), offset)


@pytest.fixture
def rot() -> Callable[[BlobStore, Digest], None]:
    return _rot


@pytest.fixture
def break_index() -> Callable[..., None]:
    """Make every later call of an open index fail, as a rotten block does."""

    def break_it(directory: Directory, why: str = "Corruption: block checksum mismatch") -> None:
        def fail(*_: object) -> None:
            raise Exception(why)  # noqa: TRY002  # as rocksdict does

        rows = directory.index._rows
        directory.index._rows = SimpleNamespace(get=fail, iter=fail, write=fail, flush=fail, close=rows.close)
        directory.index._get = fail

    return break_it


WRITER = """
import os, sys, trio
from pathlib import Path
from mys3d.blobs.store import BlobStore, Folder
from mys3d.model.digest import digest_of

async def write(blobs, worker):
    count = 0
    while True:
        data = b"%s/%d/%d/" % (sys.argv[2].encode(), worker, count) * (1 + (worker * 7919 + count * 104729) % 20_000)
        await blobs.put(digest_of(data), [data], 1)
        os.write(1, b"%d %d\\n" % (worker, count))
        count += 1

async def main():
    async with BlobStore([Folder(Path(sys.argv[1]))], b"cluster of tests") as blobs:
        async with trio.open_nursery() as nursery:
            for worker in range(32):
                nursery.start_soon(write, blobs, worker)

trio.run(main)
"""


def _kill_writer(acknowledged: int, folder: Path, salt: int = 0) -> list[bytes]:
    command = [sys.executable, "-c", WRITER, str(folder), str(salt)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        lines += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    assert len(lines) >= acknowledged
    assert all(lines), "the writer ended before it was killed"
    numbers = [(int(worker), int(count)) for worker, count in map(bytes.split, lines)]
    return [b"%d/%d/%d/" % (salt, at, count) * (1 + (at * 7919 + count * 104729) % 20_000) for at, count in numbers]


@pytest.fixture
def kill_writer() -> Callable[..., list[bytes]]:
    """Let another process put blobs, 32 at a time, kill it after so many acknowledgements, and return all it gave.

    `salt` makes the bytes of one run differ from those of another."""
    return _kill_writer
