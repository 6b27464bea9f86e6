"""A world without an event loop: the clock, the lanes, the disks and the order of everything are moved by hand."""

from collections import deque
from random import Random

from mys3d.consensus import messages
from mys3d.consensus.anatomy import append_entries_seconds
from mys3d.consensus.applier import Machine
from mys3d.consensus.consensus import Consensus
from mys3d.consensus.identity import Life
from mys3d.consensus.membership import encode_change
from mys3d.registry.outcomes import Applied

NODES = tuple(letter * 32 for letter in "abcdefg")
_builders = {}


def use(rows, disk, dice):
    _builders.update(rows=rows, disk=disk, dice=dice)


class Pending:
    """Rows of any value, written together."""

    def __init__(self, reader):
        self.reader, self.pending = reader, {}

    def get(self, key):
        return self.pending[key] if key in self.pending else self.reader.get(key)

    def scan(self, start, stop, *, reverse=False):
        raise NotImplementedError

    def put(self, key, value):
        self.pending[key] = value

    def delete(self, key):
        raise NotImplementedError

    def writes(self):
        return list(self.pending.items())


def _note(tx, index, term, what):
    before = tx.get("applied") or (1, 0)
    assert index == before[0] + 1, f"entry {index} applied after {before[0]}"
    tx.put("applied", (index, term))
    tx.put(index, what)


def _command(tx, index, term, payload):
    _note(tx, index, term, payload)
    return None, Applied(index)


def _change(tx, index, term, node, votes, incarnation):
    if votes and incarnation:
        tx.put("pin " + node, incarnation)
    voters = set(tx.get("voters") or ()) | {node} if votes else set(tx.get("voters") or ()) - {node}
    tx.put("voters", tuple(sorted(voters)))
    _note(tx, index, term, (node, votes))


TAPE = Machine(
    overlay=Pending,
    apply_command=_command,
    apply_noop=lambda tx, index, term: _note(tx, index, term, "no-op"),
    apply_membership=_change,
    applied=lambda reader: reader.get("applied") or (0, 0),
    voters=lambda reader: reader.get("voters") or (),
    incarnations=lambda reader: {node: reader.get("pin " + node) or incarnation(node, 1) for node in NODES},
    encode=lambda proposal: b"",
    outcome=lambda reader, operation: None,
    obstacle=lambda reader, command: "",
    rows_of=lambda index, payload: (),
)


def incarnation(node, number):
    """The name of a node's n-th journal."""
    return f"{node[:8]}{number:8}".encode()


