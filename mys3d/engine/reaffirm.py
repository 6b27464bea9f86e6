"""A body whose epochs grew old before its commit.        Floor: engine. Called by: put.

Law: the epochs returned are true: every blob was touched at, or pushed again under, the layout and the garbage epoch
that are present when this started.
"""

from collections.abc import Sequence

from mys3d.engine.get import read_blob
from mys3d.engine.holdings import Holdings
from mys3d.engine.homes import present_layout, quorum_of
from mys3d.engine.replicate import replicate
from mys3d.model.body import BlobRef
from mys3d.model.digest import partition_of
from mys3d.model.names import Epoch, GcEpoch
from mys3d.ports import Ports
from mys3d.registry import queries


async def reaffirm(ports: Ports, blobs: Sequence[BlobRef]) -> tuple[Epoch, GcEpoch]:
    """Make `blobs` durable under the present epochs, sending only the bytes that are missing. Raises Unavailable."""
    await ports.registry.barrier()
    layout = present_layout(ports)
    touch = queries.gc_epoch(ports.registry.view())
    asked = Holdings(ports, touch)
    await asked.ask(layout, blobs)
    for blob in blobs:
        homes = layout.homes(partition_of(blob.digest))
        if sum((node, blob) in asked.held for node in homes) < quorum_of(ports, homes):
            data = await read_blob(ports, blob)
            await replicate(ports, layout, blob.digest, [data], touch)
    return layout.epoch, touch
