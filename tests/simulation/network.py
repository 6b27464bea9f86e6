"""The links between simulated nodes: delays, breaks, partitions.        Floor: tests. Called by: node.

Law: as on a real connection, frames of one lane arrive in order or not at all, and a lane that breaks tells both ends.
A call is served by a task of the node that was called: when that node crashes, the call breaks off half-way.
"""

import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import TypeVar

import trio

from mys3d.errors import Damaged, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, NodeId
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Buffer, NodeStatus, PeerService, WireListener

T = TypeVar("T")

DELAY_SECONDS = 0.001  # mean of one way
BREAK_CHANCE = 0.0005  # that a lane breaks under one frame or call


class Trace:
    """A digest of everything that crossed the network and when: equal traces are equal runs."""

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


@dataclass(slots=True)
class _Lane:
    """One direction of a connection. It has its own dice, so that frames sent at the same moment over several lanes
    have the same fate in whatever order they were sent: the stock engine sends votes in the order of a set."""

    dice: Random
    generation: int = 0  # frames of an earlier generation were lost with their connection
    free_at: float = 0.0  # when the last frame sent will have arrived
    frames: deque[bytes] = field(default_factory=deque)  # under way, in order

    def lose(self) -> None:
        self.generation += 1
        self.frames.clear()


@dataclass(slots=True)
class _Reply:
    done: trio.Event = field(default_factory=trio.Event)
    value: object = None
    error: Exception = field(default_factory=lambda: Unavailable("the node crashed during the call"))
    is_answered: bool = False


class Network:
    """All links. `nursery` is the world's: it outlives every node."""

    def __init__(self, dice: Random, nursery: trio.Nursery, trace: Trace) -> None:
        self.trace = trace
        self._salt = dice.random()
        self._nursery = nursery
        self._up: dict[NodeId, Endpoint] = {}
        self._cut: set[NodeId] = set()
        self._lanes: dict[tuple[NodeId, NodeId], _Lane] = {}

    def is_linked(self, source: NodeId, target: NodeId) -> bool:
        both_up = source in self._up and target in self._up
        return source != target and both_up and source not in self._cut and target not in self._cut

    def start(self, node: NodeId, endpoint: Endpoint) -> None:
        self._change(lambda: self._up.__setitem__(node, endpoint))

    def stop(self, node: NodeId) -> None:
        self._change(lambda: self._up.pop(node))

    def cut(self, node: NodeId) -> None:
        self._change(lambda: self._cut.add(node))

    def mend(self, node: NodeId) -> None:
        self._change(lambda: self._cut.discard(node))

    def send(self, source: NodeId, target: NodeId, frame: bytes) -> bool:
        if not self.is_linked(source, target):
            return False
        lane = self._lane(source, target)
        if lane.dice.random() < BREAK_CHANCE:
            self._break(source, target)
            return False
        lane.free_at = max(lane.free_at, trio.current_time() + _delay(lane.dice))
        lane.frames.append(frame)
        self._nursery.start_soon(self._deliver, source, target, lane.generation, lane.free_at)
        return True

    async def call(self, source: NodeId, target: NodeId, request: Callable[[PeerService], Awaitable[T]]) -> T:
        """Run `request` on the other node. Raises what it raises, or Unavailable."""
        await self._travel(source, target)
        reply = _Reply()
        self._up[target].nursery.start_soon(self._serve, self._up[target], request, reply)
        await reply.done.wait()
        await self._travel(target, source)
        if not reply.is_answered:
            raise reply.error
        return reply.value  # type: ignore[return-value] # what `request` returned

    async def _serve(
        self, endpoint: Endpoint, request: Callable[[PeerService], Awaitable[object]], reply: _Reply
    ) -> None:
        try:
            reply.value = await request(endpoint.service)
            reply.is_answered = True
        except (Unavailable, Damaged, Rejected) as error:
            reply.error = error
        finally:
            reply.done.set()

    async def _travel(self, source: NodeId, target: NodeId) -> None:
        dice = self._lane(source, target).dice
        await trio.sleep(_delay(dice))
        self.trace.note("call", source, target)
        if not self.is_linked(source, target) or dice.random() < BREAK_CHANCE:
            raise Unavailable(f"the lane from {source} to {target} is broken")

    async def _deliver(self, source: NodeId, target: NodeId, generation: int, at: float) -> None:
        await trio.sleep_until(at)
        lane = self._lane(source, target)
        if lane.generation == generation:
            frame = lane.frames.popleft()
            self.trace.note("frame", source, target, zlib.crc32(frame))
            self._up[target].listener.on_frame(source, frame)

    def _break(self, one: NodeId, other: NodeId) -> None:
        """A connection is lost and made again: what was under way is gone."""
        for source, target in ((one, other), (other, one)):
            self._lane(source, target).lose()
            self._up[target].listener.on_disconnected(source)
        for source, target in ((one, other), (other, one)):
            self._up[target].listener.on_connected(source)

    def _change(self, act: Callable[[], object]) -> None:
        """Change who is linked, and tell both ends of every lane that appeared or vanished."""
        before = self._links()
        listeners = {node: endpoint.listener for node, endpoint in self._up.items()}
        act()
        after = self._links()
        for source, target in sorted(before ^ after):
            self._lane(source, target).lose()
            if (source, target) in after:
                self._up[target].listener.on_connected(source)
            elif target in self._up:
                listeners[target].on_disconnected(source)

    def _links(self) -> set[tuple[NodeId, NodeId]]:
        return {(one, other) for one in self._up for other in self._up if self.is_linked(one, other)}

    def _lane(self, source: NodeId, target: NodeId) -> _Lane:
        lane = self._lanes.get((source, target))
        if lane is None:
            lane = self._lanes[source, target] = _Lane(Random(f"{self._salt} {source} {target}"))
        return lane


def _delay(dice: Random) -> float:
    return dice.expovariate(1 / DELAY_SECONDS)


class Link:
    """The network as one node sees it: ports.Peers and ports.Wire."""

    def __init__(self, network: Network, node: NodeId) -> None:
        self._network = network
        self._node = node

    def reachable(self, node: NodeId) -> bool:
        return self._network.is_linked(self._node, node)

    async def push(self, node: NodeId, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        await self._network.call(self._node, node, lambda service: service.on_push(digest, data, touch))

    async def fetch(self, node: NodeId, digest: Digest, start: int, stop: int) -> bytes | None:
        return await self._network.call(self._node, node, lambda service: service.on_fetch(digest, start, stop))

    async def have(self, node: NodeId, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        return await self._network.call(self._node, node, lambda service: service.on_have(blobs, touch))

    async def status(self, node: NodeId) -> NodeStatus:
        return await self._network.call(self._node, node, lambda service: service.on_status())

    async def scrub(self, node: NodeId, action: ScrubAction) -> ScrubReport:
        return await self._network.call(self._node, node, lambda service: service.on_scrub(action))

    def send(self, node: NodeId, frame: bytes) -> bool:
        return self._network.send(self._node, node, frame)

    def connected(self, node: NodeId) -> bool:
        return self._network.is_linked(self._node, node)
