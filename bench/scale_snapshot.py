"""What a snapshot costs: frozen by one node, received and installed by another, without the network between them."""

import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mys3d import limits
from mys3d.consensus.generations import GenerationStore

_TICK_SECONDS: Final = 0.001

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True):
    """One snapshot. A stall: how long no other thread of the process got to run, and so a node would not answer."""

    freeze_seconds: float
    freeze_stall_seconds: float
    files_count: int
    bytes: int
    copy_seconds: float  # pieces read on one side and written on the other
    finish_seconds: float  # synced, and every row read once
    finish_cpu_seconds: float
    finish_stall_seconds: float


def snapshot(registry: Path, folder: Path) -> Snapshot:
    """Freeze the registry of a stopped node and receive the copy in `folder`."""
    store = GenerationStore(registry)
    try:
        export, freeze_seconds, freeze_stall = watched(store.export)
        try:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                other = GenerationStore(Path(place) / "registry")
                try:
                    incoming = other.receive(export.files)
                    began = time.perf_counter()
                    for number, file in enumerate(export.files):
                        for start in range(0, file.length, limits.snapshot_piece_bytes):
                            stop = min(start + limits.snapshot_piece_bytes, file.length)
                            incoming.write(number, start, export.read(number, start, stop))
                    copy_seconds, cpu = time.perf_counter() - began, time.process_time()
                    received, finish_seconds, finish_stall = watched(incoming.finish)
                    cpu = time.process_time() - cpu
                    received.abandon()
                finally:
                    other.close()
            total = sum(file.length for file in export.files)
            count = len(export.files)
        finally:
            export.close()
    finally:
        store.close()
    return Snapshot(freeze_seconds, freeze_stall, count, total, copy_seconds, finish_seconds, cpu, finish_stall)


def watched(call: Callable[[], T]) -> tuple[T, float, float]:
    """Call in a thread, as a node does. Returns what came of it, how long it took, and the longest stall of others."""
    longest, done = 0.0, threading.Event()
    with ThreadPoolExecutor(1) as pool:
        began = last = time.perf_counter()
        future = pool.submit(call)
        future.add_done_callback(lambda _: done.set())
        while not done.wait(_TICK_SECONDS):
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        ended = time.perf_counter()
        longest = max(longest, ended - last)
        return future.result(), ended - began, max(0.0, longest - _TICK_SECONDS)
