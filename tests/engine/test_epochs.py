"""The epoch of garbage collection is bumped once a period, by whoever leads."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from mys3d.engine.epochs import Epochs, look_seconds
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings

MakeGrid = Callable[[int], Awaitable[Any]]


def epoch_of(grid: Any) -> int:
    return queries.gc_epoch(grid[0].ports.registry.view())


async def test_the_epoch_is_bumped_once_a_period_however_many_nodes_look(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    for node in grid.nodes:
        await nursery.start(Epochs(node.ports).run)
    await trio.sleep(599)
    assert epoch_of(grid) == 1
    await trio.sleep(6 * 630)
    assert 6 <= epoch_of(grid) <= 7


async def test_a_short_period_is_kept_too(make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object) -> None:
    grid = await make_grid(2)
    await grid[0].ports.registry.propose(ChangeSettings(gc_period_ms=200))
    for node in grid.nodes:
        await nursery.start(Epochs(node.ports).run)
    await trio.sleep(10.0)
    assert 30 <= epoch_of(grid) <= 51


async def test_while_nothing_can_be_committed_the_duty_waits(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    await nursery.start(Epochs(grid[0].ports).run)
    for node in grid.ids:
        grid.cluster.isolate(node)
    await trio.sleep(1500)
    assert epoch_of(grid) == 1
    for node in grid.ids:
        grid.cluster.heal(node)
    await trio.sleep(60)
    assert epoch_of(grid) == 2


async def test_the_epoch_is_looked_at_often_enough(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    assert look_seconds(grid[0].ports) == 30.0
    await grid[0].ports.registry.propose(ChangeSettings(gc_period_ms=200))
    assert look_seconds(grid[0].ports) == 0.05
