"""Who may come in, and what a member says of itself.        Floor: engine. Called by: service, node, admin API.

Law: a token is single-use, expires, and is known to the registry by its digest only. A join is one command: the token
is consumed and the member added, or neither.
"""

from dataclasses import dataclass

import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses
from mys3d.model.names import Instant
from mys3d.ports import JoinAdmission, Ports
from mys3d.registry import queries
from mys3d.registry.commands import CreateToken, JoinMember, UpdateMember
from mys3d.registry.levels import LEVEL

TOKEN_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class Description:
    """What this node's configuration and disk say of it."""

    incarnation: bytes
    addresses: Addresses
    zone: str
    capacity_bytes: int


async def create_token(ports: Ports, lifetime_seconds: int = limits.token_lifetime_seconds) -> tuple[bytes, Instant]:
    """Make a join token. Returns its secret, which is kept nowhere, and when it expires."""
    secret = ports.entropy.token(TOKEN_SECRET_BYTES)
    expires_at = Instant(ports.clock.now() + lifetime_seconds * 1000)
    await ports.registry.propose(CreateToken(digest_of(secret), expires_at))
    return secret, expires_at


async def admit(ports: Ports, command: JoinMember) -> JoinAdmission:
    """Add a node that presented a token. Raises Rejected (TOKEN_INVALID, MEMBER_EXISTS, ...), Unavailable."""
    try:
        await ports.registry.propose(command)
    except OutcomeUnknown as error:
        if queries.member(ports.registry.view(), command.node) is None:
            raise Unavailable(f"the join of node {command.node} is not settled yet") from error
    view = ports.registry.view()
    cluster = queries.cluster(view)
    assert cluster is not None, "a cluster that consumed a token has an id"
    return JoinAdmission(cluster.cluster_id, queries.members(view))


async def announce(ports: Ports, description: Description) -> None:
    """Bring this node's member row up to date with its configuration; asks again until the cluster answers."""
    while True:
        try:
            await ports.registry.barrier()
            change = _difference(ports, description)
            if change is not None:
                await ports.registry.propose(change)
            return
        except (Unavailable, OutcomeUnknown):
            await trio.sleep(limits.membership_tick_seconds)  # no majority yet, as at every start of a whole cluster


def _difference(ports: Ports, description: Description) -> UpdateMember | None:
    member = queries.member(ports.registry.view(), ports.node)
    if member is None:
        return None  # not admitted yet: the row is written by the join itself
    change = UpdateMember(
        ports.node,
        addresses=None if member.addresses == description.addresses else description.addresses,
        zone=None if member.zone == description.zone else description.zone,
        capacity_bytes=None if member.capacity_bytes == description.capacity_bytes else description.capacity_bytes,
        level=None if member.level >= LEVEL else LEVEL,
    )
    return None if change == UpdateMember(ports.node) else change
