"""What this node does for its peers.        Floor: engine. Called by: peers (through ports.PeerService).

Law: nothing a peer sends is stored under a name that its bytes do not have.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mys3d import __version__, limits
from mys3d.engine.admission import admit
from mys3d.engine.hashing import names
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Buffer, Bytes, JoinAdmission, NodeStatus, Ports
from mys3d.registry.commands import JoinMember


class Service:
    """Implements ports.PeerService over this node's ports."""

    def __init__(self, ports: Ports, missing: MissingCopies, scrub: Scrub) -> None:
        self._ports: Final = ports
        self._missing: Final = missing
        self._scrub: Final = scrub

    async def on_push(self, digest: Digest, data: Sequence[Buffer], touch: GcEpoch) -> None:
        """Keep a blob durably. Raises Damaged when the bytes are others than named, Unavailable."""
        length = sum(map(len, data))
        if not 0 < length <= limits.blob_bytes_max or not await names(digest, data):
            raise Damaged(digest, self._ports.node, f"{length} bytes of another name arrived")
        try:
            await self._ports.blobs.put(digest, data, touch)
        except Unavailable:
            self._missing.want(BlobRef(digest, length))  # an older copy may have been found rotten on the way
            raise

    async def on_fetch(self, digest: Digest, start: int, stop: int) -> Bytes | None:
        """Read verified bytes. Raises Damaged after the record was quarantined; the asker turns to another holder."""
        try:
            return await self._ports.blobs.read(digest, start, stop)
        except Damaged as error:
            self._missing.doubt()  # the length of the blob is not known here, so a scan has to name it
            raise Damaged(digest, self._ports.node, str(error)) from error

    async def on_have(self, blobs: Sequence[BlobRef], touch: GcEpoch) -> tuple[bool, ...]:
        """Say which are held. Those that are not are sought: they may have been found rotten just now."""
        held = [await self._ports.blobs.have(blob.digest, touch) for blob in blobs]
        for blob, is_held in zip(blobs, held, strict=True):
            if not is_held:
                self._missing.want(blob)
        return tuple(held)

    async def on_status(self) -> NodeStatus:
        return own_status(self._ports, self._missing, self._scrub)

    async def on_scrub(self, action: ScrubAction) -> ScrubReport:
        return await self._scrub.act(action)

    async def on_join(self, command: JoinMember) -> JoinAdmission:
        return await admit(self._ports, command)


def own_status(ports: Ports, missing: MissingCopies, scrub: Scrub) -> NodeStatus:
    """What this node says of itself."""
    return NodeStatus(
        node=ports.node,
        raft=ports.registry.status(),
        disk=ports.blobs.usage(),
        blobs_missing=missing.blobs_missing,
        reconciling=missing.reconciling,
        version=__version__,
        scrub=scrub.report(),
        garbage=replace(ports.garbage),
    )
