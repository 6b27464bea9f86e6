"""Removing a member that will not come back."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d.engine.membership import Membership
from mys3d.engine.removal import RemovalAsked, remove_member
from mys3d.errors import Reason, Rejected
from mys3d.registry import queries

Make = Callable[..., Awaitable[Any]]


async def settled(grid: Any, nursery: trio.Nursery) -> None:
    for node in grid.nodes:
        await nursery.start(node.missing.run)
        await nursery.start(Membership(node.ports, node.missing).run)
    await trio.sleep(60.0)


async def refused(grid: Any, node: str, force: int = 0) -> Rejected:
    with pytest.raises(Rejected) as found:
        await remove_member(grid[0].ports, RemovalAsked(node, force))
    return found.value


async def test_a_node_that_is_not_known_or_is_asked_itself_is_not_removed(make_grid: Make) -> None:
    grid = await make_grid(4)
    assert (await refused(grid, "nobody", 2)).reason is Reason.NO_SUCH_MEMBER
    assert (await refused(grid, grid.ids[0], 2)).reason is Reason.STILL_NEEDED


async def test_a_node_that_answers_stays_unless_the_operator_insists_twice(make_grid: Make) -> None:
    grid = await make_grid(4)
    for force in (0, 1):
        found = await refused(grid, grid.ids[3], force)
        assert "answers" in found.detail
    await remove_member(grid[0].ports, RemovalAsked(grid.ids[3], 2))


async def test_one_of_the_last_three_stays_unless_the_operator_insists_twice(make_grid: Make) -> None:
    grid = await make_grid(3)
    grid.network.partition(grid.ids[2])
    assert "2 members would remain" in (await refused(grid, grid.ids[2])).detail
    await remove_member(grid[0].ports, RemovalAsked(grid.ids[2], 2))


async def test_a_lost_node_loses_its_vote_its_partitions_and_its_row(
    make_grid: Make, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(4, grown=False)
    await settled(grid, nursery)
    lost = grid.ids[2]
    grid.network.partition(lost)
    grid.cluster.isolate(lost)
    await remove_member(grid[0].ports, RemovalAsked(queries.member(grid[0].ports.registry.view(), lost).name))
    await trio.sleep(60.0)
    view = grid[0].ports.registry.view()
    layout = queries.layout(view)
    assert queries.member(view, lost) is None
    assert set(queries.voters(view)) == {grid.ids[0], grid.ids[1], grid.ids[3]}
    assert layout is not None
    assert {node for homes in layout.base for node in homes} == set(queries.voters(view))
