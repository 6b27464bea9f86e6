"""Volumes that are mostly dead: emptied elsewhere, removed last, and whole after a crash at any step."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from mys3d import limits
from mys3d.blobs import compaction, record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore
from mys3d.errors import Damaged, Unavailable
from mys3d.limits import KIB, MIB
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch
from tests.blobs.fuse import Fuse, burning_index

Open = Callable[..., Directory]
Write = Callable[..., NewBlob]
Build = Callable[..., tuple[Digest, bytes]]
Crash = Callable[[Directory], None]
LENGTH = 60 * KIB  # too small to be punched out; 136 of them fill a volume of 8 MiB
COUNT = 300  # two volumes are full, a third is being written


def fill(directory: Directory, new_blob: Write, dead_share: int = 3) -> set[int]:
    """Write blobs and forget two of three; return the seeds of those that live."""
    for first in range(0, COUNT, 100):
        directory.commit([new_blob(seed, LENGTH, touch=7) for seed in range(first, first + 100)])
    living = {seed for seed in range(COUNT) if seed % dead_share == 0}
    for seed in range(COUNT):
        if seed not in living:
            directory.forget(new_blob(seed, LENGTH).digest)
    return living


def compact(directory: Directory, number: int) -> list[Digest]:
    """Do all steps; return what was found damaged."""
    offset: int | None = 0
    while offset is not None:
        step = compaction.copy_step(directory, Reader(directory), number, offset, 2 * MIB)
        if step.bad:
            return [bad.digest for bad in step.bad]
        offset = step.next_offset
    return [bad.digest for bad in compaction.finish(directory, Reader(directory), number)]


def check(directory: Directory, blob: Build, living: set[int]) -> None:
    """Every living blob is read right, and what came back from the dead is whole."""
    reader = Reader(directory)
    for seed in range(COUNT):
        name, data = blob(seed, LENGTH)
        place = directory.index.find(name)
        assert place is not None or seed not in living, seed
        if place is not None:
            assert reader.read_waiting(name, place, 0, LENGTH) == data


def test_a_volume_that_is_mostly_dead_is_chosen_and_one_that_is_not_stays(
    open_directory: Open, new_blob: Write
) -> None:
    directory = open_directory()
    fill(directory, new_blob, dead_share=1)
    assert compaction.choose(directory) is None
    for seed in range(136, 230):
        directory.forget(new_blob(seed, LENGTH).digest)
    assert compaction.choose(directory) == 2
    for seed in range(130):
        directory.forget(new_blob(seed, LENGTH).digest)
    assert compaction.choose(directory) == 1  # it gives back more
    for seed in range(230, COUNT):
        directory.forget(new_blob(seed, LENGTH).digest)
    assert 3 not in {compaction.choose(directory)}  # it is still being written
    directory.close()


def test_the_room_comes_back_and_every_living_blob_stays_with_its_touch(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    directory = open_directory()
    living = fill(directory, new_blob)
    before = directory.index.blobs_count
    while (number := compaction.choose(directory)) is not None:
        assert compact(directory, number) == []
        assert not (directory.folder / f"{number:08d}.volume").exists()
    assert directory.volume_numbers()[0] == 3
    assert directory.index.blobs_count == before == len(living)
    check(directory, blob, living)
    assert {directory.index.find(blob(seed, LENGTH)[0]).touch for seed in living} == {7}
    directory.close()
    again = open_directory()  # the index names no volume that is gone
    assert (again.recovered_count, again.index.blobs_count) == (0, len(living))
    check(again, blob, living)
    again.close()
    shutil.rmtree(again.folder / "index")
    rebuilt = open_directory()
    check(rebuilt, blob, living)
    rebuilt.close()


def test_a_volume_without_any_life_is_removed_without_a_copy(open_directory: Open, new_blob: Write, disk) -> None:
    directory = open_directory()
    fill(directory, new_blob, dead_share=COUNT)
    disk.written.clear()
    assert compact(directory, 2) == []
    assert disk.written == []
    assert directory.volume_numbers() == [1, 3]
    directory.close()


def test_nothing_is_copied_while_the_disk_has_no_room_for_it(open_directory: Open, new_blob: Write, disk) -> None:
    directory = open_directory()
    fill(directory, new_blob)
    assert compaction.choose(directory) is not None
    disk.free_bytes = 56 * MIB  # and a little more is left of the volume being written
    assert compaction.choose(directory) is None
    with pytest.raises(Unavailable, match="too little free space"):
        compact(directory, 1)
    directory.close()


def test_a_blob_forgotten_or_written_anew_while_it_is_copied_keeps_its_row(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    directory = open_directory()
    living = fill(directory, new_blob)
    real = directory.move

    def race(moves: Sequence[tuple[NewBlob, object]]) -> None:
        directory.forget(moves[0][0].digest)
        directory.commit([new_blob(3, LENGTH, touch=9)])
        real(moves)  # type: ignore[arg-type]

    directory.move = race
    compaction.copy_step(directory, Reader(directory), 1, 0, MIB)
    assert directory.index.find(blob(0, LENGTH)[0]) is None  # blob 0 is the first that was copied
    place = directory.index.find(blob(3, LENGTH)[0])
    assert place is not None and place.touch == 9
    directory.move = real
    compact(directory, 1)
    check(directory, blob, living - {0})
    directory.close()


def test_a_reader_under_way_keeps_the_file_and_a_late_one_finds_the_copy(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    directory = open_directory()
    fill(directory, new_blob)
    name = blob(0, LENGTH)[0]
    old = directory.index.find(name)
    assert old is not None
    pinned = directory.pin(1)
    assert pinned is not None
    compact(directory, 1)
    assert os.pread(pinned.fd, 4, old.offset) == record.MAGIC  # the name is gone, the bytes are not
    directory.unpin(pinned)
    directory.reclaim()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pinned.fd)
    with pytest.raises(Damaged, match="is missing"):
        Reader(directory).read_waiting(name, old, 0, 10)
    directory.close()


@pytest.mark.parametrize("is_header", [True, False])
def test_a_volume_with_damage_waits_for_the_repair(
    open_directory: Open, new_blob: Write, blob: Build, is_header: bool
) -> None:
    directory = open_directory()
    living = fill(directory, new_blob)
    name = blob(3, LENGTH)[0]
    place = directory.index.find(name)
    assert place is not None
    with (directory.folder / "00000001.volume").open("r+b") as file:
        os.pwrite(file.fileno(), b"\xff\xff", place.offset + (8 if is_header else 500))
    assert compact(directory, 1) == [name]
    assert 1 in directory.volume_numbers()
    directory.index.quarantine(name, directory.index.find(name))
    assert compaction.choose(directory) != 1
    compact(directory, 1)
    assert 1 in directory.volume_numbers()
    directory.commit([new_blob(3, LENGTH)])  # repaired
    compact(directory, 1)
    assert 1 not in directory.volume_numbers()
    check(directory, blob, living)
    directory.close()


@pytest.fixture
def crash_at(tmp_path: Path, new_blob: Write, crash: Crash) -> Callable[[int], tuple[str | None, set[int]]]:
    """Compact a volume and lose the power at call number k; return which call that was and what lived."""

    def run(k: int) -> tuple[str | None, set[int]]:
        shutil.rmtree(tmp_path / "blobs", ignore_errors=True)
        fuse = Fuse()
        space = Space(512 * MIB, 300 * MIB)
        directory = Directory(tmp_path / "blobs", b"cluster of tests", fuse.calls(), lambda _: space)
        living = fill(directory, new_blob)
        directory.index.flush()
        burning_index(directory, fuse)
        fuse.left = k
        with contextlib.suppress(OSError, Unavailable):
            compact(directory, 1)
        fuse.left = None
        crash(directory)
        return (fuse.burnt[0] if fuse.burnt else None), living

    return run


def test_a_crash_at_any_step_leaves_every_living_blob(
    crash_at: Callable[[int], tuple[str | None, set[int]]], open_directory: Open, blob: Build
) -> None:
    steps: list[str] = []
    while True:
        step, living = crash_at(len(steps))
        for _ in range(2):  # whatever the first start did, the second agrees
            directory = open_directory()
            check(directory, blob, living)
            directory.close()
        directory = open_directory()
        while (number := compaction.choose(directory)) is not None:
            assert compact(directory, number) == []  # and the rest of the work can be done
        check(directory, blob, living)
        directory.close()
        if step is None:
            break
        steps.append(step)
    assert steps[:3] == ["write", "sync", "swap"]
    assert steps[-3:] == ["drop_volume", "flush", "unlink"]


async def test_the_store_compacts_by_itself_and_reads_go_on(
    open_store: Callable[[], BlobStore], blob: Build, new_blob: Write, autojump_clock: object
) -> None:
    async with open_store() as blobs:
        directory = blobs.depots[0].directory
        living = fill(directory, new_blob)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(blobs.maintain)
            while directory.volume_numbers()[0] < 3:
                for seed in sorted(living)[::20]:
                    name, data = blob(seed, LENGTH)
                    assert await blobs.read(name, 0, LENGTH) == data
                await trio.sleep(limits.compaction_pause_seconds)
            nursery.cancel_scope.cancel()
        assert directory.volume_numbers()[0] == 3
        assert blobs.usage().blobs_count == len(living)


async def test_a_read_that_met_a_removed_volume_finds_the_copy(
    open_store: Callable[[], BlobStore], blob: Build, new_blob: Write
) -> None:
    async with open_store() as blobs:
        depot = blobs.depots[0]
        fill(depot.directory, new_blob)
        name, data = blob(0, LENGTH)
        real = depot._reader.read_waiting

        def compact_first(*words):  # type: ignore[no-untyped-def]
            depot._reader.read_waiting = real
            compact(depot.directory, 1)
            return real(*words)

        depot._reader.read_waiting = compact_first
        depot._reader.nowait = False
        assert await blobs.read(name, 0, LENGTH) == data
        assert depot.damages_count == 0


async def test_damage_that_a_compaction_finds_is_told_and_quarantined(
    open_store: Callable[[], BlobStore], blob: Build, new_blob: Write, rot: Callable[[BlobStore, Digest], None]
) -> None:
    async with open_store() as blobs:
        depot = blobs.depots[0]
        fill(depot.directory, new_blob)
        told: list[bool] = []
        name = blob(9, LENGTH)[0]
        blobs.subscribe_losses(lambda: told.append(blobs.holds(name)))
        rot(blobs, name)
        for _ in range(3):
            await depot.compact()
        await trio.testing.wait_all_tasks_blocked()
        assert told == [False]
        assert depot.directory.volume_numbers()[0] == 1
        await blobs.put(name, [blob(9, LENGTH)[1]], GcEpoch(9))
        await depot.compact()
        assert depot.directory.volume_numbers()[0] == 3


async def test_a_disk_that_is_full_or_broken_ends_a_compaction_and_no_more(
    open_store: Callable[[], BlobStore], new_blob: Write, disk, break_index: Callable[..., None]
) -> None:
    async with open_store() as blobs:
        depot = blobs.depots[0]
        fill(depot.directory, new_blob)
        disk.write_errno = errno.ENOSPC
        await depot.compact()
        assert depot.offline is None
        disk.write_errno = errno.EIO
        await depot.compact()
        assert depot.offline is not None
        await depot.compact()  # nothing is tried any more
        assert depot.directory.volume_numbers() == [1, 2, 3]


async def test_an_index_that_breaks_in_a_compaction_takes_its_directory_offline(
    open_store: Callable[[], BlobStore], new_blob: Write, break_index: Callable[..., None]
) -> None:
    async with open_store() as blobs:
        fill(blobs.depots[0].directory, new_blob)
        break_index(blobs.depots[0].directory)
        await blobs.depots[0].compact()
        assert blobs.depots[0].offline is not None
