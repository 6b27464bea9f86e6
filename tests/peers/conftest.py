"""Builders of this room: a service that remembers, a listener that remembers, and a pair of nodes."""

from collections import defaultdict

import pytest
import trio

from mys3d.errors import Damaged, Reason, Rejected, Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.names import NodeId, Term
from mys3d.ports import DiskUsage, JoinAdmission, NodeStatus, RaftStatus

A, B, C = (NodeId(letter * 32) for letter in "abc")
CLUSTER = b"c" * 16
RAFT = RaftStatus(Term(3), A, (A, B), True, 7, 8, 9, {B: 2})


class Service:
    """ports.PeerService: keeps blobs in a dict. `gate` holds every push back while it is set to an event."""

    def __init__(self, node):
        self.node, self.blobs, self.touches = node, {}, {}
        self.gate, self.error = None, None
        self.pushes_begun = 0
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
        return NodeStatus(self.node, RAFT, DiskUsage(100, 50, len(self.blobs), True), 1, False, "0.1")

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

    def on_frame(self, node, frame):
        self.frames[node].append(frame)

    def on_connected(self, node):
        assert node not in self.linked, f"{node} was connected already"
        self.linked.add(node)

    def on_disconnected(self, node):
        self.linked.remove(node)
        self.losses.append(node)


async def until(condition, seconds=10):
    """Wait for a condition; fails when it does not come true."""
    with trio.fail_after(seconds):
        while True:
            if condition():
                return
            await trio.sleep(0.005)


class Builders:
    Service, Listener, until = Service, Listener, staticmethod(until)
    A, B, C, CLUSTER, RAFT = A, B, C, CLUSTER, RAFT
    errors = (Unavailable("disk full"), Rejected(Reason.TOKEN_INVALID, "used"), Damaged(b"d" * 32, B, "rotten"))


@pytest.fixture
def room():
    return Builders
