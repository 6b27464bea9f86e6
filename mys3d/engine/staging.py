"""The extents of a large body, named before it becomes visible.        Floor: engine. Called by: put.

Law: only durable blobs are staged, under epochs that are true when they are; a body that fails is given up at once when
that is possible, and otherwise by the leader a day after its last extent.
"""

from typing import Final

import trio

from mys3d import limits
from mys3d.engine.intake import Named
from mys3d.engine.reaffirm import reaffirm
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.model.body import StagedBody
from mys3d.model.names import BodyId, Instant
from mys3d.ports import Ports
from mys3d.registry.commands import AbandonBody, StageExtent
from mys3d.registry.outcomes import BodyStaged


class Staging:
    """One body being staged. Guards that its extents follow one another."""

    def __init__(self, ports: Ports) -> None:
        self.blobs_count = 0
        self._ports: Final = ports
        self._body: BodyId | None = None  # None: nothing was staged yet
        self._sequence = 0

    async def stage(self, named: Named) -> None:
        """Name the next blobs. Raises Unavailable, also when it is not known whether they were named."""
        try:
            staged = await self._propose(named)
        except Rejected as refusal:
            raise Unavailable(f"the body could not be staged: {refusal}") from refusal
        except OutcomeUnknown as doubt:  # nothing becomes visible by an extent: the whole PUT may be sent again
            raise Unavailable(f"an extent of the body: {doubt}") from doubt
        self._body = staged.body
        self._sequence += 1
        self.blobs_count += len(named.blobs)

    def body(self) -> StagedBody | None:
        """What was staged. None: nothing."""
        return None if self._body is None else StagedBody(self._body, self.blobs_count)

    async def abandon(self) -> None:
        if self._body is not None:
            await abandon(self._ports, self._body)

    async def _propose(self, named: Named) -> BodyStaged:
        for _ in range(limits.commit_retries_max + 1):
            expires_at = Instant(self._ports.clock.now() + limits.staged_lifetime_ms)
            command = StageExtent(
                self._body, self._sequence, named.blobs, named.layout_epoch, named.gc_epoch, expires_at
            )
            try:
                applied = await self._ports.registry.propose(command)
            except Rejected as refusal:
                if refusal.reason not in (Reason.LAYOUT_EPOCH_OLD, Reason.GC_EPOCH_OLD):
                    raise
            else:
                assert isinstance(applied.detail, BodyStaged), f"an extent answers its body, found {applied.detail}"
                return applied.detail
            named = Named(named.blobs, *await reaffirm(self._ports, named.blobs))
        raise Unavailable("the layout or the garbage epoch changed too often while an extent was staged")


async def abandon(ports: Ports, body: BodyId) -> None:
    """Give a body up soon. What does not succeed is done by the leader when the body expires."""
    with trio.move_on_after(limits.abandon_seconds):
        try:
            await ports.registry.propose(AbandonBody(body, is_expired=False))
        except (Rejected, Unavailable, OutcomeUnknown):
            return
