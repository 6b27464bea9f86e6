"""Which members vote.        Floor: engine (pure). Called by: membership.

Law: one change at a time, and none that would leave the voters who remain without a majority that answers. A voter who
came back in another incarnation loses its vote first: it is not counted anyway. A dead one is replaced before it loses
its vote, so that there is never one voter fewer. Voters follow the number of members: 1, 2, 3, 3, 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mys3d.model.members import Member, MemberState
from mys3d.model.names import NodeId
from mys3d.registry.commands import UpdateMember

_VOTERS: Final = (0, 1, 2, 3, 3)  # by number of members; five voters from five members on


@dataclass(frozen=True, slots=True)
class SetVoter:
    """Raft membership is changed through the consensus engine and not by a command of ours."""

    node: NodeId
    votes: bool = True


@dataclass(frozen=True, slots=True)
class Electorate:
    """What a leader knows of the members. `is_up`: it answers now. `is_dead`: it has not for `dead_after`."""

    members: tuple[Member, ...]
    voters: tuple[NodeId, ...]
    leader: NodeId | None
    caught_up: Callable[[NodeId], bool]
    incarnation: Callable[[NodeId], bytes | None]
    is_up: Callable[[NodeId], bool]
    is_dead: Callable[[NodeId], bool]


def voters_wanted(members_count: int) -> int:
    return _VOTERS[members_count] if members_count < len(_VOTERS) else 5


def voting_duty(known: Electorate) -> SetVoter | UpdateMember | None:
    """The next change of the voters or of a learner's incarnation. None: they are as they should be, or must wait."""
    return _reborn(known) or _vacancy(known) or _excess(known)


def _reborn(known: Electorate) -> SetVoter | UpdateMember | None:
    for member in known.members:
        heard = known.incarnation(member.id)
        if member.id == known.leader or heard in (None, member.incarnation):
            continue
        if member.id not in known.voters:
            return UpdateMember(member.id, incarnation=heard)
        if _may_lose(known, member.id):
            return SetVoter(member.id, False)
    return None


def _vacancy(known: Electorate) -> SetVoter | None:
    """A place that nobody has, or only a dead or leaving voter, goes to the first learner that has caught up."""
    present = _present(known)
    living = [node for node in known.voters if node in present and not known.is_dead(node)]
    if len(living) >= voters_wanted(len(present)):
        return None
    for node in present:
        if node not in known.voters and known.is_up(node) and known.caught_up(node):
            return SetVoter(node)
    return None


def _excess(known: Electorate) -> SetVoter | None:
    present = _present(known)
    if len(known.voters) <= voters_wanted(len(present)):
        return None
    others = [node for node in known.voters if node != known.leader]
    joined = {member.id: member.joined_at for member in known.members}
    others.sort(key=lambda node: (node not in present, known.is_dead(node), joined.get(node, 0)), reverse=True)
    return next((SetVoter(node, False) for node in others if _may_lose(known, node)), None)


def _present(known: Electorate) -> list[NodeId]:
    return [member.id for member in known.members if member.state is not MemberState.LEAVING]


def _may_lose(known: Electorate, node: NodeId) -> bool:
    """The voters without `node` have a majority that answers in the incarnation that votes."""
    pinned = {member.id: member.incarnation for member in known.members}
    rest = [voter for voter in known.voters if voter != node]
    up = [
        voter
        for voter in rest
        if voter == known.leader or (known.is_up(voter) and known.incarnation(voter) in (None, pinned.get(voter)))
    ]
    return len(up) * 2 > len(rest)
