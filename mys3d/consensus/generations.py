"""The registry's store through all its generations.        Floor: driver. Called by: consensus, node.

One store counts at a time; a snapshot is received beside it and takes its place in one step. Law: rows that were read
from a generation stay readable until the last scan of it has ended; a generation that was not complete, on disk, and
read through once never counts.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from mys3d import limits
from mys3d.consensus.disk import sync_directory
from mys3d.consensus.generation_files import CHECKPOINT_PREFIX, INCOMING_PREFIX, GenerationFiles
from mys3d.consensus.snapshot import SnapshotUnusable
from mys3d.consensus.store import RocksStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.consensus.store_readers import LiveReader, SnapshotReader
from mys3d.errors import Unavailable
from mys3d.ports import SnapshotFile

log = structlog.get_logger("mys3d.consensus")


def free_bytes(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


class GenerationStore:
    """An open store that can be replaced. Implements applier.Store and snapshot.SnapshotStore.

    Written by one task; `snapshot` may be read in any thread. Methods that say so wait for the disk: call them in a
    thread, one at a time.
    """

    def __init__(self, path: Path, free_bytes: Callable[[Path], int] = free_bytes) -> None:
        """Open or create the store that counts at `path`. Raises StoreDamaged, Unavailable (the machine refuses)."""
        self._files: Final = GenerationFiles(path)
        self._free_bytes: Final = free_bytes
        self.generation = self._files.open()
        self._store = RocksStore(self._files.directory(self.generation))
        sync_directory(path)  # RocksDB syncs what is in a directory that it made, and not the directory's own name
        self._disk = threading.Lock()  # held by whatever must not meet a store that is being closed
        self._scans: dict[RocksStore, int] = {}
        self._retired: list[tuple[RocksStore, Path]] = []
        self._closed: list[Path] = []  # to be removed
        self._received: dict[str, RocksStore] = {}  # open, complete, and not adopted
        self._checkpoints_count = 0
        self._incoming_count = 0

    # --- applier.Store

    @property
    def damage(self) -> StoreDamaged | None:
        """Why the store that counts is not believed any more. None: it is."""
        return self._store.damage

    def reader(self) -> LiveReader:
        """The rows as they are at each call. Valid until the next await."""
        return self._store.reader()

    @contextmanager
    def snapshot(self) -> Iterator[SnapshotReader]:
        """The rows as they are now, for any thread, even when the store is replaced meanwhile. Close it soon."""
        store = self._store
        self._scans[store] = self._scans.get(store, 0) + 1
        try:
            with store.snapshot() as reader:
                yield reader
        finally:
            self._scans[store] -= 1
            if not self._scans[store]:
                del self._scans[store]

    def write(self, writes: Iterable[tuple[bytes, bytes | None]]) -> None:
        self._store.write(writes)

    @property
    def listed_deletes_count(self) -> int:
        """How many of the rows that lists walk were removed since the last flush."""
        return self._store.listed_deletes_count

    def flush(self) -> None:
        """Return once everything written is on disk. For a thread. Raises Unavailable."""
        with self._disk:
            self._store.flush()

    def close(self) -> None:
        """For a thread."""
        self.clean()
        for store in (*self._received.values(), *(store for store, _ in self._retired), self._store):
            store.close()
        self._received.clear()

    # --- snapshot.SnapshotStore

    def export(self) -> "Checkpoint":
        """Freeze a copy out of hard links, flushed. Raises Unavailable. For a thread."""
        _, path = self._copied(lambda store, path: store.checkpoint(path))
        return Checkpoint(path)

    def prove(self) -> None:
        """Read all rows that count again from the disk, past every cache. For a thread, at any time.

        Raises StoreDamaged, Unavailable.
        """
        store, path = self._copied(lambda store, path: store.freeze(path))
        try:
            store.read_back(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _copied(self, copy: Callable[[RocksStore, Path], None]) -> tuple[RocksStore, Path]:
        """Have the store that counts copied to a path that no copy has had in this life; return both."""
        with self._disk:
            self._checkpoints_count += 1
            path = self._files.path / f"{CHECKPOINT_PREFIX}{self._checkpoints_count}"
            try:
                copy(self._store, path)
            except Unavailable:
                shutil.rmtree(path, ignore_errors=True)
                raise
            return self._store, path

    def receive(self, files: tuple[SnapshotFile, ...]) -> "Incoming":
        """Begin to receive a snapshot of these files. For a thread. Raises Unavailable: there is no room for it."""
        wanted = sum(file.length for file in files) + limits.snapshot_reserve_bytes
        free = self._free_bytes(self._files.path)
        if free < wanted:
            advice = f"{wanted} bytes must be free for it: it is fetched as soon as they are"
            raise Unavailable(f"the disk of {self._files.path} has {free} bytes left for a snapshot, {advice}")
        self._incoming_count += 1
        path = self._files.path / f"{INCOMING_PREFIX}{self._incoming_count}"
        path.mkdir()
        return Incoming(path, self._files, files, self._received)

    def switch(self, generation: str) -> None:
        """From here on `generation` counts at the next start; `adopt` shows its rows. For a thread."""
        self._files.switch(generation)

    def adopt(self, generation: str) -> None:
        """Show the rows of a generation that was received and switched to. Never waits."""
        self._retired.append((self._store, self._files.directory(self.generation)))
        self._store = self._received.pop(generation)
        self.generation = generation

    def clean(self) -> None:
        """Close and remove replaced generations that nobody reads any more. For a thread."""
        with self._disk:
            for item in [item for item in self._retired if item[0] not in self._scans]:
                self._retired.remove(item)
                item[0].close()
                self._closed.append(item[1])
            self._closed = [path for path in self._closed if not self._is_removed(path)]

    def _is_removed(self, path: Path) -> bool:
        """What cannot be removed now is tried again, at the latest by the next start: no reason for a node to end."""
        try:
            self._files.remove(path)
        except OSError as error:
            log.warning("a replaced registry is not removed yet", path=str(path), why=str(error))
            return False
        return True


class Checkpoint:
    """A frozen copy of a store, as files. Every method waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        names = sorted(entry.name for entry in path.iterdir())
        self.files: Final = tuple(SnapshotFile(name, (path / name).stat().st_size) for name in names)

    def read(self, file: int, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of one file, fewer at its end."""
        opened = os.open(self._path / self.files[file].name, os.O_RDONLY)
        try:
            return os.pread(opened, stop - start, start)
        finally:
            os.close(opened)

    def close(self) -> None:
        """Remove it."""
        GenerationFiles(self._path.parent).remove(self._path)


class Received:
    """A generation that is complete, on disk and read through, and does not count yet."""

    def __init__(self, generation: str, files: GenerationFiles, received: dict[str, RocksStore]) -> None:
        self.generation: Final = generation
        self._files: Final = files
        self._received: Final = received

    @property
    def reader(self) -> LiveReader:
        return self._received[self.generation].reader()

    def abandon(self) -> None:
        """Remove it. For a thread."""
        self._received.pop(self.generation).close()
        self._files.remove(self._files.directory(self.generation))


class Incoming:
    """A snapshot on its way into a directory of its own. Every method waits for the disk."""

    def __init__(
        self, path: Path, files: GenerationFiles, expected: tuple[SnapshotFile, ...], received: dict[str, RocksStore]
    ) -> None:
        self._path: Final = path
        self._files: Final = files
        self._expected: Final = expected
        self._received: Final = received

    def write(self, file: int, start: int, data: bytes) -> None:
        """Put bytes where they belong; writing the same again changes nothing."""
        opened = os.open(self._path / self._expected[file].name, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while data:
                written = os.pwrite(opened, data, start)
                data, start = data[written:], start + written
        finally:
            os.close(opened)

    def finish(self) -> Received:
        """Make it durable, give it a name, read every row once. Raises SnapshotUnusable, and the copy is removed."""
        for file in self._expected:
            self._sync(file)
        sync_directory(self._path)
        name = self._files.next_name()
        path = self._files.promote(self._path, name)
        try:
            self._received[name] = _read_through(path)
        except Unavailable as error:
            self._files.remove(path)
            raise SnapshotUnusable(f"the snapshot received as {path} cannot be read: {error}") from error
        return Received(name, self._files, self._received)

    def abandon(self) -> None:
        """Remove what has arrived."""
        shutil.rmtree(self._path, ignore_errors=True)  # `finish` may have removed it

    def _sync(self, file: SnapshotFile) -> None:
        opened = os.open(self._path / file.name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            length = os.fstat(opened).st_size
            if length != file.length:
                raise SnapshotUnusable(f"{self._path / file.name}: expected {file.length} bytes, found {length}")
            os.fsync(opened)
        finally:
            os.close(opened)


def _read_through(path: Path) -> RocksStore:
    """Open a store and read every row: each block's checksum is verified, and damage raises."""
    store = RocksStore(path)
    try:
        store.read_through()
        store.flush()
    except BaseException:
        store.close()
        raise
    return store
