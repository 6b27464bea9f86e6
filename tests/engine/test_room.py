"""Full nodes are found out, passed over, and used again."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.homes import present_layout
from mys3d.engine.replicate import replicate
from mys3d.engine.room import watch_room
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.model.names import GcEpoch

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]


def blob_with_home(grid: Grid, number: int, first: int = 0) -> tuple[Digest, bytes]:
    """Some blob that has node `number` among its homes, and node 0 too."""
    layout = present_layout(grid[0].ports)
    while True:
        data = b"blob %d" % first
        homes = layout.homes(partition_of(digest_of(data)))
        if grid.ids[number] in homes and grid.ids[0] in homes:
            return digest_of(data), data
        first += 1


async def push(grid: Grid, digest: Digest, data: bytes) -> set[int]:
    layout = present_layout(grid[0].ports)
    durable = await replicate(grid[0].ports, layout, digest, [data], GcEpoch(1))
    return {grid.ids.index(node) for node in durable}


async def test_a_full_home_is_passed_over_until_it_has_room(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(4)
    nursery.start_soon(watch_room, grid[0].ports)
    grid[2].blobs.refusal = "the disk is full"
    assert 2 not in await push(grid, *blob_with_home(grid, 2))
    await trio.sleep(limits.room_watch_seconds + 0.1)
    assert grid[0].ports.pace.is_full(grid.ids[2])
    grid[2].blobs.refusal = None  # it would take a push now, and is not asked while others take the copy
    durable = await push(grid, *blob_with_home(grid, 2, 100))
    assert (len(durable), 2 in durable) == (3, False)
    await trio.sleep(limits.room_watch_seconds + 0.1)
    assert not grid[0].ports.pace.is_full(grid.ids[2])
    assert 2 in await push(grid, *blob_with_home(grid, 2, 200))


async def test_a_home_believed_full_is_asked_when_nobody_else_is_there(
    make_grid: MakeGrid, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid[0].ports.pace.told(grid.ids[2], False)
    assert await push(grid, *blob_with_home(grid, 2)) == {0, 1, 2}


async def test_a_full_node_is_no_substitute(make_grid: MakeGrid, autojump_clock: MockClock) -> None:
    grid = await make_grid(5)
    digest, data = blob_with_home(grid, 2)
    homes = {grid.ids.index(node) for node in present_layout(grid[0].ports).homes(partition_of(digest))}
    spare = sorted({0, 1, 2, 3, 4} - homes)
    grid[2].blobs.refusal = "the disk is full"
    grid[0].ports.pace.told(grid.ids[spare[0]], False)
    assert await push(grid, digest, data) == homes - {2} | {spare[1]}


async def test_a_node_that_does_not_answer_and_a_sound_one_are_not_called_full(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    nursery.start_soon(watch_room, grid[0].ports)
    for node in grid.ids:
        grid[0].ports.pace.refused(node)
    grid.network.partition(grid.ids[1])
    await trio.sleep(60.0)
    assert grid[0].ports.pace.doubted() == (grid.ids[1],)
    assert not any(grid[0].ports.pace.is_full(node) for node in grid.ids)
