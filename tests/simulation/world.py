"""The cluster, its storm and its end.        Floor: tests. Called by: run.

A run: one node founds a cluster, others join; clients work while the storm breaks things; then all power goes,
everything is mended, and the cluster must come to rest with everything it acknowledged. Law: the last word is what
clients were told.
"""

import contextlib
import errno
from collections.abc import Callable
from random import Random

import trio

from mys3d.engine.admission import admit, create_token
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.limits import TIB
from mys3d.model import digest as digests
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses, Member
from mys3d.model.names import BucketName, NodeId
from mys3d.ports import Ports
from mys3d.registry import keys, queries, tables
from mys3d.registry.commands import JoinMember
from mys3d.registry.invariants import violations
from mys3d.registry.levels import LEVEL
from tests.simulation import rocks
from tests.simulation.checks import Laws, different_registries, leaks
from tests.simulation.history import History, wrong_answers
from tests.simulation.network import Network, Trace
from tests.simulation.node import BUCKET, SimulatedNode
from tests.simulation.profiles import Profile
from tests.simulation.storm import Storm
from tests.simulation.workload import KEYS, Bodies, Client, read_everything

CLUSTER_ID = b"c" * 16
CLIENTS_COUNT = 5
RESTART_SECONDS_MAX = 2.0
OPERATOR_SECONDS = 5.0
BARRIERS_MAX = 40
NEAR_ENTRIES = 50  # a node this close to the end of the log is well
FORM_SECONDS_MAX = 60.0
DOUBT_SECONDS = 15.0  # a proposal in doubt is settled after its deadline of 10 s
HEAL_SECONDS_MAX = 120.0  # virtual seconds after the last fault until everything must be in order

Say = Callable[[str], None]


