"""Many nodes in one event loop, joined by links that tests break.        Floor: driver fake. Called by: tests.

Law: keeps the promises of `network.PeerNetwork` and passes its contract suite. Frames of one link arrive in order or
not at all. A link is one-way: with source -> target cut, requests and frames of `source` do not reach `target`, and
the answers that `source` owes to `target` are lost after the work was done.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import trio

from mys3d import limits
from mys3d.errors import Damaged, Rejected, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Buffer, Bytes, NodeStatus, PeerService, SnapshotOffer, WireListener

T = TypeVar("T")


@dataclass(slots=True)
class _Link:
    is_cut: bool = False
    delay_seconds: float = 0.0
    frames_to_drop: int = 0
    generation: int = 0  # frames of an earlier generation were lost with their connection
    arrives_at: float = 0.0  # when the last frame sent arrives
    frames: deque[bytes] = field(default_factory=deque)  # under way, in order

    def lose(self) -> None:
        self.generation += 1
        self.frames.clear()


@dataclass(frozen=True, slots=True)
class Attached:
    """What a node that is up answers with."""

    service: PeerService
    listener: WireListener


@dataclass(slots=True)
class _Answer(Generic[T]):
    done: trio.Event = field(default_factory=trio.Event)
    values: list[T] = field(default_factory=list)  # one when the call went well
    error: Exception | None = None


class MemoryNetwork:
    """All nodes and links. Frames and calls are carried by tasks of `nursery`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery: Final = nursery
        self._nodes: Final[dict[NodeId, Attached]] = {}
        self._links: Final[dict[tuple[NodeId, NodeId], _Link]] = {}

    def attach(self, node: NodeId, service: PeerService, listener: WireListener) -> "MemoryPeers":
        """Bring a node up and tell everyone. Returns its ports.Peers and ports.Wire."""
        assert node not in self._nodes, f"node {node} is up already"
        self._change(lambda: self._nodes.__setitem__(node, Attached(service, listener)))
        return MemoryPeers(self, node)

    def detach(self, node: NodeId) -> None:
        """Take a node down, as a crash does: what is under way from and to it is lost."""
        self._change(lambda: self._nodes.pop(node))

    def cut(self, source: NodeId, target: NodeId) -> None:
        """Let nothing pass from `source` to `target`. The other direction stays as it is."""
        self._change(lambda: setattr(self._link(source, target), "is_cut", True))

    def heal(self, source: NodeId, target: NodeId) -> None:
        self._change(lambda: setattr(self._link(source, target), "is_cut", False))

    def partition(self, node: NodeId) -> None:
        """Cut every link from and to `node`."""
        for other in [other for other in self._nodes if other != node]:
            self.cut(node, other)
            self.cut(other, node)

    def heal_all(self) -> None:
        for source, target in list(self._links):
            self.heal(source, target)

    def delay(self, source: NodeId, target: NodeId, seconds: float) -> None:
        """Let everything from `source` to `target` take `seconds` from now on."""
        self._link(source, target).delay_seconds = seconds

    def drop(self, source: NodeId, target: NodeId, frames_count: int) -> None:
        """Lose the next frames silently, as when a connection breaks after it took them."""
        self._link(source, target).frames_to_drop = frames_count

    def is_open(self, source: NodeId, target: NodeId) -> bool:
        both_up = source in self._nodes and target in self._nodes
        return both_up and source != target and not self._link(source, target).is_cut

    def send(self, source: NodeId, target: NodeId, frame: bytes) -> bool:
        assert len(frame) <= limits.control_frame_bytes_max, f"a control frame of {len(frame)} bytes"
        link = self._link(source, target)
        if not self.is_open(source, target) or len(link.frames) >= limits.peer_queue_frames_max:
            return False
        if link.frames_to_drop:
            link.frames_to_drop -= 1
            return True
        link.arrives_at = max(link.arrives_at, trio.current_time() + link.delay_seconds)
        link.frames.append(frame)
        self._nursery.start_soon(self._deliver, source, target, link.generation, link.arrives_at)
        return True

    async def call(
        self, source: NodeId, target: NodeId, seconds: float, request: Callable[[Attached], Awaitable[T]]
    ) -> T:
        """Run `request` on the other node. Raises what it raises there, or Unavailable after `seconds`."""
        answer: _Answer[T] = _Answer()
        with trio.move_on_after(seconds):
            await self._travel(source, target)
            self._nursery.start_soon(self._serve, self._nodes[target], request, answer)
            await answer.done.wait()
            await self._travel(target, source)
            if answer.error is not None:
                raise answer.error
            return answer.values[0]
        raise Unavailable(f"node {target} did not answer within {seconds} s")

    async def _serve(self, node: Attached, request: Callable[[Attached], Awaitable[T]], answer: _Answer[T]) -> None:
        try:
            answer.values.append(await request(node))
        except (Unavailable, Damaged, Rejected) as error:
            answer.error = error
        answer.done.set()

    async def _travel(self, source: NodeId, target: NodeId) -> None:
        generation = self._link(source, target).generation
        if self.is_open(source, target):
            await trio.sleep(self._link(source, target).delay_seconds)
        if not self.is_open(source, target) or self._link(source, target).generation != generation:
            raise Unavailable(f"node {target} is not reachable from {source}")

    async def _deliver(self, source: NodeId, target: NodeId, generation: int, at: float) -> None:
        await trio.sleep_until(at)
        link = self._link(source, target)
        if link.generation == generation:
            self._nodes[target].listener.on_frame(source, link.frames.popleft())

    def _change(self, act: Callable[[], object]) -> None:
        """Change who is up or linked, and tell the sending end of every link that appeared or vanished."""
        before, listeners = self._open_links(), {node: known.listener for node, known in self._nodes.items()}
        act()
        after = self._open_links()
        for source, target in sorted(before - after):
            self._link(source, target).lose()
            if source in self._nodes:
                listeners[source].on_disconnected(target)
        for source, target in sorted(after - before):
            self._nodes[source].listener.on_connected(target)

    def _open_links(self) -> set[tuple[NodeId, NodeId]]:
        return {(one, other) for one in self._nodes for other in self._nodes if self.is_open(one, other)}

    def _link(self, source: NodeId, target: NodeId) -> _Link:
        return self._links.setdefault((source, target), _Link())


