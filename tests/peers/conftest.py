"""Builders of this room: a service that remembers, a listener that remembers, and a pair of nodes."""

import dataclasses
import time
from collections import defaultdict
from random import Random

import pytest
import trio

from mys3d.buffers import Buffers
from mys3d.errors import Damaged, Reason, Rejected, Unavailable
from mys3d.meters import Garbage
from mys3d.model.digest import digest_of
from mys3d.model.members import Addresses, Member, MemberState
from mys3d.model.names import Instant, NodeId, Term
from mys3d.model.scrub import ScrubReport, ScrubState
from mys3d.peers import identity, pki
from mys3d.peers.bulk import Bulk
from mys3d.peers.network import PeerNetwork
from mys3d.ports import DiskUsage, JoinAdmission, NodeStatus, RaftStatus, SnapshotFile, SnapshotOffer

A, B, C = (NodeId(letter * 32) for letter in "abc")
CLUSTER = b"c" * 16
NOW = int(time.time() * 1000)
RAFT = RaftStatus(Term(3), A, (A, B), True, 7, 8, 9, {B: 2})
SCRUB = ScrubReport(ScrubState.RUNNING, True, 5, 6000, 0.5, 7, Instant(0), Instant(8), 3, 2, 1)


class Service:
    """ports.PeerService: keeps blobs in a dict. `gate` holds every push back while it is set to an event."""

    def __init__(self, node):
        self.node, self.blobs, self.touches = node, {}, {}
        self.gate, self.error = None, None
        self.pushes_begun = 0
        self.scrub_actions = []
        self.joins, self.admission = [], JoinAdmission(CLUSTER, ())

    async def on_push(self, digest, data, touch):
        self.pushes_begun += 1
        if self.gate is not None:
            await self.gate.wait()
        self._fail()
        body = b"".join(data)
        if digest_of(body) != digest:
            raise Damaged(digest, self.node, "bytes of another name")
        self.blobs[digest], self.touches[digest] = body, touch

    async def on_fetch(self, digest, start, stop):
        await trio.lowlevel.checkpoint()
        self._fail()
        return self.blobs[digest][start:stop] if digest in self.blobs else None

    async def on_have(self, blobs, touch):
        await trio.lowlevel.checkpoint()
        self._fail()
        self.touches.update((blob.digest, touch) for blob in blobs)
        return tuple(blob.digest in self.blobs for blob in blobs)

    async def on_status(self):
        await trio.lowlevel.checkpoint()
        self._fail()
        disk = DiskUsage(100, 50, len(self.blobs), True)
        return NodeStatus(self.node, RAFT, disk, 1, False, "0.1", SCRUB, Garbage(1, 2, 3, 4, 5))

    async def on_scrub(self, action):
        await trio.lowlevel.checkpoint()
        self._fail()
        self.scrub_actions.append(action)
        return SCRUB

    async def on_join(self, command):
        self.joins.append(command)
        self._fail()
        return self.admission

    def _fail(self):
        if self.error is not None:
            raise self.error


class Listener:
    """ports.WireListener that remembers what it heard, and can be waited for."""

    def __init__(self):
        self.frames, self.linked, self.losses = defaultdict(list), set(), []
        self.snapshot_bytes, self.pieces, self.error = Random(5).randbytes(3000), [], None
        self.asked_since = []

    def on_frame(self, node, frame):
        self.frames[node].append(frame)

    def on_connected(self, node):
        assert node not in self.linked, f"{node} was connected already"
        self.linked.add(node)

    def on_disconnected(self, node):
        self.linked.remove(node)
        self.losses.append(node)

    async def on_open_snapshot(self, since):
        self.asked_since.append(since)
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return SnapshotOffer(2**48 - 1, 70_000, (SnapshotFile("CURRENT", 16), SnapshotFile("000008.sst", 3000)))

    async def on_snapshot_piece(self, snapshot, file, start, stop):
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        self.pieces.append((snapshot, file, start, stop))
        return self.snapshot_bytes[start:stop]


