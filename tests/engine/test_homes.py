"""Writers and readers agree on where a blob may be."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.homes import holders, is_home, others, present_layout, refuse_hopeless
from mys3d.errors import Unavailable
from mys3d.model.names import Partition
from mys3d.registry import queries

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_holders_are_the_other_homes_first_and_then_everybody_else(make_grid: MakeGrid) -> None:
    grid = await make_grid(5)
    for partition in map(Partition, range(0, limits.partitions_count, 37)):
        homes = present_layout(grid[0].ports).homes(partition)
        order = holders(grid[0].ports, partition)
        assert sorted([*order, grid.ids[0]]) == sorted(grid.ids)
        mine = [node for node in homes if node != grid.ids[0]]
        assert list(order[: len(mine)]) == mine


async def test_a_node_known_to_be_unreachable_is_asked_last(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    first = holders(grid[0].ports, Partition(5))[0]
    grid.network.cut(grid.ids[0], first)
    assert holders(grid[0].ports, Partition(5))[-1] == first


async def test_the_order_of_substitutes_differs_between_partitions(make_grid: MakeGrid) -> None:
    grid = await make_grid(5)
    members = queries.members(grid[0].ports.registry.view())
    firsts = {others(members, (), Partition(number))[0] for number in range(5)}
    assert firsts == set(grid.ids)


async def test_a_home_is_a_home_of_its_partitions_only(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    layout = present_layout(grid[0].ports)
    for partition in map(Partition, range(20)):
        assert sum(is_home(node.ports, layout, partition) for node in grid.nodes) == 3


async def test_before_there_is_a_layout_nothing_can_be_placed(make_grid: MakeGrid, monkeypatch: Any) -> None:
    grid = await make_grid(1)
    monkeypatch.setattr(queries, "layout", lambda _reader: None)
    with pytest.raises(Unavailable, match="knows no layout"):
        present_layout(grid[0].ports)


async def test_a_write_is_hopeless_while_too_few_nodes_are_within_reach(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    refuse_hopeless(grid[0].ports)
    grid.network.cut(grid.ids[0], grid.ids[1])
    grid.network.cut(grid.ids[0], grid.ids[2])
    refuse_hopeless(grid[0].ports)  # the fourth node and this one are two
    grid.network.partition(grid.ids[0])
    with pytest.raises(Unavailable, match="1 of the 2 nodes"):
        refuse_hopeless(grid[0].ports)
