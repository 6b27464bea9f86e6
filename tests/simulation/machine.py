"""The operating system as the product sees it in a simulation.        Floor: tests. Called by: run, node, rocks.

Law: a path below `/simulated` and a file number from `FIRST_FD` on belong to a simulated disk; everything else goes
to the real system. Only names inside the product's modules are exchanged, and only while a simulation runs.
"""

import errno
import fnmatch
import io
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from tests.simulation.files import Disk, File, Folder, PowerCut

ROOT = "/simulated/"
FIRST_FD = 1 << 20

DISKS: dict[str, Disk] = {}  # by the first name below ROOT


@dataclass(slots=True)
class _Handle:
    disk: Disk
    life: int
    node: File | Folder
    is_append: bool
    at: int = 0


def disk_of(path: object) -> Disk | None:
    text = os.fspath(path)
    return DISKS[text[len(ROOT) :].split("/", 1)[0]] if isinstance(text, str) and text.startswith(ROOT) else None


class SimulatedOs:
    """Module `os`, with simulated disks mounted below `/simulated`."""

    def __init__(self) -> None:
        self._handles: dict[int, _Handle] = {}
        self._next_fd = FIRST_FD

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    # --- by path

    def open(self, path: object, flags: int, mode: int = 0o777, **rest: object) -> int:
        disk = disk_of(path)
        if disk is None:
            return os.open(path, flags, mode, **rest)
        node = self._node_for(disk, os.fspath(path), flags)
        if flags & os.O_TRUNC and isinstance(node, File):
            node.change(("size", 0, 0))
        self._next_fd += 1
        self._handles[self._next_fd] = _Handle(disk, disk.life, node, bool(flags & os.O_APPEND))
        return self._next_fd

    def _node_for(self, disk: Disk, path: str, flags: int) -> File | Folder:
        if not flags & os.O_CREAT:
            return disk.find(path)
        folder, name = disk.place(path)
        if name in folder.entries:
            if flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            return folder.entries[name]
        disk.begin("name", disk.area_of(path))
        if disk.is_full_for(disk.area_of(path)):
            disk.refuse_room()
        file = File(disk.area_of(path))
        folder.change(**{name: file})
        return file

    def stat(self, path: object, **rest: object) -> object:
        disk = disk_of(path)
        return os.stat(path, **rest) if disk is None else _status(disk.find(os.fspath(path)))

    def mkdir(self, path: object, mode: int = 0o777, **rest: object) -> None:
        disk = disk_of(path)
        if disk is None:
            os.mkdir(path, mode, **rest)
            return
        folder, name = disk.place(os.fspath(path))
        if name in folder.entries:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
        disk.begin("name", "")
        folder.change(**{name: Folder()})

    def rename(self, source: object, target: object, **rest: object) -> None:
        disk = disk_of(source)
        if disk is None:
            os.rename(source, target, **rest)
            return
        node = disk.find(os.fspath(source))
        (old, before), (new, after) = disk.place(os.fspath(source)), disk.place(os.fspath(target))
        disk.begin("name", "")
        if old is new:
            old.change(**{before: None, after: node})
        else:
            new.change(**{after: node})
            old.change(**{before: None})

    replace = rename

    def link(self, source: object, target: object, **rest: object) -> None:
        disk = disk_of(source)
        if disk is None:
            os.link(source, target, **rest)
            return
        folder, name = disk.place(os.fspath(target))
        disk.begin("name", "")
        folder.change(**{name: disk.find(os.fspath(source))})

    def unlink(self, path: object, **rest: object) -> None:
        disk = disk_of(path)
        if disk is None:
            os.unlink(path, **rest)
            return
        folder, name = disk.place(os.fspath(path))
        disk.find(os.fspath(path))
        disk.begin("name", "")
        folder.change(**{name: None})

    remove = rmdir = unlink

    def listdir(self, path: object = ".") -> list[str]:
        disk = disk_of(path)
        return os.listdir(path) if disk is None else sorted(disk.find(os.fspath(path)).entries)

    def statvfs(self, path: object) -> object:
        disk = disk_of(path)
        if disk is None:
            return os.statvfs(path)
        free = 0 if disk.trouble.is_full or disk.trouble.is_brimming else disk.size_bytes // 2 // 4096
        return SimpleNamespace(
            f_frsize=4096, f_bsize=4096, f_blocks=disk.size_bytes // 4096, f_bavail=free, f_bfree=free
        )

    # --- by file number

    def _handle(self, fd: int) -> _Handle | None:
        if fd < FIRST_FD:
            return None
        handle = self._handles.get(fd)
        if handle is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if handle.life != handle.disk.life or not handle.disk.is_on:
            raise PowerCut
        return handle

    def close(self, fd: int) -> None:
        if fd < FIRST_FD:
            os.close(fd)
        else:
            self._handles.pop(fd, None)

    def fstat(self, fd: int) -> object:
        handle = self._handle(fd)
        return os.fstat(fd) if handle is None else _status(handle.node)

    def write(self, fd: int, data: bytes) -> int:
        handle = self._handle(fd)
        if handle is None:
            return os.write(fd, data)
        offset = handle.node.cached.size if handle.is_append else handle.at
        count = handle.disk.grow(handle.node, offset, bytes(data))
        handle.at = offset + count
        return count

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        handle = self._handle(fd)
        return os.pwrite(fd, data, offset) if handle is None else handle.disk.grow(handle.node, offset, bytes(data))

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, flags: int = 0) -> int:
        if fd < FIRST_FD:
            return os.pwritev(fd, buffers, offset, flags)
        return self.pwrite(fd, b"".join(buffers), offset)

    def read(self, fd: int, count: int) -> bytes:
        handle = self._handle(fd)
        if handle is None:
            return os.read(fd, count)
        found = self.pread(fd, count, handle.at)
        handle.at += len(found)
        return found

    def pread(self, fd: int, count: int, offset: int) -> bytes:
        handle = self._handle(fd)
        if handle is None:
            return os.pread(fd, count, offset)
        handle.disk.begin("read", handle.node.area)
        return handle.node.cached.read(offset, count)

    def preadv(self, fd: int, buffers: Sequence[bytearray], offset: int, flags: int = 0) -> int:
        handle = self._handle(fd)
        if handle is None:
            return os.preadv(fd, buffers, offset, flags)
        if flags and handle.disk.dice.random() < 0.3:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        total = 0
        for buffer in buffers:
            found = self.pread(fd, len(buffer), offset + total)
            memoryview(buffer)[: len(found)] = found
            total += len(found)
        return total

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        handle = self._handle(fd)
        if handle is None:
            return os.lseek(fd, offset, whence)
        start = {os.SEEK_SET: 0, os.SEEK_CUR: handle.at, os.SEEK_END: handle.node.cached.size}[whence]
        handle.at = start + offset
        return handle.at

    def fsync(self, fd: int) -> None:
        handle = self._handle(fd)
        if handle is None:
            os.fsync(fd)
        else:
            handle.disk.sync(handle.node)

    def fdatasync(self, fd: int) -> None:
        self.fsync(fd)

    def ftruncate(self, fd: int, size: int) -> None:
        handle = self._handle(fd)
        if handle is None:
            os.ftruncate(fd, size)
            return
        handle.disk.begin("write", handle.node.area)
        handle.node.change(("size", size, 0))

    def posix_fallocate(self, fd: int, offset: int, size: int) -> None:
        handle = self._handle(fd)
        if handle is None:
            os.posix_fallocate(fd, offset, size)
            return
        handle.disk.begin("write", handle.node.area)
        if offset + size > handle.node.cached.size:
            if handle.disk.is_full_for(handle.node.area):
                handle.disk.refuse_room()
            handle.node.change(("size", offset + size, 0))

    def punch(self, fd: int, offset: int, size: int) -> None:
        """`blobs.punch.punch_hole`, which asks the C library."""
        handle = self._handle(fd)
        assert handle is not None, "only simulated volumes are punched here"
        handle.disk.begin("write", handle.node.area)
        handle.node.change(("punch", offset, size))

    def posix_fadvise(self, fd: int, offset: int, size: int, advice: int) -> None:
        if self._handle(fd) is None:
            os.posix_fadvise(fd, offset, size, advice)

    def fchmod(self, fd: int, mode: int) -> None:
        if self._handle(fd) is None:
            os.fchmod(fd, mode)


