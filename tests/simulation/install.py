"""Put the simulated machine under the product, for as long as a run lasts.        Floor: tests. Called by: run.

Law: the product's code runs unchanged; only names that lead to the outside world (disks, threads, clocks, chance,
sockets) and bounds that would make a short run pointless are exchanged, and all of them are put back.
"""

import fcntl
import importlib
import os
import pkgutil
import secrets
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import ModuleType

import rocksdict
import trio
from trio._core import _run

import mys3d
from mys3d import limits
from mys3d.blobs import volume
from mys3d.blobs.committer import Committer
from mys3d.blobs.index import Index
from mys3d.blobs.store import BlobStore
from mys3d.consensus import store
from mys3d.consensus.disk import FileDisk, Loaded, Work
from mys3d.model.digest import Digest
from mys3d.model.names import GcEpoch
from mys3d.node import life, rebirth
from mys3d.peers import identity as identities
from tests.simulation import machine, partitions, rocks, threads
from tests.simulation.threads import HERE

LIMITS = {  # small bodies go through every path of large ones
    "partitions_count": partitions.COUNT,
    "blob_bytes_max": 16 * limits.KIB,
    "inline_blobs_max": 3,
    "extent_blobs_max": 4,
    "volume_bytes_min": 128 * limits.KIB,
    "volume_bytes_max": 128 * limits.KIB,
    "punch_bytes_min": 1 * limits.KIB,
    "punches_waiting_max": 100,
    "buffer_budget_bytes": 1 * limits.MIB,
    "reap_grace_ms": 4_000,
    "reap_tick_seconds": 1.0,
    "staged_lifetime_ms": 20_000,
    "scrub_cycle_ms": 20_000,
    "scrub_step_bytes": 64 * limits.KIB,
    "scrub_checkpoint_seconds": 3.0,
    "compaction_pause_seconds": 4.0,
    "compaction_step_bytes": 32 * limits.KIB,
    "reclaim_seconds": 2.0,
    "gc_look_seconds_max": 0.5,  # a first start looks before it knows how short a period is
}
PACKAGES = ("blobs", "consensus", "engine", "node", "operations", "peers")


class SeededSecrets:
    """Module `secrets`, from the dice of the node that asks."""

    def token_bytes(self, size: int) -> bytes:
        return HERE.get().dice.randbytes(size)

    def token_hex(self, size: int) -> str:
        return self.token_bytes(size).hex()


class FreeLocks:
    """Module `fcntl`: the lock of a process ends with it, so a simulated file is never locked."""

    def __getattr__(self, name: str) -> object:
        return getattr(fcntl, name)

    def flock(self, fd: int, operation: int) -> None:
        if fd < machine.FIRST_FD:
            fcntl.flock(fd, operation)


@dataclass(frozen=True, slots=True)
class SimulatedCalls(volume.DiskCalls):
    """`blobs.volume.DiskCalls` on a simulated disk."""

    write: object = machine.OS.pwritev
    sync: object = machine.OS.fdatasync
    allocate: object = machine.OS.posix_fallocate
    punch: object = machine.OS.punch
    unlink: object = machine.OS.unlink


