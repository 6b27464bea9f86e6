"""How much of the log is kept.        Floor: driver. Called by: consensus, after each tick.

Applied entries leave the memory first; the journal's segments follow once the rows are flushed, off the loop. Law: the
disk loses only entries that the flushed store holds, and keeps those that memory holds; memory loses only applied ones.
A follower that needs an entry which is not in memory fetches a snapshot, though the entry may still be on disk.
A change of voters is flushed at once: whoever loses its journal learns from its rows who else has the vote.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from mys3d import limits
from mys3d.consensus.journal import size_of
from mys3d.consensus.raft import Raft
from mys3d.consensus.ticker import Sync
from mys3d.errors import Unavailable
from mys3d.model.names import NodeId


@dataclass(slots=True)
class Compaction:
    """`keep_entries` applied entries stay for followers that are a little behind, half as many again before a cut."""

    raft: Raft
    keep_entries: int
    held_index: Callable[[], int | None]  # a snapshot of this index is being sent: keep what follows it, within bounds
    cuts_count: int = 0
    _due: trio.Event = field(default_factory=trio.Event)
    _disk_first: int = field(init=False)
    _disk_voters: frozenset[NodeId] = field(init=False)  # of the rows on disk

    def __post_init__(self) -> None:
        self._disk_first = self.raft.log.first_index
        self._disk_voters = self.raft.voters_row.applied

    def look(self) -> None:
        """Trim the memory when it holds too much. Called on the loop, often; cheap when there is nothing to do."""
        raft, log = self.raft, self.raft.log
        if raft.is_stale or raft.is_installing:
            return
        if raft.voters_row.applied != self._disk_voters:
            self._due.set()
        applied_count = raft.last_applied - log.first_index
        is_over = log.entries_bytes > limits.log_bytes_max or len(log) > limits.log_entries_max
        if not is_over and applied_count <= self.keep_entries + self.keep_entries // 2:
            return
        floor = raft.last_applied - self.keep_entries
        held = self.held_index()
        if is_over:
            floor = max(floor, self._within_bounds())
        elif held is not None:
            floor = min(floor, held)
        if floor > log.first_index:
            log.trim(floor)
        if log.first_index > self._disk_first:
            self._due.set()

    def _within_bounds(self) -> int:
        """The lowest index, up to the applied one, behind which half the memory is free again."""
        raft, log = self.raft, self.raft.log
        left, count = log.entries_bytes, len(log)
        for entry in log.between(log.first_index + 1, raft.last_applied + 1):
            left, count = left - size_of(entry), count - 1
            if left <= limits.log_bytes_max // 2 and count <= limits.log_entries_max // 2:
                return entry[1]
        return raft.last_applied

    async def run(self, flush: Callable[[], None], sync: Sync, wake: Callable[[], None]) -> None:
        """Flush the rows in a thread, then let the disk drop what memory has dropped."""
        while True:
            await self._due.wait()
            self._due = trio.Event()
            applied, voters = self.raft.last_applied, self.raft.voters_row.applied
            try:
                await sync(flush)
            except Unavailable:  # a full disk; damage is the store's own affair, and ends this node's life
                await trio.sleep(limits.snapshot_rest_seconds)
                self._due.set()
                continue
            self._disk_voters = voters
            self.flushed(applied)
            wake()

    def flushed(self, index: int) -> None:
        """Every row up to `index` is on disk."""
        floor = min(index, self.raft.log.first_index)
        if floor > self._disk_first:
            self._disk_first = floor
            self.cuts_count += 1
            self.raft.log.drop(floor)
