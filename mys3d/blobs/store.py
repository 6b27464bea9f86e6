"""The blobs of this node on its disks.        Floor: blobs (driver of ports.Blobs). Called by: node.

Law: `put` returns after the bytes are durable and indexed; `read` returns verified bytes or none. A copy that was found
damaged is not held any more, and a later put writes it anew. One directory that fails takes no other with it: its blobs
are no longer held, and whoever listens is told that they are lost.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
import trio

from mys3d import limits
from mys3d.blobs.depot import Depot, World
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.doubles import drop_doubles
from mys3d.blobs.freshness import Touches
from mys3d.blobs.index import IndexLost, NoRoom
from mys3d.blobs.rendezvous import ordered
from mys3d.blobs.roster import Absent, Roster
from mys3d.blobs.space import Space, measure
from mys3d.blobs.verify import cursor_of, damaged_of, parse_cursor
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, Partition
from mys3d.ports import Buffer, Bytes, DirectoryUsage, DiskUsage, Verification

log = structlog.get_logger("mys3d.blobs")


@dataclass(frozen=True, slots=True)
class Folder:
    """One data directory as the operator names it."""

    path: Path
    capacity_bytes: int | None = None  # its weight among the directories; None: the size of its file system


class BlobStore:
    """The data directories behind `ports.Blobs`. Used as `async with BlobStore(folders, cluster_id) as blobs`.

    Whoever calls it must have ended before it is closed.
    """

    def __init__(
        self,
        folders: Sequence[Folder],
        cluster_id: bytes,
        *,
        roster: Path | None = None,
        calls: DiskCalls | None = None,
        space: Callable[[Path], Space] = measure,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.depots: list[Depot] = []
        self._folders = tuple(folders)
        self._roster_path = roster  # None: nothing is remembered of earlier starts
        self._absent: dict[Path, DirectoryUsage] = {}  # directories that are not open, and why
        self._revived: set[bytes] = set()  # ids of directories whose index was built anew while this store was open
        self._world = World(
            cluster_id,
            calls or DiskCalls(),
            space,
            monotonic,
            trio.CapacityLimiter(limits.blob_reads_waiting_max),
            self._on_loss,
            self._on_damage,
        )
        self._touches = Touches()
        self._newest_touch = GcEpoch(0)
        self._listeners: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        """Open and recover. A directory that was used before and is not to be found is out of service.

        Raises Unavailable when a directory is not ours, in use, or new and not usable.
        """
        self._token = trio.lowlevel.current_trio_token()
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def _open(self) -> None:
        roster = None if self._roster_path is None else Roster(self._roster_path)
        for folder in self._folders:
            try:
                opened = await trio.to_thread.run_sync(self._open_directory, folder, roster)
            except (Absent, IndexLost, NoRoom) as error:
                log.error("blobs.absent", folder=str(folder.path), why=str(error))
                self._absent[folder.path] = DirectoryUsage(str(folder.path), 0, 0, 0, 0, False, str(error))
                continue
            self.depots.append(Depot(opened, folder.capacity_bytes, self._world))
        if roster is not None:
            present = {depot.directory.folder: depot.id for depot in self.depots}
            try:
                await trio.to_thread.run_sync(roster.remember, present, list(self._absent))
            except OSError as error:
                raise Unavailable(f"{self._roster_path} cannot be written: {error}") from error

    def _open_directory(self, folder: Folder, roster: Roster | None) -> Directory:
        """Raises Absent for a directory that was used before and cannot be used now, Unavailable for any other."""
        world = self._world
        expected = None if roster is None else roster.expected(folder.path)
        try:
            if roster is not None and expected is None:
                roster.forget(folder.path)
            return Directory(folder.path, world.cluster_id, world.calls, world.space, expected)
        except OSError as error:
            kind = Unavailable if expected is None else Absent
            raise kind(f"{folder.path} cannot be used: {error}") from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        for depot in self.depots:
            await depot.close()

    async def run(self, *, task_status: trio.TaskStatus[Self] = trio.TASK_STATUS_IGNORED) -> None:
        """Be open until cancelled."""
        async with self:
            task_status.started(self)
            await self.maintain()

    async def maintain(self) -> None:
        """Return the room of what was forgotten, until cancelled: of large blobs soon, of small ones slowly."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            nursery.start_soon(self._compact)
            nursery.start_soon(self._thin_out)

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(limits.reclaim_seconds)
            for depot in self.depots:
                await depot.reclaim()
                if depot.directory.is_index_lost and depot.id not in self._revived:
                    self._revived.add(depot.id)  # once: what breaks again is not mended by it
                    with trio.CancelScope(shield=True):
                        await self._revive(depot)

    async def _compact(self) -> None:
        while True:
            await trio.sleep(limits.compaction_pause_seconds)
            for depot in self.depots:
                await depot.compact()

    async def _thin_out(self) -> None:
        """Go through everything once, slowly: a disk that came back at this start may hold what others took over."""
        for number in range(limits.partitions_count):
            await trio.sleep(limits.reclaim_seconds)
            if len(self.depots) > 1:
                await drop_doubles(self.depots, self._touches, Partition(number))

    async def _revive(self, depot: Depot) -> None:
        """Open a directory again whose index broke, so that it is built anew, while the others serve."""
        folder, world = depot.directory.folder, self._world
        why = "its index broke and is being built anew"
        self._absent[folder] = DirectoryUsage(str(folder), 0, 0, 0, 0, False, why)
        self.depots = [each for each in self.depots if each is not depot]
        await depot.close()
        try:
            opened = await trio.to_thread.run_sync(
                Directory, folder, world.cluster_id, world.calls, world.space, depot.id
            )
        except (Unavailable, OSError) as error:
            self._absent[folder] = DirectoryUsage(str(folder), 0, 0, 0, 0, False, str(error))
            return
        del self._absent[folder]
        self._touches.touch_all(self._newest_touch)  # the rows of a new index tell no touches
        self.depots = [*self.depots, Depot(opened, depot.weight, world)]
        log.warning("blobs.revived", folder=str(folder), blobs=opened.index.blobs_count)
        self._tell()

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        self._newest_touch = max(self._newest_touch, touch)
        length = sum(map(len, data))
        assert 0 < length <= limits.blob_bytes_max, f"a blob has 1 byte to 4 MiB, found {length}"
        if await self.have(digest, touch):  # its turn of the loop brings writes together: without it a PUT costs 1.12
            return
        await self._write(NewBlob(digest, tuple(data), length, touch))

    async def _write(self, blob: NewBlob) -> None:
        """Write to the first directory, in the blob's own order, that takes it. Raises Unavailable when none does."""
        failures: list[str] = []
        for depot in self._in_order(blob.digest):
            if depot.offline is not None:
                failures.append(depot.offline)
                continue
            if depot.is_writing(blob.digest):  # the row that is being written carries the touch of another put
                self._touches.touch(blob.digest, GcEpoch(blob.touch))
            try:
                await depot.write(blob)
                return
            except Unavailable as error:
                failures.append(str(error))
        raise Unavailable("; ".join(failures) or "this node has no data directory")

    async def read(self, digest: Digest, start: int, stop: int) -> Bytes | None:
        damaged: Damaged | None = None
        for depot in self._likely(digest):
            try:
                data = await depot.read(digest, start, stop)
            except Damaged as error:
                damaged = error
                continue
            except IndexLost as error:
                depot.directory.lose_index(error)
                continue
            except Unavailable:  # it was closed meanwhile
                continue
            if data is not None:
                return data
        if damaged is not None:
            raise damaged
        return None

    async def have(self, digest: Digest, touch: GcEpoch) -> bool:
        await trio.lowlevel.checkpoint()
        self._newest_touch = max(self._newest_touch, touch)
        for depot in self.depots:
            if await depot.is_sound(digest):
                return self._touch(digest, touch)
        return False

    def forget(self, digest: Digest, touch_max: GcEpoch) -> bool:
        if any(depot.is_writing(digest) for depot in self.depots) or self.touched(digest) > touch_max:
            return False
        if not self._touches.remembers(GcEpoch(touch_max + 1)):  # its caller's registry is behind those of others
            return False
        forgotten = [depot.forget(digest) for depot in self.depots]
        return any(forgotten)

    async def verify(self, after: str, bytes_max: int) -> Verification:
        await trio.lowlevel.checkpoint()
        directory_id, volume, offset = parse_cursor(after)
        depots = sorted((depot for depot in self.depots if depot.id.hex() >= directory_id), key=lambda depot: depot.id)
        for position, depot in enumerate(depots):
            if depot.offline is not None:
                continue
            start = (volume, offset) if depot.id.hex() == directory_id else (0, 0)
            step = await depot.verify(*start, bytes_max)
            if step.next_offset is not None:
                cursor: str | None = cursor_of(depot.id, step.next_volume, step.next_offset)
            else:
                cursor = cursor_of(depots[position + 1].id, 0, 0) if position + 1 < len(depots) else None
            return Verification(cursor, step.blobs_count, step.bytes_count, damaged_of(step.bad))
        return Verification(None, 0, 0, ())

    def subscribe_losses(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def missing(self, blobs: Sequence[BlobRef]) -> list[BlobRef]:
        await trio.lowlevel.checkpoint()
        if not blobs:
            return []
        held = set()
        for depot in self.depots:
            held |= await depot.held_of(blobs[0].digest, blobs[-1].digest)
        return [blob for blob in blobs if blob.digest not in held]

    def holds(self, digest: Digest) -> bool:
        return any(depot.find(digest) is not None for depot in self.depots)

    def stored(self, partition: Partition) -> list[BlobRef]:
        found = {blob.digest: blob for depot in self.depots for blob in depot.stored(partition)}
        return [found[digest] for digest in sorted(found)]

    def touched(self, digest: Digest) -> GcEpoch:
        """The newest collection epoch at which a held blob was put or asked for; 0: unknown."""
        places = [place for depot in self.depots if (place := depot.find(digest)) is not None]
        return max([self._touches.epoch_of(digest), *(GcEpoch(place.touch) for place in places)])

    def usage(self) -> DiskUsage:
        return total((*(depot.usage() for depot in self.depots), *self._absent.values()))

    def _in_order(self, digest: Digest) -> list[Depot]:
        candidates = [(depot.id, depot.weight) for depot in self.depots]
        return [self.depots[position] for position in ordered(digest, candidates)] if candidates else []

    def _likely(self, digest: Digest) -> list[Depot]:
        """The directories that may have a blob to read: those that hold it first, those offline last."""
        if len(self.depots) == 1:
            return self.depots
        return sorted(self.depots, key=lambda depot: (depot.offline is not None, depot.find(digest) is None))

    def _touch(self, digest: Digest, epoch: GcEpoch) -> bool:
        """Remember that a held blob was asked for. False: it is not held."""
        places = [place for depot in self.depots if (place := depot.find(digest)) is not None]
        if places and epoch > max(place.touch for place in places):
            self._touches.touch(digest, epoch)
        return bool(places)

    def _on_damage(self, depot: Depot) -> None:
        """A directory that rots goes out of service where the others have room for its blobs. Else it stays: what is
        sound in it counts for more than the suspicion."""
        if not depot.damages_too_often() or depot.offline is not None:
            return
        room_bytes = sum(other.room_bytes() for other in self.depots if other is not depot)
        if room_bytes > depot.directory.index.held_bytes:
            depot.directory.take_offline(f"{limits.damages_per_minute_max} damaged records within one minute")

    def _on_loss(self) -> None:
        """Tell the listeners, on the loop: a directory fails in any thread."""
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._tell)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def total(directories: tuple[DirectoryUsage, ...]) -> DiskUsage:
    """Sum up the directories in service, each file system once."""
    serving = [each for each in directories if not each.offline]
    systems = {each.device: each for each in serving}.values()
    return DiskUsage(
        sum(each.size_bytes for each in systems),
        sum(each.free_bytes for each in systems),
        sum(each.blobs_count for each in serving),
        any(each.is_writable for each in serving),
        directories,
    )
