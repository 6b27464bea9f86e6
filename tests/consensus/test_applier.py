"""Committed entries become rows, in slices."""

import pytest
import trio

from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Unavailable
from mys3d.registry.codec import RowDamaged

A, B, C = (letter * 32 for letter in "abc")


@pytest.fixture
def world(hand):
    found = hand.Hand()
    found.start(A, initial=(A,))
    found.pump(3)
    return found


def commit(world, count):
    """Have `count` entries committed and none of them applied."""
    for number in range(count):
        world.submit(A, f"c{number}")
    for _ in range(3):
        world.begin(A)
        world.finish(A)


def test_a_slice_ends_after_its_time_and_the_next_goes_on(world):
    commit(world, 40)
    applier = world.nodes[A].applier
    apply_noop, steps = applier.machine.apply_command, []

    def slowly(tx, index, term, payload):
        world.time += 0.0005
        steps.append(index)
        return apply_noop(tx, index, term, payload)

    object.__setattr__(applier, "machine", _with(applier.machine, slowly))
    sizes = [applier.apply_slice() for _ in range(5)]
    assert sizes == [8, 8, 8, 8, 8]
    assert steps == sorted(steps)
    assert world.names(A) == [f"c{number}" for number in range(40)]


def _with(machine, apply_command):
    fields = {name: getattr(machine, name) for name in machine.__dataclass_fields__}
    return type(machine)(**{**fields, "apply_command": apply_command})


def test_a_slice_reaches_the_store_in_one_write(world):
    commit(world, 30)
    before = len(world.rows[A].history)
    assert world.nodes[A].applier.apply_slice() == 30
    assert len(world.rows[A].history) == before + 1
    assert world.rows[A].get("applied")[0] == world.nodes[A].raft.last_applied


def test_a_stalled_store_loses_nothing(world):
    commit(world, 3)
    world.rows[A].stalls = 1
    with pytest.raises(Unavailable):
        world.nodes[A].applier.apply_slice()
    assert world.acknowledged == []
    assert world.nodes[A].applier.apply_slice() == 3
    assert world.acknowledged == ["c0", "c1", "c2"]


def test_nobody_is_told_before_the_rows_are_written(world):
    commit(world, 1)
    seen = []
    world.nodes[A].applier.settled = lambda command, outcome: seen.append(world.rows[A].get("applied")[0])
    world.nodes[A].applier.apply_slice()
    assert seen == [world.nodes[A].raft.last_applied]


def test_an_entry_is_not_applied_before_it_is_on_our_own_disk(world):
    world.submit(A, "pending")
    world.begin(A)
    world.nodes[A].raft.commit_index = world.nodes[A].raft.log.last_index
    assert world.nodes[A].applier.apply_slice() == 0
    world.finish(A)
    assert world.nodes[A].applier.apply_slice() == 1


async def test_a_stalled_store_is_asked_again(cluster, builders, autojump_clock):
    alone = await cluster.start(A, initial=[A])
    await alone.barrier()
    cluster.rows[A].stalls = 3
    await alone.propose(builders.bucket("patience"))
    assert cluster.rows[A].stalls == 0


async def test_a_listener_hears_each_command_once_in_order(cluster, builders, autojump_clock):
    alone = await cluster.start(A, initial=[A])
    heard = []
    alone.subscribe(heard.extend)
    for name in ("one", "two", "three"):
        await alone.propose(builders.bucket(name))
    assert [entry.command.name for entry in heard] == ["one", "two", "three"]
    assert [entry.outcome.index for entry in heard] == [entry.index for entry in heard]


async def test_a_store_that_stays_stalled_takes_no_proposals_until_it_can_write(cluster, builders, autojump_clock):
    alone = await cluster.start(A, initial=[A])
    await alone.barrier()
    cluster.rows[A].stalls = 30
    async with trio.open_nursery() as proposals:
        proposals.start_soon(alone.propose, builders.bucket("before"))
        await cluster.until(lambda: alone.raft.is_stalled)
        with pytest.raises(Unavailable):
            await alone.propose(builders.bucket("refused"))
        await cluster.until(lambda: not alone.raft.is_stalled)
    await alone.propose(builders.bucket("after"))
    assert cluster.rows[A].stalls == 0


async def test_a_stalled_leader_hands_over_and_the_others_go_on(cluster, builders, autojump_clock):
    for node in (A, B, C):
        await cluster.start(node, initial=[A, B, C])
    leader = await cluster.leader()
    await leader.propose(builders.bucket("first"))
    cluster.rows[leader.node].stalls = 10_000
    other = next(node for name, node in cluster.nodes.items() if name != leader.node)
    await other.propose(builders.bucket("second"))
    await cluster.until(lambda: not leader.status().is_leader)
    await other.propose(builders.bucket("third"))
    cluster.rows[leader.node].stalls = 0
    assert {b"bucket:first", b"bucket:second", b"bucket:third"} <= set(await cluster.agree())


def test_a_row_that_does_not_decode_is_damage_and_no_outcome(world):
    commit(world, 1)
    applier = world.nodes[A].applier

    def broken(tx, index, term, payload):
        raise RowDamaged("it does not decode")

    object.__setattr__(applier, "machine", _with(applier.machine, broken))
    with pytest.raises(StoreDamaged, match="does not decode"):
        trio.run(applier._apply_or_wait)
    assert world.acknowledged == []
    assert world.rows[A].get("applied")[0] == world.nodes[A].raft.last_applied
