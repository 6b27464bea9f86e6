"""The rows of all nodes are the same.        Floor: engine. Called by: node, doctor.

Law: compared stretch by stretch at one log index each, so that nothing has to stand still. A node whose name differs
from that of most members is told so through the log, and makes its rows anew; where no majority agrees, nobody is told:
an operator is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
import trio

from mys3d import limits
from mys3d.errors import OutcomeUnknown, Rejected, Unavailable
from mys3d.model.names import LogIndex, NodeId
from mys3d.ports import Compared, Ports
from mys3d.registry import queries
from mys3d.registry.commands import CompareRows, CondemnRows

_look_seconds: Final = 0.25

log = structlog.get_logger("mys3d.engine")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one stretch told. `differing`: nodes whose rows are not those of most, or all when no most agree."""

    index: LogIndex
    rows_count: int
    next_start: bytes  # empty: the walk is through
    silent: tuple[NodeId, ...]  # members that named nothing in time
    differing: tuple[NodeId, ...]
    digest: bytes | None  # of most members; None: no majority agrees


def judge(own: Compared, named: Mapping[NodeId, Compared], members: tuple[NodeId, ...]) -> Finding:
    """Compare what the members named. `named` has the names that were given in time."""
    voices: dict[bytes, list[NodeId]] = {}
    for node in members:
        if node in named:
            voices.setdefault(named[node].digest, []).append(node)
    silent = tuple(node for node in members if node not in named)
    digest = next((digest for digest, nodes in voices.items() if 2 * len(nodes) > len(members)), None)
    differing = [node for found, nodes in voices.items() if found != digest for node in nodes]
    if len(voices) < 2:
        differing = []
    return Finding(own.index, own.rows_count, own.next_start, silent, tuple(differing), digest)


def differing_nodes(compared: Mapping[NodeId, tuple[Compared, ...]]) -> tuple[NodeId, ...]:
    """Nodes that gave a stretch, among the newest, another name than most of those that named it."""
    found: dict[NodeId, None] = {}
    nodes = tuple(sorted(compared))
    for index in sorted({name.index for names in compared.values() for name in names}):
        named = {node: name for node in nodes for name in compared[node] if name.index == index}
        one = next(iter(named.values()))
        found |= dict.fromkeys(judge(one, named, tuple(named)).differing)
    return tuple(found)


class Comparison:
    """The comparisons of one node. The leader makes them all the time, any node on demand."""

    def __init__(self, ports: Ports) -> None:
        self._ports: Final = ports
        self._start = b""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compare one stretch after the other while this node leads, until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(limits.compare_tick_seconds)
            if not self._ports.registry.status().is_leader or self._is_upgrading():
                self._start = b""
                continue
            try:
                self._start = (await self.step(self._start)).next_start
            except (Rejected, Unavailable, OutcomeUnknown):
                continue  # Another leader was faster, or none can commit now: the same stretch comes again.

    def _is_upgrading(self) -> bool:
        """Nodes of different software may write the same thing in other bytes: nobody is wrong then."""
        return len({member.level for member in queries.members(self._ports.registry.view())}) > 1

    async def compare_all(self) -> list[Finding]:
        """Compare every row once, now. Raises Unavailable, OutcomeUnknown."""
        found = [await self.step(b"")]
        while found[-1].next_start:
            found.append(await self.step(found[-1].next_start))
        return found

    async def step(self, start: bytes) -> Finding:
        """Compare one stretch and act on it. Raises Rejected, Unavailable, OutcomeUnknown."""
        applied = await self._ports.registry.propose(CompareRows(start, limits.compare_rows_max))
        members = tuple(member.id for member in queries.members(self._ports.registry.view()))
        named = await self._named(applied.index, members)
        if self._ports.node not in named:
            raise Unavailable(f"this node did not name its rows at entry {applied.index} in time")
        finding = judge(named[self._ports.node], named, members)
        if finding.differing:
            await self._tell(finding, start)
        return finding

    async def _named(self, index: LogIndex, members: tuple[NodeId, ...]) -> dict[NodeId, Compared]:
        """Who named the stretch of `index`, once all did, or when the time is over."""
        named: dict[NodeId, Compared] = {}
        with trio.move_on_after(limits.compare_wait_seconds):
            while len(named) < len(members):
                for node in members:
                    found = None if node in named else await self._ask(node, index)
                    if found is not None:
                        named[node] = found
                await trio.sleep(_look_seconds)
        return named

    async def _ask(self, node: NodeId, index: LogIndex) -> Compared | None:
        if node == self._ports.node:
            return _at(index, self._ports.registry.status().compared)
        if not self._ports.peers.reachable(node):
            return None
        try:
            return _at(index, (await self._ports.peers.status(node)).raft.compared)
        except Unavailable:
            return None  # silent, until it answers in time

    async def _tell(self, finding: Finding, start: bytes) -> None:
        log.error("rows differ", index=finding.index, nodes=finding.differing, has_majority=finding.digest is not None)
        for node in finding.differing if finding.digest is not None else ():
            await self._ports.registry.propose(CondemnRows(node, finding.index, start, finding.digest or b""))


def _at(index: LogIndex, compared: tuple[Compared, ...]) -> Compared | None:
    return next((found for found in compared if found.index == index), None)
