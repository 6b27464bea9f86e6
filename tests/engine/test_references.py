"""Walking references in bounded steps."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.put import put_object
from mys3d.engine.references import Cursor, next_references
from mys3d.model.body import BlobRef
from mys3d.model.digest import digest_of
from mys3d.model.names import Partition

MakeGrid = Callable[[int], Awaitable[Any]]
EVERY = tuple(Partition(number) for number in range(limits.partitions_count))


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_a_walk_meets_every_reference_once_in_order(
    make_grid: MakeGrid, pieces: Any, finisher: Any, limit: int
) -> None:
    grid = await make_grid(1)
    bodies = [f"object {n}".encode() for n in range(15)]
    for body in bodies:
        await put_object(grid[0].ports, BufferBudget(), pieces(body), frozenset(), finisher(grid, body.decode()))
    met: list[BlobRef] = []
    cursor: Cursor | None = Cursor(EVERY, None)
    while cursor is not None:
        found, cursor = await grid[0].ports.registry.scan(next_references(cursor, limit))
        assert len(found) <= limit
        met += found
    assert [blob.digest for blob in met] == sorted(digest_of(body) for body in bodies)
