"""The engine of one node: queue, forwarding, membership."""

import pytest
from pysyncobj.node import Node

from mys3d import limits
from mys3d.consensus import messages
from mys3d.consensus.anatomy import queue_commands_max
from mys3d.consensus.membership import encode_change
from mys3d.consensus.messages import Forward, ForwardReply
from mys3d.consensus.raft import Answer

A, B, C, D = (letter * 32 for letter in "abcd")


@pytest.fixture
def world(hand):
    found = hand.Hand()
    found.members = (A, B, C, D)
    for node in (A, B, C):
        found.start(node, initial=(A, B, C))
    found.start(D)
    found.elect(A)
    found.pump(6, 0.01)
    return found


def voters(world, node):
    return sorted(world.nodes[node].raft.voters_row.now())


def answer_of(world, node, command):
    heard = []
    world.nodes[node].raft.submit(command, heard.append)
    world.pump(5, 0.01)
    return heard[0]


def forward(world, command, now=None):
    world.drop(A, B)
    message = Forward(world.now() if now is None else now, ((77, command),))
    world.nodes[A].on_frame(B, messages.encode(message))
    world.cycle(A)
    return [found for found in world.peek(A, B) if isinstance(found, ForwardReply)]


def test_a_forwarded_command_is_appended_and_hinted(world):
    assert forward(world, b"\0yes") == [ForwardReply(((77, Answer.APPENDED),))]


@pytest.mark.parametrize(
    "command",
    [b"", b"\0", b"\1", b"\2", b"\2garbage", b"\3version", b"\0" + bytes(limits.command_bytes_max + 1)],
)
def test_a_forwarded_command_that_is_none_is_denied(world, command):
    last = world.nodes[A].raft.log.last_index
    assert forward(world, command) == [ForwardReply(((77, Answer.DENIED),))]
    assert world.nodes[A].raft.log.last_index == last


@pytest.mark.parametrize("skew", [limits.clock_skew_max_ms + 1, -limits.clock_skew_max_ms - 1])
def test_a_forwarded_command_of_a_node_whose_clock_differs_is_refused(world, skew):
    assert forward(world, b"\0early", world.now() + skew) == [ForwardReply(((77, Answer.CLOCK_SKEW),))]


def test_commands_of_one_tick_travel_in_one_frame_and_large_ones_in_several(world):
    world.drop(A, B)
    for number in range(5):
        world.submit(B, f"small{number}")
    world.cycle(B)
    assert [len(found.commands) for found in world.peek(B, A) if isinstance(found, Forward)] == [5]
    world.drop(A, B)
    for number in range(5):
        world.submit(B, f"{number}" + "x" * 100_000)
    world.cycle(B)
    assert [len(found.commands) for found in world.peek(B, A) if isinstance(found, Forward)] == [3, 2]


def test_the_queue_is_bounded(world):
    raft, heard = world.nodes[B].raft, []
    for _ in range(queue_commands_max + 1):
        raft.submit(b"\0", heard.append)
    assert heard == [Answer.QUEUE_FULL]


def test_a_learner_receives_the_log_and_applies_it(world):
    world.submit(A, "seen")
    world.pump(5, 0.01)
    assert world.tape(D) == world.tape(A)
    assert D not in voters(world, A)


def test_a_learner_forwards_to_the_leader(world):
    world.submit(D, "from the learner")
    world.pump(6, 0.01)
    assert world.acknowledged == ["from the learner"]


def promotion(world, node):
    return encode_change(node, True, world.nodes[A].incarnation_of(node))


def test_a_caught_up_learner_becomes_a_voter_on_every_node(world):
    assert world.nodes[A].raft.caught_up(D)
    assert answer_of(world, A, promotion(world, D)) is Answer.APPENDED
    assert all(voters(world, node) == [A, B, C, D] for node in world.nodes)
    assert world.nodes[D].raft.self_node == Node(D)


