"""One data directory in service: its committer, its readers, and what is known of its copies.        Floor: blobs.

Called by: blobs.store. Law: once its directory is offline a depot holds nothing and takes nothing, for the rest of its
life; what can still be read and proved is read. An index that breaks takes its directory offline, no more than that;
the store opens it again as another depot.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

import structlog
import trio

from mys3d import limits
from mys3d.blobs import compaction
from mys3d.blobs.committer import Committer
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.freshness import Verified
from mys3d.blobs.index import IndexLost, NoRoom, Place
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import Space
from mys3d.blobs.verify import Bad, Step, verify_step
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import Partition
from mys3d.ports import Bytes, DirectoryUsage

Args = TypeVarTuple("Args")
T = TypeVar("T")

log = structlog.get_logger("mys3d.blobs")


@dataclass(frozen=True, slots=True)
class World:
    """What every depot of a store shares."""

    cluster_id: bytes
    calls: DiskCalls
    space: Callable[[Path], Space]
    monotonic: Callable[[], float]
    threads: trio.CapacityLimiter
    on_loss: Callable[[], None]  # called by any thread when blobs that were held are not any more
    on_damage: Callable[["Depot"], None]  # called on the loop, after a quarantine


class Depot:
    """The open directory behind the store. Whoever calls it must have ended before it is closed."""

    def __init__(self, directory: Directory, capacity_bytes: int | None, world: World) -> None:
        self.directory = directory
        self.id = directory.identity.directory_id
        self.weight = directory.space().size_bytes if capacity_bytes is None else capacity_bytes
        self.damages_count = 0  # records found damaged since the start
        self._world = world
        self._reader = Reader(directory)
        self._verified = Verified()
        self._committer = Committer(directory.commit)
        self._damaged_at: deque[float] = deque(maxlen=limits.damages_per_minute_max)
        self._is_closed = False
        self._users_count = 0  # calls under way that a close has to wait for
        self._unused = trio.lowlevel.ParkingLot()
        directory.on_offline = world.on_loss
        self._committer.start()

    async def close(self) -> None:
        """Close, once nobody uses it any more. Whoever finds it closed finds it empty."""
        self._is_closed = True
        with trio.CancelScope(shield=True):
            while self._users_count:
                await self._unused.park()
        await self._committer.stop()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self.directory.close)

    @property
    def offline(self) -> str | None:
        """Why it is out of service. None: it is in service."""
        return self.directory.offline

    def find(self, digest: Digest) -> Place | None:
        """Where a held blob lies; None when it is not held, and when the directory is offline."""
        if self.directory.offline is not None:
            return None
        try:
            return self.directory.index.find(digest)
        except IndexLost as error:
            self.directory.lose_index(error)
            return None

    def stored(self, partition: Partition) -> list[BlobRef]:
        if self.directory.offline is not None:
            return []
        try:
            return self.directory.index.stored(partition)
        except IndexLost as error:
            self.directory.lose_index(error)
            return []

    async def held_of(self, first: Digest, last: Digest) -> set[Digest]:
        """The blobs held from `first` to `last`; read in a thread."""
        if self.directory.offline is not None:
            return set()
        try:
            return await self._in_thread(lambda: set(self.directory.index.between(first, last)))
        except IndexLost as error:
            self.directory.lose_index(error)
            return set()

    def has_room(self, wanted_bytes: int) -> bool:
        return self.directory.offline is None and self.directory.space().has_room(wanted_bytes)

    def room_bytes(self) -> int:
        return 0 if self.directory.offline is not None else max(0, self.directory.space().room_bytes)

    def is_writing(self, digest: Digest) -> bool:
        return self._committer.is_writing(digest)

    async def write(self, blob: NewBlob) -> None:
        """Make a blob durable here. Raises Unavailable."""
        with self._in_use():
            await self._committer.write(blob)
        self._verified.add(blob.digest, self._world.monotonic())

    async def read(self, digest: Digest, start: int, stop: int) -> Bytes | None:
        """Return verified bytes, of an offline directory too. Raises Damaged (and quarantines), Unavailable."""
        place = None if self._is_closed else self.directory.index.find(digest)
        while place is not None:
            try:
                return await self._read_at(digest, place, start, stop)
            except Damaged as error:
                self._verified.discard(digest)
                present = self.directory.index.record_of(digest)
                if present == place:
                    self.quarantine(Bad(digest, place, error))
                    raise
                place = self.directory.index.find(digest)  # None: forgotten while it was read; else it has moved
        return None

    async def is_sound(self, digest: Digest) -> bool:
        """True when a blob is held in service and was verified within 24 h; it is verified now when it was not."""
        if self.find(digest) is None:
            return False
        if not self._verified.holds(digest, self._world.monotonic()):
            try:
                await self.read(digest, 0, limits.blob_bytes_max)
            except (Damaged, Unavailable):
                return False
        return self.find(digest) is not None

    def forget(self, digest: Digest) -> bool:
        """Delete a blob. True: it was held."""
        is_held = self.find(digest) is not None
        self._verified.discard(digest)
        if self.directory.offline is not None:
            return False
        try:
            self.directory.forget(digest)
        except NoRoom:  # it stays held, and is forgotten another time
            return False
        except IndexLost as error:
            self.directory.lose_index(error)
            return False
        return is_held

    async def compact(self) -> None:
        """Empty and remove the volume that gives back most room, slowly, if one is worth it."""
        directory = self.directory
        if directory.offline is not None:
            return
        try:
            await self._in_thread(compaction.seal_early, directory)
            number = await self._in_thread(compaction.choose, directory)
            if number is not None and await self._copy(number):
                bad = await self._in_thread(compaction.finish, directory, self._reader, number)
                self._lose(bad)
                log.info("blobs.compacted", folder=str(directory.folder), volume=number, is_removed=not bad)
        except IndexLost as error:
            directory.lose_index(error)
        except Unavailable as error:  # no room, or offline: another time
            log.info("blobs.not_compacted", folder=str(directory.folder), why=str(error))

    async def _copy(self, number: int) -> bool:
        """Copy what lives in a volume. False: some of it is damaged, and has to be repaired first."""
        offset: int | None = 0
        while offset is not None:
            step = await self._in_thread(
                compaction.copy_step, self.directory, self._reader, number, offset, limits.compaction_step_bytes
            )
            if step.bad:
                self._lose(step.bad)
                return False
            offset = step.next_offset
            await trio.sleep(step.bytes_count / limits.compaction_bytes_per_second)
        return True

    def _lose(self, bad: Sequence[Bad]) -> None:
        """Quarantine damaged records that nobody asked for, so that whoever repairs has to be told."""
        found = [self.quarantine(each) for each in bad]
        if any(found):
            self._world.on_loss()

    async def _in_thread(self, function: Callable[[Unpack[Args]], T], *args: *Args) -> T:
        with self._in_use():
            return await trio.to_thread.run_sync(function, *args, limiter=self._world.threads)

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep the directory open meanwhile. Raises Unavailable when it is closed already."""
        if self._is_closed:
            raise Unavailable(f"{self.directory.folder} is closed")
        self._users_count += 1
        try:
            yield
        finally:
            self._users_count -= 1
            if not self._users_count:
                self._unused.unpark_all()

    async def reclaim(self) -> None:
        """Return the room of what was forgotten."""
        try:
            if self.directory.offline is None:
                await self._in_thread(self.directory.reclaim)
        except NoRoom as error:
            log.warning("blobs.full", folder=str(self.directory.folder), why=str(error))
        except IndexLost as error:
            self.directory.lose_index(error)

    def usage(self) -> DirectoryUsage:
        directory = self.directory
        space = Space(0, 0) if directory.offline is not None else directory.space()
        return DirectoryUsage(
            path=str(directory.folder),
            device=space.device,
            size_bytes=space.size_bytes,
            free_bytes=space.free_bytes,
            blobs_count=0 if directory.offline is not None else directory.index.blobs_count,
            is_writable=directory.offline is None and space.has_room(0),
            offline=directory.offline or "",
            damages_count=self.damages_count,
            unreadable_volumes_count=directory.unreadable_count,
        )

    async def verify(self, volume: int, offset: int, bytes_max: int) -> Step:
        """Read blobs again from a place on, and quarantine what is bad."""
        try:
            step = await self._in_thread(verify_step, self.directory, self._reader, volume, offset, bytes_max)
            step.bad = [bad for bad in step.bad if self.quarantine(bad)]
        except IndexLost as error:
            self.directory.lose_index(error)
            return Step()
        return step

    def quarantine(self, bad: Bad) -> bool:
        """Hold a damaged record no longer. False: the blob was written anew, moved or forgotten meanwhile, or the whole
        directory is offline.

        On a disk without any room it cannot be marked: it is found damaged again by whoever reads it. Raises IndexLost.
        """
        self._verified.discard(bad.digest)
        if self.directory.offline is not None:  # nothing is written there, and nothing in it counts as held
            return False
        try:
            if not self.directory.index.quarantine(bad.digest, bad.place):
                return False
        except NoRoom as error:
            log.warning("blobs.full", folder=str(self.directory.folder), why=str(error))
        self.damages_count += 1
        self._damaged_at.append(self._world.monotonic())
        where = {"folder": str(self.directory.folder), "volume": bad.place.volume, "offset": bad.place.offset}
        log.error("blobs.quarantined", blob=bad.digest.hex(), **where, why=str(bad.error))
        self._world.on_damage(self)
        return True

    def damages_too_often(self) -> bool:
        """True when the last damaged records were found within one minute."""
        found = self._damaged_at
        return len(found) == limits.damages_per_minute_max and found[-1] - found[0] < 60.0

    async def _read_at(self, digest: Digest, place: Place, start: int, stop: int) -> Bytes:
        stop = min(stop, place.length)
        start = min(start, stop)
        data = None
        if stop - start <= limits.hash_batch_bytes:  # longer ones would keep the loop busy for too long
            try:
                data = self._reader.read_cached(digest, place, start, stop)
            except Damaged:  # of what is in memory: the waiting read looks at the disk and judges
                data = None
        if data is None:
            data = await self._in_thread(self._reader.read_waiting, digest, place, start, stop)
        if stop - start == place.length:
            self._verified.add(digest, self._world.monotonic())
        return data
