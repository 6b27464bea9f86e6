"""The listener for other nodes.        Floor: driver. Called by: network.

Law: nothing is parsed before TLS has proved a certificate of our authority, of a node that is a member now; a stranger
may send exactly one Join frame. No connection takes the node down: whatever goes wrong in one ends that one.
"""

import ssl
from collections.abc import Callable
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.model.names import NodeId
from mys3d.peers import admission, channel, frames, handshake, messages, pki, plain
from mys3d.peers.bulk import Bulk
from mys3d.peers.channel import Channel
from mys3d.peers.connection import Connection
from mys3d.peers.frames import Kind
from mys3d.peers.identity import Identity
from mys3d.peers.messages import Hello, Refused, Welcome
from mys3d.peers.serving import Serving
from mys3d.ports import Clock, PeerService, WireListener

log = structlog.get_logger("mys3d.peers")


class Server:
    """Answers whoever connects. `is_member` is asked once per connection; `on_seen` hears who came in."""

    def __init__(
        self,
        me: Identity,
        service: PeerService,
        listener: WireListener,
        clock: Clock,
        is_member: Callable[[NodeId], bool],
        on_seen: Callable[[NodeId], None],
        bulk: Bulk,
    ) -> None:
        self._me: Final = me
        self._service: Final = service
        self._listener: Final = listener
        self._clock: Final = clock
        self._is_member: Final = is_member
        self._on_seen: Final = on_seen
        self._bulk: Final = bulk
        self._context: Final[ssl.SSLContext] = pki.server_context(me.tls)
        self._members: Final[dict[tuple[NodeId, str], Connection]] = {}
        self._connections_count = 0
        self._strangers_count = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        """One accepted connection, from TLS to its end."""
        if self._connections_count >= limits.peer_connections_max:
            await trio.aclose_forcefully(stream)
            return
        self._connections_count += 1
        try:
            await self._converse(stream)
        except* (OSError, ValueError, trio.TooSlowError) as broken:
            log.info("peer connection ended", why=str(_first(broken)))
        except* Exception as surprise:  # STYLE 5: one connection must never take the node down
            log.error("peer connection failed", exc_info=surprise)
        finally:
            self._connections_count -= 1

    def drop(self, node: NodeId) -> None:
        """Hang up on a node that is no member any more."""
        for (member, _), connection in list(self._members.items()):
            if member == node:
                connection.close()

    async def _converse(self, stream: trio.SocketStream) -> None:
        with trio.fail_after(limits.peer_handshake_seconds):
            tls = await channel.accept(stream, self._context)
        try:
            certificate = tls.certificate
            if certificate is None:
                await self._stranger(tls)
            else:
                await self._member(tls, pki.node_of(certificate))
        finally:
            tls.close()

    async def _stranger(self, tls: Channel) -> None:
        if self._strangers_count >= limits.peer_strangers_max:
            return
        self._strangers_count += 1
        try:
            with trio.fail_after(limits.join_deadline_seconds):
                await admission.admit(tls, self._me, self._service, self._clock)
        finally:
            self._strangers_count -= 1

    async def _member(self, tls: Channel, node: NodeId) -> None:
        with trio.fail_after(limits.peer_handshake_seconds):
            connection, hello = await self._greet(tls, node)
        known = (node, hello.lane)
        former = self._members.get(known)
        if former is not None:
            former.close()  # its peer has dialled again: what is still in it is older than what comes now
        self._members[known] = connection
        self._on_seen(node)
        try:
            serving = Serving(self._me.node, node, connection, self._service, self._listener)
            await serving.run(is_plain=hello.lane == messages.PLAIN)
        finally:
            connection.close()
            if self._members.get(known) is connection:
                del self._members[known]

    async def _greet(self, tls: Channel, node: NodeId) -> tuple[Connection, Hello]:
        connection = Connection(tls, handshake.GREETING_BYTES_MAX)
        try:
            if not self._is_member(node):
                raise ValueError(f"node {node} is not a member")
            hello = handshake.read_hello(await handshake.one_frame(connection), self._me, node, self._bulk.has_plain)
        except ValueError as error:
            await handshake.refuse(tls, Refused(str(error)))
            raise
        is_plain = hello.lane == messages.PLAIN
        secret = self._bulk.new_secret() if is_plain else b""
        me = self._me
        welcome = Welcome(messages.FORMAT, me.cluster_id, me.node, me.incarnation, self._bulk.has_plain, secret)
        await tls.send(frames.encode(Kind.WELCOME, 0, messages.encode(welcome)))
        if is_plain:
            connection = await plain.accepted(tls, secret, hello.secret)
        connection.admit(handshake.frame_bytes_max(hello.lane), self._bulk.buffers)
        return connection, hello


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain error of a group of groups."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
