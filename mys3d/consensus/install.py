"""A snapshot takes the place of the rows.        Floor: driver. Called by: consensus.

A follower whose next entry is gone, or whose store was lost, fetches a copy and installs it between two cycles.
Law: each step is on disk before the next: the new generation whole -> the note in the journal -> the generation counts
-> the journal begins behind it -> the note is gone. A crash between any two is finished or undone by the next start.
The log above the snapshot stays when it agrees with it, and then the journal is not touched at all.
Source: Ongaro 2014, chapter 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.consensus.applier import Applier, Machine, voters_in
from mys3d.consensus.disk import FULL
from mys3d.consensus.marker import Install
from mys3d.consensus.proposer import Proposer
from mys3d.consensus.raft import Raft
from mys3d.consensus.snapshot import Received, SnapshotStore, SnapshotUnusable, fetch
from mys3d.consensus.ticker import Sync, Ticker
from mys3d.errors import Damaged, Unavailable
from mys3d.model.names import LogIndex, NodeId, Term
from mys3d.ports import Wire

log = structlog.get_logger("mys3d.consensus")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an install does to the disks, in order; each step is durable when it returns."""

    received: Received
    index: LogIndex
    term: Term
    keeps_log: bool  # the log agrees with the snapshot, so the entries above it stay
    steps: tuple[Callable[[], None], ...]
    once_count: int  # the first so many write the log: they are not repeated when they fail


class Installer:
    """Fetches when the log cannot go on by itself, and installs what was fetched."""

    def __init__(
        self, raft: Raft, store: SnapshotStore, machine: Machine, applier: Applier, proposer: Proposer
    ) -> None:
        self.on_replaced: Final[list[Callable[[], None]]] = []
        self.installs_count = 0
        self._raft: Final = raft
        self._store: Final = store
        self._machine: Final = machine
        self._applier: Final = applier
        self._proposer: Final = proposer
        self._wanted = trio.Event()
        self._attempts_count = 0

    def look(self) -> None:
        """After each tick: is a snapshot needed?"""
        if self._is_needed():
            self._wanted.set()

    async def run(self, wire: Wire, ticker: Ticker, sync: Sync) -> None:
        """Fetch and install whenever it is needed, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            source = self._source()
            if self._is_needed() and source is not None:
                try:
                    await self._bring(source, wire, ticker, sync)
                except (Unavailable, Damaged, SnapshotUnusable, OSError) as error:
                    log.warning("no snapshot was installed", node=self._raft.node_id, source=source, why=str(error))
            await trio.sleep(limits.snapshot_rest_seconds)

    async def _bring(self, source: NodeId, wire: Wire, ticker: Ticker, sync: Sync) -> None:
        began = trio.current_time()
        received = await fetch(wire, source, self._store, sync, self._first_usable())
        done = list[Plan]()

        async def install() -> None:
            plan = self.begin(received)
            if plan is None:
                return
            for number, step in enumerate(plan.steps):
                await (sync(step) if number < plan.once_count else self._taken(step, sync))
            self.end(plan)
            done.append(plan)

        await ticker.between_cycles(install)
        if not done:
            await sync(received.abandon)
            raise SnapshotUnusable(f"the snapshot of node {source} is not what this node lacks")
        seconds = round(trio.current_time() - began, 3)
        log.info("snapshot installed", node=self._raft.node_id, source=source, index=done[0].index, seconds=seconds)

    async def _taken(self, step: Callable[[], None], sync: Sync) -> None:
        """Take a step that may be repeated, as soon as the disk has room for it."""
        while True:
            try:
                return await sync(step)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                log.error("a snapshot waits for free space", node=self._raft.node_id, why=str(error))
            await trio.sleep(limits.snapshot_rest_seconds)

    def begin(self, received: Received) -> Plan | None:
        """Decide what to do with a snapshot, between two cycles. None: nothing, it would lead nowhere.

        From here to `end` nothing is applied, received or sent. A step waits for a full disk; any other fault in it
        ends the node, and its next life finishes or undoes the install.
        """
        raft, journal = self._raft, self._raft.log
        index, term = self._machine.applied(received.reader)
        if not self._is_needed() or index < self._first_usable():
            return None
        if term > raft.term:
            raft.step_down(term)
        raft.become_follower()
        raft.is_installing = True
        steps = list[Callable[[], None]]()
        if journal.is_dirty:
            work = journal.take()
            steps.append(partial(journal.disk.write, work))
            steps.append(partial(journal.wrote, work))
        once_count = len(steps)
        keeps_log = index <= journal.last_index and raft.term_at(index) == term
        if keeps_log:
            steps.append(partial(self._store.switch, received.generation))
        else:
            assert raft.commit_index < index, f"entry {raft.commit_index} is committed and {index} of it is another"
            steps += self._resetting(Install(index, term, received.generation))
        return Plan(received, index, term, keeps_log, tuple(steps), once_count)

    def _resetting(self, install: Install) -> list[Callable[[], None]]:
        disk = self._raft.log.disk
        return [
            partial(disk.mark, install),
            partial(self._store.switch, install.generation),
            partial(disk.reset, install.index, install.term),
            disk.unmark,
        ]

    def end(self, plan: Plan) -> None:
        """Everything is on disk: show the new rows, and tell everybody who relied on the old ones."""
        raft = self._raft
        self._store.adopt(plan.received.generation)
        if not plan.keeps_log:
            raft.log.reset(plan.index, plan.term)
        reader = self._store.reader()
        raft.installed(plan.index, voters_in(self._machine, reader))
        self.installs_count += 1
        self._proposer.replaced(plan.index)
        self._applier.wake_waiting()
        for listener in self.on_replaced:
            listener()

    def _is_needed(self) -> bool:
        return not self._raft.is_leader() and (self._raft.is_stale or self._raft.needs_snapshot)

    def _first_usable(self) -> LogIndex:
        """A copy of an earlier entry would take rows away, or leave a gap before the log."""
        return LogIndex(max(self._raft.last_applied + 1, self._raft.log.first_index))

    def _source(self) -> NodeId | None:
        """The leader, and every other time anybody else: without a leader another member's registry helps as well."""
        raft = self._raft
        nodes = sorted(NodeId(node.id) for node in raft.connected)
        self._attempts_count += 1
        leader = raft.leader_in_reach()
        if leader is not None and self._attempts_count % 2:
            return NodeId(leader.id)
        return nodes[self._attempts_count // 2 % len(nodes)] if nodes else None
