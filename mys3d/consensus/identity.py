"""Who is who: a voter is a node in one incarnation.        Floor: driver. Called by: raft (by inheritance).

Law: a node whose journal is gone comes back in another incarnation. It forgot which terms it knew, whom it voted for
and what it acknowledged: until a promotion names its new incarnation it gives no vote, confirms no term, and its
acknowledgements commit nothing. So every two majorities share a node that remembers both.
A *pair* is the exception: two voters, applied, with no change behind. The other one holds every committed entry, gave
every vote that made a leader, and holds the next change as well (`sendable_to`, `may_change`): it cannot be deceived by
a partner who forgot, and may lead with its vote and its acknowledgements until it has replaced it.
A follower whose log ends before what it acknowledged to this very leader has another one's journal: it is told so.
Source: Ongaro 2014, chapter 4 and section 3.8; servers that lose their disk are told apart by their incarnation."""

from dataclasses import dataclass

from pysyncobj.node import Node

from mys3d.consensus.anatomy import Peer
from mys3d.consensus.election import Election
from mys3d.consensus.membership import Voters
from mys3d.consensus.messages import Rejoin
from mys3d.model.names import NodeId


@dataclass(frozen=True, slots=True)
class Life:
    """In which incarnation a node runs, and whether it had another one before."""

    incarnation: bytes = b""
    is_reborn: bool = False


class JournalForgot(Exception):
    """The journal lacks entries that this node acknowledged. It must not vote again in this incarnation."""


class Identity(Election):
    """The incarnations of this node and of those that answer it."""

    voters_row: Voters
    incarnation: bytes
    is_reborn: bool  # this node kept an earlier journal, in another incarnation
    heard: dict[Node, bytes]  # the incarnation in which each node answered last

    def addressee(self, node: NodeId) -> tuple[bytes, bool]:
        """In which incarnation `node` is asked for its word, and whether it and this node are a pair."""
        return self.voters_row.incarnation_of(node), self._is_partner(node)

    def is_meant(self, incarnation: bytes, is_pair: bool) -> bool:
        return is_pair or self.is_own(incarnation)

    def is_own(self, incarnation: bytes) -> bool:
        """An empty one is of a log that is older than incarnations: it means the node in its first."""
        return incarnation == self.incarnation or (not incarnation and not self.is_reborn)

    def is_voter(self) -> bool:
        node = NodeId(self.node_id)
        return node in self.voters_row.now() and self.is_own(self.voters_row.incarnation_of(node))

    def awaits_promotion(self) -> bool:
        """This node is named as a voter, in an incarnation that it has lost: its word does not count. A pair's does."""
        me = NodeId(self.node_id)
        return me in self.voters_row.now() and not self.voters_row.is_pair() and not self.is_voter()

    def sendable_to(self, node: Node) -> int:
        """A node hears that it loses its vote only when that is committed.

        Otherwise it could be the only one to hold the entry: too new to vote for anybody else, and no voter itself.
        The third voter hears of its promotion only when both others hold it: each of two voters holds everything that
        was committed, and the next change as well, so that one of them may lose its journal.
        """
        name, last = NodeId(node.id), self.log.last_index
        removed = self.voters_row.removal_of(name)
        if removed is not None and removed > self.commit_index:
            return removed - 1
        added = self.voters_row.promotion_of(name)
        if added is None or added <= self.commit_index or self.term_at(added) == 0:  # term 0: voters from the start
            return last
        before = self.voters_row.before(added)
        others = [Peer(other) for other in before if other != self.node_id]
        if len(before) == 2 and any(self.match_index.get(o, 0) < added and not self.forgot(o) for o in others):
            return added - 1
        return last

    def may_change(self, node: NodeId, votes: bool, incarnation: bytes) -> bool:
        """A promotion names the incarnation that caught up; of a pair only a partner who forgot loses its vote."""
        if votes:
            return incarnation == self.heard.get(Peer(node), b"")
        return len(self.voters_row.now()) != 2 or self.forgot(Peer(node))

    def forgot(self, node: Node) -> bool:
        """This voter answers in an incarnation that no promotion names.

        One that names none is of a release that refuses to start without its journal: it remembers.
        """
        pinned, heard = self.voters_row.incarnation_of(NodeId(node.id)), self.heard.get(node)
        return node in self.voters and bool(pinned) and bool(heard) and heard != pinned

    def hear_incarnation(self, node: Node, incarnation: bytes) -> bool:
        """True: its answer counts. What it acknowledged in an earlier incarnation is not there any more."""
        if self.heard.get(node, incarnation) != incarnation:
            self.match_index[node] = 0
            self.probe(node)
        self.heard[node] = incarnation
        return not self.forgot(node) or self._is_partner(NodeId(node.id))

    def _is_partner(self, node: NodeId) -> bool:
        row = self.voters_row
        return row.is_pair() and row.applied == {NodeId(self.node_id), node}

    def refuse_forgetful(self, node: Node) -> None:
        match = self.match_index[node]
        if match >= self.log.first_index:
            self.transport.send(node, Rejoin(self.term, match, self.term_at(match)))

    def on_rejoin(self, node: Node, message: Rejoin) -> None:
        """Raises JournalForgot when the leader is right."""
        log = self.log
        if message.term != self.term or node != self.leader or message.index < log.first_index:
            return
        if message.index > log.last_index or self.term_at(message.index) != message.entry_term:
            held = f"the log ends at entry {log.last_index}"
            raise JournalForgot(f"this node acknowledged entry {message.index} to node {node.id}, but {held}")
