"""The simulated disk forgets what was not synced, and nothing else."""

import errno
import os
from random import Random

import pytest

from tests.simulation.files import Disk, File, Folder, PowerCut


def disk_with(synced: bytes, written: bytes, seed: int = 0) -> tuple[Disk, File]:
    disk = Disk("/simulated/t", Random(seed))
    disk.boot()
    file = File("journal")
    disk.top.change(f=file)
    disk.top.sync()
    disk.grow(file, 0, synced)
    disk.sync(file)
    disk.grow(file, len(synced), written)
    return disk, file


def test_a_kill_keeps_what_was_written() -> None:
    disk, file = disk_with(b"abc", b"def")
    disk.kill()
    assert file.cached.read(0, 100) == b"abcdef"


def test_a_power_cut_keeps_what_was_synced_and_any_part_of_the_rest() -> None:
    ends = set()
    for seed in range(60):
        disk, file = disk_with(b"abc", b"d" * 2000, seed)
        disk.lose_power()
        found = file.cached.read(0, 9999)
        assert found.startswith(b"abc")
        ends.add((len(found), found.count(b"\0") > 0))
    assert (3, False) in ends, "sometimes nothing survives"
    assert (2003, False) in ends, "sometimes everything"
    assert any(3 < length < 2003 for length, _ in ends), "sometimes a torn part"
    assert any(has_holes for _, has_holes in ends), "sometimes later sectors without earlier ones"


def test_a_failed_sync_leaves_bytes_that_look_written_and_may_not_be() -> None:
    found = set()
    for seed in range(20):
        disk, file = disk_with(b"abc", b"def", seed)
        disk.trouble.failing = {("sync", "journal"): 1.0}
        with pytest.raises(OSError) as raised:
            disk.sync(file)
        assert raised.value.errno == errno.EIO
        disk.trouble.failing = {}
        assert file.cached.read(0, 9) == b"abcdef"
        disk.sync(file)  # the pages are clean: this writes nothing
        disk.lose_power()
        found.add(file.cached.read(0, 9))
    assert found == {b"abc", b"abcdef"}


def test_bytes_written_anew_after_a_failed_sync_survive() -> None:
    disk, file = disk_with(b"abc", b"def", seed=3)
    disk.trouble.failing = {("sync", "journal"): 1.0}
    with pytest.raises(OSError):
        disk.sync(file)
    disk.trouble.failing = {}
    disk.grow(file, 3, b"def")
    disk.sync(file)
    disk.lose_power()
    assert file.cached.read(0, 9) == b"abcdef"


def test_a_file_whose_folder_was_not_synced_may_vanish_with_all_its_synced_bytes() -> None:
    found = set()
    for seed in range(20):
        disk = Disk("/simulated/t", Random(seed))
        disk.boot()
        file = File("journal")
        disk.top.change(f=file)
        disk.grow(file, 0, b"abc")
        disk.sync(file)
        disk.lose_power()
        found.add("f" in disk.top.entries)
    assert found == {True, False}


def test_a_rename_is_all_or_nothing() -> None:
    found = set()
    for seed in range(20):
        disk = Disk("/simulated/t", Random(seed))
        disk.boot()
        old, new = File("data"), File("data")
        disk.top.change(f=old)
        disk.top.change(unborn=new)
        disk.top.sync()
        disk.top.change(unborn=None, f=new)
        disk.lose_power()
        found.add((disk.top.entries["f"] is new, "unborn" in disk.top.entries))
    assert found == {(True, False), (False, True)}


def test_the_power_can_fail_in_the_middle_of_a_write() -> None:
    lengths = set()
    for seed in range(40):
        disk, file = disk_with(b"abc", b"", seed)
        disk.on_power_cut = disk.lose_power
        disk.trouble.calls_left = 2
        disk.grow(file, 3, b"def")
        with pytest.raises(PowerCut):
            disk.grow(file, 6, b"ghi")
        with pytest.raises(PowerCut):
            disk.find("/simulated/t/f")
        lengths.add(len(file.cached.read(0, 99)))
    assert {3, 6} <= lengths, "what the call before wrote may be there or not"
    assert lengths & {7, 8}, "and so may a part of what this one wrote"


def test_a_disk_below_its_reserve_refuses_blobs_and_takes_the_journal() -> None:
    disk, file = disk_with(b"abc", b"")
    disk.trouble.is_full = True
    assert disk.grow(file, 3, b"def") == 3
    blobs = File("blobs")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        disk.grow(blobs, 0, b"x")
    disk.trouble.is_brimming = True
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        disk.grow(file, 6, b"x")
    assert disk.grow(file, 0, b"xyz") == 3, "room that a file has can be written to"


def test_room_set_aside_and_holes_read_as_zeros() -> None:
    _, file = disk_with(b"abcdef", b"")
    file.change(("size", 9, 0))
    file.change(("punch", 1, 2))
    assert file.cached.read(0, 99) == b"a\0\0def\0\0\0"


def test_paths_lead_through_folders_and_name_what_is_missing() -> None:
    disk = Disk("/simulated/t", Random(0))
    disk.boot()
    folder = Folder()
    disk.top.change(data=folder)
    file = File("data")
    folder.change(f=file)
    assert disk.find("/simulated/t/data/f") is file
    with pytest.raises(FileNotFoundError):
        disk.find("/simulated/t/data/g")
    with pytest.raises(NotADirectoryError):
        disk.find("/simulated/t/data/f/g")
    assert disk.area_of("/simulated/t/data/journal/1.log") == "journal"
    assert disk.area_of("/simulated/t/data/identity") == "data"
