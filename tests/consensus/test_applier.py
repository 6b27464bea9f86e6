"""Committed entries become rows, in slices."""

import pytest

from mys3d.errors import Unavailable

A = "a" * 32


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
