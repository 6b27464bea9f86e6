"""Both lanes to one peer.        Floor: driver. Called by: network.

Law: the control lane says whether a peer is there; when it falls silent the bulk lane is hung up with it.
"""

import ssl
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import trio

from mys3d.model.names import NodeId
from mys3d.peers import handshake, messages
from mys3d.peers.connection import Connection
from mys3d.peers.identity import Identity
from mys3d.peers.lane import Lane
from mys3d.ports import WireListener


class PeerLink:
    """The lanes to `node` at one address; another address is another link."""

    def __init__(
        self,
        me: Identity,
        node: NodeId,
        address: str,
        context: ssl.SSLContext,
        listener: WireListener,
        dice: Random,
    ) -> None:
        self.address: Final = address
        self._node: Final = node
        self._listener: Final = listener
        self._scope: Final = trio.CancelScope()

        def dialler(lane: str) -> Callable[[], Awaitable[Connection]]:
            return lambda: handshake.dial(me, node, address, lane, context)

        self.control: Final = Lane(node, messages.CONTROL, dialler(messages.CONTROL), self._on_control, dice)
        self.bulk: Final = Lane(node, messages.BULK, dialler(messages.BULK), self._on_bulk, dice)

    async def run(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.control.run)
                nursery.start_soon(self.bulk.run)

    def stop(self) -> None:
        self._scope.cancel()

    def nudge(self) -> None:
        self.control.nudge()
        self.bulk.nudge()

    def sweep(self, now: float, is_ping_due: bool) -> None:
        self.control.sweep(now)
        self.bulk.sweep(now)
        if is_ping_due:
            self.control.ping(now)

    def _on_control(self, is_up: bool) -> None:
        if is_up:
            self.bulk.nudge()
            self._listener.on_connected(self._node)
            return
        self.bulk.hang_up()
        self._listener.on_disconnected(self._node)

    def _on_bulk(self, is_up: bool) -> None:
        """Calls on it say `Unavailable` while it is down; nobody else asks."""
