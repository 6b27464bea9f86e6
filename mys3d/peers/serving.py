"""The calls of one member, answered.        Floor: driver. Called by: server.

Law: a call that waits has a task of its own, so that a slow disk delays no ping and no Raft frame. What is being served
and what waits to be sent are bounded; beyond it the connection is not read. Acknowledgements that become ready together
share one frame: one sync of the disk, one answer.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from mys3d import limits
from mys3d.errors import Damaged, Rejected, Unavailable
from mys3d.model.names import NodeId
from mys3d.model.scrub import ScrubAction
from mys3d.peers import frames, messages
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Frame, Kind
from mys3d.peers.messages import Have, Piece
from mys3d.ports import Buffer, PeerService, WireListener

_Answer = tuple[Kind, bytes, Buffer]  # the payload in two pieces


class Serving:
    """One authenticated connection of `peer`, served by node `me`."""

    def __init__(
        self, me: NodeId, peer: NodeId, connection: Connection, service: PeerService, listener: WireListener
    ) -> None:
        self._me: Final = me
        self._peer: Final = peer
        self._connection: Final = connection
        self._service: Final = service
        self._listener: Final = listener
        self._is_plain = False
        self._durable: list[int] = []  # pushes to acknowledge with the next frame
        self._served_bytes = 0
        self._served_count = 0
        self._room: Final = trio.lowlevel.ParkingLot()

    async def run(self, *, is_plain: bool = False) -> None:
        """Serve until the connection ends; blobs alone over a plain lane. Raises OSError, ValueError."""
        self._is_plain = is_plain
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._connection.write)
            while True:
                await self._hear_some(nursery)

    async def _hear_some(self, nursery: trio.Nursery) -> None:
        """A turn of its own: no name is left behind that holds a large frame until the next one arrives."""
        for frame in await self._connection.receive():
            await self._hear(frame, nursery)

    async def _hear(self, frame: Frame, nursery: trio.Nursery) -> None:
        kind, request, payload = frame
        if self._is_plain and kind not in (Kind.PUSH, Kind.FETCH):
            raise ValueError(f"a frame of kind {kind} does not belong on a plain lane")
        if kind == Kind.RAFT:
            self._listener.on_frame(self._peer, bytes(payload))
            return
        if kind == Kind.PING:
            self._reply(request, (Kind.PONG, b"", b""))
            return
        cost = _cost(frame)
        await self._make_room(cost)
        self._served_bytes += cost
        self._served_count += 1
        if kind == Kind.PUSH:
            nursery.start_soon(self._push, frame)
            return
        nursery.start_soon(self._call, frame, self._handler(kind))

    def _handler(self, kind: int) -> Callable[[Frame], Awaitable[_Answer]]:
        match kind:
            case Kind.FETCH:
                return self._fetch
            case Kind.HAVE:
                return self._have
            case Kind.STATUS:
                return self._status
            case Kind.SCRUB:
                return self._scrub
            case Kind.SNAPSHOT:
                return self._snapshot
            case Kind.PIECE:
                return self._piece
            case _:
                raise ValueError(f"a member sent a frame of unknown kind {kind}")

    async def _make_room(self, cost: int) -> None:
        """Wait until a call that costs so much may be served: all answers to come find room in the queue."""
        while True:
            await self._connection.drained(limits.peer_unsent_bytes_max)
            is_light = self._served_bytes + cost <= limits.peer_served_bytes_max
            if is_light and self._served_count < limits.peer_served_count_max:
                return
            await self._room.park()

    async def _push(self, frame: Frame) -> None:
        digest, touch, blob = messages.parse_push(frame.payload)
        try:
            await self._service.on_push(digest, [blob], touch)
        except (Unavailable, Rejected, Damaged) as error:
            self._reply(frame.request, self._failed(error))
        else:
            self._durable.append(frame.request)
            if len(self._durable) == 1:
                trio.lowlevel.current_trio_token().run_sync_soon(self._acknowledge)
        self._done(frame)

    def _acknowledge(self) -> None:
        """Runs once after the loop's present turn: a whole batch of pushes has become durable by then."""
        requests, self._durable = self._durable, []
        payload = messages.pushed(requests)
        self._reply(0, (Kind.PUSHED, payload, b""))

    async def _call(self, frame: Frame, handler: Callable[[Frame], Awaitable[_Answer]]) -> None:
        try:
            answer = await handler(frame)
        except (Unavailable, Rejected, Damaged) as error:
            answer = self._failed(error)
        self._reply(frame.request, answer)
        self._done(frame)

    async def _fetch(self, frame: Frame) -> _Answer:
        digest, start, stop = messages.parse_fetch(frame.payload)
        held, blob = messages.fetched(await self._service.on_fetch(digest, start, stop))
        return Kind.FETCHED, held, blob

    async def _have(self, frame: Frame) -> _Answer:
        asked = messages.decode(frame.payload, Have)
        return Kind.REPLY, messages.encode(await self._service.on_have(asked.blobs, asked.touch)), b""

    async def _status(self, frame: Frame) -> _Answer:
        return Kind.REPLY, messages.encode(await self._service.on_status()), b""

    async def _scrub(self, frame: Frame) -> _Answer:
        action = messages.decode(frame.payload, ScrubAction)
        return Kind.REPLY, messages.encode(await self._service.on_scrub(action)), b""

    async def _snapshot(self, frame: Frame) -> _Answer:
        since = messages.parse_since(frame.payload)
        return Kind.REPLY, messages.encode(await self._listener.on_open_snapshot(since)), b""

    async def _piece(self, frame: Frame) -> _Answer:
        asked = messages.decode(frame.payload, Piece)
        data = await self._listener.on_snapshot_piece(asked.snapshot, asked.file, asked.start, asked.stop)
        return Kind.PIECED, *messages.pieced(data)

    def _failed(self, error: Unavailable | Rejected | Damaged) -> _Answer:
        return Kind.FAILED, messages.encode(messages.failure(error, self._me)), b""

    def _reply(self, request: int, answer: _Answer) -> None:
        """Queue an answer. One that finds no room ends the connection: the caller must not wait for it in vain."""
        kind, first, second = answer
        pieces = [piece for piece in (first, second) if piece]
        if not self._connection.send(frames.head(kind, request, len(first) + len(second)), *pieces):
            self._connection.close()

    def _done(self, frame: Frame) -> None:
        self._served_bytes -= _cost(frame)
        self._served_count -= 1
        self._room.unpark_all()


def _cost(frame: Frame) -> int:
    """Bytes of memory that a call may take here: what it brings, and what it asks for. Raises ValueError."""
    asked = 0
    if frame.kind == Kind.FETCH:
        _, start, stop = messages.parse_fetch(frame.payload)
        asked = max(0, min(stop - start, limits.blob_bytes_max))
    elif frame.kind == Kind.PIECE:
        asked = limits.snapshot_piece_bytes
    return len(frame.payload) + asked
