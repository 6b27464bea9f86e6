"""Blobs whose epochs grew old are touched again, and pushed again only where they are missing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d.engine.reaffirm import reaffirm
from mys3d.errors import Unavailable
from mys3d.model.names import GcEpoch
from mys3d.registry.commands import BumpGcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_blobs_on_a_quorum_of_homes_are_only_touched(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 1])
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    epochs = await reaffirm(grid[0].ports, [blob])
    assert epochs[1] == 2
    assert grid.holders(blob) == {0, 1}
    assert [grid[number].blobs.touches[blob.digest] for number in (0, 1)] == [2, 2]


async def test_blobs_below_the_quorum_are_pushed_to_all_homes_again(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [2])
    await reaffirm(grid[0].ports, [blob])
    assert grid.holders(blob) == {0, 1, 2}


async def test_a_home_that_does_not_answer_holds_nothing(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 2])
    grid.network.partition(grid.ids[2])
    await reaffirm(grid[0].ports, [blob])
    assert grid.holders(blob) == {0, 1, 2}


async def test_a_copy_that_is_found_rotten_here_is_known_to_be_missing(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 1, 2])
    grid[0].blobs.damage(blob.digest)
    await reaffirm(grid[0].ports, [blob])
    assert grid.holders(blob) == {1, 2}
    assert grid[0].missing.blobs_missing == 1


async def test_a_disk_here_that_cannot_tell_holds_nothing(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0, 1, 2])

    async def lost(*_: object) -> bool:
        raise Unavailable("the index is unreadable")

    monkeypatch.setattr(grid[0].blobs, "have", lost)
    epochs = await reaffirm(grid[0].ports, [blob])
    assert epochs[0] >= 1


async def test_a_blob_that_is_gone_everywhere_cannot_be_committed(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0])
    grid[0].blobs.lose(blob.digest)
    with pytest.raises(Unavailable, match="no holder answered"):
        await reaffirm(grid[0].ports, [blob])


async def test_a_body_without_blobs_needs_nothing(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    layout_epoch, _ = await reaffirm(grid[0].ports, [])
    assert layout_epoch >= 1
