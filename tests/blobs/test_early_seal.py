"""The volume that is being written is sealed early when most of it is dead, and a crash at any step loses nothing."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mys3d import limits
from mys3d.blobs import compaction, volume
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import Space
from mys3d.blobs.store import BlobStore
from mys3d.errors import Unavailable
from mys3d.limits import KIB, MIB
from mys3d.model.digest import Digest
from tests.blobs.fuse import Fuse, burning_index

Open = Callable[..., Directory]
Write = Callable[..., NewBlob]
Build = Callable[..., tuple[Digest, bytes]]
Crash = Callable[[Directory], None]
LENGTH = 60 * KIB  # too small to be punched out
COUNT = 60  # 3.6 MB: less than half a volume


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "seal_early_bytes_min", 2 * MIB)


def fill(directory: Directory, new_blob: Write, dead_share: int = 3) -> set[int]:
    """Write blobs, forget all but one of some; return the seeds of those that live."""
    directory.commit([new_blob(seed, LENGTH, touch=7) for seed in range(COUNT)])
    living = {seed for seed in range(COUNT) if seed % dead_share == 0}
    for seed in range(COUNT):
        if seed not in living:
            directory.forget(new_blob(seed, LENGTH).digest)
    return living


def compact(directory: Directory) -> None:
    number = compaction.choose(directory)
    while number is not None:
        step = compaction.copy_step(directory, Reader(directory), number, 0, 64 * MIB)
        assert (step.bad, step.next_offset) == ([], None)
        assert compaction.finish(directory, Reader(directory), number) == []
        number = compaction.choose(directory)


def check(directory: Directory, blob: Build, living: set[int]) -> None:
    for seed in living:
        name, data = blob(seed, LENGTH)
        place = directory.index.find(name)
        assert place is not None, seed
        assert Reader(directory).read_waiting(name, place, 0, LENGTH) == data


def test_the_room_of_small_blobs_comes_back_from_the_volume_that_is_being_written(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    directory = open_directory()
    living = fill(directory, new_blob)
    assert compaction.choose(directory) is None
    assert compaction.seal_early(directory)
    assert not compaction.seal_early(directory)  # the next one is empty
    compact(directory)
    assert directory.volume_numbers() == [2]
    assert directory._active.end < (len(living) + 2) * 61 * KIB
    assert {directory.index.find(blob(seed, LENGTH)[0]).touch for seed in living} == {7}
    directory.close()
    again = open_directory()
    check(again, blob, living)
    again.close()


def test_a_volume_that_takes_little_or_holds_most_of_it_is_written_on(
    open_directory: Open, new_blob: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = open_directory()
    assert not compaction.seal_early(directory)  # there is none yet
    fill(directory, new_blob, dead_share=1)
    for seed in range(29):
        directory.forget(new_blob(seed, LENGTH).digest)
    assert not compaction.seal_early(directory)  # more than half of it lives
    for seed in range(29, 32):
        directory.forget(new_blob(seed, LENGTH).digest)
    monkeypatch.setattr(limits, "seal_early_bytes_min", 4 * MIB)
    assert not compaction.seal_early(directory)
    monkeypatch.setattr(limits, "seal_early_bytes_min", 2 * MIB)
    assert compaction.seal_early(directory)
    directory.close()


def test_what_was_punched_out_of_it_counts_as_given_back(open_directory: Open, new_blob: Write) -> None:
    directory = open_directory()
    directory.commit([new_blob(seed, 256 * KIB) for seed in range(16)])
    for seed in range(16):
        directory.forget(new_blob(seed, 256 * KIB).digest)
    assert directory.reclaim() == 16
    if os.stat(directory.folder / "00000001.volume").st_blocks * 512 > 6 * MIB:
        pytest.skip("this file system has no holes")
    assert not compaction.seal_early(directory)
    directory.close()


def test_damage_in_it_and_a_disk_without_room_for_the_copies_leave_it_as_it_is(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    directory = open_directory()
    fill(directory, new_blob)
    name = blob(0, LENGTH)[0]
    directory.index.quarantine(name, directory.index.find(name))
    assert not compaction.seal_early(directory)
    directory.commit([new_blob(0, LENGTH)])  # repaired
    disk.free_bytes = 60 * MIB  # and a little more is left of the volume
    assert not compaction.seal_early(directory)
    disk.free_bytes = 300 * MIB
    assert compaction.seal_early(directory)
    directory.close()


def test_a_disk_that_is_full_or_broken_while_a_volume_is_sealed(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    directory = open_directory()
    living = fill(directory, new_blob)
    disk.allocate_errno = errno.ENOSPC
    with pytest.raises(Unavailable, match="is full"):
        compaction.seal_early(directory)
    assert directory.offline is None
    disk.allocate_errno = None
    directory.commit([new_blob(COUNT, LENGTH)])  # it goes on, in the next volume
    disk.sync_errno = errno.EIO
    with pytest.raises(Unavailable, match="offline"):
        directory.seal(lambda *_: True)
    with pytest.raises(Unavailable, match="offline"):
        compaction.seal_early(directory)  # nothing is tried any more
    check(directory, blob, living | {COUNT})
    directory.close()


def test_an_index_that_breaks_meanwhile_takes_the_directory_offline(
    open_directory: Open, new_blob: Write, break_index: Callable[..., None]
) -> None:
    directory = open_directory()
    fill(directory, new_blob)
    break_index(directory)
    with pytest.raises(Unavailable):
        compaction.seal_early(directory)
    assert directory.is_index_lost
    directory.close()


@pytest.fixture
def crash_at(
    tmp_path: Path, new_blob: Write, crash: Crash, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], tuple[str | None, set[int]]]:
    """Seal a volume early and lose the power at call number k; return which call that was and what lived."""

    def run(k: int) -> tuple[str | None, set[int]]:
        shutil.rmtree(tmp_path / "blobs", ignore_errors=True)
        fuse = Fuse()
        directory = Directory(
            tmp_path / "blobs", b"cluster of tests", fuse.calls(), lambda _: Space(512 * MIB, 300 * MIB)
        )
        living = fill(directory, new_blob)
        directory.index.flush()
        directory.commit([new_blob(0, LENGTH), new_blob(COUNT, LENGTH)])  # after a crash only the volume knows
        burning_index(directory, fuse)
        real = volume.sync_folder

        def burning_sync(folder: Path) -> None:
            fuse.burn("sync_folder")
            real(folder)

        fuse.left = k
        with contextlib.suppress(OSError, Unavailable), monkeypatch.context() as patch:
            patch.setattr(volume, "sync_folder", burning_sync)
            assert compaction.seal_early(directory)
        fuse.left = None
        crash(directory)
        return (fuse.burnt[0] if fuse.burnt else None), living | {COUNT}

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
            assert directory.gaps_count == 0
            directory.close()
        directory = open_directory()
        compaction.seal_early(directory)
        compact(directory)  # and the rest of the work can be done
        assert 1 not in directory.volume_numbers()
        check(directory, blob, living)
        directory.close()
        if step is None:
            break
        steps.append(step)
    assert steps == ["flush", "sync", "allocate", "write", "sync", "sync_folder", "add"]


async def test_the_store_seals_by_itself(open_store: Callable[[], BlobStore], new_blob: Write, blob: Build) -> None:
    async with open_store() as blobs:
        depot = blobs.depots[0]
        living = fill(depot.directory, new_blob)
        await depot.compact()
        assert depot.directory.volume_numbers() == [2]
        for seed in living:
            assert await blobs.read(blob(seed, LENGTH)[0], 0, LENGTH) == blob(seed, LENGTH)[1]
