"""Who leads: pre-votes, votes, stepping down, handing over.        Floor: driver. Called by: raft (by inheritance).

Law: a term is raised only by a candidate that a majority would vote for (or that the leader named), each voter is
counted once, and a node that hears of a higher term follows. A learner never stands and is never counted; but who is
asked for a vote in its own name decides by the logs alone: the entry that made it a voter may not have reached it yet.
Source: Ongaro 2014, sections 3.4 and 9.6."""

from typing import Final

from pysyncobj.node import Node

from mys3d.consensus.anatomy import CANDIDATE, FOLLOWER, LEADER, election_seconds_min
from mys3d.consensus.append import Replication
from mys3d.consensus.messages import AppendEntries, HigherTerm, PreVote, PreVoteGranted, RequestVote, TimeoutNow, Vote
from mys3d.model.names import NodeId

# After the leader's lane broke: soon enough for a short outage, spread so that two followers rarely collide.
quick_seconds_min: Final = 0.05
quick_seconds_max: Final = 0.3


class Election(Replication):
    """SyncObj's elections behind a pre-vote, with each vote checked."""

    _pre_votes: set[Node] | None = None  # None: no pre-vote is running
    _pre_vote_id: int = 0
    _is_elected_to_stand: bool = False
    _counted: set[Node]

    def tick_election(self) -> None:
        """Run before each stock tick: turn an expired deadline into a pre-vote instead of a candidacy."""
        if self.state == LEADER or self.self_node is None or not self.voters or self.transfer_pending:
            return
        now = self._now()
        if self.election_deadline >= now or self._is_elected_to_stand:
            return
        self.election_deadline = now + self.election_timeout()
        self._pre_votes = set()
        self._pre_vote_id += 1
        last = self.log[-1]
        for node in sorted(self.voters, key=_id):
            addressee = self.addressee(NodeId(node.id))
            self.transport.send(node, PreVote(self._pre_vote_id, self.term + 1, last[1], last[2], *addressee))

    def after_stock_tick(self) -> None:
        """The stock code has used the permission to stand, if there was one."""
        if self._is_elected_to_stand:
            self._is_elected_to_stand = False

    def on_pre_vote(self, node: Node, message: PreVote) -> None:
        if self.state == LEADER:
            return
        if message.term <= self.term:
            self.transport.send(node, HigherTerm(self.term))
            return
        is_leader_alive = self._now() - self.heard_leader_at < election_seconds_min
        if is_leader_alive or not self.is_meant(message.incarnation, message.is_pair):
            return
        if self._is_fresh(message.last_index, message.last_term):
            self.transport.send(node, PreVoteGranted(message.id))

    def on_pre_vote_granted(self, node: Node, message: PreVoteGranted) -> None:
        if self._pre_votes is None or message.id != self._pre_vote_id or self.state == LEADER:
            return
        if self.self_node is None or node not in self.voters:
            return
        self._pre_votes.add(node)
        if (len(self._pre_votes) + 1) * 2 > len(self.voters) + 1:
            self._pre_votes = None
            self._is_elected_to_stand = True
            self.election_deadline = 0.0

    def on_request_vote(self, node: Node, message: RequestVote) -> None:
        if message.term < self.term:
            self.transport.send(node, HigherTerm(self.term))
            return
        if message.term > self.term:
            self.step_down(message.term)
        if self.state == LEADER or self.voted_for is not None:
            return
        if not self.is_meant(message.incarnation, message.is_pair):
            return
        if not self._is_fresh(message.last_index, message.last_term):
            return
        self.set_term(message.term, node.id)
        self.election_deadline = self._now() + self.election_timeout()
        self.transport.send(node, Vote(message.term))

    def on_vote(self, node: Node, message: Vote) -> None:
        if self.state != CANDIDATE or message.term != self.term or node not in self.voters or self.self_node is None:
            return
        self._counted.add(node)
        if (len(self._counted) + 1) * 2 > len(self.voters) + 1:
            self._SyncObj__onBecomeLeader()

    def _hear_leader(self, node: Node, message: AppendEntries) -> None:
        super()._hear_leader(node, message)
        self._pre_votes = None

    def on_higher_term(self, message: HigherTerm) -> None:
        if message.term > self.term:
            self.step_down(message.term)

    def on_timeout_now(self, node: Node, message: TimeoutNow) -> None:
        if self.self_node is None or message.term < self.term or node != self.leader:
            return
        self.election_deadline = 0.0
        self.transfer_pending = True

    def step_down(self, term: int) -> None:
        """Follow in a higher term whose leader is not known yet."""
        assert term > self.term
        self.set_term(term, None)
        self.become_follower()
        self.leader = None
        self.transfer_pending = False
        self._is_elected_to_stand = False
        self.election_deadline = self._now() + self.election_timeout()

    def on_lane_lost(self, node: Node) -> None:
        """The stream to the leader broke: ask for pre-votes soon instead of after a whole timeout."""
        if node != self.leader or self.state != FOLLOWER:
            return
        self._SyncObj__onLeaderChanged()
        self.heard_leader_at = -1e9
        soon = quick_seconds_min + (quick_seconds_max - quick_seconds_min) * self._dice.random()
        self.election_deadline = min(self.election_deadline, self._now() + soon)

    def hand_over(self) -> bool:
        """Ask the follower that holds the whole log, if any, to stand at once. True: it was asked."""
        if self.state != LEADER:
            return False
        ready = [node for node in self.voters & self.connected if self.match_index[node] == self.log.last_index]
        if not ready:
            return False
        self.transport.send(min(ready, key=_id), TimeoutNow(self.term))
        return True

    def addressee(self, node: NodeId) -> tuple[bytes, bool]:
        raise NotImplementedError

    def is_meant(self, incarnation: bytes, is_pair: bool) -> bool:
        raise NotImplementedError

    def _is_fresh(self, last_index: int, last_term: int) -> bool:
        last = self.log[-1]
        return (last_term, last_index) >= (last[2], last[1])


def _id(node: Node) -> str:
    return str(node.id)
