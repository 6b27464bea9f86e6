"""What an operator asks of the scrubs of the cluster.        Floor: engine. Called by: the admin API.

Law: every node is asked at once and answers for itself: one that cannot be reached is named and holds up no other.
"""

import msgspec
import trio

from mys3d.engine.scrub import Scrub
from mys3d.errors import Unavailable
from mys3d.model.members import Member
from mys3d.model.scrub import ScrubAction, ScrubReport
from mys3d.ports import Ports
from mys3d.registry import queries


class ScrubAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: ScrubAction
    node: str | None = None  # a name or an id. None: every node


class ScrubAnswer(msgspec.Struct, frozen=True):
    """What one node says. `report` is None when it said nothing, and `error` why."""

    name: str
    report: ScrubReport | None
    error: str = ""


async def scrub_nodes(ports: Ports, scrub: Scrub, asked: ScrubAsked) -> list[ScrubAnswer]:
    """Ask the nodes that are meant; answers by name. Raises Unavailable when none is called like that."""
    members = [m for m in queries.members(ports.registry.view()) if asked.node in (None, m.name, m.id)]
    if not members:
        raise Unavailable(f"no node of this cluster is called {asked.node}")
    answers: list[ScrubAnswer] = []

    async def ask(member: Member) -> None:
        try:
            if member.id == ports.node:
                report = await scrub.act(asked.action)
            else:
                report = await ports.peers.scrub(member.id, asked.action)
            answers.append(ScrubAnswer(member.name, report))
        except Unavailable as error:
            answers.append(ScrubAnswer(member.name, None, str(error)))

    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(ask, member)
    return sorted(answers, key=lambda answer: (len(answer.name), answer.name))
