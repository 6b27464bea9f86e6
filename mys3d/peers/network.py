"""This node among the others.        Floor: driver. Called by: node.

Law: implements ports.Peers and ports.Wire. Each node dials every other member: two lanes of its own to each, over which
its requests go and their answers return. A node is spoken to while it is a member, or a seed that was never removed.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from random import Random
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.members import Member
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.peers import messages, pki
from mys3d.peers.bulk import Bulk
from mys3d.peers.frames import Kind
from mys3d.peers.identity import Identity
from mys3d.peers.link import PeerLink
from mys3d.peers.messages import Have, Piece
from mys3d.peers.server import Server
from mys3d.ports import Buffer, Bytes, Clock, Entropy, NodeStatus, PeerService, SnapshotOffer, WireListener

log = structlog.get_logger("mys3d.peers")


class PeerNetwork:
    """`run` listens and keeps the lanes up. `service` and `listener` are called on the loop."""

    def __init__(
        self,
        me: Identity,
        service: PeerService,
        listener: WireListener,
        clock: Clock,
        entropy: Entropy,
        listen: tuple[str, int],
        bulk: Bulk,
    ) -> None:
        self._me: Final = me
        self._listener: Final = listener
        self._listen: Final = listen
        self._dice: Final = Random(entropy.token(16))
        self._context: Final = pki.client_context(me.tls)
        self._bulk: Final = bulk
        self._server: Final = Server(me, service, listener, clock, self._is_member, self._on_seen, bulk)
        self._seeds: Final = {node: address for node, address in me.seeds.items() if node != me.node}
        self._addresses: dict[NodeId, str] = dict(self._seeds)
        self._links: Final[dict[NodeId, PeerLink]] = {}
        self._nursery: trio.Nursery | None = None  # None: not running

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen, then dial; tells the port that is bound. Raises OSError when the port cannot be bound."""
        host, port = self._listen
        listeners = await trio.open_tcp_listeners(port, host=host)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await nursery.start(trio.serve_listeners, self._server.serve, listeners)
                nursery.start_soon(self._sweep)
                self._follow()
                task_status.started(listeners[0].socket.getsockname()[1])
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def set_members(self, members: Iterable[Member]) -> None:
        """Take the members as the registry has them now, and where they listen.

        A registry that is being replayed does not know everybody yet: seeds stay until they were seen and are gone.
        """
        found = {member.id: member.addresses.peers for member in members if member.id != self._me.node}
        for node in found:
            self._seeds.pop(node, None)
        self._addresses = {**self._seeds, **found}
        self._follow()

    def forget_seeds(self) -> None:
        """The registry has caught up: whoever is not in it was removed, perhaps while this node was down."""
        for node in self._seeds:
            self._addresses.pop(node, None)
        self._seeds.clear()
        self._follow()

    # --- ports.Wire

    def send(self, node: NodeId, frame: bytes) -> bool:
        assert len(frame) <= limits.control_frame_bytes_max, f"a control frame of {len(frame)} bytes"
        link = self._links.get(node)
        return link is not None and link.control.send(frame)

    def connected(self, node: NodeId) -> bool:
        link = self._links.get(node)
        return link is not None and link.control.is_up

    async def open_snapshot(self, node: NodeId, since: LogIndex) -> SnapshotOffer:
        lane = self._link(node).bulk
        asked = messages.encode(since)
        return await lane.call(Kind.SNAPSHOT, limits.snapshot_open_seconds, messages.parse_offer, asked)

    async def snapshot_piece(self, node: NodeId, snapshot: int, file: int, start: int, stop: int) -> bytes:
        asked = messages.encode(Piece(snapshot, file, start, stop))
        lane = self._link(node).bulk
        return await lane.call(Kind.PIECE, limits.snapshot_piece_seconds, partial(messages.parse_piece, node), asked)

    # --- ports.Peers

    def reachable(self, node: NodeId) -> bool:
        """Both lanes are up: calls and blobs find their way."""
        link = self._links.get(node)
        return link is not None and link.control.is_up and link.bulk.is_up

    def round_trip_seconds(self, node: NodeId) -> float | None:
        """A running estimate from pings on the control lane. None: not measured yet."""
        link = self._links.get(node)
        return None if link is None else link.control.round_trip_seconds

    async def push(self, node: NodeId, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        lane = self._link(node).lane_for(sum(map(len, data)))
        await lane.push(limits.push_deadline_seconds, messages.push_head(digest, touch), *data)

    async def fetch(self, node: NodeId, digest: Digest, start: int, stop: int) -> Bytes | None:
        asked = messages.FETCH.pack(digest, start, stop)
        lane = self._link(node).lane_for(stop - start)
        return await lane.call(Kind.FETCH, limits.fetch_deadline_seconds, messages.parse_fetched, asked)

    async def have(self, node: NodeId, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        asked = messages.encode(Have(tuple(blobs), touch))
        lane = self._link(node).control
        held = await lane.call(Kind.HAVE, limits.have_deadline_seconds, messages.parse_held, asked)
        if len(held) != len(blobs):
            raise Unavailable(f"node {node} was asked for {len(blobs)} blobs and answers for {len(held)}")
        return held

    async def status(self, node: NodeId) -> NodeStatus:
        lane = self._link(node).control
        return await lane.call(Kind.STATUS, limits.status_deadline_seconds, messages.parse_status)

    async def scrub(self, node: NodeId, action: ScrubAction) -> ScrubReport:
        lane = self._link(node).control
        asked = messages.encode(action)
        return await lane.call(Kind.SCRUB, limits.scrub_call_seconds, messages.parse_scrub_report, asked)

    # --- inside

    def _link(self, node: NodeId) -> PeerLink:
        link = self._links.get(node)
        if link is None:
            raise Unavailable(f"node {node} is not a member that this node knows")
        return link

    def _is_member(self, node: NodeId) -> bool:
        return node in self._addresses

    def _on_seen(self, node: NodeId) -> None:
        """It dialled us, so it is up."""
        link = self._links.get(node)
        if link is not None:
            link.nudge()

    def _follow(self) -> None:
        """Have exactly one link to each known address."""
        if self._nursery is None:
            return
        for node, link in list(self._links.items()):
            if self._addresses.get(node) != link.address:
                del self._links[node]
                link.stop()
                self._server.drop(node)
        for node, address in self._addresses.items():
            if node not in self._links:
                link = self._links[node] = PeerLink(
                    self._me, node, address, self._context, self._listener, self._dice, self._bulk
                )
                self._nursery.start_soon(link.run)

    async def _sweep(self) -> None:
        """The one clock of all lanes: deadlines of calls, and pings."""
        ping_at = 0.0
        while True:
            await trio.sleep(limits.peer_sweep_seconds)
            now = trio.current_time()
            is_ping_due = now >= ping_at
            if is_ping_due:
                ping_at = now + limits.peer_ping_seconds
            for link in self._links.values():
                link.sweep(now, is_ping_due)
