"""Extents are named in order, under epochs that are true, and given up when their body fails."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d.engine.intake import Named
from mys3d.engine.staging import Staging, abandon
from mys3d.errors import OutcomeUnknown, Unavailable
from mys3d.model.names import BodyId, Epoch, GcEpoch, Instant
from mys3d.registry import queries
from mys3d.registry.commands import AbandonBody, BumpGcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_extents_follow_one_another(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    blobs = [await grid.hold(bytes([n]), [0]) for n in range(3)]
    staging = Staging(grid[0].ports)
    assert staging.body() is None
    await staging.stage(Named(tuple(blobs[:2]), Epoch(1), GcEpoch(1)))
    await staging.stage(Named(tuple(blobs[2:]), Epoch(1), GcEpoch(1)))
    body = staging.body()
    assert body is not None and body.blobs_count == 3
    view = grid[0].ports.registry.view()
    assert [queries.extent(view, body.body, n) for n in range(3)] == [tuple(blobs[:2]), tuple(blobs[2:]), None]


async def test_epochs_that_grew_old_are_renewed(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(b"bytes", [0])
    for epoch in (2, 3):
        await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(epoch)))
    staging = Staging(grid[0].ports)
    await staging.stage(Named((blob,), Epoch(0), GcEpoch(1)))
    assert grid.holders(blob) == {0, 1, 2}
    assert grid[0].blobs.touches[blob.digest] == 3


async def test_a_body_that_expired_while_it_was_staged_is_unavailable(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    staging = Staging(grid[0].ports)
    await staging.stage(Named((blob,), Epoch(1), GcEpoch(1)))
    body = staging.body()
    assert body is not None
    await grid[0].ports.registry.propose(AbandonBody(body.body, is_expired=False))
    with pytest.raises(Unavailable, match="could not be staged"):
        await staging.stage(Named((blob,), Epoch(1), GcEpoch(1)))


async def test_an_extent_in_doubt_ends_the_put(make_grid: MakeGrid, monkeypatch: Any) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])

    async def doubt(_command: object) -> None:
        raise OutcomeUnknown(b"o" * 16)

    monkeypatch.setattr(grid[0].ports.registry, "propose", doubt)
    staging = Staging(grid[0].ports)
    with pytest.raises(Unavailable, match="an extent of the body"):
        await staging.stage(Named((blob,), Epoch(1), GcEpoch(1)))


async def test_a_body_that_cannot_be_given_up_is_left_to_the_leader(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    staging = Staging(grid[0].ports)
    await abandon(grid[0].ports, BodyId(99))
    await staging.abandon()
    await staging.stage(Named((blob,), Epoch(1), GcEpoch(1)))
    grid.cluster.isolate(grid.ids[0])
    await staging.abandon()
    grid.cluster.heal(grid.ids[0])
    assert len(queries.bodies_expired(grid[0].ports.registry.view(), Instant(2**62))) == 1
