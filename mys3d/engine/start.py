"""What a life of a node waits for before it judges what it holds.        Floor: engine. Called by: repair, gc."""

import trio

from mys3d import limits
from mys3d.errors import Unavailable
from mys3d.ports import Ports


async def caught_up(ports: Ports) -> None:
    """Return once this node has applied everything that was committed before it started."""
    while True:
        try:
            await ports.registry.barrier()
        except Unavailable:  # no majority yet
            await trio.sleep(limits.membership_tick_seconds)
        else:
            return
