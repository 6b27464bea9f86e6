"""Who should hold a blob, and who may.        Floor: engine. Called by: put, replicate, get, repair, status.

Law: writers and readers derive the same order from the registry: homes first, then the other members in an order that
the partition alone decides, so that a reader finds a substitute where the writer put its copy.
"""

from collections.abc import Iterable, Sequence

from mys3d.errors import Unavailable
from mys3d.model.members import Layout, Member, MemberState
from mys3d.model.names import NodeId, Partition
from mys3d.placement import write_quorum
from mys3d.ports import Ports
from mys3d.registry import queries


def present_layout(ports: Ports) -> Layout:
    """The layout as applied here. Raises Unavailable before the cluster has one."""
    layout = queries.layout(ports.registry.view())
    if layout is None:
        raise Unavailable("this node knows no layout yet: the cluster is not initialised here")
    return layout


def refuse_hopeless(ports: Ports) -> None:
    """Raise Unavailable when no blob can become durable now: fewer nodes than a write needs are within reach.

    Asked before a body is read, so that nobody sends gigabytes in vain. What counts is decided by each push.
    """
    layout = present_layout(ports)
    homes = layout.homes(Partition(0))
    if len(_within_reach(ports, homes)) == len(homes):
        return
    needed = quorum_of(ports, homes)
    members = queries.members(ports.registry.view())
    up = _within_reach(ports, [member.id for member in members if member.state is MemberState.ACTIVE])
    if len(up) < needed:
        raise Unavailable(f"{len(up)} of the {needed} nodes that a write needs are within reach of this one")


def _within_reach(ports: Ports, nodes: Iterable[NodeId]) -> list[NodeId]:
    return [node for node in nodes if node == ports.node or ports.peers.reachable(node)]


def quorum_of(ports: Ports, homes: Sequence[NodeId]) -> int:
    """How many durable copies acknowledge a write to these homes, as the cluster's settings have it."""
    return write_quorum(len(homes), queries.settings(ports.registry.view()).write_quorum)


def others(members: tuple[Member, ...], homes: tuple[NodeId, ...], partition: Partition) -> tuple[NodeId, ...]:
    """The members that are no home of `partition`, in its order: sorted, then turned by its number."""
    rest = sorted(member.id for member in members if member.id not in homes and member.state is MemberState.ACTIVE)
    turn = partition % len(rest) if rest else 0
    return tuple(rest[turn:] + rest[:turn])


def holders(ports: Ports, partition: Partition) -> tuple[NodeId, ...]:
    """Every other node that may hold a blob of `partition`, most likely first; known unreachable ones last."""
    layout = present_layout(ports)
    homes = layout.readable(partition)
    members = queries.members(ports.registry.view())
    rest = others(members, homes, partition)
    known = {*homes, *rest}
    order = [node for node in (*homes, *rest) if node != ports.node]
    order += [member.id for member in members if member.id not in known and member.id != ports.node]
    return tuple(sorted(order, key=lambda node: not ports.peers.reachable(node)))


def is_home(ports: Ports, layout: Layout, partition: Partition) -> bool:
    """True when this node should hold the blobs of `partition`, now or after the running transition."""
    return ports.node in layout.readable(partition)
