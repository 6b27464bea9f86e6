"""Verified bytes, from whoever holds them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.engine.get import read_blob, read_body, read_small, stretches
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs, PartsBody, SimpleBody, StagedBody
from mys3d.model.digest import digest_of
from mys3d.model.names import BodyId, Epoch, GcEpoch, Instant
from mys3d.model.objects import Content
from mys3d.model.uploads import runs_of
from mys3d.registry import keys, queries
from mys3d.registry.commands import AbandonBody, BumpGcEpoch, CompleteUpload, DeleteObject, Reap, StageExtent
from mys3d.registry.upload_commands import CreateUpload, PutPart

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]
DATA = bytes(range(256)) * 4096  # 1 MiB
PIECE = limits.read_piece_bytes


async def read(grid: Grid, number: int, blobs: tuple[BlobRef, ...], start: int, stop: int) -> bytes:
    return b"".join([bytes(piece) async for piece in read_body(grid[number].ports, InlineBlobs(blobs), start, stop)])


def test_a_range_is_cut_where_blobs_meet() -> None:
    blobs = tuple(BlobRef(digest_of(bytes([n])), 10) for n in range(3))
    cut = [(blobs.index(each.blob), each.start, each.stop) for each in stretches(blobs, 5, 25)]
    assert cut == [(0, 5, 10), (1, 0, 10), (2, 0, 5)]
    assert stretches(blobs, 10, 10) == []
    assert [each.start for each in stretches(blobs, 10, 11)] == [0]


@pytest.mark.parametrize(
    ("start", "stop"), [(0, len(DATA)), (0, 1), (len(DATA) - 1, len(DATA)), (PIECE - 1, PIECE + 1), (5, 5)]
)
@pytest.mark.parametrize("holder", [0, 1])
async def test_any_range_is_read_from_here_or_from_another_node(
    make_grid: MakeGrid, start: int, stop: int, holder: int
) -> None:
    grid = await make_grid(2)
    blob = await grid.hold(DATA, [holder])
    assert await read(grid, 0, (blob,), start, stop) == DATA[start:stop]


@pytest.mark.parametrize("holder", [0, 1])
async def test_who_takes_pieces_fast_gets_larger_ones_and_who_does_not_gets_small_ones(
    make_grid: MakeGrid, holder: int, autojump_clock: Any
) -> None:
    grid = await make_grid(2)
    whole = DATA * 4
    blob = await grid.hold(whole, [holder])
    small, large = limits.read_piece_bytes, limits.read_piece_bytes_max
    sizes, found = [], b""
    async for piece in read_body(grid[0].ports, InlineBlobs((blob,)), 0, len(whole)):
        sizes.append(len(piece))
        found += piece
        if len(sizes) in (3, 4):
            await trio.sleep(len(piece) / limits.keeping_up_bytes_per_second + 0.001)
    assert sizes[:6] == [small, large, large, small, small, large]
    assert found == whole


async def test_blobs_are_joined_in_order_wherever_each_of_them_is(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blobs = tuple([await grid.hold(bytes([n]) * 1000, [n]) for n in range(3)])
    assert await read(grid, 0, blobs, 500, 2500) == b"\0" * 500 + b"\1" * 1000 + b"\2" * 500


async def test_a_rotten_local_copy_is_never_served_and_is_repaired_from_another(
    make_grid: MakeGrid, nursery: Any, autojump_clock: Any
) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(DATA, [0, 1])
    grid[0].blobs.damage(blob.digest)
    assert await read(grid, 0, (blob,), 0, len(DATA)) == DATA


async def test_a_holder_with_a_rotten_copy_is_passed_over(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(DATA, [1, 2])
    grid[1].blobs.damage(blob.digest)
    assert await read(grid, 0, (blob,), 0, len(DATA)) == DATA
    assert await read(grid, 0, (blob,), 10, 20) == DATA[10:20]


async def test_a_node_that_sends_other_bytes_is_not_believed(make_grid: MakeGrid, monkeypatch: Any) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(DATA, [1, 2])

    async def lie(_digest: object, start: int, stop: int) -> bytes:
        return bytes(stop - start)

    monkeypatch.setattr(grid[1].service, "on_fetch", lie)
    assert await read_blob(grid[0].ports, blob) == DATA


async def test_a_holder_that_is_cut_off_is_passed_over(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blob = await grid.hold(DATA, [1, 2])
    grid.network.cut(grid.ids[0], grid.ids[1])
    assert await read(grid, 0, (blob,), 0, len(DATA)) == DATA


async def test_a_node_that_is_no_home_is_asked_last_but_asked(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    for number in range(4):
        blob = await grid.hold(f"only on {number}".encode(), [number])
        for reader in range(4):
            assert await read_blob(grid[reader].ports, blob) == f"only on {number}".encode()


async def test_a_blob_that_nobody_holds_is_unavailable(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    with pytest.raises(Unavailable, match="no holder answered"):
        await read(grid, 0, (BlobRef(digest_of(b"gone"), 4),), 0, 4)


async def test_a_stream_whose_next_blob_is_gone_raises_instead_of_ending_short(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    held = await grid.hold(b"here", [0])
    stream = read_body(grid[0].ports, InlineBlobs((held, BlobRef(digest_of(b"gone"), 4))), 0, 8)
    assert bytes(await anext(stream)) == b"here"
    with pytest.raises(Unavailable):
        await anext(stream)


async def test_a_stream_may_be_dropped_half_read(make_grid: MakeGrid) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(DATA, [0])
    stream = read_body(grid[0].ports, InlineBlobs((blob,)), 0, len(DATA))
    assert len(await anext(stream)) == PIECE
    del stream


@pytest.mark.parametrize("holder", [0, 1])
async def test_a_small_body_is_read_in_one_piece(make_grid: MakeGrid, holder: int) -> None:
    grid = await make_grid(2)
    blob = await grid.hold(b"small body", [holder])
    assert await read_small(grid[0].ports, InlineBlobs((blob,)), 0, 10) == b"small body"
    assert await read_small(grid[0].ports, InlineBlobs((blob, blob)), 5, 15) == b" bodysmall"
    assert await read_small(grid[0].ports, InlineBlobs(()), 0, 0) == b""


async def staged(grid: Grid, *extents: tuple[BlobRef, ...]) -> StagedBody:
    """A staged body that no version owns yet: enough to read it."""
    body: BodyId | None = None
    for sequence, blobs in enumerate(extents):
        command = StageExtent(body, sequence, blobs, Epoch(2), GcEpoch(1), Instant(2**60))
        applied = await grid[0].ports.registry.propose(command)
        body = applied.detail.body
    assert body is not None
    return StagedBody(body, sum(map(len, extents)))


@pytest.mark.parametrize(("start", "stop"), [(0, 30), (0, 1), (9, 11), (19, 21), (20, 30), (29, 30), (5, 5), (0, 0)])
async def test_any_range_of_a_staged_body_is_read(make_grid: MakeGrid, start: int, stop: int) -> None:
    grid = await make_grid(2)
    blobs = [await grid.hold(bytes([65 + n]) * 10, [n % 2]) for n in range(3)]
    body = await staged(grid, tuple(blobs[:2]), tuple(blobs[2:]))
    whole = b"A" * 10 + b"B" * 10 + b"C" * 10
    assert await read_small(grid[0].ports, body, start, stop) == whole[start:stop]
    got = b"".join([bytes(piece) async for piece in read_body(grid[1].ports, body, start, stop)])
    assert got == whole[start:stop]


async def test_a_body_removed_under_a_reader_goes_on_until_its_names_are_reaped(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    blobs = [await grid.hold(bytes([65 + n]) * 10, [0]) for n in range(3)]
    body = await staged(grid, tuple(blobs[:1]), tuple(blobs[1:2]), tuple(blobs[2:]))
    stream = read_body(grid[0].ports, body, 0, 30)
    assert bytes(await anext(stream)) == b"A" * 10
    await grid[0].ports.registry.propose(AbandonBody(body.body, is_expired=False))
    assert bytes(await anext(stream)) == b"B" * 10
    for cursor in range(3):
        await grid[0].ports.registry.propose(Reap(body.body, cursor))
    with pytest.raises(Unavailable, match="extent 2 is gone"):
        await anext(stream)


async def test_blobs_that_a_long_download_has_yet_to_send_are_kept_once_nothing_names_them(make_grid: MakeGrid) -> None:
    grid = await make_grid(3)
    blobs = tuple([await grid.hold(bytes([n]) * 10, [0, 1, 2]) for n in range(4)])
    stream = read_body(grid[0].ports, InlineBlobs(blobs), 0, 40)
    assert bytes(await anext(stream)) == b"\0" * 10
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(2)))
    assert bytes(await anext(stream)) == b"\1" * 10
    touched = [[node.blobs.touches[blob.digest] for node in grid.nodes] for blob in blobs]
    assert touched == [[0] * 3, [2] * 3, [2] * 3, [2] * 3]
    assert b"".join([bytes(piece) async for piece in stream]) == b"\2" * 10 + b"\3" * 10


async def test_an_extent_that_does_not_decode_ends_a_download_and_its_node_stands_down(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    blobs = [await grid.hold(bytes([65 + n]) * 10, [0]) for n in range(2)]
    body = await staged(grid, tuple(blobs[:1]), tuple(blobs[1:]))
    registry = grid[0].ports.registry
    registry.rows.commit([(key, b"\xc1") for key, _ in registry.rows.scan(keys.EXTENTS, keys.DEAD_BODIES)][1:])
    stream = read_body(grid[0].ports, body, 0, 20)
    assert bytes(await anext(stream)) == b"A" * 10
    with pytest.raises(Unavailable, match="does not decode"):
        await anext(stream)
    with pytest.raises(Unavailable, match="does not decode"):
        await registry.barrier()


async def in_parts(grid: Grid, parts: dict[int, list[bytes]], staged: tuple[int, ...] = ()) -> PartsBody:
    """An object of parts, each of some blobs; those of the numbers `staged` have extents of two blobs."""
    registry = grid[0].ports.registry
    place = (grid.bucket, "k")
    begun = await registry.propose(CreateUpload(*place, b"t" * 16, "me", Content("x"), "", is_composite=False))
    for number, texts in parts.items():
        blobs = tuple([await grid.hold(text, [0]) for text in texts])
        body: SimpleBody = InlineBlobs(blobs)
        if number in staged:
            made = None
            for at in range(0, len(blobs), 2):
                extent = StageExtent(made, at // 2, blobs[at : at + 2], Epoch(2), GcEpoch(1), Instant(2**62))
                made = (await registry.propose(extent)).detail.body
            body = StagedBody(made, len(blobs))
        size = sum(map(len, texts))
        await registry.propose(PutPart(*place, begun.detail.upload, number, size, "e", body, (), Epoch(2), GcEpoch(1)))
    sizes = [(number, sum(map(len, texts))) for number, texts in sorted(parts.items())]
    size = sum(size for _, size in sizes)
    await registry.propose(CompleteUpload(*place, begun.detail.upload, len(parts), runs_of(sizes), size, "e-9", ()))
    return PartsBody(begun.detail.upload, len(parts))


async def test_any_range_of_parts_is_read(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    parts = {
        2: [b"abc", b"de"],
        3: [],
        5: [b"1", b"23", b"456", b"7", b"89"],
        6: [b"x"],
        9: [],
    }
    body = await in_parts(grid, parts, staged=(5,))
    whole = b"".join(text for texts in parts.values() for text in texts)
    for start in range(len(whole) + 1):
        for stop in range(start, len(whole) + 1):
            pieces = [bytes(piece) async for piece in read_body(grid[1].ports, body, start, stop)]
            assert b"".join(pieces) == whole[start:stop]


async def test_a_range_near_the_end_of_many_parts_reads_few_rows(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    body = await in_parts(grid, {number: [bytes([number]) * 7] for number in range(1, 201)})
    view = grid[0].ports.registry.view()
    asked: list[bytes] = []

    class Counted:
        def get(self, key: bytes) -> bytes | None:
            asked.append(key)
            return view.get(key)

    class Counting:
        def view(self) -> Any:
            return Counted()

    ports = replace(grid[0].ports, registry=Counting())
    found = [bytes(piece) async for piece in read_body(ports, body, 190 * 7 + 3, 192 * 7)]
    assert b"".join(found) == bytes([191]) * 4 + bytes([192]) * 7
    assert {key for key in asked if key[:1] == keys.PARTS} == {keys.part(body.body, number) for number in (191, 192)}


async def test_a_part_that_does_not_decode_ends_a_download_and_its_node_stands_down(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    body = await in_parts(grid, {1: [b"first"], 2: [b"second"]})
    registry = grid[0].ports.registry
    registry.rows.commit([(keys.part(body.body, 2), b"\xc1")])
    stream = read_body(grid[0].ports, body, 0, 11)
    assert bytes(await anext(stream)) == b"first"
    with pytest.raises(Unavailable, match="does not decode"):
        await anext(stream)


async def test_parts_that_were_reaped_break_off_a_download(make_grid: MakeGrid) -> None:
    grid = await make_grid(2)
    body = await in_parts(grid, {1: [b"first"], 2: [b"second"]})
    stream = read_body(grid[0].ports, body, 0, 11)
    assert bytes(await anext(stream)) == b"first"
    registry = grid[0].ports.registry
    await registry.propose(DeleteObject(grid.bucket, "k"))
    assert queries.reapable_from(registry.view(), body.body) == 0
    await registry.propose(Reap(body.body, 0))
    with pytest.raises(Unavailable, match="its parts are gone"):
        await anext(stream)