class World:
    def __init__(self, dice: Random, seconds: float, say: Say, profile: Profile, *, is_hunting: bool = False) -> None:
        """`is_hunting`: the first broken promise ends the run, which then says nothing about the others."""
        self.problems: list[str] = []
        self.trace = Trace()
        self.nodes: list[SimulatedNode] = []
        self.history = History()
        self.crashes_count = 0
        self.dice = dice
        self.profile = profile
        self._is_hunting = is_hunting
        self._seconds = seconds
        self._say = say
        self._seen: list[tuple[str, int, int]] = []
        self.storm: Storm | None = None
        self.laws = Laws(self.nodes, self.problems)

    def counts(self) -> dict[str, int]:
        seen = {(node, index) for node, index, _ in self._seen}
        return {
            "nodes": len(self.nodes),
            **self.history.counts(),
            "crashes": self.crashes_count,
            "faults": 0 if self.storm is None else sum(self.storm.counts.values()),
            "installs": sum(node.installs_count for node in self.nodes),
            "registries compared": len(seen) - len({index for _, index in seen}),
            "events": self.trace.events_count,
        }

    async def run(self) -> None:
        rocks.ON_WRITE.append(self._note_rows)
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            self.network = Network(self.dice, nursery, self.trace)
            try:
                await self._tell_the_story()
            finally:
                for node in self.nodes:
                    node.is_retired = True
                    node.crash(power=False)
                with trio.CancelScope(shield=True):
                    await _until(lambda: not any(node.is_up for node in self.nodes), 60.0)
                nursery.cancel_scope.cancel()

    async def _tell_the_story(self) -> None:
        count = self.dice.choice(self.profile.nodes)
        await self._found()
        for _ in range(count - 1):
            await self.join()
        await _until(self.is_grown, FORM_SECONDS_MAX)
        self._say(f"{trio.current_time():7.1f} s  {count} nodes, three copies")
        self.storm = Storm(self)
        self.nursery.start_soon(self._operate)
        async with trio.open_nursery() as weather:
            bodies = Bodies(self.dice, self.profile.blocks_count)
            for number in range(CLIENTS_COUNT):
                weather.start_soon(Client(number, self, bodies).run)
            self.storm.begin(weather)
            looks_count = 100 if self._is_hunting else 10
            for _ in range(looks_count):
                await trio.sleep(self._seconds / looks_count)
                self._say(f"{trio.current_time():7.1f} s  {self.history.counts()}")
                if self.problems:
                    break  # the verdict is known, and a broken cluster makes a long run
            if not self._is_found():
                await self._lose_everything_but_disks()
            weather.cancel_scope.cancel()
        if not self._is_found():
            await self._heal()
        if not self._is_found():
            await self._judge()

    def _is_found(self) -> bool:
        return self._is_hunting and bool(self.problems)

    # --- nodes

    def _make(self) -> SimulatedNode:
        number = len(self.nodes) + 1
        name, dice = NodeId(f"{number:x}" * 32), Random(self.dice.random())
        node = SimulatedNode(name, number, self.network, dice, self.laws, self.profile)
        self.nodes.append(node)
        return node

    async def _found(self) -> None:
        first = self._make()
        first.settle(CLUSTER_ID, {first.id: "n1:9012"}, first.dice.randbytes(16))
        self.nursery.start_soon(self._keep_alive, first)

        def is_founded() -> bool:
            ports = first.ports
            return ports is not None and queries.bucket(ports.registry.view(), BucketName(BUCKET)) is not None

        await _until(is_founded, FORM_SECONDS_MAX)

    async def join(self) -> None:
        """What `mys3d token` and `mys3d join` do, through any node that answers."""
        node = self._make()
        incarnation = node.dice.randbytes(16)
        members: tuple[Member, ...] = ()
        while not members:
            door = self.dice.choice(self.nodes)
            if door.ports is not None:
                with contextlib.suppress(Unavailable, OutcomeUnknown, Rejected, AttributeError):
                    members = await self._admitted(node, incarnation, door.ports)
            await trio.sleep(0.1)
        node.settle(CLUSTER_ID, {member.id: member.addresses.peers for member in members}, incarnation)
        self.nursery.start_soon(self._keep_alive, node)

    async def _admitted(self, node: SimulatedNode, incarnation: bytes, door: Ports) -> tuple[Member, ...]:
        """Ask once. A node that is a member already was admitted when it was told that this was not known yet."""
        secret, _ = await create_token(door)
        addresses = Addresses(*[f"n{node.number}:{port}" for port in (1, 2, 3)])
        command = JoinMember(digest_of(secret), node.id, f"n{node.number}", incarnation, addresses, "z", TIB, LEVEL)
        try:
            return (await admit(door, command)).members
        except Rejected as refusal:
            if refusal.reason is not Reason.MEMBER_EXISTS:
                raise
            return queries.members(door.registry.view())

    async def _keep_alive(self, node: SimulatedNode) -> None:
        """Start a node again, some time after each end."""
        while not node.is_retired:
            error = await node.live()
            self.crashes_count += 1
            self.trace.note("end", node.id, type(error).__name__)
            if error is not None and not self._is_excused(node, error):
                self.problems.append(f"{node.id[:4]} died by itself: {told(error)}")
                if len(self.problems) > 20:
                    return
            await trio.sleep(self.dice.uniform(0.05, RESTART_SECONDS_MAX))

    async def _operate(self) -> None:
        """An operator who reads the status: a directory out of service wants its node restarted."""
        while True:
            await trio.sleep(OPERATOR_SECONDS)
            for node in self.nodes:
                if any(depot.offline for depot in node.depots()):
                    self.trace.note("operator", node.id)
                    node.stop.set()

    def _is_excused(self, node: SimulatedNode, error: BaseException | None) -> bool:
        """A node may stop when its disk fails; it must not when only others do."""
        if isinstance(error, BaseExceptionGroup):
            return all(self._is_excused(node, each) for each in error.exceptions)
        while error is not None and not (isinstance(error, OSError) and error.errno in (errno.EIO, errno.ENOSPC)):
            error = error.__cause__
        return error is not None and node.disk.failures_count > 0

    def is_grown(self) -> bool:
        """Every node sees the voters and the layout that its cluster should have."""
        voters_count = {1: 1, 2: 2, 3: 3, 4: 3}.get(len(self.nodes), 5)
        for node in self.nodes:
            if node.node is None:
                return False
            view = node.rows()
            layout = queries.layout(view)
            if layout is None or layout.target or {home for each in layout.base for home in each} != self._ids():
                return False
            if len(queries.voters(view)) != voters_count or not self._is_near(node):
                return False
        return True

    def _is_near(self, node: SimulatedNode) -> bool:
        return max(each.applied() for each in self.nodes) - node.applied() <= NEAR_ENTRIES

    def _ids(self) -> set[NodeId]:
        return {node.id for node in self.nodes}

    # --- the end

    async def _lose_everything_but_disks(self) -> None:
        """The end of every run: a disk goes with an acknowledgement, and at once the power of all nodes."""
        assert self.storm is not None
        self.storm.calm_down()
        patience = 5.0 if self.problems else HEAL_SECONDS_MAX
        try:
            await _until(lambda: not self.lacking(), patience, every=0.5)
            self.storm.wipe_at_next_acknowledgement()
            await _until(lambda: not self.storm.is_wipe_due, patience, every=0.001)
        except Unavailable as error:
            self.problems.append(f"copies did not come back, or no put was acknowledged any more: {error}")
        for node in self.nodes:
            node.crash(power=True)

    async def _heal(self) -> None:
        """No more faults: wait until all registries are level and no copy is missing.

        Registries that fell back to the same old prefix are level too, so a barrier on each node comes first: behind it
        everything acknowledged is applied. What is still in doubt may come later and has its time to be repaired.
        """
        assert self.storm is not None
        self.storm.calm_down()
        patience = 10.0 if self.problems else HEAL_SECONDS_MAX
        try:
            await _until(lambda: all(node.ports is not None for node in self.nodes), patience)
            for node in self.nodes:
                await self._pass_barrier(node)
            await trio.sleep(DOUBT_SECONDS)
            await _until(self._is_level, patience, every=0.5)
        except Unavailable as error:
            self.problems.append(f"after the last fault the cluster did not come to rest: {error}")
            self.problems += self.lacking()[:5]

    async def _pass_barrier(self, node: SimulatedNode) -> None:
        """Raises Unavailable when no majority answers for long."""
        for _ in range(BARRIERS_MAX):
            with contextlib.suppress(Unavailable):
                if node.ports is not None:
                    await node.ports.registry.barrier()
                    return
            await trio.sleep(1.0)  # without a majority a barrier fails at once
        raise Unavailable(f"{node.id[:4]} passed no barrier in {BARRIERS_MAX} attempts")

    def _is_level(self) -> bool:
        if any(node.ports is None for node in self.nodes):
            return False
        is_quiet = all(node.node.missing.blobs_missing == 0 for node in self.nodes)
        return is_quiet and len({node.applied() for node in self.nodes}) == 1 and not self.lacking()

    def lacking(self) -> list[str]:
        """Referenced blobs that a home does not hold, and homes that are down."""
        problems = []
        for node in self.nodes:
            if node.node is None:
                problems.append(f"{node.id[:4]} is down")
                continue
            reader = node.rows()
            layout = queries.layout(reader)
            if layout is None:
                problems.append(f"{node.id[:4]} knows no layout any more")
                continue
            homes = layout.target or layout.base
            for key, row in reader.scan(*keys.stretch(keys.REFERENCES)):
                blob, _ = tables.blob_of(key, row)
                if node.id in homes[digests.partition_of(blob.digest)] and not node.node.blobs.holds(blob.digest):
                    problems.append(f"{node.id[:4]} lacks blob {blob.digest.hex()[:8]}")
        return problems

    async def _judge(self) -> None:
        for node in self.nodes:
            if node.ports is None:
                continue
            await read_everything(self, node)
            self.problems += violations(node.rows())
        try:
            await _until(lambda: not self._leaks(), HEAL_SECONDS_MAX, every=1.0)
        except Unavailable:
            self.problems += self._leaks()
        self.problems += [*wrong_answers(self.history, KEYS), *different_registries(self._seen)]

    def _leaks(self) -> list[str]:
        return [problem for node in self.nodes if node.ports is not None for problem in leaks(node)]

    def _note_rows(self, rows: rocks.Rdict) -> None:
        if not any(node.node is not None and node.registry is rows for node in self.nodes):
            return  # an index, or a copy
        applied = queries.applied(rocks.Bare(rows))
        self._seen.append((rows.path.split("/")[2][:4], applied[0], rows.fingerprint))


def told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = "" if at is None else f" at {at.tb_frame.f_code.co_filename.rpartition('/')[2]}:{at.tb_lineno}"
    return f"{type(error).__name__}{where}: {error}"


async def _until(is_true: Callable[[], bool], seconds: float, every: float = 0.05) -> None:
    """Wait for a condition. Raises Unavailable when it does not come true."""
    with trio.move_on_after(seconds):
        while not is_true():  # noqa: ASYNC110 # looks at disks and rows, which have no event
            await trio.sleep(every)
        return
    raise Unavailable(f"{getattr(is_true, '__name__', 'it')} was not so within {seconds} s")
