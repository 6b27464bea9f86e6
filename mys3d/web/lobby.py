"""The idle connections of one listener, so that a shutdown can close them at once.        Floor: web.

Called by: connection, wire, serve.

Law: a connection is here only while it waits for the first byte of a request, so closing it loses nothing.
"""

import trio


class Lobby:
    """Who waits, and whether the house is closing."""

    def __init__(self) -> None:
        self.is_closing = False
        self._idle: set[trio.CancelScope] = set()

    def enter(self, connection: trio.CancelScope) -> None:
        if self.is_closing:
            connection.cancel()
            return
        self._idle.add(connection)

    def leave(self, connection: trio.CancelScope) -> None:
        self._idle.discard(connection)

    def close(self) -> None:
        """Close the idle connections; the others end after the answer that they are working on."""
        self.is_closing = True
        for connection in self._idle:
            connection.cancel()
        self._idle.clear()
