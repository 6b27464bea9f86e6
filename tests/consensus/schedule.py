"""Random schedules for a world moved by hand, and the laws they must not break.

FIFO lanes, resets, cuts, kills, lost unsynced writes, older and lost stores; learners that join, are promoted and
demoted; logs that are cut short, snapshots fresh and old, crashes inside an install.
"""

from dataclasses import dataclass
from random import Random

from mys3d.consensus import append
from mys3d.consensus.anatomy import batch_bytes
from mys3d.consensus.membership import Voters

NODES = tuple(letter * 32 for letter in "abcdefg")


@dataclass(frozen=True)
class Shape:
    """How many of each at the start, and how many more may come."""

    voters: int
    learners: int
    joiners: int


SHAPES = (Shape(3, 1, 0), Shape(3, 0, 2), Shape(5, 1, 0), Shape(3, 1, 1), Shape(5, 1, 1))


class Fuzz:
    """One seed: a schedule and the laws that hold after every step."""

    def __init__(self, hand, seed, shape=None, batch=None, losses_max=0, **world):
        self.random = Random(seed)
        self.shape = shape or SHAPES[seed % len(SHAPES)]
        self.nodes = NODES[: self.shape.voters + self.shape.learners]
        self.is_ours = "make" not in world  # else only what every engine must keep is asked for
        self.losses_max = losses_max
        self.untold = set()  # nodes that have not heard of the latest members
        self.world = hand.Hand(seed, **world)
        self.world.members = self.nodes
        append.batch_bytes = batch or self.random.choice([700, batch_bytes])  # a backlog takes many frames, or one
        self.leaders, self.votes, self.count = {}, {}, 0
        self.slow = set()  # lanes that stand still
        self.pace = self.random.choice([0.004, 0.004, 0.012, 0.03])  # seconds a step; elections take 1 to 2
        self.stall = self.random.choice([0.0, 0.3, 0.6])  # that a sync lasts longer
        self.world.keep = self.random.choice([0, 5, 30, 20_000])  # applied entries that stay in the log
        self.copies = []  # frozen copies of registries, from any time
        voters = self.nodes[: self.shape.voters]
        for node in self.nodes:
            self.world.start(node, initial=voters if node in voters else ())

    def run(self, steps):
        for _ in range(steps):
            self.world.time += self.random.expovariate(1 / self.pace)
            self.step(self.random.random())
            self.check()
        self.settle()

    def step(self, dice):
        world, choose = self.world, self.random.choice
        alive = sorted(world.nodes)
        if dice < 0.05:
            for _ in range(choose([1, 3, 10])):
                self.count += 1
                world.submit(choose(alive), f"c{self.count}")
        elif dice < 0.50:
            self.move(choose(alive))
        elif dice < 0.975:
            lanes = [lane for lane, queue in sorted(world.lanes.items()) if queue and lane not in self.slow]
            lanes = [lane for lane in lanes if lane[1] in world.nodes]
            if lanes:
                world.deliver(*choose(lanes), choose([1, 1, 2, 5]))
        elif dice < 0.98:
            node = choose(self.leaders_of(alive) or alive)
            if self.random.random() < 0.5 and self.replace_forgetful(node):
                return
            for _ in range(choose([1, 2])):  # the second one must wait for the first
                world.change(node, choose(self.nodes), choose([True, True, False]))
        else:
            self.disturb(dice, alive)

    def move(self, node):
        """Half a cycle, so that kills land between what was sent before the sync and the sync."""
        if self.world.works[node] is None:
            self.world.begin(node)
        elif self.random.random() >= self.stall:
            self.world.finish(node)
        if self.random.random() < 0.7:
            self.world.nodes[node].applier.apply_slice()
        if self.world.works[node] is None and self.is_waiting(node) and self.random.random() < 0.3:
            self.install(node)

    def is_waiting(self, node):
        return self.is_ours and self.world.needs_snapshot(node)

    def install(self, node):
        """From anybody's registry, as it is now or was some time ago; one time in four with a crash in between."""
        if self.random.random() < 0.6:
            self.copies = [*self.copies[-2:], *self.copied()]
        if self.copies:
            crash_after = self.random.randint(0, 5) if self.random.random() < 0.25 else None
            self.world.install(node, self.random.choice(self.copies), crash_after)

    def copied(self):
        """A copy of the registry of some node that has one."""
        whole = [node for node in sorted(self.world.nodes) if not self.world.nodes[node].raft.is_stale]
        return [self.world.rows[self.random.choice(whole)].export()] if whole else []

    def lose_rows(self, alive):
        """One registry is lost while all others are whole, and so are the journals."""
        rafts = [found.raft for found in self.world.nodes.values()]
        if len(alive) == len(self.nodes) and not any(raft.is_stale for raft in rafts) and not self.forgetful():
            node = self.random.choice(alive)
            self.kill(node)
            self.world.lose_rows(node)
            self.world.start(node)

    def disturb(self, dice, alive):
        world, choose = self.world, self.random.choice
        dead = sorted(set(self.nodes) - set(alive))
        if dice < 0.984:
            self.slow = {tuple(self.random.sample(self.nodes, 2))} if self.random.random() < 0.9 else set()
        elif dice < 0.987:
            world.reset(*self.random.sample(self.nodes, 2))
        elif dice < 0.988:
            self.grow()
        elif dice < 0.990:
            world.cut(*self.random.sample(self.nodes, 2))
        elif dice < 0.993:
            world.heal()
        elif dice < 0.995:
            self.flush(choose(alive))
        elif dice < 0.9951 and self.is_ours:
            self.lose_rows(alive)
        elif dice < 0.9953:
            self.duel(alive)
        elif dice < 0.9957:
            self.encore(alive)
        elif dice < 0.996:
            for node in alive:  # the power fails
                self.kill(node)
            for node in self.nodes:
                world.start(node)
        elif dice < 0.9966 and self.losses_max:
            self.lose(alive)
        elif dice < 0.998 and len(alive) > 2:
            leaders = self.leaders_of(alive)
            self.kill(choose(leaders or alive) if self.random.random() < 0.6 else choose(alive))
        elif dead:
            world.start(choose(dead))

    def flush(self, node):
        if self.is_ours:
            self.world.flush(node)
        else:
            self.world.rows[node].flush()

    def grow(self):
        """A node joins, and each of the others hears of it in its own time."""
        if len(self.nodes) < self.shape.voters + self.shape.learners + self.shape.joiners:
            self.untold = set(self.nodes)
            self.nodes = NODES[: len(self.nodes) + 1]
            self.world.members = self.nodes
            self.world.start(self.nodes[-1])
        elif self.untold:
            self.tell(self.random.choice(sorted(self.untold)))

    def tell(self, node):
        self.untold.discard(node)
        if node in self.world.nodes:  # others hear it when they start
            self.world.nodes[node].set_members(self.nodes)

    def kill(self, node):
        world = self.world
        work = world.works[node]
        if work is not None and work[0] is not None and self.random.random() < 0.3:
            world.disks[node].write(work[0])  # the sync had just finished
        world.kill(node, kept=self.random.randint(0, len(world.rows[node].history)))

    def lose(self, alive):
        """A voter's disk is replaced; only while everybody else remembers, and never the only voter's."""
        world, node = self.world, self.random.choice(alive)
        if sum(world.losses.values()) >= self.losses_max or self.forgetful():
            return
        if any(found.raft.is_stale for found in world.nodes.values()):
            return
        if any(len(found.raft.voters_row.before(index)) < 2 for found in world.nodes.values() for index in (None, 0)):
            return
        if self.random.random() < 0.5:  # its last words arrive
            for lane in sorted(world.lanes):
                if lane[0] == node and lane[1] in alive:
                    world.deliver(*lane)
        self.kill(node)
        world.lose(node, is_store_lost=self.random.random() < 0.5)
        for key in [key for key in self.votes if key[0] == node]:
            del self.votes[key]  # asked of the voter, which is another one now
        if self.random.random() < 0.7:
            world.start(node)

    def replace_forgetful(self, node):
        """What a leader does about voters that came back in another incarnation. True: it did something."""
        for other in self.forgetful():
            if self.world.nodes[node].raft.is_leader():
                self.world.change(node, other, votes=other not in self.world.nodes[node].raft.voters_row.now())
                return True
        return False

    def supply(self):
        """Who lacks entries that nobody's log reaches back to installs a copy."""
        for node in sorted(self.world.nodes):
            if self.is_waiting(node):
                for export in self.copied():
                    self.world.install(node, export)

    def is_stopped_rightly(self):
        """While three voters become two, the second of them lost its journal: nobody can know what it promised."""
        if not self.losses_max:
            return False
        rafts = [found.raft for found in self.world.nodes.values()]
        shrinks = any(len(raft.voters_row.now()) == 2 and raft.voters_row.changes for raft in rafts)
        return shrinks and bool(self.forgetful()) and not any(raft.is_leader() for raft in rafts)

    def forgetful(self):
        """Nodes that lost a journal and were not promoted, by an applied entry, in their new incarnation."""
        world = self.world
        pins = [rows.rows for rows in world.rows.values()]
        return [
            node
            for node, lost in world.losses.items()
            if not any(rows.get("pin " + node) == world.name(node, lost + 1) for rows in pins)
        ]

    def leaders_of(self, nodes):
        return [node for node in nodes if self.world.nodes[node].raft.is_leader()]

    def duel(self, alive):
        """Up to two followers stand at once, as if each had been told to: safety does not rest on timing."""
        followers = sorted(set(alive) - set(self.leaders_of(alive)))
        for node in self.random.sample(followers, min(2, len(followers))):
            raft = self.world.nodes[node].raft
            raft.election_deadline, raft.transfer_pending = 0.0, True

    def encore(self, alive):
        """A leader loses its place and gains it again, while acknowledgements of its first time are under way."""
        first = self.leaders_of(alive)
        others = [node for node in alive if node not in first and self.world.nodes[node].raft.self_node]
        if len(first) != 1 or len(others) < 2:
            return
        (leader,), (follower, rival) = first, self.random.sample(others, 2)
        self.talk(alive, 2)
        self.slow = {(follower, leader)}
        for _ in range(3):
            self.count += 1
            self.world.submit(leader, f"c{self.count}")
        self.talk(alive, 3)
        self.slow = {(leader, follower), (follower, leader)}
        for node in (rival, leader):
            raft = self.world.nodes[node].raft
            raft.election_deadline, raft.transfer_pending = 0.0, True
            self.talk(alive, 6)
        self.slow = {(leader, follower)}

    def talk(self, nodes, rounds):
        for _ in range(rounds):
            for node in nodes:
                if self.world.works[node] is not None:
                    self.world.finish(node)
                self.world.cycle(node)
                self.check()
            for lane in sorted(self.world.lanes):
                if lane not in self.slow and lane[1] in nodes:
                    self.world.deliver(*lane)
            self.world.time += 0.01

    def check(self):
        for node, found in self.world.nodes.items():
            raft = found.raft
            if raft.is_leader():
                assert self.leaders.setdefault(raft.term, node) == node, "two leaders in one term"
            if self.is_ours:
                self.check_ours(node, raft)

    def check_ours(self, node, raft):
        if raft.is_leader():
            self.check_leader(raft)
        if self.world.works[node] is None:  # all of it is on disk
            self.check_vote(node, raft)
            self.check_voters(node, raft)

    def check_leader(self, raft):
        changes = raft.voters_row.changes
        if len(changes) > 1:
            assert raft.term_at(changes[-1][0]) != raft.term, "two membership changes at once"
        for peer, match in raft.match_index.items():
            other = self.world.nodes.get(peer.id)
            if other is None or raft.heard.get(peer) != other.raft.incarnation:
                continue  # what it held in another incarnation is gone, and not counted once it answers
            if match and other.raft.term <= raft.term:
                assert other.raft.term == raft.term, "an acknowledgement of an earlier term counted"
                log = other.raft.log
                is_known = match >= max(log.first_index, raft.log.first_index)  # below that all of it is applied
                held = match <= log.last_index and (not is_known or other.raft.term_at(match) == raft.term_at(match))
                assert held, "an acknowledgement counted for an entry that is not there"

    def check_vote(self, node, raft):
        before = self.votes.get((node, raft.term))
        assert before in (None, raft.voted_for), "a vote was forgotten or given twice"
        self.votes[node, raft.term] = raft.voted_for

    def check_voters(self, node, raft):
        log = raft.log
        if raft.is_stale:
            assert raft.self_node is None, "a node that does not know who votes may not stand"
            return
        row = Voters(frozenset(self.world.rows[node].rows.get("voters", ())))
        for entry in log.between(raft.last_applied + 1, log.last_index + 1):
            row.added(entry)
        assert raft.voters_row.now() == row.now(), "the voters are not those of the log"

    def settle(self):
        world = self.world
        self.slow = set()
        for node in sorted(self.untold):
            self.tell(node)
        for node in sorted(set(self.nodes) - set(world.nodes)):
            world.start(node)
        world.heal()
        for _ in range(60 if self.losses_max else 0):
            world.pump(10, 0.06)
            for node in self.leaders_of(sorted(world.nodes)):
                self.replace_forgetful(node)
            self.supply()
        for _ in range(60):
            world.pump(5, 0.06)
            self.supply()
        tapes = [world.tape(node) for node in self.nodes]
        ends = [found.status() for found in world.nodes.values()]
        if self.is_stopped_rightly():
            merged = {index: what for tape in tapes for index, what in tape.items()}
            assert all(merged[index] == what for tape in tapes for index, what in tape.items()), "diverged"
            return
        assert any(status.is_leader for status in ends), f"no leader: {ends}"
        assert all(tape == tapes[0] for tape in tapes), f"not converged or diverged: {ends}"
        names = world.names(self.nodes[0])
        assert len(names) == len(set(names)), "applied twice"
        lost = [name for name in world.acknowledged if name not in set(names)]
        assert not lost, f"{len(lost)} acknowledged and lost"
        assert not world.refused & set(names), "applied after a definite refusal"
