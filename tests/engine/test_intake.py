"""A body is cut, hashed and handed over; whole bodies are put in test_put."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.intake import Intake
from mys3d.errors import Unavailable
from mys3d.model.names import Epoch, GcEpoch
from mys3d.registry.commands import BumpGcEpoch

MakeGrid = Callable[[int], Awaitable[Any]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Blobs of 100 bytes, hashed on the loop: a thread and a clock that jumps do not go together."""
    monkeypatch.setattr(limits, "blob_bytes_max", 100)
    return 100


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


async def test_keeping_ends_when_the_registry_cannot_be_read_any_more(
    make_grid: MakeGrid, pieces: Any, monkeypatch: Any, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(), frozenset())

    def refuse() -> None:
        raise Unavailable("the registry is damaged")

    monkeypatch.setattr(grid[0].ports.registry, "view", refuse)
    with trio.fail_after(60):
        await intake.keep()


async def test_an_empty_body_has_no_blob_and_the_present_epochs(make_grid: MakeGrid, pieces: Any) -> None:
    grid = await make_grid(1)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(), frozenset())
    assert await intake.next_blob() is None
    named = intake.take_named()
    assert (named.blobs, named.layout_epoch, named.gc_epoch) == ((), 1, 1)


async def test_what_was_pushed_is_touched_in_each_new_epoch_and_handed_over_with_it(
    make_grid: MakeGrid, pieces: Any, small: int, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(b"x" * small, b"yz"), frozenset())
    first = await intake.next_blob()
    assert first is not None
    await intake.push(first)
    nursery.start_soon(intake.keep)
    for epoch in (2, 3):
        await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(epoch)))
        await trio.sleep(limits.gc_look_seconds_max + 1)
        assert [node.blobs.touches[first.taken.ref.digest] for node in grid.nodes] == [epoch] * 3
    second = await intake.next_blob()
    assert second is not None
    await intake.push(second)
    assert intake.take_named().gc_epoch == 3


async def test_a_push_that_is_still_on_its_way_keeps_the_lowest_epoch(
    make_grid: MakeGrid, pieces: Any, small: int, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(b"x" * small, b"yz"), frozenset())
    first = await intake.next_blob()
    assert first is not None
    first.taken.epochs = (Epoch(1), GcEpoch(1))
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    nursery.start_soon(intake.keep)
    await trio.sleep(limits.gc_look_seconds_max + 1)
    assert intake.take_named().gc_epoch == 1


async def test_a_touch_that_finds_no_majority_is_tried_again(
    make_grid: MakeGrid, pieces: Any, small: int, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    intake = Intake(grid[0].ports, BufferBudget(), pieces(b"x" * small, b"yz"), frozenset())
    first = await intake.next_blob()
    assert first is not None
    await intake.push(first)
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    grid.cluster.isolate(grid.ids[0])
    nursery.start_soon(intake.keep)
    await trio.sleep(60)
    grid.cluster.heal(grid.ids[0])
    await trio.sleep(60)
    assert intake.take_named().gc_epoch == 2