def _status(node: object) -> object:
    is_folder = isinstance(node, Folder)
    size = node.cached.size if isinstance(node, File) else 0
    mode = stat.S_IFDIR | 0o700 if is_folder else stat.S_IFREG | 0o600
    return SimpleNamespace(
        st_size=size, st_mode=mode, st_mtime=0.0, st_blocks=-(-size // 512), st_ino=id(node), st_dev=1
    )


OS = SimulatedOs()


class SimulatedPath(type(Path())):
    """A path below `/simulated`."""

    __slots__ = ()

    def stat(self, *, follow_symlinks: bool = True) -> object:
        return OS.stat(self)

    def exists(self) -> bool:
        try:
            OS.stat(self)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_dir(self) -> bool:
        return self.exists() and stat.S_ISDIR(OS.stat(self).st_mode)

    def is_file(self) -> bool:
        return self.exists() and not self.is_dir()

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if self.exists():
            if not exist_ok:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))
            return
        if parents and not self.parent.exists():
            self.parent.mkdir(parents=True, exist_ok=True)
        OS.mkdir(self)

    def iterdir(self) -> Iterator["SimulatedPath"]:
        return iter([self / name for name in OS.listdir(self)])

    def glob(self, pattern: str) -> Iterator["SimulatedPath"]:
        if not self.exists():
            return iter(())
        return iter([self / name for name in OS.listdir(self) if fnmatch.fnmatchcase(name, pattern)])

    def rglob(self, pattern: str) -> Iterator["SimulatedPath"]:
        for path in self.iterdir():
            if fnmatch.fnmatchcase(path.name, pattern):
                yield path
            if path.is_dir():
                yield from path.rglob(pattern)

    def read_bytes(self) -> bytes:
        fd = OS.open(self, os.O_RDONLY)
        try:
            return OS.pread(fd, OS.fstat(fd).st_size, 0)
        finally:
            OS.close(fd)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8")

    def write_bytes(self, data: bytes) -> int:
        fd = OS.open(self, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            return OS.write(fd, data)
        finally:
            OS.close(fd)

    def write_text(
        self, data: str, encoding: str | None = None, errors: str | None = None, newline: str | None = None
    ) -> int:
        return self.write_bytes(data.encode(encoding or "utf-8"))

    def open(self, mode: str = "r", *_: object, **__: object) -> io.BytesIO:
        assert mode == "rb", f"a simulated file is opened for {mode}: only reading bytes is built"
        return io.BytesIO(self.read_bytes())

    def touch(self, mode: int = 0o666, exist_ok: bool = True) -> None:
        OS.close(OS.open(self, os.O_WRONLY | os.O_CREAT))

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            OS.unlink(self)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rmdir(self) -> None:
        OS.rmdir(self)

    def chmod(self, mode: int, *, follow_symlinks: bool = True) -> None:
        return

    def rename(self, target: object) -> "SimulatedPath":
        OS.rename(self, target)
        return SimulatedPath(target)

    replace = rename


class SimulatedShutil:
    def __getattr__(self, name: str) -> object:
        return getattr(shutil, name)

    def rmtree(self, path: object, *rest: object, **options: object) -> None:
        if disk_of(path) is None:
            shutil.rmtree(path, *rest, **options)
            return
        if isinstance(disk_of(path).find(os.fspath(path)), Folder):
            for name in OS.listdir(path):
                self.rmtree(SimulatedPath(path) / name)
        OS.unlink(path)

    def disk_usage(self, path: object) -> object:
        disk = disk_of(path)
        return shutil.disk_usage(path) if disk is None else SimpleNamespace(total=disk.size_bytes)
