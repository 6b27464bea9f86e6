"""The leader gives up what expired and reaps what is dead long enough."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from mys3d import limits
from mys3d.engine.intake import Named
from mys3d.engine.reaping import Reaping
from mys3d.engine.staging import Staging
from mys3d.model.body import InlineBlobs
from mys3d.model.names import AccessKey, BucketName, Epoch, GcEpoch, ObjectKey
from mys3d.model.objects import Content
from mys3d.model.uploads import PartRun
from mys3d.registry import queries
from mys3d.registry.commands import CompleteUpload, DeleteBucket
from mys3d.registry.upload_commands import CreateUpload, PutPart

MakeGrid = Callable[[int], Awaitable[Any]]


async def staged(grid: Any) -> Any:
    blobs = [await grid.hold(bytes([n]), [0]) for n in range(3)]
    staging = Staging(grid[0].ports)
    for blob in blobs:
        await staging.stage(Named((blob,), Epoch(1), GcEpoch(1)))
    return blobs, staging


def counts(grid: Any, blobs: Any) -> list[int]:
    return [queries.references_count(grid[0].ports.registry.view(), blob.digest) for blob in blobs]


async def test_a_body_staged_and_never_committed_is_gone_a_day_and_a_grace_later(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    grid = await make_grid(1)
    blobs, _ = await staged(grid)
    await nursery.start(Reaping(grid[0].ports).run)
    await trio.sleep(limits.staged_lifetime_ms / 1000 - 60)
    assert counts(grid, blobs) == [1, 1, 1]
    await trio.sleep(120 + limits.reap_grace_ms / 1000)
    assert counts(grid, blobs) == [0, 0, 0]


async def test_a_dead_body_is_reaped_after_the_grace_and_not_before(make_grid: MakeGrid, autojump_clock: Any) -> None:
    grid = await make_grid(1)
    blobs, staging = await staged(grid)
    await staging.abandon()
    reaping = Reaping(grid[0].ports)
    await reaping.reap_once()
    assert counts(grid, blobs) == [1, 1, 1]
    await trio.sleep(limits.reap_grace_ms / 1000 + 1)
    await reaping.reap_once()
    assert counts(grid, blobs) == [0, 0, 0]
    assert queries.bodies_dead(grid[0].ports.registry.view(), 2**62) == []


async def test_a_node_that_does_not_lead_does_nothing(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    grid = await make_grid(2)
    blobs, staging = await staged(grid)
    await staging.abandon()
    await nursery.start(Reaping(grid[1].ports).run)
    await trio.sleep(limits.reap_grace_ms / 1000 + 60)
    assert counts(grid, blobs) == [1, 1, 1]


async def uploaded(grid: Any, key: str, texts: list[bytes]) -> Any:
    """An open upload, one part of one blob for each text; the blobs, and the upload."""
    registry = grid[0].ports.registry
    begun = await registry.propose(
        CreateUpload(grid.bucket, ObjectKey(key), b"t" * 16, AccessKey("me"), Content("x"), "", is_composite=False)
    )
    blobs = [await grid.hold(text, [0]) for text in texts]
    for number, blob in enumerate(blobs, 1):
        await registry.propose(
            PutPart(
                grid.bucket,
                ObjectKey(key),
                begun.detail.upload,
                number,
                blob.length,
                "e",
                InlineBlobs((blob,)),
                (),
                Epoch(1),
                GcEpoch(1),
            )
        )
    return blobs, begun.detail.upload


async def test_uploads_of_a_bucket_that_is_gone_are_aborted_and_their_parts_reaped(
    make_grid: MakeGrid, autojump_clock: Any
) -> None:
    grid = await make_grid(1)
    blobs, _ = await uploaded(grid, "a", [b"1", b"2"])
    more, _ = await uploaded(grid, "b", [b"3"])
    await grid[0].ports.registry.propose(DeleteBucket(grid.bucket, BucketName("photos")))
    reaping = Reaping(grid[0].ports)
    await reaping.reap_once()
    assert queries.uploads_orphaned(grid[0].ports.registry.view()) == []
    assert counts(grid, blobs + more) == [1, 1, 1]
    await trio.sleep(limits.reap_grace_ms / 1000 + 1)
    await reaping.reap_once()
    assert counts(grid, blobs + more) == [0, 0, 0]


async def test_parts_that_a_completed_upload_did_not_name_are_reaped_at_once(
    make_grid: MakeGrid, autojump_clock: Any
) -> None:
    grid = await make_grid(1)
    blobs, upload = await uploaded(grid, "a", [b"1", b"2", b"3"])
    await grid[0].ports.registry.propose(
        CompleteUpload(grid.bucket, ObjectKey("a"), upload, 3, (PartRun(2, 1, 1),), 1, "e-1", ())
    )
    await Reaping(grid[0].ports).reap_once()
    assert counts(grid, blobs) == [0, 1, 0]
