"""Builders: clusters of fakes, grown by the commands that grow a real one."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random

import pytest
import trio

from mys3d.blobs.memory import MemoryBlobs
from mys3d.consensus.memory import MemoryCluster
from mys3d.engine.membership import begin
from mys3d.engine.put import StoredBody
from mys3d.engine.repair import MissingCopies
from mys3d.engine.scrub import Scrub
from mys3d.engine.service import Service
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses, MemberState
from mys3d.model.names import AccessKey, BucketId, BucketName, GcEpoch, Instant, NodeId, ObjectKey
from mys3d.model.objects import Content
from mys3d.peers.memory import MemoryNetwork, MemoryPeers
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import (
    CreateBucket,
    CreateToken,
    InitialiseCluster,
    JoinMember,
    PutObject,
    ReleaseLayout,
    ReportHomes,
    SealLayout,
    UpdateMember,
)
from mys3d.registry.levels import LEVEL


class TestClock:
    """The wall clock stands on a date; the other follows trio."""

    __test__ = False

    def now(self) -> Instant:
        return Instant(1_700_000_000_000 + int(trio.current_time() * 1000))

    def monotonic(self) -> float:
        return trio.current_time()


class SeededEntropy:
    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)

    def token(self, size: int) -> bytes:
        return self._dice.randbytes(size)


class Paper:
    """Where the note of a scrub is kept."""

    def __init__(self) -> None:
        self.text: bytes | None = None
        self.is_torn = False

    async def load(self) -> bytes | None:
        return self.text

    async def save(self, text: bytes) -> None:
        if self.is_torn:
            raise Unavailable("the disk is full")
        self.text = text


@pytest.fixture
def paper() -> Paper:
    return Paper()


@dataclass
class GridNode:
    """One node of a grid."""

    ports: Ports
    blobs: MemoryBlobs
    missing: MissingCopies
    service: Service
    scrub: Scrub


@dataclass
class Grid:
    """Some nodes over one log and one network, with a bucket."""

    network: MemoryNetwork
    cluster: MemoryCluster
    nodes: list[GridNode] = field(default_factory=list)
    bucket: BucketId = field(default=BucketId(0))

    def __getitem__(self, number: int) -> GridNode:
        return self.nodes[number]

    @property
    def ids(self) -> list[NodeId]:
        return [node.ports.node for node in self.nodes]

    def holders(self, blob: BlobRef) -> set[int]:
        return {number for number, node in enumerate(self.nodes) if node.blobs.holds(blob.digest)}

    async def hold(self, data: bytes, numbers: Iterable[int]) -> BlobRef:
        """Put one blob on some nodes, past every rule."""
        digest = digest_of(data)
        for number in numbers:
            await self.nodes[number].blobs.put(digest, [data], GcEpoch(0))
        return BlobRef(digest, len(data))


def node_id(number: int) -> NodeId:
    return NodeId(f"{number + 1:x}" * 32)


def addresses(number: int) -> Addresses:
    return Addresses(f"n{number}:9000", f"n{number}:9001", f"n{number}:9002")


class DeafListener:
    """The control lanes of nodes whose registry is a fake."""

    def on_frame(self, node: NodeId, frame: bytes) -> None: ...

    def on_connected(self, node: NodeId) -> None: ...

    def on_disconnected(self, node: NodeId) -> None: ...


@pytest.fixture
def make_grid(nursery: trio.Nursery) -> Callable[..., Awaitable[Grid]]:
    """With `grown` False the nodes behind the first one have just joined: no homes, no votes."""

    async def make(count: int, grown: bool = True) -> Grid:
        grid = Grid(MemoryNetwork(nursery), MemoryCluster(TestClock()))
        for number in range(count):
            add_node(grid, number)
        registry = grid[0].ports.registry
        await registry.propose(
            InitialiseCluster(b"c" * 16, node_id(0), "n1", b"i" * 16, addresses(0), "z", 10**12, "us-east-1", LEVEL)
        )
        for number in range(1, count):
            await join(grid, number, grown)
        if count > 1 and grown:
            await move_layout(grid)
        await registry.propose(CreateBucket(BucketName("photos"), AccessKey("AKIA"), BucketConfiguration()))
        bucket = queries.bucket(registry.view(), BucketName("photos"))
        assert bucket is not None
        grid.bucket = bucket.id
        return grid

    return make


async def join(grid: Grid, number: int, is_active: bool = True) -> None:
    """Make one more node a member."""
    registry = grid[0].ports.registry
    secret = digest_of(bytes([number]))
    await registry.propose(CreateToken(secret, Instant(2_000_000_000_000)))
    command = JoinMember(secret, node_id(number), f"n{number + 1}", b"i" * 16, addresses(number), "z", 10**12, LEVEL)
    await registry.propose(command)
    if is_active:
        await registry.propose(UpdateMember(node_id(number), state=MemberState.ACTIVE))


async def move_layout(grid: Grid) -> None:
    """Give every active member its homes: begin, seal, report, release."""
    registry = grid[0].ports.registry
    layout = queries.layout(registry.view())
    assert layout is not None
    command = begin(layout, queries.members(registry.view()))
    assert command is not None
    await registry.propose(command)
    sealed = await registry.propose(SealLayout(command.epoch))
    for node in command.nodes:
        await registry.propose(ReportHomes(command.epoch, node, sealed.index))
    await registry.propose(ReleaseLayout(command.epoch))


def add_node(grid: Grid, number: int) -> None:
    node = node_id(number)
    blobs = MemoryBlobs()
    peers = MemoryPeers(grid.network, node)
    bare = Ports(node, grid.cluster.registry(node), blobs, peers, TestClock(), SeededEntropy(number))
    missing = MissingCopies(bare)
    ports = replace(bare, repairs=missing)
    paper = Paper()
    scrub = Scrub(ports, paper.load, paper.save)
    service = Service(ports, missing, scrub)
    grid.network.attach(node, service, DeafListener())
    grid.nodes.append(GridNode(ports, blobs, missing, service, scrub))


class Pieces:
    """A body source of given pieces; an exception among them is raised in its place."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = list(pieces)
        self.read_count = 0

    async def read(self) -> bytes:
        await trio.lowlevel.checkpoint()
        self.read_count += 1
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece


@pytest.fixture
def pieces() -> type[Pieces]:
    return Pieces


@pytest.fixture
def finisher() -> Callable[..., Callable[[StoredBody], PutObject]]:
    def make(grid: Grid, key: str = "cat.jpg") -> Callable[[StoredBody], PutObject]:
        def finish(stored: StoredBody) -> PutObject:
            return PutObject(
                grid.bucket, ObjectKey(key), stored.size, stored.md5.hex(), stored.body, Content("image/jpeg"), (),
                stored.layout_epoch, stored.gc_epoch,
            )  # fmt: skip

        return finish

    return make