class MemoryPeers:
    """The network as one node sees it: ports.Peers and ports.Wire."""

    def __init__(self, network: MemoryNetwork, node: NodeId) -> None:
        self._network: Final = network
        self._node: Final = node

    def reachable(self, node: NodeId) -> bool:
        return self._network.is_open(self._node, node)

    def connected(self, node: NodeId) -> bool:
        return self._network.is_open(self._node, node)

    def send(self, node: NodeId, frame: bytes) -> bool:
        return self._network.send(self._node, node, frame)

    async def push(self, node: NodeId, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        sent = [b"".join(data)]  # the other node never shares memory with us
        await self._call(node, limits.push_deadline_seconds, lambda service: service.on_push(digest, sent, touch))

    async def fetch(self, node: NodeId, digest: Digest, start: int, stop: int) -> Bytes | None:
        deadline = limits.fetch_deadline_seconds
        found = await self._call(node, deadline, lambda service: service.on_fetch(digest, start, stop))
        return None if found is None else bytes(found)

    async def have(self, node: NodeId, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        return await self._call(node, limits.have_deadline_seconds, lambda service: service.on_have(blobs, touch))

    async def status(self, node: NodeId) -> NodeStatus:
        return await self._call(node, limits.status_deadline_seconds, lambda service: service.on_status())

    async def scrub(self, node: NodeId, action: ScrubAction) -> ScrubReport:
        return await self._call(node, limits.scrub_call_seconds, lambda service: service.on_scrub(action))

    async def open_snapshot(self, node: NodeId, since: LogIndex) -> SnapshotOffer:
        seconds = limits.snapshot_open_seconds
        return await self._network.call(self._node, node, seconds, lambda other: other.listener.on_open_snapshot(since))

    async def snapshot_piece(self, node: NodeId, snapshot: int, file: int, start: int, stop: int) -> bytes:
        def ask(other: Attached) -> Awaitable[bytes]:
            return other.listener.on_snapshot_piece(snapshot, file, start, stop)

        return await self._network.call(self._node, node, limits.snapshot_piece_seconds, ask)

    async def _call(self, node: NodeId, seconds: float, request: Callable[[PeerService], Awaitable[T]]) -> T:
        return await self._network.call(self._node, node, seconds, lambda other: request(other.service))
