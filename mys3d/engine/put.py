"""A body becomes durable blobs, then a visible version.        Floor: engine. Called by: operations.

Law: blobs before commit: the command names only blobs that are durable on their write quorum under the epochs it
carries. A source that raises leaves nothing visible; blobs without a reference are garbage and never an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.hashing import BodyHashes
from mys3d.engine.homes import present_layout
from mys3d.engine.reaffirm import reaffirm
from mys3d.engine.replicate import replicate
from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import Digest
from mys3d.model.members import Layout
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Buffer, Ports
from mys3d.registry import queries
from mys3d.registry.commands import PutObject
from mys3d.registry.outcomes import Applied


class Source(Protocol):
    """Where the bytes come from, pulled on demand."""

    async def read(self) -> bytes:
        """Return the next piece, or b"" at the end. Raises S3Error when the client broke off."""
        ...


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body whose blobs are durable. `hashes` holds the wanted ones, raw bytes by name."""

    body: InlineBlobs
    size: int
    md5: bytes
    hashes: dict[str, bytes]
    layout_epoch: Epoch
    gc_epoch: GcEpoch


Finish = Callable[[StoredBody], PutObject]


async def put_object(
    ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str], finish: Finish
) -> Applied:
    """Store the body of `source` and commit what `finish` makes of it.

    `finish` verifies what the client declared (raising S3Error) and is asked again when epochs had to be renewed.
    Raises S3Error, Rejected, Unavailable, OutcomeUnknown.
    """
    stored = await store_body(ports, budget, source, wanted)
    return await commit_body(ports, stored, finish)


async def store_body(ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str]) -> StoredBody:
    """Read `source` to its end and make its blobs durable. Raises S3Error, Unavailable."""
    intake = _Intake(ports, budget, source, wanted)
    try:
        first = await intake.next_blob()
        if first is not None and intake.is_complete:
            await intake.push(first)
        elif first is not None:
            await _push_while_reading(intake, first)
    finally:
        intake.give_back()
    return intake.stored()


async def commit_body(ports: Ports, stored: StoredBody, finish: Finish) -> Applied:
    """Propose the version. Epochs that grew too old meanwhile are renewed, a bounded number of times."""
    for _ in range(limits.commit_retries_max + 1):
        try:
            return await ports.registry.propose(finish(stored))
        except Rejected as refusal:
            if refusal.reason not in (Reason.LAYOUT_EPOCH_OLD, Reason.GC_EPOCH_OLD):
                raise
        layout_epoch, gc_epoch = await reaffirm(ports, stored.body.blobs)
        stored = StoredBody(stored.body, stored.size, stored.md5, stored.hashes, layout_epoch, gc_epoch)
    raise Unavailable(
        f"the layout or the garbage epoch changed {limits.commit_retries_max + 1} times during one commit"
    )


@dataclass(slots=True)
class _Blob:
    """One full blob that waits for its push: its pieces, and what it took of the budget."""

    digest: Digest
    pieces: list[Buffer]
    length: int
    reserved: int


async def _push_while_reading(intake: "_Intake", first: _Blob) -> None:
    """Push each blob while the next is read, at most `pushes_ahead_max` at a time."""
    failure: S3Error | Unavailable | None = None
    async with trio.open_nursery() as nursery:
        ahead = trio.Semaphore(limits.pushes_ahead_max)

        async def push(blob: _Blob) -> None:
            nonlocal failure
            try:
                await intake.push(blob)
            except Unavailable as error:
                failure = failure or error
                nursery.cancel_scope.cancel()
            finally:
                ahead.release()

        try:
            blob: _Blob | None = first
            while blob is not None:
                await ahead.acquire()
                nursery.start_soon(push, blob)
                blob = None if intake.is_complete else await intake.next_blob()
        except (S3Error, Unavailable) as error:
            failure = error
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


class _Intake:
    """Cuts a source into named blobs. Guards that every reserved byte is given back once."""

    def __init__(self, ports: Ports, budget: BufferBudget, source: Source, wanted: frozenset[str]) -> None:
        self.is_complete = False
        self._ports: Final = ports
        self._budget: Final = budget
        self._source: Final = source
        self._hashes: Final = BodyHashes(wanted)
        self._blobs: Final[list[BlobRef]] = []
        self._reserved = 0  # bytes taken from the budget by this body and not given back
        self._rest: Buffer = b""  # read beyond the end of the last blob
        self._epochs: tuple[Epoch, GcEpoch] | None = None  # the lowest of all pushes; None: nothing was pushed

    async def next_blob(self) -> _Blob | None:
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
            if length == 0 and len(self._blobs) == limits.inline_blobs_max:
                raise S3Error("EntityTooLarge", self._too_large())
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
        return _Blob(digest, pieces, length, reserved)

    async def push(self, blob: _Blob) -> None:
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

    def stored(self) -> StoredBody:
        blobs = tuple(self._blobs)
        size = sum(blob.length for blob in blobs)
        if self._epochs is None:
            layout, touch = self._present()
            self._epochs = (layout.epoch, touch)
        return StoredBody(InlineBlobs(blobs), size, self._hashes.md5(), self._hashes.wanted(), *self._epochs)

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

    def _too_large(self) -> str:
        # LIMIT: bodies above 32 blobs need staged extents, which this release does not write yet.
        return f"this release stores bodies of up to {limits.inline_blobs_max * limits.blob_bytes_max} bytes"


def _append(batch: list[Buffer], piece: Buffer) -> None:
    """Append a piece; crumbs are copied together into one buffer."""
    last = batch[-1] if batch else None
    if isinstance(last, bytearray) and len(last) + len(piece) <= limits.receive_bytes:
        last += piece
    elif len(piece) < limits.piece_bytes_min:
        batch.append(bytearray(piece))
    else:
        batch.append(piece)
