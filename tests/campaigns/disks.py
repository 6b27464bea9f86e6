"""A disk that can lose its power, be slow, or be full.        Floor: tests. Called by: campaigns.

Law: processes are killed first, then the file system is shut down without flushing anything. The other way round
would report losses that are none: a sync in flight may return 0.
"""

import fcntl
import os
import struct
import subprocess
from pathlib import Path
from random import Random

from tests.campaigns.sandbox import NotHere, run

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
WITHOUT_FLUSHING = 2
BLKIO = Path("/sys/fs/cgroup/blkio")
SYNC_FILE_RANGE_WRITE = 2


class LoopDisk:
    """A file with ext4 on it, mounted over a loop device."""

    def __init__(self, image: Path, folder: Path, size_bytes: int) -> None:
        self.image = image
        self.folder = folder
        folder.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(size_bytes)
        run("mkfs.ext4", "-q", str(image))
        self.mount()

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", str(self.image), str(self.folder)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NotHere(f"a loop device cannot be mounted here: {done.stderr.strip()}")

    def cut_power(self) -> None:
        """Lose what was not written yet. Nobody may have a file open."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
        os.close(descriptor)
        run("umount", str(self.folder))
        self.mount()

    def write_back_some(self, dice: Random) -> None:
        """Let random ranges of its files reach the disk early, as a kernel may: writes arrive in any order."""
        for path in sorted(self.folder.rglob("*")):
            if not path.is_file() or dice.random() < 0.5:
                continue
            descriptor = os.open(path, os.O_RDONLY)
            size = max(1, os.fstat(descriptor).st_size)
            for _ in range(dice.randrange(1, 4)):
                start = dice.randrange(size)
                _sync_file_range(descriptor, start, dice.randrange(1, 1 << 20))
            os.close(descriptor)

    @property
    def device(self) -> str:
        """major:minor, for the block throttle."""
        number = self.folder.stat().st_dev
        return f"{os.major(number)}:{os.minor(number)}"


def _sync_file_range(descriptor: int, start: int, length: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    offset = ctypes.c_int64
    libc.sync_file_range(descriptor, offset(start), offset(length), ctypes.c_uint(SYNC_FILE_RANGE_WRITE))


class Throttle:
    """A block I/O control group that slows the writes of one process to one disk."""

    def __init__(self, name: str) -> None:
        self.folder = BLKIO / name

    def slow(self, pid: int, disk: LoopDisk, bytes_per_second: int, writes_per_second: int) -> None:
        if not (BLKIO / "blkio.throttle.write_bps_device").exists():
            raise NotHere("needs the block I/O controller of control groups, version 1")
        self.folder.mkdir(exist_ok=True)
        self._write("blkio.throttle.write_bps_device", f"{disk.device} {bytes_per_second}")
        self._write("blkio.throttle.write_iops_device", f"{disk.device} {writes_per_second}")
        self._write("cgroup.procs", str(pid))

    def stop(self, disk: LoopDisk) -> None:
        """Lift the limits and give the processes back."""
        if not self.folder.exists():
            return
        self._write("blkio.throttle.write_bps_device", f"{disk.device} 0")
        self._write("blkio.throttle.write_iops_device", f"{disk.device} 0")
        for pid in (self.folder / "cgroup.procs").read_text().split():
            try:
                (BLKIO / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue
        self.folder.rmdir()

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
