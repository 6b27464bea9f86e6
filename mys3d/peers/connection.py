"""Frames over one channel, many at a time.        Floor: driver. Called by: handshake, lane, server, serving.

Law: sending never waits: pieces are queued within bounds and one writer task puts what has gathered into one write.
Pieces of one `send` stay together and in order.
"""

from collections import deque
from typing import Final

import trio

from mys3d import limits
from mys3d.peers.channel import Channel
from mys3d.peers.frames import Frame, FrameParser
from mys3d.ports import Buffer

_LARGE_BYTES: Final = (
    limits.peer_batch_bytes
)  # pieces from here on are sent as they are; smaller ones are copied together


class Connection:
    """The two halves: `receive` for one reader task, `send` for everyone with `write` in one task of its own."""

    def __init__(self, channel: Channel, frame_bytes_max: int) -> None:
        self.channel: Final = channel
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

    def admit(self, frame_bytes_max: int) -> None:
        """The peer has proved who it is: frames may be as large as its lane's from here on."""
        self._parser = FrameParser(frame_bytes_max)

    async def receive(self) -> list[Frame]:
        """Return the next frames, at least one. Raises OSError (closed, broken), ValueError (not our protocol)."""
        while True:
            data = await self.channel.receive()
            if not data:
                raise OSError("the peer closed the connection")
            frames = self._parser.feed(data)
            if frames:
                return frames

    def send(self, *pieces: Buffer) -> bool:
        """Queue pieces, which nobody changes from here on. False: closed, or the queue is full; nothing was queued."""
        added = sum(map(len, pieces))
        is_full = (
            len(self._queue) + len(pieces) > limits.peer_queue_frames_max
            or self._queued_bytes + added > limits.peer_queue_bytes_max
        )
        if is_full or self._is_closed:
            return False
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
            await self.channel.send(batch)
            self._queued_bytes -= len(batch)
            self._waiting.unpark_all()
            if self._queue:
                await trio.lowlevel.checkpoint()

    def close(self) -> None:
        self._is_closed = True
        self._waiting.unpark_all()
        self.channel.close()

    def _take(self) -> Buffer:
        """The next write: one large piece, or small ones together."""
        first = self._queue.popleft()
        gathered, size = [first], len(first)
        while self._queue and size < _LARGE_BYTES and len(self._queue[0]) < _LARGE_BYTES:
            piece = self._queue.popleft()
            gathered.append(piece)
            size += len(piece)
        return first if len(gathered) == 1 else b"".join(gathered)
