"""This node's rows, named as of certain entries.        Floor: driver. Called by: consensus.

Law: a stretch is named from the rows as they are right behind its CompareRows entry, in a thread; one at a time: an
entry that comes while another is being named stays without a name here. A node that reads, in the log, that most name
a stretch otherwise believes them and not its own rows.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

import trio

from mys3d import limits
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, NodeId
from mys3d.ports import AppliedEntry, Compared
from mys3d.registry.commands import CompareRows, CondemnRows
from mys3d.registry.comparing import digest_rows
from mys3d.registry.outcomes import Applied
from mys3d.registry.transaction import Reader

Freeze = Callable[[ExitStack], Reader]  # the rows of this moment, kept until the stack is closed


class Comparing:
    """The newest names that this node gave."""

    def __init__(self, node: NodeId, freeze: Freeze, stand_down: Callable[[StoreDamaged], None]) -> None:
        self._node: Final = node
        self._freeze: Final = freeze
        self._stand_down: Final = stand_down
        self._found: Final[dict[LogIndex, Compared]] = {}
        self._job: tuple[LogIndex, CompareRows, Reader, ExitStack] | None = None
        self._wake = trio.Event()
        self._threads: Final = trio.CapacityLimiter(1)

    def found(self) -> tuple[Compared, ...]:
        """The newest names, oldest first."""
        return tuple(self._found.values())

    def heard(self, entries: Sequence[AppliedEntry]) -> None:
        """Called right behind the entries: the last of them is the last whose rows are there."""
        for entry in entries:
            if isinstance(entry.command, CondemnRows) and isinstance(entry.outcome, Applied):
                self._judge(entry.command)
        last = entries[-1]
        if isinstance(last.command, CompareRows) and isinstance(last.outcome, Applied) and self._job is None:
            self._begin(last.index, last.command)

    async def run(self) -> None:
        """Name what is asked for until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                if self._job is not None:
                    await self._name(*self._job)
                    self._job = None
        finally:
            if self._job is not None:
                self._job[3].close()

    def _begin(self, index: LogIndex, command: CompareRows) -> None:
        kept = ExitStack()
        try:
            self._job = (index, command, self._freeze(kept), kept)
        except Unavailable:
            return  # a damaged store, of which its node hears elsewhere
        self._wake.set()

    async def _name(self, index: LogIndex, command: CompareRows, rows: Reader, kept: ExitStack) -> None:
        with kept:
            try:
                stretch = await trio.to_thread.run_sync(
                    digest_rows, rows, command.start, command.rows_max, limiter=self._threads
                )
            except Unavailable:
                return  # as above
        self._found[index] = Compared(index, *stretch)
        while len(self._found) > limits.compared_kept_max:
            del self._found[next(iter(self._found))]

    def _judge(self, command: CondemnRows) -> None:
        own = self._found.get(command.index)
        if command.node == self._node and own is not None and own.digest != command.digest:
            why = f"rows from {command.start.hex() or 'the first'} on differ from those of most nodes"
            self._stand_down(StoreDamaged(f"{why} at entry {command.index}"))
