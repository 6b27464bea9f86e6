"""What a life of a node waits for."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from trio.testing import MockClock

from mys3d.engine.start import caught_up
from mys3d.registry.commands import BumpGcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]  # of conftest


async def test_a_node_has_caught_up_once_it_has_applied_what_was_committed_before(
    make_grid: MakeGrid, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid.cluster.isolate(grid.ids[2])
    await grid[0].ports.registry.propose(BumpGcEpoch(2))
    done = trio.Event()

    async def wait() -> None:
        await caught_up(grid[2].ports)
        done.set()

    nursery.start_soon(wait)
    await trio.sleep(60.0)
    assert not done.is_set()
    grid.cluster.heal(grid.ids[2])
    with trio.fail_after(5.0):
        await done.wait()
