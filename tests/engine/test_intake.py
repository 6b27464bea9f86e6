"""A body is cut, hashed and handed over; whole bodies are put in test_put."""

from collections.abc import Awaitable, Callable
from typing import Any

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.intake import Intake

MakeGrid = Callable[[int], Awaitable[Any]]


async def test_blobs_are_handed_over_once_with_the_epochs_of_their_pushes(make_grid: MakeGrid, pieces: Any) -> None:
    grid, budget = await make_grid(1), BufferBudget()
    intake = Intake(grid[0].ports, budget, pieces(b"x" * limits.blob_bytes_max, b"yz"), frozenset())
    first = await intake.next_blob()
    assert first is not None
    await intake.push(first)
    named = intake.take_named()
    assert [blob.length for blob in named.blobs] == [limits.blob_bytes_max]
    assert (named.layout_epoch, named.gc_epoch) == (1, 1)
    assert (intake.named_count, intake.is_complete) == (0, False)
    second = await intake.next_blob()
    assert second is not None and intake.is_complete
    assert [blob.length for blob in intake.take_named().blobs] == [2]
    assert intake.size == limits.blob_bytes_max + 2
    intake.give_back()
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_an_empty_body_has_no_blob_and_the_present_epochs(make_grid: MakeGrid, pieces: Any) -> None:
    grid = await make_grid(1)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(), frozenset())
    assert await intake.next_blob() is None
    named = intake.take_named()
    assert (named.blobs, named.layout_epoch, named.gc_epoch) == ((), 1, 1)
