"""Which nodes are the homes of each partition.        Floor: placement (pure). Called by: engine.

Law: homes of a partition are distinct nodes, in distinct zones while there are enough; a node's share follows its
capacity; of the homes there are, as many stay as these two allow. The answer depends on the arguments only.
Method: water-filled targets under zone limits, keep, fill the deficits, then move from the fullest to the emptiest.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from mys3d import limits
from mys3d.model.members import Member
from mys3d.model.names import NodeId
from mys3d.model.settings import WriteQuorum

K = TypeVar("K")
Table = tuple[tuple[NodeId, ...], ...]

_rounds_max: Final = 64  # of moves over all partitions; a few are enough
_scatter: Final = 389  # coprime to 1,024: walks all partitions without a run of neighbours


def replicas_count(storage_nodes: int) -> int:
    """How many copies a cluster of this many storage nodes keeps."""
    return min(limits.replicas_max, storage_nodes)


def write_quorum(replicas: int, wanted: WriteQuorum = WriteQuorum.MAJORITY) -> int:
    """How many durable copies acknowledge a write."""
    return replicas if wanted is WriteQuorum.ALL else replicas // 2 + 1


def next_layout(members: Sequence[Member], previous: Sequence[Sequence[NodeId]]) -> Table:
    """The homes of each partition for these storage members, close to `previous` (empty: there is none)."""
    assert members, "a layout needs a storage member"
    return _Plan(members, previous).table()


class _Plan:
    """One layout in the making. Every order is that of node ids or partitions, never that of a set."""

    def __init__(self, members: Sequence[Member], previous: Sequence[Sequence[NodeId]]) -> None:
        ordered = sorted(members, key=lambda member: member.id)
        self.zone: Final = {member.id: member.zone for member in ordered}
        self.replicas: Final = replicas_count(len(ordered))
        zones: dict[str, list[NodeId]] = {}
        for member in ordered:
            zones.setdefault(member.zone, []).append(member.id)
        self.per_zone_max: Final = _per_zone_max([len(nodes) for nodes in zones.values()], self.replicas)
        capacity = {member.id: max(1, member.capacity_bytes) for member in ordered}
        self.target: Final = _targets(zones, capacity, self.replicas, self.per_zone_max)
        self.count: Final = dict.fromkeys(self.zone, 0)
        self.homes: Final = [
            [node for node in (previous[partition] if previous else ()) if node in self.zone]
            for partition in range(limits.partitions_count)
        ]
        for homes in self.homes:
            for node in homes:
                self.count[node] += 1

    def table(self) -> Table:
        for homes in self.homes:
            self._trim(homes)
        for partition in range(limits.partitions_count):
            self._fill(self.homes[partition * _scatter % limits.partitions_count])
        for _ in range(_rounds_max):
            if not self._move_all():
                break
        return tuple(tuple(homes) for homes in self.homes)

    def _surplus(self, node: NodeId) -> float:
        return self.count[node] - self.target[node]

    def _fits(self, homes: Sequence[NodeId], node: NodeId) -> bool:
        if node in homes:
            return False
        zone, zone_of = self.zone[node], self.zone
        return sum(zone_of[home] == zone for home in homes) < self.per_zone_max

    def _trim(self, homes: list[NodeId]) -> None:
        """Take homes away until the zone limit and the number of copies hold: the fullest first."""
        while True:
            crowded = [
                node for node in homes if sum(self.zone[home] == self.zone[node] for home in homes) > self.per_zone_max
            ]
            if not crowded and len(homes) <= self.replicas:
                return
            gone = max(crowded or homes, key=self._surplus)
            homes.remove(gone)
            self.count[gone] -= 1

    def _fill(self, homes: list[NodeId]) -> None:
        while len(homes) < self.replicas:
            fitting = [node for node in self.zone if self._fits(homes, node)]
            # A set of kept homes always leaves a node that fits: the zone limit is the lowest that gives all copies.
            new = max(fitting, key=lambda node: -self._surplus(node) / max(1.0, self.target[node]))
            homes.append(new)
            self.count[new] += 1

    def _move_all(self) -> bool:
        """Let each partition give one home of a full node to an emptier one. False: nothing is left to gain."""
        has_moved = False
        for step in range(limits.partitions_count):
            if not any(self.count[node] - self.target[node] >= 0.5 for node in self.zone):
                return has_moved
            homes = self.homes[step * _scatter % limits.partitions_count]
            has_moved = self._move(homes) or has_moved
        return has_moved

    def _move(self, homes: list[NodeId]) -> bool:
        for old in sorted(homes, key=lambda node: -self._surplus(node)):
            surplus = self._surplus(old)
            if surplus < 0.5:
                return False
            rest = [home for home in homes if home != old]
            # One copy must not only change places: the taker stays emptier than the giver was.
            takers = [
                node
                for node in self.zone
                if node != old and self._surplus(node) < surplus - 1 and self._fits(rest, node)
            ]
            if takers:
                new = min(takers, key=self._surplus)
                homes[homes.index(old)] = new
                self.count[old] -= 1
                self.count[new] += 1
                return True
        return False


def _per_zone_max(sizes: Sequence[int], replicas: int) -> int:
    """The least number of homes of one partition in one zone with which all copies find a place."""
    for limit in range(1, replicas):
        if sum(min(size, limit) for size in sizes) >= replicas:
            return limit
    return replicas


def _targets(
    zones: Mapping[str, Sequence[NodeId]], capacity: Mapping[NodeId, int], replicas: int, per_zone_max: int
) -> dict[NodeId, float]:
    """How many partitions each node should hold: by capacity, but none more than its zone and the partitions allow."""
    partitions = limits.partitions_count
    of_zones = _poured(
        partitions * replicas,
        {zone: sum(capacity[node] for node in nodes) for zone, nodes in zones.items()},
        {zone: partitions * min(per_zone_max, len(nodes)) for zone, nodes in zones.items()},
    )
    target: dict[NodeId, float] = {}
    for zone, nodes in zones.items():
        target |= _poured(of_zones[zone], {node: capacity[node] for node in nodes}, dict.fromkeys(nodes, partitions))
    return target


def _poured(amount: float, weights: Mapping[K, int], tops: Mapping[K, int]) -> dict[K, float]:
    """Share `amount` by weight; what a full vessel cannot take goes to the others."""
    level: dict[K, float] = {}
    open_ = dict(weights)
    while open_:
        total = sum(open_.values())
        full = [name for name, weight in open_.items() if amount * weight / total > tops[name]]
        if not full:
            return level | {name: amount * weight / total for name, weight in open_.items()}
        for name in full:
            level[name] = tops[name]
            amount -= tops[name]
            del open_[name]
    return level
