"""The disk of one simulated node: files, folders, and what a power cut leaves of them.        Floor: tests.

Called by: machine, rocks, node. Law: what was synced survives everything but rot; of the rest a kill keeps all (the
page cache lives on) and a power cut a seeded part, in sectors. A name survives when its folder was synced, not its
file. After a failed sync the bytes look written and clean, and are not on the disk: only writing them again helps.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

SECTOR_BYTES = 512
SYNC_SECONDS = 0.002  # mean of one sync
Change = tuple[str, int, bytes | int]  # ("write", offset, data), ("size", bytes, 0), ("punch", offset, length)


class PowerCut(BaseException):
    """The node is dead: this call never returned."""


class Content:
    """Bytes of a file; what lies between `data` and `size` reads as zeros."""

    __slots__ = ("data", "size")

    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0

    def apply(self, change: Change) -> None:
        kind, at, what = change
        if kind == "size":  # cut, or set room aside
            del self.data[at:]
            self.size = at
            return
        length = what if kind == "punch" else len(what)
        if len(self.data) < at:
            self.data += bytes(at - len(self.data))
        self.data[at : at + length] = bytes(length) if kind == "punch" else what
        self.size = max(self.size, at + length)

    def read(self, offset: int, count: int) -> bytes:
        stop = min(offset + count, self.size)
        if stop <= offset:
            return b""
        found = bytes(self.data[offset:stop])
        return found + bytes(stop - offset - len(found))

    def copy(self) -> "Content":
        other = Content()
        other.data[:], other.size = self.data, self.size
        return other


class File:
    """One file: what a reader sees, what is on the disk, and the changes between the two."""

    __slots__ = ("area", "cached", "durable", "pending")

    def __init__(self, area: str) -> None:
        self.area = area  # the first folder below the node's data: journal, registry, blobs
        self.cached = Content()
        self.durable = Content()
        self.pending: list[Change] = []

    def change(self, change: Change) -> None:
        self.cached.apply(change)
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            self.durable.apply(change)
        self.pending.clear()

    def fail_sync(self, dice: Random) -> None:
        """The kernel reports the error once and marks the pages clean."""
        for change in self.pending[: dice.randint(0, len(self.pending))]:
            self.durable.apply(change)
        self.pending.clear()

    def rot(self, at: int, mask: int) -> None:
        """Flip bits, on the disk and in memory."""
        for content in (self.cached, self.durable):
            if at < len(content.data):
                content.data[at] ^= mask

    def lose_power(self, dice: Random) -> None:
        how = dice.choice(("nothing", "prefix", "sectors"))
        kept = [] if how == "nothing" else self.pending
        if how == "prefix" and kept:
            kept = kept[: dice.randint(0, len(kept))]
            if kept and kept[-1][0] == "write":
                kept[-1] = _torn(kept[-1], dice)
        for change in kept:
            if how == "sectors" and change[0] == "write":
                for sector in _sectors(change, dice):
                    self.durable.apply(sector)
            else:
                self.durable.apply(change)
        self.pending = []
        self.cached = self.durable.copy()


def _torn(change: Change, dice: Random) -> Change:
    data = change[2]
    return "write", change[1], data[: dice.randint(0, len(data))]


def _sectors(change: Change, dice: Random) -> Iterator[Change]:
    """Some sectors of one write, each with its own luck."""
    _, offset, data = change
    at = 0
    while at < len(data):
        stop = min(len(data), at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES)
        if dice.random() < 0.5:
            yield "write", offset + at, data[at:stop]
        at = stop


class Folder:
    """Names. A change of names is durable once the folder was synced."""

    __slots__ = ("durable", "entries", "pending")

    def __init__(self) -> None:
        self.entries: dict[str, object] = {}
        self.durable: dict[str, object] = {}
        self.pending: list[dict[str, object | None]] = []  # None: the name is gone

    def change(self, **names: object | None) -> None:
        self.pending.append(names)
        _rename(self.entries, names)

    def sync(self) -> None:
        for names in self.pending:
            _rename(self.durable, names)
        self.pending.clear()

    def lose_power(self, dice: Random) -> None:
        if dice.random() < 0.5:  # a file system with a log keeps a prefix of what happened, others anything
            self.pending = self.pending[: dice.randint(0, len(self.pending))]
        else:
            self.pending = [names for names in self.pending if dice.random() < 0.5]
        self.sync()
        self.entries = dict(self.durable)


def _rename(entries: dict[str, object], names: dict[str, object | None]) -> None:
    for name, node in names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


@dataclass
class Trouble:
    """What is wrong with a disk at present. The storm sets and clears it."""

    failing: dict[tuple[str, str], float] = field(default_factory=dict)  # (write|sync|read, area) -> chance of EIO
    is_full: bool = False  # below the reserve: blobs find no room, journal and registry do
    is_brimming: bool = False  # nobody finds any
    sync_seconds: float = SYNC_SECONDS
    calls_left: int | None = None  # until the power fails in the middle of a call; None: it does not
    calls_area: str = ""  # which calls count; empty: all of them


class Disk:
    """Everything one node has stored, from `root` on."""

    def __init__(self, root: str, dice: Random, size_bytes: int = 1 << 40) -> None:
        self.root = root
        self.dice = dice
        self.size_bytes = size_bytes
        self.trouble = Trouble()
        self.life = 0  # which boot is running; handles of earlier ones are void
        self.is_on = True
        self.owed_seconds = 0.0  # what the syncs of the running call take
        self.failures_count = 0  # I/O errors that were reported
        self.on_power_cut: Callable[[], None] = lambda: None
        self.top = Folder()
        self.flush_chance = 0.0  # that a write of rows is followed by a flush of all of them

    # --- lives

    def boot(self) -> None:
        self.life += 1
        self.is_on = True
        self.owed_seconds = 0.0
        self.trouble.calls_left, self.trouble.calls_area = None, ""

    def kill(self) -> None:
        """The process is gone, the machine is not: what it wrote stays, what only it remembered does not."""
        self.is_on = False
        for node in self._nodes(self.top, lambda folder: folder.entries):
            if not isinstance(node, File | Folder):
                node.lose_memory(self.dice)

    def lose_power(self) -> None:
        self.is_on = False
        self.top.lose_power(self.dice)
        for node in list(self._nodes(self.top, self._after_power_cut)):
            if isinstance(node, File):
                node.lose_power(self.dice)
            elif not isinstance(node, Folder):
                node.lose_memory(self.dice)

    def _after_power_cut(self, folder: Folder) -> dict[str, object]:
        if folder is not self.top:
            folder.lose_power(self.dice)
        return folder.entries

    def _nodes(self, folder: Folder, entries: Callable[[Folder], dict[str, object]]) -> Iterator[object]:
        for _, node in sorted(entries(folder).items()):
            yield node
            if isinstance(node, Folder):
                yield from self._nodes(node, entries)

    # --- calls

    def begin(self, kind: str, area: str) -> None:
        """Every call that reaches the disk comes through here. Raises OSError (EIO), PowerCut."""
        if not self.is_on:
            raise PowerCut
        if kind != "read" and self._is_last_call(area):
            self.on_power_cut()
            raise PowerCut
        self._fail(kind, area)

    def _fail(self, kind: str, area: str) -> None:
        if not self.is_on:
            raise PowerCut
        chance = self.trouble.failing.get((kind, area), 0.0)
        if chance and self.dice.random() < chance:
            self.failures_count += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _is_last_call(self, area: str) -> bool:
        trouble = self.trouble
        if trouble.calls_left is None or trouble.calls_area not in ("", area):
            return False
        trouble.calls_left -= 1
        if trouble.calls_left > 0:
            return False
        trouble.calls_left = None
        return True

    def sync(self, node: File | Folder) -> None:
        area = node.area if isinstance(node, File) else ""
        self.owed_seconds += self.dice.expovariate(1 / self.trouble.sync_seconds)
        try:
            self.begin("sync", area)
        except OSError:
            assert isinstance(node, File), "errors are injected by area, and folders have none"
            node.fail_sync(self.dice)
            raise
        node.sync()

    def grow(self, file: File, offset: int, data: bytes) -> int:
        """Write; returns how many bytes, like the kernel. Raises OSError, PowerCut (after a part was written)."""
        if self.is_on and self._is_last_call(file.area):
            file.change(_torn(("write", offset, data), self.dice))
            self.on_power_cut()
            raise PowerCut
        self._fail("write", file.area)
        if self.is_full_for(file.area) and offset + len(data) > file.cached.size:
            room = max(0, file.cached.size - offset)
            if room == 0:
                self.refuse_room()
            data = data[:room]
        file.change(("write", offset, bytes(data)))
        return len(data)

    def is_full_for(self, area: str) -> bool:
        return self.trouble.is_brimming or (self.trouble.is_full and area == "blobs")

    def refuse_room(self) -> None:
        self.failures_count += 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # --- names

    def find(self, path: str) -> object:
        """Raises FileNotFoundError, NotADirectoryError."""
        if not self.is_on:
            raise PowerCut
        return self.look(path)

    def look(self, path: str) -> object:
        """The same for whoever looks at a disk from outside, its node up or down."""
        node: object = self.top
        for name in path[len(self.root) :].split("/"):
            if not name:
                continue
            if not isinstance(node, Folder):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            if name not in node.entries:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            node = node.entries[name]
        return node

    def place(self, path: str) -> tuple[Folder, str]:
        """The folder a name is or would be in."""
        parent, _, name = path.rstrip("/").rpartition("/")
        folder = self.find(parent)
        if not isinstance(folder, Folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return folder, name

    def area_of(self, path: str) -> str:
        parts = [part for part in path[len(self.root) :].split("/") if part]
        return parts[1].partition("-")[0] if len(parts) > 2 else "data"

    def files(self, area: str) -> list[File]:
        """All files of one area, in the order of their names."""
        return [
            node for node in self._nodes(self.top, lambda f: f.entries) if isinstance(node, File) and node.area == area
        ]
