"""Linearizable reads on any node.        Floor: driver. Called by: consensus, ticker (after each tick).

A round: the leader notes its commit index, then asks as many voters as make a majority with it whether they know a
higher term; with a majority behind it the index covers everything acknowledged before the round began. Those that
answered first last time are asked, the others when they keep it waiting. Other nodes ask the leader for a round.
Law: whoever arrives during a round waits for the next one; a leader starts none before an entry of its own term is
committed. No clocks are trusted. Source: Ongaro 2014, section 6.4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import trio
from pysyncobj.node import Node

from mys3d.consensus.messages import Confirm, Confirmed, ReadReply, ReadRequest
from mys3d.consensus.raft import Raft
from mys3d.model.names import LogIndex, NodeId
from mys3d.ports import Clock

round_seconds_max: Final = 1.0  # then the round has failed and whoever waits may ask for another
patience_seconds: Final = 0.02  # a voter that does not answer within this is not waited for alone

Hear = Callable[[LogIndex | None], None]  # None: not confirmed


@dataclass(slots=True)
class _Round:
    id: int
    term: int
    leader: Node | None
    index: LogIndex
    started: float
    waiting: list[Hear]
    confirmed: set[Node] = field(default_factory=set)
    unasked: list[Node] = field(default_factory=list)  # voters that are asked when the others take long


class _Waiter:
    """A task of this node that waits for the end of a round."""

    __slots__ = ("_task", "index")

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = trio.lowlevel.current_task()  # None: it waits no more
        self.index: LogIndex | None = None

    def hear(self, index: LogIndex | None) -> None:
        if self._task is not None:
            self.index = index
            trio.lowlevel.reschedule(self._task)
            self._task = None

    def leave(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class ReadIndex:
    """The barrier's rounds: at most one is under way."""

    def __init__(self, raft: Raft, clock: Clock) -> None:
        self._raft = raft
        self._clock = clock
        self._waiting: list[Hear] = []
        self._round: _Round | None = None
        self._quick: list[Node] = []  # voters, the quickest of late first
        self._is_closed = False
        self._last_id = raft.request_counter  # random at start: answers to an earlier life match nothing
        raft.routes[ReadRequest] = self._on_request
        raft.routes[ReadReply] = self._on_reply
        raft.routes[Confirm] = self._on_confirm
        raft.routes[Confirmed] = self._on_confirmed

    def ask(self, hear: Hear) -> None:
        """Have `hear` called with the index of a round that begins after this call."""
        self._waiting.append(hear)

    async def confirmed(self) -> LogIndex | None:
        """Wait for a round that begins after this call, and return its index; None: it failed, or nobody ticks."""
        if self._is_closed:
            await trio.lowlevel.checkpoint()
            return None
        waiter = _Waiter()
        self._waiting.append(waiter.hear)
        await trio.lowlevel.wait_task_rescheduled(waiter.leave)
        return waiter.index

    def give_up(self) -> None:
        """Nobody ticks for now, so no round can end by itself: tell everybody who waits."""
        if self._round is not None:
            self._end(self._round, None)
        waiting, self._waiting = self._waiting, []
        for hear in waiting:
            hear(None)

    def close(self) -> None:
        """Nobody will tick any more."""
        self._is_closed = True
        self.give_up()

    @property
    def is_idle(self) -> bool:
        return self._round is None

    def pump(self) -> None:
        """End a round that has failed, begin the next one. Called after each tick."""
        current, raft = self._round, self._raft
        if current is not None:
            is_same = current.term == raft.term and current.leader == raft.leader
            age = self._clock.monotonic() - current.started
            if is_same and age < round_seconds_max:
                if current.unasked and age >= patience_seconds:
                    self._confirm(current, current.unasked)
                    current.unasked = []
                return
            self._end(current, None)
        if self._waiting:
            self._begin()

    def _begin(self) -> None:
        raft = self._raft
        self._last_id += 1
        waiting, self._waiting = self._waiting, []
        current = _Round(
            self._last_id, raft.term, raft.leader, LogIndex(raft.commit_index), self._clock.monotonic(), waiting
        )
        self._round = current
        if raft.is_leader():
            self._begin_as_leader(current)
        elif (leader := raft.leader_in_reach()) is None:
            self._end(current, None)
        else:
            raft.transport.send(leader, ReadRequest(current.id))

    def _begin_as_leader(self, current: _Round) -> None:
        raft = self._raft
        if raft.noop_index is None or raft.commit_index < raft.noop_index:
            self._end(current, None)
            return
        if len(self._quick) != len(raft.voters) or not raft.voters.issuperset(self._quick):
            self._quick = sorted(raft.voters, key=lambda node: str(node.id))
        ordered = sorted(self._quick, key=lambda node: node not in raft.connected)
        needed = (len(raft.voters) + 1) // 2  # with this node a majority
        current.unasked = ordered[needed:]
        self._confirm(current, ordered[:needed])
        self._count(current)

    def _confirm(self, current: _Round, nodes: list[Node]) -> None:
        raft = self._raft
        for node in nodes:
            raft.transport.send(node, Confirm(current.id, raft.term, *raft.addressee(NodeId(node.id))))

    def _count(self, current: _Round) -> None:
        if (len(current.confirmed) + 1) * 2 > len(self._raft.voters) + 1:
            self._end(current, current.index)

    def _end(self, current: _Round, index: LogIndex | None) -> None:
        self._round = None
        for hear in current.waiting:
            hear(index)

    def _on_request(self, node: Node, message: ReadRequest) -> None:
        reply, send = message.id, self._raft.transport.send
        self.ask(lambda index: _answer(send, node, reply, index))

    def _on_reply(self, node: Node, message: ReadReply) -> None:
        current = self._round
        if current is not None and message.id == current.id and node == current.leader:
            self._end(current, None if message.index is None else LogIndex(message.index))

    def _on_confirm(self, node: Node, message: Confirm) -> None:
        if self._raft.term <= message.term and self._raft.is_meant(message.incarnation, message.is_pair):
            self._raft.transport.send(node, Confirmed(message.id))

    def _on_confirmed(self, node: Node, message: Confirmed) -> None:
        current, raft = self._round, self._raft
        if current is None or message.id != current.id or node not in raft.voters:
            return
        if raft.is_leader() and raft.term == current.term:
            current.confirmed.add(node)
            if node in self._quick[1:]:
                self._quick.remove(node)
                self._quick.insert(0, node)
            self._count(current)


def _answer(send: Callable[[Node, ReadReply], bool], node: Node, request: int, index: LogIndex | None) -> None:
    send(node, ReadReply(request, index))
