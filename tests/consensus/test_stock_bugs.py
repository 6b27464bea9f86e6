"""The ways in which the stock engine lost data, replayed against ours. Each test says where stock 0.3.17 fails."""

import pytest
from pysyncobj.node import Node

from mys3d.consensus import messages
from mys3d.consensus.messages import AppendEntries, AppendReply

A, B, C, D, E = (letter * 32 for letter in "abcde")


def world_of(hand, *nodes):
    world = hand.Hand()
    for node in nodes:
        world.start(node, initial=nodes)
    return world


def submit(world, node, start, stop):
    for number in range(start, stop):
        world.submit(node, f"c{number}-" + "x" * 1000)


def test_a_repeated_append_removes_nothing_that_was_acknowledged(hand):
    # Stock: a follower cuts its whole suffix on every append, and the leader sends entries in flight again; 3 nodes,
    # one slow, the leader dies: 176 of 300 acknowledged lost.
    world = world_of(hand, A, B, C)
    world.elect(A)
    world.cut(A, C)
    world.pump(2, 0.01, only=(A, B))
    for start in (0, 100, 200):  # three rounds, each sent before the acknowledgement of the one before was read
        submit(world, A, start, start + 100)
        world.cycle(A)
    frames = list(world.lanes[A, B])
    sent = [entry[1] for message in world.peek(A, B) for entry in getattr(message, "entries", ())]
    assert len(sent) == len(set(sent)), "entries in flight were sent twice"
    world.pump(4, 0.01, only=(A, B))
    assert len(world.acknowledged) == 300
    before = world.log(B)
    for frame in frames:
        world.nodes[B].on_frame(A, frame)
        world.cycle(B)
        assert world.log(B) == before
    world.kill(A)
    world.elect(B)
    world.pump(20)
    assert set(world.acknowledged) <= set(world.names(B)) & set(world.names(C))


def test_a_leader_that_waits_for_a_snapshot_commits_nothing_on_the_follower(hand):
    # Stock: an append with `serialized` raises the commit index without any log match: 10 divergent entries were
    # applied and answered with success.
    world = world_of(hand, A, B, C)
    world.elect(A)
    world.cut(A, B)
    world.cut(A, C)
    submit(world, A, 0, 10)
    world.cycle(A)
    world.elect(B, only=(B, C))
    submit(world, B, 100, 130)
    world.pump(5, only=(B, C))
    committed = world.nodes[A].raft.commit_index
    leader = world.nodes[B].raft
    frame = messages.encode(AppendEntries(leader.term, leader.commit_index, 0, 0, ()))
    world.nodes[A].on_frame(B, frame)
    world.cycle(A)
    assert world.nodes[A].raft.leader == Node(B)
    assert world.nodes[A].raft.commit_index == committed
    assert not world.acknowledged or not set(world.acknowledged) & {name for name in world.names(A) if name < "c1"}
    world.heal()
    world.pump(30)
    assert world.tape(A) == world.tape(B) == world.tape(C)


@pytest.mark.parametrize("kept", [0, 1, 7, 10_000])
def test_a_node_killed_with_an_older_store_replays_its_journal(hand, kept):
    # Stock: a crash between the dump's rename and the journal's trim wipes the journal at start: 50 of 150 lost.
    world = world_of(hand, A)
    for start in range(0, 150, 10):
        submit(world, A, start, start + 10)
        world.pump(3, 0.01)
    assert len(world.acknowledged) == 150
    world.kill(A, kept)
    world.start(A)
    world.pump(3)
    assert world.names(A) == world.acknowledged


def test_a_raising_listener_does_not_make_an_entry_apply_twice(hand):
    # Stock: an exception in a client's callback leaves the entry unapplied in its books, and applies it again.
    world = world_of(hand, A)
    world.pump(2)
    world.submit(A, "once")

    def raising(command, outcome):
        raise RuntimeError("the client is gone")

    settled, world.nodes[A].applier.settled = world.nodes[A].applier.settled, raising
    with pytest.raises(RuntimeError, match="gone"):
        world.pump(3)
    world.nodes[A].applier.settled = settled
    world.submit(A, "after")
    world.pump(3)
    assert world.names(A) == ["once", "after"]


def test_an_acknowledgement_of_an_earlier_term_counts_for_nothing(hand):
    # Stock: acknowledgements carry no term: a commit with 2 of 5 copies.
    world = world_of(hand, A, B, C, D, E)
    world.elect(A)
    for other in (C, D, E):
        world.cut(A, other)
        world.cut(B, other)
    submit(world, A, 0, 20)
    world.cycle(A)
    world.deliver(A, B)
    world.cycle(B)
    held = list(world.lanes.pop((B, A)))
    last = world.nodes[B].raft.log.last_index
    assert any(isinstance(found, AppendReply) and found.next_index == last + 1 for found in map(messages.decode, held))
    world.elect(C, only=(C, D, E))
    world.heal()
    for other in (C, D, E):
        world.cut(B, other)
    world.cut(A, B)
    world.pump(12, only=(A, C, D, E))
    world.elect(A, only=(A, C, D, E))
    world.heal((A, B))
    for frame in held:
        world.nodes[A].on_frame(B, frame)
    world.cycle(A)
    assert world.nodes[A].raft.match_index[Node(B)] == 0
    world.heal()
    world.pump(20)
    assert len({tuple(world.tape(node).items()) for node in world.nodes}) == 1


def test_a_reply_to_an_earlier_life_answers_nothing(hand):
    # Stock: request ids restart at 1: success, with another command's result, for a command that was never applied.
    world = world_of(hand, A, B, C)
    world.elect(A)
    world.submit(B, "old")
    world.cycle(B)
    world.deliver(B, A)
    request = world.nodes[B].raft.request_counter
    world.kill(B)
    world.start(B)
    for _ in range(3):  # B learns of its leader, whose reply to the old request is on the way
        world.cycle(A)
        world.deliver(A, B)
        world.cycle(B)
    world.submit(B, "new")
    world.cycle(B)
    world.drop(A, B)  # the new command never reaches the leader
    assert world.nodes[B].raft.request_counter != request
    world.pump(10)
    assert "new" not in world.acknowledged
    assert "new" not in world.names(A)


async def test_an_entry_that_makes_no_sense_stops_nobody(cluster, builders, autojump_clock):
    # Stock: an exception in apply is retried for ever; the node is stuck.
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.propose(builders.bucket("before"))
    alone.raft.submit(b"\0no proposal at all", lambda answer: None)
    await alone.propose(builders.bucket("behind"))
    assert alone.view().get(b"count") == b"\x02"


def test_a_follower_with_a_divergent_tail_and_a_long_backlog_catches_up(hand):
    # Stock: rejects of pipelined appends overwrite the right hint; such a follower never catches up (11 of 40 seeds).
    world = world_of(hand, A, B, C)
    world.elect(A)
    world.cut(A, B)
    world.cut(A, C)
    submit(world, A, 0, 50)
    world.cycle(A)
    world.elect(B, only=(B, C))
    for start in range(1000, 3000, 200):
        submit(world, B, start, start + 200)
        world.pump(2, 0.02, only=(B, C))
    world.heal()
    world.pump(15)
    assert world.log(A) == world.log(B)
    assert world.tape(A) == world.tape(B) == world.tape(C)
