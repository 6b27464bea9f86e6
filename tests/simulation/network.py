"""The connections between simulated nodes: delays, breaks, one-way partitions.        Floor: tests. Called by: node.

Law: as in the product each node dials every other: its frames and requests go over its own connection, answers come
back over the same. Frames of one connection arrive in order or not at all; the control lane and the bulk lane delay
each other never, so what was sent on one may overtake what was sent on the other. A call is served by a task of the
node that was called: when that node crashes it ends half-way. A way that is blocked holds everything back; after
some seconds of silence the connections that need it break.
"""

import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import TypeVar

import trio

from mys3d import limits
from mys3d.errors import Damaged, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest, digest_of
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Buffer, NodeStatus, PeerService, SnapshotOffer, WireListener
from tests.simulation.threads import HERE, Host

T = TypeVar("T")

DELAY_SECONDS = 0.001  # mean of one way
REDIAL_SECONDS = 0.05  # mean time until a broken connection is made again
BREAK_CHANCE = 0.0005  # that a connection breaks under one frame or call
CALLS = (Unavailable, Damaged, Rejected)


class Trace:
    """A digest of everything that happened and when: equal traces are equal runs."""

    def __init__(self) -> None:
        self._digest = blake2b(digest_size=16)
        self.events_count = 0

    def note(self, *facts: object) -> None:
        self.events_count += 1
        self._digest.update(repr((round(trio.current_time(), 9), *facts)).encode())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


@dataclass(eq=False, slots=True)
class Endpoint:
    """A node that is up."""

    service: PeerService
    listener: WireListener
    nursery: trio.Nursery
    host: Host | None


@dataclass(slots=True)
class Way:
    """The wires from one node to another. It has its own dice, so that what is sent at the same moment over several
    ways has the same fate in whatever order it was sent: the stock engine sends votes in the order of a set."""

    dice: Random
    delay_seconds: float = DELAY_SECONDS
    bulk_delay_seconds: float = DELAY_SECONDS
    drop_chance: float = 0.0  # of a control frame, without a word
    break_chance: float = BREAK_CHANCE
    opened: trio.Event | None = None  # None: open; else set when it opens again

    def delay(self, *, is_bulk: bool) -> float:
        return self.dice.expovariate(1 / (self.bulk_delay_seconds if is_bulk else self.delay_seconds))


@dataclass(slots=True)
class Connection:
    """What `source` dialled: its control lane and its bulk lane."""

    is_up: bool = False
    generation: int = 0  # frames of an earlier generation were lost with their connection
    free_at: float = 0.0  # when the last frame sent will have arrived
    frames: deque[bytes] = field(default_factory=deque)  # under way, in order
    calls: dict[trio.CancelScope, None] = field(default_factory=dict)  # in the order in which they began


@dataclass(slots=True)
class _Reply:
    done: trio.Event = field(default_factory=trio.Event)
    value: object = None
    error: Exception = field(default_factory=lambda: Unavailable("the node crashed during the call"))
    is_answered: bool = False


