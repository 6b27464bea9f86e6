"""A body is cut, hashed and handed over; whole bodies are put in test_put."""

import ctypes
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.engine.budget import BufferBudget
from mys3d.engine.intake import Intake, KnownSource
from mys3d.errors import S3Error, Unavailable
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


class Known(KnownSource):
    """A source of known length that has its bytes at hand, `step` at a time."""

    def __init__(self, body: bytes, step: int = 10**9, breaks_at: int = -1) -> None:
        self._body, self._step, self._at, self._breaks_at = body, step, 0, breaks_at

    @property
    def expected(self) -> int:
        return len(self._body) - self._at

    async def read(self) -> bytes:
        self._at += len(piece := self._body[self._at : self._at + limits.receive_bytes])
        return piece

    async def read_into(self, room: memoryview) -> int:
        if 0 <= self._breaks_at <= self._at:
            raise S3Error("IncompleteBody")
        piece = self._body[self._at : self._at + min(self._step, len(room))]
        assert piece, "nobody asks for more than is expected"
        room[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


@pytest.mark.parametrize("size", [limits.receive_bytes, 300_000, limits.blob_bytes_max, 2 * limits.blob_bytes_max + 5])
@pytest.mark.parametrize("step", [50_000, 10**9])
async def test_a_body_of_known_length_is_cut_and_hashed_as_any_other(
    make_grid: MakeGrid, pieces: Any, size: int, step: int
) -> None:
    grid, body = await make_grid(1), Random(size).randbytes(size)
    made = []
    for source in (Known(body, step), pieces(*[body[at : at + 60_000] for at in range(0, size, 60_000)])):
        budget = BufferBudget()
        intake = Intake(grid[0].ports, budget, source, frozenset({"crc64nvme"}))
        while (blob := await intake.next_blob()) is not None:
            await intake.push(blob)
            if intake.is_complete:
                break
        made.append((intake.take_named().blobs, intake.size, intake.md5(), intake.wanted(), budget.free_bytes))
    assert made[0] == made[1]
    assert b"".join([await grid[0].blobs.read(ref.digest, 0, ref.length) for ref in made[0][0]]) == body


async def test_a_body_of_known_length_waits_in_one_buffer_that_is_used_again(make_grid: MakeGrid) -> None:
    grid, body = await make_grid(1), bytes(3 * limits.blob_bytes_max)
    intake = Intake(grid[0].ports, BufferBudget(buffers=Buffers(1)), Known(body), frozenset())
    places = []
    for _ in range(3):
        blob = await intake.next_blob()
        assert blob is not None and len(blob.pieces) == 1
        places.append(ctypes.addressof(ctypes.c_char.from_buffer(blob.pieces[0])))
        blob.pieces.clear()  # as its push does
    assert len(set(places)) == 1


async def test_a_body_that_breaks_off_in_its_place_gives_its_room_back(make_grid: MakeGrid) -> None:
    grid, budget = await make_grid(1), BufferBudget()
    intake = Intake(grid[0].ports, budget, Known(bytes(limits.MIB), breaks_at=limits.receive_bytes), frozenset())
    with pytest.raises(S3Error):
        await intake.next_blob()
    intake.give_back()
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_a_body_of_known_length_has_a_largest_size(make_grid: MakeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "put_bytes_max", limits.MIB)
    grid = await make_grid(1)
    intake = Intake(grid[0].ports, BufferBudget(), Known(bytes(limits.MIB + 1)), frozenset())
    with pytest.raises(S3Error) as refused:
        await intake.next_blob()
    assert refused.value.code == "EntityTooLarge"


async def test_a_client_that_sends_nothing_holds_nothing(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid, budget = await make_grid(1), BufferBudget()

    class Silent(Known):
        async def read(self) -> bytes:
            await trio.sleep_forever()
            raise AssertionError

    nursery.start_soon(Intake(grid[0].ports, budget, Silent(bytes(limits.MIB)), frozenset()).next_blob)
    await trio.sleep(1)
    assert budget.free_bytes == limits.buffer_budget_bytes
    nursery.cancel_scope.cancel()
