"""Connections that arrived together.        Floor: web. Called by: front_config, connection.

Law: whoever waits to be let in when somebody is, comes in as well, up to a bound. trio accepts one connection in each
round of its loop; with hundreds of requests in work a round takes 20 ms and more, so the last of a thousand clients
waited for seven seconds before it was heard at all.
"""

import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Final

import trio

from mys3d import limits
from mys3d.web.direct import Stream


class Arrivals:
    """The sockets of one listener."""

    def __init__(self) -> None:
        self._sockets: Final[list[socket.socket]] = []
        self.context: ssl.SSLContext | None = None  # None: plain HTTP

    def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Take note of sockets that will listen and never block."""
        self._sockets.extend(sockets)

    def take(self) -> Iterator[Stream]:
        """Accept those that wait already, without waiting."""
        for listening in self._sockets:
            for _ in range(limits.accepts_at_once):
                try:
                    accepted, _ = listening.accept()
                except OSError:  # nobody waits, the socket is closed, or there are no descriptors: trio will tell
                    break
                yield self._stream(accepted)

    def _stream(self, accepted: socket.socket) -> Stream:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(accepted))
        if self.context is None:
            return stream
        return trio.SSLStream(stream, self.context, server_side=True, https_compatible=True)
