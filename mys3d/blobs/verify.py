"""Every blob of a directory read again, in the order of the disk.        Floor: blobs (driver). Called by: blobs.store.

Law: a round misses no blob that was held all the time. Headers lead from record to record; where none can be read, the
index is asked which blobs should lie there. The disk is read, not the memory of it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory
from mys3d.blobs.index import Place
from mys3d.blobs.reader import Reader
from mys3d.blobs.scan import headers
from mys3d.errors import Damaged
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest

_CURSOR: Final = "{}-{:08d}-{:012d}"  # directory, volume, offset: a cursor sorts as the disk lies


@dataclass(slots=True)
class Bad:
    """A record that is not what its name says."""

    digest: Digest
    place: Place
    error: Damaged


@dataclass(slots=True)
class Step:
    """One step through one directory. `next_offset` is None when its last volume was read to the end."""

    blobs_count: int = 0
    bytes_count: int = 0
    bad: list[Bad] = field(default_factory=list)
    next_volume: int = 0
    next_offset: int | None = None


def cursor_of(directory_id: bytes, volume: int, offset: int) -> str:
    return _CURSOR.format(directory_id.hex(), volume, offset)


def parse_cursor(text: str) -> tuple[str, int, int]:
    """The directory's id, the volume and the offset of a cursor; ("", 0, 0) for the beginning or for none of ours."""
    parts = text.split("-")
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return "", 0, 0
    return parts[0], int(parts[1]), int(parts[2])


def verify_step(directory: Directory, reader: Reader, volume: int, offset: int, bytes_max: int) -> Step:
    """Read blobs from `offset` of `volume` on. Waits for the disk, so it runs in a thread. Raises Unavailable."""
    step = Step()
    for number in directory.volume_numbers():
        if number < volume:
            continue
        if step.bytes_count >= bytes_max or directory.offline is not None:
            step.next_volume, step.next_offset = number, 0
            return step
        start = max(offset if number == volume else 0, record.RECORDS_START)
        stopped = _verify_volume(directory, reader, number, start, bytes_max, step)
        if stopped is not None:
            step.next_volume, step.next_offset = number, stopped
            return step
    return step


def _verify_volume(
    directory: Directory, reader: Reader, number: int, start: int, bytes_max: int, step: Step
) -> int | None:
    """Verify what the index holds of one volume. Returns where it stopped; None: at the end."""
    target = directory.pin(number)
    if target is None:
        return None
    try:
        gaps: list[tuple[int, int]] = []
        expected, end = start, target.end
        stopped: int | None = None
        for seen_count, header in enumerate(headers(target, start, end)):
            if header.offset > expected:
                gaps.append((expected, header.offset))
            if directory.offline is not None:
                return header.offset
            if step.bytes_count >= bytes_max or seen_count >= limits.headers_step_max:
                stopped, expected = header.offset, end
                break
            expected = header.offset + record.record_bytes(header.length)
            place = directory.index.find(header.digest)
            if place is not None and (place.volume, place.offset) == (number, header.offset):
                _verify_blob(reader, header.digest, place, step, target.fd)
        if expected < end:
            gaps.append((expected, end))
        for digest, place in directory.index.within(number, gaps):
            if directory.offline is not None:
                break
            _verify_blob(reader, digest, place, step, target.fd)
        return stopped
    finally:
        directory.unpin(target)


def _verify_blob(reader: Reader, digest: Digest, place: Place, step: Step, fd: int) -> None:
    size = record.record_bytes(place.length)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, place.offset, size, os.POSIX_FADV_DONTNEED)
    step.blobs_count += 1
    step.bytes_count += size
    try:
        reader.read_waiting(digest, place, 0, place.length)
    except Damaged as error:
        step.bad.append(Bad(digest, place, error))


def damaged_of(bad: Sequence[Bad]) -> tuple[BlobRef, ...]:
    return tuple(BlobRef(each.digest, each.place.length) for each in bad)
