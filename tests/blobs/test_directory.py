"""The order of writes, and what is found again after every way to end."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mys3d import limits
from mys3d.blobs import record
from mys3d.blobs.directory import Directory, NewBlob
from mys3d.blobs.identity import claim
from mys3d.blobs.space import measure
from mys3d.blobs.volume import DiskCalls
from mys3d.errors import Unavailable
from mys3d.model.digest import Digest

Open = Callable[[], Directory]
Crash = Callable[[Directory], None]
Build = Callable[..., tuple[Digest, bytes]]
Write = Callable[..., NewBlob]


def held(directory: Directory, *digests: Digest) -> list[bool]:
    return [directory.index.find(digest) is not None for digest in digests]


def rows_of(directory: Directory) -> dict[Digest, tuple[int, ...]]:
    names = [blob.digest for number in range(limits.partitions_count) for blob in directory.index.stored(number)]
    return {digest: directory.index.find(digest)[:4] for digest in names}


def test_a_blob_is_indexed_only_after_its_sync(open_directory: Open, new_blob: Write, blob: Build, disk) -> None:
    directory = open_directory()
    directory.commit([new_blob(1)])
    disk.sync_errno = errno.EIO
    with pytest.raises(Unavailable):
        directory.commit([new_blob(2)])
    assert held(directory, blob(1)[0], blob(2)[0]) == [True, False]
    directory.close()


def test_one_batch_costs_one_sync(open_directory: Open, new_blob: Write, disk) -> None:
    directory = open_directory()
    directory.commit([new_blob(0)])
    before = disk.syncs_count
    directory.commit([new_blob(seed) for seed in range(1, 100)])
    assert disk.syncs_count == before + 1
    directory.close()


def test_a_batch_larger_than_a_volume_goes_on_in_the_next(open_directory: Open, new_blob: Write, blob: Build) -> None:
    directory = open_directory()
    batch = [new_blob(seed, limits.MIB * 3) for seed in range(5)]  # volumes of 8 MiB: two in each
    directory.commit(batch)
    assert held(directory, *(each.digest for each in batch)) == [True] * 5
    assert [path.name for path in sorted(directory.folder.glob("*.volume"))] == [
        f"0000000{number}.volume" for number in (1, 2, 3)
    ]
    directory.close()


def test_everything_is_held_after_a_close(open_directory: Open, new_blob: Write) -> None:
    first = open_directory()
    first.commit([new_blob(seed, 1 + 977 * seed) for seed in range(50)])
    rows = rows_of(first)
    first.close()
    second = open_directory()
    assert rows_of(second) == rows
    assert (second.recovered_count, second.gaps_count, second.index.blobs_count) == (0, 0, 50)
    second.close()


def test_everything_is_held_after_a_crash_that_lost_the_rows_in_memory(
    open_directory: Open, new_blob: Write, crash: Crash
) -> None:
    first = open_directory()
    for seed in range(30):
        first.commit([new_blob(seed)])
    rows = rows_of(first)
    crash(first)
    second = open_directory()
    assert rows_of(second) == rows
    assert (second.recovered_count, second.index.blobs_count) == (30, 30)
    second.close()


def test_a_torn_tail_is_gone_after_the_next_open_and_its_room_is_set_aside_again(
    open_directory: Open, new_blob: Write, crash: Crash
) -> None:
    first = open_directory()
    first.commit([new_blob(1)])
    end = record.RECORDS_START + record.record_bytes(4096)
    path = first.folder / "00000001.volume"
    with path.open("r+b") as file:
        file.seek(end + 5000)
        file.write(b"torn")
    crash(first)
    second = open_directory()
    assert len(path.read_bytes()) == limits.volume_bytes_min
    assert not any(path.read_bytes()[end:])
    second.close()
    assert path.stat().st_size == end


def test_only_the_volume_in_use_is_read_again_after_a_crash(
    open_directory: Open, new_blob: Write, crash: Crash
) -> None:
    first = open_directory()
    for seed in range(7):
        first.commit([new_blob(seed, 3 * limits.MIB)])
    crash(first)
    second = open_directory()
    assert second.recovered_count == 1
    assert second.index.blobs_count == 7
    second.close()


def test_a_lost_index_is_rebuilt_equal(open_directory: Open, new_blob: Write) -> None:
    first = open_directory()
    for seed in range(20):
        first.commit([new_blob(seed, 1 + seed * 100_003)])
    rows = rows_of(first)
    first.close()
    shutil.rmtree(first.folder / "index")
    second = open_directory()
    assert rows_of(second) == rows
    assert second.index.blobs_count == 20
    second.close()


def test_an_unreadable_index_is_rebuilt_equal(open_directory: Open, new_blob: Write) -> None:
    first = open_directory()
    first.commit([new_blob(seed) for seed in range(20)])
    rows = rows_of(first)
    first.close()
    (first.folder / "index" / "CURRENT").write_bytes(b"rotten")
    second = open_directory()
    assert rows_of(second) == rows
    second.close()


def test_an_index_that_rotted_is_rebuilt_equal(open_directory: Open, new_blob: Write) -> None:
    first = open_directory()
    first.commit([new_blob(seed, 100) for seed in range(2000)])
    rows = rows_of(first)
    first.close()
    for table in (first.folder / "index").glob("*.sst"):
        table.write_bytes(bytes(table.stat().st_size))
    try:
        second = open_directory()
    except Unavailable:  # found out while it was opened
        second = open_directory()
    with contextlib.suppress(Unavailable):  # found out while it is used
        rows_of(second)
    second.close()
    third = open_directory()
    assert rows_of(third) == rows
    third.close()


def test_an_index_newer_than_its_volumes_is_rebuilt(open_directory: Open, new_blob: Write, blob: Build) -> None:
    first = open_directory()
    first.commit([new_blob(1)])
    end = os.path.getsize(first.folder / "00000001.volume")
    first.commit([new_blob(2)])
    first.close()
    assert end > 0
    os.truncate(first.folder / "00000001.volume", record.RECORDS_START + record.record_bytes(4096))
    second = open_directory()
    assert held(second, blob(1)[0], blob(2)[0]) == [True, False]
    second.close()


def test_a_missing_volume_costs_its_own_blobs_only(open_directory: Open, new_blob: Write, blob: Build) -> None:
    first = open_directory()
    first.commit([new_blob(seed, 3 * limits.MIB) for seed in range(5)])
    first.close()
    (first.folder / "00000002.volume").unlink()
    second = open_directory()
    assert held(second, *(blob(seed, 3 * limits.MIB)[0] for seed in range(5))) == [True, True, False, False, True]
    second.close()


def test_an_unreadable_volume_is_kept_and_its_blobs_can_be_put_again(
    open_directory: Open, new_blob: Write, blob: Build
) -> None:
    first = open_directory()
    first.commit([new_blob(1)])
    first.close()
    path = first.folder / "00000001.volume"
    path.write_bytes(bytes(record.RECORDS_START) + path.read_bytes()[record.RECORDS_START :])
    before = path.read_bytes()
    second = open_directory()
    assert (held(second, blob(1)[0]), second.unreadable_count) == ([False], 1)
    second.commit([new_blob(1)])
    assert held(second, blob(1)[0]) == [True]
    assert path.read_bytes() == before
    second.close()


def test_a_volume_of_another_directory_is_refused(open_directory: Open, new_blob: Write, tmp_path: Path) -> None:
    first = open_directory()
    first.commit([new_blob(1)])
    first.close()
    (tmp_path / "other").mkdir()
    claim(tmp_path / "other", b"cluster of tests").release()
    shutil.copy(first.folder / "00000001.volume", tmp_path / "other" / "00000001.volume")
    with pytest.raises(Unavailable, match="another cluster or directory"):
        Directory(tmp_path / "other", b"cluster of tests", DiskCalls(), measure)
    claim(tmp_path / "other", b"cluster of tests").release()  # the refusal let go of the lock


def test_a_directory_cannot_be_opened_twice(open_directory: Open) -> None:
    first = open_directory()
    with pytest.raises(Unavailable, match="another process"):
        open_directory()
    first.close()


def test_a_failed_sync_takes_the_directory_offline_and_is_never_tried_again(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    directory = open_directory()
    directory.commit([new_blob(1)])
    disk.sync_errno = errno.EIO
    with pytest.raises(Unavailable, match="offline"):
        directory.commit([new_blob(2)])
    disk.sync_errno = None
    tried = disk.syncs_count
    with pytest.raises(Unavailable, match="offline"):
        directory.commit([new_blob(3)])
    assert disk.syncs_count == tried
    directory.close()


def test_what_a_failed_sync_left_behind_is_not_held_after_a_restart(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    first = open_directory()
    first.commit([new_blob(1)])
    disk.sync_errno = errno.EIO
    with pytest.raises(Unavailable):
        first.commit([new_blob(2)])
    first.close()
    disk.sync_errno = None
    second = open_directory()
    assert held(second, blob(1)[0], blob(2)[0]) == [True, False]
    second.commit([new_blob(3)])
    second.close()


@pytest.mark.parametrize("kind", ["write_errno", "allocate_errno"])
def test_a_full_disk_refuses_and_recovers_by_itself(
    open_directory: Open, new_blob: Write, blob: Build, disk, kind: str
) -> None:
    directory = open_directory()
    directory.commit([new_blob(1)])
    setattr(disk, kind, errno.ENOSPC)
    batch = [new_blob(seed, 3 * limits.MIB) for seed in (2, 3, 4)]
    with pytest.raises(Unavailable, match="full"):
        directory.commit(batch)
    assert directory.offline is None
    setattr(disk, kind, None)
    directory.commit(batch)
    assert held(directory, blob(1)[0], *(each.digest for each in batch)) == [True] * 4
    directory.close()


def test_below_the_reserve_nothing_is_written_until_there_is_room_again(
    open_directory: Open, new_blob: Write, blob: Build, disk
) -> None:
    directory = open_directory()
    disk.free_bytes = 63 * limits.MIB
    with pytest.raises(Unavailable, match="too little free space"):
        directory.commit([new_blob(1)])
    assert disk.written == []
    disk.free_bytes = 80 * limits.MIB
    directory.commit([new_blob(1)])
    assert held(directory, blob(1)[0]) == [True]
    directory.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_fills_up_refuses_keeps_what_it_has_and_recovers(
    small_disk: Path, new_blob: Write, blob: Build
) -> None:
    directory = Directory(small_disk / "blobs", b"cluster of tests", DiskCalls(), measure)
    held_count = 0
    with pytest.raises(Unavailable, match="too little free space"):
        for seed in range(100):
            directory.commit([new_blob(seed, limits.MIB)])
            held_count += 1
    assert 10 < held_count < 32
    (small_disk / "other").write_bytes(bytes(measure(small_disk).free_bytes - limits.MIB))
    with pytest.raises(Unavailable):
        directory.commit([new_blob(200)])
    directory.close()
    reopened = Directory(small_disk / "blobs", b"cluster of tests", DiskCalls(), measure)
    assert all(held(reopened, *(blob(seed, limits.MIB)[0] for seed in range(held_count))))
    (small_disk / "other").unlink()
    reopened.commit([new_blob(300)])
    reopened.close()
