"""Power cuts on a real ext4 file system: what was acknowledged before the cut is there after it.

The process is killed first, then the file system is shut down without flushing anything (the ioctl of ext4 and xfs for
exactly this test). Shutting down before killing would report losses that are none: a sync in flight may return 0.
"""

import fcntl
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mys3d.blobs.directory import Directory
from mys3d.blobs.reader import Reader
from mys3d.blobs.space import measure
from mys3d.blobs.volume import DiskCalls
from mys3d.model.digest import digest_of

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
WITHOUT_FLUSHING = 2


class Disk:
    """A file with ext4 on it, mounted over a loop device."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self.folder = folder

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.folder)], check=True, capture_output=True)

    def cut_power(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        os.close(fd)
        subprocess.run(["umount", str(self.folder)], check=True)
        self.mount()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "image", tmp_path / "disk")
    made.folder.mkdir()
    with made.image.open("wb") as file:
        file.truncate(1 << 30)
    try:
        subprocess.run(["mkfs.ext4", "-q", str(made.image)], check=True, capture_output=True)
        made.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a loop device cannot be mounted here: {error}")
    yield made
    subprocess.run(["umount", str(made.folder)], check=True)


@pytest.mark.campaign
def test_no_power_cut_loses_what_was_acknowledged(disk: Disk, kill_writer: Callable[..., list[bytes]]) -> None:
    acknowledged: set[bytes] = set()
    for cut in range(15):
        acknowledged.update(kill_writer(1 + cut * 67 % 400, disk.folder / "blobs", cut))
        disk.cut_power()
        directory = Directory(disk.folder / "blobs", b"cluster of tests", DiskCalls(), measure)
        reader = Reader(directory)
        for data in acknowledged:
            place = directory.index.find(digest_of(data))
            assert place is not None, f"cut {cut}: a blob of {len(data)} bytes was lost"
            assert reader.read_waiting(digest_of(data), place, 0, len(data)) == data
        print(
            f"cut {cut}: {len(acknowledged)} held, {directory.recovered_count} found again, {directory.gaps_count} gaps"
        )
        directory.close()