class Network:
    """All wires. `nursery` is the world's: it outlives every node."""

    def __init__(self, dice: Random, nursery: trio.Nursery, trace: Trace) -> None:
        self.trace = trace
        self._salt = dice.random()
        self._nursery = nursery
        self._up: dict[NodeId, Endpoint] = {}
        self._ways: dict[tuple[NodeId, NodeId], Way] = {}
        self._connections: dict[tuple[NodeId, NodeId], Connection] = {}

    # --- nodes

    def start(self, node: NodeId, endpoint: Endpoint) -> None:
        self._up[node] = endpoint
        for other in [other for other in self._up if other != node]:
            for source, target in ((node, other), (other, node)):
                self._nursery.start_soon(self._dial, source, target, self._way(source, target).delay(is_bulk=False))

    def stop(self, node: NodeId) -> None:
        if self._up.pop(node, None) is None:
            return
        for source, target in [pair for pair in self._connections if node in pair]:
            self._hang_up(source, target)

    # --- what the storm does

    def way(self, source: NodeId, target: NodeId) -> Way:
        return self._way(source, target)

    def block(self, source: NodeId, target: NodeId) -> None:
        """Nothing passes from `source` to `target` from now on."""
        way = self._way(source, target)
        if way.opened is None:
            way.opened = trio.Event()
            self._nursery.start_soon(self._fall_silent, source, target, way.opened)

    def open(self, source: NodeId, target: NodeId) -> None:
        way = self._way(source, target)
        if way.opened is not None:
            way.opened.set()
            way.opened = None
            for pair in ((source, target), (target, source)):
                self._nursery.start_soon(self._dial, *pair, way.delay(is_bulk=False))

    def shake(self, source: NodeId, target: NodeId, times: int) -> None:
        """Break a connection, several times in a row."""
        self._break(source, target)
        if times > 1:
            self._nursery.start_soon(self._shake_again, source, target, times - 1)

    async def _shake_again(self, source: NodeId, target: NodeId, times: int) -> None:
        await trio.sleep(self._way(source, target).dice.uniform(0.0, 2 * REDIAL_SECONDS))
        self.shake(source, target, times)

    # --- what nodes do

    def is_linked(self, source: NodeId, target: NodeId) -> bool:
        connection = self._connections.get((source, target))
        return connection is not None and connection.is_up

    def send(self, source: NodeId, target: NodeId, frame: bytes) -> bool:
        assert len(frame) <= limits.control_frame_bytes_max, f"a control frame of {len(frame)} bytes"
        connection, way = self._connection(source, target), self._way(source, target)
        if not connection.is_up:
            return False
        luck = way.dice.random()
        if luck < way.break_chance:
            self._break(source, target)
            return False
        if luck > 1.0 - way.drop_chance:
            return way.dice.random() < 0.5  # lost on the way, or refused: the queue was full
        connection.free_at = max(connection.free_at, trio.current_time() + way.delay(is_bulk=False))
        connection.frames.append(frame)
        self._nursery.start_soon(self._deliver, source, target, connection.generation, connection.free_at)
        return True

    async def call(
        self,
        source: NodeId,
        target: NodeId,
        seconds: float,
        is_bulk: bool,
        request: Callable[[Endpoint], Awaitable[T]],
    ) -> T:
        """Run `request` on the other node. Raises what it raises, or Unavailable."""
        connection, reply = self._connection(source, target), _Reply()
        await trio.lowlevel.checkpoint()
        if not connection.is_up:
            raise Unavailable(f"node {target} is not reachable")
        with trio.move_on_after(seconds) as scope:
            connection.calls[scope] = None
            try:
                await self._travel(source, target, is_bulk)
                endpoint = self._up[target]
                endpoint.nursery.start_soon(self._serve, endpoint, request, reply, connection)
                await reply.done.wait()
                await self._travel(target, source, is_bulk)
            finally:
                connection.calls.pop(scope, None)
        if scope.cancelled_caught:
            raise Unavailable(f"the connection to {target} broke, or it did not answer within {seconds} s")
        if not reply.is_answered:
            raise reply.error
        return reply.value  # type: ignore[return-value] # what `request` returned

    async def _serve(
        self,
        endpoint: Endpoint,
        request: Callable[[Endpoint], Awaitable[object]],
        reply: _Reply,
        connection: Connection,
    ) -> None:
        HERE.set(endpoint.host)
        try:
            with trio.CancelScope() as scope:
                connection.calls[scope] = None
                try:
                    reply.value = await request(endpoint)
                    reply.is_answered = True
                except CALLS as error:
                    reply.error = error
                finally:
                    connection.calls.pop(scope, None)
        finally:
            reply.done.set()

    async def _travel(self, source: NodeId, target: NodeId, is_bulk: bool) -> None:
        way = self._way(source, target)
        await trio.sleep(way.delay(is_bulk=is_bulk))
        while way.opened is not None:
            await way.opened.wait()
        self.trace.note("call", source, target)
        if way.dice.random() < way.break_chance:
            self._break(source, target)
            await trio.lowlevel.checkpoint()

    async def _deliver(self, source: NodeId, target: NodeId, generation: int, at: float) -> None:
        await trio.sleep_until(at)
        connection, way = self._connection(source, target), self._way(source, target)
        while way.opened is not None and connection.generation == generation:
            await way.opened.wait()
        if connection.generation == generation:
            frame = connection.frames.popleft()
            self.trace.note("frame", source, target, zlib.crc32(frame))
            self._up[target].listener.on_frame(source, frame)

    # --- connections come and go

    async def _dial(self, source: NodeId, target: NodeId, seconds: float) -> None:
        await trio.sleep(seconds)
        connection = self._connection(source, target)
        if connection.is_up or source not in self._up or target not in self._up:
            return
        if self._way(source, target).opened is not None or self._way(target, source).opened is not None:
            return  # dialled again when the way opens
        connection.is_up = True
        self._up[source].listener.on_connected(target)

    def _break(self, source: NodeId, target: NodeId) -> None:
        """What was under way is gone; the connection is made again soon, sometimes at once."""
        if self._hang_up(source, target):
            dice = self._way(source, target).dice
            seconds = 0.0 if dice.random() < 0.3 else dice.expovariate(1 / REDIAL_SECONDS)
            self._nursery.start_soon(self._dial, source, target, seconds)

    def _hang_up(self, source: NodeId, target: NodeId) -> bool:
        connection = self._connection(source, target)
        if not connection.is_up:
            return False
        connection.is_up = False
        connection.generation += 1
        connection.frames.clear()
        for scope in list(connection.calls):
            scope.cancel()
        if source in self._up:
            self._up[source].listener.on_disconnected(target)
        return True

    async def _fall_silent(self, source: NodeId, target: NodeId, opened: trio.Event) -> None:
        """Pings of the one and answers to the other stay away: both hang up."""
        with trio.move_on_after(limits.peer_silence_seconds):
            await opened.wait()
            return
        for pair in ((source, target), (target, source)):
            self._hang_up(*pair)

    def _connection(self, source: NodeId, target: NodeId) -> Connection:
        return self._connections.setdefault((source, target), Connection())

    def _way(self, source: NodeId, target: NodeId) -> Way:
        way = self._ways.get((source, target))
        if way is None:
            way = self._ways[source, target] = Way(Random(f"{self._salt} {source} {target}"))
        return way


