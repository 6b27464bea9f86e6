"""What a node does for its peers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio.testing

from mys3d import __version__, limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.put import put_object
from mys3d.errors import Damaged, Unavailable
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_a_pushed_blob_is_kept_and_touched(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    digest = digest_of(b"onetwo")
    await grid[0].service.on_push(digest, [b"one", memoryview(b"two")], GcEpoch(3))
    assert await grid[0].service.on_fetch(digest, 1, 4) == b"net"
    assert grid[0].blobs.touches[digest] == 3


@pytest.mark.parametrize("data", [b"other bytes", b"", bytes(limits.blob_bytes_max + 1)])
async def test_bytes_of_another_name_are_not_kept(make_grid: MakeGrid, data: bytes) -> None:
    grid = await make_grid(1)
    digest = digest_of(b"the named bytes") if len(data) <= limits.blob_bytes_max else digest_of(data)
    with pytest.raises(Damaged):
        await grid[0].service.on_push(digest, [data], GcEpoch(0))
    assert not grid[0].blobs.holds(digest)


async def test_a_blob_that_is_not_here_is_answered_with_none(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    assert await grid[0].service.on_fetch(digest_of(b"x"), 0, 1) is None


async def test_a_rotten_copy_is_told_to_the_asker_with_our_name_and_sought_again(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    grid[0].blobs.damage(blob.digest)
    grid[0].missing.reconciling = False
    with pytest.raises(Damaged) as damage:
        await grid[0].service.on_fetch(blob.digest, 0, 5)
    assert damage.value.node == grid.ids[0]
    assert grid[0].missing.reconciling


async def test_a_node_says_of_each_blob_whether_it_has_it(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    held = await grid.hold(b"held", [0])
    rotten = await grid.hold(b"rotten", [0])
    grid[0].blobs.damage(rotten.digest)
    absent = BlobRef(digest_of(b"absent"), 6)
    assert await grid[0].service.on_have([held, absent, rotten], GcEpoch(5)) == (True, False, False)
    assert grid[0].blobs.touches[held.digest] == 5


async def test_a_copy_found_rotten_when_a_peer_asks_for_it_is_known_to_be_missing(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid = await make_grid(3)
    await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finisher(grid))
    await trio.testing.wait_all_tasks_blocked()
    blob = BlobRef(digest_of(b"bytes"), 5)
    grid[1].blobs.damage(blob.digest)
    assert await grid[0].ports.peers.have(grid.ids[1], [blob], GcEpoch(1)) == (False,)
    assert grid[1].missing.blobs_missing == 1


async def test_a_copy_that_could_not_be_kept_is_known_to_be_missing(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    grid[1].blobs.refusal = "the disk is full"
    with pytest.raises(Unavailable):
        await grid[1].service.on_push(digest_of(b"bytes"), [b"bytes"], GcEpoch(1))
    assert grid[1].missing.blobs_missing == 1


async def test_a_node_tells_its_state(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    await grid.hold(b"held", [0])
    status = await grid[0].service.on_status()
    assert (status.node, status.disk.blobs_count, status.blobs_missing) == (grid.ids[0], 1, 0)
    assert (status.reconciling, status.version) == (True, __version__)
