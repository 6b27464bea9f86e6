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
        self._buffer: Final = memoryview(bytearray(limits.plain_first_bytes))

    async def receive(self) -> memoryview:
        """Return what has arrived, at least a byte; empty: the peer closed. Valid until the next call."""
        return self._buffer[: await self.receive_into(self._buffer)]

    async def receive_into(self, room: memoryview) -> int:
        """Put what has arrived into `room`, at least a byte; return how many. 0: the peer closed."""
        while True:
            try:
                filled = self._sock.recv_into(room[: limits.plain_batch_bytes])
            except BlockingIOError:
                await channel.ready(self._sock, for_reading=True)
            else:
                await trio.lowlevel.checkpoint()  # other connections have their turn
                return filled

    async def send(self, *pieces: Buffer) -> None:
        """Send all of `pieces`. When it fails or is cancelled the channel is of no more use."""
        left = [memoryview(piece) for piece in pieces]
        while left:
            try:
                sent = self._sock.sendmsg(left)
            except BlockingIOError:
                await channel.ready(self._sock, for_reading=False)
                continue
            left = _rest(left, sent)
            if left:
                await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Let go of the socket; whoever waits on it gets an OSError."""
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


def _rest(pieces: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of `pieces` behind the first `sent` bytes."""
    for position, piece in enumerate(pieces):
        if sent < len(piece):
            return [piece[sent:], *pieces[position + 1 :]]
        sent -= len(piece)
    return []


async def dialled(tls: Channel, own: bytes, other: bytes) -> Connection:
    """Go on without TLS, as the side that dialled, with the secrets of both. Raises OSError, ValueError.

    It takes no frame before it is told how large they may be.
    """
    ours, theirs = seals_of(own, other)
    return Connection(PlainChannel(await tls.bare()), 0, ours, theirs)


async def accepted(tls: Channel, own: bytes, other: bytes) -> Connection:
    """The same, as the side that listened."""
    theirs, ours = seals_of(other, own)
    return Connection(PlainChannel(await tls.bare()), 0, ours, theirs)
