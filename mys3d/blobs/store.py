"""The blobs of this node on its disk.        Floor: blobs (driver of ports.Blobs). Called by: node.

Law: `put` returns after the bytes are durable and indexed; `read` returns verified bytes or none. A copy that was found
damaged is not held any more, and a later put writes it anew.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
import trio

from mys3d import limits
from mys3d.blobs.committer import Committer
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.freshness import Touches, Verified
from mys3d.blobs.index import Place
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import Space, measure
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Damaged, Unavailable
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, Partition
from mys3d.ports import Buffer, DiskUsage

log = structlog.get_logger("mys3d.blobs")


class BlobStore:
    """One data directory behind `ports.Blobs`. Used as `async with BlobStore(folder, cluster_id) as blobs`.

    Whoever calls it must have ended before it is closed.
    """

    def __init__(
        self,
        folder: Path,
        cluster_id: bytes,
        *,
        calls: DiskCalls | None = None,
        space: Callable[[Path], Space] = measure,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._cluster_id = cluster_id
        self._calls = calls or DiskCalls()
        self._space = space
        self._monotonic = monotonic
        self._verified = Verified()
        self._touches = Touches()
        self._threads = trio.CapacityLimiter(limits.blob_reads_waiting_max)

    async def __aenter__(self) -> Self:
        """Open and recover. Raises Unavailable when the directory is not ours or in use."""
        self.directory = await trio.to_thread.run_sync(
            Directory, self._folder, self._cluster_id, self._calls, self._space
        )
        self._index = self.directory.index
        self._reader = Reader(self.directory)
        self._committer = Committer(self.directory.commit)
        self._committer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._committer.stop()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self.directory.close)

    async def run(self, *, task_status: trio.TaskStatus[Self] = trio.TASK_STATUS_IGNORED) -> None:
        """Be open until cancelled."""
        async with self:
            task_status.started(self)
            await self.maintain()

    async def maintain(self) -> None:
        """Return the room of what was forgotten, until cancelled."""
        while True:
            await trio.sleep(limits.reclaim_seconds)
            try:
                await trio.to_thread.run_sync(self.directory.reclaim)
            except Unavailable as error:
                log.error("blobs.reclaim_failed", why=str(error))

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        length = sum(map(len, data))
        assert 0 < length <= limits.blob_bytes_max, f"a blob has 1 byte to 4 MiB, found {length}"
        if self.directory.offline is not None:
            raise Unavailable(self.directory.offline)
        if self._index.find(digest) is not None and await self.have(digest, touch):
            return
        if self._committer.is_writing(digest):  # the row that is being written carries the touch of another put
            self._touches.touch(digest, touch)
        await self._committer.write(NewBlob(digest, tuple(data), length, touch))
        self._verified.add(digest, self._monotonic())
        self._touch(digest, touch)

    async def read(self, digest: Digest, start: int, stop: int) -> bytes | None:
        place = self._index.find(digest)
        if place is None:
            return None
        stop = min(stop, place.length)
        start = min(start, stop)
        try:
            data = None
            if stop - start <= limits.hash_batch_bytes:  # longer ones would keep the loop busy for too long
                data = self._reader.read_cached(digest, place, start, stop)
            if data is None:
                data = await trio.to_thread.run_sync(
                    self._reader.read_waiting, digest, place, start, stop, limiter=self._threads
                )
        except Damaged as error:
            self._verified.discard(digest)
            if self._index.record_of(digest) is None:
                return None  # it was forgotten while it was read: no damage
            self._quarantine(digest, place, error)
            raise
        if stop - start == place.length:
            self._verified.add(digest, self._monotonic())
        return data

    async def have(self, digest: Digest, touch: GcEpoch) -> bool:
        await trio.lowlevel.checkpoint()
        if self.directory.offline is not None:  # it can still be read, but no acknowledgement may rest on it
            return False
        if not self._verified.holds(digest, self._monotonic()):
            try:
                await self.read(digest, 0, limits.blob_bytes_max)
            except Damaged:
                return False
        return self._touch(digest, touch)

    async def forget(self, digest: Digest, touch_max: GcEpoch) -> bool:
        await trio.lowlevel.checkpoint()
        if self._committer.is_writing(digest) or self.touched(digest) > touch_max:
            return False
        if self.directory.offline is not None:  # it is no copy, and nothing is written there any more
            return False
        is_held = self.holds(digest)
        self.directory.forget(digest)
        self._verified.discard(digest)
        return is_held

    def holds(self, digest: Digest) -> bool:
        return self._index.find(digest) is not None

    def digests(self, partition: Partition) -> list[Digest]:
        return self._index.digests(partition)

    def touched(self, digest: Digest) -> GcEpoch:
        """The newest collection epoch at which a held blob was put or asked for; 0: unknown."""
        place = self._index.find(digest)
        return max(self._touches.epoch_of(digest), GcEpoch(0 if place is None else place.touch))

    def usage(self) -> DiskUsage:
        space = self.directory.space()
        is_writable = self.directory.offline is None and space.has_room(0)
        return DiskUsage(space.size_bytes, space.free_bytes, self._index.blobs_count, is_writable)

    def _touch(self, digest: Digest, epoch: GcEpoch) -> bool:
        """Remember that a held blob was asked for. False: it is not held."""
        place = self._index.find(digest)
        if place is not None and epoch > place.touch:
            self._touches.touch(digest, epoch)
        return place is not None

    def _quarantine(self, digest: Digest, place: Place, error: Damaged) -> None:
        self._verified.discard(digest)
        if self._index.quarantine(digest, place):
            log.error("blobs.quarantined", blob=digest.hex(), volume=place.volume, offset=place.offset, why=str(error))
