"""How the cluster grows.        Floor: engine. Called by: node, operations of the admin API.

Law: one duty at a time, each decided from applied state alone, so that a new leader goes on where the last one stopped.
Who votes is decided in `voting`. A layout is begun, sealed and released, never skipped. A leaving member's row goes
when it has neither a vote nor a partition.
LIMIT: a member that dies while it becomes a home holds that transition up; it must come back, or be replaced by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from mys3d import limits
from mys3d.engine.repair import MissingCopies
from mys3d.engine.voting import Electorate, SetVoter, voting_duty
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.members import Layout, Member, MemberState
from mys3d.model.names import NodeId, Partition
from mys3d.placement import next_layout
from mys3d.ports import AppliedEntry, Ports
from mys3d.registry import queries
from mys3d.registry.commands import (
    BeginLayout,
    ChangeSettings,
    JoinMember,
    ReleaseLayout,
    RemoveMember,
    ReportHomes,
    SealLayout,
    UpdateMember,
)


def _nobody(node: NodeId) -> bytes | None:
    return None


def _nobody_is(node: NodeId) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a leader decides from."""

    members: tuple[Member, ...]
    voters: tuple[NodeId, ...]
    layout: Layout
    caught_up: Callable[[NodeId], bool]
    may_seal: bool
    leader: NodeId | None = None
    incarnation: Callable[[NodeId], bytes | None] = _nobody
    is_up: Callable[[NodeId], bool] = bool
    is_dead: Callable[[NodeId], bool] = _nobody_is

    def electorate(self) -> Electorate:
        return Electorate(
            self.members, self.voters, self.leader, self.caught_up, self.incarnation, self.is_up, self.is_dead
        )


# Commands behind which there may be something to do.
_CHANGES: Final = (
    BeginLayout,
    ChangeSettings,
    JoinMember,
    ReleaseLayout,
    RemoveMember,
    ReportHomes,
    SealLayout,
    UpdateMember,
)

Duty = SetVoter | UpdateMember | BeginLayout | SealLayout | ReleaseLayout | RemoveMember


def next_duty(cluster: Cluster) -> Duty | None:
    """The next thing a leader should do. None: the cluster is as it should be, or has to wait for somebody."""
    voting = voting_duty(cluster.electorate())
    if voting is not None:
        return voting
    for member in cluster.members:
        is_voter = member.id in cluster.voters
        if member.state is MemberState.JOINING and (is_voter or cluster.caught_up(member.id)):
            return UpdateMember(member.id, state=MemberState.ACTIVE)
        if member.state is MemberState.LEAVING and not is_voter and not _is_home(cluster.layout, member.id):
            return RemoveMember(member.id)
    return _layout_duty(cluster)


def _is_home(layout: Layout, node: NodeId) -> bool:
    return node in nodes_of(layout.base) or node in nodes_of(layout.target)


def _layout_duty(cluster: Cluster) -> Duty | None:
    layout = cluster.layout
    if layout.target:
        if layout.seal_index == 0:
            return SealLayout(layout.epoch) if cluster.may_seal else None
        return ReleaseLayout(layout.epoch) if set(layout.reported) >= nodes_of(layout.target) else None
    storage = tuple(member for member in cluster.members if member.state is MemberState.ACTIVE)
    if {member.id for member in storage} == nodes_of(layout.base):
        return None
    return begin(layout, storage)


def begin(layout: Layout, storage: tuple[Member, ...]) -> BeginLayout | None:
    """The transition that gives `storage` members their homes. None: nothing would move."""
    target = next_layout(storage, layout.base)
    if target == layout.base:
        return None
    nodes = tuple(sorted(nodes_of(target)))
    number = {node: position for position, node in enumerate(nodes)}
    packed = tuple(tuple(number[node] for node in homes) for homes in target)
    return BeginLayout(type(layout.epoch)(layout.epoch + 1), nodes, packed)


def _is_settled(layout: Layout, cluster: Cluster | None) -> bool:
    """True when nobody comes or goes, as far as this node has to know: members are the leader's business."""
    members = cluster.members if cluster is not None else ()
    return not layout.target and all(member.state is MemberState.ACTIVE for member in members)


def nodes_of(homes: tuple[tuple[NodeId, ...], ...]) -> set[NodeId]:
    return {node for each in homes for node in each}


