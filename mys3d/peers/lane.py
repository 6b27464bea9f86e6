"""Our connection to one peer, made again whenever it breaks.        Floor: driver. Called by: network.

Law: each lane has its own connection, so bulk never delays control. Whoever waits when it breaks is told at once; what
was queued is lost. Retries back off, with jitter, within bounds.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

import structlog
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.names import NodeId
from mys3d.peers import frames
from mys3d.peers.client import Calls
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Frame, Kind
from mys3d.ports import Buffer

T = TypeVar("T")

log = structlog.get_logger("mys3d.peers")

_SMOOTHING: Final = 0.125  # RFC 6298 section 2, the round trip estimate of TCP


@dataclass(frozen=True, slots=True)
class _Session:
    connection: Connection
    calls: Calls


class Lane:
    """`run` keeps the connection up; the rest uses it while it is."""

    def __init__(
        self,
        node: NodeId,
        name: str,
        dial: Callable[[], Awaitable[Connection]],
        on_change: Callable[[bool], None],
        dice: Random,
    ) -> None:
        self.round_trip_seconds: float | None = None  # None: not measured yet
        self._node: Final = node
        self._name: Final = name
        self._dial: Final = dial
        self._on_change: Final = on_change  # called with True when connected, False when broken
        self._dice: Final = dice
        self._session: _Session | None = None
        self._pushed_bytes = 0
        self._room: Final = trio.lowlevel.ParkingLot()
        self._nudge = trio.Event()
        self._ping_sent_at = 0.0
        self._heard_at = 0.0

    @property
    def is_up(self) -> bool:
        return self._session is not None

    def nudge(self) -> None:
        """The peer was seen alive: dial now, not when the back-off ends."""
        self._nudge.set()

    def send(self, frame: bytes) -> bool:
        """Queue a Raft frame. False: not connected, or the queue is full."""
        session = self._session
        return session is not None and session.connection.send(frames.head(Kind.RAFT, 0, len(frame)), frame)

    async def call(self, kind: Kind, seconds: float, parse: Callable[[Buffer], T], *pieces: Buffer) -> T:
        """Ask, and return the parsed answer. Raises Unavailable, and what the other side raised."""
        if self._session is None:
            raise Unavailable(f"node {self._node} is not reachable")
        return await self._session.calls.call(kind, trio.current_time() + seconds, parse, *pieces)

    async def push(self, seconds: float, *pieces: Buffer) -> None:
        """A call that carries a blob: only so many bytes are under way at once. Raises as `call`."""
        size = sum(map(len, pieces))
        deadline = trio.current_time() + seconds
        if self._under_way() + size > limits.peer_pushed_bytes_max:
            await self._wait_for_room(size, seconds)
        self._pushed_bytes += size
        try:
            await self.call(Kind.PUSH, deadline - trio.current_time(), len, *pieces)
        finally:
            self._pushed_bytes -= size
            self._room.unpark_all()

    async def run(self) -> None:
        """Connect, serve, connect again; never returns."""
        attempts = 0
        while True:
            connection = await self._connect()
            if connection is None:
                attempts += 1
                await self._back_off(attempts)
                continue
            began = trio.current_time()
            try:
                await self._serve(connection)
            except* (OSError, ValueError) as broken:
                self._end(str(broken.exceptions[0]))
            finally:
                connection.close()
                self._end("this node is stopping")
            if trio.current_time() - began >= limits.peer_retry_max_seconds:
                attempts = 0
                continue
            attempts += 1  # a peer that welcomes us and hangs up at once is not dialled in a busy loop
            await self._back_off(attempts)

    def sweep(self, now: float) -> None:
        if self._session is not None:
            self._session.calls.sweep(now)

    def ping(self, now: float) -> None:
        """Ask for a sign of life; a peer that gave none for too long is hung up on."""
        if self._session is None:
            return
        if now - self._heard_at > limits.peer_silence_seconds:
            self.hang_up()
            return
        self._ping_sent_at = now
        self._session.connection.send(frames.encode(Kind.PING, 0))

    def hang_up(self) -> None:
        if self._session is not None:
            self._session.connection.close()

    def _under_way(self) -> int:
        """Bytes of pushes. One that was given up leaves its frame in the queue: that counts until it is sent."""
        return max(self._pushed_bytes, 0 if self._session is None else self._session.connection.queued_bytes)

    async def _wait_for_room(self, size: int, seconds: float) -> None:
        with trio.move_on_after(seconds):
            while self._under_way() + size > limits.peer_pushed_bytes_max:
                if self._pushed_bytes + size > limits.peer_pushed_bytes_max or self._session is None:
                    await self._room.park()
                else:
                    await self._session.connection.drained(limits.peer_pushed_bytes_max - size)
            return
        raise Unavailable(f"node {self._node} does not keep up with {self._under_way()} bytes")

    async def _connect(self) -> Connection | None:
        """None: not now. The peer may be down, or may not know us yet."""
        self._nudge = trio.Event()
        try:
            with trio.fail_after(limits.peer_handshake_seconds):
                return await self._dial()
        except (OSError, ValueError, trio.TooSlowError) as error:
            log.debug("peer not reached", node=self._node, lane=self._name, why=str(error))
            return None

    async def _back_off(self, attempts: int) -> None:
        seconds = min(limits.peer_retry_min_seconds * 2 ** min(attempts, 16), limits.peer_retry_max_seconds)
        with trio.move_on_after(seconds * self._dice.uniform(0.5, 1.0)):
            await self._nudge.wait()
            await trio.sleep(limits.peer_retry_min_seconds)  # nudges do not make a busy loop

    async def _serve(self, connection: Connection) -> None:
        calls = Calls(self._node, connection)
        self._heard_at = trio.current_time()
        self._session = _Session(connection, calls)
        log.info("peer connected", node=self._node, lane=self._name)
        self._on_change(True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.write)
            while True:
                await self._hear_some(connection, calls)

    async def _hear_some(self, connection: Connection, calls: Calls) -> None:
        """A turn of its own: no name is left behind that holds a large frame until the next one arrives."""
        for frame in await connection.receive():
            self._hear(calls, frame)

    def _hear(self, calls: Calls, frame: Frame) -> None:
        now = self._heard_at = trio.current_time()
        if frame.kind == Kind.PONG:
            sample, known = now - self._ping_sent_at, self.round_trip_seconds
            self.round_trip_seconds = sample if known is None else known + _SMOOTHING * (sample - known)
            return
        calls.answer(frame)

    def _end(self, why: str) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        log.info("peer disconnected", node=self._node, lane=self._name, why=why)
        session.calls.fail(why)
        self._room.unpark_all()
        self._on_change(False)
