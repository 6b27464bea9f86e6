"""Members of the cluster and the layout that gives blobs a home.        Floor: model (pure).

Law: a node id is for ever, an address is a record; a voter is (node id, incarnation), never a node id alone.
Who votes is not a field of a member: it is the voters row, written only by Raft membership entries.
"""

import enum

import msgspec

from mys3d.model.names import Epoch, LogIndex, NodeId, Partition


class MemberState(enum.StrEnum):
    JOINING = "joining"  # a learner that holds no blobs yet
    ACTIVE = "active"
    LEAVING = "leaving"


class Addresses(msgspec.Struct, frozen=True, array_like=True):
    """Where others reach a node, `host:port` each."""

    s3: str
    admin: str
    peers: str


class Member(msgspec.Struct, frozen=True, array_like=True):
    """The row of one member."""

    format: int
    id: NodeId
    name: str
    incarnation: bytes  # 16 random bytes stored beside the journal: another disk is another voter
    addresses: Addresses
    zone: str
    capacity_bytes: int
    state: MemberState
    joined_at: LogIndex
    level: int = 0  # of commands that its software knows (registry/levels.py); never falls


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """Partition -> ordered homes. During a transition each partition has base homes and target homes.

    `epoch` is the newest begun epoch. `sealed` is the newest epoch whose commits are refused, so a commit is
    accepted when its epoch is above `sealed` and at most `epoch`. `target` is empty outside a transition.
    `reported` lists the new homes that verified every referenced blob at or after the seal.
    """

    format: int
    epoch: Epoch
    sealed: Epoch
    seal_index: LogIndex  # 0: not sealed yet
    base: tuple[tuple[NodeId, ...], ...]  # 1,024 entries
    target: tuple[tuple[NodeId, ...], ...] = ()  # 1,024 entries, or empty
    reported: tuple[NodeId, ...] = ()

    def homes(self, partition: Partition) -> tuple[NodeId, ...]:
        """Where a write goes now: the target homes during a transition, else the base homes."""
        return self.target[partition] if self.target else self.base[partition]

    def readable(self, partition: Partition) -> tuple[NodeId, ...]:
        """Where a read looks, in order: target homes, then base homes."""
        if not self.target:
            return self.base[partition]
        target = self.target[partition]
        return target + tuple(node for node in self.base[partition] if node not in target)
