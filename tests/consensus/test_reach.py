"""How soon a node says "not now" when no leader can be within reach."""

import pytest
import trio

from mys3d import limits
from mys3d.errors import Unavailable


@pytest.fixture
async def trinity(cluster, builders):
    for node in builders.nodes[:3]:
        await cluster.start(node, initial=builders.nodes[:3])
    await cluster.leader()
    return cluster


async def seconds_of_a_barrier(node) -> float:
    before = trio.current_time()
    with pytest.raises(Unavailable, match="no majority of the voters"):
        await node.barrier()
    return trio.current_time() - before


@pytest.mark.parametrize("led", [False, True])
async def test_cut_off_from_the_majority_a_read_is_refused_soon_and_then_at_once(trinity, autojump_clock, led):
    leader = await trinity.leader()
    last = leader if led else next(node for node in trinity.nodes.values() if node is not leader)
    await last.barrier()
    for node in list(trinity.nodes.values()):
        if node is not last:
            trinity.kill(node.node)
    assert await seconds_of_a_barrier(last) < limits.hopeless_seconds + 1.5
    assert await seconds_of_a_barrier(last) < (1.1 if led else 0.1)  # a round of a leader ends after a second


async def test_one_of_three_may_be_away_for_ever(trinity, autojump_clock):
    leader = await trinity.leader()
    gone = next(node for node in trinity.nodes.values() if node is not leader)
    trinity.kill(gone.node)
    await trio.sleep(10 * limits.hopeless_seconds)
    for node in trinity.nodes.values():
        if node is not gone:
            assert not node.reach.is_hopeless
            await node.barrier()


async def test_lanes_that_break_for_a_moment_change_nothing(trinity, builders, autojump_clock):
    leader = await trinity.leader()
    last = next(node for node in trinity.nodes.values() if node is not leader)
    others = [node for node in trinity.nodes if node != last.node]
    for node in others:
        trinity.kill(node)
    await trio.sleep(limits.hopeless_seconds / 2)
    assert not last.reach.is_hopeless
    for node in others:
        await trinity.start(node)
    await last.barrier()
    assert not last.reach.is_hopeless


async def test_a_node_alone_is_its_own_majority(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await trio.sleep(10 * limits.hopeless_seconds)
    assert not alone.reach.is_hopeless
    await alone.barrier()
