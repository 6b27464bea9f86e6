"""One budget for the body buffers of a node.        Floor: engine. Called by: engine.put, engine.repair.

Law: the sum of what was taken and not given back never exceeds the capacity; whoever waits is served in order of
arrival, and a wait ends within its deadline in bytes or in Unavailable.
"""

from collections import deque
from typing import Final

import trio

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.errors import Unavailable


class BufferBudget:
    """Bytes that body buffers may hold at once."""

    def __init__(
        self,
        capacity: int = limits.buffer_budget_bytes,
        wait_seconds: float = limits.buffer_wait_seconds,
        buffers: Buffers | None = None,
    ) -> None:
        assert capacity >= limits.blob_bytes_max, "a budget below one blob can never serve a large body"
        self._capacity: Final = capacity
        self._wait_seconds: Final = wait_seconds
        self._buffers: Final = buffers or Buffers()
        self._free = capacity
        self._waiting: deque[tuple[int, trio.Event]] = deque()

    @property
    def free_bytes(self) -> int:
        return self._free

    @property
    def is_tight(self) -> bool:
        """True while somebody waits, or the next whole blob would."""
        return bool(self._waiting) or self._free < limits.blob_bytes_max

    def take_now(self, size: int) -> bool:
        """Take `size` bytes if nobody waits and they are free."""
        assert 0 <= size <= self._capacity, f"asked for {size} of {self._capacity} bytes"
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    async def take(self, size: int) -> None:
        """Take `size` bytes, waiting in line for them. Raises Unavailable when the wait is too long."""
        if self.take_now(size):
            return
        place = (size, trio.Event())
        self._waiting.append(place)
        try:
            with trio.fail_after(self._wait_seconds):
                await place[1].wait()
        except trio.TooSlowError as error:
            self._leave(place)
            raise Unavailable(
                f"body buffers: {size} bytes were not free within {self._wait_seconds} s, {self._free} are"
            ) from error
        except BaseException:
            self._leave(place)
            raise

    def room(self, size: int) -> memoryview:
        """A buffer of `size` bytes, for which they were taken before."""
        return self._buffers.take(size)

    def give(self, size: int) -> None:
        """Give back `size` bytes that were taken."""
        self._free += size
        assert self._free <= self._capacity, f"{self._free} of {self._capacity} bytes are free: given back twice"
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, served = self._waiting.popleft()
            self._free -= size
            served.set()

    def _leave(self, place: tuple[int, trio.Event]) -> None:
        """Take a waiter out of the line; what it was served while it was leaving goes back."""
        if place[1].is_set():
            self.give(place[0])
            return
        self._waiting.remove(place)
        self._serve()
