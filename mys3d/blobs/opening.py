"""From the files of a directory to its volumes and a complete index.        Floor: blobs (driver).

Called by: blobs.directory.
Law: the volumes know everything; the index is believed up to its position, and where it cannot be believed at all it is
built anew. Memory stays bounded however many blobs there are.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from mys3d import limits
from mys3d.blobs import record, volume
from mys3d.blobs.identity import Identity
from mys3d.blobs.index import Index, IndexLost, Place, Position, remove
from mys3d.blobs.record import RecordHeader
from mys3d.blobs.scan import Scan, scan
from mys3d.blobs.volume import DiskCalls, Volume
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest

_INDEX: Final = "index"

log = structlog.get_logger("mys3d.blobs")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the index had missed."""

    records_count: int
    gaps_count: int


def open_volumes(folder: Path, identity: Identity, calls: DiskCalls, opened: dict[int, Volume]) -> int:
    """Open every volume into `opened`; return how many cannot be read. Raises Unavailable (a foreign one), OSError."""
    unreadable_count = 0
    for path in volume.list_volumes(folder):
        try:
            found = volume.open_volume(path, calls)
        except record.Malformed as error:  # kept for a later rescue; its blobs count as missing
            log.error("blobs.volume_unreadable", path=str(path), why=str(error))
            unreadable_count += 1
            continue
        opened[found.header.number] = found
        found.end = found.size  # the last one, and those that the index has missed, are measured by `recover`
        if (found.header.cluster_id, found.header.directory_id) != (identity.cluster_id, identity.directory_id):
            raise Unavailable(f"{path} belongs to another cluster or directory")
    return unreadable_count


def open_index(folder: Path, identity: Identity, volumes: dict[int, Volume]) -> Index:
    """Open the index, or begin it anew when it is unreadable or does not belong to the volumes. Raises NoRoom."""
    path = folder / _INDEX
    try:
        index = Index(path, identity.directory_id)
        if _reaches(index.position, volumes) and index.volumes <= volumes.keys():
            return index
        index.close()
        why = f"it ends at {index.position} and names the volumes {sorted(index.volumes)}"
    except IndexLost as error:
        why = str(error)
    log.warning("blobs.index_rebuilt", folder=str(folder), why=why)
    remove(path)
    return Index(path, identity.directory_id)


def recover(index: Index, volumes: dict[int, Volume]) -> Recovered:
    """Read again what the index has missed, and find the end of each of these volumes."""
    known = index.position
    records_count, gaps_count = 0, 0
    for number in sorted(number for number in volumes if number >= known.volume):
        target = volumes[number]
        start = known.offset if number == known.volume else record.RECORDS_START
        rows = _Rows(index, number)
        found: Scan = scan(target, start, start, number != max(volumes), rows.take)
        target.end = found.end
        rows.write(found.end)
        records_count += rows.records_count
        gaps_count += found.gaps_count
    index.flush()
    return Recovered(records_count, gaps_count)


class _Rows:
    """Rows of one volume on their way into the index, some at a time."""

    def __init__(self, index: Index, number: int) -> None:
        self.records_count = 0
        self._index = index
        self._number = number
        self._rows: list[tuple[Digest, Place]] = []

    def take(self, header: RecordHeader) -> None:
        self.records_count += 1
        if header.flags != record.BLOB:
            return
        self._rows.append((header.digest, Place(self._number, header.offset, header.length, 0, 0)))
        if len(self._rows) >= limits.index_rows_max:
            self.write(header.offset + record.record_bytes(header.length))

    def write(self, end: int) -> None:
        """Write what is waiting: every record below `end` has its row then."""
        self._index.add(self._rows, Position(self._number, end))
        self._rows = []


def _reaches(position: Position, volumes: dict[int, Volume]) -> bool:
    if position.volume == 0:
        return True
    last = volumes.get(position.volume)
    return last is not None and position.offset <= last.size
