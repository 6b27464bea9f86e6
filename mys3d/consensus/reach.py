"""Whether a leader can exist within reach of this node.        Floor: driver. Called by: consensus, proposer.

Law: "out of reach" is said only after it has been so for a while without a break: lanes that are dialled again after a
restart come first. It is a hint that spares a wait, never a proof: nothing is decided by it but when to say "not now".
"""

from typing import Final

from mys3d import limits
from mys3d.consensus.raft import Raft
from mys3d.ports import Clock


class Reach:
    """`look` is called after each tick."""

    def __init__(self, raft: Raft, clock: Clock) -> None:
        self._raft: Final = raft
        self._clock: Final = clock
        self._since: float | None = clock.monotonic()  # since when no leader is within reach; None: one may be

    def look(self) -> None:
        if self._may_have_leader():
            self._since = None
        elif self._since is None:
            self._since = self._clock.monotonic()

    @property
    def is_hopeless(self) -> bool:
        """True: neither a leader nor a majority of the voters has been connected for a second."""
        return self._since is not None and self._clock.monotonic() - self._since >= limits.hopeless_seconds

    def _may_have_leader(self) -> bool:
        raft = self._raft
        if raft.leader_in_reach() is not None:
            return True
        votes = len(raft.voters & raft.connected) + (raft.self_node is not None)
        return votes * 2 > len(raft.voters) + (raft.self_node is not None)
