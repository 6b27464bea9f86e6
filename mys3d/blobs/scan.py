"""Find the records of a volume again.        Floor: blobs (driver). Called by: blobs.directory at open, blobs.verify.

Law: no record that is whole is ever lost to a neighbour that is not: a stretch that cannot be read is stepped over, and
only what lies behind the last whole record may be cut. Data is verified where it is not known to have been synced.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.record import Malformed, RecordHeader
from mys3d.blobs.volume import Volume
from mys3d.model.digest import digest_of

_WINDOW: Final = limits.MIB  # bytes searched at a time for the next record
_ZEROS: Final = bytes(_WINDOW)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a volume holds. `end`: behind the last whole record, and never below what is known to be synced."""

    records: list[RecordHeader]  # those whose data was punched out are no records any more
    end: int
    gaps_count: int  # stretches of no record below what was synced: torn by a crash long ago, or rotten now


def scan(volume: Volume, start: int, synced_end: int, is_sealed: bool) -> Scan:
    """Return every whole record at or above `start`, in order. `synced_end`: known to have been durable up to there.

    Reads the disk, not the memory of it: a failed sync may have left pages that look clean and were never written.
    """
    os.fdatasync(volume.fd)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(volume.fd, start, 0, os.POSIX_FADV_DONTNEED)
    size = volume.size
    found = list(headers(volume, start, size))
    known = max([synced_end, *(header.synced_end for header in found)])
    if is_sealed and found:
        known = max(known, _stop(found[-1]))
    whole = [header for header in found if header.offset < known or _has_its_data(volume, header)]
    end = max(known, start, _stop(whole[-1]) if whole else 0)
    return Scan([header for header in whole if not _is_punched(volume, header)], end, _gaps(whole, start, known))


def headers(volume: Volume, start: int, size: int) -> Iterator[RecordHeader]:
    """Yield every record header in [start, size) that can be read, from record to record."""
    offset: int | None = start
    while offset is not None and offset < size:
        header = _header_at(volume, offset)
        if header is None:
            offset = _next_magic(volume.fd, offset + record.ALIGNMENT, size)
            continue
        yield header
        offset = _stop(header)


def _header_at(volume: Volume, offset: int) -> RecordHeader | None:
    try:
        data = os.pread(volume.fd, record.HEADER_BYTES_MAX, offset)
        return record.parse_header(data, offset, volume.header.record_key)
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


def _gaps(whole: list[RecordHeader], start: int, known: int) -> int:
    """Count the stretches below `known` that belong to no record."""
    stops = [start, *(_stop(header) for header in whole)]
    starts = [*(header.offset for header in whole), known]
    return sum(stop < min(begin, known) for stop, begin in zip(stops, starts, strict=True))


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
