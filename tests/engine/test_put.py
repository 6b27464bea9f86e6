"""Bodies become durable blobs, then a visible version."""

import gc
import hashlib
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec
import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked

from mys3d import limits
from mys3d.buffers import Buffers
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_body
from mys3d.engine.intake import KnownSource
from mys3d.engine.put import StoredBody, commit_body, put_object, store_body
from mys3d.errors import Reason, Rejected, S3Error, Unavailable
from mys3d.model.body import InlineBlobs, StagedBody
from mys3d.model.names import Epoch, GcEpoch, Instant, ObjectKey
from mys3d.model.objects import Version
from mys3d.registry import queries
from mys3d.registry.commands import AbandonBody, BumpGcEpoch, PutObject
from mys3d.registry.invariants import violations

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]
BLOB = limits.blob_bytes_max
PIECE = limits.receive_bytes


def pieces_of(data: bytes) -> list[bytes]:
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


def patterned(size: int) -> bytes:
    return (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]


def version_of(grid: Grid, node: int = 0, key: str = "cat.jpg") -> Version | None:
    return queries.live(grid[node].ports.registry.view(), grid.bucket, ObjectKey(key))


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, BLOB - 1, BLOB, BLOB + 1, 3 * BLOB + 5])
async def test_a_body_is_read_back_as_it_was_put(make_grid: MakeGrid, pieces: Any, finisher: Any, size: int) -> None:
    grid, data, budget = await make_grid(3), patterned(size), BufferBudget()
    wanted = frozenset({"sha256"})
    told: list[StoredBody] = []

    def finish(stored: StoredBody) -> PutObject:
        told.append(stored)
        return finisher(grid)(stored)

    await put_object(grid[0].ports, budget, pieces(*pieces_of(data)), wanted, finish)
    version = version_of(grid, node=1)
    assert version is not None and isinstance(version.body, InlineBlobs)
    assert [blob.length for blob in version.body.blobs] == [min(BLOB, size - at) for at in range(0, size, BLOB)]
    got = [bytes(piece) async for piece in read_body(grid[2].ports, version.body, 0, version.size)]
    assert b"".join(got) == data
    assert all(len(piece) <= limits.read_piece_bytes_max for piece in got)
    assert told[0].md5 == hashlib.md5(data).digest()
    assert told[0].hashes == {"sha256": hashlib.sha256(data).digest()}
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_every_blob_is_on_all_homes_when_the_version_becomes_visible(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid = await make_grid(3)
    seen: list[set[int]] = []

    def finish(stored: StoredBody) -> PutObject:
        seen.extend(grid.holders(blob) for blob in stored.body.blobs)
        return finisher(grid)(stored)

    await put_object(grid[0].ports, BufferBudget(), pieces(*pieces_of(patterned(2 * BLOB))), frozenset(), finish)
    assert seen == [{0, 1, 2}] * 2


async def test_crumbs_make_the_same_body_as_large_pieces(make_grid: MakeGrid, pieces: Any) -> None:
    grid, data = await make_grid(1), patterned(3 * limits.piece_bytes_min)
    crumbs = [data[at : at + 7] for at in range(0, len(data), 7)]
    small = await store_body(grid[0].ports, BufferBudget(), pieces(*crumbs), frozenset())
    large = await store_body(grid[0].ports, BufferBudget(), pieces(data), frozenset())
    assert small == large


@pytest.mark.parametrize("before", [0, BLOB // 2, BLOB, 2 * BLOB + 1])
async def test_a_source_that_raises_leaves_nothing_visible(
    make_grid: MakeGrid, pieces: Any, finisher: Any, before: int
) -> None:
    grid, budget = await make_grid(3), BufferBudget()
    source = pieces(*pieces_of(patterned(before)), S3Error("IncompleteBody"))
    with pytest.raises(S3Error, match="IncompleteBody"):
        await put_object(grid[0].ports, budget, source, frozenset(), finisher(grid))
    assert version_of(grid) is None
    assert budget.free_bytes == limits.buffer_budget_bytes


class Breaking(KnownSource):
    """Two blobs long; breaks off in the second one, or not at all."""

    def __init__(self, breaks: bool) -> None:
        self._left, self._breaks = 2 * BLOB, breaks

    @property
    def expected(self) -> int:
        return self._left

    async def read(self) -> bytes:
        self._left -= (count := min(self._left, PIECE))
        return bytes(count)

    async def read_into(self, room: memoryview) -> int:
        await trio.lowlevel.checkpoint()
        if self._breaks and self._left < BLOB:
            raise S3Error("IncompleteBody")
        self._left -= len(room)
        return len(room)


@pytest.mark.parametrize("breaks", [True, False])
async def test_a_put_that_failed_keeps_no_buffer(make_grid: MakeGrid, finisher: Any, breaks: bool) -> None:
    """Not even until cycles are collected, which may be hundreds of requests later."""
    grid = await make_grid(1)
    grid[0].blobs.refusal = not breaks
    buffers = Buffers(4)
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(S3Error if breaks else Unavailable):
                budget = BufferBudget(buffers=buffers)
                await put_object(grid[0].ports, budget, Breaking(breaks), frozenset(), finisher(grid))
        taken = [buffers.take(BLOB) for _ in range(4)]
        assert [len(view.obj) for view in taken] == [limits.buffer_bytes] * 4, "one that is kept has room to spare"
    finally:
        gc.enable()


async def test_a_checksum_that_does_not_fit_leaves_nothing_visible(make_grid: MakeGrid, pieces: Any) -> None:
    grid = await make_grid(1)

    def finish(_stored: StoredBody) -> PutObject:
        raise S3Error("BadDigest")

    with pytest.raises(S3Error, match="BadDigest"):
        await put_object(grid[0].ports, BufferBudget(), pieces(b"x"), frozenset(), finish)
    assert version_of(grid) is None


@pytest.fixture
def small(monkeypatch: Any) -> int:
    """Bodies of few bytes that have many blobs: returns the size of a blob."""
    monkeypatch.setattr(limits, "blob_bytes_max", 1000)
    monkeypatch.setattr(limits, "extent_blobs_max", 40)
    return 1000


def many(count: int, size: int) -> bytes:
    return b"".join(b"%06d" % number for number in range(count * size // 6 + 1))[: count * size]


@pytest.mark.parametrize(("count", "extents"), [(32, 0), (33, 1), (40, 1), (41, 2), (80, 2), (85, 3)])
async def test_a_body_of_more_blobs_than_a_row_holds_is_staged(
    make_grid: MakeGrid, pieces: Any, finisher: Any, small: int, count: int, extents: int
) -> None:
    grid, data, budget = await make_grid(3), many(count, small), BufferBudget()
    cut = [data[at : at + 700] for at in range(0, len(data), 700)]
    await put_object(grid[0].ports, budget, pieces(*cut), frozenset(), finisher(grid))
    version = version_of(grid, node=1)
    assert version is not None and version.body is not None
    assert isinstance(version.body, StagedBody) == (extents > 0)
    assert (version.size, version.etag) == (len(data), hashlib.md5(data).hexdigest())
    got = b"".join([bytes(piece) async for piece in read_body(grid[2].ports, version.body, 0, version.size)])
    assert got == data
    view = grid[0].ports.registry.view()
    if isinstance(version.body, StagedBody):
        assert version.body.blobs_count == count
        assert queries.extent(view, version.body.body, extents - 1) is not None
        assert queries.extent(view, version.body.body, extents) is None
    assert violations(view) == []
    assert budget.free_bytes == limits.buffer_budget_bytes


def staged_and_dead(grid: Grid) -> tuple[int, int]:
    view = grid[0].ports.registry.view()
    ever = Instant(2**62)
    assert violations(view) == []
    return len(queries.bodies_expired(view, ever)), len(queries.bodies_dead(view, ever))


@pytest.mark.parametrize("failure", [S3Error("IncompleteBody"), Unavailable("cut off")])
async def test_a_staged_body_whose_source_breaks_off_is_given_up(
    make_grid: MakeGrid, pieces: Any, finisher: Any, small: int, failure: Exception
) -> None:
    grid, budget = await make_grid(1), BufferBudget()
    with pytest.raises(type(failure)):
        await put_object(grid[0].ports, budget, pieces(many(45, small), failure), frozenset(), finisher(grid))
    assert staged_and_dead(grid) == (0, 1)
    assert version_of(grid) is None
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_a_staged_body_that_breaks_a_promise_is_given_up(make_grid: MakeGrid, pieces: Any, small: int) -> None:
    grid = await make_grid(1)

    def finish(_stored: StoredBody) -> PutObject:
        raise S3Error("BadDigest")

    with pytest.raises(S3Error, match="BadDigest"):
        await put_object(grid[0].ports, BufferBudget(), pieces(many(45, small)), frozenset(), finish)
    assert staged_and_dead(grid) == (0, 1)


async def test_a_staged_body_that_was_given_up_before_its_commit_may_be_sent_again(
    make_grid: MakeGrid, pieces: Any, finisher: Any, small: int
) -> None:
    grid = await make_grid(1)
    stored = await store_body(grid[0].ports, BufferBudget(), pieces(many(45, small)), frozenset())
    assert isinstance(stored.body, StagedBody)
    await grid[0].ports.registry.propose(AbandonBody(stored.body.body, is_expired=False))
    with pytest.raises(Unavailable, match="given up before its commit"):
        await commit_body(grid[0].ports, stored, finisher(grid))


async def test_one_put_has_its_largest_size(make_grid: MakeGrid, pieces: Any, small: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "put_bytes_max", 45 * small)
    grid, budget = await make_grid(1), BufferBudget()
    fits = await store_body(grid[0].ports, budget, pieces(many(45, small)), frozenset())
    assert fits.size == 45 * small
    with pytest.raises(S3Error, match="EntityTooLarge"):
        await store_body(grid[0].ports, budget, pieces(many(45, small), b"1"), frozenset())
    assert staged_and_dead(grid) == (1, 1)
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_without_a_quorum_nothing_becomes_visible(make_grid: MakeGrid, pieces: Any, finisher: Any) -> None:
    grid, budget = await make_grid(3), BufferBudget()
    for node in grid.nodes[1:]:
        node.blobs.refusal = "the disk is full"
    for data in (b"small", patterned(2 * BLOB)):
        with pytest.raises(Unavailable, match="of 2 durable copies"):
            await put_object(grid[0].ports, budget, pieces(*pieces_of(data)), frozenset(), finisher(grid))
    assert version_of(grid) is None
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_a_body_is_not_even_asked_for_while_too_few_nodes_are_within_reach(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid, source = await make_grid(3), pieces(b"bytes")
    grid.network.partition(grid.ids[0])
    with pytest.raises(Unavailable, match="1 of the 2 nodes that a write needs"):
        await put_object(grid[0].ports, BufferBudget(), source, frozenset(), finisher(grid))
    assert source.read_count == 0
    grid.network.heal(grid.ids[0], grid.ids[1])
    grid.network.heal(grid.ids[1], grid.ids[0])
    await put_object(grid[0].ports, BufferBudget(), source, frozenset(), finisher(grid))
    assert version_of(grid) is not None


async def test_a_full_budget_makes_a_large_body_wait_and_then_refuses_it(
    make_grid: MakeGrid, pieces: Any, autojump_clock: MockClock
) -> None:
    grid, budget = await make_grid(1), BufferBudget(2 * BLOB)
    assert budget.take_now(2 * BLOB - PIECE)
    with pytest.raises(Unavailable, match="body buffers"):
        await store_body(grid[0].ports, budget, pieces(*pieces_of(patterned(BLOB))), frozenset())
    assert budget.free_bytes == PIECE
    stored = await store_body(grid[0].ports, budget, pieces(b"a small one fits"), frozenset())
    assert stored.size == 16


async def test_a_commit_under_a_sealed_layout_is_pushed_again_and_committed(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid = await make_grid(1)
    stored = await store_body(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset())
    epochs: list[tuple[Epoch, GcEpoch]] = []

    def finish(body: StoredBody) -> PutObject:
        epochs.append((body.layout_epoch, body.gc_epoch))
        command = finisher(grid)(body)
        return msgspec.structs.replace(command, layout_epoch=Epoch(0)) if len(epochs) == 1 else command

    await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finish)
    assert len(epochs) == 2
    assert version_of(grid) is not None
    assert stored.layout_epoch == epochs[1][0]


async def test_a_commit_of_an_old_garbage_epoch_is_touched_again(
    make_grid: MakeGrid, pieces: Any, finisher: Any
) -> None:
    grid = await make_grid(3)
    epochs: list[GcEpoch] = []

    def finish(body: StoredBody) -> PutObject:
        epochs.append(body.gc_epoch)
        if len(epochs) > 1:
            return finisher(grid)(body)
        for blob in body.body.blobs:  # what a collector would do to blobs that nobody names yet
            for node in grid.nodes:
                node.blobs.lose(blob.digest) if node is not grid[1] else None
        return msgspec.structs.replace(finisher(grid)(body), gc_epoch=GcEpoch(-9))

    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finish)
    version = version_of(grid)
    assert version is not None and isinstance(version.body, InlineBlobs)
    assert grid.holders(version.body.blobs[0]) == {0, 1, 2}


async def test_epochs_that_never_settle_end_in_unavailable(make_grid: MakeGrid, pieces: Any, finisher: Any) -> None:
    grid = await make_grid(1)

    def finish(body: StoredBody) -> PutObject:
        return msgspec.structs.replace(finisher(grid)(body), layout_epoch=Epoch(0))

    with pytest.raises(Unavailable, match="changed 5 times"):
        await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finish)


async def test_another_refusal_is_not_repeated(make_grid: MakeGrid, pieces: Any, finisher: Any) -> None:
    grid = await make_grid(1)
    asked = 0

    def finish(body: StoredBody) -> PutObject:
        nonlocal asked
        asked += 1
        return msgspec.structs.replace(finisher(grid)(body), bucket=grid.bucket + 999)

    with pytest.raises(Rejected) as refusal:
        await put_object(grid[0].ports, BufferBudget(), pieces(b"bytes"), frozenset(), finish)
    assert (refusal.value.reason, asked) == (Reason.NO_SUCH_BUCKET, 1)


async def test_a_cancelled_put_gives_its_buffers_back(make_grid: MakeGrid, pieces: Any, finisher: Any) -> None:
    grid, budget = await make_grid(3), BufferBudget()

    class Stuck:
        async def read(self) -> bytes:
            await trio.sleep_forever()
            return b""

    class Half:
        def __init__(self) -> None:
            self._pieces = pieces_of(patterned(BLOB + PIECE))

        async def read(self) -> bytes:
            return self._pieces.pop(0) if self._pieces else await Stuck().read()

    with trio.move_on_after(0.05) as scope:
        await put_object(grid[0].ports, budget, Half(), frozenset(), finisher(grid))
    assert scope.cancelled_caught
    assert budget.free_bytes == limits.buffer_budget_bytes


async def test_a_blob_is_on_its_way_while_the_next_one_is_read(
    make_grid: MakeGrid, pieces: Any, finisher: Any, monkeypatch: Any
) -> None:
    grid, source = await make_grid(2), pieces(*pieces_of(patterned(3 * BLOB)))
    keep = grid[1].service.on_push

    async def late(*pushed: Any) -> None:
        while source.read_count <= 2 * BLOB // PIECE:  # the source has no event
            await trio.lowlevel.checkpoint()
        await keep(*pushed)

    monkeypatch.setattr(grid[1].service, "on_push", late)
    with trio.fail_after(20):
        await put_object(grid[0].ports, BufferBudget(), source, frozenset(), finisher(grid))


@pytest.mark.parametrize(("budget_blobs", "read_blobs"), [(64, limits.pushes_ahead_max + 1), (1, 1)])
async def test_reading_stops_while_too_many_blobs_are_on_their_way_or_the_budget_is_tight(
    make_grid: MakeGrid, pieces: Any, finisher: Any, monkeypatch: Any, budget_blobs: int, read_blobs: int
) -> None:
    grid, source = await make_grid(2), pieces(*pieces_of(Random(7).randbytes(6 * BLOB)))
    keep, gate = grid[1].service.on_push, trio.Event()

    async def wait(*pushed: Any) -> None:
        await gate.wait()
        await keep(*pushed)

    monkeypatch.setattr(grid[1].service, "on_push", wait)
    budget = BufferBudget(budget_blobs * BLOB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put_object, grid[0].ports, budget, source, frozenset(), finisher(grid))
        with trio.fail_after(20):
            while source.read_count < read_blobs * BLOB // PIECE:  # noqa: ASYNC110 # the source has no event
                await trio.sleep(0.001)
        await wait_all_tasks_blocked(0.05)
        assert source.read_count == read_blobs * BLOB // PIECE
        gate.set()
    assert version_of(grid) is not None
