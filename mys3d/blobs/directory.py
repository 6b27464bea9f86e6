"""One data directory: its volumes, its index, and the order in which both are written.        Floor: blobs (driver).

Law: data and header are durable before the index says that a blob exists; at open everything that the index may have
missed is read again from the volumes. One thread writes at a time; after a failed sync nothing is written again.
A blob is forgotten row first: its data is punched out only after the index is flushed without it.
"""

import contextlib
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from mys3d import limits
from mys3d.blobs import opening, record, volume
from mys3d.blobs.identity import Identity, claim
from mys3d.blobs.index import IndexLost, Place, Position
from mys3d.blobs.punch import UNSUPPORTED
from mys3d.blobs.record import RecordHeader, VolumeHeader
from mys3d.blobs.space import Space, volume_bytes
from mys3d.blobs.volume import DiskCalls, Volume
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest
from mys3d.ports import Buffer

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
        self.is_index_lost = False  # True: that is why it is offline
        self.on_offline: Callable[[], None] = _nobody_listens  # called once, by any thread
        self._calls = calls
        self._space = space
        self._volumes: dict[int, Volume] = {}
        self._pins = threading.Lock()  # also guards the dictionary of volumes
        self._retired: list[Volume] = []  # removed, and perhaps still read
        self._dead: deque[Place] = deque()  # forgotten, and not punched out yet
        self._can_punch = True
        self._writing = threading.Lock()  # the committer and a compaction write in turn
        self.identity: Identity = claim(folder, cluster_id, expected)
        with contextlib.ExitStack() as undo:
            undo.callback(self._close_files)
            # Volumes whose header cannot be read: kept for a rescue by hand, their blobs count as missing.
            self.unreadable_count = opening.open_volumes(folder, self.identity, calls, self._volumes)
            self.index = opening.open_index(folder, self.identity, self._volumes)
            undo.callback(self.index.close)
            found = opening.recover(self.index, self._volumes)
            self.recovered_count = found.records_count  # records that the index had missed
            self.gaps_count = found.gaps_count  # stretches read at open that belong to no record: see scan.py
            self._active = self._volumes.get(max(self._volumes, default=0))  # None: the next record opens the first
            if self._active is not None:
                self._active.cut(self._volume_bytes())
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

    def sealed_numbers(self) -> list[int]:
        """The volumes that are not written any more, and that a restart does not read again."""
        last = self.index.position.volume
        return [number for number in self.volume_numbers() if number < last]

    def allocated_bytes(self, number: int) -> int:
        """What a volume takes on the disk: what was punched out of it does not count."""
        found = self.pin(number)
        if found is None:
            return 0
        try:
            return os.fstat(found.fd).st_blocks * 512
        finally:
            self.unpin(found)

    def remove_volume(self, number: int) -> None:
        """Remove a sealed volume that no row names. Whoever reads it goes on. Raises Unavailable."""
        assert number in self.sealed_numbers(), f"volume {number} is still written"
        self.index.drop_volume(number)
        self.index.flush()
        with self._pins:
            gone = self._volumes.pop(number)
        try:
            self._calls.unlink(gone.path)
            volume.sync_folder(self.folder)
        except OSError as error:
            self.take_offline(f"removing {gone.path}: {error}")
        self._retired.append(gone)
        self._close_retired()

    def _close_retired(self) -> None:
        with self._pins:
            done = [gone for gone in self._retired if gone.pins_count == 0]
            self._retired = [gone for gone in self._retired if gone.pins_count > 0]
        for gone in done:
            gone.close()

    def volume_numbers(self) -> list[int]:
        with self._pins:
            return sorted(self._volumes)

    def commit(self, blobs: Sequence[NewBlob]) -> None:
        """Make every blob durable, then indexed. Raises Unavailable: none of them counts as held.

        Called by one thread. A batch that does not fit into the volume goes on in the next one.
        """
        self._check_room(blobs)
        with self._alone():
            rest = list(blobs)
            while rest:
                rows = self._append(rest)
                self._bury(self.index.add(rows, self._position()))
                rest = rest[len(rows) :]

    def move(self, moves: Sequence[tuple[NewBlob, Place]]) -> None:
        """Copy blobs that lie at some places to the end, durably, and have their rows name the copies from then on.

        A blob that was forgotten or written anew meanwhile keeps its row as it is. Raises Unavailable.
        """
        self._check_room([blob for blob, _ in moves])
        with self._alone():
            rest = list(moves)
            while rest:
                rows = self._append([blob for blob, _ in rest])
                swaps = [(digest, old, new) for (digest, new), (_, old) in zip(rows, rest, strict=False)]
                self.index.swap(swaps, self._position())
                rest = rest[len(rows) :]

    def seal(self, is_worth_it: Callable[[int, int], bool]) -> bool:
        """Begin the next volume early, if the current one is worth it: asked with its number and the bytes it takes.

        From the position on, written behind it, the old one counts as sealed. Raises Unavailable.
        """
        if self.offline is not None:
            raise Unavailable(self.offline)
        with self._alone():
            current = self._active
            if current is None:
                return False
            set_aside = current.size - current.end
            if not is_worth_it(current.header.number, self.allocated_bytes(current.header.number) - set_aside):
                return False
            self._begin_volume()
            self.index.add([], self._position())
            return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Write while nobody else does, and judge what goes wrong. Raises Unavailable."""
        with self._writing:
            try:
                yield
            except OSError as error:
                raise self._failed(error) from error
            except IndexLost as error:
                self.lose_index(error)
                raise

    def _check_room(self, blobs: Sequence[NewBlob]) -> None:
        if self.offline is not None:
            raise Unavailable(self.offline)
        total = sum(record.record_bytes(blob.length) for blob in blobs)
        if not self.space().has_room(total):
            raise Unavailable(f"{self.folder} has too little free space")

    def forget(self, digest: Digest) -> None:
        """Delete the row of a blob; `reclaim` returns its room later. A crash before it brings the blob back."""
        place = self.index.forget(digest)
        self._bury([] if place is None else [place])

    def _bury(self, dead: Sequence[Place]) -> None:
        """Have `reclaim` return the room of records that no row names any more."""
        for place in dead:
            if place.length >= limits.punch_bytes_min and len(self._dead) < limits.punches_waiting_max:
                self._dead.append(place)

    def reclaim(self) -> int:
        """Punch out the data of what was forgotten; return how many records. Waits for the disk: runs in a thread."""
        self._close_retired()
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
        target = self.pin(place.volume)
        if target is None:
            return
        try:
            if self._can_punch:
                target.punch(place.offset, place.length)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self._can_punch = False
            log.info("blobs.cannot_punch", folder=str(self.folder), why=str(error))
        finally:
            self.unpin(target)

    def space(self) -> Space:
        """What is free, with the room that was already set aside in the current volume."""
        try:
            found = self._space(self.folder)
        except OSError as error:
            self.take_offline(f"asking for its free space: {error}")
            return Space(0, 0)
        unused = 0 if self._active is None else self._active.size - self._active.end
        return replace(found, free_bytes=found.free_bytes + unused)

    def take_offline(self, why: str) -> None:
        if self.offline is None:
            self.offline = f"{self.folder} is offline until this node is restarted: {why}"
            log.error("blobs.offline", folder=str(self.folder), why=why)
            self.on_offline()

    def lose_index(self, error: IndexLost) -> None:
        """Go offline until the index was built anew, which needs another open."""
        if self.offline is None:
            self.is_index_lost = True
            self.take_offline(str(error))

    def close(self) -> None:
        """Close everything; the room set aside is given back, so that the next open has no tail to search."""
        if self._active is not None and self.offline is None:
            with contextlib.suppress(OSError):  # a convenience: the next open cuts whatever is there
                self._active.drop_tail()
        self.index.close()
        self._close_files()

    def _append(self, blobs: Sequence[NewBlob]) -> list[tuple[Digest, Place]]:
        """Append and sync the first of `blobs`, as many as fit into the current volume. Return where they lie."""
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
        return rows

    def _position(self) -> Position:
        assert self._active is not None, "a position is asked for after an append"
        return Position(self._active.header.number, self._active.end)

    def _with_room(self, size: int) -> Volume:
        if self._active is not None and self._active.end + size <= self._active.size:
            return self._active
        return self._begin_volume()

    def _begin_volume(self) -> Volume:
        if self._active is not None:
            self.index.flush()  # so that a restart reads at most one volume again
            self._active.cut(0)  # a sealed volume ends where its records end
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
            self.is_index_lost = False  # it is the disk that is not trusted any more
            self.take_offline(str(error))
        if self._active is not None:
            with contextlib.suppress(OSError):  # the tail that stays is found and judged at the next open
                self._active.drop_tail()
        return Unavailable(self.offline or f"{self.folder} is full: {error}")

    def _close_files(self) -> None:
        for found in [*self._volumes.values(), *self._retired]:
            found.close()
        self.identity.release()


def _nobody_listens() -> None:
    """What a directory calls that nobody looks after."""


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
