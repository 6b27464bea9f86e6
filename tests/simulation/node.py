"""One simulated node: the product's composition root on disks and links that fail.        Floor: tests. Called by: run.

Law: everything that lives in memory is built anew by every start; only the disk survives a crash. What the operating
system and the network give a node is exchanged here (`outside`), everything else is the product.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import trio

from mys3d import limits
from mys3d.blobs import record, volume
from mys3d.blobs.depot import Depot
from mys3d.config.load import load_config
from mys3d.config.record import BlobsFolder, NodeConfig
from mys3d.config.sources import Sources
from mys3d.model.digest import Digest
from mys3d.model.members import Member
from mys3d.model.names import Instant, LogIndex, NodeId
from mys3d.node import life
from mys3d.operations.services import Services
from mys3d.peers import identity as identities
from mys3d.peers.identity import Membership
from mys3d.peers.pki import Authority
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.web.serve import Bound
from tests.simulation.checks import Laws
from tests.simulation.files import Disk, File, PowerCut, Trouble
from tests.simulation.machine import DISKS, ROOT, SimulatedPath
from tests.simulation.network import Endpoint, Link, Network
from tests.simulation.profiles import Profile
from tests.simulation.promises import Promises
from tests.simulation.rocks import Bare, Rdict
from tests.simulation.threads import HERE

EPOCH_MS = 1_700_000_000_000  # the wall clock at virtual second 0
ACCESS_KEY, SECRET_KEY, BUCKET = "AKIASIMULATED", "simulated-secret-key", "simulated"
AUTHORITY = Authority(b"certificate", b"key")


class Crashed(Exception):
    """Ends the tasks of a node that is dead already."""


class VirtualClock:
    """Both clocks follow the virtual time of the run; the wall clock of a node may be off."""

    def __init__(self) -> None:
        self._host = HERE.get()

    def now(self) -> Instant:
        return Instant(EPOCH_MS + int(trio.current_time() * 1000) + self._host.skew_ms)

    def monotonic(self) -> float:
        return trio.current_time()


class SeededEntropy:
    def __init__(self) -> None:
        self._dice = HERE.get().dice

    def token(self, size: int) -> bytes:
        return self._dice.randbytes(size)


class SimulatedPeers(Link):
    """`peers.network.PeerNetwork`: the node is on the network for as long as `run` runs."""

    def __init__(self, identity: object, service: object, listener: object, *_: object) -> None:
        self._host = HERE.get()
        self._inside = (service, listener)
        super().__init__(self._host.network, self._host.id)

    def set_members(self, members: Iterable[Member]) -> None:
        """Addresses mean nothing here."""

    def forget_seeds(self) -> None:
        """Nor do seeds."""

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        host = self._host
        async with trio.open_nursery() as nursery:
            host.network.start(host.id, Endpoint(*self._inside, nursery, host))
            task_status.started(0)
            try:
                await host.crashed.wait()
                raise Crashed
            finally:
                host.network.stop(host.id)


async def serve_front(
    services: Services, *_: object, shutdown: trio.Event, task_status: trio.TaskStatus[Bound], **__: object
) -> None:
    """`web.serve.serve_front`: from here on clients reach the node."""
    host = HERE.get()
    host.services = services
    task_status.started(Bound((), ()))
    try:
        await shutdown.wait()
    finally:
        host.services = None


def _services_of(dispatching: partial, *_: object) -> Services:
    """`web.app.s3_app`: what the front would hand every request to."""
    return dispatching.args[0]


def _product_node(*parts: object) -> life.Node:
    """`life.Node`, with a way for the checkers to look into it."""
    host = HERE.get()
    host.node = _ProductNode(*parts)
    host.promises.began_log(host.applied(), host.node.consensus.is_stale)
    host.laws.watch(host)
    return host.node


_ProductNode = life.Node

OUTSIDE = {
    "Node": _product_node,
    "PeerNetwork": SimulatedPeers,
    "MachineClock": VirtualClock,
    "MachineEntropy": SeededEntropy,
    "serve_front": serve_front,
    "s3_app": _services_of,
    "admin_app": lambda *_: None,
    "set_up_logging": lambda _: None,
}


@dataclass(eq=False)
class SimulatedNode:
    """A node through all its lives. `services` is None while no client can reach it."""

    id: NodeId
    number: int
    network: Network
    dice: Random
    laws: Laws
    profile: Profile
    services: Services | None = None
    node: life.Node | None = None  # the product's, while it lives
    lives_count: int = 0
    installs_count: int = 0  # of snapshots, in all lives but the present one
    skew_ms: int = 0
    is_retired: bool = False  # never started again
    crashed: trio.Event = field(default_factory=trio.Event)
    stop: trio.Event = field(default_factory=trio.Event)
    waits: dict[trio.CancelScope, None] = field(default_factory=dict)
    requests: dict[trio.CancelScope, None] = field(default_factory=dict)
    _is_alive: bool = False

    def __post_init__(self) -> None:
        root = f"{ROOT}{self.id[:4]}-{self.number}"
        self.disk = Disk(root, Random(self.dice.random()))
        self.disk.flush_chance = self.profile.flush_chance
        self.promises = Promises(lambda problem: self.laws.note(f"{self.id[:4]}: {problem}"))
        self.disk.on_power_cut = lambda: self.crash(power=True)
        DISKS[root[len(ROOT) :]] = self.disk
        self.config = self._configured(SimulatedPath(root) / "data")

    def _configured(self, data: SimulatedPath) -> NodeConfig:
        """What an operator would write, on the simulated disk."""
        flags = {
            "name": f"n{self.number}", "advertise": f"n{self.number}", "zone": "z", "bind": "127.0.0.1",
            "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "log_level": "error",
            "gc_period_ms": self.dice.choice(self.profile.gc_periods_ms),
        }  # fmt: skip
        config = load_config(flags, Sources(environ={}))
        names = ("blobs", "blobs-2")[: self.dice.choice((1, 1, 2))]
        return replace(
            config,
            data=data,
            registry_path=data / "registry",
            blobs=tuple(BlobsFolder(data / name, None) for name in names),
            capacity_bytes=limits.TIB,
            log_keep_entries=self.dice.choice(self.profile.log_keeps),
            bucket=BUCKET if self.number == 1 else None,
        )

    @property
    def ports(self) -> Ports | None:
        return self.services.ports if self.services is not None else None

    @property
    def is_up(self) -> bool:
        return self._is_alive

    def settle(self, cluster_id: bytes, seeds: dict[NodeId, str], incarnation: bytes) -> None:
        """Write the identity, as the start of a cluster or a join does. Whatever a storm did to the disk is over."""
        self.disk.trouble = Trouble()
        made = Membership(cluster_id, self.id, incarnation, seeds, b"k" * 32, AUTHORITY, b"cert", b"key")
        identities.create(self.config.data, made)

    async def live(self) -> BaseException | None:
        """One life. Returns when it was crashed or stopped; what ended it otherwise."""
        HERE.set(self)
        self.disk.boot()
        self.crashed, self.stop = trio.Event(), trio.Event()
        self.waits = {}
        self._is_alive = True
        self.lives_count += 1
        try:
            async with trio.open_nursery() as self.nursery:
                await self._run()
        except BaseException as error:
            if isinstance(error, trio.Cancelled) or not isinstance(error, Exception | BaseExceptionGroup | PowerCut):
                raise
            if not self.crashed.is_set():
                self._end(power=False)
                return error
        finally:
            if self.node is not None:
                self.installs_count += self.node.consensus.installer.installs_count
            self.node = self.services = None
            self._is_alive = False
        if not self.crashed.is_set():
            self._end(power=False)
        return None

    async def _run(self) -> None:
        identity = identities.load(self.config.data)
        await life._live(self.config, identity, self.stop, None)

    def crash(self, *, power: bool) -> None:
        """Stop at this instant: nothing leaves the node any more. `power`: its page cache is gone too."""
        if not self._is_alive or self.crashed.is_set():
            return
        self.crashed.set()
        self._end(power=power)

    def _end(self, *, power: bool) -> None:
        self.services = None
        self.network.stop(self.id)
        if power:
            self.disk.lose_power()
        else:
            self.disk.kill()
        for scope in [*self.waits, *self.requests]:
            scope.cancel()

    def leads(self) -> bool:
        return self.node is not None and self.node.consensus.raft.is_leader()

    def journal(self) -> list[tuple[str, File]]:
        """The files of the journal, in the order of their names."""
        try:
            folder = self.disk.look(self.disk.root + "/data/journal")
        except FileNotFoundError:
            return []
        return [(name, file) for name, file in sorted(folder.entries.items()) if isinstance(file, File)]

    def depots(self) -> list[Depot]:
        return [] if self.node is None else self.node.blobs.depots

    def rot(self, digest: Digest, dice: Random) -> bool:
        """Flip a bit of the record of a blob. False: it is not held here."""
        for depot in self.depots():
            place = depot.directory.index.find(digest)
            if place is not None:
                path = volume.path_of(depot.directory.folder, place.volume)
                at = place.offset + dice.randrange(record.header_bytes(place.length) + place.length)
                self.disk.look(str(path)).rot(at, 1 << dice.randrange(8))
                return True
        return False

    def wipe(self, area: str) -> None:
        """Lose the folders of one area of the data directory, as broken disks would. The node is down."""
        if area == "blobs":
            self.promises.lost_blobs()
        folder = self.disk.look(self.disk.root + "/data")
        folder.change(**{name: None for name in folder.entries if name.startswith(area)})
        folder.sync()

    async def handle(self, request: Callable[[Services], Awaitable[None]]) -> bool:
        """Run a client's request in this node. False: it crashed meanwhile, or is down."""
        services = self.services
        if services is None:
            return False
        HERE.set(self)
        life = self.disk.life
        with trio.CancelScope() as scope:
            self.requests[scope] = None
            try:
                await request(services)
            except BaseException:
                if not scope.cancel_called and life == self.disk.life and self.disk.is_on:
                    raise
                await trio.lowlevel.checkpoint()
                return False
            finally:
                self.requests.pop(scope, None)
                HERE.set(None)
        return not scope.cancelled_caught

    def rows(self) -> Bare:
        """The registry's rows, for checkers. The node is up."""
        return Bare(self.registry)

    @property
    def registry(self) -> Rdict:
        """The store that holds the rows at present; copies of it are stores too. The node is up."""
        generations = self.node.consensus._store
        return generations._store._rows

    def applied(self) -> LogIndex:
        return LogIndex(0) if self.node is None else queries.applied(self.rows())[0]
