"""The stock engine in the world moved by hand, with what it lacks given to it: its journal is perfect.

Voters never change and nobody joins: the schedule's other wishes are answered with nothing.
"""

import types
from collections import deque

import pysyncobj.pickle
from pysyncobj import FAIL_REASON, SyncObj
from pysyncobj.journal import MemoryJournal
from pysyncobj.node import Node
from pysyncobj.transport import Transport

from mys3d.consensus import anatomy, append
from mys3d.consensus.anatomy import Private


class Lanes(Transport):
    """Pickles into the world's lanes, as the stock transport would."""

    def __init__(self, wire):
        super().__init__(None, None, [])
        self.wire = wire

    def addNode(self, node):
        pass

    def send(self, node, message):
        return self.wire.send(node.id, pysyncobj.pickle.dumps(message))


class Journal(MemoryJournal):
    """What was written is on disk at once."""


class Disk:
    """The journal of a node through all its lives, and its configuration, which names the voters."""

    def __init__(self):
        self.journal, self.voters = Journal(), ()

    def write(self, work):
        raise AssertionError("a perfect journal leaves no work")


class Stock(SyncObj):
    """SyncObj 0.3.17 as it is, in the place of our engine; commands are raw bytes instead of pickled calls."""

    state = Private("raftState")
    term = Private("raftCurrentTerm")
    last_applied = Private("raftLastApplied")
    log = Private("raftLog")
    self_node = Private("selfNode")
    election_deadline = Private("raftElectionDeadline")
    transfer_pending = Private("transferInProgress")

    def __init__(self, node, disk, rows, machine, wire, world, entropy, initial, life, dice, log_keep_entries):
        self.dice, self.world, self.inbox, self.rows = dice, world, deque(), rows
        rows.rows = {}  # stock keeps no rows: it applies its whole journal again
        anatomy._seam.monotonic = world.monotonic
        disk.voters = disk.voters or initial
        conf, voters = anatomy.configuration(), [Node(other) for other in disk.voters]
        conf.appendEntriesBatchSizeBytes = append.batch_bytes
        super().__init__(Node(node), voters, conf, nodeClass=Node, transport=Lanes(wire))
        self.log = disk.journal
        if not len(self.log):
            self.log.add(b"\x01", 1, 0)
        self.term = max(self.log.getCurrentTerm(), self.log[-1][2])
        self._SyncObj__votedForNodeId = self.log.getVotedForNodeId()
        self._poller = types.SimpleNamespace(poll=lambda timeout: None)
        self.raft = self.ticker = self.applier = self
        self.settled = None  # the world asks for outcomes here; stock tells them by its callbacks

    def begin(self):
        while self.inbox:
            kind, node, frame = self.inbox.popleft()
            if kind == "frame":
                self._SyncObj__onMessageReceived(Node(node), pysyncobj.pickle.loads(frame))
            elif kind == "opened":
                self._SyncObj__onNodeConnected(Node(node))
            else:
                self._SyncObj__onNodeDisconnected(Node(node))
        self.doTick(0)

    def finish(self, work):
        pass

    def apply_slice(self):
        return 0

    def is_leader(self):
        return self.state == anatomy.LEADER

    def status(self):
        return types.SimpleNamespace(is_leader=self.is_leader(), last_index=self.log[-1][1])

    def incarnation_of(self, node):
        return None

    def set_members(self, members):
        pass

    def submit(self, command, hear):
        if command[0] == 0:
            name = command[1:].decode()
            self._applyCommand(command[1:], lambda result, error: self._heard(name, result, error), 0)

    def on_frame(self, node, frame):
        self.inbox.append(("frame", node, frame))

    def on_connected(self, node):
        self.inbox.append(("opened", node, b""))

    def on_disconnected(self, node):
        self.inbox.append(("closed", node, b""))

    def _heard(self, name, result, error):
        if error == FAIL_REASON.SUCCESS:
            assert result == name, f"{name} was answered with the result of {result}"
            self.world.acknowledged.append(name)

    def _SyncObj__doApplyCommand(self, command):
        index = self.last_applied + 1
        if command[0] != 0:
            self.rows.rows[index] = "no-op"
            return None
        self.rows.rows[index] = command[1:]
        return command[1:].decode()

    def _SyncObj__generateRaftTimeout(self):
        return anatomy.election_seconds_min + self.dice.random()
