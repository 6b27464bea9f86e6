"""The simulated operating system answers like the real one."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mys3d.blobs.volume import DiskCalls
from tests.simulation.files import Disk, PowerCut
from tests.simulation.install import SimulatedCalls
from tests.simulation.machine import DISKS, OS, SimulatedPath, SimulatedShutil


@pytest.fixture(params=["real", "simulated"])
def folder(request: Any, tmp_path: Path) -> Iterator[Path]:
    """The same folder on a real disk and on a simulated one: what these tests say is true of both."""
    if request.param == "real":
        yield tmp_path
        return
    DISKS["t"] = Disk("/simulated/t", Random(0))
    DISKS["t"].boot()
    yield SimulatedPath("/simulated/t")
    DISKS.clear()


def test_files_are_written_read_and_cut(folder: Path) -> None:
    fd = OS.open(folder / "f", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    assert OS.write(fd, b"hello") == 5
    assert OS.pwritev(fd, [b"wor", b"ld"], 10) == 5
    buffer = bytearray(4)
    assert OS.preadv(fd, [buffer], 8) == 4
    assert bytes(buffer) == b"\0\0wo"
    OS.ftruncate(fd, 3)
    assert (OS.fstat(fd).st_size, OS.pread(fd, 99, 0), OS.pread(fd, 99, 50)) == (3, b"hel", b"")
    OS.lseek(fd, 1, os.SEEK_SET)
    assert OS.read(fd, 99) == b"el"
    OS.fsync(fd)
    OS.close(fd)
    with pytest.raises(FileExistsError):
        OS.open(folder / "f", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    fd = OS.open(folder / "f", os.O_WRONLY | os.O_APPEND)
    OS.write(fd, b"p!")
    OS.close(fd)
    assert (folder / "f").read_bytes() == b"help!"


def test_paths_make_find_and_remove(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "1.log").write_text("one")
    (folder / "a" / "2.log").touch()
    assert sorted(path.name for path in (folder / "a").glob("*.log")) == ["1.log", "2.log"]
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["1.log", "2.log", "b"]
    assert sorted(path.name for path in folder.rglob("*.log")) == ["1.log", "2.log"]
    assert (folder / "a").is_dir() and (folder / "a" / "1.log").is_file() and not (folder / "x").exists()
    with pytest.raises(FileExistsError):
        (folder / "a").mkdir()
    (folder / "a" / "1.log").rename(folder / "a" / "2.log")
    assert (folder / "a" / "2.log").read_text() == "one"
    assert (folder / "a" / "2.log").stat().st_size == 3
    (folder / "x").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        (folder / "x").unlink()
    OS.link(folder / "a" / "2.log", folder / "copy")
    OS.rename(folder / "a", folder / "c")
    assert (folder / "c" / "2.log").read_bytes() == (folder / "copy").read_bytes()
    SimulatedShutil().rmtree(folder / "c")
    assert OS.listdir(folder) == ["copy"]
    assert OS.statvfs(folder).f_blocks > 0 and SimulatedShutil().disk_usage(folder).total > 0


def test_a_file_opened_in_an_earlier_life_is_dead() -> None:
    DISKS["t"] = disk = Disk("/simulated/t", Random(0))
    disk.boot()
    fd = OS.open("/simulated/t/f", os.O_RDWR | os.O_CREAT)
    disk.kill()
    with pytest.raises(PowerCut):
        OS.write(fd, b"x")
    disk.boot()
    with pytest.raises(PowerCut):
        OS.pread(fd, 1, 0)
    OS.close(fd)
    DISKS.clear()


def test_every_call_of_a_volume_goes_to_the_simulated_disk() -> None:
    real = DiskCalls()
    left = [each.name for each in fields(DiskCalls) if getattr(SimulatedCalls(), each.name) is getattr(real, each.name)]
    assert left == []
