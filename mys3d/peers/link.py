"""All lanes to one peer.        Floor: driver. Called by: network.

Law: the control lane says whether a peer is there; when it falls silent the bulk lanes are hung up with it. A plain
lane is dialled only when both sides were told to have one; as long as it is not there its blobs take the encrypted one.
"""

import ssl
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import trio

from mys3d import limits
from mys3d.model.names import NodeId
from mys3d.peers import handshake, messages
from mys3d.peers.bulk import Bulk
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
        bulk: Bulk,
    ) -> None:
        self.address: Final = address
        self._node: Final = node
        self._listener: Final = listener
        self._scope: Final = trio.CancelScope()
        self._is_plain_wanted = False  # by both sides, as the last greeting of the peer said
        self._was_plain_wanted: Final = trio.Event()

        def lane(name: str, dial: Callable[[], Awaitable[Connection]], on_change: Callable[[bool], None]) -> Lane:
            return Lane(node, name, dial, on_change, dice)

        async def dial_control() -> Connection:
            return (await handshake.dial(me, node, address, messages.CONTROL, context, bulk.buffers))[0]

        async def dial_bulk() -> Connection:
            connection, welcome = await handshake.dial(me, node, address, messages.BULK, context, bulk.buffers)
            self._is_plain_wanted = welcome.has_plain and bulk.has_plain
            if self._is_plain_wanted:
                self._was_plain_wanted.set()
            return connection

        async def dial_plain() -> Connection:
            if not self._is_plain_wanted:
                raise OSError(f"node {node} has no plain lane any more")
            secret = bulk.new_secret()
            return (await handshake.dial(me, node, address, messages.PLAIN, context, bulk.buffers, secret))[0]

        self.control: Final = lane(messages.CONTROL, dial_control, self._on_control)
        self.bulk: Final = lane(messages.BULK, dial_bulk, self._on_bulk)
        self.plain: Final = lane(messages.PLAIN, dial_plain, self._on_plain)

    async def run(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.control.run)
                nursery.start_soon(self.bulk.run)
                nursery.start_soon(self._run_plain)

    async def _run_plain(self) -> None:
        await self._was_plain_wanted.wait()
        await self.plain.run()

    def stop(self) -> None:
        self._scope.cancel()

    def lane_for(self, size: int) -> Lane:
        """The lane for `size` bytes of a blob."""
        return self.plain if size > limits.plain_bulk_bytes_min and self.plain.is_up else self.bulk

    def nudge(self) -> None:
        self.control.nudge()
        self.bulk.nudge()

    def sweep(self, now: float, is_ping_due: bool) -> None:
        self.control.sweep(now)
        self.bulk.sweep(now)
        self.plain.sweep(now)
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
        if is_up:
            self.plain.nudge()
        else:
            self.plain.hang_up()

    def _on_plain(self, is_up: bool) -> None:
        """While it is down the bulk lane is taken; nobody asks."""
