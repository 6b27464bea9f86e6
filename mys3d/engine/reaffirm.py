"""A body whose epochs grew old before its commit.        Floor: engine. Called by: put.

Law: the epochs returned are true: every blob was touched at, or pushed again under, the layout and the garbage epoch
that are present when this started.
"""

from collections.abc import Sequence
from typing import Final

import trio

from mys3d.engine.get import read_blob
from mys3d.engine.homes import present_layout, quorum_of
from mys3d.engine.replicate import replicate
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import partition_of
from mys3d.model.members import Layout
from mys3d.model.names import Epoch, GcEpoch, NodeId
from mys3d.ports import Ports
from mys3d.registry import queries


async def reaffirm(ports: Ports, blobs: Sequence[BlobRef]) -> tuple[Epoch, GcEpoch]:
    """Make `blobs` durable under the present epochs, sending only the bytes that are missing. Raises Unavailable."""
    await ports.registry.barrier()
    layout = present_layout(ports)
    touch = queries.gc_epoch(ports.registry.view())
    asked = _Holdings(ports, touch)
    await asked.ask(layout, blobs)
    for blob in blobs:
        homes = layout.homes(partition_of(blob.digest))
        if sum((node, blob) in asked.held for node in homes) < quorum_of(ports, homes):
            data = await read_blob(ports, blob)
            await replicate(ports, layout, blob.digest, [data], touch)
    return layout.epoch, touch


class _Holdings:
    """Which homes hold which blobs, durable and touched."""

    def __init__(self, ports: Ports, touch: GcEpoch) -> None:
        self.held: Final[set[tuple[NodeId, BlobRef]]] = set()
        self._ports: Final = ports
        self._touch: Final = touch

    async def ask(self, layout: Layout, blobs: Sequence[BlobRef]) -> None:
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