async def until(condition, seconds=10):
    """Wait for a condition; fails when it does not come true."""
    with trio.fail_after(seconds):
        while True:
            if condition():
                return
            await trio.sleep(0.005)


class Clock:
    """ports.Clock of tests that look at certificates: the wall clock is the one TLS looks at."""

    def now(self):
        return NOW

    def monotonic(self):
        return trio.current_time()


class Dice:
    """Seeded ports.Entropy."""

    def __init__(self, seed):
        self.random = Random(seed)

    def token(self, size):
        return self.random.randbytes(size)


class Cluster:
    """Identities under one authority, and nodes that really listen on loopback."""

    def __init__(self, folder):
        self.folder, self.nursery = folder, None
        self.authority = pki.new_authority(CLUSTER, NOW)
        self.identities, self.services, self.listeners, self.scopes = {}, {}, {}, {}
        self.addresses, self.peers = {}, {}

    def identity(self, node, seeds=None, cluster_id=CLUSTER, name=None, authority=None):
        authority, key = authority or self.authority, pki.new_key()
        membership = identity.Membership(
            cluster_id=cluster_id,
            node=node,
            incarnation=node[:16].encode(),
            seeds=dict(self.addresses if seeds is None else seeds),
            cluster_key=b"k" * 32,
            authority=authority,
            certificate=pki.certify_key(authority, key, node, NOW),
            key=key,
        )
        return identity.create(self.folder / (name or node), membership)

    def member(self, node):
        addresses = Addresses("h:1", "h:2", self.addresses[node])
        return Member(1, node, node[:2], node[:16].encode(), addresses, "z", 1, MemberState.ACTIVE, 1)

    async def start(self, node, port=0, shown=None, has_plain=False):
        """Run a node; starting it again on its former port is a restart. `shown`: another authority than its own."""
        if node not in self.identities:
            self.identities[node] = self.identity(node)
            self.services[node] = Service(node)
        self.listeners[node] = Listener()
        me = self.identities[node]
        if shown is not None:
            me = dataclasses.replace(me, authority=shown)
        bulk = Bulk(Buffers(), Dice(node + "s"), has_plain)
        self.peers[node] = peers = PeerNetwork(
            me, self.services[node], self.listeners[node], Clock(), Dice(node), ("127.0.0.1", port), bulk
        )
        self.scopes[node], bound = await self.nursery.start(self._run, peers)
        self.addresses[node] = f"127.0.0.1:{bound}"
        return peers

    async def _run(self, peers, task_status):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                bound = await nursery.start(peers.run)
                task_status.started((scope, bound))

    def stop(self, node):
        self.scopes[node].cancel()

    async def pair(self, *plain):
        """Two nodes that know and reach each other; those of `plain` are told to have a plain lane."""
        one, other = await self.start(A, has_plain=A in plain), await self.start(B, has_plain=B in plain)
        for peers in (one, other):
            peers.set_members([self.member(A), self.member(B)])
        await until(lambda: one.reachable(B) and other.reachable(A))
        return one, other


class Builders:
    Clock, Dice, Cluster, Buffers, Bulk = Clock, Dice, Cluster, Buffers, Bulk
    NOW = NOW
    Service, Listener, until = Service, Listener, staticmethod(until)
    A, B, C, CLUSTER, RAFT, SCRUB = A, B, C, CLUSTER, RAFT, SCRUB
    errors = (Unavailable("disk full"), Rejected(Reason.TOKEN_INVALID, "used"), Damaged(b"d" * 32, B, "rotten"))


@pytest.fixture
def room():
    return Builders


@pytest.fixture
async def cluster(tmp_path, nursery):
    """Real nodes on loopback; none is started yet."""
    made = Cluster(tmp_path)
    made.nursery = nursery
    yield made
    for scope in made.scopes.values():
        scope.cancel()
