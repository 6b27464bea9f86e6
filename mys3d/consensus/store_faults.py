"""What RocksDB's complaints mean.        Floor: driver (pure). Called by: store, store_readers, quarantine.

Law: three answers and no fourth. The store asks for time, or the machine refuses something (space, permission, files):
Unavailable, nothing is lost, ask again. Everything else is damage: StoreDamaged, and no row is believed from then on.
rocksdict 0.3.29 raises the bare class Exception for all of it, so the text decides (docs/decisions/0009); an exception
of any other class is a fault of our own code and none of the store.
"""

from pathlib import Path
from typing import Final

from rocksdict import DbClosedError

from mys3d.errors import Unavailable

STALLED: Final = "Result incomplete"  # no_slowdown: "Result incomplete: Write stall"
FULL: Final = "No space left on device"
_REFUSALS: Final = {  # what the machine refuses, and what an operator can do about it
    "lock hold by current process": "this process has it open already",
    "While lock file": "another process runs on it: stop that one first",
    "Permission denied": "give this user the right to read and write it",
    "Read-only file system": "mount its file system for writing",
    "Too many open files": "raise the limit of open files (ulimit -n) of this process",
    "DB instance already closed": "this node is stopping",
}


class StoreDamaged(Unavailable):
    """The rows of this node cannot be believed: others must answer until they are made anew."""


def is_of_rocksdb(error: Exception) -> bool:
    """True when rocksdict reports something of RocksDB, and not a misuse or a fault of our own."""
    return type(error) is Exception or isinstance(error, DbClosedError)


def fault_of(error: Exception, path: Path) -> Unavailable:
    """Translate what RocksDB raised for the store at `path`."""
    text = str(error).strip()
    if text.startswith(STALLED):
        return Unavailable(f"the registry in {path} asks for time: {text}")
    if FULL in text:
        advice = "free some space: this node goes on by itself"
        return Unavailable(f"the disk of the registry in {path} is full: {advice}")
    for sign, advice in _REFUSALS.items():
        if sign in text:
            return Unavailable(f"the registry in {path} is not usable: {advice} ({text})")
    return StoreDamaged(f"the registry in {path} is damaged: {text or type(error).__name__}")


class Faults:
    """Where every complaint of one store is translated; the first damage is kept for good."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.damage: StoreDamaged | None = None

    def told(self, error: Exception) -> Unavailable:
        """What `error` means: raise it from the error. Raises `error` itself when RocksDB did not report it."""
        if isinstance(error, Unavailable):
            fault = error
        elif is_of_rocksdb(error):
            fault = fault_of(error, self.path)
        else:
            raise error
        if isinstance(fault, StoreDamaged) and self.damage is None:
            self.damage = StoreDamaged(
                str(fault)
            )  # another one: a traceback would keep iterators, and so the store, open
        return fault

    def refuse_when_damaged(self) -> None:
        if self.damage is not None:
            raise StoreDamaged(str(self.damage))
