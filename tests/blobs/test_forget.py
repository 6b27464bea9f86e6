"""Forgotten blobs: gone from the index first, punched out after its flush, never back half."""

import errno
import shutil
from collections.abc import Callable

import pytest
import trio

from mys3d import limits
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.blobs.store import BlobStore
from mys3d.errors import Damaged
from mys3d.limits import KIB, MIB
from mys3d.model.body import BlobRef
from mys3d.model.digest import Digest, digest_of, partition_of
from mys3d.model.names import GcEpoch

Open = Callable[[], Directory]
Crash = Callable[[Directory], None]
Build = Callable[..., tuple[Digest, bytes]]
Write = Callable[..., NewBlob]


def allocated(directory: Directory) -> int:
    return sum(path.stat().st_blocks * 512 for path in directory.folder.glob("*.volume"))


def test_the_room_of_a_large_forgotten_blob_is_returned_and_its_neighbours_stay(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    directory = open_directory()
    directory.commit([new_blob(seed, MIB) for seed in range(3)])
    before = allocated(directory)
    directory.forget(blob(1, MIB)[0])
    assert directory.reclaim() == 1
    assert allocated(directory) <= before - MIB + 8 * KIB
    assert directory.index.use_of(1).held_bytes < 2 * MIB + 4 * KIB
    for seed in (0, 2):
        name, data = blob(seed, MIB)
        place = directory.index.find(name)
        assert place is not None
        assert Reader(directory).read_waiting(name, place, 0, MIB) == data
    directory.close()


def test_a_blob_forgotten_shortly_before_a_crash_comes_back_whole_or_not_at_all(
    open_directory: Open, new_blob: Write, blob: Build, crash: Crash
) -> None:
    first = open_directory()
    first.commit([new_blob(1, MIB), new_blob(2, MIB)])
    first.index.flush()
    first.forget(blob(1, MIB)[0])  # the row's deletion is in memory only
    crash(first)
    second = open_directory()
    name, data = blob(1, MIB)
    place = second.index.find(name)
    assert place is not None
    assert Reader(second).read_waiting(name, place, 0, MIB) == data
    second.forget(name)
    second.reclaim()
    crash(second)
    third = open_directory()
    assert third.index.find(name) is None
    assert third.index.blobs_count == 1
    third.close()


def test_a_punched_blob_stays_forgotten_when_the_index_is_rebuilt(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    first = open_directory()
    zeros = bytes(MIB)
    first.commit([new_blob(1, MIB), NewBlob(digest_of(zeros), [zeros], MIB, 1), new_blob(2, 64 * KIB), new_blob(3)])
    for name in (blob(1, MIB)[0], blob(2, 64 * KIB)[0]):
        first.forget(name)
    first.reclaim()
    first.close()
    shutil.rmtree(first.folder / "index")
    second = open_directory()
    assert second.index.find(blob(1, MIB)[0]) is None
    assert second.index.find(blob(2, 64 * KIB)[0]) is None
    assert second.index.find(digest_of(zeros)) is not None  # stored zeros are no hole
    assert (second.index.blobs_count, second.gaps_count) == (2, 0)
    second.close()


def test_a_file_system_without_holes_keeps_the_room_and_works(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    disk.punch_errno = errno.EOPNOTSUPP
    directory = open_directory()
    directory.commit([new_blob(1, MIB)])
    directory.forget(blob(1, MIB)[0])
    directory.reclaim()
    assert directory.offline is None
    directory.commit([new_blob(1, MIB)])
    assert directory.index.find(blob(1, MIB)[0]) is not None
    directory.close()


def test_a_disk_that_fails_while_punching_goes_offline(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    disk.punch_errno = errno.EIO
    directory = open_directory()
    directory.commit([new_blob(1, MIB)])
    directory.forget(blob(1, MIB)[0])
    directory.reclaim()
    assert directory.offline is not None
    directory.close()


async def test_nothing_is_forgotten_in_a_directory_that_is_offline(
    open_store: Callable[[], BlobStore], blob: Build
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], GcEpoch(1))
        blobs.depots[0].directory.take_offline("for the test")
        assert not blobs.forget(name, GcEpoch(9))
        assert blobs.depots[0].directory.index.find(name) is not None


async def test_a_read_that_met_a_hole_finds_nothing_and_no_damage(
    open_store: Callable[[], BlobStore], blob: Build
) -> None:
    name, data = blob(1, 2 * MIB)
    async with open_store() as blobs:
        await blobs.put(name, [data], GcEpoch(1))
        real = blobs.depots[0]._reader.read_waiting

        def forget_first(digest, place, start, stop):  # type: ignore[no-untyped-def]
            blobs.depots[0].directory.forget(digest)
            blobs.depots[0].directory.reclaim()
            return real(digest, place, start, stop)

        blobs.depots[0]._reader.read_waiting = forget_first
        assert await blobs.read(name, 0, 2 * MIB) is None


async def test_the_room_of_a_forgotten_blob_is_returned_while_the_store_is_maintained(
    open_store: Callable[[], BlobStore], blob: Build, autojump_clock: object
) -> None:
    name, data = blob(1, 2 * MIB)
    async with open_store() as blobs:
        await blobs.put(name, [data], GcEpoch(1))
        before = allocated(blobs.depots[0].directory)
        assert blobs.forget(name, GcEpoch(1))
        with trio.move_on_after(limits.reclaim_seconds + 1):  # a sweep that has begun is waited for
            await blobs.maintain()
        assert allocated(blobs.depots[0].directory) <= before - MIB


async def test_the_room_of_a_damaged_record_is_returned_once_it_was_repaired_and_not_before(
    open_store: Callable[[], BlobStore], blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    name, data = blob(1, 2 * MIB)
    async with open_store() as blobs:
        directory = blobs.depots[0].directory
        await blobs.put(name, [data], GcEpoch(1))
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
        before = allocated(directory)
        await blobs.depots[0].reclaim()
        assert allocated(directory) == before
        await blobs.put(name, [data], GcEpoch(1))
        await blobs.depots[0].reclaim()
        assert allocated(directory) <= before - MIB
        assert await blobs.read(name, 0, len(data)) == data


async def test_a_damaged_blob_that_is_forgotten_keeps_its_volume_from_nothing(
    open_store: Callable[[], BlobStore], blob: Build, rot: Callable[[BlobStore, Digest], None]
) -> None:
    name, data = blob(1)
    async with open_store() as blobs:
        await blobs.put(name, [data], GcEpoch(1))
        rot(blobs, name)
        with pytest.raises(Damaged):
            await blobs.read(name, 0, 10)
        assert blobs.stored(partition_of(name)) == [BlobRef(name, len(data))]
        assert not blobs.forget(name, GcEpoch(1))  # it was not held
        assert blobs.stored(partition_of(name)) == []
        assert blobs.depots[0].directory.index.use_of(1).quarantined_count == 0
