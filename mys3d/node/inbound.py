"""What peers ask of this node, handed on to whoever answers.        Floor: composition root. Called by: life.

The network is built before the consensus and the flows, because they speak through it, and it calls back into both:
this record closes the circle. Law: it is attached once, before the network runs.
"""

from collections.abc import Sequence

from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Buffer, Bytes, JoinAdmission, NodeStatus, PeerService, SnapshotOffer, WireListener
from mys3d.registry.commands import JoinMember


class Inbound:
    """Implements ports.PeerService and ports.WireListener."""

    _service: PeerService
    _listener: WireListener

    def attach(self, service: PeerService, listener: WireListener) -> None:
        self._service = service
        self._listener = listener

    async def on_push(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        await self._service.on_push(digest, data, touch)

    async def on_fetch(self, digest: Digest, start: int, stop: int) -> Bytes | None:
        return await self._service.on_fetch(digest, start, stop)

    async def on_have(self, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        return await self._service.on_have(blobs, touch)

    async def on_status(self) -> NodeStatus:
        return await self._service.on_status()

    async def on_scrub(self, action: ScrubAction) -> ScrubReport:
        return await self._service.on_scrub(action)

    async def on_join(self, command: JoinMember) -> JoinAdmission:
        return await self._service.on_join(command)

    def on_frame(self, node: NodeId, frame: bytes) -> None:
        self._listener.on_frame(node, frame)

    def on_connected(self, node: NodeId) -> None:
        self._listener.on_connected(node)

    def on_disconnected(self, node: NodeId) -> None:
        self._listener.on_disconnected(node)

    async def on_open_snapshot(self, since: LogIndex) -> SnapshotOffer:
        return await self._listener.on_open_snapshot(since)

    async def on_snapshot_piece(self, snapshot: int, file: int, start: int, stop: int) -> bytes:
        return await self._listener.on_snapshot_piece(snapshot, file, start, stop)
