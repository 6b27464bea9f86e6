"""Who holds which blobs, asked and touched.        Floor: engine. Called by: reaffirm, get.

Law: an answer that did not come counts as "does not hold it"; whoever answered yes has touched its copy at the epoch
that was asked with, so it keeps it for that epoch and the next (engine/gc.py).
"""

from collections.abc import Sequence
from typing import Final

import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import partition_of
from mys3d.model.members import Layout
from mys3d.model.names import GcEpoch, NodeId
from mys3d.ports import Ports
from mys3d.registry import queries


class Holdings:
    """Which homes hold which blobs, durable and touched."""

    def __init__(self, ports: Ports, touch: GcEpoch) -> None:
        self.held: Final[set[tuple[NodeId, BlobRef]]] = set()
        self._ports: Final = ports
        self._touch: Final = touch

    async def ask(self, layout: Layout, blobs: Sequence[BlobRef]) -> None:
        """Ask all homes of all blobs at once."""
        questions: dict[NodeId, list[BlobRef]] = {}
        for blob in blobs:
            for node in layout.homes(partition_of(blob.digest)):
                questions.setdefault(node, []).append(blob)
        async with trio.open_nursery() as nursery:
            for node, asked in questions.items():
                nursery.start_soon(self._ask, node, asked)

    async def _ask(self, node: NodeId, blobs: list[BlobRef]) -> None:
        """A node that does not answer holds nothing."""
        try:
            if node == self._ports.node:
                answers = await self._look(blobs)
            else:
                answers = await self._ports.peers.have(node, blobs, self._touch)
        except Unavailable:
            return
        self.held.update((node, blob) for blob, held in zip(blobs, answers, strict=True) if held)

    async def _look(self, blobs: list[BlobRef]) -> tuple[bool, ...]:
        """Say which are held here. Those that are not are sought: they may have been found rotten just now."""
        answers = tuple([await self._ports.blobs.have(blob.digest, self._touch) for blob in blobs])
        for blob, held in zip(blobs, answers, strict=True):
            if not held:
                self._ports.repairs.want(blob)
        return answers


async def keep_unnamed(ports: Ports, blobs: Sequence[BlobRef]) -> None:
    """Touch those of `blobs` that nothing names any more, on every home that answers in time: a download goes on."""
    view = ports.registry.view()
    layout = queries.layout(view)
    unnamed = [blob for blob in blobs if queries.references_count(view, blob.digest) == 0]
    if unnamed and layout is not None:
        with trio.move_on_after(limits.have_deadline_seconds):
            await Holdings(ports, queries.gc_epoch(view)).ask(layout, unnamed)
