"""Homes are asked for blobs and touch what they hold."""

from collections.abc import Awaitable, Callable
from typing import Any

from mys3d.engine.holdings import Holdings, keep_unnamed
from mys3d.engine.homes import present_layout
from mys3d.engine.intake import Named
from mys3d.engine.staging import Staging
from mys3d.model.names import Epoch, GcEpoch
from mys3d.registry import queries
from mys3d.registry.commands import BumpGcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_who_holds_a_blob_says_so_and_touches_it(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 2])
    asked = Holdings(grid[0].ports, GcEpoch(7))
    await asked.ask(present_layout(grid[0].ports), [blob])
    assert asked.held == {(grid.ids[0], blob), (grid.ids[2], blob)}
    assert [grid[number].blobs.touches[blob.digest] for number in (0, 2)] == [7, 7]


async def test_who_does_not_answer_holds_nothing(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 1, 2])
    grid.network.partition(grid.ids[1])
    asked = Holdings(grid[0].ports, GcEpoch(7))
    await asked.ask(present_layout(grid[0].ports), [blob])
    assert asked.held == {(grid.ids[0], blob), (grid.ids[2], blob)}


async def test_only_blobs_that_nothing_names_need_to_be_kept(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    unnamed, named = await grid.hold(b"deleted meanwhile", [0, 1]), await grid.hold(b"still there", [0, 1])
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    await Staging(grid[0].ports).stage(Named((named,), Epoch(layout.epoch), GcEpoch(1)))
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    await keep_unnamed(grid[0].ports, [unnamed, named])
    assert [node.blobs.touches[unnamed.digest] for node in grid.nodes[:2]] == [2, 2]
    assert [node.blobs.touches[named.digest] for node in grid.nodes[:2]] == [0, 0]
