"""Builders of this room: small rows and rules, a disk that forgets, a cluster in one event loop."""

import importlib.util
import types
from pathlib import Path
from random import Random

import msgspec
import pytest
import trio

from mys3d.consensus import append
from mys3d.consensus.applier import Machine
from mys3d.consensus.consensus import Consensus
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.store import RocksStore
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.model.buckets import BucketConfiguration
from mys3d.model.names import AccessKey, BucketName
from mys3d.registry.commands import CancelOperation, CreateBucket, Proposal
from mys3d.registry.outcomes import Applied
from tests.consensus.disks import Rows, SimulatedDisk

CLUSTER = b"c" * 16
A, B, C, D, E = (letter * 32 for letter in "abcde")


class Pending:
    """Read-your-writes over rows."""

    def __init__(self, reader):
        self.reader, self.pending = reader, {}

    def get(self, key):
        return self.pending[key] if key in self.pending else self.reader.get(key)

    def scan(self, start, stop, *, reverse=False):
        raise NotImplementedError

    def put(self, key, value):
        self.pending[key] = value

    def delete(self, key):
        self.pending[key] = None

    def writes(self):
        return list(self.pending.items())


def _applied_row(tx, index, term):
    assert index == applied(tx)[0] + 1 or (index == 2 and applied(tx)[0] == 0), f"{index} follows {applied(tx)}"
    tx.put(b"applied", msgspec.msgpack.encode((index, term)))


def applied(reader):
    row = reader.get(b"applied")
    return msgspec.msgpack.decode(row, type=tuple[int, int]) if row else (0, 0)


def voters(reader):
    row = reader.get(b"voters")
    return msgspec.msgpack.decode(row, type=tuple[str, ...]) if row else ()


CANCELLED = msgspec.msgpack.encode(-1)


def outcome_in(row):
    made = msgspec.msgpack.decode(row, type=int)
    if made == -1:
        return Rejected(Reason.EXPIRED, "cancelled")
    return Applied(made) if made else Rejected(Reason.BUCKET_EXISTS)


def outcome(reader, operation):
    row = reader.get(b"op:" + operation)
    return None if row is None else outcome_in(row)


def apply_noop(tx, index, term):
    _applied_row(tx, index, term)


def incarnations(reader):
    pins = {node: reader.get(b"pin:" + node.encode()) for node in (A, B, C, D, E)}
    return {node: pin for node, pin in pins.items() if pin}


def apply_membership(tx, index, term, node, votes, incarnation):
    if votes and incarnation:
        tx.put(b"pin:" + node.encode(), incarnation)
    names = set(voters(tx)) | {node} if votes else set(voters(tx)) - {node}
    tx.put(b"voters", msgspec.msgpack.encode(tuple(sorted(names))))
    _applied_row(tx, index, term)


def apply_command(tx, index, term, payload):
    """Each bucket name may be made once; an operation seen before gets its first answer; `count` is not idempotent."""
    _applied_row(tx, index, term)
    try:
        proposal = msgspec.msgpack.decode(payload, type=Proposal)
    except msgspec.DecodeError:
        return None, Rejected(Reason.INVALID_COMMAND)
    known = tx.get(b"op:" + proposal.operation)
    if known is not None:
        return proposal.command, outcome_in(known)
    if proposal.expires_at < index:
        return proposal.command, Rejected(Reason.EXPIRED)
    if isinstance(proposal.command, CancelOperation):
        if tx.get(b"op:" + proposal.command.operation) is None:
            tx.put(b"op:" + proposal.command.operation, CANCELLED)
        return proposal.command, Applied(index)
    key = b"bucket:" + proposal.command.name.encode()
    is_new = tx.get(key) is None
    tx.put(b"op:" + proposal.operation, msgspec.msgpack.encode(index if is_new else 0))
    if not is_new:
        return proposal.command, Rejected(Reason.BUCKET_EXISTS)
    tx.put(key, msgspec.msgpack.encode(index))
    tx.put(b"count", msgspec.msgpack.encode(msgspec.msgpack.decode(tx.get(b"count") or b"\0", type=int) + 1))
    return proposal.command, Applied(index)


MACHINE = Machine(
    overlay=Pending,
    apply_command=apply_command,
    apply_noop=apply_noop,
    apply_membership=apply_membership,
    applied=applied,
    voters=voters,
    incarnations=incarnations,
    encode=msgspec.msgpack.encode,
    outcome=outcome,
    obstacle=lambda reader, command: "",
    rows_of=lambda index, payload: (),
)


class Dice:
    """Seeded ports.Entropy."""

    def __init__(self, seed):
        self.random = Random(seed)

    def token(self, size):
        return self.random.randbytes(size)


class TrioClock:
    def now(self):
        return 1_700_000_000_000 + int(trio.current_time() * 1000)

    def monotonic(self):
        return trio.current_time()


class Lanes:
    """One node's ports.Wire in a `Network`."""

    def __init__(self, network, node):
        self.network, self.node = network, node

    def send(self, node, frame):
        if not self.connected(node):
            return False
        self.network.frames_count += 1
        self.network.listeners[node].on_frame(self.node, frame)
        return True

    def connected(self, node):
        return node in self.network.listeners and frozenset((self.node, node)) not in self.network.cuts

    async def open_snapshot(self, node, since):
        return await self._listener(node).on_open_snapshot(since)

    async def snapshot_piece(self, node, snapshot, file, start, stop):
        return await self._listener(node).on_snapshot_piece(snapshot, file, start, stop)

    def _listener(self, node):
        if not self.connected(node):
            raise Unavailable(f"node {node} is not reachable")
        return self.network.listeners[node]