def test_a_promotion_keeps_what_is_known_of_the_learner(world):
    before = world.nodes[A].raft.match_index[Node(D)]
    assert before > 0
    world.change(A, D, votes=True)
    world.begin(A)
    assert world.nodes[A].raft.match_index[Node(D)] == before
    world.finish(A)


def test_a_learner_that_lags_is_not_promoted(world):
    world.cut(A, D)
    for number in range(200):
        world.submit(A, f"c{number}")
    world.pump(3, 0.01)
    assert not world.nodes[A].raft.caught_up(D)
    assert answer_of(world, A, promotion(world, D)) is Answer.DENIED


def test_only_one_change_at_a_time(world):
    heard = []
    world.nodes[A].raft.submit(promotion(world, D), heard.append)
    world.nodes[A].raft.submit(encode_change(C, votes=False), heard.append)
    world.pump(5, 0.01)
    assert heard == [Answer.APPENDED, Answer.DENIED]


def test_a_leader_does_not_take_its_own_vote(world):
    assert answer_of(world, A, encode_change(A, votes=False)) is Answer.DENIED


def test_a_change_that_is_cut_from_the_log_is_not_in_force_any_more(world):
    for other in (B, C, D):
        world.cut(A, other)
    world.change(A, B, votes=False)
    world.cycle(A)
    assert voters(world, A) == [A, C]
    world.elect(B, only=(B, C, D))
    world.heal()
    world.pump(12)
    assert all(voters(world, node) == [A, B, C] for node in world.nodes)


def test_a_voter_that_loses_its_vote_learns_it_and_stays_a_learner(world):
    world.change(A, C, votes=False)
    world.pump(6, 0.01)
    assert world.nodes[C].raft.self_node is None
    world.submit(A, "still there")
    world.pump(5, 0.01)
    assert world.tape(C) == world.tape(A)


def test_a_voter_hears_of_its_removal_only_when_it_is_committed(world):
    world.cut(A, B)
    removal = world.nodes[A].raft.log.last_index + 1
    world.change(A, C, votes=False)
    world.pump(6, 0.01)
    assert world.nodes[A].raft.log.last_index == removal
    assert world.nodes[C].raft.log.last_index == removal - 1
    world.kill(A)
    world.elect(B, only=(B, C))
    world.pump(3)
    assert voters(world, B) == [A, B, C]


def test_a_node_alone_leads_at_once(hand):
    world = hand.Hand()
    world.start(A, initial=(A,))
    world.cycle(A)
    assert world.nodes[A].raft.is_leader()


def test_lag_counts_the_entries_that_a_peer_lacks(world):
    world.cut(A, D)
    for number in range(10):
        world.submit(A, f"c{number}")
    world.pump(4, 0.01)
    lag = world.nodes[A].raft.lag()
    assert (lag[B], lag[C], lag[D]) == (0, 0, 10)
    assert world.nodes[B].raft.lag() == {}


def test_forwards_that_nobody_answers_do_not_pile_up(hand, monkeypatch):
    monkeypatch.setattr("mys3d.consensus.raft.awaiting_max", 3)
    world = hand.Hand()
    for node in (A, B, C):
        world.start(node, initial=(A, B, C))
    world.elect(A)
    heard = []
    for number in range(5):
        world.nodes[B].raft.submit(b"\0x%d" % number, lambda answer, number=number: heard.append((number, answer)))
    world.cycle(B)
    assert heard == [(0, Answer.LOST), (1, Answer.LOST)]


def test_the_queue_is_bounded_by_its_bytes(world, monkeypatch):
    monkeypatch.setattr(limits, "proposals_bytes_max", 1000)
    raft, heard = world.nodes[A].raft, []
    for _ in range(15):
        raft.submit(b"\0" + b"x" * 99, heard.append)
    assert heard == [Answer.QUEUE_FULL] * 5
    forward(world, b"\0" + b"x" * 99)
    world.pump(3, 0.01)
    heard.clear()
    raft.submit(b"\0" + b"y" * 999, heard.append)
    assert heard == [], "there is room again"
