"""One seeded run of a whole cluster, and its verdict.        Floor: tests. Called by: __main__, test_simulation.

Law: everything that chance decides (delays, crashes, scheduling, ids) comes from the seed, so a run can be repeated.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import trio
from trio._core import _run
from trio.testing import MockClock

from mys3d.consensus.consensus import StoreAhead
from mys3d.engine.admission import Description, admit, create_token
from mys3d.engine.bootstrap import FirstStart, first_start
from mys3d.engine.vault import Vault
from mys3d.errors import Unavailable
from mys3d.limits import TIB
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses
from mys3d.model.names import AccessKey, BucketId, BucketName, NodeId
from mys3d.registry import queries
from mys3d.registry.commands import JoinMember
from mys3d.registry.invariants import violations
from tests.simulation.checks import History, different_registries, lost_puts, wrong_reads
from tests.simulation.network import Network, Trace
from tests.simulation.node import SimulatedNode
from tests.simulation.workload import Client, read_key

NODES_COUNT = 3
CLIENTS_COUNT = 4
BUCKET = BucketName("simulated")
FORM_SECONDS_MAX = 60.0
DOUBT_SECONDS = 15.0  # a proposal in doubt is settled after its deadline of 10 s
HEAL_SECONDS_MAX = 120.0  # virtual seconds after the last fault until everything must be in order

Say = Callable[[str], None]


@dataclass
class Verdict:
    """What a run showed. `problems` is empty when every promise was kept."""

    seed: int
    trace: str = ""
    events_count: int = 0
    acknowledged_count: int = 0
    reads_count: int = 0
    doubtful_count: int = 0
    crashes_count: int = 0
    compared_count: int = 0  # applied indexes at which several registries were compared
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = (
            f"{self.acknowledged_count} puts acknowledged, {self.reads_count} reads, {self.doubtful_count} in doubt, "
            f"{self.crashes_count} crashes, {self.compared_count} registries compared, {self.events_count} events"
        )
        told = "all promises kept" if not self.problems else f"{len(self.problems)} PROMISES BROKEN"
        return f"seed {self.seed}: {told} ({counts}; trace {self.trace})"


def simulate(
    seed: int, seconds: float = 20.0, lies: frozenset[str] = frozenset(), say: Say = lambda _: None
) -> Verdict:
    """Run a cluster for `seconds` of virtual time under faults, let it heal, and check what it promised."""
    _run._ALLOW_DETERMINISTIC_SCHEDULING = True
    _run._r = Random(seed)
    world = World(seed, seconds, lies, say)
    trio.run(world.run, clock=MockClock(autojump_threshold=0))
    _run._ALLOW_DETERMINISTIC_SCHEDULING = False
    _run._r = random.Random()
    return world.verdict


class World:
    def __init__(self, seed: int, seconds: float, lies: frozenset[str], say: Say) -> None:
        self.verdict = Verdict(seed)
        self._dice = Random(seed)
        self._seconds = seconds
        self._lies = lies
        self._say = say
        self._history = History()
        self._trace = Trace()
        self._seen: list[tuple[str, int, int]] = []
        self._nodes: list[SimulatedNode] = []
        self._disk_lost_at = math.inf  # when the next acknowledgement costs its node the disk

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            network = Network(self._dice, nursery, self._trace)
            for number in range(NODES_COUNT):
                self._nodes.append(self._make(number, network))
            nursery.start_soon(self._keep_alive, self._nodes[0])
            bucket = await self._form(nursery)
            self._disk_lost_at = trio.current_time() + self._dice.uniform(0.3, 0.6) * self._seconds
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as storm:
                    for number in range(CLIENTS_COUNT):
                        client = Client(number, self._dice, self._nodes, bucket, self._history, self._lose_a_disk)
                        storm.start_soon(client.run)
                    storm.start_soon(self._break_things, network)
                    for _ in range(10):
                        await trio.sleep(self._seconds / 10)
                        self._say(f"{trio.current_time():7.1f} s  {self._history.acknowledged_count} puts acknowledged")
                    await self._lose_everything_but_disks()
                    scope.cancel()
            await self._heal(network)
            await self._judge(bucket)
            nursery.cancel_scope.cancel()

    def _make(self, number: int, network: Network) -> SimulatedNode:
        node = NodeId(f"{number + 1}" * 32)
        first = NodeId("1" * 32)
        founders = (first,) if node == first else ()
        node_dice = Random(self._dice.random())
        made = SimulatedNode(node, network, node_dice, self._lies, founders, seeds=(first, node) if number else ())
        made.rows.on_write = lambda: self._seen.append((node[:4], made.applied(), made.rows.fingerprint))
        return made

    async def _keep_alive(self, node: SimulatedNode) -> None:
        """Start a node again, some time after each crash."""
        while True:
            try:
                await node.live()
            except StoreAhead as refusal:
                self.verdict.problems.append(f"{node.id[:4]} refused to start again: {refusal}")
                return
            self.verdict.crashes_count += 1
            await trio.sleep(self._dice.uniform(0.05, 2.0))

    async def _form(self, nursery: trio.Nursery) -> BucketId:
        """Grow from one node to three, the way a cluster does: token, join, learner, voter, layout."""
        first = self._nodes[0]
        await _until(lambda: first.ports is not None, FORM_SECONDS_MAX)
        assert first.ports is not None
        plan = FirstStart(b"c" * 16, "n1", _description(1), "us-east-1", AccessKey("AKIAROOT"), "secret", BUCKET)
        await first_start(first.ports, Vault(b"k" * 32), plan)
        for number, node in enumerate(self._nodes[1:], 2):
            secret, _ = await create_token(first.ports)
            described = _description(number)
            command = JoinMember(
                digest_of(secret), node.id, f"n{number}", described.incarnation, described.addresses, "z",
                described.capacity_bytes,
            )  # fmt: skip
            admission = await admit(first.ports, command)
            node.seeds = tuple(member.id for member in admission.members)
            nursery.start_soon(self._keep_alive, node)
        await _until(self._is_grown, FORM_SECONDS_MAX)
        self._say(f"{trio.current_time():7.1f} s  three voters, three copies")
        bucket = queries.bucket(first.rows.reader(), BUCKET)
        assert bucket is not None
        return bucket.id

    def _is_grown(self) -> bool:
        """Every node sees three voters and a layout of three homes without transition."""
        for node in self._nodes:
            layout = queries.layout(node.rows.reader())
            if layout is None or layout.target or len(layout.base[0]) != NODES_COUNT:
                return False
            if len(queries.voters(node.rows.reader())) != NODES_COUNT:
                return False
        return True

    async def _break_things(self, network: Network) -> None:
        """Crashes of one node and of all, and cut-off nodes, at seeded moments."""
        while True:
            await trio.sleep(self._dice.expovariate(1.0))
            kind, node = self._dice.random(), self._dice.choice(self._nodes)
            if kind < 0.6:
                node.crash()
            elif kind < 0.7:
                for each in self._nodes:
                    each.crash()
            else:
                network.cut(node.id)
                await trio.sleep(self._dice.uniform(0.1, 3.0))
                network.mend(node.id)

    def _lose_a_disk(self, node: SimulatedNode) -> None:
        """When its time has come, a node loses all its blobs right after it acknowledged a put.

        Two copies acknowledge a put, so the loss of one must be survived, and the copy must come back.
        """
        if self._disk_lost_at > trio.current_time() or node.ports is None:
            return
        self._disk_lost_at = math.inf
        node.blobs.is_doomed = True
        node.crash()

    async def _lose_everything_but_disks(self) -> None:
        """The end of every run: one more disk goes with an acknowledgement, and at once the power of all nodes."""
        patience = 5.0 if self._lies else HEAL_SECONDS_MAX
        try:
            await _until(lambda: not any(map(self._lacking, self._nodes)), patience)
            self._disk_lost_at = trio.current_time()
            await _until(lambda: self._disk_lost_at == math.inf, patience, every=0.001)
        except Unavailable as error:
            self.verdict.problems.append(f"copies did not come back, or no put was acknowledged any more: {error}")
        for node in self._nodes:
            node.crash()

    async def _heal(self, network: Network) -> None:
        """No more faults: wait until all registries are level and no copy is missing.

        Registries that fell back to the same old prefix are level too, so a barrier on each node comes first: behind
        it everything acknowledged is applied. What is still in doubt may come later and has its time to be repaired.
        """
        patience = 5.0 if self._lies else HEAL_SECONDS_MAX
        for node in self._nodes:
            network.mend(node.id)
        try:
            await _until(lambda: all(node.ports is not None for node in self._nodes), patience)
            for node in self._nodes:
                await self._pass_barrier(node)
            await trio.sleep(DOUBT_SECONDS)
            await _until(self._is_level, patience)
        except Unavailable as error:
            self.verdict.problems.append(f"after the last fault the cluster did not come to rest: {error}")

    async def _pass_barrier(self, node: SimulatedNode) -> None:
        """Raises Unavailable when no majority answers for long."""
        for _ in range(10):
            try:
                assert node.ports is not None
                await node.ports.registry.barrier()
                return
            except Unavailable:
                continue
        raise Unavailable(f"{node.id[:4]} passed no barrier in ten attempts")

    def _is_level(self) -> bool:
        if any(node.ports is None for node in self._nodes):
            return False
        indexes = {node.applied() for node in self._nodes}
        return len(indexes) == 1 and not any(self._lacking(node) for node in self._nodes)

    def _lacking(self, node: SimulatedNode) -> list[str]:
        """Referenced blobs that a home does not hold."""
        reader = node.rows.reader()
        layout = queries.layout(reader)
        if layout is None:
            return [f"{node.id[:4]} knows no layout any more"]
        return [
            f"{node.id[:4]} lacks blob {blob.digest.hex()[:8]}"
            for partition, homes in enumerate(layout.base)
            if node.id in homes
            for blob in queries.referenced(reader, partition, None, 10_000)
            if not node.blobs.holds(blob.digest)
        ]

    async def _judge(self, bucket: BucketId) -> None:
        verdict, problems = self.verdict, self.verdict.problems
        held: dict[str, bytes | None] = {}
        for node in self._nodes:
            if node.ports is None:
                continue
            for key in sorted(self._history.invoked):
                try:
                    held[key] = await read_key(node.ports, bucket, key)
                except Unavailable as error:
                    problems.append(f"{key} through {node.id[:4]}: {error}")
            problems += [f"through {node.id[:4]}: {text}" for text in lost_puts(self._history, held)]
            problems += self._lacking(node) + violations(node.rows.reader())
        problems += wrong_reads(self._history) + different_registries(self._seen)
        seen = {(node, index) for node, index, _ in self._seen}
        verdict.compared_count = len(seen) - len({index for _, index in seen})
        verdict.trace, verdict.events_count = self._trace.hexdigest(), self._trace.events_count
        verdict.acknowledged_count = self._history.acknowledged_count
        verdict.reads_count = len(self._history.reads)
        verdict.doubtful_count = self._history.doubtful_count


def _description(number: int) -> Description:
    addresses = Addresses(f"n{number}:9000", f"n{number}:9001", f"n{number}:9002")
    return Description(bytes([number]) * 16, addresses, "z", TIB)


async def _until(is_true: Callable[[], bool], seconds: float, every: float = 0.05) -> None:
    """Wait for a condition. Raises Unavailable when it does not come true."""
    with trio.move_on_after(seconds):
        while not is_true():  # noqa: ASYNC110 # looks at disks and rows, which have no event
            await trio.sleep(every)
        return
    raise Unavailable(f"{is_true.__name__} was not so within {seconds} s")
