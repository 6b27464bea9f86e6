"""A part from bytes that are stored already.        Floor: engine. Called by: operations (UploadPartCopy).

Law: a blob that lies wholly inside the range is named once more, touched as a write touches it; only the ends of blobs
that the range cuts are pushed anew. Bytes are read where they must be hashed, and every byte hashed was verified.
"""

from dataclasses import dataclass
from typing import Final

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import Stretch, cut_body, read_blob
from mys3d.engine.hashing import BodyHashes
from mys3d.engine.homes import present_layout, refuse_hopeless
from mys3d.engine.intake import Named
from mys3d.engine.put import StoredBody
from mys3d.engine.reaffirm import reaffirm
from mys3d.engine.replicate import replicate
from mys3d.engine.staging import Staging
from mys3d.errors import S3Error, Unavailable
from mys3d.model.body import BlobRef, Body, InlineBlobs
from mys3d.model.digest import digest_of
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Ports
from mys3d.registry import queries


@dataclass(frozen=True, slots=True)
class Known:
    """Hashes of the range that are known already: nothing has to be read for them."""

    md5: bytes
    hashes: dict[str, bytes]


async def store_range(
    ports: Ports, budget: BufferBudget, body: Body, start: int, stop: int, wanted: frozenset[str], known: Known | None
) -> StoredBody:
    """Make a body of bytes [start, stop) of another one. Its blobs are durable, and staged when they are many.

    `known` None: the bytes are read to hash them. Raises Unavailable, also when the source was removed and collected.
    """
    refuse_hopeless(ports)
    staging = Staging(ports)
    copying = _Copying(ports, budget, None if known is not None else BodyHashes(wanted))
    names = cut_body(ports, body, start, stop)
    waiting: list[Stretch] = []
    try:
        while found := names.next_stretches():
            waiting += found
            while len(waiting) > limits.extent_blobs_max:  # more than is asked for: what is last may be all there is
                await staging.stage(await copying.name(waiting[: limits.extent_blobs_max]))
                waiting = waiting[limits.extent_blobs_max :]
        named = await copying.name(waiting)
        if staging.blobs_count or len(named.blobs) > limits.inline_blobs_max:
            await staging.stage(named)
    except (S3Error, Unavailable):
        await staging.abandon()
        raise
    stored = staging.body() or InlineBlobs(named.blobs)
    md5, hashes = copying.hashed() if known is None else (known.md5, known.hashes)
    return StoredBody(stored, stop - start, md5, hashes, named.layout_epoch, named.gc_epoch)


class _Copying:
    """Names stretches of blobs as blobs. Guards that what it took of the budget is given back."""

    def __init__(self, ports: Ports, budget: BufferBudget, hashes: BodyHashes | None) -> None:
        self._ports: Final = ports
        self._budget: Final = budget
        self._hashes: Final = hashes  # None: nothing has to be hashed

    async def name(self, stretches: list[Stretch]) -> Named:
        """Return durable blobs of these bytes, and the lowest epochs under which each is."""
        pushed: list[tuple[Epoch, GcEpoch]] = []
        blobs: list[BlobRef] = []
        for stretch in stretches:
            is_whole = (stretch.start, stretch.stop) == (0, stretch.blob.length)
            if is_whole and self._hashes is None:
                blobs.append(stretch.blob)
                continue
            await self._budget.take(stretch.blob.length)
            try:
                data = memoryview(await read_blob(self._ports, stretch.blob))[stretch.start : stretch.stop]
                if self._hashes is not None:
                    await self._hashes.update([data], len(data))
                blobs.append(stretch.blob if is_whole else await self._push(bytes(data), pushed))
            finally:
                self._budget.give(stretch.blob.length)
        whole = [stretch.blob for stretch, blob in zip(stretches, blobs, strict=True) if stretch.blob == blob]
        epochs = [*pushed, await reaffirm(self._ports, whole)]
        return Named(tuple(blobs), min(epoch for epoch, _ in epochs), min(epoch for _, epoch in epochs))

    def hashed(self) -> tuple[bytes, dict[str, bytes]]:
        assert self._hashes is not None, "nothing was hashed"
        return self._hashes.md5(), self._hashes.wanted()

    async def _push(self, data: bytes, pushed: list[tuple[Epoch, GcEpoch]]) -> BlobRef:
        layout, touch = present_layout(self._ports), queries.gc_epoch(self._ports.registry.view())
        digest = digest_of(data)
        await replicate(self._ports, layout, digest, [data], touch)
        pushed.append((layout.epoch, touch))
        return BlobRef(digest, len(data))
