"""Becoming a member of a cluster that exists.        Floor: composition root. Called by: cli.

Law: after a join the directory is that of a member, or it is as empty as before; running the node is another step.
"""

from mys3d.config import NodeConfig
from mys3d.errors import Unavailable
from mys3d.node import founding
from mys3d.node.world import MachineEntropy
from mys3d.peers.join import Candidate, join, parse_token


async def join_cluster(config: NodeConfig, token: str) -> None:
    """Present `token` to the member that made it and write this node's identity.

    Raises Unavailable (unreachable, directory not usable, malformed token), Rejected (TOKEN_INVALID, MEMBER_EXISTS).
    """
    try:
        parsed = parse_token(token)
    except ValueError as error:
        raise Unavailable(str(error)) from error
    founding.check_registry_is_new(config)
    candidate = Candidate(
        name=config.name,
        addresses=founding.addresses_of(config),
        zone=config.zone,
        capacity_bytes=founding.capacity_of(config),
    )
    await join(parsed, config.data, candidate, MachineEntropy())
