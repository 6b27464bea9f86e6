"""Verified bytes of a body, from whoever holds them.        Floor: engine. Called by: operations, repair, reaffirm.

Law: no unverified byte leaves this room: a holder verifies the stretches it reads, and a blob that is fetched whole is
verified here again before its first byte is handed on. A stream that cannot go on raises; it never ends short.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

import trio

from mys3d import limits
from mys3d.engine.hashing import names
from mys3d.engine.holdings import keep_unnamed
from mys3d.engine.homes import holders
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef, Body, InlineBlobs, PartsBody, StagedBody
from mys3d.model.digest import partition_of
from mys3d.model.names import GcEpoch, NodeId
from mys3d.ports import Bytes, Ports
from mys3d.registry import queries
from mys3d.registry.codec import RowDamaged


def read_body(ports: Ports, body: Body, start: int, stop: int) -> AsyncIterator[Bytes]:
    """Yield bytes [start, stop) of `body` in pieces of 256 KiB, or up to 1 MiB while they are taken fast.

    Raises Unavailable when a blob has no reachable holder: before the first piece nothing was sent, later the
    connection has to break. The names of a staged body are read an extent at a time, of parts a part at a time: a body
    that is removed meanwhile goes on until they are reaped (`limits.reap_grace_ms` later), and then breaks at the next
    one. Blobs whose names are known here are kept for as long as the download takes: see `_Stream._keep`.
    """
    return _Stream(ports, cut_body(ports, body, start, stop))


async def read_small(ports: Ports, body: Body, start: int, stop: int) -> bytes:
    """Return bytes [start, stop) of `body` in one piece; for at most 256 KiB. Raises Unavailable."""
    assert stop - start <= limits.read_piece_bytes, f"{stop - start} bytes are not small"
    if isinstance(body, InlineBlobs) and len(body.blobs) == 1 and start < stop:
        local = await _read_local(ports, body.blobs[0], start, stop)
        if local is not None:
            return bytes(local)
    return b"".join([bytes(piece) async for piece in read_body(ports, body, start, stop)])


async def read_blob(ports: Ports, blob: BlobRef) -> Bytes:
    """Return one whole verified blob, from here or from another holder. Raises Unavailable."""
    local = await _read_local(ports, blob, 0, blob.length)
    return local if local is not None else await fetch_blob(ports, blob)


async def fetch_blob(ports: Ports, blob: BlobRef) -> Bytes:
    """Return one whole blob from another holder, verified here. Raises Unavailable when none has it."""
    return await _Remote(ports, blob).read(0, blob.length)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes [start, stop) of one blob."""

    blob: BlobRef
    start: int
    stop: int


def stretches(blobs: Sequence[BlobRef], start: int, stop: int) -> list[Stretch]:
    """Cut bytes [start, stop) of `blobs` in order where they meet."""
    cut = []
    offset = 0
    for blob in blobs:
        begin, end = max(start - offset, 0), min(stop - offset, blob.length)
        if begin < end:
            cut.append(Stretch(blob, begin, end))
        offset += blob.length
    return cut


class Cut(Protocol):
    """Bytes [start, stop) of some body, cut where its blobs meet."""

    def next_stretches(self) -> list[Stretch]:
        """Return the next stretches, at most 256; empty at the end. Raises Unavailable."""
        ...


def cut_body(ports: Ports, body: Body, start: int, stop: int) -> Cut:
    """Cut bytes [start, stop) of any body; its rows are read as they are needed."""
    match body:
        case InlineBlobs():
            return _Listed(stretches(body.blobs, start, stop))
        case StagedBody():
            return _Extents(ports, body, start, stop)
        case PartsBody():
            return _Parts(ports, body, start, stop)
        case _:
            assert_never(body)


class _Listed:
    """Stretches that are all known."""

    def __init__(self, cut: list[Stretch]) -> None:
        self._cut = cut

    def next_stretches(self) -> list[Stretch]:
        found, self._cut = self._cut, []
        return found


