"""Copies that are missing come back by themselves."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mys3d import limits
from mys3d.engine.budget import BufferBudget
from mys3d.engine.get import read_blob
from mys3d.engine.membership import begin
from mys3d.engine.put import put_object
from mys3d.errors import Unavailable
from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.members import MemberState
from mys3d.model.names import ObjectKey, Partition
from mys3d.registry import queries
from mys3d.registry.commands import SealLayout, UpdateMember

Grid = Any  # of conftest
MakeGrid = Callable[[int], Awaitable[Grid]]
EVERY = [Partition(number) for number in range(limits.partitions_count)]


async def put(grid: Grid, pieces: Any, finisher: Any, data: bytes, key: str = "cat.jpg") -> BlobRef:
    await put_object(grid[0].ports, BufferBudget(), pieces(data), frozenset(), finisher(grid, key))
    version = queries.live(grid[0].ports.registry.view(), grid.bucket, ObjectKey(key))
    assert version is not None and isinstance(version.body, InlineBlobs)
    return version.body.blobs[0]


async def test_a_home_that_applies_a_commit_whose_blob_it_lacks_fetches_it(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    await nursery.start(grid[2].missing.run)
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    blob = await put(grid, pieces, finisher, b"bytes")
    assert grid.holders(blob) == {0, 1}
    grid.network.delay(grid.ids[0], grid.ids[2], 0.0)
    await trio.sleep(limits.repair_grace_seconds + 0.1)
    assert grid.holders(blob) == {0, 1, 2}
    assert grid[2].missing.blobs_missing == 0


async def test_a_blob_still_under_way_is_not_called_missing(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    await nursery.start(grid[2].missing.run)
    grid.network.delay(grid.ids[0], grid.ids[2], 30.0)
    await put(grid, pieces, finisher, b"bytes")
    assert grid[2].missing.blobs_missing == 0


async def test_what_was_committed_before_a_start_is_called_missing_at_once(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    grid.cluster.isolate(grid.ids[2])
    grid.network.partition(grid.ids[2])
    await put(grid, pieces, finisher, b"bytes")
    await nursery.start(grid[2].missing.run)
    await trio.sleep(60.0)
    assert grid[2].missing.reconciling  # nobody knows what should be here
    grid.cluster.heal(grid.ids[2])
    await trio.sleep(1.0)
    assert (grid[2].missing.reconciling, grid[2].missing.blobs_missing) == (False, 1)
    grid.network.heal_all()
    await trio.sleep(limits.repair_backoff_max_seconds)
    assert grid[2].missing.blobs_missing == 0


async def test_a_scan_at_the_start_finds_what_was_lost_meanwhile(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    blobs = [await put(grid, pieces, finisher, f"object {n}".encode(), f"key-{n}") for n in range(20)]
    for blob in blobs[::2]:
        grid[1].blobs.lose(blob.digest)
    assert grid[1].missing.reconciling
    await nursery.start(grid[1].missing.run)
    await trio.sleep(1.0)
    assert all(grid.holders(blob) == {0, 1, 2} for blob in blobs)
    assert not grid[1].missing.reconciling


async def test_a_scan_walks_more_references_than_one_step_reads(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    monkeypatch.setattr(limits, "repair_scan_rows", 3)
    monkeypatch.setattr(limits, "repair_queue_max", 2)
    grid = await make_grid(2)
    blobs = [await put(grid, pieces, finisher, f"object {n}".encode(), f"key-{n}") for n in range(17)]
    for blob in blobs:
        grid[1].blobs.lose(blob.digest)
    await nursery.start(grid[1].missing.run)
    await trio.sleep(60.0)
    assert all(grid.holders(blob) == {0, 1} for blob in blobs)


async def test_a_copy_that_a_read_found_rotten_is_replaced(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    blob = await put(grid, pieces, finisher, b"bytes")
    await nursery.start(grid[0].missing.run)
    await trio.sleep(1.0)
    grid[0].blobs.damage(blob.digest)
    assert await read_blob(grid[0].ports, blob) == b"bytes"
    await trio.sleep(1.0)
    assert await grid[0].blobs.read(blob.digest, 0, 5) == b"bytes"


async def test_a_copy_that_a_peer_found_rotten_is_replaced(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(3)
    blob = await put(grid, pieces, finisher, b"bytes")
    await nursery.start(grid[1].missing.run)
    await trio.sleep(1.0)
    grid[1].blobs.damage(blob.digest)
    grid[0].blobs.lose(blob.digest)
    assert await read_blob(grid[0].ports, blob) == b"bytes"
    await trio.sleep(1.0)
    assert 1 in grid.holders(blob)


async def test_a_fetch_that_fails_is_tried_again_with_patience(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    blob = await put(grid, pieces, finisher, b"bytes")
    grid[1].blobs.lose(blob.digest)
    grid.network.partition(grid.ids[0])
    await nursery.start(grid[1].missing.run)
    await trio.sleep(20.0)
    assert grid[1].missing.blobs_missing == 1
    grid.network.heal_all()
    await trio.sleep(limits.repair_backoff_max_seconds)
    assert grid.holders(blob) == {0, 1}


async def test_a_blob_that_is_no_longer_referenced_is_not_fetched(
    make_grid: MakeGrid, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    blob = await grid.hold(b"nobody names me", [0])
    await nursery.start(grid[1].missing.run)
    grid[1].missing.want(blob)
    await trio.sleep(1.0)
    assert (grid.holders(blob), grid[1].missing.blobs_missing) == ({0}, 0)


async def test_a_node_that_is_no_home_does_not_want_a_copy(make_grid: MakeGrid) -> None:
    grid = await make_grid(4)
    homeless = 0
    for number in range(40):
        blob = BlobRef(digest_of(bytes([number])), 1)
        for node in grid.nodes:
            node.missing.want(blob)
        wanted = sum(node.missing.blobs_missing for node in grid.nodes)
        homeless = (number + 1) * 4 - wanted
    assert homeless == 40  # three of four nodes want each blob


async def test_what_does_not_fit_the_queue_is_found_by_a_scan(make_grid: MakeGrid, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "repair_queue_max", 1)
    grid = await make_grid(1)
    missing = grid[0].missing
    missing.reconciling = False
    missing.want(BlobRef(digest_of(b"one"), 3))
    assert not missing.reconciling
    missing.want(BlobRef(digest_of(b"two"), 3))
    assert (missing.reconciling, missing.blobs_missing) == (True, 1)


async def test_what_is_wanted_while_the_registry_cannot_be_read_is_found_by_a_scan(
    make_grid: MakeGrid, monkeypatch: Any
) -> None:
    grid = await make_grid(1)
    missing = grid[0].missing
    missing.reconciling = False

    def refuse() -> None:
        raise Unavailable("the registry is damaged")

    monkeypatch.setattr(grid[0].ports.registry, "view", refuse)
    missing.want(BlobRef(digest_of(b"one"), 3))
    assert (missing.reconciling, missing.blobs_missing) == (True, 0)


async def test_hold_all_returns_only_when_every_referenced_blob_is_here(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    blob = await put(grid, pieces, finisher, b"bytes")
    grid[1].blobs.lose(blob.digest)
    with trio.move_on_after(10.0) as scope:
        await grid[1].missing.hold_all(EVERY)
    assert scope.cancelled_caught  # nobody repairs yet
    await nursery.start(grid[1].missing.run)
    checked_at = await grid[1].missing.hold_all(EVERY)
    assert grid.holders(blob) == {0, 1}
    assert checked_at == queries.applied(grid[1].ports.registry.view())[0]
    assert await grid[1].missing.hold_all([]) == checked_at


def test_a_blob_on_its_way_is_given_longer_than_a_straggler() -> None:
    assert limits.repair_grace_seconds * 1000 > limits.straggler_ms


async def test_copies_in_a_directory_that_went_offline_are_sought_and_reported_missing(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    blob = await put(grid, pieces, finisher, b"bytes")
    await nursery.start(grid[1].missing.run)
    await trio.sleep(1.0)
    assert not grid[1].missing.reconciling
    grid[1].blobs.take_offline()
    assert grid[1].missing.reconciling
    await trio.sleep(1.0)
    assert grid[1].missing.blobs_missing == 1
    with trio.move_on_after(10.0) as scope:
        await grid[1].missing.hold_all(EVERY)
    assert scope.cancelled_caught  # a home is not reported while its copies count as nothing
    assert grid.holders(blob) == {0}


async def test_the_last_copy_is_taken_from_a_directory_that_is_offline(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, b"bytes")
    kept: list[bytes] = []

    async def keep(digest: Any, data: Any, touch: Any) -> None:
        await trio.lowlevel.checkpoint()
        kept.append(b"".join(data))

    grid[0].blobs.take_offline()
    monkeypatch.setattr(grid[0].blobs, "put", keep)  # another directory takes it
    await nursery.start(grid[0].missing.run)
    grid[0].missing.want(blob)
    await trio.sleep(1.0)
    assert kept == [b"bytes"]


async def test_a_rotten_rest_is_no_copy(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(1)
    blob = await put(grid, pieces, finisher, b"bytes")
    grid[0].blobs.damage(blob.digest)
    grid[0].blobs.take_offline()
    await nursery.start(grid[0].missing.run)
    await trio.sleep(1.0)
    assert grid[0].missing.blobs_missing == 1


async def test_what_has_the_fewest_reachable_copies_is_fetched_first(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock, monkeypatch: Any
) -> None:
    monkeypatch.setattr(limits, "repair_fetches_max", 1)
    grid = await make_grid(4)
    blobs = [await put(grid, pieces, finisher, f"object {n}".encode(), f"key-{n}") for n in range(40)]
    layout = queries.layout(grid[0].ports.registry.view())
    assert layout is not None
    grid.network.partition(grid.ids[3])
    homes = {blob: layout.homes(partition_of(blob.digest)) for blob in blobs}
    lost = [blob for blob in blobs if grid.ids[1] in homes[blob]]
    fetched: list[BlobRef] = []
    real = grid[1].blobs.put

    async def remember(digest: Any, data: Any, touch: Any) -> None:
        fetched.append(next(blob for blob in lost if blob.digest == digest))
        await real(digest, data, touch)

    monkeypatch.setattr(grid[1].blobs, "put", remember)
    for blob in lost:
        grid[1].blobs.lose(blob.digest)
        grid[1].missing.want(blob)
    await nursery.start(grid[1].missing.run)
    await trio.sleep(30.0)
    ranks = [grid.ids[3] not in homes[blob] for blob in fetched]  # False: one of its two other homes is away
    assert len(fetched) == len(lost)
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 2


async def test_homes_are_not_reported_when_a_directory_failed_while_they_were_checked(
    make_grid: MakeGrid, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2)
    await put(grid, pieces, finisher, b"bytes")
    real = grid[1].blobs.missing

    async def fail_afterwards(blobs: Any) -> Any:
        found = await real(blobs)
        grid[1].blobs.take_offline()
        return found

    grid[1].blobs.missing = fail_afterwards
    with trio.move_on_after(60.0) as scope:
        await grid[1].missing.hold_all(EVERY)
    assert scope.cancelled_caught


@pytest.mark.parametrize(("length", "together"), [(10, 32), (10_000, 3)])
async def test_many_small_blobs_are_fetched_at_once_and_few_large_ones(
    make_grid: MakeGrid, nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: Any, length: int, together: int
) -> None:
    monkeypatch.setattr(limits, "blob_bytes_max", 10_000)
    monkeypatch.setattr(limits, "repair_bytes_max", 30_000)
    grid = await make_grid(2)
    blobs = [await grid.hold(b"%05d" % number * (length // 5), [0]) for number in range(50)]
    under_way, most = 0, 0
    fetch = grid[0].service.on_fetch

    async def slow(*asked: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await trio.sleep(1)
        under_way -= 1
        return await fetch(*asked)

    monkeypatch.setattr(grid[0].service, "on_fetch", slow)
    monkeypatch.setattr(grid[1].missing, "_is_needed", lambda _blob: True)
    await nursery.start(grid[1].missing.run)
    for blob in blobs:
        grid[1].missing.want(blob)
    await trio.sleep(100)
    assert most == together
    assert all(grid[1].blobs.holds(blob.digest) for blob in blobs)


async def test_homes_are_reported_only_when_what_moves_was_verified(
    make_grid: Any, pieces: Any, finisher: Any, nursery: Any, autojump_clock: MockClock
) -> None:
    grid = await make_grid(2, grown=False)
    blob = await put(grid, pieces, finisher, b"bytes")
    registry = grid[0].ports.registry
    await registry.propose(UpdateMember(grid.ids[1], state=MemberState.ACTIVE))
    begun = begin(queries.layout(registry.view()), queries.members(registry.view()))
    await registry.propose(begun)
    await registry.propose(SealLayout(begun.epoch))
    await grid.hold(b"bytes", [1])
    grid[1].blobs.damage(blob.digest)
    assert grid.holders(blob) == {0, 1}
    with trio.move_on_after(60.0) as scope:
        await grid[1].missing.hold_all(EVERY)
    assert scope.cancelled_caught
    assert grid.holders(blob) == {0}
    await nursery.start(grid[1].missing.run)
    await grid[1].missing.hold_all(EVERY)
    assert await grid[1].blobs.have(blob.digest, 0)
