"""Blobs in a dict, for tests and simulation.        Floor: blobs (driver of ports.Blobs). Called by: tests.

Law: keeps every promise of `ports.Blobs` except durability, and passes the same contract suite as `BlobStore`.
Faults are set by the test: `damage` rots a copy, `refusal` makes every put fail, `take_offline` breaks the directory.
"""

from collections.abc import Callable, Sequence

import trio

from mys3d import limits
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.model.names import GcEpoch, Partition
from mys3d.ports import Buffer, DiskUsage, Verification


class MemoryBlobs:
    """The blobs of one simulated node. `size_bytes` is the disk it pretends to have."""

    def __init__(self, size_bytes: int = limits.TIB) -> None:
        self.size_bytes = size_bytes
        self.refusal: str | None = None  # None: puts are accepted
        self.is_offline = False
        self.touches: dict[Digest, GcEpoch] = {}
        self._newest = GcEpoch(0)  # touch of all
        self._blobs: dict[Digest, bytes] = {}
        self._used_bytes = 0
        self._listeners: list[Callable[[], None]] = []

    async def put(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        await trio.lowlevel.checkpoint()
        if self.refusal is not None or self.is_offline:
            raise Unavailable(self.refusal or "the directory is offline")
        whole = b"".join(data)
        assert 0 < len(whole) <= limits.blob_bytes_max, f"a blob has 1 byte to 4 MiB, found {len(whole)}"
        if self._used_bytes + len(whole) > self.size_bytes:
            raise Unavailable("the disk is full")
        self.touch(digest, touch)
        if not self.holds(digest):
            self._blobs[digest] = whole
            self._used_bytes += len(whole)

    async def read(self, digest: Digest, start: int, stop: int) -> bytes | None:
        await trio.lowlevel.checkpoint()
        whole = self._blobs.get(digest)
        if whole is None:
            return None
        if digest_of(whole) != digest:
            self.lose(digest)
            raise Damaged(digest, found="other bytes than were put")
        assert 0 <= start <= stop, f"bytes [{start}, {stop}) are no range"
        return whole[start:stop]

    async def have(self, digest: Digest, touch: GcEpoch) -> bool:
        await trio.lowlevel.checkpoint()
        if not self.holds(digest):
            return False
        if digest_of(self._blobs[digest]) != digest:
            self.lose(digest)
            return False
        self.touch(digest, touch)
        return True

    def forget(self, digest: Digest, touch_max: GcEpoch) -> bool:
        if not self.holds(digest) or self.touches.get(digest, 0) > touch_max or self._newest > touch_max + 2:
            return False
        self.lose(digest)
        self.touches.pop(digest, None)
        return True

    async def verify(self, after: str, bytes_max: int) -> Verification:
        await trio.lowlevel.checkpoint()
        damaged: list[BlobRef] = []
        count, size = 0, 0
        for digest in [] if self.is_offline else sorted(self._blobs):
            if digest.hex() <= after:
                continue
            if size >= bytes_max:
                return Verification(after, count, size, tuple(damaged))
            whole = self._blobs[digest]
            count, size, after = count + 1, size + len(whole), digest.hex()
            if digest_of(whole) != digest:
                self.lose(digest)
                damaged.append(BlobRef(digest, len(whole)))
        return Verification(None, count, size, tuple(damaged))

    def subscribe_losses(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def missing(self, blobs: Sequence[BlobRef]) -> list[BlobRef]:
        await trio.lowlevel.checkpoint()
        return [blob for blob in blobs if not self.holds(blob.digest)]

    def holds(self, digest: Digest) -> bool:
        return digest in self._blobs and not self.is_offline

    def touch(self, digest: Digest, epoch: GcEpoch) -> None:
        self.touches[digest] = max(epoch, self.touches.get(digest, epoch))
        self._newest = max(self._newest, epoch)

    def stored(self, partition: Partition) -> list[BlobRef]:
        names = sorted(name for name in self._blobs if partition_of(name) == partition and self.holds(name))
        return [BlobRef(name, len(self._blobs[name])) for name in names]

    def usage(self) -> DiskUsage:
        count = 0 if self.is_offline else len(self._blobs)
        is_writable = self.refusal is None and not self.is_offline
        return DiskUsage(self.size_bytes, self.size_bytes - self._used_bytes, count, is_writable)

    def take_offline(self) -> None:
        """Fail as a directory whose disk broke its promise does: what is left can be read, and counts as nothing."""
        self.is_offline = True
        for listener in self._listeners:
            listener()

    def damage(self, digest: Digest) -> None:
        """Flip one bit of a held blob."""
        whole = bytearray(self._blobs[digest])
        whole[len(whole) // 2] ^= 1
        self._blobs[digest] = bytes(whole)

    def lose(self, digest: Digest) -> None:
        """Lose a held blob, as a broken disk would."""
        self._used_bytes -= len(self._blobs.pop(digest))
