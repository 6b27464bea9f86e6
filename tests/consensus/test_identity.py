"""A node that lost its journal is another voter until it is promoted again."""

import pytest
from pysyncobj.node import Node

from mys3d.consensus import messages
from mys3d.consensus.identity import JournalForgot
from mys3d.consensus.messages import AppendReply, Confirm, Confirmed, PreVote, Rejoin, RequestVote, Vote

A, B, C = (letter * 32 for letter in "abc")


@pytest.fixture
def world(hand):
    return world_of(hand, A, B, C)


def world_of(hand, *nodes):
    world = hand.Hand()
    world.members = nodes
    for node in nodes:
        world.start(node, initial=nodes)
    world.elect(A)
    for number in range(5):
        world.submit(A, f"c{number}")
    world.pump(6, 0.01)
    return world


def lose(world, node, is_store_lost=True):
    world.kill(node, kept=10_000)
    world.lose(node, is_store_lost)
    return world.start(node)


def answers(world, node, message, source):
    world.drop(node, source)
    world.nodes[node].on_frame(source, messages.encode(message))
    world.cycle(node)
    return [type(found) for found in world.peek(node, source)]


@pytest.mark.parametrize("is_store_lost", [True, False])
def test_a_node_that_lost_its_journal_gives_no_vote_in_its_old_name(world, is_store_lost):
    raft = lose(world, B, is_store_lost).raft
    old, new = world.name(B, 1), world.name(B, 2)
    assert answers(world, B, RequestVote(raft.term + 7, 99, raft.term + 6, old), C) == []
    assert answers(world, B, PreVote(1, raft.term + 8, 99, raft.term + 7, old), C) == []
    assert answers(world, B, RequestVote(raft.term + 7, 99, raft.term + 6, new), C) == [Vote]


@pytest.mark.parametrize("is_store_lost", [True, False])
def test_it_says_that_it_awaits_a_promotion(world, is_store_lost):
    assert not world.nodes[B].raft.awaits_promotion()
    assert lose(world, B, is_store_lost).raft.awaits_promotion() is not is_store_lost  # without rows it knows no voters


def test_one_of_a_pair_awaits_nothing(hand):
    assert not lose(world_of(hand, A, B), B, is_store_lost=False).raft.awaits_promotion()


def test_it_votes_for_no_candidate_that_names_no_incarnation(world):
    raft = lose(world, B).raft
    assert answers(world, B, RequestVote(raft.term + 7, 99, raft.term + 6), C) == []
    assert answers(world, C, RequestVote(raft.term + 7, 99, raft.term + 6), B) == [Vote]


def test_it_does_not_stand(world):
    raft = lose(world, B, is_store_lost=False).raft
    assert B in raft.voters_row.now()
    assert raft.self_node is None


def test_it_confirms_no_term(world):
    raft = lose(world, B).raft
    term = raft.term + 5
    assert answers(world, B, Confirm(1, term, world.name(B, 1)), A) == []
    assert answers(world, B, Confirm(1, term, world.name(B, 2)), A) == [Confirmed]


def test_what_it_acknowledges_commits_nothing_for_a_leader_that_was_replaced(world):
    """B helps C into the next term and forgets it; the old leader must not commit with B's acknowledgement."""
    world.cut(A, C)
    world.cut(A, B)
    raft = world.nodes[C].raft
    raft.election_deadline, raft.transfer_pending = 0.0, True  # as if it had been told to stand
    world.pump(8, 0.01, only=(B, C))
    assert raft.is_leader()
    world.cut(B, C)
    lose(world, B)
    world.heal((A, B))
    before = world.nodes[A].raft.commit_index
    world.submit(A, "never")
    world.pump(10, 0.01, only=(A, B))
    assert world.nodes[A].raft.heard[Node(B)] == world.name(B, 2)
    assert world.nodes[A].raft.commit_index == before
    assert "never" not in world.acknowledged


def test_a_leader_that_hears_only_forgetful_voters_stops_leading(world):
    world.cut(A, C)
    lose(world, B)
    world.pump(40, only=(A, B))
    assert not world.nodes[A].raft.is_leader()


