"""Volumes that are mostly dead, emptied and removed.        Floor: blobs (driver). Called by: blobs.depot.

Law: never in place. A live record is copied behind the last one of the current volume and made durable; then its row
is swapped, unless the blob was forgotten or written anew meanwhile; the old file goes only when no row names it and the
index is on disk without it. A crash at any step leaves every blob in at least one volume that is known.
"""

from dataclasses import dataclass, field
from typing import Final

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.index import Place
from mys3d.blobs.reader import Reader
from mys3d.blobs.scan import headers
from mys3d.blobs.verify import Bad
from mys3d.blobs.volume import Volume
from mys3d.errors import Damaged

_EVERYTHING: Final = 2**63  # beyond any offset
_DEAD_SHARE: Final = 2  # a volume is worth it when it takes more than twice the room of what it holds


@dataclass(slots=True)
class Copied:
    """What one step did. `next_offset` is None when the volume was walked to its end."""

    bytes_count: int = 0
    next_offset: int | None = None
    bad: list[Bad] = field(default_factory=list)  # not copied: to be quarantined, and repaired first


def choose(directory: Directory) -> int | None:
    """The volume that gives back most room for what has to be copied. None: no volume is worth it now.

    A volume with damaged records waits until they are repaired or collected: they may be the last of their blobs.
    """
    best, best_gain = None, 0
    for number in directory.sealed_numbers():
        allocated = directory.allocated_bytes(number)
        gain = allocated - directory.index.use_of(number).held_bytes
        if gain > best_gain and _is_worth_it(directory, number, allocated):
            best, best_gain = number, gain
    return best


def seal_early(directory: Directory) -> bool:
    """Begin the next volume when the current one is worth it already: on a large disk it may never be filled.

    Waits for the disk: runs in a thread. Raises Unavailable.
    """
    return directory.seal(
        lambda number, taken: taken > limits.seal_early_bytes_min and _is_worth_it(directory, number, taken)
    )


def _is_worth_it(directory: Directory, number: int, taken_bytes: int) -> bool:
    use = directory.index.use_of(number)
    is_mostly_dead = taken_bytes > _DEAD_SHARE * use.held_bytes and not use.quarantined_count
    return is_mostly_dead and directory.space().has_room(use.held_bytes)


def copy_step(directory: Directory, reader: Reader, number: int, offset: int, bytes_max: int) -> Copied:
    """Copy live records from `offset` of a volume on. Waits for the disk: runs in a thread. Raises Unavailable."""
    copied = Copied()
    source = directory.pin(number)
    if source is None:
        return copied
    try:
        moves = _live(directory, reader, source, max(offset, record.RECORDS_START), bytes_max, copied)
    finally:
        directory.unpin(source)
    if moves:
        directory.move(moves)
    return copied


def finish(directory: Directory, reader: Reader, number: int) -> list[Bad]:
    """Remove a volume that was copied. Returns what is left of it instead: records that no header leads to any more.

    Raises Unavailable.
    """
    if directory.index.use_of(number).held_bytes == 0:
        if directory.index.use_of(number).quarantined_count == 0:
            directory.remove_volume(number)
        return []
    bad: list[Bad] = []
    for digest, place in directory.index.within(number, [(0, _EVERYTHING)]):
        if directory.offline is not None:
            break
        try:
            reader.read_waiting(digest, place, 0, place.length)
        except Damaged as error:
            bad.append(Bad(digest, place, error))
    return bad


def _live(
    directory: Directory, reader: Reader, source: Volume, start: int, bytes_max: int, copied: Copied
) -> list[tuple[NewBlob, Place]]:
    """Read and verify the live records of one step."""
    moves: list[tuple[NewBlob, Place]] = []
    for seen_count, header in enumerate(headers(source, start, source.end)):
        if copied.bytes_count >= bytes_max or seen_count >= limits.headers_step_max:
            copied.next_offset = header.offset
            break
        place = directory.index.find(header.digest)
        if place is None or (place.volume, place.offset) != (source.header.number, header.offset):
            continue
        copied.bytes_count += record.record_bytes(place.length)
        try:
            data = reader.read_waiting(header.digest, place, 0, place.length)
        except Damaged as error:
            copied.bad.append(Bad(header.digest, place, error))
            if directory.offline is not None:
                break
            continue
        moves.append((NewBlob(header.digest, (data,), place.length, place.touch), place))
    return moves
