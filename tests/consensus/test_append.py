"""Replication between hand-driven nodes."""

import msgspec
import pytest
from pysyncobj.node import Node

from mys3d import limits
from mys3d.consensus import messages
from mys3d.consensus.append import window_frames
from mys3d.consensus.messages import AppendEntries, AppendReply, HigherTerm

A, B, C = (letter * 32 for letter in "abc")


@pytest.fixture
def world(hand):
    found = hand.Hand()
    for node in (A, B, C):
        found.start(node, initial=(A, B, C))
    found.elect(A)
    found.pump(3, 0.01)
    return found


def give(world, node, message, source=A):
    """Return what `node` answers, whatever name it gives itself."""
    world.nodes[node].on_frame(source, messages.encode(message))
    world.cycle(node)
    return [nameless(found) for found in world.peek(node, source)]


def nameless(message):
    return msgspec.structs.replace(message, incarnation=b"") if isinstance(message, AppendReply) else message


def test_entries_are_sent_in_the_cycle_that_appends_them(world):
    world.drop(A, B)
    world.submit(A, "now")
    world.begin(A)
    (sent,) = [message for message in world.peek(A, B) if message.entries]
    assert sent.entries[0][0] == b"\0now"
    world.finish(A)


def test_equal_frames_are_encoded_once_for_all_followers(world):
    world.drop(A, B)
    world.drop(A, C)
    world.submit(A, "shared")
    world.cycle(A)
    assert world.lanes[A, B][0] is world.lanes[A, C][0]


def test_an_append_of_an_older_term_is_answered_with_the_newer_one(world):
    world.drop(B, A)
    term = world.nodes[B].raft.term
    assert give(world, B, AppendEntries(term - 1, 1, 1, 0, ())) == [HigherTerm(term)]


def test_a_gap_is_rejected_with_the_end_of_the_log(world):
    world.drop(B, A)
    raft = world.nodes[B].raft
    end = raft.log.last_index
    message = AppendEntries(raft.term, 1, end + 5, raft.term, ((b"\0x", end + 6, raft.term),))
    assert give(world, B, message) == [AppendReply(raft.term, end + 1, end + 5)]
    assert raft.log.last_index == end


def test_entries_that_are_no_run_are_ignored(world):
    raft = world.nodes[B].raft
    end = raft.log.last_index
    give(world, B, AppendEntries(raft.term, end, end, raft.term, ((b"\0x", end + 3, raft.term),)))
    assert raft.log.last_index == end


def test_a_commit_index_moves_only_behind_a_match(world):
    world.drop(B, A)
    raft = world.nodes[B].raft
    before, end = raft.commit_index, raft.log.last_index
    give(world, B, AppendEntries(raft.term, end + 100, end + 1, raft.term, ()))
    assert raft.commit_index == before
    give(world, B, AppendEntries(raft.term, end + 100, end, raft.term, ()))
    assert raft.commit_index == end


def test_a_commit_alone_needs_no_reply(world):
    world.drop(B, A)
    raft = world.nodes[B].raft
    end = raft.log.last_index
    assert give(world, B, AppendEntries(raft.term, end, end, raft.term, (), quiet=True)) == []


def test_a_conflict_below_the_commit_index_crashes_the_node(world):
    raft = world.nodes[B].raft
    index = raft.commit_index
    message = AppendEntries(raft.term + 1, index, index - 1, raft.term_at(index - 1), ((b"\0x", index, raft.term + 1),))
    with pytest.raises(AssertionError, match="conflicts at or below commit index"):
        give(world, B, message)


def test_after_a_broken_lane_the_leader_sends_what_was_lost(world):
    world.submit(A, "lost")
    world.cycle(A)
    world.reset(A, B)
    world.pump(4)
    assert "lost" in world.names(B)


def test_a_frame_that_the_wire_dropped_is_found_missing_and_sent_again(world):
    world.submit(A, "first")
    world.cycle(A)
    world.drop(A, B)
    world.submit(A, "second")
    world.pump(9)
    assert world.names(B) == ["first", "second"]


def test_an_acknowledgement_beyond_the_log_is_ignored(world):
    raft = world.nodes[A].raft
    match = raft.match_index[Node(B)]
    world.nodes[A].on_frame(
        B, messages.encode(AppendReply(raft.term, raft.log.last_index + 50, None, raft.heard[Node(B)]))
    )
    world.cycle(A)
    assert raft.match_index[Node(B)] == match


def test_a_node_that_acknowledges_nothing_is_sent_a_bounded_number_of_frames(world):
    raft, sent = world.nodes[A].raft, 0
    for number in range(200):
        world.submit(A, f"{number:03}" + "x" * 60_000)
    for _ in range(30):
        world.cycle(A)
        world.time += 0.11
        world.deliver(A, C)
        world.cycle(C)
        world.deliver(C, A)
    sent = [message for message in world.peek(A, B) if message.entries]
    assert len(sent) == window_frames
    assert raft.is_leader()
    world.pump(40)
    assert len(world.names(B)) == 200


def test_a_pass_sends_at_most_four_frames_and_goes_on_in_the_next(world):
    world.drop(A, B)
    for number in range(40):
        world.submit(A, f"{number:02}" + "x" * 60_000)
    world.cycle(A)
    assert len([message for message in world.peek(A, B) if message.entries]) == 4
    assert world.nodes[A].raft.has_more_to_do()
    world.pump(10)
    assert len(world.names(B)) == 40


@pytest.mark.parametrize(
    "entries",
    [
        lambda end, term: ((b"\x02garbage", end + 1, term),),
        lambda end, term: ((b"", end + 1, term),),
        lambda end, term: ((b"\0x", end + 2, term),),
        lambda end, term: ((b"\0x", end + 1, term), (b"\0x", end + 3, term)),
        lambda end, term: ((b"\0x", end + 1, term + 1),),
        lambda end, term: ((b"\0x", end + 1, 0),),
    ],
)
def test_entries_that_no_leader_sends_are_refused_whole(world, entries):
    world.drop(B, A)
    raft = world.nodes[B].raft
    end = raft.log.last_index
    message = AppendEntries(raft.term, 1, end, raft.term, entries(end, raft.term))
    assert give(world, B, message) == []
    assert raft.log.last_index == end


def test_a_log_that_is_full_takes_nothing_before_something_is_applied(world, monkeypatch):
    monkeypatch.setattr(limits, "log_bytes_max", 200_000)
    raft = world.nodes[B].raft
    raft.is_installing = True  # nothing is applied meanwhile
    for number in range(30):
        world.submit(A, f"{number:03}" + "x" * 20_000)
        world.pump(2)
    world.pump(3)
    assert raft.log.entries_bytes < 200_000 + 100_000 and len(world.names(C)) > 20
    raft.is_installing = False
    world.pump(30)
    if world.needs_snapshot(B):  # the leader's log is as short
        world.install(B, world.rows[A].export())
    world.pump(30)
    assert len(world.names(B)) == len(world.names(C)) == 30 - len(world.refused), "the rest was sent again"


def test_a_leader_whose_log_is_full_refuses_commands(world, monkeypatch):
    world.nodes[A].raft.is_installing = True  # nothing is applied meanwhile
    monkeypatch.setattr(limits, "log_entries_max", 30)
    for number in range(40):
        world.submit(A, f"n{number}")
        world.pump(1)
    assert len(world.refused) >= 10 and len(world.nodes[A].raft.log) <= 30
