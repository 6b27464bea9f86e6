"""Frames over one channel, many at a time.        Floor: driver. Called by: handshake, lane, server, serving.

Law: sending never waits: pieces are queued within bounds and one writer task puts what has gathered into one write.
Pieces of one `send` stay together and in order.
"""

from collections import deque
from typing import Final, Protocol

import trio

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.peers.frames import Frame, FrameParser, new_room
from mys3d.peers.seal import SEAL_BYTES, Seal
from mys3d.ports import Buffer

_DIRECT_BYTES: Final = 16 * limits.KIB  # of a body that are still to come: fewer are copied, with what follows them


class Pipe(Protocol):
    """What carries the bytes: TLS, or what is beneath it. Every failure is an OSError."""

    async def receive(self) -> memoryview: ...

    async def receive_into(self, room: memoryview, /) -> int: ...

    async def send(self, *pieces: Buffer) -> None: ...

    def close(self) -> None: ...


class Connection:
    """The two halves: `receive` for one reader task, `send` for everyone with `write` in one task of its own.

    `ours` and `theirs` seal the frames of a connection that is not encrypted.
    """

    def __init__(
        self, channel: Pipe, frame_bytes_max: int, ours: Seal | None = None, theirs: Seal | None = None
    ) -> None:
        self.channel: Final = channel
        self._ours: Final = ours
        self._theirs: Final = theirs
        self._parser = FrameParser(frame_bytes_max)
        self._queue: Final[deque[Buffer]] = deque()
        self._queued_bytes = 0
        self._writer: Final = trio.lowlevel.ParkingLot()
        self._waiting: Final = trio.lowlevel.ParkingLot()  # for the queue to become shorter
        self._is_closed = False

    @property
    def queued_bytes(self) -> int:
        """Not yet handed to the socket."""
        return self._queued_bytes

    def admit(self, frame_bytes_max: int, buffers: Buffers | None = None) -> None:
        """The peer has proved who it is: frames may be as large as its lane's from here on."""
        self._parser = FrameParser(frame_bytes_max, new_room if buffers is None else buffers.take)

    async def receive(self) -> list[Frame]:
        """Return the next frames, at least one. Raises OSError (closed, broken), ValueError (not our protocol)."""
        while True:
            frames = await self._receive_some()
            if frames:
                return frames if self._theirs is None else [self._theirs.open(frame) for frame in frames]

    async def _receive_some(self) -> list[Frame]:
        """Receive once: the rest of a large body straight into its room, everything else by the way of the parser."""
        room = self._parser.awaited
        if room is not None and len(room) >= _DIRECT_BYTES:
            count = await self.channel.receive_into(room)
            frames = self._parser.filled(count)
        else:
            data = await self.channel.receive()
            count = len(data)
            frames = self._parser.feed(data)
        if not count:
            raise OSError("the peer closed the connection")
        return frames

    def send(self, *pieces: Buffer) -> bool:
        """Queue pieces, which nobody changes from here on. False: closed, or the queue is full; nothing was queued.

        Of a sealed connection they are one frame: its head, then its payload.
        """
        added = sum(map(len, pieces))
        is_full = (
            len(self._queue) + len(pieces) > limits.peer_queue_frames_max
            or self._queued_bytes + added > limits.peer_queue_bytes_max
        )
        if is_full or self._is_closed:
            return False
        if self._ours is not None:
            pieces = tuple(self._ours.close(pieces[0], pieces[1:]))
            added += SEAL_BYTES
        self._queue.extend(pieces)
        self._queued_bytes += added
        self._writer.unpark()
        return True

    async def drained(self, queued_bytes_max: int) -> None:
        """Wait until no more than this is queued: a peer that does not read its answers is not read either."""
        while self._queued_bytes > queued_bytes_max and not self._is_closed:
            await self._waiting.park()

    async def write(self) -> None:
        """Send what is queued, for ever. Raises OSError when the connection breaks."""
        while True:
            while not self._queue:
                await self._writer.park()
            batch = self._take()
            await self.channel.send(*batch)
            self._queued_bytes -= sum(map(len, batch))
            batch.clear()
            self._waiting.unpark_all()
            if self._queue:
                await trio.lowlevel.checkpoint()

    def close(self) -> None:
        self._is_closed = True
        self._waiting.unpark_all()
        self.channel.close()

    def _take(self) -> list[Buffer]:
        """The pieces of the next write."""
        gathered: list[Buffer] = []
        size = 0
        while self._queue and size < limits.peer_batch_bytes and len(gathered) < limits.peer_batch_pieces:
            gathered.append(self._queue.popleft())
            size += len(gathered[-1])
        return gathered
