"""Which directory holds the registry's rows.        Floor: driver. Called by: generations, node.

`registry/GENERATION` names one directory beside it, `g-<number>`: the store that counts. Law: that file is replaced in
one step and is on disk before anything relies on it; whatever else carries a name of ours is a leftover of a crash and
is removed at open. A store that an earlier release kept directly in `registry/` is adopted by hard links, whole or not
at all.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.consensus.disk import sync_directory
from mys3d.consensus.store_faults import StoreDamaged

FILE_NAME: Final = "GENERATION"
INCOMING_PREFIX: Final = "incoming-"  # a snapshot that is being received
CHECKPOINT_PREFIX: Final = "checkpoint-"  # a frozen copy that is being sent
_NEW_FILE_NAME: Final = FILE_NAME + ".new"
_HEAD: Final = "mys3d registry 1 "  # format 1, then the name
_ROCKSDB_FILE: Final = "CURRENT"  # the file that RocksDB opens first
_GENERATION: Final = re.compile(r"g-(\d{8})")
_ROCKSDB_FILES: Final = re.compile(
    r"CURRENT|IDENTITY|LOCK|LOG(\.old\.\d+)?|(MANIFEST|OPTIONS)-\d+(\.dbtmp)?|\d+\.(sst|log|dbtmp)|rocksdict-config\.json"
)


@dataclass(frozen=True, slots=True)
class GenerationFiles:
    """The directories of one registry path."""

    path: Path

    def open(self) -> str:
        """Return the name of the generation that counts, adopted or new, and remove leftovers.

        Raises StoreDamaged. The directory itself may be missing: then the store in it was lost, or never made.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        sync_directory(self.path.parent)
        name = self.current() or self._begin()
        others = self._generations()
        if others and name not in others:
            raise StoreDamaged(f"{self.path / FILE_NAME} names {name}, but {', '.join(others)} is there")
        self._remove_leftovers(name)
        return name

    def current(self) -> str | None:
        """What GENERATION says, None without one. Raises StoreDamaged."""
        file = self.path / FILE_NAME
        if not file.exists():
            return None
        text = file.read_bytes().decode("latin-1")  # any byte: one of them may have rotted
        name = text.removeprefix(_HEAD).removesuffix("\n")
        if not text.startswith(_HEAD) or _GENERATION.fullmatch(name) is None:
            raise StoreDamaged(f"{file}: expected {_HEAD}g-NUMBER, found {text[:80]!r}")
        return name

    def _generations(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir() if _GENERATION.fullmatch(entry.name))

    def directory(self, name: str) -> Path:
        return self.path / name

    def next_name(self) -> str:
        """A name that no generation here has had while GENERATION knew it."""
        numbers = [int(found[1]) for entry in self.path.iterdir() if (found := _GENERATION.fullmatch(entry.name))]
        return f"g-{max(numbers, default=0) + 1:08d}"

    def promote(self, source: Path, name: str) -> Path:
        """Give a complete, synced directory the name of a generation. It does not count yet."""
        target = self.directory(name)
        source.rename(target)
        sync_directory(self.path)
        return target

    def switch(self, name: str) -> None:
        """From here on `name` counts, whatever crashes."""
        new = self.path / _NEW_FILE_NAME
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            data = f"{_HEAD}{name}\n".encode()
            written = os.write(file, data)
            assert written == len(data), f"wrote {written} of {len(data)} bytes to {new}"
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(new, self.path / FILE_NAME)
        sync_directory(self.path)

    def remove(self, directory: Path) -> None:
        """Remove a directory that does not count. Raises OSError: some of it is left, ask again."""
        remove_files(directory, os.listdir(directory))
        directory.rmdir()

    def _begin(self) -> str:
        """There is no GENERATION: adopt a store of the earlier layout, else name the first generation."""
        found = self._generations()
        if not (self.path / _ROCKSDB_FILE).exists():
            if found:
                raise StoreDamaged(f"{self.path / FILE_NAME} is missing, but {', '.join(found)} is there")
            name = self.next_name()
            self.switch(name)
            return name
        for leftover in found:  # an adoption that was cut short
            self.remove(self.directory(leftover))
        name = self.next_name()
        self._adopt(self.directory(name))
        self.switch(name)
        return name

    def _adopt(self, directory: Path) -> None:
        directory.mkdir()
        for entry in sorted(self.path.iterdir()):
            if _ROCKSDB_FILES.fullmatch(entry.name):
                os.link(entry, directory / entry.name)
        sync_directory(directory)
        sync_directory(self.path)

    def _remove_leftovers(self, name: str) -> None:
        """Everything of ours but the store that counts; files here are those of an adopted store."""
        for entry in sorted(self.path.iterdir()):
            if entry.name == name:
                continue
            if _GENERATION.fullmatch(entry.name) or entry.name.startswith((INCOMING_PREFIX, CHECKPOINT_PREFIX)):
                self.remove(entry)
            elif entry.name == _NEW_FILE_NAME or _ROCKSDB_FILES.fullmatch(entry.name):
                entry.unlink()


def remove_files(directory: Path, names: Iterable[str]) -> None:
    """Remove files of a store. One that was closed a moment ago may still remove some of them itself."""
    for name in names:
        with suppress(FileNotFoundError):
            (directory / name).unlink()
