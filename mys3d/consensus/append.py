"""Replication: how entries reach the followers.        Floor: driver. Called by: election, raft (by inheritance).

Law: a follower removes an entry only when it conflicts with one of the current leader's, and never a committed one; an
acknowledgement counts in its own term only; a commit index moves only behind a log match.
Sender: each follower is *replicating* (pipelined, nothing in flight is sent again) or *probing* (after a reject: one
entry at a time until one matches). Source: Ongaro 2014, chapter 3; etcd-io/raft progress states.
"""

from collections import deque
from typing import Final

from pysyncobj.node import Node

from mys3d.consensus import messages
from mys3d.consensus.anatomy import LEADER, Anatomy, append_entries_seconds, batch_bytes
from mys3d.consensus.membership import is_sound
from mys3d.consensus.messages import AppendEntries, AppendReply, Entry, HigherTerm

batches_max: Final = 4  # frames sent to one node in one pass
window_frames: Final = 16  # frames with entries that one node has not acknowledged: at most 6 MiB in the lane
entries_max: Final = 2000  # entries in one frame
_OVERHEAD: Final = 16  # bytes of an entry beside its command


# Encoded once for all nodes: (following, last, is_probe, is_heartbeat) -> (entries in the frame, the frame)
_Frames = dict[tuple[int, int, bool, bool], tuple[int, bytes]]


