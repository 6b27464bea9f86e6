"""The replicated registry of one node.        Floor: driver. Called by: node.

`Consensus` is ports.Registry towards the flows and ports.WireListener towards the peers; `run` is its life.
Law: at start the store is at or behind the journal's end and agrees with it on the last applied term; a store ahead of
its journal refuses, untouched. One that ends before the journal begins fetches a snapshot and stands for nothing until
then. Voters come from the log and the store, never from configuration, once a journal exists.
A store found damaged ends `run`: leadership is handed over first, and this node votes and answers no more.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final, TypeVar

import structlog
import trio

from mys3d import limits
from mys3d.consensus import membership, proof, sweeping, ticker
from mys3d.consensus.anatomy import Peer
from mys3d.consensus.applier import Applier, Machine, voters_in
from mys3d.consensus.compaction import Compaction
from mys3d.consensus.comparing import Comparing
from mys3d.consensus.disk import BASE, Disk
from mys3d.consensus.identity import Life
from mys3d.consensus.install import Installer
from mys3d.consensus.journal import Journal
from mys3d.consensus.proposer import Proposer
from mys3d.consensus.raft import Answer, Raft
from mys3d.consensus.reach import Reach
from mys3d.consensus.read_index import ReadIndex
from mys3d.consensus.snapshot import Snapshots, SnapshotStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.consensus.ticker import Sync, Ticker
from mys3d.consensus.transport import RaftTransport
from mys3d.errors import Unavailable
from mys3d.model.names import LogIndex, NodeId, Term
from mys3d.ports import AppliedEntry, Clock, Entropy, RaftStatus, SnapshotOffer, Wire
from mys3d.registry.codec import RowDamaged
from mys3d.registry.commands import Command
from mys3d.registry.outcomes import Applied
from mys3d.registry.transaction import Reader

T = TypeVar("T")

log = structlog.get_logger("mys3d.consensus")

scan_threads_max: Final = 4
retry_seconds: Final = 0.02  # between two attempts at a barrier or a change of voters
voter_deadline_seconds: Final = 10.0
hand_over_seconds: Final = 0.5  # a leader that cannot write rows asks for a successor this often


class StoreAhead(Exception):
    """The store and the journal contradict each other. Nothing was changed; the text says what each of them holds."""


class Consensus:
    """One node's share of the Raft group. Construct it, wire it up, then keep `run` alive."""

    def __init__(
        self,
        node: NodeId,
        disk: Disk,
        store: SnapshotStore,
        machine: Machine,
        wire: Wire,
        clock: Clock,
        entropy: Entropy,
        initial_voters: Sequence[NodeId] = (),
        *,
        life: Life = Life(),  # noqa: B008 # frozen
        dice: Random | None = None,
        sync: Sync = ticker.in_thread,
        log_keep_entries: int = limits.log_keep_entries,
    ) -> None:
        """`initial_voters`: of a brand-new cluster, the same on each; a joiner, or a later start, needs none."""
        proof.prove()
        self.node = node
        self._store = store
        self._machine = machine
        self._clock = clock
        self._wire = wire
        self._sync = sync
        self._journal = Journal(disk, store.generation)
        applied, applied_term = machine.applied(store.reader())
        _check_store(self._journal, applied, applied_term)
        self._genesis(initial_voters, applied, life)
        self._transport = RaftTransport(node, wire)
        voters = voters_in(machine, store.reader())
        dice = Random(entropy.token(16)) if dice is None else dice
        self.raft = Raft(node, self._journal, self._transport, clock, dice, voters, life)
        self.ticker = Ticker(self.raft, clock, sync, self._after_tick, self._after_sync)
        self.reach = Reach(self.raft, clock)
        self.proposer = Proposer(
            self.raft,
            clock,
            entropy,
            machine.encode,
            self.ticker.wake,
            lambda: self.reach.is_hopeless,
            lambda operation: machine.outcome(store.reader(), operation),
        )
        self.applier = Applier(self.raft, store, machine, clock, self.proposer.settled)
        self.read_index = ReadIndex(self.raft, clock)
        self.ticker.on_hang = self.read_index.give_up
        self.ticker.is_quiet = self._is_quiet
        self.snapshots = Snapshots(store, self.raft, clock, sync)
        self.installer = Installer(self.raft, store, machine, self.applier, self.proposer)
        self._threads = trio.CapacityLimiter(scan_threads_max)
        self.comparing = Comparing(node, lambda kept: kept.enter_context(store.snapshot()), self._stand_down)
        self.applier.listeners.append(self.comparing.heard)
        self._seen_leader = (0, "")
        self._damage: StoreDamaged | None = None
        self._damaged = trio.Event()
        self._handed_over_at = 0.0
        self.raft.start(applied)
        self.compaction = Compaction(self.raft, log_keep_entries, self.snapshots.held_index)

    @property
    def is_stale(self) -> bool:
        """The store ends before the journal begins: only a snapshot of another node helps."""
        return self.raft.is_stale

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tick and apply until cancelled; the journal is closed then. Raises StoreDamaged."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._apply)
                nursery.start_soon(self.ticker.run)
                nursery.start_soon(self.ticker.beat)
                nursery.start_soon(self._end_when_damaged)
                nursery.start_soon(self.comparing.run)
                nursery.start_soon(self.compaction.run, self._store.flush, self._sync, self.ticker.wake)
                nursery.start_soon(self.installer.run, self._wire, self.ticker, self._sync)
                nursery.start_soon(self.snapshots.expire)
                nursery.start_soon(sweeping.sweep, self._store, self._sync)
                task_status.started()
        finally:
            self.proposer.close()
            self.read_index.close()
            self._journal.disk.close()

    def set_members(self, members: Iterable[NodeId]) -> None:
        """Everyone to replicate to: voters, and learners that hold the log without a vote."""
        self.raft.set_members(members)
        self.ticker.wake()

    # --- ports.Registry

    async def propose(self, command: Command) -> Applied:
        self._refuse_when_damaged()
        obstacle = self._machine.obstacle(self._store.reader(), command)
        if obstacle:
            raise Unavailable(obstacle)
        return await self.proposer.propose(command)

    async def barrier(self) -> LogIndex:
        self._refuse_when_damaged()
        until = trio.current_time() + limits.barrier_deadline_seconds
        index = await self._confirmed_index()  # at the latest when its round has failed
        if index is not None and index <= self.raft.last_applied:
            return index
        with trio.move_on_at(until):
            while index is None and not self.reach.is_hopeless:
                await trio.sleep(retry_seconds)
                index = await self._confirmed_index()
            if index is not None:
                await self.applier.wait(index)
                return index
        raise Unavailable(f"node {self.node}: no majority of the voters confirmed a leader")

    def view(self) -> Reader:
        return self._store.reader()

    async def scan(self, query: Callable[[Reader], T]) -> T:
        with self._store.snapshot() as reader:
            try:
                return await trio.to_thread.run_sync(query, reader, limiter=self._threads)
            except RowDamaged as error:
                raise self.distrust(error) from error

    def distrust(self, damage: RowDamaged) -> Unavailable:
        self._stand_down(StoreDamaged(str(damage)))
        return StoreDamaged(str(damage))

    async def prove(self) -> None:
        try:
            await trio.to_thread.run_sync(self._store.prove, limiter=self._threads)
        except StoreDamaged as error:
            self._stand_down(error)
            raise

    def status(self) -> RaftStatus:
        raft = self.raft
        return RaftStatus(
            term=Term(raft.term),
            leader=NodeId(raft.leader.id) if raft.leader is not None else None,
            voters=tuple(sorted(raft.voters_row.now())),
            is_leader=raft.is_leader(),
            applied_index=LogIndex(raft.last_applied),
            commit_index=LogIndex(raft.commit_index),
            last_index=LogIndex(raft.log.last_index),
            lag=raft.lag(),
            compared=self.comparing.found(),
            awaits_promotion=raft.awaits_promotion(),
        )

    def subscribe(self, listener: Callable[[Sequence[AppliedEntry]], None]) -> None:
        self.applier.listeners.append(listener)

    def on_replaced(self, listener: Callable[[], None]) -> None:
        self.installer.on_replaced.append(listener)

    def caught_up(self, node: NodeId) -> bool:
        return self.raft.caught_up(node)

    def incarnation_of(self, node: NodeId) -> bytes | None:
        return self.raft.heard.get(Peer(node)) or None if self.raft.is_leader() else None

    async def set_voter(self, node: NodeId, votes: bool) -> None:
        """A wish that may be repeated: Unavailable says that it was not seen fulfilled before the deadline.

        A leader that gives up its own vote hands over first and then asks its successor. A promotion names the
        incarnation that has caught up.
        """
        if not self.raft.is_leader():
            raise Unavailable(f"node {self.node} is not the leader")
        with trio.move_on_after(voter_deadline_seconds):
            while not self._is_settled(node, votes):
                if node == self.node and not votes and self.raft.is_leader():
                    self.raft.hand_over()
                else:
                    incarnation = self.raft.heard.get(Peer(node), b"") if votes else b""
                    self.raft.submit(membership.encode_change(node, votes, incarnation), _ignore)
                self.ticker.wake()
                await trio.sleep(retry_seconds)
            return
        raise Unavailable(f"node {node} was not seen to become {'a voter' if votes else 'a learner'} in time")

    async def hand_over(self) -> bool:
        """Before a planned stop: pass leadership on. True when this node does not lead any more."""
        with trio.move_on_after(limits.barrier_deadline_seconds):
            while self.raft.is_leader() and self.raft.voters & self.raft.connected:
                self.raft.hand_over()
                self.ticker.wake()
                await trio.sleep(retry_seconds)
        return not self.raft.is_leader()

    # --- ports.WireListener

    def on_frame(self, node: NodeId, frame: bytes) -> None:
        self.ticker.hear(node, frame)

    def on_connected(self, node: NodeId) -> None:
        self.ticker.hear(node, ticker.OPENED)

    def on_disconnected(self, node: NodeId) -> None:
        self.ticker.hear(node, ticker.CLOSED)

    async def on_open_snapshot(self, since: LogIndex) -> SnapshotOffer:
        return await self.snapshots.open(since)

    async def on_snapshot_piece(self, snapshot: int, file: int, start: int, stop: int) -> bytes:
        return await self.snapshots.piece(snapshot, file, start, stop)

    # --- inside

    async def _apply(self) -> None:
        try:
            await self.applier.run()
        except StoreDamaged as error:
            self._stand_down(error)

    def _stand_down(self, damage: Unavailable) -> None:
        """From here on nothing is proposed or answered, and `run` ends as soon as another node leads."""
        if self._damage is None:
            self._damage = StoreDamaged(str(damage))
            self.raft.is_stalled = True
            self._damaged.set()
            log.error("this node stands down", node=self.node, why=str(damage))

    async def _end_when_damaged(self) -> None:
        await self._damaged.wait()
        with trio.move_on_after(limits.store_hand_over_seconds):
            await self.hand_over()
        self._refuse_when_damaged()

    def _refuse_when_damaged(self) -> None:
        if self._damage is not None:
            raise StoreDamaged(str(self._damage))

    def _genesis(self, initial_voters: Sequence[NodeId], applied: LogIndex, life: Life) -> None:
        """A brand-new journal begins with its voters as ordinary entries, the same on each of them.

        A founder knows in which incarnation it votes; of several initial voters nobody knows the others'.
        """
        journal = self._journal
        is_new = journal.last_index == BASE[1] and applied <= BASE[1]
        if not is_new or not initial_voters:
            return
        for node in sorted(initial_voters):
            incarnation = life.incarnation if list(initial_voters) == [self.node] else b""
            journal.add(membership.encode_change(node, True, incarnation), journal.last_index + 1, 0)
        work = journal.take()
        journal.disk.write(work)
        journal.wrote(work)

    async def _confirmed_index(self) -> LogIndex | None:
        if self.read_index.is_idle:
            self.ticker.wake()
        return await self.read_index.confirmed()

    def _is_settled(self, node: NodeId, votes: bool) -> bool:
        row = self.raft.voters_row
        return (node in row.applied) == votes and not any(change[1] == node for change in row.changes)

    def _after_tick(self) -> None:
        self.reach.look()
        self.read_index.pump()
        self.proposer.pump()
        self.applier.wake()
        self.compaction.look()
        self.installer.look()
        self._note_leader()
        self._look_after_store()

    def _is_quiet(self) -> bool:
        """A leader is known and within reach, and nobody waits for an outcome or an index."""
        raft = self.raft
        is_led = raft.is_leader() or raft.leader_in_reach() is not None
        return is_led and self.proposer.is_idle and self.read_index.is_idle

    def _note_leader(self) -> None:
        """Leave a trace of every change of leader: the first thing an operator looks for after an outage."""
        raft = self.raft
        if raft.leader is not None and (raft.term, raft.leader.id) != self._seen_leader:
            self._seen_leader = (raft.term, raft.leader.id)
            log.info("leader", node=self.node, term=raft.term, leader=raft.leader.id, last_index=raft.log.last_index)

    def _look_after_store(self) -> None:
        """Damage may have been found by any reader, in any thread. A leader that cannot write rows hands over."""
        if self._damage is None and self._store.damage is not None:
            self._stand_down(self._store.damage)
        now = self._clock.monotonic()
        if self.raft.is_stalled and self.raft.is_leader() and now - self._handed_over_at >= hand_over_seconds:
            self._handed_over_at = now
            self.raft.hand_over()

    def _after_sync(self) -> None:
        self.applier.wake()


def _check_store(journal: Journal, applied: LogIndex, term: Term) -> None:
    """Refuse when the journal cannot continue what the store holds, and no snapshot may take its place."""
    held = f"the journal holds entries {journal.first_index + 1} to {journal.last_index}"
    if applied > journal.last_index:
        raise StoreAhead(f"the store has applied entry {applied}, but {held}: entries were lost from the journal")
    if applied > 0 and applied >= journal.first_index:
        found = journal[applied - journal.first_index][2]
        if found != term:
            raise StoreAhead(
                f"the store applied entry {applied} in term {term}, but the journal has it in term {found}"
            )


def _ignore(answer: Answer) -> None:
    """A wish is submitted again until it is seen fulfilled."""