class _Extents:
    """Bytes [start, stop) of a staged body, the stretches of one extent at a time."""

    def __init__(self, ports: Ports, body: StagedBody, start: int, stop: int) -> None:
        self._ports: Final = ports
        self._body: Final = body
        self._range: Final = (start, stop)
        self._sequence = 0
        self._offset = 0  # of the body, where the next extent begins

    def next_stretches(self) -> list[Stretch]:
        """Return what is wanted of the next extent that has any; empty at the end. Raises Unavailable."""
        start, stop = self._range
        while self._offset < stop and start < stop:
            try:
                blobs = queries.extent(self._ports.registry.view(), self._body.body, self._sequence)
            except RowDamaged as error:  # the head was sent long ago: nobody behind us makes an answer of it
                raise self._ports.registry.distrust(error) from error
            if blobs is None:
                raise Unavailable(f"body {self._body.body}: extent {self._sequence} is gone, it was removed and reaped")
            found = stretches(blobs, max(start - self._offset, 0), max(stop - self._offset, 0))
            self._sequence += 1
            self._offset += sum(blob.length for blob in blobs)
            if found:
                return found
        return []


class _Parts:
    """Bytes [start, stop) of the parts of an object, the stretches of one part, or of an extent of one, at a time."""

    def __init__(self, ports: Ports, body: PartsBody, start: int, stop: int) -> None:
        self._ports: Final = ports
        self._body: Final = body
        self._range: Final = (start, stop)
        self._offset = start  # of the object, where what was not handed out yet begins
        self._extents: _Extents | None = None  # of the present part; None: it has none, or all were handed out

    def next_stretches(self) -> list[Stretch]:
        """Return what is wanted next, at most 256 stretches; empty at the end. Raises Unavailable."""
        while True:
            found = self._extents.next_stretches() if self._extents is not None else []
            if found or self._offset >= self._range[1]:
                return found
            try:
                found = self._next_part()
            except RowDamaged as error:  # as above
                raise self._ports.registry.distrust(error) from error
            if found:
                return found

    def _next_part(self) -> list[Stretch]:
        """Go on to the next part that has bytes. Its stretches; empty when its names are in extents."""
        view = self._ports.registry.view()
        table = queries.parts_of(view, self._body)
        if table is None:
            raise Unavailable(f"body {self._body.body}: its parts are gone, it was removed and reaped")
        ordinal = table.ordinal_at(self._offset)
        part, place = queries.part(view, self._body, ordinal), table.part_range(ordinal)
        if part is None or place is None:
            raise Unavailable(f"body {self._body.body}: part {ordinal} is gone, it was removed and reaped")
        start, stop = self._offset - place[0], min(self._range[1], place[1]) - place[0]
        self._offset = place[1]
        if isinstance(part.body, InlineBlobs):
            self._extents = None
            return stretches(part.body.blobs, start, stop)
        self._extents = _Extents(self._ports, part.body, start, stop)
        return []


class _Pace:
    """How much to read at once: what is read waits in memory until its client has taken it."""

    def __init__(self) -> None:
        self._length = 0  # of the piece that was handed on last; 0: none yet
        self._at = 0.0

    def size(self) -> int:
        """Asked for when the last piece was taken."""
        seconds = trio.current_time() - self._at
        keeps_up = self._length >= seconds * limits.keeping_up_bytes_per_second
        return limits.read_piece_bytes_max if self._length and keeps_up else limits.read_piece_bytes

    def handed_on(self, length: int) -> None:
        self._length, self._at = length, trio.current_time()


