"""A running cluster is looked over."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from trio.testing import MockClock

from mys3d.engine.doctor import examine
from mys3d.errors import Unavailable
from mys3d.registry import keys

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_a_sound_cluster_has_nothing_wrong(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    report = await examine(grid[0].ports, grid[0].missing)
    assert report.sentences == ()
    assert report.rows_compared > 5


async def test_rows_of_one_node_that_differ_are_told_of_by_each(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid[2].ports.registry.rows.commit([(keys.GC_EPOCH, None)])
    told = (await examine(grid[2].ports, grid[2].missing)).sentences
    assert "a cluster has a layout and an epoch of collection" in told
    assert told[-1] == "the registry of n3 is not that of most nodes: it makes them anew"
    asked_elsewhere = (await examine(grid[0].ports, grid[0].missing)).sentences
    assert asked_elsewhere == ("the registry of n3 is not that of most nodes: it makes them anew",)


async def test_two_nodes_that_differ_are_left_to_an_operator(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    grid[1].ports.registry.rows.commit([(keys.token(b"t" * 32), grid[1].ports.registry.rows.get(keys.NOW))])
    told = (await examine(grid[0].ports, grid[0].missing)).sentences
    assert [sentence.rpartition(": ")[2] for sentence in told] == ["no majority agrees, so nothing was done"] * 2


async def test_a_silent_node_is_told_of(make_grid: MakeGrid, autojump_clock: MockClock) -> None:
    grid = await make_grid(3)
    grid.cluster.pause(grid.ids[1])
    (told,) = (await examine(grid[0].ports, grid[0].missing)).sentences
    assert told == "n2 did not name its rows in time: it was not compared"


async def test_rows_that_have_rotted_on_the_disk_are_no_rows_to_look_at(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid[0].ports.registry.damage = Unavailable("a rotten block")
    with pytest.raises(Unavailable, match="a rotten block"):
        await examine(grid[0].ports, grid[0].missing)
