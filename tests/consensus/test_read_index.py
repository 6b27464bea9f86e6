"""Linearizable reads on any node."""

import pytest
import trio

from mys3d import limits
from mys3d.consensus.messages import Confirm
from mys3d.errors import Unavailable


@pytest.fixture
async def trinity(cluster, builders):
    for node in builders.nodes[:3]:
        await cluster.start(node, initial=builders.nodes[:3], members=builders.nodes[:4])
    return cluster


async def test_a_read_behind_a_barrier_sees_every_acknowledged_write(trinity, builders, autojump_clock):
    for number in range(30):
        writer = trinity.nodes[builders.nodes[number % 3]]
        reader = trinity.nodes[builders.nodes[(number + 1) % 3]]
        outcome = await writer.propose(builders.bucket(f"b{number}"))
        assert await reader.barrier() >= outcome.index
        assert reader.view().get(b"bucket:b%d" % number) is not None


async def test_a_learner_has_a_barrier_too(trinity, builders, autojump_clock):
    learner = await trinity.start(builders.nodes[3], members=builders.nodes[:3])
    outcome = await trinity.nodes[builders.nodes[0]].propose(builders.bucket("seen"))
    assert await learner.barrier() >= outcome.index
    assert learner.view().get(b"bucket:seen") is not None


async def test_readers_that_arrive_together_share_rounds(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    await leader.barrier()
    before = trinity.network.frames_count
    async with trio.open_nursery() as readers:
        for _ in range(200):
            readers.start_soon(leader.barrier)
    assert trinity.network.frames_count - before < 40


async def test_a_leader_cut_off_from_the_majority_confirms_nothing(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    for node in builders.nodes[:3]:
        if node != leader.node:
            trinity.network.cut(leader.node, node)
    assert leader.status().is_leader
    with pytest.raises(Unavailable, match="no majority"):
        await leader.barrier()


async def test_a_round_that_failed_is_followed_by_one_that_succeeds(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    for node in builders.nodes[:3]:
        if node != leader.node:
            trinity.network.cut(leader.node, node)
    async with trio.open_nursery() as readers:
        readers.start_soon(leader.barrier)
        await trio.sleep(0.5)
        for node in builders.nodes[:3]:
            if node != leader.node:
                trinity.network.heal(leader.node, node)


def led_by_the_first(hand, builders):
    """Three voters, of which the first leads, and their world."""
    trinity = builders.nodes[:3]
    world = hand.Hand()
    for node in trinity:
        world.start(node, initial=trinity)
    world.elect(trinity[0])
    world.pump(3, 0.01)
    return trinity, world


def test_a_leader_starts_no_round_before_an_entry_of_its_term_is_committed(hand, builders):
    trinity = builders.nodes[:3]
    world = hand.Hand()
    for node in trinity:
        world.start(node, initial=trinity)
    world.time += 10
    for node in trinity:
        world.nodes[node].raft.election_deadline = 0.0 if node == trinity[0] else world.time + 1000
    answers = []
    while not world.nodes[trinity[0]].raft.is_leader():
        world.pump(1, 0.01)
    world.nodes[trinity[0]].read_index.ask(answers.append)
    assert world.nodes[trinity[0]].raft.commit_index < world.nodes[trinity[0]].raft.noop_index
    world.cycle(trinity[0])
    assert answers == [None]
    world.pump(3, 0.01)
    world.nodes[trinity[0]].read_index.ask(answers.append)
    world.pump(3, 0.01)
    assert answers[1] >= world.nodes[trinity[0]].raft.noop_index


def test_a_reader_that_arrives_during_a_round_waits_for_the_next(hand, builders):
    trinity, world = led_by_the_first(hand, builders)
    early, late = [], []
    leader = world.nodes[trinity[0]]
    leader.read_index.ask(early.append)
    world.cycle(trinity[0])
    leader.read_index.ask(late.append)
    for other in trinity[1:]:
        world.deliver(trinity[0], other)
        world.cycle(other)
        world.deliver(other, trinity[0])
    world.cycle(trinity[0])
    assert (len(early), late) == (1, [])
    world.pump(4, 0.01)
    assert late == early


def asked_by(world, leader, others):
    """Who has a question of the leader's present round on its way."""
    return [other for other in others if any(isinstance(found, Confirm) for found in world.peek(leader, other))]


def test_only_as_many_are_asked_as_make_a_majority_until_they_take_long(hand, builders):
    trinity, world = led_by_the_first(hand, builders)
    answers, leader, others = [], world.nodes[trinity[0]], trinity[1:]
    leader.read_index.ask(answers.append)
    world.cycle(trinity[0])
    (first,) = asked_by(world, trinity[0], others)
    second = next(other for other in others if other != first)
    world.cut(trinity[0], first)
    world.cycle(trinity[0])
    assert asked_by(world, trinity[0], [second]) == []
    world.time += 0.03
    world.cycle(trinity[0])
    assert asked_by(world, trinity[0], [second]) == [second]
    world.deliver(trinity[0], second)
    world.cycle(second)
    world.deliver(second, trinity[0])
    world.cycle(trinity[0])
    assert len(answers) == 1
    assert answers[0] is not None
    world.heal((trinity[0], first))
    world.pump(3, 0.01)
    leader.read_index.ask(answers.append)
    world.cycle(trinity[0])
    assert asked_by(world, trinity[0], others) == [second], "who answered last is asked first"


async def test_a_reader_that_was_cancelled_is_not_woken(trinity, autojump_clock):
    leader = await trinity.leader()
    with trio.move_on_after(0):
        await leader.barrier()
    assert await leader.barrier() > 0


async def test_while_no_cycle_begins_readers_wait_no_longer_than_their_deadline(trinity, autojump_clock):
    leader = await trinity.leader()
    await leader.barrier()
    released = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leader.ticker.between_cycles, released.wait)
        await trio.sleep(0.01)
        started = trio.current_time()
        with pytest.raises(Unavailable, match="no majority"):
            await leader.barrier()
        assert trio.current_time() - started == pytest.approx(limits.barrier_deadline_seconds, abs=0.1)
        released.set()
    assert await leader.barrier() > 0


async def test_readers_of_a_node_that_ends_are_told_so(trinity, builders, nursery, autojump_clock):
    leader = await trinity.leader()
    ended = trio.Event()

    async def read() -> None:
        with pytest.raises(Unavailable):
            await leader.barrier()
        ended.set()

    for node in builders.nodes[:3]:
        if node != leader.node:
            trinity.network.cut(leader.node, node)
    nursery.start_soon(read)
    await trio.sleep(0.1)
    trinity.kill(leader.node)
    with trio.fail_after(2 * limits.barrier_deadline_seconds):
        await ended.wait()
