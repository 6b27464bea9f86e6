"""Find the records of a volume again.        Floor: blobs (driver). Called by: opening, verify, compaction.

Law: no record that is whole is ever lost to a neighbour that is not: a stretch that cannot be read is stepped over, and
only what lies behind the last whole record may be cut. Data is verified where it is not known to have been synced.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.record import Malformed, RecordHeader
from mys3d.blobs.volume import Volume
from mys3d.model.digest import digest_of

_WINDOW: Final = limits.MIB  # bytes searched at a time for the next record
_HEADERS_BYTES: Final = 64 * limits.KIB  # read at a time while headers follow each other
_ZEROS: Final = bytes(_WINDOW)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a volume is. `end`: behind the last whole record, and never below what is known to be synced."""

    end: int
    gaps_count: int  # stretches of no record below what was synced: torn by a crash long ago, or rotten now


def scan(volume: Volume, start: int, synced_end: int, is_sealed: bool, take: Callable[[RecordHeader], None]) -> Scan:
    """Hand every whole record at or above `start` to `take`, in order, but those whose data was punched out.

    `synced_end`: known to have been durable up to there. Everything in a sealed volume was.
    Reads the disk, not the memory of it: a failed sync may have left pages that look clean and were never written.
    """
    os.fdatasync(volume.fd)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(volume.fd, start, 0, os.POSIX_FADV_DONTNEED)
    size = volume.size
    known = size if is_sealed else _known(volume, start, size, synced_end)
    end, gaps_count, synced = start, 0, synced_end
    for header in headers(volume, start, size):
        synced = max(synced, header.synced_end)
        if header.offset >= known and not _has_its_data(volume, header):
            continue
        gaps_count += end < min(header.offset, known)
        end = _stop(header)
        if not _is_punched(volume, header):
            take(header)
    return Scan(max(synced, end), gaps_count + (end < synced))


def _known(volume: Volume, start: int, size: int, synced_end: int) -> int:
    """How far the records of a volume say that it was durable."""
    return max([synced_end, *(header.synced_end for header in headers(volume, start, size))])


def headers(volume: Volume, start: int, size: int) -> Iterator[RecordHeader]:
    """Yield every record header in [start, size) that can be read, from record to record."""
    window = _Window(volume.fd)
    offset: int | None = start
    while offset is not None and offset < size:
        header = _header_at(window, offset, volume.header.record_key)
        if header is None:
            offset = _next_magic(volume.fd, offset + record.ALIGNMENT, size)
            continue
        yield header
        offset = _stop(header)


class _Window:
    """A stretch of a file in memory: the headers of small records lie close together."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = b""
        self._offset = 0

    def at(self, offset: int) -> memoryview:
        """Bytes from `offset` on, as many as a header may have if the file goes on so far. Raises OSError."""
        start = offset - self._offset
        if not 0 <= start <= len(self._data) - record.HEADER_BYTES_MAX:
            self._data, self._offset, start = self._read(offset), offset, 0
        return memoryview(self._data)[start : start + record.HEADER_BYTES_MAX]

    def _read(self, offset: int) -> bytes:
        try:
            return os.pread(self._fd, _HEADERS_BYTES, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return os.pread(self._fd, record.HEADER_BYTES_MAX, offset)  # the bad sector may lie further on


def _header_at(window: _Window, offset: int, key: bytes) -> RecordHeader | None:
    try:
        return record.parse_header(window.at(offset), offset, key)
    except Malformed:
        return None
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return None


def _has_its_data(volume: Volume, header: RecordHeader) -> bool:
    data = os.pread(volume.fd, header.length, header.offset + record.header_bytes(header.length))
    return header.flags != record.BLOB or digest_of(data) == header.digest


def _is_punched(volume: Volume, header: RecordHeader) -> bool:
    """True when the data was given back. Zeros alone prove nothing: a client may have stored zeros."""
    start, stop = record.punched_range(header.offset, header.length)
    if header.length < limits.punch_bytes_min or start >= stop:
        return False
    try:
        first = os.pread(volume.fd, min(stop - start, 4096), start)
        return not any(first) and not _has_its_data(volume, header)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False  # found damaged when it is read


def _stop(header: RecordHeader) -> int:
    return header.offset + record.record_bytes(header.length)


def _next_magic(fd: int, offset: int, size: int) -> int | None:
    """Return the next aligned place that starts like a record, or None up to the end of the file.

    A stretch of zeros, as the room set aside for later records is, costs one comparison.
    """
    window = bytearray(_WINDOW)
    while offset < size:
        count = os.preadv(fd, [window], offset)
        if count == 0:
            return None
        if count < _WINDOW or window != _ZEROS:
            at = window.find(record.MAGIC, 0, count)
            while at >= 0:
                if (offset + at) % record.ALIGNMENT == 0:
                    return offset + at
                at = window.find(record.MAGIC, at + 1, count)
        offset += count - count % record.ALIGNMENT or count
    return None