class Replication(Anatomy):
    """SyncObj with our own append-entries sender and handlers."""

    probing: set[Node]
    in_flight: dict[Node, deque[int]]  # the last index of each frame that was sent and not acknowledged
    is_send_due: bool = False
    needs_snapshot: bool = False  # the leader does not hold the entry that follows our log any more
    heard_leader_at: float = -1e9
    incarnation: bytes

    def on_append_entries(self, node: Node, message: AppendEntries) -> None:
        if message.term < self.term:
            self.transport.send(node, HigherTerm(self.term))
            return
        self._hear_leader(node, message)
        log = self.log
        if message.previous_index == 0:  # what follows our log is gone there: a heartbeat, and no reason to commit
            self.needs_snapshot = True
            self._reply(node, self.commit_index + 1, None)
            return
        self.needs_snapshot = False
        if not _is_run(message):
            return  # nothing a correct leader sends
        previous, entries = message.previous_index, message.entries
        if previous > log.last_index:
            self._reply(node, log.last_index + 1, previous)
            return
        if previous < log.first_index:  # below our first entry everything is applied, so equal
            entries = entries[log.first_index - previous :]
            previous = log.first_index
            if message.previous_index + len(message.entries) < previous:
                self._reply(node, log.first_index + 1, None)
                return
        elif self.term_at(previous) != message.previous_term:
            self._reply(node, self._before_term_of(previous), previous)
            return
        if entries and self.is_log_full():
            return  # as if it had been lost: the leader sends it again, one entry at a time
        self._accept(entries)
        matched = previous + len(entries)
        self.commit_index = max(self.commit_index, min(message.commit_index, matched))
        if not message.quiet:
            self._reply(node, matched + 1, None)

    def _hear_leader(self, node: Node, message: AppendEntries) -> None:
        now = self._now()
        self.heard_leader_at = now
        assert self.state != LEADER or message.term > self.term, f"two leaders in term {self.term}, the other {node.id}"
        if message.term > self.term:
            self.transfer_pending = False
        if not self.transfer_pending:  # the outgoing leader's heartbeats do not postpone the forced election
            self.election_deadline = now + self.election_timeout()
        if self.leader != node:
            self._SyncObj__onLeaderChanged()
        if message.term > self.term:
            self.set_term(message.term, None)
        self.become_follower()
        self.leader = node
        self.leader_commit = message.commit_index

    def _before_term_of(self, index: int) -> int:
        """The first index that may still match: skip a whole conflicting term, but nothing committed."""
        term, floor = self.term_at(index), max(self.log.first_index, self.commit_index) + 1
        while index > floor and self.term_at(index - 1) == term:
            index -= 1
        return index

    def _accept(self, entries: tuple[Entry, ...]) -> None:
        """Append what is new; cut our log only where an entry truly conflicts."""
        log = self.log
        known = 0
        for _, index, term in entries:
            if index > log.last_index or self.term_at(index) != term:
                break
            known += 1
        fresh = entries[known:]
        if not fresh:
            return
        first = fresh[0][1]
        if first <= log.last_index:
            assert first > self.commit_index, f"entry {first} conflicts at or below commit index {self.commit_index}"
            log.deleteEntriesFrom(first - log.first_index)
            self.membership_cut(first)
        for entry in fresh:
            log.add(*entry)
            self.membership_added(entry)

    def on_append_reply(self, node: Node, message: AppendReply) -> None:
        if self.state != LEADER or message.term != self.term or node not in self.match_index:
            return  # an acknowledgement of another term proves nothing about this one
        if not self.hear_incarnation(node, message.incarnation):
            return
        self.last_response[node] = self._now()
        match = self.match_index[node]
        if message.rejected is None:
            self._acknowledged(node, message.next_index, match)
            return
        if node in self.probing:
            if message.rejected != self.next_index[node] - 1:
                return  # an answer to an earlier message
            if message.rejected <= match:
                self.refuse_forgetful(node)
        elif message.rejected <= match:
            return
        self.probe(node)
        wanted = min(message.next_index, message.rejected, self.log.last_index + 1)
        self.next_index[node] = max(match + 1, wanted)

    def _acknowledged(self, node: Node, wanted: int, match: int) -> None:
        if wanted - 1 > self.log.last_index:
            return
        if wanted - 1 > match:
            self.match_index[node] = match = wanted - 1
            self._open_window(node, match)
        if node in self.probing:
            self.probing.discard(node)
            self.next_index[node] = match + 1
            self.is_send_due = True
        elif wanted > self.next_index[node]:
            self.next_index[node] = wanted

    def _open_window(self, node: Node, match: int) -> None:
        flight = self.in_flight.get(node)
        if not flight:
            return
        if len(flight) >= window_frames:
            self.is_send_due = True
        while flight and flight[0] <= match:
            flight.popleft()

    def probe(self, node: Node) -> None:
        """From here on nothing sent to `node` before is believed to arrive."""
        self.probing.add(node)
        self.in_flight[node] = deque()
        self.is_send_due = True

    def _reply(self, node: Node, wanted: int, rejected: int | None) -> None:
        self.transport.send(node, AppendReply(self.term, wanted, rejected, self.incarnation))

    def on_reconnected(self, node: Node) -> None:
        """A broken lane lost what was in flight: send again from the first entry that was not acknowledged."""
        if self.state == LEADER and node in self.match_index:
            self.probe(node)
            if self.match_index[node] > 0:
                self.next_index[node] = self.match_index[node] + 1

    def _SyncObj__sendAppendEntries(self) -> None:  # noqa: N802 # stock name
        now = self._now()
        is_heartbeat = now > self.next_heartbeat
        if is_heartbeat:
            self.next_heartbeat = now + append_entries_seconds
        self.is_send_due = False
        frames: _Frames = {}
        for node in sorted(self.voters | self.learners, key=_id):
            if node in self.connected:
                self._send_to(node, is_heartbeat, frames)

    def _send_to(self, node: Node, is_heartbeat: bool, frames: _Frames) -> None:
        """Send up to four frames; equal frames are encoded once for all nodes."""
        log = self.log
        is_probe = node in self.probing
        following = self.next_index[node]
        if following <= self.log.first_index and not is_heartbeat:
            return  # it has to fetch a snapshot, which a heartbeat says
        if is_probe and not is_heartbeat and self._probed.get(node) == (self.term, following):
            return  # the answer to this probe is under way; a heartbeat asks again
        last = self.sendable_to(node)
        flight = self.in_flight[node]
        if len(flight) >= window_frames and following <= last:
            if not is_heartbeat:
                return
            last = following - 1  # the window is full: say only that the leader is alive
        for _ in range(batches_max):
            key = (following, last, is_probe, is_heartbeat)
            if key not in frames:
                frames[key] = self._frame(following, last, is_probe, is_heartbeat)
            count, frame = frames[key]
            self.transport.send_frame(node, frame)
            if is_probe:
                self._probed[node] = (self.term, following)
            if is_probe or following <= log.first_index:
                return
            following += count
            self.next_index[node] = following
            if count:
                flight.append(following - 1)
            if following > last or len(flight) >= window_frames:
                return
        self.is_send_due = True

    def send_heartbeats(self) -> None:
        """Say to whoever is known to follow that the leader lives. Changes nothing: it is called during a sync."""
        if self.state != LEADER:
            return
        for node in sorted(self.voters | self.learners, key=_id):
            match = self.match_index.get(node, 0)
            if node in self.connected and match > 0 and match >= self.log.first_index:
                beat = AppendEntries(self.term, self.commit_index, match, self.term_at(match), ())
                self.transport.send(node, beat)

    def _frame(self, following: int, last: int, is_probe: bool, is_heartbeat: bool) -> tuple[int, bytes]:
        """Return how many entries from `following` to `last` go into one frame, and the frame."""
        log = self.log
        if following <= log.first_index:
            return 0, messages.encode(AppendEntries(self.term, self.commit_index, 0, 0, ()))
        count = 1 if is_probe else entries_max
        entries = _fitting(log.between(following, min(following + count, last + 1)))
        previous = following - 1
        is_quiet = not entries and not is_heartbeat and not is_probe
        message = AppendEntries(
            self.term, self.commit_index, previous, self.term_at(previous), tuple(entries), is_quiet
        )
        return len(entries), messages.encode(message)

    def _SyncObj__onBecomeLeader(self) -> None:  # noqa: N802 # stock name
        self._probed = {}
        for node in self.voters | self.learners:
            self.probe(node)
        super()._SyncObj__onBecomeLeader()

    _probed: dict[Node, tuple[int, int]]

    def sendable_to(self, node: Node) -> int:
        """The last entry that may be sent to `node` now."""
        raise NotImplementedError

    def hear_incarnation(self, node: Node, incarnation: bytes) -> bool:
        """Note in which incarnation `node` answers. True: its answer counts."""
        raise NotImplementedError

    def refuse_forgetful(self, node: Node) -> None:
        """Tell `node` that it lacks what it acknowledged in this term."""
        raise NotImplementedError

    def is_log_full(self) -> bool:
        raise NotImplementedError

    def membership_added(self, entry: Entry) -> None:
        raise NotImplementedError

    def membership_cut(self, index: int) -> None:
        raise NotImplementedError


def _id(node: Node) -> str:
    return str(node.id)


def _is_run(message: AppendEntries) -> bool:
    """The entries follow the previous one without a hole, their terms never fall, and each can be read."""
    index, term = message.previous_index, message.previous_term
    for command, found, of_term in message.entries:
        index += 1
        if found != index or not term <= of_term <= message.term or not is_sound(command):
            return False
        term = of_term
    return True


def _fitting(entries: list[Entry]) -> list[Entry]:
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry[0]) + _OVERHEAD
        if size >= batch_bytes:
            return entries[: count + 1]
    return entries