class Link:
    """The network as one node sees it: ports.Peers and ports.Wire."""

    def __init__(self, network: Network, node: NodeId) -> None:
        self._network = network
        self._node = node

    def reachable(self, node: NodeId) -> bool:
        return self._network.is_linked(self._node, node)

    def connected(self, node: NodeId) -> bool:
        return self._network.is_linked(self._node, node)

    def round_trip_seconds(self, node: NodeId) -> float | None:
        return None

    def send(self, node: NodeId, frame: bytes) -> bool:
        return self._network.send(self._node, node, frame)

    async def push(self, node: NodeId, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        sent = [b"".join(data)]  # the other node never shares memory with us
        await self._call(
            node, limits.push_deadline_seconds, True, lambda other: other.service.on_push(digest, sent, touch)
        )

    async def fetch(self, node: NodeId, digest: Digest, start: int, stop: int) -> bytes | None:
        seconds = limits.fetch_deadline_seconds
        data = await self._call(node, seconds, True, lambda other: other.service.on_fetch(digest, start, stop))
        whole = data is not None and start == 0 and len(data) < stop
        assert not whole or digest_of(data) == digest, f"{node} served other bytes than {digest.hex()}"
        return data

    async def have(self, node: NodeId, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        seconds = limits.have_deadline_seconds
        return await self._call(node, seconds, False, lambda other: other.service.on_have(blobs, touch))

    async def status(self, node: NodeId) -> NodeStatus:
        return await self._call(node, limits.status_deadline_seconds, False, lambda other: other.service.on_status())

    async def scrub(self, node: NodeId, action: ScrubAction) -> ScrubReport:
        seconds = limits.status_deadline_seconds
        return await self._call(node, seconds, False, lambda other: other.service.on_scrub(action))

    async def open_snapshot(self, node: NodeId, since: LogIndex) -> SnapshotOffer:
        seconds = limits.snapshot_open_seconds
        return await self._call(node, seconds, True, lambda other: other.listener.on_open_snapshot(since))

    async def snapshot_piece(self, node: NodeId, snapshot: int, file: int, start: int, stop: int) -> bytes:
        def ask(other: Endpoint) -> Awaitable[bytes]:
            return other.listener.on_snapshot_piece(snapshot, file, start, stop)

        return await self._call(node, limits.snapshot_piece_seconds, True, ask)

    async def _call(
        self, node: NodeId, seconds: float, is_bulk: bool, request: Callable[[Endpoint], Awaitable[T]]
    ) -> T:
        return await self._network.call(self._node, node, seconds, is_bulk, request)
