"""One data directory: its volumes, its index, and the order in which both are written.        Floor: blobs (driver).

Law: data and header are durable before the index says that a blob exists; at open everything that the index may have
missed is read again from the volumes. Only the committer's thread writes; after a failed sync nothing is written again.
A blob is forgotten row first: its data is punched out only after the index is flushed without it.
"""

import contextlib
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from mys3d import limits
from mys3d.blobs import record, volume
from mys3d.blobs.identity import Identity, claim
from mys3d.blobs.index import Index, IndexLost, Place, Position, remove
from mys3d.blobs.punch import UNSUPPORTED
from mys3d.blobs.record import RecordHeader, VolumeHeader
from mys3d.blobs.scan import scan
from mys3d.blobs.space import Space, volume_bytes
from mys3d.blobs.volume import DiskCalls, Volume
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest
from mys3d.ports import Buffer

_INDEX: Final = "index"

log = structlog.get_logger("mys3d.blobs")


@dataclass(frozen=True, slots=True)
class NewBlob:
    """What one put wants written. `data` is never changed again: a put that was cancelled is written all the same."""

    digest: Digest
    data: Sequence[Buffer]
    length: int
    touch: int


class Directory:
    """The open directory. `offline` says why nothing is written any more; what is held can still be read."""

    def __init__(
        self,
        folder: Path,
        cluster_id: bytes,
        calls: DiskCalls,
        space: Callable[[Path], Space],
        expected: bytes | None = None,
    ) -> None:
        """Open or create, and recover. Takes as long as the volumes written since the last index flush need.

        `expected` is the directory's id when it was used here before. Raises Unavailable, OSError.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.offline: str | None = None  # None: in service
        self.on_offline: Callable[[], None] = _nobody_listens  # called once, by any thread
        self.recovered_count = 0  # records that the index had missed
        self.gaps_count = 0  # stretches of the volumes read at open that belong to no record: see scan.py
        self.unreadable_count = 0  # volumes whose header cannot be read
        self._calls = calls
        self._space = space
        self._volumes: dict[int, Volume] = {}
        self._pins = threading.Lock()  # also guards the dictionary of volumes
        self._dead: deque[Place] = deque()  # forgotten, and not punched out yet
        self._can_punch = True
        self._active: Volume | None = None  # None: the next record opens the first volume
        self.identity: Identity = claim(folder, cluster_id, expected)
        with contextlib.ExitStack() as undo:
            undo.callback(self._close_files)
            self._open_volumes()
            self.index = self._open_index()
            self._recover()
            undo.pop_all()

    def pin(self, number: int) -> Volume | None:
        """A volume to read from, whose file stays open until `unpin`. None: there is no such volume."""
        with self._pins:
            found = self._volumes.get(number)
            if found is not None:
                found.pins_count += 1
            return found

    def unpin(self, found: Volume) -> None:
        with self._pins:
            found.pins_count -= 1

    def volume_numbers(self) -> list[int]:
        with self._pins:
            return sorted(self._volumes)

    def commit(self, blobs: Sequence[NewBlob]) -> None:
        """Make every blob durable, then indexed. Raises Unavailable: none of them counts as held.

        Called by one thread. A batch that does not fit into the volume goes on in the next one.
        """
        if self.offline is not None:
            raise Unavailable(self.offline)
        total = sum(record.record_bytes(blob.length) for blob in blobs)
        if not self.space().has_room(total):
            raise Unavailable(f"{self.folder} has too little free space")
        try:
            rest = list(blobs)
            while rest:
                rest = rest[self._append(rest) :]
        except OSError as error:
            raise self._failed(error) from error

    def forget(self, digest: Digest) -> None:
        """Delete the row of a blob; `reclaim` returns its room later. A crash before it brings the blob back."""
        place = self.index.forget(digest)
        if place is None or place.length < limits.punch_bytes_min:
            return
        if len(self._dead) < limits.punches_waiting_max:
            self._dead.append(place)

    def reclaim(self) -> int:
        """Punch out the data of what was forgotten; return how many records. Waits for the disk: runs in a thread."""
        count = len(self._dead)  # those whose rows were deleted before the flush
        if count == 0 or self.offline is not None:
            return 0
        self.index.flush()
        dead = [self._dead.popleft() for _ in range(count)]
        try:
            for place in dead:
                self._punch(place)
        except OSError as error:
            self.take_offline(f"punching a hole: {error}")
        return count

    def _punch(self, place: Place) -> None:
        target = self._volumes.get(place.volume)
        if target is None or not self._can_punch:
            return
        try:
            target.punch(place.offset, place.length)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self._can_punch = False
            log.info("blobs.cannot_punch", folder=str(self.folder), why=str(error))

    def space(self) -> Space:
        """What is free, with the room that was already set aside in the current volume."""
        found = self._space(self.folder)
        unused = 0 if self._active is None else self._active.size - self._active.end
        return replace(found, free_bytes=found.free_bytes + unused)

    def take_offline(self, why: str) -> None:
        if self.offline is None:
            self.offline = f"{self.folder} is offline until this node is restarted: {why}"
            log.error("blobs.offline", folder=str(self.folder), why=why)
            self.on_offline()

    def close(self) -> None:
        """Close everything; the room set aside is given back, so that the next open has no tail to search."""
        if self._active is not None and self.offline is None:
            with contextlib.suppress(OSError):  # a convenience: the next open cuts whatever is there
                self._active.drop_tail()
        self.index.close()
        self._close_files()

    def _append(self, blobs: Sequence[NewBlob]) -> int:
        """Append, sync and index the first of `blobs`, as many as fit into the current volume. Return their count."""
        target = self._with_room(record.record_bytes(blobs[0].length))
        room = target.size - target.end
        offset = target.end
        buffers: list[Buffer] = []
        rows: list[tuple[Digest, Place]] = []
        for blob in blobs:
            size = record.record_bytes(blob.length)
            if offset + size - target.end > room:
                break
            buffers += _encode(blob, offset, target)
            rows.append((blob.digest, Place(target.header.number, offset, blob.length, 0, blob.touch)))
            offset += size
        target.append(buffers, offset - target.end)
        self.index.add(rows, Position(target.header.number, target.end))
        return len(rows)

    def _with_room(self, size: int) -> Volume:
        if self._active is not None and self._active.end + size <= self._active.size:
            return self._active
        if self._active is not None:
            self.index.flush()  # so that a restart reads at most one volume again
        number = volume.next_number(self.folder)
        header = VolumeHeader(number, self.identity.cluster_id, self.identity.directory_id, secrets.token_bytes(32))
        made = volume.create(self.folder, header, self._volume_bytes(), self._calls)
        with self._pins:
            self._active = self._volumes[number] = made
        return made

    def _volume_bytes(self) -> int:
        return volume_bytes(self._space(self.folder).size_bytes)

    def _failed(self, error: OSError) -> Unavailable:
        """Leave the volume as it was before a failed batch, and say what the failure means.

        A full disk may have room again soon. Anything else is a broken promise of the disk: no sync is tried again.
        """
        if error.errno not in volume.FULL:
            self.take_offline(str(error))
        if self._active is not None:
            with contextlib.suppress(OSError):  # the tail that stays is found and judged at the next open
                self._active.drop_tail()
        return Unavailable(self.offline or f"{self.folder} is full: {error}")

    def _open_volumes(self) -> None:
        for path in volume.list_volumes(self.folder):
            try:
                found = volume.open_volume(path, self._calls)
            except record.Malformed as error:  # kept for a later rescue; its blobs count as missing
                log.error("blobs.volume_unreadable", path=str(path), why=str(error))
                self.unreadable_count += 1
                continue
            self._volumes[found.header.number] = found
            ours = (self.identity.cluster_id, self.identity.directory_id)
            if (found.header.cluster_id, found.header.directory_id) != ours:
                raise Unavailable(f"{path} belongs to another cluster or directory")

    def _open_index(self) -> Index:
        path = self.folder / _INDEX
        try:
            index = Index(path, self.identity.directory_id)
            if self._reaches(index.position) and index.volumes <= self._volumes.keys():
                return index
            index.close()
            why = f"it ends at {index.position} and names the volumes {sorted(index.volumes)}"
        except IndexLost as error:
            why = str(error)
        log.warning("blobs.index_rebuilt", folder=str(self.folder), why=why)
        remove(path)
        return Index(path, self.identity.directory_id)

    def _reaches(self, position: Position) -> bool:
        if position.volume == 0:
            return True
        last = self._volumes.get(position.volume)
        return last is not None and position.offset <= last.size

    def _recover(self) -> None:
        """Read again what the index has missed, and find the end of the last volume."""
        known = self.index.position
        for number in sorted(self._volumes):
            if number < known.volume:
                continue
            target = self._volumes[number]
            synced_end = known.offset if number == known.volume else record.RECORDS_START
            is_last = number == max(self._volumes)
            found = scan(target, synced_end, synced_end, is_sealed=not is_last)
            target.end = found.end
            self.gaps_count += found.gaps_count
            self.recovered_count += len(found.records)
            self.index.add(_rows(number, found.records), Position(number, found.end))
            if is_last:
                target.cut(self._volume_bytes())
                self._active = target
        self.index.flush()

    def _close_files(self) -> None:
        for found in self._volumes.values():
            found.close()
        self.identity.release()


def _nobody_listens() -> None:
    """What a directory calls that nobody looks after."""


def _rows(number: int, headers: Sequence[RecordHeader]) -> list[tuple[Digest, Place]]:
    return [
        (header.digest, Place(number, header.offset, header.length, 0, 0))
        for header in headers
        if header.flags == record.BLOB
    ]


def _encode(blob: NewBlob, offset: int, target: Volume) -> list[Buffer]:
    """Return the buffers of one record: small ones joined, because a buffer costs more than copying 64 KiB."""
    header = record.encode_header(
        RecordHeader(
            blob.digest, blob.length, record.BLOB, offset, target.end, record.sub_digests(blob.data, blob.length)
        ),
        target.header.record_key,
    )
    padding = bytes(record.record_bytes(blob.length) - len(header) - blob.length)
    buffers: list[Buffer] = [header, *blob.data, padding]
    return [b"".join(buffers)] if blob.length <= limits.sub_digest_bytes else buffers
