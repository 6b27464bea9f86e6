"""An index that breaks while the node runs is built anew while it runs."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from mys3d import limits
from mys3d.blobs.directory import Directory
from mys3d.blobs.store import BlobStore
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch

Open = Callable[[], BlobStore]
Build = Callable[..., tuple[Digest, bytes]]
Break = Callable[..., None]
EPOCH = GcEpoch(5)


async def test_a_broken_index_is_built_anew_and_everything_is_held_again(
    open_store: Open, blob: Build, break_index: Break, autojump_clock: object
) -> None:
    async with open_store() as blobs:
        for seed in range(20):
            await blobs.put(blob(seed)[0], [blob(seed)[1]], EPOCH)
        told: list[int] = []
        is_back = trio.Event()

        def listen() -> None:
            told.append(blobs.usage().blobs_count)
            if told[-1]:
                is_back.set()

        blobs.subscribe_losses(listen)
        break_index(blobs.depots[0].directory)
        assert not blobs.holds(blob(0)[0])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(blobs.maintain)
            await is_back.wait()
            nursery.cancel_scope.cancel()
        for seed in range(20):
            assert await blobs.read(blob(seed)[0], 0, 4096) == blob(seed)[1]
            assert await blobs.have(blob(seed)[0], EPOCH)
        await blobs.put(blob(99)[0], [blob(99)[1]], EPOCH)
        assert (blobs.usage().blobs_count, blobs.usage().directories[0].offline) == (21, "")
        assert told == [0, 20]


async def test_no_touch_is_taken_for_old_when_the_rows_that_told_it_are_lost(
    open_store: Open, blob: Build, break_index: Break
) -> None:
    async with open_store() as blobs:
        await blobs.put(blob(1)[0], [blob(1)[1]], EPOCH)
        break_index(blobs.depots[0].directory)
        assert not blobs.holds(blob(1)[0])
        await blobs._revive(blobs.depots[0])
        assert blobs.holds(blob(1)[0])
        assert blobs.touched(blob(1)[0]) == EPOCH


async def test_an_index_that_breaks_in_a_write_takes_the_directory_offline(
    open_store: Open, blob: Build, break_index: Break
) -> None:
    async with open_store() as blobs:
        await blobs.put(blob(1)[0], [blob(1)[1]], EPOCH)
        directory = blobs.depots[0].directory
        get = directory.index._get
        break_index(directory)
        directory.index._get = get  # what is cached can still be read
        with pytest.raises(Unavailable):
            await blobs.put(blob(2)[0], [blob(2)[1]], EPOCH)
        assert directory.is_index_lost
        assert not blobs.usage().is_writable


async def test_a_directory_whose_disk_failed_is_not_opened_again(
    open_store: Open, blob: Build, break_index: Break, disk, autojump_clock: object
) -> None:
    async with open_store() as blobs:
        await blobs.put(blob(1)[0], [blob(1)[1]], EPOCH)
        depot = blobs.depots[0]
        depot.directory.take_offline("its sync failed")
        break_index(depot.directory)
        assert await blobs.read(blob(1)[0], 0, 10) is None
        with trio.move_on_after(10 * limits.reclaim_seconds):
            await blobs.maintain()
        assert blobs.depots == [depot]


async def test_an_index_that_cannot_be_built_leaves_the_directory_out_of_service(
    open_store: Open, blob: Build, break_index: Break, disk
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        break_index(blobs.depots[0].directory)
        assert not blobs.holds(name)
        for path in blobs.depots[0].directory.folder.glob("*.volume"):
            path.rename(path.with_suffix(".away"))
            path.mkdir()
        await blobs._revive(blobs.depots[0])
        assert blobs.depots == []
        assert "directory" in blobs.usage().directories[0].offline
        assert await blobs.read(name, 0, 10) is None
        with pytest.raises(Unavailable):
            await blobs.put(name, [data], EPOCH)


async def test_a_close_waits_for_whoever_is_inside_and_later_ones_find_it_empty(
    open_store: Open, blob: Build, disk, nursery: trio.Nursery
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        depot = blobs.depots[0]
        depot.directory.take_offline("for the test")
        with depot._in_use():
            nursery.start_soon(depot.close)
            await trio.testing.wait_all_tasks_blocked()
            assert await depot.read(name, 0, 10) is None
            assert depot.directory.index.find(name) is not None  # not closed yet
        blobs.depots = []
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match="is closed"):
            await depot._in_thread(int)


def test_a_failed_disk_is_not_mended_by_a_new_index(open_directory: Callable[[], Directory], disk, new_blob) -> None:  # type: ignore[no-untyped-def]
    directory = open_directory()
    directory.is_index_lost = True
    disk.write_errno = 5
    with pytest.raises(Unavailable):
        directory.commit([new_blob(1)])
    assert not directory.is_index_lost
    directory.close()
