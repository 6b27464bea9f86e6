"""A body on its way in: cut into blobs, hashed, pushed.        Floor: engine. Called by: put.

Law: every byte taken from the budget is given back once, whatever ends the body; the epochs that are handed over with
some blobs are the lowest of their pushes, or of the touches that renewed those.
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.epochs import look_seconds
from mys3d.engine.hashing import BodyHashes
from mys3d.engine.homes import present_layout
from mys3d.engine.reaffirm import reaffirm
from mys3d.engine.replicate import replicate
from mys3d.errors import S3Error, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.members import Layout
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Buffer, Ports
from mys3d.registry import queries


class Source(Protocol):
    """Where the bytes come from, pulled on demand."""

    async def read(self) -> bytes:
        """Return the next piece, or b"" at the end. Raises S3Error when the client broke off."""
        ...


class KnownSource(ABC):
    """A `Source` that may know how much is to come, and puts it where it is wanted.

    A base class, and so is `KnownBody`: asking whether an object has certain methods costs 10 us.
    """

    @abstractmethod
    async def read(self) -> bytes:
        """As `Source`."""
        ...

    @property
    @abstractmethod
    def expected(self) -> int:
        """How many bytes are still to come; 0: none, or not known."""
        ...

    @abstractmethod
    async def read_into(self, room: memoryview) -> int:
        """Put the next bytes into `room`, which is not empty and not longer than `expected`; return how many, at least
        one. Raises as `read`."""
        ...


@dataclass(slots=True)
class Taken:
    """One blob of the body that was not handed over yet, and the epochs of its push once there is one."""

    ref: BlobRef
    epochs: tuple[Epoch, GcEpoch] | None = None  # None: its push has not begun
    is_durable: bool = False


@dataclass(slots=True)
class Blob:
    """One full blob that waits for its push: its pieces, and what it took of the budget."""

    taken: Taken
    pieces: list[Buffer]
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
        self._taken: Final[list[Taken]] = []  # not handed over yet
        self._reserved = 0  # bytes taken from the budget by this body and not given back
        self._rest: Buffer = b""  # read beyond the end of the last blob

    async def next_blob(self) -> Blob | None:
        """Read and name the next blob. None: the source had no more bytes."""
        source = self._source
        if isinstance(source, KnownSource) and source.expected > limits.receive_bytes and not self._rest:
            return await self._blob_in_place(source)
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
            self._check_size(length + len(piece))
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
        return self._named(pieces, length, reserved)

    async def _blob_in_place(self, source: KnownSource) -> Blob:
        """A blob of a source that knows its length: put into one buffer, hashed there, sent and written from it."""
        length = min(source.expected, limits.blob_bytes_max)
        self._check_size(length)
        first = await source.read()  # a client that sends nothing holds nothing
        first, self._rest = first[:length], first[length:]
        reserved = await self._reserve(0, len(first))
        reserved += await self._reserve(reserved, length)
        room = self._budget.room(length)
        room[: len(first)] = first
        hashed, filled = 0, len(first)
        while hashed < length:
            stop = min(hashed + limits.hash_batch_bytes, length)
            while filled < stop:
                filled += await source.read_into(room[filled:stop])
            await self._hashes.update([room[hashed:stop]], stop - hashed)
            hashed = stop
        if not source.expected:
            self._rest = await source.read()
            self.is_complete = not self._rest
        return self._named([room], length, reserved)

    def _named(self, pieces: list[Buffer], length: int, reserved: int) -> Blob:
        taken = Taken(BlobRef(self._hashes.blob_digest(), length))
        self._taken.append(taken)
        self.size += length
        return Blob(taken, pieces, reserved)

    def _check_size(self, added: int) -> None:
        if self.size + added > limits.put_bytes_max:
            raise S3Error("EntityTooLarge", f"One PUT stores at most {limits.put_bytes_max} bytes.")

    @property
    def named_count(self) -> int:
        """How many blobs were read since they were last handed over."""
        return len(self._taken)

    @property
    def is_tight(self) -> bool:
        """True while a whole blob could not be had at once."""
        return self._budget.is_tight

    async def push(self, blob: Blob) -> None:
        """Make one blob durable under the present epochs, then let its buffers go. Raises Unavailable."""
        layout, touch = self._present()
        blob.taken.epochs = layout.epoch, touch
        await replicate(self._ports, layout, blob.taken.ref.digest, blob.pieces, touch)
        blob.taken.is_durable = True
        blob.pieces.clear()
        self._reserved -= blob.reserved
        self._budget.give(blob.reserved)

    async def keep(self) -> None:
        """Touch what is durable again in each new epoch, until cancelled: nothing names it yet.

        Ends when the registry cannot be read here any more: then nothing is committed here either.
        """
        with suppress(Unavailable):
            while True:
                await trio.sleep(look_seconds(self._ports))
                present = queries.gc_epoch(self._ports.registry.view())
                await self._renew([taken for taken in self._taken if taken.is_durable and _is_older(taken, present)])

    async def _renew(self, old: list[Taken]) -> None:
        """What cannot be renewed now is tried at the next look, and at the latest when its commit was refused."""
        try:
            epochs = await reaffirm(self._ports, [taken.ref for taken in old]) if old else None
        except Unavailable:
            return
        for taken in old:
            taken.epochs = epochs

    def give_back(self) -> None:
        """Give back what blobs hold that were never pushed."""
        self._budget.give(self._reserved)
        self._reserved = 0

    def take_named(self) -> Named:
        """Hand over the blobs read since the last time, all of them pushed, with the lowest epochs of their pushes."""
        layout, touch = self._present()
        epochs = [taken.epochs for taken in self._taken if taken.epochs is not None] or [(layout.epoch, touch)]
        blobs = tuple(taken.ref for taken in self._taken)
        self._taken.clear()
        return Named(blobs, min(epoch for epoch, _ in epochs), min(epoch for _, epoch in epochs))

    def md5(self) -> bytes:
        return self._hashes.md5()

    def wanted(self) -> dict[str, bytes]:
        return self._hashes.wanted()

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


def _is_older(taken: Taken, present: GcEpoch) -> bool:
    return taken.epochs is not None and taken.epochs[1] < present


def _append(batch: list[Buffer], piece: Buffer) -> None:
    """Append a piece; crumbs are copied together into one buffer."""
    last = batch[-1] if batch else None
    if isinstance(last, bytearray) and len(last) + len(piece) <= limits.receive_bytes:
        last += piece
    elif len(piece) < limits.piece_bytes_min:
        batch.append(bytearray(piece))
    else:
        batch.append(piece)