def test_it_is_a_voter_again_once_it_was_demoted_and_promoted(world):
    lose(world, B)
    world.pump(3, 0.01)
    assert world.nodes[A].raft.forgot(Node(B))
    world.change(A, B, votes=False)
    world.pump(8)
    assert world.names(B) == world.names(A)
    world.change(A, B, votes=True)
    world.pump(8)
    raft = world.nodes[B].raft
    assert raft.is_voter()
    assert world.nodes[A].raft.voters_row.incarnation_of(B) == world.name(B, 2)
    world.kill(A)
    world.elect(C, only=(B, C))


def test_a_promotion_names_the_incarnation_that_caught_up(world):
    world.change(A, B, votes=False)
    world.pump(8, 0.01)
    raft = world.nodes[A].raft
    assert not raft.may_change(B, True, world.name(B, 2))
    assert raft.may_change(B, True, world.name(B, 1))


def test_the_partner_of_a_pair_leads_with_the_vote_of_the_one_who_forgot(hand):
    world = world_of(hand, A, B)
    world.pump(3, 0.01)
    lose(world, A)
    world.time += 10
    world.pump(40)
    assert world.nodes[B].raft.is_leader()
    world.change(B, A, votes=False)
    world.pump(8, 0.01)
    assert world.nodes[B].raft.voters_row.now() == {B}
    assert set(world.acknowledged) <= set(world.names(A))


def test_a_pair_does_not_become_one_while_both_remember(hand):
    world = world_of(hand, A, B)
    world.change(A, B, votes=False)
    world.pump(8, 0.01)
    assert world.nodes[A].raft.voters_row.now() == {A, B}


def test_the_third_voter_hears_of_its_promotion_when_both_others_hold_it(hand):
    world = world_of(hand, A, B)
    world.members = (A, B, C)
    world.start(C)
    for node in (A, B):
        world.nodes[node].set_members(world.members)
    world.pump(8, 0.01)
    world.cut(A, B)
    world.change(A, C, votes=True)
    world.pump(4, 0.01, only=(A, C))
    assert C in world.nodes[A].raft.voters_row.now()
    assert C not in world.nodes[C].raft.voters_row.now()
    world.heal()
    world.pump(8, 0.01)
    assert C in world.nodes[C].raft.voters_row.now()


def test_a_follower_whose_log_ends_before_what_it_acknowledged_is_told_so(world, builders):
    works = list(world.disks[B].works)
    world.submit(A, "more")
    world.pump(6, 0.01)
    world.kill(B)
    world.disks[B] = builders.SimulatedDisk(works)  # an old copy of its journal was put back
    world.rows[B] = builders.Rows()
    world.start(B)
    with pytest.raises(JournalForgot, match="acknowledged entry"):
        world.pump(10, 0.01)


def test_a_rejoin_is_believed_only_of_the_leader_and_only_when_it_is_true(world):
    raft = world.nodes[B].raft
    last = raft.log.last_index
    answers(world, B, Rejoin(raft.term, last, raft.term_at(last)), A)
    answers(world, B, Rejoin(raft.term, last + 1, raft.term), C)
    answers(world, B, Rejoin(raft.term - 1, last + 1, raft.term), A)
    with pytest.raises(JournalForgot):
        answers(world, B, Rejoin(raft.term, last + 1, raft.term), A)


def test_an_answer_of_another_incarnation_voids_what_was_acknowledged(world):
    raft = world.nodes[A].raft
    assert raft.match_index[Node(B)] > 0
    world.nodes[A].on_frame(B, messages.encode(AppendReply(raft.term, 2, 9, world.name(B, 2))))
    world.cycle(A)
    assert raft.match_index[Node(B)] == 0


def test_two_of_three_lost_journals_elect_nobody(world):
    for node in (B, C):
        lose(world, node)
    world.time += 10
    world.pump(60)
    assert not any(found.raft.is_leader() for found in world.nodes.values())
    assert set(world.acknowledged) <= set(world.names(A))


def test_a_voter_of_a_release_without_incarnations_counts(world):
    raft = world.nodes[A].raft
    world.submit(A, "more")
    world.cycle(A)
    world.nodes[A].on_frame(B, messages.encode(AppendReply(raft.term, raft.log.last_index + 1, None)))
    world.cycle(A)
    assert not raft.forgot(Node(B))
    assert world.nodes[A].incarnation_of(B) is None
    assert raft.match_index[Node(B)] == raft.log.last_index