@dataclass
class Patches:
    """What was exchanged, to be put back in reverse order."""

    done: list[tuple[object, str, object]] = field(default_factory=list)

    def set(self, holder: object, name: str, value: object) -> None:
        self.done.append((holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    def undo(self) -> None:
        while self.done:
            holder, name, value = self.done.pop()
            setattr(holder, name, value)


@contextmanager
def installed(seed: int, outside: dict[str, object]) -> Iterator[Patches]:
    """`outside` replaces names of `node.life`: network, clock, chance, fronts."""
    patches = Patches()
    exchanged = {
        id(os): machine.OS,
        id(shutil): machine.SimulatedShutil(),
        id(secrets): SeededSecrets(),
        id(fcntl): FreeLocks(),
        id(rocksdict.Rdict): rocks.Rdict,
        id(rocksdict.WriteBatch): rocks.WriteBatch,
        id(rocksdict.Checkpoint): rocks.Checkpoint,
        id(rocksdict.AccessType): rocks.AccessType,
        id(Committer): threads.LoopCommitter,
        id(volume.DiskCalls): SimulatedCalls,
        **{id(real): few for real, few in partitions.EXCHANGED.items()},
    }
    for name in ("Options", "ReadOptions", "WriteOptions", "BlockBasedOptions", "Cache"):
        if hasattr(rocksdict, name):
            exchanged[id(getattr(rocksdict, name))] = rocks.Options
    try:
        for module in product_modules():
            for name, value in list(vars(module).items()):
                if id(value) in exchanged:
                    patches.set(module, name, exchanged[id(value)])
        for name, value in outside.items():
            patches.set(life, name, value)
        for name, value in LIMITS.items():
            patches.set(limits, name, value)
        patches.set(trio.to_thread, "run_sync", threads.run_sync)
        patches.set(Index, "forget", _told_of(Index.forget))
        for holder, name, wrap in PROMISING:
            patches.set(holder, name, wrap(getattr(holder, name)))
        patches.set(identities, "_check_certificate", lambda _: None)
        patches.set(store, "refuse_strange_records", lambda _: None)  # simulated rows have no MANIFEST
        patches.set(
            BlobStore.__init__, "__kwdefaults__", {**BlobStore.__init__.__kwdefaults__, "monotonic": trio.current_time}
        )
        patches.set(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
        patches.set(_run, "_r", Random(seed))
        yield patches
    finally:
        patches.undo()
        machine.DISKS.clear()
        rocks.ON_WRITE.clear()


def _told_of(forget: Callable[[Index, Digest], object]) -> Callable[[Index, Digest], object]:
    """The laws hear of every blob that a node forgets."""

    def wrapped(index: Index, digest: Digest) -> object:
        found = forget(index, digest)
        host = HERE.get()
        if found is not None and host is not None:
            host.laws.forgot(host, digest)
        return found

    return wrapped


def _noting_writes(write: Callable[[FileDisk, Work], None]) -> Callable[[FileDisk, Work], None]:
    def wrapped(disk: FileDisk, work: Work) -> None:
        write(disk, work)
        HERE.get().promises.wrote(work)

    return wrapped


def _noting_resets(reset: Callable[[FileDisk, int, int], None]) -> Callable[[FileDisk, int, int], None]:
    def wrapped(disk: FileDisk, index: int, term: int) -> None:
        promises = HERE.get().promises
        promises.resets(index, term)
        reset(disk, index, term)
        promises.was_reset()

    return wrapped


def _noting_loads(load: Callable[[FileDisk], Loaded]) -> Callable[[FileDisk], Loaded]:
    def wrapped(disk: FileDisk) -> Loaded:
        found = load(disk)
        HERE.get().promises.loaded(found)
        return found

    return wrapped


def _noting_journals_put_aside(put_aside: Callable[[object], None]) -> Callable[[object], None]:
    def wrapped(data: object) -> None:
        HERE.get().promises.put_aside()
        put_aside(data)

    return wrapped


def _noting_puts(put: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def wrapped(blobs: BlobStore, digest: Digest, data: object, touch: GcEpoch) -> None:
        await put(blobs, digest, data, touch)
        HERE.get().promises.held(digest, touch)

    return wrapped


def _noting_answers(have: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    async def wrapped(blobs: BlobStore, digest: Digest, touch: GcEpoch) -> bool:
        found = await have(blobs, digest, touch)
        if found:
            HERE.get().promises.held(digest, touch)
        return found

    return wrapped


def _noting_deletions(forget: Callable[..., bool]) -> Callable[..., bool]:
    def wrapped(blobs: BlobStore, digest: Digest, touch_max: GcEpoch) -> bool:
        host, was_held = HERE.get(), blobs.holds(digest)
        gone = forget(blobs, digest, touch_max)
        if gone and was_held and digest not in host.laws.rotten.get(host.id, set()):
            host.promises.forgot(digest, touch_max)
        return gone

    return wrapped


PROMISING = (
    (FileDisk, "write", _noting_writes),
    (FileDisk, "reset", _noting_resets),
    (FileDisk, "load", _noting_loads),
    (rebirth, "put_aside", _noting_journals_put_aside),
    (BlobStore, "put", _noting_puts),
    (BlobStore, "have", _noting_answers),
    (BlobStore, "forget", _noting_deletions),
)


def product_modules() -> list[ModuleType]:
    for package in PACKAGES:
        folder = importlib.import_module(f"mys3d.{package}")
        for found in pkgutil.walk_packages(folder.__path__, f"mys3d.{package}."):
            importlib.import_module(found.name)
    return [sys.modules[name] for name in sorted(sys.modules) if name.split(".")[0] == mys3d.__name__]