class Hand:
    """The world: nodes, lanes as queues, one clock. Nothing moves by itself."""

    def __init__(self, seed=0, make=Consensus):
        """`make`: the engine of a node, built like ours."""
        self.time = 1000.0
        self.seed = seed
        self.make = make
        self.nodes, self.disks, self.rows, self.works = {}, {}, {}, {}
        self.lanes, self.cuts = {}, set()
        self.acknowledged, self.refused = [], set()
        self.births = 0
        self.losses = {}  # how many journals each node has lost
        self.members = ()
        self.keep = 20_000
        self.installs_count = self.resets_count = 0

    # ports.Clock
    def monotonic(self):
        return self.time

    def now(self):
        return int(self.time * 1000)

    def start(self, node, initial=(), members=None):
        disk = self.disks.setdefault(node, _builders["disk"]())
        rows = self.rows.setdefault(node, _builders["rows"]())
        self.births += 1
        dice = Random(f"{self.seed}-{node}-{self.births}")
        wire = _Wire(self, node)
        lost = self.losses.get(node, 0)
        life = Life(incarnation(node, lost + 1), is_reborn=lost > 0)
        entropy = _builders["dice"](self.births)
        found = self.make(
            node, disk, rows, TAPE, wire, self, entropy, initial, life=life, dice=dice, log_keep_entries=self.keep
        )
        found.applier.settled = lambda command, outcome: self._settled(node, command)
        found.waiting = set()
        self.nodes[node], self.works[node] = found, None
        found.set_members(self.members if members is None else members)
        for other in list(self.nodes):
            if other != node and not self.is_cut(node, other):
                found.on_connected(other)
                self.nodes[other].on_connected(node)
        return found

    def kill(self, node, kept=0):
        """Stop a node; its unwritten journal work is lost and its rows fall back to `kept` writes, or flushed ones."""
        del self.nodes[node]
        self.works[node] = None
        self.rows[node].kill(kept)
        for other in list(self.nodes):
            self.drop(node, other)
            self.nodes[other].on_disconnected(node)

    def lose(self, node, is_store_lost):
        """The journal of a stopped node is gone, perhaps its rows as well: it will come back in another incarnation."""
        if is_store_lost:
            self.rows[node] = _builders["rows"]()
        self.rows[node].flush()  # a log begins behind what is on disk
        self.disks[node] = _builders["disk"](base=self.rows[node].rows.get("applied", (1, 0)))
        self.losses[node] = self.losses.get(node, 0) + 1

    def flush(self, node):
        """The rows reach the disk, and the journal may drop what is trimmed."""
        self.rows[node].flush()
        if node in self.nodes:
            raft = self.nodes[node].raft
            if not raft.is_stale:
                self.nodes[node].compaction.flushed(raft.last_applied)

    def lose_rows(self, node):
        """The directory of the registry of a node that is down is gone."""
        self.rows[node] = _builders["rows"]()

    def needs_snapshot(self, node):
        raft = self.nodes[node].raft
        return not raft.is_leader() and (raft.is_stale or raft.needs_snapshot)

    def install(self, node, export, crash_after=None):
        """Fetch a copy and install it between two cycles; crash after so many of its steps. True: it was installed."""
        assert self.works[node] is None
        incoming = self.rows[node].receive(export.files)
        for number, file in enumerate(export.files):
            incoming.write(number, 0, export.read(number, 0, file.length))
        installer = self.nodes[node].installer
        plan = installer.begin(incoming.finish())
        if plan is None:
            return False
        for number, step in enumerate(plan.steps):
            if number == crash_after:
                self.kill(node)
                return False
            step()
        if crash_after is not None:
            self.kill(node)
            return False
        installer.end(plan)
        self.installs_count += 1
        self.resets_count += not plan.keeps_log
        return True

    name = staticmethod(incarnation)

    def is_cut(self, one, two):
        return frozenset((one, two)) in self.cuts

    def cut(self, one, two):
        self.cuts.add(frozenset((one, two)))
        self.reset(one, two)

    def heal(self, *pairs):
        for one, two in pairs or [tuple(pair) for pair in self.cuts]:
            self.cuts.discard(frozenset((one, two)))
            self.reset(one, two)

    def reset(self, one, two):
        """Break the lane: what was in flight is gone, both ends notice."""
        self.drop(one, two)
        for node, other in ((one, two), (two, one)):
            if node in self.nodes and other in self.nodes:
                self.nodes[node].on_disconnected(other)
                if not self.is_cut(one, two):
                    self.nodes[node].on_connected(other)

    def drop(self, one, two):
        self.lanes.pop((one, two), None)
        self.lanes.pop((two, one), None)

    def send(self, node, other, frame):
        if other not in self.nodes or self.is_cut(node, other):
            return False
        self.lanes.setdefault((node, other), deque()).append(frame)
        return True

    def deliver(self, source, target, count=None):
        """Hand over the next frames of one lane; they are handled in the target's next cycle."""
        lane = self.lanes.get((source, target), ())
        for _ in range(len(lane) if count is None else min(count, len(lane))):
            self.nodes[target].on_frame(source, lane.popleft())

    def peek(self, source, target):
        return [messages.decode(frame) for frame in self.lanes.get((source, target), ())]

    def begin(self, node):
        """First half of a cycle; its journal work waits for `finish`."""
        assert self.works[node] is None
        self.works[node] = (self.nodes[node].ticker.begin(),)

    def finish(self, node):
        (work,), self.works[node] = self.works[node], None
        if work is not None:
            self.disks[node].write(work)
        self.nodes[node].ticker.finish(work)

    def cycle(self, node):
        if self.works[node] is None:
            self.begin(node)
        self.finish(node)
        self.apply(node)

    def apply(self, node):
        while self.nodes[node].applier.apply_slice():
            pass

    def pump(self, rounds=1, seconds=1.1 * append_entries_seconds, only=None):
        """Let everybody talk, everything in order, with a heartbeat in each round."""
        for _ in range(rounds):
            for lane in sorted(self.lanes):
                if lane[1] in self.nodes and (only is None or lane[1] in only):
                    self.deliver(*lane)
            for node in sorted(self.nodes):
                if only is None or node in only:
                    self.cycle(node)
            self.time += seconds

    def elect(self, node, only=None):
        """Make `node` the leader, with the votes of `only` (all by default)."""
        self.pump(3, 0.0, only)  # what an earlier leader still has under way
        self.time += 10
        for other, found in self.nodes.items():
            found.raft.election_deadline = self.time + (1000 if other != node else -1)
        self.pump(8, 0.01, only)
        assert self.nodes[node].raft.is_leader()

    def submit(self, node, name):
        found, command = self.nodes[node], b"\0" + name.encode()
        found.waiting.add(command)
        found.raft.submit(command, lambda answer: self._hear(name, answer))

    def change(self, node, other, votes):
        heard = self.nodes[node].incarnation_of(other) or b""
        self.nodes[node].raft.submit(encode_change(other, votes, heard if votes else b""), lambda answer: None)

    def tape(self, node):
        """What this node has applied, by index."""
        return {index: what for index, what in self.rows[node].rows.items() if isinstance(index, int)}

    def names(self, node):
        return [what.decode() for _, what in sorted(self.tape(node).items()) if isinstance(what, bytes)]

    def log(self, node):
        return [(index, term) for _, index, term in self.nodes[node].raft.log[:]]

    def _settled(self, node, command):
        if command in self.nodes[node].waiting:
            self.nodes[node].waiting.discard(command)
            self.acknowledged.append(command[1:].decode())

    def _hear(self, name, answer):
        if answer > 1:
            self.refused.add(name)


class _Wire:
    def __init__(self, world, node):
        self.world, self.node = world, node

    def send(self, node, frame):
        return self.world.send(self.node, node, frame)

    def connected(self, node):
        return node in self.world.nodes and not self.world.is_cut(self.node, node)
