"""What goes wrong during a run, and when.        Floor: tests. Called by: world.

Law: each seed has its own weather: every kind of fault is there or not, rare or frequent (a storm of everything at once
finds less). What destroys data destroys at most one copy: the next such fault waits until every copy is back.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import trio

from mys3d.model.digest import Digest
from mys3d.model.names import NodeId
from mys3d.model.scrub import ScrubAction
from mys3d.registry import keys, tables
from tests.simulation.aimed import Aimed
from tests.simulation.files import SYNC_SECONDS, Trouble
from tests.simulation.network import BREAK_CHANCE, DELAY_SECONDS

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode
    from tests.simulation.world import World

NODES_MAX = 5
DESTROY_SECONDS_MIN = 25.0  # a put that pushed before one loss is committed or refused before the next
ENABLED_CHANCE = 0.5  # that a kind of fault exists in a run


class Storm:
    """The faults of one run."""

    def __init__(self, world: "World") -> None:
        self.counts: dict[str, int] = {}
        self.is_over = False
        self._world = world
        self._dice = world.dice
        self._wipe_at = math.inf
        self._destroyed_at = -math.inf
        self._forgot_at = -math.inf
        self._rows_rotten: dict[NodeId, int] = {}
        aimed = Aimed(world)
        kinds: dict[str, tuple[Callable[[], Awaitable[None]], float]] = {  # and seconds between two, on average
            "kill": (self._kill, 8.0),
            "power": (self._power, 8.0),
            "power in a call": (self._power_in_a_call, 6.0),
            "kill all": (self._kill_all, 40.0),
            "power all": (self._power_all, 30.0),
            "restart": (self._restart, 20.0),
            "isolate": (self._isolate, 12.0),
            "one way": (self._one_way, 8.0),
            "shake": (self._shake, 3.0),
            "slow link": (self._slow_link, 8.0),
            "drop": (self._drop, 8.0),
            "slow disk": (self._slow_disk, 12.0),
            "journal errors": (lambda: self._errors("journal"), 15.0),
            "blob errors": (lambda: self._errors("blobs"), 15.0),
            "full disk": (self._full_disk, 20.0),
            "clock": (self._skew, 10.0),
            "rot in volumes": (self._rot_volumes, 6.0),
            "rot in rows": (self._rot_rows, 25.0),
            "wipe of blobs": (self._wipe_blobs, 25.0),
            "loss of a journal": (lambda: self._harm_journal(self._wipe_log), 20.0),
            "rot in a journal": (lambda: self._harm_journal(self._rot_log), 20.0),
            "scrub": (self._scrub, 12.0),
            "join": (self._join, 25.0),
            "kill leader": (aimed.kill_leader, 15.0),
            "mute leader": (aimed.mute_leader, 10.0),
            "mute follower": (aimed.mute_follower, 10.0),
            "power in the journal": (aimed.cut_power_in_the_journal, 10.0),
            "rot in fresh batches": (lambda: self._harm_journal(aimed.rot_fresh_batches), 20.0),
        }
        self._kinds = self._chosen(kinds, world.profile.faults)

    def _chosen(
        self, kinds: dict[str, tuple[Callable[[], Awaitable[None]], float]], faults: Mapping[str, float] | None
    ) -> dict[str, tuple[Callable[[], Awaitable[None]], float]]:
        if faults is not None:
            return {name: (kinds[name][0], seconds) for name, seconds in faults.items()}
        return {
            name: (act, seconds * self._dice.uniform(0.5, 2.0))
            for name, (act, seconds) in kinds.items()
            if self._dice.random() < ENABLED_CHANCE
        }

    def begin(self, nursery: trio.Nursery) -> None:
        for name, (act, seconds) in self._kinds.items():
            nursery.start_soon(self._repeat, name, act, seconds)

    def calm_down(self) -> None:
        """Everything that is broken but not lost works again."""
        self.is_over = True
        for node in self._world.nodes:
            node.skew_ms = 0
            self._mend_disk(node)
        for one, other in self._pairs():
            self._mend_way(one.id, other.id)

    # --- the copy that goes with an acknowledgement

    def wipe_at_next_acknowledgement(self) -> None:
        self._wipe_at = trio.current_time()

    @property
    def is_wipe_due(self) -> bool:
        return self._wipe_at != math.inf

    def acknowledged(self, node: "SimulatedNode") -> None:
        """Two copies acknowledge a put, so the loss of one must be survived, and the copy must come back."""
        if self._wipe_at > trio.current_time() or not node.is_up:
            return
        if not all(self._world.laws.has_sound_copy(blob, node) for blob in self._named()):
            return  # other copies of something are damaged and not healed yet: not this acknowledgement
        self._wipe_at = math.inf
        self._destroyed_at = trio.current_time()
        node.crash(power=True)
        node.wipe("blobs")

    # --- kinds

    async def _repeat(self, name: str, act: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await trio.sleep(self._dice.expovariate(1 / seconds))
            if self.is_over:
                return
            self.counts[name] = self.counts.get(name, 0) + 1
            self._world.trace.note("fault", name)
            await act()

    def _node(self) -> "SimulatedNode":
        return self._dice.choice(self._world.nodes)

    def _pair(self) -> tuple[NodeId, NodeId]:
        one, other = self._dice.sample(self._world.nodes, 2)
        return one.id, other.id

    def _pairs(self) -> list[tuple["SimulatedNode", "SimulatedNode"]]:
        return [(one, other) for one in self._world.nodes for other in self._world.nodes if one is not other]

    async def _kill(self) -> None:
        self._node().crash(power=False)

    async def _power(self) -> None:
        self._node().crash(power=True)

    async def _power_in_a_call(self) -> None:
        self._node().disk.trouble.calls_left = self._dice.randint(1, 12)

    async def _kill_all(self) -> None:
        for node in self._world.nodes:
            node.crash(power=False)

    async def _power_all(self) -> None:
        for node in self._world.nodes:
            node.crash(power=True)

    async def _restart(self) -> None:
        self._node().stop.set()

    async def _isolate(self) -> None:
        node = self._node()
        others = [other for other in self._world.nodes if other is not node]
        for other in others:
            self._world.network.block(node.id, other.id)
            self._world.network.block(other.id, node.id)
        await trio.sleep(self._dice.uniform(0.1, 8.0))
        for other in others:
            self._world.network.open(node.id, other.id)
            self._world.network.open(other.id, node.id)

    async def _one_way(self) -> None:
        source, target = self._pair()
        self._world.network.block(source, target)
        await trio.sleep(self._dice.uniform(0.1, 8.0))
        self._world.network.open(source, target)

    async def _shake(self) -> None:
        self._world.network.shake(*self._pair(), times=self._dice.randint(1, 4))

    async def _slow_link(self) -> None:
        """One lane of a way becomes slow: what is sent on the other overtakes it."""
        source, target = self._pair()
        way, seconds = self._world.network.way(source, target), self._dice.uniform(0.01, 0.4)
        if self._dice.random() < 0.5:
            way.bulk_delay_seconds = seconds
        else:
            way.delay_seconds = seconds
        await trio.sleep(self._dice.uniform(0.5, 5.0))
        self._mend_way(source, target, opens=False)

    async def _drop(self) -> None:
        source, target = self._pair()
        way = self._world.network.way(source, target)
        way.drop_chance, way.break_chance = 0.05, 0.01
        await trio.sleep(self._dice.uniform(0.5, 5.0))
        self._mend_way(source, target, opens=False)

    async def _slow_disk(self) -> None:
        node = self._node()
        node.disk.trouble.sync_seconds = self._dice.uniform(0.05, 0.8)
        await trio.sleep(self._dice.uniform(0.5, 5.0))
        self._mend_disk(node)

    async def _errors(self, area: str) -> None:
        node = self._node()
        kind = self._dice.choice(("write", "sync", "sync", "read"))
        node.disk.trouble.failing = {(kind, area): self._dice.choice((1.0, 0.2))}
        await trio.sleep(self._dice.uniform(0.1, 2.0))
        node.disk.trouble.failing = {}
        await trio.sleep(self._dice.uniform(0.1, 5.0))
        node.crash(power=False)  # the operator: an offline directory comes back with the next start

    async def _full_disk(self) -> None:
        node = self._node()
        trouble = node.disk.trouble
        trouble.is_full, trouble.is_brimming = True, self._dice.random() < 0.3
        await trio.sleep(self._dice.uniform(0.5, 5.0))
        trouble.is_full = trouble.is_brimming = False

    async def _skew(self) -> None:
        self._node().skew_ms = int(self._dice.uniform(-3_000, 3_000))

    # --- what destroys a copy

    async def _rot_volumes(self) -> None:
        """Bits flip in copies of one node, as long as another node has a sound one."""
        node = self._node()
        if node.node is None:
            return
        for blob in self._dice.sample(named := self._named(), min(2, len(named))):
            if self._world.laws.has_sound_copy(blob, node) and node.rot(blob, self._dice):
                self._world.laws.rotten.setdefault(node.id, set()).add(blob)

    async def _rot_rows(self) -> None:
        """A block of the registry of one node does not match its checksum any more. The third time stops the node."""
        node = self._node()
        if node.node is None or self._rows_rotten.get(node.id, 0) >= 2:
            return
        self._rows_rotten[node.id] = self._rows_rotten.get(node.id, 0) + 1
        rows = node.rows()
        names = [key for key, _ in rows.scan(b"", b"\xff")]
        node.registry.spoil(self._dice.sample(names, min(3, len(names))))

    async def _wipe_blobs(self) -> None:
        """One node loses all its blobs, as long as others hold each of them; then a while nothing is destroyed."""
        node = self._node()
        if node.node is None or trio.current_time() - self._destroyed_at < DESTROY_SECONDS_MIN:
            return
        if self.is_wipe_due or not all(self._world.laws.has_sound_copy(blob, node) for blob in self._named()):
            return
        self._destroyed_at = trio.current_time()
        node.crash(power=self._dice.random() < 0.5)
        node.wipe("blobs")

    async def _harm_journal(self, harm: Callable[["SimulatedNode"], None]) -> None:
        """One voter forgets what it promised, when all others are well; then a while no other one does."""
        node = self._node()
        if trio.current_time() - self._forgot_at < DESTROY_SECONDS_MIN or not self._world.is_grown():
            return
        self._forgot_at = trio.current_time()
        node.crash(power=self._dice.random() < 0.5)
        node.promises.is_journal_harmed = True
        harm(node)

    def _wipe_log(self, node: "SimulatedNode") -> None:
        node.wipe("journal")
        if self._dice.random() < 0.3:
            node.wipe("registry")

    def _rot_log(self, node: "SimulatedNode") -> None:
        logs = [file for file in node.disk.files("journal") if file.cached.data]
        if not logs:
            return
        file = self._dice.choice(logs)
        file.rot(self._dice.randrange(len(file.cached.data)), 1 << self._dice.randrange(8))

    def _named(self) -> list[Digest]:
        """All blobs that the newest rows name."""
        reader = self._world.laws.newest_rows()
        return [tables.blob_of(key, row)[0].digest for key, row in reader.scan(*keys.stretch(keys.REFERENCES))]

    async def _scrub(self) -> None:
        node = self._node()
        if node.node is not None:
            action = self._dice.choice((ScrubAction.START, ScrubAction.START, ScrubAction.PAUSE, ScrubAction.RESUME))
            self._world.nursery.start_soon(self._act, node, action)

    async def _act(self, node: "SimulatedNode", action: ScrubAction) -> None:
        async def act(_: object) -> None:
            await node.node.scrub.act(action)

        await node.handle(act)

    async def _join(self) -> None:
        if len(self._world.nodes) < NODES_MAX:
            await self._world.join()

    # --- mending

    def _mend_way(self, source: NodeId, target: NodeId, *, opens: bool = True) -> None:
        way = self._world.network.way(source, target)
        way.delay_seconds = way.bulk_delay_seconds = DELAY_SECONDS
        way.drop_chance, way.break_chance = 0.0, BREAK_CHANCE
        if opens:
            self._world.network.open(source, target)

    def _mend_disk(self, node: "SimulatedNode") -> None:
        trouble: Trouble = node.disk.trouble
        trouble.sync_seconds = SYNC_SECONDS
        if self.is_over:
            trouble.failing, trouble.calls_left, trouble.calls_area = {}, None, ""
            trouble.is_full = trouble.is_brimming = False
