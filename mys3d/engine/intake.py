"""A body on its way in: cut into blobs, hashed, pushed.        Floor: engine. Called by: put.

Law: every byte taken from the budget is given back once, whatever ends the body; the epochs that are handed over with
some blobs are the lowest of their pushes.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.hashing import BodyHashes
from mys3d.engine.homes import present_layout
from mys3d.engine.replicate import replicate
from mys3d.errors import S3Error
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.members import Layout
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Buffer, Ports
from mys3d.registry import queries


class Source(Protocol):
    """Where the bytes come from, pulled on demand."""

    async def read(self) -> bytes:
        """Return the next piece, or b"" at the end. Raises S3Error when the client broke off."""
        ...


@dataclass(slots=True)
class Blob:
    """One full blob that waits for its push: its pieces, and what it took of the budget."""

    digest: Digest
    pieces: list[Buffer]
    length: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Named:
    """Some durable blobs in order, and the lowest epochs of their pushes."""

    blobs: tuple[BlobRef, ...]
    layout_epoch: Epoch
    gc_epoch: GcEpoch


class Intake:
    """Cuts a source into named blobs. Guards that every reserved byte is given back once."""

    def __init__(self, ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str]) -> None:
        self.is_complete = False
        self.size = 0  # bytes of all blobs read
        self._ports: Final = ports
        self._budget: Final = budget
        self._source: Final = source
        self._hashes: Final = BodyHashes(wanted)
        self._blobs: Final[list[BlobRef]] = []  # not handed over yet
        self._reserved = 0  # bytes taken from the budget by this body and not given back
        self._rest: Buffer = b""  # read beyond the end of the last blob
        self._epochs: tuple[Epoch, GcEpoch] | None = None  # the lowest of all pushes; None: nothing was pushed

    async def next_blob(self) -> Blob | None:
        """Read and name the next blob. None: the source had no more bytes."""
        pieces: list[Buffer] = []
        batch: list[Buffer] = []  # not hashed yet
        length = batch_length = reserved = 0
        while length < limits.blob_bytes_max:
            piece = self._rest or await self._source.read()
            self._rest = b""
            if not piece:
                self.is_complete = True
                break
            if length + len(piece) > limits.blob_bytes_max:
                cut = limits.blob_bytes_max - length
                piece, self._rest = piece[:cut], memoryview(piece)[cut:]
            if self.size + length + len(piece) > limits.put_bytes_max:
                raise S3Error("EntityTooLarge", f"One PUT stores at most {limits.put_bytes_max} bytes.")
            reserved += await self._reserve(reserved, length + len(piece))
            _append(batch, piece)
            length += len(piece)
            batch_length += len(piece)
            if batch_length >= limits.hash_batch_bytes or length == limits.blob_bytes_max:
                await self._hashes.update(batch, batch_length)
                pieces += batch
                batch, batch_length = [], 0
        if length == 0:
            return None
        if batch:
            await self._hashes.update(batch, batch_length)
            pieces += batch
        digest = self._hashes.blob_digest()
        self._blobs.append(BlobRef(digest, length))
        self.size += length
        return Blob(digest, pieces, length, reserved)

    @property
    def named_count(self) -> int:
        """How many blobs were read since they were last handed over."""
        return len(self._blobs)

    async def push(self, blob: Blob) -> None:
        """Make one blob durable under the present epochs, then let its buffers go. Raises Unavailable."""
        layout, touch = self._present()
        lowest = self._epochs or (layout.epoch, touch)
        self._epochs = (min(lowest[0], layout.epoch), min(lowest[1], touch))
        await replicate(self._ports, layout, blob.digest, blob.pieces, touch)
        blob.pieces.clear()
        self._reserved -= blob.reserved
        self._budget.give(blob.reserved)

    def give_back(self) -> None:
        """Give back what blobs hold that were never pushed."""
        self._budget.give(self._reserved)
        self._reserved = 0

    def take_named(self) -> Named:
        """Hand over the blobs read since the last time, all of them pushed, with the lowest epochs of their pushes."""
        layout_epoch, gc_epoch = self._epochs or self._present_epochs()
        named = Named(tuple(self._blobs), layout_epoch, gc_epoch)
        self._blobs.clear()
        self._epochs = None
        return named

    def md5(self) -> bytes:
        return self._hashes.md5()

    def wanted(self) -> dict[str, bytes]:
        return self._hashes.wanted()

    def _present_epochs(self) -> tuple[Epoch, GcEpoch]:
        layout, touch = self._present()
        return layout.epoch, touch

    def _present(self) -> tuple[Layout, GcEpoch]:
        """The layout and the garbage epoch that a push at this moment belongs to. Raises Unavailable."""
        return present_layout(self._ports), queries.gc_epoch(self._ports.registry.view())

    async def _reserve(self, reserved: int, needed: int) -> int:
        """Take what the blob needs beyond `reserved`: its own size while small, else a whole blob's at once.

        Bodies that wait in the middle of a blob hold at most 64 KiB each, so they cannot starve one another.
        """
        if needed <= reserved:
            return 0
        size = (needed if needed <= limits.receive_bytes else limits.blob_bytes_max) - reserved
        if not self._budget.take_now(size):
            await self._budget.take(size)
        self._reserved += size
        return size


def _append(batch: list[Buffer], piece: Buffer) -> None:
    """Append a piece; crumbs are copied together into one buffer."""
    last = batch[-1] if batch else None
    if isinstance(last, bytearray) and len(last) + len(piece) <= limits.receive_bytes:
        last += piece
    elif len(piece) < limits.piece_bytes_min:
        batch.append(bytearray(piece))
    else:
        batch.append(piece)