class _Stream:
    """Pieces of some stretches, in order. An object and not a generator: it may be dropped half read."""

    def __init__(self, ports: Ports, cut: Cut) -> None:
        self._ports: Final = ports
        self._cut: Final = cut
        self._left: list[Stretch] = []  # last first
        self._whole = memoryview(b"")  # a blob that was fetched whole and is being handed on
        self._remote: _Remote | None = None  # None: the local copy of the present blob still answers
        self._present: BlobRef | None = None  # the blob that is being read; None: none yet
        self._pace: Final = _Pace()
        self._epoch: GcEpoch | None = None  # of garbage collection, when it was last looked at; None: not yet

    def __aiter__(self) -> "_Stream":
        return self

    async def __anext__(self) -> Bytes:
        size = self._pace.size()
        piece = await self._next(size)
        self._pace.handed_on(len(piece))
        return piece

    async def _next(self, size: int) -> Bytes:
        if self._whole:
            piece, self._whole = self._whole[:size], self._whole[size:]
            return piece
        if not self._left:
            self._left = self._cut.next_stretches()[::-1]
        if not self._left:
            raise StopAsyncIteration
        if len(self._left) > 1 and self._left[-1].blob is not self._present:
            await self._keep()
        stretch = self._left.pop()
        self._present = stretch.blob
        stop = min(stretch.stop, stretch.start + size)
        if self._remote is None:
            local = await _read_local(self._ports, stretch.blob, stretch.start, stop)
            if local is not None:
                self._go_on(stretch, stop)
                return local
            self._remote = _Remote(self._ports, stretch.blob)
        if (stretch.start, stretch.stop) == (0, stretch.blob.length):
            self._whole = memoryview(await self._remote.read(0, stretch.blob.length))
            self._remote = None
            return await self._next(size)
        fetched = await self._remote.read(stretch.start, stop)
        self._go_on(stretch, stop)
        return fetched

    async def _keep(self) -> None:
        """Once an epoch, touch what is still to be sent and named no more.

        Garbage is deleted by the second walk that finds it (engine/gc.py), so a download that began when the body was
        named, and looks at the epoch between two blobs, is in time unless one blob takes longer than an epoch.
        """
        epoch = queries.gc_epoch(self._ports.registry.view())
        before, self._epoch = self._epoch, epoch
        if before not in (None, epoch):
            await keep_unnamed(self._ports, [stretch.blob for stretch in self._left])

    def _go_on(self, stretch: Stretch, start: int) -> None:
        """Put back what is left of a stretch; the next blob starts at its local copy again."""
        if start < stretch.stop:
            self._left.append(Stretch(stretch.blob, start, stretch.stop))
        else:
            self._remote = None


async def _read_local(ports: Ports, blob: BlobRef, start: int, stop: int) -> Bytes | None:
    """Return verified local bytes, or None. What should be here and is not is queued for repair."""
    try:
        data = await ports.blobs.read(blob.digest, start, stop)
    except (Damaged, Unavailable):  # the driver quarantined the record, or its directory is offline
        data = None
    if data is None:
        ports.repairs.want(blob)
        return None
    assert len(data) == stop - start, f"blob {blob.digest.hex()}: expected {stop - start} bytes, read {len(data)}"
    return data


class _Remote:
    """One blob read from other nodes. Remembers who failed, so that no holder is asked twice."""

    def __init__(self, ports: Ports, blob: BlobRef) -> None:
        self._ports: Final = ports
        self._blob: Final = blob
        self._left: list[NodeId] | None = None  # None: not looked up yet

    async def read(self, start: int, stop: int) -> Bytes:
        """Return verified bytes [start, stop) from the first holder that has them. Raises Unavailable."""
        if self._left is None:
            self._left = list(holders(self._ports, partition_of(self._blob.digest)))
        failures: list[str] = []
        while self._left:
            node = self._left[0]
            try:
                data = await self._ports.peers.fetch(node, self._blob.digest, start, stop)
                if data is not None and await self._is_sound(data, start, stop):
                    return data
                failures.append(f"{node} does not hold it" if data is None else f"{node} sent other bytes")
            except (Unavailable, Damaged) as error:
                failures.append(f"{node}: {error}")
            self._left.pop(0)
        raise Unavailable(f"blob {self._blob.digest.hex()}: no holder answered: {'; '.join(failures) or 'nobody left'}")

    async def _is_sound(self, data: Bytes, start: int, stop: int) -> bool:
        """A whole blob must have its name; a stretch was verified by its holder and must have its length."""
        if len(data) != stop - start:
            return False
        return (start, stop) != (0, self._blob.length) or await names(self._blob.digest, [data])
