"""Committed entries become rows.        Floor: driver. Called by: consensus.

Law: entries are applied once, in order, only when committed and on our own disk; the rows of a slice and the applied
row reach the store in one write. A slice holds the loop for about 2 ms. Whoever waits is woken after the write, never
before. A store that says Unavailable (stalled, disk full) is asked again, and meanwhile no proposal is taken; one that
is damaged, or whose rows do not decode, ends the applier: a fault of the driver is no outcome."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
import trio

from mys3d import limits
from mys3d.consensus import membership
from mys3d.consensus.membership import Voters
from mys3d.consensus.messages import Entry
from mys3d.consensus.raft import Raft
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, NodeId, OperationId, Term
from mys3d.ports import AppliedEntry, Clock
from mys3d.registry.codec import RowDamaged
from mys3d.registry.commands import Command, CompareRows, Proposal
from mys3d.registry.outcomes import Outcome
from mys3d.registry.transaction import Reader, Rows, Transaction

stall_seconds: Final = 0.005  # between two attempts to write to a store that asks for time, doubled up to ...
stall_seconds_max: Final = 0.1

log = structlog.get_logger("mys3d.consensus")

Writes = Sequence[tuple[bytes, bytes | None]]
Settled = Callable[[bytes, Outcome], None]  # (proposal bytes, outcome)


class Store(Protocol):
    """The rows. consensus/store.py is RocksDB; registry/memory.py a sorted dict."""

    @property
    def damage(self) -> Unavailable | None: ...

    def reader(self) -> Rows: ...

    def snapshot(self) -> AbstractContextManager[Reader]: ...

    def write(self, writes: Writes) -> None: ...


class OverlayLike(Transaction, Protocol):
    def learn(self, rows: Mapping[bytes, bytes | None]) -> None: ...

    def writes(self) -> Writes: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """The registry's functions, as the consensus drives them. `machine.py` binds the product's."""

    overlay: Callable[[Reader], OverlayLike]
    apply_command: Callable[[Transaction, LogIndex, Term, bytes], tuple[Command | None, Outcome]]
    apply_noop: Callable[[Transaction, LogIndex, Term], None]
    apply_membership: Callable[[Transaction, LogIndex, Term, NodeId, bool, bytes], None]
    applied: Callable[[Reader], tuple[LogIndex, Term]]
    voters: Callable[[Reader], tuple[NodeId, ...]]
    incarnations: Callable[[Reader], dict[NodeId, bytes]]  # of the members, as their rows say
    encode: Callable[[Proposal], bytes]
    outcome: Callable[[Reader, OperationId], Outcome | None]
    obstacle: Callable[[Reader, Command], str]  # why a command must not be proposed to these members; empty: it may
    rows_of: Callable[[LogIndex, bytes], Sequence[bytes]]  # which rows a payload will look up: a hint


def voters_in(machine: Machine, reader: Reader) -> Voters:
    """The voters that these rows know, without those of the log above them."""
    return Voters(frozenset(machine.voters(reader)), pins=dict(machine.incarnations(reader)))


@dataclass(slots=True)
class Applier:
    """Applies what is ready; remembers who waits for what."""

    raft: Raft
    store: Store
    machine: Machine
    clock: Clock
    settled: Settled
    listeners: list[Callable[[Sequence[AppliedEntry]], None]] = field(default_factory=list)
    slice_seconds: float = limits.apply_slice_seconds
    longest_slice: float = 0.0
    _waiting: list[tuple[int, int, trio.Event]] = field(default_factory=list)
    _order: int = 0
    _wake: trio.Event = field(default_factory=trio.Event)

    def wake(self) -> None:
        if self.raft.ready_index() > self.raft.last_applied:
            self._wake.set()

    async def run(self) -> None:
        """Apply until cancelled. Raises StoreDamaged."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while self.raft.ready_index() > self.raft.last_applied:
                await self._apply_or_wait()

    async def _apply_or_wait(self) -> None:
        """One slice. A stalled store is asked again; after `limits.store_stall_seconds` no proposals are taken."""
        started, pause = self.clock.monotonic(), stall_seconds
        while True:
            try:
                self.apply_slice()
            except StoreDamaged:
                raise
            except RowDamaged as error:
                raise StoreDamaged(f"while entry {self.raft.last_applied + 1} was applied: {error}") from error
            except Unavailable as error:
                if not self.raft.is_stalled and self.clock.monotonic() - started >= limits.store_stall_seconds:
                    self.raft.is_stalled = True
                    log.error("no proposals are taken here", why=str(error))
                await trio.sleep(pause)
                pause = min(2 * pause, stall_seconds_max)
                continue
            if self.raft.is_stalled:
                self.raft.is_stalled = False
                log.info("proposals are taken again", stalled_seconds=round(self.clock.monotonic() - started, 1))
            await trio.lowlevel.checkpoint()
            return

    async def wait(self, index: LogIndex) -> None:
        """Return once this node has applied `index`."""
        if self.raft.last_applied >= index:
            return
        event = trio.Event()
        self._order += 1
        heapq.heappush(self._waiting, (index, self._order, event))
        await event.wait()

    def apply_slice(self) -> int:
        """Apply ready entries for about `slice_seconds`; return how many. Raises Unavailable: none, ask again."""
        started = self.clock.monotonic()
        rows = self.store.reader()
        overlay = self.machine.overlay(rows)
        heard: list[AppliedEntry] = []
        outcomes: list[tuple[bytes, Outcome]] = []
        last = self.raft.last_applied
        for entry in self._ready(started, rows, overlay):
            self._apply(overlay, entry, heard, outcomes)
            last = entry[1]
            if heard and heard[-1].index == last and isinstance(heard[-1].command, CompareRows):
                break  # its listener sees the rows as they are behind this entry
        count = last - self.raft.last_applied
        if not count:
            return 0
        self.store.write(overlay.writes())
        self.raft.applied(last)
        self._tell(heard, outcomes)
        self.longest_slice = max(self.longest_slice, self.clock.monotonic() - started)
        return count

    def _ready(self, started: float, rows: Rows, overlay: OverlayLike) -> Iterator[Entry]:
        """The entries of one slice, some at a time, with the rows that they will look up read by one call."""
        start, stop = self.raft.last_applied + 1, self.raft.ready_index() + 1
        while start < stop:
            entries = self.raft.log.between(start, min(start + limits.entries_ahead, stop))
            keys = self._rows_of(entries)
            if keys:
                overlay.learn(dict(zip(keys, rows.get_many(keys), strict=True)))
            yield from entries
            start += limits.entries_ahead
            if self.clock.monotonic() - started >= self.slice_seconds:
                return

    def _rows_of(self, entries: Sequence[Entry]) -> list[bytes]:
        rows_of = self.machine.rows_of
        regular = (entry for entry in entries if entry[0][0] == membership.REGULAR)
        return [key for entry in regular for key in rows_of(LogIndex(entry[1]), entry[0][1:])]

    def _apply(
        self, overlay: OverlayLike, entry: Entry, heard: list[AppliedEntry], outcomes: list[tuple[bytes, Outcome]]
    ) -> None:
        command, index, term = entry[0], LogIndex(entry[1]), Term(entry[2])
        kind = command[0]
        if kind == membership.REGULAR:
            payload = command[1:]
            decoded, outcome = self.machine.apply_command(overlay, index, term, payload)
            outcomes.append((command, outcome))
            if decoded is not None:
                heard.append(AppliedEntry(index, decoded, outcome))
        elif kind == membership.MEMBERSHIP:
            self.machine.apply_membership(overlay, index, term, *membership.decode_change(command))
        else:
            assert kind == membership.NO_OP, f"entry {index} has the unknown type {kind}"
            self.machine.apply_noop(overlay, index, term)

    def wake_waiting(self) -> None:
        """Wake those who wait for an entry that is applied by now."""
        while self._waiting and self._waiting[0][0] <= self.raft.last_applied:
            heapq.heappop(self._waiting)[2].set()

    def _tell(self, heard: list[AppliedEntry], outcomes: list[tuple[bytes, Outcome]]) -> None:
        for command, outcome in outcomes:
            self.settled(command, outcome)
        if heard:
            for listener in self.listeners:
                listener(heard)
        self.wake_waiting()
