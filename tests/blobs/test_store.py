"""The store as a whole: damage, touches, faults of the disk, and a process killed in the middle of its writes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from mys3d import limits
from mys3d.blobs.store import BlobStore, Folder
from mys3d.errors import Damaged, Unavailable
from mys3d.model.digest import Digest, digest_of
from mys3d.model.names import GcEpoch

Open = Callable[[], BlobStore]
Rot = Callable[[BlobStore, Digest], None]
Build = Callable[..., tuple[Digest, bytes]]
EPOCH = GcEpoch(4)
CLUSTER = b"cluster of tests"


async def test_a_damaged_blob_is_not_held_any_more(open_store: Open, blob: Build, rot: Rot) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
        assert not blobs.holds(name)
        assert await blobs.read(name, 0, 10) is None
        assert not await blobs.have(name, EPOCH)
        assert blobs.usage().blobs_count == 0


async def test_a_damaged_blob_is_written_anew_by_a_put(open_store: Open, blob: Build, rot: Rot) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
        await blobs.put(name, [data], EPOCH)
        assert await blobs.read(name, 0, len(data)) == data
    async with open_store() as blobs:
        assert await blobs.read(name, 0, len(data)) == data


async def test_a_blob_rewritten_after_damage_wins_when_the_index_is_rebuilt(
    open_store: Open, blob: Build, tmp_path: Path, rot: Rot
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
        await blobs.put(name, [data], EPOCH)
    (tmp_path / "blobs" / "index" / "CURRENT").unlink()
    async with open_store() as blobs:
        assert await blobs.read(name, 0, len(data)) == data


async def test_a_quarantine_survives_a_restart(open_store: Open, blob: Build, rot: Rot) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
    async with open_store() as blobs:
        assert not blobs.holds(name)


async def test_a_put_of_a_copy_verified_within_24_hours_is_not_written_again(
    open_store: Open, blob: Build, disk
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        before = disk.syncs_count
        await blobs.put(name, [data], EPOCH)
        assert disk.syncs_count == before


async def test_a_put_of_a_copy_that_rotted_since_it_was_verified_is_written_again(
    open_store: Open, blob: Build, disk, rot: Rot
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
    async with open_store() as blobs:  # nothing counts as verified after a restart
        await blobs.put(name, [data], EPOCH)
        assert await blobs.read(name, 0, len(data)) == data


async def test_a_rotten_copy_is_not_had_once_its_verification_is_old(tmp_path: Path, blob: Build, rot: Rot) -> None:
    hours = [0.0]
    name, data = blob(1)
    async with BlobStore([Folder(tmp_path / "blobs")], CLUSTER, monotonic=lambda: hours[0] * 3600) as blobs:
        await blobs.put(name, [data], EPOCH)
        rot(blobs, name)
        assert await blobs.have(name, EPOCH)
        hours[0] = 24.0
        assert not await blobs.have(name, EPOCH)
        assert not blobs.holds(name)


async def test_the_newest_touch_of_a_blob_is_remembered(open_store: Open, blob: Build) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        assert blobs.touched(name) == 0
        await blobs.put(name, [data], GcEpoch(4))
        assert blobs.touched(name) == 4
        await blobs.put(name, [data], GcEpoch(6))
        assert blobs.touched(name) == 6
        await blobs.have(name, GcEpoch(7))
        assert blobs.touched(name) == 7
        await blobs.have(name, GcEpoch(5))
        assert blobs.touched(name) == 7


async def test_puts_at_the_same_time_all_leave_their_touch(open_store: Open, blob: Build) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        async with trio.open_nursery() as nursery:
            for epoch in (3, 5, 4):
                nursery.start_soon(blobs.put, name, [data], GcEpoch(epoch))
        assert blobs.touched(name) == 5


async def test_a_failed_sync_ends_the_puts_and_not_the_reads(open_store: Open, blob: Build, disk) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        disk.sync_errno = errno.EIO
        for seed in (2, 3):
            with pytest.raises(Unavailable, match="offline"):
                await blobs.put(blob(seed)[0], [blob(seed)[1]], EPOCH)
        assert not blobs.holds(blob(2)[0])
        assert not blobs.usage().is_writable
        assert await blobs.read(name, 0, len(data)) == data
        disk.sync_errno = None


async def test_a_copy_in_a_directory_that_went_offline_is_never_counted_again(
    open_store: Open, blob: Build, disk
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        disk.sync_errno = errno.EIO
        with pytest.raises(Unavailable):
            await blobs.put(blob(2)[0], [blob(2)[1]], EPOCH)
        with pytest.raises(Unavailable, match="offline"):
            await blobs.put(name, [data], EPOCH)
        assert not await blobs.have(name, EPOCH)
        disk.sync_errno = None


async def test_a_full_disk_ends_the_puts_until_there_is_room(open_store: Open, blob: Build, disk) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        disk.free_bytes = limits.MIB
        with pytest.raises(Unavailable, match="free space"):
            await blobs.put(name, [data], EPOCH)
        assert not blobs.usage().is_writable
        disk.free_bytes = 100 * limits.MIB
        await blobs.put(name, [data], EPOCH)
        assert blobs.usage().is_writable


async def test_bytes_that_are_not_cached_are_read_in_a_thread(open_store: Open, blob: Build) -> None:
    name, data = blob(1, 500_000)
    async with open_store() as blobs:
        await blobs.put(name, [data], EPOCH)
        fd = blobs.depots[0].directory._volumes[1].fd
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert await blobs.read(name, 70_000, 70_001) == data[70_000:70_001]
        blobs.depots[0]._reader.nowait = False
        assert await blobs.read(name, 0, len(data)) == data


async def test_it_is_open_while_it_runs(open_store: Open, blob: Build, nursery: trio.Nursery) -> None:
    name, data = blob(1)
    store = await nursery.start(open_store().run)
    await store.put(name, [data], EPOCH)
    assert await store.read(name, 0, 3) == data[:3]
    nursery.cancel_scope.cancel()


async def test_a_directory_of_another_cluster_is_refused(open_store: Open, tmp_path: Path) -> None:
    async with open_store():
        pass
    with pytest.raises(Unavailable, match="belongs to cluster"):
        async with BlobStore([Folder(tmp_path / "blobs")], b"another cluster."):
            pass


@pytest.mark.parametrize("acknowledged", [1, 40, 300, 1000])
async def test_what_a_killed_process_acknowledged_is_held(
    tmp_path: Path, kill_writer: Callable[..., list[bytes]], acknowledged: int
) -> None:
    written = kill_writer(acknowledged, tmp_path / "blobs")
    async with BlobStore([Folder(tmp_path / "blobs")], CLUSTER) as blobs:
        for data in written:
            assert await blobs.read(digest_of(data), 0, len(data)) == data
        assert blobs.usage().blobs_count >= len(written)
        assert blobs.depots[0].directory.gaps_count == 0
