"""The state of the whole cluster, as one record.        Floor: engine. Called by: the admin API (and so the CLI).

Law: the sentence never promises more than is true now: it counts only nodes that answered, and a copy that is missing
or not yet verified is no copy.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import trio

from mys3d import limits
from mys3d.engine.comparison import differing_nodes
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.engine.service import own_status
from mys3d.engine.summary import Facts, Health, health_of, losses_allowed, sentence_of, writable
from mys3d.errors import Unavailable
from mys3d.model.members import Layout, Member, MemberState
from mys3d.model.names import NodeId
from mys3d.model.scrub import ScrubReport
from mys3d.model.settings import WriteQuorum
from mys3d.placement import replicas_count
from mys3d.ports import DirectoryUsage, DiskUsage, NodeStatus, Ports, RaftStatus
from mys3d.registry import queries

FORMAT: Final = 1


class ClusterName(msgspec.Struct, frozen=True):
    id: str
    region: str


class Copies(msgspec.Struct, frozen=True):
    target: int
    missing_blobs: int


class LayoutState(msgspec.Struct, frozen=True):
    epoch: int
    sealed: int
    in_transition: bool


class Disk(msgspec.Struct, frozen=True):
    size_bytes: int
    free_bytes: int
    blobs_count: int
    directories: tuple[DirectoryUsage, ...] = ()


class GarbageState(msgspec.Struct, frozen=True):
    """Blobs that nothing names, on all nodes that answered, as their last walks left them."""

    blobs_count: int
    bytes_count: int
    walked_ago_seconds: int | None  # since the walk that is longest ago; None: one node has not ended its first yet


class NodeState(msgspec.Struct, frozen=True):
    """One line of the table. What a silent node did not say is zero or empty."""

    id: str
    name: str
    zone: str
    state: str
    role: str  # "leader", "follower" or "learner"
    reachable: bool
    term: int
    applied_index: int
    lag: int  # log entries behind the furthest commit known
    disk: Disk
    blobs_missing: int
    s3: str
    admin: str
    peers: str
    version: str
    scrub: ScrubReport | None = None
    rows_differ: bool = False  # its registry is not that of most nodes


class ClusterStatus(msgspec.Struct, frozen=True):
    """The document of GET /_mys3d/api/v1/status."""

    format: int
    cluster: ClusterName
    health: Health
    writable: bool
    sentence: str
    copies: Copies
    layout: LayoutState
    garbage: GarbageState
    nodes: tuple[NodeState, ...]


async def cluster_status(ports: Ports, missing: MissingCopies, scrub: Scrub) -> ClusterStatus:
    """Ask every member at once and sum up. Raises Unavailable before this node knows its cluster."""
    view = ports.registry.view()
    cluster, layout = queries.cluster(view), queries.layout(view)
    if cluster is None or layout is None:
        raise Unavailable("this node does not know its cluster yet")
    members, voters = queries.members(view), queries.voters(view)
    answers = await _ask_all(ports, own_status(ports, missing, scrub), members)
    raft = ports.registry.status()
    facts = _facts(layout, members, voters, answers, raft, queries.settings(view).write_quorum)
    differing = differing_nodes({node: answer.raft.compared for node, answer in answers.items()})
    commit = max((answer.raft.commit_index for answer in answers.values()), default=raft.commit_index)
    return ClusterStatus(
        format=FORMAT,
        cluster=ClusterName(cluster.cluster_id.hex(), cluster.region),
        health=_at_most_degraded(health_of(facts)) if differing else health_of(facts),
        writable=writable(facts),
        sentence=_sentence(facts, [member.name for member in members if member.id in differing]),
        copies=Copies(facts.replicas, facts.missing_blobs),
        layout=LayoutState(layout.epoch, layout.sealed, bool(layout.target)),
        garbage=_garbage(answers.values(), ports.clock.now()),
        nodes=tuple(
            msgspec.structs.replace(
                _node(member, voters, raft.leader, answers.get(member.id), commit), rows_differ=member.id in differing
            )
            for member in members
        ),
    )


def _at_most_degraded(health: Health) -> Health:
    return "degraded" if health == "healthy" else health


def _sentence(facts: Facts, differing: list[str]) -> str:
    sentence = sentence_of(facts, losses_allowed(facts))
    return f"the registry of {', '.join(differing)} is not that of the others; {sentence}" if differing else sentence


async def _ask_all(ports: Ports, own: NodeStatus, members: tuple[Member, ...]) -> dict[NodeId, NodeStatus]:
    """The answers of the nodes that gave one before the deadline."""
    answers = {ports.node: own}

    async def ask(node: NodeId) -> None:
        try:
            answers[node] = await ports.peers.status(node)
        except Unavailable:
            return  # shown as not reachable: it is absent from the answers

    with trio.move_on_after(limits.status_deadline_seconds):
        async with trio.open_nursery() as nursery:
            for member in members:
                if member.id != ports.node and ports.peers.reachable(member.id):
                    nursery.start_soon(ask, member.id)
    return answers


def _facts(
    layout: Layout,
    members: tuple[Member, ...],
    voters: tuple[NodeId, ...],
    answers: dict[NodeId, NodeStatus],
    raft: RaftStatus,
    quorum: WriteQuorum,
) -> Facts:
    storage = [member.id for member in members if member.state is MemberState.ACTIVE]
    return Facts(
        voters=len(voters),
        voters_up=sum(node in answers and not answers[node].raft.awaits_promotion for node in voters),
        members=len(members),
        members_up=sum(member.id in answers for member in members),
        storage_up=sum(node in answers and answers[node].disk.is_writable for node in storage),
        replicas=replicas_count(len({node for homes in layout.base for node in homes})),
        missing_blobs=sum(answer.blobs_missing for answer in answers.values()),
        is_settled=not layout.target and not any(answer.reconciling for answer in answers.values()),
        has_leader=raft.leader is not None,
        quorum=quorum,
    )


def _garbage(answers: Iterable[NodeStatus], now: int) -> GarbageState:
    found = [answer.garbage for answer in answers]
    first = min((garbage.walked_at for garbage in found), default=0)
    return GarbageState(
        sum(garbage.blobs_count for garbage in found),
        sum(garbage.bytes_count for garbage in found),
        max(0, now - first) // 1000 if first else None,
    )


def _node(
    member: Member, voters: tuple[NodeId, ...], leader: NodeId | None, answer: NodeStatus | None, commit: int
) -> NodeState:
    votes = member.id in voters and (answer is None or not answer.raft.awaits_promotion)
    role = "leader" if member.id == leader else "follower" if votes else "learner"
    disk = answer.disk if answer is not None else DiskUsage(0, 0, 0, False)
    return NodeState(
        id=member.id,
        name=member.name,
        zone=member.zone,
        state=member.state.value,
        role=role,
        reachable=answer is not None,
        term=answer.raft.term if answer is not None else 0,
        applied_index=answer.raft.applied_index if answer is not None else 0,
        lag=max(0, commit - answer.raft.applied_index) if answer is not None else 0,
        disk=Disk(disk.size_bytes, disk.free_bytes, disk.blobs_count, disk.directories),
        blobs_missing=answer.blobs_missing if answer is not None else 0,
        s3=member.addresses.s3,
        admin=member.addresses.admin,
        peers=member.addresses.peers,
        version=answer.version if answer is not None else "",
        scrub=answer.scrub if answer is not None else None,
    )
