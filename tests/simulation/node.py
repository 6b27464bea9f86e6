"""One simulated node: real consensus and engine on disks and links that fail.        Floor: tests. Called by: run.

Law: everything that lives in memory is built anew by every start; only the disks and the identity survive a crash.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

import trio

from mys3d.consensus.consensus import Consensus
from mys3d.consensus.machine import MACHINE
from mys3d.engine.budget import BufferBudget
from mys3d.engine.membership import Membership
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.engine.service import Service
from mys3d.model.names import Instant, LogIndex, NodeId
from mys3d.ports import AppliedEntry, Clock, Entropy, Ports
from mys3d.registry import queries
from mys3d.registry.transaction import Reader
from tests.simulation.disk import SimulatedBlobs, SimulatedJournal, SimulatedRows
from tests.simulation.network import Endpoint, Link, Network

T = TypeVar("T")

EPOCH_MS = 1_700_000_000_000  # the wall clock at virtual second 0


class VirtualClock:
    """Both clocks follow the virtual time of the run."""

    def now(self) -> Instant:
        return Instant(EPOCH_MS + int(trio.current_time() * 1000))

    def monotonic(self) -> float:
        return trio.current_time()


class SeededEntropy:
    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def token(self, size: int) -> bytes:
        return self._dice.randbytes(size)


class LoopRegistry:
    """The consensus, but scans run on the loop: threads have no order that a seed could repeat."""

    def __init__(self, consensus: Consensus, rows: SimulatedRows) -> None:
        self._rows = rows
        self.propose = consensus.propose
        self.barrier = consensus.barrier
        self.view = consensus.view
        self.status = consensus.status
        self.subscribe = consensus.subscribe
        self.set_voter = consensus.set_voter
        self.caught_up = consensus.caught_up

    async def scan(self, query: Callable[[Reader], T]) -> T:
        await trio.lowlevel.checkpoint()
        with self._rows.snapshot() as reader:
            return query(reader)


@dataclass(eq=False)
class SimulatedNode:
    """A node through all its lives. `ports` is None while it is down."""

    id: NodeId
    network: Network
    dice: Random
    lies: frozenset[str] = frozenset()  # planted bugs: "journal", "blobs"
    founders: tuple[NodeId, ...] = ()  # the voters of a brand-new cluster; empty for a node that joins
    seeds: tuple[NodeId, ...] = ()  # members it knows from its join, as an identity file would
    ports: Ports | None = None
    lives_count: int = 0
    journal: SimulatedJournal = field(init=False)
    rows: SimulatedRows = field(init=False)
    blobs: SimulatedBlobs = field(init=False)
    budget: BufferBudget = field(default_factory=BufferBudget)
    _scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    _requests: set[trio.CancelScope] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.journal = SimulatedJournal(self.dice, lies="journal" in self.lies)
        self.rows = SimulatedRows(self.dice)
        self.blobs = SimulatedBlobs(self.dice, lies="blobs" in self.lies)

    async def live(self) -> None:
        """One life, from start to crash. Returns when it was crashed."""
        clock: Clock = VirtualClock()
        entropy: Entropy = SeededEntropy(self.dice)
        link = Link(self.network, self.id)
        consensus = Consensus(
            self.id, self.journal, self.rows, MACHINE, link, clock, entropy, self.founders,
            dice=Random(self.dice.random()), sync=self.journal.sync,
        )  # fmt: skip
        bare = Ports(self.id, LoopRegistry(consensus, self.rows), self.blobs, link, clock, entropy)
        missing = MissingCopies(bare)
        ports = replace(bare, repairs=missing)
        self._follow_members(consensus)
        self.lives_count += 1
        async with trio.open_nursery() as nursery:
            self._scope = nursery.cancel_scope
            nursery.start_soon(consensus.run)
            nursery.start_soon(missing.run)
            nursery.start_soon(Membership(ports, missing).run)
            self.network.start(
                self.id, Endpoint(Service(ports, missing, Scrub(ports, _load_note, _save_note)), consensus, nursery)
            )
            self.ports, self.budget = ports, BufferBudget()
        self.journal.crash()
        self.rows.crash()
        self.blobs.crash()

    def crash(self) -> None:
        """Stop at this instant: nothing leaves the node any more, and `live` ends with disks that forgot."""
        if self.ports is None:
            return
        self.ports = None
        self.network.stop(self.id)
        self._scope.cancel()
        for request in list(self._requests):
            request.cancel()

    async def handle(self, request: Callable[[Ports, BufferBudget], Awaitable[None]]) -> bool:
        """Run a client's request in this node. False: it crashed meanwhile, or is down."""
        if self.ports is None:
            return False
        with trio.CancelScope() as scope:
            self._requests.add(scope)
            try:
                await request(self.ports, self.budget)
            finally:
                self._requests.discard(scope)
        return not scope.cancelled_caught

    def applied(self) -> LogIndex:
        return queries.applied(self.rows.reader())[0]

    def _follow_members(self, consensus: Consensus) -> None:
        """Replicate to the members of the registry, or to those known from the join before it has any."""

        def follow(_entries: Sequence[AppliedEntry] = ()) -> None:
            members = tuple(member.id for member in queries.members(self.rows.reader()))
            consensus.set_members(members or self.seeds)

        consensus.subscribe(follow)
        follow()


async def _load_note() -> bytes | None:
    await trio.lowlevel.checkpoint()
    return None


async def _save_note(_text: bytes) -> None:
    await trio.lowlevel.checkpoint()
