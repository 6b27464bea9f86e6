"""Who votes, as the log says.        Floor: driver. Called by: raft, consensus, proposer.

Law: the voters are the applied voters row plus every membership entry above it in the log, committed or not; cutting
the log takes its membership entries back. One change at a time. Source: Ongaro 2014, section 4.1."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from mys3d.consensus.messages import Entry
from mys3d.model.names import NodeId

REGULAR: Final = 0  # first byte of a log entry's command; 3 (stock: code version) is never written
NO_OP: Final = 1
MEMBERSHIP: Final = 2

_decoder: Final = msgspec.msgpack.Decoder(tuple[str, bool])


def encode_change(node: NodeId, votes: bool) -> bytes:
    return bytes((MEMBERSHIP,)) + msgspec.msgpack.encode((node, votes))


def decode_change(command: bytes) -> tuple[NodeId, bool]:
    """Return (node, votes) of a membership command. Raises ValueError."""
    node, votes = _decoder.decode(command[1:])
    return NodeId(node), votes


@dataclass(slots=True)
class Voters:
    """The voters in force: `applied` plus the changes of the log above it."""

    applied: frozenset[NodeId]
    changes: list[tuple[int, NodeId, bool]] = field(default_factory=list)

    def now(self) -> frozenset[NodeId]:
        voters = set(self.applied)
        for _, node, votes in self.changes:
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
        for index, name, votes in reversed(self.changes):
            if name == node:
                return None if votes else index
        return None

    def settle(self, index: int) -> None:
        """Everything up to `index` is applied."""
        while self.changes and self.changes[0][0] <= index:
            _, node, votes = self.changes.pop(0)
            self.applied = self.applied | {node} if votes else self.applied - {node}