class Network:
    """Lanes between the nodes of one event loop."""

    def __init__(self):
        self.listeners, self.cuts, self.frames_count = {}, set(), 0

    def attach(self, node, listener):
        self.listeners[node] = listener
        for other in self.listeners:
            self._tell(node, other, "on_connected")

    def detach(self, node):
        for other in self.listeners:
            self._tell(node, other, "on_disconnected")
        del self.listeners[node]

    def cut(self, node, other):
        self.cuts.add(frozenset((node, other)))
        self._tell(node, other, "on_disconnected")

    def heal(self, node, other):
        self.cuts.discard(frozenset((node, other)))
        self._tell(node, other, "on_connected")

    def _tell(self, node, other, event):
        if node != other and node in self.listeners and other in self.listeners:
            getattr(self.listeners[node], event)(other)
            getattr(self.listeners[other], event)(node)


class Cluster:
    """Nodes in one event loop, on files or simulated disks, that can be killed and started again."""

    def __init__(self, nursery, directory=None, machine=MACHINE, clock=None, sync=None, keep=None):
        self.nursery, self.directory, self.machine = nursery, directory, machine
        self.clock = clock or TrioClock()
        self.sync = sync
        self.keep = keep
        self.network = Network()
        self.nodes, self.scopes, self.rows, self.disks = {}, {}, {}, {}

    async def start(self, node, initial=(), members=()):
        if self.directory is None:
            disk = self.disks.setdefault(node, SimulatedDisk())
        else:
            disk = FileDisk(self.directory / node[:4], CLUSTER)
        rows = self.rows.setdefault(node, Rows())
        seams = {"sync": self.sync} if self.sync else {}
        if self.keep is not None:
            seams["log_keep_entries"] = self.keep
        consensus = Consensus(
            node, disk, rows, self.machine, Lanes(self.network, node), self.clock, Dice(node), initial, **seams
        )
        consensus.set_members(members)
        self.nodes[node] = consensus
        self.network.attach(node, consensus)
        self.scopes[node] = await self.nursery.start(self._run, consensus)
        return consensus

    async def _run(self, consensus, task_status):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(consensus.run)
                task_status.started(scope)

    def kill(self, node):
        self.scopes.pop(node).cancel()
        self.network.detach(node)
        # The dying node may take one more step: what it still writes must not reach its next life.
        rows, self.rows[node] = self.rows[node], Rows()
        self.rows[node].history, self.rows[node].flushed = list(rows.history), rows.flushed
        self.rows[node].generation, self.rows[node].generations = rows.generation, rows.generations
        self.rows[node].durable_generation = rows.durable_generation
        self.rows[node].kill(rows.flushed)
        if node in self.disks:
            disk = self.disks[node]
            self.disks[node] = SimulatedDisk(disk.works, disk.base, disk.install)
        return self.nodes.pop(node)

    async def leader(self):
        return await self.until(lambda: next((n for n in self.nodes.values() if n.status().is_leader), None))

    async def until(self, condition, seconds=20):
        with trio.fail_after(seconds):
            while True:
                found = condition()
                if found:
                    return found
                await trio.sleep(0.01)

    async def agree(self):
        """Wait until every node has applied everything, then return the one state they hold."""
        await self.until(
            lambda: len({(n.status().applied_index, n.status().last_index) for n in self.nodes.values()}) == 1
        )
        states = [self.rows[node].rows for node in self.nodes]
        assert all(state == states[0] for state in states)
        return states[0]


async def at_once(work):
    """Sync in the loop: a clock that jumps does not wait for threads."""
    work()
    await trio.lowlevel.checkpoint()


def bucket(name):
    return CreateBucket(BucketName(name), AccessKey("root"), BucketConfiguration())


@pytest.fixture
def builders():
    """The classes above, for tests that arrange their own world."""
    names = (
        "Rows",
        "MACHINE",
        "SimulatedDisk",
        "Dice",
        "TrioClock",
        "Network",
        "Lanes",
        "Cluster",
        "at_once",
        "bucket",
        "CLUSTER",
        "Proposal",
        "Applied",
    )
    found = {name: globals()[name] for name in names}
    return types.SimpleNamespace(**found, nodes=(A, B, C, D, E), applied=applied, voters=voters)


@pytest.fixture
def hand(monkeypatch):
    """The module of the hand-driven world, `hand.py`."""
    monkeypatch.setattr(append, "batch_bytes", append.batch_bytes)  # schedules change it
    spec = importlib.util.spec_from_file_location("consensus_hand", Path(__file__).with_name("hand.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.use(Rows, SimulatedDisk, Dice)
    return module


@pytest.fixture
async def cluster(nursery):
    """An empty cluster on simulated disks. With `autojump_clock`, time jumps when nothing is left to do."""

    return Cluster(nursery, sync=at_once)


@pytest.fixture
def store(tmp_path):
    store = RocksStore(tmp_path / "registry")
    yield store
    store.close()
