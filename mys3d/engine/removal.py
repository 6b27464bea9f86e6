"""A member that will not come back.        Floor: engine. Called by: the admin API.

Law: nobody is removed by mistake: a node that answers, or one of the last three that hold copies, goes only when the
operator insists twice. From then on the leader takes its vote and its partitions away, one step after the other, and
drops its row when it has neither; its certificate is refused from then on.
"""

from typing import Final

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.members import Member, MemberState
from mys3d.model.names import NodeId
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import UpdateMember

INSIST: Final = 2
OTHERS_MIN: Final = 3  # as many members as a blob has copies


class RemovalAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name or the id of a member, and how often the operator insists."""

    node: str
    force: int = 0


async def remove_member(ports: Ports, asked: RemovalAsked) -> dict[str, object]:
    """Have a member leave. Raises Rejected (unknown, refused for safety), Unavailable, OutcomeUnknown."""
    await ports.registry.barrier()
    members = queries.members(ports.registry.view())
    found = [member for member in members if asked.node in (member.id, member.name)]
    if len(found) != 1:
        known = ", ".join(f"{member.name} {member.id}" for member in members)
        raise Rejected(Reason.NO_SUCH_MEMBER, f"{len(found)} members are called {asked.node}; there are {known}")
    (member,) = found
    if member.id == ports.node:
        raise Rejected(Reason.STILL_NEEDED, f"{member.name} is the node that was asked: ask another one")
    if asked.force < INSIST:
        _refuse_risk(ports, members, member)
    if member.state is not MemberState.LEAVING:
        await ports.registry.propose(UpdateMember(member.id, state=MemberState.LEAVING))
    return {"node": member.id, "name": member.name}


def _refuse_risk(ports: Ports, members: tuple[Member, ...], member: Member) -> None:
    if ports.peers.reachable(member.id):
        raise Rejected(Reason.STILL_NEEDED, f"{member.name} answers: stop it first, or insist twice")
    others = [other for other in members if other.id != member.id and other.state is not MemberState.LEAVING]
    if len(others) < OTHERS_MIN and holds(ports, member.id):
        detail = (
            f"{len(others)} members would remain, and {OTHERS_MIN} hold the copies: join another one, or insist twice"
        )
        raise Rejected(Reason.STILL_NEEDED, detail)


def holds(ports: Ports, node: NodeId) -> bool:
    """True when `node` votes, or is a home."""
    view = ports.registry.view()
    layout = queries.layout(view)
    homes = layout.base + layout.target if layout is not None else ()
    return node in queries.voters(view) or any(node in each for each in homes)
