"""One append-only file of blobs.        Floor: blobs (driver). Called by: blobs.directory.

Law: bytes below `end` are durable and never written again, only punched out once no row names them; what lies at or
above it was never acknowledged. A volume comes into being whole: written under another name, synced, renamed, and its
directory synced.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mys3d.blobs import record
from mys3d.blobs.punch import punch_hole
from mys3d.blobs.record import VolumeHeader
from mys3d.ports import Buffer

SUFFIX: Final = ".volume"
UNBORN: Final = ".new"
FULL: Final = (errno.ENOSPC, errno.EDQUOT)  # the disk says no today and may say yes tomorrow
_BUFFERS_MAX: Final = 1000  # Linux IOV_MAX is 1,024 buffers a call


@dataclass(frozen=True, slots=True)
class DiskCalls:
    """The calls that can fail on a bad disk, so that a test can make them fail."""

    write: Callable[[int, Sequence[Buffer], int], int] = os.pwritev
    sync: Callable[[int], None] = os.fdatasync
    allocate: Callable[[int, int, int], None] = os.posix_fallocate
    punch: Callable[[int, int, int], None] = punch_hole
    unlink: Callable[[Path], None] = os.unlink


@dataclass(slots=True)
class Volume:
    """An open volume. Only the committer's thread appends; any thread reads from `fd`."""

    path: Path
    fd: int
    header: VolumeHeader
    end: int
    calls: DiskCalls = field(default_factory=DiskCalls)
    pins_count: int = 0  # who reads it now; guarded by its directory

    @property
    def size(self) -> int:
        """Bytes of the file, those set aside for later records included."""
        return os.fstat(self.fd).st_size

    def append(self, buffers: Sequence[Buffer], size: int) -> None:
        """Write `size` bytes at the end and make them durable. Raises OSError: nothing was appended then."""
        write_all(self.calls, self.fd, buffers, self.end)
        self.calls.sync(self.fd)
        self.end += size

    def drop_tail(self) -> None:
        """Drop whatever lies above `end`, from the page cache too, where it may look clean after a failed sync."""
        os.ftruncate(self.fd, self.end)

    def cut(self, size: int) -> None:
        """Drop the tail for good, and set room aside up to `size` bytes, if the disk has it. Raises OSError."""
        self.drop_tail()
        if size > self.end:
            try:
                self.calls.allocate(self.fd, self.end, size - self.end)
            except OSError as error:
                if error.errno not in FULL:
                    raise
        self.calls.sync(self.fd)

    def punch(self, offset: int, length: int) -> None:
        """Give back the room of the data of the record at `offset`; its header stays. Raises OSError."""
        start, stop = record.punched_range(offset, length)
        assert stop <= self.size, f"bytes up to {stop} of {self.path} are to be punched, it ends at {self.size}"
        if start < stop:
            self.calls.punch(self.fd, start, stop - start)

    def close(self) -> None:
        os.close(self.fd)


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}{SUFFIX}"


def create(folder: Path, header: VolumeHeader, size: int, calls: DiskCalls) -> Volume:
    """Make an empty volume of `size` bytes and return it once it would survive a power cut. Raises OSError."""
    path = path_of(folder, header.number)
    unborn = path.with_suffix(UNBORN)
    unborn.unlink(missing_ok=True)
    fd = os.open(unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        calls.allocate(fd, 0, size)
        write_all(calls, fd, [record.encode_volume_header(header)], 0)
        calls.sync(fd)
        os.rename(unborn, path)
        sync_folder(folder)
    except OSError:
        os.close(fd)
        with contextlib.suppress(OSError):  # what is left under the unborn name is removed at the next creation
            unborn.unlink(missing_ok=True)
        raise
    return Volume(path, fd, header, record.RECORDS_START, calls)


def open_volume(path: Path, calls: DiskCalls) -> Volume:
    """Open a volume whose `end` is not known yet (0). Raises Malformed when its header cannot be read."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        header = record.parse_volume_header(os.pread(fd, record.RECORDS_START, 0))
        if path_of(path.parent, header.number) != path:
            raise record.Malformed(f"{path} says that it is volume {header.number}")
    except (OSError, record.Malformed):
        os.close(fd)
        raise
    return Volume(path, fd, header, 0, calls)


def list_volumes(folder: Path) -> list[Path]:
    """The volumes of a directory, oldest first, readable or not."""
    return sorted(folder.glob(f"[0-9]*{SUFFIX}"))


def next_number(folder: Path) -> int:
    """A number that no file has, not even one that cannot be read."""
    return max((int(path.stem) for path in list_volumes(folder)), default=0) + 1


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(calls: DiskCalls, fd: int, buffers: Sequence[Buffer], offset: int) -> None:
    """Write every buffer at `offset`, however short the kernel's writes are."""
    for first in range(0, len(buffers), _BUFFERS_MAX):
        group = buffers[first : first + _BUFFERS_MAX]
        expected = sum(len(buffer) for buffer in group)
        written = calls.write(fd, group, offset)
        if written < expected:
            _write_rest(calls, fd, b"".join(group), written, offset)
        offset += expected


def _write_rest(calls: DiskCalls, fd: int, data: bytes, written: int, offset: int) -> None:
    while written < len(data):
        count = calls.write(fd, [memoryview(data)[written:]], offset + written)
        if count == 0:
            raise OSError(f"wrote 0 of {len(data) - written} bytes")
        written += count
