"""A part from bytes that are stored already."""

import hashlib
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_body
from mys3d.engine.part_copy import Known, store_range
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs, StagedBody
from mys3d.model.names import BodyId
from mys3d.registry import queries

MakeGrid = Callable[[int], Awaitable[Any]]
NO_HASHES: frozenset[str] = frozenset()
KNOWN = Known(b"m" * 16, {"crc32": b"1234"})


async def source(grid: Any, count: int = 4, size: int = 10) -> tuple[InlineBlobs, bytes]:
    """A body of blobs on every node, and its bytes."""
    texts = [Random(number).randbytes(size) for number in range(count)]
    blobs = tuple([await grid.hold(text, range(len(grid.nodes))) for text in texts])
    return InlineBlobs(blobs), b"".join(texts)


async def read(grid: Any, body: Any, size: int) -> bytes:
    return b"".join([bytes(piece) async for piece in read_body(grid[0].ports, body, 0, size)])


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (10, 30), (5, 35), (3, 7), (0, 0), (19, 21), (10, 11)])
@pytest.mark.parametrize("known", [KNOWN, None])
async def test_a_range_is_named_and_only_cut_blobs_are_new(
    make_grid: MakeGrid, start: int, stop: int, known: Known | None
) -> None:
    grid = await make_grid(3)
    body, data = await source(grid)
    budget = BufferBudget()
    stored = await store_range(grid[0].ports, budget, body, start, stop, frozenset({"sha1"}), known)
    assert isinstance(stored.body, InlineBlobs)
    assert (stored.size, await read(grid, stored.body, stored.size)) == (stop - start, data[start:stop])
    new = [blob for blob in stored.body.blobs if blob not in body.blobs]
    cuts = {offset for offset in (start, stop) if offset % 10}
    assert len(new) <= len(cuts)
    assert all(len(grid.holders(blob)) == 3 for blob in stored.body.blobs)
    assert budget.free_bytes == limits.buffer_budget_bytes
    if known is None:
        assert stored.md5 == hashlib.md5(data[start:stop]).digest()
        assert stored.hashes == {"sha1": hashlib.sha1(data[start:stop]).digest()}
    else:
        assert (stored.md5, stored.hashes) == (known.md5, known.hashes)


async def test_nothing_is_read_where_everything_is_known(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    body, _ = await source(grid)
    for node in grid.nodes:
        node.blobs.read = None  # whoever reads fails
    stored = await store_range(grid[0].ports, BufferBudget(), body, 0, 40, NO_HASHES, KNOWN)
    assert stored.body == body


async def test_many_blobs_are_staged(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "extent_blobs_max", 3)
    monkeypatch.setattr(limits, "inline_blobs_max", 2)
    grid = await make_grid(1)
    body, data = await source(grid, count=7)
    stored = await store_range(grid[0].ports, BufferBudget(), body, 1, 69, NO_HASHES, None)
    assert isinstance(stored.body, StagedBody)
    assert stored.body.blobs_count == 7
    assert await read(grid, stored.body, 68) == data[1:69]
    few = await store_range(grid[0].ports, BufferBudget(), body, 0, 20, NO_HASHES, None)
    assert isinstance(few.body, InlineBlobs)


async def test_a_source_that_nobody_holds_is_no_part(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "extent_blobs_max", 2)
    grid = await make_grid(1)
    body, _ = await source(grid, count=3)
    lost = InlineBlobs((*body.blobs, BlobRef(body.blobs[0].digest[::-1], 10)))
    budget = BufferBudget()
    for known in (KNOWN, None):
        with pytest.raises(Unavailable, match="no holder answered"):
            await store_range(grid[0].ports, budget, lost, 0, 40, NO_HASHES, known)
    assert budget.free_bytes == limits.buffer_budget_bytes
    view = grid[0].ports.registry.view()
    assert len(queries.bodies_dead(view, 2**62)) == 2
    assert queries.bodies_expired(view, 2**62) == []


async def test_a_staged_source_that_was_reaped_is_no_part(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    with pytest.raises(Unavailable, match="removed and reaped"):
        await store_range(grid[0].ports, BufferBudget(), StagedBody(BodyId(99), 3), 0, 9, NO_HASHES, None)
