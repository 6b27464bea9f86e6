"""Random schedules leave every law in force, and break those of planted bugs and of the stock engine."""

import os
from dataclasses import replace

import pytest

from mys3d.consensus.append import Replication
from mys3d.consensus.consensus import StoreAhead
from mys3d.consensus.election import Election
from mys3d.consensus.identity import Identity
from mys3d.consensus.journal import Journal
from mys3d.consensus.raft import Raft
from mys3d.consensus.segments import JournalDamaged
from tests.consensus.disks import SimulatedDisk
from tests.consensus.schedule import Fuzz, Shape
from tests.consensus.stock import Disk, Stock

STEPS = 6000
SEEDS_MAX = 40  # schedules in which a planted bug is looked for


@pytest.mark.parametrize("seed", range(10))
def test_nothing_acknowledged_is_lost_under_a_random_schedule(hand, seed):
    fuzz = Fuzz(hand, seed)
    fuzz.run(STEPS)
    assert fuzz.world.acknowledged


@pytest.mark.parametrize("seed", range(4))
def test_nothing_acknowledged_is_lost_when_journals_are(hand, seed):
    fuzz = Fuzz(hand, seed, losses_max=3)
    fuzz.run(STEPS)
    assert fuzz.world.acknowledged


def test_the_schedules_let_learners_join_be_promoted_and_demoted(hand):
    changes, joined = set(), 0
    for seed in (1, 3):
        fuzz = Fuzz(hand, seed)
        fuzz.run(STEPS)
        tape = fuzz.world.tape(fuzz.nodes[0])
        changes |= {what[1] for what in tape.values() if isinstance(what, tuple)}
        joined += len(fuzz.nodes) - fuzz.shape.voters - fuzz.shape.learners
    assert changes == {True, False}
    assert joined >= 2


def test_the_stock_engine_breaks_the_laws_though_its_journal_is_perfect(hand, builders):
    hand.use(builders.Rows, Disk, builders.Dice)
    broken = []
    for seed in range(6):
        fuzz = Fuzz(hand, seed, shape=Shape(3, 0, 0), batch=700, make=Stock)
        try:
            fuzz.run(STEPS)
        except AssertionError as found:
            broken.append(str(found).splitlines()[0])
    assert len(broken) >= 2, broken
    assert all("lost" in found or "converged" in found for found in broken), broken


def commit_without_a_match(monkeypatch):
    handle = Replication.on_append_entries

    def believe(self, node, message):
        if message.term >= self.term:
            self.commit_index = max(self.commit_index, min(message.commit_index, self.log.last_index))
        handle(self, node, message)

    monkeypatch.setattr(Replication, "on_append_entries", believe)


def vote_for_any_log(monkeypatch):
    monkeypatch.setattr(Election, "_is_fresh", lambda self, last_index, last_term: True)


def vote_twice_in_a_term(monkeypatch):
    handle = Election.on_request_vote

    def forgetful(self, node, message):
        self.voted_for = None
        handle(self, node, message)

    monkeypatch.setattr(Election, "on_request_vote", forgetful)


def count_stale_acknowledgements(monkeypatch):
    handle = Replication.on_append_reply

    def believe(self, node, message):
        handle(self, node, replace_term(message, self.term))

    def replace_term(message, term):
        return type(message)(term, message.next_index, message.rejected, message.incarnation)

    monkeypatch.setattr(Replication, "on_append_reply", believe)


def forget_votes(monkeypatch):
    take = Journal.take

    def without_vote(self):
        work = take(self)
        return work if work.term is None else replace(work, term=(work.term[0], None))

    monkeypatch.setattr(Journal, "take", without_vote)


def keep_changes_that_were_cut(monkeypatch):
    monkeypatch.setattr(Raft, "membership_cut", lambda self, index: None)


def change_voters_twice_at_once(monkeypatch):
    allowed = Raft._is_change_allowed

    def hasty(self, command):
        changes, self.voters_row.changes = self.voters_row.changes, []
        try:
            return allowed(self, command)
        finally:
            self.voters_row.changes = changes

    monkeypatch.setattr(Raft, "_is_change_allowed", hasty)


def vote_in_any_name(monkeypatch):
    monkeypatch.setattr(Identity, "is_meant", lambda self, incarnation, is_pair: True)
    monkeypatch.setattr(Identity, "is_voter", lambda self: self.node_id in self.voters_row.now())


def install_without_a_note(monkeypatch):
    monkeypatch.setattr(SimulatedDisk, "mark", lambda self, install: None)


def keep_the_old_log(monkeypatch):
    monkeypatch.setattr(SimulatedDisk, "reset", lambda self, index, term: None)


def stand_without_rows(monkeypatch):
    start = Raft.start

    def bold(self, applied):
        start(self, applied)
        self.is_stale = False
        self.last_applied = max(self.last_applied, self.log.first_index)
        self.reconfigure()

    monkeypatch.setattr(Raft, "start", bold)


def apply_while_installing(monkeypatch):
    """The rows of a snapshot are shown, and the applied index stays the old one."""
    installed = Raft.installed

    def forgetful(self, index, voters):
        applied = self.last_applied
        installed(self, index, voters)
        self.last_applied = max(applied, self.log.first_index)

    monkeypatch.setattr(Raft, "installed", forgetful)


PLANTS = [
    install_without_a_note,
    keep_the_old_log,
    stand_without_rows,
    apply_while_installing,
    commit_without_a_match,
    vote_for_any_log,
    vote_twice_in_a_term,
    count_stale_acknowledgements,
    forget_votes,
    keep_changes_that_were_cut,
    change_voters_twice_at_once,
    vote_in_any_name,
]


@pytest.mark.parametrize(
    "plant",
    PLANTS,
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(hand, monkeypatch, plant):
    plant(monkeypatch)
    for seed in range(SEEDS_MAX):
        try:
            Fuzz(hand, seed, losses_max=5 * (plant is vote_in_any_name)).run(STEPS)
        except (AssertionError, IndexError, JournalDamaged, StoreAhead):
            return
    pytest.fail(f"the schedules of {SEEDS_MAX} seeds did not find it")


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(3000, 3000 + int(os.environ.get("MYS3D_FUZZ_SEEDS", "500"))))
def test_nothing_acknowledged_is_lost_in_a_long_campaign_of_lost_journals(hand, seed):
    Fuzz(hand, seed, losses_max=5).run(2 * STEPS)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1000, 1000 + int(os.environ.get("MYS3D_FUZZ_SEEDS", "500"))))
def test_nothing_acknowledged_is_lost_in_a_long_campaign(hand, seed):
    Fuzz(hand, seed).run(2 * STEPS)
