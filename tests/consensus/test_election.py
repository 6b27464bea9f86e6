"""Elections between hand-driven nodes."""

import pytest

from mys3d.consensus import messages
from mys3d.consensus.messages import HigherTerm, PreVote, PreVoteGranted, RequestVote, TimeoutNow, Vote

A, B, C, D = (letter * 32 for letter in "abcd")


@pytest.fixture
def world(hand):
    found = hand.Hand()
    found.members = (A, B, C, D)
    for node in (A, B, C):
        found.start(node, initial=(A, B, C))
    found.start(D)
    found.elect(A)
    found.pump(3, 0.01)
    return found


def give(world, node, message, source):
    world.drop(node, source)
    world.nodes[node].on_frame(source, messages.encode(message))
    world.cycle(node)
    return [found for found in world.peek(node, source) if not isinstance(found, messages.AppendReply | PreVote)]


def test_a_cut_off_node_does_not_raise_its_term(world):
    for other in (A, C, D):
        world.cut(B, other)
    term = world.nodes[B].raft.term
    world.pump(100)
    assert world.nodes[B].raft.term == term
    world.heal()
    world.pump(10)
    assert world.nodes[A].raft.is_leader()
    assert world.nodes[A].raft.term == term


def test_no_pre_vote_is_granted_while_the_leader_is_heard(world):
    raft = world.nodes[B].raft
    last = raft.log[-1]
    assert give(world, B, PreVote(1, raft.term + 1, last[1], last[2]), C) == []
    world.time += 5
    assert give(world, B, PreVote(2, raft.term + 1, last[1], last[2]), C) == [PreVoteGranted(2)]


def test_no_vote_is_granted_to_a_log_that_lacks_entries(world):
    raft = world.nodes[B].raft
    world.time += 5
    assert give(world, B, PreVote(1, raft.term + 1, raft.log.last_index - 1, raft.term), C) == []
    assert give(world, B, RequestVote(raft.term + 1, raft.log.last_index - 1, raft.term), C) == []


def test_one_vote_a_term_and_it_is_written_before_it_is_sent(world):
    raft = world.nodes[B].raft
    term, last = raft.term + 1, raft.log[-1]
    world.drop(B, C)
    world.nodes[B].on_frame(C, messages.encode(RequestVote(term, last[1], last[2])))
    world.begin(B)
    assert world.peek(B, C) == []
    world.finish(B)
    assert world.peek(B, C) == [Vote(term)]
    assert world.disks[B].works[-1].term == (term, C)
    assert give(world, B, RequestVote(term, last[1], last[2]), A) == []


def test_a_vote_survives_a_restart(world):
    raft = world.nodes[B].raft
    term, last = raft.term + 1, raft.log[-1]
    assert give(world, B, RequestVote(term, last[1], last[2]), C) == [Vote(term)]
    world.kill(B)
    world.start(B)
    assert give(world, B, RequestVote(term, last[1], last[2]), A) == []


def test_a_candidate_counts_each_voter_once_and_no_learner(world):
    world.kill(A)
    raft = world.nodes[B].raft
    world.time += 5
    raft.election_deadline = 0.0
    raft._is_elected_to_stand = True
    world.cycle(B)
    for _ in range(3):
        give(world, B, Vote(raft.term), D)
    assert not raft.is_leader()
    give(world, B, Vote(raft.term), C)
    assert raft.is_leader()


def test_a_leader_that_hears_of_a_higher_term_follows(world):
    raft = world.nodes[A].raft
    give(world, A, HigherTerm(raft.term + 3), B)
    assert not raft.is_leader()
    assert raft.leader is None


def test_a_leader_that_hears_no_majority_stops_leading(world):
    for other in (B, C):
        world.cut(A, other)
    world.pump(30)
    assert not world.nodes[A].raft.is_leader()


def test_a_broken_lane_to_the_leader_starts_an_election_soon(world):
    before = world.time
    world.kill(A)
    while not any(world.nodes[node].raft.is_leader() for node in (B, C)):
        world.pump(1, 0.01)
        assert world.time - before < 1.0, "as slow as a timeout"


def test_leadership_is_handed_to_a_follower_that_holds_the_whole_log(world):
    world.pump(3, 0.01)
    assert world.nodes[A].raft.hand_over()
    world.pump(5, 0.01)
    assert not world.nodes[A].raft.is_leader()
    assert any(world.nodes[node].raft.is_leader() for node in (B, C))


def test_only_the_leader_may_name_its_successor(world):
    give(world, B, TimeoutNow(world.nodes[B].raft.term), C)
    assert not world.nodes[B].raft.transfer_pending


def test_a_learner_never_stands(world):
    for other in (A, B, C):
        world.cut(D, other)
    world.time += 100
    world.pump(50)
    raft = world.nodes[D].raft
    assert (raft.state, raft.voted_for) == (0, None)


def test_a_promoted_learner_votes_before_it_has_seen_its_own_promotion(world):
    world.cut(A, D)
    world.cut(B, D)
    world.change(C, D, votes=True)  # denied: D is not caught up any more once the lane is cut
    raft = world.nodes[D].raft
    last = raft.log[-1]
    world.time += 5
    assert give(world, D, RequestVote(raft.term + 1, last[1] + 1, last[2]), C) == [Vote(raft.term)]


def test_a_pre_vote_ends_when_a_leader_is_heard(world):
    raft = world.nodes[B].raft
    raft.election_deadline = world.time - 1
    world.begin(B)
    world.finish(B)
    (asked,) = [message for message in world.peek(B, C) if isinstance(message, PreVote)]
    term = raft.term
    give(
        world,
        B,
        messages.AppendEntries(term, raft.commit_index, raft.log.last_index, raft.term_at(raft.log.last_index), ()),
        A,
    )
    give(world, B, PreVoteGranted(asked.id), C)
    world.cycle(B)
    assert raft.term == term


def test_a_pre_vote_for_an_earlier_term_does_not_let_a_node_stand(world):
    raft = world.nodes[B].raft
    raft.election_deadline = world.time - 1
    world.begin(B)
    world.finish(B)
    (asked,) = [message for message in world.peek(B, C) if isinstance(message, PreVote)]
    term = raft.term
    give(world, B, HigherTerm(term + 5), C)
    give(world, B, PreVoteGranted(asked.id), C)
    world.cycle(B)
    assert raft.term == term + 5
