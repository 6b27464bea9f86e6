"""Who votes, as the log says.        Floor: driver. Called by: raft, consensus, proposer.

Law: the voters are the applied voters row plus every membership entry above it in the log, committed or not; cutting
the log takes its membership entries back. One change at a time. A voter is a node in one incarnation: the one that its
promotion names, and behind that entry the one of its applied row. Source: Ongaro 2014, section 4.1."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from mys3d import limits
from mys3d.consensus.messages import Entry
from mys3d.model.names import NodeId

REGULAR: Final = 0  # first byte of a log entry's command; 3 (stock: code version) is never written
NO_OP: Final = 1
MEMBERSHIP: Final = 2

INCARNATION_BYTES: Final = 16
change_bytes_max: Final = 128  # of a membership command

Change = tuple[NodeId, bool, bytes]  # node, votes, incarnation (empty: whichever its row says)


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """Logs of earlier releases hold the first two fields."""

    node: str
    votes: bool
    incarnation: bytes = b""


_decoder: Final = msgspec.msgpack.Decoder(_Stored)


def encode_change(node: NodeId, votes: bool, incarnation: bytes = b"") -> bytes:
    return bytes((MEMBERSHIP,)) + msgspec.msgpack.encode(_Stored(node, votes, incarnation))


def decode_change(command: bytes) -> Change:
    """Return what a membership command says. Raises ValueError."""
    if len(command) > change_bytes_max:
        raise ValueError(f"a change of the voters has at most {change_bytes_max} bytes, found {len(command)}")
    stored = _decoder.decode(command[1:])
    if not stored.node or len(stored.incarnation) not in (0, INCARNATION_BYTES):
        raise ValueError(f"a change of the voters names a node and 16 bytes, found {stored}")
    return NodeId(stored.node), stored.votes, stored.incarnation


def is_sound(command: bytes) -> bool:
    """May these bytes be a log entry's command?"""
    if not command or command[0] not in (REGULAR, NO_OP, MEMBERSHIP):
        return False
    if command[0] != MEMBERSHIP:
        return len(command) <= limits.command_bytes_max + 1
    try:
        decode_change(command)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Voters:
    """The voters in force: `applied`, in the incarnations `pins`, plus the changes of the log above it."""

    applied: frozenset[NodeId]
    changes: list[tuple[int, NodeId, bool, bytes]] = field(default_factory=list)
    pins: dict[NodeId, bytes] = field(default_factory=dict)

    def now(self) -> frozenset[NodeId]:
        return self.before(None)

    def before(self, index: int | None) -> frozenset[NodeId]:
        """The voters of the log up to `index`, exclusive. None: of all of it."""
        voters = set(self.applied)
        for found, node, votes, _ in self.changes:
            if index is not None and found >= index:
                break
            if votes:
                voters.add(node)
            else:
                voters.discard(node)
        return frozenset(voters)

    def added(self, entry: Entry) -> bool:
        """Take note of an entry that entered the log. True: it changes the voters."""
        if entry[0][0] != MEMBERSHIP:
            return False
        self.changes.append((entry[1], *decode_change(entry[0])))
        return True

    def cut(self, index: int) -> bool:
        """Forget the changes at `index` and above. True: there were some."""
        kept = [change for change in self.changes if change[0] < index]
        is_cut = len(kept) < len(self.changes)
        self.changes = kept
        return is_cut

    def removal_of(self, node: NodeId) -> int | None:
        """The index of the change in the log that leaves `node` without its vote, None when there is none."""
        for index, name, votes, _ in reversed(self.changes):
            if name == node:
                return None if votes else index
        return None

    def promotion_of(self, node: NodeId) -> int | None:
        """The index of the change in the log that gives `node` its vote, None when there is none."""
        for index, name, votes, _ in reversed(self.changes):
            if name == node:
                return index if votes else None
        return None

    def incarnation_of(self, node: NodeId) -> bytes:
        """The incarnation in which `node` votes. Empty: the log is older than incarnations, or the node is unknown."""
        for _, name, votes, incarnation in reversed(self.changes):
            if name == node and votes and incarnation:
                return incarnation
        return self.pins.get(node, b"")

    def is_pair(self) -> bool:
        """Two voters, applied, and nothing in the log that would change it."""
        return len(self.applied) == 2 and not self.changes

    def settle(self, index: int) -> None:
        """Everything up to `index` is applied."""
        while self.changes and self.changes[0][0] <= index:
            _, node, votes, incarnation = self.changes.pop(0)
            if votes and incarnation:
                self.pins[node] = incarnation
            self.applied = self.applied | {node} if votes else self.applied - {node}
