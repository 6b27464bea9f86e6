"""Whose request is worked on, and who is next.        Floor: web. Called by: s3_front.

Law: never more than `count_max` requests are worked on; those that wait are served in order of arrival, and of several
clients each in turn, so that a client with a thousand connections does not hold up one with a single one. A wait ends
within its deadline. A connection has one request at a time, so no more wait than there are connections.
Moving a large body takes as long as its client likes: such a request steps aside for others, while `aside_max` allows.
"""

from collections import OrderedDict, deque
from typing import Final

import trio

from mys3d import limits
from mys3d.errors import Unavailable


class Turn:
    """The place of one request, once it was taken."""

    __slots__ = ("_is_aside", "_turns")

    def __init__(self, turns: "Turns") -> None:
        self._turns = turns
        self._is_aside = False

    def step_aside(self) -> None:
        """Let others have the place, if that may be: what is left to do is to move a large body."""
        if not self._is_aside:
            self._is_aside = self._turns.step_aside()

    def end(self) -> None:
        if self._is_aside:
            self._turns.return_aside()
        else:
            self._turns.give()


class Turns:
    """Places for requests in work."""

    def __init__(
        self,
        count_max: int = limits.requests_max,
        wait_seconds: float = limits.request_wait_seconds,
        aside_max: int = limits.transfers_max,
    ) -> None:
        assert count_max > 0, "with no place nobody would ever be served"
        self._wait_seconds: Final = wait_seconds
        self._free = count_max
        self._aside_free = aside_max
        self._lines: Final[OrderedDict[str, deque[trio.Event]]] = OrderedDict()  # by client, who is next first

    @property
    def free_count(self) -> int:
        return self._free

    @property
    def aside_free_count(self) -> int:
        return self._aside_free

    def take_now(self) -> bool:
        """Take a place if one is free: then nobody waits."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def take(self, client: str) -> None:
        """Wait in line for a place. Raises Unavailable when that takes too long."""
        if self.take_now():
            return
        served = trio.Event()
        self._lines.setdefault(client, deque()).append(served)
        try:
            with trio.fail_after(self._wait_seconds):
                await served.wait()
        except trio.TooSlowError as error:
            self._leave(client, served)
            raise Unavailable(f"no request was finished in the {self._wait_seconds} s that this one waited") from error
        except BaseException:
            self._leave(client, served)
            raise

    def give(self) -> None:
        """Give a place to the first of the client whose turn it is, or to whoever comes."""
        if not self._lines:
            self._free += 1
            return
        client, line = self._lines.popitem(last=False)
        line.popleft().set()
        if line:
            self._lines[client] = line  # behind all others

    def step_aside(self) -> bool:
        """Give a place to others and go on without; False: too many do, the place is kept."""
        if self._aside_free == 0:
            return False
        self._aside_free -= 1
        self.give()
        return True

    def return_aside(self) -> None:
        """End a request that has stepped aside."""
        self._aside_free += 1

    def _leave(self, client: str, served: trio.Event) -> None:
        """Take a waiter out of its line; a place that it was given while it was leaving goes on."""
        if served.is_set():
            self.give()
            return
        line = self._lines[client]
        line.remove(served)
        if not line:
            del self._lines[client]
