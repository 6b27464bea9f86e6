"""Bulk without encryption, on a connection that TLS has authenticated.        Floor: driver.

Called by: handshake, server.

Law: the connection was a TLS connection between two members until both had sent the other a secret through it. TLS is
ended in good order, and from the next byte on every frame carries a seal whose key is made of both secrets. So whoever
listens reads blobs, and whoever writes into it ends it. Decision 21.
"""

import socket
from typing import Final

import trio

from mys3d import limits
from mys3d.peers import channel
from mys3d.peers.channel import Channel
from mys3d.peers.connection import Connection
from mys3d.peers.seal import seals_of
from mys3d.ports import Buffer


class PlainChannel:
    """A connected socket that never blocks. One task may receive while another sends. Every failure is an OSError."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock: Final = sock
        self._buffer: Final = memoryview(bytearray(limits.peer_batch_bytes))

    async def receive(self) -> memoryview:
        """Return what has arrived, at least a byte; empty: the peer closed. Valid until the next call."""
        while True:
            try:
                filled = self._sock.recv_into(self._buffer)
            except BlockingIOError:
                await channel.ready(self._sock, for_reading=True)
            else:
                await trio.lowlevel.checkpoint()  # other connections have their turn
                return self._buffer[:filled]

    async def send(self, data: Buffer) -> None:
        """Send all of `data`. When it fails or is cancelled the channel is of no more use."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view[: limits.peer_batch_bytes]) :]
            except BlockingIOError:
                await channel.ready(self._sock, for_reading=False)
            else:
                if view:
                    await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Let go of the socket; whoever waits on it gets an OSError."""
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


async def dialled(tls: Channel, own: bytes, other: bytes, frame_bytes_max: int) -> Connection:
    """Go on without TLS, as the side that dialled, with the secrets of both. Raises OSError, ValueError."""
    ours, theirs = seals_of(own, other)
    return Connection(PlainChannel(await tls.bare()), frame_bytes_max, ours, theirs)


async def accepted(tls: Channel, own: bytes, other: bytes, frame_bytes_max: int) -> Connection:
    """Go on without TLS, as the side that listened. Raises OSError, ValueError."""
    theirs, ours = seals_of(other, own)
    return Connection(PlainChannel(await tls.bare()), frame_bytes_max, ours, theirs)
