"""The Raft engine of one node: SyncObj with every unsafe part replaced.        Floor: driver. Called by: consensus.

Law: `receive` and `tick` are called on the loop, never during a journal sync; they only queue messages and journal
records. Entries above `ready_index` are not applied: they are not committed, or not on our own disk yet.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

from pysyncobj.node import Node

from mys3d import limits
from mys3d.consensus import membership, messages
from mys3d.consensus.anatomy import Peer, batch_bytes, queue_commands_max
from mys3d.consensus.disk import BASE
from mys3d.consensus.identity import Identity, Life
from mys3d.consensus.journal import Journal
from mys3d.consensus.membership import Voters
from mys3d.consensus.messages import Entry, Forward, ForwardReply
from mys3d.consensus.transport import RaftTransport
from mys3d.model.names import NodeId
from mys3d.ports import Clock

drain_commands_max: Final = 1000  # appended in one tick
awaiting_max: Final = queue_commands_max  # forwarded commands that the leader has not answered
caught_up_entries: Final = 64  # a learner this close to the end of the log may vote


class Answer(enum.IntEnum):
    """What became of a submitted command. APPENDED and LOST decide nothing; the others: certainly not in the log."""

    APPENDED = 0
    LOST = 1  # the leader it was sent to is gone
    QUEUE_FULL = 2
    NO_LEADER = 3
    NOT_LEADER = 4
    DENIED = 5
    CLOCK_SKEW = 6


_answers: Final = frozenset(Answer)
Hear = Callable[[Answer], None]
Origin = Hear | tuple[Node, int]  # a caller on this node, or the node that forwarded and its request number


class Raft(Identity):
    """One voter or learner."""

    def __init__(
        self,
        node: NodeId,
        journal: Journal,
        transport: RaftTransport,
        clock: Clock,
        dice: Random,
        voters: Voters,
        life: Life,
    ) -> None:
        self.incarnation, self.is_reborn = life.incarnation, life.is_reborn
        self.heard = {}
        transport.addressee = self.addressee
        self.probing = set()
        self.in_flight = {}
        self._probed = {}
        self._counted = set()
        self._queue: deque[tuple[bytes, Origin]] = deque()
        self._queue_bytes = 0
        self._awaiting: dict[int, Hear] = {}
        self._forwards: list[tuple[int, bytes]] = []  # of this tick, for the leader
        self._replies: dict[Node, list[tuple[int, int]]] = {}  # of this tick, for those who forwarded
        self._clock = clock
        self._seen_commit = 0
        self.is_stalled = False  # True: this node cannot write rows, so it takes no proposals
        self.is_stale = False
        self.is_installing = False
        self.on_voters_changed: Callable[[], None] = lambda: None
        self.voters_row = voters
        super().__init__(node, journal, transport, clock.monotonic, dice)
        self.routes: dict[type, Callable[[Node, Any], None]] = {
            messages.AppendEntries: self.on_append_entries,
            messages.AppendReply: self.on_append_reply,
            messages.RequestVote: self.on_request_vote,
            messages.Vote: self.on_vote,
            messages.PreVote: self.on_pre_vote,
            messages.PreVoteGranted: self.on_pre_vote_granted,
            messages.HigherTerm: lambda _, message: self.on_higher_term(message),
            messages.TimeoutNow: self.on_timeout_now,
            messages.Rejoin: self.on_rejoin,
            Forward: self._on_forward,
            ForwardReply: self._on_forward_reply,
        }

    def start(self, applied: int) -> None:
        """Adopt the store's applied index and the voters of the log above it.

        A store that ends before the log begins cannot apply it, and who votes is not known: until a snapshot is
        installed this node follows, stores and acknowledges, but does not stand.
        """
        first = self.log.first_index
        self.is_stale = applied < first and first > BASE[1]
        self.last_applied = applied if self.is_stale else max(applied, first)
        self.commit_index = max(applied, first)
        self._seen_commit = self.commit_index
        self._follow_log()
        if self.self_node is not None and not self.voters:
            self.election_deadline = -1.0  # alone: nobody else can be the leader

    def installed(self, index: int, voters: Voters) -> None:
        """The store holds a snapshot up to `index`, and the log follows it."""
        assert self.log.first_index <= index <= self.log.last_index
        self.is_stale = self.needs_snapshot = self.is_installing = False
        self.last_applied = index
        self.commit_index = max(self.commit_index, index)
        self._seen_commit = self.commit_index
        self.voters_row = voters
        self._follow_log()

    def _follow_log(self) -> None:
        """Take the voters of the log above the applied entry into account."""
        for entry in self.log.between(max(self.last_applied, self.log.first_index) + 1, self.log.last_index + 1):
            self.voters_row.added(entry)
        self.reconfigure()

    # --- entrances

    def receive(self, node: NodeId, message: messages.Message) -> None:
        """Handle one message of a known node."""
        self.enter()
        self.routes[type(message)](Peer(node), message)

    def tick(self) -> None:
        self.enter()
        self.tick_election()
        self._onTick(0.0)
        self.after_stock_tick()

    def lane_opened(self, node: NodeId) -> None:
        peer = Peer(node)
        if peer in self.voters or peer in self.learners:
            self.connected.add(peer)
            self.on_reconnected(peer)

    def lane_closed(self, node: NodeId) -> None:
        self.enter()
        peer = Peer(node)
        self.connected.discard(peer)
        self.on_lane_lost(peer)

    def submit(self, command: bytes, hear: Hear) -> None:
        """Queue a command for the log, here or at the leader. `hear` is called on the loop, perhaps before return."""
        if self._is_queue_full(command):
            hear(Answer.QUEUE_FULL)
            return
        self._enqueue(command, hear)

    # --- what the applier and the ticker ask

    # Methods, not properties: SyncObj's constructor reads every attribute of its class before there is a state.

    def ready_index(self) -> int:
        """The last entry that may be applied."""
        if self.is_stale or self.is_installing:
            return self.last_applied
        return min(self.commit_index, self.log.durable_index)

    def applied(self, index: int) -> None:
        self.last_applied = index
        self.voters_row.settle(index)

    def has_more_to_do(self) -> bool:
        """True when another tick would move something at once."""
        if self._queue or (self.is_send_due and self.is_leader()):
            return True
        return self.is_leader() and not self.voters and self.commit_index < self.log.durable_index

    def leader_in_reach(self) -> Node | None:
        """The other node that leads, as far as is known here, if it is connected."""
        return self.leader if self.leader is not None and self.leader in self.connected else None

    def is_log_full(self) -> bool:
        """Nothing may be appended before something is applied: the memory of the log is bounded."""
        log = self.log
        return len(log) >= limits.log_entries_max or log.entries_bytes >= limits.log_bytes_max

    def caught_up(self, node: NodeId) -> bool:
        match = self.match_index.get(Peer(node), 0)
        return self.is_leader() and match >= self.log.first_index and match + caught_up_entries >= self.log.last_index

    def lag(self) -> dict[NodeId, int]:
        if not self.is_leader():
            return {}
        last = self.log.last_index
        return {NodeId(node.id): last - match for node, match in self.match_index.items()}

    # --- voters and members

    def set_members(self, members: Iterable[NodeId]) -> None:
        self.transport.members = frozenset(members)
        self.reconfigure()

    def membership_added(self, entry: Entry) -> None:
        if self.voters_row.added(entry):
            self.reconfigure()

    def membership_cut(self, index: int) -> None:
        if self.voters_row.cut(index):
            self.reconfigure()

    def reconfigure(self) -> None:
        """Bring voters, learners and what is known of each in line with the log and the members."""
        names = self.voters_row.now()
        voters = {Peer(name) for name in names if name != self.node_id}
        learners = {Peer(name) for name in self.transport.members if name != self.node_id} - voters
        for node in self.voters - voters:
            self.transport.dropNode(node)
        for node in voters - self.voters:
            self.transport.addNode(node)
            self.last_response[node] = self._now()
        for node in (voters | learners) - self.match_index.keys():
            self.next_index[node] = self.log.last_index + 1
            self.match_index[node] = 0
            self.probe(node)
        for node in self.match_index.keys() - (voters | learners):
            del self.match_index[node], self.next_index[node], self.in_flight[node]
            self.heard.pop(node, None)
            self.probing.discard(node)
        self.voters, self.learners = voters, learners
        self.connected = {node for node in voters | learners if self.transport.connected(node.id)}
        self.self_node = Peer(self.node_id) if self.is_voter() and not self.is_stale else None
        self.is_send_due = True
        self.on_voters_changed()

    def _is_change_allowed(self, command: bytes) -> bool:
        """One change at a time, behind an applied entry of this term; a leader does not take its own vote."""
        node, votes, incarnation = membership.decode_change(command)
        if self.voters_row.changes or self.noop_index is None or self.last_applied < self.noop_index:
            return False
        if (node in self.voters_row.now()) == votes or not self.may_change(node, votes, incarnation):
            return False
        return self.caught_up(node) if votes else node != self.node_id

    # --- the command queue

    def _checkCommandsToApply(self) -> None:  # noqa: N802 # stock name
        appended = False
        for _ in range(min(len(self._queue), drain_commands_max)):
            command, origin = self._queue.popleft()
            self._queue_bytes -= len(command)
            if self.is_leader():
                answer = self._append(command) if not self.is_log_full() else Answer.QUEUE_FULL
                appended = appended or answer is Answer.APPENDED
                self._answer(origin, answer)
            elif isinstance(origin, tuple):
                self._answer(origin, Answer.NOT_LEADER)
            elif self.leader_in_reach() is None:
                origin(Answer.NO_LEADER)
            else:
                self._forward(command, origin)
        self._send_forwards()
        self._send_replies()
        if self.is_leader() and (appended or self.is_send_due):
            self._SyncObj__sendAppendEntries()

    def _is_queue_full(self, command: bytes) -> bool:
        is_heavy = self._queue_bytes + len(command) > limits.proposals_bytes_max
        return self.is_stalled or is_heavy or len(self._queue) >= queue_commands_max

    def _enqueue(self, command: bytes, origin: Origin) -> None:
        self._queue.append((command, origin))
        self._queue_bytes += len(command)

    def _append(self, command: bytes) -> Answer:
        if command[0] == membership.MEMBERSHIP and not self._is_change_allowed(command):
            return Answer.DENIED
        entry = (command, self.log.last_index + 1, self.term)
        self.log.add(*entry)
        self.membership_added(entry)
        return Answer.APPENDED

    def _forward(self, command: bytes, hear: Hear) -> None:
        self.request_counter += 1
        self._awaiting[self.request_counter] = hear
        if len(self._awaiting) > awaiting_max:  # the oldest answers were lost on their way
            self._awaiting.pop(next(iter(self._awaiting)))(Answer.LOST)
        self._forwards.append((self.request_counter, command))

    def _send_forwards(self) -> None:
        """One frame for the commands of this tick, more when they would not fit."""
        forwards, self._forwards = self._forwards, []
        while forwards and self.leader is not None:
            count, size = 0, 0
            while count < len(forwards) and size < batch_bytes:
                size += len(forwards[count][1])
                count += 1
            self.transport.send(self.leader, Forward(self._clock.now(), tuple(forwards[:count])))
            del forwards[:count]

    def _answer(self, origin: Origin, answer: Answer) -> None:
        if isinstance(origin, tuple):
            self._replies.setdefault(origin[0], []).append((origin[1], answer))
        else:
            origin(answer)

    def _send_replies(self) -> None:
        for node, answers in self._replies.items():
            self.transport.send(node, ForwardReply(tuple(answers)))
        self._replies = {}

    def _on_forward(self, node: Node, message: Forward) -> None:
        is_skewed = abs(message.now - self._clock.now()) > limits.clock_skew_max_ms
        for request, command in message.commands:
            if is_skewed:
                self._answer((node, request), Answer.CLOCK_SKEW)
            elif len(command) < 2 or command[0] == membership.NO_OP or not membership.is_sound(command):
                self._answer((node, request), Answer.DENIED)
            elif self._is_queue_full(command):
                self._answer((node, request), Answer.QUEUE_FULL)
            else:
                self._enqueue(command, (node, request))

    def _on_forward_reply(self, node: Node, message: ForwardReply) -> None:
        for request, error in message.answers:
            hear = self._awaiting.pop(request, None)
            if hear is not None:
                hear(Answer(error) if error in _answers else Answer.LOST)

    def _SyncObj__onLeaderChanged(self) -> None:  # noqa: N802 # stock name
        awaiting, self._awaiting = self._awaiting, {}
        for hear in awaiting.values():
            hear(Answer.LOST)

    # --- stock duties that are done elsewhere

    def _SyncObj__applyLogEntries(self) -> bool:  # noqa: N802 # stock name
        """Called by the stock tick after it moved the commit index: tell the followers. Applying is the applier's."""
        if self.commit_index > self._seen_commit:
            self._seen_commit = self.commit_index
            self.is_send_due = True
        return False

    def _SyncObj__tryLogCompaction(self) -> None:  # noqa: N802 # stock name
        """Compaction is compaction.py's."""

    def _SyncObj__setCurrentTerm(self, term: int, vote: str | None) -> None:  # noqa: N802 # stock name
        if term != self.term:
            self._counted = set()
        self._pre_votes = None  # asked for another term, or before this node gave its vote away
        super()._SyncObj__setCurrentTerm(term, vote)
