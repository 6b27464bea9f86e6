"""The connections of one listener: who waits, and until when.        Floor: web. Called by: connection, serve.

Law: a wait ends at most one tick after its deadline. One sweep serves all connections, because moving the deadline of a
cancel scope twice for every wait was a tenth of the cost of a small request.
"""

import math

import trio

from mys3d.web.deadlines import Deadlines


class Guest:
    """One connection. `due`: when its present wait is over, by the clock of trio. Idle: no request has begun."""

    __slots__ = ("due", "is_idle", "scope")

    def __init__(self) -> None:
        self.scope = trio.CancelScope()  # around the whole life of the connection
        self.due = math.inf
        self.is_idle = False


class Lobby:
    """All connections of a listener, and whether the house is closing."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self.is_closing = False
        self._guests: set[Guest] = set()

    def enter(self, guest: Guest) -> None:
        self._guests.add(guest)

    def leave(self, guest: Guest) -> None:
        self._guests.discard(guest)

    def close(self) -> None:
        """Close the idle connections; the others end after the answer that they are working on."""
        self.is_closing = True
        for guest in self._guests:
            if guest.is_idle:
                guest.scope.cancel()

    def sweep(self, now: float) -> None:
        """Cut every connection whose wait is over."""
        for guest in self._guests:
            if guest.due <= now:
                guest.scope.cancel()

    async def keep(self) -> None:
        """Sweep for ever."""
        while True:
            await trio.sleep(self.deadlines.tick)
            self.sweep(trio.current_time())