class Membership:
    """The growth duties of one node: those of a leader while it leads, and the report of its own homes."""

    def __init__(self, ports: Ports, missing: MissingCopies) -> None:
        self._ports: Final = ports
        self._missing: Final = missing
        self._silent_since: Final[dict[NodeId, float]] = {}  # on the clock of trio
        self._begun_at: tuple[int, float] = (0, 0.0)  # epoch, and the trio time at which it was first seen here
        self._is_settled = False  # at the last look nobody came or went
        self._changed = trio.Event()
        self._report_due = trio.Event()
        ports.registry.subscribe(self._on_applied)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do both until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            nursery.start_soon(self._report)
            task_status.started()

    async def _watch(self) -> None:
        """Look at what is applied, again and again. One timer for both duties: a wake-up costs more than a look."""
        while True:
            await self._rest()
            layout = queries.layout(self._ports.registry.view())
            if layout is not None and self._must_report(layout):
                self._report_due.set()
            is_leader = self._ports.registry.status().is_leader
            if not is_leader:
                self._silent_since.clear()
            cluster = self._look() if is_leader else None
            duty = next_duty(cluster) if cluster is not None else None
            self._is_settled = duty is None and layout is not None and _is_settled(layout, cluster)
            if duty is None:
                continue
            try:
                await self._do(duty)
            except (Rejected, Unavailable, OutcomeUnknown):
                # Another leader was faster, or none can commit now: the next look decides from what is applied then.
                continue

    async def _rest(self) -> None:
        """Wait for the next look: a tick while somebody comes or goes, else until a command says that somebody does."""
        if not self._is_settled:
            await trio.sleep(limits.membership_tick_seconds)
            return
        with trio.move_on_after(limits.membership_rest_seconds):
            await self._changed.wait()

    def _on_applied(self, entries: Sequence[AppliedEntry]) -> None:
        if any(isinstance(entry.command, _CHANGES) for entry in entries):
            self._changed.set()
            self._changed = trio.Event()

    def _look(self) -> Cluster | None:
        view = self._ports.registry.view()
        layout = queries.layout(view)
        if layout is None:
            return None
        members = queries.members(view)
        caught_up = self._ports.registry.caught_up
        self._listen(members)
        dead_after = queries.settings(view).dead_after_ms / 1000
        return Cluster(
            members,
            queries.voters(view),
            layout,
            caught_up,
            self._may_seal(layout, members),
            leader=self._ports.node,
            incarnation=self._ports.registry.incarnation_of,
            is_up=self._ports.peers.reachable,
            is_dead=lambda node: self._silence(node) >= dead_after,
        )

    def _listen(self, members: tuple[Member, ...]) -> None:
        """Note since when each member has not been reachable from here."""
        for member in members:
            if member.id == self._ports.node or self._ports.peers.reachable(member.id):
                self._silent_since.pop(member.id, None)
            else:
                self._silent_since.setdefault(member.id, trio.current_time())

    def _silence(self, node: NodeId) -> float:
        """Seconds."""
        since = self._silent_since.get(node)
        return 0.0 if since is None else trio.current_time() - since

    def _may_seal(self, layout: Layout, members: tuple[Member, ...]) -> bool:
        """Seal once the members have applied the begin, or had their time: who is late pushes again."""
        if self._begun_at[0] != layout.epoch:
            self._begun_at = (layout.epoch, trio.current_time())
        everybody = all(m.id == self._ports.node or self._ports.registry.caught_up(m.id) for m in members)
        return everybody or trio.current_time() - self._begun_at[1] >= limits.seal_wait_seconds

    async def _do(self, duty: Duty) -> None:
        if isinstance(duty, SetVoter):
            await self._ports.registry.set_voter(duty.node, duty.votes)
        else:
            await self._ports.registry.propose(duty)

    async def _report(self) -> None:
        """Tell the cluster when this node holds everything that a sealed layout gives it."""
        while True:
            await self._report_due.wait()
            self._report_due = trio.Event()
            layout = queries.layout(self._ports.registry.view())
            if layout is None or not self._must_report(layout):
                continue
            own = [Partition(p) for p, homes in enumerate(layout.target) if self._ports.node in homes]
            checked_at = await self._missing.hold_all(own)
            try:
                await self._ports.registry.propose(ReportHomes(layout.epoch, self._ports.node, checked_at))
            except (Rejected, Unavailable, OutcomeUnknown):
                continue  # Decided again from what is applied at the next look.

    def _must_report(self, layout: Layout) -> bool:
        if not layout.target or layout.seal_index == 0 or self._ports.node in layout.reported:
            return False
        return any(self._ports.node in homes for homes in layout.target)
