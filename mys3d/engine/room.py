"""Which nodes take no blobs at present.        Floor: engine. Called by: node.

Law: only who refused a push is asked, and is asked until it can be written again; so a healthy cluster pays nothing,
and a disk that has room again is used within seconds.
"""

import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.model.names import NodeId
from mys3d.ports import Ports


async def watch_room(ports: Ports) -> None:
    """Ask until cancelled."""
    while True:
        await trio.sleep(limits.room_watch_seconds)
        for node in ports.pace.doubted():
            await _ask(ports, NodeId(node))


async def _ask(ports: Ports, node: NodeId) -> None:
    """A node that does not answer stays what it was: whether it can be reached is another question."""
    try:
        disk = ports.blobs.usage() if node == ports.node else (await ports.peers.status(node)).disk
    except Unavailable:
        return
    ports.pace.told(node, disk.is_writable)
