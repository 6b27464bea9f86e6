"""Consensus in memory: many nodes over one shared log.        Floor: driver. Called by: tests.

Law: a node applies the log in order with the product's own rules; what a test takes from a node (its connection, its
time) shows exactly as the errors that ports.Registry names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.names import Instant, LogIndex, NodeId, OperationId, Term
from mys3d.ports import AppliedEntry, Clock, Compared, RaftStatus
from mys3d.registry.apply import apply_command, apply_membership
from mys3d.registry.codec import FORMAT, RowDamaged, encode_proposal
from mys3d.registry.commands import Command, CompareRows, Proposal
from mys3d.registry.comparing import digest_rows
from mys3d.registry.levels import obstacle
from mys3d.registry.memory import MemoryRows
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.queries import applied, incarnations, voters
from mys3d.registry.transaction import Overlay, Reader

T = TypeVar("T")

caught_up_entries: Final = 8
_first_instant: Final = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A proposal, or (with `node`) a change of the voters."""

    term: Term
    payload: bytes = b""
    node: NodeId | None = None
    votes: bool = False
    incarnation: bytes = b""


class MemoryCluster:
    """The log, the nodes over it, and what a test does to them."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Without a clock, each proposal is one millisecond after the one before it."""
        self.log: Final[list[LogEntry]] = []
        self.nodes: Final[dict[NodeId, MemoryRegistry]] = {}
        self.term = Term(1)
        self.incarnations: Final[dict[NodeId, bytes]] = {}  # of nodes that a test lets come back in another one
        self._leader: NodeId | None = None
        self._clock = clock
        self._operations_count = 0

    def registry(self, node: NodeId) -> "MemoryRegistry":
        """The registry of one node; a new node applies the log from its beginning."""
        if node not in self.nodes:
            self.nodes[node] = MemoryRegistry(self, node)
            self.nodes[node].follow()
        return self.nodes[node]

    def pause(self, node: NodeId) -> None:
        """From here on `node` applies nothing, though it hears everyone."""
        self.registry(node).is_paused = True

    def isolate(self, node: NodeId) -> None:
        """From here on `node` hears nobody."""
        self.registry(node).is_isolated = True

    def heal(self, node: NodeId) -> None:
        """Take back `pause` and `isolate`; the node catches up at once."""
        registry = self.registry(node)
        registry.is_paused = registry.is_isolated = False
        registry.follow()

    def leader(self) -> NodeId | None:
        """The leader keeps leading while it is connected to a majority of the voters."""
        voting = self._voters()
        up = [node for node in voting if not self.nodes[node].is_isolated]
        if len(up) * 2 <= len(voting):
            return None
        if self._leader not in up:
            if self._leader is not None:
                self.term = Term(self.term + 1)
            self._leader = up[0]
        return self._leader

    def append(self, entry: LogEntry) -> LogIndex:
        """Commit an entry; every node that hears applies it."""
        self.log.append(entry)
        for registry in self.nodes.values():
            registry.follow()
        return LogIndex(len(self.log))

    def proposal(self, command: Command, applied_index: LogIndex) -> Proposal:
        self._operations_count += 1
        operation = OperationId(self._operations_count.to_bytes(16, "big"))
        now = Instant(_first_instant + self._operations_count) if self._clock is None else self._clock.now()
        return Proposal(FORMAT, operation, LogIndex(applied_index + limits.operation_lifetime_entries), now, command)

    def _voters(self) -> tuple[NodeId, ...]:
        """The voters as the longest log says; before the first entry every node votes."""
        newest = max(self.nodes.values(), key=lambda registry: registry.applied_index)
        found = tuple(node for node in voters(newest.rows) if node in self.nodes)
        return found or tuple(self.nodes)


