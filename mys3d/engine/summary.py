"""From counts to one sentence.        Floor: engine (pure part). Called by: status.

Law: "can lose N nodes" means: any N of the nodes that are up may vanish at this moment, for ever, and every object
stays readable and writes go on.
"""

from dataclasses import dataclass
from typing import Literal

from mys3d.model.settings import WriteQuorum
from mys3d.placement import write_quorum

Health = Literal["healthy", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of one moment, as one node sees them."""

    voters: int
    voters_up: int  # they answer, and their word counts
    members: int
    members_up: int
    storage_up: int  # nodes that answered and can take blobs
    replicas: int  # R
    missing_blobs: int  # copies that homes know they lack
    is_settled: bool  # no transition, nobody reconciling: each copy that should exist is known to exist
    has_leader: bool
    quorum: WriteQuorum = WriteQuorum.MAJORITY


def writable(facts: Facts) -> bool:
    has_majority = facts.voters_up >= _majority(facts)
    return facts.has_leader and has_majority and facts.storage_up >= write_quorum(facts.replicas, facts.quorum)


def health_of(facts: Facts) -> Health:
    if not writable(facts):
        return "unavailable"
    is_whole = facts.members_up == facts.members and facts.missing_blobs == 0 and facts.is_settled
    return "healthy" if is_whole else "degraded"


def losses_allowed(facts: Facts) -> int:
    """How many of the nodes that are up may vanish. -1: writes already stand still."""
    if not writable(facts):
        return -1
    down = facts.members - facts.members_up
    # With copies in doubt (a disk was lost, a home is being filled) one copy is all that is certain of every object.
    certain = facts.replicas if facts.missing_blobs == 0 and facts.is_settled else 1
    of_copies = certain - 1 - down
    of_votes = facts.voters_up - _majority(facts)
    of_writes = facts.storage_up - write_quorum(facts.replicas, facts.quorum)
    return max(0, min(of_copies, of_votes, of_writes))


def sentence_of(facts: Facts, losses: int) -> str:
    if losses < 0:
        return _standstill(facts)
    if facts.members == 1:
        return "no redundancy: one node holds the only copy"
    if losses == 0:
        return _no_loss_allowed(facts)
    return f"can lose {losses} node{'s' if losses > 1 else ''}"


def _standstill(facts: Facts) -> str:
    if facts.voters_up < _majority(facts):
        return f"writes stand still: {facts.voters_up} of {facts.voters} voters can vote, {_majority(facts)} are needed"
    if not facts.has_leader:
        return "writes stand still: no leader is known"
    needed = write_quorum(facts.replicas, facts.quorum)
    return f"writes stand still: {facts.storage_up} nodes can take blobs, {needed} are needed"


def _no_loss_allowed(facts: Facts) -> str:
    if facts.missing_blobs:
        return f"cannot lose a node: {facts.missing_blobs} copies are being restored"
    if facts.members_up < facts.members:
        return f"cannot lose another node: {facts.members - facts.members_up} of {facts.members} are down"
    if not facts.is_settled:
        return "cannot lose a node: copies are being checked"
    return "cannot lose a node: writes need both" if facts.members == 2 else "cannot lose a node"


def _majority(facts: Facts) -> int:
    return facts.voters // 2 + 1
