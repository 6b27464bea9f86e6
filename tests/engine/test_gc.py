"""Garbage goes two epochs after its last touch, and nothing else ever goes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.epochs import Epochs
from mys3d.engine.gc import Collector
from mys3d.engine.put import put_object
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.members import MemberState
from mys3d.model.names import GcEpoch, ObjectKey
from mys3d.registry import queries
from mys3d.registry.commands import BeginLayout, BumpGcEpoch, DeleteObject, UpdateMember
from tests.engine.conftest import add_node, join, move_layout, node_id

Grid = Any  # of conftest
MakeGrid = Callable[..., Awaitable[Grid]]


async def put(grid: Grid, pieces: Any, finisher: Any, data: bytes, key: str = "cat.jpg") -> BlobRef:
    await put_object(grid[0].ports, BufferBudget(), pieces(data), frozenset(), finisher(grid, key))
    version = queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey(key))
    assert version is not None and isinstance(version.body, InlineBlobs)
    return version.body.blobs[0]


async def delete(grid: Grid, key: str = "cat.jpg") -> None:
    await grid[0].ports.registry.propose(DeleteObject(grid.bucket, ObjectKey(key)))


async def bump(grid: Grid) -> None:
    epoch = queries.gc_epoch(grid[0].ports.registry.view())
    await grid[0].ports.registry.propose(BumpGcEpoch(GcEpoch(epoch + 1)))


async def collector_of(grid: Grid, number: int = 0) -> Collector:
    """A collector behind its barrier, on a node that has nothing to reconcile."""
    node = grid[number]
    node.missing.reconciling = False
    made = Collector(node.ports, node.missing)
    await made._pass_barrier()
    return made


async def pass_epochs(grid: Grid, collector: Collector, count: int) -> None:
    for _ in range(count):
        await bump(grid)
        await collector.walk()


async def test_what_is_deleted_goes_two_epochs_later_and_not_before(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    blob = await put(grid, pieces, finisher, b"bytes")
    collector = await collector_of(grid)
    await delete(grid)
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == {0, 1, 2}
    assert (grid[0].ports.garbage.blobs_count, grid[0].ports.garbage.bytes_count) == (1, 5)
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == {1, 2}
    garbage = grid[0].ports.garbage
    assert (garbage.blobs_count, garbage.deleted_blobs_count, garbage.deleted_bytes_count) == (0, 1, 5)
    assert garbage.walked_at == grid[0].ports.clock.now()


async def test_what_is_referenced_stays(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, b"bytes")
    await put(grid, pieces, finisher, b"bytes", "again")
    collector = await collector_of(grid)
    await delete(grid)
    await pass_epochs(grid, collector, 5)
    assert grid.holders(blob) == {0}
    assert grid[0].ports.garbage.blobs_count == 0


async def test_what_was_touched_in_this_epoch_or_the_one_before_stays(
    make_grid: MakeGrid, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"pushed and not yet committed", [0])
    collector = await collector_of(grid)
    await pass_epochs(grid, collector, 1)
    await grid[0].blobs.have(blob.digest, GcEpoch(2))
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == {0}
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == set()


async def test_a_commit_applied_between_two_walks_saves_its_blob(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, b"bytes")
    collector = await collector_of(grid)
    await delete(grid)
    await pass_epochs(grid, collector, 1)
    await put(grid, pieces, finisher, b"bytes")
    await pass_epochs(grid, collector, 5)
    assert grid.holders(blob) == {0}


async def test_after_a_start_nothing_goes_until_two_epochs_have_begun(
    make_grid: MakeGrid, autojump_clock: object
) -> None:
    grid = await make_grid(1)
    for _ in range(5):
        await bump(grid)
    blob = await grid.hold(b"touched by whom nobody remembers", [0])
    collector = await collector_of(grid)
    await collector.walk()
    await collector.walk()
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == {0}
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == set()


async def test_before_its_barrier_a_node_deletes_nothing(make_grid: MakeGrid, autojump_clock: object) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    grid[0].missing.reconciling = False
    await pass_epochs(grid, Collector(grid[0].ports, grid[0].missing), 5)
    assert grid.holders(blob) == {0}


async def test_a_node_that_reconciles_or_is_behind_deletes_nothing(
    make_grid: MakeGrid, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    collector = await collector_of(grid)
    grid[0].missing.reconciling = True
    await pass_epochs(grid, collector, 4)
    assert grid.holders(blob) == {0}
    grid[0].missing.reconciling = False
    monkeypatch.setattr(limits, "gc_lag_entries_max", -1)
    await pass_epochs(grid, collector, 2)
    assert grid.holders(blob) == {0}
    monkeypatch.undo()
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == set()


async def test_garbage_of_a_partition_that_moves_stays_until_it_rests(
    make_grid: MakeGrid, autojump_clock: object
) -> None:
    grid = await make_grid(2, grown=False)
    blob = await grid.hold(b"bytes", [0])
    collector = await collector_of(grid)
    await grid[0].ports.registry.propose(UpdateMember(node_id(1), state=MemberState.ACTIVE))
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    nodes = (node_id(0), node_id(1))
    await grid[0].ports.registry.propose(BeginLayout(type(layout.epoch)(2), nodes, ((0, 1),) * 1024))
    await pass_epochs(grid, collector, 4)
    assert grid.holders(blob) == {0}


async def surplus(grid: Grid, pieces: Any, finisher: Any) -> tuple[BlobRef, int]:
    """A referenced blob that all four nodes hold, and the one of them that is no home of it."""
    blob = await put(grid, pieces, finisher, b"bytes")
    await grid.hold(b"bytes", range(4))
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    homes = layout.homes(partition_of(blob.digest))
    return blob, next(number for number, node in enumerate(grid.ids) if node not in homes)


async def test_a_surplus_copy_goes_once_all_homes_hold_the_blob(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(4)
    blob, stranger = await surplus(grid, pieces, finisher)
    collector = await collector_of(grid, stranger)
    lost = next(number for number in range(4) if number != stranger)
    grid[lost].blobs.lose(blob.digest)
    await pass_epochs(grid, collector, 4)
    assert stranger in grid.holders(blob)
    await grid.hold(b"bytes", [lost])
    await pass_epochs(grid, collector, 1)
    assert grid.holders(blob) == set(range(4)) - {stranger}
    touched = [grid[number].blobs.touches[blob.digest] for number in range(4) if number != stranger]
    assert touched == [queries.gc_epoch(grid[0].ports.registry.view())] * 3


async def test_a_surplus_copy_stays_while_a_home_is_silent(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(4)
    blob, stranger = await surplus(grid, pieces, finisher)
    collector = await collector_of(grid, stranger)
    grid.network.partition(grid.ids[(stranger + 1) % 4])
    await pass_epochs(grid, collector, 4)
    assert stranger in grid.holders(blob)


async def test_answers_of_an_epoch_that_is_over_drop_nothing(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = await make_grid(4)
    blob, stranger = await surplus(grid, pieces, finisher)
    collector = await collector_of(grid, stranger)
    real = grid[stranger].ports.peers.have

    async def slow(*question: Any) -> tuple[bool, ...]:
        await bump(grid)
        answers: tuple[bool, ...] = await real(*question)
        return answers

    monkeypatch.setattr(grid[stranger].ports.peers, "have", slow)
    await pass_epochs(grid, collector, 4)
    assert stranger in grid.holders(blob)


async def test_a_copy_that_a_push_has_touched_is_no_surplus(
    make_grid: MakeGrid, pieces: Any, finisher: Any, autojump_clock: object
) -> None:
    grid = await make_grid(4)
    blob, stranger = await surplus(grid, pieces, finisher)
    collector = await collector_of(grid, stranger)
    await pass_epochs(grid, collector, 1)
    await grid[stranger].blobs.have(blob.digest, GcEpoch(2))
    await pass_epochs(grid, collector, 1)
    assert stranger in grid.holders(blob)
    await pass_epochs(grid, collector, 1)
    assert stranger not in grid.holders(blob)


async def test_copies_that_a_growing_cluster_leaves_behind_go(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(3)
    blobs = [await put(grid, pieces, finisher, f"object {n}".encode(), f"key-{n}") for n in range(20)]
    assert all(grid.holders(blob) == {0, 1, 2} for blob in blobs)
    await grow(grid)
    for node in grid.nodes:
        await nursery.start(node.missing.run)
    await trio.sleep(30)
    assert any(3 in grid.holders(blob) for blob in blobs)
    for number in range(4):
        collector = await collector_of(grid, number)
        await pass_epochs(grid, collector, 3)
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    for blob in blobs:
        assert {grid.ids[number] for number in grid.holders(blob)} == set(layout.homes(partition_of(blob.digest)))


async def grow(grid: Grid) -> None:
    add_node(grid, 3)
    await join(grid, 3)
    await move_layout(grid)


async def test_a_collector_walks_once_an_epoch_by_itself(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(2)
    blob = await put(grid, pieces, finisher, b"bytes")
    for node in grid.nodes:
        node.missing.reconciling = False
        await nursery.start(Collector(node.ports, node.missing).run)
    await trio.sleep(60)
    await delete(grid)
    for _ in range(3):
        await bump(grid)
        await trio.sleep(60)
    assert grid.holders(blob) == set()


async def test_a_collector_waits_for_a_majority(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object
) -> None:
    grid = await make_grid(2)
    blob = await grid.hold(b"bytes", [0])
    grid[0].missing.reconciling = False
    grid.cluster.isolate(grid.ids[0])
    await nursery.start(Collector(grid[0].ports, grid[0].missing).run)
    await trio.sleep(60)
    grid.cluster.heal(grid.ids[0])
    await trio.sleep(60)
    for _ in range(3):
        await bump(grid)
        await trio.sleep(60)
    assert grid.holders(blob) == set()


async def test_a_walk_that_cannot_go_on_is_walked_again(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = await make_grid(1)
    blob = await grid.hold(b"bytes", [0])
    grid[0].missing.reconciling = False
    await nursery.start(Collector(grid[0].ports, grid[0].missing).run)
    real, refusals = grid[0].blobs.forget, [Unavailable("the disk is full"), Unavailable("the disk is full")]

    def forget(*question: Any) -> bool:
        if refusals:
            raise refusals.pop()
        return bool(real(*question))

    monkeypatch.setattr(grid[0].blobs, "forget", forget)
    for _ in range(3):
        await bump(grid)
        await trio.sleep(60)
    assert not refusals
    await trio.sleep(120)
    assert grid.holders(blob) == set()


async def test_many_partitions_are_looked_at_in_bounded_steps(
    make_grid: MakeGrid, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "gc_step_blobs", 3)
    monkeypatch.setattr(limits, "gc_deletes_at_once", 2)
    grid = await make_grid(1)
    blobs = [await grid.hold(f"garbage {number}".encode(), [0]) for number in range(40)]
    same = digest_of(b"garbage 0")
    assert blobs[0].digest == same
    collector = await collector_of(grid)
    await pass_epochs(grid, collector, 2)
    assert [blob for blob in blobs if grid.holders(blob)] == []


async def test_an_upload_slower_than_collection_keeps_its_blobs(
    make_grid: MakeGrid, finisher: Any, nursery: trio.Nursery, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "blob_bytes_max", 100)
    grid = await make_grid(3)
    for node in grid.nodes:
        node.missing.reconciling = False
        await nursery.start(Collector(node.ports, node.missing).run)
        await nursery.start(Epochs(node.ports).run)
    orphan = await grid.hold(b"garbage", [0, 1, 2])

    class Slow:
        left = 5

        async def read(self) -> bytes:
            await trio.sleep(700)
            self.left -= 1
            return bytes([self.left]) * 100 if self.left >= 0 else b""

    await put_object(grid[0].ports, BufferBudget(), Slow(), frozenset(), finisher(grid, "slow"))
    version = queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey("slow"))
    assert version is not None and isinstance(version.body, InlineBlobs) and len(version.body.blobs) == 5
    assert all(grid.holders(blob) == {0, 1, 2} for blob in version.body.blobs)
    assert grid.holders(orphan) == set()
