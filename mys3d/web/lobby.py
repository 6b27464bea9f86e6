"""The connections of one listener: who waits, and until when.        Floor: web. Called by: connection, serve, wire.

Law: a wait ends at most one tick after its deadline, and never more than `connections_max` are served: whoever comes
then takes the place of the one that has asked for nothing for the longest time, or is turned away.
One sweep serves all connections, because moving the deadline of a cancel scope twice for every wait was a tenth of the
cost of a small request.
"""

import math
from collections import OrderedDict
from typing import Final

import trio

from mys3d import limits
from mys3d.web.complaint import Complaint
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

    def __init__(self, deadlines: Deadlines, connections_max: int = limits.connections_max) -> None:
        self.deadlines: Final = deadlines
        self.is_closing = False
        self.connections_max: Final = connections_max
        # Who has asked for nothing yet, or again: since when, by the clock of trio. The longest first.
        self.waiting: Final[OrderedDict[Guest, float]] = OrderedDict()
        self._guests: Final[set[Guest]] = set()
        self._turned_away: Final[set[Guest]] = set()
        self._full: Final = Complaint("there are more connections than are served at once")

    @property
    def is_empty(self) -> bool:
        return not self._guests and not self._turned_away and not self.waiting

    def enter(self, guest: Guest) -> bool:
        """Let a connection in; False: there is no place, and it is among those turned away. It must `leave` anyway."""
        if len(self._guests) >= self.connections_max and not self._make_place():
            self._full.happened()
            self._turned_away.add(guest)
            return False
        self._guests.add(guest)
        return True

    @property
    def hears_refusals(self) -> bool:
        """True while those that were turned away are few enough to be told so, and not only closed."""
        return len(self._turned_away) <= limits.turned_away_max

    def leave(self, guest: Guest) -> None:
        self._guests.discard(guest)
        self._turned_away.discard(guest)
        self.waiting.pop(guest, None)

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

    def _make_place(self) -> bool:
        """Close the connection that has asked for nothing for the longest time, unless that is no time at all."""
        guest, since = next(iter(self.waiting.items()), (None, math.inf))
        if guest is None or since > trio.current_time() - self.deadlines.rest:
            return False
        guest.scope.cancel()
        self.leave(guest)
        return True