@dataclass(eq=False)
class MemoryRegistry:
    """ports.Registry of one node."""

    cluster: MemoryCluster
    node: NodeId
    rows: MemoryRows = field(default_factory=MemoryRows)
    is_paused: bool = False
    is_isolated: bool = False
    applied_index: LogIndex = field(default_factory=lambda: LogIndex(0))
    damage: Unavailable | None = None  # why it stands down; None: it does not
    _outcomes: list[Outcome | None] = field(default_factory=list)
    _listeners: list[Callable[[Sequence[AppliedEntry]], None]] = field(default_factory=list)
    _compared: list[Compared] = field(default_factory=list)
    _moved: trio.Event = field(default_factory=trio.Event)

    async def propose(self, command: Command) -> Applied:
        """Raises Rejected, Unavailable (no majority is heard), OutcomeUnknown (not applied here in time)."""
        await trio.lowlevel.checkpoint()
        self._connected()
        if why := obstacle(self.rows, command):
            raise Unavailable(why)
        proposal = self.cluster.proposal(command, self.applied_index)
        index = self.cluster.append(LogEntry(self.cluster.term, encode_proposal(proposal)))
        with trio.move_on_after(limits.propose_deadline_seconds):
            await self._until(index)
        if self.applied_index < index:
            raise OutcomeUnknown(proposal.operation)
        outcome = self._outcomes[index - 1]
        if isinstance(outcome, Rejected):
            raise Rejected(outcome.reason, outcome.detail)
        assert outcome is not None, f"entry {index} is a proposal"
        return outcome

    async def barrier(self) -> LogIndex:
        await trio.lowlevel.checkpoint()
        self._connected()
        index = LogIndex(len(self.cluster.log))
        with trio.move_on_after(limits.barrier_deadline_seconds):
            await self._until(index)
        if self.applied_index < index:
            raise Unavailable(f"node {self.node} applied {self.applied_index} of {index} entries")
        return index

    def view(self) -> Reader:
        return self.rows

    async def scan(self, query: Callable[[Reader], T]) -> T:
        await trio.lowlevel.checkpoint()
        try:
            return query(self.rows)
        except RowDamaged as error:
            raise self.distrust(error) from error

    def distrust(self, damage: RowDamaged) -> Unavailable:
        self.damage = Unavailable(str(damage))
        return self.damage

    async def prove(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.damage is not None:
            raise self.damage

    def status(self) -> RaftStatus:
        leader = None if self.is_isolated else self.cluster.leader()
        is_leader = leader == self.node
        last = LogIndex(len(self.cluster.log))
        others = self.cluster.nodes.values() if is_leader else ()
        return RaftStatus(
            term=self.cluster.term,
            leader=leader,
            voters=voters(self.rows),
            is_leader=is_leader,
            applied_index=self.applied_index,
            commit_index=self.applied_index if self.is_isolated else last,
            last_index=self.applied_index if self.is_isolated else last,
            lag={other.node: last - other.applied_index for other in others if other is not self},
            compared=tuple(self._compared[-limits.compared_kept_max :]),
            awaits_promotion=self._awaits_promotion(),
        )

    def _awaits_promotion(self) -> bool:
        own = self.cluster.incarnations.get(self.node)
        return self.node in voters(self.rows) and own not in (None, incarnations(self.rows).get(self.node))

    def subscribe(self, listener: Callable[[Sequence[AppliedEntry]], None]) -> None:
        self._listeners.append(listener)

    def on_replaced(self, listener: Callable[[], None]) -> None:
        """Nothing is ever replaced here: a node applies the whole log."""

    async def set_voter(self, node: NodeId, votes: bool) -> None:
        await trio.lowlevel.checkpoint()
        self._leading()
        self.cluster.append(
            LogEntry(self.cluster.term, b"", node, votes, self.incarnation_of(node) or b"" if votes else b"")
        )

    def incarnation_of(self, node: NodeId) -> bytes | None:
        if node not in self.cluster.nodes or not self.status().is_leader:
            return None
        return self.cluster.incarnations.get(node, incarnations(self.rows).get(node))

    def caught_up(self, node: NodeId) -> bool:
        other = self.cluster.nodes.get(node)
        if other is None or not self.status().is_leader:
            return False
        return len(self.cluster.log) - other.applied_index <= caught_up_entries

    def follow(self) -> None:
        """Apply what this node hears of the log."""
        if self.is_paused or self.is_isolated:
            return
        heard = [entry for entry in map(self._apply, self.cluster.log[self.applied_index :]) if entry is not None]
        self._moved.set()
        self._moved = trio.Event()
        for listener in self._listeners if heard else ():
            listener(heard)

    def _apply(self, entry: LogEntry) -> AppliedEntry | None:
        index = LogIndex(self.applied_index + 1)
        overlay = Overlay(self.rows)
        command, outcome = None, None
        if entry.node is None:
            command, outcome = apply_command(overlay, index, entry.term, entry.payload)
        else:
            apply_membership(overlay, index, entry.term, entry.node, entry.votes, entry.incarnation)
        self.rows.commit(overlay.writes())
        assert applied(self.rows) == (index, entry.term), f"entry {index} wrote its applied row"
        if isinstance(command, CompareRows) and isinstance(outcome, Applied):
            self._compared.append(Compared(index, *digest_rows(self.rows, command.start, command.rows_max)))
        self._outcomes.append(outcome)
        self.applied_index = index
        return AppliedEntry(index, command, outcome) if command is not None and outcome is not None else None

    async def _until(self, index: LogIndex) -> None:
        while self.applied_index < index:
            await self._moved.wait()

    def _connected(self) -> None:
        if self.damage is not None:
            raise Unavailable(str(self.damage))
        if self.is_isolated or self.cluster.leader() is None:
            raise Unavailable(f"node {self.node} hears no leader")

    def _leading(self) -> None:
        if not self.status().is_leader:
            raise Unavailable(f"node {self.node} does not lead")
